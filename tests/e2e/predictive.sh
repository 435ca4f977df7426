#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# model_type ecd as a user runs it: every type of column in one table; a fresh process elsewhere predicts the same
# bytes; threads, seeds, caches and micro-batches do not change them; the three ways to tune an encoder.
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/tables.sh"
cd "$tmp" || exit 1
text="{type: auto_transformer, pretrained_model_name_or_path: $encoder, reduce_output: mean}"

# ---- Everything at once: all types, two texts, one of them tied, an output that sees another one ----
cat >mixed.yaml <<END
input_features:
  - {name: body, type: text, encoder: $text, preprocessing: {cache_encoder_embeddings: true}}
  - {name: title, type: text, tied: body}
  - {name: price, type: number, preprocessing: {missing_value_strategy: fill_with_mean}}
  - {name: brand, type: category, encoder: {type: dense, embedding_size: 4}}
  - {name: stock, type: binary}
  - {name: tags, type: set}
  - {name: words, type: bag}
  - {name: place, type: vector, encoder: {type: dense, output_size: 4}}
output_features:
  - {name: label, type: category, top_k: 2, loss: {class_weights: {red: 2, green: 1, blue: 0.5}}, decoder: {num_fc_layers: 1, fc_output_size: 8}}
  - {name: score, type: number, preprocessing: {normalization: zscore}, clip: [0, 40], dependencies: [label]}
  - {name: flag, type: binary, threshold: 0.3, loss: {weight: 0.5}}
  - {name: topics, type: set, threshold: 0.6}
  - {name: point, type: vector, dependencies: [flag, score]}
combiner: {type: concat, num_fc_layers: 1, output_size: 16, dropout: 0.1}
trainer: {epochs: 3, batch_size: 8, learning_rate: 0.01}
END
run experiment -c mixed.yaml --dataset "$table" --output_directory a
[ "$failures" -eq 0 ] || finish
said "embeddings of 'body'"
grep -q '^Finished: experiment_run$' err || fail "no 'Finished:' line"
for f in description.json training_statistics.json test_statistics.json predictions.csv model/model_hyperparameters.json \
    model/training_set_metadata.json model/training_progress.json model/model_weights/model.safetensors; do
    [ -s "a/experiment_run/$f" ] || fail "missing $f"
done
[ "$(wc -l <a/experiment_run/predictions.csv)" -eq 13 ] || fail "predictions.csv has not 12 rows"
head -n 1 a/experiment_run/predictions.csv >columns
for c in label_predictions label_probabilities label_probability label_probabilities_red label_predictions_top_k \
    score_predictions flag_predictions flag_probabilities_true topics_predictions topics_probabilities point_predictions; do
    grep -q "\(^\|,\)$c\(,\|\$\)" columns || fail "no column $c in: $(cat columns)"
done
grep -q confusion_matrix a/experiment_run/test_statistics.json || fail "no confusion matrix in test_statistics.json"

run predict -m a/experiment_run --dataset "$table" -o plain.tsv
awk -F'\t' 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
    ($at["flag_probabilities_true"] >= 0.3) != ($at["flag_predictions"] == "true") { bad = 1 }
    $at["score_predictions"] < 0 || $at["score_predictions"] > 40 { bad = 1 }
    END { exit bad || NR != 61 }' plain.tsv || fail "a threshold or a clip is not kept"

mkdir elsewhere
cd elsewhere
run predict -m ../a/experiment_run --dataset "$table" --split test -o test.csv
cd ..
same "a fresh process" elsewhere/test.csv a/experiment_run/predictions.csv
run predict -m a/experiment_run/model --dataset "$table" -o full.csv --threads 1
run predict -m a/experiment_run/model --dataset "$table" -o two.csv --threads 2
same "two threads" full.csv two.csv
awk -F, -v OFS=, '{ NF -= 5; print }' "$table" >inputs.csv
run predict -m a/experiment_run --dataset inputs.csv -o no_target.csv
same "without the target columns" full.csv no_target.csv
run predict -m a/experiment_run --dataset inputs.csv -o out.jsonl
[ "$(wc -l <out.jsonl)" -eq 60 ] || fail "out.jsonl has not 60 lines"
grep -q '^{"label_predictions": *"' out.jsonl || fail "no JSON in out.jsonl: $(head -n 1 out.jsonl)"
run evaluate -m a/experiment_run --dataset "$table" --split test -od eval -o again.csv >eval.json
same "evaluate's predictions" again.csv a/experiment_run/predictions.csv
same "evaluate's metrics" eval/test_statistics.json a/experiment_run/test_statistics.json

