/* SPDX-License-Identifier: Apache-2.0
 * The tokenizer's own files: what was read, or what was rebuilt from a GGUF. */
#include "internal.h"

static lud_status copy(const ludc_buf *from, ludc_buf *out, lud_error *err) {
    ludc_buf_add(out, from->ptr, from->len);
    return out->failed ? ludc_fail(err, LUD_E_NOMEM, "out of memory") : LUD_OK;
}

lud_status ludc_tokenizer_to_json(const ludc_tokenizer *t, ludc_buf *out, lud_error *err) {
    return copy(&t->json, out, err);
}

lud_status ludc_tokenizer_config_json(const ludc_tokenizer *t, ludc_buf *out, lud_error *err) {
    return copy(&t->config, out, err);
}
