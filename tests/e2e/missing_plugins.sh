#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each plugin is one file: without it a config that needs it ends with one line and exit 4, and the rest still works.
. "$(dirname "$0")/common.sh"
cd "$tmp" || exit 1
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

ldd "$ludwig" | grep -qi blas && fail "the program is linked to a BLAS"
nm "$ludwig" 2>/dev/null | grep -qE ' [TtDd] .*(lora_apply|llama_build|cpu_gemm)' && fail "the program holds symbols of plugins"
finish
