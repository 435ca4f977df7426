/* SPDX-License-Identifier: Apache-2.0
 * tokenizer.json into a chain. A component that is not known is an error that names it: skipping one would change ids
 * silently. */
#include "internal.h"

#include <string.h>

typedef struct loader {
    ludc_tokenizer *t;
    const char *name; /* of the file, for messages */
    lud_error *err;
} loader;

static lud_str type_of(const ludc_value *v) {
    return ludc_get_str(v, "type", LUDC_STR("?"));
}

static lud_status unknown(const loader *l, const char *what, lud_str type) {
    return ludc_fail(l->err, LUD_E_IO, "%s: %s '%.*s' is not supported", l->name, what, (int)type.len, type.ptr);
}

static bool copy_text(lud_str s, char **out, size_t *len) {
    *out = ludc_strndup(s.ptr, s.len);
    *len = s.len;
    return *out != NULL;
}

static lud_status add_step(const loader *l, ludc_steps *steps, ludc_step step, lud_str from, lud_str to) {
    bool ok = copy_text(from, &step.from, &step.from_len);
    ok = copy_text(to, &step.to, &step.to_len) && ok;
    if (ok && ludc_steps_add(steps, &step)) return LUD_OK;
    if (!ok) {
        ludc_free(step.from);
        ludc_free(step.to);
    }
    return ludc_fail(l->err, LUD_E_NOMEM, "%s: out of memory", l->name);
}

static const lud_str none = {"", 0};

/* ---- Sequences: {"type": "Sequence", <list>: [...]} ---- */
typedef lud_status (*read_fn)(const loader *, const ludc_value *);

static lud_status read_each(const loader *l, const ludc_value *v, const char *list, read_fn one) {
    if (ludc_is_null(v)) return LUD_OK;
    if (!ludc_str_eq(type_of(v), "Sequence")) return one(l, v);
    const ludc_value *items = ludc_value_get(v, list);
    for (size_t i = 0; items && i < items->len; i++)
        LUDC_TRY(read_each(l, items->items[i], list, one));
    return LUD_OK;
}

static lud_status read_normalizer(const loader *l, const ludc_value *v) {
    const lud_str type = type_of(v);
    ludc_steps *steps = &l->t->normalizer;
    if (type.len >= 3 && type.len <= 4 && type.ptr[0] == 'N' && type.ptr[1] == 'F')
        return add_step(l, steps, (ludc_step){.kind = LUDC_N_UNICODE}, type, none);
    if (ludc_str_eq(type, "Lowercase")) return add_step(l, steps, (ludc_step){.kind = LUDC_N_LOWERCASE}, none, none);
    if (ludc_str_eq(type, "Strip"))
        return add_step(l, steps,
                        (ludc_step){.kind = LUDC_N_STRIP,
                                    .left = ludc_get_bool(v, "strip_left", true),
                                    .right = ludc_get_bool(v, "strip_right", true)},
                        none, none);
    if (ludc_str_eq(type, "Prepend"))
        return add_step(l, steps, (ludc_step){.kind = LUDC_N_PREPEND}, none, ludc_get_str(v, "prepend", none));
    const lud_str from = ludc_get_str(v, "pattern.String", none);
    if (ludc_str_eq(type, "Replace") && from.len)
        return add_step(l, steps, (ludc_step){.kind = LUDC_N_REPLACE}, from, ludc_get_str(v, "content", none));
    return unknown(l, "normalizer", type);
}

static int behavior_of(const ludc_value *v, int dflt) {
    static const char *const names[] = {"Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"};
    const lud_str b = ludc_get_str(v, "behavior", none);
    for (int i = 0; i < (int)LUDC_COUNT(names); i++)
        if (ludc_str_eq(b, names[i])) return i;
    return dflt;
}

static lud_status read_split(const loader *l, const ludc_value *v) {
    const lud_str regex = ludc_get_str(v, "pattern.Regex", none), text = ludc_get_str(v, "pattern.String", none);
    ludc_steps *steps = &l->t->pretokenizer;
    if (ludc_get_bool(v, "invert", false)) return unknown(l, "pre-tokenizer", LUDC_STR("Split (inverted)"));
    if (text.len)
        return add_step(l, steps, (ludc_step){.kind = LUDC_P_SPLIT_STRING, .behavior = behavior_of(v, LUDC_B_REMOVED)},
                        text, none);
    const int scan = ludc_scan_of_regex(regex);
    if (scan < 0 || behavior_of(v, LUDC_B_ISOLATED) != LUDC_B_ISOLATED)
        return unknown(l, "pre-tokenizer pattern", regex);
    return add_step(l, steps, (ludc_step){.kind = LUDC_P_SCAN, .scan = scan}, none, none);
}

