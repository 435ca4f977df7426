/* SPDX-License-Identifier: Apache-2.0
 * Rendering a config with every default filled. */
#include "internal.h"

#include <string.h>

lud_status ludc_config_open(const lud_config_source *s, ludc_config *out, lud_error *err) {
    const size_t n = (size_t)s->n_sets;
    return s->path ? ludc_config_load(s->path, s->sets, n, out, err)
                   : ludc_config_parse(s->text, strlen(s->text), "<config>", s->sets, n, out, err);
}

LUD_EXPORT lud_status lud_config_render(const lud_config_source *source, lud_status (*sink)(void *, lud_str), void *arg,
                                        lud_error *err) {
    ludc_config config = {0};
    ludc_buf text = {0};
    LUDC_TRY(ludc_config_open(source, &config, err));
    lud_status status = ludc_value_to_json(config.full, 2, &text);
    if (status == LUD_OK) status = sink(arg, (lud_str){text.ptr, text.len});
    ludc_buf_free(&text);
    ludc_config_free(&config);
    return status;
}
