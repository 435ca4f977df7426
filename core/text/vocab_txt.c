/* SPDX-License-Identifier: Apache-2.0
 * vocab_txt: a WordPiece tokenizer from a vocab.txt, one token a line, as BertTokenizer of transformers builds it:
 * everything but the vocabulary is written as a small tokenizer.json (the skeleton) and loaded like one. */
#include "internal.h"

#include <stdio.h>

/* From the last line to the first: of equal lines the last one counts, and a vocabulary answers what came first. */
static lud_status load_lines(const ludc_load *l, lud_str text, ludc_vocab *v) {
    size_t n = 1;
    if (text.len && text.ptr[text.len - 1] == '\n') text.len--;
    for (size_t i = 0; i < text.len; i++)
        n += text.ptr[i] == '\n';
    if (n > INT32_MAX / 2) return ludc_fail(l->err, LUD_E_IO, "%s: %zu lines are too many", l->name, n);
    if (!ludc_vocab_init(v, n, text.len, (int32_t)n)) return ludc_no_memory(l->err, l->name);
    for (size_t end = text.len, id = n; id-- > 0;) {
        size_t start = end;
        while (start > 0 && text.ptr[start - 1] != '\n')
            start--;
        /* White space at the end of a line does not count, in the reference either. */
        const lud_str line = {text.ptr + start, ludc_utf8_trim(text.ptr + start, end - start, ludc_is_space)};
        ludc_vocab_add(v, line, (int32_t)id);
        end = start ? start - 1 : 0;
    }
    return LUD_OK;
}

/* ---- The skeleton ---- */
enum { PAD, UNK, CLS, SEP, MASK, N_SPECIAL };
typedef struct special {
    ludc_buf json; /* the token as a JSON string */
    int32_t id;
} special;

static lud_status read_special(const ludc_load *l, const ludc_tokenizer *tok, special s[N_SPECIAL]) {
    static const char *const names[][2] = {{"pad_token", "[PAD]"},
                                           {"unk_token", "[UNK]"},
                                           {"cls_token", "[CLS]"},
                                           {"sep_token", "[SEP]"},
                                           {"mask_token", "[MASK]"}};
    for (int k = 0; k < N_SPECIAL; k++) {
        lud_str text = {0};
        LUDC_TRY(ludc_node_token(l, tok->config, names[k][0], &text));
        if (!text.ptr) text = ludc_str(names[k][1]);
        s[k].id = ludc_vocab_find(&tok->vocab, text);
        if (s[k].id < 0 && k != PAD && k != MASK) {
            return ludc_fail(l->err, LUD_E_IO, "%s: no line is the %s '%.*s'; is this the vocabulary of a BERT?",
                             l->name, names[k][0], LUDC_ARG_CUT(text, 64));
        }
        ludc_value *v = ludc_value_str(text);
        if (!v || ludc_value_to_json(v, -1, &s[k].json) != LUD_OK) s[k].json.failed = true;
        ludc_value_free(v);
    }
    return LUD_OK;
}

