/* SPDX-License-Identifier: Apache-2.0
 * The value tree: building, finding, removing, large objects, JSON text, the SDK's functions over it, out of memory. */
#include <base.h>
#include <check.h>
#include <float.h>
#include <math.h>

static ludc_value *sample(void) {
    ludc_value *root = ludc_value_new(LUD_CFG_OBJECT), *list = ludc_value_new(LUD_CFG_LIST);
    bool ok = root && ludc_value_put(root, "name", ludc_value_str(LUDC_STR("a\"b\n\x01")));
    ok = ok && ludc_value_put(root, "rate", ludc_value_float(1e-5)) && ludc_value_put(root, "n", ludc_value_int(-7));
    ok = ok && ludc_value_put(root, "on", ludc_value_bool(true)) &&
         ludc_value_put(root, "none", ludc_value_new(LUD_CFG_NULL));
    ok = ok && ludc_value_push(list, ludc_value_float(2)) && ludc_value_push(list, ludc_value_new(LUD_CFG_OBJECT));
    ok = ok && ludc_value_put(list->items[1], "llama.count", ludc_value_int(3));
    if (!ok) ludc_value_free(list);
    if (!ok || !ludc_value_put(root, "list", list)) {
        ludc_value_free(root);
        return NULL;
    }
    return root;
}

static const char sample_json[] = "{\"name\": \"a\\\"b\\n\\u0001\", \"rate\": 1e-05, \"n\": -7, \"on\": true, "
                                  "\"none\": null, \"list\": [2.0, {\"llama.count\": 3}]}";

static void check_json(const ludc_value *v, int indent, const char *want) {
    ludc_buf b = {0};
    CHECK_INT(ludc_value_to_json(v, indent, &b), LUD_OK);
    CHECK_TEXT(b.ptr, want);
    ludc_buf_free(&b);
}

static void test_find(void) {
    ludc_value *v = sample();
    CHECK_INT(ludc_get_int(v, "n", 0), -7);
    CHECK(ludc_get_float(v, "n", 0) == -7.0 && ludc_get_float(v, "rate", 0) == 1e-5);
    CHECK(ludc_get_bool(v, "on", false) && ludc_get_bool(v, "none", true));
    CHECK_INT(ludc_get_int(v, "rate", 9), 9);
    CHECK_INT(ludc_get_int(v, "list.1.llama.count", 0), 3);
    CHECK(ludc_value_find(v, "list.x") == NULL && ludc_value_find(v, "list.-1") == NULL);
    CHECK(ludc_value_find(v, "list.2") == NULL && ludc_value_find(v, "list.") == NULL);
    CHECK(ludc_value_find(v, "n.x") == NULL && ludc_value_find(NULL, "n") == NULL);
    CHECK(ludc_is_null(ludc_value_get(v, "none")) && ludc_is_null(ludc_value_get(v, "nothing")));
    CHECK(ludc_value_get(ludc_value_get(v, "n"), "x") == NULL);
    ludc_value_free(v);
}

static void test_change(void) {
    ludc_value *v = sample(), *copy = ludc_value_copy(v);
    CHECK(ludc_value_equal(v, copy));
    CHECK(ludc_value_put(copy, "n", ludc_value_int(8)) && !ludc_value_equal(v, copy));
    CHECK(ludc_value_put(copy, "n", ludc_value_int(-7)) && ludc_value_equal(v, copy));
    CHECK(ludc_value_remove(copy, "rate") && !ludc_value_remove(copy, "rate"));
    CHECK(!ludc_value_equal(v, copy) && ludc_value_get(copy, "rate") == NULL);
    CHECK(ludc_str_eq(copy->keys[1], "n"));
    CHECK(!ludc_value_put(copy, "x", NULL) && !ludc_value_put(NULL, "x", ludc_value_int(1)));
    CHECK(!ludc_value_push(copy, ludc_value_int(1)));
    CHECK(!ludc_value_put(ludc_value_get(copy, "list"), "x", ludc_value_int(1)));
    ludc_value *other = ludc_value_new(LUD_CFG_OBJECT), *order = ludc_value_new(LUD_CFG_OBJECT);
    ludc_value_put(other, "a", ludc_value_int(1)), ludc_value_put(other, "b", ludc_value_int(2));
    ludc_value_put(order, "b", ludc_value_int(2)), ludc_value_put(order, "a", ludc_value_int(1));
    CHECK(ludc_value_equal(other, order));
    ludc_value_free(order);
    ludc_value_free(other);
    ludc_value_free(copy);
    ludc_value_free(v);
}

