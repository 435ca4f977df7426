# SPDX-License-Identifier: Apache-2.0
# Sourced by the predictive scripts. Sets: encoder, a tiny BERT-like folder; table, a csv of 60 rows with a column of every
# type, whose outputs (label, score, flag, topics, point) follow from its inputs.
encoder=$LUDWIG_TEST_SOURCE_DIR/tests/golden/data/encoders/electra
table=$tmp/table.csv
awk 'BEGIN {
    split("red green blue", color); split("fox hen cow", beast); split("north south east west", wind)
    print "body,title,price,brand,stock,tags,words,place,label,score,flag,topics,point"
    for (i = 0; i < 60; i++) {
        c = i % 3 + 1; b = int(i / 3) % 3 + 1; w = i * 7 % 4 + 1; p = i * 37 % 50 / 4
        printf "\"the %s %s, %d\",%s wind é,%s,%s,%s,%s %s,%s %s %s,%g %g 1,", color[c], beast[b], i, wind[w], \
            (i % 11 == 5 ? "" : p), (i % 13 == 6 ? "" : beast[b]), (w > 2 ? "yes" : "no"), color[c], wind[w], beast[b], \
            beast[b], wind[w], c / 3, w / 4
        printf "%s,%g,%s,%s,%g %g\n", color[c], p + c * 10, (w > 2 ? "true" : "false"), \
            (c == 1 ? beast[b] : beast[b] " " wind[w]), c, -w
    }
}' >"$table"

run() { "$ludwig" "$@" 2>"$tmp/err" || { fail "exit $?: ludwig $*"; tail -n 5 "$tmp/err" >&2; }; }
# same WHAT FILE FILE: byte for byte
same() { cmp -s "$2" "$3" || fail "$1: $2 and $3 differ"; }
# said TEXT: on stderr of the last run
said() { grep -qF -- "$1" "$tmp/err" || fail "no '$1' in: $(tail -n 3 "$tmp/err")"; }
weights() { echo "$1/experiment_run/model/model_weights/model.safetensors"; }
