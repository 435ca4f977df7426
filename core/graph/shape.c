/* SPDX-License-Identifier: Apache-2.0
 * Shapes: validity, comparison, text, and the checks that the shape rules share. Extents compare by number, so two
 * sizes that happen to have the same maximum stay different. */
#include "rules.h"
#include <stdio.h>
#include <string.h>

size_t ludc_dtype_size(int32_t dtype) {
    switch (dtype) {
    case LUD_F32:
    case LUD_I32:
        return 4;
    case LUD_F64:
        return 8;
    default:
        return 0;
    }
}

void ludc_shape_text(const lud_shape *s, char *out, size_t cap) {
    size_t n = (size_t)snprintf(out, cap, "%s[", s->dtype == LUD_I32 ? "i32" : "real");
    for (int32_t i = 0; i < s->rank && n < cap; i++) {
        const char *format = s->dim[i] < 0 ? "%sextent %lld" : "%s%lld";
        long long size = s->dim[i] < 0 ? -(long long)s->dim[i] : (long long)s->dim[i];
        n += (size_t)snprintf(out + n, cap - n, format, i ? ", " : "", size);
    }
    if (n < cap) snprintf(out + n, cap - n, "]");
}

bool ludc_shape_same(const lud_shape *a, const lud_shape *b) {
    if (a->dtype != b->dtype || a->rank != b->rank) return false;
    return memcmp(a->dim, b->dim, (size_t)a->rank * sizeof a->dim[0]) == 0;
}

int64_t ludc_shape_count(const lud_shape *s, const int64_t *extents) {
    int64_t n = 1;
    for (int32_t i = 0; i < s->rank; i++) {
        int64_t dim = s->dim[i] < 0 ? extents[-s->dim[i]] : s->dim[i];
        if (dim == 0) return 0;
        if (dim < 0 || n > LUDC_MAX_COUNT / dim) return -1;
        n *= dim;
    }
    return n;
}

int64_t ludc_graph_count(const lud_graph *g, const lud_shape *s) {
    lud_shape fixed = *s;
    if (s->rank > 0 && s->dim[0] < 0) fixed.dim[0] = g->extents[-s->dim[0]].max;
    return ludc_shape_count(&fixed, NULL);
}

bool ludc_shape_valid(const lud_graph *g, const lud_shape *s, char *why, size_t cap) {
    if (s->rank < 1 || s->rank > 8) return snprintf(why, cap, "rank %d is not in 1..8", (int)s->rank), false;
    for (int32_t i = 0; i < s->rank; i++) {
        long long dim = (long long)s->dim[i];
        if (dim < 0 && i > 0) return snprintf(why, cap, "only dimension 0 may be an extent, not %d", (int)i), false;
        if (dim < 0 && dim <= -(long long)g->n_extents)
            return snprintf(why, cap, "extent %lld does not exist", -dim), false;
        if (dim == 0) return snprintf(why, cap, "dimension %d is 0", (int)i), false;
    }
    if (ludc_graph_count(g, s) < 0) return snprintf(why, cap, "the shape has too many elements"), false;
    return true;
}

bool ludc_rule_fail(ludc_infer *r, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(r->why, sizeof r->why, fmt, args);
    va_end(args);
    return false;
}

static bool want_type(ludc_infer *r, uint32_t i, bool ok, const char *type, int32_t rank) {
    char text[160];
    if (ok && (rank == 0 || r->in[i]->rank == rank)) return true;
    ludc_shape_text(r->in[i], text, sizeof text);
    if (rank == 0) return ludc_rule_fail(r, "input %u must be %s, got %s", i, type, text);
    return ludc_rule_fail(r, "input %u must be %s of rank %d, got %s", i, type, (int)rank, text);
}

bool ludc_rule_real(ludc_infer *r, uint32_t i, int32_t rank) {
    return !r->in[i] || want_type(r, i, r->in[i]->dtype == r->g->opts.real, "real", rank);
}