static void test_json(void) {
    ludc_value *v = sample();
    check_json(v, -1, sample_json);
    ludc_value *list = ludc_value_get(v, "list");
    check_json(list, 2, "[\n  2.0,\n  {\n    \"llama.count\": 3\n  }\n]");
    ludc_value_free(v);
    ludc_value *empty = ludc_value_new(LUD_CFG_OBJECT);
    check_json(empty, 4, "{}");
    check_json(NULL, 2, "null");
    ludc_value_free(empty);
    ludc_value *bad = ludc_value_str(LUDC_STR("a\xFF\xC3\xA4"));
    check_json(bad, -1, "\"a\xEF\xBF\xBD\xC3\xA4\"");
    ludc_value_free(bad);
}

static void check_float(double f, const char *want) {
    ludc_value *v = ludc_value_float(f);
    check_json(v, -1, want);
    ludc_value_free(v);
}

static void test_floats(void) {
    check_float(0, "0.0");
    check_float(-0.0, "-0.0");
    check_float(1, "1.0");
    check_float(0.1, "0.1");
    check_float(0.1 + 0.2, "0.30000000000000004");
    check_float(1e22, "1e+22");
    check_float(5e-324, "5e-324");
    check_float(DBL_MAX, "1.7976931348623157e+308");
    check_float(INFINITY, "null");
    check_float(NAN, "null");
    for (uint64_t i = 0; i < 20000; i++) {
        const uint64_t bits = lud_mix64(i);
        double f;
        memcpy(&f, &bits, sizeof f);
        if (!isfinite(f)) continue;
        ludc_value v = {.type = LUD_CFG_FLOAT, .u.f = f};
        ludc_buf b = {0};
        if (ludc_value_to_json(&v, -1, &b) != LUD_OK || strtod(b.ptr, NULL) != f) CHECK_TEXT(b.ptr, "?");
        ludc_buf_free(&b);
    }
}

/* Removal in front, replacement, copies: the index must follow. */
static void test_large_object(void) {
    enum { N = 60000 };
    ludc_value *v = ludc_value_new(LUD_CFG_OBJECT);
    char key[32];
    const double begin = ludc_now();
    for (int i = 0; i < N; i++) {
        snprintf(key, sizeof key, "k%d", i);
        CHECK(ludc_value_put(v, key, ludc_value_int(i)));
    }
    CHECK(ludc_value_remove(v, "k0") && ludc_value_remove(v, "k31"));
    ludc_value *copy = ludc_value_copy(v);
    int wrong = 0;
    for (int i = 1; i < N; i++) {
        snprintf(key, sizeof key, "k%d", i);
        wrong += ludc_get_int(copy, key, -1) != (i == 31 ? -1 : i);
    }
    CHECK_INT(wrong, 0);
    CHECK(ludc_value_equal(v, copy));
    CHECK(ludc_value_put(copy, "k77", ludc_value_int(0)) && copy->len == N - 2);
    CHECK(ludc_value_get(copy, "k60000") == NULL);
    CHECK(ludc_now() - begin < 20); /* a linear search takes minutes */
    for (int i = N - 1; i >= 20; i--) {
        if (i % 997 == 0) CHECK(ludc_value_remove(copy, (snprintf(key, sizeof key, "k%d", i), key)));
    }
    CHECK_INT(ludc_get_int(copy, "k998", 0), 998);
    ludc_value_free(copy);
    ludc_value_free(v);
}

/* A list in one piece is read, written and copied like any other. */
static void test_block(void) {
    char *room = NULL;
    ludc_value *list = ludc_value_block(3, 3, &room), *none = ludc_value_block(0, 0, &room);
    CHECK(list && none && list->len == 3 && none->len == 0);
    list->items[0]->type = LUD_CFG_INT;
    list->items[0]->u.i = 7;
    list->items[2]->type = LUD_CFG_STR;
    list->items[2]->u.s = (lud_str){memcpy((char *)&list->block[3], "ab", 2), 2};
    check_json(list, -1, "[7, null, \"ab\"]");
    CHECK(!ludc_value_push(list, ludc_value_int(1)) && list->len == 3);
    ludc_value *copy = ludc_value_copy(list);
    CHECK(ludc_value_equal(copy, list) && ludc_value_push(copy, ludc_value_int(1)));
    check_json(copy, -1, "[7, null, \"ab\", 1]");
    CHECK(!ludc_value_block(SIZE_MAX / 2, 0, &room) && !ludc_value_block(1, SIZE_MAX, &room));
    for (int64_t after = 0; after < 3; after++) {
        ludc_alloc_fail_after(after, false);
        CHECK(!ludc_value_block(3, 3, &room));
        ludc_alloc_fail_after(-1, false);
    }
    ludc_value_free(copy);
    ludc_value_free(list);
    ludc_value_free(none);
}

