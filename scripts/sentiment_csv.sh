#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes train.csv, validation.csv and test.csv (text,label) from the sentiment texts: clear opinions only (mean human
# score of at least 1 in size), as many positive as negative ones, the same rows every time.
# Usage: sentiment_csv.sh TEXTS_FOLDER OUT_FOLDER [TRAIN VALIDATION TEST]
set -eu
from=$1 out=$2
mkdir -p "$out"
cat "$from"/amazonReviewSnippets_GroundTruth.txt "$from"/tweets_GroundTruth.txt |
    LC_ALL=C awk -F '\t' -v out="$out" -v n_train="${3:-400}" -v n_val="${4:-60}" -v n_test="${5:-300}" '
    function quote(s) { gsub(/"/, "\"\"", s); return "\"" s "\"" }
    BEGIN { split("train validation test", names, " "); size[1] = n_train; size[2] = n_val; size[3] = n_test
            for (i = 1; i <= 3; i++) print "text,label" > (out "/" names[i] ".csv") }
    { sub(/\r$/, ""); label = $2 >= 1 ? "positive" : $2 <= -1 ? "negative" : "" }
    label == "" || length($3) < 15 || length($3) > 200 || seen[$3]++ { next }
    { # Fill the three files in turn, in the proportion of their sizes, each half positive and half negative.
        best = 0
        for (i = 1; i <= 3; i++) {
            done = 2 * count[i, label] / size[i]
            if (done < 1 && (!best || done < least)) { best = i; least = done }
        }
        if (best) { count[best, label]++; print quote($3) "," label > (out "/" names[best] ".csv") }
    }'
