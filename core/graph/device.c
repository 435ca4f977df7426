/* SPDX-License-Identifier: Apache-2.0
 * Choosing a device: every backend component is probed; bands by type, then score. A named device that cannot be used
 * is an error that says why; nothing falls back silently. Probing opens nothing. */
#include "internal.h"
#include <plugin.h>
#include <stdio.h>
#include <string.h>

#define MAX_DEVICES 32

typedef struct candidate {
    const lud_component *component;
    uint32_t index; /* the backend's own number of the device */
    lud_device info;
    int rank; /* 0: cannot be used */
} candidate;

typedef struct candidates {
    candidate at[MAX_DEVICES];
    size_t n;
} candidates;

static int rank_of(const lud_device *d) {
    if (d->score <= 0) return 0;
    int type = LUDC_MAX(LUDC_MIN(d->type, 9), 1);
    return type * 100 + LUDC_MIN(d->score, 99);
}

static void probe_backend(ludc_host *host, const lud_component *c, candidates *list) {
    const lud_backend_vt *vt = c->vtable;
    for (uint32_t i = 0; list->n < MAX_DEVICES; i++) {
        lud_device info = {.struct_size = sizeof info};
        lud_error err = LUDC_ERROR_INIT;
        lud_status status = vt->probe(ludc_host_table(host)->ctx, i, &info, &err);
        if (status == LUD_E_NOT_FOUND) return;
        if (status != LUD_OK) {
            ludc_log(LUD_LOG_WARN, "backend %s: probe failed: %s", c->config_name, err.msg);
            return;
        }
        list->at[list->n++] = (candidate){.component = c, .index = i, .info = info, .rank = rank_of(&info)};
    }
}

static void probe_all(ludc_host *host, const char *only, candidates *list) {
    const ludc_component *all;
    size_t n = ludc_host_components(host, &all);
    for (size_t i = 0; i < n; i++) {
        const lud_component *c = all[i].c;
        if (c->kind != LUD_KIND_BACKEND || all[i].shadowed) continue;
        if (!only || strcmp(c->config_name, only) == 0) probe_backend(host, c, list);
    }
}

/* Best first; ties go to the one that was found first. */
static const candidate *best_of(const candidates *list, uint32_t caps, size_t *usable) {
    const candidate *best = NULL;
    *usable = 0;
    for (size_t i = 0; i < list->n; i++) {
        const candidate *c = &list->at[i];
        if (c->rank == 0 || (c->info.caps & caps) != caps) continue;
        ++*usable;
        if (!best || c->rank > best->rank) best = c;
    }
    return best;
}

static lud_status open_candidate(ludc_host *host, const candidate *c, ludc_device *out, lud_error *err) {
    const lud_backend_vt *vt = c->component->vtable;
    void *dev = NULL;
    LUDC_TRY(vt->open(ludc_host_table(host)->ctx, c->index, &dev, err));
    *out = (ludc_device){.vt = vt, .component = c->component, .dev = dev, .info = c->info};
    return LUD_OK;
}

static lud_status none_usable(const candidates *list, lud_error *err) {
    char text[1024] = "";
    size_t n = 0;
    for (size_t i = 0; i < list->n && n < sizeof text; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "\n  %s: %s", list->at[i].component->config_name,
                              list->at[i].info.why);
    return ludc_fail(err, LUD_E_ABI, "no usable device: %s%s",
                     list->n ? "every backend refuses" : "no backend plugin is loaded; see 'ludwig plugin list'", text);
}

static lud_status pick_auto(const candidates *list, const candidate **out, ludc_devices *d, lud_error *err) {
    size_t usable;
    *out = best_of(list, 0, &usable);
    if (!*out) return none_usable(list, err);
    const lud_device *info = &(*out)->info;
    snprintf(d->why, sizeof d->why, "device %s (%s): best of %zu usable", (*out)->component->config_name,
             info->name[0] ? info->name : info->id, usable);
    return LUD_OK;
}

