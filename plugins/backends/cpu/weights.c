/* SPDX-License-Identifier: Apache-2.0
 * The layouts of frozen weights: a table, tried from the top; a weight that no layout takes is wrapped where it lies,
 * without a copy. A layout's memory begins with a cpu_weight, which says where its parts are. */
#include "device.h"
#include "kernels/bf16.h"

typedef struct layout {
    int32_t storage;
    bool (*takes)(const cpu_dev *, const lud_tensor *, uint32_t uses);
    size_t (*bytes)(const lud_tensor *, uint32_t uses); /* behind the cpu_weight */
    void (*fill)(const cpu_dev *, const lud_tensor *, uint32_t uses, cpu_weight *, char *room);
} layout;

/* ---- Panels of bf16, one set for each direction ---- */
enum { PRODUCTS = LUD_USE_FORWARD | LUD_USE_INPUT_GRAD };

static bool bf16_takes(const cpu_dev *dev, const lud_tensor *t, uint32_t uses) {
    return dev->bf16 && (uses & LUD_USE_BF16) && (uses & PRODUCTS) && !(uses & LUD_USE_OTHER) && t->rank == 2 &&
           t->dtype == LUD_F32 && t->storage == LUD_STORAGE_PLAIN;
}

static size_t bf16_bytes(const lud_tensor *t, uint32_t uses) {
    return (uses & LUD_USE_FORWARD ? bf16_panels_bytes(t->dim[0], t->dim[1]) : 0) +
           (uses & LUD_USE_INPUT_GRAD ? bf16_panels_bytes(t->dim[1], t->dim[0]) : 0);
}

typedef struct packing {
    const cpu_bf16 *bf16;
    bf16_factor factor;
    uint16_t *out;
} packing;

static void pack_range(void *arg, int64_t begin, int64_t end) {
    const packing *p = arg;
    p->bf16->panels(p->out, &p->factor, begin * BF16_N, CPU_MIN(end * BF16_N, p->factor.n));
}

static void bf16_pack(const cpu_dev *dev, bf16_factor f, char *out) {
    packing p = {dev->bf16, f, (uint16_t *)(void *)out};
    dev->host->parallel_for(dev->ctx, cpu_ceil_div(f.n, BF16_N), 1, pack_range, &p);
}

static void bf16_fill(const cpu_dev *dev, const lud_tensor *t, uint32_t uses, cpu_weight *w, char *room) {
    int64_t m = t->dim[0], k = t->dim[1];
    if (uses & LUD_USE_FORWARD) {
        w->forward = room;
        bf16_pack(dev, (bf16_factor){.x = w->rows, .ld = k, .n = m, .k = k}, room);
        room += bf16_panels_bytes(m, k);
    }
    if (uses & LUD_USE_INPUT_GRAD) {
        w->grad = room;
        bf16_pack(dev, (bf16_factor){.x = w->rows, .ld = k, .n = k, .k = m, .by_k = true}, room);
    }
}

/* ---- The table ---- */
static const layout layouts[] = {
    {CPU_STORAGE_BF16, bf16_takes, bf16_bytes, bf16_fill},
};

static lud_status make(const cpu_dev *dev, const layout *l, const lud_tensor *t, const void *host, uint32_t uses,
                       lud_buf *buf, lud_error *err) {
    _Static_assert(sizeof(cpu_weight) <= CPU_LINE, "the parts begin on a line");
    size_t size = CPU_LINE + l->bytes(t, uses);
    char *p = cpu_memory_new(dev->host, size);
    if (!p) return cpu_fail_status(err, LUD_E_NOMEM, "cpu: no memory for a weight of %zu bytes", size);
    cpu_weight *w = (cpu_weight *)(void *)p;
    *w = (cpu_weight){.rows = host};
    l->fill(dev, t, uses, w, p + CPU_LINE);
    *buf = (lud_buf){.handle = p, .size = size, .host_ptr = p};
    return LUD_OK;
}

lud_status cpu_weight_new(void *self, const lud_tensor *t, const void *host, uint32_t uses, lud_buf *buf,
                          int32_t *storage, lud_error *err) {
    const cpu_dev *dev = self;
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
        if (!layouts[i].takes(dev, t, uses)) continue;
        *storage = layouts[i].storage;
        return make(dev, &layouts[i], t, host, uses, buf, err);
    }
    union {
        const void *in;
        void *out;
    } p = {.in = host}; /* frozen: the kernels only read it */
    *buf = (lud_buf){.handle = NULL, .size = (size_t)t->bytes, .host_ptr = p.out};
    *storage = LUD_STORAGE_PLAIN;
    return LUD_OK;
}
