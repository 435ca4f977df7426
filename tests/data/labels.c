/* SPDX-License-Identifier: Apache-2.0
 * Category and binary features: order of the classes, <UNK>, unseen labels, true and false words, class weights. */
#include "columns.h"

#define CATEGORY(more) "{\"name\": \"x\", \"type\": \"category\", \"preprocessing\": {" more "}}"
#define BINARY(more)   "{\"name\": \"x\", \"type\": \"binary\", \"preprocessing\": {" more "}}"

static void test_category(void) {
    /* by frequency, equal ones by first appearance */
    CHECK_METADATA(CATEGORY(""), true, "b|c|a| a|c |d", 6,
                   "{\"type\": \"category\", \"idx2str\": [\"c\", \"a\", \"b\", \"d\"], \"str2idx\": {\"c\": 0, \"a\": "
                   "1, \"b\": 2, \"d\": 3}, \"str2freq\": {\"c\": 2, \"a\": 2, \"b\": 1, \"d\": 1}, \"width\": 4}");
    CHECK_METADATA(CATEGORY("\"most_common\": 1"), false, "b|a|a|~", 4,
                   "{\"type\": \"category\", \"idx2str\": [\"<UNK>\", \"a\"], \"str2idx\": {\"<UNK>\": 0, \"a\": 1}, "
                   "\"str2freq\": {\"<UNK>\": 0, \"a\": 2}, \"width\": 2}");
    CHECK_COLUMN(CATEGORY(""), false, "b|a|a|~|  |<UNK>|new", 4, "2 1 1 0 0 0 0");
    CHECK_TEXT(said,
               "d.csv: column 'x': 1 of 7 cells hold a label that training did not keep, and count as <UNK> (first: "
               "row 7, 'new')\n");
    CHECK_COLUMN(CATEGORY(""), true, "b|a|a|~||new|newer", 5, "1 0 0 - - - -");
    CHECK_TEXT(said, "d.csv: column 'x': 2 of 7 cells hold a label that no training row has, and are left out (first: "
                     "row 6, 'new')\n");
    CHECK_COLUMN(CATEGORY("\"missing_value_strategy\": \"fill_with_mode\""), true, "b|a|a|", 4, "1 0 0 0");
    CHECK_COLUMN(CATEGORY("\"missing_value_strategy\": \"fill_with_const\", \"fill_value\": \"z\""), true, "a||z|", 4,
                 "1 0 0 0");
    CHECK_COLUMN(CATEGORY("\"missing_value_strategy\": \"fill_with_const\", \"fill_value\": 3"), true, "a||3|", 4,
                 "1 0 0 0");
    CHECK_COLUMN(CATEGORY("\"missing_value_strategy\": \"ffill\""), true, "|a||b|", 5, "0 0 0 1 1");
    CHECK_COLUMN(CATEGORY("\"lowercase\": true"), true, "A|a|\xC3\x89t\xC3\xA9|\xC3\xA9T\xC3\x89|\xD0\x96|\xC4\x8C", 4,
                 "0 0 1 1 - -");
    CHECK_COLUMN(CATEGORY(""), true, "NA|None|NA", 3, "0 1 0"); /* a label is a label */
}

static void test_category_refusals(void) {
    CHECK_COLUMN(CATEGORY(""), true, "a|a", 2,
                 "d.csv: row 1: column 'x': every training row has the label 'a': an output wants two or more");
    CHECK_COLUMN(CATEGORY(""), true, "~||a", 2, "d.csv: row 1: column 'x': no training row has a label");
    CHECK_COLUMN(CATEGORY("\"most_common\": 2"), true, "a|b|c", 3,
                 "d.csv: row 1: column 'x': 3 labels, preprocessing.most_common is 2: raise it, or is it a number or a "
                 "text?");
    CHECK_COLUMN(CATEGORY("\"missing_value_strategy\": \"fill_with_mode\""), false, "|", 2,
                 "d.csv: row 1: column 'x': no value in any training row: fill_with_mode has none");
    CHECK_COLUMN(CATEGORY(""), false, "|", 2, "0 0");
}

static void test_binary_words(void) {
    CHECK_METADATA(BINARY(""), true, "Yes|no|yes|yes", 4,
                   "{\"type\": \"binary\", \"str2bool\": {\"no\": false, \"Yes\": true, \"yes\": true}, \"bool2str\": "
                   "[\"no\", \"yes\"], \"width\": 1}");
    CHECK_COLUMN(BINARY(""), true, "Yes|no|TRUE|f|1|0.0|-1|T|n|Y", 2, "1 0 1 0 1 0 0 1 0 1");
    CHECK_TEXT(said, "");
    CHECK_COLUMN(BINARY(""), false, "1|0||nan", 2, "1 0 0 0");
    CHECK_COLUMN(BINARY(""), true, "1|0||nan", 2, "1 0 - -");
    CHECK_COLUMN(BINARY("\"missing_value_strategy\": \"fill_with_true\""), false, "1|0|~", 2, "1 0 1");
    CHECK_COLUMN(BINARY("\"missing_value_strategy\": \"fill_with_mode\""), false, "1|1|0|~", 4, "1 1 0 1");
    CHECK_COLUMN(BINARY("\"missing_value_strategy\": \"bfill\""), false, "~|1|0|~", 4, "1 1 0 0");
    CHECK_COLUMN(BINARY("\"missing_value_strategy\": \"fill_with_const\", \"fill_value\": true"), false, "1|0|~", 2,
                 "1 0 1");
    CHECK_COLUMN(BINARY(""), true, "yes|yes", 2, "1 1");
    CHECK_TEXT(said, "d.csv: column 'x': every training row holds 'yes'\n");
}