static void test_cfg_reading(void) {
    const lud_cfg_api *api = ludc_cfg_api();
    ludc_value *v = sample();
    int32_t on = 5;
    int64_t n = 5;
    double f = 5;
    lud_str s = {0};
    CHECK(api->type(NULL) == LUD_CFG_ABSENT && api->len(NULL) == 0 && api->at(NULL, 0) == NULL);
    CHECK(api->find(NULL, "x") == NULL && api->key_at(NULL, 0).ptr == NULL);
    CHECK_INT(api->get(NULL, LUD_CFG_INT, &n), LUD_E_NOT_FOUND);
    CHECK_INT(api->get(api->find(v, "none"), LUD_CFG_INT, &n), LUD_E_NOT_FOUND);
    CHECK_INT(api->get(api->find(v, "rate"), LUD_CFG_INT, &n), LUD_E_INVALID);
    CHECK_INT(n, 5);
    CHECK(api->get(api->find(v, "n"), LUD_CFG_FLOAT, &f) == LUD_OK && f == -7);
    CHECK(api->get(api->find(v, "on"), LUD_CFG_BOOL, &on) == LUD_OK && on == 1);
    CHECK(api->get(api->find(v, "name"), LUD_CFG_STR, &s) == LUD_OK && s.len == 5);
    CHECK_INT(api->get(v, LUD_CFG_OBJECT, &n), LUD_E_INVALID);
    CHECK(ludc_str_eq(api->key_at(v, 0), "name") && api->at(v, 6) == NULL && api->len(v) == 6);
    ludc_value_free(v);
}

static void test_cfg_writing(void) {
    const lud_cfg_api *api = ludc_cfg_api();
    ludc_value *v = ludc_value_new(LUD_CFG_OBJECT);
    lud_cfg_out *out = (lud_cfg_out *)v;
    CHECK_INT(api->set_int(out, "a", 1), LUD_OK);
    CHECK_INT(api->set_int(out, "a", 2), LUD_OK);
    CHECK_INT(api->set_int(out, NULL, 2), LUD_E_INVALID);
    CHECK_INT(api->set_int(NULL, "a", 2), LUD_E_INVALID);
    lud_cfg_out *list = api->set_list(out, "l"), *object = api->set_object(list, NULL);
    CHECK(list && object);
    CHECK_INT(api->set_bool(list, NULL, 7), LUD_OK);
    CHECK_INT(api->set_bool(list, "key", 7), LUD_E_INVALID);
    CHECK_INT(api->set_copy(object, "self", v), LUD_OK);
    CHECK_INT(api->set_str(object, "s", LUDC_STR("x")), LUD_OK);
    CHECK_INT(api->set_float(object, "f", 3), LUD_OK);
    CHECK_INT(api->set_null(object, "z"), LUD_OK);
    check_json(v, -1,
               "{\"a\": 2, \"l\": [{\"self\": {\"a\": 2, \"l\": [{}, true]}, \"s\": \"x\", \"f\": 3.0, "
               "\"z\": null}, true]}");
    ludc_value_free(v);
}

static void test_out_of_memory(void) {
    int64_t after = 0;
    for (bool done = false; !done && after < 500; after++) {
        ludc_buf b = {0};
        ludc_alloc_fail_after(after, true);
        ludc_value *v = sample(), *copy = ludc_value_copy(v);
        const lud_status status = copy ? ludc_value_to_json(copy, -1, &b) : LUD_E_NOMEM;
        ludc_alloc_fail_after(-1, false);
        done = status == LUD_OK;
        if (done) CHECK_TEXT(b.ptr, sample_json);
        ludc_buf_free(&b);
        ludc_value_free(copy);
        ludc_value_free(v);
    }
    CHECK(after > 20 && after < 500);
}

/* Without memory for the index the object still works. */
static void test_index_out_of_memory(void) {
    for (int64_t after = 0; after < 12; after++) {
        ludc_value *v = ludc_value_new(LUD_CFG_OBJECT);
        char key[8];
        int64_t put = 0;
        for (int i = 0; i < 40; i++) {
            snprintf(key, sizeof key, "%d", i);
            ludc_value *child = ludc_value_int(i);
            if (i == 15) ludc_alloc_fail_after(after, false);
            put += ludc_value_put(v, key, child);
        }
        ludc_alloc_fail_after(-1, false);
        CHECK(put >= 39);
        CHECK_INT(v->len, put);
        CHECK_INT(ludc_get_int(v, "39", 0), 39);
        ludc_value_free(v);
    }
}

int main(void) {
    test_find();
    test_change();
    test_json();
    test_floats();
    test_large_object();
    test_block();
    test_cfg_reading();
    test_cfg_writing();
    test_out_of_memory();
    test_index_out_of_memory();
    return check_done();
}
