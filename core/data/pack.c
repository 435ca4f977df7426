/* SPDX-License-Identifier: Apache-2.0
 * Packing rows into micro-batches without padding: longest first, into the first one with room (first-fit decreasing,
 * Johnson 1973). Deterministic: ties keep their order. */
#include "internal.h"

lud_status ludc_batch_init(ludc_batch *b, int64_t cap_T, int64_t cap_S, lud_error *err) {
    const size_t t = (size_t)cap_T;
    *b = (ludc_batch){
        .ids = ludc_alloc(t * sizeof(int32_t)),
        .positions = ludc_alloc(t * sizeof(int32_t)),
        .seg_offsets = ludc_alloc(((size_t)cap_S + 1) * sizeof(int32_t)),
        .row_keys = ludc_alloc(2 * t * sizeof(int32_t)),
        .target_rows = ludc_alloc(t * sizeof(int32_t)),
        .targets = ludc_alloc(t * sizeof(int32_t)),
        .weights = ludc_alloc(t * sizeof(float)),
        .cap_T = cap_T,
        .cap_S = cap_S,
    };
    if (b->ids && b->positions && b->seg_offsets && b->row_keys && b->target_rows && b->targets && b->weights)
        return LUD_OK;
    ludc_batch_free(b);
    return ludc_fail(err, LUD_E_NOMEM, "out of memory for a batch of %lld tokens", (long long)cap_T);
}

void ludc_batch_free(ludc_batch *b) {
    void *owned[] = {b->ids, b->positions, b->seg_offsets, b->row_keys, b->target_rows, b->targets, b->weights};
    for (size_t i = 0; i < LUDC_COUNT(owned); i++)
        ludc_free(owned[i]);
    *b = (ludc_batch){0};
}

void ludc_batch_clear(ludc_batch *b) {
    b->T = b->S = b->N = 0;
}

bool ludc_batch_fits(const ludc_batch *b, const ludc_row *row) {
    return b->T + row->len <= b->cap_T && b->S < b->cap_S;
}

void ludc_batch_add(ludc_batch *b, const ludc_row *row, uint64_t seed, uint64_t epoch) {
    const uint64_t key = lud_row_key(seed, epoch, row->row);
    for (int32_t i = 0; i < row->len; i++, b->T++) {
        b->ids[b->T] = row->ids[i];
        b->positions[b->T] = i;
        b->row_keys[2 * b->T] = (int32_t)(uint32_t)key;
        b->row_keys[2 * b->T + 1] = (int32_t)(uint32_t)(key >> 32);
        if (i + 1 < row->prompt_len || i + 1 >= row->len) continue;
        b->target_rows[b->N] = (int32_t)b->T;
        b->targets[b->N] = row->ids[i + 1];
        b->weights[b->N++] = 1.0f;
    }
    if (b->S == 0) b->seg_offsets[0] = 0;
    b->seg_offsets[++b->S] = (int32_t)b->T;
}

static bool longer(const ludc_pack_item *a, const ludc_pack_item *b) {
    return a->len != b->len ? a->len > b->len : a->at < b->at;
}

static void swap(ludc_pack_item *a, ludc_pack_item *b) {
    const ludc_pack_item kept = *a;
    *a = *b;
    *b = kept;
}

static void sift(ludc_pack_item *x, size_t at, size_t n) {
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && longer(&x[child], &x[child + 1])) child++;
        if (!longer(&x[at], &x[child])) return;
        swap(&x[at], &x[child]);
    }
}

static bool in_order(const ludc_pack_item *x, size_t n) {
    for (size_t i = 1; i < n; i++)
        if (longer(&x[i], &x[i - 1])) return false;
    return true;
}

/* Heapsort: the C library's qsort allocates, and this runs in a training step. */
static void sort_longest_first(ludc_pack_item *x, size_t n) {
    if (in_order(x, n)) return; /* rows of one length, as without texts */
    for (size_t i = n / 2; i-- > 0;)
        sift(x, i, n);
    while (n > 1) {
        swap(&x[0], &x[--n]);
        sift(x, 0, n);
    }
}

int64_t ludc_pack(const ludc_row *const *rows, size_t n, int64_t cap_T, int64_t cap_S, ludc_pack_item *room,
                  uint32_t *groups) {
    int64_t n_groups = 0;
    for (size_t i = 0; i < n; i++)
        room[i] = (ludc_pack_item){.len = rows[i]->len, .at = (uint32_t)i};
    sort_longest_first(room, n);
    if (n && room[0].len > cap_T) return -1;
    for (size_t i = 0; i < n; i++) {
        int64_t g = 0;
        while (g < n_groups && (room[g].tokens + room[i].len > cap_T || room[g].segments >= cap_S))
            g++;
        room[g].tokens += room[i].len;
        room[g].segments++;
        groups[room[i].at] = (uint32_t)g;
        n_groups = LUDC_MAX(n_groups, g + 1);
    }
    return n_groups;
}
