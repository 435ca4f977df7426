/* SPDX-License-Identifier: Apache-2.0
 * Rules of model_type ecd that span keys: names, dependencies, what a text encoder needs, what picks the best model.
 * Like rules.c: reads the full tree, places messages where the user wrote the key. */
#include "config_internal.h"
#include "schema_tables.h"
#include <stdio.h>
#include <string.h>

typedef struct check {
    const ludc_value *user, *full, *inputs, *outputs;
    size_t n_inputs, n_outputs;
    ludc_map *names; /* of active features, to their number: outputs after inputs */
    ludc_diag *d;
} check;

static size_t length_of(const ludc_value *list) {
    return list && list->type == LUD_CFG_LIST ? list->len : 0;
}

static const ludc_value *feature_at(const check *c, size_t i) {
    return i < c->n_inputs ? c->inputs->items[i] : c->outputs->items[i - c->n_inputs];
}

static void path_of(const check *c, size_t i, const char *key, char *out, size_t size) {
    bool input = i < c->n_inputs;
    snprintf(out, size, "%s_features.%zu%s%s", input ? "input" : "output", input ? i : i - c->n_inputs, *key ? "." : "",
             key);
}

/* A message about one key of feature i. */
static void say(const check *c, size_t i, const char *key, const char *text) {
    char path[256];
    path_of(c, i, key, path, sizeof path);
    ludc_diag_rule(c->d, c->user, path, "%s", text);
}

/* The number of the active feature of this name, from `first` on; SIZE_MAX: there is none. */
static size_t find(const check *c, lud_str name, size_t first, size_t end) {
    int64_t i;
    return ludc_map_get(c->names, name, &i) && (size_t)i >= first && (size_t)i < end ? (size_t)i : SIZE_MAX;
}

static void collect_names(check *c) {
    size_t n = c->n_inputs + c->n_outputs;
    for (size_t i = 0; i < n; i++) {
        lud_str name = ludc_get_text(feature_at(c, i), "name");
        size_t other = find(c, name, 0, n);
        if (!name.len || !ludc_get_bool(feature_at(c, i), "active", true)) continue;
        if (other != SIZE_MAX) {
            char text[256], path[64];
            path_of(c, other, "", path, sizeof path);
            snprintf(text, sizeof text, "'%.*s' is the name of %s too", LUDC_ARG_CUT(name, 80), path);
            say(c, i, "name", text);
        } else if (!ludc_map_put(c->names, name, (int64_t)i)) {
            c->d->failed = true;
        }
    }
}

static void check_some(const check *c, const ludc_value *list, const char *key) {
    bool active = false;
    for (size_t i = 0; i < length_of(list); i++)
        active |= ludc_get_bool(list->items[i], "active", true);
    if (active || !list || list->type != LUD_CFG_LIST) return;
    ludc_diag_rule(c->d, c->user, key, "needs at least one %sfeature", list->len ? "active " : "");
}

static void check_tied(const check *c, size_t i) {
    lud_str name = ludc_get_text(c->inputs->items[i], "tied");
    if (!name.len) return;
    size_t other = find(c, name, 0, c->n_inputs);
    if (other == SIZE_MAX || other == i)
        say(c, i, "tied", "must be the name of another active input");
    else if (!ludc_str_same(ludc_get_text(c->inputs->items[other], "type"), ludc_get_text(c->inputs->items[i], "type")))
        say(c, i, "tied", "must be the name of an input of the same type");
    else if (ludc_get_text(c->inputs->items[other], "tied").len)
        say(c, i, "tied", "must be the name of an input that is not tied itself");
}

static void check_text(const check *c, size_t i) {
    const ludc_value *encoder = ludc_value_get(c->inputs->items[i], "encoder");
    lud_str type = ludc_get_text(encoder, "type");
    bool llm = ludc_str_eq(type, "llm"), base_model = ludc_get_text(encoder, "base_model").len > 0;
    char path[64];
    path_of(c, i, "encoder.adapter", path, sizeof path);
    ludc_check_patterns(c->user, c->full, path, c->d);
    if (llm && !base_model)
        say(c, i, "encoder", "type llm needs 'base_model': a model folder, a GGUF file or a hub id");
    if (!llm && base_model) say(c, i, "encoder.base_model", "is for type llm only");
    if (ludc_str_eq(type, "auto_transformer") && !ludc_get_text(encoder, "pretrained_model_name_or_path").len)
        say(c, i, "encoder", "type auto_transformer needs 'pretrained_model_name_or_path'");
}

