/* SPDX-License-Identifier: Apache-2.0
 * Lays a weight out in strips, from the form in which its file has it. */
#include "device.h"
#include "strips.h"

/* How the file stores a row of 32 elements, in bytes; 0: not taken. */
static int64_t file_block(const lud_tensor *t, int32_t *storage) {
    *storage = LUD_STORAGE_PLAIN;
    switch (t->storage) {
    case LUD_STORAGE_PLAIN:
        if (t->dtype != LUD_BF16 && t->dtype != LUD_F16) return 0;
        *storage = t->dtype == LUD_BF16 ? CPU_STRIPS_BF16 : CPU_STRIPS_F16;
        return STRIP_COLS * (int64_t)sizeof(uint16_t);
    case LUD_STORAGE_Q4_0:
        return *storage = CPU_STRIPS_Q4_0, 18;
    case LUD_STORAGE_Q4_1:
        return *storage = CPU_STRIPS_Q4_1, 20;
    case LUD_STORAGE_Q8_0:
        return *storage = CPU_STRIPS_Q8_0, 34;
    default:
        return 0;
    }
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
static void put_block(int32_t storage, const uint8_t *in, char *block, int64_t lane) {
    enum { HALVES = STRIP_ROWS * 2 };
    char *half = block + 2 * lane;
    switch (storage) {
    case CPU_STRIPS_Q4_0:
        memcpy(half, in, 2);
        put_nibbles(in + 2, block + HALVES, lane);
        break;
    case CPU_STRIPS_Q4_1:
        memcpy(half, in, 2);
        memcpy(half + HALVES, in + 2, 2);
        put_nibbles(in + 4, block + 2 * HALVES, lane);
        break;
    case CPU_STRIPS_Q8_0:
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
    int32_t storage;
} layout;

static void lay_strips(void *arg, int64_t begin, int64_t end) {
    const layout *l = arg;
    int64_t blocks = l->cols / STRIP_COLS, bytes = strip_block_bytes(l->storage);
    for (int64_t s = begin; s < end; s++) {
        cpu_strip to = cpu_strip_of(l->out, l->storage, l->rows, l->cols, s * STRIP_ROWS);
        int64_t n = CPU_MIN(l->rows - s * STRIP_ROWS, STRIP_ROWS);
        for (int64_t b = 0; b < blocks; b++) {
            char *block = l->out + (to.first - l->out) + b * to.step;
            if (n < STRIP_ROWS) memset(block, 0, (size_t)bytes);
            for (int64_t r = 0; r < n; r++)
                put_block(l->storage, l->in + ((s * STRIP_ROWS + r) * blocks + b) * l->file_block, block, r);
        }
    }
}

lud_status cpu_strips_new(cpu_dev *dev, const lud_tensor *t, const void *host, uint32_t uses, lud_buf *buf,
                          int32_t *storage, lud_error *err) {
    layout l = {.in = host};
    l.file_block = file_block(t, &l.storage);
    if (l.file_block == 0 || t->rank != 2 || t->dim[1] % STRIP_COLS != 0 || uses & LUD_USE_OTHER)
        return cpu_fail_status(err, LUD_E_UNSUPPORTED,
                               "cpu: a weight of storage %d, type %d, rank %d is wanted as fp32", (int)t->storage,
                               (int)t->dtype, (int)t->rank);
    l.rows = t->dim[0], l.cols = t->dim[1];
    int64_t strips = cpu_ceil_div(l.rows, STRIP_ROWS);
    size_t size = (size_t)(strips * (l.cols / STRIP_COLS) * strip_block_bytes(l.storage));
    l.out = cpu_memory_new(dev->host, size);
    if (!l.out) return cpu_fail_status(err, LUD_E_NOMEM, "cpu: no memory for a weight of %zu bytes", size);
    dev->host->parallel_for(dev->ctx, strips, PANEL_STRIPS, lay_strips, &l);
    *buf = (lud_buf){.handle = l.out, .size = size, .host_ptr = l.out};
    *storage = l.storage;
    return LUD_OK;
}
