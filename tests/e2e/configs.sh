#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The predictive configs of Ludwig's users in $LUDWIG_SHARED/configs run with only their placeholders replaced, and a
# fresh process predicts the same bytes. Skipped (77) without those configs and the models of scripts/fetch.sh.
real=$HOME
. "$(dirname "$0")/common.sh"
shared=${LUDWIG_SHARED:-$LUDWIG_TEST_SOURCE_DIR/../shared}
models=${LUDWIG_MODELS:-$real/.cache/ludwig/models}
[ -d "$shared/configs" ] && [ -d "$models/all-MiniLM-L6-v2" ] || { echo "skip: no configs or no models"; exit 77; }
"$(dirname "$0")/make_tables.sh" "$tmp/tables"
cd "$tmp" || exit 1

for pair in 03:reviews 06:goods 07:goods 08:goods 09:scores 11:tickets 12:tickets; do
    number=${pair%:*} table=tables/${pair#*:}.csv
    sed "s|TINY|$shared/golden/tiny|; s|ENCODER|$models/all-MiniLM-L6-v2|" "$shared"/configs/"$number"-*.yaml >"$number.yaml"
    expect 0 "Finished" "$ludwig" experiment -c "$number.yaml" --dataset "$table" --output_directory "$number"
    expect 0 "" "$ludwig" predict -m "$number/experiment_run" --dataset "$table" --split test -o "$number.csv"
    cmp -s "$number.csv" "$number/experiment_run/predictions.csv" || fail "config $number: other predictions when reloaded"
done
expect 2 "known, not available yet" "$ludwig" train -c "$(echo "$shared"/configs/10-*.yaml)" --dataset tables/reviews.csv
finish
