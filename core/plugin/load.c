/* SPDX-License-Identifier: Apache-2.0
 * One plugin: dlopen NOW and LOCAL, the entry function, the shape of its descriptor, init, pin. */
#include "internal.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static char *component_fault(const lud_component *c) {
    if (!c || c->struct_size < LUD_SIZEOF_THRU(lud_component, vtable))
        return ludc_text("a component's struct_size is too small");
    if (!c->id || !c->id[0] || !c->config_name || !c->config_name[0] || !c->summary)
        return ludc_text("a component without id, config_name or summary");
    if (c->kind < LUD_KIND_ENCODER) return ludc_text("component %s: unknown kind %d", c->id, c->kind);
    return ludc_vtable_fault(c);
}

char *ludc_descriptor_fault(const lud_plugin *p) {
    if (!p) return ludc_text("the entry function returned NULL");
    if (p->struct_size < LUD_SIZEOF_THRU(lud_plugin, fini))
        return ludc_text("descriptor of %u bytes, want at least %zu: built with another SDK", p->struct_size,
                         LUD_SIZEOF_THRU(lud_plugin, fini));
    if (!p->name || !p->version || !p->vendor || !p->license)
        return ludc_text("descriptor without name, version, vendor or license");
    if (!p->components || p->n_components == 0) return ludc_text("offers no component");
    for (uint32_t i = 0; i < p->n_components; i++) {
        char *fault = component_fault(p->components[i]);
        if (fault) return fault;
    }
    return NULL;
}

static char *open_and_check(ludc_host *h, ludc_candidate_file *f) {
    f->handle = dlopen(f->path, RTLD_NOW | RTLD_LOCAL);
    if (!f->handle) return ludc_text("%s", dlerror());
    const lud_plugin *(*entry)(void) = NULL;
    void *symbol = dlsym(f->handle, "lud_plugin_v1");
    memcpy(&entry, &symbol, sizeof(entry)); /* ISO C has no cast from object to function pointer */
    if (!entry)
        return ludc_text(dlsym(f->handle, "lud_plugin_v2") ? "needs plugin ABI 2; this program has ABI 1"
                                                           : "not a Ludwig plugin: no symbol lud_plugin_v1");
    const lud_plugin *p = entry();
    char *fault = ludc_descriptor_fault(p);
    if (fault) return fault;
    lud_error err = LUDC_ERROR_INIT;
    f->ran = true;
    if (p->init && p->init(&h->table, &err) != LUD_OK)
        return ludc_text("init failed: %s", err.msg[0] ? err.msg : "no message");
    f->plugin = p;
    return NULL;
}

void ludc_load_file(ludc_host *h, ludc_candidate_file *f) {
    f->reason = ludc_distrust(f->path);
    if (!f->reason) f->reason = open_and_check(h, f);
    if (f->plugin) {
        (void)dlopen(f->path, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD | RTLD_NODELETE);
    } else if (f->handle && !f->ran) { /* a failed init may have left threads behind */
        dlclose(f->handle);
        f->handle = NULL;
    }
}
