/* SPDX-License-Identifier: Apache-2.0
 * Shape rules of the neural operations: maps, norms, attention, losses, dropout, accumulation and optimizer steps. The
 * letters are those of ops.h. */
#include "rules.h"

#define DIMS(...) ((const int64_t[]){__VA_ARGS__})

/* Attributes that must be finite numbers: a NaN there would poison every result silently. */
static bool finite(ludc_infer *r, const char *name, float v) {
    if (v - v == 0.0f) return true;
    return ludc_rule_fail(r, "attribute %s is not a finite number", name);
}

/* A result of [T, M] where M may not be an extent. */
static bool fixed(ludc_infer *r, uint32_t i, int32_t d) {
    if (r->in[i]->dim[d] > 0) return true;
    return ludc_rule_fail(r, "input %u: dimension %d may not be an extent", i, (int)d);
}

bool ludc_rule_LINEAR(ludc_infer *r) {
    if (!ludc_rule_real(r, 0, 2) || !ludc_rule_real(r, 1, 2) || !ludc_rule_real(r, 2, 1)) return false;
    int64_t m = r->in[1]->dim[0];
    if (!fixed(r, 1, 0) || !ludc_rule_dim(r, 1, 1, r->in[0]->dim[1]) || !ludc_rule_dim(r, 2, 0, m)) return false;
    return ludc_rule_out(r, 0, r->g->opts.real, 2, DIMS(r->in[0]->dim[0], m));
}

bool ludc_rule_LINEAR_GRAD_INPUT(ludc_infer *r) {
    if (!ludc_rule_real(r, 0, 2) || !ludc_rule_real(r, 1, 2)) return false;
    if (!ludc_rule_dim(r, 1, 0, r->in[0]->dim[1])) return false;
    return ludc_rule_out(r, 0, r->g->opts.real, 2, DIMS(r->in[0]->dim[0], r->in[1]->dim[1]));
}

bool ludc_rule_LINEAR_GRAD_WEIGHT(ludc_infer *r) {
    if (!ludc_rule_real(r, 0, 2) || !ludc_rule_real(r, 1, 2)) return false;
    if (!ludc_rule_dim(r, 1, 0, r->in[0]->dim[0])) return false;
    return ludc_rule_out(r, 0, r->g->opts.real, 2, DIMS(r->in[1]->dim[1], r->in[0]->dim[1]));
}

bool ludc_rule_EMBEDDING(ludc_infer *r) {
    if (!ludc_rule_real(r, 0, 2) || !fixed(r, 0, 0) || !ludc_rule_i32(r, 1, 1)) return false;
    return ludc_rule_out(r, 0, r->g->opts.real, 2, DIMS(r->in[1]->dim[0], r->in[0]->dim[1]));
}

bool ludc_rule_EMBEDDING_GRAD(ludc_infer *r) {
    if (!ludc_rule_real(r, 0, 2) || !ludc_rule_i32(r, 1, 1) || !ludc_rule_dim(r, 1, 0, r->in[0]->dim[0])) return false;
    int64_t rows = r->op->attr.rows.rows;
    if (rows < 1) return ludc_rule_fail(r, "attribute rows must be the vocabulary size, got %lld", (long long)rows);
    return ludc_rule_out(r, 0, r->g->opts.real, 2, DIMS(rows, r->in[0]->dim[1]));
}

/* x with at least two axes, an optional weight of its last one. */
static bool norm_inputs(ludc_infer *r, bool weight) {
    const lud_attr_norm *a = &r->op->attr.norm;
    if (!finite(r, "eps", a->eps) || !finite(r, "weight_offset", a->weight_offset)) return false;
    if (a->eps < 0) return ludc_rule_fail(r, "attribute eps is negative");
    if (!ludc_rule_real(r, 0, 0)) return false;
    if (r->in[0]->rank < 2) return ludc_rule_fail(r, "input 0 must have at least 2 axes");
    if (!weight) return true;
    return ludc_rule_real(r, 1, 1) && ludc_rule_dim(r, 1, 0, r->in[0]->dim[r->in[0]->rank - 1]);
}

/* A statistic of the rows of input 0. */
static bool is_norm_r(ludc_infer *r, uint32_t i) {
    int32_t rank = r->in[0]->rank - 1;
    if (!ludc_rule_real(r, i, rank)) return false;
    for (int32_t d = 0; d < rank; d++)
        if (!ludc_rule_dim(r, i, d, r->in[0]->dim[d])) return false;
    return true;
}

bool ludc_rule_RMS_NORM(ludc_infer *r) {
    if (!norm_inputs(r, true)) return false;
    ludc_rule_out_like(r, 0, 0);
    return ludc_rule_out(r, 1, r->g->opts.real, r->in[0]->rank - 1, r->in[0]->dim);
}

