/* SPDX-License-Identifier: Apache-2.0
 * `ludwig plugin check`: the rules of the SDK that a machine can test, each in a child process, so that a crash is a
 * failed line and no more. */
#include "internal.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIME_LIMIT 60 /* seconds of one test */

typedef struct subject {
    ludc_host *host;
    const char *path;
    size_t check;                            /* of kind_check: index into host->checks */
    char why[sizeof(((lud_error *)0)->msg)]; /* of a failure */
} subject;

static bool fails(subject *s, const char *why) {
    snprintf(s->why, sizeof(s->why), "%s", why);
    return false;
}

static bool entry_symbol(subject *s, void *handle, const lud_plugin *(**entry)(void)) {
    void *symbol = dlsym(handle, "lud_plugin_v1");
    memcpy(entry, &symbol, sizeof(*entry)); /* ISO C has no cast from object to function pointer */
    return *entry ? true : fails(s, "no symbol lud_plugin_v1");
}

static const lud_plugin *plugin_of(subject *s) {
    const lud_plugin *(*entry)(void);
    void *handle = dlopen(s->path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) return fails(s, dlerror()), NULL;
    if (!entry_symbol(s, handle, &entry)) return NULL;
    const lud_plugin *p = entry();
    char *fault = ludc_descriptor_fault(p);
    return fault ? fails(s, fault), NULL : p;
}

static bool loads(subject *s) {
    return plugin_of(s) != NULL;
}

static bool exports_one_symbol(subject *s) {
    ludc_elf elf;
    lud_error err = LUDC_ERROR_INIT;
    if (ludc_elf_read(s->path, &elf, &err) != LUD_OK) return fails(s, err.msg);
    if (elf.n_exports == 1 && strcmp(elf.export_name, "lud_plugin_v1") == 0) return true;
    return fails(s, "exports more than lud_plugin_v1 (build with -fvisibility=hidden)");
}

static bool needs_nothing_of_ours(subject *s) {
    ludc_elf elf;
    lud_error err = LUDC_ERROR_INIT;
    if (ludc_elf_read(s->path, &elf, &err) != LUD_OK) return fails(s, err.msg);
    return strstr(elf.needed, "libludwig") ? fails(s, "is linked to libludwig; all calls go through the host") : true;
}

static bool entry_is_pure(subject *s) {
    const lud_plugin *(*entry)(void);
    void *handle = dlopen(s->path, RTLD_NOW | RTLD_LOCAL);
    if (!handle || !entry_symbol(s, handle, &entry)) return fails(s, "does not load");
    const double begin = ludc_now();
    const lud_plugin *first = entry();
    if (ludc_now() - begin >= 0.1) return fails(s, "lud_plugin_v1 took more than 100 ms");
    return entry() == first ? true : fails(s, "lud_plugin_v1 returned two different descriptors");
}

/* The C runtime brings one of each (frame_dummy and its opposite), and one that asks the processor what it can do;
 * sanitizers add theirs. */
static bool has_no_constructors(subject *s) {
    ludc_elf elf;
    lud_error err = LUDC_ERROR_INIT;
    if (ludc_elf_read(s->path, &elf, &err) != LUD_OK) return fails(s, err.msg);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    const uint64_t usual = 2;
#else
    const uint64_t usual = 1;
#endif
    if (elf.constructors <= usual + elf.has_cpu_init && elf.destructors <= usual) return true;
    return fails(s, "runs code when it is loaded or unloaded (constructor, destructor or C++ global)");
}

static bool foreign_extension_is_null(subject *s) {
    const lud_plugin *p = plugin_of(s);
    if (!p || !LUD_HAS(p, lud_plugin, get_extension)) return p != NULL;
    return p->get_extension("org.example.no-such-thing/1") ? fails(s, "answers an extension id it cannot know") : true;
}

/* The plugin as it is before its first init, also if the session has loaded it already. */
static const lud_plugin *fresh_plugin(subject *s) {
    const lud_plugin *p = plugin_of(s);
    for (size_t i = 0; p && i < s->host->n_files; i++)
        if (s->host->files[i].plugin == p && p->fini) p->fini();
    return p;
}

static bool init(subject *s, const lud_plugin *p) {
    lud_error err = LUDC_ERROR_INIT;
    if (!p->init || p->init(ludc_host_table(s->host), &err) == LUD_OK) return true;
    return fails(s, err.msg[0] ? err.msg : "init failed and left no message");
}

static void fini(const lud_plugin *p) {
    if (p->fini) p->fini();
}

static bool init_and_fini(subject *s) {
    const lud_plugin *p = fresh_plugin(s);
    for (int i = 0; p && i < 3; i++) {
        if (!init(s, p)) return false;
        fini(p);
    }
    return p != NULL;
}

/* Each allocation of init fails in turn. */
static bool init_without_memory(subject *s) {
    const lud_plugin *p = fresh_plugin(s);
    bool done = !p || !p->init;
    for (int64_t after = 0; !done && after < 1000; after++) {
        lud_error err = LUDC_ERROR_INIT;
        ludc_alloc_fail_after(after, true);
        done = p->init(ludc_host_table(s->host), &err) == LUD_OK;
        ludc_alloc_fail_after(-1, false);
        if (done) fini(p);
        if (!done && err.code == LUD_OK) return fails(s, "init failed without memory and left no message");
    }
    return p ? done || fails(s, "init does not succeed with 1000 allocations") : false;
}

