/* SPDX-License-Identifier: Apache-2.0
 * ids: the growable list of token ids. */
#include "text.h"

bool ludc_ids_push(ludc_ids *ids, int32_t id) {
    if (!ludc_grow(&ids->ptr, ids->len, &ids->cap, sizeof(*ids->ptr))) return false;
    ids->ptr[ids->len++] = id;
    return true;
}

void ludc_ids_free(ludc_ids *ids) {
    ludc_free(ids->ptr);
    *ids = (ludc_ids){0};
}