static lud_status read_byte_level(const loader *l, const ludc_value *v) {
    l->t->bpe.byte_level = true;
    const ludc_step step = {.kind = LUDC_P_BYTE_LEVEL,
                            .prefix_space = ludc_get_bool(v, "add_prefix_space", true),
                            .regex = ludc_get_bool(v, "use_regex", true)};
    return add_step(l, &l->t->pretokenizer, step, none, none);
}

static lud_status read_pretokenizer(const loader *l, const ludc_value *v) {
    const lud_str type = type_of(v);
    ludc_steps *steps = &l->t->pretokenizer;
    if (ludc_str_eq(type, "ByteLevel")) return read_byte_level(l, v);
    if (ludc_str_eq(type, "Split")) return read_split(l, v);
    if (ludc_str_eq(type, "Digits")) {
        const bool one = ludc_get_bool(v, "individual_digits", false);
        return add_step(l, steps,
                        (ludc_step){.kind = LUDC_P_DIGITS, .behavior = one ? LUDC_B_ISOLATED : LUDC_B_CONTIGUOUS}, none,
                        none);
    }
    if (ludc_str_eq(type, "WhitespaceSplit"))
        return add_step(l, steps, (ludc_step){.kind = LUDC_P_WHITESPACE_SPLIT, .behavior = LUDC_B_REMOVED}, none, none);
    if (ludc_str_eq(type, "Punctuation"))
        return add_step(l, steps, (ludc_step){.kind = LUDC_P_PUNCTUATION, .behavior = behavior_of(v, LUDC_B_ISOLATED)},
                        none, none);
    if (ludc_str_eq(type, "Metaspace")) {
        const lud_str scheme = ludc_get_str(v, "prepend_scheme", LUDC_STR("always"));
        const ludc_step step = {.kind = LUDC_P_METASPACE,
                                .left = !ludc_str_eq(scheme, "never"),
                                .right = ludc_str_eq(scheme, "always"),
                                .individual = ludc_get_bool(v, "split", true)};
        return add_step(l, steps, step, none, ludc_get_str(v, "replacement", LUDC_STR("\xE2\x96\x81")));
    }
    return unknown(l, "pre-tokenizer", type);
}

static lud_status read_decoder(const loader *l, const ludc_value *v) {
    const lud_str type = type_of(v);
    ludc_steps *steps = &l->t->decoder;
    if (ludc_str_eq(type, "ByteLevel")) return add_step(l, steps, (ludc_step){.kind = LUDC_D_BYTE_LEVEL}, none, none);
    if (ludc_str_eq(type, "ByteFallback"))
        return add_step(l, steps, (ludc_step){.kind = LUDC_D_BYTE_FALLBACK}, none, none);
    if (ludc_str_eq(type, "Fuse")) return add_step(l, steps, (ludc_step){.kind = LUDC_D_FUSE}, none, none);
    if (ludc_str_eq(type, "Strip"))
        return add_step(
            l, steps,
            (ludc_step){.kind = LUDC_D_STRIP, .start = ludc_get_int(v, "start", 0), .stop = ludc_get_int(v, "stop", 0)},
            ludc_get_str(v, "content", none), none);
    if (ludc_str_eq(type, "Replace"))
        return add_step(l, steps, (ludc_step){.kind = LUDC_D_REPLACE}, ludc_get_str(v, "pattern.String", none),
                        ludc_get_str(v, "content", none));
    if (ludc_str_eq(type, "Metaspace"))
        return add_step(
            l, steps,
            (ludc_step){.kind = LUDC_D_METASPACE,
                        .left = !ludc_str_eq(ludc_get_str(v, "prepend_scheme", LUDC_STR("always")), "never")},
            none, ludc_get_str(v, "replacement", LUDC_STR("\xE2\x96\x81")));
    return unknown(l, "decoder", type);
}

/* ---- Post-processors: what stands before and behind a single text ---- */
static lud_status push_id(const loader *l, ludc_ids *ids, int64_t id) {
    if (id < 0 || id > INT32_MAX || !ludc_ids_push(ids, (int32_t)id))
        return ludc_fail(l->err, LUD_E_IO, "%s: post_processor: bad token id", l->name);
    return LUD_OK;
}

static lud_status read_template(const loader *l, const ludc_value *v) {
    const ludc_value *single = ludc_value_get(v, "single"), *specials = ludc_value_get(v, "special_tokens");
    bool after = false;
    for (size_t i = 0; single && i < single->len; i++) {
        const ludc_value *special = ludc_value_get(single->items[i], "SpecialToken");
        if (!special) {
            after = true;
            continue;
        }
        const lud_str id = ludc_get_str(special, "id", none);
        const ludc_value *entry = NULL;
        for (size_t k = 0; specials && k < specials->len; k++)
            if (ludc_str_same(specials->keys[k], id)) entry = ludc_value_get(specials->items[k], "ids");
        for (size_t k = 0; entry && k < entry->len; k++)
            LUDC_TRY(push_id(l, after ? &l->t->suffix : &l->t->prefix,
                             entry->items[k]->type == LUD_CFG_INT ? entry->items[k]->u.i : -1));
    }
    return LUD_OK;
}

