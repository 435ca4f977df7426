/* SPDX-License-Identifier: Apache-2.0
 * Cuts: the frozen layer is found whatever lies above or below it; a program that is given its value computes what one
 * without the cut does, bit for bit, and nothing below; what decides a value is told, and no more. */
#include "rig.h"

enum { LAYERS = 3, T = 5, C = 4 };

/* Layers x + w x; "t." before a name trains it, "d" before it drops out elements of the layer's input. */
typedef struct form {
    const char *table, *layers[LAYERS];
    int found;         /* the highest frozen layer */
    const char *first; /* what stands against the next one */
} form;

typedef struct model {
    lud_graph *g;
    lud_t ids, keys, positions, layer[LAYERS], loss, ones;
} model;

static lud_t int_input(lud_graph *g, const char *name, int32_t rank, int32_t e) {
    const lud_shape s = rig_shape(LUD_I32, rank, -e, 2, 0);
    return ludc_graph_input(g, name, &s);
}

static void build(rig *r, const form *f, model *m) {
    const lud_graph_api *api = ludc_graph_api();
    *m = (model){.g = rig_graph(r, rig_trains())};
    const int32_t e = ludc_graph_extent(m->g, T);
    const lud_shape rows = rig_shape(LUD_REAL, 2, -e, C, 0);
    m->ids = int_input(m->g, "ids", 1, e);
    m->keys = int_input(m->g, "keys", 2, e);
    m->positions = int_input(m->g, "positions", 1, e);
    m->ones = ludc_graph_input(m->g, "ones", &rows);
    ludc_graph_set_seq(m->g, m->keys, m->positions, 0, 0);
    lud_t x = OP(m->g, EMBEDDING, NULL, rig_param(r, m->g, f->table, 7, C), m->ids);
    x = api->mark(m->g, LUD_MARK_EMBEDDINGS, -1, x);
    for (int i = 0; i < LAYERS; i++) {
        const bool drops = f->layers[i][0] == 'd';
        const lud_t in = drops ? api->dropout(m->g, x, 0.25f) : x;
        x = OP(m->g, ADD, NULL, x, OP(m->g, LINEAR, NULL, in, rig_param(r, m->g, f->layers[i] + drops, C, C), 0));
        m->layer[i] = api->mark(m->g, LUD_MARK_LAYER, i, x);
    }
    m->loss = OP(m->g, MUL, NULL, x, x);
}

static void test_find(void) {
    static const form forms[] = {
        {"table", {"a", "b", "c"}, 2, NULL},
        {"table", {"a", "b", "t.c"}, 1, "t.c"},
        {"table", {"a", "t.b", "c"}, 0, "t.b"},
        {"table", {"t.a", "b", "c"}, -1, "t.a"},
        {"t.table", {"a", "b", "c"}, -1, "t.table"},
        {"table", {"t.a", "b", "t.a"}, -1, "t.a"}, /* one matrix in two layers */
        {"table", {"a", "a", "t.c"}, 1, "t.c"},
        {"table", {"da", "b", "c"}, -1, "dropout"},
        {"table", {"a", "b", "dc"}, 1, "dropout"},
    };
    for (size_t i = 0; i < LUDC_COUNT(forms); i++) {
        rig r;
        model m;
        int32_t layer = -1;
        const char *first;
        if (!rig_open(&r, RIG_REFERENCE, LUD_F32)) return;
        build(&r, &forms[i], &m);
        const lud_t t = ludc_graph_frozen_layer(m.g, &layer, &first);
        CHECK_INT(layer, forms[i].found);
        CHECK_INT(t, layer < 0 ? 0 : m.layer[layer]);
        CHECK_TEXT(first ? first : "none", forms[i].first ? forms[i].first : "none");
        ludc_graph_free(m.g);
        rig_close(&r);
    }
}

/* ---- With and without ---- */
typedef struct result {
    float loss[T * C], below[T * C], grads[64];
    int64_t n_grads;
    rig_census census;
} result;

static const form upper = {"table", {"a", "b", "t.c"}, 1, "t.c"};

static void run(rig *r, const model *m, ludc_program *p, lud_t given, lud_t below, result *out) {
    static const int32_t ids[T] = {3, 1, 6, 3, 0};
    float ones[T * C];
    const int64_t extents[2] = {0, T};
    for (size_t i = 0; i < LUDC_COUNT(ones); i++)
        ones[i] = 1;
    CHECK_OK(ludc_program_write(p, m->ids, ids, sizeof ids, &r->err), r->err);
    CHECK_OK(ludc_program_write(p, m->ones, ones, sizeof ones, &r->err), r->err);
    if (given) CHECK_OK(ludc_program_write(p, given, out->below, sizeof out->below, &r->err), r->err);
    CHECK_OK(ludc_program_run(p, extents, 2, &r->err), r->err);
    CHECK_OK(ludc_program_read(p, m->loss, out->loss, sizeof out->loss, &r->err), r->err);
    if (!given) CHECK_OK(ludc_program_read(p, below, out->below, sizeof out->below, &r->err), r->err);
    out->n_grads = ludc_store_flat_len(r->store);
    CHECK_OK(ludc_store_flat_read(r->store, LUDC_FLAT_GRADS, out->grads, &r->err), r->err);
}

