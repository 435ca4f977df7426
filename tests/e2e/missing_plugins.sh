#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each plugin is one file: without it a config that needs it ends with one line and exit 4, and the rest still works.
. "$(dirname "$0")/common.sh"
cd "$tmp" || exit 1
built=$(dirname "$ludwig")
mkdir -p tree/bin tree/lib/ludwig
cp "$ludwig" tree/bin/ludwig
cp -r "$(dirname "$ludwig")/../lib/ludwig/plugins-1" tree/lib/ludwig/plugins-1
chmod -R go-w tree
ludwig=$tmp/tree/bin/ludwig
plugins=tree/lib/ludwig/plugins-1

for name in llama causal_lm lora; do
    mv $plugins/$name.so away.so
    expect 4 "plugins-1" "$ludwig" train -c "$config" --dataset "$data"
    grep -q "$name" err || fail "the message does not name $name"
    [ "$(grep -c . err)" -eq 1 ] || fail "without $name: more than one line: $(cat err)"
    expect 0 "" "$ludwig" plugin list
    mv away.so $plugins/$name.so
done
mv $plugins/cpu.so away.so
expect 0 "reference" "$ludwig" train -c "$config" --dataset "$data"
expect 4 "cpu" "$ludwig" train -c "$config" --set backend.device=cpu --dataset "$data"
mv away.so $plugins/cpu.so

# Neither the program nor the library has a plugin inside: its id is a text in its object, lud_plugin_v1 its symbol.
"$ludwig" plugin list --json >list
ids=$(sed -n 's/.*"id": "\(org[^"]*\)".*/\1/p' list)
[ "$(echo "$ids" | wc -l)" -ge 5 ] || fail "plugin list --json names too few ids: $ids"
for file in "$ludwig" "$built/../lib/libludwig.so"; do
    [ -s "$file" ] || fail "no $file"
    ldd "$file" | grep -qi blas && fail "$file is linked to a BLAS"
    nm -a "$file" 2>/dev/null | grep -q ' [TtDd] lud_plugin_v1$' && fail "$file defines lud_plugin_v1"
    for id in $ids; do
        grep -qaF "$id" "$file" && fail "$file holds $id"
    done
done
finish
