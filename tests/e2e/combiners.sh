#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The combiners that make sequences, as a user runs them: every type of column, one text that stays a sequence; a fresh
# process, other threads and one row alone predict the same bytes; what they cannot join is refused by name.
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/tables.sh"
cd "$tmp" || exit 1
cat >all.yaml <<YAML
input_features:
  - {name: body, type: text, encoder: {type: auto_transformer, pretrained_model_name_or_path: $encoder, reduce_output: mean}}
  - {name: title, type: text, encoder: {type: embed, embedding_size: 6}}
  - {name: price, type: number}
  - {name: brand, type: category, encoder: {type: dense, embedding_size: 4}}
  - {name: tags, type: set}
output_features:
  - {name: label, type: category}
  - {name: score, type: number, preprocessing: {normalization: zscore}}
trainer: {epochs: 12, batch_size: 8, learning_rate: 0.01}
YAML
awk -F, -v OFS=, '{ NF -= 5; print }' "$table" >inputs.csv
head -n 2 inputs.csv >row.csv

# learns NAME [--set ...]: trains, then all ways to predict agree
learns() {
    name=$1
    shift
    run experiment -c all.yaml --dataset "$table" --output_directory "$name" "$@"
    [ -s "$name/experiment_run/predictions.csv" ] || return
    run predict -m "$name/experiment_run" --dataset "$table" --split test -o again.csv
    same "$name: a fresh process" again.csv "$name/experiment_run/predictions.csv"
    run predict -m "$name/experiment_run" --dataset inputs.csv -o all.csv --threads 1
    run predict -m "$name/experiment_run" --dataset inputs.csv -o two.csv --threads 2
    same "$name: two threads" all.csv two.csv
    run predict -m "$name/experiment_run" --dataset row.csv -o row.out.csv
    head -n 2 all.csv >first.csv
    same "$name: one row alone" row.out.csv first.csv
    run train -c all.yaml --dataset "$table" --output_directory "$name-again" --threads 1 "$@"
    same "$name: trained with one thread" "$(weights "$name")" "$(weights "$name-again")"
    # colours come from the body and the tags: better than a guess on the rows that were not trained
    right=$(paste -d, all.csv "$table" | awk -F, 'NR > 1 && $1 == $(NF - 4) { n++ } END { print n + 0 }')
    [ "$right" -ge 45 ] || fail "$name: $right of 60 labels are right"
}
learns transformer --set "combiner={type: transformer, hidden_size: 16, num_heads: 4, transformer_output_size: 8, num_layers: 2}"
learns steps --set "combiner={type: transformer, hidden_size: 16, num_heads: 2, reduce_output: concat, num_fc_layers: 1, output_size: 16, fc_dropout: 0.1}"
learns tokens --set "combiner={type: sequence_concat, reduce_output: mean}" --set input_features.0.encoder.reduce_output=null
learns words --set "combiner={type: sequence_concat, main_sequence_feature: title}" --set input_features.1.encoder.reduce_output=null
learns tuned --set "combiner={type: sequence_concat, reduce_output: attention}" --set input_features.0.encoder.reduce_output=null \
    --set input_features.0.encoder.adapter=lora

# ---- Frozen and cached beside a combiner that stacks: the same bytes as live ----
run train -c all.yaml --dataset "$table" --output_directory cached --set input_features.0.preprocessing.cache_encoder_embeddings=true \
    --set "combiner={type: transformer, hidden_size: 16, num_heads: 4, transformer_output_size: 8, num_layers: 2}"
same "cached" "$(weights transformer)" "$(weights cached)"

# ---- What cannot be ----
train() { "$ludwig" train -c all.yaml --dataset "$table" --output_directory none "$@"; }
expect 2 "'body' and 'title' are both sequences" train --set combiner=sequence_concat \
    --set input_features.0.encoder.reduce_output=null --set input_features.1.encoder.reduce_output=null
expect 2 "no input feature is a sequence" train --set combiner=sequence_concat
expect 2 "input feature 'body' gives a sequence" train --set combiner=transformer --set input_features.0.encoder.reduce_output=null
expect 2 "'brand' gives one vector per row" train --set "combiner={type: sequence_concat, main_sequence_feature: brand}" \
    --set input_features.0.encoder.reduce_output=null
expect 2 "unknown key 'num_head' (did you mean 'num_heads'?)" train --set "combiner={type: transformer, num_head: 2}"
expect 2 "num_heads: got 7, want a divisor of hidden_size 256" train --set "combiner={type: transformer, num_heads: 7}"
expect 2 "reduce_output" train --set "combiner={type: sequence_concat, reduce_output: concat}"
expect 4 "no combiner plugin 'transformr' (did you mean 'transformer'?" train --set combiner=transformr
[ ! -e none ] || fail "a failed run left a folder behind"
finish
