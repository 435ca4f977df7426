#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Cross-builds for 64-bit ARM and runs the tests of modules and the small goldens under qemu. The libraries come as Debian's arm64
# packages into a folder of their own (LUDWIG_SYSROOT), so that the machine's own packages stay as they are. Usage:
# scripts/cross-aarch64.sh [options of ctest]; without options all tests but those of tests/unemulated.txt.
set -eu
cd "$(dirname "$0")/.."
scripts/install.sh arm64
LUDWIG_SYSROOT=${LUDWIG_SYSROOT:-$HOME/.cache/ludwig/sysroot-arm64}
export LUDWIG_SYSROOT

# An apt of its own: an empty machine of the architecture arm64, so that all that is needed is downloaded.
fetch() {
    apt=$LUDWIG_SYSROOT.apt
    mkdir -p "$apt/lists/partial" "$apt/archives/partial"
    : >"$apt/status"
    set -- -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Dir::State="$apt" -o Dir::State::lists="$apt/lists" \
        -o Dir::State::status="$apt/status" -o Dir::Cache="$apt" -o Dir::Cache::archives="$apt/archives" \
        -o APT::Sandbox::User= -o Debug::NoLocking=1
    apt-get "$@" update
    apt-get "$@" install -y --no-install-recommends --download-only libc6-dev libgcc-12-dev libjansson-dev libyaml-dev \
        libutf8proc-dev libpcre2-dev libxxhash-dev libopenblas0-pthread libcurl4-openssl-dev libssl-dev >/dev/null
    rm -rf "$LUDWIG_SYSROOT.partial"
    mkdir "$LUDWIG_SYSROOT.partial"
    for package in "$apt"/archives/*.deb; do dpkg -x "$package" "$LUDWIG_SYSROOT.partial"; done
    # update-alternatives would have made the names that programs open.
    ln -s openblas-pthread/libopenblas.so.0 "$LUDWIG_SYSROOT.partial/usr/lib/aarch64-linux-gnu/libopenblas.so.0"
    mv "$LUDWIG_SYSROOT.partial" "$LUDWIG_SYSROOT"
    rm -rf "$apt"
}
[ -d "$LUDWIG_SYSROOT" ] || fetch

[ -f build/aarch64/build.ninja ] || cmake --preset aarch64 >/dev/null
cmake --build --preset aarch64 -- --quiet
[ $# -gt 0 ] || set -- -E "^($(sed 's/: .*//' tests/unemulated.txt | paste -s -d '|'))\$"
ctest --test-dir build/aarch64 --output-on-failure "$@"
