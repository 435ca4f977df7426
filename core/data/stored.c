/* SPDX-License-Identifier: Apache-2.0
 * Columns and rows of token ids as parts of an archive. What is taken is checked as if it came from anywhere: lengths
 * fit, lists lie one after the other. */
#include "archive.h"
#include "internal.h"

#include <string.h>

/* A part of exactly n bytes. */
static bool take(ludc_archive *a, size_t n, const void **p) {
    size_t got;
    return ludc_archive_next(a, p, &got) && got == n;
}

static void *changeable(const void *p) {
    return (void *)(uintptr_t)p; /* nobody writes to what is borrowed */
}

/* n items of that size, or a number that no part has. */
static size_t bytes(uint64_t n, size_t size) {
    return n < SIZE_MAX / size ? (size_t)n * size : SIZE_MAX;
}

/* ---- Columns ---- */
typedef struct column_head {
    int64_t kind, width;
    uint64_t rows, ids, missing;
} column_head;

void ludc_column_put(ludc_archive_writer *w, const ludc_column *c) {
    const bool lists = c->kind == LUDC_COLUMN_LISTS, reals = c->kind == LUDC_COLUMN_REALS;
    const column_head h = {.kind = c->kind,
                           .width = c->width,
                           .rows = c->rows,
                           .ids = lists   ? (uint64_t)c->offsets[c->rows]
                                  : reals ? 0
                                          : c->rows,
                           .missing = c->missing ? c->rows : 0};
    ludc_archive_put(w, &h, sizeof(h), NULL);
    ludc_archive_put(w, c->ids, (size_t)h.ids * sizeof(*c->ids), c->spilled.ptr ? &c->spilled : NULL);
    ludc_archive_put(w, c->reals, reals ? c->rows * (size_t)c->width * sizeof(*c->reals) : 0, NULL);
    ludc_archive_put(w, c->offsets, lists ? (c->rows + 1) * sizeof(*c->offsets) : 0, NULL);
    ludc_archive_put(w, c->missing, (size_t)h.missing, NULL);
}

static bool in_order(const int64_t *offsets, uint64_t rows, uint64_t n_ids) {
    bool fits = offsets[0] == 0 && (uint64_t)offsets[rows] == n_ids;
    for (uint64_t i = 0; i < rows; i++)
        fits = fits && offsets[i] <= offsets[i + 1];
    return fits;
}

static bool take_arrays(ludc_archive *a, const column_head *h, const void *p[4]) {
    const bool lists = h->kind == LUDC_COLUMN_LISTS, reals = h->kind == LUDC_COLUMN_REALS;
    if (h->kind < LUDC_COLUMN_IDS || h->kind > LUDC_COLUMN_LISTS || h->width < 1 || h->rows >= SIZE_MAX / 16)
        return false;
    if ((h->missing && h->missing != h->rows) || (!lists && h->ids != (reals ? 0 : h->rows))) return false;
    return take(a, bytes(h->ids, sizeof(int32_t)), &p[0]) &&
           take(a, reals ? bytes(h->rows, bytes((uint64_t)h->width, sizeof(float))) : 0, &p[1]) &&
           take(a, lists ? bytes(h->rows + 1, sizeof(int64_t)) : 0, &p[2]) && take(a, bytes(h->missing, 1), &p[3]) &&
           (!lists || in_order(p[2], h->rows, h->ids));
}

bool ludc_column_take(ludc_archive *a, ludc_column *out) {
    const void *head, *p[4];
    column_head h;
    *out = (ludc_column){0};
    if (!take(a, sizeof(h), &head)) return false;
    memcpy(&h, head, sizeof(h));
    if (!take_arrays(a, &h, p)) return false;
    *out = (ludc_column){.kind = (int)h.kind,
                         .rows = (size_t)h.rows,
                         .width = h.width,
                         .ids = h.kind == LUDC_COLUMN_REALS ? NULL : changeable(p[0]),
                         .reals = h.kind == LUDC_COLUMN_REALS ? changeable(p[1]) : NULL,
                         .offsets = h.kind == LUDC_COLUMN_LISTS ? changeable(p[2]) : NULL,
                         .missing = h.missing ? changeable(p[3]) : NULL,
                         .borrowed = true};
    if (h.kind == LUDC_COLUMN_LISTS) out->spilled = (ludc_map_file){.ptr = p[0], .size = (size_t)h.ids * 4};
    return true;
}

/* ---- Rows of token ids ---- */
typedef struct row_head {
    int32_t len, prompt_len;
    uint64_t row;
} row_head;

void ludc_rows_put(ludc_archive_writer *w, const ludc_rows *r) {
    const uint64_t head[5] = {r->len, r->tokens, r->target_tokens, r->truncated, r->without_target};
    row_head *rows = ludc_alloc(LUDC_MAX(r->len, 1) * sizeof(*rows));
    for (size_t i = 0; rows && i < r->len; i++)
        rows[i] = (row_head){r->ptr[i].len, r->ptr[i].prompt_len, r->ptr[i].row};
    ludc_archive_put(w, head, rows ? sizeof(head) : 0, NULL);
    ludc_archive_put(w, rows, rows ? r->len * sizeof(*rows) : 0, NULL);
    ludc_archive_put(w, r->ids, (size_t)r->tokens * sizeof(*r->ids), r->spilled.ptr ? &r->spilled : NULL);
    ludc_free(rows);
}

bool ludc_rows_take(ludc_archive *a, ludc_rows *out) {
    const void *head, *rows, *ids;
    uint64_t h[5], tokens = 0;
    *out = (ludc_rows){0};
    if (!take(a, sizeof(h), &head)) return false;
    memcpy(h, head, sizeof(h));
    if (!take(a, bytes(h[0], sizeof(row_head)), &rows) || !take(a, bytes(h[1], sizeof(int32_t)), &ids)) return false;
    ludc_row *list = ludc_alloc(LUDC_MAX((size_t)h[0], 1) * sizeof(*list));
    bool fits = list != NULL;
    for (size_t i = 0; fits && i < h[0]; i++) {
        const row_head *r = (const row_head *)rows + i;
        fits = r->len >= 0 && r->prompt_len >= 0 && r->prompt_len <= r->len;
        list[i] = (ludc_row){.len = r->len, .prompt_len = r->prompt_len, .row = r->row};
        tokens += (uint64_t)r->len;
    }
    if (!fits || tokens != h[1]) return ludc_free(list), false;
    *out = (ludc_rows){.ptr = list,
                       .len = (size_t)h[0],
                       .cap = (size_t)h[0],
                       .tokens = tokens,
                       .target_tokens = h[2],
                       .truncated = h[3],
                       .without_target = h[4],
                       .ids = changeable(ids),
                       .spilled = {.ptr = ids, .size = (size_t)tokens * sizeof(int32_t)},
                       .borrowed = true};
    ludc_rows_place(out);
    return true;
}
