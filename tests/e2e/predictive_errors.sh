#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# model_type ecd, bad input of every kind: one clear message, a documented exit code, nothing left behind; damaged
# models and caches; each plugin moved away.
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/tables.sh"
cd "$tmp" || exit 1
cat >"$config" <<END
input_features:
  - {name: body, type: text, encoder: {type: auto_transformer, pretrained_model_name_or_path: $encoder, reduce_output: mean}, preprocessing: {cache_encoder_embeddings: true}}
  - {name: price, type: number}
  - {name: brand, type: category}
output_features: [{name: label, type: category}, {name: score, type: number}]
trainer: {epochs: 1}
END
train() { "$ludwig" train -c "$config" --dataset "$table" "$@"; }
encoder_at=input_features.0.encoder.pretrained_model_name_or_path

# ---- Configs ----
expect 2 "output_features.0.loss.class_weights: no training row has the class 'bleu' (did you mean 'blue'?)" \
    train --set 'output_features.0.loss={class_weights: {red: 1, green: 2, bleu: 3}}'
expect 2 "class_weights: 2 weights, there are 3 classes: " train --set 'output_features.0.loss={class_weights: [1, 2]}'
expect 2 "input_features.1.type: 'image' is known, not available yet" train --set input_features.1.type=image
expect 2 "combiner: unknown key 'output_sice' (did you mean 'output_size'?)" train --set combiner.output_sice=3
expect 2 "input_features.0.encoder: unknown key 'trainabel'" train --set input_features.0.encoder.trainabel=true
expect 2 "needs 'pretrained_model_name_or_path'" train --set 'input_features.0.encoder={type: bert}'
expect 4 "no combiner plugin 'konkat' (did you mean 'concat'?" train --set combiner=konkat
expect 4 "no decoder plugin 'clasifier' for category (did you mean 'classifier'?" train --set output_features.0.decoder=clasifier
expect 4 "no encoder plugin 'dence' for category (did you mean 'dense'?" train --set input_features.2.encoder=dence

# ---- Data ----
sed 's/price/prize/' "$table" >column.csv
expect 3 "no column 'price' (did you mean 'prize'?)" "$ludwig" train -c "$config" --dataset column.csv
: >empty.csv
expect 3 "empty" "$ludwig" train -c "$config" --dataset empty.csv
head -n 2 "$table" >one.csv
expect 3 "every training row has the label 'red'" "$ludwig" train -c "$config" --dataset one.csv

