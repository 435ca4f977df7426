/* SPDX-License-Identifier: Apache-2.0
 * Device life, buffers and the answer to "can you run this op": fp32 with I32 indices. */
#include "device.h"
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

lud_status cpu_fail_status(lud_error *err, lud_status code, const char *fmt, ...) {
    if (!err || err->code != LUD_OK) return code;
    err->code = code;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->msg, sizeof err->msg, fmt, ap);
    va_end(ap);
    return code;
}

/* ---- Buffers ---- */
static lud_status buf_new(void *self, size_t size, lud_buf *buf, lud_error *err) {
    cpu_dev *dev = self;
    void *p = cpu_memory_new(dev->host, size);
    if (!p) return cpu_fail_status(err, LUD_E_NOMEM, "cpu: no memory for a buffer of %zu bytes", size);
    *buf = (lud_buf){.handle = p, .size = size, .host_ptr = p};
    return LUD_OK;
}

/* A wrapped weight has no handle and is not ours. */
static void buf_free(void *self, lud_buf *buf) {
    cpu_dev *dev = self;
    if (!buf) return;
    cpu_buf_memory_free(dev, buf->handle, buf->size);
    *buf = (lud_buf){0};
}

static lud_status check_range(const lud_buf *buf, size_t off, size_t n, lud_error *err) {
    if (off <= buf->size && n <= buf->size - off) return LUD_OK;
    return cpu_fail_status(err, LUD_E_INVALID, "cpu: copy of %zu bytes at %zu leaves the buffer of %zu bytes", n, off,
                           buf->size);
}
static lud_status upload(void *self, lud_buf *buf, size_t off, const void *src, size_t n, lud_error *err) {
    (void)self;
    lud_status st = check_range(buf, off, n, err);
    if (st == LUD_OK && n) memcpy((char *)buf->host_ptr + off, src, n);
    return st;
}
static lud_status download(void *self, const lud_buf *buf, size_t off, void *dst, size_t n, lud_error *err) {
    (void)self;
    lud_status st = check_range(buf, off, n, err);
    if (st == LUD_OK && n) memcpy(dst, (const char *)buf->host_ptr + off, n);
    return st;
}

/* ---- Which operations ---- */
/* Positions of I32 inputs (bits) of the operations that have any; the rest is fp32. */
static uint32_t integer_inputs(uint32_t opcode) {
    switch (opcode) {
    case LUD_OP_GATHER_ROWS:
    case LUD_OP_SCATTER_ADD_ROWS:
    case LUD_OP_EMBEDDING:
    case LUD_OP_EMBEDDING_GRAD:
    case LUD_OP_ROPE:
    case LUD_OP_CROSS_ENTROPY:
    case LUD_OP_CROSS_ENTROPY_GRAD:
    case LUD_OP_SEGMENT_POOL:
    case LUD_OP_SEGMENT_UNFOLD:
    case LUD_OP_SEGMENT_UNFOLD_GRAD:
        return 1u << 1;
    case LUD_OP_UNPACK:
        return 1u;
    case LUD_OP_SEGMENT_ATTEND:
        return 1u << 2;
    case LUD_OP_ATTENTION:
    case LUD_OP_ATTENTION_GRAD:
    case LUD_OP_LINEAR_CROSS_ENTROPY:
    case LUD_OP_LINEAR_CROSS_ENTROPY_GRAD:
    case LUD_OP_LINEAR_CROSS_ENTROPY_JOINED:
    case LUD_OP_SEGMENT_ATTEND_GRAD:
        return 1u << 3;
    case LUD_OP_ATTENTION_CACHED:
        return 1u << 3 | 1u << 4 | 1u << 5;
    case LUD_OP_DROPOUT:
    case LUD_OP_SEGMENT_POOL_GRAD:
        return 1u << 1 | 1u << 2;
    default:
        return 0;
    }
}

/* ADD, GATHER_ROWS and RESHAPE also move integers; both sides must agree. */
static bool same_integers(const lud_op *op, const lud_tensor *const *in, const lud_tensor *const *out) {
    if (op->opcode != LUD_OP_ADD && op->opcode != LUD_OP_GATHER_ROWS && op->opcode != LUD_OP_RESHAPE) return false;
    for (uint32_t i = 0; i < op->n_in; i++)
        if (!in[i] || in[i]->dtype != LUD_I32 || in[i]->storage != LUD_STORAGE_PLAIN) return false;
    return out[0]->dtype == LUD_I32;
}

/* The input that may be a weight in a layout of ours, or -1. */
static int weight_input(uint32_t opcode) {
    switch (opcode) {
    case LUD_OP_EMBEDDING:
        return 0;
    case LUD_OP_LINEAR:
    case LUD_OP_LINEAR_GRAD_INPUT:
    case LUD_OP_LINEAR_CROSS_ENTROPY:
    case LUD_OP_LINEAR_CROSS_ENTROPY_GRAD:
    case LUD_OP_LINEAR_CROSS_ENTROPY_JOINED:
        return 1;
    default:
        return -1;
    }
}

