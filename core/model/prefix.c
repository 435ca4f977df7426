/* SPDX-License-Identifier: Apache-2.0
 * The frozen prefix: where only the upper layers of an encoder are trained, what the layers below them give is a
 * function of a text's tokens. It is computed when a text is met for the first time, kept on disk as one vector per
 * token, and given to every program that is made while the prefix is open. By the row rule the kept values are the
 * computed ones bit for bit, so training goes the same way with and without. */
#include "prefix.h"

#include <content.h>
#include <string.h>

struct ludc_prefix {
    ludc_model *model;
    int32_t layer;
    int64_t width, cap_T, cap_S;
    ludc_vectors *cache;
    ludc_run *run;       /* computes what is not there; NULL until something is not */
    uint64_t (*keys)[2]; /* of tokens, [cap_T] */
    float *values;       /* [cap_T, width] */
    int64_t *places;     /* [cap_S] */
    /* Of the texts that are computed now. offsets[0] is always 0. */
    uint64_t (*wanted)[2];
    int32_t *ids, *positions, *offsets;
    float *fresh;
    ludc_prefix_counts counts;
};

/* ---- Keys ---- */
static void mix(void *arg, const void *bytes, size_t n) {
    ludc_key_mix(arg, bytes, n);
}

/* Bits depend on the code of the kernels and on the processor. */
static lud_status key_device(ludc_host *host, const ludc_devices *devices, uint64_t key[2], lud_error *err) {
    const ludc_component *all;
    const size_t n = ludc_host_components(host, &all);
    for (size_t i = 0; i < n; i++)
        if (all[i].c == devices->primary.component || all[i].c == devices->fallback.component)
            LUDC_TRY(ludc_key_file(key, all[i].from->path, err));
    ludc_key_text(key, ludc_str(devices->primary.info.name));
    ludc_key_text(key, LUDC_STR(LUDC_VERSION));
    return LUD_OK;
}

lud_status ludc_value_key(const lud_graph *g, lud_t t, ludc_host *host, const ludc_devices *devices, uint64_t key[2],
                          lud_error *err) {
    key[0] = key[1] = 0;
    LUDC_TRY(key_device(host, devices, key, err));
    return ludc_graph_tell(g, t, mix, key) ? LUD_OK : ludc_no_memory(err, "model");
}

static void key_tokens(const int32_t *ids, int64_t n, uint64_t (*keys)[2]) {
    uint64_t part[3];
    ludc_hash128(ids, (size_t)n * sizeof *ids, part);
    for (int64_t i = 0; i < n; i++) {
        part[2] = (uint64_t)i;
        ludc_hash128(part, sizeof part, keys[i]);
    }
}

/* ---- Opening ---- */
static lud_status build(ludc_model *m, int kind, ludc_built *b, lud_error *err) {
    const ludc_run_caps caps = {.T = 1, .S = 1, .N = 1};
    return ludc_model_build(m, m->store, kind, &caps, false, b, err);
}

static void say_none(const ludc_model *m, const char *first) {
    ludc_log(LUD_LOG_WARN, "cache_encoder_embeddings: nothing is kept of %s: no layer lies below '%s', which is %s",
             m->base->path, first ? first : "?", first && strcmp(first, "dropout") == 0 ? "random" : "trained");
}

/* The highest layer that training leaves alone. layer stays -1 if there is none. */
static lud_status find_layer(ludc_prefix *p, lud_error *err) {
    ludc_model *m = p->model;
    ludc_built b = {0};
    const char *first = NULL;
    lud_shape shape = {0};
    lud_status status = build(m, LUDC_RUN_TRAIN, &b, err);
    if (status == LUD_OK) {
        const lud_t t = m->real == LUD_F32 ? ludc_graph_frozen_layer(b.g, &p->layer, &first) : 0;
        if (t) (void)ludc_graph_api()->shape_of(b.g, t, &shape);
        status = ludc_graph_api()->status(b.g, err);
        /* A vector for each token, as every encoder of text has it. */
        if (shape.rank != 2 || shape.dim[0] != -(int64_t)b.e_t) p->layer = -1;
        p->width = shape.dim[1];
        if (status == LUD_OK && p->layer < 0) say_none(m, first);
    }
    ludc_graph_free(b.g);
    return status;
}

