/* SPDX-License-Identifier: Apache-2.0
 * added_load: the added_tokens of tokenizer.json. A token whose text the model knows takes the model's id; any other
 * id must be free. Of equal texts the first counts, as in the reference library. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

static lud_str id_key(const int32_t *id) {
    return (lud_str){(const char *)id, sizeof *id};
}

const ludc_added_token *ludc_added_by_id(const ludc_added *a, int32_t id) {
    int64_t k;
    return a->by_id && ludc_map_get(a->by_id, id_key(&id), &k) ? &a->tokens[k] : NULL;
}

static lud_status read_token(const ludc_load *l, const ludc_value *v, int64_t max_id, ludc_added_token *t) {
    lud_str text = {0};
    int64_t id;
    if (v->type != LUD_CFG_OBJECT)
        return ludc_fail(l->err, LUD_E_IO, "%s: an item of added_tokens is no object", l->name);
    LUDC_TRY(ludc_node_text(l, v, "content", &text));
    LUDC_TRY(ludc_node_int(l, v, "id", 0, max_id, &id));
    LUDC_TRY(ludc_node_bool(l, v, "single_word", false, &t->single_word));
    LUDC_TRY(ludc_node_bool(l, v, "lstrip", false, &t->lstrip));
    LUDC_TRY(ludc_node_bool(l, v, "rstrip", false, &t->rstrip));
    LUDC_TRY(ludc_node_bool(l, v, "special", false, &t->special));
    LUDC_TRY(ludc_node_bool(l, v, "normalized", !t->special, &t->normalized));
    t->id = (int32_t)id;
    t->len = text.len;
    t->text = ludc_strndup(text.ptr ? text.ptr : "", text.len);
    return t->text ? LUD_OK : ludc_no_memory(l->err, l->name);
}

/* The token's final id, and its place in both maps. */
static lud_status register_token(const ludc_load *l, const ludc_vocab *vocab, ludc_added *a, ludc_added_token *t) {
    lud_str text = {t->text, t->len};
    int32_t known = ludc_vocab_find(vocab, text);
    lud_str other = ludc_vocab_text(vocab, t->id);
    if (known >= 0) {
        t->id = known;
    } else if (other.ptr || ludc_added_by_id(a, t->id)) {
        const ludc_added_token *taken = ludc_added_by_id(a, t->id);
        if (taken) other = (lud_str){taken->text, taken->len};
        return ludc_fail(l->err, LUD_E_IO, "%s: added token '%.*s' has the id %d of '%.*s'", l->name,
                         (int)LUDC_MIN(t->len, 64), t->text, (int)t->id, LUDC_ARG_CUT(other, 64));
    }
    int64_t k = (int64_t)a->n;
    if (!ludc_map_put(a->by_text, text, k) || !ludc_map_put(a->by_id, id_key(&t->id), k))
        return ludc_no_memory(l->err, l->name);
    a->n_ids = LUDC_MAX(a->n_ids, t->id + 1);
    return LUD_OK;
}

lud_status ludc_added_load(const ludc_load *l, const ludc_value *list, const ludc_vocab *vocab, ludc_added *a) {
    if (ludc_is_null(list)) return LUD_OK;
    if (list->type != LUD_CFG_LIST) return ludc_fail(l->err, LUD_E_IO, "%s: added_tokens must be a list", l->name);
    a->tokens = ludc_alloc(list->len * sizeof *a->tokens);
    a->by_text = ludc_map_new(list->len);
    a->by_id = ludc_map_new(list->len);
    if (!a->tokens || !a->by_text || !a->by_id) return ludc_no_memory(l->err, l->name);
    int64_t max_id = (int64_t)vocab->n_ids + (int64_t)LUDC_MIN(list->len * 8 + (1U << 20), 1U << 30);
    for (size_t i = 0; i < list->len; i++) {
        ludc_added_token t = {0};
        int64_t same;
        lud_status status = read_token(l, list->items[i], LUDC_MIN(max_id, INT32_MAX - 1), &t);
        bool skip = status == LUD_OK && (t.len == 0 || ludc_map_get(a->by_text, (lud_str){t.text, t.len}, &same));
        if (status == LUD_OK && !skip) status = register_token(l, vocab, a, &t);
        if (status != LUD_OK || skip)
            ludc_free(t.text);
        else
            a->tokens[a->n++] = t;
        LUDC_TRY(status);
    }
    return LUD_OK;
}

/* Byte order; of equal patterns the special token first, then the earlier one. */
static int compare(const void *x, const void *y) {
    const ludc_added_token *a = *(const ludc_added_token *const *)x, *b = *(const ludc_added_token *const *)y;
    int order = memcmp(a->pattern, b->pattern, LUDC_MIN(a->pattern_len, b->pattern_len));
    if (order) return order;
    if (a->pattern_len != b->pattern_len) return a->pattern_len < b->pattern_len ? -1 : 1;
    if (a->special != b->special) return a->special ? -1 : 1;
    return a < b ? -1 : a > b;
}

static bool build_index(const ludc_added *a, bool normalized, ludc_added_index *index) {
    index->sorted = ludc_alloc(a->n * sizeof(ludc_added_token *));
    if (!index->sorted) return false;
    for (size_t i = 0; i < a->n; i++) {
        const ludc_added_token *t = &a->tokens[i];
        if (t->normalized == normalized && t->pattern_len) index->sorted[index->n++] = t;
    }
    qsort(index->sorted, index->n, sizeof(ludc_added_token *), compare);
    uint32_t k = 0;
    for (unsigned c = 0; c < 256; c++) {
        index->first[c] = k;
        while (k < index->n && (unsigned char)index->sorted[k]->pattern[0] == c)
            k++;
    }
    index->first[256] = k;
    return true;
}

lud_status ludc_added_index_all(ludc_added *a, const ludc_normalizer *nz, const ludc_find *f) {
    ludc_buf bufs[2] = {{0}};
    lud_status status = LUD_OK;
    for (size_t i = 0; i < a->n && status == LUD_OK; i++) {
        ludc_added_token *t = &a->tokens[i];
        lud_str p = {t->text, t->len};
        if (t->normalized) status = ludc_normalizer_apply(nz, f, p, bufs, &p);
        if (status != LUD_OK) break;
        t->pattern = ludc_strndup(p.ptr, p.len);
        t->pattern_len = p.len;
        if (!t->pattern) status = LUD_E_NOMEM;
    }
    if (status == LUD_OK && (!build_index(a, false, &a->raw) || !build_index(a, true, &a->normalized)))
        status = LUD_E_NOMEM;
    ludc_buf_free(&bufs[0]);
    ludc_buf_free(&bufs[1]);
    return status == LUD_OK ? LUD_OK : ludc_fail(f->err, status, "tokenizer: out of memory");
}

void ludc_added_free(ludc_added *a) {
    for (size_t i = 0; i < a->n; i++) {
        ludc_free(a->tokens[i].text);
        ludc_free(a->tokens[i].pattern);
    }
    ludc_free(a->tokens);
    ludc_map_free(a->by_text);
    ludc_map_free(a->by_id);
    ludc_free(a->raw.sorted);
    ludc_free(a->normalized.sorted);
    *a = (ludc_added){0};
}
