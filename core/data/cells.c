/* SPDX-License-Identifier: Apache-2.0
 * Cells of one row in one buffer. */
#include "answers.h"

void ludc_cells_end(ludc_cells *c) {
    ludc_buf_add(&c->text, "", 1);
    size_t cap = c->cap;
    c->failed = c->failed || c->text.failed || !ludc_grow(&c->ends, c->len, &cap, sizeof(*c->ends)) ||
                !ludc_grow(&c->views, c->len, &c->cap, sizeof(*c->views));
    if (!c->failed) c->ends[c->len++] = c->text.len;
}

const lud_str *ludc_cells_list(ludc_cells *c) {
    size_t begin = 0;
    for (size_t i = 0; i < c->len; i++) {
        c->views[i] = (lud_str){c->text.ptr + begin, c->ends[i] - begin - 1};
        begin = c->ends[i];
    }
    return c->views;
}

ludc_table *ludc_cells_table(ludc_cells *c) {
    const char **names = c->failed ? NULL : ludc_alloc(LUDC_MAX(c->len, 1) * sizeof(*names));
    for (size_t i = 0; names && i < c->len; i++)
        names[i] = c->text.ptr + (i ? c->ends[i - 1] : 0);
    ludc_table *t = names ? ludc_table_new(names, c->len) : NULL;
    ludc_free(names);
    return t;
}

void ludc_cells_clear(ludc_cells *c) {
    ludc_buf_clear(&c->text);
    c->len = 0;
    c->failed = false;
}

void ludc_cells_free(ludc_cells *c) {
    ludc_buf_free(&c->text);
    ludc_free(c->ends);
    ludc_free(c->views);
    *c = (ludc_cells){0};
}
