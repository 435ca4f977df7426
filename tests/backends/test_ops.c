/* SPDX-License-Identifier: Apache-2.0
 * Every op case on every backend: results against the reference in double, the row rule, overlaid results, frozen
 * weights, one and two threads. Bits are compared as bits. A backend may refuse an op unless it claims COMPLETE. */
#include "backend_set.h"
#include <base.h>
#include <check.h>
#include <math.h>

/* The largest batch comes first: smaller ones must repeat its rows. */
static const int64_t batch_sizes[] = {257, 0, 1, 2, 3, 17};
enum { UNITS = 257, VARIANTS = 4 };

/* Largest error of a float result as a fraction of the largest element of the tensor. Double: 1e-12. */
static double tolerance(uint32_t opcode, int32_t dtype) {
    if (dtype == LUD_F64) return 1e-12;
    switch (opcode) {
    case LUD_OP_ATTENTION_GRAD:
        return 3e-5; /* exp(score - lse) of an lse that was rounded to float, summed over up to 67 queries */
    case LUD_OP_RMS_NORM_GRAD:
        return 2e-5; /* at width 1 the true result is nearly 0: a difference of two equal numbers */
    default:
        return 1e-5; /* sums of at most 1031 products in float */
    }
}

typedef struct sweep {
    const backend_set *set;
    const op_case *c;
    int64_t base_ids[UNITS];
    op_data base[SET_MAX][VARIANTS]; /* results of the largest batch */
} sweep;

typedef struct tally {
    uint32_t run, refused;
    double worst;
    const char *worst_case;
} tally;

static tally tallies[SET_MAX];
static uint64_t *thread_hashes; /* of all results of the first pass */
static size_t n_hashes, at_hash;
static bool first_pass = true;

/* ---- Comparing ---- */

static bool close_enough(const op_array *got, const op_array *want, double limit, double *worst) {
    const double *g = got->data, *w = want->data;
    double top = 0;
    for (int64_t i = 0; i < want->n; i++)
        if (isfinite(w[i]) && fabs(w[i]) > top) top = fabs(w[i]);
    for (int64_t i = 0; i < want->n; i++) {
        double error = g[i] == w[i] ? 0 : fabs(g[i] - w[i]) / (top > 0 ? top : 1);
        if (!(error <= limit)) {
            fprintf(stderr, "element %lld: got %.9g, want %.9g\n", (long long)i, g[i], w[i]);
            return false;
        }
        if (error > *worst) *worst = error;
    }
    return true;
}

static bool same_array(const op_array *a, const op_array *b) {
    return a->n == b->n && (a->bytes == 0 || memcmp(a->data, b->data, a->bytes) == 0);
}

static bool compare_one(const op_case *c, int32_t type, const op_array *got, const op_array *want, int32_t dtype,
                        double *worst) {
    if (!got->data || got->n != want->n) return got->data == want->data;
    if (type == LUD_I32) return same_array(got, want);
    return close_enough(got, want, tolerance(c->opcode, dtype), worst);
}

static bool compare(const op_case *c, const op_data *got, const op_data *want, int32_t dtype, double *worst) {
    bool ok = true;
    for (int k = 0; k < CASE_MAX_OUT; k++)
        ok = compare_one(c, c->out[k].dtype, &got->out[k], &want->out[k], dtype, worst) && ok;
    for (int i = 0; i < CASE_MAX_IN; i++)
        if (c->changed & 1u << i) ok = compare_one(c, c->in[i].dtype, &got->in[i], &want->in[i], dtype, worst) && ok;
    return ok;
}

static bool same_results(const op_data *a, const op_data *b) {
    for (int k = 0; k < CASE_MAX_OUT; k++)
        if (!same_array(&a->out[k], &b->out[k])) return false;
    return true;
}

/* Row of a unit's first row in a batch, -1 if the batch lacks the unit. */
static int64_t find_unit(const op_case *c, op_batch batch, int64_t id) {
    int64_t row = 0;
    for (int64_t u = 0; u < batch.n; u++) {
        if (batch.ids[u] == id) return row;
        row += op_unit_rows(c, batch.ids[u]);
    }
    return -1;
}