bool ludc_rule_i32(ludc_infer *r, uint32_t i, int32_t rank) {
    return !r->in[i] || want_type(r, i, r->in[i]->dtype == LUD_I32, "i32", rank);
}

bool ludc_rule_dim(ludc_infer *r, uint32_t i, int32_t d, int64_t want) {
    char text[160];
    if (!r->in[i] || r->in[i]->dim[d] == want) return true;
    ludc_shape_text(r->in[i], text, sizeof text);
    const char *kind = want < 0 ? "extent " : "";
    return ludc_rule_fail(r, "input %u: dimension %d must be %s%lld, got %s", i, (int)d, kind,
                          want < 0 ? -(long long)want : (long long)want, text);
}

bool ludc_rule_like(ludc_infer *r, uint32_t i, uint32_t j) {
    char got[160], want[160];
    if (!r->in[i] || ludc_shape_same(r->in[i], r->in[j])) return true;
    ludc_shape_text(r->in[i], got, sizeof got);
    ludc_shape_text(r->in[j], want, sizeof want);
    return ludc_rule_fail(r, "input %u must have the shape of input %u, %s, got %s", i, j, want, got);
}

bool ludc_rule_out(ludc_infer *r, uint32_t k, int32_t dtype, int32_t rank, const int64_t *dim) {
    lud_shape *out = &r->out[k];
    *out = (lud_shape){.dtype = dtype, .rank = rank};
    memcpy(out->dim, dim, (size_t)rank * sizeof dim[0]);
    return true;
}

bool ludc_rule_out_like(ludc_infer *r, uint32_t k, uint32_t i) {
    r->out[k] = *r->in[i];
    return true;
}

static bool is_one(const lud_shape *s) {
    for (int32_t i = 0; i < s->rank; i++)
        if (s->dim[i] != 1) return false;
    return true;
}

static bool is_suffix(const lud_shape *whole, const lud_shape *part) {
    if (part->rank > whole->rank) return false;
    const int64_t *tail = whole->dim + (whole->rank - part->rank);
    return memcmp(tail, part->dim, (size_t)part->rank * sizeof part->dim[0]) == 0;
}

bool ludc_rule_broadcast(ludc_infer *r, uint32_t a, uint32_t b) {
    char big[160], small[160];
    if (r->in[a]->dtype == r->in[b]->dtype && (is_one(r->in[b]) || is_suffix(r->in[a], r->in[b]))) return true;
    ludc_shape_text(r->in[a], big, sizeof big);
    ludc_shape_text(r->in[b], small, sizeof small);
    return ludc_rule_fail(r,
                          "input %u, %s, must have the shape of input %u, %s, its trailing dimensions, or one element",
                          b, small, a, big);
}

/* ---- Rules of the elementwise and shape operations ---- */

bool ludc_rule_ADD(ludc_infer *r) {
    bool integers = r->in[0]->dtype == LUD_I32;
    if (!integers && !ludc_rule_real(r, 0, 0)) return false;
    return ludc_rule_broadcast(r, 0, 1) && ludc_rule_out_like(r, 0, 0);
}

bool ludc_rule_MUL(ludc_infer *r) {
    return ludc_rule_real(r, 0, 0) && ludc_rule_broadcast(r, 0, 1) && ludc_rule_out_like(r, 0, 0);
}

bool ludc_rule_SCALE(ludc_infer *r) {
    return ludc_rule_real(r, 0, 0) && ludc_rule_out_like(r, 0, 0);
}

static bool known_act(ludc_infer *r) {
    int32_t act = r->op->attr.act.act;
    if (act >= LUD_ACT_GELU_ERF && act <= LUD_ACT_SIGMOID) return true;
    return ludc_rule_fail(r, "unknown activation %d", (int)act);
}

bool ludc_rule_ACT(ludc_infer *r) {
    return known_act(r) && ludc_rule_real(r, 0, 0) && ludc_rule_out_like(r, 0, 0);
}

