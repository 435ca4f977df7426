#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The house rules that a machine can check: format, size of core, size of files, who includes whom, folder READMEs.
set -eu
cd "$(dirname "$0")/.."
bad=0
say() { echo "house: $*" >&2; bad=1; }

files=$(git ls-files '*.c' '*.h' | grep -v '^tests/golden/data')
# shellcheck disable=SC2086
clang-format --dry-run --Werror $files 2>/dev/null || { clang-format --dry-run $files 2>&1 | grep warning: | head -n 5; say "clang-format is not clean"; }
# Lines of code: blank lines and comments are free.
lines=$(git ls-files 'core/*.c' 'core/*.h' | xargs cat | grep -cvE '^[[:space:]]*$|^[[:space:]]*(/\*|\*|//)')
[ "$lines" -lt 30000 ] || say "core has $lines lines of code; the budget is 30000"
for f in $files; do
    case $f in tests/*) continue ;; esac
    [ "$(wc -l <"$f")" -le 800 ] || say "$f has more than 800 lines"
done
grep -rnE '#include *[<"](\.\./)*core/' plugins sdk --include='*.[ch]' && say "a plugin or the SDK includes core"
for d in $(git ls-files | grep '\.[ch]$' | grep -v '^tests/golden/data' | xargs -n 1 dirname | sort -u); do
    case $d in sdk/include/ludwig | plugins/backends/cpu/kernels | tests | tests/plugins/*) continue ;; esac
    [ -f "$d/README.md" ] || say "$d has no README.md"
done
echo "house: core has $lines lines"
exit $bad
