/* SPDX-License-Identifier: Apache-2.0
 * A parameter's values from a base model by the encoder's table of sources.
 * Each file tensor is a matrix of rows (its first dimension) whose steps compose into two index maps, a transposition
 * flag and a constant, so that any chain of steps is one pass: value(i, j) = file[rows(i)][cols(j)] + add, or with i
 * and j exchanged. Invariant: a plan is checked in full when it is made; filling reads no unchecked index. */
#include "tensors.h"

#include <inttypes.h>
#include <string.h>

#define BAND 16 /* file rows read at once while transposing: one cache line of each output row */

/* Index i stands for `list[i]`, or without a list for first + i. */
typedef struct axis {
    int64_t n, first;
    int64_t *list;
} axis;

typedef struct piece {
    const ludc_file_tensor *t;
    axis rows, cols;   /* of the file */
    int64_t file_cols; /* elements of a whole file row */
    bool transposed;   /* the value's rows run along the file's columns */
    bool stacked;
    float add;
    int32_t rank; /* of the value, with its dimensions, as the steps leave them */
    int64_t dim[8];
    int64_t item, row; /* STACK: where it goes */
    int64_t place;     /* first element in the parameter */
} piece;

struct ludc_param_plan {
    const ludc_base_model *model;
    char *param;
    lud_shape shape;
    int64_t count;
    piece *pieces;
    size_t n, cap;
    /* Only while the plan is made: where the errors go. */
    lud_error *err;
};

#define BAD(p, code, fmt, ...)                                                                                         \
    ludc_fail((p)->err, code, "%s: parameter '%s': " fmt, (p)->model->path, (p)->param, __VA_ARGS__)

static lud_status no_memory(ludc_param_plan *p) {
    return BAD(p, LUD_E_NOMEM, "%s", "out of memory");
}

static int64_t axis_at(const axis *a, int64_t i) {
    return a->list ? a->list[i] : a->first + i;
}

/* ---- Steps ---- */

static lud_status add_piece(ludc_param_plan *p, const char *name) {
    const ludc_file_tensor *t = ludc_tensors_find(p->model->tensors, ludc_str(name));
    if (!t) return BAD(p, LUD_E_IO, "the file holds no tensor '%s'", name);
    if (!ludc_grow(&p->pieces, p->n, &p->cap, sizeof(*p->pieces))) return no_memory(p);
    piece *c = &p->pieces[p->n++];
    c->t = t;
    c->rank = t->rank;
    memcpy(c->dim, t->dim, sizeof c->dim);
    c->rows.n = t->rank ? t->dim[0] : 1;
    c->file_cols = c->rows.n > 0 ? t->count / c->rows.n : 0;
    c->cols.n = c->file_cols;
    return LUD_OK;
}

static axis *value_rows(piece *c) {
    return c->transposed ? &c->cols : &c->rows;
}

static lud_status step_transpose(ludc_param_plan *p, piece *c) {
    if (c->rank != 2) return BAD(p, LUD_E_IO, "tensor '%s' has %d dimensions, 2 expected", c->t->name, c->rank);
    c->transposed = !c->transposed;
    int64_t d = c->dim[0];
    c->dim[0] = c->dim[1];
    c->dim[1] = d;
    return LUD_OK;
}

/* Rows [first, first + n) where n is the number of rows of the parameter, or of an item if that is a stack. */
static lud_status step_rows(ludc_param_plan *p, piece *c, int64_t first, bool stack) {
    axis *a = value_rows(c);
    int at = stack ? 1 : 0;
    int64_t n = p->shape.rank > at ? p->shape.dim[at] : 1;
    if (c->rank < 1 || first < 0 || first > a->n || n > a->n - first)
        return BAD(p, LUD_E_IO, "needs rows %" PRId64 " to %" PRId64 " of tensor '%s', which has %" PRId64, first,
                   first + n, c->t->name, a->n);
    if (a->list)
        memmove(a->list, a->list + first, (size_t)n * sizeof *a->list);
    else
        a->first += first;
    a->n = c->dim[0] = n;
    return LUD_OK;
}

