#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run-peers.sh [files|speed]: compares with transformers and PEFT; without a word both. See tests/peers/README.md.
# Prints each report and keeps it as tests/peers/<part>.txt. Speed: our run and theirs in turn, three times; needs a
# machine with nothing else to do.
set -eu
cd "$(dirname "$0")/.."
tests/peers/setup.sh
shared=${LUDWIG_SHARED:-../shared}
models=${LUDWIG_MODELS:-$HOME/.cache/ludwig/models}
ludwig=build/release/bin/ludwig
gguf=$models/SmolLM2-135M-Instruct.Q4_1.gguf
rows=$shared/data/code_alpaca_2k.json
steps=12
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export HF_HUB_DISABLE_PROGRESS_BARS=1 TRANSFORMERS_VERBOSITY=error TQDM_DISABLE=1 PYTHONWARNINGS=ignore
python() { "${LUDWIG_PEERS:-$HOME/.cache/ludwig/peers}/bin/python" "$@"; }

cat >"$tmp/config.yaml" <<EOF
model_type: llm
base_model: $gguf
input_features: [{name: instruction, type: text}]
output_features: [{name: output, type: text}]
prompt: {template: "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n"}
adapter: {type: lora, r: 8, dropout: 0.0}
preprocessing: {global_max_sequence_length: 512}
generation: {max_new_tokens: 1, do_sample: false}
trainer: {type: finetune, batch_size: 8, learning_rate: 0.0005, skip_all_evaluation: true, optimizer: {type: adamw}}
EOF
train() { # folder, steps, further options
    folder=$1 n=$2
    shift 2
    $ludwig train -c "$tmp/config.yaml" --set trainer.train_steps="$n" "$@" --training_set "$rows" \
        --output_directory "$tmp/$folder" -q 2>"$tmp/log" || { cat "$tmp/log" >&2; exit 1; }
}
header() {
    date -u +%Y-%m-%d
    python -c 'import torch, transformers, peft; print("torch", torch.__version__, "transformers", transformers.__version__, "peft", peft.__version__)'
    $ludwig --version
}

files() {
    header
    train adapter 3
    train full 2 --set adapter=null --set trainer.learning_rate=0.00005
    weights=experiment_run/model/model_weights
    LUDWIG_TEST_BINARY_DIR=build/release python tests/peers/check_files.py build/release/bin/peer_logits "$gguf" \
        "$tmp/hf" "$tmp/adapter/$weights" "$tmp/full/$weights" "$tmp"
}

ours() { sed -n "s/^| $1 *| \([0-9]*\).*/\1/p" "$tmp/log"; }
speed() {
    header
    echo "LoRA r=8 on q_proj and v_proj, fp32, batches of 8 rows of $(basename "$rows"), $steps steps, $(nproc) cores"
    for round in 1 2 3; do
        train "speed_$round" $steps
        theirs=$(python tests/peers/lora_speed.py "$tmp/hf" "$rows" $steps 8)
        echo "$(ours 'Real tokens per second') $(ours 'Peak memory') $theirs" >>"$tmp/rounds"
    done
    python tests/peers/ratios.py "$tmp/rounds"
}

cmake --build --preset release --target ludwig peer_logits -- --quiet
python "$shared/tools/gguf_to_hf.py" "$gguf" "$tmp/hf" >"$tmp/log"
for part in ${1:-files speed}; do
    $part >"$tmp/report" || failed=1
    tee "tests/peers/$part.txt" <"$tmp/report"
done
exit ${failed:-0}
