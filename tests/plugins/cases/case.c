/* SPDX-License-Identifier: Apache-2.0
 * One small plugin that is right, and, by CASE_*, one that is wrong in exactly one way: what the loader and
 * `plugin check` must notice. Its only component is an adapter that does nothing. */
#include <ludwig/adapter.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef CASE_ID
#define CASE_ID "org.ludwig.test.good"
#endif
#ifdef CASE_MISSING_SLOT
#define CASE_APPLY NULL
#else
#define CASE_APPLY apply
#endif
#ifndef CASE_WORD
#define CASE_WORD "nothing"
#endif

static lud_status open_it(lud_host_ctx *ctx, const lud_cfg *cfg, void **self, lud_error *err) {
    (void)ctx, (void)cfg, (void)err;
    return *self = NULL, LUD_OK;
}

static void close_it(void *self) {
    (void)self;
}

#ifndef CASE_MISSING_SLOT
static lud_t apply(void *self, lud_graph *graph, const lud_site *site, lud_t x, lud_t (*next)(void *, lud_t),
                   void *arg) {
    (void)self, (void)graph, (void)site;
    return next(arg, x);
}
#endif

static const lud_inst inst = {.struct_size = sizeof inst, .open = open_it, .close = close_it};
static const lud_adapter_vt vtable = {
    .struct_size = sizeof vtable,
    .inst = &inst,
    .apply = CASE_APPLY,
    .peft_type = "NOTHING",
};
static const lud_component component = {
    .struct_size = sizeof component,
    .kind = LUD_KIND_ADAPTER,
    .id = CASE_ID,
    .config_name = CASE_WORD,
    .summary = "does nothing",
    .vtable = &vtable,
};
static const lud_component *const components[] = {&component};

static lud_status init(const lud_host *host, lud_error *err) {
    void *p = host->alloc(host->ctx, 100, 4096);
    if (p && (uintptr_t)p % 4096 != 0) abort();
    host->free(host->ctx, p);
    (void)err;
#if defined(CASE_INIT_FAILS)
    err->code = LUD_E_UNSUPPORTED;
    memcpy(err->msg, "not on this machine", 20);
    return LUD_E_UNSUPPORTED;
#elif defined(CASE_CRASHES)
    abort();
#elif defined(CASE_SILENT)
    return p ? LUD_OK : LUD_E_NOMEM;
#else
    host->log(host->ctx, LUD_LOG_DEBUG, "init " CASE_ID);
    return LUD_OK;
#endif
}

/* Writes its id into the file that the test names: the order of fini. */
static void fini(void) {
    const char *fd = getenv("LUDWIG_TEST_FINI_FD");
    if (fd && write(atoi(fd), CASE_ID " ", sizeof CASE_ID) < 0) abort();
}

static const void *extension(const char *id) {
#ifdef CASE_ANY_EXTENSION
    return id;
#else
    return strcmp(id, "org.ludwig.test/1") == 0 ? &vtable : NULL;
#endif
}

static const lud_plugin plugin = {
#ifdef CASE_SMALL
    .struct_size = 16,
#else
    .struct_size = sizeof plugin,
#endif
    .name = "case",
    .version = "1",
    .vendor = "tests",
    .license = "Apache-2.0",
    .components = components,
    .n_components = 1,
    .init = init,
    .fini = fini,
    .get_extension = extension,
};

#ifdef CASE_CONSTRUCTOR
static volatile int early; /* volatile: an optimizer would drop the function */
__attribute__((constructor)) static void at_load(void) {
    early = 1;
}
#endif

#ifdef CASE_TWO_SYMBOLS
LUD_EXPORT int another_symbol(void);
LUD_EXPORT int another_symbol(void) {
    return 1;
}
#endif

#if defined(CASE_ABI_2)
LUD_EXPORT const lud_plugin *lud_plugin_v2(void);
LUD_EXPORT const lud_plugin *lud_plugin_v2(void) {
    return &plugin;
}
#elif defined(CASE_NO_ENTRY)
LUD_EXPORT const lud_plugin *some_library(void);
LUD_EXPORT const lud_plugin *some_library(void) {
    return &plugin;
}
#elif defined(CASE_IMPURE)
LUD_EXPORT const lud_plugin *lud_plugin_v1(void) {
    static lud_plugin copies[2];
    static int turn;
    turn = !turn;
    return memcpy(&copies[turn], &plugin, sizeof plugin);
}
#else
LUD_EXPORT const lud_plugin *lud_plugin_v1(void) {
    return &plugin;
}
#endif