static void test_binary_labels(void) {
    CHECK_COLUMN(BINARY(""), true, "spam|ham|ham|maybe|yes", 3, "1 0 0 - -");
    CHECK_TEXT(said, "d.csv: column 'x': 'spam' is true, 'ham' false (preprocessing.fallback_true_label)\n"
                     "d.csv: column 'x': 2 of 5 cells hold a value that no training row has, and are left out (first: "
                     "row 4, 'maybe')\n");
    CHECK_COLUMN(BINARY("\"fallback_true_label\": \"ham\""), true, "spam|ham|ham", 3, "0 1 1");
    CHECK_COLUMN(BINARY("\"fallback_true_label\": \"spam\""), true, "ham|ham|spam", 2, "0 0 1");
    CHECK_METADATA(BINARY(""), true, "spam|ham|ham", 3,
                   "{\"type\": \"binary\", \"str2bool\": {\"spam\": true, \"ham\": false}, \"bool2str\": [\"ham\", "
                   "\"spam\"], \"width\": 1}");
    CHECK_COLUMN(BINARY(""), true, "no|maybe|no", 3, "0 1 0");
    CHECK_COLUMN(BINARY(""), true, "zilch|yes", 2, "0 1");
    CHECK_COLUMN(BINARY(""), false, "spam|ham|ham|maybe", 3, "1 0 0 0");
    CHECK_COLUMN(BINARY("\"missing_value_strategy\": \"fill_with_true\""), false, "spam|ham|ham|maybe", 3, "1 0 0 1");
    CHECK_COLUMN(BINARY(""), false, "~|~", 2, "0 0");
}

static void test_binary_refusals(void) {
    CHECK_COLUMN(BINARY(""), true, "a|b|c|d|e|f|a", 7,
                 "d.csv: column 'x': a binary feature wants two values, there are 6: 'a', 'b', 'c', 'd', 'e' ...");
    CHECK_COLUMN(BINARY(""), true, "yes|no|maybe", 3,
                 "d.csv: column 'x': a binary feature wants two values, there are 3: 'yes', 'no', 'maybe'");
    CHECK_COLUMN(BINARY("\"fallback_true_label\": \"eggs\""), true, "spam|ham|ham", 3,
                 "column 'x': preprocessing.fallback_true_label 'eggs' does not occur; there is 'ham', 'spam'");
    CHECK_COLUMN(BINARY(""), true, "~|", 2, "d.csv: row 1: column 'x': no training row has a value");
    CHECK_COLUMN(BINARY("\"missing_value_strategy\": \"fill_with_const\", \"fill_value\": \"q\""), false, "1|0|~", 2,
                 "column 'x': preprocessing.fill_value 'q' is no value of it");
}

static void check_weights(const char *weights, const char *want) {
    ludc_value *w = json(weights), *m = json("{\"idx2str\": [\"world\", \"sports\", \"tech\"]}");
    float out[3];
    char got[sizeof(lud_error)];
    lud_error err = LUDC_ERROR_INIT;
    if (ludc_class_weights(w, m, out, &err) == LUD_OK)
        snprintf(got, sizeof got, "%g %g %g", (double)out[0], (double)out[1], (double)out[2]);
    else
        snprintf(got, sizeof got, "%s", err.msg);
    CHECK_TEXT(got, want);
    ludc_value_free(w);
    ludc_value_free(m);
}

static void test_class_weights(void) {
    check_weights("null", "1 1 1");
    check_weights("[1, 2.5, 0]", "1 2.5 0");
    check_weights("{\"tech\": 3, \"world\": 1, \"sports\": 0.5}", "1 0.5 3");
    check_weights("[1, 2]", "class_weights: 2 weights, there are 3 classes: world, sports, tech");
    check_weights("[1, -2, 1]", "class_weights: 'sports': want a number >= 0");
    check_weights("[1, \"2\", 1]", "class_weights: 'sports': want a number >= 0");
    check_weights("[1, 1e300, 1]", "class_weights: 'sports': want a number >= 0");
    check_weights("[0, 0, 0]", "class_weights: all are 0");
    check_weights("{\"tech\": 3, \"world\": 1, \"sport\": 0.5}",
                  "class_weights: no training row has the class 'sport' (did you mean 'sports'?)");
    check_weights("{\"tech\": 3, \"<UNK>\": 0.5}", "class_weights: no training row has the class '<UNK>'");
    check_weights("{\"tech\": 3, \"world\": 1}", "class_weights: the class 'sports' has no weight");
    check_weights("3", "class_weights: want a list of numbers or numbers by class");
    lud_error err = LUDC_ERROR_INIT;
    float out;
    CHECK_INT(ludc_class_weights(NULL, NULL, &out, &err), LUD_E_INVALID);
    CHECK_TEXT(err.msg, "class_weights: the feature has no classes");
}

int main(void) {
    test_category();
    test_category_refusals();
    test_binary_words();
    test_binary_labels();
    test_binary_refusals();
    test_class_weights();
    check_no_memory(CATEGORY("\"lowercase\": true, \"missing_value_strategy\": \"fill_with_mode\""), false, "A||b", 3);
    check_no_memory(BINARY("\"missing_value_strategy\": \"fill_with_mode\""), true, "spam|ham||eggs", 3);
    return check_done();
}
