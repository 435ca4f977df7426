/* SPDX-License-Identifier: Apache-2.0
 * Search path, trust, loading, registry, host table and `plugin check`, on copies of the case plugins in a folder that
 * only this user can write. */
#include <check.h>
#include <ludwig/adapter.h>
#include <plugin.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[] = "/tmp/ludwig-test-XXXXXX";

static const char *path_of(const char *name) {
    static char path[32][512];
    static int turn;
    turn = (turn + 1) % 32;
    snprintf(path[turn], sizeof path[turn], "%s/%s", root, name);
    return path[turn];
}

/* Copies case plugin `name` to root/folder/name.so. */
static const char *put(const char *folder, const char *name) {
    const char *build = getenv("LUDWIG_TEST_BINARY_DIR");
    char from[512], to[256];
    lud_error err = LUDC_ERROR_INIT;
    snprintf(from, sizeof from, "%s/test-plugins/%s.so", build ? build : ".", name);
    snprintf(to, sizeof to, "%s/%s.so", folder, name);
    CHECK_OK(ludc_dir_make(path_of(folder), &err), err);
    CHECK_OK(ludc_file_copy(from, path_of(to), &err), err);
    return path_of(to);
}

static ludc_host *host_with(const char *const *paths, size_t n, lud_status want) {
    const ludc_host_opts opts = {.plugin_paths = paths, .n_plugin_paths = n, .threads = 2};
    ludc_host *host = NULL;
    lud_error err = LUDC_ERROR_INIT;
    lud_status status = ludc_host_new(&opts, &host, &err);
    /* The plugins built beside this program are found too; without the graph service their refusals fill messages. */
    if (status == LUD_OK) status = ludc_host_add_service(host, "lud.graph/1", &opts);
    if (status == LUD_OK) status = ludc_host_load(host, &err);
    CHECK_INT(status, want);
    if (status == want) return host;
    fprintf(stderr, "%s\n", err.msg);
    ludc_host_free(host);
    return NULL;
}

static const ludc_plugin_info *info_of(const ludc_host *host, const char *name) {
    const ludc_plugin_info *infos;
    for (size_t n = ludc_host_plugins(host, &infos); n-- > 0;)
        if (strstr(infos[n].path, name)) return &infos[n];
    return NULL;
}

/* The plugins of the build tree come last in the search order and are not counted. */
static size_t own_plugins(const ludc_host *host) {
    const ludc_plugin_info *infos;
    size_t own = 0;
    for (size_t n = ludc_host_plugins(host, &infos); n-- > 0;)
        own += strncmp(infos[n].path, root, strlen(root)) == 0;
    return own;
}

static size_t own_components(const ludc_host *host) {
    const ludc_component *c;
    size_t own = 0;
    for (size_t n = ludc_host_components(host, &c); n-- > 0;)
        own += strncmp(c[n].from->path, root, strlen(root)) == 0;
    return own;
}

static void check_refused(const ludc_host *host, const char *name, const char *part) {
    const ludc_plugin_info *info = info_of(host, name);
    CHECK(info && !info->plugin);
    CHECK(info && info->reason && strstr(info->reason, part));
    if (info && info->reason && !strstr(info->reason, part)) fprintf(stderr, "%s: %s\n", name, info->reason);
}

