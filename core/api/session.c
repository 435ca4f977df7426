/* SPDX-License-Identifier: Apache-2.0
 * Sessions: loaded plugins and threads; the plugin list; exit codes; interruption. */
#include "internal.h"

LUD_EXPORT const char *lud_version(void) {
    return LUDC_VERSION;
}

LUD_EXPORT int lud_exit_code(lud_status status) {
    static const struct {
        lud_status status;
        int code;
    } codes[] = {{LUD_OK, 0},    {LUD_E_INVALID, 2}, {LUD_E_UNSUPPORTED, 2}, {LUD_E_DATA, 3},
                 {LUD_E_ABI, 4}, {LUD_E_IO, 5},      {LUD_E_NOT_FOUND, 5},   {LUD_E_NUMERIC, 6},
                 {LUD_E_HUB, 7}, {LUD_E_NOMEM, 8},   {LUD_E_INTERNAL, 70},   {LUD_E_CANCELLED, 130}};
    for (size_t i = 0; i < LUDC_COUNT(codes); i++)
        if (codes[i].status == status) return codes[i].code;
    return 1;
}

LUD_EXPORT void lud_interrupt(void) {
    ludc_cancel_request();
}

static void pass_log(void *arg, int32_t level, const char *text) {
    const lud_events *events = arg;
    events->log(events->arg, level, text);
}

LUD_EXPORT lud_status lud_session_open(const lud_session_opts *opts, lud_session **out, lud_error *err) {
    lud_session *s = ludc_alloc(sizeof(*s));
    if (!s) return ludc_no_memory(err, NULL);
    s->events = opts->events;
    ludc_log_set(s->events && s->events->log ? pass_log : NULL, (void *)(uintptr_t)s->events, opts->log_level);
    const ludc_host_opts host = {
        .plugin_paths = opts->plugin_paths, .n_plugin_paths = (size_t)opts->n_plugin_paths, .threads = opts->threads};
    const lud_status status = ludc_model_host_new(&host, &s->host, err);
    if (status == LUD_OK) return *out = s, LUD_OK;
    lud_session_close(s);
    return status;
}

LUD_EXPORT void lud_session_close(lud_session *s) {
    if (!s) return;
    ludc_hub_close(s->hub);
    ludc_host_free(s->host);
    ludc_log_set(NULL, NULL, LUD_LOG_INFO);
    ludc_free(s);
}

void ludc_session_show(const lud_session *s, const char *phase, const char *unit, double done, double total,
                       double amount, double begin) {
    const double took = ludc_now() - begin;
    const lud_progress p = {.struct_size = sizeof(p),
                            .phase = phase,
                            .unit = unit,
                            .done = (int64_t)done,
                            .total = (int64_t)total,
                            .per_second = took > 0 ? amount / took : 0,
                            .eta_seconds = done > 0 ? took * (total - done) / done : 0};
    if (s->events && s->events->progress) s->events->progress(s->events->arg, &p);
}

static ludc_value *component_value(const ludc_component *c) {
    ludc_value *v = ludc_value_new(LUD_CFG_OBJECT);
    ludc_value_put(v, "kind", ludc_value_text(ludc_kind_name(c->c->kind)));
    ludc_value_put(v, "name", ludc_value_text(c->c->config_name));
    ludc_value_put(v, "id", ludc_value_text(c->c->id));
    ludc_value_put(v, "summary", ludc_value_text(c->c->summary));
    ludc_value_put(v, "shadowed", ludc_value_bool(c->shadowed));
    return v;
}

static ludc_value *plugin_value(const ludc_host *host, const ludc_plugin_info *info) {
    ludc_value *v = ludc_value_new(LUD_CFG_OBJECT), *list = ludc_value_new(LUD_CFG_LIST);
    const ludc_component *components;
    const size_t n = ludc_host_components(host, &components);
    for (size_t i = 0; i < n; i++)
        if (components[i].from == info) ludc_value_push(list, component_value(&components[i]));
    ludc_value_put(v, "name", ludc_value_text(info->plugin ? info->plugin->name : NULL));
    ludc_value_put(v, "version", ludc_value_text(info->plugin ? info->plugin->version : NULL));
    ludc_value_put(v, "license", ludc_value_text(info->plugin ? info->plugin->license : NULL));
    ludc_value_put(v, "path", ludc_value_text(info->path));
    ludc_value_put(v, "loaded", ludc_value_bool(info->plugin != NULL));
    ludc_value_put(v, "reason", ludc_value_text(info->reason));
    ludc_value_put(v, "components", list);
    return v;
}

static void add_lines(const lud_session *s, bool all, ludc_buf *out) {
    const ludc_component *components;
    const ludc_plugin_info *infos;
    const size_t n = ludc_host_components(s->host, &components), n_infos = ludc_host_plugins(s->host, &infos);
    for (size_t i = 0; i < n; i++) {
        const ludc_component *c = &components[i];
        ludc_buf_addf(out, "%-9s %-12s %s%s\n", ludc_kind_name(c->c->kind), c->c->config_name, c->c->summary,
                      c->shadowed ? " (shadowed)" : "");
        if (all) ludc_buf_addf(out, "%22s  %s, %s %s\n", "", c->c->id, c->from->plugin->name, c->from->plugin->version);
        if (all) ludc_buf_addf(out, "%22s  %s\n", "", c->from->path);
    }
    for (size_t i = 0; all && i < n_infos; i++)
        if (infos[i].reason) ludc_buf_addf(out, "not taken %s: %s\n", infos[i].path, infos[i].reason);
}

LUD_EXPORT lud_status lud_plugin_list(lud_session *s, int32_t format, lud_status (*sink)(void *, lud_str), void *arg,
                                      lud_error *err) {
    ludc_buf lines = {0};
    lud_status status;
    if (format == 1) {
        const ludc_plugin_info *infos;
        const size_t n = ludc_host_plugins(s->host, &infos);
        ludc_value *list = ludc_value_new(LUD_CFG_LIST);
        for (size_t i = 0; i < n; i++)
            ludc_value_push(list, plugin_value(s->host, &infos[i]));
        status = ludc_value_to_json(list, 2, &lines);
        ludc_buf_adds(&lines, "\n");
        ludc_value_free(list);
    } else {
        add_lines(s, format == 2, &lines);
        status = lines.failed ? LUD_E_NOMEM : LUD_OK;
    }
    status = status == LUD_OK ? sink(arg, (lud_str){lines.ptr ? lines.ptr : "", lines.len})
                              : ludc_fail(err, status, "out of memory");
    ludc_buf_free(&lines);
    return status;
}

LUD_EXPORT lud_status lud_plugin_check(lud_session *s, const char *path, lud_status (*sink)(void *, lud_str), void *arg,
                                       lud_error *err) {
    ludc_buf lines = {0};
    lud_status status = ludc_plugin_check(s->host, path, &lines, err);
    if (lines.len && sink(arg, (lud_str){lines.ptr, lines.len}) != LUD_OK) status = LUD_E_CANCELLED;
    ludc_buf_free(&lines);
    return status;
}
