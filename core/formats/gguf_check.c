/* SPDX-License-Identifier: Apache-2.0
 * What a GGUF's metadata must mean: a vocabulary whose arrays agree, token ids inside it, byte tokens of exactly two
 * hex digits, sane layer and head counts, an embedding table of as many rows as tokens. Merges are checked where they
 * are read, by the tokenizer. Invariant: a file that passes can be used by tokenizer and encoders without further range
 * checks on these keys. */
#include "gguf.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BLOCKS_MAX      10000
#define TOKEN_TYPE_BYTE 6

typedef struct check {
    const char *path;
    const ludc_value *meta;
    const ludc_value *tokens; /* NULL = no vocabulary in the file */
    lud_error *err;
} check;

/* A list of `type` under the key; *out is NULL if it is absent. */
static lud_status typed_list(const check *c, const char *key, int32_t type, const ludc_value **out) {
    const ludc_value *v = ludc_value_get(c->meta, key);
    *out = v;
    if (v && (v->type != LUD_CFG_LIST || (v->len && v->items[0]->type != type)))
        return ludc_fail(c->err, LUD_E_IO, "%s: %s is not an array of the right type", c->path, key);
    return LUD_OK;
}

/* Arrays that run along the vocabulary. */
static lud_status check_lengths(check *c) {
    static const struct {
        const char *key;
        int32_t type;
    } along[] = {{"tokenizer.ggml.scores", LUD_CFG_FLOAT}, {"tokenizer.ggml.token_type", LUD_CFG_INT}};
    LUDC_TRY(typed_list(c, "tokenizer.ggml.tokens", LUD_CFG_STR, &c->tokens));
    for (size_t i = 0; i < LUDC_COUNT(along); i++) {
        const ludc_value *v;
        LUDC_TRY(typed_list(c, along[i].key, along[i].type, &v));
        if (v && (!c->tokens || v->len != c->tokens->len))
            return ludc_fail(c->err, LUD_E_IO, "%s: %s has %zu items, the vocabulary has %zu", c->path, along[i].key,
                             v->len, c->tokens ? c->tokens->len : 0);
    }
    return LUD_OK;
}

static lud_status check_special_ids(const check *c) {
    static const char head[] = "tokenizer.ggml.";
    char shown[84];
    for (size_t i = 0; i < c->meta->len; i++) {
        lud_str key = c->meta->keys[i];
        const ludc_value *v = c->meta->items[i];
        if (key.len < sizeof head || memcmp(key.ptr, head, sizeof head - 1) != 0) continue;
        if (!ludc_str_ends(key, "_token_id")) continue;
        if (v->type != LUD_CFG_INT || v->u.i < 0 || !c->tokens || (uint64_t)v->u.i >= c->tokens->len)
            return ludc_fail(c->err, LUD_E_IO, "%s: %s is no id of the vocabulary of %zu tokens", c->path,
                             ludc_show(key, shown), c->tokens ? c->tokens->len : 0);
    }
    return LUD_OK;
}

static bool is_hex(char x) {
    return (x >= '0' && x <= '9') || (x >= 'A' && x <= 'F') || (x >= 'a' && x <= 'f');
}

static lud_status check_byte_tokens(const check *c) {
    const ludc_value *types = ludc_value_get(c->meta, "tokenizer.ggml.token_type");
    char shown[84];
    for (size_t i = 0; types && i < types->len; i++) {
        lud_str t = c->tokens->items[i]->u.s;
        if (types->items[i]->u.i != TOKEN_TYPE_BYTE) continue;
        if (t.len != 6 || memcmp(t.ptr, "<0x", 3) != 0 || !is_hex(t.ptr[3]) || !is_hex(t.ptr[4]) || t.ptr[5] != '>')
            return ludc_fail(c->err, LUD_E_IO, "%s: token %zu '%s' is a byte token, but not of the form <0xNN>",
                             c->path, i, ludc_show(t, shown));
    }
    return LUD_OK;
}

/* The whole number "<arch>.<key>": false if it is absent; an error if it is none or out of [min, max]. Arrays (one item
 * per layer) are left to the encoder. */
