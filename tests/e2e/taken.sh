#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# One core taken by another process, and another number of threads: the losses and the weights are, bit by bit, those of
# a quiet run. How fast it is then: row `taken` of bench/compare.py.
. "$(dirname "$0")/common.sh"
cd "$tmp" || exit 1

# train DIR THREADS: a dropout that draws random numbers, micro-batches of several rows
train() {
    "$ludwig" train -c "$config" --dataset "$data" --output_directory "$1" --threads "$2" --set trainer.epochs=8 \
        --set adapter.dropout=0.1 2>"$1.err" || { fail "exit $?: $1"; tail -n 5 "$1.err" >&2; }
}
same() {
    for file in training_statistics.json model/model_weights/adapter_model.safetensors; do
        cmp "quiet/experiment_run/$file" "$1/experiment_run/$file" || fail "$1: $file differs"
    done
}

train quiet 2
sh -c 'while :; do :; done' &
busy=$!
trap 'kill $busy; rm -rf "$tmp"' EXIT
for threads in 2 3 1; do
    train "taken_$threads" $threads
    same "taken_$threads"
done
kill -0 $busy || fail "the other process did not run"
finish
