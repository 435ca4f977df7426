/* SPDX-License-Identifier: Apache-2.0
 * Examples for the prompt (prompt.retrieval): rows of the training split only, drawn by the seed and the row that they
 * are for, so that a row's prompt depends neither on its batch nor on the other rows asked. */
#include "internal.h"

lud_status ludc_examples_init(const lud_model *m, const ludc_table *asked, const ludc_view *training,
                              ludc_examples *out, lud_error *err) {
    const ludc_value *section = ludc_value_find(m->config.full, "prompt.retrieval");
    if (ludc_is_null(ludc_value_get(section, "type"))) return LUD_OK;
    *out = (ludc_examples){.asked = asked, .training = *training, .k = ludc_get_int(section, "k", 0), .seed = m->seed};
    if (!training->table)
        return ludc_fail(err, LUD_E_DATA,
                         "prompt.retrieval: there are no training rows to take examples from; give --dataset, or "
                         "--training_set too");
    if (out->k + (asked == training->table) > (int64_t)training->n)
        return ludc_fail(err, LUD_E_DATA, "%s: prompt.retrieval.k is %lld, the training split has %zu rows",
                         training->path, (long long)out->k, training->n);
    for (int i = 0; i < 2; i++)
        LUDC_TRY(ludc_table_need(training->table, training->path, ludc_feature_column(m->config.full, i),
                                 &out->columns[i], err));
    return LUD_OK;
}

static void put_row(const ludc_examples *e, size_t row, ludc_buf *out) {
    const ludc_table *t = e->training.table;
    for (int i = 0; i < 2; i++) {
        const lud_str cell = ludc_table_cell(t, row, e->columns[i]);
        ludc_buf_adds(out, i ? ", " : "{");
        ludc_json_str(ludc_table_column_name(t, e->columns[i]), out);
        ludc_buf_adds(out, ": ");
        if (cell.ptr)
            ludc_json_str(cell, out);
        else
            ludc_buf_adds(out, "null");
    }
    ludc_buf_adds(out, "}");
}

void ludc_examples_put(const ludc_examples *e, size_t row, ludc_buf *out) {
    const uint64_t key = ludc_key_of_name(lud_row_key(e->seed, 0, row), LUDC_STR("prompt.retrieval"));
    ludc_buf_adds(out, "[");
    for (uint64_t i = 0, put = 0; put < (uint64_t)e->k; i++) {
        const size_t drawn = ludc_view_row(&e->training, ludc_permute(key, e->training.n, i));
        if (e->asked == e->training.table && drawn == row) continue;
        if (put++) ludc_buf_adds(out, ", ");
        put_row(e, drawn, out);
    }
    ludc_buf_adds(out, "]");
}
