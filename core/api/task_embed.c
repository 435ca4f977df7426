/* SPDX-License-Identifier: Apache-2.0
 * Cached embeddings: the rows of a frozen encoder are computed once per distinct text, ever. The file is named by all
 * that decides the values (weights, encoder, pooling, device), a vector by its token ids. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <vectors.h>

typedef struct embedder {
    lud_model *m;
    size_t input;
    ludc_vectors *cache;
    uint64_t (*keys)[2]; /* of the rows that one data set asks for */
    int64_t total, done;
    double begin;
} embedder;

static char *cache_folder(const lud_model *m) {
    const lud_str set = ludc_get_str(m->config.full, "backend.cache_dir", LUDC_STR(""));
    const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (set.len) return ludc_strndup(set.ptr, set.len);
    char *cache = base && *base ? ludc_strdup(base) : ludc_path_join(home ? home : ".", ".cache");
    char *folder = cache ? ludc_path_join(cache, "ludwig/embeddings") : NULL;
    ludc_free(cache);
    return folder;
}

static void mix(uint64_t key[2], const void *p, size_t n) {
    uint64_t part[4] = {key[0], key[1], 0, 0};
    ludc_hash128(p, n, part + 2);
    ludc_hash128(part, sizeof(part), key);
}

static void mix_text(uint64_t key[2], const char *s) {
    mix(key, s, strlen(s));
}

/* Everything but the text. The device is part of it: bits differ between instruction sets. */
static void circumstances(const ludc_predictor *p, const ludc_input *in, uint64_t key[2]) {
    const ludc_base_model *base = ludc_tower_base(in->tower);
    ludc_buf config = {0};
    key[0] = key[1] = 0;
    for (size_t i = 0; i < ludc_tensors_len(base->tensors); i++) {
        const ludc_file_tensor *t = ludc_tensors_at(base->tensors, i);
        mix_text(key, t->name);
        mix(key, t->data, t->bytes);
    }
    const ludc_value *facts = base->is_gguf ? ludc_tensors_metadata(base->tensors) : base->config;
    (void)ludc_value_to_json(facts, -1, &config);
    mix(key, config.ptr, config.len);
    mix(key, (const int32_t[2]){in->pool, in->pooler}, 2 * sizeof(int32_t));
    mix_text(key, p->devices->primary.info.name);
    mix_text(key, p->devices->bf16 ? "bf16" : "fp32");
    mix_text(key, LUDC_VERSION);
    ludc_buf_free(&config);
}

static void key_of(const ludc_column *c, size_t row, uint64_t key[2]) {
    const int64_t begin = c->offsets[row], n = c->offsets[row + 1] - begin;
    ludc_hash128(c->ids + begin, (size_t)n * sizeof(*c->ids), key);
}

static void show(embedder *e) {
    const lud_events *events = e->m->session->events;
    if (!events || !events->progress) return;
    const double took = ludc_now() - e->begin, rate = took > 0 ? (double)e->done / took : 0;
    const lud_progress p = {.struct_size = sizeof(p),
                            .phase = "encode",
                            .done = e->done,
                            .total = e->total,
                            .per_second = rate,
                            .unit = "rows",
                            .eta_seconds = rate > 0 ? (double)(e->total - e->done) / rate : 0};
    events->progress(events->arg, &p);
}

static lud_status keep(void *arg, const uint32_t *rows, size_t n, const float *values, lud_error *err) {
    embedder *e = arg;
    uint64_t keys[512][2];
    for (size_t i = 0; i < n; i++)
        memcpy(keys[i], e->keys[rows[i]], sizeof(keys[i]));
    LUDC_TRY(ludc_vectors_add(e->cache, n, (const uint64_t(*)[2])keys, values, err));
    e->done += (int64_t)n;
    show(e);
    return LUD_OK;
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

static lud_status take_vectors(const embedder *e, ludc_column *c, int64_t width, lud_error *err) {
    ludc_column out = {.kind = LUDC_COLUMN_REALS, .rows = c->rows, .width = width};
    out.reals = ludc_alloc(LUDC_MAX(c->rows, 1) * (size_t)width * sizeof(float));
    if (!out.reals) return ludc_fail(err, LUD_E_NOMEM, "out of memory for %zu vectors", c->rows);
    for (size_t i = 0; i < c->rows; i++) {
        const float *v = ludc_vectors_find(e->cache, e->keys[i]);
        if (!v) {
            ludc_column_free(&out);
            return ludc_fail(err, LUD_E_IO, "the embedding cache lost a vector that was just written");
        }
        memcpy(out.reals + i * (size_t)width, v, (size_t)width * sizeof(float));
    }
    out.missing = c->missing;
    c->missing = NULL;
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
    if (status == LUD_OK && n) status = ludc_task_encode(p, e->input, d, missing, n, keep, e, err);
    if (status == LUD_OK)
        ludc_log(LUD_LOG_INFO, "embeddings of '%s': %zu texts, %zu distinct, %zu from the cache, %zu encoded in %.2f s",
                 p->inputs[e->input].name, c->rows, distinct, distinct - n, n, ludc_now() - e->begin);
    if (status == LUD_OK) status = take_vectors(e, c, p->inputs[e->input].width, err);
    ludc_free(missing);
    ludc_free(e->keys);
    return status;
}

lud_status ludc_task_embed(lud_model *m, ludc_task_rows *const *data, size_t n_data, lud_error *err) {
    ludc_predictor *p = m->predictor;
    lud_status status = LUD_OK;
    for (size_t i = 0; i < p->n_inputs && status == LUD_OK; i++) {
        if (!p->inputs[i].cached) continue;
        embedder e = {.m = m, .input = i};
        uint64_t key[2];
        char *dir = cache_folder(m);
        circumstances(p, &p->inputs[i], key);
        status = dir ? ludc_vectors_open(dir, key, p->inputs[i].width, &e.cache, err)
                     : ludc_fail(err, LUD_E_NOMEM, "out of memory");
        for (size_t k = 0; k < n_data && status == LUD_OK; k++)
            if (data[k]->n) status = embed_rows(&e, data[k], err);
        ludc_vectors_close(e.cache);
        ludc_free(dir);
    }
    return status;
}
