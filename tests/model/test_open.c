/* SPDX-License-Identifier: Apache-2.0
 * A model is opened whole or not at all: wrong configs, wrong files and failing allocations end in an error with a
 * message and leave nothing behind; wrong ids never reach a kernel; merging by running equals the adapter's own. */
#include "check.h"
#include "golden.h"
#include "internal.h"

#include <config.h>
#include <math.h>

static golden g;
static char *base; /* a small model */

static lud_status open_with(const char *adapter_json, const char *path, ludc_value **config, ludc_model **m,
                            lud_error *err) {
    ludc_buf text = {0};
    ludc_buf_addf(&text, "{\"base_model\": \"%s\", \"adapter\": %s, \"backend\": {\"device\": \"reference\"}}", path,
                  adapter_json);
    lud_status status = ludc_json_parse(text.ptr, text.len, "<test>", false, false, config, err);
    const ludc_model_spec spec = {.host = g.host, .config = *config, .for_training = true, .seed = 7};
    if (status == LUD_OK) status = ludc_model_open(&spec, m, err);
    ludc_buf_free(&text);
    return status;
}

static void expect(const char *adapter_json, const char *path, lud_status want, const char *words) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_value *config = NULL;
    ludc_model *m = NULL;
    CHECK_INT(open_with(adapter_json, path, &config, &m, &err), want);
    if (words) CHECK(strstr(err.msg, words) != NULL);
    if (words && !strstr(err.msg, words)) fprintf(stderr, "message: %s\n", err.msg);
    ludc_model_free(m);
    ludc_value_free(config);
}

static void refusals(void) {
    expect("null", base, LUD_OK, NULL);
    expect("{\"type\": \"lora\"}", base, LUD_OK, NULL);
    expect("{\"type\": \"lora\", \"target_modules\": \"all-linear\"}", base, LUD_OK, NULL);
    expect("{\"type\": \"lora\", \"target_modules\": [\"no_such\"]}", base, LUD_E_INVALID, "self_attn.q_proj");
    expect("{\"type\": \"lora\", \"target_modules\": [\"embed_tokens\"]}", base, LUD_E_UNSUPPORTED, "embedding");
    expect("{\"type\": \"lora\", \"r\": 0}", base, LUD_E_INVALID, "adapter.r");
    expect("{\"type\": \"lora\", \"dropout\": 1.5}", base, LUD_E_INVALID, "adapter.dropout");
    expect("{\"type\": \"lora\", \"bias_type\": \"some\"}", base, LUD_E_INVALID, "bias_type");
    expect("{\"type\": \"lora\", \"use_dora\": true}", base, LUD_E_UNSUPPORTED, "use_dora");
    expect("{\"type\": \"lorra\"}", base, LUD_E_ABI, "lora");
    expect("null", "/no/such/model", LUD_E_IO, "/no/such/model");
}

/* Every allocation of an open fails once; the message says so and nothing leaks (under a sanitizer). */
static void out_of_memory(void) {
    int failed = 0;
    for (int64_t n = 0; n < 20000; n += n < 400 ? 1 : 37) {
        lud_error err = LUDC_ERROR_INIT;
        ludc_value *config = NULL;
        ludc_model *m = NULL;
        ludc_alloc_fail_after(n, false);
        lud_status status = open_with("{\"type\": \"lora\"}", base, &config, &m, &err);
        ludc_alloc_fail_after(-1, false);
        if (status != LUD_OK) {
            failed++;
            CHECK(err.msg[0] != '\0' && m == NULL);
        }
        ludc_model_free(m);
        ludc_value_free(config);
        if (status == LUD_OK && n > 5000) break;
    }
    CHECK(failed > 100);
}

/* ---- Runs ---- */
static void wrong_tokens(ludc_model *m) {
    int32_t ids[3] = {1, 2, 3}, positions[3] = {0, 1, 2}, offsets[2] = {0, 3}, rows[1] = {2};
    int32_t high[3] = {1, 2, 1 << 20}, negative[3] = {1, -1, 2}, bad_offsets[2] = {0, 2}, bad_rows[1] = {3};
    const ludc_run_caps caps = {.T = 3, .S = 1, .N = 1};
    const ludc_run_tokens good = {3, 1, 1, ids, positions, offsets, rows, NULL};
    float logits[4096];
    ludc_run *run = NULL;
    lud_error err = LUDC_ERROR_INIT;
    CHECK_OK(ludc_run_new(m, LUDC_RUN_LOGITS, &caps, &run, &err), err);
    CHECK_OK(ludc_run_logits(run, &good, logits, &err), err);
    uint64_t before = ludc_alloc_count();
    CHECK_OK(ludc_run_logits(run, &good, logits, &err), err);
    CHECK_INT(ludc_alloc_count() - before, 0);
    ludc_run_tokens bad[7] = {good, good, good, good, good, good, good};
    bad[0].ids = high;
    bad[1].ids = negative;
    bad[2].seg_offsets = bad_offsets;
    bad[3].rows = bad_rows;
    bad[4].T = 4;
    bad[5].N = 2;
    bad[6].positions = negative;
    for (size_t i = 0; i < LUDC_COUNT(bad); i++) {
        lud_error e = LUDC_ERROR_INIT;
        CHECK_INT(ludc_run_logits(run, &bad[i], logits, &e), LUD_E_INVALID);
    }
    ludc_run_free(run);
}

