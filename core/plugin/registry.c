/* SPDX-License-Identifier: Apache-2.0
 * The registry: components by (kind, feature type, config name). The first one found wins; later ones are listed as
 * shadowed. */
#include "internal.h"

#include <ludwig/adapter.h>
#include <string.h>

const char *ludc_kind_name(int32_t kind) {
    switch (kind) {
#define KIND_NAME(name, code, text)                                                                                    \
    case code:                                                                                                         \
        return text;
        LUD_KIND_MAP(KIND_NAME)
#undef KIND_NAME
    default:
        return "component";
    }
}

static bool in_list(const char *const *list, lud_str word) {
    for (; list && *list; list++)
        if (ludc_str_eq(word, *list)) return true;
    return false;
}

static bool lists_meet(const char *const *a, const char *const *b) {
    if (!a || !b) return true;
    for (; *a; a++)
        if (in_list(b, ludc_str(*a))) return true;
    return false;
}

static bool shadowed(const ludc_host *h, const lud_component *c) {
    for (size_t i = 0; i < h->n_components; i++) {
        const lud_component *o = h->components[i].c;
        if (strcmp(o->id, c->id) == 0) return true;
        if (o->kind == c->kind && strcmp(o->config_name, c->config_name) == 0 &&
            lists_meet(o->feature_types, c->feature_types))
            return true;
    }
    return false;
}

lud_status ludc_register(ludc_host *h, const ludc_candidate_file *f, const ludc_plugin_info *info, lud_error *err) {
    for (uint32_t i = 0; i < f->plugin->n_components; i++) {
        if (!ludc_grow(&h->components, h->n_components, &h->cap_components, sizeof(*h->components)))
            return ludc_no_memory(err, NULL);
        const lud_component *c = f->plugin->components[i];
        h->components[h->n_components] = (ludc_component){.c = c, .from = info, .shadowed = shadowed(h, c)};
        h->n_components++;
    }
    return LUD_OK;
}

static bool fits(const ludc_component *c, int32_t kind, const char *feature_type) {
    if (c->c->kind != kind || c->shadowed) return false;
    return !feature_type || !c->c->feature_types || in_list(c->c->feature_types, ludc_str(feature_type));
}

/* What could have been meant: config names, or model types; each once. Returns how many. */
static size_t collect_names(const ludc_host *h, int32_t kind, const char *feature_type, bool model_types,
                            const char **out, size_t cap) {
    size_t len = 0;
    for (size_t i = 0; i < h->n_components; i++) {
        const lud_component *c = h->components[i].c;
        const char *const one[] = {c->config_name, NULL};
        if (!fits(&h->components[i], kind, feature_type)) continue;
        for (const char *const *n = model_types ? c->model_types : one; n && *n && len + 1 < cap; n++)
            if (!in_list(out, ludc_str(*n))) out[len++] = *n;
    }
    return len;
}

/* The first few, so that the whole message fits. */
static void add_refused(const ludc_host *h, ludc_buf *out) {
    enum { SHOWN = 3 };
    size_t n = 0;
    for (size_t i = 0; i < h->n_files; i++) {
        if (!h->files[i].reason || h->files[i].twice || ++n > SHOWN) continue;
        ludc_buf_addf(out, "; not loaded: %s: %s", h->files[i].path, h->files[i].reason);
    }
    if (n > SHOWN) ludc_buf_addf(out, "; %zu more not loaded: see 'ludwig plugin list -v'", n - SHOWN);
}

/* One line: what is missing, what there is, where it was looked for. */
static lud_status not_found(const ludc_host *h, int32_t kind, const char *feature_type, bool by_model_type,
                            lud_str word, lud_error *err) {
    const char *list[128] = {NULL};
    ludc_buf names = {0}, folders = {0}, refused = {0};
    const size_t len = collect_names(h, kind, feature_type, by_model_type, list, LUDC_COUNT(list));
    const char *near = ludc_nearest(word, list, len);
    if (near) ludc_buf_addf(&names, "did you mean '%s'? ", near);
    ludc_buf_adds(&names, len ? "there is: " : "there is: none");
    for (size_t i = 0; i < len; i++)
        ludc_buf_addf(&names, "%s%s", i ? ", " : "", list[i]);
    for (size_t i = 0; i < h->n_folders; i++)
        ludc_buf_addf(&folders, "%s%s", i ? ", " : "", h->folders[i]);
    add_refused(h, &refused);
    const lud_status status =
        ludc_fail(err, LUD_E_ABI, "no %s plugin %s'%.*s'%s%s (%s); searched %s%s", ludc_kind_name(kind),
                  by_model_type ? "for model type " : "", LUDC_ARG(word), feature_type ? " for " : "",
                  feature_type ? feature_type : "", names.ptr ? names.ptr : "?", folders.ptr ? folders.ptr : "?",
                  refused.ptr ? refused.ptr : "");
    ludc_buf_free(&names);
    ludc_buf_free(&folders);
    ludc_buf_free(&refused);
    return status;
}

lud_status ludc_host_find(const ludc_host *h, int32_t kind, const char *feature_type, lud_str config_name,
                          const lud_component **out, lud_error *err) {
    for (size_t i = 0; i < h->n_components; i++) {
        const lud_component *c = h->components[i].c;
        if (!fits(&h->components[i], kind, feature_type) || !ludc_str_eq(config_name, c->config_name)) continue;
        *out = c;
        return LUD_OK;
    }
    return not_found(h, kind, feature_type, false, config_name, err);
}

lud_status ludc_host_find_model_type(const ludc_host *h, int32_t kind, lud_str model_type, const lud_component **out,
                                     lud_error *err) {
    for (size_t i = 0; i < h->n_components; i++) {
        const lud_component *c = h->components[i].c;
        if (c->kind != kind || h->components[i].shadowed || !in_list(c->model_types, model_type)) continue;
        *out = c;
        return LUD_OK;
    }
    return not_found(h, kind, NULL, true, model_type, err);
}

const lud_component *ludc_host_find_peft(const ludc_host *h, lud_str peft_type) {
    for (size_t i = 0; i < h->n_components; i++) {
        const lud_component *c = h->components[i].c;
        const lud_adapter_vt *vt = c->kind == LUD_KIND_ADAPTER ? c->vtable : NULL;
        if (vt && !h->components[i].shadowed && LUD_HAS(vt, lud_adapter_vt, peft_type) &&
            ludc_str_eq(peft_type, vt->peft_type))
            return c;
    }
    return NULL;
}
