/* SPDX-License-Identifier: Apache-2.0
 * logits BASE ADAPTER TEXT OUT: the logits of every token of TEXT, as float32 rows [tokens, vocabulary], into the file
 * OUT. BASE: a model folder or a GGUF file; ADAPTER: an adapter folder, or "" for none. */
#include <golden.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lud_status logits_of(ludc_model *m, const ludc_ids *ids, float **out, lud_error *err) {
    const ludc_run_caps caps = {.T = (int64_t)ids->len, .S = 1, .N = (int64_t)ids->len};
    const int32_t offsets[2] = {0, (int32_t)ids->len};
    int32_t *count = ludc_alloc(ids->len * sizeof *count); /* 0, 1 ...: positions, and the wanted rows */
    ludc_run *run = NULL;
    *out = ludc_alloc(ids->len * (size_t)ludc_model_info_of(m)->vocab_size * sizeof **out);
    for (size_t i = 0; i < ids->len; i++)
        count[i] = (int32_t)i;
    const ludc_run_tokens tokens = {
        .T = caps.T, .S = 1, .N = caps.N, .ids = ids->ptr, .positions = count, .seg_offsets = offsets, .rows = count};
    lud_status status = ludc_run_new(m, LUDC_RUN_LOGITS, &caps, &run, err);
    if (status == LUD_OK) status = ludc_run_logits(run, &tokens, *out, err);
    ludc_run_free(run);
    ludc_free(count);
    return status;
}

static lud_status write_rows(const char *path, const float *rows, size_t n, lud_error *err) {
    FILE *f = fopen(path, "wb");
    bool ok = f && fwrite(rows, sizeof *rows, n, f) == n;
    if (f && fclose(f) != 0) ok = false;
    return ok ? LUD_OK : ludc_fail(err, LUD_E_IO, "%s: cannot write", path);
}

int main(int argc, char **argv) {
    golden g;
    golden_model m = {0};
    lud_error err = LUDC_ERROR_INIT;
    ludc_ids ids = {0};
    float *rows = NULL;
    if (argc != 5) {
        fprintf(stderr, "usage: logits BASE ADAPTER TEXT OUT\n");
        return 2;
    }
    golden_init(&g);
    lud_status status = golden_open(&g, argv[1], argv[2][0] ? argv[2] : NULL, "auto", false, 0, &m, &err);
    if (status == LUD_OK) {
        const ludc_model_info *info = ludc_model_info_of(m.model);
        status = ludc_tokenizer_encode(info->tokenizer, ludc_str(argv[3]), true, &ids, &err);
        if (status == LUD_OK) status = logits_of(m.model, &ids, &rows, &err);
        if (status == LUD_OK) status = write_rows(argv[4], rows, ids.len * (size_t)info->vocab_size, &err);
    }
    if (status != LUD_OK) fprintf(stderr, "error: %s\n", err.msg);
    ludc_free(rows);
    ludc_ids_free(&ids);
    golden_close(&m);
    golden_free(&g);
    return status == LUD_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
