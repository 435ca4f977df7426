/* SPDX-License-Identifier: Apache-2.0
 * Lays a weight out in strips, from the form in which its file has it. */
#include "device.h"
#include "strips.h"

/* Bytes of 32 elements in the file. */
static int64_t file_block(int32_t kind) {
    static const int8_t bytes[] = {0, 64, 64, 18, 20, 34};
    return bytes[kind];
}

int32_t cpu_strips_kind(const lud_tensor *t) {
    if (t->rank != 2 || t->dim[1] % STRIP_COLS != 0) return 0;
    switch (t->storage) {
    case LUD_STORAGE_PLAIN:
        return t->dtype == LUD_BF16 ? STRIPS_BF16 : t->dtype == LUD_F16 ? STRIPS_F16 : 0;
    case LUD_STORAGE_Q4_0:
        return STRIPS_Q4_0;
    case LUD_STORAGE_Q4_1:
        return STRIPS_Q4_1;
    case LUD_STORAGE_Q8_0:
        return STRIPS_Q8_0;
    default:
        return 0;
    }
}

size_t cpu_strips_bytes(const lud_tensor *t) {
    int64_t blocks = cpu_ceil_div(t->dim[0], STRIP_ROWS) * (t->dim[1] / STRIP_COLS);
    return (size_t)(blocks * strip_block_bytes(cpu_strips_kind(t)));
}

/* ---- The 16 rows of a block side by side ---- */
typedef uint64_t words __attribute__((vector_size(64)));
typedef uint32_t halves __attribute__((vector_size(32)));
enum { WORDS = sizeof(words) / sizeof(uint64_t) };

/* Halves of 16 bits that lie at `at` of each row. */
static void put_halves(const uint8_t *const *row, int64_t at, char *out) {
    for (int64_t r = 0; r < STRIP_ROWS; r++)
        memcpy(out + 2 * r, row[r] + at, 2);
}

/* 16 bytes of each row: the low nibbles are elements 0 to 15, the high ones 16 to 31. */
static void put_nibbles(const uint8_t *const *row, int64_t at, char *q) {
    for (int64_t r = 0; r < STRIP_ROWS; r += WORDS) {
        words x[2];
        for (int64_t i = 0; i < WORDS; i++)
            for (int64_t j = 0; j < 2; j++)
                memcpy((char *)&x[j] + 8 * i, row[r + i] + at + 8 * j, 8);
        for (int64_t j = 0; j < 4; j++) {
            words w = (x[j & 1] >> (j < 2 ? 0 : 4)) & 0x0f0f0f0f0f0f0f0fu;
            w = (w | w >> 4) & 0x00ff00ff00ff00ffu;
            w = (w | w >> 8) & 0x0000ffff0000ffffu;
            const halves h = __builtin_convertvector(w | w >> 16, halves);
            memcpy(q + (j * STRIP_ROWS + r) * 4, &h, sizeof h);
        }
    }
}

/* A step of a transposition: the bits mask << shift of a and the bits mask of b change places. */
static void exchange(words *a, words *b, int shift, uint64_t mask) {
    const words t = ((*a >> shift) ^ *b) & mask;
    *b ^= t;
    *a ^= t << shift;
}

/* 32 bytes of each row: squares of 8 rows by 8 columns, four of the upper rows and four of the lower ones at once. */
static void put_bytes(const uint8_t *const *row, int64_t at, char *out) {
    words x[8];
    for (int64_t r = 0; r < STRIP_ROWS; r++)
        memcpy((char *)&x[r % 8] + r / 8 * STRIP_COLS, row[r] + at, STRIP_COLS);
    for (int i = 0; i < 4; i++)
        exchange(&x[i], &x[i + 4], 32, 0x00000000ffffffffu);
    for (int i = 0; i < 8; i += i % 4 == 1 ? 3 : 1)
        exchange(&x[i], &x[i + 2], 16, 0x0000ffff0000ffffu);
    for (int i = 0; i < 8; i += 2)
        exchange(&x[i], &x[i + 1], 8, 0x00ff00ff00ff00ffu);
    for (int64_t k = 0; k < STRIP_COLS; k++)
        for (int64_t half = 0; half < 2; half++)
            memcpy(out + k * STRIP_ROWS + 8 * half, (char *)&x[k % 8] + 8 * (k / 8) + half * STRIP_COLS, 8);
}

/* 32 times 16 bits of each row: squares of 4 by 4. */
static void put_words(const uint8_t *const *row, char *out) {
    for (int64_t r = 0; r < STRIP_ROWS; r += 4) {
        words x[4];
        for (int64_t i = 0; i < 4; i++)
            memcpy(&x[i], row[r + i], sizeof x[i]);
        for (int i = 0; i < 2; i++)
            exchange(&x[i], &x[i + 2], 32, 0x00000000ffffffffu);
        for (int i = 0; i < 4; i += 2)
            exchange(&x[i], &x[i + 1], 16, 0x0000ffff0000ffffu);
        for (int64_t k = 0; k < STRIP_COLS; k++)
            memcpy(out + (k * STRIP_ROWS + r) * 2, (char *)&x[k % 4] + 8 * (k / 4), 8);
    }
}

static void put_block(int32_t kind, const uint8_t *const *row, char *block) {
    enum { HALVES = STRIP_ROWS * 2 };
    switch (kind) {
    case STRIPS_Q4_0:
        put_halves(row, 0, block);
        return put_nibbles(row, 2, block + HALVES);
    case STRIPS_Q4_1:
        put_halves(row, 0, block);
        put_halves(row, 2, block + HALVES);
        return put_nibbles(row, 4, block + 2 * HALVES);
    case STRIPS_Q8_0:
        put_halves(row, 0, block);
        return put_bytes(row, 2, block + HALVES);
    default:
        return put_words(row, block);
    }
}

typedef struct layout {
    const uint8_t *in;
    char *out;
    int64_t rows, cols, file_block;
    int32_t kind;
} layout;

static void lay_strips(void *arg, int64_t begin, int64_t end) {
    static const uint8_t none[STRIP_COLS * 2];
    const layout *l = arg;
    const int64_t blocks = l->cols / STRIP_COLS, bytes = blocks * l->file_block;
    for (int64_t s = begin; s < end; s++) {
        cpu_strip to = cpu_strip_of(l->out, l->kind, l->rows, l->cols, s * STRIP_ROWS);
        char *block = l->out + (to.first - l->out);
        for (int64_t b = 0; b < blocks; b++, block += to.step) {
            const uint8_t *row[STRIP_ROWS];
            for (int64_t r = 0, at = s * STRIP_ROWS; r < STRIP_ROWS; r++, at++)
                row[r] = at < l->rows ? l->in + at * bytes + b * l->file_block : none;
            put_block(l->kind, row, block);
        }
    }
}

void cpu_strips_make(const cpu_dev *dev, const lud_tensor *t, const void *host, void *out) {
    const int32_t kind = cpu_strips_kind(t);
    layout l = {
        .in = host, .out = out, .rows = t->dim[0], .cols = t->dim[1], .file_block = file_block(kind), .kind = kind};
    dev->host->parallel_for(dev->ctx, cpu_ceil_div(l.rows, STRIP_ROWS), PANEL_STRIPS, lay_strips, &l);
}