/* value row h*D + s*D/2 + i is file row h*D + 2i + s. */
static lud_status step_rope_rows(ludc_param_plan *p, piece *c, int64_t heads) {
    axis *a = value_rows(c);
    if (c->rank < 1 || heads < 1 || heads > a->n || a->n % heads != 0 || a->n / heads % 2 != 0)
        return BAD(p, LUD_E_IO,
                   "tensor '%s' of %" PRId64 " rows does not divide into %" PRId64 " heads of an even width",
                   c->t->name, a->n, heads);
    int64_t width = a->n / heads, half = width / 2;
    int64_t *list = ludc_alloc((size_t)a->n * sizeof *list);
    if (!list) return no_memory(p);
    for (int64_t r = 0; r < a->n; r++) {
        int64_t in_head = r % width;
        list[r] = axis_at(a, r - in_head + 2 * (in_head % half) + in_head / half);
    }
    ludc_free(a->list);
    *a = (axis){.n = a->n, .list = list};
    return LUD_OK;
}

static lud_status take_step(void *arg, const lud_source *s) {
    ludc_param_plan *p = arg;
    int64_t a = LUD_HAS(s, lud_source, a) ? s->a : 0, b = LUD_HAS(s, lud_source, b) ? s->b : 0;
    if (s->file_name) LUDC_TRY(add_piece(p, s->file_name));
    if (p->n == 0) return BAD(p, LUD_E_INVALID, "%s", "the encoder's first source names no tensor");
    piece *c = &p->pieces[p->n - 1];
    switch (s->op) {
    case LUD_SOURCE_COPY:
        return LUD_OK;
    case LUD_SOURCE_TRANSPOSE:
        return step_transpose(p, c);
    case LUD_SOURCE_ROWS:
        return step_rows(p, c, a, c->stacked);
    case LUD_SOURCE_STACK:
        c->stacked = true;
        c->item = a;
        c->row = b;
        return LUD_OK;
    case LUD_SOURCE_ROPE_ROWS:
        return step_rope_rows(p, c, a);
    case LUD_SOURCE_ADD:
        c->add += (float)a;
        return LUD_OK;
    default:
        return BAD(p, LUD_E_UNSUPPORTED, "source step %d of the encoder is not known here", s->op);
    }
}

/* ---- Checks ---- */

/* Equal but for dimensions of 1, which files drop or add. */
static bool same_dims(const int64_t *a, int32_t n_a, const int64_t *b, int32_t n_b) {
    for (int32_t i = 0, j = 0;; i++, j++) {
        while (i < n_a && a[i] == 1)
            i++;
        while (j < n_b && b[j] == 1)
            j++;
        if (i >= n_a || j >= n_b) return i >= n_a && j >= n_b;
        if (a[i] != b[j]) return false;
    }
}

static const char *show_dims(const int64_t *dim, int32_t rank, ludc_buf *b) {
    ludc_buf_adds(b, "[");
    for (int32_t i = 0; i < rank; i++)
        ludc_buf_addf(b, "%s%" PRId64, i ? ", " : "", dim[i]);
    ludc_buf_adds(b, "]");
    return b->failed ? "[?]" : b->ptr;
}

static lud_status misfit(ludc_param_plan *p, const piece *c) {
    ludc_buf has = {0}, want = {0};
    const char *whose = c->stacked ? " (one item of a stack)" : "";
    lud_status s = BAD(p, LUD_E_IO, "tensor '%s' gives the shape %s, wanted %s%s", c->t->name,
                       show_dims(c->dim, c->rank, &has), show_dims(p->shape.dim, p->shape.rank, &want), whose);
    ludc_buf_free(&has);
    ludc_buf_free(&want);
    return s;
}

static lud_status check_stacked(ludc_param_plan *p, piece *c) {
    const lud_shape *s = &p->shape;
    if (s->rank < 2 || c->rank < 1 || !same_dims(c->dim + 1, c->rank - 1, s->dim + 2, s->rank - 2)) return misfit(p, c);
    if (c->item < 0 || c->item >= s->dim[0] || c->row < 0 || c->row > s->dim[1] || c->dim[0] > s->dim[1] - c->row)
        return misfit(p, c);
    int64_t row_count = p->count / s->dim[0] / LUDC_MAX(s->dim[1], (int64_t)1);
    c->place = (c->item * s->dim[1] + c->row) * row_count;
    return LUD_OK;
}

/* Quantized values can only be taken by whole rows, and those only if a row is made of whole blocks. */
static bool rows_readable(const piece *c) {
    const ludc_dtype_info *info = ludc_dtype_at(c->t->dtype);
    return info->block_count == 1 || c->file_cols % info->block_count == 0;
}

