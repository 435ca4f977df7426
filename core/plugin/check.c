/* SPDX-License-Identifier: Apache-2.0
 * `ludwig plugin check`: the rules of the SDK that a machine can test, each in a child process, so that a crash is a
 * failed line and no more. */
#include "internal.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct subject {
    ludc_host *host;
    const char *path;
    char why[sizeof(((lud_error *)0)->msg)]; /* of a failure */
} subject;

static bool fails(subject *s, const char *why) {
    snprintf(s->why, sizeof(s->why), "%s", why);
    return false;
}

static const lud_plugin *entry_of(subject *s, const lud_plugin *(**entry)(void)) {
    void *handle = dlopen(s->path, RTLD_NOW | RTLD_LOCAL);
    void *symbol = handle ? dlsym(handle, "lud_plugin_v1") : NULL;
    memcpy(entry, &symbol, sizeof(*entry));
    if (*entry) return (*entry)();
    (void)fails(s, handle ? "no symbol lud_plugin_v1" : dlerror());
    return NULL;
}

static bool loads(subject *s) {
    const lud_plugin *(*entry)(void);
    return entry_of(s, &entry) != NULL;
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
    const lud_plugin *first = entry_of(s, &entry);
    const double begin = ludc_now();
    if (!first) return false;
    if (entry() != first) return fails(s, "lud_plugin_v1 returned two different descriptors");
    return ludc_now() - begin < 0.1 ? true : fails(s, "lud_plugin_v1 took more than 100 ms");
}

static bool descriptor_is_sound(subject *s) {
    const lud_plugin *(*entry)(void);
    const lud_plugin *p = entry_of(s, &entry);
    char *fault = p ? ludc_descriptor_fault(p) : NULL;
    if (fault) return fails(s, fault);
    return p != NULL;
}

static bool foreign_extension_is_null(subject *s) {
    const lud_plugin *(*entry)(void);
    const lud_plugin *p = entry_of(s, &entry);
    if (!p || !LUD_HAS(p, lud_plugin, get_extension)) return p != NULL;
    return p->get_extension("org.example.no-such-thing/1") ? fails(s, "answers an extension id it cannot know") : true;
}

static bool init_and_fini(subject *s) {
    const lud_plugin *(*entry)(void);
    const lud_plugin *p = entry_of(s, &entry);
    lud_error err = LUDC_ERROR_INIT;
    for (int i = 0; p && i < 3; i++) {
        if (p->init && p->init(ludc_host_table(s->host), &err) != LUD_OK) return fails(s, err.msg);
        if (p->fini) p->fini();
    }
    return p != NULL;
}

static const struct {
    const char *name;
    bool (*run)(subject *);
} tests[] = {
    {"loads with RTLD_NOW", loads},
    {"exports one symbol", exports_one_symbol},
    {"needs nothing of ours", needs_nothing_of_ours},
    {"entry is pure and fast", entry_is_pure},
    {"descriptor is sound", descriptor_is_sound},
    {"foreign extension id", foreign_extension_is_null},
    {"init and fini, three times", init_and_fini},
};

/* Runs one test in a child; what it says comes back through a pipe. */
static bool run_in_child(size_t test, subject *s) {
    int fds[2];
    if (pipe(fds) != 0) return fails(s, "no pipe");
    const pid_t child = fork();
    if (child == 0) {
        const bool ok = tests[test].run(s);
        const ssize_t n = write(fds[1], s->why, sizeof(s->why));
        _exit(ok && n > 0 ? 0 : 1);
    }
    close(fds[1]);
    const ssize_t n = read(fds[0], s->why, sizeof(s->why));
    close(fds[0]);
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) return fails(s, "no child process");
    if (n <= 0) return fails(s, WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "ended without a word");
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

lud_status ludc_plugin_check(ludc_host *host, const char *path, ludc_buf *out, lud_error *err) {
    char *absolute = ludc_path_absolute(path);
    if (!absolute || !ludc_path_exists(absolute)) {
        ludc_free(absolute);
        return ludc_fail(err, LUD_E_ABI, "%s: no such file", path);
    }
    size_t failed = 0;
    for (size_t i = 0; i < LUDC_COUNT(tests); i++) {
        subject s = {.host = host, .path = absolute};
        const bool ok = run_in_child(i, &s);
        failed += !ok;
        ludc_buf_addf(out, "%s  %s%s%s\n", ok ? "ok  " : "FAIL", tests[i].name, ok ? "" : ": ", ok ? "" : s.why);
    }
    ludc_free(absolute);
    return failed ? ludc_fail(err, LUD_E_ABI, "%s: %zu of %zu checks failed", path, failed, LUDC_COUNT(tests)) : LUD_OK;
}
