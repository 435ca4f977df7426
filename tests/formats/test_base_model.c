/* SPDX-License-Identifier: Apache-2.0
 * Base models: what a user is told about a path that is none, and parameters filled through every source step, whole,
 * in shares and borrowed. */
#include "files.h"

#include <check.h>
#include <formats.h>

/* ---- An encoder whose sources are a table ---- */

typedef struct table {
    const lud_source *steps;
    size_t n;
} table;

static lud_status table_sources(void *self, const char *scheme, const char *param,
                                lud_status (*sink)(void *, const lud_source *), void *arg, lud_error *err) {
    const table *t = self;
    (void)scheme, (void)param, (void)err;
    for (size_t i = 0; i < t->n; i++)
        LUDC_TRY(sink(arg, &t->steps[i]));
    return LUD_OK;
}

static const lud_encoder_vt encoder = {.struct_size = sizeof encoder, .sources = table_sources};

#define STEP(...)                                                                                                      \
    { .struct_size = sizeof(lud_source), __VA_ARGS__ }
#define TABLE(...)                                                                                                     \
    (&(table){(const lud_source[]){__VA_ARGS__}, sizeof((const lud_source[]){__VA_ARGS__}) / sizeof(lud_source)})
#define SHAPE(r, ...) (&(const lud_shape){.dtype = LUD_REAL, .rank = (r), .dim = {__VA_ARGS__}})

/* ---- A model folder: m [4, 6] = 0..23, v [8] = 0..7, h [4, 6] like m in F16 ---- */

static float ramp[64];

static void make_folder(void) {
    lud_error err = LUDC_ERROR_INIT;
    for (int i = 0; i < 64; i++)
        ramp[i] = (float)i;
    const ludc_save_tensor t[] = {
        {.name = "m", .dtype = LUDC_F32, .rank = 2, .dim = {4, 6}, .data = ramp},
        {.name = "v", .dtype = LUDC_F32, .rank = 1, .dim = {8}, .data = ramp},
        {.name = "h", .dtype = LUDC_F16, .rank = 2, .dim = {4, 6}, .data = ramp},
        {.name = "big", .dtype = LUDC_F32, .rank = 2, .dim = {2, 32}, .data = ramp},
    };
    CHECK_OK(ludc_dir_make(files_path("hf"), &err), err);
    CHECK_OK(ludc_safetensors_save(files_path("hf/model.safetensors"), t, LUDC_COUNT(t), &err), err);
    files_put("hf/config.json", "{\"model_type\":\"llama\"}", 22);
    files_put("hf/generation_config.json", "{\"eos_token_id\":2}", 18);
}

/* ---- Errors ---- */

static void check_error(const char *path, const char *a, const char *b) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_base_model *m = NULL;
    CHECK_INT(ludc_base_model_open(path, &m, &err), LUD_E_IO);
    if (!strstr(err.msg, a) || !strstr(err.msg, b)) fprintf(stderr, "message '%s', wanted '%s'\n", err.msg, a);
    CHECK(strstr(err.msg, a) && strstr(err.msg, b));
    ludc_base_model_free(m);
}

static void test_errors(void) {
    lud_error err = LUDC_ERROR_INIT;
    check_error(files_path("nowhere"), "does not exist", "nowhere");
    CHECK_OK(ludc_dir_make(files_path("e"), &err), err);
    check_error(files_path("e"), "no config.json", "/e");
    files_put("e/config.json", "{\"model_type\":", 14);
    check_error(files_path("e"), "config.json", "/e");
    files_put("e/config.json", "[]", 2);
    check_error(files_path("e"), "must be a JSON object", "config.json");
    files_put("e/config.json", "{}", 2);
    check_error(files_path("e"), "model_type", "/e");
    files_put("e/config.json", "{\"model_type\":\"llama\"}", 22);
    check_error(files_path("e"), "no weights", "/e");
    files_put("e/pytorch_model.bin", "x", 1);
    check_error(files_path("e"), "pickle", "convert");
    files_put("e/model.safetensors", "\x02\0\0\0\0\0\0\0{", 9);
    check_error(files_path("e"), "truncated: expected more than 10 bytes, the file has 9", "e/model.safetensors");
    files_put("e/tokenizer_config.json", "3", 1);
    check_error(files_path("e"), "must be a JSON object", "tokenizer_config.json");
    check_error(files_path("hf/model.safetensors"), "the folder around", "model.safetensors");
    check_error(files_put("x.gguf", "not a model, but long enough", 28), "no GGUF", "x.gguf");
    check_error(files_put("y.gguf", "GGUF\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24), "general.architecture",
                "y.gguf");
    ludc_base_model_free(NULL);
}

static ludc_base_model *open_folder(void) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_base_model *m = NULL;
    CHECK_OK(ludc_base_model_open(files_path("hf"), &m, &err), err);
    if (!m) exit(EXIT_FAILURE);
    return m;
}