run train -c mixed.yaml --dataset "$table" --output_directory one --threads 1
said " 0 encoded"
same "one thread, the same seed" "$(weights a)" "$(weights one)"
# Another build of the kernels that compute the vectors: none of the old ones is taken.
cp "$(dirname "$ludwig")/../lib/ludwig/plugins-1/cpu.so" .
echo >>cpu.so
run train -c mixed.yaml --dataset "$table" --output_directory cpu --plugin_path cpu.so
said " 0 from the cache"
same "a copy of the cpu plugin" "$(weights a)" "$(weights cpu)"
run train -c mixed.yaml --dataset "$table" --output_directory seed --random_seed 7
cmp -s "$(weights a)" "$(weights seed)" && fail "another seed gives the same weights"
run experiment -c mixed.yaml --dataset "$table" --output_directory reference --set backend.device=reference

# ---- Cached or not: the same bytes ----
run experiment -c mixed.yaml --dataset "$table" --output_directory live \
    --set input_features.0.preprocessing.cache_encoder_embeddings=false
same "not cached: predictions" a/experiment_run/predictions.csv live/experiment_run/predictions.csv
same "not cached: metrics" a/experiment_run/test_statistics.json live/experiment_run/test_statistics.json
same "not cached: statistics" a/experiment_run/training_statistics.json live/experiment_run/training_statistics.json
same "not cached: weights" "$(weights a)" "$(weights live)"

# ---- Micro-batches: 8 rows four times are 32 rows ----
cat >plain.yaml <<END
input_features: [{name: body, type: text, encoder: $text}, {name: price, type: number}]
output_features: [{name: label, type: category, loss: {class_weights: [1, 2, 3]}}, {name: score, type: number, preprocessing: {normalization: minmax}}]
trainer: {epochs: 2, batch_size: 32, learning_rate: 0.01, optimizer: {type: sgd}}
END
run train -c plain.yaml --dataset "$table" --output_directory b32
run train -c plain.yaml --dataset "$table" --output_directory b8 --set trainer.batch_size=8 \
    --set trainer.gradient_accumulation_steps=4
run predict -m b32/experiment_run --dataset "$table" -o b32.csv
run predict -m b8/experiment_run --dataset "$table" -o b8.csv
paste -d, b32.csv b8.csv | tr -d '"[]' | awk -F, '
    NR > 1 { for (i = 1; i <= NF / 2; i++) if ($i + 0 == $i) { d = $i - $(i + NF / 2); n++; if (d * d > 1e-10) bad = 1 } }
    END { exit bad || !n }' || fail "8 rows four times are not 32 rows at once"

# ---- Ways to tune ----
for way in "adapter=lora" "trainable=true" "adapter={type: lora, r: 4, target_modules: [query, value]}"; do
    key=${way%%=*}
    rm -rf tuned
    run experiment -c plain.yaml --dataset "$table" --output_directory tuned --set "input_features.0.encoder.$way" \
        --set trainer.epochs=1
    case $key in adapter) said "adapter lora" ;; *) said "tuned whole" ;; esac
    run predict -m tuned/experiment_run --dataset "$table" --split test -o tuned.csv
    same "$way" tuned.csv tuned/experiment_run/predictions.csv
done
rm -rf tuned
run experiment -c plain.yaml --dataset "$table" --output_directory tuned --set input_features.0.encoder.adapter=lora \
    --set input_features.0.encoder.trainable=true --set trainer.encoder_learning_rate=0.001
run predict -m tuned/experiment_run --dataset "$table" --split test -o tuned.csv
same "adapter and trainable" tuned.csv tuned/experiment_run/predictions.csv
rm -rf tuned
run experiment -c plain.yaml --dataset "$table" --output_directory tuned --set input_features.0.encoder.trainable=true \
    --set 'trainer.layers_to_freeze_regex=embed|layer\.0' --set trainer.epochs=1
said "freezes 23 tensors"
run predict -m tuned/experiment_run --dataset "$table" --split test -o tuned.csv
same "layers_to_freeze_regex" tuned.csv tuned/experiment_run/predictions.csv
# The encoder's own dropout (0.1 in its config.json) is for what is trained alone.
cp -r "$encoder" dry
chmod -R u+w dry
sed -i 's/"hidden_dropout_prob": 0.1/"hidden_dropout_prob": 0.0/' dry/config.json
for trainable in false true; do
    for folder in "$encoder" dry; do
        rm -rf "$(basename $folder)-run"
        run train -c plain.yaml --dataset "$table" --output_directory "$(basename $folder)-run" --set trainer.epochs=1 \
            --set input_features.0.encoder.pretrained_model_name_or_path="$folder" --set input_features.0.encoder.trainable=$trainable
    done
    cmp -s "$(weights electra-run)" "$(weights dry-run)" && changes=false || changes=true
    [ $changes = $trainable ] || fail "trainable: $trainable; dropout changes the weights: $changes"
