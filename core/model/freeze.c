/* SPDX-License-Identifier: Apache-2.0
 * trainer.layers_to_freeze_regex: parameters that training leaves alone, though the adapter or the base model's own
 * tuning would change them. As Ludwig's freeze_layers_regex, the expression is searched for in the name (Python's
 * re.search); here that is the name as the encoder knows it. */
#include "internal.h"

#include <string.h>

static lud_str expression(const ludc_value *config) {
    return ludc_get_text(config, "trainer.layers_to_freeze_regex");
}

lud_status ludc_freeze_open(ludc_model *m, const ludc_value *config, lud_error *err) {
    const lud_str text = expression(config);
    return text.len ? ludc_expression_new("trainer", "layers_to_freeze_regex", text, false, &m->frozen, err) : LUD_OK;
}

bool ludc_param_frozen(const ludc_model *m, const char *param) {
    return m->frozen && ludc_expression_match(m->frozen, ludc_str(param), false, NULL);
}

void ludc_freeze_count(const ludc_model *m, ludc_freeze *f) {
    f->tuned |= m->trainable || m->adapter_vt;
    for (size_t i = 0; m->frozen && i < ludc_store_len(m->store); i++) {
        const char *name = ludc_param_relative(m, ludc_store_at(m->store, i)->name);
        if (!name) continue;
        if (ludc_param_frozen(m, name)) {
            f->n_frozen++;
        } else {
            if (f->n_others++ < 10) ludc_buf_addf(&f->others, "%s%s", f->others.len ? ", " : "", name);
            f->n_trained += ludc_store_at(m->store, i)->trainable;
        }
    }
}

lud_status ludc_freeze_report(const ludc_value *config, ludc_freeze *f, lud_error *err) {
    const lud_str text = expression(config);
    const char *others = f->others.ptr ? f->others.ptr : "";
    lud_status status = LUD_OK;
    if (text.len && !f->n_frozen)
        ludc_log(LUD_LOG_WARN, "trainer.layers_to_freeze_regex '%.*s' is in no name of %zu parameters; some are: %s",
                 LUDC_ARG_CUT(text, 200), f->n_others, others);
    else if (text.len && f->tuned && !f->n_trained)
        status = ludc_fail(err, LUD_E_INVALID,
                           "trainer.layers_to_freeze_regex '%.*s' freezes all that would be trained; leave a layer out",
                           LUDC_ARG_CUT(text, 200));
    else if (text.len)
        ludc_log(LUD_LOG_INFO, "trainer.layers_to_freeze_regex freezes %zu tensors, %zu are trained", f->n_frozen,
                 f->n_trained);
    ludc_buf_free(&f->others);
    return status;
}
