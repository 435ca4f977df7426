/* SPDX-License-Identifier: Apache-2.0
 * Opens a backend; builds, fills and times one op. The weights of products are frozen ones. */
#include "bench_case.h"
#include <base.h>
#include <dlfcn.h>
#include <plugin.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

typedef struct bench_program {
    lud_tensor tensors[BENCH_MAX_TENSORS + 1];
    const lud_tensor *by_id[BENCH_MAX_TENSORS + 1];
    lud_buf bufs[BENCH_MAX_TENSORS + 1];
    lud_buf *by_buf[BENCH_MAX_TENSORS + 1];
    lud_buf host; /* what the weight is made from */
    lud_t in[9], first;
    uint32_t n;
    lud_op op;
    const lud_op *ops[1];
    lud_program program;
} bench_program;

bench_case bench_product(const char *name, uint32_t opcode, int64_t t, int64_t k, int64_t m) {
    static const lud_attr_none none;
    const bool back = opcode == LUD_OP_LINEAR_GRAD_INPUT, weight = opcode == LUD_OP_LINEAR_GRAD_WEIGHT;
    const bench_tensor x = {FILL_REAL, 2, {t, k}}, y = {FILL_REAL, 2, {t, m}}, w = {FILL_REAL, 2, {m, k}};
    return (bench_case){.name = name,
                        .opcode = opcode,
                        .flop = 2.0 * (double)(t * k * m),
                        .attr = &none,
                        .attr_size = sizeof none,
                        .n_in = opcode == LUD_OP_LINEAR ? 3 : 2,
                        .n_out = 1,
                        .in = {back ? y : x, weight ? y : w},
                        .out = {weight ? w
                                : back ? x
                                       : y}};
}

/* The plugin of that name beside this program; the others stay closed. */
static const lud_plugin *plugin_of(const char *name) {
    const lud_plugin *(*entry)(void) = NULL;
    char file[128];
    snprintf(file, sizeof file, "../lib/ludwig/plugins-1/%s.so", name);
    char *image = ludc_path_of_image(), *path = image ? ludc_path_join(image, file) : NULL;
    void *library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    void *symbol = library ? dlsym(library, "lud_plugin_v1") : NULL;
    ludc_free(path);
    ludc_free(image);
    memcpy(&entry, &symbol, sizeof entry); /* ISO C has no cast from object to function pointer */
    return entry ? entry() : NULL;
}

lud_status bench_open(bench_backend *b, const char *name, int threads, lud_error *err) {
    const lud_plugin *p = plugin_of(name);
    if (!p) return ludc_fail(err, LUD_E_ABI, "no plugin %s.so in ../lib/ludwig/plugins-1", name);
    ludc_host_opts opts = {.threads = threads};
    LUDC_TRY(ludc_host_new(&opts, &b->host, err));
    const lud_host *table = ludc_host_table(b->host);
    if (p->init) LUDC_TRY(p->init(table, err));
    for (uint32_t i = 0; i < p->n_components; i++)
        if (p->components[i]->kind == LUD_KIND_BACKEND) b->vt = p->components[i]->vtable;
    if (!b->vt) return ludc_fail(err, LUD_E_ABI, "plugin %s.so has no backend", name);
    b->threads = table->threads(table->ctx);
    return b->vt->open(table->ctx, 0, &b->dev, err);
}

void bench_close(bench_backend *b) {
    if (b->dev) b->vt->close(b->dev);
    ludc_host_free(b->host);
}

