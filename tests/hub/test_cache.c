/* SPDX-License-Identifier: Apache-2.0
 * The cache on disk: names of folders, references, links, listings; what is needed of a repository. */
#include "internal.h"

#include <check.h>
#include <sys/stat.h>
#include <unistd.h>

#define COMMIT "0123456789abcdef0123456789abcdef01234567"
static const char sha256[] = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"; /* of "hello" */
static const char git_sha1[] = "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0";                       /* of "hello" */
static char root[256];

static void test_digests(void) {
    char hex[65];
    ludc_digest *d = ludc_digest_new(64, 5);
    ludc_digest_add(d, "hel", 3);
    ludc_digest_add(d, "lo", 2);
    ludc_digest_end(d, hex);
    CHECK_TEXT(hex, sha256);
    d = ludc_digest_new(40, 5);
    ludc_digest_add(d, "hello", 5);
    ludc_digest_end(d, hex);
    CHECK_TEXT(hex, git_sha1);
    d = ludc_digest_new(40, 0);
    ludc_digest_end(d, hex);
    CHECK_TEXT(hex, "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"); /* git's empty blob */
    CHECK(ludc_is_hex("00ff", 4) && !ludc_is_hex("00fF", 4) && !ludc_is_hex("00f", 4) && !ludc_is_hex("00ff0", 4));
}

static void check_folder(const char *text, const char *want) {
    ludc_hub hub = {.settings = {.cache = root}};
    ludc_hub_ref ref;
    lud_error err = LUDC_ERROR_INIT;
    char full[600];
    CHECK_OK(ludc_hub_ref_parse(text, &ref, &err), err);
    char *folder = ludc_hub_folder(&hub, &ref);
    snprintf(full, sizeof(full), "%s%s", root, want);
    CHECK_TEXT(folder, full);
    ludc_free(folder);
}

static void test_folders(void) {
    check_folder("org/name", "/models--org--name");
    check_folder("hf://gpt2", "/models--gpt2");
    check_folder("hf://datasets/org/name/a.csv", "/datasets--org--name");
    check_folder("hf://spaces/org/name", "/spaces--org--name");
    check_folder("other://org/name", "-other/models--org--name");
}

static void test_refs(void) {
    lud_error err = LUDC_ERROR_INIT;
    char commit[65] = "", path[512];
    CHECK(!ludc_hub_ref_read(root, "main", commit));
    CHECK_OK(ludc_hub_ref_write(root, "main", COMMIT, &err), err);
    CHECK_OK(ludc_hub_ref_write(root, "refs/pr/1", COMMIT, &err), err);
    CHECK_OK(ludc_hub_ref_write(root, COMMIT, COMMIT, &err), err); /* a commit needs no entry */
    CHECK(ludc_hub_ref_read(root, "main", commit) && ludc_hub_ref_read(root, "refs/pr/1", commit));
    CHECK_TEXT(commit, COMMIT);
    snprintf(path, sizeof(path), "%s/refs/%s", root, COMMIT);
    CHECK(!ludc_path_exists(path));
    snprintf(path, sizeof(path), "%s/refs/main", root);
    struct stat st;
    CHECK(stat(path, &st) == 0 && st.st_size == 40); /* no newline */
    CHECK_OK(ludc_file_write(path, "../../etc", 9, &err), err);
    CHECK(!ludc_hub_ref_read(root, "main", commit));
}

static void check_link(const char *name, const char *want) {
    char path[600], target[600] = "";
    snprintf(path, sizeof(path), "%s/snapshots/" COMMIT "/%s", root, name);
    CHECK(readlink(path, target, sizeof(target) - 1) > 0);
    CHECK_TEXT(target, want);
}

