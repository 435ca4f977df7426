/* SPDX-License-Identifier: Apache-2.0
 * Rules of Ludwig for prompt.template and prompt.task that need no data: which fields a template must and must not
 * name. Whether the columns exist is known only with the data; rendering is core/text. */
#include "config_internal.h"
#include <string.h>

typedef struct fields {
    bool sample, task, context, column, output, broken;
} fields;

static lud_str field_name(lud_str inside) {
    const char *colon = memchr(inside.ptr, ':', inside.len);
    if (colon) inside.len = (size_t)(colon - inside.ptr);
    return inside;
}

static void note(lud_str name, const ludc_value *full, fields *f) {
    lud_str out = ludc_get_str(full, "output_features.0.column", (lud_str){0});
    if (ludc_str_eq(name, "__sample__"))
        f->sample = true;
    else if (ludc_str_eq(name, "__task__"))
        f->task = true;
    else if (ludc_str_eq(name, "__context__"))
        f->context = true;
    else if (out.len && ludc_str_same(name, out))
        f->output = true;
    else
        f->column = true;
}

static fields scan(lud_str text, const ludc_value *full) {
    fields f = {0};
    for (size_t i = 0; i < text.len && !f.broken; i++) {
        char c = text.ptr[i];
        if (c != '{' && c != '}') continue;
        if (i + 1 < text.len && text.ptr[i + 1] == c) {
            i++;
            continue;
        }
        const char *close = c == '{' ? memchr(text.ptr + i, '}', text.len - i) : NULL;
        size_t len = close ? (size_t)(close - text.ptr) - i - 1 : 0;
        lud_str name = field_name((lud_str){text.ptr + i + 1, len});
        f.broken = name.len == 0 || memchr(name.ptr, '{', name.len);
        note(name, full, &f);
        i += len + 1;
    }
    return f;
}

void ludc_check_prompt(const ludc_value *user, const ludc_value *full, ludc_diag *d) {
    lud_str text = ludc_get_str(full, "prompt.template", (lud_str){0});
    bool task = !ludc_is_null(ludc_value_find(full, "prompt.task"));
    bool retrieval = !ludc_is_null(ludc_value_find(full, "prompt.retrieval.type"));
    if (retrieval && ludc_get_int(full, "prompt.retrieval.k", 0) < 1)
        ludc_diag_rule(d, user, "prompt.retrieval", "needs 'k', the number of examples, >= 1");
    if (retrieval && !text.ptr) ludc_diag_rule(d, user, "prompt.retrieval", "needs prompt.template or prompt.task");
    if (!text.ptr) return;
    ludc_at at = ludc_at_path(user, "prompt.template");
    fields f = scan(text, full);
    if (f.broken) {
        ludc_diag_add(d, at,
                      "prompt.template: unbalanced '{' or '}'; write {column} for a column, {{ and }} for braces");
        return;
    }
    if (!f.column && !f.sample && !f.output)
        ludc_diag_add(d, at, "prompt.template: must name at least one column as {column}, or {__sample__}");
    if (f.output) ludc_diag_add(d, at, "prompt.template: must not name the output column, that is the answer");
    if (f.context && !retrieval)
        ludc_diag_add(d, at, "prompt.template: names {__context__}, but prompt.retrieval.type is not set");
    if (retrieval && !f.context)
        ludc_diag_add(d, at, "prompt.template: prompt.retrieval is set, so {__context__} must be in it");
    if (task && !f.task) ludc_diag_add(d, at, "prompt.template: prompt.task is set, so {__task__} must be in it");
    if (!task && f.task) ludc_diag_add(d, at, "prompt.template: names {__task__}, but prompt.task is not set");
}
