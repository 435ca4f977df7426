#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check.sh CMAKE BUILD_DIR: installs BUILD_DIR into a fresh prefix, builds the plugins of this folder against it alone,
# runs `ludwig plugin list` and `ludwig plugin check` on each, from the installed program, and trains with each.
set -eu
umask 022 # plugins that others can write are refused
here=$(cd "$(dirname "$0")" && pwd)
cmake=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset LUDWIG_PLUGIN_PATH LUDWIG_PLUGIN_TRUST || true
export XDG_DATA_HOME="$work/data"

"$cmake" --install "$2" --prefix "$work/prefix" > "$work/log" || { cat "$work/log"; exit 1; }
cp -R "$here" "$work/source" # nothing of the tree is near
"$cmake" -S "$work/source" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/prefix" > "$work/log" 2>&1 &&
    "$cmake" --build "$work/build" >> "$work/log" 2>&1 || { cat "$work/log"; exit 1; }

ludwig=$work/prefix/bin/ludwig
failed=0
for name in bag causal_lm_smooth scale two_ops; do
    file=$work/build/$name.so
    if ! "$ludwig" plugin list --plugin-path "$file" > "$work/list" || ! grep -q " $name " "$work/list"; then
        echo "$name: not in the list:"
        cat "$work/list"
        failed=1
    fi
    if ! "$ludwig" plugin check "$file"; then
        echo "$name: a check failed"
        failed=1
    fi
done
# A config names them; the model of `bag` is made here: 16 wide, random.
tiny=$here/../../golden/data/tiny/llama
mkdir "$work/bag"
cp "$tiny"/tokenizer*.json "$work/bag"
python3 - "$work/bag" <<'EOF'
import json, random, struct, sys
shapes = {"model.embed_tokens.weight": [160, 16], "model.layers.0.mix.weight": [16, 16], "model.layers.0.mix.bias": [16],
          "lm_head.weight": [160, 16]}
header, data = {}, b""
for name, shape in shapes.items():
    n = shape[0] * (shape[1] if len(shape) > 1 else 1)
    values = struct.pack(f"<{n}f", *(random.gauss(0, 0.1) for _ in range(n)))
    header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
    data += values
text = json.dumps(header).encode()
open(sys.argv[1] + "/model.safetensors", "wb").write(struct.pack("<Q", len(text)) + text + data)
json.dump({"model_type": "bag", "hidden_size": 16, "vocab_size": 160, "max_position_embeddings": 64},
          open(sys.argv[1] + "/config.json", "w"))
EOF
printf 'q,a\none,1\ntwo,2\nthree,3\nfour,4\n' > "$work/rows.csv"
cat > "$work/config.yaml" <<EOF
model_type: llm
base_model: $tiny
input_features: [{name: q, type: text}]
output_features: [{name: a, type: text}]
trainer: {type: finetune, epochs: 1}
EOF
use() { # plugin, further options
    name=$1
    shift
    "$ludwig" train -c "$work/config.yaml" --training_set "$work/rows.csv" --output_directory "$work/$name" -q \
        --plugin-path "$work/build/$name.so" "$@" 2> "$work/log" &&
        "$ludwig" evaluate -m "$work/$name/experiment_run" --dataset "$work/rows.csv" -q --plugin-path "$work/build/$name.so" \
            > "$work/json" 2> "$work/log" && return
    echo "$name: not used by its config name:"
    cat "$work/log"
    failed=1
}
use bag --set base_model="$work/bag"
use causal_lm_smooth --set output_features.0.decoder.type=causal_lm_smooth --set output_features.0.decoder.label_smoothing=0.2
use scale --set 'adapter={type: scale, target_modules: [q_proj, up_proj]}'
use two_ops --set backend.device=two_ops
# A program over libludwig predicts the bytes that `ludwig predict` does, from the run folder and from its model/.
export LUDWIG_PLUGIN_PATH="$work/build/scale.so"
run=$work/scale/experiment_run
"$ludwig" predict -m "$run" --dataset "$work/rows.csv" -o "$work/cli.csv" -q || failed=1
library=$work/prefix/lib/libludwig.so
sanitizer=$(ldd "$library" | sed -n 's/.* => \(.*libasan[^ ]*\).*/\1/p') # built with one, the library needs it loaded first
for folder in "$run" "$run/model"; do
    LD_PRELOAD=$sanitizer "$work/build/predict" "$folder" "$work/rows.csv" "$work/lib.csv" && cmp "$work/cli.csv" "$work/lib.csv" || failed=1
done
ldd "$library" | grep -i blas && failed=1
nm -D --defined-only "$library" | grep -v ' lud_' && failed=1
# The plugins of the tree are found from the installed program, by its place alone.
for name in llama causal_lm lora reference; do
    grep -q " $name " "$work/list" || { echo "$name: not installed"; failed=1; }
done
exit $failed
