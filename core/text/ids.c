/* SPDX-License-Identifier: Apache-2.0
 * ids: the growable list of token ids. */
#include "text.h"

bool ludc_ids_push(ludc_ids *ids, int32_t id) {
    if (ids->len == ids->cap) {
        size_t cap = ids->cap ? ids->cap * 2 : 64;
        int32_t *p = ludc_realloc(ids->ptr, ids->cap * sizeof *p, cap * sizeof *p);
        if (!p) return false;
        ids->ptr = p;
        ids->cap = cap;
    }
    ids->ptr[ids->len++] = id;
    return true;
}

void ludc_ids_free(ludc_ids *ids) {
    ludc_free(ids->ptr);
    *ids = (ludc_ids){0};
}
