#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ludwig benchmark on a tiny model: every figure is there, as a table and as JSON; nothing is timed. A model that is not
# there is an error of a file.
. "$(dirname "$0")/common.sh"
cd "$tmp" || exit 1
TMPDIR=$tmp/temporary
mkdir "$TMPDIR"
export TMPDIR

expect 0 "" "$ludwig" benchmark -m "$model" --threads 1 --json
tr -d '\n' <out >json
for what in '"busy_cores": ' '"read": ' '"what": "product 1024x576x576 q, o", "precision": "fp32", "rate": [1-9]' \
    '"what": "input gradient 1024x1536x576 down"' '"what": "embedding, [^}]*"unit": "tok/s", "share": [0-9]' \
    '"what": "LoRA step, [^}]*"mib": [1-9]' '"what": "decoding, [^}]*"precision": "fp32"' ']}$'; do
    grep -q "$what" json || fail "no $what in $(cat json)"
done
expect 0 "" "$ludwig" benchmark -m "$model" --threads 1
grep -q '^| LoRA step, 4 rows of 256 tokens *| [0-9.]* tok/s' out || fail "no table: $(cat out)"
expect 5 "nowhere" "$ludwig" benchmark -m nowhere --threads 1
expect 2 "is not a whole number" "$ludwig" benchmark --threads some
[ -z "$(ls "$TMPDIR")" ] || fail "left behind: $(ls "$TMPDIR")"
finish
