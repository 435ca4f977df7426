#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check-headers.sh INCLUDE_DIR: every header of the SDK compiles alone and twice, without a warning, as C11, C17 and C++17.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
try() { # compiler, standard, file
    if ! "$1" "-std=$2" -pedantic -Wall -Wextra -Werror -I "$include" -fsyntax-only "$3"; then
        echo "$header: does not compile as $2 with $1"
        failed=1
    fi
}
include=$1
for path in "$include"/ludwig/*.h; do
    header=ludwig/$(basename "$path")
    printf '#include <%s>\n#include <%s>\nextern int unused;\n' "$header" "$header" > "$work/one.c"
    cp "$work/one.c" "$work/one.cpp"
    for compiler in gcc clang clang-14; do
        command -v $compiler > /dev/null || continue
        try $compiler c11 "$work/one.c"
        try $compiler c17 "$work/one.c"
    done
    if command -v g++ > /dev/null; then try g++ c++17 "$work/one.cpp"; fi
done
exit $failed