static lud_status open_cache(ludc_prefix *p, const char *dir, lud_error *err) {
    ludc_model *m = p->model;
    ludc_built b = {0};
    uint64_t key[2];
    lud_status status = build(m, LUDC_RUN_ENCODE, &b, err);
    if (status == LUD_OK) status = ludc_value_key(b.g, b.tokens, m->host, m->devices, key, err);
    if (status == LUD_OK) status = ludc_vectors_open(dir, key, p->width, &p->cache, err);
    ludc_graph_free(b.g);
    if (status == LUD_OK)
        ludc_log(LUD_LOG_INFO,
                 "frozen prefix: layers 0 to %d of %lld of %s run once for each text; %zu tokens are kept", p->layer,
                 (long long)m->info.layers, m->base->path, ludc_vectors_len(p->cache));
    return status;
}

lud_status ludc_prefix_open(ludc_model *m, const char *dir, lud_error *err) {
    if (m->prefix) return LUD_OK; /* of a tied input */
    ludc_prefix *p = ludc_alloc(sizeof *p);
    if (!p) return ludc_no_memory(err, "model");
    *p = (ludc_prefix){.model = m, .layer = -1};
    lud_status status = find_layer(p, err);
    m->prefix = p;
    if (status == LUD_OK && p->layer >= 0) status = open_cache(p, dir, err);
    if (status != LUD_OK || p->layer < 0) (void)ludc_prefix_close(m);
    return status;
}

static void free_room(ludc_prefix *p) {
    ludc_run_free(p->run);
    ludc_free(p->keys);
    ludc_free(p->values);
    ludc_free(p->places);
    ludc_free(p->wanted);
    ludc_free(p->ids);
    ludc_free(p->positions);
    ludc_free(p->offsets);
    ludc_free(p->fresh);
    p->run = NULL;
}

ludc_prefix_counts ludc_prefix_close(ludc_model *m) {
    ludc_prefix *p = m->prefix;
    if (!p) return (ludc_prefix_counts){0};
    const ludc_prefix_counts counts = p->counts;
    free_room(p);
    ludc_vectors_close(p->cache);
    ludc_free(p);
    m->prefix = NULL;
    return counts;
}

/* ---- What programs do ---- */
lud_t ludc_prefix_mark(const ludc_model *m, const lud_graph *g) {
    return m->prefix ? ludc_graph_marked(g, LUD_MARK_LAYER, m->prefix->layer) : 0;
}

lud_status ludc_prefix_room(ludc_model *m, int64_t T, int64_t S, lud_error *err) {
    ludc_prefix *p = m->prefix;
    if (!p || (T <= p->cap_T && S <= p->cap_S)) return LUD_OK;
    free_room(p);
    T = LUDC_MAX(T, p->cap_T);
    S = LUDC_MAX(S, p->cap_S);
    p->cap_T = p->cap_S = 0;
    const size_t t = (size_t)T, s = (size_t)S, reals = t * (size_t)p->width;
    p->keys = ludc_alloc(t * sizeof *p->keys);
    p->values = ludc_alloc(reals * sizeof *p->values);
    p->places = ludc_alloc(s * sizeof *p->places);
    p->wanted = ludc_alloc(t * sizeof *p->wanted);
    p->ids = ludc_alloc(t * sizeof *p->ids);
    p->positions = ludc_alloc(t * sizeof *p->positions);
    p->offsets = ludc_alloc((s + 1) * sizeof *p->offsets);
    p->fresh = ludc_alloc(reals * sizeof *p->fresh);
    if (!p->keys || !p->values || !p->places || !p->wanted || !p->ids || !p->positions || !p->offsets || !p->fresh)
        return ludc_fail(err, LUD_E_NOMEM, "model: out of memory for %zu tokens", t);
    p->cap_T = T;
    p->cap_S = S;
    return LUD_OK;
}