static int32_t supports_op(void *self, const lud_op *op, const lud_tensor *const *in, const lud_tensor *const *out) {
    cpu_dev *dev = self;
    if (op->opcode >= 64 || !dev->by_opcode[op->opcode] || op->n_in > CPU_MAX_IN || op->n_out > CPU_MAX_OUT) return 0;
    if (same_integers(op, in, out)) return 1;
    uint32_t ints = integer_inputs(op->opcode);
    for (uint32_t i = 0; i < op->n_in; i++) {
        if (!in[i]) continue;
        if ((int)i == weight_input(op->opcode) && in[i]->storage >= CPU_STORAGE_F32) continue;
        if (in[i]->storage != LUD_STORAGE_PLAIN || in[i]->dtype != (ints >> i & 1 ? LUD_I32 : LUD_F32)) return 0;
    }
    for (uint32_t i = 0; i < op->n_out; i++)
        if (out[i] && out[i]->dtype != LUD_F32 && out[i]->dtype != LUD_I32) return 0;
    return !out[0] || out[0]->dtype == (op->opcode == LUD_OP_PACK ? LUD_I32 : LUD_F32);
}

/* ---- Life ---- */
static lud_status probe(lud_host_ctx *ctx, uint32_t i, lud_device *d, lud_error *err) {
    (void)ctx;
    if (i > 0) return cpu_fail_status(err, LUD_E_NOT_FOUND, "cpu: there is one device");
    const cpu_kernel_set *set = cpu_kernel_set_choose();
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    d->type = LUD_DEVICE_CPU;
    d->score = strcmp(set->isa, "AVX-512") == 0 ? 80 : strcmp(set->isa, "AVX2+FMA") == 0 ? 70 : 50;
    d->caps =
        LUD_CAP_ROW_INVARIANT | LUD_CAP_UNIFIED_MEMORY | LUD_CAP_FILE_WEIGHTS | (cpu_bf16_choose() ? LUD_CAP_BF16 : 0);
    d->mem_total = (uint64_t)sysconf(_SC_PHYS_PAGES) * page;
    d->mem_free = (uint64_t)sysconf(_SC_AVPHYS_PAGES) * page;
    d->align = CPU_LINE;
    d->max_alloc = d->mem_total;
    snprintf(d->id, sizeof d->id, "cpu:0");
    snprintf(d->name, sizeof d->name, "%s", set->isa);
    return LUD_OK;
}

static void close_device(void *self) {
    cpu_dev *dev = self;
    if (!dev) return;
    cpu_memory_free(dev->host, dev->scratch.ptr, dev->scratch.size);
    cpu_memory_free(dev->host, dev->shared.ptr, dev->shared.size);
    dev->host->free(dev->host->ctx, dev);
}

static void announce(const cpu_dev *dev) {
    char line[160];
    snprintf(line, sizeof line, "cpu: %s%s%s, %d threads", dev->set->isa, dev->blas.sgemm ? ", " : "", dev->blas.name,
             dev->threads);
    dev->host->log(dev->host->ctx, LUD_LOG_DEBUG, line);
}

static lud_status open_device(lud_host_ctx *ctx, uint32_t i, void **out, lud_error *err) {
    const lud_host *host = cpu_host();
    if (i > 0) return cpu_fail_status(err, LUD_E_NOT_FOUND, "cpu: there is one device, number 0; got %u", i);
    lud_status level = cpu_level_check(err);
    if (level != LUD_OK) return level;
    cpu_dev *dev = host->alloc(ctx, sizeof *dev, CPU_LINE);
    if (!dev) return cpu_fail_status(err, LUD_E_NOMEM, "cpu: no memory for the device");
    *dev = (cpu_dev){.host = host, .ctx = ctx, .set = cpu_kernel_set_choose(), .threads = 1};
    dev->team = host->get_service(ctx, LUD_SERVICE_TEAM);
    if (dev->team) dev->threads = host->threads(ctx);
    for (size_t k = 0; k < dev->set->n; k++)
        dev->by_opcode[dev->set->kernels[k].opcode] = &dev->set->kernels[k];
    if (dev->set->blas) cpu_blas_open(&dev->blas);
    dev->bf16 = cpu_bf16_choose();
    announce(dev);
    *out = dev;
    return LUD_OK;
}

static lud_status sync_device(void *self, lud_error *err) {
    (void)self, (void)err;
    return LUD_OK;
}

const lud_backend_vt cpu_backend = {
    .struct_size = sizeof(lud_backend_vt),
    .probe = probe,
    .open = open_device,
    .close = close_device,
    .buf_new = buf_new,
    .buf_free = buf_free,
    .upload = upload,
    .download = download,
    .supports_op = supports_op,
    .weight_new = cpu_weight_new,
    .compile = cpu_compile,
    .run = cpu_run,
    .exe_free = cpu_exe_free,
    .sync = sync_device,
};
