/* SPDX-License-Identifier: Apache-2.0
 * Building, running and differentiating one graph of components. See net.h. */
#include "net.h"

#include <config.h>
#include <ludwig/decoder.h>
#include <ludwig/random.h>
#include <math.h>

static ludc_host *the_host;

ludc_host *net_host(void) {
    const char *binary = getenv("LUDWIG_TEST_BINARY_DIR");
    lud_error err = LUDC_ERROR_INIT;
    if (the_host) return the_host;
    char *plugins = ludc_path_join(binary ? binary : ".", "lib/ludwig/plugins-1");
    const char *paths[] = {plugins};
    const ludc_host_opts opts = {.plugin_paths = paths, .n_plugin_paths = 1, .threads = 2};
    CHECK_OK(ludc_model_host_new(&opts, &the_host, &err), err);
    ludc_free(plugins);
    return the_host;
}

int net_done(void) {
    ludc_host_free(the_host);
    return check_done();
}

static bool trains_all(void *arg, const char *param) {
    (void)arg;
    (void)param;
    return true;
}

void net_open(net *n, const char *device, int32_t real, bool training) {
    static const ludc_graph_hooks hooks = {.trains = trains_all};
    *n = (net){.host = net_host(), .real = real, .n_extents = 1, .err = LUDC_ERROR_INIT};
    CHECK_OK(ludc_devices_open(n->host, ludc_str(device), &n->devices, &n->err), n->err);
    n->store = ludc_store_new(&n->devices, real);
    const ludc_graph_opts opts = {.store = n->store, .real = real, .training = training, .hooks = &hooks};
    n->g = ludc_graph_new(&opts, &n->err);
    CHECK(n->g != NULL);
}

void net_close(net *n) {
    ludc_program_free(n->program);
    for (size_t i = 0; i < n->n_parts; i++) {
        const lud_decoder_vt *vt = n->parts[i].component->vtable; /* all vtables with instances begin alike */
        if (n->parts[i].self) vt->inst->close(n->parts[i].self);
        ludc_value_free(n->parts[i].cfg);
    }
    ludc_graph_free(n->g);
    ludc_store_free(n->store);
    ludc_devices_close(&n->devices);
}

int32_t net_extent(net *n, int64_t size) {
    int32_t e = ludc_graph_extent(n->g, size + 3); /* the maximum is not the true size */
    CHECK_INT(e, (long long)n->n_extents);
    n->extent[n->n_extents++] = size;
    return e;
}

static lud_t add_input(net *n, const char *name, int32_t dtype, net_input input) {
    const lud_shape shape = {.dtype = dtype,
                             .rank = input.columns ? 2 : 1,
                             .dim = {input.extent ? -input.extent : input.fixed_rows, input.columns}};
    input.t = ludc_graph_input(n->g, name, &shape);
    n->inputs[n->n_inputs++] = input;
    return input.t;
}

lud_t net_reals(net *n, const char *name, int32_t extent, int64_t columns, const float *data) {
    return add_input(n, name, LUD_REAL, (net_input){.extent = extent, .columns = columns, .reals = data});
}

lud_t net_ints(net *n, const char *name, int32_t extent, int64_t columns, const int32_t *data) {
    return add_input(n, name, LUD_I32, (net_input){.extent = extent, .columns = columns, .ints = data});
}

const net_part *net_part_open(net *n, int32_t kind, const char *feature, const char *name, const char *cfg) {
    net_part *part = &n->parts[n->n_parts];
    *part = (net_part){0};
    n->err = (lud_error)LUDC_ERROR_INIT;
    CHECK_OK(ludc_json_parse(cfg, strlen(cfg), "<cfg>", false, false, &part->cfg, &n->err), n->err);
    CHECK_OK(ludc_host_find(n->host, kind, feature, ludc_str(name), &part->component, &n->err), n->err);
    if (!part->component || !part->cfg) return NULL;
    n->n_parts++;
    const lud_decoder_vt *vt = part->component->vtable;
    if (vt->inst->open(ludc_host_table(n->host)->ctx, part->cfg, &part->self, &n->err) == LUD_OK) return part;
    part->self = NULL;
    return NULL;
}

