#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Train, reload in another folder, predict the same bytes; the same seed gives the same weights; full fine-tuning.
. "$(dirname "$0")/common.sh"
cd "$tmp" || exit 1

run() { "$ludwig" "$@" 2>"$tmp/err" || { fail "exit $?: ludwig $*"; tail -n 5 "$tmp/err" >&2; }; }

run experiment -c "$config" --dataset "$data" --output_directory a
grep -q '^Finished: experiment_run$' err || fail "no 'Finished:' line"
grep -q "^Saved to: $tmp/a/experiment_run$" err || fail "no 'Saved to:' line"
for f in description.json training_statistics.json test_statistics.json predictions.csv model/model_hyperparameters.json \
    model/training_set_metadata.json model/training_progress.json model/model_weights/adapter_config.json \
    model/model_weights/adapter_model.safetensors model/model_weights/tokenizer.json; do
    [ -s "a/experiment_run/$f" ] || fail "missing $f"
done

mkdir elsewhere
(cd elsewhere && run predict -m ../a/experiment_run --dataset "$data" --split test -o test.csv)
cmp -s elsewhere/test.csv a/experiment_run/predictions.csv || fail "a fresh process predicts other bytes"
run predict -m a/experiment_run/model --dataset "$data" -o full.csv
cut -d, -f1,2 "$data" | sed 's/,"it is.*//; s/^question,answer/question/' >no_target.csv
run predict -m a/experiment_run --dataset no_target.csv -o no_target_out.csv
cmp -s full.csv no_target_out.csv || fail "other predictions without the target column"

run train -c "$config" --dataset "$data" --output_directory a
[ -d a/experiment_run_0 ] || fail "the second run is not experiment_run_0"
cmp -s a/experiment_run/model/model_weights/adapter_model.safetensors \
    a/experiment_run_0/model/model_weights/adapter_model.safetensors || fail "the same seed gives other weights"
run train -c "$config" --dataset "$data" --output_directory one --threads 1
cmp -s a/experiment_run/model/model_weights/adapter_model.safetensors \
    one/experiment_run/model/model_weights/adapter_model.safetensors || fail "one thread gives other weights"

run train -c "$config" --set adapter=null --dataset "$data" --output_directory full
[ -s full/experiment_run/model/model_weights/model.safetensors ] || fail "no model.safetensors of full fine-tuning"
run evaluate -m full/experiment_run --dataset "$data" >full.json
grep -q exact_match full.json || fail "evaluate prints no exact_match"
run generate -m full/experiment_run -p hello >text
[ -s text ] || fail "generate printed nothing"
run train -c "$config" --set backend.device=reference --dataset "$data" --output_directory ref
finish
