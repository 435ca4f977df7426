#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Rows kept on disk: a second training finds them and ends with the same bytes; whatever changes the rows makes a new
# entry, whatever does not finds the old one; damaged entries, and a folder that cannot be written, stop nothing.
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/tables.sh"
cd "$tmp" || exit 1
unset XDG_CACHE_HOME
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=0}" # its tracer may crash at the exit of a program that had threads
rows=$HOME/.cache/ludwig/rows

# train NAME [option ...]: into the folder NAME, what it said into NAME.log
train() {
    name=$1
    shift
    "$ludwig" train --output_directory "$name" "$@" >"$name.log" 2>&1 || { fail "exit $?: $name: $*"; tail -n 5 "$name.log" >&2; }
}
# found NAME N [option ...]: trains; rows come from the cache, which has N entries
found() {
    name=$1 want=$2
    shift 2
    train "$name" "$@"
    grep -q '^rows: [0-9]* from the cache' "$name.log" || fail "$name: nothing from the cache"
    entries "$name" "$want"
}
# made NAME N [option ...]: trains; rows do not, and then there are N entries
made() {
    name=$1 want=$2
    shift 2
    train "$name" "$@"
    grep -q 'from the cache$' "$name.log" && fail "$name: rows of the cache"
    entries "$name" "$want"
}
entries() { n=$(find "$rows" -name '*.rows' | wc -l); [ "$n" -eq "$2" ] || fail "$1: $n entries in the cache, want $2"; }
# equal A B: two runs with the same bytes
equal() {
    for f in training_statistics.json $(cd "$1/experiment_run" && find model -name '*.safetensors' -o -name training_set_metadata.json); do
        cmp -s "$1/experiment_run/$f" "$2/experiment_run/$f" || fail "$1 and $2 differ in $f"
    done
}

