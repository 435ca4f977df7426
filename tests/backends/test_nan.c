/* SPDX-License-Identifier: Apache-2.0
 * NaN on every backend: a unit (a row, or a segment) whose input holds NaN gives NaN, and no other unit does. A
 * training run that diverges must show, and one bad row must not spoil its neighbours. */
#include "backend_set.h"
#include <base.h>
#include <check.h>
#include <math.h>

/* Segments of 32, 17 and 1 tokens; the middle one is spoiled. */
static const int64_t unit_ids[] = {3, 1, 0};
enum { UNITS = 3, SPOILED = 1 };

static const uint32_t opcodes[] = {
    LUD_OP_ADD,
    LUD_OP_MUL,
    LUD_OP_ACT,
    LUD_OP_CONCAT,
    LUD_OP_ROW_SUM,
    LUD_OP_ROW_SPREAD,
    LUD_OP_LINEAR,
    LUD_OP_RMS_NORM,
    LUD_OP_RMS_NORM_GRAD,
    LUD_OP_LAYER_NORM,
    LUD_OP_LAYER_NORM_GRAD,
    LUD_OP_ATTENTION,
    LUD_OP_ATTENTION_GRAD,
    LUD_OP_SEGMENT_POOL,
    LUD_OP_SEGMENT_ATTEND,
    LUD_OP_SEGMENT_ATTEND_GRAD,
    LUD_OP_SEGMENT_UNFOLD,
    LUD_OP_SEGMENT_UNFOLD_GRAD,
    LUD_OP_ELEMENT_LOSS,
    LUD_OP_ELEMENT_LOSS_GRAD,
};

static bool is_subject(const op_case *c) {
    for (size_t i = 0; i < LUDC_COUNT(opcodes); i++)
        if (opcodes[i] == c->opcode) return true;
    return false;
}

/* Elements [*from, *to) of a tensor that belong to unit u; false if the tensor has no rows of units. */
static bool part_of(const op_case *c, const case_tensor *t, int64_t u, int64_t *from, int64_t *to) {
    if (t->dtype != LUD_REAL || (!op_tensor_by_row(t) && !op_tensor_by_unit(t))) return false;
    int64_t width = 1, row = 0;
    for (int32_t i = 1; i < t->rank; i++)
        width *= t->dim[i];
    for (int64_t i = 0; i < u; i++)
        row += op_tensor_by_row(t) ? op_unit_rows(c, unit_ids[i]) : 1;
    *from = row * width;
    *to = *from + (op_tensor_by_row(t) ? op_unit_rows(c, unit_ids[u]) : 1) * width;
    return true;
}

/* NaN in all of the unit's elements of input i. */
static bool spoil(const op_case *c, uint32_t i, op_data *inputs) {
    int64_t from, to;
    if (c->in[i].fill == CASE_ABSENT || !part_of(c, &c->in[i], SPOILED, &from, &to)) return false;
    for (int64_t k = from; k < to; k++)
        ((double *)inputs->in[i].data)[k] = NAN;
    return true;
}

static bool has_nan(const op_case *c, const op_data *got, int64_t u) {
    int64_t from, to;
    for (int k = 0; k < CASE_MAX_OUT; k++) {
        if (!got->out[k].data || !part_of(c, &c->out[k], u, &from, &to)) continue;
        for (int64_t i = from; i < to; i++)
            if (isnan(((const double *)got->out[k].data)[i])) return true;
    }
    return false;
}

static void check_input(const op_backend *b, const op_backend *oracle, const op_case *c, uint32_t i) {
    op_data inputs = {0}, got = {0};
    lud_error err = LUDC_ERROR_INIT;
    op_batch batch = {UNITS, unit_ids};
    lud_status status = op_data_make(oracle, c, batch, &inputs, &err);
    CHECK_OK(status, err);
    if (status == LUD_OK && spoil(c, i, &inputs)) {
        CHECK_OK(op_run(b, c, batch, (op_how){.dtype = LUD_F32}, &inputs, &got, &err), err);
        for (int64_t u = 0; u < UNITS; u++) {
            bool right = has_nan(c, &got, u) == (u == SPOILED);
            CHECK(right);
            if (!right) fprintf(stderr, "  %s: %s, NaN in input %u, unit %lld\n", b->name, c->name, i, (long long)u);
        }
    }
    op_data_free(&got);
    op_data_free(&inputs);
}

int main(void) {
    backend_set set;
    lud_error err = LUDC_ERROR_INIT;
    lud_status status = backend_set_open(1, &set, &err);
    CHECK_OK(status, err);
    if (status != LUD_OK) return check_done();
    for (uint32_t at = 0; at < set.n; at++)
        for (size_t k = 0; k < op_case_count(); k++)
            for (uint32_t i = 0; is_subject(op_case_at(k)) && i < CASE_MAX_IN; i++)
                check_input(&set.all[at], set.oracle, op_case_at(k), i);
    backend_set_close(&set);
    return check_done();
}
