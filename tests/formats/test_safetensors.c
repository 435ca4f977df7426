/* SPDX-License-Identifier: Apache-2.0
 * safetensors: every rule of the reader on a file built for it, the bytes of the writer, shards, random mutations, and
 * each allocation failing in turn. */
#include "files.h"

#include <check.h>
#include <formats.h>

/* Builds length | header | data and opens it. `length` replaces the true header length if >= 0. */
static lud_status open_text(const char *header, size_t n, int64_t length, size_t data, ludc_tensors **out,
                            lud_error *err) {
    ludc_buf b = {0};
    put_le(&b, length >= 0 ? (uint64_t)length : n, 8);
    ludc_buf_add(&b, header, n);
    for (size_t i = 0; i < data; i++)
        put_le(&b, i, 1);
    const char *path = files_put("case.safetensors", b.ptr, b.len);
    ludc_buf_free(&b);
    return ludc_safetensors_open(path, out, err);
}

typedef struct rule {
    const char *name;
    const char *header;
    size_t data;
    const char *refusal; /* part of the message; NULL = accepted */
} rule;

static const rule rules[] = {
    {"one tensor", "{\"w\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}}", 24, NULL},
    {"empty object", "{}", 0, NULL},
    {"scalar", "{\"w\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4, NULL},
    {"zero-size tensor", "{\"w\":{\"dtype\":\"F32\",\"shape\":[0,5],\"data_offsets\":[0,0]}}", 0, NULL},
    {"empty name", "{\"\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1, NULL},
    {"extra field", "{\"w\":{\"dtype\":\"U8\",\"shape\":[1],\"x\":1,\"data_offsets\":[0,1]}}", 1, NULL},
    {"trailing blanks, odd length", "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}} \n ", 4, NULL},
    {"metadata", "{\"__metadata__\":{\"format\":\"pt\"}}", 0, NULL},
    {"metadata null", "{\"__metadata__\":null}", 0, NULL},
    {"order of offsets",
     "{\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[2,4]},"
     "\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}",
     4, NULL},
    {"F4 in whole bytes", "{\"w\":{\"dtype\":\"F4\",\"shape\":[4],\"data_offsets\":[0,2]}}", 2, NULL},
    {"leading blank", " {}", 0, "does not begin with '{'"},
    {"a list", "[]", 0, "does not begin with '{'"},
    {"no UTF-8", "{\"\xff\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "UTF-8"},
    {"not closed", "{\"w\":{", 0, "case.safetensors"},
    {"bytes after the object", "{} x", 0, "case.safetensors"},
    {"control character in name", "{\"a\\u0001\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1,
     "control characters"},
    {"NUL in name", "{\"a\\u0000\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "case.safetensors"},
    {"duplicate name",
     "{\"w\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
     "\"w\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
     1, "case.safetensors"},
    {"duplicate metadata", "{\"__metadata__\":{},\"__metadata__\":{}}", 0, "case.safetensors"},
    {"duplicate metadata key", "{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0, "case.safetensors"},
    {"metadata value no string", "{\"__metadata__\":{\"a\":1}}", 0, "only strings"},
    {"metadata no object", "{\"__metadata__\":[]}", 0, "must be an object"},
    {"hole at the start", "{\"w\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}", 2, "begins at byte 1"},
    {"hole between",
     "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
     "\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[2,3]}}",
     3, "begins at byte 2 of the data, expected 1"},
    {"overlap",
     "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
     "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}",
     3, "begins at byte 1 of the data, expected 2"},
    {"end before begin", "{\"w\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[2,1]}}", 2, "before it begins"},
    {"short file", "{\"w\":{\"dtype\":\"U8\",\"shape\":[9],\"data_offsets\":[0,9]}}", 8,
     "truncated: expected 70 bytes, the file has 69"},
    {"bytes after the data", "{\"w\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 2,
     "bytes after the last tensor"},
    {"product overflows, zero last",
     "{\"w\":{\"dtype\":\"U8\",\"shape\":[70368744177664,70368744177664,0],"
     "\"data_offsets\":[0,0]}}",
     0, "overflows"},
    {"dimension beyond 2^47", "{\"w\":{\"dtype\":\"U8\",\"shape\":[0,4611686018427387904,8],\"data_offsets\":[0,0]}}",
     0, "2^47"},
    {"bytes overflow", "{\"w\":{\"dtype\":\"F64\",\"shape\":[2147483648,2147483648],\"data_offsets\":[0,0]}}", 0,
     "overflows"},
    {"F4 in half a byte", "{\"w\":{\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,2]}}", 2, "whole bytes"},
    {"size differs from shape", "{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4,
     "need 8 bytes, data_offsets give 4"},
    {"float in shape", "{\"w\":{\"dtype\":\"U8\",\"shape\":[1.0],\"data_offsets\":[0,1]}}", 1, "dimension 0"},
    {"negative dimension", "{\"w\":{\"dtype\":\"U8\",\"shape\":[-1],\"data_offsets\":[0,1]}}", 1, "dimension 0"},
    {"dimension beyond u64", "{\"w\":{\"dtype\":\"U8\",\"shape\":[18446744073709551616],\"data_offsets\":[0,1]}}", 1,
     "dimension 0"},
    {"float offset", "{\"w\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1.0]}}", 1, "data_offsets"},
    {"negative offset", "{\"w\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[-1,0]}}", 1, "data_offsets"},
    {"offset beyond u64", "{\"w\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,18446744073709551617]}}", 1,
     "data_offsets"},
    {"three offsets", "{\"w\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,1]}}", 1, "data_offsets"},
    {"unknown dtype", "{\"w\":{\"dtype\":\"X9\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "unknown dtype 'X9'"},
    {"lower-case dtype", "{\"w\":{\"dtype\":\"f32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "unknown dtype 'f32'"},
    {"no dtype", "{\"w\":{\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "'dtype' is missing"},
    {"no shape", "{\"w\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", 1, "'shape'"},
    {"no offsets", "{\"w\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1, "'data_offsets'"},
    {"entry no object", "{\"w\":3}", 1, "must be an object"},
    {"nine dimensions", "{\"w\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,1]}}", 1,
     "9 dimensions"},
};

static void check_refused(const char *name, lud_status s, const char *want, const lud_error *err) {
    if (s == LUD_E_IO && strstr(err->msg, want)) return;
    fprintf(stderr, "rule '%s': status %d, message '%s', wanted '%s'\n", name, s, err->msg, want);
    check_failures++;
}

static void test_rules(void) {
    for (size_t i = 0; i < LUDC_COUNT(rules); i++) {
        lud_error err = LUDC_ERROR_INIT;
        ludc_tensors *set = NULL;
        lud_status s = open_text(rules[i].header, strlen(rules[i].header), -1, rules[i].data, &set, &err);
        check_count++;
        if (rules[i].refusal)
            check_refused(rules[i].name, s, rules[i].refusal, &err);
        else if (s != LUD_OK)
            check_refused(rules[i].name, s, "acceptance", &err);
        ludc_tensors_free(set);
    }
}

static void test_lengths(void) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_tensors *set = NULL;
    CHECK_INT(ludc_safetensors_open(files_put("short", "1234567", 7), &set, &err), LUD_E_IO);
    CHECK(strstr(err.msg, "at least 8 bytes"));
    static const int64_t lengths[] = {100000001, INT64_MAX, 3, 0, 1000};
    for (size_t i = 0; i < LUDC_COUNT(lengths); i++) {
        err = LUDC_ERROR_INIT;
        CHECK_INT(open_text("{}", 2, lengths[i], 0, &set, &err), LUD_E_IO);
    }
    err = LUDC_ERROR_INIT;
    CHECK_INT(open_text("{}\0", 3, 3, 0, &set, &err), LUD_E_IO); /* NUL after the object */
    err = LUDC_ERROR_INIT;
    CHECK_INT(ludc_safetensors_open(files_put("empty", "", 0), &set, &err), LUD_E_IO);
    err = LUDC_ERROR_INIT;
    CHECK_INT(ludc_safetensors_open(files_path("absent"), &set, &err), LUD_E_IO);
    CHECK(strstr(err.msg, "absent"));
}

static void test_access(void) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_tensors *set = NULL;
    const char *text =
        "{\"__metadata__\":{\"format\":\"pt\"},\"w\":{\"dtype\":\"U8\",\"shape\":[2,2],\"data_offsets\":[0,4]}} ";
    CHECK_OK(open_text(text, strlen(text), -1, 4, &set, &err), err);
    const ludc_file_tensor *t = ludc_tensors_find(set, LUDC_STR("w"));
    CHECK(t && t == ludc_tensors_at(set, 0) && ludc_tensors_len(set) == 1 && !ludc_tensors_at(set, 1));
    CHECK(!ludc_tensors_find(set, LUDC_STR("x")));
    CHECK(t && t->rank == 2 && t->dim[1] == 2 && t->count == 4 && t->bytes == 4 && t->data[3] == 3);
    CHECK_TEXT(ludc_tensors_scheme(set), "hf");
    CHECK(ludc_str_eq(ludc_get_str(ludc_tensors_metadata(set), "format", LUDC_STR("")), "pt"));
    ludc_tensors_free(set);
    ludc_tensors_free(NULL);
}

/* The very bytes that safetensors 0.8 writes for these tensors. */
static void test_writer_bytes(void) {
    static const float v[] = {1.0f, -2.0f, 65520.0f, 1e-8f};
    static const ludc_save_tensor t[] = {
        {.name = "b", .dtype = LUDC_F16, .rank = 1, .dim = {4}, .data = v},
        {.name = "z", .dtype = LUDC_F32, .rank = 2, .dim = {1, 2}, .data = v},
        {.name = "a", .dtype = LUDC_BF16, .rank = 0, .data = v},
        {.name = "y\"\\\xc3\xa9", .dtype = LUDC_F32, .rank = 1, .dim = {0}, .data = v},
    };
    static const char want[] = "{\"__metadata__\":{\"format\":\"pt\"},"
                               "\"y\\\"\\\\\xc3\xa9\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},"
                               "\"z\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]},"
                               "\"a\":{\"dtype\":\"BF16\",\"shape\":[],\"data_offsets\":[8,10]},"
                               "\"b\":{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[10,18]}}";
    static const uint8_t data[] = {0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 0x80, 0x3f, 0, 0x3c, 0, 0xc0, 0, 0x7c, 0, 0};
    lud_error err = LUDC_ERROR_INIT;
    ludc_buf got = {0};
    const char *path = files_path("w.safetensors");
    CHECK_OK(ludc_safetensors_save(path, t, LUDC_COUNT(t), &err), err);
    CHECK_OK(ludc_file_read(path, &got, &err), err);
    size_t n = (sizeof want - 1 + 7) / 8 * 8;
    CHECK_INT(got.len, 8 + n + sizeof data);
    CHECK(got.len > 8 + n && memcmp(got.ptr + 8, want, sizeof want - 1) == 0);
    CHECK(got.len == 8 + n + sizeof data && memcmp(got.ptr + 8 + n, data, sizeof data) == 0);
    ludc_buf_free(&got);
    ludc_tensors *set = NULL;
    CHECK_OK(ludc_safetensors_open(path, &set, &err), err);
    CHECK_INT(set ? ludc_tensors_len(set) : 0, 4);
    ludc_tensors_free(set);
}

static void test_writer_refusals(void) {
    static const float v[4] = {0};
    const ludc_save_tensor bad[][2] = {
        {{.name = "a", .dtype = LUDC_F32, .rank = 1, .dim = {4}, .data = v},
         {.name = "a", .dtype = LUDC_F16, .rank = 1, .dim = {4}, .data = v}},
        {{.name = "a", .dtype = LUDC_Q4_1, .rank = 1, .dim = {32}, .data = v},
         {.name = "b", .dtype = LUDC_F32, .data = v}},
        {{.name = "a\n", .dtype = LUDC_F32, .data = v}, {.name = "b", .dtype = LUDC_F32, .data = v}},
        {{.name = "__metadata__", .dtype = LUDC_F32, .data = v}, {.name = "b", .dtype = LUDC_F32, .data = v}},
        {{.name = "a", .dtype = LUDC_F32, .rank = 9, .data = v}, {.name = "b", .dtype = LUDC_F32, .data = v}},
        {{.name = "a", .dtype = LUDC_F32, .rank = 1, .dim = {-1}, .data = v},
         {.name = "b", .dtype = LUDC_F32, .data = v}},
    };
    for (size_t i = 0; i < LUDC_COUNT(bad); i++) {
        lud_error err = LUDC_ERROR_INIT;
        CHECK(ludc_safetensors_save(files_path("bad.safetensors"), bad[i], 2, &err) != LUD_OK && err.msg[0]);
        CHECK(!ludc_path_exists(files_path("bad.safetensors")));
        err = LUDC_ERROR_INIT;
        CHECK(ludc_safetensors_save_sharded(files_path("bad"), bad[i], 2, 4, &err) != LUD_OK);
    }
    lud_error err = LUDC_ERROR_INIT;
    CHECK_INT(ludc_safetensors_save(files_path("no/such/folder.safetensors"), bad[0], 1, &err), LUD_E_IO);
}

/* ---- Shards ---- */

static const float ramp[8] = {0, 1, 2, 3, 4, 5, 6, 7};
static const ludc_save_tensor three[] = {
    {.name = "a", .dtype = LUDC_F32, .rank = 1, .dim = {2}, .data = ramp},
    {.name = "b", .dtype = LUDC_F32, .rank = 1, .dim = {8}, .data = ramp},
    {.name = "c", .dtype = LUDC_F32, .rank = 1, .dim = {2}, .data = ramp},
};

static void test_shards(void) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_tensors *set = NULL;
    ludc_buf index = {0};
    CHECK_OK(ludc_safetensors_save_sharded(files_path("m"), three, 3, 16, &err), err);
    CHECK_OK(ludc_file_read(files_path("m/model.safetensors.index.json"), &index, &err), err);
    CHECK_TEXT(index.ptr, "{\n  \"metadata\": {\n    \"total_size\": 48\n  },\n  \"weight_map\": {\n"
                          "    \"a\": \"model-00001-of-00002.safetensors\",\n"
                          "    \"b\": \"model-00002-of-00002.safetensors\",\n"
                          "    \"c\": \"model-00001-of-00002.safetensors\"\n  }\n}\n");
    ludc_buf_free(&index);
    CHECK_OK(ludc_safetensors_open(files_path("m/model.safetensors.index.json"), &set, &err), err);
    CHECK_INT(set ? ludc_tensors_len(set) : 0, 3);
    const ludc_file_tensor *b = set ? ludc_tensors_find(set, LUDC_STR("b")) : NULL;
    CHECK(b && b->count == 8 && memcmp(b->data, ramp, sizeof ramp) == 0);
    CHECK(set && ludc_str_eq(ludc_get_str(ludc_tensors_metadata(set), "format", LUDC_STR("")), "pt"));
    ludc_tensors_free(set);
    /* Saving again as one file removes the index, and the other way round. */
    CHECK_OK(ludc_safetensors_save_sharded(files_path("m"), three, 3, 1000, &err), err);
    CHECK(ludc_path_exists(files_path("m/model.safetensors")));
    CHECK(!ludc_path_exists(files_path("m/model.safetensors.index.json")));
    CHECK_OK(ludc_safetensors_save_sharded(files_path("m"), three, 3, 32, &err), err);
    CHECK(!ludc_path_exists(files_path("m/model.safetensors")));
    CHECK(ludc_path_exists(files_path("m/model-00003-of-00003.safetensors")));
}

static void test_bad_index(void) {
    static const struct {
        const char *json, *refusal;
    } cases[] = {
        {"[]", "weight_map"},
        {"{}", "weight_map"},
        {"{\"weight_map\":[]}", "weight_map"},
        {"{\"weight_map\":{\"a\":1}}", "must be a file name"},
        {"{\"weight_map\":{\"a\":\"../x.safetensors\"}}", "plain file name"},
        {"{\"weight_map\":{\"a\":\"/x.safetensors\"}}", "plain file name"},
        {"{\"weight_map\":{\"a\":\"s/x.safetensors\"}}", "plain file name"},
        {"{\"weight_map\":{\"a\":\"s\\\\x.safetensors\"}}", "plain file name"},
        {"{\"weight_map\":{\"a\":\"..\"}}", "plain file name"},
        {"{\"weight_map\":{\"a\":\"\"}}", "plain file name"},
        {"{\"weight_map\":{\"a\":\"C:x\"}}", "plain file name"},
        {"{\"weight_map\":{\"a\":\"x\\n\"}}", "plain file name"},
        {"{\"weight_map\":{\"a\":\"none.safetensors\"}}", "missing"},
        {"{\"weight_map\":{\"a\":\"one.safetensors\",\"zz\":\"one.safetensors\"}}", "tensor 'zz' is not in"},
        {"{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"two.safetensors\"}}", "holds it too"},
        {"{\"weight_map\":{\"a\":\"one.safetensors\",\"a\":\"two.safetensors\"}}", "x.index.json"},
        {"{\"weight_map\":{\"a\":\"one.safetensors\"", "x.index.json"},
    };
    lud_error err = LUDC_ERROR_INIT;
    CHECK_OK(ludc_safetensors_save(files_path("one.safetensors"), three, 2, &err), err);
    CHECK_OK(ludc_safetensors_save(files_path("two.safetensors"), three, 2, &err), err);
    for (size_t i = 0; i < LUDC_COUNT(cases); i++) {
        ludc_tensors *set = NULL;
        err = LUDC_ERROR_INIT;
        const char *path = files_put("x.index.json", cases[i].json, strlen(cases[i].json));
        lud_status s = ludc_safetensors_open(path, &set, &err);
        check_count++;
        check_refused(cases[i].json, s, cases[i].refusal, &err);
        ludc_tensors_free(set);
    }
    /* Not named by the index: ignored. total_size may be anything. */
    static const char extra[] = "{\"metadata\":{\"total_size\":1.5},\"weight_map\":{\"a\":\"one.safetensors\"}}";
    ludc_tensors *set = NULL;
    err = LUDC_ERROR_INIT;
    CHECK_OK(ludc_safetensors_open(files_put("x.index.json", extra, sizeof extra - 1), &set, &err), err);
    CHECK_INT(set ? ludc_tensors_len(set) : 0, 1);
    ludc_tensors_free(set);
}

/* ---- Abuse ---- */

static void read_everything(const ludc_tensors *set) {
    float x[64];
    for (size_t i = 0; i < ludc_tensors_len(set); i++) {
        const ludc_file_tensor *t = ludc_tensors_at(set, i);
        lud_error err = LUDC_ERROR_INIT;
        for (int64_t k = 0; k + 64 <= t->count; k += 64)
            (void)ludc_tensor_to_f32(t, k, 64, x, &err);
        volatile uint8_t last = t->bytes ? t->data[t->bytes - 1] : 0;
        (void)last;
    }
}

static void test_mutations(void) {
    static const char header[] = "{\"__metadata__\":{\"format\":\"pt\"},"
                                 "\"a\":{\"dtype\":\"F32\",\"shape\":[2,32],\"data_offsets\":[0,256]},"
                                 "\"b\":{\"dtype\":\"BF16\",\"shape\":[64],\"data_offsets\":[256,384]},"
                                 "\"c\":{\"dtype\":\"F4\",\"shape\":[2],\"data_offsets\":[384,385]}}";
    int accepted = 0;
    for (uint64_t seed = 1; seed <= 6000; seed++) {
        lud_error err = LUDC_ERROR_INIT;
        ludc_tensors *set = NULL;
        ludc_buf b = {0};
        put_le(&b, sizeof header - 1, 8);
        ludc_buf_adds(&b, header);
        for (int i = 0; i < 385; i++)
            put_le(&b, (uint64_t)i, 1);
        files_mutate(&b, seed);
        lud_status s = ludc_safetensors_open(files_put("mutant", b.ptr, b.len), &set, &err);
        ludc_buf_free(&b);
        if (s == LUD_OK) read_everything(set), accepted++;
        CHECK(s == LUD_OK || (s == LUD_E_IO && err.msg[0]));
        ludc_tensors_free(set);
    }
    printf("mutations: %d of 6000 accepted\n", accepted);
    CHECK(accepted > 0 && accepted < 6000);
}

static lud_status once_more(lud_error *err) {
    ludc_tensors *set = NULL;
    lud_status s = ludc_safetensors_save_sharded(files_path("oom"), three, 3, 16, err);
    if (s == LUD_OK) s = ludc_safetensors_open(files_path("oom/model.safetensors.index.json"), &set, err);
    ludc_tensors_free(set);
    return s;
}

static void test_out_of_memory(void) {
    for (int persistent = 0; persistent < 2; persistent++) {
        int64_t k = 0;
        for (;; k++) {
            lud_error err = LUDC_ERROR_INIT;
            ludc_alloc_fail_after(k, persistent != 0);
            lud_status s = once_more(&err);
            ludc_alloc_fail_after(-1, false);
            if (s == LUD_OK) break;
            CHECK(s == LUD_E_NOMEM || s == LUD_E_IO);
        }
        CHECK(k > 30);
    }
}

/* 30,000 entries: the header-bloat attack. */
static void test_many_tensors(void) {
    ludc_buf b = {0};
    lud_error err = LUDC_ERROR_INIT;
    ludc_tensors *set = NULL;
    ludc_buf_adds(&b, "{");
    for (int i = 0; i < 30000; i++)
        ludc_buf_addf(&b, "%s\"t%d\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%d,%d]}", i ? "," : "", i, i,
                      i + 1);
    ludc_buf_adds(&b, "}");
    double start = ludc_now();
    CHECK_OK(open_text(b.ptr, b.len, -1, 30000, &set, &err), err);
    printf("30000 tensors: %.2f s\n", ludc_now() - start);
    CHECK(ludc_now() - start < 20.0);
    ludc_tensors_free(set);
    ludc_buf_free(&b);
}

int main(void) {
    files_begin();
    test_rules();
    test_lengths();
    test_access();
    test_writer_bytes();
    test_writer_refusals();
    test_shards();
    test_bad_index();
    test_mutations();
    test_out_of_memory();
    test_many_tensors();
    files_end();
    return check_done();
}
