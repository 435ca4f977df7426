/* SPDX-License-Identifier: Apache-2.0
 * Weights that come as files store them: every storage of backend.h, every operation that reads a weight. Results are
 * those of the fp32 values that the blocks stand for, and keep the row rule; the cpu backend promises the very bits. */
#include "backend_set.h"
#include <base.h>
#include <check.h>
#include <math.h>

enum { ROWS_MAX = 300, BLOCK = 32 };

typedef struct form {
    const char *name;
    int32_t dtype, storage;
    size_t block_bytes; /* of 32 elements */
} form;
static const form forms[] = {
    {"Q4_0", LUD_F32, LUD_STORAGE_Q4_0, 18}, {"Q4_1", LUD_F32, LUD_STORAGE_Q4_1, 20},
    {"Q8_0", LUD_F32, LUD_STORAGE_Q8_0, 34}, {"BF16", LUD_BF16, LUD_STORAGE_PLAIN, 64},
    {"F16", LUD_F16, LUD_STORAGE_PLAIN, 64},
};

/* ---- Blocks and what they stand for ---- */

/* A half with its value: about 2^-13 .. 2^-5, sometimes 0 or subnormal. */
static double put_half(uint64_t key, uint8_t *out) {
    int mantissa = (int)(key & 1023), exponent = (key >> 10) % 16 == 0 ? 0 : 2 + (int)((key >> 14) % 8);
    int negative = (int)(key >> 20 & 1);
    if (exponent == 0 && key >> 21 & 1) mantissa = 0;
    unsigned h = (unsigned)(negative << 15 | exponent << 10 | mantissa);
    out[0] = (uint8_t)h;
    out[1] = (uint8_t)(h >> 8);
    double value = exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24);
    return negative ? -value : value;
}

static double put_bf16(uint64_t key, uint8_t *out) {
    float f = lud_uniform(key, 0) - 0.5f;
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    bits &= 0xffff0000u;
    memcpy(&f, &bits, sizeof f);
    out[0] = (uint8_t)(bits >> 16);
    out[1] = (uint8_t)(bits >> 24);
    return (double)f;
}

static void fill_plain(const form *f, uint64_t key, uint8_t *out, double *values) {
    for (int k = 0; k < BLOCK; k++) {
        uint64_t one = lud_mix64(key + (uint64_t)k);
        values[k] = f->dtype == LUD_BF16 ? put_bf16(one, out + 2 * k) : put_half(one, out + 2 * k);
    }
}

static void fill_block(const form *f, uint64_t key, uint8_t *out, double *values) {
    if (f->storage == LUD_STORAGE_PLAIN) {
        fill_plain(f, key, out, values);
        return;
    }
    double d = put_half(lud_mix64(key), out), m = 0;
    if (f->storage == LUD_STORAGE_Q4_1) m = put_half(lud_mix64(key + 1), out + 2);
    uint8_t *q = out + (f->storage == LUD_STORAGE_Q4_1 ? 4 : 2);
    for (size_t i = 0; q + i < out + f->block_bytes; i++)
        q[i] = (uint8_t)lud_mix64(key + 2 + i);
    for (int k = 0; k < BLOCK; k++) {
        int nibble = q[k % 16] >> (k < 16 ? 0 : 4) & 15;
        int n = f->storage == LUD_STORAGE_Q8_0 ? (int)(int8_t)q[k] : nibble - (f->storage == LUD_STORAGE_Q4_0 ? 8 : 0);
        values[k] = f->storage == LUD_STORAGE_Q4_1 ? (double)(float)(d * n + m) : d * n; /* -0 stays */
    }
}

/* The weight of a case: blocks into *out, their values into the case's inputs. */
static bool store_weight(const form *f, const op_case *c, uint32_t at, op_data *inputs, op_stored *out) {
    int64_t blocks = c->in[at].dim[0] * c->in[at].dim[1] / BLOCK;
    uint8_t *data = malloc((size_t)blocks * f->block_bytes);
    if (!data) return false;
    for (int64_t b = 0; b < blocks; b++)
        fill_block(f, (uint64_t)b * 977 + (uint64_t)f->block_bytes, data + (size_t)b * f->block_bytes,
                   (double *)inputs->in[at].data + b * BLOCK);
    *out =
        (op_stored){.dtype = f->dtype, .storage = f->storage, .data = data, .bytes = (size_t)blocks * f->block_bytes};
    return true;
}

/* ---- Cases ---- */
static const lud_attr_xent xent = {1.0f, 0, 0, LUD_XENT_WANT_DX};

static case_tensor real(int32_t fill, int64_t a, int64_t b) {
    return (case_tensor){.fill = fill, .rank = b ? 2 : 1, .dim = {a, b}};
}

