#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# compare.sh [row ...]: our speed beside transformers, PEFT, sentence-transformers, scikit-learn, torch and llama.cpp on
# this machine, the same work in turn. Makes the peers' environment first (7 GB). Prints versions and a table; those of all
# rows become bench/report.txt. BENCH_JSON names a file for the same as JSON. See bench/README.md.
set -eu
cd "$(dirname "$0")/.."
LUDWIG_PEERS=${LUDWIG_PEERS:-$HOME/.cache/ludwig/peers}
LUDWIG_PEERS_LUDWIG=${LUDWIG_PEERS_LUDWIG:-$HOME/.cache/ludwig/peers-ludwig}
LUDWIG_SHARED=${LUDWIG_SHARED:-../shared}
LUDWIG_MODELS=${LUDWIG_MODELS:-$HOME/.cache/ludwig/models}
BENCH_TMP=$(mktemp -d)
trap 'rm -rf "$BENCH_TMP"' EXIT
trap 'exit 130' INT TERM
export LUDWIG_PEERS LUDWIG_PEERS_LUDWIG LUDWIG_SHARED LUDWIG_MODELS BENCH_TMP
export HF_HUB_DISABLE_PROGRESS_BARS=1 TRANSFORMERS_VERBOSITY=error TQDM_DISABLE=1 PYTHONWARNINGS=ignore
tests/peers/setup.sh llama-cpp
[ -d build/release ] || cmake --preset release >"$BENCH_TMP/log"
cmake --build --preset release -- --quiet
cmake --build --preset release --target bench_peak -- --quiet
"$LUDWIG_PEERS/bin/python" "$LUDWIG_SHARED/tools/gguf_to_hf.py" "$LUDWIG_MODELS/SmolLM2-135M-Instruct.Q4_1.gguf" \
    "$BENCH_TMP/hf" >"$BENCH_TMP/log"
{
    date -u +%Y-%m-%d
    grep -m1 'model name' /proc/cpuinfo | sed 's/.*: //; s/$/, '"$(nproc)"' cores/'
    "$LUDWIG_PEERS/bin/python" -c 'import torch, transformers, peft, sentence_transformers as s, sklearn, llama_cpp as l; print("torch", torch.__version__, "transformers", transformers.__version__, "peft", peft.__version__, "sentence-transformers", s.__version__, "scikit-learn", sklearn.__version__, "llama-cpp-python", l.__version__)'
    build/release/bin/ludwig --version
} >"$BENCH_TMP/report"
cat "$BENCH_TMP/report"
"$LUDWIG_PEERS/bin/python" bench/compare.py "$@" >"$BENCH_TMP/table" || { cat "$BENCH_TMP/table"; exit 1; }
cat "$BENCH_TMP/table" | tee -a "$BENCH_TMP/report"
[ $# -gt 0 ] || cp "$BENCH_TMP/report" bench/report.txt
cp "$BENCH_TMP/bench.json" "${BENCH_JSON:-/dev/null}"
