#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# backend.precision: over 100 steps, the losses of bf16 products stay within 1 % of those of fp32, with an adapter and
# without; fp32 says so; a processor that lacks bf16 products says that it computes in fp32, and does.
. "$(dirname "$0")/common.sh"
cd "$tmp" || exit 1

# A whole model learns 20 rows by heart; a rate that leaves it something to learn keeps the comparison one of losses.
# train DIR key=value ...: 25 epochs of 4 steps, the losses of the epochs in DIR.txt
train() {
    dir=$1
    shift
    sets=
    for s in "$@"; do sets="$sets --set $s"; done
    # shellcheck disable=SC2086
    "$ludwig" train -c "$config" --dataset "$data" --output_directory "$dir" --set trainer.epochs=25 \
        --set trainer.learning_rate=0.0005 --set trainer.early_stop=-1 $sets 2>"$dir.err" ||
        { fail "exit $?: train $dir"; tail -n 5 "$dir.err" >&2; }
    tr -d ' \n' <"$dir/experiment_run/training_statistics.json" | sed 's/.*"training":{[^[]*"loss":\[\([^]]*\)\].*/\1/' |
        tr , '\n' >"$dir.txt"
    [ "$(wc -l <"$dir.txt")" -ge 24 ] || fail "$dir: fewer than 25 losses: $(cat "$dir.txt")"
}
near() {
    paste "$1.txt" "$2.txt" | awk -v a="$1" '{ d = ($1 - $2) / $1; if (d < 0) d = -d; if (d > worst) worst = d }
        END { printf "%s: %d losses differ by at most %.3g\n", a, NR, worst; exit !(NR >= 25 && worst < 0.01) }' || fail "$1 and $2 differ"
}

for adapter in lora null; do
    train "fp32_$adapter" "adapter=$adapter" backend.precision=fp32
    train "bf16_$adapter" "adapter=$adapter" backend.precision=bf16
    near "fp32_$adapter" "bf16_$adapter"
done
grep -q 'fp32 products' fp32_lora.err || fail "fp32 does not say so"

LUDWIG_CPU=avx2
export LUDWIG_CPU
train plain adapter=lora backend.precision=fp32
train named adapter=lora backend.precision=bf16 backend.device=cpu
grep -q 'is not faster with it' named.err || fail "no word about bf16 on a processor that lacks it"
cmp -s plain.txt named.txt || fail "bf16 on a processor that lacks it is not fp32"
finish