static lud_status arch_int(const check *c, lud_str arch, const char *key, int64_t min, int64_t max, bool *found,
                           int64_t *out) {
    char name[160];
    *found = false;
    if (snprintf(name, sizeof name, "%.*s.%s", LUDC_ARG(arch), key) >= (int)sizeof name) return LUD_OK;
    const ludc_value *v = ludc_value_get(c->meta, name);
    if (!v || v->type == LUD_CFG_LIST) return LUD_OK;
    if (v->type != LUD_CFG_INT || v->u.i < min || v->u.i > max)
        return ludc_fail(c->err, LUD_E_IO, "%s: %s must be a whole number from %" PRId64 " to %" PRId64, c->path, name,
                         min, max);
    *found = true;
    *out = v->u.i;
    return LUD_OK;
}

static lud_status check_architecture(const check *c, lud_str arch) {
    int64_t blocks, heads = 0, kv = 0, width = 0, key_length;
    bool has, has_heads, has_kv, has_width, has_key_length;
    LUDC_TRY(arch_int(c, arch, "block_count", 0, BLOCKS_MAX, &has, &blocks));
    LUDC_TRY(arch_int(c, arch, "embedding_length", 1, INT32_MAX, &has_width, &width));
    LUDC_TRY(arch_int(c, arch, "attention.head_count", 1, INT32_MAX, &has_heads, &heads));
    LUDC_TRY(arch_int(c, arch, "attention.head_count_kv", 1, INT32_MAX, &has_kv, &kv));
    LUDC_TRY(arch_int(c, arch, "attention.key_length", 1, INT32_MAX, &has_key_length, &key_length));
    if (has_heads && has_kv && heads % kv != 0)
        return ludc_fail(c->err, LUD_E_IO,
                         "%s: %" PRId64 " attention heads cannot be shared by %" PRId64 " key/value heads", c->path,
                         heads, kv);
    if (has_heads && has_width && !has_key_length && width % heads != 0)
        return ludc_fail(c->err, LUD_E_IO, "%s: embedding_length %" PRId64 " does not divide by %" PRId64 " heads",
                         c->path, width, heads);
    return LUD_OK;
}

static lud_status check_embedding(const check *c, lud_str arch, const ludc_tensors *set) {
    const ludc_file_tensor *t = ludc_tensors_find(set, LUDC_STR("token_embd.weight"));
    int64_t width;
    bool has_width;
    if (!t) return LUD_OK;
    LUDC_TRY(arch_int(c, arch, "embedding_length", 1, INT32_MAX, &has_width, &width));
    if (t->rank != 2 || (has_width && t->dim[1] != width) || (c->tokens && (uint64_t)t->dim[0] != c->tokens->len))
        return ludc_fail(
            c->err, LUD_E_IO,
            "%s: token_embd.weight has %" PRId64 " rows of %" PRId64 ", its metadata name %zu tokens and a "
            "width of %" PRId64,
            c->path, t->dim[0], t->rank > 1 ? t->dim[1] : 1, c->tokens ? c->tokens->len : 0, has_width ? width : 0);
    return LUD_OK;
}

lud_status ludc_gguf_check(const char *path, const ludc_value *metadata, const ludc_tensors *set, lud_error *err) {
    check c = {.path = path, .meta = metadata, .err = err};
    const ludc_value *arch = ludc_value_get(metadata, "general.architecture");
    if (arch && arch->type != LUD_CFG_STR)
        return ludc_fail(err, LUD_E_IO, "%s: general.architecture must be a string", path);
    lud_str name = arch ? arch->u.s : LUDC_STR("");
    if (!ludc_tensor_name_ok(name) || name.len > 64)
        return ludc_fail(err, LUD_E_IO, "%s: general.architecture must be a short plain word", path);
    LUDC_TRY(check_lengths(&c));
    LUDC_TRY(check_special_ids(&c));
    LUDC_TRY(check_byte_tokens(&c));
    LUDC_TRY(check_architecture(&c, name));
    return check_embedding(&c, name, set);
}