static void test_order_and_shadowing(void) {
    put("first", "good"), put("second", "same_id"), put("user/ludwig/plugins-1", "same_word");
    put("user/ludwig/plugins-1", "other");
    setenv("LUDWIG_PLUGIN_PATH", path_of("second"), 1);
    setenv("XDG_DATA_HOME", path_of("user"), 1);
    const char *paths[] = {path_of("first")};
    ludc_host *host = host_with(paths, 1, LUD_OK);
    const ludc_component *c = NULL;
    CHECK(ludc_host_components(host, &c) >= 4);
    CHECK_INT(own_components(host), 4);
    CHECK(c[0].from == info_of(host, "/good.so") && !c[0].shadowed);
    CHECK(c[1].from == info_of(host, "/same_id.so") && c[1].shadowed);
    CHECK(c[2].from == info_of(host, "/other.so") && !c[2].shadowed);
    CHECK(c[3].from == info_of(host, "/same_word.so") && c[3].shadowed);
    const lud_component *found = NULL;
    lud_error err = LUDC_ERROR_INIT;
    CHECK_OK(ludc_host_find(host, LUD_KIND_ADAPTER, "text", LUDC_STR("nothing"), &found, &err), err);
    CHECK(found == c[0].c && ludc_host_find_peft(host, LUDC_STR("NOTHING")) == c[0].c);
    CHECK(ludc_host_find_peft(host, LUDC_STR("SOMETHING")) == NULL);
    CHECK_INT(ludc_host_find(host, LUD_KIND_ADAPTER, NULL, LUDC_STR("later"), &found, &err), LUD_E_ABI);
    CHECK(strstr(err.msg, "'later'") && strstr(err.msg, "(there is: nothing, other") &&
          strstr(err.msg, path_of("second")));
    CHECK(!strchr(err.msg, '\n'));
    err = LUDC_ERROR_INIT;
    CHECK_INT(ludc_host_find(host, LUD_KIND_ADAPTER, NULL, LUDC_STR("othr"), &found, &err), LUD_E_ABI);
    CHECK(strstr(err.msg, "(did you mean 'other'? there is: nothing, other") != NULL);
    err = LUDC_ERROR_INIT;
    CHECK_INT(ludc_host_find_model_type(host, LUD_KIND_ENCODER, LUDC_STR("bag"), &found, &err), LUD_E_ABI);
    CHECK(strstr(err.msg, "model type 'bag'") != NULL);
    ludc_host_free(host);
    unsetenv("LUDWIG_PLUGIN_PATH");
}

static void test_fini_in_reverse(void) {
    int fds[2];
    char text[128] = "", fd[16];
    CHECK(pipe(fds) == 0);
    snprintf(fd, sizeof fd, "%d", fds[1]);
    const char *paths[] = {path_of("first"), path_of("user/ludwig/plugins-1/other.so")};
    setenv("XDG_DATA_HOME", path_of("nothing-here"), 1);
    ludc_host *host = host_with(paths, 2, LUD_OK);
    setenv("LUDWIG_TEST_FINI_FD", fd, 1);
    ludc_host_free(host);
    unsetenv("LUDWIG_TEST_FINI_FD");
    CHECK(read(fds[0], text, sizeof text - 1) > 0);
    CHECK(strstr(text, "test.other") && strstr(text, "test.good") > strstr(text, "test.other"));
    close(fds[0]);
    close(fds[1]);
}

static void test_refused(void) {
    const char *const wrong[] = {"init_fails", "small", "abi_2", "no_entry", "missing_slot"};
    for (size_t i = 0; i < LUDC_COUNT(wrong); i++)
        put("wrong", wrong[i]);
    lud_error err = LUDC_ERROR_INIT;
    CHECK_OK(ludc_file_write(path_of("wrong/text.so"), "not a library", 13, &err), err);
    CHECK_OK(ludc_file_write(path_of("wrong/notes.txt"), "not looked at", 13, &err), err);
    CHECK_OK(ludc_dir_make(path_of("wrong/folder.so"), &err), err);
    put("wrong", "good");
    CHECK(link(path_of("wrong/good.so"), path_of("wrong/twin.so")) == 0);
    CHECK(symlink(path_of("wrong/good.so"), path_of("wrong/way.so")) == 0);
    const char *paths[] = {path_of("wrong")};
    ludc_host *host = host_with(paths, 1, LUD_OK);
    check_refused(host, "/init_fails.so", "not on this machine");
    check_refused(host, "/small.so", "descriptor of 16 bytes");
    check_refused(host, "/abi_2.so", "ABI 2");
    check_refused(host, "/no_entry.so", "no symbol lud_plugin_v1");
    check_refused(host, "/missing_slot.so", "adapter.apply is NULL");
    check_refused(host, "/text.so", "text.so");
    check_refused(host, "/folder.so", "not a regular file");
    check_refused(host, "/twin.so", "the same file");
    CHECK(info_of(host, "notes.txt") == NULL);
    CHECK_INT(own_plugins(host), 10);
    CHECK_INT(own_components(host), 1);
    const lud_component *found = NULL;
    CHECK_INT(ludc_host_find(host, LUD_KIND_BACKEND, NULL, LUDC_STR("gpu"), &found, &err), LUD_E_ABI);
    CHECK(strstr(err.msg, "no backend plugin 'gpu' (") == err.msg);
    CHECK(strstr(err.msg, "init_fails.so: init failed: not on this machine") != NULL);
    ludc_host_free(host);
}