static void test_folder(void) {
    ludc_base_model *m = open_folder();
    CHECK_TEXT(m->model_type, "llama");
    CHECK(!m->is_gguf && m->path[0] == '/' && m->config && !m->tokenizer_config);
    CHECK_INT(ludc_get_int(m->generation, "eos_token_id", 0), 2);
    ludc_base_model_free(m);
}

/* ---- Sources ---- */

static bool bits_are_ones(const float *x) {
    uint32_t u;
    memcpy(&u, x, sizeof u);
    return u == UINT32_MAX;
}

/* Fills `out` (unless NULL), or lends what lies in the file as it is (where lent is not NULL). */
static lud_status take_param(const ludc_base_model *m, void *encoder_self, const char *param, const lud_shape *shape,
                             float *out, const float **lent, lud_error *err) {
    ludc_param_plan *p = NULL;
    LUDC_TRY(ludc_param_plan_new(m, &encoder, encoder_self, param, shape, &p, err));
    if (lent) *lent = ludc_param_plan_borrow(p);
    const lud_status status = (lent && *lent) || !out ? LUD_OK : ludc_param_plan_fill(p, 0, 1, out, err);
    ludc_param_plan_free(p);
    return status;
}

/* Fills through one call and through three shares; both must be `want`, and nothing is
 * written behind it. */
static void check_fill(const ludc_base_model *m, table *t, const lud_shape *shape, const float *want, size_t n) {
    float whole[64], shares[64];
    lud_error err = LUDC_ERROR_INIT;
    ludc_param_plan *plan = NULL;
    memset(whole, 0xff, sizeof whole);
    memset(shares, 0xff, sizeof shares);
    CHECK_OK(take_param(m, t, "p", shape, whole, NULL, &err), err);
    CHECK(memcmp(whole, want, n * sizeof *want) == 0);
    CHECK_OK(ludc_param_plan_new(m, &encoder, t, "p", shape, &plan, &err), err);
    for (int part = 0; plan && part < 3; part++)
        CHECK_OK(ludc_param_plan_fill(plan, part, 3, shares, &err), err);
    CHECK(memcmp(shares, want, n * sizeof *want) == 0);
    CHECK(n == 64 || (bits_are_ones(whole + n) && bits_are_ones(shares + n)));
    ludc_param_plan_free(plan);
}