double bench_now(int threads) {
    struct timespec t;
    clock_gettime(threads == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int64_t count_of(const bench_tensor *t) {
    int64_t n = 1;
    for (int32_t i = 0; i < t->rank; i++)
        n *= t->dim[i];
    return n;
}

static void fill_real(float *p, int64_t n, uint64_t key) {
    for (int64_t i = 0; i < n; i++)
        p[i] = lud_uniform(key, (uint32_t)i) - 0.5f;
}

static void fill(const bench_backend *b, const bench_tensor *t, void *to, uint64_t key) {
    int64_t n = count_of(t);
    int32_t *p = to;
    if (t->fill == FILL_REAL) {
        fill_real(to, n, key);
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        switch (t->fill) {
        case FILL_IDS:
            p[i] = (int32_t)(lud_mix64(key ^ (uint64_t)i) % (uint64_t)b->ids_below);
            break;
        case FILL_POSITIONS:
            p[i] = (int32_t)(n == 1 ? b->segment - 1 : i % b->segment);
            break;
        case FILL_SEGMENTS:
            p[i] = (int32_t)(n == 2 ? i * t->dim[1] : i * b->segment);
            break;
        case FILL_PAGES:
            p[i] = (int32_t)i;
            break;
        default:
            p[i] = (int32_t)lud_mix64(key + (uint64_t)i);
            break;
        }
    }
}

static lud_status add_tensor(const bench_backend *b, bench_program *p, const bench_tensor *t, int32_t role,
                             lud_error *err) {
    uint32_t id = ++p->n;
    lud_tensor *x = &p->tensors[id];
    *x = (lud_tensor){.struct_size = sizeof *x,
                      .dtype = t->fill == FILL_REAL ? LUD_F32 : LUD_I32,
                      .role = role,
                      .rank = t->rank,
                      .buf = id,
                      .bytes = (uint64_t)count_of(t) * 4};
    int64_t stride = 1;
    for (int32_t i = t->rank; i-- > 0; stride *= t->dim[i])
        x->dim[i] = t->dim[i], x->stride[i] = stride;
    p->by_id[id] = x;
    p->by_buf[id] = &p->bufs[id];
    lud_status st = b->vt->buf_new(b->dev, (size_t)x->bytes, &p->bufs[id], err);
    if (st == LUD_OK) fill(b, t, p->bufs[id].host_ptr, id);
    return st;
}

/* Low-rank products are never flagged: neither here nor by core. */
static bool rounds(const bench_backend *b, const bench_case *c) {
    bool attention = c->opcode == LUD_OP_ATTENTION || c->opcode == LUD_OP_ATTENTION_GRAD;
    return b->bf16 && (attention || (c->in[1].dim[0] > 16 && c->in[1].dim[1] > 16));
}

static uint32_t uses_of(const bench_backend *b, const bench_case *c, uint32_t input) {
    uint32_t bf16 = rounds(b, c) ? LUD_USE_BF16 : 0, opcode = c->opcode;
    if (input != 1) return 0;
    if (opcode == LUD_OP_LINEAR && b->int8) return LUD_USE_FORWARD | LUD_USE_INT8;
    if (opcode == LUD_OP_LINEAR || opcode == LUD_OP_LINEAR_CROSS_ENTROPY) return LUD_USE_FORWARD | bf16;
    if (opcode == LUD_OP_LINEAR_GRAD_INPUT) return LUD_USE_INPUT_GRAD | bf16;
    return opcode == LUD_OP_LINEAR_CROSS_ENTROPY_JOINED ? LUD_USE_FORWARD | LUD_USE_INPUT_GRAD | bf16 : 0;
}

static lud_status freeze(const bench_backend *b, bench_program *p, uint32_t id, uint32_t uses, lud_error *err) {
    p->host = p->bufs[id];
    p->bufs[id] = (lud_buf){0};
    return b->vt->weight_new(b->dev, &p->tensors[id], p->host.host_ptr, uses, &p->bufs[id], &p->tensors[id].storage,
                             err);
}

static lud_status build(const bench_backend *b, const bench_case *c, bench_program *p, lud_error *err) {
    for (uint32_t i = 0; i < c->n_in; i++) {
        if (c->in[i].rank == 0) continue;
        LUDC_TRY(add_tensor(b, p, &c->in[i], LUD_ROLE_INPUT, err));
        p->in[i] = p->n;
        uint32_t uses = uses_of(b, c, i);
        if (uses) LUDC_TRY(freeze(b, p, p->n, uses, err));
    }
    p->first = p->n + 1;
    for (uint32_t i = 0; i < c->n_out; i++)
        LUDC_TRY(add_tensor(b, p, &c->out[i], LUD_ROLE_OUTPUT, err));
    p->op = (lud_op){.struct_size = sizeof p->op,
                     .opcode = c->opcode,
                     .n_in = c->n_in,
                     .n_out = c->n_out,
                     .flags = (rounds(b, c) ? LUD_OP_BF16 : 0u) | (b->int8 ? LUD_OP_INT8 : 0u),
                     .attr_size = c->attr_size,
                     .in = p->in,
                     .attr = c->attr,
                     .stream = 7};
    p->ops[0] = &p->op;
    p->program = (lud_program){.struct_size = sizeof p->program,
                               .n_ops = 1,
                               .n_tensors = p->n + 1,
                               .n_bufs = p->n + 1,
                               .n_extents = 1,
                               .ops = p->ops,
                               .first_result = &p->first,
                               .tensors = p->by_id,
                               .bufs = p->by_buf,
                               .extent_max = NULL};
    return LUD_OK;
}

static lud_status time_runs(const bench_backend *b, void *exe, double budget, double *best, lud_error *err) {
    int64_t extents[1] = {0};
    uint32_t bad = 0;
    double end = ludc_now() + budget;
    *best = 1e9;
    for (int runs = 0; runs < 3 || ludc_now() < end; runs++) {
        double t = bench_now(b->threads);
        LUDC_TRY(b->vt->run(b->dev, exe, extents, &bad, err));
        t = bench_now(b->threads) - t;
        if (t < *best) *best = t;
    }
    return LUD_OK;
}

double bench_run(const bench_backend *b, const bench_case *c, double budget_seconds, double *bytes) {
    static bench_program p;
    lud_error err = LUDC_ERROR_INIT;
    double best = -1;
    void *exe = NULL;
    memset(&p, 0, sizeof p);
    lud_status st = build(b, c, &p, &err);
    int64_t none = 0;
    p.program.extent_max = &none;
    if (st == LUD_OK) st = b->vt->compile(b->dev, &p.program, &exe, &err);
    if (st == LUD_OK) st = time_runs(b, exe, budget_seconds, &best, &err);
    if (st != LUD_OK) fprintf(stderr, "%s: %s\n", c->name, err.msg);
    *bytes = 0;
    if (exe) b->vt->exe_free(b->dev, exe);
    for (uint32_t i = 1; i <= p.n; i++) {
        *bytes += (double)p.tensors[i].bytes;
        b->vt->buf_free(b->dev, &p.bufs[i]);
    }
    b->vt->buf_free(b->dev, &p.host);
    return st == LUD_OK ? best : -1;
}