static lud_status check_piece(ludc_param_plan *p, piece *c) {
    LUDC_TRY(ludc_tensor_to_f32(c->t, 0, 0, NULL, p->err)); /* its type is one that can be read */
    if (c->stacked)
        LUDC_TRY(check_stacked(p, c));
    else if (!same_dims(c->dim, c->rank, p->shape.dim, p->shape.rank))
        return misfit(p, c);
    if (!rows_readable(c) &&
        (c->transposed || c->rows.list || c->rows.first || c->rows.n * c->file_cols != c->t->count))
        return BAD(p, LUD_E_UNSUPPORTED, "rows of tensor '%s' (%s) are no whole blocks and cannot be moved", c->t->name,
                   ludc_dtype_name(c->t->dtype));
    return LUD_OK;
}

/* Without a stack there is one tensor, and the pieces of a stack fill it exactly. Overlaps that add up to the right
 * total are the encoder's error; they cannot reach outside. */
static lud_status check_plan(ludc_param_plan *p) {
    int64_t total = 0;
    for (size_t i = 0; i < p->n; i++) {
        LUDC_TRY(check_piece(p, &p->pieces[i]));
        total += p->pieces[i].rows.n * p->pieces[i].cols.n;
        if (total > p->count) break;
    }
    if (p->n == 0) return BAD(p, LUD_E_NOT_FOUND, "%s", "the encoder names no source for it");
    if (total != p->count)
        return BAD(p, LUD_E_INVALID, "its sources give %" PRId64 " values of %" PRId64, total, p->count);
    return LUD_OK;
}

/* ---- Filling ---- */

static void add_constant(float *out, int64_t n, float add) {
    if (add == 0.0f) return;
    for (int64_t i = 0; i < n; i++)
        out[i] += add;
}

/* Value rows [r0, r1) of a piece that is not transposed. */
static lud_status fill_rows(const piece *c, int64_t r0, int64_t r1, float *out, lud_error *err) {
    int64_t n = c->file_cols;
    if (!c->rows.list) return ludc_tensor_to_f32(c->t, (c->rows.first + r0) * n, (r1 - r0) * n, out + r0 * n, err);
    for (int64_t r = r0; r < r1; r++)
        LUDC_TRY(ludc_tensor_to_f32(c->t, c->rows.list[r] * n, n, out + r * n, err));
    return LUD_OK;
}

/* Value columns [r0, r1): file rows. `band` holds BAND file rows. */
static lud_status fill_transposed(const piece *c, int64_t r0, int64_t r1, float *band, float *out, lud_error *err) {
    int64_t width = c->rows.n; /* of a value row */
    for (int64_t r = r0; r < r1; r += BAND) {
        int64_t m = LUDC_MIN((int64_t)BAND, r1 - r);
        for (int64_t k = 0; k < m; k++)
            LUDC_TRY(ludc_tensor_to_f32(c->t, axis_at(&c->rows, r + k) * c->file_cols, c->file_cols,
                                        band + k * c->file_cols, err));
        for (int64_t i = 0; i < c->cols.n; i++) {
            const float *in = band + axis_at(&c->cols, i);
            for (int64_t k = 0; k < m; k++)
                out[i * width + r + k] = in[k * c->file_cols] + c->add;
        }
    }
    return LUD_OK;
}

static lud_status fill_piece(const piece *c, int part, int parts, float *out, lud_error *err) {
    int64_t r0 = c->rows.n * part / parts, r1 = c->rows.n * (part + 1) / parts;
    if (!c->transposed && !rows_readable(c)) { /* a whole quantized vector */
        r0 = part == 0 ? 0 : c->rows.n;
        r1 = c->rows.n;
    }
    if (r0 >= r1) return LUD_OK;
    if (!c->transposed) {
        LUDC_TRY(fill_rows(c, r0, r1, out + c->place, err));
        add_constant(out + c->place + r0 * c->file_cols, (r1 - r0) * c->file_cols, c->add);
        return LUD_OK;
    }
    float *band = ludc_alloc((size_t)c->file_cols * BAND * sizeof *band);
    if (!band) return ludc_fail(err, LUD_E_NOMEM, "tensor '%s': out of memory", c->t->name);
    lud_status s = fill_transposed(c, r0, r1, band, out + c->place, err);
    ludc_free(band);
    return s;
}

/* ---- Public ---- */

static lud_status count_elements(ludc_param_plan *p) {
    p->count = 1;
    if (p->shape.rank < 0 || p->shape.rank > 8) return BAD(p, LUD_E_INVALID, "a rank of %d", p->shape.rank);
    for (int32_t i = 0; i < p->shape.rank; i++)
        if (p->shape.dim[i] < 0 || __builtin_mul_overflow(p->count, p->shape.dim[i], &p->count))
            return BAD(p, LUD_E_INVALID, "dimension %d is %" PRId64, i, p->shape.dim[i]);
    return LUD_OK;
}

