/* SPDX-License-Identifier: Apache-2.0
 * The layouts of frozen weights: a table, tried from the top; a weight that no layout takes is wrapped where it lies,
 * without a copy. A layout's memory begins with a cpu_weight, which says where its parts are. */
#include "device.h"
#include "kernels/bf16.h"
#include "kernels/int8.h"

typedef struct layout {
    int32_t storage;
    bool (*takes)(const cpu_dev *, const lud_tensor *, uint32_t uses);
    size_t (*bytes)(const cpu_dev *, const lud_tensor *, uint32_t uses); /* behind the cpu_weight */
    void (*fill)(const cpu_dev *, const lud_tensor *, uint32_t uses, cpu_weight *, char *room);
} layout;

/* ---- Panels ---- */
enum { PRODUCTS = LUD_USE_FORWARD | LUD_USE_INPUT_GRAD };

static bool is_matrix(const lud_tensor *t, uint32_t uses) {
    return (uses & PRODUCTS) && !(uses & LUD_USE_OTHER) && t->rank == 2 && t->dtype == LUD_F32 &&
           t->storage == LUD_STORAGE_PLAIN;
}

/* One direction: how B(k, n) of the product lies in the weight. */
typedef struct packing {
    const cpu_dev *dev;
    bf16_factor b;
    char *out;
} packing;

/* bf16, one set for each direction, where every product may round. Look-ups read the rows. */
static bool bf16_takes(const cpu_dev *dev, const lud_tensor *t, uint32_t uses) {
    return dev->bf16 && (uses & LUD_USE_BF16) && is_matrix(t, uses);
}
static size_t bf16_bytes(const cpu_dev *dev, const lud_tensor *t, uint32_t uses) {
    (void)dev;
    return (uses & LUD_USE_FORWARD ? bf16_panels_bytes(t->dim[0], t->dim[1]) : 0) +
           (uses & LUD_USE_INPUT_GRAD ? bf16_panels_bytes(t->dim[1], t->dim[0]) : 0);
}
static void bf16_range(void *arg, int64_t begin, int64_t end) {
    const packing *p = arg;
    p->dev->bf16->panels((uint16_t *)(void *)p->out, &p->b, begin * BF16_N, CPU_MIN(end * BF16_N, p->b.n));
}
static void bf16_pack(const cpu_dev *dev, bf16_factor b, char *out) {
    packing p = {dev, b, out};
    dev->host->parallel_for(dev->ctx, cpu_ceil_div(b.n, BF16_N), 1, bf16_range, &p);
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
    if (!(uses & LUD_USE_ROWS)) w->rows = NULL; /* it lasts for the call only */
}

/* int8, where every product may quantize: a forward one alone has such a form. Look-ups read the rows. */
static bool int8_takes(const cpu_dev *dev, const lud_tensor *t, uint32_t uses) {
    (void)dev;
    return (uses & LUD_USE_INT8) && (uses & PRODUCTS) == LUD_USE_FORWARD && is_matrix(t, uses);
}
static size_t int8_bytes(const cpu_dev *dev, const lud_tensor *t, uint32_t uses) {
    (void)dev, (void)uses;
    return int8_weight_bytes(t->dim[0], t->dim[1]);
}
static void int8_range(void *arg, int64_t begin, int64_t end) {
    const packing *p = arg;
    for (int64_t i = begin; i < end; i++)
        p->dev->set->int8_pack(p->out, p->b.x, p->b.n, p->b.k, i);
}
static void int8_fill(const cpu_dev *dev, const lud_tensor *t, uint32_t uses, cpu_weight *w, char *room) {
    packing p = {dev, {.x = w->rows, .ld = t->dim[1], .n = t->dim[0], .k = t->dim[1]}, room};
    w->forward = room;
    dev->host->parallel_for(dev->ctx, int8_panels(p.b.n), 1, int8_range, &p);
    if (!(uses & LUD_USE_ROWS)) w->rows = NULL; /* it lasts for the call only */
}

/* fp32, where the forward product is the only use: few rows then stream the weight. In training packing on the fly
 * costs nothing that can be measured, and panels for both directions would double the memory. */
