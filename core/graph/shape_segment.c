/* SPDX-License-Identifier: Apache-2.0
 * Shape rules of the operations over whole segments. The number of segments S is an extent of its own, beside that of
 * the offsets, so attributes name it. */
#include "rules.h"

#define DIMS(...) ((const int64_t[]){__VA_ARGS__})

/* Result 0: [attr rows, width of input `like`]. */
static bool out_rows(ludc_infer *r, int64_t rows, uint32_t like) {
    ludc_rule_out(r, 0, r->g->opts.real, 2, DIMS(rows, r->in[like]->dim[1]));
    return ludc_shape_valid(r->g, &r->out[0], r->why, sizeof r->why);
}

static bool known_pool(ludc_infer *r) {
    int32_t kind = r->op->attr.pool.kind;
    if (kind >= LUD_POOL_MEAN && kind <= LUD_POOL_LAST) return true;
    return ludc_rule_fail(r, "unknown pooling %d", (int)kind);
}

bool ludc_rule_SEGMENT_POOL(ludc_infer *r) {
    const lud_attr_pool *a = &r->op->attr.pool;
    if (!known_pool(r) || !ludc_rule_real(r, 0, 2) || !ludc_rule_i32(r, 1, 1)) return false;
    if (!out_rows(r, a->rows, 0)) return false;
    if (a->kind == LUD_POOL_MAX) return ludc_rule_out(r, 1, LUD_I32, 2, r->out[0].dim);
    return ludc_rule_out(r, 1, LUD_I32, 1, DIMS(0));
}

bool ludc_rule_SEGMENT_POOL_GRAD(ludc_infer *r) {
    const lud_attr_pool *a = &r->op->attr.pool;
    if (!known_pool(r) || !ludc_rule_real(r, 0, 2) || !ludc_rule_i32(r, 1, 2) || !ludc_rule_i32(r, 2, 1)) return false;
    if ((a->kind == LUD_POOL_MAX) != (r->in[1] != NULL))
        return ludc_rule_fail(r, "input 1 (index) belongs to the maximum, and to it alone");
    if (!ludc_rule_dim(r, 1, 0, r->in[0]->dim[0]) || !ludc_rule_dim(r, 1, 1, r->in[0]->dim[1])) return false;
    return out_rows(r, a->rows, 0);
}

bool ludc_rule_SEGMENT_ATTEND(ludc_infer *r) {
    if (!ludc_rule_real(r, 0, 2) || !ludc_rule_real(r, 1, 1) || !ludc_rule_i32(r, 2, 1)) return false;
    if (!ludc_rule_dim(r, 1, 0, r->in[0]->dim[0])) return false;
    return out_rows(r, r->op->attr.rows.rows, 0) && ludc_rule_out_like(r, 1, 1);
}

bool ludc_rule_SEGMENT_ATTEND_GRAD(ludc_infer *r) {
    if (!ludc_rule_real(r, 0, 2) || !ludc_rule_real(r, 1, 1) || !ludc_rule_real(r, 2, 2) || !ludc_rule_i32(r, 3, 1))
        return false;
    if (!ludc_rule_dim(r, 1, 0, r->in[0]->dim[0]) || !ludc_rule_dim(r, 2, 1, r->in[0]->dim[1])) return false;
    return ludc_rule_like(r, 4, 2) && ludc_rule_out_like(r, 0, 0) && ludc_rule_out_like(r, 1, 1);
}

/* Rows of a window: left + 1 + right; 0 and a reason if the attribute is wrong. */
static int64_t window_rows(ludc_infer *r) {
    const lud_attr_window *a = &r->op->attr.window;
    if (a->left >= 0 && a->right >= 0) return (int64_t)a->left + 1 + a->right;
    ludc_rule_fail(r, "left and right must be >= 0, got %d and %d", (int)a->left, (int)a->right);
    return 0;
}

bool ludc_rule_SEGMENT_UNFOLD(ludc_infer *r) {
    int64_t rows = window_rows(r);
    if (rows == 0 || !ludc_rule_real(r, 0, 2) || !ludc_rule_i32(r, 1, 1)) return false;
    int64_t width = r->in[0]->dim[1];
    if (width > LUDC_MAX_COUNT / rows) return ludc_rule_fail(r, "the window is too wide");
    ludc_rule_out(r, 0, r->g->opts.real, 2, DIMS(r->in[0]->dim[0], width * rows));
    return ludc_shape_valid(r->g, &r->out[0], r->why, sizeof r->why);
}

bool ludc_rule_SEGMENT_UNFOLD_GRAD(ludc_infer *r) {
    int64_t rows = window_rows(r);
    if (rows == 0 || !ludc_rule_real(r, 0, 2) || !ludc_rule_i32(r, 1, 1)) return false;
    int64_t width = r->in[0]->dim[1];
    if (width % rows) return ludc_rule_fail(r, "%lld columns are not %lld windows", (long long)width, (long long)rows);
    return ludc_rule_out(r, 0, r->g->opts.real, 2, DIMS(r->in[0]->dim[0], width / rows));
}
