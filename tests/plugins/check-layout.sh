#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check-layout.sh PROGRAM INCLUDE_DIR: the layout that PROGRAM prints must be layout.txt, and PROGRAM must know every
# struct of the headers.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
failed=0
if ! "$1" | diff -u "$here/layout.txt" -; then
    echo "a struct of the SDK has another layout: only fields appended at the end are allowed;"
    echo "if that is all, record it with tests/plugins/update-layout.sh"
    failed=1
fi
for header in "$2"/ludwig/*.h; do
    # The easy layer is compiled into each plugin; its structs cross no boundary.
    case $header in */section.h | */fresh.h | */fc.h | */block.h) continue ;; esac
    # "} lud_name;" and one-line "typedef struct { ... } lud_name;" end a struct.
    for name in $(sed -n 's|^\(typedef struct.*\)\{0,1\}} \(lud_[a-z0-9_]*\);.*|\2|p' "$header"); do
        if ! grep -q "^$name [0-9]" "$here/layout.txt"; then
            echo "$(basename "$header"): $name is not in layout.c"
            failed=1
        fi
    done
done
exit $failed
