#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# experiment --k_fold: every row is tested on once, the means are those of the folds' own files, nothing is encoded twice;
# every wrong use is said.
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/tables.sh"
cd "$tmp" || exit 1
cat >ecd.yaml <<END
input_features:
  - {name: body, type: text, encoder: {type: auto_transformer, pretrained_model_name_or_path: $encoder}, preprocessing: {cache_encoder_embeddings: true}}
  - {name: price, type: number, preprocessing: {missing_value_strategy: fill_with_mean}}
output_features: [{name: label, type: category}, {name: score, type: number}]
trainer: {epochs: 2, batch_size: 8, learning_rate: 0.01}
END

# rows FILE NAME: the row numbers of all lists of that name, sorted
rows() { grep "\"$2\"" "$1" | sed 's/.*\[//; s/].*//' | tr ', ' '\n\n' | grep . | sort -n; }
# number FILE KEY: the value of the first line with the key
number() { sed -n "s/^ *\"$2\": *\([-0-9.e+]*\),*$/\1/p" "$1" | head -n 1; }

run experiment -c ecd.yaml --dataset "$table" -od k -kf 4
[ "$failures" -eq 0 ] || finish
[ "$(grep -c "embeddings of 'body'" err)" -eq 8 ] || fail "not 4 folds with two splits each"
[ "$(grep "embeddings of 'body'" err | grep -vc ' 0 encoded')" -eq 2 ] || fail "texts are encoded in more than one fold"
for i in 1 2 3 4; do
    for f in description.json predictions.csv test_statistics.json model/model_weights/model.safetensors; do
        [ -s "k/fold_$i/experiment_run/$f" ] || fail "fold $i: no $f"
    done
    [ "$(wc -l <"k/fold_$i/experiment_run/predictions.csv")" -eq 16 ] || fail "fold $i has not 15 test rows"
done
seq 0 59 >all
rows k/kfold_split_indices.json test_indices >tested
same "test rows" tested all
for i in 1 2 3 4; do
    grep -A 2 "\"fold_$i\"" k/kfold_split_indices.json >fold
    { rows fold training_indices; rows fold test_indices; } | sort -n >both
    same "rows of fold $i" both all
done

# Means and deviations, worked out again from the folds' files.
for i in 1 2 3 4; do number k/fold_$i/experiment_run/test_statistics.json accuracy; done | awk '
    { x[NR] = $1; sum += $1 }
    END { for (i = 1; i <= NR; i++) squares += (x[i] - sum / NR) ^ 2; print sum / NR, sqrt(squares / NR) }' >want
sed -n '/"overall"/,$p' k/kfold_training_statistics.json >overall
echo "$(number overall accuracy_mean) $(number overall accuracy_std)" | paste -d' ' - want |
    awk '{ exit !(NF == 4 && ($1 - $3) ^ 2 < 1e-10 && ($2 - $4) ^ 2 < 1e-10) }' || fail "overall: $(cat want): $(grep accuracy_ overall)"
grep -q mean_squared_error_std overall || fail "overall lacks the other output"
grep -q fold_eval_stats k/kfold_training_statistics.json || fail "no fold_eval_stats"

# A fold's model works by itself; another process makes the same folds, another seed others.
run predict -m k/fold_2/experiment_run --dataset "$table" -o full.csv
run experiment -c ecd.yaml --dataset "$table" -od again --k_fold 4 --skip_save_k_fold_split_indices --threads 1
same "again" k/kfold_training_statistics.json again/kfold_training_statistics.json
[ ! -e again/kfold_split_indices.json ] || fail "--skip_save_k_fold_split_indices wrote them"
run experiment -c ecd.yaml --dataset "$table" -od seed -kf 2 -rs 7 --set trainer.epochs=1
rows seed/kfold_split_indices.json test_indices >tested
same "test rows of another seed" tested all
cmp -s k/kfold_split_indices.json seed/kfold_split_indices.json && fail "another seed gives the same folds"

# ---- A language model; as many folds as rows ----
head -n 4 "$data" >three.csv
run experiment -c "$config" --dataset three.csv -od llm -kf 3
grep -q exact_match_mean llm/kfold_training_statistics.json || fail "no exact_match_mean"
[ -s llm/fold_3/experiment_run/model/model_weights/adapter_model.safetensors ] || fail "fold 3 has no adapter"

# ---- Wrong use ----
expect 2 "2 folds or more" "$ludwig" experiment -c ecd.yaml --dataset "$table" -od wrong -kf 1
expect 2 "2 folds or more" "$ludwig" experiment -c ecd.yaml --dataset "$table" -od wrong -kf 0
expect 2 "not a whole number" "$ludwig" experiment -c ecd.yaml --dataset "$table" -od wrong -kf few
expect 2 "the command experiment" "$ludwig" train -c ecd.yaml --dataset "$table" -od wrong -kf 3
expect 2 "no set apart" "$ludwig" experiment -c ecd.yaml --training_set "$table" -od wrong -kf 3
expect 2 "no set apart" "$ludwig" experiment -c ecd.yaml --dataset "$table" --test_set "$table" -od wrong -kf 3
expect 3 "3 rows cannot be cut into 4 folds" "$ludwig" experiment -c "$config" --dataset three.csv -od wrong -kf 4
[ ! -e wrong ] || fail "a refused run left a folder"
finish
