/* SPDX-License-Identifier: Apache-2.0
 * What the files of core/plugin share. */
#ifndef LUDC_PLUGIN_INTERNAL_H
#define LUDC_PLUGIN_INTERNAL_H

#include <plugin.h>
#include <sys/types.h>

#define LUDC_MAX_SERVICES 16
#define LUDC_MAX_FOLDERS  64
#define LUDC_MAX_CHECKS   16

/* One candidate file of the search path. */
typedef struct ludc_candidate_file {
    char *path;
    char *reason; /* why it was not taken, or NULL */
    dev_t dev;
    ino_t ino;
    void *handle;
    const lud_plugin *plugin;
    bool twice; /* the same file is there under an earlier name */
    bool ran;   /* init was called */
    bool named; /* given as a file by --plugin-path: its failure is the caller's failure */
} ludc_candidate_file;

struct lud_host_ctx {
    ludc_host *host;
};

struct ludc_host {
    lud_host table;
    lud_host_ctx ctx;
    ludc_pool *pool;
    struct {
        const char *id;
        const void *table;
    } services[LUDC_MAX_SERVICES];
    size_t n_services;
    struct {
        int32_t kind;
        const char *name;
        ludc_plugin_check_fn fn;
    } checks[LUDC_MAX_CHECKS];
    size_t n_checks;
    char *folders[LUDC_MAX_FOLDERS]; /* searched, in order; also files named by --plugin-path */
    size_t n_folders, n_named;       /* the first n_named come from --plugin-path */
    ludc_candidate_file *files;
    size_t n_files, cap_files;
    ludc_plugin_info *infos; /* the same as the caller sees it */
    ludc_component *components;
    size_t n_components, cap_components;
};

lud_status ludc_search_path_make(ludc_host *, const ludc_host_opts *, lud_error *);
lud_status ludc_search(ludc_host *, lud_error *); /* fills files */
/* NULL if the file and every folder above it can only be written by its owner or root, who is the user or root; else
 * the reason, heap. */
char *ludc_distrust(const char *path);
/* dlopen, version and shape checks, init. On failure f->reason is set. */
void ludc_load_file(ludc_host *, ludc_candidate_file *);
lud_status ludc_register(ludc_host *, const ludc_candidate_file *, const ludc_plugin_info *, lud_error *);
/* What is wrong with a descriptor, heap text, or NULL. */
char *ludc_descriptor_fault(const lud_plugin *);
/* The same of a vtable: its size at the kind's first release and the slots that may not be NULL. */
char *ludc_vtable_fault(const lud_component *);
char *ludc_text(const char *fmt, ...) LUDC_PRINTF(1, 2); /* heap; NULL if out of memory */

/* The dynamic section of an ELF file. */
typedef struct ludc_elf {
    size_t n_exports;
    char export_name[128];              /* the last one */
    char needed[1024];                  /* names of DT_NEEDED, blank between */
    uint64_t constructors, destructors; /* entries of the init and fini arrays */
    bool has_cpu_init; /* libgcc's __cpu_indicator_init, which __builtin_cpu_supports brings, is among them */
} ludc_elf;
lud_status ludc_elf_read(const char *path, ludc_elf *, lud_error *);

#endif
