#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# One language model, two ways to answer: a linear head on its last state (in the default precision, and in int8), and
# generating the label as text. Prints for each: rows per second (the model's start included), answers that are none of the labels, accuracy.
# Usage: head_or_text.sh MODEL.gguf TRAIN.tsv TEST.tsv      (columns text and label; labels 0 and 1)
set -eu
model=$1 train=$2 test=$3
here=$(dirname "$0")
ludwig=${LUDWIG:-$here/../../build/release/bin/ludwig}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

cat >"$tmp/text.yaml" <<END
model_type: llm
base_model: $model
input_features: [{name: text, type: text}]
output_features: [{name: label, type: text}]
# Two examples: without them the model explains itself instead of answering.
prompt:
  template: "<|im_start|>system\nYou label sentences of film reviews. Answer with 1 if the sentence is positive and with 0 if it is negative, and with nothing else.<|im_end|>\n<|im_start|>user\nSentence: a gorgeous , witty , seductive movie\nLabel:<|im_end|>\n<|im_start|>assistant\n1<|im_end|>\n<|im_start|>user\nSentence: a dull mess from the first minute to the last\nLabel:<|im_end|>\n<|im_start|>assistant\n0<|im_end|>\n<|im_start|>user\nSentence: {text}\nLabel:<|im_end|>\n<|im_start|>assistant\n"
generation: {max_new_tokens: 8, do_sample: false}
END
for precision in auto int8; do
    $ludwig train -c "$here/frozen.yaml" --set input_features.0.encoder.base_model="$model" \
        --set backend.precision=$precision --training_set "$train" --output_directory "$tmp/$precision" -l warning \
        2>"$tmp/log" || { cat "$tmp/log" >&2; exit 1; }
done

# Seconds for the rows of a data set without those of starting: all rows, less one row.
seconds() { # options of predict
    begin=$(date +%s.%N)
    $ludwig predict --dataset "$test" -q -l warning -o "$tmp/one.jsonl" --limit 1 "$@" >"$tmp/log" 2>&1
    middle=$(date +%s.%N)
    $ludwig predict --dataset "$test" -q -l warning -o "$tmp/$name.jsonl" "$@" >"$tmp/log" 2>&1
    date +%s.%N | awk -v b="$begin" -v m="$middle" '{printf "%.2f", ($1 - m) - (m - b)}'
}
name=head
head_time=$(seconds -m "$tmp/auto/experiment_run")
name=head_int8
int8_time=$(seconds -m "$tmp/int8/experiment_run")
name=text
text_time=$(seconds -c "$tmp/text.yaml")

python3 - "$test" "$tmp" "$head_time" "$int8_time" "$text_time" <<'END'
import json
import sys

test, tmp = sys.argv[1:3]
times = dict(zip(("head", "head_int8", "text"), map(float, sys.argv[3:])))
lines = open(test, encoding="utf-8").read().split("\n")
column = lines[0].split("\t").index("label")
want = [line.split("\t")[column] for line in lines[1:] if line]
for name in times:
    key = "label_response" if name == "text" else "label_predictions"
    got = [json.loads(line)[key] for line in open(f"{tmp}/{name}.jsonl", encoding="utf-8")]
    got = [str(g).strip() for g in got]
    outside = sum(g not in ("0", "1") for g in got)
    right = sum(g == w for g, w in zip(got, want)) / len(want)
    print(f"{name}: {len(got) / times[name]:8.1f} rows/s, {outside:4d} of {len(got)} answers outside the label set, accuracy {right:.3f}")
print(f"the head is {times['text'] / times['head']:.1f} times faster, in int8 {times['text'] / times['head_int8']:.1f} times")
END