static bool kind_check(subject *s) {
    const lud_plugin *p = fresh_plugin(s);
    if (!p || !init(s, p)) return false;
    for (uint32_t i = 0; i < p->n_components; i++) {
        lud_error err = LUDC_ERROR_INIT;
        if (p->components[i]->kind != s->host->checks[s->check].kind) continue;
        if (s->host->checks[s->check].fn(s->host, p->components[i], &err) != LUD_OK) return fails(s, err.msg);
    }
    fini(p);
    return true;
}

typedef struct test {
    const char *name;
    bool (*run)(subject *);
} test;

static const test tests[] = {
    {"exports one symbol", exports_one_symbol},    {"needs nothing of ours", needs_nothing_of_ours},
    {"has no constructors", has_no_constructors},  {"loads, with a sound descriptor", loads},
    {"entry is pure and fast", entry_is_pure},     {"foreign extension id", foreign_extension_is_null},
    {"init and fini, three times", init_and_fini}, {"init without memory", init_without_memory},
};

static bool run_here(const test *t, subject *s) {
    alarm(TIME_LIMIT);
    /* Threads do not survive a fork. */
    s->host->pool = ludc_pool_new(1);
    return s->host->pool ? t->run(s) : fails(s, "out of memory");
}

/* Runs one test in a child; what it says comes back through a pipe. */
static bool run_in_child(const test *t, subject *s) {
    int fds[2];
    if (pipe(fds) != 0) return fails(s, "no pipe");
    fflush(NULL); /* the child must not write it a second time */
    const pid_t child = fork();
    if (child == 0) {
        const bool ok = run_here(t, s);
        const ssize_t n = write(fds[1], s->why, sizeof(s->why));
        _exit(ok && n > 0 ? 0 : 1);
    }
    close(fds[1]);
    const ssize_t n = child > 0 ? read(fds[0], s->why, sizeof(s->why)) : 0;
    close(fds[0]);
    s->why[sizeof(s->why) - 1] = '\0';
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) return fails(s, "no child process");
    if (WIFSIGNALED(status)) return fails(s, strsignal(WTERMSIG(status)));
    if (n <= 0) return fails(s, "ended without a word");
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool report(const test *t, subject *s, ludc_buf *out) {
    const bool ok = run_in_child(t, s);
    ludc_buf_addf(out, "%s  %s%s%s\n", ok ? "ok  " : "FAIL", t->name, ok ? "" : ": ", ok ? "" : s->why);
    return ok;
}

/* Is asked in a child too: nothing of the file runs here. */
static bool has_kind(subject *s) {
    const lud_plugin *p = plugin_of(s);
    for (uint32_t i = 0; p && i < p->n_components; i++)
        if (p->components[i]->kind == s->host->checks[s->check].kind) return true;
    return false;
}

static size_t run_kind_checks(ludc_host *host, const char *path, size_t *n_tests, ludc_buf *out) {
    size_t failed = 0;
    for (size_t i = 0; i < host->n_checks; i++) {
        subject s = {.host = host, .path = path, .check = i};
        if (!run_in_child(&(test){"has kind", has_kind}, &s)) continue;
        failed += !report(&(test){host->checks[i].name, kind_check}, &s, out);
        ++*n_tests;
    }
    return failed;
}

lud_status ludc_plugin_check_add(ludc_host *host, int32_t kind, const char *name, ludc_plugin_check_fn fn) {
    if (host->n_checks == LUDC_MAX_CHECKS) return LUD_E_NOMEM;
    host->checks[host->n_checks].kind = kind;
    host->checks[host->n_checks].name = name;
    host->checks[host->n_checks++].fn = fn;
    return LUD_OK;
}

lud_status ludc_plugin_check(ludc_host *host, const char *path, ludc_buf *out, lud_error *err) {
    char *absolute = ludc_path_absolute(path);
    if (!absolute || !ludc_path_exists(absolute)) {
        ludc_free(absolute);
        return ludc_fail(err, LUD_E_ABI, "%s: no such file", path);
    }
    /* Loading a plugin is running its code, in a child as well. */
    char *reason = ludc_distrust(absolute);
    size_t failed = 0, n_tests = LUDC_COUNT(tests);
    for (size_t i = 0; !reason && i < LUDC_COUNT(tests); i++) {
        subject s = {.host = host, .path = absolute};
        failed += !report(&tests[i], &s, out);
    }
    if (!reason && failed == 0) failed = run_kind_checks(host, absolute, &n_tests, out);
    lud_status status = LUD_OK;
    if (reason)
        status = ludc_fail(err, LUD_E_ABI, "%s", reason);
    else if (failed)
        status = ludc_fail(err, LUD_E_ABI, "%s: %zu of %zu checks failed", path, failed, n_tests);
    ludc_free(reason);
    ludc_free(absolute);
    return status;
}
