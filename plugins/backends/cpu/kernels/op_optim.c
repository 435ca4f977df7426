/* SPDX-License-Identifier: Apache-2.0
 * SGD_STEP and ADAM_STEP, in place, elementwise; s[8] as in ops.h. Formulas as torch.optim.SGD and Adam / AdamW. */
#include "ops.h"

enum { GRAIN = 2048 };

typedef struct sgd {
    float lr, factor, decay, momentum;
    bool decoupled, nesterov;
} sgd;

ALWAYS_INLINE void sgd_vector(const sgd *o, float *p, const float *g, float *v, int64_t left) {
    vf x = vf_load_upto(p, left), d = vf_load_upto(g, left) * o->factor;
    if (o->decoupled)
        x = x - (o->lr * o->decay) * x;
    else if (o->decay != 0.0f)
        d = d + o->decay * x;
    if (v) {
        vf m = o->momentum * vf_load_upto(v, left) + d;
        vf_store_upto(v, m, left);
        d = o->nesterov ? d + o->momentum * m : m;
    }
    vf_store_upto(p, x - o->lr * d, left);
}

/* param (n), grad (n), velocity (n) or absent, s (8) */
void FN(sgd_step)(cpu_worker *w, const cpu_step *s) {
    const float *k = cpu_in(s, 3), *g = cpu_in(s, 1);
    float *p = s->in[0].ptr, *v = cpu_count(w, &s->in[2]) ? s->in[2].ptr : NULL;
    sgd o = {k[0], k[1], k[2], k[4], k[3] != 0.0f, k[7] != 0.0f};
    cpu_ranges it = cpu_ranges_start(w, s, 0, cpu_count(w, &s->in[0]), GRAIN);
    while (cpu_ranges_next(&it))
        for (int64_t i = it.begin; i < it.end; i += VW)
            sgd_vector(&o, p + i, g + i, v ? v + i : NULL, it.end - i);
}

typedef struct adam {
    float lr, factor, decay, beta1, beta2, eps, step_size, root_correction;
    bool decoupled;
} adam;

static adam adam_of(const float *s) {
    adam o = {s[0], s[1], s[2], s[4], s[5], s[6], 0, 0, s[3] != 0.0f};
    double c1 = 1.0 - pow((double)s[4], (double)s[7]), c2 = 1.0 - pow((double)s[5], (double)s[7]);
    o.step_size = (float)((double)s[0] / c1);
    o.root_correction = (float)(1.0 / sqrt(c2));
    return o;
}

ALWAYS_INLINE void adam_vector(const adam *o, float *p, const float *g, float *m, float *v, int64_t left) {
    vf x = vf_load_upto(p, left), d = vf_load_upto(g, left) * o->factor;
    if (o->decoupled)
        x = x - (o->lr * o->decay) * x;
    else if (o->decay != 0.0f)
        d = d + o->decay * x;
    vf m1 = o->beta1 * vf_load_upto(m, left) + (1.0f - o->beta1) * d;
    vf v1 = o->beta2 * vf_load_upto(v, left) + (1.0f - o->beta2) * d * d;
    vf_store_upto(m, m1, left);
    vf_store_upto(v, v1, left);
    vf_store_upto(p, x - o->step_size * m1 / (vf_sqrt(v1) * o->root_correction + o->eps), left);
}

/* param (n), grad (n), m (n), v (n), s (8) */
void FN(adam_step)(cpu_worker *w, const cpu_step *s) {
    adam o = adam_of(cpu_in(s, 4));
    const float *g = cpu_in(s, 1);
    float *p = s->in[0].ptr, *m = s->in[2].ptr, *v = s->in[3].ptr;
    cpu_ranges it = cpu_ranges_start(w, s, 0, cpu_count(w, &s->in[0]), GRAIN);
    while (cpu_ranges_next(&it))
        for (int64_t i = it.begin; i < it.end; i += VW)
            adam_vector(&o, p + i, g + i, m + i, v + i, it.end - i);
}
