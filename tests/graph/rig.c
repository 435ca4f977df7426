/* SPDX-License-Identifier: Apache-2.0
 * The wrapping backend of the graph tests. Its device holds a device of the reference backend and does all work there;
 * with RIG_APART its buffers have no host pointer, as on a card. */
#include "rig.h"
#include <plugin.h>

typedef struct wrap_dev {
    const lud_backend_vt *vt;
    void *dev;
    int mode;
} wrap_dev;

typedef struct wrap_exe {
    void *inner;
    lud_program desc;
    lud_buf *bufs, **buf_ptrs;
    bool lies; /* the op after the last of desc is refused in the run */
} wrap_exe;

static wrap_dev wrap;
static void (*compile_fn)(void *, const lud_program *);
static void *compile_arg;

void rig_on_compile(void (*fn)(void *arg, const lud_program *), void *arg) {
    compile_fn = fn;
    compile_arg = arg;
}

static lud_status wrap_buf_new(void *dev, size_t size, lud_buf *buf, lud_error *err) {
    wrap_dev *w = dev;
    if (w->mode != RIG_APART) return w->vt->buf_new(w->dev, size, buf, err);
    buf->handle = aligned_alloc(64, (size + 63) / 64 * 64);
    buf->size = size;
    buf->host_ptr = NULL;
    if (!buf->handle) return LUD_E_NOMEM;
    memset(buf->handle, 0xAB, size); /* nobody may rely on zeros */
    return LUD_OK;
}

static void wrap_buf_free(void *dev, lud_buf *buf) {
    wrap_dev *w = dev;
    if (w->mode != RIG_APART)
        w->vt->buf_free(w->dev, buf);
    else
        free(buf->handle);
    *buf = (lud_buf){0};
}

static lud_status wrap_upload(void *dev, lud_buf *buf, size_t off, const void *src, size_t n, lud_error *err) {
    wrap_dev *w = dev;
    if (w->mode != RIG_APART) return w->vt->upload(w->dev, buf, off, src, n, err);
    memcpy((char *)buf->handle + off, src, n);
    return LUD_OK;
}

static lud_status wrap_download(void *dev, const lud_buf *buf, size_t off, void *dst, size_t n, lud_error *err) {
    wrap_dev *w = dev;
    if (w->mode != RIG_APART) return w->vt->download(w->dev, buf, off, dst, n, err);
    memcpy(dst, (const char *)buf->handle + off, n);
    return LUD_OK;
}

static int32_t wrap_supports(void *dev, const lud_op *op, const lud_tensor *const *in, const lud_tensor *const *out) {
    wrap_dev *w = dev;
    if ((w->mode == RIG_ADD_ONLY || w->mode == RIG_APART) && op->opcode != LUD_OP_ADD) return 0;
    return w->vt->supports_op(w->dev, op, in, out);
}

static void wrap_exe_free(void *dev, void *exe) {
    wrap_dev *w = dev;
    wrap_exe *e = exe;
    if (e->inner) w->vt->exe_free(w->dev, e->inner);
    free(e->bufs);
    free(e->buf_ptrs);
    free(e);
}

static lud_status wrap_compile(void *dev, const lud_program *p, void **exe, lud_error *err) {
    wrap_dev *w = dev;
    if (compile_fn) compile_fn(compile_arg, p);
    wrap_exe *e = calloc(1, sizeof *e);
    e->desc = *p;
    e->bufs = calloc(p->n_bufs, sizeof *e->bufs);
    e->buf_ptrs = calloc(p->n_bufs, sizeof *e->buf_ptrs);
    for (uint32_t i = 0; i < p->n_bufs; i++) {
        e->bufs[i] = *p->bufs[i];
        if (w->mode == RIG_APART) e->bufs[i].host_ptr = e->bufs[i].handle;
        e->buf_ptrs[i] = &e->bufs[i];
    }
    e->desc.bufs = e->buf_ptrs;
    for (uint32_t i = p->n_ops; w->mode == RIG_LIES && i-- > 0;) {
        if (p->ops[i]->opcode != LUD_OP_MUL) continue;
        e->desc.n_ops = i;
        e->lies = true;
    }
    lud_status status = e->desc.n_ops ? w->vt->compile(w->dev, &e->desc, &e->inner, err) : LUD_OK;
    if (status != LUD_OK) {
        wrap_exe_free(dev, e);
        return status;
    }
    *exe = e;
    return LUD_OK;
}

static lud_status wrap_run(void *dev, void *exe, const int64_t *extents, uint32_t *bad, lud_error *err) {
    wrap_dev *w = dev;
    wrap_exe *e = exe;
    lud_status status = e->inner ? w->vt->run(w->dev, e->inner, extents, bad, err) : LUD_OK;
    if (status != LUD_OK || !e->lies) return status;
    *bad = e->desc.n_ops;
    return LUD_E_UNSUPPORTED;
}

static lud_status wrap_sync(void *dev, lud_error *err) {
    wrap_dev *w = dev;
    return w->vt->sync(w->dev, err);
}

