#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes the peers' virtual environment once.
set -eu
dir=${LUDWIG_PEERS:-$HOME/.cache/ludwig/peers}
[ -x "$dir/bin/python" ] && "$dir/bin/python" -c 'import torch, transformers, peft, gguf, sklearn, sentence_transformers' 2>/dev/null && exit 0
python3 -m venv "$dir"
"$dir/bin/pip" install -q torch transformers peft safetensors gguf accelerate scikit-learn sentence-transformers
