/* SPDX-License-Identifier: Apache-2.0
 * The data of op cases: every element is a hash of seed, tensor, unit, row and column, so that the same unit has the
 * same values wherever it lies. Real values are exact floats, so that float and double programs read the same numbers.
 */
#include "op_cases.h"
#include <ludwig/random.h>
#include <math.h>

enum { LENGTHS = 7 };

int64_t op_unit_first(const op_case *c, int64_t id) {
    static const int64_t cached[LENGTHS] = {0, 15, 0, 31, 1, 64, 2};
    return c->unit == CASE_DECODE ? cached[id % LENGTHS] : 0;
}

/* Segments of 0 to 67 tokens; the cached tokens and the rest of one id together are its whole segment. */
int64_t op_unit_rows(const op_case *c, int64_t id) {
    if (c->unit == CASE_TOKEN) return 1;
    int64_t fresh = id % 11 == 10 ? 0 : 1 + id % 3;
    if (c->unit == CASE_DECODE || fresh == 0) return fresh;
    op_case decode = {.unit = CASE_DECODE};
    return op_unit_first(&decode, id) + fresh;
}

void op_batch_extents(const op_case *c, op_batch batch, int64_t extents[CASE_EXTENTS]) {
    int64_t rows = 0;
    for (int64_t u = 0; u < batch.n; u++)
        rows += op_unit_rows(c, batch.ids[u]);
    extents[0] = 0;
    extents[-CASE_ROWS] = rows;
    extents[-CASE_OFFSETS] = batch.n + 1;
    extents[-CASE_UNITS] = batch.n;
}

static int64_t inner_count(const case_tensor *t) {
    int64_t n = 1;
    for (int32_t i = 1; i < t->rank; i++)
        n *= t->dim[i];
    return n;
}

int64_t op_tensor_count(const case_tensor *t, const int64_t *extents) {
    if (t->rank == 0) return 1;
    return (t->dim[0] < 0 ? extents[-t->dim[0]] : t->dim[0]) * inner_count(t);
}

bool op_tensor_by_row(const case_tensor *t) {
    return t->rank > 0 && t->dim[0] == CASE_ROWS;
}

bool op_tensor_by_unit(const case_tensor *t) {
    return t->rank > 0 && t->dim[0] == CASE_UNITS;
}

static uint64_t hash(const op_case *c, uint32_t tensor, int64_t id, int64_t row, int64_t col) {
    uint64_t h = lud_mix64(c->seed ^ (uint64_t)tensor << 32 ^ (uint64_t)c->opcode * (c->seed == 0));
    return lud_mix64(lud_mix64(lud_mix64(h ^ (uint64_t)id) ^ (uint64_t)row) ^ (uint64_t)col);
}

static double real_value(const op_case *c, uint32_t i, uint64_t h, int64_t col) {
    const case_tensor *t = &c->in[i];
    switch (t->fill) {
    case CASE_GRID:
        return (double)(h % 5) * 0.5 - 1.0;
    case CASE_POSITIVE:
        return (double)((h >> 40) + 1) / 16777216.0;
    case CASE_BIT:
        return (double)(h >> 63);
    case CASE_FREQ:
        return (double)(float)pow(10000.0, -(double)col / (double)t->dim[0]);
    case CASE_LIST:
        return (double)c->list[col];
    default:
        return (double)(float)(((double)(h >> 40) / 8388608.0 - 1.0) * (t->arg != 0 ? t->arg : 1.0));
    }
}

static int32_t int_value(const op_case *c, uint32_t i, uint64_t h, int64_t position) {
    const case_tensor *t = &c->in[i];
    if (t->fill == CASE_KEY) return (int32_t)(uint32_t)h;
    if (t->fill == CASE_POSITION && c->unit != CASE_TOKEN) return (int32_t)position;
    return (int32_t)(h % (uint64_t)t->arg);
}

static void put(const op_case *c, uint32_t i, void *out, int64_t at, uint64_t h, int64_t position, int64_t col) {
    if (c->in[i].dtype == LUD_I32)
        ((int32_t *)out)[at] = int_value(c, i, h, position);
    else
        ((double *)out)[at] = real_value(c, i, h, col);
}