static void test_steps(const ludc_base_model *m) {
    check_fill(m, TABLE(STEP(.op = LUD_SOURCE_COPY, .file_name = "m")), SHAPE(2, 4, 6), ramp, 24);
    check_fill(m, TABLE(STEP(.op = LUD_SOURCE_COPY, .file_name = "h")), SHAPE(2, 4, 6), ramp, 24);
    check_fill(m, TABLE(STEP(.op = LUD_SOURCE_COPY, .file_name = "v")), SHAPE(2, 1, 8), ramp, 8);
    check_fill(m, TABLE(STEP(.op = LUD_SOURCE_ROWS, .file_name = "m", .a = 1)), SHAPE(2, 2, 6), ramp + 6, 12);
    check_fill(m, TABLE(STEP(.op = LUD_SOURCE_ROWS, .file_name = "v", .a = 3)), SHAPE(1, 5), ramp + 3, 5);
    float want[64];
    for (int i = 0; i < 24; i++)
        want[i] = ramp[i] - 1.0f;
    check_fill(m, TABLE(STEP(.op = LUD_SOURCE_ADD, .file_name = "h", .a = -1)), SHAPE(2, 4, 6), want, 24);
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 4; j++)
            want[i * 4 + j] = ramp[j * 6 + i];
    check_fill(m, TABLE(STEP(.op = LUD_SOURCE_TRANSPOSE, .file_name = "m")), SHAPE(2, 6, 4), want, 24);
    check_fill(m, TABLE(STEP(.op = LUD_SOURCE_TRANSPOSE, .file_name = "h"), STEP(.op = LUD_SOURCE_ROWS, .a = 2)),
               SHAPE(2, 3, 4), want + 8, 12);
    check_fill(m, TABLE(STEP(.op = LUD_SOURCE_TRANSPOSE, .file_name = "h"), STEP(.op = LUD_SOURCE_TRANSPOSE)),
               SHAPE(2, 4, 6), ramp, 24);
    for (int i = 0; i < 64; i++)
        want[i] = ramp[i % 2 * 32 + i / 2];
    check_fill(m, TABLE(STEP(.op = LUD_SOURCE_TRANSPOSE, .file_name = "big")), SHAPE(2, 32, 2), want, 64);
}

static void test_rope_rows(const ludc_base_model *m) {
    /* v as 2 heads of 4: value h*4 + s*2 + i = file h*4 + 2i + s */
    static const float heads[] = {0, 2, 1, 3, 4, 6, 5, 7};
    check_fill(m, TABLE(STEP(.op = LUD_SOURCE_ROPE_ROWS, .file_name = "v", .a = 2)), SHAPE(1, 8), heads, 8);
    static const float tail[] = {2, 4, 3, 5};
    check_fill(m,
               TABLE(STEP(.op = LUD_SOURCE_ROWS, .file_name = "v", .a = 2), STEP(.op = LUD_SOURCE_ROPE_ROWS, .a = 1)),
               SHAPE(1, 4), tail, 4);
    static const float cut[] = {1, 3, 4, 6};
    check_fill(m,
               TABLE(STEP(.op = LUD_SOURCE_ROPE_ROWS, .file_name = "v", .a = 2), STEP(.op = LUD_SOURCE_ROWS, .a = 2)),
               SHAPE(1, 4), cut, 4);
    float want[24];
    for (int r = 0; r < 4; r++)
        memcpy(want + r * 6, ramp + (r == 1 ? 2 : r == 2 ? 1 : r) * 6, 6 * sizeof(float));
    check_fill(m, TABLE(STEP(.op = LUD_SOURCE_ROPE_ROWS, .file_name = "h", .a = 1)), SHAPE(2, 4, 6), want, 24);
}

static void test_stack(const ludc_base_model *m) {
    /* [2, 5, 6]: item 0 = m, one row of m; item 1 = a row of m, then h */
    float want[60];
    memcpy(want, ramp, 24 * sizeof(float));
    memcpy(want + 24, ramp, 6 * sizeof(float));
    memcpy(want + 30, ramp, 6 * sizeof(float));
    memcpy(want + 36, ramp, 24 * sizeof(float));
    lud_error err = LUDC_ERROR_INIT;
    const ludc_save_tensor row = {.name = "row", .dtype = LUDC_F32, .rank = 2, .dim = {1, 6}, .data = ramp};
    const ludc_save_tensor all[] = {row, {.name = "m", .dtype = LUDC_F32, .rank = 2, .dim = {4, 6}, .data = ramp}};
    CHECK_OK(ludc_dir_make(files_path("st"), &err), err);
    CHECK_OK(ludc_safetensors_save(files_path("st/model.safetensors"), all, 2, &err), err);
    files_put("st/config.json", "{\"model_type\":\"llama\"}", 22);
    ludc_base_model *s = NULL;
    CHECK_OK(ludc_base_model_open(files_path("st"), &s, &err), err);
    if (!s) return;
    check_fill(s,
               TABLE(STEP(.op = LUD_SOURCE_STACK, .file_name = "m", .a = 0, .b = 0),
                     STEP(.op = LUD_SOURCE_STACK, .file_name = "row", .a = 0, .b = 4),
                     STEP(.op = LUD_SOURCE_STACK, .file_name = "row", .a = 1, .b = 0),
                     STEP(.op = LUD_SOURCE_STACK, .file_name = "m", .a = 1, .b = 1)),
               SHAPE(3, 2, 5, 6), want, 60);
    ludc_base_model_free(s);
    /* A transposed item: [1, 6, 4]. */
    float turned[24];
    for (int i = 0; i < 24; i++)
        turned[i] = ramp[i % 4 * 6 + i / 4];
    check_fill(m, TABLE(STEP(.op = LUD_SOURCE_STACK, .file_name = "m"), STEP(.op = LUD_SOURCE_TRANSPOSE)),
               SHAPE(3, 1, 6, 4), turned, 24);
}