static op_case case_of(uint32_t opcode, int64_t m, int64_t k, bool bias) {
    const case_tensor weight = real(CASE_UNIFORM, m, k), ids = {LUD_I32, CASE_ID, 1, {CASE_ROWS}, (double)m};
    const case_tensor rows_k = real(CASE_UNIFORM, CASE_ROWS, k), out_k = real(CASE_RESULT, CASE_ROWS, k);
    const case_tensor none = {.fill = CASE_RESULT, .rank = 1, .dim = {0}};
    op_case c = {.name = op_case_op_name(opcode), .opcode = opcode, .seed = 5};
    c.in[0] = rows_k;
    c.in[1] = weight;
    if (bias) c.in[2] = real(CASE_UNIFORM, m, 0);
    switch (opcode) {
    case LUD_OP_LINEAR:
        c.out[0] = real(CASE_RESULT, CASE_ROWS, m);
        break;
    case LUD_OP_LINEAR_GRAD_INPUT:
        c.in[0] = real(CASE_UNIFORM, CASE_ROWS, m);
        c.in[2] = (case_tensor){0};
        c.out[0] = out_k;
        break;
    case LUD_OP_EMBEDDING:
        c.in[0] = weight;
        c.in[1] = ids;
        c.in[2] = (case_tensor){0};
        c.out[0] = out_k;
        break;
    default:
        c.attr = &xent;
        c.attr_size = sizeof xent;
        c.in[3] = ids;
        c.out[0] = real(CASE_RESULT, CASE_ROWS, 0);
        c.out[1] = (case_tensor){LUD_I32, CASE_RESULT, 1, {CASE_ROWS}, 0};
        if (opcode == LUD_OP_LINEAR_CROSS_ENTROPY) break;
        c.in[4] = real(CASE_UNIFORM, CASE_ROWS, 0);
        c.out[2] = out_k;
        c.out[3] = c.out[4] = none;
    }
    return c;
}

/* ---- Checks ---- */
static void say(const op_backend *b, const op_case *c, const form *f, int64_t rows, const char *what) {
    fprintf(stderr, "  %s: %s, weight [%lld, %lld] in %s, %lld rows: %s\n", b->name, c->name,
            (long long)c->in[c->opcode != LUD_OP_EMBEDDING].dim[0],
            (long long)c->in[c->opcode != LUD_OP_EMBEDDING].dim[1], f->name, (long long)rows, what);
}

static bool near(const op_array *got, const op_array *want, double limit) {
    const double *g = got->data, *w = want->data;
    double error = 0, top = 1e-30;
    for (int64_t i = 0; i < want->n; i++) {
        top = fmax(top, fabs(w[i]));
        error = fmax(error, fabs(g[i] - w[i]));
    }
    return got->n == want->n && error <= limit * top;
}

static bool same(const op_array *a, const op_array *b) {
    return a->n == b->n && (a->bytes == 0 || memcmp(a->data, b->data, a->bytes) == 0);
}

/* The first rows of a larger batch: ids 0, 1, 2 ... */
static bool begins(const op_array *all, const op_array *some) {
    return some->bytes == 0 || (some->bytes <= all->bytes && memcmp(all->data, some->data, some->bytes) == 0);
}

typedef struct trial {
    const op_backend *b, *oracle;
    const op_case *c;
    const form *f;
    bool bf16;     /* flagged LUD_OP_BF16 */
    op_data whole; /* results of the largest batch */
} trial;

static void check_batch(trial *t, int64_t rows) {
    int64_t ids[ROWS_MAX];
    const uint32_t at = t->c->opcode == LUD_OP_EMBEDDING ? 0 : 1;
    op_data inputs = {0}, want = {0}, plain = {0}, got = {0};
    op_stored stored = {0};
    lud_error err = LUDC_ERROR_INIT;
    for (int64_t i = 0; i < rows; i++)
        ids[i] = i;
    const op_batch batch = {rows, ids};
    lud_status status = op_data_make(t->oracle, t->c, batch, &inputs, &err);
    if (status == LUD_OK && !store_weight(t->f, t->c, at, &inputs, &stored)) status = LUD_E_NOMEM;
    if (status == LUD_OK) status = op_run(t->oracle, t->c, batch, (op_how){.dtype = LUD_F64}, &inputs, &want, &err);
    const op_how fp32 = {.dtype = LUD_F32, .frozen = true, .bf16 = t->bf16};
    op_how raw = fp32;
    raw.stored = &stored;
    if (status == LUD_OK) status = op_run(t->b, t->c, batch, fp32, &inputs, &plain, &err);
    if (status == LUD_OK) status = op_run(t->b, t->c, batch, raw, &inputs, &got, &err);
    CHECK_OK(status, err);
    for (int k = 0; status == LUD_OK && k < CASE_MAX_OUT; k++) {
        if (!want.out[k].data) continue;
        bool right = t->c->out[k].dtype == LUD_I32 || near(&got.out[k], &want.out[k], t->bf16 ? 0.02 : 1e-5);
        bool bits = strcmp(t->b->name, "cpu") != 0 || same(&got.out[k], &plain.out[k]);
        bool row = !(t->b->info.caps & LUD_CAP_ROW_INVARIANT) || !t->whole.out[k].data ||
                   begins(&t->whole.out[k], &got.out[k]);
        CHECK(right && bits && row);
        if (!right || !bits || !row)
            say(t->b, t->c, t->f, rows, !right ? "wrong" : !bits ? "other bits than in fp32" : "breaks the row rule");
    }
    if (rows == ROWS_MAX)
        t->whole = got;
    else
        op_data_free(&got);
    op_data_free(&plain);
    op_data_free(&want);
    op_data_free(&inputs);
    free((void *)(uintptr_t)stored.data);
}

