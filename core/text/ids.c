/* SPDX-License-Identifier: Apache-2.0
 * Growable lists of ids, pieces and steps. */
#include "internal.h"

#include <string.h>

bool ludc_ids_push(ludc_ids *ids, int32_t id) {
    if (ids->len == ids->cap) {
        const size_t cap = ids->cap ? 2 * ids->cap : 64;
        int32_t *more = ludc_realloc(ids->ptr, ids->len * sizeof(*more), cap * sizeof(*more));
        if (!more) return false;
        ids->ptr = more;
        ids->cap = cap;
    }
    ids->ptr[ids->len++] = id;
    return true;
}

void ludc_ids_free(ludc_ids *ids) {
    ludc_free(ids->ptr);
    *ids = (ludc_ids){0};
}

void ludc_pieces_add(ludc_pieces *p, size_t begin, size_t len, int32_t id) {
    if (len == 0 && id < 0) return;
    if (p->len == p->cap) {
        const size_t cap = p->cap ? 2 * p->cap : 64;
        ludc_piece *more = ludc_realloc(p->ptr, p->len * sizeof(*more), cap * sizeof(*more));
        if (!more) {
            p->failed = true;
            return;
        }
        p->ptr = more;
        p->cap = cap;
    }
    p->ptr[p->len++] = (ludc_piece){.begin = begin, .len = len, .id = id};
}

void ludc_pieces_free(ludc_pieces *p) {
    ludc_buf_free(&p->text);
    ludc_free(p->ptr);
    *p = (ludc_pieces){0};
}

bool ludc_steps_add(ludc_steps *s, const ludc_step *step) {
    if (s->len == s->cap) {
        const size_t cap = s->cap ? 2 * s->cap : 8;
        ludc_step *more = ludc_realloc(s->ptr, s->len * sizeof(*more), cap * sizeof(*more));
        if (!more) {
            ludc_free(step->from);
            ludc_free(step->to);
            return false;
        }
        s->ptr = more;
        s->cap = cap;
    }
    s->ptr[s->len++] = *step;
    return true;
}

void ludc_steps_free(ludc_steps *s) {
    for (size_t i = 0; i < s->len; i++) {
        ludc_free(s->ptr[i].from);
        ludc_free(s->ptr[i].to);
    }
    ludc_free(s->ptr);
    *s = (ludc_steps){0};
}
