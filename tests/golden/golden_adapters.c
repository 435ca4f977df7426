/* SPDX-License-Identifier: Apache-2.0
 * PEFT adapter folders over the small models: logits, loss, gradients, merged weights and logits; and our own folders
 * read back give the same bits. Kinds that no adapter plugin knows are skipped by name. */
#include "golden.h"

#include <config.h>
#include <stdio.h>
#include <string.h>

/* "merged.layers.1.self_attn.q_proj.weight" -> "model.layers.1.self_attn.q_proj" */
static void compare_merged(golden *g, const char *name, ludc_model *m, const ludc_tensors *reference) {
    for (size_t i = 0; i < ludc_tensors_len(reference); i++) {
        const ludc_file_tensor *t = ludc_tensors_at(reference, i);
        char site[256], what[512];
        lud_error err = LUDC_ERROR_INIT;
        int64_t n = 0;
        if (strncmp(t->name, "merged.", 7) != 0) continue;
        (void)snprintf(site, sizeof site, "model.%.*s", (int)(strlen(t->name) - strlen("merged.") - strlen(".weight")),
                       t->name + 7);
        (void)snprintf(what, sizeof what, "%s %s", name, t->name);
        float *want = golden_floats(reference, t->name, &n), *got = ludc_alloc((size_t)t->count * sizeof *got);
        if (ludc_model_merged(m, site, got, &err) != LUD_OK)
            golden_fail(g, "%s: %s", what, err.msg);
        else
            golden_take(g, what, golden_error(got, want, n), 1e-4);
        ludc_free(want);
        ludc_free(got);
    }
}

static lud_status logits_of(ludc_model *m, const golden_rows *rows, float **out, lud_error *err) {
    const ludc_run_tokens tokens = golden_tokens(rows);
    const ludc_run_caps caps = {.T = tokens.T, .S = tokens.S, .N = tokens.N};
    ludc_run *run = NULL;
    *out = ludc_alloc((size_t)(tokens.N * ludc_model_info_of(m)->vocab_size) * sizeof **out);
    lud_status status = ludc_run_new(m, LUDC_RUN_LOGITS, &caps, &run, err);
    if (status == LUD_OK) status = ludc_run_logits(run, &tokens, *out, err);
    ludc_run_free(run);
    return status;
}

/* Saves as an adapter folder and reads it back: the same bits. */
static void round_trip(golden *g, const char *name, ludc_model *m, const char *base, const char *device,
                       const golden_rows *rows, const char *temp) {
    lud_error err = LUDC_ERROR_INIT;
    golden_model again = {0};
    float *a = NULL, *b = NULL;
    char *dir = ludc_path_join(temp, "adapter");
    lud_status status = logits_of(m, rows, &a, &err);
    if (status == LUD_OK) status = ludc_model_save_adapter(m, dir, &err);
    if (status == LUD_OK) status = golden_open(g, base, dir, device, false, rows->longest, &again, &err);
    if (status == LUD_OK) status = logits_of(again.model, rows, &b, &err);
    if (status != LUD_OK) {
        golden_fail(g, "%s saved and read back: %s", name, err.msg);
    } else {
        size_t n = (size_t)(rows->batch.T * ludc_model_info_of(m)->vocab_size);
        g->cases++;
        if (memcmp(a, b, n * sizeof *a) != 0) golden_fail(g, "%s saved and read back: other bits", name);
    }
    golden_close(&again);
    ludc_free(a);
    ludc_free(b);
    ludc_free(dir);
}

static void merged_model(golden *g, const char *name, ludc_model *m, const char *device, const golden_rows *rows,
                         const ludc_tensors *reference, const char *temp) {
    lud_error err = LUDC_ERROR_INIT;
    golden_model merged = {0};
    char what[256], *dir = ludc_path_join(temp, "merged");
    (void)snprintf(what, sizeof what, "%s merged", name);
    if (!ludc_tensors_find(reference, LUDC_STR("merged_logits"))) {
        printf("skip %s: no merged logits in the reference\n", what);
    } else if (ludc_model_save_folder(m, dir, LUDC_F32, &err) != LUD_OK ||
               golden_open(g, dir, NULL, device, false, rows->longest, &merged, &err) != LUD_OK) {
        golden_fail(g, "%s: %s", what, err.msg);
    } else {
        golden_forward(g, what, merged.model, rows, reference, "merged_logits", false);
    }
    golden_close(&merged);
    ludc_free(dir);
}

static void on_backend(golden *g, const char *name, const char *dir, const char *base, const char *backend,
                       const golden_rows *rows, const ludc_tensors *reference) {
    char what[128];
    lud_error err = LUDC_ERROR_INIT;
    golden_model m = {0};
    (void)snprintf(what, sizeof what, "%s on %s", name, backend);
    lud_status status = golden_open(g, base, dir, backend, true, rows->longest, &m, &err);
    if (status == LUD_E_UNSUPPORTED || status == LUD_E_ABI) {
        printf("skip %s: %s\n", what, err.msg);
        return;
    }
    if (status != LUD_OK) {
        golden_fail(g, "%s: %s", what, err.msg);
        return;
    }
    char *temp = golden_temp_dir();
    golden_forward(g, what, m.model, rows, reference, "logits", false);
    golden_backward(g, what, m.model, rows, reference);
    compare_merged(g, what, m.model, reference);
    round_trip(g, what, m.model, base, backend, rows, temp);
    merged_model(g, what, m.model, backend, rows, reference, temp);
    (void)ludc_dir_remove(temp, &err);
    ludc_free(temp);
    golden_close(&m);
}

static char *base_of(golden *g, const char *dir, lud_error *err) {
    ludc_value *config = NULL;
    char *path = ludc_path_join(dir, "adapter_config.json"), *name = NULL, *base = NULL;
    if (ludc_json_load(path, &config, err) == LUD_OK) {
        lud_str s = ludc_get_str(config, "base_model_name_or_path", (lud_str){"", 0});
        name = ludc_strndup(s.ptr, s.len);
        base = ludc_path_join(g->root, name);
    }
    ludc_value_free(config);
    ludc_free(name);
    ludc_free(path);
    return base;
}

static void one_folder(golden *g, const char *name, const char *dir) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_tensors *inputs = NULL, *reference = NULL;
    golden_rows rows = {0};
    const char *backends[9];
    char *base = base_of(g, dir, &err), *own = ludc_path_join(dir, "reference.safetensors");
    char *other = base ? ludc_path_join(base, "reference.safetensors") : NULL;
    if (!base || ludc_safetensors_open(other, &inputs, &err) != LUD_OK ||
        ludc_safetensors_open(own, &reference, &err) != LUD_OK || golden_rows_read(inputs, &rows, &err) != LUD_OK) {
        golden_fail(g, "%s: %s", name, err.msg);
    } else {
        golden_backends(g, backends);
        for (size_t i = 0; backends[i]; i++)
            on_backend(g, name, dir, base, backends[i], &rows, reference);
        if (!backends[0]) golden_fail(g, "%s: no backend", name);
    }
    golden_rows_free(&rows);
    ludc_tensors_free(inputs);
    ludc_tensors_free(reference);
    ludc_free(own);
    ludc_free(other);
    ludc_free(base);
}

int main(void) {
    golden g;
    golden_init(&g);
    golden_each(&g, "adapters", one_folder);
    if (g.cases == 0) golden_fail(&g, "no adapter folder gave a case");
    int code = golden_done(&g, "golden_adapters");
    golden_free(&g);
    return code;
}
