/* SPDX-License-Identifier: Apache-2.0
 * Small random models of many architectures: logits, hidden states, loss and every parameter's gradient, on every
 * backend. A folder whose model_type has an encoder plugin must yield cases; the others are skipped by name. */
#include "golden.h"

#include <config.h>
#include <stdio.h>

static char *model_type(golden *g, const char *dir) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_value *config = NULL;
    char *path = ludc_path_join(dir, "config.json"), *out = NULL;
    if (ludc_json_load(path, &config, &err) == LUD_OK) {
        lud_str s = ludc_get_str(config, "model_type", (lud_str){"", 0});
        out = ludc_strndup(s.ptr, s.len);
    } else {
        golden_fail(g, "%s: %s", dir, err.msg);
    }
    ludc_value_free(config);
    ludc_free(path);
    return out;
}

static void on_backend(golden *g, const char *name, const char *dir, const char *backend, const golden_rows *rows,
                       const ludc_tensors *reference) {
    char what[128];
    lud_error err = LUDC_ERROR_INIT;
    golden_model m = {0};
    int before = g->cases;
    (void)snprintf(what, sizeof what, "%s on %s", name, backend);
    if (golden_open(g, dir, NULL, backend, true, rows->longest, &m, &err) != LUD_OK) {
        golden_fail(g, "%s: %s", what, err.msg);
        return;
    }
    golden_forward(g, what, m.model, rows, reference, "logits", true);
    golden_backward(g, what, m.model, rows, reference);
    golden_close(&m);
    if (g->cases == before) golden_fail(g, "%s: no case", what);
}

static void one_folder(golden *g, const char *name, const char *dir) {
    lud_error err = LUDC_ERROR_INIT;
    const lud_component *c = NULL;
    ludc_tensors *reference = NULL;
    golden_rows rows = {0};
    const char *backends[9];
    char *type = model_type(g, dir), *path = ludc_path_join(dir, "reference.safetensors");
    if (!type) goto out;
    if (ludc_host_find_model_type(g->host, LUD_KIND_ENCODER, ludc_str(type), &c, &err) != LUD_OK) {
        printf("skip %s: no encoder for model_type '%s'\n", name, type);
        goto out;
    }
    if (ludc_safetensors_open(path, &reference, &err) != LUD_OK) {
        golden_fail(g, "%s: %s", name, err.msg);
    } else if (!ludc_tensors_find(reference, LUDC_STR("logits"))) {
        printf("skip %s: no causal language model\n", name);
    } else if (golden_rows_read(reference, &rows, &err) != LUD_OK) {
        golden_fail(g, "%s: %s", name, err.msg);
    } else {
        golden_backends(g, backends);
        for (size_t i = 0; backends[i]; i++)
            on_backend(g, name, dir, backends[i], &rows, reference);
        if (!backends[0]) golden_fail(g, "%s: no backend", name);
    }
out:
    golden_rows_free(&rows);
    ludc_tensors_free(reference);
    ludc_free(path);
    ludc_free(type);
}

int main(void) {
    golden g;
    golden_init(&g);
    golden_each(&g, "tiny", one_folder);
    int code = golden_done(&g, "golden_tiny");
    golden_free(&g);
    return code;
}
