#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compares with transformers and PEFT; see tests/peers/README.md. Prints the report and keeps it as report.txt.
# Speed: our run and theirs in turn, twice; needs a machine with nothing else to do.
set -eu
cd "$(dirname "$0")/.."
tests/peers/setup.sh
shared=${LUDWIG_SHARED:-../shared}
models=${LUDWIG_MODELS:-$HOME/.cache/ludwig/models}
python=${LUDWIG_PEERS:-$HOME/.cache/ludwig/peers}/bin/python
ludwig=build/release/bin/ludwig
gguf=$models/SmolLM2-135M-Instruct.Q4_1.gguf
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
steps=${1:-12}

"$python" "$shared/tools/gguf_to_hf.py" "$gguf" "$tmp/hf" >/dev/null
cat >"$tmp/config.yaml" <<EOF
model_type: llm
base_model: $gguf
input_features: [{name: instruction, type: text}]
output_features: [{name: output, type: text}]
prompt: {template: "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n"}
adapter: {type: lora, r: 8, dropout: 0.0}
preprocessing: {global_max_sequence_length: 512}
generation: {max_new_tokens: 1, do_sample: false}
trainer: {type: finetune, train_steps: $steps, batch_size: 8, learning_rate: 0.0005, skip_all_evaluation: true, optimizer: {type: adamw}}
EOF
prompt='### Instruction:
Say hello.

### Input:


### Response:
'
printf 'instruction,input,output\nSay hello.,,Hello there!\n' >"$tmp/one.csv"
loss() { $ludwig evaluate -m "$1" --dataset "$tmp/one.csv" -q | sed -n 's/.*"loss": \([0-9.e-]*\).*/\1/p' | head -n 1; }

{
    date -u +%Y-%m-%d
    "$python" -c 'import torch, transformers, peft; print("torch", torch.__version__, "transformers", transformers.__version__, "peft", peft.__version__)'
    $ludwig --version
    for round in 1 2; do
        $ludwig train -c "$tmp/config.yaml" --training_set "$shared/data/code_alpaca_2k.json" --output_directory "$tmp/r" -q 2>"$tmp/log"
        sed -n 's/^| \(Real tokens per second\|Peak memory\) *| \([0-9]*\).*/ours \1: \2/p' "$tmp/log"
        "$python" tests/peers/lora_speed.py "$tmp/hf" "$shared/data/code_alpaca_2k.json" "$steps" 8
    done
    $ludwig train -c "$tmp/config.yaml" --set adapter=null --set trainer.train_steps=2 --set trainer.learning_rate=0.00005 \
        --training_set "$shared/data/code_alpaca_2k.json" --output_directory "$tmp/full" -q 2>"$tmp/log"
    "$python" tests/peers/check_files.py "$tmp/hf" "$tmp/r/experiment_run" "$tmp/full/experiment_run" "$prompt" \
        "Hello there!" "$(loss "$tmp/r/experiment_run")" "$(loss "$tmp/full/experiment_run")"
} 2>&1 | tee tests/peers/report.txt