static void test_place(void) {
    ludc_hub hub = {.settings = {.cache = root}};
    lud_error err = LUDC_ERROR_INIT;
    char blob[600], want[600];
    ludc_hub_entry e = {.path = (char *)"a.json", .size = 5}, deep = {.path = (char *)"x/y/b.json", .size = 5};
    strcpy(e.hash, sha256);
    strcpy(deep.hash, sha256);
    snprintf(blob, sizeof(blob), "%s/blobs", root);
    CHECK_OK(ludc_dir_make(blob, &err), err);
    snprintf(blob, sizeof(blob), "%s/blobs/%s", root, sha256);
    CHECK_OK(ludc_file_write(blob, "hello", 5, &err), err);
    CHECK(!ludc_hub_have(root, COMMIT, &e));
    CHECK_OK(ludc_hub_place(&hub, root, COMMIT, &e, &err), err);
    CHECK_OK(ludc_hub_place(&hub, root, COMMIT, &e, &err), err); /* twice is no harm */
    CHECK_OK(ludc_hub_place(&hub, root, COMMIT, &deep, &err), err);
    snprintf(want, sizeof(want), "../../blobs/%s", sha256);
    check_link("a.json", want);
    snprintf(want, sizeof(want), "../../../../blobs/%s", sha256);
    check_link("x/y/b.json", want);
    CHECK(ludc_hub_have(root, COMMIT, &e) && ludc_hub_have(root, COMMIT, &deep));
    e.size = 6;
    CHECK(!ludc_hub_have(root, COMMIT, &e));
    /* Without links the blob itself moves in. */
    hub.settings.no_symlinks = true;
    e.size = 5;
    e.path = (char *)"c.json";
    CHECK_OK(ludc_hub_place(&hub, root, COMMIT, &e, &err), err);
    CHECK(ludc_hub_have(root, COMMIT, &e) && !ludc_path_exists(blob));
    CHECK_OK(ludc_hub_no_exist(root, COMMIT, "sub/none.json", &err), err);
    snprintf(blob, sizeof(blob), "%s/.no_exist/" COMMIT "/sub/none.json", root);
    CHECK(ludc_path_exists(blob));
}

/* ---- Listings ---- */
static void add(ludc_hub_listing *l, const char *path, uint64_t size) {
    lud_error err = LUDC_ERROR_INIT;
    CHECK_OK(ludc_hub_listing_add(l, ludc_str(path), size, size % 2 ? sha256 : git_sha1, &err), err);
}

static void test_listing(void) {
    ludc_hub_listing l = {0}, again = {0};
    lud_error err = LUDC_ERROR_INIT;
    add(&l, "config.json", 10);
    add(&l, "sub/model.safetensors", 11);
    CHECK_OK(ludc_hub_tree_write(root, COMMIT, &l, &err), err);
    CHECK_OK(ludc_hub_tree_read(root, COMMIT, &again, &err), err);
    CHECK(again.exact);
    CHECK_INT(again.n, 2);
    const ludc_hub_entry *e = ludc_hub_listing_find(&again, "sub/model.safetensors");
    CHECK(e && e->size == 11);
    CHECK_TEXT(e ? e->hash : "", sha256);
    ludc_hub_listing_free(&again);
    /* A damaged one is as good as none: the snapshot's folder is read. */
    char path[512];
    snprintf(path, sizeof(path), "%s/trees/" COMMIT ".json", root);
    CHECK_OK(ludc_file_write(path, "{\"format_version\":1,\"files\":{\"../x\":{}}}", 40, &err), err);
    CHECK_OK(ludc_hub_tree_read(root, COMMIT, &again, &err), err);
    CHECK(!again.exact && ludc_hub_listing_find(&again, "c.json"));
    ludc_hub_listing_free(&again);
    CHECK_INT(ludc_hub_listing_add(&l, LUDC_STR("a"), 1, "xyz", &err), LUD_E_HUB);
    err = LUDC_ERROR_INIT;
    CHECK_INT(ludc_hub_listing_add(&l, LUDC_STR("a"), UINT64_MAX, sha256, &err), LUD_E_HUB);
    CHECK_OK(ludc_hub_listing_add(&l, LUDC_STR("../a"), 1, sha256, &(lud_error){0}), err);
    CHECK_INT(l.n, 2);
    ludc_hub_listing_free(&l);
}