static bool same_rows(const op_array *a, int64_t row_a, const op_array *b, int64_t row_b, int64_t rows, size_t width) {
    if (rows == 0 || width == 0) return true;
    return memcmp((const char *)a->data + (size_t)row_a * width, (const char *)b->data + (size_t)row_b * width,
                  (size_t)rows * width) == 0;
}

static size_t row_bytes(const case_tensor *t) {
    int64_t n = t->dtype == LUD_I32 ? 4 : 8;
    for (int32_t i = 1; i < t->rank; i++)
        n *= t->dim[i];
    return (size_t)n;
}

static int64_t place_of(op_batch batch, int64_t id) {
    int64_t u = 0;
    while (u < batch.n && batch.ids[u] != id)
        u++;
    return u;
}

static bool keeps_unit_rule(const op_case *c, int k, const op_array *got, op_batch batch, const op_array *base,
                            op_batch all) {
    for (int64_t u = 0; u < batch.n; u++)
        if (!same_rows(got, u, base, place_of(all, batch.ids[u]), 1, row_bytes(&c->out[k]))) return false;
    return true;
}

/* The rows of `batch` have the bits that they have in the large batch. */
static bool keeps_row_rule(const op_case *c, const op_data *got, op_batch batch, const op_data *base, op_batch all) {
    for (int k = 0; k < CASE_MAX_OUT; k++) {
        if (op_tensor_by_unit(&c->out[k]) && !keeps_unit_rule(c, k, &got->out[k], batch, &base->out[k], all))
            return false;
        if (!op_tensor_by_row(&c->out[k])) continue;
        int64_t row = 0;
        for (int64_t u = 0; u < batch.n; u++) {
            int64_t rows = op_unit_rows(c, batch.ids[u]), other = find_unit(c, all, batch.ids[u]);
            if (!same_rows(&got->out[k], row, &base->out[k], other, rows, row_bytes(&c->out[k]))) return false;
            row += rows;
        }
    }
    return true;
}

static void check_threads(const op_case *c, const op_backend *b, const op_data *got) {
    uint64_t h = 0;
    for (int k = 0; k < CASE_MAX_OUT; k++)
        if (got->out[k].bytes) h = lud_mix64(h ^ ludc_hash(got->out[k].data, got->out[k].bytes));
    if (first_pass) {
        uint64_t *grown = realloc(thread_hashes, (n_hashes + 1) * sizeof(h));
        if (!grown) return;
        thread_hashes = grown;
        thread_hashes[n_hashes++] = h;
        at_hash = n_hashes;
        return;
    }
    bool same = at_hash < n_hashes && thread_hashes[at_hash] == h;
    at_hash++;
    CHECK(same);
    if (!same) fprintf(stderr, "  %s: %s: other bits with 2 threads than with 1\n", b->name, c->name);
}

/* ---- Running ---- */

static op_how variant_how(int variant) {
    return (op_how){.dtype = variant & 1 ? LUD_F64 : LUD_F32, .frozen = (variant & 2) != 0};
}

static void check_overlays(const op_backend *b, const op_case *c, op_batch batch, op_how how, const op_data *inputs,
                           const op_data *plain) {
    char word[8];
    for (const char *at = c->overlays ? c->overlays : ""; sscanf(at, "%7s", word) == 1;) {
        op_data got;
        lud_error err = LUDC_ERROR_INIT;
        how.overlay = word;
        lud_status status = op_run(b, c, batch, how, inputs, &got, &err);
        CHECK_OK(status, err);
        if (status == LUD_OK) {
            bool same = same_results(&got, plain);
            CHECK(same);
            if (!same) fprintf(stderr, "  %s: %s: other bits with results over inputs (%s)\n", b->name, c->name, word);
        }
        op_data_free(&got);
        at = strstr(at, word) + strlen(word);
    }
}

static void check_refusal(const op_backend *b, const op_case *c, op_how how, tally *t) {
    bool may = !(b->info.caps & LUD_CAP_COMPLETE) || how.dtype != LUD_F32;
    CHECK(may || how.frozen);
    if (!may) fprintf(stderr, "  %s claims COMPLETE and refuses %s\n", b->name, c->name);
    if (how.dtype == LUD_F32 && !how.frozen) t->refused++;
}