lud_t net_encode(net *n, const char *feature, const char *name, const char *cfg, const lud_seq *seq,
                 lud_encoder_out *out) {
    const net_part *part = net_part_open(n, LUD_KIND_ENCODER, feature, name, cfg);
    CHECK_OK(n->err.code, n->err);
    *out = (lud_encoder_out){.struct_size = sizeof *out};
    if (!part) return 0;
    const lud_encoder_vt *vt = part->component->vtable;
    CHECK_OK(vt->build(part->self, n->g, seq, out, &n->err), n->err);
    return out->rows ? out->rows : out->tokens;
}

lud_t net_decode(net *n, const char *feature, const char *name, const char *cfg, lud_t hidden, int32_t n_extent) {
    const net_part *part = net_part_open(n, LUD_KIND_DECODER, feature, name, cfg);
    CHECK_OK(n->err.code, n->err);
    if (!part) return 0;
    const lud_decoder_vt *vt = part->component->vtable;
    const lud_decoder_in in = {.struct_size = sizeof in, .n_extent = n_extent, .hidden = hidden};
    lud_decoder_out out = {.struct_size = sizeof out};
    CHECK_OK(vt->build(part->self, n->g, &in, &out, &n->err), n->err);
    CHECK(out.row_loss == 0 && out.argmax == 0);
    return out.pred;
}

lud_t net_combine(net *n, const char *name, const char *cfg, const lud_combiner_in *const *in, uint32_t count) {
    const net_part *part = net_part_open(n, LUD_KIND_COMBINER, NULL, name, cfg);
    CHECK_OK(n->err.code, n->err);
    lud_t out = 0;
    if (!part) return 0;
    const lud_combiner_vt *vt = part->component->vtable;
    CHECK_OK(vt->build(part->self, n->g, in, count, &out, &n->err), n->err);
    return out;
}

void net_set(net *n, const char *param, const float *values, int64_t count) {
    int64_t i = ludc_store_index(n->store, ludc_str(param));
    CHECK(i >= 0);
    if (i < 0) {
        fprintf(stderr, "no parameter %s\n", param);
        return;
    }
    CHECK_INT(ludc_store_at(n->store, (size_t)i)->count, count);
    CHECK_OK(ludc_store_set(n->store, (size_t)i, values, &n->err), n->err);
}

void net_pattern(float *out, int64_t count, uint64_t key) {
    for (int64_t i = 0; i < count; i++)
        out[i] = lud_uniform(lud_mix64(key), (uint32_t)i) * 2 - 1;
}

static void fill_rest(net *n) {
    for (size_t i = 0; i < ludc_store_len(n->store); i++) {
        const ludc_param *p = ludc_store_at(n->store, i);
        if (p->filled) continue;
        float *values = calloc((size_t)p->count, sizeof *values);
        net_pattern(values, p->count, ludc_hash(p->name, strlen(p->name)));
        CHECK_OK(ludc_store_set(n->store, i, values, &n->err), n->err);
        free(values);
    }
}

static bool compile(net *n, lud_t root) {
    if (n->program) return true;
    CHECK_OK(ludc_graph_api()->status(n->g, &n->err), n->err);
    if (!root || n->err.code != LUD_OK) return false;
    fill_rest(n);
    CHECK_OK(ludc_store_seal(n->store, 0, &n->err), n->err);
    CHECK_OK(ludc_program_new(n->g, &root, 1, &n->devices, n->store, &n->program, &n->err), n->err);
    return n->program != NULL;
}