bool ludc_rule_ACT_GRAD(ludc_infer *r) {
    return ludc_rule_ACT(r) && ludc_rule_like(r, 1, 0);
}

bool ludc_rule_GLU(ludc_infer *r) {
    return ludc_rule_ACT(r) && ludc_rule_like(r, 1, 0);
}

bool ludc_rule_GLU_GRAD(ludc_infer *r) {
    return ludc_rule_GLU(r) && ludc_rule_like(r, 2, 0) && ludc_rule_out_like(r, 1, 0);
}

/* The target shape in the attribute, checked. */
static bool attr_shape(ludc_infer *r, lud_shape *out) {
    const lud_attr_shape *a = &r->op->attr.shape;
    *out = (lud_shape){.dtype = r->in[0]->dtype, .rank = a->rank};
    memcpy(out->dim, a->dim, sizeof out->dim);
    return ludc_shape_valid(r->g, out, r->why, sizeof r->why);
}

bool ludc_rule_SUM_TO(ludc_infer *r) {
    char from[160], to[160];
    if (!ludc_rule_real(r, 0, 0) || !attr_shape(r, &r->out[0])) return false;
    if (is_one(&r->out[0]) || is_suffix(r->in[0], &r->out[0])) return true;
    ludc_shape_text(r->in[0], from, sizeof from);
    ludc_shape_text(&r->out[0], to, sizeof to);
    return ludc_rule_fail(r, "cannot sum %s to %s: not its trailing dimensions", from, to);
}

/* The base extent of dimension 0 (0: none) and how many elements there are for each unit of it. */
static int64_t per_unit(const lud_graph *g, const lud_shape *s, int32_t *base) {
    lud_shape rest = *s;
    *base = 0;
    if (s->dim[0] < 0) {
        const ludc_gextent *e = &g->extents[-s->dim[0]];
        *base = e->base;
        rest.dim[0] = e->factor;
    }
    return ludc_shape_count(&rest, NULL);
}

bool ludc_rule_RESHAPE(ludc_infer *r) {
    char from[160], to[160];
    int32_t base_in, base_out;
    if (!attr_shape(r, &r->out[0])) return false;
    bool same = per_unit(r->g, r->in[0], &base_in) == per_unit(r->g, &r->out[0], &base_out);
    if (same && base_in == base_out) return true;
    ludc_shape_text(r->in[0], from, sizeof from);
    ludc_shape_text(&r->out[0], to, sizeof to);
    return ludc_rule_fail(r, "cannot view %s as %s: not the same elements", from, to);
}

bool ludc_rule_SLICE(ludc_infer *r) {
    const lud_attr_slice *a = &r->op->attr.slice;
    if (!ludc_rule_real(r, 0, 0)) return false;
    int32_t last = r->in[0]->rank - 1;
    int64_t width = r->in[0]->dim[last];
    if (last == 0 && width < 0) return ludc_rule_fail(r, "the last axis of the input is an extent");
    if (a->start < 0 || a->len < 1 || a->len > width || a->start > width - a->len)
        return ludc_rule_fail(r, "columns %lld + %lld are not inside 0..%lld", (long long)a->start, (long long)a->len,
                              (long long)width);
    if (a->total != 0 && a->total != width)
        return ludc_rule_fail(r, "attribute total is %lld, the input has %lld columns", (long long)a->total,
                              (long long)width);
    ludc_rule_out_like(r, 0, 0);
    r->out[0].dim[last] = a->len;
    return true;
}

bool ludc_rule_SLICE_GRAD(ludc_infer *r) {
    const lud_attr_slice *a = &r->op->attr.slice;
    if (!ludc_rule_real(r, 0, 0)) return false;
    int32_t last = r->in[0]->rank - 1;
    if (!ludc_rule_dim(r, 0, last, a->len)) return false;
    if (a->start < 0 || a->len < 1 || a->total < a->len || a->start > a->total - a->len)
        return ludc_rule_fail(r, "columns %lld + %lld are not inside 0..%lld", (long long)a->start, (long long)a->len,
                              (long long)a->total);
    ludc_rule_out_like(r, 0, 0);
    r->out[0].dim[last] = a->total;
    return true;
}