/* The layout of a frozen weight decides nothing. */
static void check_layout(const sweep *s, uint32_t at, int variant) {
    const op_backend *b = &s->set->all[at];
    if (!variant_how(variant).frozen || !(b->info.caps & LUD_CAP_ROW_INVARIANT)) return;
    bool same = same_results(&s->base[at][variant], &s->base[at][variant & 1]);
    CHECK(same);
    if (!same) fprintf(stderr, "  %s: %s: other bits with a frozen weight\n", b->name, s->c->name);
}

static void run_variant(sweep *s, uint32_t at, int variant, op_batch batch, const op_data *inputs,
                        const op_data *want) {
    const op_backend *b = &s->set->all[at];
    const op_case *c = s->c;
    op_how how = variant_how(variant);
    op_data got, *base = &s->base[at][variant];
    lud_error err = LUDC_ERROR_INIT;
    lud_status status = op_run(b, c, batch, how, inputs, &got, &err);
    if (status == LUD_E_UNSUPPORTED && err.code == LUD_OK) {
        check_refusal(b, c, how, &tallies[at]);
        return;
    }
    CHECK_OK(status, err);
    if (status != LUD_OK) {
        fprintf(stderr, "  %s: %s, %lld units\n", b->name, c->name, (long long)batch.n);
        return;
    }
    double worst = 0;
    bool right = compare(c, &got, want, how.dtype, &worst);
    CHECK(right);
    if (!right)
        fprintf(stderr, "  %s: %s, %lld units, %s%s\n", b->name, c->name, (long long)batch.n,
                how.dtype == LUD_F64 ? "double" : "float", how.frozen ? ", frozen weight" : "");
    tally *t = &tallies[at];
    t->run++;
    if (how.dtype == LUD_F32 && worst > t->worst) {
        t->worst = worst;
        t->worst_case = c->name;
    }
    check_threads(c, b, &got);
    check_overlays(b, c, batch, how, inputs, &got);
    if (batch.n == UNITS) {
        *base = got;
        check_layout(s, at, variant);
        return;
    }
    if (base->out[0].data && b->info.caps & LUD_CAP_ROW_INVARIANT) {
        bool kept = keeps_row_rule(c, &got, batch, base, (op_batch){UNITS, s->base_ids});
        CHECK(kept);
        if (!kept)
            fprintf(stderr, "  %s: %s, %lld units, %s%s: breaks the row rule\n", b->name, c->name, (long long)batch.n,
                    how.dtype == LUD_F64 ? "double" : "float", how.frozen ? ", frozen weight" : "");
    }
    op_data_free(&got);
}

static void run_batch(sweep *s, op_batch batch) {
    op_data inputs = {0}, want = {0};
    lud_error err = LUDC_ERROR_INIT;
    lud_status status = op_data_make(s->set->oracle, s->c, batch, &inputs, &err);
    if (status == LUD_OK)
        status = op_run(s->set->oracle, s->c, batch, (op_how){.dtype = LUD_F64}, &inputs, &want, &err);
    CHECK_OK(status, err);
    for (uint32_t at = 0; status == LUD_OK && at < s->set->n; at++)
        for (int variant = 0; variant < VARIANTS; variant++)
            if (!variant_how(variant).frozen || op_case_has_weight(s->c))
                run_variant(s, at, variant, batch, &inputs, &want);
    op_data_free(&want);
    op_data_free(&inputs);
}

static bool varies(const op_case *c) {
    for (int i = 0; i < CASE_MAX_IN; i++)
        if (c->in[i].rank > 0 && c->in[i].dim[0] < 0) return true;
    return false;
}

