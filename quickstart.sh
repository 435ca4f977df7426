#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# From a fresh Debian 12 to a fine-tuned language model: installs what is missing, builds, fetches SmolLM2-135M-Instruct
# and the sentiment texts, asks the base model, tunes it with LoRA, asks again.
set -eu
cd "$(dirname "$0")"
scripts/install.sh
echo "== building"
[ -f build/release/build.ninja ] || cmake --preset release >/dev/null
cmake --build --preset release --target all -- --quiet
scripts/fetch.sh

models=${LUDWIG_MODELS:-$HOME/.cache/ludwig/models}
ludwig=build/release/bin/ludwig
config=examples/sentiment/sentiment.yaml
base="base_model=$models/SmolLM2-135M-Instruct.Q4_1.gguf"
data=results/sentiment_data
scripts/sentiment_csv.sh "$models/../data/sentiment" "$data"

number() { sed -n "s/.*\"$1\": \([0-9.e-]*\).*/\1/p" | head -n 1; }
show() { # file, words before
    LC_ALL=C printf '%s accuracy %.3f (95 %% interval %.3f to %.3f) on %s held-out rows\n' "$2" "$(number exact_match <"$1")" \
        "$(number exact_match_low <"$1")" "$(number exact_match_high <"$1")" "$(number rows <"$1")"
}

echo "== asking the base model"
$ludwig evaluate -c $config --set "$base" --dataset $data/test.csv -l warning >results/before.json
echo "== fine-tuning with LoRA"
$ludwig train -c $config --set "$base" --training_set $data/train.csv --validation_set $data/validation.csv \
    --output_directory results 2>results/train.log || { cat results/train.log >&2; exit 1; }
grep -v '^train ' results/train.log
run=$(sed -n 's/^Saved to: //p' results/train.log)
echo "== asking the tuned model"
$ludwig evaluate -m "$run" --dataset $data/test.csv -l warning >results/after.json
$ludwig predict -m "$run" --dataset $data/test.csv --limit 3 -o results/three.csv -l warning 2>/dev/null
head -n 4 $data/test.csv | tail -n 3 | cut -c 1-100 | sed 's/^/  text: /'
tail -n 3 results/three.csv | sed 's/^/  answer: /'
show results/before.json before:
show results/after.json 'after: '
echo "Saved to: $run"