static bool f32_takes(const cpu_dev *dev, const lud_tensor *t, uint32_t uses) {
    (void)dev;
    return (uses & ~(uint32_t)(LUD_USE_BF16 | LUD_USE_INT8)) == LUD_USE_FORWARD && is_matrix(t, uses);
}
static size_t f32_bytes(const cpu_dev *dev, const lud_tensor *t, uint32_t uses) {
    (void)uses;
    return (size_t)(cpu_round_up(t->dim[0], dev->set->panel) * t->dim[1]) * sizeof(float);
}
static void f32_range(void *arg, int64_t begin, int64_t end) {
    const packing *p = arg;
    int64_t panel = p->dev->set->panel;
    p->dev->set->pack((float *)(void *)p->out, p->b.x, p->b.n, p->b.k, begin * panel, CPU_MIN(end * panel, p->b.n));
}
static void f32_fill(const cpu_dev *dev, const lud_tensor *t, uint32_t uses, cpu_weight *w, char *room) {
    (void)uses;
    packing p = {dev, {.x = w->rows, .ld = t->dim[1], .n = t->dim[0], .k = t->dim[1]}, room};
    w->forward = room;
    dev->host->parallel_for(dev->ctx, cpu_ceil_div(p.b.n, dev->set->panel), 1, f32_range, &p);
    w->rows = NULL; /* it lasts for the call only */
}

/* ---- Strips: weights as files store them, for all uses ---- */
static bool strips_takes(const cpu_dev *dev, const lud_tensor *t, uint32_t uses) {
    (void)dev;
    return cpu_strips_kind(t) && !(uses & LUD_USE_OTHER);
}

static size_t strips_bytes(const cpu_dev *dev, const lud_tensor *t, uint32_t uses) {
    (void)dev, (void)uses;
    return cpu_strips_bytes(t);
}

static void strips_fill(const cpu_dev *dev, const lud_tensor *t, uint32_t uses, cpu_weight *w, char *room) {
    (void)uses;
    cpu_strips_make(dev, t, w->rows, room);
    w->rows = room;
    w->strips = cpu_strips_kind(t);
}

/* ---- The table ---- */
static const layout layouts[] = {
    {CPU_STORAGE_INT8, int8_takes, int8_bytes, int8_fill},
    {CPU_STORAGE_BF16, bf16_takes, bf16_bytes, bf16_fill},
    {CPU_STORAGE_F32, f32_takes, f32_bytes, f32_fill},
    {CPU_STORAGE_STRIPS, strips_takes, strips_bytes, strips_fill},
};

static lud_status make(cpu_dev *dev, const layout *l, const lud_tensor *t, const void *host, uint32_t uses,
                       lud_buf *buf, lud_error *err) {
    _Static_assert(sizeof(cpu_weight) <= CPU_LINE, "the parts begin on a line");
    size_t size = CPU_LINE + l->bytes(dev, t, uses);
    char *p = cpu_weight_memory_new(dev, size);
    if (!p) return cpu_fail_status(err, LUD_E_NOMEM, "cpu: no memory for a weight of %zu bytes", size);
    cpu_weight *w = (cpu_weight *)(void *)p;
    *w = (cpu_weight){.rows = host};
    l->fill(dev, t, uses, w, p + CPU_LINE);
    *buf = (lud_buf){.handle = p, .size = size, .host_ptr = p};
    return LUD_OK;
}

lud_status cpu_weight_new(void *self, const lud_tensor *t, const void *host, uint32_t uses, lud_buf *buf,
                          int32_t *storage, lud_error *err) {
    cpu_dev *dev = self;
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
        if (!layouts[i].takes(dev, t, uses)) continue;
        *storage = layouts[i].storage;
        return make(dev, &layouts[i], t, host, uses, buf, err);
    }
    if (t->storage != LUD_STORAGE_PLAIN || t->dtype == LUD_BF16 || t->dtype == LUD_F16)
        return cpu_fail_status(err, LUD_E_UNSUPPORTED, "cpu: this weight (storage %d, type %d) is wanted as fp32",
                               (int)t->storage, (int)t->dtype);
    union {
        const void *in;
        void *out;
    } p = {.in = host}; /* frozen: the kernels only read it */
    *buf = (lud_buf){.handle = NULL, .size = (size_t)t->bytes, .host_ptr = p.out};
    *storage = LUD_STORAGE_PLAIN;
    return LUD_OK;
}
