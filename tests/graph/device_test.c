/* SPDX-License-Identifier: Apache-2.0
 * Choosing devices by word: auto, a name, a name with a number, and the errors. */
#include "rig.h"
#include <plugin.h>

static ludc_host *open_host(lud_error *err) {
    char path[1024];
    const char *root = getenv("LUDWIG_TEST_BINARY_DIR");
    snprintf(path, sizeof path, "%s/lib/ludwig/plugins-1/reference.so", root ? root : ".");
    const char *paths[] = {path};
    const ludc_host_opts opts = {.plugin_paths = paths, .n_plugin_paths = 1, .threads = 1};
    ludc_host *h = NULL;
    CHECK_OK(ludc_host_new(&opts, &h, err), *err);
    if (h) CHECK_OK(ludc_host_load(h, err), *err);
    return h;
}

static void check_refused(ludc_host *h, const char *word, lud_status want, const char *part) {
    ludc_devices d = {.told = 0};
    lud_error err = LUDC_ERROR_INIT;
    CHECK_INT(ludc_devices_open(h, ludc_str(word), &d, &err), want);
    if (strstr(err.msg, part) == NULL) fprintf(stderr, "message '%s' lacks '%s'\n", err.msg, part);
    CHECK(strstr(err.msg, part) != NULL);
    CHECK(d.primary.vt == NULL);
}

int main(void) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_devices d = {.told = 0};
    ludc_host *h = open_host(&err);
    if (!h) return check_done();
    CHECK_OK(ludc_devices_open(h, LUDC_STR("auto"), &d, &err), err);
    CHECK(strstr(d.why, "best of ") != NULL);
    CHECK(d.fallback.vt != NULL && d.fallback.info.caps & LUD_CAP_COMPLETE);
    ludc_devices_close(&d);
    CHECK_OK(ludc_devices_open(h, LUDC_STR("reference"), &d, &err), err);
    CHECK(strstr(d.why, "device reference") != NULL && strstr(d.why, "named") != NULL);
    CHECK(d.fallback.dev == d.primary.dev);
    ludc_devices_close(&d);
    CHECK_OK(ludc_devices_open(h, LUDC_STR("reference:0"), &d, &err), err);
    ludc_devices_close(&d);
    check_refused(h, "reference:7", LUD_E_ABI, "reference:7 does not exist");
    check_refused(h, "referense", LUD_E_ABI, "reference");
    check_refused(h, "reference:", LUD_E_INVALID, "name:number");
    check_refused(h, "", LUD_E_INVALID, "is not auto");
    ludc_host_free(h);
    return check_done();
}