static void test_named_must_load(void) {
    const char *bad[] = {path_of("wrong/abi_2.so")}, *absent[] = {path_of("no-such-folder")}, *empty[] = {""};
    ludc_host_free(host_with(bad, 1, LUD_E_ABI));
    ludc_host_free(host_with(absent, 1, LUD_E_ABI));
    ludc_host_free(host_with(empty, 1, LUD_E_ABI));
}

static void test_trust(void) {
    const char *file = put("trust/inner", "good"), *paths[] = {path_of("trust/inner")};
    CHECK(chmod(file, 0666) == 0);
    ludc_host *host = host_with(paths, 1, LUD_OK);
    check_refused(host, "/good.so", "can be written by others");
    ludc_host_free(host);
    CHECK(chmod(file, 0644) == 0 && chmod(path_of("trust"), 0777) == 0);
    host = host_with(paths, 1, LUD_OK);
    check_refused(host, "/good.so", "can be written by others");
    ludc_host_free(host);
    setenv("LUDWIG_PLUGIN_TRUST", path_of("trust/"), 1);
    host = host_with(paths, 1, LUD_OK);
    CHECK(info_of(host, "/good.so") && info_of(host, "/good.so")->plugin);
    ludc_host_free(host);
    setenv("LUDWIG_PLUGIN_TRUST", path_of("tru"), 1);
    host = host_with(paths, 1, LUD_OK);
    check_refused(host, "/good.so", "can be written by others");
    ludc_host_free(host);
    unsetenv("LUDWIG_PLUGIN_TRUST");
}

static void count(void *arg, int64_t begin, int64_t end) {
    atomic_int *n = arg;
    atomic_fetch_add(n, (int)(end - begin));
}

static void join(void *arg, int32_t rank, int32_t size) {
    (void)rank;
    atomic_fetch_add((atomic_int *)arg, size);
}

static void test_table(void) {
    static const int service = 7;
    ludc_host *host = NULL;
    lud_error err = LUDC_ERROR_INIT;
    CHECK_OK(ludc_host_new(&(ludc_host_opts){.threads = 2}, &host, &err), err);
    CHECK_INT(ludc_host_add_service(host, "test/1", &service), LUD_OK);
    const lud_host *t = ludc_host_table(host);
    CHECK(t->get_service(t->ctx, "test/1") == &service && t->get_service(t->ctx, "test/2") == NULL);
    const lud_team_api *team = t->get_service(t->ctx, LUD_SERVICE_TEAM);
    atomic_int n = 0, ranks = 0;
    t->parallel_for(t->ctx, 1000, 7, count, &n);
    CHECK_INT(n, 1000);
    team->run(t->ctx, join, &ranks);
    CHECK_INT(ranks, t->threads(t->ctx) * t->threads(t->ctx));
    CHECK_INT(t->threads(t->ctx), 2);
    char *p = t->alloc(t->ctx, 10, 1 << 16);
    CHECK(p && (uintptr_t)p % (1 << 16) == 0 && t->alloc(t->ctx, SIZE_MAX, 64) == NULL);
    t->free(t->ctx, p);
    t->free(t->ctx, NULL);
    CHECK_INT(t->cancelled(t->ctx), 0);
    ludc_host_free(host);
    ludc_host_free(NULL);
}