/* Different batches hold the units at different places: 257 is a prime, so the ids of one batch differ. */
static void sweep_case(sweep *s) {
    for (int64_t u = 0; u < UNITS; u++)
        s->base_ids[u] = (u * 37 + 11) % UNITS;
    for (size_t i = 0; i < LUDC_COUNT(batch_sizes); i++) {
        int64_t ids[UNITS], n = batch_sizes[i];
        for (int64_t u = 0; u < n; u++)
            ids[u] = n == UNITS ? s->base_ids[u] : (u * 101 + n * 13) % UNITS;
        run_batch(s, (op_batch){n, ids});
        if (!varies(s->c)) break;
    }
    for (uint32_t at = 0; at < SET_MAX; at++)
        for (int variant = 0; variant < VARIANTS; variant++)
            op_data_free(&s->base[at][variant]);
}

static void test_sweep(const backend_set *set) {
    for (size_t i = 0; i < op_case_count(); i++) {
        sweep s = {.set = set, .c = op_case_at(i)};
        sweep_case(&s);
    }
    for (uint32_t at = 0; at < set->n; at++) {
        tally *t = &tallies[at];
        printf("%s (%s): %u runs, %u refused, largest float error %.1e in %s\n", set->all[at].name,
               set->all[at].info.name, t->run, t->refused, t->worst, t->worst_case ? t->worst_case : "-");
        *t = (tally){0};
    }
}

/* ---- Attention over a cache: a token has the same bits whether its segment comes at once or is cached already ---- */

static const op_case *find_case(const char *name) {
    for (size_t i = 0; i < op_case_count(); i++)
        if (strcmp(op_case_at(i)->name, name) == 0) return op_case_at(i);
    return NULL;
}

static bool same_tokens(const op_case *whole, const op_data *a, const op_case *cached, const op_data *b,
                        op_batch batch) {
    int64_t row_a = 0, row_b = 0;
    for (int64_t u = 0; u < batch.n; u++) {
        int64_t rows = op_unit_rows(cached, batch.ids[u]), first = op_unit_first(cached, batch.ids[u]);
        if (!same_rows(&a->out[0], row_a + first, &b->out[0], row_b, rows, row_bytes(&whole->out[0]))) return false;
        row_a += op_unit_rows(whole, batch.ids[u]);
        row_b += rows;
    }
    return true;
}

static void check_cached(const op_backend *b, const op_case *whole, const op_case *cached, int32_t dtype) {
    int64_t ids[23];
    for (int64_t u = 0; u < 23; u++)
        ids[u] = u;
    op_batch batch = {23, ids};
    op_data in_a = {0}, in_b = {0}, a = {0}, c = {0};
    lud_error err = LUDC_ERROR_INIT;
    op_how how = {.dtype = dtype};
    lud_status status = op_data_make(b, whole, batch, &in_a, &err);
    if (status == LUD_OK) status = op_data_make(b, cached, batch, &in_b, &err);
    if (status == LUD_OK) status = op_run(b, whole, batch, how, &in_a, &a, &err);
    if (status == LUD_OK) status = op_run(b, cached, batch, how, &in_b, &c, &err);
    if (status != LUD_E_UNSUPPORTED) CHECK_OK(status, err);
    if (status == LUD_OK) {
        bool same = same_tokens(whole, &a, cached, &c, batch);
        CHECK(same);
        if (!same) fprintf(stderr, "  %s: %s: other bits than %s\n", b->name, cached->name, whole->name);
    }
    op_data_free(&c);
    op_data_free(&a);
    op_data_free(&in_b);
    op_data_free(&in_a);
}

static void test_cached(const backend_set *set) {
    static const char *const forms[] = {"plain", "grouped", "window", "softcap", "alibi", "wide pages"};
    for (uint32_t at = 0; at < set->n; at++)
        for (size_t i = 0; i < LUDC_COUNT(forms); i++) {
            char all[64], last[64];
            snprintf(all, sizeof(all), "cached whole %s", forms[i]);
            snprintf(last, sizeof(last), "cached last %s", forms[i]);
            for (int32_t dtype = LUD_F32; dtype == LUD_F32 || dtype == LUD_F64; dtype += LUD_F64 - LUD_F32)
                check_cached(&set->all[at], find_case(all), find_case(last), dtype);
        }
}

/* ---- The reference under hostile input and without memory ---- */

