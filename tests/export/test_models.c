/* SPDX-License-Identifier: Apache-2.0
 * Every small model of the llama family as GGUF in each number format: the file, opened again, answers bit by bit as
 * the model with weights rounded in memory. LoRA folders merged, and apart: base + scale B A of the files is the merged
 * file. What llama.cpp's metadata cannot say is refused. */
#include "check.h"
#include "golden.h"

#include <config.h>
#include <float.h>
#include <math.h>

static golden g;
static char *temp;
static const char *device;

static const struct {
    int32_t dtype;
    bool folder;
} kinds[] = {{LUDC_F32, false},  {LUDC_F16, false}, {LUDC_BF16, false}, {LUDC_Q8_0, false},
             {LUDC_Q4_0, false}, {LUDC_F32, true},  {LUDC_F16, true},   {LUDC_BF16, true}};

/* A copy of the folder whose config.json says only what a GGUF can say. */
static char *tamed(const char *dir, const char *name) {
    static const char *const files[] = {"generation_config.json", "model.safetensors", "tokenizer.json",
                                        "tokenizer_config.json"};
    lud_error err = LUDC_ERROR_INIT;
    ludc_value *config = NULL, *layers;
    ludc_buf text = {0};
    char *to = ludc_path_join(temp, name), *from = ludc_path_join(dir, "config.json");
    CHECK_OK(ludc_dir_make(to, &err), err);
    CHECK_OK(ludc_json_load(from, &config, &err), err);
    if (ludc_value_get(config, "query_pre_attn_scalar"))
        ludc_value_put(config, "query_pre_attn_scalar", ludc_value_int(ludc_get_int(config, "head_dim", 0)));
    layers = ludc_value_get(config, "no_rope_layers");
    for (size_t i = 0; layers && i < layers->len; i++)
        layers->items[i]->u.i = (i + 1) % 4 != 0;
    (void)ludc_value_to_json(config, 1, &text);
    ludc_free(from);
    from = ludc_path_join(to, "config.json");
    CHECK_OK(ludc_file_write(from, text.ptr, text.len, &err), err);
    ludc_free(from);
    for (size_t i = 0; i < LUDC_COUNT(files); i++) {
        char *a = ludc_path_join(dir, files[i]), *b = ludc_path_join(to, files[i]);
        if (ludc_path_exists(a)) CHECK_OK(ludc_file_copy(a, b, &err), err);
        ludc_free(a);
        ludc_free(b);
    }
    ludc_buf_free(&text);
    ludc_value_free(config);
    return to;
}

/* The model in one form, read back, against its rounded self. */
static void one_form(const char *base, const char *adapter, size_t kind) {
    lud_error err = LUDC_ERROR_INIT;
    golden_model m = {0}, plain = {0}, again = {0};
    ludc_probe want = {0}, got = {0};
    double worst = 0.0;
    const bool folder = kinds[kind].folder;
    const int32_t dtype = kinds[kind].dtype;
    char *path = ludc_path_join(temp, folder ? "out" : "out.gguf");
    CHECK_OK(golden_open(&g, base, adapter, device, false, 0, &m, &err), err);
    CHECK_OK(golden_open(&g, base, NULL, device, false, 0, &plain, &err), err);
    if (!m.model || !plain.model) return;
    CHECK_OK(folder ? ludc_model_save_folder(m.model, path, dtype, &err)
                    : ludc_model_save_gguf(m.model, path, "tiny", dtype, &err),
             err);
    CHECK_OK(ludc_model_take_rounded(plain.model, m.model, !folder, dtype, &err), err);
    CHECK_OK(ludc_probe_take(plain.model, &want, &err), err);
    CHECK_OK(golden_open(&g, path, NULL, device, false, 0, &again, &err), err);
    if (again.model) {
        CHECK_OK(ludc_probe_take(again.model, &got, &err), err);
        CHECK_OK(ludc_probe_compare(&want, &got, 1e-6, &worst, &err), err);
    }
    ludc_probe_free(&want);
    ludc_probe_free(&got);
    golden_close(&again);
    golden_close(&plain);
    golden_close(&m);
    (void)(folder ? ludc_dir_remove(path, &err) : (lud_status)remove(path));
    ludc_free(path);
}

static bool has_gguf(const char *base) {
    lud_error err = LUDC_ERROR_INIT;
    golden_model m = {0};
    char *path = ludc_path_join(temp, "probe.gguf");
    lud_status status = golden_open(&g, base, NULL, device, false, 0, &m, &err);
    if (status == LUD_OK) status = ludc_model_save_gguf(m.model, path, "tiny", LUDC_F32, &err);
    if (status != LUD_OK) printf("no GGUF of %s: %s\n", base, err.msg);
    CHECK(status == LUD_OK ||
          ((status == LUD_E_UNSUPPORTED || status == LUD_E_ABI || status == LUD_E_INVALID) && !ludc_path_exists(path)));
    golden_close(&m);
    (void)remove(path);
    ludc_free(path);
    return status == LUD_OK;
}

static int models;
static void one_model(golden *unused, const char *name, const char *dir) {
    (void)unused;
    char *base = tamed(dir, name);
    if (has_gguf(base)) {
        models++;
        printf("%s\n", name);
        for (size_t i = 0; i < LUDC_COUNT(kinds); i++)
            one_form(base, NULL, i);
    }
    ludc_free(base);
}