static void test_borrow(const ludc_base_model *m) {
    lud_error err = LUDC_ERROR_INIT;
    const float *lent = NULL;
    float out[24] = {-1.0f};
    table *copy = TABLE(STEP(.op = LUD_SOURCE_COPY, .file_name = "m"));
    CHECK_OK(take_param(m, copy, "p", SHAPE(2, 4, 6), out, &lent, &err), err);
    CHECK(lent && memcmp(lent, ramp, sizeof out) == 0 && out[0] == -1.0f);
    CHECK((uintptr_t)lent % 4 == 0);
    table *half = TABLE(STEP(.op = LUD_SOURCE_COPY, .file_name = "h"));
    CHECK_OK(take_param(m, half, "p", SHAPE(2, 4, 6), NULL, &lent, &err), err);
    CHECK(!lent);
    table *add = TABLE(STEP(.op = LUD_SOURCE_ADD, .file_name = "m", .a = 1));
    CHECK_OK(take_param(m, add, "p", SHAPE(2, 4, 6), out, &lent, &err), err);
    CHECK(!lent && out[0] == 1.0f);
    CHECK(ludc_base_model_has(m, &encoder, copy, "p"));
    CHECK(!ludc_base_model_has(m, &encoder, TABLE(STEP(.op = LUD_SOURCE_COPY, .file_name = "none")), "p"));
    CHECK(!ludc_base_model_has(m, &encoder, &(table){NULL, 0}, "p"));
}

/* fp32 at an address that is no multiple of 4 is copied, never lent. */
static void test_unaligned(void) {
    static const char header[] = "{\"m\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}";
    lud_error err = LUDC_ERROR_INIT;
    ludc_buf b = {0};
    const float *lent = ramp;
    float out[2] = {0};
    put_le(&b, sizeof header - 1 + 1, 8);
    ludc_buf_adds(&b, header);
    while (b.len % 4 != 1)
        ludc_buf_adds(&b, " ");
    uint64_t n = b.len - 8;
    memcpy(b.ptr, &n, 8);
    ludc_buf_add(&b, ramp + 1, 8);
    CHECK_OK(ludc_dir_make(files_path("odd"), &err), err);
    files_put("odd/model.safetensors", b.ptr, b.len);
    files_put("odd/config.json", "{\"model_type\":\"x\"}", 18);
    ludc_buf_free(&b);
    ludc_base_model *m = NULL;
    CHECK_OK(ludc_base_model_open(files_path("odd"), &m, &err), err);
    table *copy = TABLE(STEP(.op = LUD_SOURCE_COPY, .file_name = "m"));
    if (m) CHECK_OK(take_param(m, copy, "p", SHAPE(1, 2), out, &lent, &err), err);
    CHECK(!lent && out[0] == 1.0f && out[1] == 2.0f);
    ludc_base_model_free(m);
}

static void check_refused(const ludc_base_model *m, table *t, const lud_shape *shape, const char *want) {
    lud_error err = LUDC_ERROR_INIT;
    float out[64];
    CHECK(take_param(m, t, "layer.p", shape, out, NULL, &err) != LUD_OK);
    if (!strstr(err.msg, want)) fprintf(stderr, "message '%s', wanted '%s'\n", err.msg, want);
    CHECK(strstr(err.msg, want) && strstr(err.msg, "layer.p"));
}

