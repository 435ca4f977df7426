/* SPDX-License-Identifier: Apache-2.0
 * Real vocabularies: each line of a reference (text, ids, ids_without_special, decoded) must come out exactly, from the
 * model as it is and from the tokenizer.json rebuilt from it. Takes every folder of the references that has a
 * tokenizer.jsonl; skips those whose model is not there. */
#include "check.h"
#include <formats.h>
#include <text.h>

enum { SKIP = 77 };

static char *base_dir(const char *variable, const char *from, const char *fallback) {
    const char *dir = getenv(variable), *root = getenv(from);
    return dir ? ludc_strdup(dir) : ludc_path_join(root ? root : ".", fallback);
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
    bool ok = same_ids(t, text, true, ludc_value_get(row, "ids"), &ids);
    ok = same_ids(t, text, false, ludc_value_get(row, "ids_without_special"), &ids) && ok;
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

static ludc_tokenizer *open_gguf(const char *path) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_tensors *file = NULL;
    ludc_tokenizer *t = NULL;
    CHECK_OK(ludc_gguf_open(path, &file, &err), err);
    if (file) CHECK_OK(ludc_tokenizer_from_gguf(ludc_tensors_metadata(file), &t, &err), err);
    ludc_tensors_free(file);
    return t;
}

static ludc_tokenizer *open_folder(const char *path) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_base_model *base = NULL;
    ludc_tokenizer *t = NULL;
    CHECK_OK(ludc_base_model_open(path, &base, &err), err);
    if (base) CHECK_OK(ludc_tokenizer_open(path, base->tokenizer_config, &t, &err), err);
    ludc_base_model_free(base);
    return t;
}

/* As if the folder held its vocab.txt only. */
static ludc_tokenizer *open_vocab_txt(const char *folder) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_buf text = {0};
    ludc_tokenizer *t = NULL;
    char *path = ludc_path_join(folder, "vocab.txt");
    if (ludc_path_exists(path)) {
        CHECK_OK(ludc_file_read(path, &text, &err), err);
        CHECK_OK(ludc_tokenizer_from_vocab_txt(text.ptr, text.len, path, NULL, &t, &err), err);
    }
    ludc_free(path);
    ludc_buf_free(&text);
    return t;
}

/* Frees the tokenizer; NULL: no cases. */
static int check_both(ludc_tokenizer *t, const char *reference) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_tokenizer *rebuilt = NULL;
    ludc_buf json = {0};
    if (!t) return 0;
    int cases = check_lines(t, reference);
    CHECK_OK(ludc_tokenizer_to_json(t, &json, &err), err);
    CHECK_OK(ludc_tokenizer_from_json(json.ptr, json.len, "rebuilt", NULL, &rebuilt, &err), err);
    if (rebuilt) cases += check_lines(rebuilt, reference);
    ludc_buf_free(&json);
    ludc_tokenizer_free(rebuilt);
    ludc_tokenizer_free(t);
    return cases;
}

static int check_folder(const char *name, const char *reference, const char *models) {
    static const char *const known[][2] = {{"smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"},
                                           {"minilm", "all-MiniLM-L6-v2"}};
    const char *model = NULL;
    int cases = 0;
    for (size_t k = 0; k < LUDC_COUNT(known); k++)
        model = strcmp(name, known[k][0]) == 0 ? known[k][1] : model;
    char *path = ludc_path_join(models, model ? model : name);
    if (!ludc_path_exists(path)) {
        printf("skip %s: there is no %s (LUDWIG_MODELS)\n", name, path);
    } else if (ludc_path_is_dir(path)) {
        cases = check_both(open_folder(path), reference) + check_both(open_vocab_txt(path), reference);
    } else {
        cases = check_both(open_gguf(path), reference);
    }
    if (cases) printf("golden_tokenizer: %s: %d cases\n", name, cases);
    ludc_free(path);
    return cases;
}

int main(void) {
    lud_error err = LUDC_ERROR_INIT;
    char *shared = base_dir("LUDWIG_SHARED", "LUDWIG_TEST_SOURCE_DIR", "../shared");
    char *models = base_dir("LUDWIG_MODELS", "HOME", ".cache/ludwig/models");
    char *golden = ludc_path_join(shared, "golden"), **names = NULL;
    size_t n = 0;
    int cases = 0;
    if (ludc_path_is_dir(golden)) {
        CHECK_OK(ludc_dir_list(golden, &names, &n, &err), err);
    } else {
        printf("skip golden_tokenizer: there is no %s (LUDWIG_SHARED)\n", golden);
    }
    for (size_t i = 0; i < n; i++) {
        char *folder = ludc_path_join(golden, names[i]), *reference = ludc_path_join(folder, "tokenizer.jsonl");
        if (ludc_path_exists(reference)) cases += check_folder(names[i], reference, models);
        ludc_free(reference);
        ludc_free(folder);
    }
    ludc_dir_list_free(names, n);
    ludc_free(golden);
    ludc_free(models);
    ludc_free(shared);
    return cases || check_failures ? check_done() : SKIP;
}
