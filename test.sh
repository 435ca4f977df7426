#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds, fetches the model, runs all tests. --ci adds clang, sanitizers, format and the house
# rules. --arm64 instead cross-builds for 64-bit ARM and runs what qemu runs quickly.
set -eu
cd "$(dirname "$0")"
ci=
[ "${1:-}" = --ci ] && ci=ci
[ "${1:-}" = --arm64 ] && exec scripts/cross-aarch64.sh
scripts/install.sh $ci
scripts/fetch.sh || echo "test.sh: no network: tests on the real model are skipped" >&2

build() { # preset
    [ -f "build/$1/build.ninja" ] || cmake --preset "$1" >/dev/null
    cmake --build --preset "$1" -- --quiet
}
if [ -n "$ci" ]; then
    scripts/check_house.sh
    build clang
    build asan
    echo "== sanitizers, without $(sed 's/:.*//' tests/unsanitized.txt | paste -s -d ' ')"
    ctest --test-dir build/asan -j 2 --output-on-failure -E "^($(sed 's/:.*//' tests/unsanitized.txt | paste -s -d '|'))\$"
fi
build release
ctest --test-dir build/release --output-on-failure
