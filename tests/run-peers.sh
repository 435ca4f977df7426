#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run-peers.sh [files|export|quality|hub]: compares with transformers, PEFT, scikit-learn, huggingface_hub; without a word all. See
# tests/peers/README.md. Prints each report and keeps it as tests/peers/<part>.txt. Speed: bench/compare.sh.
set -eu
cd "$(dirname "$0")/.."
tests/peers/setup.sh
shared=${LUDWIG_SHARED:-../shared}
models=${LUDWIG_MODELS:-$HOME/.cache/ludwig/models}
ludwig=build/release/bin/ludwig
gguf=$models/SmolLM2-135M-Instruct.Q4_1.gguf
rows=$shared/data/code_alpaca_2k.json
steps=12
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
export HF_HUB_DISABLE_PROGRESS_BARS=1 TRANSFORMERS_VERBOSITY=error TQDM_DISABLE=1 PYTHONWARNINGS=ignore
python() { "${LUDWIG_PEERS:-$HOME/.cache/ludwig/peers}/bin/python" "$@"; }

cat >"$tmp/config.yaml" <<EOF
model_type: llm
base_model: $gguf
input_features: [{name: instruction, type: text}]
output_features: [{name: output, type: text}]
prompt: {template: "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n"}
adapter: {type: lora, r: 8, dropout: 0.0}
preprocessing: {global_max_sequence_length: 512}
generation: {max_new_tokens: 1, do_sample: false}
trainer: {type: finetune, batch_size: 8, learning_rate: 0.0005, skip_all_evaluation: true, optimizer: {type: adamw}}
EOF
train() { # folder, steps, further options
    folder=$1 n=$2
    shift 2
    $ludwig train -c "$tmp/config.yaml" --set trainer.train_steps="$n" "$@" --training_set "$rows" \
        --output_directory "$tmp/$folder" -q 2>"$tmp/log" || { cat "$tmp/log" >&2; exit 1; }
}
header() {
    date -u +%Y-%m-%d
    python -c 'import torch, transformers, peft; print("torch", torch.__version__, "transformers", transformers.__version__, "peft", peft.__version__)'
    $ludwig --version
}

files() {
    header
    train adapter 3
    train full 2 --set adapter=null --set trainer.learning_rate=0.00005
    weights=experiment_run/model/model_weights
    LUDWIG_TEST_BINARY_DIR=build/release python tests/peers/check_files.py build/release/bin/peer_logits "$gguf" \
        "$tmp/hf" "$tmp/adapter/$weights" "$tmp/full/$weights" "$tmp"
}

encoder=$models/all-MiniLM-L6-v2
# ---- Predictive: accuracies of the examples beside baselines on the same vectors ----
metric() { sed -n "s/.*\"$1\": \([0-9.e-]*\).*/\1/p" | head -n 1; }
example() { # config, option of the base model, training set, test set, metric: value and seconds
    begin=$(date +%s)
    $ludwig train -c "examples/$1" --set "$2" --training_set "$3" --output_directory "$tmp/q" --model_name q 2>"$tmp/log" ||
        { cat "$tmp/log" >&2; exit 1; }
    value=$($ludwig evaluate -m "$tmp/q/experiment_q" --dataset "$4" -q | metric "$5")
    rm -rf "$tmp/q"
    echo "$value $(($(date +%s) - begin))"
}
quality() {
    header
    st="input_features.0.encoder.pretrained_model_name_or_path=$encoder"
    bank_train=$shared/data/banking77_train.csv bank_test=$shared/data/banking77_test.csv
    scripts/sentiment_scores.sh "$models/../data/sentiment" "$tmp/score"
    { printf 'text\tlabel\n'; head -n 3000 "$shared/data/sst2_train.tsv"; } >"$tmp/sst.tsv"
    { printf 'text\tlabel\n'; sed -n 3001,3500p "$shared/data/sst2_train.tsv"; } >"$tmp/sst_test.tsv"
    # shellcheck disable=SC2046 # a value and seconds
    {
        printf 'banking77, frozen, cached, MLP head: accuracy %s in %s s (wanted 0.925 in 180)\n' \
            $(example banking77/frozen.yaml "$st" "$bank_train" "$bank_test" accuracy)
        printf 'sentiment score, frozen, number head: R2 %s in %s s' \
            $(example sentiment_score/frozen.yaml "$st" "$tmp/score/train.csv" "$tmp/score/test.csv" r2)
        printf '; Ridge on the same vectors %s\n' \
            "$(python tests/peers/baselines.py ridge "$encoder" "$tmp/score/train.csv" "$tmp/score/test.csv")"
        printf 'sst2, SmolLM2, LoRA, last token: accuracy %s in %s s' \
            $(example sst2/lora.yaml "input_features.0.encoder.base_model=$gguf" "$tmp/sst.tsv" "$tmp/sst_test.tsv" accuracy)
        printf '; logistic regression on frozen states %s (wanted at least that and 0.80)\n' \
            "$(python tests/peers/baselines.py logistic "$tmp/hf" "$tmp/sst.tsv" "$tmp/sst_test.tsv")"
        printf 'banking77, LoRA r=16 on every linear map, linear head: accuracy %s in %s s (peft 0.937, wanted 0.934 in 900)\n' \
            $(example banking77/lora.yaml "$st" "$bank_train" "$bank_test" accuracy)
    }
    examples/sst2/head_or_text.sh "$gguf" "$tmp/sst.tsv" "$tmp/sst_test.tsv"
}

