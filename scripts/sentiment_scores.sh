#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes train.csv and test.csv (text,score) from the sentiment texts: every fifth text is for the test.
# Usage: sentiment_scores.sh TEXTS_FOLDER OUT_FOLDER
set -eu
from=$1 out=$2
mkdir -p "$out"
cat "$from"/*_GroundTruth.txt | LC_ALL=C awk -F '\t' -v out="$out" '
    function quote(s) { gsub(/"/, "\"\"", s); return "\"" s "\"" }
    BEGIN { print "text,score" > (out "/train.csv"); print "text,score" > (out "/test.csv") }
    { sub(/\r$/, "") }
    $3 == "" || seen[$3]++ { next }
    { print quote($3) "," $2 > (out (n++ % 5 == 4 ? "/test.csv" : "/train.csv")) }'
