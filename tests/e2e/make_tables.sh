#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make_tables.sh DIR: small tables of generated rows, with the columns that predictive configs of Ludwig's users name:
# reviews.csv (review, sentiment), goods.csv (description, class, price, brand, in_stock, department, rating),
# scores.csv (text, score), tickets.csv (text, tags, urgent, label).
set -eu
mkdir -p "$1"
cd "$1"
awk 'BEGIN {
    n = split("lamp chair kettle rope drill scarf", thing); split("home garden wear", place)
    split("awful poor plain good great", word); split("Acme Brill Corto", brand)
    print "review,sentiment" >"reviews.csv"
    print "description,class,price,brand,in_stock,department,rating" >"goods.csv"
    print "text,score" >"scores.csv"
    print "text,tags,urgent,label" >"tickets.csv"
    for (i = 0; i < 120; i++) {
        t = i % n + 1; d = t % 3 + 1; w = i * 7 % 5 + 1; late = (i * 11 % 7 < 2)
        printf "\"This %s is %s, number %d.\",%s\n", thing[t], word[w], i, (w > 3 ? "positive" : "negative") >"reviews.csv"
        printf "\"A %s %s for the %s\",%s,%s,%s,%s,%s,%s\n", word[w], thing[t], place[d], thing[t], \
            (i % 17 == 3 ? "" : t * 10 + i % 7 + 0.5), (i % 19 == 4 ? "" : brand[i % 3 + 1]), (i % 4 ? "true" : "false"), \
            place[d], w + 0.1 * t >"goods.csv"
        printf "\"%s and %s again (%d)\",%g\n", word[w], word[i * 3 % 5 + 1], i, w + i * 3 % 5 - 4 >"scores.csv"
        printf "\"The %s arrived %s: %s (%d)\",%s%s,%s,%s\n", thing[t], (late ? "late" : "in time"), word[w], i, thing[t], \
            (late ? " late" : ""), (late ? 1 : 0), place[d] >"tickets.csv"
    }
}'