static void write_skeleton(const special s[N_SPECIAL], const char *accents, bool chinese, bool lower, ludc_buf *out) {
    const char *between = "";
    const char *cls = s[CLS].json.ptr, *sep = s[SEP].json.ptr;
    ludc_buf_adds(out, "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":[");
    for (int k = 0; k < N_SPECIAL; k++) {
        if (s[k].id < 0) continue;
        ludc_buf_addf(out,
                      "%s{\"id\":%d,\"content\":%s,\"single_word\":false,\"lstrip\":false,\"rstrip\":false,"
                      "\"normalized\":false,\"special\":true}",
                      between, (int)s[k].id, s[k].json.ptr);
        between = ",";
    }
    ludc_buf_addf(out,
                  "],\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":%s,"
                  "\"strip_accents\":%s,\"lowercase\":%s},\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},",
                  chinese ? "true" : "false", accents, lower ? "true" : "false");
    ludc_buf_addf(out,
                  "\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":[%s,%d],\"cls\":[%s,%d]},"
                  "\"decoder\":{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":true},",
                  sep, (int)s[SEP].id, cls, (int)s[CLS].id);
    ludc_buf_addf(out,
                  "\"model\":{\"type\":\"WordPiece\",\"unk_token\":%s,\"continuing_subword_prefix\":\"##\","
                  "\"max_input_chars_per_word\":100}}",
                  s[UNK].json.ptr);
}

static lud_status make_skeleton(const ludc_load *l, const special s[N_SPECIAL], ludc_tokenizer *tok) {
    bool lower, chinese, accents, failed = false;
    ludc_buf text = {0};
    LUDC_TRY(ludc_node_bool(l, tok->config, "do_lower_case", true, &lower));
    LUDC_TRY(ludc_node_bool(l, tok->config, "tokenize_chinese_chars", true, &chinese));
    LUDC_TRY(ludc_node_bool(l, tok->config, "strip_accents", false, &accents));
    bool by_case = ludc_is_null(ludc_value_get(tok->config, "strip_accents"));
    for (int k = 0; k < N_SPECIAL; k++)
        failed = failed || s[k].json.failed;
    if (!failed) write_skeleton(s, by_case ? "null" : accents ? "true" : "false", chinese, lower, &text);
    lud_status status = failed || text.failed
                            ? ludc_no_memory(l->err, l->name)
                            : ludc_json_parse(text.ptr, text.len, l->name, false, true, &tok->skeleton, l->err);
    ludc_buf_free(&text);
    return status;
}

/* Other tokenizers have a vocab.txt as well, with other rules. */
static lud_status check_class(const ludc_load *l, const ludc_value *config) {
    static const char *const known[] = {"Bert", "DistilBert", "Electra", "MobileBert", "ConvBert", "SqueezeBert"};
    lud_str name = {0};
    LUDC_TRY(ludc_node_text(l, config, "tokenizer_class", &name));
    for (size_t k = 0; name.ptr && k < LUDC_COUNT(known); k++) {
        char slow[32], fast[32];
        snprintf(slow, sizeof slow, "%sTokenizer", known[k]);
        snprintf(fast, sizeof fast, "%sTokenizerFast", known[k]);
        if (ludc_str_eq(name, slow) || ludc_str_eq(name, fast)) return LUD_OK;
    }
    if (!name.ptr) return LUD_OK;
    return ludc_fail(l->err, LUD_E_UNSUPPORTED,
                     "%s: a %.*s cannot be built from its vocab.txt; save it with transformers to get a tokenizer.json",
                     l->name, LUDC_ARG_CUT(name, 64));
}

static lud_status load_all(const ludc_load *l, lud_str text, ludc_tokenizer *tok) {
    special s[N_SPECIAL] = {{.id = -1}};
    if (!ludc_utf8_valid(text.ptr, text.len)) return ludc_fail(l->err, LUD_E_IO, "%s: it is not UTF-8", l->name);
    LUDC_TRY(check_class(l, tok->config));
    LUDC_TRY(load_lines(l, text, &tok->vocab));
    lud_status status = read_special(l, tok, s);
    if (status == LUD_OK) status = make_skeleton(l, s, tok);
    for (int k = 0; k < N_SPECIAL; k++)
        ludc_buf_free(&s[k].json);
    LUDC_TRY(status);
    tok->model = LUDC_MODEL_WORDPIECE;
    LUDC_TRY(ludc_wordpiece_load(l, ludc_value_get(tok->skeleton, "model"), &tok->vocab, &tok->wordpiece));
    LUDC_TRY(ludc_tokenizer_load_parts(l, tok->skeleton, tok));
    return ludc_tokenizer_load_special(l, tok);
}

lud_status ludc_tokenizer_from_vocab_txt(const char *text, size_t n, const char *name, const ludc_value *config,
                                         ludc_tokenizer **out, lud_error *err) {
    ludc_load l = {name ? name : "vocab.txt", err};
    ludc_tokenizer *tok = ludc_alloc(sizeof *tok);
    lud_status status = LUD_E_NOMEM;
    if (tok) tok->config = config ? ludc_value_copy(config) : NULL;
    if (tok && (!config || tok->config)) status = load_all(&l, (lud_str){text, n}, tok);
    if (status == LUD_OK) {
        *out = tok;
        return LUD_OK;
    }
    ludc_tokenizer_free(tok);
    return ludc_fail(err, status, "%s: out of memory", l.name);
}