/* Where a text with these keys lies among those that are computed now; -1: all of it is in the cache. */
static int64_t place_of(ludc_prefix *p, ludc_run_tokens *missing, const ludc_run_tokens *t, int64_t begin, int64_t n) {
    const uint64_t(*keys)[2] = (const uint64_t(*)[2])p->keys + begin;
    const int64_t at = missing->T;
    bool there = true;
    for (int64_t i = 0; i < n && there; i++)
        there = ludc_vectors_find(p->cache, keys[i]) != NULL;
    if (there) return -1;
    for (int64_t s = 0; s < missing->S; s++)
        if (memcmp(p->wanted[p->offsets[s]], keys[0], sizeof keys[0]) == 0) return p->offsets[s];
    memcpy(p->wanted + at, keys, (size_t)n * sizeof *keys);
    memcpy(p->ids + at, t->ids + begin, (size_t)n * sizeof *p->ids);
    for (int64_t i = 0; i < n; i++)
        p->positions[at + i] = (int32_t)i;
    missing->T += n;
    p->offsets[++missing->S] = (int32_t)missing->T;
    return at;
}

/* Where nothing can be written the cache would grow in memory: then texts are computed whenever they come. */
static lud_status compute(ludc_prefix *p, const ludc_run_tokens *missing, lud_error *err) {
    const ludc_run_caps caps = {.T = p->cap_T, .S = LUDC_MIN(p->cap_S, p->cap_T), .N = 1};
    if (!p->run) LUDC_TRY(ludc_run_new(p->model, LUDC_RUN_ENCODE, &caps, &p->run, err));
    LUDC_TRY(ludc_run_encode(p->run, missing, p->width, p->fresh, err));
    p->counts.computed += (uint64_t)missing->T;
    if (!ludc_vectors_saves(p->cache)) return LUD_OK;
    p->counts.bytes += (uint64_t)(missing->T * p->width) * sizeof(float);
    return ludc_vectors_add(p->cache, (size_t)missing->T, (const uint64_t(*)[2])p->wanted, p->fresh, err);
}

static void gather(ludc_prefix *p, int64_t begin, int64_t n, int64_t place) {
    const size_t bytes = (size_t)p->width * sizeof(float);
    float *out = p->values + begin * p->width;
    for (int64_t i = 0; i < n; i++)
        memcpy(out + i * p->width,
               place < 0 ? ludc_vectors_find(p->cache, p->keys[begin + i]) : p->fresh + (place + i) * p->width, bytes);
}

lud_status ludc_prefix_take(ludc_model *m, const ludc_run_tokens *t, const float **values, int64_t *width,
                            lud_error *err) {
    ludc_prefix *p = m->prefix;
    if (!p || t->T > p->cap_T || t->S > p->cap_S)
        return ludc_fail(err, LUD_E_INTERNAL, "a program has outlived its prefix, or is larger than it");
    ludc_run_tokens missing = {.ids = p->ids, .positions = p->positions, .seg_offsets = p->offsets};
    const int32_t *offsets = t->seg_offsets;
    for (int64_t s = 0; s < t->S; s++) {
        const int64_t begin = offsets[s], n = offsets[s + 1] - begin;
        key_tokens(t->ids + begin, n, p->keys + begin);
        p->places[s] = place_of(p, &missing, t, begin, n);
    }
    if (missing.T) LUDC_TRY(compute(p, &missing, err));
    for (int64_t s = 0; s < t->S; s++)
        gather(p, offsets[s], offsets[s + 1] - offsets[s], p->places[s]);
    p->counts.taken += (uint64_t)t->T;
    *values = p->values;
    *width = p->width;
    return LUD_OK;
}