static void write_input(net *n, const net_input *input) {
    int64_t rows = input->extent ? n->extent[input->extent] : input->fixed_rows;
    size_t count = (size_t)(rows * LUDC_MAX(input->columns, 1));
    if (input->ints || n->real == LUD_F32) {
        const void *data = input->ints ? (const void *)input->ints : (const void *)input->reals;
        CHECK_OK(ludc_program_write(n->program, input->t, data, count * 4, &n->err), n->err);
        return;
    }
    double *wide = calloc(count + 1, sizeof *wide);
    for (size_t i = 0; i < count; i++)
        wide[i] = (double)input->reals[i];
    CHECK_OK(ludc_program_write(n->program, input->t, wide, count * sizeof *wide, &n->err), n->err);
    free(wide);
}

static void run(net *n) {
    for (size_t i = 0; i < n->n_inputs; i++)
        write_input(n, &n->inputs[i]);
    CHECK_OK(ludc_program_run(n->program, n->extent, n->n_extents, &n->err), n->err);
}

void net_run(net *n, lud_t root, float *out, size_t count) {
    memset(out, 0, count * sizeof *out);
    if (!compile(n, root)) return;
    run(n);
    CHECK_OK(ludc_program_read(n->program, root, out, count * sizeof *out, &n->err), n->err);
}

/* sum(c * root) in fp64 */
static double weighted(net *n, lud_t root, const float *c, size_t count) {
    double *y = calloc(count, sizeof *y), sum = 0;
    run(n);
    CHECK_OK(ludc_program_read(n->program, root, y, count * sizeof *y, &n->err), n->err);
    for (size_t i = 0; i < count; i++)
        sum += (double)c[i] * y[i];
    free(y);
    return sum;
}

static double param_error(net *n, size_t index, const float *grads, lud_t root, const float *c, size_t count) {
    const ludc_param *p = ludc_store_at(n->store, index);
    float *values = calloc((size_t)p->count, sizeof *values);
    double worst = 0;
    CHECK_OK(ludc_store_get(n->store, index, values, &n->err), n->err);
    for (int64_t i = 0; i < p->count; i++) {
        const float old = values[i], step = 0x1p-10f;
        values[i] = old + step;
        const float up = values[i];
        ludc_store_set(n->store, index, values, &n->err);
        const double above = weighted(n, root, c, count);
        values[i] = old - step;
        const double width = (double)up - (double)values[i];
        ludc_store_set(n->store, index, values, &n->err);
        const double slope = (above - weighted(n, root, c, count)) / width;
        const double off = fabs(slope - (double)grads[p->flat_offset + i]) / (1 + fabs(slope));
        if (off > worst) worst = off;
        values[i] = old;
    }
    CHECK_OK(ludc_store_set(n->store, index, values, &n->err), n->err);
    if (worst > 1e-4) fprintf(stderr, "gradient of %s: off by %g\n", p->name, worst);
    free(values);
    return worst;
}

double net_gradient_error(net *n, lud_t root, int32_t extent, int64_t columns, size_t *compared) {
    const size_t count = (size_t)(n->extent[extent] * columns);
    float *c = calloc(count, sizeof *c);
    double worst = 0;
    *compared = 0;
    net_pattern(c, (int64_t)count, 77);
    lud_t dy = net_reals(n, "dy", extent, columns, c);
    CHECK_OK(ludc_graph_backward(n->g, root, dy, &n->err), n->err);
    if (compile(n, root)) {
        float *grads = calloc((size_t)ludc_store_flat_len(n->store) + 1, sizeof *grads);
        run(n);
        CHECK_OK(ludc_store_flat_read(n->store, LUDC_FLAT_GRADS, grads, &n->err), n->err);
        for (size_t i = 0; i < ludc_store_len(n->store); i++) {
            if (!ludc_store_at(n->store, i)->trainable) continue;
            const double off = param_error(n, i, grads, root, c, count);
            if (off > worst) worst = off;
            *compared += (size_t)ludc_store_at(n->store, i)->count;
        }
        free(grads);
    }
    free(c);
    return worst;
}

bool net_close_to(const float *got, const float *want, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (fabsf(got[i] - want[i]) <= 1e-5f * (1 + fabsf(want[i]))) continue;
        fprintf(stderr, "element %zu: got %.8g, want %.8g\n", i, (double)got[i], (double)want[i]);
        return false;
    }
    return true;
}