bool ludc_rule_RMS_NORM_GRAD(ludc_infer *r) {
    return norm_inputs(r, true) && is_norm_r(r, 2) && ludc_rule_like(r, 3, 0) && ludc_rule_out_like(r, 0, 0);
}

bool ludc_rule_RMS_NORM_GRAD_WEIGHT(ludc_infer *r) {
    if (!norm_inputs(r, false) || !is_norm_r(r, 1) || !ludc_rule_like(r, 2, 0)) return false;
    return ludc_rule_out(r, 0, r->g->opts.real, 1, DIMS(r->in[0]->dim[r->in[0]->rank - 1]));
}

bool ludc_rule_LAYER_NORM(ludc_infer *r) {
    if (!norm_inputs(r, true) || !ludc_rule_real(r, 2, 1)) return false;
    if (!ludc_rule_dim(r, 2, 0, r->in[0]->dim[r->in[0]->rank - 1])) return false;
    ludc_rule_out_like(r, 0, 0);
    ludc_rule_out(r, 1, r->g->opts.real, r->in[0]->rank - 1, r->in[0]->dim);
    return ludc_rule_out(r, 2, r->g->opts.real, r->in[0]->rank - 1, r->in[0]->dim);
}

bool ludc_rule_LAYER_NORM_GRAD(ludc_infer *r) {
    return norm_inputs(r, true) && is_norm_r(r, 2) && is_norm_r(r, 3) && ludc_rule_like(r, 4, 0) &&
           ludc_rule_out_like(r, 0, 0);
}

bool ludc_rule_LAYER_NORM_GRAD_WEIGHT(ludc_infer *r) {
    if (!norm_inputs(r, false) || !is_norm_r(r, 1) || !is_norm_r(r, 2) || !ludc_rule_like(r, 3, 0)) return false;
    const int64_t width = r->in[0]->dim[r->in[0]->rank - 1];
    return ludc_rule_out(r, 0, r->g->opts.real, 1, DIMS(width)) && ludc_rule_out(r, 1, r->g->opts.real, 1, DIMS(width));
}

bool ludc_rule_ROPE(ludc_infer *r) {
    const lud_attr_rope *a = &r->op->attr.rope;
    if (!ludc_rule_real(r, 0, 3) || !ludc_rule_i32(r, 1, 1) || !ludc_rule_real(r, 2, 1)) return false;
    if (!finite(r, "attention_factor", a->attention_factor)) return false;
    if (a->rotary_dim < 2 || a->rotary_dim % 2 || a->rotary_dim > r->in[0]->dim[2])
        return ludc_rule_fail(r, "rotary_dim %d must be even and in 2..%lld", (int)a->rotary_dim,
                              (long long)r->in[0]->dim[2]);
    return ludc_rule_dim(r, 1, 0, r->in[0]->dim[0]) && ludc_rule_dim(r, 2, 0, a->rotary_dim / 2) &&
           ludc_rule_out_like(r, 0, 0);
}

/* q, k, v and seg_offsets, which every form of attention begins with; input `slopes` is its last. */
static bool attention_inputs(ludc_infer *r, uint32_t slopes) {
    const lud_attr_attention *a = &r->op->attr.attention;
    if (!finite(r, "scale", a->scale) || !finite(r, "softcap", a->softcap)) return false;
    if (a->softcap < 0 || a->left < -1 || a->right < -1)
        return ludc_rule_fail(r, "softcap must be >= 0, left and right >= -1");
    if (!ludc_rule_real(r, 0, 3) || !ludc_rule_real(r, 1, 3) || !ludc_rule_real(r, 2, 3)) return false;
    if (!ludc_rule_dim(r, 1, 0, r->in[0]->dim[0]) || !ludc_rule_dim(r, 1, 2, r->in[0]->dim[2])) return false;
    int64_t heads = r->in[0]->dim[1], groups = r->in[1]->dim[1];
    if (heads % groups)
        return ludc_rule_fail(r, "%lld key heads do not divide %lld query heads", (long long)groups, (long long)heads);
    if (!ludc_rule_real(r, slopes, 1) || !ludc_rule_dim(r, slopes, 0, heads)) return false;
    return ludc_rule_like(r, 2, 1) && ludc_rule_i32(r, 3, 1);
}

static bool is_lse(ludc_infer *r, uint32_t i) {
    return ludc_rule_real(r, i, 2) && ludc_rule_dim(r, i, 0, r->in[0]->dim[0]) &&
           ludc_rule_dim(r, i, 1, r->in[0]->dim[1]);
}