# ---- A language model: one entry each ----
cp "$data" qa.csv
cp "$table" all.csv
llm="-c $config --dataset qa.csv --set trainer.epochs=1"
made cold 1 $llm
found warm 1 $llm
equal cold warm
found rate 1 $llm --set trainer.learning_rate=0.1 --set adapter.r=2
made seed 2 $llm --random_seed 7
made prompt 3 $llm --set "prompt.template='Q: {question} A:'"
made length 4 $llm --set preprocessing.global_max_sequence_length=12
sed 's/it is 25/it is 26/' "$data" >qa.csv
made cell 5 $llm
tr , '\t' <qa.csv | sed 's/what\t/what,/' >qa.tsv
made format 6 -c "$config" --dataset qa.tsv --set trainer.epochs=1
mkdir other
cp "$model"/* other
sed 's/"add_bos_token": *true/"add_bos_token": false/; s/^{/{"a_change": 1,/' "$model/tokenizer_config.json" >other/tokenizer_config.json
made tokenizer 7 $llm --set base_model="$tmp/other"
cp "$data" qa.csv
found again 7 $llm
made skip 7 $llm --random_seed 8 --skip_save_processed_input
found skip_found 7 $llm --skip_save_processed_input
equal cold skip_found
made apart 8 -c "$config" --training_set qa.csv --test_set qa.csv --set trainer.epochs=1

# ---- A predictive model: two entries, metadata and columns ----
rm -r "$rows"
cat >task.yaml <<END
input_features:
  - {name: body, type: text, encoder: {type: auto_transformer, pretrained_model_name_or_path: '$encoder', reduce_output: mean}, preprocessing: {cache_encoder_embeddings: true, missing_value_strategy: drop_row}}
  - {name: title, type: text, encoder: {type: embed, embedding_size: 4, reduce_output: mean}}
  - {name: price, type: number, preprocessing: {normalization: zscore, missing_value_strategy: fill_with_mean}}
  - {name: brand, type: category}
  - {name: stock, type: binary}
  - {name: tags, type: set}
  - {name: words, type: bag}
  - {name: place, type: vector}
output_features:
  - {name: label, type: category, loss: {class_weights: {red: 1, green: 2, blue: 3}}}
  - {name: score, type: number}
  - {name: flag, type: binary, calibration: true}
  - {name: topics, type: set}
  - {name: point, type: vector}
trainer: {epochs: 2, batch_size: 16}
END
task="-c task.yaml --dataset all.csv"
made t_cold 2 $task
found t_warm 2 $task
equal t_cold t_warm
LUDWIG_THREADS=1 found t_one 2 $task
equal t_cold t_one
found t_rate 2 $task --set trainer.learning_rate=0.1 --set input_features.1.encoder.embedding_size=8 --set combiner.num_fc_layers=1
found t_weights 2 $task --set output_features.0.loss.class_weights=null
cmp -s t_cold/experiment_run/training_statistics.json t_weights/experiment_run/training_statistics.json && fail "class weights do not count"
made t_seed 4 $task --random_seed 5
made t_shares 6 $task --set 'preprocessing.split={type: random, probabilities: [0.5, 0.25, 0.25]}'
made t_sample 8 $task --set preprocessing.sample_ratio=0.5
made t_fill 10 $task --set input_features.2.preprocessing.missing_value_strategy=fill_with_const
printf 'the\nred\nwind\n' >vocab
made t_vocab 12 $task --set input_features.1.preprocessing.vocab_file="$tmp/vocab"
found t_vocab_again 12 $task --set input_features.1.preprocessing.vocab_file="$tmp/vocab"
equal t_vocab t_vocab_again
echo north >>vocab
made t_vocab_more 14 $task --set input_features.1.preprocessing.vocab_file="$tmp/vocab"
cp -r "$encoder" tower
tower="--set input_features.0.encoder.pretrained_model_name_or_path=$tmp/tower"
found t_moved 14 $task $tower
equal t_cold t_moved
sed 's/^{/{"a_change": 1,/' "$encoder/tokenizer_config.json" >tower/tokenizer_config.json
made t_tokenizer 15 $task $tower # the metadata are the same
made t_length 17 $task --set input_features.0.preprocessing.max_sequence_length=6
found t_length_again 17 $task --set input_features.0.preprocessing.max_sequence_length=6
for run in t_length t_length_again; do grep '^warning: data: .* were cut to 6 tokens' $run.log >$run.warnings; done
[ -s t_length.warnings ] && cmp -s t_length.warnings t_length_again.warnings || fail "warnings of rows are not repeated"
sed '3s/the/that/' "$table" >all.csv
made t_cell 19 $task
sed '2,31d' "$table" >half.csv
made t_apart 21 -c task.yaml --training_set all.csv --validation_set half.csv
found t_apart_again 21 -c task.yaml --training_set all.csv --validation_set half.csv
equal t_apart t_apart_again
made t_apart_other 23 -c task.yaml --training_set all.csv --test_set half.csv
found t_skip 23 $task --skip_save_processed_input
made t_skip_none 23 $task --random_seed 6 --skip_save_processed_input

# ---- Balanced classes; folds ----
rm -r "$rows"
sed -n '/^  - {name: price/p; /^  - {name: brand/p' task.yaml >features
{ echo input_features:; cat features; echo 'output_features: [{name: stock, type: binary}]'; echo 'trainer: {epochs: 2}'; } >stock.yaml
made b_cold 2 -c stock.yaml --dataset all.csv --set preprocessing.oversample_minority=0.9
found b_warm 2 -c stock.yaml --dataset all.csv --set preprocessing.oversample_minority=0.9
equal b_cold b_warm
for i in 1 2; do
    "$ludwig" experiment -c stock.yaml --dataset all.csv --k_fold 3 --output_directory folds$i >folds$i.log 2>&1 || fail "folds $i"
done
entries folds 8
cmp -s folds1/kfold_training_statistics.json folds2/kfold_training_statistics.json || fail "folds differ"

# ---- Damage ----
rm -r "$rows"
made d_cold 2 $task
for entry in "$rows"/*.rows; do
    cp "$entry" whole
    size=$(wc -c <"$entry")
    head -c $((size / 2)) whole >"$entry"
    train d_cut $task
    grep -q "damaged; it is made again" d_cut.log || fail "nothing said of a file that was cut"
    equal d_cold d_cut
    cmp -s whole "$entry" || fail "a file that was cut is not made again"
    { head -c $((size - 100)) whole; printf '\377\376\375'; tail -c 97 whole; } >"$entry"
    train d_flip $task
    equal d_cold d_flip
    cmp -s whole "$entry" || fail "a damaged file is not made again"
    rm -r d_cut d_flip
done
: >"$entry"
train d_empty $task
equal d_cold d_empty

# ---- No place to write to: said once; and a folder of one's own ----
: >plain
for c in "$task" "$llm"; do
    name=p_${#c}
    train "$name" $c --set backend.cache_dir="$tmp/plain"
    n=$(grep -c 'rows are not kept for the next run' "$name.log")
    [ "$n" -eq 1 ] || fail "$name: $n warnings of a cache that cannot be written"
done
train own $task --set backend.cache_dir="$tmp/mine"
[ "$(find mine -name '*.rows' | wc -l)" -eq 2 ] || fail "backend.cache_dir has no rows"
# Two at once, into nothing.
train w1 $task --set backend.cache_dir="$tmp/both" & train w2 $task --set backend.cache_dir="$tmp/both"
wait $!
equal w1 w2
[ -z "$(find both "$rows" -name '*.tmp')" ] || fail "unfinished files are left"
finish
