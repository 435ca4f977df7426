/* SPDX-License-Identifier: Apache-2.0
 * A category output of model_type llm: what a user sees for a bad one, word by word; defaults; and the configs for
 * answers without training as Ludwig's users write them. */
#include <check.h>
#include <config.h>

#define HEAD "model_type: llm\nbase_model: m\ninput_features: [{name: x, type: text}]\n"

typedef struct pair {
    const char *text, *want;
} pair;

/* The output feature, from column 19 of line 4 on. want NULL: nothing is wrong. */
static const pair cases[] = {
    {"{name: y, type: category, decoder: {match: {a: {type: contains, value: a}}}}", NULL},
    {"{name: y, type: category, preprocessing: {vocab: [a]}, decoder: {decoding: score}}", NULL},
    {"{name: y, type: category, decoder: {decoding: score}}", NULL},
    {"{name: y, type: category}", "c.yaml:4:19: error: output_features.0.decoder: needs 'match', how an answer names a "
                                  "label; or decoding: score"},
    {"{name: y, type: category, decoder: {match: {}}}",
     "c.yaml:4:62: error: output_features.0.decoder.match: must be an object: {label: {type, value}}"},
    {"{name: y, type: category, decoder: {match: [a]}}",
     "c.yaml:4:62: error: output_features.0.decoder.match: must be an object: {label: {type, value}}"},
    {"{name: y, type: category, decoder: {match: {a: b, c: {type: contains}, d: {type: is, value: x}}}}",
     "c.yaml:4:63: error: output_features.0.decoder.match: 'a' must be {type: contains or regex, value: a string}\n"
     "c.yaml:4:69: error: output_features.0.decoder.match: 'c' must be {type: contains or regex, value: a string}\n"
     "c.yaml:4:90: error: output_features.0.decoder.match: 'd' must be {type: contains or regex, value: a string}"},
    {"{name: y, type: category, decoder: {match: {a: {type: json_schema, value: x}}}}",
     "c.yaml:4:63: error: output_features.0.decoder.match: 'a' is of type json_schema: known, not available yet"},
    {"{name: y, type: category, preprocessing: {vocab: [b]}, decoder: {match: {a: {type: regex, value: x}}}}",
     "c.yaml:4:92: error: output_features.0.decoder.match: 'a' is not in preprocessing.vocab"},
    {"{name: y, type: category, preprocessing: {vocab: []}, decoder: {decoding: score}}",
     "c.yaml:4:68: error: output_features.0.preprocessing.vocab: holds no label"},
    {"{name: y, type: category, preprocessing: {vocab: [1, 2]}, decoder: {decoding: score}}",
     "c.yaml:4:69: error: output_features.0.preprocessing.vocab.0: must be a string, got 1\n"
     "c.yaml:4:72: error: output_features.0.preprocessing.vocab.1: must be a string, got 2"},
    {"{name: y, type: category, decoder: {decoding: beam}}",
     "c.yaml:4:65: error: output_features.0.decoder.decoding: 'beam' is not an allowed word; allowed: generate, score"},
    {"{name: y, type: category, decoder: {decoding: score, str2idx: {a: 0}}}",
     "c.yaml:4:72: error: output_features.0.decoder.str2idx: known, not available yet"},
    {"{name: y, type: text, decoder: {match: {a: {type: contains, value: a}}}}",
     "c.yaml:4:51: error: output_features.0.decoder: unknown key 'match' (it is for features of another type)"},
    {"{name: y, type: category, decoder: {decoding: score}}]\ntrainer: {type: finetune}\nadapter: null #",
     "c.yaml:5:17: error: trainer.type: an output of type category is not trained here: set it to none, or use an "
     "output of type text, or model_type ecd"},
};

/* The messages without the excerpts of the source below them. */
static void without_excerpts(char *msg) {
    char *to = msg;
    for (char *line = msg; *line;) {
        size_t n = strcspn(line, "\n");
        if (*line != ' ') {
            if (to != msg) *to++ = '\n';
            memmove(to, line, n);
            to += n;
        }
        line += n + (line[n] == '\n');
    }
    *to = 0;
}

static void check_case(const pair *p) {
    char text[1024];
    lud_error err = LUDC_ERROR_INIT;
    ludc_config c = {0};
    snprintf(text, sizeof text, HEAD "output_features: [%s]\n", p->text);
    CHECK_INT(ludc_config_parse(text, strlen(text), "c.yaml", NULL, 0, &c, &err), p->want ? LUD_E_INVALID : LUD_OK);
    without_excerpts(err.msg);
    CHECK_TEXT(err.msg, p->want ? p->want : "");
    ludc_config_free(&c);
}

/* The value at `path` of the full tree, as JSON. */
static void check_full(const char *text, const char *path, const char *want) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_config c = {0};
    ludc_buf json = {0};
    CHECK_OK(ludc_config_parse(text, strlen(text), "c.yaml", NULL, 0, &c, &err), err);
    const ludc_value *v = c.full ? ludc_value_find(c.full, path) : NULL;
    if (v) ludc_value_to_json(v, -1, &json);
    CHECK_TEXT(v ? json.ptr : "absent", want);
    ludc_buf_free(&json);
    ludc_config_free(&c);
}

static const char few_shot[] =
    HEAD "prompt: {task: Name it., retrieval: {type: random, k: 3}}\n"
         "output_features:\n"
         "  - name: label\n"
         "    type: category\n"
         "    preprocessing: {vocab: [negative, positive], fallback_label: negative}\n"
         "    decoder: {type: category_extractor, match: {negative: {type: regex, value: 'neg.*'}}}\n";

int main(void) {
    for (size_t i = 0; i < LUDC_COUNT(cases); i++)
        check_case(&cases[i]);
    check_full(few_shot, "output_features.0.decoder.decoding", "\"generate\"");
    check_full(few_shot, "output_features.0.decoder.match",
               "{\"negative\": {\"type\": \"regex\", \"value\": \"neg.*\"}}");
    check_full(few_shot, "output_features.0.top_k", "3");
    check_full(few_shot, "trainer.type", "\"none\"");
    check_full(
        few_shot, "prompt.template",
        "\"Below is relevant context:\\n\\nCONTEXT: {__context__}\\n\\nCONTEXT is comprised of labeled samples whose "
        "embeddings were similar to that of the sample input. The labels in\\nthese samples could aid you in your "
        "final prediction. Given this and no prior knowledge, follow the instructions\\nbelow.\\n\\nSAMPLE INPUT: "
        "{__sample__}\\n\\nUSER: Complete the following task: {__task__}\\n\\nASSISTANT:\\n\"");
    return check_done();
}
