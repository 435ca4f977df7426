/* SPDX-License-Identifier: Apache-2.0
 * Sites: the linear maps that an encoder names, and which of them the adapter wraps. They are collected by one build
 * without adapter; afterwards the hooks only look them up, so that every build sees the same answer. */
#include "internal.h"

#include <string.h>

ludc_site *ludc_site_find(const ludc_model *m, lud_str name) {
    int64_t i;
    return m->site_index && ludc_map_get(m->site_index, name, &i) ? &m->sites[i] : NULL;
}

void ludc_sites_free(ludc_model *m) {
    for (size_t i = 0; i < m->n_sites; i++) {
        ludc_free(m->sites[i].name);
        ludc_value_free(m->sites[i].cfg);
    }
    ludc_free(m->sites);
    ludc_map_free(m->site_index);
    m->sites = NULL;
    m->site_index = NULL;
    m->n_sites = m->cap_sites = 0;
}

static bool add_site(ludc_model *m, const lud_site *site) {
    if (ludc_site_find(m, ludc_str(site->name))) return true;
    if (!ludc_grow(&m->sites, m->n_sites, &m->cap_sites, sizeof(*m->sites))) return false;
    ludc_site *s = &m->sites[m->n_sites];
    *s = (ludc_site){.name = ludc_strdup(site->name), .site = *site};
    if (!s->name || !ludc_map_put(m->site_index, ludc_str(s->name), (int64_t)m->n_sites)) {
        ludc_free(s->name);
        return false;
    }
    s->site.name = s->name;
    s->site.weight = s->site.bias = 0;
    m->n_sites++;
    return true;
}

/* ---- Hooks of the graph ---- */
typedef struct below {
    ludc_model *m;
    lud_t (*next)(void *, lud_t);
    void *arg;
} below;

/* What lies below the adapter is the base model's again. */
static lud_t call_below(void *arg, lud_t x) {
    const below *b = arg;
    int depth = b->m->in_adapter;
    b->m->in_adapter = 0;
    lud_t y = b->next(b->arg, x);
    b->m->in_adapter = depth;
    return y;
}

static lud_t site_hook(void *arg, lud_graph *g, const lud_site *site, lud_t x, lud_t (*next)(void *, lud_t),
                       void *next_arg) {
    ludc_model *m = arg;
    if (m->collecting) {
        if (!add_site(m, site)) ludc_graph_api()->fail(g, LUD_E_NOMEM, "out of memory collecting sites");
        return next(next_arg, x);
    }
    const ludc_site *s = ludc_site_find(m, ludc_str(site->name));
    if (!s || !s->matched) return next(next_arg, x);
    lud_site told = *site;
    below b = {m, next, next_arg};
    told.cfg = s->cfg;
    m->in_adapter++;
    lud_t y = m->adapter_vt->apply(m->adapter_part.self, g, &told, x, call_below, &b);
    m->in_adapter--;
    return y;
}

static bool wraps_hook(void *arg, const lud_site *site) {
    const ludc_model *m = arg;
    const ludc_site *s = ludc_site_find(m, ludc_str(site->name));
    return s && s->matched;
}

const char *ludc_param_relative(const ludc_model *m, const char *param) {
    size_t n = strlen(m->scope);
    return strncmp(param, m->scope, n) == 0 ? param + n : NULL;
}

bool ludc_param_is_adapters(const ludc_model *m, const char *param) {
    int64_t one;
    return ludc_map_get(m->own_params, ludc_str(param), &one);
}

bool ludc_param_site_matched(const ludc_model *m, const char *param) {
    const char *dot = strrchr(param, '.');
    const ludc_site *s = dot ? ludc_site_find(m, (lud_str){param, (size_t)(dot - param)}) : NULL;
    return s && s->matched;
}

bool ludc_param_base_trains(const ludc_model *m, const char *param) {
    if (ludc_param_frozen(m, param)) return false;
    if (!m->adapter_vt) return m->trainable;
    if (!LUD_HAS(m->adapter_vt, lud_adapter_vt, trains)) return false;
    return m->adapter_vt->trains(m->adapter_part.self, param, ludc_param_site_matched(m, param)) != 0;
}

static bool trains_hook(void *arg, const char *param) {
    ludc_model *m = arg;
    if (m->collecting) return false;
    param = ludc_param_relative(m, param);
    if (m->in_adapter > 0) {
        /* A failed put shows when values are filled: the parameter then has no source. */
        (void)ludc_map_put(m->own_params, ludc_str(param), 1);
        return m->for_training && !ludc_param_frozen(m, param);
    }
    return m->for_training && ludc_param_base_trains(m, param);
}

/* Of a base model only what training changes: the frozen part gives the same values in training, and may be cached. */
static bool drops_hook(void *arg, bool trained) {
    const ludc_model *m = arg;
    return trained || m->in_adapter > 0;
}

const ludc_graph_hooks ludc_model_hooks = {
    .site = site_hook, .wraps = wraps_hook, .trains = trains_hook, .drops = drops_hook};

/* ---- Collecting and matching ---- */
static lud_status no_match(const ludc_model *m, lud_error *err) {
    ludc_buf text = {0}, some = {0};
    (void)ludc_value_to_json(ludc_value_get(m->adapter, "target_modules"), -1, &text);
    for (size_t i = 0; i < LUDC_MIN(m->n_sites, 10); i++)
        ludc_buf_addf(&some, "%s%s", i ? ", " : "", m->sites[i].name);
    lud_status status = ludc_fail(
        err, LUD_E_INVALID, "adapter: target_modules %s matched no module of the model; it has %zu, among them %s",
        text.ptr ? text.ptr : "?", m->n_sites, some.ptr ? some.ptr : "?");
    ludc_buf_free(&text);
    ludc_buf_free(&some);
    return status;
}

static lud_status match_all(ludc_model *m, lud_error *err) {
    size_t n = 0;
    for (size_t i = 0; i < m->n_sites; i++) {
        ludc_site *s = &m->sites[i];
        s->matched = ludc_targets_match(m->targets, ludc_str(s->name), s->site.kind);
        if (!s->matched) continue;
        n++;
        s->cfg = ludc_targets_cfg(m->targets, ludc_str(s->name));
        if (!s->cfg) return ludc_no_memory(err, "adapter");
        s->site.cfg = s->cfg;
    }
    return n ? LUD_OK : no_match(m, err);
}

lud_status ludc_sites_collect(ludc_model *m, lud_error *err) {
    ludc_store *scratch = ludc_store_new(m->devices, m->real);
    ludc_built built = {0};
    const ludc_run_caps caps = {.T = 1, .S = 1, .N = 1};
    lud_status status = LUD_E_NOMEM;
    m->site_index = ludc_map_new(256);
    if (!scratch || !m->site_index) {
        (void)ludc_no_memory(err, "model");
        goto out;
    }
    m->collecting = true;
    status = ludc_model_build(m, scratch, LUDC_RUN_LOSS, &caps, false, &built, err);
    m->collecting = false;
    /* The vocabulary projection goes through linear(), so it is a site like the others. */
    if (status == LUD_OK && m->adapter_vt) status = match_all(m, err);
out:
    ludc_graph_free(built.g);
    ludc_store_free(scratch);
    return status;
}
