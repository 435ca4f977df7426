/* SPDX-License-Identifier: Apache-2.0
 * Cached embeddings: the rows of a frozen encoder are computed once per distinct text, ever. The file is named by all
 * that decides the values (weights, encoder, pooling, device), a vector by its token ids. */
#include "internal.h"

#include <content.h>
#include <stdlib.h>
#include <string.h>
#include <vectors.h>

enum { HELD = 512 }; /* vectors that go to the disk at once */

typedef struct embedder {
    lud_model *m;
    size_t input;
    int64_t width;
    ludc_vectors *cache;
    uint64_t (*keys)[2]; /* of the rows that one data set asks for */
    uint64_t held_keys[HELD][2];
    float *held; /* [HELD, width] */
    size_t n_held;
    int64_t total, done;
    double begin;
} embedder;

char *ludc_cache_folder(const lud_model *m, const char *kind) {
    const lud_str set = ludc_get_text(m->config.full, "backend.cache_dir");
    const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (set.len) return ludc_strndup(set.ptr, set.len);
    char *cache = base && *base ? ludc_strdup(base) : ludc_path_join(home ? home : ".", ".cache");
    char *ours = cache ? ludc_path_join(cache, "ludwig") : NULL, *folder = ours ? ludc_path_join(ours, kind) : NULL;
    ludc_free(cache);
    ludc_free(ours);
    return folder;
}

static void key_of(const ludc_column *c, size_t row, uint64_t key[2]) {
    const int64_t begin = c->offsets[row], n = c->offsets[row + 1] - begin;
    ludc_hash128(c->ids + begin, (size_t)n * sizeof(*c->ids), key);
}

static lud_status save_held(embedder *e, lud_error *err) {
    const size_t n = e->n_held;
    e->n_held = 0;
    return n ? ludc_vectors_add(e->cache, n, (const uint64_t(*)[2])e->held_keys, e->held, err) : LUD_OK;
}

static lud_status keep(void *arg, const uint32_t *rows, size_t n, const float *values, lud_error *err) {
    embedder *e = arg;
    for (size_t i = 0; i < n; i++) {
        if (e->n_held == HELD) LUDC_TRY(save_held(e, err));
        memcpy(e->held_keys[e->n_held], e->keys[rows[i]], sizeof(e->keys[rows[i]]));
        memcpy(e->held + (int64_t)e->n_held++ * e->width, values + (int64_t)i * e->width,
               (size_t)e->width * sizeof(float));
    }
    e->done += (int64_t)n;
    const double done = (double)e->done;
    ludc_session_show(e->m->session, "encode", "rows", done, (double)e->total, done, e->begin);
    return LUD_OK;
}

/* What was encoded is saved, also where encoding was interrupted. */
static lud_status encode(embedder *e, const ludc_task_rows *d, const uint32_t *rows, size_t n, lud_error *err) {
    e->held = ludc_alloc(HELD * (size_t)e->width * sizeof(*e->held));
    if (!e->held) return ludc_fail(err, LUD_E_NOMEM, "out of memory for %d vectors", HELD);
    lud_status status = ludc_task_encode(e->m->predictor, e->input, d, rows, n, keep, e, err);
    const lud_status saved = save_held(e, status == LUD_OK ? err : NULL);
    ludc_free(e->held);
    return status == LUD_OK ? saved : status;
}

/* Rows whose vector is not there, each distinct text once; heap. */
static uint32_t *find_missing(embedder *e, const ludc_column *c, size_t *n, size_t *distinct) {
    uint32_t *list = ludc_alloc(LUDC_MAX(c->rows, 1) * sizeof(*list));
    ludc_map *seen = ludc_map_new(c->rows);
    bool ok = list && seen;
    *n = 0;
    for (size_t i = 0; ok && i < c->rows; i++) {
        const lud_str text = {(const char *)e->keys[i], sizeof(e->keys[i])};
        int64_t one;
        key_of(c, i, e->keys[i]);
        if (ludc_map_get(seen, text, &one)) continue;
        ok = ludc_map_put(seen, text, 1);
        if (!ludc_vectors_find(e->cache, e->keys[i])) list[(*n)++] = (uint32_t)i;
    }
    *distinct = seen ? ludc_map_len(seen) : 0;
    ludc_map_free(seen);
    if (ok) return list;
    ludc_free(list);
    return NULL;
}

