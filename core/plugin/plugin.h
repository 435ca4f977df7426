/* SPDX-License-Identifier: Apache-2.0
 * plugin: finds, checks and loads plugins; the registry of their components; the host table that they receive. */
#ifndef LUDC_PLUGIN_H
#define LUDC_PLUGIN_H

#include <base.h>

/* Everything that lives as long as the process uses Ludwig: search path, loaded plugins, thread pool, services. */
typedef struct ludc_host ludc_host;

typedef struct ludc_host_opts {
    const char *const *plugin_paths; /* --plugin-path, in order: files or folders */
    size_t n_plugin_paths;
    int threads; /* <= 0: automatic */
} ludc_host_opts;

/* Search order: plugin_paths; LUDWIG_PLUGIN_PATH (':' between; ignored when privileged); the user's folder
 * ${XDG_DATA_HOME:-~/.local/share}/ludwig/plugins-1; <folder of the program>/../lib/ludwig/plugins-1. A plugin that
 * cannot be loaded is logged as a warning and kept in the list with its reason; never a failure by itself, except for
 * one named by plugin_paths. Refused is a file (or one below a folder) that others can write or that belongs to
 * neither the user nor root; LUDWIG_PLUGIN_TRUST=<folder> lifts that below the folder. */
lud_status ludc_host_new(const ludc_host_opts *, ludc_host **, lud_error *);
void ludc_host_free(ludc_host *); /* fini in reverse order; nothing is unloaded. Accepts NULL */
const lud_host *ludc_host_table(const ludc_host *);
ludc_pool *ludc_host_pool(const ludc_host *);
/* Registers a service before ludc_host_load; the id and table are static. */
lud_status ludc_host_add_service(ludc_host *, const char *id, const void *table);
lud_status ludc_host_load(ludc_host *, lud_error *); /* scans and loads */

typedef struct ludc_plugin_info {
    const char *path;
    const lud_plugin *plugin; /* NULL if not loaded */
    const char *reason;       /* why it was not taken, or NULL */
} ludc_plugin_info;
size_t ludc_host_plugins(const ludc_host *, const ludc_plugin_info **out); /* every candidate, in search order */

typedef struct ludc_component {
    const lud_component *c;
    const ludc_plugin_info *from;
    bool shadowed; /* an earlier one has the same key */
} ludc_component;
size_t ludc_host_components(const ludc_host *, const ludc_component **out);
/* By config name; feature_type NULL = any. Failure: LUD_E_ABI (exit 4), one line that names the component, the
 * nearest name or the names of that kind that exist, and the searched folders. */
lud_status ludc_host_find(const ludc_host *, int32_t kind, const char *feature_type, lud_str config_name,
                          const lud_component **out, lud_error *);
/* By model_type of config.json or GGUF architecture. */
lud_status ludc_host_find_model_type(const ludc_host *, int32_t kind, lud_str model_type, const lud_component **out,
                                     lud_error *);
/* Adapter whose vtable has this peft_type. */
const lud_component *ludc_host_find_peft(const ludc_host *, lud_str peft_type);
const char *ludc_kind_name(int32_t kind);

/* `ludwig plugin check`: runs the tests of one file in child processes; writes one line per test to out. LUD_OK if all
 * passed. Upper layers add what they know about a kind before: fn runs in a child, after init, for each component of
 * that kind; name is static. */
typedef lud_status (*ludc_plugin_check_fn)(ludc_host *, const lud_component *, lud_error *);
lud_status ludc_plugin_check_add(ludc_host *, int32_t kind, const char *name, ludc_plugin_check_fn);
lud_status ludc_plugin_check(ludc_host *, const char *path, ludc_buf *out, lud_error *);

#endif
