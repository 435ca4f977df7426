/* SPDX-License-Identifier: Apache-2.0
 * The one device of the reference backend: the host's memory. Buffers are plain host memory, frozen weights are used
 * where core mapped them. Nothing here is kept between calls. */
#include "ref.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { REF_ALIGN = 64 };

/* The device has no state; open must still give something that is not NULL. */
static const char ref_device_mark;

static uint64_t memory_pages(int name) {
    long pages = sysconf(name), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : 0;
}

lud_status ref_probe(lud_host_ctx *ctx, uint32_t i, lud_device *out, lud_error *err) {
    (void)ctx;
    if (i > 0) return ref_fail(err, LUD_E_NOT_FOUND, "reference: there is one device, asked for number %u", i);
    out->type = LUD_DEVICE_REFERENCE;
    out->score = 50;
    out->caps = LUD_CAP_ROW_INVARIANT | LUD_CAP_UNIFIED_MEMORY | LUD_CAP_COMPLETE | LUD_CAP_INT8;
    out->mem_total = memory_pages(_SC_PHYS_PAGES);
    out->mem_free = memory_pages(_SC_AVPHYS_PAGES);
    out->align = REF_ALIGN;
    out->max_alloc = out->mem_total;
    snprintf(out->id, sizeof(out->id), "%s", "reference:0");
    snprintf(out->name, sizeof(out->name), "%s", "reference loops on the host");
    snprintf(out->why, sizeof(out->why), "%s", "always there");
    return LUD_OK;
}

lud_status ref_open(lud_host_ctx *ctx, uint32_t i, void **dev, lud_error *err) {
    (void)ctx;
    if (i > 0) return ref_fail(err, LUD_E_NOT_FOUND, "reference: there is one device, asked for number %u", i);
    *dev = (void *)(uintptr_t)&ref_device_mark;
    return LUD_OK;
}

void ref_close(void *dev) {
    (void)dev;
}

lud_status ref_buf_new(void *dev, size_t size, lud_buf *out, lud_error *err) {
    (void)dev;
    const lud_host *host = ref_host();
    void *p = host->alloc(host->ctx, size ? size : 1, REF_ALIGN);
    if (!p) return ref_fail(err, LUD_E_NOMEM, "reference: no memory for a buffer of %zu bytes", size);
    *out = (lud_buf){.handle = p, .size = size, .host_ptr = p};
    return LUD_OK;
}

void ref_buf_free(void *dev, lud_buf *buf) {
    (void)dev;
    if (buf->handle) ref_host()->free(ref_host()->ctx, buf->handle); /* a wrapped weight has no handle */
    *buf = (lud_buf){0};
}

static lud_status check_range(const lud_buf *buf, size_t off, size_t n, lud_error *err) {
    if (off <= buf->size && n <= buf->size - off) return LUD_OK;
    return ref_fail(err, LUD_E_INVALID, "reference: copy of %zu bytes at %zu is outside a buffer of %zu bytes", n, off,
                    buf->size);
}

lud_status ref_upload(void *dev, lud_buf *buf, size_t off, const void *src, size_t n, lud_error *err) {
    (void)dev;
    lud_status status = check_range(buf, off, n, err);
    if (status == LUD_OK && n > 0) memcpy((char *)buf->host_ptr + off, src, n);
    return status;
}

lud_status ref_download(void *dev, const lud_buf *buf, size_t off, void *dst, size_t n, lud_error *err) {
    (void)dev;
    lud_status status = check_range(buf, off, n, err);
    if (status == LUD_OK && n > 0) memcpy(dst, (const char *)buf->host_ptr + off, n);
    return status;
}

lud_status ref_weight_new(void *dev, const lud_tensor *tensor, const void *host, uint32_t uses, lud_buf *out,
                          int32_t *storage, lud_error *err) {
    (void)dev;
    (void)uses;
    if (tensor->dtype != LUD_F32 && tensor->dtype != LUD_F64 && tensor->dtype != LUD_I32)
        return ref_fail(err, LUD_E_UNSUPPORTED, "reference: a weight of dtype %d; give it as F32, F64 or I32",
                        (int)tensor->dtype);
    /* Kernels only read weights, so the mapping may be read-only. */
    *out = (lud_buf){.handle = NULL, .size = (size_t)tensor->bytes, .host_ptr = (void *)(uintptr_t)host};
    *storage = LUD_STORAGE_PLAIN;
    return LUD_OK;
}

lud_status ref_sync(void *dev, lud_error *err) {
    (void)dev;
    (void)err;
    return LUD_OK;
}
