#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# setup-ludwig.sh: makes the virtual environment of Ludwig (Python) once, for rows of bench/compare.sh. LUDWIG_PEERS_PYTHON
# names the interpreter: ludwig 0.17 wants Python 3.12, 0.11 is the last for 3.11. Its own environment: it pins versions.
set -eu
dir=${LUDWIG_PEERS_LUDWIG:-$HOME/.cache/ludwig/peers-ludwig}
python=${LUDWIG_PEERS_PYTHON:-python3}
if ! [ -x "$dir/bin/python" ] || ! "$dir/bin/python" -c 'import ludwig.api, peft' 2>/dev/null; then
    "$python" -m venv "$dir"
    "$dir/bin/pip" install -q 'ludwig[llm]' 'torch==2.11.*' # the newest torchaudio, which Ludwig imports, wants this torch
fi
