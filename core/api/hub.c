/* SPDX-License-Identifier: Apache-2.0
 * Names of repositories wherever a model or data is named: they are fetched, and fixed to the commit that was fetched,
 * so that a saved run finds the same model again. `config.full` keeps the names; `located` has the places on disk. */
#include "internal.h"

#include <string.h>

/* ---- Progress ---- */
static void pass_progress(void *arg, uint64_t done, uint64_t total) {
    const lud_session *s = arg;
    const double mb = (double)done / 1e6;
    if (done < total) ludc_session_show(s, s->fetch_phase, "MB", mb, (double)total / 1e6, mb, s->fetch_begin);
}

lud_status ludc_session_hub(lud_session *s, const char *phase, ludc_hub **out, lud_error *err) {
    const ludc_hub_opts opts = {.host = s->host, .progress = pass_progress, .arg = s};
    if (!s->hub) LUDC_TRY(ludc_hub_open(&opts, &s->hub, err));
    s->fetch_begin = ludc_now();
    s->fetch_phase = phase;
    *out = s->hub;
    return LUD_OK;
}

/* *path: on this machine; *fixed: the reference with the commit in it, or the place if it always was here; both heap.
 */
static lud_status fetch(lud_session *s, const char *text, char **path, char **fixed, lud_error *err) {
    ludc_hub *hub = NULL;
    ludc_hub_ref ref;
    char commit[65] = "";
    lud_error why = LUDC_ERROR_INIT;
    ludc_buf name = {0};
    LUDC_TRY(ludc_session_hub(s, "download", &hub, err));
    LUDC_TRY(ludc_hub_ref_parse(text, &ref, err));
    const lud_status status = ludc_hub_get(hub, &ref, path, commit, &why);
    if (status != LUD_OK)
        return ludc_fail(err, status, "%s%s", why.msg,
                         strstr(text, "://") ? "" : " (and no file or folder of this machine has this name)");
    memcpy(ref.revision, commit, sizeof(commit));
    if (commit[0])
        ludc_hub_ref_text(&ref, &name);
    else
        ludc_buf_adds(&name, *path);
    *fixed = name.ptr;
    if (!name.failed && name.ptr) return LUD_OK;
    ludc_free(*path);
    return ludc_no_memory(err, NULL);
}

lud_status ludc_session_locate(lud_session *s, const char *text, char **path, lud_error *err) {
    char *fixed = NULL;
    *path = NULL;
    if (!ludc_hub_is_ref(text)) return LUD_OK;
    const lud_status status = fetch(s, text, path, &fixed, err);
    ludc_free(fixed);
    return status;
}

/* The one table of a repository. */
static lud_status pick_table(const char *text, char **path, lud_error *err) {
    static const char *const ends[] = {".csv", ".tsv", ".json", ".jsonl"};
    char **names = NULL, *only = NULL;
    size_t n = 0, tables = 0;
    LUDC_TRY(ludc_dir_list(*path, &names, &n, err));
    for (size_t i = 0; i < n; i++) {
        const char *end = strrchr(names[i], '.');
        for (size_t k = 0; end && k < LUDC_COUNT(ends); k++)
            if (strcmp(end, ends[k]) == 0 && tables++ == 0) only = ludc_path_join(*path, names[i]);
    }
    ludc_dir_list_free(names, n);
    if (tables == 1 && only) return ludc_free(*path), *path = only, LUD_OK;
    ludc_free(only);
    return ludc_fail(err, LUD_E_INVALID, "%s has %zu tables; name the one to read: %s/FILE", text, tables, text);
}

lud_status ludc_session_locate_data(lud_session *s, const char *text, char **path, lud_error *err) {
    *path = NULL;
    if (!strstr(text, "://")) return LUD_OK;
    LUDC_TRY(ludc_session_locate(s, text, path, err));
    const lud_status status = *path && ludc_path_is_dir(*path) ? pick_table(text, path, err) : LUD_OK;
    if (status != LUD_OK) ludc_free(*path), *path = NULL;
    return status;
}

/* ---- Configs ---- */
static bool names_model(lud_str key) {
    static const char *const keys[] = {"base_model", "pretrained_model_name_or_path", "pretrained_adapter_weights"};
    for (size_t i = 0; i < LUDC_COUNT(keys); i++)
        if (ludc_str_eq(key, keys[i])) return true;
    return false;
}

/* A saved model has its own weights: what it began from is not needed any more. */
static bool is_needed(const lud_model *m, lud_str key) {
    return !(m->base_model && ludc_str_eq(key, "base_model")) &&
           !(m->adapter_dir && ludc_str_eq(key, "pretrained_adapter_weights"));
}

/* to is a copy of full: both are changed. */
static lud_status locate_all(const lud_model *m, ludc_value *full, ludc_value *to, lud_error *err) {
    for (size_t i = 0; i < full->len && (full->type == LUD_CFG_OBJECT || full->type == LUD_CFG_LIST); i++) {
        ludc_value *v = full->items[i];
        const bool model = full->type == LUD_CFG_OBJECT && v->type == LUD_CFG_STR && names_model(full->keys[i]);
        if (!model) {
            LUDC_TRY(locate_all(m, v, to->items[i], err));
        } else if (is_needed(m, full->keys[i]) && ludc_hub_is_ref(v->u.s.ptr)) {
            char *path = NULL, *fixed = NULL;
            LUDC_TRY(fetch(m->session, v->u.s.ptr, &path, &fixed, err));
            const bool ok = ludc_value_put(full, full->keys[i].ptr, ludc_value_text(fixed)) &&
                            ludc_value_put(to, to->keys[i].ptr, ludc_value_text(path));
            ludc_free(path);
            ludc_free(fixed);
            if (!ok) return ludc_no_memory(err, NULL);
        }
    }
    return LUD_OK;
}

lud_status ludc_model_locate(lud_model *m, lud_error *err) {
    if (m->located) return LUD_OK;
    ludc_value *located = ludc_value_copy(m->config.full);
    const lud_status status = located ? locate_all(m, m->config.full, located, err) : ludc_no_memory(err, NULL);
    if (status == LUD_OK)
        m->located = located;
    else
        ludc_value_free(located);
    return status;
}

bool ludc_model_is_fetched(const lud_model *m, const char *dotted) {
    return m->located &&
           !ludc_value_equal(ludc_value_find(m->config.full, dotted), ludc_value_find(m->located, dotted));
}

LUD_EXPORT lud_status lud_hub_download(lud_session *s, const char *reference, lud_status (*sink)(void *, lud_str),
                                       void *arg, lud_error *err) {
    char *path = NULL, *fixed = NULL;
    LUDC_TRY(fetch(s, reference, &path, &fixed, err));
    const lud_status status = sink(arg, ludc_str(path));
    ludc_free(path);
    ludc_free(fixed);
    return status;
}
