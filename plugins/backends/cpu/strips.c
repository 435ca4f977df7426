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

/* The low nibbles of 8 bytes, side by side. */
static uint32_t gather_nibbles(uint64_t x) {
    x &= 0x0f0f0f0f0f0f0f0fu;
    x = (x | x >> 4) & 0x00ff00ff00ff00ffu;
    x = (x | x >> 8) & 0x0000ffff0000ffffu;
    return (uint32_t)(x | x >> 16);
}

static uint64_t load8(const uint8_t *p) {
    uint64_t x = 0;
    for (int i = 0; i < 8; i++)
        x |= (uint64_t)p[i] << (8 * i);
    return x;
}

static void put_nibbles(const uint8_t *in, char *q, int64_t lane) {
    for (int j = 0; j < 4; j++) {
        uint32_t w = gather_nibbles(load8(in + 8 * (j & 1)) >> (j < 2 ? 0 : 4));
        memcpy(q + (j * STRIP_ROWS + lane) * (int64_t)sizeof w, &w, sizeof w);
    }
}

/* One row's 32 elements into lane `lane` of a block. */
static void put_block(int32_t kind, const uint8_t *in, char *block, int64_t lane) {
    enum { HALVES = STRIP_ROWS * 2 };
    char *half = block + 2 * lane;
    switch (kind) {
    case STRIPS_Q4_0:
        memcpy(half, in, 2);
        put_nibbles(in + 2, block + HALVES, lane);
        break;
    case STRIPS_Q4_1:
        memcpy(half, in, 2);
        memcpy(half + HALVES, in + 2, 2);
        put_nibbles(in + 4, block + 2 * HALVES, lane);
        break;
    case STRIPS_Q8_0:
        memcpy(half, in, 2);
        for (int k = 0; k < STRIP_COLS; k++)
            block[HALVES + k * STRIP_ROWS + lane] = (char)in[2 + k];
        break;
    default:
        for (int64_t k = 0; k < STRIP_COLS; k++)
            memcpy(half + k * HALVES, in + 2 * k, 2);
    }
}

typedef struct layout {
    const uint8_t *in;
    char *out;
    int64_t rows, cols, file_block;
    int32_t kind;
} layout;

static void lay_strips(void *arg, int64_t begin, int64_t end) {
    const layout *l = arg;
    int64_t blocks = l->cols / STRIP_COLS, bytes = strip_block_bytes(l->kind);
    for (int64_t s = begin; s < end; s++) {
        cpu_strip to = cpu_strip_of(l->out, l->kind, l->rows, l->cols, s * STRIP_ROWS);
        int64_t n = CPU_MIN(l->rows - s * STRIP_ROWS, STRIP_ROWS);
        for (int64_t b = 0; b < blocks; b++) {
            char *block = l->out + (to.first - l->out) + b * to.step;
            if (n < STRIP_ROWS) memset(block, 0, (size_t)bytes);
            for (int64_t r = 0; r < n; r++)
                put_block(l->kind, l->in + ((s * STRIP_ROWS + r) * blocks + b) * l->file_block, block, r);
        }
    }
}

void cpu_strips_make(const cpu_dev *dev, const lud_tensor *t, const void *host, void *out) {
    const int32_t kind = cpu_strips_kind(t);
    layout l = {
        .in = host, .out = out, .rows = t->dim[0], .cols = t->dim[1], .file_block = file_block(kind), .kind = kind};
    dev->host->parallel_for(dev->ctx, cpu_ceil_div(l.rows, STRIP_ROWS), PANEL_STRIPS, lay_strips, &l);
}