static lud_status kind_check(ludc_host *host, const lud_component *c, lud_error *err) {
    const bool known = host && strcmp(c->config_name, "nothing") == 0;
    return known ? LUD_OK : ludc_fail(err, LUD_E_INVALID, "unknown word %s", c->config_name);
}

static void check_fails(ludc_host *host, const char *name, const char *line) {
    ludc_buf out = {0};
    lud_error err = LUDC_ERROR_INIT;
    CHECK_INT(ludc_plugin_check(host, put("check", name), &out, &err), LUD_E_ABI);
    CHECK(out.ptr && strstr(out.ptr, line));
    if (out.ptr && !strstr(out.ptr, line)) fprintf(stderr, "%s:\n%s", name, out.ptr);
    ludc_buf_free(&out);
}

static void test_check(void) {
    const char *paths[] = {path_of("first")};
    ludc_host *host = host_with(paths, 1, LUD_OK);
    ludc_buf out = {0};
    lud_error err = LUDC_ERROR_INIT;
    CHECK_INT(ludc_plugin_check_add(host, LUD_KIND_ADAPTER, "adapters know their word", kind_check), LUD_OK);
    CHECK_OK(ludc_plugin_check(host, path_of("first/good.so"), &out, &err), err);
    CHECK(out.ptr && !strstr(out.ptr, "FAIL") && strstr(out.ptr, "ok    adapters know their word"));
    ludc_buf_free(&out);
    check_fails(host, "other", "FAIL  adapters know their word: unknown word other");
    check_fails(host, "two_symbols", "FAIL  exports one symbol");
    check_fails(host, "constructor", "FAIL  has no constructors");
    check_fails(host, "impure", "FAIL  entry is pure and fast: lud_plugin_v1 returned two");
    check_fails(host, "any_extension", "FAIL  foreign extension id");
    check_fails(host, "crashes", "FAIL  init and fini, three times: Aborted");
    check_fails(host, "silent", "FAIL  init without memory: init failed without memory and left no message");
    check_fails(host, "init_fails", "FAIL  init and fini, three times: not on this machine");
    check_fails(host, "small", "FAIL  loads, with a sound descriptor: descriptor of 16 bytes");
    CHECK_INT(ludc_plugin_check(host, path_of("absent.so"), &out, &err), LUD_E_ABI);
    err = LUDC_ERROR_INIT;
    CHECK_INT(ludc_plugin_check(host, path_of("wrong/text.so"), &out, &err), LUD_E_ABI);
    ludc_buf_free(&out);
    ludc_host_free(host);
}

static void test_out_of_memory(void) {
    const char *paths[] = {path_of("first")};
    const ludc_host_opts opts = {.plugin_paths = paths, .n_plugin_paths = 1, .threads = 1};
    int failures = 0;
    bool ok = false;
    for (int64_t after = 0; !ok && after < 2000; after++) {
        ludc_host *host = NULL;
        lud_error err = LUDC_ERROR_INIT;
        ludc_alloc_fail_after(after, false);
        lud_status status = ludc_host_new(&opts, &host, &err);
        if (status == LUD_OK) status = ludc_host_load(host, &err);
        ludc_alloc_fail_after(-1, false);
        ok = status == LUD_OK;
        failures += !ok;
        CHECK(ok || (err.code != LUD_OK && err.msg[0]));
        ludc_host_free(host);
    }
    CHECK(ok && failures > 5);
}

int main(void) {
    umask(022);
    CHECK(mkdtemp(root) != NULL);
    lud_error err = LUDC_ERROR_INIT;
    ludc_log_set(NULL, NULL, LUD_LOG_ERROR);
    unsetenv("LUDWIG_PLUGIN_PATH");
    unsetenv("LUDWIG_PLUGIN_TRUST");
    setenv("XDG_DATA_HOME", path_of("nothing-here"), 1);
    test_order_and_shadowing();
    test_fini_in_reverse();
    test_refused();
    test_named_must_load();
    test_trust();
    test_table();
    test_check();
    test_out_of_memory();
    CHECK_OK(ludc_dir_remove(root, &err), err);
    return check_done();
}