/* Trains the upper layer; cut: `out->below` is given instead of computed. */
static void compute(bool cut, result *out) {
    rig r;
    model m;
    ludc_program *p = NULL;
    if (!rig_open(&r, RIG_WATCH, LUD_F32)) return;
    build(&r, &upper, &m);
    const lud_t below = ludc_graph_marked(m.g, LUD_MARK_LAYER, upper.found);
    const lud_t given = cut ? ludc_graph_give(m.g, below, "given") : 0, roots[] = {m.loss, below};
    rig_on_compile(rig_count, &out->census);
    CHECK_OK(ludc_graph_backward(m.g, m.loss, m.ones, &r.err), r.err);
    CHECK_OK(ludc_store_seal(r.store, 0, &r.err), r.err);
    CHECK_OK(ludc_program_new(m.g, roots, 2, &r.devices, r.store, &p, &r.err), r.err);
    if (p) run(&r, &m, p, given, below, out);
    ludc_program_free(p);
    ludc_graph_free(m.g);
    rig_close(&r);
}

static void test_give(void) {
    static result live, kept;
    compute(false, &live);
    memcpy(kept.below, live.below, sizeof kept.below);
    compute(true, &kept);
    CHECK(memcmp(live.loss, kept.loss, sizeof live.loss) == 0);
    CHECK_INT(kept.n_grads, live.n_grads);
    CHECK(kept.n_grads >= C * C && memcmp(live.grads, kept.grads, (size_t)kept.n_grads * sizeof(float)) == 0);
    CHECK_INT(live.census.count[LUD_OP_EMBEDDING], 1);
    CHECK_INT(kept.census.count[LUD_OP_EMBEDDING], 0);
    CHECK_INT(live.census.count[LUD_OP_LINEAR], LAYERS);
    CHECK_INT(kept.census.count[LUD_OP_LINEAR], 1);
}

/* ---- What is told ---- */
static void add_hash(void *arg, const void *bytes, size_t n) {
    uint64_t *h = arg;
    *h = lud_mix64(*h ^ ludc_hash(bytes, n));
}

/* Of layer `number`; a change to the values of `changed` first. */
static uint64_t told(const form *f, int number, const char *changed) {
    rig r;
    model m;
    uint64_t h = 0;
    float values[7 * C];
    if (!rig_open(&r, RIG_REFERENCE, LUD_F32)) return 0;
    build(&r, f, &m);
    const int64_t at = changed ? ludc_store_index(r.store, ludc_str(changed)) : -1;
    if (at >= 0) {
        CHECK_OK(ludc_store_get(r.store, (size_t)at, values, &r.err), r.err);
        values[3] += 1;
        CHECK_OK(ludc_store_set(r.store, (size_t)at, values, &r.err), r.err);
    }
    CHECK(ludc_graph_tell(m.g, m.layer[number], add_hash, &h));
    ludc_graph_free(m.g);
    rig_close(&r);
    return h;
}

static void test_tell(void) {
    const form shared = {"table", {"a", "a", "t.c"}, 1, "t.c"}, none = {"table", {"a", "b", "c"}, 2, NULL};
    const uint64_t h = told(&upper, 1, NULL);
    CHECK(h != 0);
    CHECK(told(&upper, 1, NULL) == h);
    CHECK(told(&none, 1, NULL) == h); /* what is above does not matter, */
    CHECK(told(&none, 1, "c") == h);
    CHECK(told(&upper, 1, "table") != h); /* and all below does */
    CHECK(told(&upper, 1, "a") != h);
    CHECK(told(&upper, 1, "b") != h);
    CHECK(told(&upper, 0, NULL) != h);
    CHECK(told(&shared, 1, NULL) != h);
}

static void test_out_of_memory(void) {
    rig r;
    model m;
    uint64_t h = 0;
    if (!rig_open(&r, RIG_REFERENCE, LUD_F32)) return;
    build(&r, &upper, &m);
    ludc_alloc_fail_after(0, true);
    CHECK(!ludc_graph_tell(m.g, m.layer[0], add_hash, &h));
    CHECK_INT(ludc_graph_give(m.g, m.layer[0], "given"), 0);
    ludc_alloc_fail_after(-1, false);
    CHECK_INT(ludc_graph_api()->status(m.g, &r.err), LUD_E_NOMEM);
    ludc_graph_free(m.g);
    rig_close(&r);
}

int main(void) {
    test_find();
    test_give();
    test_tell();
    test_out_of_memory();
    return check_done();
}
