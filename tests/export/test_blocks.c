/* SPDX-License-Identifier: Apache-2.0
 * Writing GGUF: the bytes of quantized blocks against those of the package gguf 0.19 (ggml's reference quantization),
 * metadata of every type read back, refusals, failing allocations. */
#include "../formats/files.h"
#include "check.h"

#include <float.h>
#include <formats.h>
#include <math.h>

/* Three blocks: (i * 7919 % 201 - 100) * 0.013; the same; zeros with one small value. */
static const char q8_0[] =
    "3e2181e74cb3187ee44ab0167be247ad1379df45ab1176dc42a80e74da3fa60b71d78f2046950a7fce4393077ccb40900479"
    "c93d8d0176c63a8aff73c33787fc70c03584040000000000000081000000000000000000000000000000000000000000000000"
    "00";
static const char q4_0[] =
    "333160c63d93fa6fc62d93f96fc62c93f95f86b0f48f17c04bf48f18c05bf48f18c05bf43f00888888888888808888888888"
    "88888888";

static void fill(float v[96]) {
    for (int i = 0; i < 96; i++)
        v[i] = i < 64 ? (float)(i * 7919 % 201 - 100) * 0.013f : 0.0f;
    v[70] = -3e-5f;
}

static lud_status save(const char *path, const ludc_save_tensor *t, lud_error *err) {
    ludc_value *meta = ludc_value_new(LUD_CFG_OBJECT);
    const bool ok = meta && ludc_value_put(meta, "general.architecture", ludc_value_str(LUDC_STR("test")));
    const lud_status status = ok ? ludc_gguf_save(path, meta, t, 1, err) : LUD_E_NOMEM;
    ludc_value_free(meta);
    return status;
}

static void same_bytes(int32_t dtype, const char *hex) {
    float v[96], back[96], rounded[96];
    lud_error err = LUDC_ERROR_INIT;
    ludc_tensors *file = NULL;
    const char *path = files_path("blocks.gguf");
    const ludc_save_tensor t = {.name = "w", .dtype = dtype, .rank = 2, .dim = {3, 32}, .data = v};
    fill(v);
    CHECK_OK(save(path, &t, &err), err);
    CHECK_OK(ludc_gguf_open(path, &file, &err), err);
    if (!file) return;
    const ludc_file_tensor *got = ludc_tensors_at(file, 0);
    CHECK_INT(got->bytes * 2, strlen(hex));
    for (size_t i = 0; i < got->bytes; i++) {
        unsigned want = 0;
        sscanf(hex + 2 * i, "%2x", &want);
        CHECK_INT(got->data[i], want);
    }
    CHECK(got->rank == 2 && got->dim[0] == 3 && got->dim[1] == 32);
    CHECK_OK(ludc_tensor_to_f32(got, 0, 96, back, &err), err);
    memcpy(rounded, v, sizeof v);
    CHECK_OK(ludc_values_round(dtype, rounded, 96, &err), err);
    CHECK(memcmp(rounded, back, sizeof back) == 0);
    ludc_tensors_free(file);
}

/* Every value within half a step of its block; extreme ones do no harm. */
static void bounds(void) {
    float v[32], q[32];
    lud_error err = LUDC_ERROR_INIT;
    for (uint64_t seed = 0; seed < 500; seed++) {
        float largest = 0.0f;
        for (uint64_t i = 0; i < 32; i++) {
            v[i] = (float)(int32_t)lud_mix64(seed * 32 + i) * ldexpf(1.0f, (int)(seed % 30) - 50);
            largest = LUDC_MAX(largest, fabsf(v[i]));
        }
        memcpy(q, v, sizeof v);
        CHECK_OK(ludc_values_round(LUDC_Q8_0, q, 32, &err), err);
        for (int i = 0; i < 32; i++)
            CHECK(fabsf(q[i] - v[i]) <= largest / 127.0f * 0.57f + 4e-6f);
        memcpy(q, v, sizeof v);
        CHECK_OK(ludc_values_round(LUDC_Q4_0, q, 32, &err), err);
        for (int i = 0; i < 32; i++)
            CHECK(fabsf(q[i] - v[i]) <= largest / 8.0f * 1.01f + 4e-6f);
    }
    for (int i = 0; i < 32; i++)
        v[i] = i % 2 ? FLT_TRUE_MIN : -FLT_MIN;
    CHECK_OK(ludc_values_round(LUDC_Q4_0, v, 32, &err), err);
    CHECK_OK(ludc_values_round(LUDC_Q8_0, v, 32, &err), err);
}

