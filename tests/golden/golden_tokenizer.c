/* SPDX-License-Identifier: Apache-2.0
 * A real vocabulary: each line of the reference (text, ids, ids_without_special, decoded) must come out exactly, from
 * the GGUF and from the tokenizer.json rebuilt from it. Needs the reference folder and the model; skips by name. */
#include "check.h"
#include <formats.h>
#include <text.h>

enum { SKIP = 77 };

static char *path_from(const char *variable, const char *fallback, const char *name) {
    const char *dir = getenv(variable);
    return ludc_path_join(dir ? dir : fallback, name);
}

static char *reference_path(void) {
    const char *source = getenv("LUDWIG_TEST_SOURCE_DIR");
    char *fallback = ludc_path_join(source ? source : ".", "../shared");
    char *path = path_from("LUDWIG_SHARED", fallback, "golden/smollm2/tokenizer.jsonl");
    ludc_free(fallback);
    return path;
}

static char *model_path(void) {
    const char *home = getenv("HOME");
    char *fallback = ludc_path_join(home ? home : ".", ".cache/ludwig/models");
    char *path = path_from("LUDWIG_MODELS", fallback, "SmolLM2-135M-Instruct.Q4_1.gguf");
    ludc_free(fallback);
    return path;
}

static bool same_ids(const ludc_tokenizer *t, lud_str text, bool special, const ludc_value *want, ludc_ids *ids) {
    lud_error err = LUDC_ERROR_INIT;
    ids->len = 0;
    CHECK_OK(ludc_tokenizer_encode(t, text, special, ids, &err), err);
    bool same = want && ids->len == want->len;
    for (size_t i = 0; same && i < want->len; i++)
        same = want->items[i]->type == LUD_CFG_INT && want->items[i]->u.i == ids->ptr[i];
    return same;
}

static void check_row(const ludc_tokenizer *t, const ludc_value *row, int line) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_ids ids = {0};
    ludc_buf out = {0};
    lud_str text = ludc_get_str(row, "text", (lud_str){NULL, 0}), decoded = ludc_get_str(row, "decoded", text);
    bool ok = same_ids(t, text, false, ludc_value_get(row, "ids_without_special"), &ids);
    ok = same_ids(t, text, true, ludc_value_get(row, "ids"), &ids) && ok;
    CHECK_OK(ludc_tokenizer_decode(t, ids.ptr, ids.len, false, &out, &err), err);
    ok = ok && ludc_str_same((lud_str){out.ptr, out.len}, decoded);
    if (!ok) fprintf(stderr, "line %d: '%.*s'\n", line, (int)LUDC_MIN(text.len, 100), text.ptr);
    CHECK(ok);
    ludc_ids_free(&ids);
    ludc_buf_free(&out);
}

static int check_lines(const ludc_tokenizer *t, const char *path) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_buf text = {0};
    int line = 0, cases = 0;
    CHECK_OK(ludc_file_read(path, &text, &err), err);
    for (size_t at = 0, n; at < text.len; at += n + 1) {
        const char *end = memchr(text.ptr + at, '\n', text.len - at);
        ludc_value *row = NULL;
        n = end ? (size_t)(end - text.ptr) - at : text.len - at;
        line++;
        if (n == 0) continue;
        CHECK_OK(ludc_json_parse(text.ptr + at, n, path, false, true, &row, &err), err);
        if (row) check_row(t, row, line);
        cases += row != NULL;
        ludc_value_free(row);
    }
    ludc_buf_free(&text);
    return cases;
}

static int check_model(const char *reference, const char *model) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_tensors *file = NULL;
    ludc_tokenizer *t = NULL, *rebuilt = NULL;
    ludc_buf json = {0};
    int cases = 0;
    CHECK_OK(ludc_gguf_open(model, &file, &err), err);
    if (file) CHECK_OK(ludc_tokenizer_from_gguf(ludc_tensors_metadata(file), &t, &err), err);
    if (t) {
        cases += check_lines(t, reference);
        CHECK_OK(ludc_tokenizer_to_json(t, &json, &err), err);
        CHECK_OK(ludc_tokenizer_from_json(json.ptr, json.len, "rebuilt", NULL, &rebuilt, &err), err);
    }
    if (rebuilt) cases += check_lines(rebuilt, reference);
    ludc_buf_free(&json);
    ludc_tokenizer_free(rebuilt);
    ludc_tokenizer_free(t);
    ludc_tensors_free(file);
    return cases;
}

int main(void) {
    char *reference = reference_path(), *model = model_path();
    int result = SKIP;
    if (!ludc_path_exists(reference)) {
        printf("skip golden_tokenizer: there is no %s (LUDWIG_SHARED)\n", reference);
    } else if (!ludc_path_exists(model)) {
        printf("skip golden_tokenizer: there is no %s (LUDWIG_MODELS)\n", model);
    } else {
        int cases = check_model(reference, model);
        printf("golden_tokenizer: %d cases\n", cases);
        CHECK(cases > 0);
        result = check_done();
    }
    ludc_free(reference);
    ludc_free(model);
    return result;
}
