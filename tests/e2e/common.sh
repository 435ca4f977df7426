# SPDX-License-Identifier: Apache-2.0
# Sourced by the scripts here. $1 = the program. Sets: ludwig, tmp (removed at the end), model, config, data.
set -u
ludwig=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
model=$LUDWIG_TEST_SOURCE_DIR/tests/golden/data/tiny/llama
failures=0
export HOME="$tmp/home"
mkdir -p "$HOME"

fail() { echo "FAILED: $*" >&2; failures=$((failures + 1)); }
finish() { [ "$failures" -eq 0 ] || { echo "$failures failed" >&2; exit 1; }; exit 0; }
# expect CODE TEXT command ...: exit code, and TEXT somewhere on stderr
expect() {
    want=$1 text=$2
    shift 2
    code=0
    "$@" >"$tmp/out" 2>"$tmp/err" || code=$?
    [ "$code" -eq "$want" ] || { fail "exit $code, want $want: $*"; tail -n 5 "$tmp/err" >&2; }
    [ -z "$text" ] || grep -qF -- "$text" "$tmp/err" || { fail "no '$text' in the messages of: $*"; head -n 5 "$tmp/err" >&2; }
}

config=$tmp/config.yaml
data=$tmp/data.csv
cat >"$config" <<EOF
model_type: llm
base_model: $model
input_features: [{name: question, type: text}]
output_features: [{name: answer, type: text}]
adapter: {type: lora}
generation: {max_new_tokens: 4, do_sample: false}
trainer: {type: finetune, epochs: 2, batch_size: 4, learning_rate: 0.01}
EOF
{
    echo question,answer
    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        echo "\"what, is $i\",\"it is $((i * i))\""
    done
} >"$data"