bool ludc_rule_CONCAT(ludc_infer *r) {
    if (!ludc_rule_real(r, 0, 0) || !ludc_rule_real(r, 1, r->in[0]->rank)) return false;
    int32_t last = r->in[0]->rank - 1;
    for (int32_t d = 0; d < last; d++)
        if (!ludc_rule_dim(r, 1, d, r->in[0]->dim[d])) return false;
    if (r->in[0]->dim[last] < 0 || r->in[1]->dim[last] < 0)
        return ludc_rule_fail(r, "the last axis of an input is an extent");
    ludc_rule_out_like(r, 0, 0);
    r->out[0].dim[last] += r->in[1]->dim[last];
    return ludc_shape_valid(r->g, &r->out[0], r->why, sizeof r->why);
}

bool ludc_rule_PACK(ludc_infer *r) {
    int32_t last = r->in[0]->rank - 1;
    if (!ludc_rule_real(r, 0, 0)) return false;
    if (last < 0 || r->in[0]->dim[last] < 2 || r->in[0]->dim[last] % 2)
        return ludc_rule_fail(r, "the last axis of input 0 must be even");
    ludc_rule_out_like(r, 0, 0);
    r->out[0].dtype = LUD_I32;
    r->out[0].dim[last] /= 2;
    return true;
}

bool ludc_rule_UNPACK(ludc_infer *r) {
    int32_t last = r->in[0]->rank - 1;
    if (!ludc_rule_i32(r, 0, 0)) return false;
    if (last < 0 || r->in[0]->dim[last] < 1) return ludc_rule_fail(r, "the last axis of input 0 must be a number");
    ludc_rule_out_like(r, 0, 0);
    r->out[0].dtype = r->g->opts.real;
    r->out[0].dim[last] *= 2;
    return ludc_shape_valid(r->g, &r->out[0], r->why, sizeof r->why);
}

bool ludc_rule_ROW_SUM(ludc_infer *r) {
    if (!ludc_rule_real(r, 0, 0)) return false;
    if (r->in[0]->rank < 2) return ludc_rule_fail(r, "input 0 must have at least 2 axes");
    return ludc_rule_out(r, 0, r->in[0]->dtype, r->in[0]->rank - 1, r->in[0]->dim);
}

bool ludc_rule_ROW_SPREAD(ludc_infer *r) {
    if (!ludc_rule_real(r, 0, 0)) return false;
    int32_t rank = r->in[0]->rank;
    if (rank > 7) return ludc_rule_fail(r, "input 0 must have at most 7 axes");
    if (r->op->attr.width.width < 1) return ludc_rule_fail(r, "attribute width must be at least 1");
    ludc_rule_out_like(r, 0, 0);
    r->out[0].rank = rank + 1;
    r->out[0].dim[rank] = r->op->attr.width.width;
    return ludc_shape_valid(r->g, &r->out[0], r->why, sizeof r->why);
}

bool ludc_rule_GATHER_ROWS(ludc_infer *r) {
    if (r->in[0]->dtype != LUD_I32 && !ludc_rule_real(r, 0, 0)) return false;
    if (!ludc_rule_i32(r, 1, 1)) return false;
    ludc_rule_out_like(r, 0, 0);
    r->out[0].dim[0] = r->in[1]->dim[0];
    return true;
}

bool ludc_rule_SCATTER_ADD_ROWS(ludc_infer *r) {
    if (!ludc_rule_real(r, 0, 0) || !ludc_rule_i32(r, 1, 1)) return false;
    if (!ludc_rule_dim(r, 1, 0, r->in[0]->dim[0])) return false;
    ludc_rule_out_like(r, 0, 0);
    r->out[0].dim[0] = r->op->attr.rows.rows;
    return ludc_shape_valid(r->g, &r->out[0], r->why, sizeof r->why);
}