# ---- Encoders ----
expect 5 "base model 'nowhere' does not exist" train --set $encoder_at=nowhere
mkdir hollow
expect 5 "hollow: no config.json" train --set $encoder_at=hollow
echo '{"model_type": "berd"}' >hollow/config.json
expect 5 "hollow: no weights" train --set $encoder_at=hollow
cp "$encoder"/*.safetensors "$encoder"/tokenizer* hollow
expect 4 "no encoder plugin for model type 'berd' (did you mean 'bert'?" train --set $encoder_at=hollow
cp "$encoder"/config.json hollow
chmod u+w hollow/*
head -c 5000 "$encoder"/model.safetensors >hollow/model.safetensors
expect 5 "hollow/model.safetensors: truncated" train --set $encoder_at=hollow
[ ! -e results ] || fail "a failed run left results/ behind"
[ ! -e "$HOME/.cache" ] || fail "a failed run left a cache behind"
: >file
expect 5 "is no folder" train --output_directory file/x

# ---- Cells that the type cannot read: the documented strategy, said once ----
expect 0 "" train --output_directory r
model=r/experiment_run/model
sed 's/,hen,/,emu,/; s/,0,fox/,cheap,fox/; s/,red,\([0-9]\)/,pink,\1/' "$table" >odd.csv
expect 0 "column 'price': 1 of 60 cells hold no finite number and count as missing (first: row 1, 'cheap')" \
    "$ludwig" predict -m r/experiment_run --dataset odd.csv -o odd.out.csv
expect 0 "column 'brand': 19 of 60 cells hold a label that training did not keep, and count as <UNK> (first: row 4, 'emu')" \
    "$ludwig" predict -m r/experiment_run --dataset odd.csv -o odd.out.csv
[ "$(wc -l <odd.out.csv)" -eq 61 ] || fail "a prediction is missing"
cut -d, -f2- odd.out.csv | grep -q pink && fail "a prediction outside of the label set"
expect 0 "column 'label': 20 of 60 cells hold a label that no training row has, and are left out" \
    "$ludwig" evaluate -m r/experiment_run --dataset odd.csv
# Of a table that is read in chunks too; and its metrics are those of all rows: of the same ones again and again, the same.
head -n 1 odd.csv >long.csv
for i in $(seq 700); do tail -n +2 odd.csv; done >>long.csv
"$ludwig" predict -m r/experiment_run --dataset long.csv -o long.out.csv 2>err || fail "exit $?: long.csv"
[ "$(grep -c "column 'price'" err)" -eq 1 ] || fail "warned of a column more than once"
grep -q "column 'price': 700 of 42000 cells hold no finite number and count as missing (first: row 1, 'cheap')" err ||
    fail "not all odd cells of long.csv are counted"
"$ludwig" evaluate -m r/experiment_run --dataset odd.csv -o odd.out.csv >odd.json 2>err
"$ludwig" evaluate -m r/experiment_run --dataset long.csv -o long.out.csv >long.json 2>err
grep -q "column 'label': 14000 of 42000 cells" err || fail "not all odd labels of long.csv are counted"
[ "$(wc -l <long.out.csv)" -eq $((700 * ($(wc -l <odd.out.csv) - 1) + 1)) ] || fail "rows of long.csv are lost"
for metric in accuracy roc_auc '"loss"' mean_absolute_error; do
    [ "$(grep -c "$metric" long.json)" -eq "$(grep -c "$metric" odd.json)" ] || fail "no $metric of long.csv"
    grep "$metric" odd.json | tr -dc '0-9.\n' | cut -c -10 >one.txt
    grep "$metric" long.json | tr -dc '0-9.\n' | cut -c -10 | cmp -s - one.txt || fail "another $metric of long.csv"
done
sed 's/,\(red\|green\|blue\),[0-9.]*,\(true\|false\),/,,,\2,/' "$table" >none.csv
expect 3 "none.csv: no row has a target" "$ludwig" evaluate -m r/experiment_run --dataset none.csv
sed 1s/score/scare/ "$table" >column.csv
expect 3 "no column 'score'" "$ludwig" evaluate -m r/experiment_run --dataset column.csv
expect 2 "use predict" "$ludwig" generate -m r/experiment_run -p hello
expect 2 "never trained" "$ludwig" predict -c "$config" --dataset "$table"

# ---- Damaged models ----
broken() { # TEXT
    expect 5 "$1" "$ludwig" predict -m d --dataset "$table" -o none.out.csv
    [ ! -e none.out.csv ] || fail "predictions of a damaged model: $1"
    chmod -R u+w d && rm -rf d && cp -r r/experiment_run d
}
cp -r r/experiment_run d
file=d/model/model_weights/model.safetensors
head -c 300 "$model"/model_weights/model.safetensors >$file
broken "model_weights/model.safetensors: truncated"
rm $file
broken "model_weights/model.safetensors: cannot open"
cp "$encoder"/model.safetensors $file
broken "is missing"
expect 0 "" train --output_directory other --set 'combiner={type: concat, num_fc_layers: 1, output_size: 8}'
cp other/experiment_run/model/model_weights/model.safetensors $file
broken "has shape"
rm d/model/training_set_metadata.json
broken "training_set_metadata.json: cannot open"
echo '{"body": 3}' >d/model/training_set_metadata.json
broken "training_set_metadata.json: nothing of the feature 'body'"

# ---- Caches that cannot be used: it works, and says so ----
rm -rf "$HOME/.cache"
mkdir -p "$HOME/.cache/ludwig"
: >"$HOME/.cache/ludwig/embeddings"
expect 0 "warning" train --output_directory uncached
same "without a cache" $model/model_weights/model.safetensors "$(weights uncached)"
rm -rf "$HOME/.cache"
expect 0 "42 encoded" train --output_directory cached
cache=$(ls "$HOME"/.cache/ludwig/embeddings/*.vec)
cp "$cache" whole.vec
{ head -c 700 whole.vec; printf X; tail -c +702 whole.vec; } >"$cache"
expect 0 " 1 encoded" train --output_directory flipped
same "with a flipped byte" $model/model_weights/model.safetensors "$(weights flipped)"
head -c 3000 whole.vec >"$cache"
expect 0 "" train --output_directory short
same "with a truncated cache" $model/model_weights/model.safetensors "$(weights short)"

# ---- Without a plugin ----
mkdir -p tree/bin tree/lib/ludwig
cp "$ludwig" tree/bin/ludwig
cp -r "$(dirname "$ludwig")/../lib/ludwig/plugins-1" tree/lib/ludwig/plugins-1
chmod -R go-w tree
ludwig=$tmp/tree/bin/ludwig
plugins=tree/lib/ludwig/plugins-1
for pair in classifier:classifier bert:electra concat:concat tabular:passthrough; do
    mv $plugins/${pair%:*}.so away.so
    for command in "train -c $config" "predict -m r/experiment_run"; do
        # shellcheck disable=SC2086
        expect 4 "plugins-1" "$ludwig" $command --dataset "$table" --output_directory gone -q
        grep -q "'${pair#*:}'" err || fail "the message does not name ${pair#*:}: $(cat err)"
        [ "$(grep -c . err)" -eq 1 ] || fail "without ${pair%:*}: more than one line: $(cat err)"
    done
    [ ! -e gone ] || fail "a failed run left a folder behind"
    mv away.so $plugins/${pair%:*}.so
done
finish
