/* SPDX-License-Identifier: Apache-2.0
 * two_ops: a backend on host memory that knows ADD and LINEAR in fp32 and refuses the rest, which then runs on the
 * fallback device: how a backend begins. Plain loops, sums in double; every row is computed alone. */
#include <ludwig/backend.h>
#include <ludwig/easy.h>

enum { ALIGN = 64 };

static const lud_host *host;
static char device; /* it has no state */

static lud_status probe(lud_host_ctx *ctx, uint32_t i, lud_device *out, lud_error *err) {
    (void)ctx;
    if (i > 0) return lud_fail(err, LUD_E_NOT_FOUND, "two_ops: there is one device");
    out->type = LUD_DEVICE_REFERENCE;
    out->score = 1;
    out->caps = LUD_CAP_ROW_INVARIANT | LUD_CAP_UNIFIED_MEMORY;
    out->align = ALIGN;
    out->max_alloc = UINT64_MAX;
    (void)snprintf(out->id, sizeof out->id, "two_ops:0");
    (void)snprintf(out->name, sizeof out->name, "ADD and LINEAR on the host");
    (void)snprintf(out->why, sizeof out->why, "always there");
    return LUD_OK;
}

static lud_status open_device(lud_host_ctx *ctx, uint32_t i, void **dev, lud_error *err) {
    (void)ctx;
    if (i > 0) return lud_fail(err, LUD_E_NOT_FOUND, "two_ops: there is one device");
    *dev = &device;
    return LUD_OK;
}

static void close_device(void *dev) {
    (void)dev;
}

static lud_status buf_new(void *dev, size_t size, lud_buf *out, lud_error *err) {
    (void)dev;
    void *p = host->alloc(host->ctx, size, ALIGN);
    if (!p) return lud_fail(err, LUD_E_NOMEM, "two_ops: no memory for a buffer of %zu bytes", size);
    *out = (lud_buf){.handle = p, .size = size, .host_ptr = p};
    return LUD_OK;
}

static void buf_free(void *dev, lud_buf *buf) {
    (void)dev;
    host->free(host->ctx, buf->handle);
    *buf = (lud_buf){0};
}

static lud_status in_range(const lud_buf *buf, size_t off, size_t n, lud_error *err) {
    if (off <= buf->size && n <= buf->size - off) return LUD_OK;
    return lud_fail(err, LUD_E_INVALID, "two_ops: %zu bytes at %zu of a buffer of %zu", n, off, buf->size);
}

static lud_status upload(void *dev, lud_buf *buf, size_t off, const void *src, size_t n, lud_error *err) {
    (void)dev;
    const lud_status status = in_range(buf, off, n, err);
    if (status == LUD_OK && n) memcpy((char *)buf->host_ptr + off, src, n);
    return status;
}

static lud_status download(void *dev, const lud_buf *buf, size_t off, void *dst, size_t n, lud_error *err) {
    (void)dev;
    const lud_status status = in_range(buf, off, n, err);
    if (status == LUD_OK && n) memcpy(dst, (const char *)buf->host_ptr + off, n);
    return status;
}

static int is_f32(const lud_tensor *t) {
    return t->dtype == LUD_F32 && t->storage == LUD_STORAGE_PLAIN;
}

static int32_t supports_op(void *dev, const lud_op *op, const lud_tensor *const *in, const lud_tensor *const *out) {
    (void)dev;
    if (op->opcode != LUD_OP_ADD && op->opcode != LUD_OP_LINEAR) return 0;
    for (uint32_t i = 0; i < op->n_in; i++)
        if (in[i] && !is_f32(in[i])) return 0;
    return is_f32(out[0]);
}

/* The program is core's and stays valid; there is nothing to prepare. */
static lud_status compile(void *dev, const lud_program *program, void **exe, lud_error *err) {
    (void)dev, (void)err;
    *exe = (void *)(uintptr_t)program;
    return LUD_OK;
}