/* A row's bits do not depend on what it is packed with, and the cache gives the same as no cache. */
static void same_bits(ludc_model *m) {
    enum { V = 160, T = 7 };
    int32_t ids[2 * T], positions[2 * T], rows[2 * T], offsets[3] = {0, T, 2 * T}, pages[4] = {2, 0, 3, 1};
    static float alone[T * V], packed[2 * T * V], cached[2 * T * V];
    lud_error err = LUDC_ERROR_INIT;
    ludc_run *run = NULL, *decode = NULL;
    for (int32_t i = 0; i < 2 * T; i++) {
        ids[i] = (i * 37 + 5) % V;
        positions[i] = i % T;
        rows[i] = i;
    }
    CHECK_INT(ludc_model_info_of(m)->vocab_size, V);
    const ludc_run_caps caps = {.T = 2 * T, .S = 2, .N = 2 * T, .page_size = 4, .pages_per_segment = 2, .n_pages = 4};
    CHECK_OK(ludc_run_new(m, LUDC_RUN_LOGITS, &caps, &run, &err), err);
    CHECK_OK(ludc_run_new(m, LUDC_RUN_DECODE, &caps, &decode, &err), err);
    const ludc_run_tokens both = {2 * T, 2, 2 * T, ids, positions, offsets, rows, pages};
    const ludc_run_tokens second = {T, 1, T, ids + T, positions, offsets, rows, NULL};
    CHECK_OK(ludc_run_logits(run, &both, packed, &err), err);
    CHECK_OK(ludc_run_logits(run, &second, alone, &err), err);
    CHECK(memcmp(packed + T * V, alone, sizeof alone) == 0);
    for (int32_t t = 0; t < T; t++) { /* one token of each segment at a time */
        int32_t two[2] = {ids[t], ids[T + t]}, at[2] = {t, t}, cut[3] = {0, 1, 2}, out[2] = {0, 1};
        const ludc_run_tokens step = {2, 2, 2, two, at, cut, out, pages};
        CHECK_OK(ludc_run_logits(decode, &step, cached, &err), err);
        CHECK(memcmp(cached, packed + t * V, V * sizeof *cached) == 0);
        CHECK(memcmp(cached + V, packed + (T + t) * V, V * sizeof *cached) == 0);
    }
    ludc_run_free(run);
    ludc_run_free(decode);
}

static void merge_by_running(ludc_model *m) {
    static float own[64 * 64], ran[64 * 64], a[4096];
    static const char *const params[] = {"model.layers.0.self_attn.q_proj.lora_B.weight"};
    lud_error err = LUDC_ERROR_INIT;
    ludc_store *store = ludc_model_store(m);
    int64_t index = ludc_store_index(store, ludc_str(params[0]));
    CHECK(index >= 0);
    for (size_t i = 0; i < LUDC_COUNT(a); i++)
        a[i] = (float)((int)(i * 7 % 11) - 5) * 0.01f;
    CHECK_OK(ludc_store_set(store, (size_t)index, a, &err), err);
    CHECK_OK(ludc_model_merged(m, "model.layers.0.self_attn.q_proj", own, &err), err);
    lud_adapter_vt without = *m->adapter_vt;
    const lud_adapter_vt *with = m->adapter_vt;
    without.merge = NULL;
    m->adapter_vt = &without;
    CHECK_OK(ludc_model_merged(m, "model.layers.0.self_attn.q_proj", ran, &err), err);
    m->adapter_vt = with;
    const ludc_site *s = ludc_site_find(m, LUDC_STR("model.layers.0.self_attn.q_proj"));
    int64_t n = s->site.d_in * s->site.d_out;
    CHECK(n <= (int64_t)LUDC_COUNT(own) && golden_max(own, n) > 0);
    CHECK(golden_error(ran, own, n) < 1e-5);
    lud_error missing = LUDC_ERROR_INIT;
    CHECK_INT(ludc_model_merged(m, "model.layers.99.self_attn.q_proj", own, &missing), LUD_E_NOT_FOUND);
}

/* A batch without targets is legal and has no loss. */
static void no_targets(ludc_model *m) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_run *run = NULL;
    ludc_batch b = {0};
    int32_t ids[4] = {1, 2, 3, 4};
    const ludc_row row = {.ids = ids, .len = 4, .prompt_len = 4};
    const ludc_run_caps caps = {.T = 4, .S = 1, .N = 4};
    ludc_run_result r = {.loss_sum = 1, .weight_sum = 1};
    CHECK_OK(ludc_batch_init(&b, 4, 1, &err), err);
    ludc_batch_clear(&b);
    ludc_batch_add(&b, &row, 0, 0);
    CHECK_INT(b.N, 0);
    CHECK_OK(ludc_run_new(m, LUDC_RUN_TRAIN, &caps, &run, &err), err);
    CHECK_OK(ludc_run_batch(run, &b, 1.0f, &r, &err), err);
    CHECK(r.loss_sum == 0.0 && r.weight_sum == 0.0);
    ludc_run_free(run);
    ludc_batch_free(&b);
}

int main(void) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_value *config = NULL;
    ludc_model *m = NULL;
    ludc_log_set(NULL, NULL, LUD_LOG_ERROR);
    golden_init(&g);
    base = golden_path(&g, "tiny", "llama");
    refusals();
    out_of_memory();
    CHECK_OK(open_with("{\"type\": \"lora\", \"r\": 4, \"dropout\": 0.1}", base, &config, &m, &err), err);
    if (m) {
        wrong_tokens(m);
        same_bits(m);
        no_targets(m);
        merge_by_running(m);
    }
    ludc_model_free(m);
    ludc_value_free(config);
    ludc_free(base);
    golden_free(&g);
    return check_done();
}
