/* SPDX-License-Identifier: Apache-2.0
 * Rows and packing, as properties over random rows: every row in one micro-batch, no capacity exceeded, few
 * micro-batches, the same answer twice; the arrays of a batch; what truncation counts. */
#include <check.h>
#include <data.h>

enum { N = 300, CAP_T = 256, CAP_S = 12 };

static void random_rows(ludc_rows *rows, uint64_t seed) {
    int32_t ids[200];
    lud_error err = LUDC_ERROR_INIT;
    for (size_t i = 0; i < LUDC_COUNT(ids); i++)
        ids[i] = (int32_t)i;
    for (uint64_t i = 0; i < N; i++) {
        uint64_t r = lud_mix64(seed * N + i);
        size_t prompt = 1 + r % 100, target = (r >> 20) % 60;
        CHECK_OK(ludc_rows_add(rows, ids, prompt, ids, target, i, 150, &err), err);
    }
    CHECK_OK(ludc_rows_end(rows, &err), err);
}

static void check_packed(const ludc_rows *rows, int64_t n_groups, const uint32_t *groups) {
    int64_t total = 0;
    for (size_t i = 0; i < rows->len; i++) {
        CHECK((int64_t)groups[i] < n_groups);
        total += rows->ptr[i].len;
    }
    for (int64_t g = 0; g < n_groups; g++) {
        int64_t tokens = 0, segments = 0;
        for (size_t i = 0; i < rows->len; i++) {
            tokens += groups[i] == g ? rows->ptr[i].len : 0;
            segments += groups[i] == g;
        }
        CHECK(segments > 0 && segments <= CAP_S && tokens <= CAP_T);
    }
    CHECK(n_groups * CAP_T >= total && n_groups <= total * 3 / (2 * CAP_T) + N / CAP_S + 2);
}

static void test_pack(uint64_t seed) {
    ludc_rows rows = {0};
    const ludc_row *list[N];
    uint32_t groups[N], again[N];
    ludc_pack_item room[N];
    random_rows(&rows, seed);
    for (size_t i = 0; i < N; i++)
        list[i] = &rows.ptr[i];
    int64_t n = ludc_pack(list, N, CAP_T, CAP_S, room, groups);
    CHECK(n > 0);
    check_packed(&rows, n, groups);
    CHECK_INT(ludc_pack(list, N, CAP_T, CAP_S, room, again), n);
    CHECK(memcmp(groups, again, sizeof groups) == 0);
    CHECK_INT(ludc_pack(list, N, 10, CAP_S, room, groups), -1);
    CHECK_INT(ludc_pack(list, 0, CAP_T, CAP_S, room, groups), 0);
    ludc_rows_free(&rows);
}

static void test_truncation(void) {
    const int32_t ids[] = {1, 2, 3, 4, 5};
    ludc_rows rows = {0};
    lud_error err = LUDC_ERROR_INIT;
    CHECK_OK(ludc_rows_add(&rows, ids, 3, ids, 2, 0, 100, &err), err);
    CHECK_OK(ludc_rows_add(&rows, ids, 3, ids, 5, 1, 5, &err), err);
    CHECK_OK(ludc_rows_add(&rows, ids, 5, ids, 5, 2, 4, &err), err);
    CHECK_OK(ludc_rows_add(&rows, ids, 0, ids, 2, 3, 4, &err), err);
    CHECK_OK(ludc_rows_end(&rows, &err), err);
    CHECK_INT(rows.tokens, 5 + 5 + 4 + 2);
    CHECK_INT(rows.target_tokens, 2 + 2 + 0 + 1);
    CHECK_INT(rows.truncated, 2);
    CHECK_INT(rows.without_target, 1);
    CHECK_INT(rows.ptr[1].ids[4], 2);
    CHECK_INT(rows.ptr[2].prompt_len, 4);
    ludc_rows_free(&rows);
}

static void test_batch(void) {
    int32_t ids_a[] = {10, 11, 12, 13}, ids_b[] = {20, 21};
    const ludc_row a = {.ids = ids_a, .len = 4, .prompt_len = 2, .row = 5}, b = {.ids = ids_b, .len = 2, .row = 9};
    ludc_batch batch;
    lud_error err = LUDC_ERROR_INIT;
    CHECK_OK(ludc_batch_init(&batch, 6, 2, &err), err);
    CHECK(ludc_batch_fits(&batch, &a));
    ludc_batch_add(&batch, &a, 42, 3);
    CHECK(ludc_batch_fits(&batch, &b));
    ludc_batch_add(&batch, &b, 42, 3);
    CHECK(!ludc_batch_fits(&batch, &b));
    static const int32_t positions[] = {0, 1, 2, 3, 0, 1}, offsets[] = {0, 4, 6}, rows[] = {1, 2, 4},
                         targets[] = {12, 13, 21};
    CHECK(batch.T == 6 && batch.S == 2 && batch.N == 3);
    CHECK(memcmp(batch.positions, positions, sizeof positions) == 0);
    CHECK(memcmp(batch.seg_offsets, offsets, sizeof offsets) == 0);
    CHECK(memcmp(batch.target_rows, rows, sizeof rows) == 0);
    CHECK(memcmp(batch.targets, targets, sizeof targets) == 0);
    const uint64_t key = lud_row_key(42, 3, 9);
    CHECK(batch.row_keys[2 * 5] == (int32_t)(uint32_t)key &&
          batch.row_keys[2 * 5 + 1] == (int32_t)(uint32_t)(key >> 32));
    ludc_batch_clear(&batch);
    CHECK(batch.T == 0 && ludc_batch_fits(&batch, &a));
    ludc_batch_free(&batch);
}

int main(void) {
    for (uint64_t seed = 0; seed < 20; seed++)
        test_pack(seed);
    test_truncation();
    test_batch();
    return check_done();
}
