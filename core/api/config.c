/* SPDX-License-Identifier: Apache-2.0
 * Rendering a config with every default filled. */
#include "internal.h"

#include <string.h>

LUD_EXPORT lud_status lud_config_render(const lud_config_source *source, lud_status (*sink)(void *, lud_str), void *arg,
                                        lud_error *err) {
    ludc_config config = {0};
    if (source->path)
        LUDC_TRY(ludc_config_load(source->path, source->sets, (size_t)source->n_sets, &config, err));
    else
        LUDC_TRY(ludc_config_parse(source->text, strlen(source->text), "<config>", source->sets, (size_t)source->n_sets,
                                   &config, err));
    ludc_buf text = {0};
    lud_status status = ludc_value_to_json(config.full, 2, &text);
    if (status == LUD_OK) status = sink(arg, (lud_str){text.ptr, text.len});
    ludc_buf_free(&text);
    ludc_config_free(&config);
    return status;
}