static void metadata(void) {
    static const char text[] =
        "{\"a.yes\": true, \"a.count\": 4294967295, \"a.minus\": -5, \"a.real\": 0.25, \"a.text\": "
        "\"h\\u00e9\", \"a.texts\": [\"x\", \"\"], \"a.ids\": [1, -2], \"a.reals\": [0.5], "
        "\"a.none\": [], \"general.architecture\": \"test\"}";
    lud_error err = LUDC_ERROR_INIT;
    ludc_value *meta = NULL;
    ludc_tensors *file = NULL;
    const char *path = files_path("metadata.gguf");
    CHECK_OK(ludc_json_parse(text, sizeof text - 1, "<test>", false, false, &meta, &err), err);
    CHECK_OK(ludc_gguf_save(path, meta, NULL, 0, &err), err);
    CHECK_OK(ludc_gguf_open(path, &file, &err), err);
    CHECK(file && ludc_value_equal(meta, ludc_tensors_metadata(file)));
    ludc_tensors_free(file);
    ludc_value_free(meta);
    static const char *const bad[] = {"{\"a\": null}", "{\"a\": {}}", "{\"a\": [1, \"x\"]}", "{\"a\": [[1]]}",
                                      "{\"a\": [3000000000]}"};
    for (size_t i = 0; i < LUDC_COUNT(bad); i++) {
        lud_error why = LUDC_ERROR_INIT;
        CHECK_OK(ludc_json_parse(bad[i], strlen(bad[i]), "<test>", false, false, &meta, &err), err);
        CHECK_INT(ludc_gguf_save(files_path("bad.gguf"), meta, NULL, 0, &why), LUD_E_INVALID);
        CHECK(!ludc_path_exists(files_path("bad.gguf")));
        ludc_value_free(meta);
    }
}

static void refusals(void) {
    static const char long_name[] = "a123456789b123456789c123456789d123456789e123456789f123456789g123";
    float v[96];
    fill(v);
    const struct {
        ludc_save_tensor t;
        lud_status want;
    } cases[] = {{{.name = long_name, .dtype = LUDC_F32, .rank = 1, .dim = {96}, .data = v}, LUD_E_UNSUPPORTED},
                 {{.name = "", .dtype = LUDC_F32, .rank = 1, .dim = {96}, .data = v}, LUD_E_UNSUPPORTED},
                 {{.name = "w", .dtype = LUDC_Q4_0, .rank = 2, .dim = {32, 3}, .data = v}, LUD_E_UNSUPPORTED},
                 {{.name = "w", .dtype = LUDC_U8, .rank = 1, .dim = {96}, .data = v}, LUD_E_UNSUPPORTED},
                 {{.name = "w", .dtype = LUDC_F32, .rank = 0, .data = v}, LUD_E_UNSUPPORTED},
                 {{.name = "w", .dtype = LUDC_F32, .rank = 2, .dim = {0, 3}, .data = v}, LUD_E_UNSUPPORTED}};
    const char *path = files_path("refused.gguf");
    for (size_t i = 0; i < LUDC_COUNT(cases); i++) {
        lud_error err = LUDC_ERROR_INIT;
        CHECK_INT(save(path, &cases[i].t, &err), cases[i].want);
        CHECK(err.msg[0] && !ludc_path_exists(path));
    }
    const ludc_save_tensor t = {.name = "w", .dtype = LUDC_Q8_0, .rank = 2, .dim = {3, 32}, .data = v};
    const float poison[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < LUDC_COUNT(poison); i++) {
        lud_error err = LUDC_ERROR_INIT;
        v[50] = poison[i];
        CHECK_INT(save(path, &t, &err), LUD_E_NUMERIC);
        CHECK(strstr(err.msg, "'w'") && !ludc_path_exists(path));
    }
}

static void out_of_memory(void) {
    float v[96];
    fill(v);
    const ludc_save_tensor t = {.name = "w", .dtype = LUDC_Q4_0, .rank = 2, .dim = {3, 32}, .data = v};
    const char *path = files_path("memory.gguf");
    for (int64_t n = 0, done = 0; n < 100 && !done; n++) {
        lud_error err = LUDC_ERROR_INIT;
        ludc_alloc_fail_after(n, false);
        const lud_status status = save(path, &t, &err);
        ludc_alloc_fail_after(-1, false);
        done = status == LUD_OK;
        CHECK(done || (status == LUD_E_NOMEM && !ludc_path_exists(path)));
        CHECK(n < 99);
    }
}

int main(void) {
    ludc_log_set(NULL, NULL, LUD_LOG_ERROR);
    files_begin();
    same_bytes(LUDC_Q8_0, q8_0);
    same_bytes(LUDC_Q4_0, q4_0);
    bounds();
    metadata();
    refusals();
    out_of_memory();
    files_end();
    return check_done();
}
