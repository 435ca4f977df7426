/* SPDX-License-Identifier: Apache-2.0
 * Opening a hub's plugin, and the one rule for calling it again after a failure. The token goes to the hub that it is
 * for, through `authorize`, and nowhere else. */
#include "internal.h"

#include <string.h>
#include <time.h>

enum { MAX_WAIT = 300 };

/* All or nothing: without its endpoint another server would be asked. */
static ludc_value *settings_value(const ludc_hub_settings *s, bool is_default) {
    ludc_value *root = ludc_value_new(LUD_CFG_OBJECT), *config = ludc_value_new(LUD_CFG_OBJECT);
    const bool ok =
        (!is_default || !s->endpoint || ludc_value_put(config, "endpoint", ludc_value_str(ludc_str(s->endpoint)))) &&
        ludc_value_put(config, "connect_timeout", ludc_value_float(s->connect_timeout)) &&
        ludc_value_put(config, "read_timeout", ludc_value_float(s->read_timeout)) &&
        ludc_value_put(config, "allow_http", ludc_value_bool(s->allow_http)) &&
        ludc_value_put(config, "user_agent", ludc_value_str(LUDC_STR("ludwig/" LUDC_VERSION)));
    if (ludc_value_put(root, "config", config) && ok) return root;
    ludc_value_free(root);
    return NULL;
}

lud_status ludc_hub_link_open(ludc_hub *hub, const char *name, ludc_hub_link *out, lud_error *err) {
    const lud_component *c = NULL;
    const bool is_default = strcmp(name, LUDC_HUB_DEFAULT) == 0;
    LUDC_TRY(ludc_host_find(hub->opts.host, LUD_KIND_HUB, NULL, ludc_str(name), &c, err));
    const lud_hub_vt *vt = c->vtable;
    if (!vt->folder && (!vt->resolve || !vt->fetch))
        return ludc_fail(err, LUD_E_ABI, "hub '%s' has neither folder nor resolve and fetch", name);
    ludc_hub_link link = {.vt = vt, .cfg = settings_value(&hub->settings, is_default)};
    if (!link.cfg) return ludc_fail(err, LUD_E_NOMEM, "out of memory");
    lud_status status = vt->inst->open(ludc_host_table(hub->opts.host)->ctx, link.cfg, &link.self, err);
    if (status == LUD_OK && is_default && hub->settings.token && vt->authorize)
        status = vt->authorize(link.self, ludc_str(hub->settings.token), err);
    if (status == LUD_OK)
        *out = link;
    else
        ludc_hub_link_close(&link);
    return status == LUD_OK ? LUD_OK : ludc_fail(err, status, "hub '%s': %s", name, ludc_status_text(status));
}

void ludc_hub_link_close(ludc_hub_link *link) {
    if (link->self) link->vt->inst->close(link->self);
    ludc_value_free(link->cfg);
    *link = (ludc_hub_link){0};
}

lud_hub_ref ludc_hub_plain(const ludc_hub_ref *ref, const char *revision) {
    return (lud_hub_ref){
        .struct_size = sizeof(lud_hub_ref), .type = ref->type, .repo = ref->repo, .revision = revision};
}

/* False if the wait was ended. */
static bool wait_for(double seconds, const atomic_bool *stop) {
    const double end = ludc_now() + seconds;
    while (ludc_now() < end) {
        if (ludc_cancel_requested() || (stop && atomic_load(stop))) return false;
        const struct timespec nap = {.tv_nsec = 50000000};
        nanosleep(&nap, NULL);
    }
    return true;
}

bool ludc_hub_again(const ludc_hub *hub, const char *what, int failures, int limit, const atomic_bool *stop,
                    lud_hub_fault *fault, lud_error *err) {
    if ((fault->kind != LUD_HUB_RETRY && fault->kind != LUD_HUB_UNREACHABLE) || failures >= limit) return false;
    double wait = failures == 0 ? 0 : hub->backoff * (double)(1 << LUDC_MIN(failures - 1, 3));
    if (fault->wait > 0) wait = LUDC_MIN(fault->wait, MAX_WAIT);
    ludc_log(wait >= 5 ? LUD_LOG_INFO : LUD_LOG_DEBUG, "%s: %s; again in %.0f s", what, err->msg, wait);
    if (!wait_for(wait, stop)) return false;
    *fault = (lud_hub_fault){.struct_size = sizeof(*fault)};
    *err = LUDC_ERROR_INIT;
    return true;
}