static void check_inputs(const check *c) {
    for (size_t i = 0; i < c->n_inputs; i++) {
        check_tied(c, i);
        if (ludc_text_is(c->inputs->items[i], "type", "text")) check_text(c, i);
    }
}

static bool is_number(const ludc_value *v) {
    return v->type == LUD_CFG_INT || v->type == LUD_CFG_FLOAT;
}

static void check_class_weights(const check *c, size_t i) {
    const ludc_value *weights = ludc_value_find(feature_at(c, i), "loss.class_weights");
    for (size_t k = 0; weights && weights->type == LUD_CFG_OBJECT && k < weights->len; k++) {
        const ludc_value *v = weights->items[k];
        if (is_number(v) && (v->type == LUD_CFG_INT ? v->u.i >= 0 : v->u.f >= 0)) continue;
        say(c, i, "loss.class_weights", "every weight must be a number >= 0");
        return;
    }
}

static void check_clip(const check *c, size_t i) {
    const ludc_value *clip = ludc_value_get(feature_at(c, i), "clip");
    if (!clip || clip->type != LUD_CFG_LIST) return;
    if (clip->len != 2)
        say(c, i, "clip", "must hold 2 numbers, the lowest and the highest prediction");
    else if (ludc_get_float(clip, "0", 0) > ludc_get_float(clip, "1", 0))
        say(c, i, "clip", "the lowest prediction is above the highest");
}

/* False: it names something else than another output; a message is there. */
static bool check_dependency(const check *c, size_t i, const ludc_value *v) {
    size_t other = v->type == LUD_CFG_STR ? find(c, v->u.s, c->n_inputs, c->n_inputs + c->n_outputs) : SIZE_MAX;
    if (v->type != LUD_CFG_STR || (other != SIZE_MAX && other != i)) return v->type == LUD_CFG_STR;
    char text[160];
    snprintf(text, sizeof text, "'%.*s' is not another active output", LUDC_ARG_CUT(v->u.s, 80));
    say(c, i, "dependencies", text);
    return false;
}

static bool all_done(const check *c, const ludc_value *dependencies, const bool *done) {
    for (size_t k = 0; k < length_of(dependencies); k++) {
        const ludc_value *v = dependencies->items[k];
        size_t other = v->type == LUD_CFG_STR ? find(c, v->u.s, c->n_inputs, SIZE_MAX) : SIZE_MAX;
        if (other != SIZE_MAX && !done[other - c->n_inputs]) return false;
    }
    return true;
}

/* Takes outputs whose dependencies are all taken, until nothing changes; what is left is a circle or behind one. */
static void check_circle(const check *c) {
    bool *done = ludc_alloc(c->n_outputs * sizeof *done), again = true;
    if (!done) c->d->failed = true;
    while (done && again) {
        again = false;
        for (size_t i = 0; i < c->n_outputs; i++) {
            if (done[i] || !all_done(c, ludc_value_get(c->outputs->items[i], "dependencies"), done)) continue;
            done[i] = again = true;
        }
    }
    for (size_t i = 0; done && i < c->n_outputs; i++) {
        if (done[i]) continue;
        say(c, c->n_inputs + i, "dependencies", "outputs depend on each other in a circle");
        break;
    }
    ludc_free(done);
}

static void check_outputs(const check *c) {
    bool known = true;
    for (size_t i = c->n_inputs; i < c->n_inputs + c->n_outputs; i++) {
        const ludc_value *dependencies = ludc_value_get(feature_at(c, i), "dependencies");
        for (size_t k = 0; k < length_of(dependencies); k++)
            known &= check_dependency(c, i, dependencies->items[k]);
        check_class_weights(c, i);
        check_clip(c, i);
    }
    if (known) check_circle(c);
}