static void exe_free(void *dev, void *exe) {
    (void)dev, (void)exe;
}

static int64_t elements(const lud_tensor *t, int32_t from, int32_t to, const int64_t *extents) {
    int64_t n = 1;
    for (int32_t i = from; i < to; i++)
        n *= t->dim[i] < 0 ? extents[-t->dim[i]] : t->dim[i];
    return n;
}

static void *data_of(const lud_program *p, lud_t id) {
    const lud_tensor *t = id ? p->tensors[id] : NULL;
    return t ? (char *)p->bufs[t->buf]->host_ptr + t->offset : NULL;
}

typedef struct job {
    const float *a, *b, *c; /* ADD: a + b; LINEAR: a b^T + c */
    float *out;
    int64_t rows, width, inner; /* of out; inner: of the sums, or how many elements b has */
} job;

static void add_rows(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    for (int64_t i = begin * j->width; i < end * j->width; i++)
        j->out[i] = j->a[i] + j->b[i % j->inner];
}

static void linear_rows(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    for (int64_t t = begin; t < end; t++)
        for (int64_t m = 0; m < j->width; m++) {
            double sum = j->c ? (double)j->c[m] : 0.0;
            for (int64_t k = 0; k < j->inner; k++)
                sum += (double)j->a[t * j->inner + k] * (double)j->b[m * j->inner + k];
            j->out[t * j->width + m] = (float)sum;
        }
}

static lud_status run(void *dev, void *exe, const int64_t *extents, uint32_t *bad_op, lud_error *err) {
    (void)dev;
    const lud_program *p = exe;
    for (uint32_t i = 0; i < p->n_ops; i++) {
        const lud_op *op = p->ops[i];
        const lud_tensor *out = p->tensors[p->first_result[i]], *b = p->tensors[op->in[1]];
        const int linear = op->opcode == LUD_OP_LINEAR;
        if (host->cancelled(host->ctx)) {
            *bad_op = i;
            return lud_fail(err, LUD_E_CANCELLED, "two_ops: cancelled");
        }
        job j = {.a = data_of(p, op->in[0]), .b = data_of(p, op->in[1]), .out = data_of(p, p->first_result[i])};
        j.c = linear ? data_of(p, op->in[2]) : NULL;
        j.width = elements(out, out->rank - 1, out->rank, extents);
        j.rows = elements(out, 0, out->rank - 1, extents);
        j.inner = linear ? elements(b, 1, 2, extents) : elements(b, 0, b->rank, extents);
        host->parallel_for(host->ctx, j.rows, 16, linear ? linear_rows : add_rows, &j);
    }
    return LUD_OK;
}

static lud_status sync(void *dev, lud_error *err) {
    (void)dev, (void)err;
    return LUD_OK;
}

static lud_status init(const lud_host *h, lud_error *err) {
    (void)err;
    host = h;
    return LUD_OK;
}

static const lud_backend_vt vtable = {
    .struct_size = sizeof vtable,
    .probe = probe,
    .open = open_device,
    .close = close_device,
    .buf_new = buf_new,
    .buf_free = buf_free,
    .upload = upload,
    .download = download,
    .supports_op = supports_op,
    .compile = compile,
    .run = run,
    .exe_free = exe_free,
    .sync = sync,
};
static const lud_component component = {
    .struct_size = sizeof component,
    .kind = LUD_KIND_BACKEND,
    .id = "org.example.two_ops",
    .config_name = "two_ops",
    .summary = "a backend that knows ADD and LINEAR",
    .vtable = &vtable,
};
static const lud_component *const components[] = {&component};
static const lud_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_minor = LUD_ABI_MINOR,
    .name = "two_ops",
    .version = "1.0.0",
    .vendor = "Example",
    .license = "Apache-2.0",
    .url = "",
    .components = components,
    .n_components = 1,
    .init = init,
};

LUD_EXPORT const lud_plugin *lud_plugin_v1(void) {
    return &plugin;
}
