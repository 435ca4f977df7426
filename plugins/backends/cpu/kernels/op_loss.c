/* SPDX-License-Identifier: Apache-2.0
 * ELEMENT_LOSS and its gradient. Tails run through the same vector code, so an element's bits do not depend on where it
 * lies. Results may lie over an input. NaN passes through. */
#include "ops.h"
#include "vmath.h"

/* log(1 + exp(x)) */
ALWAYS_INLINE vf softplus(vf x) {
    return vf_max(vf_zero(), x) + vf_log1p(vf_exp(-vf_abs(x)));
}

ALWAYS_INLINE vf signed_like(vf one, vf d) {
    return vf_select(d > 0.0f, one, vf_select(d < 0.0f, -one, d)); /* 0 and NaN stay */
}

/* Weight a' (1 - p')^b of the focal loss and its derivative by the logit x; see ludwig/ops.h. */
ALWAYS_INLINE vf focal_weight(const lud_attr_loss *l, vf x, vf t, vf *grad) {
    vf p = vf_sigmoid(x), q = vf_sigmoid(-x), away = p * (1.0f - t) + q * t;
    vf alpha = l->a >= 0.0f ? l->a * t + (1.0f - l->a) * (1.0f - t) : vf_set1(1.0f);
    if (l->b <= 0.0f) {
        *grad = vf_zero();
        return alpha;
    }
    vi some = away > 0.0f;
    vf log_away = vf_log(vf_max(vf_set1(1e-37f), away));
    vf slope = vf_select(some, l->b * vf_exp((l->b - 1.0f) * log_away), vf_zero());
    *grad = alpha * slope * p * q * (1.0f - 2.0f * t);
    return alpha * vf_select(some, vf_exp(l->b * log_away), vf_zero());
}

static vf loss(const lud_attr_loss *l, vf p, vf t) {
    vf d = p - t, size = vf_abs(d), slope;
    switch (l->kind) {
    case LUD_LOSS_SQUARED:
        return d * d;
    case LUD_LOSS_ABSOLUTE:
        return size;
    case LUD_LOSS_ABSOLUTE_PERCENTAGE:
        return size / vf_max(vf_set1(l->a), vf_abs(t));
    case LUD_LOSS_HUBER:
        return vf_select(size <= l->a, 0.5f * d * d, l->a * (size - 0.5f * l->a));
    case LUD_LOSS_BINARY_CROSS_ENTROPY:
        return (1.0f - t) * p + (1.0f + (l->a - 1.0f) * t) * softplus(-p);
    default:
        return focal_weight(l, p, t, &slope) * ((1.0f - t) * p + softplus(-p));
    }
}

static vf loss_grad(const lud_attr_loss *l, vf p, vf t) {
    vf d = p - t, weight, slope;
    switch (l->kind) {
    case LUD_LOSS_SQUARED:
        return 2.0f * d;
    case LUD_LOSS_ABSOLUTE:
        return signed_like(vf_set1(1.0f), d);
    case LUD_LOSS_ABSOLUTE_PERCENTAGE:
        return signed_like(vf_set1(1.0f), d) / vf_max(vf_set1(l->a), vf_abs(t));
    case LUD_LOSS_HUBER:
        return vf_select(vf_abs(d) > l->a, signed_like(vf_set1(l->a), d), d);
    case LUD_LOSS_BINARY_CROSS_ENTROPY:
        return (1.0f - t) * vf_sigmoid(p) - l->a * t * vf_sigmoid(-p);
    default:
        weight = focal_weight(l, p, t, &slope);
        return weight * ((1.0f - t) * vf_sigmoid(p) - t * vf_sigmoid(-p)) + slope * ((1.0f - t) * p + softplus(-p));
    }
}

/* pred, target -> loss, elementwise */
void FN(element_loss)(cpu_worker *w, const cpu_step *s) {
    cpu_ranges r = cpu_ranges_start(w, s, 0, cpu_count(w, &s->out[0]), ELEMENT_GRAIN);
    while (cpu_ranges_next(&r)) {
        for (int64_t i = r.begin, left; (left = r.end - i) > 0; i += VW)
            vf_store_upto(cpu_out(s, 0) + i,
                          loss(s->attr, vf_load_upto(cpu_in(s, 0) + i, left), vf_load_upto(cpu_in(s, 1) + i, left)),
                          left);
    }
}

/* pred, target, dy -> dpred */
void FN(element_loss_grad)(cpu_worker *w, const cpu_step *s) {
    cpu_ranges r = cpu_ranges_start(w, s, 0, cpu_count(w, &s->out[0]), ELEMENT_GRAIN);
    while (cpu_ranges_next(&r)) {
        for (int64_t i = r.begin, left; (left = r.end - i) > 0; i += VW) {
            vf d = loss_grad(s->attr, vf_load_upto(cpu_in(s, 0) + i, left), vf_load_upto(cpu_in(s, 1) + i, left));
            vf_store_upto(cpu_out(s, 0) + i, vf_load_upto(cpu_in(s, 2) + i, left) * d, left);
        }
    }
}