static const char *metrics_of(lud_str type) {
    for (const ludc_variant *v = ludc_variants_output; v->types; v++)
        if (ludc_str_eq(type, v->types)) return ludc_key_find(v->keys, LUDC_STR("default_validation_metric"))->words;
    return "loss";
}

static void check_metric(const check *c, lud_str field, lud_str type, lud_str metric) {
    const char *words = metrics_of(type);
    char allowed[256] = "";
    size_t used = 0;
    if (ludc_has_word(words, metric)) return;
    for (lud_str w; (w = ludc_next_word(&words)).len && used < sizeof allowed;)
        used += (size_t)snprintf(allowed + used, sizeof allowed - used, "%s%.*s", used ? ", " : "", LUDC_ARG(w));
    ludc_diag_rule(c->d, c->user, "trainer.validation_metric", "'%.*s' is no metric of %.*s (%.*s); allowed: %s",
                   LUDC_ARG_CUT(metric, 80), LUDC_ARG_CUT(field, 80), LUDC_ARG(type), allowed);
}

static void check_validation(const check *c) {
    const ludc_value *trainer = ludc_value_get(c->full, "trainer"), *written = ludc_value_get(c->user, "trainer");
    lud_str field = ludc_get_text(trainer, "validation_field"), metric = ludc_get_text(trainer, "validation_metric");
    size_t i = find(c, field, c->n_inputs, SIZE_MAX);
    lud_str type = ludc_str_eq(field, "combined") ? LUDC_STR("all outputs") : LUDC_STR("");
    if (i != SIZE_MAX) type = ludc_get_text(feature_at(c, i), "type");
    if (type.len && ludc_get_text(written, "validation_metric").len) check_metric(c, field, type, metric);
    if (type.len || !ludc_get_text(written, "validation_field").len) return;
    ludc_diag_rule(c->d, c->user, "trainer.validation_field", "'%.*s' is not an active output, and not combined",
                   LUDC_ARG_CUT(field, 80));
}

static void check_rows(const check *c) {
    const ludc_value *rows = ludc_value_get(c->full, "preprocessing");
    bool over = !ludc_is_null(ludc_value_get(rows, "oversample_minority"));
    bool under = !ludc_is_null(ludc_value_get(rows, "undersample_majority"));
    const char *path = over ? "preprocessing.oversample_minority" : "preprocessing.undersample_majority";
    bool binary = c->n_outputs == 1 && ludc_text_is(c->outputs->items[0], "type", "binary");
    if (over && under)
        ludc_diag_rule(c->d, c->user, path, "and undersample_majority are both set; keep one");
    else if ((over || under) && !binary)
        ludc_diag_rule(c->d, c->user, path, "needs one output only, of type binary");
    if (!ludc_is_null(ludc_value_get(rows, "sample_size")) && ludc_get_float(rows, "sample_ratio", 1) != 1) {
        ludc_diag_rule(c->d, c->user, "preprocessing.sample_size", "and sample_ratio are both set; keep one");
    }
}

void ludc_check_ecd(const ludc_value *user, const ludc_value *full, ludc_diag *d) {
    check c = {.user = user, .full = full, .d = d};
    c.inputs = ludc_value_get(full, "input_features");
    c.outputs = ludc_value_get(full, "output_features");
    c.n_inputs = length_of(c.inputs);
    c.n_outputs = length_of(c.outputs);
    c.names = ludc_map_new(c.n_inputs + c.n_outputs);
    if (!c.names) {
        d->failed = true;
        return;
    }
    check_some(&c, c.inputs, "input_features");
    check_some(&c, c.outputs, "output_features");
    collect_names(&c);
    check_inputs(&c);
    check_outputs(&c);
    check_validation(&c);
    check_rows(&c);
    ludc_check_shared(user, full, d);
    if (ludc_get_bool(full, "trainer.use_mixed_precision", false))
        ludc_log(LUD_LOG_INFO, "%s: trainer.use_mixed_precision: taken as backend.precision auto", d->name);
    ludc_map_free(c.names);
}