static lud_status read_post(const loader *l, const ludc_value *v) {
    const lud_str type = type_of(v);
    if (ludc_str_eq(type, "ByteLevel")) return LUD_OK;
    if (ludc_str_eq(type, "TemplateProcessing")) return read_template(l, v);
    if (ludc_str_eq(type, "BertProcessing") || ludc_str_eq(type, "RobertaProcessing")) {
        LUDC_TRY(push_id(l, &l->t->prefix, ludc_get_int(v, "cls.1", -1)));
        return push_id(l, &l->t->suffix, ludc_get_int(v, "sep.1", -1));
    }
    return unknown(l, "post-processor", type);
}

/* ---- Model ---- */
static lud_status read_vocab(const loader *l, const ludc_value *vocab) {
    if (!vocab || vocab->type != LUD_CFG_OBJECT)
        return ludc_fail(l->err, LUD_E_IO, "%s: model.vocab is missing", l->name);
    l->t->bpe.vocab = ludc_map_new(vocab->len);
    if (!l->t->bpe.vocab) return ludc_fail(l->err, LUD_E_NOMEM, "%s: out of memory", l->name);
    for (size_t i = 0; i < vocab->len; i++) {
        const ludc_value *id = vocab->items[i];
        if (id->type != LUD_CFG_INT || id->u.i < 0 || id->u.i > INT32_MAX)
            return ludc_fail(l->err, LUD_E_IO, "%s: model.vocab: '%.*s' has no valid id", l->name,
                             (int)vocab->keys[i].len, vocab->keys[i].ptr);
        LUDC_TRY(ludc_tokenizer_set_token(l->t, (int32_t)id->u.i, vocab->keys[i], l->err));
        if (!ludc_map_put(l->t->bpe.vocab, vocab->keys[i], id->u.i))
            return ludc_fail(l->err, LUD_E_NOMEM, "%s: out of memory", l->name);
    }
    return LUD_OK;
}

/* "a b", split at the first blank after the first character, or ["a", "b"]. */
static bool merge_pair(const ludc_value *v, lud_str *left, lud_str *right) {
    if (v->type == LUD_CFG_LIST && v->len == 2 && v->items[0]->type == LUD_CFG_STR && v->items[1]->type == LUD_CFG_STR)
        return *left = v->items[0]->u.s, *right = v->items[1]->u.s, true;
    if (v->type != LUD_CFG_STR || v->u.s.len < 3) return false;
    const char *blank = memchr(v->u.s.ptr + 1, ' ', v->u.s.len - 1);
    if (!blank) return false;
    *left = (lud_str){v->u.s.ptr, (size_t)(blank - v->u.s.ptr)};
    *right = (lud_str){blank + 1, v->u.s.len - left->len - 1};
    return true;
}

static lud_status read_merges(const loader *l, const ludc_value *merges) {
    const size_t n = merges ? merges->len : 0;
    LUDC_TRY(ludc_bpe_reserve(&l->t->bpe, n, l->err));
    for (size_t i = 0; i < n; i++) {
        lud_str left, right;
        if (!merge_pair(merges->items[i], &left, &right))
            return ludc_fail(l->err, LUD_E_IO, "%s: model.merges: entry %zu is not a pair", l->name, i);
        LUDC_TRY(ludc_bpe_add_merge(&l->t->bpe, left, right, l->err));
    }
    return LUD_OK;
}

static lud_status read_model(const loader *l, const ludc_value *model) {
    const lud_str type = ludc_get_str(model, "type", LUDC_STR("BPE")), unk = ludc_get_str(model, "unk_token", none);
    ludc_bpe *b = &l->t->bpe;
    if (!ludc_str_eq(type, "BPE"))
        return ludc_fail(l->err, LUD_E_UNSUPPORTED, "%s: tokenizer model '%.*s' is known, not available yet (BPE is)",
                         l->name, (int)type.len, type.ptr);
    if (ludc_get_str(model, "continuing_subword_prefix", none).len ||
        ludc_get_str(model, "end_of_word_suffix", none).len)
        return unknown(l, "BPE option", LUDC_STR("continuing_subword_prefix / end_of_word_suffix"));
    LUDC_TRY(read_vocab(l, ludc_value_get(model, "vocab")));
    LUDC_TRY(read_merges(l, ludc_value_get(model, "merges")));
    b->ignore_merges = ludc_get_bool(model, "ignore_merges", false);
    b->byte_fallback = ludc_get_bool(model, "byte_fallback", false);
    b->fuse_unk = ludc_get_bool(model, "fuse_unk", false);
    b->unk = -1;
    int64_t id;
    if (unk.len && ludc_map_get(b->vocab, unk, &id)) b->unk = (int32_t)id;
    ludc_bpe_ready(b);
    return LUD_OK;
}