static lud_status select_of(const char *reference, const char *const *names, size_t n, const char *want, char *msg) {
    ludc_hub_listing l = {.exact = true};
    ludc_hub_ref ref;
    lud_error err = LUDC_ERROR_INIT;
    ludc_buf got = {0};
    CHECK_OK(ludc_hub_ref_parse(reference, &ref, &err), err);
    for (size_t i = 0; i < n; i++)
        add(&l, names[i], 3);
    const lud_status status = ludc_hub_select(&ref, &l, &err);
    for (size_t i = 0; status == LUD_OK && i < l.n; i++)
        if (l.entries[i].wanted) ludc_buf_addf(&got, "%s ", l.entries[i].path);
    if (want) CHECK_TEXT(got.ptr, want);
    snprintf(msg, 512, "%.500s", err.msg);
    ludc_buf_free(&got);
    ludc_hub_listing_free(&l);
    return status;
}

static void test_select(void) {
    static const char *const model[] = {".gitattributes",          "config.json",     "model.safetensors",
                                        "pytorch_model.bin",       "onnx/model.onnx", "tokenizer.json",
                                        "sub/config.json",         "tf_model.h5",     "model.safetensors.index.json",
                                        "consolidated.safetensors"};
    static const char *const pickle[] = {"config.json", "pytorch_model.bin"};
    static const char *const gguf[] = {"README.md", "a.Q4_0.gguf"};
    static const char *const twins[] = {"config.json", "Config.json", "model.safetensors"};
    char msg[512];
    CHECK_INT(select_of("o/n", model, LUDC_COUNT(model), "config.json model.safetensors tokenizer.json ", msg), LUD_OK);
    CHECK_INT(select_of("hf://o/n/tf_model.h5", model, LUDC_COUNT(model), "tf_model.h5 ", msg), LUD_OK);
    CHECK_INT(select_of("hf://o/n/none", model, LUDC_COUNT(model), NULL, msg), LUD_E_HUB);
    CHECK_INT(select_of("o/n", pickle, 2, NULL, msg), LUD_E_HUB);
    CHECK(strstr(msg, "pickle"));
    CHECK_INT(select_of("o/n", gguf, 2, NULL, msg), LUD_E_INVALID);
    CHECK(strstr(msg, "hf://o/n/a.Q4_0.gguf"));
    CHECK_INT(select_of("hf://o/n/a.Q4_0.gguf", gguf, 2, "a.Q4_0.gguf ", msg), LUD_OK);
    CHECK_INT(select_of("o/n", twins, 3, NULL, msg), LUD_E_HUB);
    CHECK(strstr(msg, "case"));
    CHECK_INT(select_of("hf://datasets/o/n", gguf, 2, "README.md a.Q4_0.gguf ", msg), LUD_OK);
}

static void test_shards(void) {
    static const char good[] = "{\"weight_map\":{\"a\":\"m-1.safetensors\",\"b\":\"m-2.safetensors\","
                               "\"c\":\"m-1.safetensors\"}}",
                      bad[] = "{\"weight_map\":{\"a\":\"../../m-1.safetensors\"}}";
    ludc_hub_listing l = {.exact = true};
    lud_error err = LUDC_ERROR_INIT;
    char path[512];
    add(&l, "model.safetensors.index.json", 3);
    add(&l, "m-1.safetensors", 3);
    add(&l, "m-2.safetensors", 3);
    add(&l, "consolidated.safetensors", 3);
    l.entries[0].wanted = true;
    snprintf(path, sizeof(path), "%s/model.safetensors.index.json", root);
    CHECK_OK(ludc_file_write(path, good, sizeof(good) - 1, &err), err);
    CHECK_OK(ludc_hub_select_shards(root, &l, &err), err);
    CHECK(l.entries[1].wanted && l.entries[2].wanted && !l.entries[3].wanted);
    CHECK_OK(ludc_file_write(path, bad, sizeof(bad) - 1, &err), err);
    CHECK_INT(ludc_hub_select_shards(root, &l, &err), LUD_E_HUB);
    ludc_hub_listing_free(&l);
}

int main(void) {
    char folder[] = "/tmp/ludwig-cache-XXXXXX";
    CHECK(mkdtemp(folder) != NULL);
    snprintf(root, sizeof(root), "%s", folder);
    test_digests();
    test_folders();
    test_refs();
    test_place();
    test_listing();
    test_select();
    test_shards();
    CHECK_INT(ludc_dir_remove(folder, NULL), LUD_OK);
    return check_done();
}