lud_status ludc_param_plan_new(const ludc_base_model *model, const lud_encoder_vt *vt, void *encoder, const char *param,
                               const lud_shape *shape, ludc_param_plan **out, lud_error *err) {
    ludc_param_plan *p = ludc_alloc(sizeof *p);
    char *name = ludc_strdup(param);
    if (!p || !name) {
        ludc_free(p);
        ludc_free(name);
        return ludc_fail(err, LUD_E_NOMEM, "%s: out of memory for parameter '%s'", model->path, param);
    }
    *p = (ludc_param_plan){.model = model, .param = name, .shape = *shape, .err = err};
    lud_status s = count_elements(p);
    if (s == LUD_OK) s = vt->sources(encoder, ludc_tensors_scheme(model->tensors), param, take_step, p, err);
    if (s == LUD_OK) s = check_plan(p);
    p->err = NULL;
    if (s == LUD_OK) return *out = p, LUD_OK;
    ludc_param_plan_free(p);
    return s;
}

const float *ludc_param_plan_borrow(const ludc_param_plan *p) {
    const piece *c = p->pieces;
    if (p->n != 1 || c->transposed || c->rows.list || c->add != 0.0f || c->t->dtype != LUDC_F32) return NULL;
    const uint8_t *data = c->t->data + (size_t)(c->rows.first * c->file_cols) * sizeof(float);
    return (uintptr_t)data % sizeof(float) == 0 ? (const float *)(const void *)data : NULL;
}

size_t ludc_param_plan_stored(const ludc_param_plan *p, int32_t *dtype) {
    const piece *c = p->pieces;
    if (p->n != 1 || c->transposed || c->add != 0.0f || !rows_readable(c)) return 0;
    const ludc_dtype_info *info = ludc_dtype_at(c->t->dtype);
    *dtype = c->t->dtype;
    return (size_t)(p->count / info->block_count) * info->block_bytes;
}

const void *ludc_param_plan_bytes(const ludc_param_plan *p, void **own) {
    const piece *c = p->pieces;
    const ludc_dtype_info *info = ludc_dtype_at(c->t->dtype);
    size_t row = (size_t)(c->file_cols / info->block_count) * info->block_bytes;
    if (!c->rows.list) return c->t->data + (size_t)c->rows.first * row;
    uint8_t *out = *own = ludc_alloc((size_t)c->rows.n * row);
    for (int64_t r = 0; out && r < c->rows.n; r++)
        memcpy(out + (size_t)r * row, c->t->data + (size_t)c->rows.list[r] * row, row);
    return out;
}

void ludc_param_plan_release(const ludc_param_plan *p) {
    for (size_t i = 0; i < p->n; i++)
        ludc_file_release(&(ludc_map_file){.ptr = p->pieces[i].t->data, .size = p->pieces[i].t->bytes});
}

lud_status ludc_param_plan_fill(const ludc_param_plan *p, int part, int parts, float *out, lud_error *err) {
    for (size_t i = 0; i < p->n; i++)
        LUDC_TRY(fill_piece(&p->pieces[i], part, parts, out, err));
    if (part + 1 == parts) ludc_param_plan_release(p);
    return LUD_OK;
}

void ludc_param_plan_free(ludc_param_plan *p) {
    if (!p) return;
    for (size_t i = 0; i < p->n; i++) {
        ludc_free(p->pieces[i].rows.list);
        ludc_free(p->pieces[i].cols.list);
    }
    ludc_free(p->pieces);
    ludc_free(p->param);
    ludc_free(p);
}

typedef struct probe {
    const ludc_tensors *tensors;
    bool any, missing;
} probe;

static lud_status probe_step(void *arg, const lud_source *s) {
    probe *p = arg;
    if (!s->file_name) return LUD_OK;
    p->any = true;
    if (!ludc_tensors_find(p->tensors, ludc_str(s->file_name))) p->missing = true;
    return LUD_OK;
}

bool ludc_base_model_has(const ludc_base_model *model, const lud_encoder_vt *vt, void *encoder, const char *param) {
    probe p = {.tensors = model->tensors};
    lud_error ignored = LUDC_ERROR_INIT;
    lud_status s = vt->sources(encoder, ludc_tensors_scheme(model->tensors), param, probe_step, &p, &ignored);
    return s == LUD_OK && p.any && !p.missing;
}