static void check_case(const backend_set *set, const op_backend *b, const form *f, const op_case *c, bool bf16) {
    static const int64_t rows[] = {ROWS_MAX, 0, 1, 2, 3, 4, 5, 17};
    trial t = {.b = b, .oracle = set->oracle, .c = c, .f = f, .bf16 = bf16};
    for (size_t i = 0; i < LUDC_COUNT(rows); i++)
        check_batch(&t, rows[i]);
    op_data_free(&t.whole);
}

static void check_backend(const backend_set *set, const op_backend *b) {
    static const int64_t shapes[][2] = {{1, 32}, {5, 64}, {16, 96}, {50, 512}, {67, 224}, {192, 576}, {129, 1536}};
    static const uint32_t opcodes[] = {LUD_OP_LINEAR, LUD_OP_LINEAR_GRAD_INPUT, LUD_OP_EMBEDDING,
                                       LUD_OP_LINEAR_CROSS_ENTROPY, LUD_OP_LINEAR_CROSS_ENTROPY_JOINED};
    for (size_t s = 0; s < LUDC_COUNT(shapes); s++)
        for (size_t o = 0; o < LUDC_COUNT(opcodes); o++)
            for (size_t f = 0; f < LUDC_COUNT(forms); f++) {
                const op_case c = case_of(opcodes[o], shapes[s][0], shapes[s][1], (s + f) % 2 != 0);
                check_case(set, b, &forms[f], &c, false);
                check_case(set, b, &forms[f], &c, true);
            }
}

/* What a backend cannot lay out it refuses; the caller then has fp32. */
static void check_refusals(const op_backend *b) {
    const uint8_t block[2 * 34] = {0};
    lud_tensor t = {.struct_size = sizeof t, .dtype = LUD_F32, .storage = LUD_STORAGE_Q8_0, .role = LUD_ROLE_PARAM};
    struct {
        int32_t rank, storage;
        int64_t rows, cols;
        uint32_t uses;
    } cases[] = {{1, LUD_STORAGE_Q8_0, 32, 1, LUD_USE_FORWARD},
                 {2, 12345, 1, 32, LUD_USE_FORWARD},
                 {2, LUD_STORAGE_Q8_0, 1, 32, LUD_USE_FORWARD | LUD_USE_OTHER}};
    for (size_t i = 0; i < LUDC_COUNT(cases); i++) {
        lud_buf buf = {0};
        lud_error err = LUDC_ERROR_INIT;
        int32_t storage = -1;
        t.rank = cases[i].rank;
        t.storage = cases[i].storage;
        t.dim[0] = cases[i].rows;
        t.dim[1] = cases[i].cols;
        t.bytes = sizeof block;
        CHECK_INT(b->vt->weight_new(b->dev, &t, block, cases[i].uses, &buf, &storage, &err), LUD_E_UNSUPPORTED);
        CHECK(buf.handle == NULL);
    }
}

int main(void) {
    for (int threads = 1; threads <= 2; threads++) {
        backend_set set;
        lud_error err = LUDC_ERROR_INIT;
        lud_status status = backend_set_open(threads, &set, &err);
        CHECK_OK(status, err);
        if (status != LUD_OK) break;
        for (uint32_t at = 0; at < set.n; at++) {
            if (!(set.all[at].info.caps & LUD_CAP_FILE_WEIGHTS)) continue;
            printf("%s (%s), %d threads\n", set.all[at].name, set.all[at].info.name, threads);
            check_backend(&set, &set.all[at]);
            check_refusals(&set.all[at]);
        }
        backend_set_close(&set);
    }
    return check_done();
}
