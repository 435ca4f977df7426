/* SPDX-License-Identifier: Apache-2.0
 * Parameters whose values are made when they are asked for: by whom, how often, and that a backend is offered them as
 * stored first. What it refuses it gets as fp32; other failures pass on. */
#include "rig.h"

enum { N = 6 };

typedef struct origin {
    int made, given, released, freed;
    bool fails;
} origin;

static lud_status make_reals(void *arg, float *out, lud_error *err) {
    origin *o = arg;
    o->made++;
    if (o->fails) return ludc_fail(err, LUD_E_IO, "the file is gone");
    for (int i = 0; i < N; i++)
        out[i] = (float)i + 0.5f;
    return LUD_OK;
}

static const void *give_stored(void *arg, void **own) {
    ((origin *)arg)->given++;
    *own = ludc_alloc(2 * N);
    return *own ? memset(*own, 7, 2 * N) : NULL;
}

static void release_origin(void *arg) {
    ((origin *)arg)->released++;
}

static void free_origin(void *arg) {
    ((origin *)arg)->freed++;
}

static size_t declare(rig *r, origin *o, const char *name, bool trainable) {
    const lud_shape shape = rig_shape(LUD_REAL, 2, 2, 3, 0);
    const ludc_values values = {.arg = o,
                                .reals = make_reals,
                                .stored = give_stored,
                                .release = release_origin,
                                .free = free_origin,
                                .stored_bytes = 2 * N,
                                .dtype = LUD_BF16};
    int64_t i = ludc_store_declare(r->store, name, &shape, NULL, trainable, &r->err);
    CHECK_OK(ludc_store_set_lazy(r->store, (size_t)i, &values, &r->err), r->err);
    CHECK(ludc_store_at(r->store, (size_t)i)->filled);
    return (size_t)i;
}

static void check_get(void) {
    rig r;
    origin o = {0};
    float got[N] = {0};
    int64_t n = 0;
    if (!rig_open(&r, RIG_REFERENCE, LUD_F32)) return;
    size_t i = declare(&r, &o, "p", false);
    CHECK_INT(o.made, 0);
    CHECK_OK(ludc_store_get(r.store, i, got, &r.err), r.err);
    CHECK(got[5] == 5.5f);
    const float *lent = ludc_weights_api()->get((lud_weights *)r.store, "p", &n);
    CHECK(lent && lent[1] == 1.5f && n == N);
    CHECK_INT(o.made, 2);
    o.fails = true;
    CHECK_INT(ludc_store_get(r.store, i, got, &r.err), LUD_E_IO);
    CHECK_INT(ludc_store_set(r.store, i, got, NULL), LUD_OK);
    CHECK_INT(o.freed, 1);
    declare(&r, &o, "q", false);
    CHECK_INT(ludc_store_set_lazy(r.store, 99, &(ludc_values){.arg = &o, .free = free_origin}, NULL), LUD_E_INVALID);
    CHECK_INT(o.freed, 2);
    rig_close(&r);
    CHECK_INT(o.freed, 3);
}

/* A trained parameter's values go to the device; where they came from is let go. */
static void check_trained(void) {
    rig r;
    origin o = {0};
    float got[N] = {0};
    if (!rig_open(&r, RIG_REFERENCE, LUD_F32)) return;
    size_t i = declare(&r, &o, "p", true);
    CHECK_OK(ludc_store_seal(r.store, 1, &r.err), r.err);
    CHECK_INT(o.made, 1);
    CHECK_INT(o.freed, 1);
    CHECK_OK(ludc_store_get(r.store, i, got, &r.err), r.err);
    CHECK(got[0] == 0.5f && got[5] == 5.5f);
    rig_close(&r);
}

/* ---- What a backend is offered ---- */
static lud_status answer; /* to a weight as stored */
static const lud_backend_vt *inner;
static int offered, plain;

static lud_status weight_new(void *dev, const lud_tensor *t, const void *host, uint32_t uses, lud_buf *buf,
                             int32_t *storage, lud_error *err) {
    if (t->dtype == LUD_F32) {
        plain++;
        return inner->weight_new(dev, t, host, uses, buf, storage, err);
    }
    offered++;
    CHECK_INT(t->dtype, LUD_BF16);
    CHECK_INT(t->bytes, 2 * N);
    CHECK(((const char *)host)[0] == 7 && ((const char *)host)[2 * N - 1] == 7);
    *storage = LUD_STORAGE_PLAIN;
    return answer == LUD_OK ? LUD_OK : ludc_fail(err, answer, "no");
}

/* fail_after: allocations that making the program may do before one fails; < 0: all. */
static lud_status run(rig *r, int64_t fail_after, float y[2]) {
    lud_graph *g = rig_graph(r, NULL);
    const lud_shape one = rig_shape(LUD_REAL, 2, 1, 3, 0);
    lud_t x = ludc_graph_input(g, "x", &one), w = rig_param(r, g, "p", 2, 3), out = OP(g, LINEAR, NULL, x, w, 0);
    ludc_program *p = NULL;
    const float ones[3] = {1, 1, 1};
    ludc_alloc_fail_after(fail_after, false);
    lud_status status = ludc_program_new(g, &out, 1, &r->devices, r->store, &p, &r->err);
    ludc_alloc_fail_after(-1, false);
    if (status == LUD_OK) status = ludc_program_write(p, x, ones, sizeof ones, &r->err);
    if (status == LUD_OK) status = ludc_program_run(p, NULL, 0, &r->err);
    if (status == LUD_OK) status = ludc_program_read(p, out, y, 2 * sizeof *y, &r->err);
    ludc_program_free(p);
    ludc_graph_free(g);
    return status;
}

static void check_offer(uint32_t caps, lud_status to_stored, int offers, lud_status want) {
    rig r;
    origin o = {0};
    float y[2] = {0};
    if (!rig_open(&r, RIG_REFERENCE, LUD_F32)) return;
    inner = r.devices.primary.vt;
    lud_backend_vt vt = *inner;
    vt.weight_new = weight_new;
    r.devices.primary.vt = r.devices.fallback.vt = &vt;
    r.devices.primary.info.caps |= caps;
    answer = to_stored;
    offered = plain = 0;
    declare(&r, &o, "p", false);
    CHECK_INT(run(&r, -1, y), want);
    CHECK_INT(offered, offers);
    CHECK_INT(o.given, offers);
    CHECK_INT(o.released, offers);
    CHECK_INT(plain, want == LUD_OK);
    if (want == LUD_OK) CHECK(y[0] == 4.5f && y[1] == 13.5f);
    rig_close(&r);
}

static void check_no_memory(void) {
    rig r;
    origin o = {0};
    float y[2];
    if (!rig_open(&r, RIG_REFERENCE, LUD_F32)) return;
    declare(&r, &o, "p", false);
    lud_status status = LUD_E_NOMEM;
    for (int64_t n = 0; n < 200 && status != LUD_OK; n++) {
        r.err = LUDC_ERROR_INIT;
        status = run(&r, n, y);
    }
    CHECK_OK(status, r.err);
    rig_close(&r);
}

int main(void) {
    check_get();
    check_trained();
    check_offer(0, LUD_OK, 0, LUD_OK);
    check_offer(LUD_CAP_FILE_WEIGHTS, LUD_E_UNSUPPORTED, 1, LUD_OK);
    check_offer(LUD_CAP_FILE_WEIGHTS, LUD_OK, 1, LUD_OK); /* a plain answer is no answer */
    check_offer(LUD_CAP_FILE_WEIGHTS, LUD_E_NOMEM, 1, LUD_E_NOMEM);
    check_no_memory();
    return check_done();
}