static const lud_backend_vt wrap_vt = {.struct_size = sizeof wrap_vt,
                                       .buf_new = wrap_buf_new,
                                       .buf_free = wrap_buf_free,
                                       .upload = wrap_upload,
                                       .download = wrap_download,
                                       .supports_op = wrap_supports,
                                       .compile = wrap_compile,
                                       .run = wrap_run,
                                       .exe_free = wrap_exe_free,
                                       .sync = wrap_sync};

static void wrap_primary(rig *r, int mode) {
    wrap = (wrap_dev){.vt = r->devices.primary.vt, .dev = r->devices.primary.dev, .mode = mode};
    r->devices.fallback = r->devices.primary;
    r->devices.primary.vt = &wrap_vt;
    r->devices.primary.dev = &wrap;
    r->devices.primary.info.caps &= ~(uint32_t)LUD_CAP_COMPLETE;
    if (mode == RIG_APART) r->devices.primary.info.caps &= ~(uint32_t)LUD_CAP_UNIFIED_MEMORY;
    snprintf(r->devices.primary.info.id, sizeof r->devices.primary.info.id, "wrapped");
}

bool rig_open(rig *r, int mode, int32_t real) {
    char path[1024];
    const char *root = getenv("LUDWIG_TEST_BINARY_DIR");
    snprintf(path, sizeof path, "%s/lib/ludwig/plugins-1/reference.so", root ? root : ".");
    const char *paths[] = {path};
    const ludc_host_opts opts = {.plugin_paths = paths, .n_plugin_paths = 1, .threads = 1};
    *r = (rig){.real = real, .err = LUDC_ERROR_INIT};
    lud_status status = ludc_host_new(&opts, &r->host, &r->err);
    if (status == LUD_OK) status = ludc_host_load(r->host, &r->err);
    if (status == LUD_OK) status = ludc_devices_open(r->host, LUDC_STR("reference"), &r->devices, &r->err);
    CHECK_OK(status, r->err);
    if (status != LUD_OK) return false;
    if (mode != RIG_REFERENCE) wrap_primary(r, mode);
    r->store = ludc_store_new(&r->devices, real);
    CHECK(r->store != NULL);
    return r->store != NULL;
}

void rig_close(rig *r) {
    ludc_store_free(r->store);
    if (r->devices.primary.dev == &wrap) r->devices.primary = r->devices.fallback;
    ludc_devices_close(&r->devices);
    ludc_host_free(r->host);
    rig_on_compile(NULL, NULL);
}

static bool trains_t(void *arg, const char *param) {
    (void)arg;
    return strncmp(param, "t.", 2) == 0;
}

const ludc_graph_hooks *rig_trains(void) {
    static const ludc_graph_hooks hooks = {.trains = trains_t};
    return &hooks;
}

lud_graph *rig_graph(rig *r, const ludc_graph_hooks *hooks) {
    const ludc_graph_opts opts = {.store = r->store, .real = r->real, .training = true, .hooks = hooks};
    lud_graph *g = ludc_graph_new(&opts, &r->err);
    CHECK(g != NULL);
    return g;
}

lud_shape rig_shape(int32_t dtype, int32_t rank, int64_t a, int64_t b, int64_t c) {
    return (lud_shape){.dtype = dtype, .rank = rank, .dim = {a, b, c}};
}

lud_t rig_emit(lud_graph *g, uint32_t opcode, const void *attr, const lud_t *in) {
    const ludc_op_info *info = ludc_op_find(opcode);
    const lud_op op = {.struct_size = sizeof op,
                       .opcode = opcode,
                       .n_in = info->n_in,
                       .n_out = info->n_out,
                       .attr_size = attr ? info->attr_size : 0,
                       .in = in,
                       .attr = attr};
    return ludc_graph_api()->emit(g, &op);
}

void rig_pattern(float *out, int64_t n, uint64_t key) {
    for (int64_t i = 0; i < n; i++)
        out[i] = lud_uniform(lud_mix64(key), (uint32_t)i) * 2 - 1;
}

lud_t rig_param(rig *r, lud_graph *g, const char *name, int64_t rows, int64_t columns) {
    const lud_shape shape = rig_shape(LUD_REAL, columns ? 2 : 1, rows, columns, 0);
    lud_t t = ludc_graph_api()->param(g, name, &shape, NULL);
    int64_t i = ludc_store_index(r->store, ludc_str(name)), n = rows * LUDC_MAX(columns, 1);
    if (t == 0 || i < 0 || ludc_store_at(r->store, (size_t)i)->filled) return t;
    float *values = malloc((size_t)n * sizeof *values);
    rig_pattern(values, n, ludc_hash(name, strlen(name)));
    CHECK_OK(ludc_store_set(r->store, (size_t)i, values, &r->err), r->err);
    free(values);
    return t;
}

void rig_count(void *census, const lud_program *p) {
    rig_census *c = census;
    c->total += p->n_ops;
    for (uint32_t i = 0; i < p->n_ops; i++)
        if (p->ops[i]->opcode < 64) c->count[p->ops[i]->opcode]++;
}
