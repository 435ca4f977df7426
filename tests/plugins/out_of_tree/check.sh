#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check.sh CMAKE BUILD_DIR: installs BUILD_DIR into a fresh prefix, builds the plugins of this folder against it alone, and
# runs `ludwig plugin list` and `ludwig plugin check` on each, from the installed program.
set -eu
umask 022 # plugins that others can write are refused
here=$(cd "$(dirname "$0")" && pwd)
cmake=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset LUDWIG_PLUGIN_PATH LUDWIG_PLUGIN_TRUST || true
export XDG_DATA_HOME="$work/data"

"$cmake" --install "$2" --prefix "$work/prefix" > "$work/log" || { cat "$work/log"; exit 1; }
cp -R "$here" "$work/source" # nothing of the tree is near
"$cmake" -S "$work/source" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/prefix" > "$work/log" 2>&1 &&
    "$cmake" --build "$work/build" >> "$work/log" 2>&1 || { cat "$work/log"; exit 1; }

ludwig=$work/prefix/bin/ludwig
failed=0
for name in bag causal_lm_smooth scale two_ops; do
    file=$work/build/$name.so
    if ! "$ludwig" plugin list --plugin-path "$file" > "$work/list" || ! grep -q " $name " "$work/list"; then
        echo "$name: not in the list:"
        cat "$work/list"
        failed=1
    fi
    if ! "$ludwig" plugin check "$file"; then
        echo "$name: a check failed"
        failed=1
    fi
done
# The plugins of the tree are found from the installed program, by its place alone.
for name in llama causal_lm lora reference; do
    grep -q " $name " "$work/list" || { echo "$name: not installed"; failed=1; }
done
exit $failed