static bool is_checked_id(const op_case *c, uint32_t i) {
    int32_t fill = c->in[i].fill;
    if (c->opcode == LUD_OP_ADD || (c->opcode == LUD_OP_GATHER_ROWS && i == 0)) return false;
    if (c->opcode == LUD_OP_SEGMENT_POOL_GRAD && i == 1) return false; /* an index outside chooses no token */
    return fill == CASE_ID || fill == CASE_SEGMENT || fill == CASE_PAGE ||
           (fill == CASE_POSITION && c->opcode == LUD_OP_ATTENTION_CACHED);
}

static void check_bad_ids(const op_backend *b, const op_case *c, uint32_t i, int32_t value) {
    static const int64_t ids[] = {4, 9, 2};
    op_batch batch = {3, ids};
    op_data inputs = {0}, got = {0};
    lud_error err = LUDC_ERROR_INIT;
    lud_status status = op_data_make(b, c, batch, &inputs, &err);
    CHECK_OK(status, err);
    for (int64_t k = 0; status == LUD_OK && k < inputs.in[i].n; k++)
        ((int32_t *)inputs.in[i].data)[k] = value;
    if (status == LUD_OK) {
        status = op_run(b, c, batch, (op_how){.dtype = LUD_F32}, &inputs, &got, &err);
        CHECK_INT(status, LUD_E_INVALID);
        CHECK(err.msg[0] != 0);
        if (status != LUD_E_INVALID) fprintf(stderr, "  %s: input %u full of %d\n", c->name, i, (int)value);
    }
    op_data_free(&got);
    op_data_free(&inputs);
}

static void test_bad_ids(const op_backend *reference) {
    for (size_t k = 0; k < op_case_count(); k++)
        for (uint32_t i = 0; i < CASE_MAX_IN; i++) {
            if (!is_checked_id(op_case_at(k), i)) continue;
            check_bad_ids(reference, op_case_at(k), i, -1);
            check_bad_ids(reference, op_case_at(k), i, INT32_MAX);
        }
}

static void test_no_memory(const op_backend *reference) {
    static const int64_t ids[] = {4, 9, 2};
    const op_case *c = find_case("attention plain");
    op_data inputs = {0}, got = {0};
    lud_error err = LUDC_ERROR_INIT;
    CHECK_OK(op_data_make(reference, c, (op_batch){3, ids}, &inputs, &err), err);
    lud_status status = LUD_E_NOMEM;
    for (int64_t n = 0; n < 20 && status == LUD_E_NOMEM; n++) {
        err = LUDC_ERROR_INIT;
        ludc_alloc_fail_after(n, false);
        status = op_run(reference, c, (op_batch){3, ids}, (op_how){.dtype = LUD_F32}, &inputs, &got, &err);
        ludc_alloc_fail_after(-1, false);
    }
    CHECK_OK(status, err);
    op_data_free(&got);
    op_data_free(&inputs);
}

static void test_every_op_has_a_case(void) {
    static const uint32_t opcodes[] = {
#define TEST_OPCODE(name, code, n_in, n_out, attr) code,
        LUD_OP_MAP(TEST_OPCODE)
#undef TEST_OPCODE
    };
    for (size_t k = 0; k < LUDC_COUNT(opcodes); k++) {
        size_t found = 0;
        for (size_t i = 0; i < op_case_count(); i++)
            found += op_case_at(i)->opcode == opcodes[k];
        CHECK(found > 0);
        if (found == 0) fprintf(stderr, "  no case for %s\n", op_case_op_name(opcodes[k]));
    }
}

int main(void) {
    test_every_op_has_a_case();
    for (int threads = 1; threads <= 2; threads++) {
        backend_set set;
        lud_error err = LUDC_ERROR_INIT;
        lud_status status = backend_set_open(threads, &set, &err);
        CHECK_OK(status, err);
        if (status != LUD_OK) break;
        printf("%d thread(s):\n", threads);
        at_hash = 0;
        test_sweep(&set);
        if (threads == 1) {
            test_cached(&set);
            test_bad_ids(set.oracle);
            test_no_memory(set.oracle);
        }
        backend_set_close(&set);
        first_pass = false;
    }
    CHECK_INT(at_hash, n_hashes);
    free(thread_hashes);
    return check_done();
}
