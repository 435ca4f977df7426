/* SPDX-License-Identifier: Apache-2.0
 * Optimizer steps against sequences computed by hand from the formulas of torch.optim (in double, below). */
#include "rig.h"
#include <math.h>

typedef struct rule {
    int kind;
    bool momentum;
    float s[8];
} rule;

/* One scalar parameter after the steps. */
static double by_hand(const rule *r, double p, const double *grads, int n) {
    double m = 0, v = 0, lr = r->s[0], wd = r->s[2], b1 = r->s[4], b2 = r->s[5], eps = r->s[6];
    for (int t = 1; t <= n; t++) {
        double g = grads[t - 1] * r->s[1];
        if (r->s[3] != 0)
            p -= lr * wd * p;
        else
            g += wd * p;
        if (r->kind == LUDC_OPT_SGD) {
            if (r->momentum) m = b1 * m + g;
            double d = r->momentum ? (r->s[7] != 0 ? g + b1 * m : m) : g;
            p -= lr * d;
            continue;
        }
        m = b1 * m + (1 - b1) * g;
        v = b2 * v + (1 - b2) * g * g;
        p -= lr * (m / (1 - pow(b1, t))) / (sqrt(v / (1 - pow(b2, t))) + eps);
    }
    return p;
}

static const double grads[3] = {0.5, -0.2, 0.1};

static void declare(rig *r, const char *name, uint32_t flags, float lr_scale) {
    const lud_shape s = rig_shape(LUD_REAL, 1, 3, 0, 0);
    const lud_param_spec spec = {.struct_size = sizeof spec, .flags = flags, .lr_scale = lr_scale};
    const float ones[3] = {1, 1, 1};
    int64_t i = ludc_store_declare(r->store, name, &s, &spec, true, &r->err);
    CHECK(i >= 0);
    CHECK_OK(ludc_store_set(r->store, (size_t)i, ones, &r->err), r->err);
}

static void set_grads(rig *r, float g) {
    float all[64] = {0};
    for (int64_t i = 0; i < ludc_store_flat_len(r->store); i++)
        all[i] = i % 16 < 3 ? g : 0;
    CHECK_OK(ludc_store_flat_write(r->store, LUDC_FLAT_GRADS, all, &r->err), r->err);
}

static void check_param(rig *r, size_t i, double want) {
    float got[3];
    CHECK_OK(ludc_store_get(r->store, i, got, &r->err), r->err);
    for (int k = 0; k < 3; k++) {
        if (fabs((double)got[k] - want) > 2e-6) fprintf(stderr, "got %.9g, want %.9g\n", (double)got[k], want);
        CHECK(fabs((double)got[k] - want) <= 2e-6);
    }
}

static void test_rule(const rule *u, int32_t real, int mode) {
    rig r;
    ludc_optimizer *o = NULL;
    if (!rig_open(&r, mode, real)) return;
    declare(&r, "a", 0, 0);
    declare(&r, "norm", LUD_PARAM_NO_DECAY, 0);
    declare(&r, "fast", 0, 4);
    CHECK_OK(ludc_store_seal(r.store, ludc_optimizer_states(u->kind, u->momentum), &r.err), r.err);
    CHECK_OK(ludc_optimizer_new(&r.devices, r.store, u->kind, u->momentum, &o, &r.err), r.err);
    for (int t = 1; o && t <= 3; t++) {
        float s[8];
        double norm = 0;
        memcpy(s, u->s, sizeof s);
        if (u->kind != LUDC_OPT_SGD) s[7] = (float)t;
        set_grads(&r, (float)grads[t - 1]);
        CHECK_OK(ludc_optimizer_grad_norm(o, &norm, &r.err), r.err);
        CHECK(fabs(norm - 3 * fabs(grads[t - 1])) < 1e-6); /* 9 equal elements */
        uint64_t before = ludc_alloc_count();
        CHECK_OK(ludc_optimizer_step(o, s, &r.err), r.err);
        CHECK_INT(ludc_alloc_count() - before, 0);
    }
    rule undecayed = *u, fast = *u;
    undecayed.s[2] = 0;
    fast.s[0] *= 4;
    check_param(&r, 0, by_hand(u, 1, grads, 3));
    check_param(&r, 1, by_hand(&undecayed, 1, grads, 3));
    check_param(&r, 2, by_hand(&fast, 1, grads, 3));
    ludc_optimizer_free(o);
    rig_close(&r);
}

static void test_store(void) {
    rig r;
    ludc_optimizer *o = NULL;
    if (!rig_open(&r, RIG_REFERENCE, LUD_F32)) return;
    CHECK_INT(ludc_store_seal(r.store, 0, &r.err), LUD_OK);
    CHECK_INT(ludc_optimizer_new(&r.devices, r.store, LUDC_OPT_SGD, false, &o, NULL), LUD_E_INVALID);
    const lud_shape s = rig_shape(LUD_REAL, 1, 3, 0, 0), other = rig_shape(LUD_REAL, 1, 4, 0, 0);
    CHECK_INT(ludc_store_declare(r.store, "late", &s, NULL, true, NULL), -1);
    int64_t i = ludc_store_declare(r.store, "frozen", &s, NULL, false, NULL);
    CHECK_INT(i, 0);
    CHECK_INT(ludc_store_declare(r.store, "frozen", &s, NULL, false, NULL), 0);
    CHECK_INT(ludc_store_declare(r.store, "frozen", &other, NULL, false, NULL), -1);
    const float values[3] = {1, 2, 3};
    CHECK_INT(ludc_store_set_borrow(r.store, 0, values, NULL), LUD_OK);
    int64_t n = 0;
    lud_weights *w = (lud_weights *)r.store;
    CHECK(ludc_weights_api()->get(w, "frozen", &n) == values && n == 3);
    CHECK_INT(ludc_weights_api()->set(w, "frozen", values, 2, NULL), LUD_E_INVALID);
    CHECK_INT(ludc_weights_api()->set(w, "frozen", values, 3, NULL), LUD_OK);
    CHECK(ludc_weights_api()->get(w, "none", &n) == NULL);
    rig_close(&r);
}

int main(void) {
    const rule rules[] = {
        {LUDC_OPT_ADAMW, false, {0.1f, 1, 0.01f, 1, 0.9f, 0.999f, 1e-8f, 0}},
        {LUDC_OPT_ADAM, false, {0.1f, 0.5f, 0.01f, 0, 0.9f, 0.99f, 1e-8f, 0}},
        {LUDC_OPT_SGD, false, {0.1f, 1, 0.01f, 0, 0, 0, 0, 0}},
        {LUDC_OPT_SGD, true, {0.1f, 1, 0.01f, 0, 0.9f, 0, 0, 0}},
        {LUDC_OPT_SGD, true, {0.1f, 1, 0, 0, 0.9f, 0, 0, 1}},
    };
    for (size_t i = 0; i < LUDC_COUNT(rules); i++) {
        test_rule(&rules[i], LUD_F32, RIG_REFERENCE);
        test_rule(&rules[i], LUD_F64, RIG_REFERENCE);
    }
    test_rule(&rules[0], LUD_F32, RIG_APART);
    test_store();
    return check_done();
}
