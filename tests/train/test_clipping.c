/* SPDX-License-Identifier: Apache-2.0
 * trainer.gradient_clipping: what an optimizer step makes of a known gradient. SGD with learning rate 1, so the new
 * value is 1 minus the clipped gradient, worked out by hand. */
#include <check.h>
#include <config.h>
#include <math.h>

#include "internal.h"

enum { N = 3 };
/* Norm 13. */
static const float gradient[N] = {12.0f, -4.0f, 3.0f};

static ludc_host *host;
static ludc_devices devices;

static ludc_store *make_store(void) {
    const lud_shape shape = {.rank = 1, .dtype = LUD_REAL, .dim = {N}};
    const lud_param_spec spec = {.struct_size = sizeof spec};
    const float ones[N] = {1, 1, 1};
    lud_error err = LUDC_ERROR_INIT;
    ludc_store *store = ludc_store_new(&devices, LUD_F32);
    CHECK_INT(ludc_store_declare(store, "w", &shape, &spec, true, &err), 0);
    CHECK_OK(ludc_store_set(store, 0, ones, &err), err);
    CHECK_OK(ludc_store_seal(store, 0, &err), err);
    return store;
}

static void check_step(const char *clipping, const float *want) {
    char text[256];
    ludc_value *trainer = NULL;
    ludc_settings settings;
    ludc_updater *u = NULL;
    lud_error err = LUDC_ERROR_INIT;
    const uint32_t row = 0;
    const ludc_step_result result = {.loss = 1, .tokens = 1, .target_tokens = 1};
    ludc_store *store = make_store();
    const ludc_trainee t = {.store = store, .devices = &devices};
    float *flat = ludc_alloc((size_t)ludc_store_flat_len(store) * sizeof *flat), got[N];
    snprintf(text, sizeof text, "{\"optimizer\": {\"type\": \"sgd\"}, \"gradient_clipping\": {%s}}", clipping);
    CHECK_OK(ludc_json_parse(text, strlen(text), "trainer", false, false, &trainer, &err), err);
    CHECK_OK(ludc_settings_read(trainer, 1, &settings, &err), err);
    memcpy(flat + ludc_store_at(store, 0)->flat_offset, gradient, sizeof gradient);
    CHECK_OK(ludc_store_flat_write(store, LUDC_FLAT_GRADS, flat, &err), err);
    CHECK_OK(ludc_updater_new(&t, &settings, &u, &err), err);
    CHECK_OK(ludc_updater_step(u, &result, &row, 1, 0, 1.0, &err), err);
    CHECK_OK(ludc_store_get(store, 0, got, &err), err);
    for (int i = 0; i < N; i++) {
        CHECK(fabsf(1.0f - got[i] - want[i]) < 1e-5f);
        if (fabsf(1.0f - got[i] - want[i]) >= 1e-5f)
            fprintf(stderr, "%s: [%d] %g, want %g\n", clipping, i, (double)(1.0f - got[i]), (double)want[i]);
    }
    ludc_updater_free(u);
    ludc_free(flat);
    ludc_store_free(store);
    ludc_value_free(trainer);
}

int main(void) {
    char path[1024];
    lud_error err = LUDC_ERROR_INIT;
    const char *root = getenv("LUDWIG_TEST_BINARY_DIR");
    snprintf(path, sizeof path, "%s/lib/ludwig/plugins-1/reference.so", root ? root : ".");
    const char *paths[] = {path};
    const ludc_host_opts opts = {.plugin_paths = paths, .n_plugin_paths = 1, .threads = 1};
    lud_status status = ludc_host_new(&opts, &host, &err);
    if (status == LUD_OK) status = ludc_host_load(host, &err);
    if (status == LUD_OK) status = ludc_devices_open(host, LUDC_STR("reference"), &devices, &err);
    CHECK_OK(status, err);
    if (status == LUD_OK) {
        check_step("\"clipglobalnorm\": null", (float[]){12, -4, 3});
        check_step("\"clipglobalnorm\": 26, \"clipvalue\": 100", (float[]){12, -4, 3});
        check_step("\"clipglobalnorm\": 1.3", (float[]){1.2f, -0.4f, 0.3f});
        check_step("\"clipglobalnorm\": 26, \"clipnorm\": 1.3", (float[]){1.2f, -0.4f, 0.3f});
        check_step("\"clipvalue\": 3.5", (float[]){3.5f, -3.5f, 3});
        check_step("\"clipglobalnorm\": 1.3, \"clipvalue\": 0.35", (float[]){0.35f, -0.35f, 0.3f});
        ludc_devices_close(&devices);
    }
    ludc_host_free(host);
    return check_done();
}
