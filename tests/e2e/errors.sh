#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Bad input of every kind: one clear message, a documented exit code, nothing left behind.
. "$(dirname "$0")/common.sh"
cd "$tmp" || exit 1

sed 's/batch_size/batch_sise/' "$config" >typo.yaml
expect 2 "typo.yaml:7" "$ludwig" train -c typo.yaml --dataset "$data"
expect 2 "did you mean 'batch_size'" "$ludwig" train -c typo.yaml --dataset "$data"
sed 's/^trainer/triner/' "$config" >section.yaml
expect 2 "did you mean 'trainer'" "$ludwig" train -c section.yaml --dataset "$data"
expect 2 "unknown option" "$ludwig" train --confg "$config"
expect 2 "known, not available yet" "$ludwig" train -c "$config" --set quantization.bits=4 --dataset "$data"
expect 2 "known, not available yet" "$ludwig" train -c "$config" --set backend.precision=fp16 --dataset "$data"

expect 2 "did you mean 'text_extractor'" "$ludwig" train -c "$config" --set output_features.0.decoder.type=text_extracter --dataset "$data"
expect 4 "did you mean 'causal_lm'" "$ludwig" train -c "$config" --set output_features.0.decoder=causal_ml --dataset "$data"
expect 4 "no decoder plugin 'nobodys'" "$ludwig" train -c "$config" --set output_features.0.decoder.type=nobodys --dataset "$data"
expect 4 "did you mean 'lora'" "$ludwig" train -c "$config" --set adapter=lorra --dataset "$data"

expect 2 "LUDWIG_CPU is 'sse9'; it can be portable, avx2 or avx512" env LUDWIG_CPU=sse9 "$ludwig" train -c "$config" --dataset "$data"

sed 's/question/query/' "$data" >column.csv
expect 3 "no column 'question'" "$ludwig" train -c "$config" --dataset column.csv
{ cat "$data"; echo 'a,b,c'; } >ragged.csv
expect 3 "ragged.csv:22: 3 fields" "$ludwig" train -c "$config" --dataset ragged.csv
: >empty.csv
expect 3 "empty" "$ludwig" train -c "$config" --dataset empty.csv
head -n 1 "$data" >header.csv
expect 3 "empty" "$ludwig" train -c "$config" --dataset header.csv
expect 3 "nowhere.csv" "$ludwig" train -c "$config" --dataset nowhere.csv

expect 5 "no/such/model" "$ludwig" train -c "$config" --set base_model=no/such/model --dataset "$data"
cp -r "$model" short && chmod u+w short short/* && head -c 5000 "$model/model.safetensors" >short/model.safetensors
expect 5 "short" "$ludwig" train -c "$config" --set base_model=short --dataset "$data"
expect 5 "this is no folder" "$ludwig" train -c "$config" --dataset "$data" --output_directory "$data/below"
grep -q "^model:" err && fail "an impossible output directory was found out after the model was read"
expect 5 "no saved model" "$ludwig" predict -m "$tmp" --dataset "$data"
[ ! -e results ] || fail "a failed run left results/ behind"
mkdir locked && chmod 555 locked && chmod 755 "$tmp"
user= # root may write anywhere
[ "$(id -u)" -ne 0 ] || user='setpriv --reuid=nobody --regid=nogroup --clear-groups'
# shellcheck disable=SC2086 # words
if $user test -x "$ludwig" -a -r "$model/config.json"; then
    expect 5 "cannot write to this folder" $user "$ludwig" train -c "$config" --dataset "$data" --output_directory locked/runs
fi
expect 0 "" "$ludwig" train -c "$config" --dataset "$data" --output_directory run -q
expect 5 "there is no such folder" "$ludwig" predict -m run/experiment_run --dataset "$data" -o nowhere/out.csv
for command in predict evaluate; do
    expect 2 "out.xlsx: the extension says how a table is written: want .csv, .tsv" "$ludwig" $command -m run/experiment_run --dataset "$data" -o out.xlsx
done
[ ! -e out.xlsx ] || fail "a table of an unknown kind was written"
expect 0 "" "$ludwig" predict -m run/experiment_run --dataset "$data" --limit 2 -o ./out
head -n 1 out | grep -q '^answer_predictions,' || fail "a file without an extension is no csv"
finish
