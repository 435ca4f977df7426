#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing to build and run (Debian 12). "ci" and "arm64" add what ./test.sh --ci and --arm64 need.
# Without root it prints the one line to run and stops.
set -eu
packages='gcc libc6-dev cmake ninja-build pkg-config libjansson-dev libyaml-dev libutf8proc-dev libpcre2-dev
libxxhash-dev libopenblas0-pthread libcurl4-openssl-dev libssl-dev python3 python3-pip binutils'
case ${1:-} in
ci) packages="$packages g++ clang clang-format libclang-rt-14-dev" ;;
arm64) packages="$packages gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user" ;;
esac

missing=
for package in $packages; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
    echo "missing packages; run as root, then start again:" >&2
    echo "    apt-get install -y$missing" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 # a list of words
apt-get install -y -qq --no-install-recommends $missing >/dev/null