/* ---- LoRA ---- */
static float *values(const ludc_tensors *file, const char *name) {
    lud_error err = LUDC_ERROR_INIT;
    const ludc_file_tensor *t = ludc_tensors_find(file, ludc_str(name));
    float *v = t ? ludc_alloc((size_t)t->count * sizeof *v) : NULL;
    if (t) CHECK_OK(ludc_tensor_to_f32(t, 0, t->count, v, &err), err);
    CHECK(v != NULL);
    return v;
}

/* As llama.cpp: W + alpha / r * B A. */
static void apart(const char *base_file, const char *merged_file, const char *adapter_file) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_tensors *base = NULL, *merged = NULL, *lora = NULL;
    CHECK_OK(ludc_gguf_open(base_file, &base, &err), err);
    CHECK_OK(ludc_gguf_open(merged_file, &merged, &err), err);
    CHECK_OK(ludc_gguf_open(adapter_file, &lora, &err), err);
    const double alpha = ludc_get_float(ludc_tensors_metadata(lora), "adapter.lora.alpha", 0.0);
    CHECK_INT(ludc_tensors_len(lora) > 0, 1);
    for (size_t i = 0; i < ludc_tensors_len(lora); i++) {
        const ludc_file_tensor *t = ludc_tensors_at(lora, i);
        char name[80], b_name[96];
        const int n = (int)strlen(t->name) - 7;
        if (n < 0 || strcmp(t->name + n, ".lora_a") != 0) continue;
        (void)snprintf(name, sizeof name, "%.*s", n, t->name);
        (void)snprintf(b_name, sizeof b_name, "%s.lora_b", name);
        float *a = values(lora, t->name), *b = values(lora, b_name), *w = values(base, name),
              *want = values(merged, name);
        const int64_t r = t->dim[0], in = t->dim[1], out = ludc_tensors_find(lora, ludc_str(b_name))->dim[0];
        for (int64_t k = 0; k < out * in; k++) {
            double sum = (double)w[k];
            for (int64_t j = 0; j < r; j++)
                sum += alpha / (double)r * (double)b[k / in * r + j] * (double)a[j * in + k % in];
            CHECK(fabs(sum - (double)want[k]) < 1e-5);
        }
        ludc_free(a), ludc_free(b), ludc_free(w), ludc_free(want);
    }
    ludc_tensors_free(base);
    ludc_tensors_free(merged);
    ludc_tensors_free(lora);
}

static void one_adapter(golden *unused, const char *name, const char *dir) {
    (void)unused;
    lud_error err = LUDC_ERROR_INIT;
    ludc_value *json = NULL;
    golden_model m = {0}, plain = {0};
    char *config = ludc_path_join(dir, "adapter_config.json");
    CHECK_OK(ludc_json_load(config, &json, &err), err);
    const lud_str of = ludc_get_str(json, "base_model_name_or_path", (lud_str){"", 0});
    char *base = golden_path(&g, of.ptr, "");
    char *files[3] = {ludc_path_join(temp, "base.gguf"), ludc_path_join(temp, "merged.gguf"),
                      ludc_path_join(temp, "adapter.gguf")};
    const lud_status status = golden_open(&g, base, dir, device, false, 0, &m, &err);
    if (status != LUD_OK) {
        printf("skip %s: %s\n", name, err.msg);
        goto out;
    }
    one_form(base, dir, 0);
    one_form(base, dir, 4);
    CHECK_OK(golden_open(&g, base, NULL, device, false, 0, &plain, &err), err);
    CHECK_OK(ludc_model_save_gguf(plain.model, files[0], "tiny", LUDC_F32, &err), err);
    CHECK_OK(ludc_model_save_gguf(m.model, files[1], "tiny", LUDC_F32, &err), err);
    const lud_status written = ludc_model_save_gguf_adapter(m.model, files[2], "tiny", &err);
    const bool plain_lora = ludc_str_eq(ludc_get_str(json, "peft_type", LUDC_STR("")), "LORA") &&
                            ludc_str_eq(ludc_get_str(json, "bias", LUDC_STR("none")), "none") &&
                            !ludc_get_bool(json, "use_dora", false);
    CHECK_INT(written, plain_lora ? LUD_OK : LUD_E_UNSUPPORTED);
    if (written == LUD_OK) {
        printf("%s beside its base\n", name);
        apart(files[0], files[1], files[2]);
    }
out:
    golden_close(&plain);
    golden_close(&m);
    for (size_t i = 0; i < LUDC_COUNT(files); i++) {
        (void)remove(files[i]);
        ludc_free(files[i]);
    }
    ludc_value_free(json);
    ludc_free(base);
    ludc_free(config);
}

/* The untouched small models that say more than a GGUF can. */
static void refused(void) {
    static const char *const names[] = {"gemma2", "gemma3_text", "smollm3"};
    for (size_t i = 0; i < LUDC_COUNT(names); i++) {
        char *base = golden_path(&g, "tiny", names[i]);
        if (ludc_path_is_dir(base)) CHECK(!has_gguf(base));
        ludc_free(base);
    }
}

int main(void) {
    ludc_log_set(NULL, NULL, LUD_LOG_ERROR);
    golden_init(&g);
    temp = golden_temp_dir();
    const char *backends[9];
    golden_backends(&g, backends);
    device = backends[0];
    CHECK(device != NULL);
    if (!device) return check_done();
    golden_each(&g, "tiny", one_model);
    CHECK(models >= 10);
    golden_each(&g, "adapters", one_adapter);
    refused();
    (void)ludc_dir_remove(temp, NULL);
    ludc_free(temp);
    golden_free(&g);
    return check_done();
}
