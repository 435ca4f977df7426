#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Category outputs of a language model without training: labels read off generated answers, labels by likelihood,
# examples by retrieval; metrics, columns, and what is refused.
. "$(dirname "$0")/common.sh"
cd "$tmp" || exit 1

run() { "$ludwig" "$@" 2>"$tmp/err" || { fail "exit $?: ludwig $*"; tail -n 5 "$tmp/err" >&2; }; }

cp -r "$model" longer && chmod -R u+w longer # the prompts are longer than what the model says of itself
sed 's/"max_position_embeddings": *64/"max_position_embeddings": 4096/' "$model/config.json" >longer/config.json
model=$tmp/longer

cat >zero.yaml <<EOF
model_type: llm
base_model: $model
generation: {temperature: 0.1, top_p: 0.75, top_k: 40, max_new_tokens: 5}
prompt: {task: "Classify the sample input as either negative, neutral, or positive."}
input_features: [{name: review, type: text}]
output_features:
  - name: label
    type: category
    preprocessing: {fallback_label: "neutral"}
    decoder:
      type: category_extractor
      match:
        "negative": {type: contains, value: "negative"}
        "positive": {type: regex, value: "pos.*"}
EOF
cat >few.yaml <<EOF
model_type: llm
base_model: $model
prompt: {task: "Name the sentiment.", retrieval: {type: random, k: 3}}
input_features: [{name: review, type: text}]
output_features: [{name: label, type: category, decoder: {decoding: score}}]
EOF
score="--set output_features.0.decoder.decoding=score"
{
    echo review,label,split
    for i in 0 1 2 3 4 5 6 7 8 9 10 11; do
        echo "\"good, $i\",positive,$((i % 3))"
        echo "bad $i,negative,$((i % 3))"
    done
    echo fine,positive,1
    echo odd,mixed,2
    echo no label,,2
} >reviews.csv

# Answers: a random model says no label, so that every row has the fallback.
run evaluate -c zero.yaml --dataset reviews.csv -o answers.csv --output_directory stats >/dev/null
grep -q '"unmatched": 27' stats/test_statistics.json || fail "unmatched is not 27"
grep -q '"rows": 26' stats/test_statistics.json || fail "the row without a label was counted"
grep -q '"confusion_matrix"' stats/test_statistics.json || fail "no confusion matrix"
grep -q "1 rows have a label that cannot be answered ('mixed' is the first)" err || fail "nothing is said of 'mixed'"
p=label_probabilities
[ "$(head -n 1 answers.csv)" = "label_predictions,$p,label_probability,${p}_negative,${p}_positive,${p}_neutral,${p}_mixed,label_predictions_top_k,label_response" ] ||
    fail "odd columns: $(head -n 1 answers.csv)"
# All prompts begin alike; what they share is read once.
run predict -c zero.yaml --dataset reviews.csv -o rows.jsonl
run predict -c zero.yaml --dataset reviews.csv --limit 1 -o row.jsonl
head -n 1 rows.jsonl | cmp -s - row.jsonl || fail "a row alone is answered differently"
run predict -c zero.yaml --set 'output_features.0.decoder.match.positive.value=""' --dataset reviews.csv -o empty.csv
[ "$(grep -c '^positive,"\[0.0, 1.0, 0.0\]",1.0,' empty.csv)" -eq 27 ] || fail "an empty regex does not match"

# Likelihood: as the loss of the label as a text after the same prompt (8 letters and the end of text).
run predict -c zero.yaml $score --dataset reviews.csv -o all.csv
run predict -c zero.yaml $score --dataset reviews.csv --limit 1 -o one.csv
head -n 2 all.csv | cmp -s - one.csv || fail "a row alone is scored differently"
cut -d, -f1 all.csv | sort -u | grep -qvx 'label_predictions\|negative\|positive' && fail "a label outside the set"
sed '/output_features/,$d' zero.yaml >text.yaml
echo 'output_features: [{name: label, type: text}]' >>text.yaml
head -n 2 reviews.csv >first.csv
run evaluate -c text.yaml --set backend.precision=fp32 --dataset first.csv >loss.json # as scoring computes
loss=$(sed -n 's/.*"loss": \([0-9.e-]*\).*/\1/p' loss.json | head -n 1)
sed -n '2s/.*, \(-[0-9.]*\)\]"$/\1/p' all.csv |
    awk -v loss="$loss" '{ d = $1 + 9 * loss; bad = d > 1e-4 || d < -1e-4 } END { exit NR != 1 || bad }' ||
    fail "log-likelihood of 'positive' is not the loss of its tokens"
run evaluate -c zero.yaml $score --dataset reviews.csv --split training >score.json
grep -q '"unmatched"' score.json && fail "unmatched answers of scored decoding"
grep -q '"loss": [0-9]' score.json || fail "no loss of scored decoding"
run evaluate -c zero.yaml $score --set output_features.0.decoder.length_normalization=true --dataset reviews.csv >/dev/null

# Examples come from the training rows (split 0) only; labels too, where the config names none.
run predict -c few.yaml --dataset reviews.csv --split test -o few.csv
sed 's/good, 2/GOOD, 2/; s/bad 4,/BAD 4,/' reviews.csv >others.csv
run predict -c few.yaml --dataset others.csv --split test -o others_few.csv
[ "$(diff few.csv others_few.csv | grep -c '^>')" -eq 1 ] || fail "a row that is not for training is in other prompts"
sed 's/good, /GOOD, /' reviews.csv >training.csv
run predict -c few.yaml --dataset training.csv --split validation -o a.csv
run predict -c few.yaml --dataset reviews.csv --split validation -o b.csv
[ "$(sed -n '$p' a.csv)" = "$(sed -n '$p' b.csv)" ] && fail "no training row is in the prompt of the unchanged row"
head -n 1 few.csv | grep -q 'probabilities_mixed' && fail "a label that no training row has"
run predict -c few.yaml --training_set reviews.csv --test_set first.csv --split test -o apart.csv
expect 3 "no training rows" "$ludwig" predict -c few.yaml --test_set first.csv
expect 3 "prompt.retrieval.k is 30" "$ludwig" predict -c few.yaml --set prompt.retrieval.k=30 --dataset reviews.csv

expect 2 "decoder.match of 'positive'" "$ludwig" predict -c zero.yaml --set 'output_features.0.decoder.match.positive.value="("' --dataset reviews.csv
expect 2 "a label is there twice" "$ludwig" predict -c few.yaml --set 'output_features.0.preprocessing.vocab=[a, b, a]' --dataset reviews.csv
expect 2 "nothing to train" "$ludwig" train -c zero.yaml --dataset reviews.csv
expect 2 "known, not available yet" "$ludwig" predict -c zero.yaml --set generation.num_beams=4 --dataset reviews.csv
cut -d, -f1 all.csv | sed 's/label_predictions/review/' >unlabelled.csv
run predict -c zero.yaml --dataset unlabelled.csv -o ok.csv
expect 3 "no column 'label'" "$ludwig" evaluate -c zero.yaml --dataset unlabelled.csv
finish
