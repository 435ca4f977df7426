#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Records the present layout of the SDK's structs in layout.txt. Only for fields appended to a struct: git diff must show
# added lines and larger sizes, nothing else.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
${CC:-cc} -std=c11 -I "$here/../../sdk/include" -o "$work/layout" "$here/layout.c"
"$work/layout" > "$here/layout.txt"