static void fill_rows(const op_case *c, uint32_t i, op_batch batch, void *out) {
    int64_t width = inner_count(&c->in[i]), at = 0;
    for (int64_t u = 0; u < batch.n; u++) {
        int64_t id = batch.ids[u], first = op_unit_first(c, id), rows = op_unit_rows(c, id);
        for (int64_t r = first; r < first + rows; r++)
            for (int64_t k = 0; k < width; k++, at++)
                put(c, i, out, at, hash(c, i, id, r, k), r, k);
    }
}

/* One row for each unit. */
static void fill_units(const op_case *c, uint32_t i, op_batch batch, void *out) {
    int64_t width = inner_count(&c->in[i]);
    for (int64_t u = 0; u < batch.n; u++)
        for (int64_t k = 0; k < width; k++)
            put(c, i, out, u * width + k, hash(c, i, batch.ids[u], 0, k), 0, k);
}

/* Pages lie scattered over the pool: 7 has no factor in common with the number of pages. */
static int64_t page_of(const op_case *c, uint32_t pool, uint32_t table, int64_t unit, int64_t page) {
    return (unit * c->in[table].dim[1] + page) * 7 % c->in[pool].dim[0];
}

static uint32_t find_fill(const op_case *c, int32_t fill) {
    uint32_t i = 0;
    while (i < CASE_MAX_IN - 1 && c->in[i].fill != fill)
        i++;
    return i;
}

static void fill_pages(const op_case *c, uint32_t i, op_batch batch, int32_t *out) {
    uint32_t pool = find_fill(c, CASE_POOL);
    int64_t width = c->in[i].dim[1], page_size = c->in[pool].dim[3];
    for (int64_t u = 0; u < batch.n; u++) {
        int64_t end = op_unit_first(c, batch.ids[u]) + op_unit_rows(c, batch.ids[u]);
        for (int64_t p = 0; p < width; p++)
            out[u * width + p] = p * page_size < end ? (int32_t)page_of(c, pool, i, u, p) : -1;
    }
}

/* Slots that nobody may read hold a large number. */
static void fill_pool(const op_case *c, uint32_t i, op_batch batch, double *out) {
    const case_tensor *t = &c->in[i];
    uint32_t source = (uint32_t)t->arg, table = find_fill(c, CASE_PAGE);
    bool keys = source == 1; /* [B,G,D,Z], else [B,G,Z,D] */
    int64_t head = t->dim[keys ? 2 : 3], z = t->dim[keys ? 3 : 2], width = t->dim[1] * head, n = t->dim[0] * width * z;
    for (int64_t k = 0; k < n; k++)
        out[k] = 1000.0;
    for (int64_t u = 0; u < batch.n; u++)
        for (int64_t r = 0; r < op_unit_first(c, batch.ids[u]); r++) {
            double *page = out + page_of(c, i, table, u, r / z) * width * z;
            for (int64_t k = 0; k < width; k++) {
                int64_t at = keys ? k * z + r % z : (k / head * z + r % z) * head + k % head;
                page[at] = real_value(c, source, hash(c, source, batch.ids[u], r, k), k);
            }
        }
}

void op_case_fill(const op_case *c, uint32_t i, op_batch batch, void *out) {
    const case_tensor *t = &c->in[i];
    if (t->fill == CASE_SEGMENT) {
        int32_t *offsets = out;
        offsets[0] = 0;
        for (int64_t u = 0; u < batch.n; u++)
            offsets[u + 1] = offsets[u] + (int32_t)op_unit_rows(c, batch.ids[u]);
    } else if (t->fill == CASE_PAGE) {
        fill_pages(c, i, batch, out);
    } else if (t->fill == CASE_POOL) {
        fill_pool(c, i, batch, out);
    } else if (op_tensor_by_row(t)) {
        fill_rows(c, i, batch, out);
    } else if (op_tensor_by_unit(t)) {
        fill_units(c, i, batch, out);
    } else {
        int64_t n = op_tensor_count(t, (const int64_t[CASE_EXTENTS]){0});
        for (int64_t k = 0; k < n; k++)
            put(c, i, out, k, hash(c, i, 0, 0, k), 0, k);
    }
}
