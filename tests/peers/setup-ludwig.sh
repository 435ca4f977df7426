#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# setup-ludwig.sh: makes the virtual environment of Ludwig (Python) once, for the row mixed_ludwig of bench/compare.sh. It is
# its own because Ludwig pins versions. LUDWIG_PEERS_PYTHON names the interpreter: 0.11 is the last release for Python 3.11.
set -eu
dir=${LUDWIG_PEERS_LUDWIG:-$HOME/.cache/ludwig/peers-ludwig}
python=${LUDWIG_PEERS_PYTHON:-python3}
if ! [ -x "$dir/bin/python" ] || ! "$dir/bin/python" -c 'import ludwig.api, peft' 2>/dev/null; then
    "$python" -m venv "$dir"
    "$dir/bin/pip" install -q 'ludwig[llm]' 'torch==2.11.*' # the newest torchaudio, which Ludwig imports, wants this torch
fi
