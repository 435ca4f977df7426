#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A table larger than memory should hold: training on it, again with its rows from the cache, and predicting need little more memory than on a small one,
# less than half of the file: 1 GB for 2 GB. LUDWIG_BIG_CSV_MB: its size.
. "$(dirname "$0")/common.sh"
cd "$tmp" || exit 1
export TMPDIR=$tmp
megabytes=${LUDWIG_BIG_CSV_MB:-200}

# Rows of about 200 bytes; some texts hold commas, line ends and quotes. The label follows from the text.
awk 'BEGIN {
    split("lamp chair kettle rope drill scarf table spoon candle mirror", thing); split("poor plain good", word)
    srand(7)
    for (n = 1; n <= 5000; n++) {
        w = int(rand() * 3) + 1
        text = ""
        for (i = 0; i < 26; i++) text = text thing[int(rand() * 10) + 1] " "
        if (n % 7 == 0) text = text "called \"\"" n % 100 "\"\", "
        if (n % 11 == 0) text = text "\n"
        printf "%.2f,b%d,\"%sit is %s\",%s\n", rand() * 100, rand() * 20, text, word[w], word[w]
    }
}' >rows
copies=$((megabytes * 1000000 / $(wc -c <rows) + 1))
echo price,brand,text,label | tee small.csv >big.csv
cat rows >>small.csv
for i in $(seq "$copies"); do cat rows; done >>big.csv
# peak NAME command ...: runs it, its largest resident memory in kB into peak_NAME
peak() {
    name=$1 kb=0
    shift
    "$ludwig" "$@" 2>err &
    while kill -0 $! 2>/dev/null; do
        now=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$!/status" 2>/dev/null)
        kb=${now:-$kb}
        sleep 0.05
    done
    wait $! || { fail "exit $?: ludwig $*"; tail -n 5 err >&2; }
    eval "peak_$name=$kb"
    echo "$name: $((kb / 1024)) MiB at most"
}
cat >model.yaml <<END
input_features:
  - {name: price, type: number}
  - {name: brand, type: category}
  - {name: text, type: text, encoder: {type: embed, embedding_size: 16, reduce_output: mean}}
output_features: [{name: label, type: category}]
trainer: {train_steps: 60, batch_size: 128, learning_rate: 0.01, steps_per_checkpoint: 30, eval_steps: 20}
END
for size in small big; do
    peak train_$size train -c model.yaml --dataset $size.csv --output_directory $size
    peak again_$size train -c model.yaml --dataset $size.csv --output_directory $size.again
    grep -q 'from the cache$' err || fail "$size: nothing from the cache"
    peak predict_$size predict -m $size/experiment_run --dataset $size.csv -o $size.out.csv
    peak evaluate_$size evaluate -m $size/experiment_run --dataset $size.csv >metrics.json
done
limit=$((megabytes * 1000 / 2))
[ $((peak_train_big - peak_train_small)) -lt $limit ] || fail "training: $peak_train_big kB, $peak_train_small small"
[ $((peak_again_big - peak_again_small)) -lt $limit ] || fail "again: $peak_again_big kB, $peak_again_small small"
[ $((peak_predict_big - peak_predict_small)) -lt $limit ] || fail "predicting: $peak_predict_big kB, $peak_predict_small small"
[ $((peak_evaluate_big - peak_evaluate_small)) -lt $limit ] || fail "evaluating: $peak_evaluate_big kB, $peak_evaluate_small small"
lines=$(wc -l <big.out.csv)
[ "$lines" -eq $((copies * 5000 + 1)) ] || fail "$lines lines of predictions of $copies times 5000 rows"
finish