static lud_status read_added(const loader *l, const ludc_value *list) {
    for (size_t i = 0; list && i < list->len; i++) {
        const ludc_value *v = list->items[i];
        const lud_str content = ludc_get_str(v, "content", none);
        const int64_t id = ludc_get_int(v, "id", -1);
        if (content.len == 0 || id < 0 || id > INT32_MAX)
            return ludc_fail(l->err, LUD_E_IO, "%s: added_tokens: entry %zu has no content or id", l->name, i);
        const bool special = ludc_get_bool(v, "special", false);
        const ludc_added token = {.content = (char *)(uintptr_t)content.ptr,
                                  .len = content.len,
                                  .id = (int32_t)id,
                                  .single_word = ludc_get_bool(v, "single_word", false),
                                  .lstrip = ludc_get_bool(v, "lstrip", false),
                                  .rstrip = ludc_get_bool(v, "rstrip", false),
                                  .normalized = ludc_get_bool(v, "normalized", !special),
                                  .special = special};
        if (!ludc_added_add(&l->t->added, token)) return ludc_fail(l->err, LUD_E_NOMEM, "%s: out of memory", l->name);
        LUDC_TRY(ludc_tokenizer_set_token(l->t, token.id, content, l->err));
    }
    ludc_added_ready(&l->t->added);
    return LUD_OK;
}

static int32_t special_id(const ludc_tokenizer *t, const ludc_value *config, const char *key) {
    const ludc_value *v = ludc_value_get(config, key);
    const lud_str text = v && v->type == LUD_CFG_STR ? v->u.s : ludc_get_str(v, "content", none);
    return text.len ? ludc_tokenizer_id(t, text) : -1;
}

static lud_status read_parts(const loader *l, const ludc_value *root, const ludc_value *config) {
    ludc_tokenizer *t = l->t;
    LUDC_TRY(read_model(l, ludc_value_get(root, "model")));
    LUDC_TRY(read_added(l, ludc_value_get(root, "added_tokens")));
    LUDC_TRY(read_each(l, ludc_value_get(root, "normalizer"), "normalizers", read_normalizer));
    LUDC_TRY(read_each(l, ludc_value_get(root, "pre_tokenizer"), "pretokenizers", read_pretokenizer));
    LUDC_TRY(read_each(l, ludc_value_get(root, "post_processor"), "processors", read_post));
    LUDC_TRY(read_each(l, ludc_value_get(root, "decoder"), "decoders", read_decoder));
    t->special = (ludc_special_ids){.bos = special_id(t, config, "bos_token"),
                                    .eos = special_id(t, config, "eos_token"),
                                    .pad = special_id(t, config, "pad_token"),
                                    .unk = special_id(t, config, "unk_token")};
    return LUD_OK;
}

lud_status ludc_tokenizer_read(const ludc_value *root, const char *name, const ludc_value *config, ludc_tokenizer **out,
                               lud_error *err) {
    ludc_tokenizer *t = ludc_alloc(sizeof(*t));
    if (!t) return ludc_fail(err, LUD_E_NOMEM, "%s: out of memory", name);
    const loader l = {.t = t, .name = name, .err = err};
    lud_status status = read_parts(&l, root, config);
    if (status == LUD_OK && config) status = ludc_value_to_json(config, 2, &t->config);
    if (status != LUD_OK) {
        ludc_tokenizer_free(t);
        return ludc_fail(err, status, "%s: cannot read the tokenizer", name);
    }
    *out = t;
    return LUD_OK;
}

lud_status ludc_tokenizer_from_json(const char *text, size_t n, const char *name, const ludc_value *config,
                                    ludc_tokenizer **out, lud_error *err) {
    ludc_value *root = NULL;
    LUDC_TRY(ludc_json_parse(text, n, name, false, true, &root, err));
    ludc_tokenizer *t = NULL;
    lud_status status = ludc_tokenizer_read(root, name, config, &t, err);
    ludc_value_free(root);
    if (status != LUD_OK) return status;
    ludc_buf_add(&t->json, text, n);
    if (t->json.failed) {
        ludc_tokenizer_free(t);
        return ludc_fail(err, LUD_E_NOMEM, "%s: out of memory", name);
    }
    *out = t;
    return LUD_OK;
}
