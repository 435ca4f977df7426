/* SPDX-License-Identifier: Apache-2.0
 * The environment: where the cache is, which token is taken, in the order of the Python client. */
#include "internal.h"

#include <check.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const names[] = {"HF_HOME",
                                    "HF_HUB_CACHE",
                                    "HUGGINGFACE_HUB_CACHE",
                                    "XDG_CACHE_HOME",
                                    "HF_TOKEN",
                                    "HUGGING_FACE_HUB_TOKEN",
                                    "HF_TOKEN_PATH",
                                    "HF_ENDPOINT",
                                    "HF_HUB_OFFLINE",
                                    "TRANSFORMERS_OFFLINE",
                                    "HF_HUB_DISABLE_IMPLICIT_TOKEN",
                                    "HF_HUB_ETAG_TIMEOUT",
                                    "HF_HUB_DOWNLOAD_TIMEOUT",
                                    "HF_HUB_DISABLE_SYMLINKS"};
static char home[256];

static void reset(void) {
    for (size_t i = 0; i < LUDC_COUNT(names); i++)
        unsetenv(names[i]);
    setenv("HOME", home, 1);
}

static void check_cache(const char *want_in_home) {
    ludc_hub_settings s;
    lud_error err = LUDC_ERROR_INIT;
    char want[512];
    snprintf(want, sizeof(want), "%s%s", want_in_home[0] == '/' && want_in_home[1] == '/' ? "" : home, want_in_home);
    CHECK_OK(ludc_hub_settings_read(&s, &err), err);
    CHECK_TEXT(s.cache, want_in_home[1] == '/' ? want_in_home + 1 : want);
    ludc_hub_settings_free(&s);
}

static void test_cache(void) {
    reset();
    check_cache("/.cache/huggingface/hub");
    setenv("XDG_CACHE_HOME", "~/x", 1);
    check_cache("/x/huggingface/hub");
    setenv("HF_HOME", "$HOME/y", 1);
    check_cache("/y/hub");
    setenv("HUGGINGFACE_HUB_CACHE", "~/old", 1);
    check_cache("/old");
    setenv("HF_HUB_CACHE", "${HOME}/z/$NOT_SET", 1);
    check_cache("/z/$NOT_SET");
    setenv("HF_HUB_CACHE", "//nowhere/hub", 1);
    check_cache("//nowhere/hub");
    setenv("HF_HUB_CACHE", "", 1);
    check_cache("/old");
}

static void check_token(const char *want) {
    ludc_hub_settings s;
    lud_error err = LUDC_ERROR_INIT;
    CHECK_OK(ludc_hub_settings_read(&s, &err), err);
    CHECK_TEXT(s.token ? s.token : "none", want);
    ludc_hub_settings_free(&s);
}

static void put_token(const char *name, const char *text) {
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", home, name);
    CHECK_INT(ludc_file_write(path, text, strlen(text), NULL), LUD_OK);
    CHECK_INT(chmod(path, 0600), 0);
}

static void test_token(void) {
    reset();
    setenv("HF_HOME", home, 1);
    check_token("none");
    put_token("token", " hf_file\r\n");
    check_token("hf_file");
    put_token("other", "hf_other");
    setenv("HF_TOKEN_PATH", "~/other", 1);
    check_token("hf_other");
    setenv("HUGGING_FACE_HUB_TOKEN", "hf_old", 1);
    check_token("hf_old");
    setenv("HF_TOKEN", "\n hf_new ", 1);
    check_token("hf_new");
    setenv("HF_TOKEN", " ", 1);
    check_token("hf_old");
    setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "yes", 1);
    check_token("none");
}

/* A process that holds a token leaves no core file; any other one does as the user has set. */
static void test_core(void) {
    struct rlimit before, now;
    reset();
    CHECK_INT(getrlimit(RLIMIT_CORE, &before), 0);
    before.rlim_cur = before.rlim_max;
    CHECK_INT(setrlimit(RLIMIT_CORE, &before), 0);
    check_token("none");
    CHECK_INT(getrlimit(RLIMIT_CORE, &now), 0);
    CHECK(now.rlim_cur == before.rlim_cur);
    setenv("HF_TOKEN", "hf_new", 1);
    check_token("hf_new");
    CHECK_INT(getrlimit(RLIMIT_CORE, &now), 0);
    CHECK(now.rlim_cur == 0 && now.rlim_max == before.rlim_max);
    unsetenv("HF_TOKEN");
}

/* A token that could break out of its header is refused, and not shown. */
static void test_bad_token(void) {
    static const char *const bad[] = {"hf_a\r\nX-Evil: 1", "hf_\x01", "hf_\xc3\xa9", "two words"};
    for (size_t i = 0; i < LUDC_COUNT(bad); i++) {
        ludc_hub_settings s;
        lud_error err = LUDC_ERROR_INIT;
        reset();
        setenv("HF_TOKEN", bad[i], 1);
        CHECK_INT(ludc_hub_settings_read(&s, &err), LUD_E_HUB);
        CHECK(!strstr(err.msg, "hf_") && !strstr(err.msg, "words"));
    }
}

static void test_rest(void) {
    ludc_hub_settings s;
    lud_error err = LUDC_ERROR_INIT;
    reset();
    CHECK_OK(ludc_hub_settings_read(&s, &err), err);
    CHECK(!s.endpoint && !s.offline && !s.no_symlinks && s.connect_timeout == 10 && s.read_timeout == 10);
    ludc_hub_settings_free(&s);
    setenv("HF_ENDPOINT", "http://127.0.0.1:1//", 1);
    setenv("HF_HUB_OFFLINE", "On", 1);
    setenv("HF_HUB_DISABLE_SYMLINKS", "1", 1);
    setenv("HF_HUB_ETAG_TIMEOUT", "2.5", 1);
    setenv("HF_HUB_DOWNLOAD_TIMEOUT", "soon", 1);
    CHECK_OK(ludc_hub_settings_read(&s, &err), err);
    CHECK_TEXT(s.endpoint, "http://127.0.0.1:1");
    CHECK(s.offline && s.no_symlinks && s.connect_timeout == 2.5 && s.read_timeout == 10);
    ludc_hub_settings_free(&s);
    setenv("HF_HUB_OFFLINE", "0", 1);
    setenv("TRANSFORMERS_OFFLINE", "TRUE", 1);
    CHECK_OK(ludc_hub_settings_read(&s, &err), err);
    CHECK(s.offline);
    ludc_hub_settings_free(&s);
}

int main(void) {
    char folder[] = "/tmp/ludwig-settings-XXXXXX";
    CHECK(mkdtemp(folder) != NULL);
    snprintf(home, sizeof(home), "%s", folder);
    test_cache();
    test_core();
    test_token();
    test_bad_token();
    test_rest();
    CHECK_INT(ludc_dir_remove(folder, NULL), LUD_OK);
    return check_done();
}
