#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# setup.sh [llama-cpp]: makes the peers' virtual environment once; llama.cpp is compiled for this processor (minutes).
set -eu
dir=${LUDWIG_PEERS:-$HOME/.cache/ludwig/peers}
has() { [ -x "$dir/bin/python" ] && "$dir/bin/python" -c "import $1" 2>/dev/null; }
if ! has 'torch, transformers, peft, gguf, sklearn, sentence_transformers'; then
    python3 -m venv "$dir"
    "$dir/bin/pip" install -q torch transformers peft safetensors gguf accelerate scikit-learn sentence-transformers
fi
if [ "${1:-}" = llama-cpp ] && ! has llama_cpp; then
    CMAKE_ARGS="-DGGML_NATIVE=ON" "$dir/bin/pip" install -q llama-cpp-python
fi