hub() {
    python tests/peers/hub.py "$ludwig" "$shared/tools/hub_server.py" || bad=1
    python tests/peers/hub_models.py "$ludwig" "$shared/tools/hub_server.py" tests/golden/data || bad=1
    return ${bad:-0}
}

# ---- Exports, and the predictions of an uploaded model without us ----
handled() { # words, options: a small predictive model, its predictions, and handler.py's
    what=$1
    shift
    rm -rf "$tmp/h"
    $ludwig train -c tests/peers/handler.yaml --set input_features.0.encoder.pretrained_model_name_or_path="$encoder" \
        "$@" --dataset "$tmp/rows.csv" --output_directory "$tmp/h" -q 2>"$tmp/log" || { cat "$tmp/log" >&2; return 1; }
    $ludwig predict -m "$tmp/h/experiment_run" --dataset "$tmp/rows.csv" -o "$tmp/answers.csv" -q 2>"$tmp/log"
    python tests/peers/handler.py plugins/hubs/huggingface/templates/handler.py "$tmp/h/experiment_run" "$tmp/rows.csv" \
        "$tmp/answers.csv" "$what"
}
export_() {
    header
    train exported 6
    mkdir "$tmp/exports"
    python tests/peers/export.py "$ludwig" "$tmp/exported/experiment_run" "$tmp/hf" "$gguf" "$tmp/exports" || bad=1
    if python -c "import llama_cpp" 2>"$tmp/log"; then # tests/peers/setup.sh llama-cpp
        LUDWIG_TEST_BINARY_DIR=build/release python tests/peers/llama_cpp_reads.py "$ludwig" build/release/bin/peer_logits \
            tests/golden/data/tiny "$tmp/exports" "$gguf" 2>"$tmp/log" || bad=1
    fi
    python tests/peers/handler_rows.py "$shared/data/banking77_train.csv" "$tmp/rows.csv"
    text=input_features.0.encoder
    handled "frozen MiniLM, mean" || bad=1
    handled "MiniLM with LoRA, cls" --set $text.trainable=true --set $text.reduce_output=cls \
        --set "$text.adapter={type: lora, r: 4, target_modules: [query, value]}" || bad=1
    handled "MiniLM tuned whole, max" --set $text.trainable=true --set $text.reduce_output=max || bad=1
    handled "attention, one-hot, dense" --set $text.reduce_output=attention --set input_features.2.encoder.type=onehot \
        --set input_features.1.encoder.type=dense || bad=1
    for tiny in llama gpt2 roberta qwen3; do
        encoder=$shared/golden/tiny/$tiny
        handled "tiny $tiny with LoRA, last" --set $text.trainable=true --set $text.reduce_output=last \
            --set "$text.adapter={type: lora, r: 4}" --set input_features.0.preprocessing.max_sequence_length=40 || bad=1
    done
    return ${bad:-0}
}

cmake --build --preset release --target ludwig huggingface_plugin peer_logits -- --quiet
python "$shared/tools/gguf_to_hf.py" "$gguf" "$tmp/hf" >"$tmp/log"
for part in ${1:-files export quality hub}; do
    case $part in export) run=export_ ;; *) run=$part ;; esac # `export` is a word of the shell
    $run >"$tmp/report" || failed=1
    tee "tests/peers/$part.txt" <"$tmp/report"
done
exit ${failed:-0}
