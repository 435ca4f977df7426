/* SPDX-License-Identifier: Apache-2.0
 * Accumulation, the sum of squares and optimizer steps over REAL. ACC and the steps change their first input in place
 * (the result is an alias of it) and the steps their states; arithmetic is in double, stored as REAL. */

/* acc[n] += x[n]. */
lud_status NAME(ref_op_ACC)(const ref_call *c) {
    const REAL *acc = c->in[0].ptr, *x = c->in[1].ptr;
    REAL *out = c->out[0].ptr;
    for (int64_t i = 0; i < c->out[0].n; i++)
        out[i] = acc[i] + x[i];
    return LUD_OK;
}

/* x[n] -> [1]. */
lud_status NAME(ref_op_SUMSQ)(const ref_call *c) {
    *(REAL *)c->out[0].ptr = (REAL)NAME(dot)(c->in[0].ptr, c->in[0].ptr, c->in[0].n);
    return LUD_OK;
}

/* The scalars s[8] of a step by name. */
typedef struct {
    double lr, factor, decay, beta1, beta2, eps, step;
    int decoupled;
} NAME(step_scalars);

static NAME(step_scalars) NAME(read_scalars)(const ref_view *v) {
    const REAL *s = v->ptr;
    return (NAME(step_scalars)){.lr = (double)s[0],
                                .factor = (double)s[1],
                                .decay = (double)s[2],
                                .decoupled = s[3] != 0,
                                .beta1 = (double)s[4],
                                .beta2 = (double)s[5],
                                .eps = (double)s[6],
                                .step = (double)s[7]};
}

/* Applies weight decay: to *p if decoupled, else to the gradient; returns the gradient. */
static double NAME(decayed)(const NAME(step_scalars) * s, double *p, double grad) {
    double g = grad * s->factor;
    if (!s->decoupled) return g + s->decay * *p;
    *p -= s->lr * s->decay * *p;
    return g;
}

/* param[n], grad[n], velocity[n] or absent, s[8]; momentum is beta1, nesterov is step. */
lud_status NAME(ref_op_SGD_STEP)(const ref_call *c) {
    const REAL *param = c->in[0].ptr, *grad = c->in[1].ptr;
    REAL *velocity = c->in[2].ptr, *out = c->out[0].ptr;
    NAME(step_scalars) s = NAME(read_scalars)(&c->in[3]);
    for (int64_t i = 0; i < c->out[0].n; i++) {
        double p = (double)param[i], g = NAME(decayed)(&s, &p, (double)grad[i]);
        if (velocity) {
            double v = s.beta1 * (double)velocity[i] + g;
            velocity[i] = (REAL)v;
            g = s.step != 0 ? g + s.beta1 * v : v;
        }
        out[i] = (REAL)(p - s.lr * g);
    }
    return LUD_OK;
}

/* param[n], grad[n], m[n], v[n], s[8]. */
lud_status NAME(ref_op_ADAM_STEP)(const ref_call *c) {
    const REAL *param = c->in[0].ptr, *grad = c->in[1].ptr;
    REAL *first = c->in[2].ptr, *second = c->in[3].ptr, *out = c->out[0].ptr;
    NAME(step_scalars) s = NAME(read_scalars)(&c->in[4]);
    double correct1 = 1.0 - pow(s.beta1, s.step), correct2 = sqrt(1.0 - pow(s.beta2, s.step));
    for (int64_t i = 0; i < c->out[0].n; i++) {
        double p = (double)param[i], g = NAME(decayed)(&s, &p, (double)grad[i]);
        double m = s.beta1 * (double)first[i] + (1.0 - s.beta1) * g;
        double v = s.beta2 * (double)second[i] + (1.0 - s.beta2) * g * g;
        first[i] = (REAL)m;
        second[i] = (REAL)v;
        out[i] = (REAL)(p - s.lr / correct1 * m / (sqrt(v) / correct2 + s.eps));
    }
    return LUD_OK;
}