static void test_refusals(const ludc_base_model *m) {
    table *copy = TABLE(STEP(.op = LUD_SOURCE_COPY, .file_name = "m"));
    check_refused(m, copy, SHAPE(2, 6, 4), "tensor 'm' gives the shape [4, 6], wanted [6, 4]");
    check_refused(m, copy, SHAPE(1, 24), "wanted [24]");
    check_refused(m, copy, SHAPE(2, -1, 6), "dimension 0");
    check_refused(m, copy, SHAPE(9, 4, 6), "rank of 9");
    check_refused(m, TABLE(STEP(.op = LUD_SOURCE_COPY, .file_name = "none")), SHAPE(1, 8), "no tensor 'none'");
    check_refused(m, TABLE(STEP(.op = LUD_SOURCE_ROWS, .file_name = "m", .a = 3)), SHAPE(2, 2, 6), "rows 3 to 5");
    check_refused(m, TABLE(STEP(.op = LUD_SOURCE_ROWS, .file_name = "m", .a = -1)), SHAPE(2, 2, 6), "rows -1 to 1");
    check_refused(m, TABLE(STEP(.op = LUD_SOURCE_ROPE_ROWS, .file_name = "m", .a = 4)), SHAPE(2, 4, 6), "even width");
    check_refused(m, TABLE(STEP(.op = LUD_SOURCE_ROPE_ROWS, .file_name = "m")), SHAPE(2, 4, 6), "0 heads");
    check_refused(m, TABLE(STEP(.op = LUD_SOURCE_TRANSPOSE, .file_name = "v")), SHAPE(1, 8), "2 expected");
    check_refused(m, TABLE(STEP(.op = 99, .file_name = "v")), SHAPE(1, 8), "step 99");
    check_refused(m, TABLE(STEP(.op = LUD_SOURCE_COPY)), SHAPE(1, 8), "names no tensor");
    check_refused(m, &(table){NULL, 0}, SHAPE(1, 8), "names no source");
    check_refused(m, TABLE(STEP(.op = LUD_SOURCE_STACK, .file_name = "m", .a = 2)), SHAPE(3, 2, 4, 6), "stack");
    check_refused(m, TABLE(STEP(.op = LUD_SOURCE_STACK, .file_name = "m", .b = 1)), SHAPE(3, 2, 4, 6), "stack");
    check_refused(m, TABLE(STEP(.op = LUD_SOURCE_STACK, .file_name = "m")), SHAPE(3, 2, 4, 6), "24 values of 48");
    check_refused(m,
                  TABLE(STEP(.op = LUD_SOURCE_COPY, .file_name = "m"), STEP(.op = LUD_SOURCE_COPY, .file_name = "h")),
                  SHAPE(2, 4, 6), "48 values of 24");
}

static lud_status once_more(lud_error *err) {
    float out[24];
    ludc_base_model *m = NULL;
    table *t = TABLE(STEP(.op = LUD_SOURCE_TRANSPOSE, .file_name = "h"), STEP(.op = LUD_SOURCE_ROPE_ROWS, .a = 3));
    lud_status s = ludc_base_model_open(files_path("hf"), &m, err);
    if (s == LUD_OK) s = take_param(m, t, "p", SHAPE(2, 6, 4), out, NULL, err);
    ludc_base_model_free(m);
    return s;
}

static void test_out_of_memory(void) {
    int64_t k = 0;
    for (;; k++) {
        lud_error err = LUDC_ERROR_INIT;
        ludc_alloc_fail_after(k, false);
        lud_status s = once_more(&err);
        ludc_alloc_fail_after(-1, false);
        if (s == LUD_OK) break;
        CHECK(s == LUD_E_NOMEM || s == LUD_E_IO);
    }
    CHECK(k > 30);
}

int main(void) {
    files_begin();
    make_folder();
    test_errors();
    test_folder();
    ludc_base_model *m = open_folder();
    test_steps(m);
    test_rope_rows(m);
    test_stack(m);
    test_borrow(m);
    test_refusals(m);
    ludc_base_model_free(m);
    test_unaligned();
    test_out_of_memory();
    files_end();
    return check_done();
}
