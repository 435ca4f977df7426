/* SPDX-License-Identifier: Apache-2.0
 * From a reference to files, through a plugin: what is fetched, what is not asked for again, what happens without the
 * hub, and that failing memory leaves nothing that looks whole. */
#include "internal.h"

#include <check.h>
#include <unistd.h>

#define COMMIT "0123456789abcdef0123456789abcdef01234567"
static char root[256];
static ludc_host *host;

static int calls(void) {
    const ludc_plugin_info *infos;
    const size_t n = ludc_host_plugins(host, &infos);
    for (size_t i = 0; i < n; i++)
        if (infos[i].plugin && strcmp(infos[i].plugin->name, "mem") == 0)
            return atomic_load((const _Atomic int *)infos[i].plugin->get_extension("mem.calls"));
    return -1;
}

static uint64_t most_done, told_total;
static void on_progress(void *arg, uint64_t done, uint64_t total) {
    CHECK(arg == root && done <= total);
    most_done = LUDC_MAX(most_done, done);
    told_total = total;
}

/* A fetch in a session of its own, so that the environment is read anew. */
static lud_status get(const char *reference, char path[512], lud_error *err) {
    const ludc_hub_opts opts = {.host = host, .progress = on_progress, .arg = root};
    ludc_hub *hub = NULL;
    ludc_hub_ref ref;
    char commit[65] = "", *at = NULL;
    *err = LUDC_ERROR_INIT;
    CHECK_INT(ludc_hub_ref_parse(reference, &ref, NULL), LUD_OK);
    LUDC_TRY(ludc_hub_open(&opts, &hub, err));
    hub->backoff = 0.001;
    const lud_status status = ludc_hub_get(hub, &ref, &at, commit, err);
    ludc_alloc_fail_after(-1, false);
    if (status == LUD_OK) {
        CHECK_TEXT(commit, COMMIT);
        snprintf(path, 512, "%s", at);
    }
    ludc_free(at);
    ludc_hub_close(hub);
    return status;
}

static void empty_cache(void) {
    char path[300];
    snprintf(path, sizeof(path), "%s/hub-mem", root); /* a hub that is not the default one has its own */
    CHECK_INT(ludc_dir_remove(path, NULL), LUD_OK);
}

static size_t count(const char *dir) {
    char **names = NULL;
    size_t n = 0;
    if (ludc_dir_list(dir, &names, &n, NULL) == LUD_OK) ludc_dir_list_free(names, n);
    return n;
}

static void test_fetch(void) {
    lud_error err;
    char path[512] = "", again[512] = "";
    setenv("MEM_HUB", "cut", 1);
    CHECK_OK(get("mem://o/n", path, &err), err);
    CHECK(strstr(path, "/hub-mem/models--o--n/snapshots/" COMMIT));
    CHECK_INT(count(path), 5); /* no pickle, no name with dots */
    const int after = calls();
    CHECK_OK(get("mem://o/n@" COMMIT, again, &err), err);
    CHECK_TEXT(again, path);
    CHECK_INT(calls(), after);
    CHECK_OK(get("mem://o/n", again, &err), err);
    CHECK_INT(calls(), after + 1); /* what is main now? */
    CHECK_OK(get("mem://o/n/pytorch_model.bin", again, &err), err);
    CHECK(strstr(again, "/pytorch_model.bin"));
    CHECK_INT(get("mem://o/n/none.bin", again, &err), LUD_E_HUB);
    CHECK(strstr(err.msg, "none.bin"));
}

static void test_without_hub(void) {
    lud_error err;
    char path[512];
    const int before = calls();
    setenv("HF_HUB_OFFLINE", "1", 1);
    CHECK_OK(get("mem://o/n", path, &err), err);
    CHECK_INT(get("mem://o/other", path, &err), LUD_E_HUB);
    CHECK(strstr(err.msg, "HF_HUB_OFFLINE"));
    CHECK_INT(get("mem://o/n@0000000000000000000000000000000000000000", path, &err), LUD_E_HUB);
    CHECK_INT(calls(), before);
    unsetenv("HF_HUB_OFFLINE");
    setenv("MEM_HUB", "unreachable", 1);
    CHECK_OK(get("mem://o/n", path, &err), err);
    CHECK_INT(get("mem://o/other", path, &err), LUD_E_HUB);
    setenv("MEM_HUB", "denied", 1); /* what the hub denies is not taken from the cache */
    CHECK_INT(get("mem://o/n", path, &err), LUD_E_HUB);
    CHECK_TEXT(err.msg, "mem: refused");
    CHECK_INT(get("none://o/n", path, &err), LUD_E_ABI);
}