done
for pool in sum max last cls cls_pooled attention; do
    run train -c plain.yaml --dataset "$table" --output_directory pools --set "input_features.0.encoder.reduce_output=$pool" \
        --set trainer.epochs=1
done

# ---- Rows: samples, balanced classes; calibrated probabilities ----
cat >rows.yaml <<END
input_features: [{name: price, type: number}, {name: brand, type: category}]
output_features: [{name: flag, type: binary, calibration: true}]
preprocessing: {sample_ratio: 0.5, split: {type: stratify, column: flag, probabilities: [0.6, 0.2, 0.2]}}
trainer: {epochs: 2, batch_size: 8, learning_rate: 0.05}
END
run experiment -c rows.yaml --dataset "$table" --output_directory half
rows=$(sed -n 's/^data: \([0-9]*\) training, \([0-9]*\) validation, \([0-9]*\) test rows.*/\1 + \2 + \3/p' err)
[ "$((${rows:-0}))" -eq 30 ] || fail "half of 60 rows is $rows"
said "output 'flag': calibrated on "
grep -q calibration_temperature half/experiment_run/model/training_set_metadata.json || fail "no temperature is saved"
run predict -m half/experiment_run --dataset "$table" --split test -o half.csv
same "a sample, calibrated" half.csv half/experiment_run/predictions.csv
run train -c rows.yaml --dataset "$table" --output_directory few --set preprocessing.sample_ratio=1 --set preprocessing.sample_size=20
grep -q ' training, .* test rows' err || fail "no number of rows"
awk 'NR == 1 || !/,true,/ || ++n % 3 == 0' "$table" >skew.csv
for how in oversample_minority undersample_majority; do
    run train -c rows.yaml --dataset skew.csv --output_directory balanced --set preprocessing.sample_ratio=1 --set preprocessing.$how=1
    said ": classes balanced"
done

# ---- What a missing value becomes ----
strategy() { # feature type strategy
    cat >missing.yaml <<END
input_features:
  - {name: price, type: number}
  - {name: $1, type: $2, preprocessing: {missing_value_strategy: $3}}
output_features: [{name: label, type: category}]
trainer: {epochs: 1}
END
    sed 's/^  - {name: price, type: number}$//' missing.yaml >missing_one.yaml
    [ "$1" = price ] && mv missing_one.yaml missing.yaml
    run experiment -c missing.yaml --dataset "$table" --output_directory missing
    [ "$3" != drop_row ] || said "left out"
}
for s in fill_with_const fill_with_mean fill_with_mode bfill ffill drop_row; do strategy price number $s; done
for s in fill_with_const fill_with_mode bfill ffill drop_row; do strategy brand category $s; done
strategy stock binary fill_with_false

# ---- Edges: 40 columns, lists that are all empty, no validation and no test row, one row to predict ----
awk -F, -v OFS=, '{ s = $(NF - 10); for (i = 0; i < 40; i++) s = s OFS (NR == 1 ? "c" i : (NR * i) % 7); print s, $(NF - 4), NR == 1 ? "none" : "" }' \
    "$table" >wide.csv
{
    echo "input_features:"
    for i in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38; do
        echo "  - {name: c$i, type: $([ $((i % 2)) -eq 0 ] && echo number || echo set)}"
    done
    echo "  - {name: none, type: set, preprocessing: {missing_value_strategy: fill_with_const, fill_value: ''}}"
    echo "output_features: [{name: label, type: category}]"
    echo "preprocessing: {split: {type: random, probabilities: [1, 0, 0]}}"
    echo "trainer: {epochs: 2, batch_size: auto}"
} >wide.yaml
run experiment -c wide.yaml --dataset wide.csv --output_directory wide
head -n 2 wide.csv >row.csv
run predict -m wide/experiment_run --dataset row.csv -o row.out.csv
run predict -m wide/experiment_run --dataset wide.csv -o wide.out.csv
head -n 2 wide.out.csv >first.csv
same "one row alone" row.out.csv first.csv
finish