bool ludc_rule_ATTENTION(ludc_infer *r) {
    if (!attention_inputs(r, 4)) return false;
    ludc_rule_out_like(r, 0, 0);
    return ludc_rule_out(r, 1, r->g->opts.real, 2, r->in[0]->dim);
}

bool ludc_rule_ATTENTION_GRAD(ludc_infer *r) {
    if (!attention_inputs(r, 7) || !ludc_rule_like(r, 4, 0) || !is_lse(r, 5) || !ludc_rule_like(r, 6, 0)) return false;
    return ludc_rule_out_like(r, 0, 0) && ludc_rule_out_like(r, 1, 1) && ludc_rule_out_like(r, 2, 2);
}

bool ludc_rule_ATTENTION_CACHED(ludc_infer *r) {
    if (!attention_inputs(r, 8)) return false;
    if (!ludc_rule_i32(r, 4, 1) || !ludc_rule_dim(r, 4, 0, r->in[0]->dim[0])) return false;
    if (!ludc_rule_i32(r, 5, 2) || !ludc_rule_real(r, 6, 4) || !ludc_rule_real(r, 7, 4)) return false;
    if (!ludc_rule_dim(r, 6, 1, r->in[1]->dim[1]) || !ludc_rule_dim(r, 6, 2, r->in[1]->dim[2])) return false;
    if (!ludc_rule_dim(r, 7, 0, r->in[6]->dim[0]) || !ludc_rule_dim(r, 7, 1, r->in[6]->dim[1])) return false;
    if (!ludc_rule_dim(r, 7, 2, r->in[6]->dim[3]) || !ludc_rule_dim(r, 7, 3, r->in[6]->dim[2])) return false;
    return ludc_rule_out_like(r, 0, 0);
}

static bool xent_attr(ludc_infer *r) {
    const lud_attr_xent *a = &r->op->attr.xent;
    if (!finite(r, "logit_scale", a->logit_scale) || !finite(r, "softcap", a->softcap)) return false;
    if (!finite(r, "smoothing", a->smoothing)) return false;
    if (a->softcap < 0 || a->smoothing < 0 || a->smoothing >= 1)
        return ludc_rule_fail(r, "softcap must be >= 0 and smoothing in [0, 1)");
    if (a->want & ~(LUD_XENT_WANT_DX | LUD_XENT_WANT_DW | LUD_XENT_WANT_DB))
        return ludc_rule_fail(r, "attribute want has unknown bits: %d", (int)a->want);
    return true;
}

static bool out_losses(ludc_infer *r, uint32_t k) {
    int64_t n = r->in[0]->dim[0];
    return ludc_rule_out(r, k, r->g->opts.real, 1, DIMS(n)) && ludc_rule_out(r, k + 1, LUD_I32, 1, DIMS(n));
}

bool ludc_rule_CROSS_ENTROPY(ludc_infer *r) {
    if (!xent_attr(r) || !ludc_rule_real(r, 0, 2) || !ludc_rule_i32(r, 1, 1)) return false;
    return ludc_rule_dim(r, 1, 0, r->in[0]->dim[0]) && out_losses(r, 0);
}

bool ludc_rule_CROSS_ENTROPY_GRAD(ludc_infer *r) {
    if (!xent_attr(r) || !ludc_rule_real(r, 0, 2) || !ludc_rule_i32(r, 1, 1) || !ludc_rule_real(r, 2, 1)) return false;
    int64_t n = r->in[0]->dim[0];
    return ludc_rule_dim(r, 1, 0, n) && ludc_rule_dim(r, 2, 0, n) && ludc_rule_out_like(r, 0, 0);
}

static bool loss_inputs(ludc_infer *r) {
    const lud_attr_loss *l = &r->op->attr.loss;
    if (!finite(r, "a", l->a) || !finite(r, "b", l->b)) return false;
    if (l->kind < LUD_LOSS_SQUARED || l->kind > LUD_LOSS_FOCAL)
        return ludc_rule_fail(r, "unknown loss %d", (int)l->kind);
    bool positive = l->kind == LUD_LOSS_ABSOLUTE_PERCENTAGE || l->kind == LUD_LOSS_HUBER;
    if ((positive && l->a <= 0) || (l->kind == LUD_LOSS_BINARY_CROSS_ENTROPY && l->a < 0))
        return ludc_rule_fail(r, "attribute a must be positive, got %g", (double)l->a);
    if (l->kind == LUD_LOSS_FOCAL && l->b < 0)
        return ludc_rule_fail(r, "attribute b (gamma) must be >= 0, got %g", (double)l->b);
    return ludc_rule_real(r, 0, 0) && ludc_rule_like(r, 1, 0);
}

bool ludc_rule_ELEMENT_LOSS(ludc_infer *r) {
    return loss_inputs(r) && ludc_rule_out_like(r, 0, 0);
}