/* A cache from which something is gone is completed; one that is damaged is not believed. */
static void test_holes(void) {
    lud_error err;
    char path[512], file[700];
    setenv("MEM_HUB", "", 1);
    CHECK_OK(get("mem://o/n", path, &err), err);
    snprintf(file, sizeof(file), "%s/b.safetensors", path);
    CHECK(unlink(file) == 0);
    const int before = calls();
    CHECK_OK(get("mem://o/n@" COMMIT, path, &err), err);
    CHECK_INT(calls(), before + 1); /* asked; the blob is still there */
    CHECK(ludc_path_exists(file));
    snprintf(file, sizeof(file), "%s/hub-mem/models--o--n/trees/" COMMIT ".json", root);
    CHECK_INT(ludc_file_write(file, "{", 1, NULL), LUD_OK);
    CHECK_OK(get("mem://o/n@" COMMIT, path, &err), err); /* the list is damaged: asked again */
    CHECK_INT(calls(), before + 2);
    snprintf(file, sizeof(file), "%s/tokenizer.json", path);
    CHECK(unlink(file) == 0);
    CHECK_OK(get("mem://o/n@" COMMIT, path, &err), err);
    CHECK(ludc_path_exists(file));
}

static void test_no_memory(void) {
    int failed = 0;
    for (int64_t n = 0; n < 800; n += 1 + n / 8) {
        lud_error err;
        char path[512];
        empty_cache();
        const ludc_hub_opts opts = {.host = host};
        ludc_hub *hub = NULL;
        ludc_hub_ref ref;
        char commit[65], *at = NULL;
        err = LUDC_ERROR_INIT;
        CHECK_INT(ludc_hub_ref_parse("mem://o/n", &ref, NULL), LUD_OK);
        ludc_alloc_fail_after(n, false);
        lud_status status = ludc_hub_open(&opts, &hub, &err);
        if (status == LUD_OK) status = ludc_hub_get(hub, &ref, &at, commit, &err);
        ludc_alloc_fail_after(-1, false);
        ludc_hub_close(hub);
        ludc_free(at);
        failed += status != LUD_OK;
        if (status != LUD_OK && status != LUD_E_NOMEM) fprintf(stderr, "allocation %lld: %s\n", (long long)n, err.msg);
        CHECK(status == LUD_OK || status == LUD_E_NOMEM);
        CHECK(status == LUD_OK || err.msg[0]);
        if (n % 8) continue;
        CHECK_OK(get("mem://o/n", path, &err), err); /* and then it goes on */
        CHECK_INT(count(path), 5);
    }
    CHECK(failed > 20);
}

int main(void) {
    char folder[] = "/tmp/ludwig-get-XXXXXX", plugin[600], to[300];
    const char *build = getenv("LUDWIG_TEST_BINARY_DIR");
    lud_error err = LUDC_ERROR_INIT;
    CHECK(mkdtemp(folder) != NULL);
    snprintf(root, sizeof(root), "%s", folder);
    snprintf(plugin, sizeof(plugin), "%s/test-plugins/mem_hub.so", build ? build : ".");
    snprintf(to, sizeof(to), "%s/mem_hub.so", root);
    CHECK_OK(ludc_file_copy(plugin, to, &err), err);
    setenv("HF_HOME", root, 1);
    setenv("XDG_DATA_HOME", root, 1);
    unsetenv("HF_HUB_CACHE");
    unsetenv("HF_HUB_OFFLINE");
    unsetenv("TRANSFORMERS_OFFLINE");
    const char *paths[] = {to};
    const ludc_host_opts opts = {.plugin_paths = paths, .n_plugin_paths = 1, .threads = 1};
    CHECK_OK(ludc_host_new(&opts, &host, &err), err);
    CHECK_OK(ludc_host_load(host, &err), err);
    ludc_log_set(NULL, NULL, LUD_LOG_ERROR);
    test_fetch();
    test_without_hub();
    test_holes();
    test_no_memory();
    ludc_host_free(host);
    CHECK_INT(ludc_dir_remove(folder, NULL), LUD_OK);
    return check_done();
}