static lud_status take_vectors(const embedder *e, ludc_column *c, lud_error *err) {
    const int64_t width = e->width;
    ludc_column out = {.kind = LUDC_COLUMN_REALS, .rows = c->rows, .width = width};
    out.reals = ludc_alloc(LUDC_MAX(c->rows, 1) * (size_t)width * sizeof(float));
    if (c->missing) out.missing = ludc_alloc(LUDC_MAX(c->rows, 1));
    if (!out.reals || (c->missing && !out.missing)) {
        ludc_column_free(&out);
        return ludc_fail(err, LUD_E_NOMEM, "out of memory for %zu vectors", c->rows);
    }
    if (c->missing) memcpy(out.missing, c->missing, c->rows);
    for (size_t i = 0; i < c->rows; i++) {
        const float *v = ludc_vectors_find(e->cache, e->keys[i]);
        if (!v) {
            ludc_column_free(&out);
            return ludc_fail(err, LUD_E_IO, "the embedding cache lost a vector that was just written");
        }
        memcpy(out.reals + i * (size_t)width, v, (size_t)width * sizeof(float));
    }
    ludc_column_free(c);
    *c = out;
    return LUD_OK;
}

static lud_status embed_rows(embedder *e, ludc_task_rows *d, lud_error *err) {
    ludc_predictor *p = e->m->predictor;
    ludc_column *c = &d->inputs[e->input];
    size_t n = 0, distinct = 0;
    e->keys = ludc_alloc(LUDC_MAX(c->rows, 1) * sizeof(*e->keys));
    uint32_t *missing = e->keys ? find_missing(e, c, &n, &distinct) : NULL;
    lud_status status = missing ? LUD_OK : ludc_fail(err, LUD_E_NOMEM, "out of memory for %zu texts", c->rows);
    e->total = (int64_t)n, e->done = 0, e->begin = ludc_now();
    if (status == LUD_OK && n) status = encode(e, d, missing, n, err);
    if (status == LUD_OK)
        ludc_log(LUD_LOG_INFO, "embeddings of '%s': %zu texts, %zu distinct, %zu from the cache, %zu encoded in %.2f s",
                 p->inputs[e->input].name, c->rows, distinct, distinct - n, n, ludc_now() - e->begin);
    if (status == LUD_OK) status = take_vectors(e, c, err);
    ludc_free(missing);
    ludc_free(e->keys);
    return status;
}

lud_status ludc_task_embed(lud_model *m, ludc_task_rows *const *data, size_t n_data, lud_error *err) {
    ludc_predictor *p = m->predictor;
    lud_status status = ludc_task_gate(m, data, n_data, err);
    for (size_t i = 0; i < p->n_inputs && status == LUD_OK; i++) {
        if (!p->inputs[i].cached) continue;
        embedder e = {.m = m, .input = i, .width = p->inputs[i].width};
        uint64_t key[2];
        char *dir = ludc_cache_folder(m, "embeddings");
        status = dir ? ludc_task_key(p, i, key, err) : ludc_no_memory(err, NULL);
        if (status == LUD_OK) status = ludc_vectors_open(dir, key, p->inputs[i].width, &e.cache, err);
        for (size_t k = 0; k < n_data && status == LUD_OK; k++)
            if (data[k]->n) status = embed_rows(&e, data[k], err);
        ludc_vectors_close(e.cache);
        ludc_free(dir);
    }
    return status;
}