bool ludc_rule_ELEMENT_LOSS_GRAD(ludc_infer *r) {
    return loss_inputs(r) && ludc_rule_like(r, 2, 0) && ludc_rule_out_like(r, 0, 0);
}

/* x[N,C], w[V,C], b[V] or 0, target[N]. */
static bool vocab_inputs(ludc_infer *r) {
    if (!xent_attr(r) || !ludc_rule_real(r, 0, 2) || !ludc_rule_real(r, 1, 2) || !ludc_rule_real(r, 2, 1)) return false;
    if (!fixed(r, 1, 0) || !ludc_rule_dim(r, 1, 1, r->in[0]->dim[1])) return false;
    if (!ludc_rule_dim(r, 2, 0, r->in[1]->dim[0])) return false;
    return ludc_rule_i32(r, 3, 1) && ludc_rule_dim(r, 3, 0, r->in[0]->dim[0]);
}

bool ludc_rule_LINEAR_CROSS_ENTROPY(ludc_infer *r) {
    return vocab_inputs(r) && out_losses(r, 0);
}

/* dx, dw, db from result k; one that nobody wants has shape [0]. */
static bool out_vocab_grads(ludc_infer *r, uint32_t k) {
    int32_t want = r->op->attr.xent.want;
    if (want & LUD_XENT_WANT_DB && !r->in[2]) return ludc_rule_fail(r, "want asks for db, but there is no bias");
    for (uint32_t i = 0; i < 3; i++) {
        if (want & (1 << i))
            ludc_rule_out_like(r, k + i, i);
        else
            ludc_rule_out(r, k + i, r->g->opts.real, 1, DIMS(0));
    }
    return true;
}

static bool is_row_cotangent(ludc_infer *r, uint32_t i) {
    return ludc_rule_real(r, i, 1) && ludc_rule_dim(r, i, 0, r->in[0]->dim[0]);
}

bool ludc_rule_LINEAR_CROSS_ENTROPY_GRAD(ludc_infer *r) {
    return vocab_inputs(r) && is_row_cotangent(r, 4) && out_vocab_grads(r, 0);
}

bool ludc_rule_LINEAR_CROSS_ENTROPY_JOINED(ludc_infer *r) {
    return vocab_inputs(r) && is_row_cotangent(r, 4) && out_losses(r, 0) && out_vocab_grads(r, 2);
}

bool ludc_rule_DROPOUT(ludc_infer *r) {
    float p = r->op->attr.dropout.p;
    if (!(p >= 0 && p < 1)) return ludc_rule_fail(r, "p must be in [0, 1)");
    if (!ludc_rule_real(r, 0, 0) || !ludc_rule_i32(r, 1, 2) || !ludc_rule_i32(r, 2, 1)) return false;
    int64_t rows = r->in[0]->dim[0];
    return ludc_rule_dim(r, 1, 0, rows) && ludc_rule_dim(r, 1, 1, 2) && ludc_rule_dim(r, 2, 0, rows) &&
           ludc_rule_out_like(r, 0, 0);
}

bool ludc_rule_ACC(ludc_infer *r) {
    return ludc_rule_real(r, 0, 0) && ludc_rule_like(r, 1, 0) && ludc_rule_out_like(r, 0, 0);
}

bool ludc_rule_SUMSQ(ludc_infer *r) {
    return ludc_rule_real(r, 0, 0) && ludc_rule_out(r, 0, r->g->opts.real, 1, DIMS(1));
}

bool ludc_rule_SGD_STEP(ludc_infer *r) {
    return ludc_rule_real(r, 0, 1) && ludc_rule_like(r, 1, 0) && ludc_rule_like(r, 2, 0) && ludc_rule_real(r, 3, 1) &&
           ludc_rule_dim(r, 3, 0, 8) && ludc_rule_out_like(r, 0, 0);
}

bool ludc_rule_ADAM_STEP(ludc_infer *r) {
    return ludc_rule_real(r, 0, 1) && ludc_rule_like(r, 1, 0) && ludc_rule_like(r, 2, 0) && ludc_rule_like(r, 3, 0) &&
           ludc_rule_real(r, 4, 1) && ludc_rule_dim(r, 4, 0, 8) && ludc_rule_out_like(r, 0, 0);
}

bool ludc_infer_shapes(ludc_infer *r) {
    switch (r->op->opcode) {
#define RULE_CASE(name, code, n_in, n_out, attr)                                                                       \
    case (code):                                                                                                       \
        return ludc_rule_##name(r);
        LUD_OP_MAP(RULE_CASE)
#undef RULE_CASE
    default:
        return ludc_rule_fail(r, "unknown opcode");
    }
}