/* "name" or "name:1". */
static lud_status split_word(lud_str word, char *name, size_t cap, uint32_t *index, lud_error *err) {
    const char *colon = memchr(word.ptr, ':', word.len);
    size_t len = colon ? (size_t)(colon - word.ptr) : word.len;
    *index = 0;
    bool ok = len > 0 && len < cap;
    for (const char *p = colon ? colon + 1 : NULL; ok && p && p < word.ptr + word.len; p++) {
        ok = *p >= '0' && *p <= '9' && *index < 1000;
        *index = *index * 10 + (uint32_t)(*p - '0');
    }
    if (ok && colon && colon + 1 == word.ptr + word.len) ok = false;
    if (!ok)
        return ludc_fail(err, LUD_E_INVALID, "backend.device '%.*s' is not auto, a name, or name:number",
                         (int)LUDC_MIN(word.len, 100), word.ptr);
    memcpy(name, word.ptr, len);
    name[len] = 0;
    return LUD_OK;
}

static lud_status pick_named(ludc_host *host, lud_str word, candidates *list, const candidate **out, ludc_devices *d,
                             lud_error *err) {
    char name[64];
    uint32_t index;
    const lud_component *c;
    LUDC_TRY(split_word(word, name, sizeof name, &index, err));
    LUDC_TRY(ludc_host_find(host, LUD_KIND_BACKEND, NULL, ludc_str(name), &c, err));
    probe_all(host, name, list);
    if (index >= list->n)
        return ludc_fail(err, LUD_E_ABI, "device %s:%u does not exist: backend %s has %zu device%s", name, index, name,
                         list->n, list->n == 1 ? "" : "s");
    *out = &list->at[index];
    const lud_device *info = &(*out)->info;
    if ((*out)->rank == 0)
        return ludc_fail(err, LUD_E_ABI, "device %s cannot be used: %s", name,
                         info->why[0] ? info->why : "the backend does not say why");
    snprintf(d->why, sizeof d->why, "device %s (%s): named in the config", name, info->name[0] ? info->name : info->id);
    return LUD_OK;
}

static lud_status open_fallback(ludc_host *host, ludc_devices *d, lud_error *err) {
    candidates all = {.n = 0};
    size_t usable;
    if (d->primary.info.caps & LUD_CAP_COMPLETE) {
        d->fallback = d->primary;
        return LUD_OK;
    }
    probe_all(host, NULL, &all);
    const candidate *c = best_of(&all, LUD_CAP_COMPLETE, &usable);
    return c ? open_candidate(host, c, &d->fallback, err) : LUD_OK;
}

lud_status ludc_devices_open(ludc_host *host, lud_str word, ludc_devices *out, lud_error *err) {
    candidates list = {.n = 0};
    const candidate *c = NULL;
    ludc_devices d = {.why = ""};
    if (ludc_str_eq(word, "auto")) {
        probe_all(host, NULL, &list);
        LUDC_TRY(pick_auto(&list, &c, &d, err));
    } else {
        LUDC_TRY(pick_named(host, word, &list, &c, &d, err));
    }
    LUDC_TRY(open_candidate(host, c, &d.primary, err));
    lud_status status = open_fallback(host, &d, err);
    if (status != LUD_OK) {
        ludc_devices_close(&d);
        return status;
    }
    *out = d;
    return LUD_OK;
}

void ludc_devices_set_precision(ludc_devices *d, lud_str word) {
    bool has = d->primary.info.caps & LUD_CAP_BF16, named = ludc_str_eq(word, "bf16");
    d->bf16 = has && (named || ludc_str_eq(word, "auto"));
    d->bf16_always = has && named;
    size_t n = strlen(d->why);
    snprintf(d->why + n, sizeof d->why - n, ", %s products", d->bf16 ? "bf16" : "fp32");
    if (named && !has)
        ludc_log(LUD_LOG_WARN, "backend.precision bf16: device %s (%s) is not faster with it; products stay fp32",
                 d->primary.info.id, d->primary.info.name);
}

void ludc_devices_close(ludc_devices *d) {
    if (d->fallback.vt && d->fallback.dev != d->primary.dev) d->fallback.vt->close(d->fallback.dev);
    if (d->primary.vt) d->primary.vt->close(d->primary.dev);
    *d = (ludc_devices){.why = ""};
}
