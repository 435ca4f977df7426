/* SPDX-License-Identifier: Apache-2.0
 * Ops flagged LUD_OP_BF16 on every backend. Their factors are bf16 numbers already, so that a backend that rounds and
 * one that does not must agree with the reference in double as closely as fp32 sums can; only what cross-entropy and
 * attention round inside shows. The row rule and threads: the bits of a row are those that it has in the largest batch.
 */
#include "backend_set.h"
#include <base.h>
#include <check.h>
#include <math.h>

static const int64_t batch_sizes[] = {1000, 0, 1, 2, 3, 17, 129};
enum { UNITS = 1000, FIRST = 7 }; /* FIRST: where a smaller batch's units lie in the large one */

/* There are not pages enough for the largest batch; tests/model/test_cache.c has the row rule. What is in the pages
 * already only a backend itself can have written. */
static bool is_cached(const op_case *c) {
    return c->opcode == LUD_OP_ATTENTION_CACHED;
}

/* Inputs that are factors, as a mask; 0: the op has none. */
static uint32_t factors_of(const op_case *c) {
    if (c->opcode >= LUD_OP_LINEAR && c->opcode <= LUD_OP_LINEAR_GRAD_WEIGHT) return 3;
    if (c->opcode >= LUD_OP_LINEAR_CROSS_ENTROPY && c->opcode <= LUD_OP_LINEAR_CROSS_ENTROPY_JOINED) return 3;
    if (c->opcode == LUD_OP_ATTENTION) return 7;
    if (is_cached(c)) return c->unit == CASE_WHOLE ? 7 : 0;
    return c->opcode == LUD_OP_ATTENTION_GRAD ? 7 | 1u << 6 : 0;
}

/* Largest error as a share of the result's energy. Attention rounds probabilities, inside. */
static double tolerance(const op_case *c) {
    bool product = c->opcode < LUD_OP_LINEAR_CROSS_ENTROPY_GRAD && !(factors_of(c) & 4);
    return product ? 1e-11 : 2e-5;
}

static void round_array(op_array *a) {
    double *x = a->data;
    for (int64_t i = 0; i < a->n; i++) {
        float f = (float)x[i];
        uint32_t bits;
        memcpy(&bits, &f, sizeof bits);
        bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u;
        memcpy(&f, &bits, sizeof f);
        x[i] = (double)f;
    }
}

static double energy_of_error(const op_array *got, const op_array *want) {
    const double *g = got->data, *w = want->data;
    double error = 0, energy = 1e-30;
    for (int64_t i = 0; i < want->n; i++)
        error += (g[i] - w[i]) * (g[i] - w[i]), energy += w[i] * w[i];
    return error / energy;
}

static void check_values(const op_case *c, const op_backend *b, const op_data *got, const op_data *want, int64_t n) {
    for (int k = 0; k < CASE_MAX_OUT; k++) {
        if (!got->out[k].data || got->out[k].n == 0 || c->out[k].dtype == LUD_I32) continue;
        double error = energy_of_error(&got->out[k], &want->out[k]);
        bool right = error <= tolerance(c);
        CHECK(right);
        if (!right)
            fprintf(stderr, "  %s: %s, %lld rows: result %d is %g off\n", b->name, c->name, (long long)n, k, error);
    }
}

static int64_t rows_of(const op_case *c, int64_t first, int64_t n) {
    int64_t rows = 0;
    for (int64_t u = first; u < first + n; u++)
        rows += op_unit_rows(c, u);
    return rows;
}

static void check_rows(const op_case *c, const op_backend *b, const op_data *got, const op_data *all, int64_t n) {
    int64_t rows = rows_of(c, FIRST, n), before = rows_of(c, 0, FIRST);
    for (int k = 0; k < CASE_MAX_OUT; k++) {
        if (!op_tensor_by_row(&c->out[k]) || rows == 0) continue;
        size_t at = (size_t)before * (got->out[k].bytes / (size_t)rows);
        bool same = memcmp(got->out[k].data, (const char *)all->out[k].data + at, got->out[k].bytes) == 0;
        CHECK(same);
        if (!same) fprintf(stderr, "  %s: %s, %lld rows: breaks the row rule\n", b->name, c->name, (long long)n);
    }
}

/* all: results of the largest batch, kept for the others and for the other numbers of threads. */
static void run_batch(const backend_set *set, const op_case *c, int64_t n, op_data all[SET_MAX]) {
    int64_t ids[UNITS];
    if (n == UNITS && is_cached(c)) return;
    for (int64_t u = 0; u < n; u++)
        ids[u] = n == UNITS ? u : u + FIRST;
    op_batch batch = {n, ids};
    op_data inputs = {0}, want = {0};
    lud_error err = LUDC_ERROR_INIT;
    CHECK_OK(op_data_make(set->oracle, c, batch, &inputs, &err), err);
    for (int i = 0; i < CASE_MAX_IN; i++)
        if (factors_of(c) & (1u << i)) round_array(&inputs.in[i]);
    CHECK_OK(op_run(set->oracle, c, batch, (op_how){.dtype = LUD_F64}, &inputs, &want, &err), err);
    for (uint32_t at = 0; at < set->n; at++) {
        for (int frozen = 0; frozen < 2; frozen++) {
            op_data got = {0};
            const op_backend *b = &set->all[at];
            op_how how = {.dtype = LUD_F32, .frozen = frozen, .bf16 = true};
            lud_status status = op_run(b, c, batch, how, &inputs, &got, &err);
            if (status == LUD_E_UNSUPPORTED && err.code == LUD_OK) continue;
            CHECK_OK(status, err);
            if (status != LUD_OK) continue;
            check_values(c, b, &got, &want, n);
            if (n == UNITS && !all[at].out[0].data && !all[at].out[2].data)
                all[at] = got, got = (op_data){0};
            else if (n == UNITS)
                for (int k = 0; k < CASE_MAX_OUT; k++)
                    CHECK(got.out[k].bytes == 0 || memcmp(got.out[k].data, all[at].out[k].data, got.out[k].bytes) == 0);
            else if (b->info.caps & LUD_CAP_ROW_INVARIANT && !is_cached(c))
                check_rows(c, b, &got, &all[at], n);
            op_data_free(&got);
        }
    }
    op_data_free(&want);
    op_data_free(&inputs);
}

int main(void) {
    backend_set sets[2];
    lud_error err = LUDC_ERROR_INIT;
    for (int i = 0; i < 2; i++)
        CHECK_OK(backend_set_open(i + 1, &sets[i], &err), err);
    for (size_t i = 0; err.code == LUD_OK && i < op_case_count(); i++) {
        op_data all[SET_MAX] = {0};
        if (!factors_of(op_case_at(i))) continue;
        for (size_t k = 0; k < LUDC_COUNT(batch_sizes); k++)
            for (int threads = 0; threads < 2; threads++)
                run_batch(&sets[threads], op_case_at(i), batch_sizes[k], all);
        for (uint32_t at = 0; at < SET_MAX; at++)
            op_data_free(&all[at]);
    }
    for (int i = 0; i < 2; i++)
        backend_set_close(&sets[i]);
    return check_done();
}
