/* SPDX-License-Identifier: Apache-2.0
 * Names of files from a hub, and references to repositories: what is let in, what is not, and that writing a reference
 * down and reading it again changes nothing. */
#include <check.h>
#include <hub.h>
#include <unistd.h>

static void test_bad_names(void) {
    static const struct {
        const char *ptr;
        size_t len;
    } bad[] = {
#define BAD(s) {s, sizeof(s) - 1}
        BAD(""),
        BAD("/etc/passwd"),
        BAD("../x"),
        BAD("a/../../x"),
        BAD("a/.."),
        BAD("."),
        BAD("./a"),
        BAD("a//b"),
        BAD("a/"),
        BAD("//host/share"),
        BAD("C:\\x"),
        BAD("C:x"),
        BAD("\\\\h\\s"),
        BAD("a\\..\\b"),
        BAD("a\0b"),
        BAD("a\nb"),
        BAD("a\tb"),
        BAD("\x1b[2Ja"),
        BAD("a\x7f"),
        BAD("\xc2\x9b"
            "31m"),
        BAD("\xe2\x80\xaegpj.exe"),
        BAD("\xe2\x81\xa6x"),
        BAD("\xff\xfe"),
        BAD("\xc0\xae\xc0\xae/x"),
        BAD("con"),
        BAD("sub/NUL.txt"),
        BAD("com1"),
        BAD("Lpt9.json"),
        BAD("aux.c"),
        BAD("a."),
        BAD("a /b"),
        BAD("a:stream"),
        BAD("...")
#undef BAD
    };
    for (size_t i = 0; i < LUDC_COUNT(bad); i++) {
        if (!ludc_hub_name_fault((lud_str){bad[i].ptr, bad[i].len}))
            fprintf(stderr, "let in: %zu '%s'\n", i, bad[i].ptr);
        CHECK(ludc_hub_name_fault((lud_str){bad[i].ptr, bad[i].len}) != NULL);
    }
    char text[2000];
    memset(text, 'a', sizeof(text));
    CHECK(ludc_hub_name_fault((lud_str){text, 255}) == NULL);
    CHECK(ludc_hub_name_fault((lud_str){text, 256}) != NULL);
    for (size_t i = 100; i < sizeof(text); i += 101)
        text[i] = '/';
    CHECK(ludc_hub_name_fault((lud_str){text, 1024}) == NULL);
    CHECK(ludc_hub_name_fault((lud_str){text, 1025}) != NULL);
}

static void test_good_names(void) {
    static const char *const good[] = {"config.json",
                                       "sub/deep/f.txt",
                                       "-rf",
                                       ".gitattributes",
                                       "a b+#\xc3\xa9.txt",
                                       "model-00001-of-00002.safetensors",
                                       "\xe4\xb8\x96\xe7\x95\x8c.txt",
                                       "..a",
                                       "a..b",
                                       "console.txt",
                                       "com.json",
                                       "com10",
                                       "nulls"};
    for (size_t i = 0; i < LUDC_COUNT(good); i++)
        CHECK(ludc_hub_name_fault(ludc_str(good[i])) == NULL);
}

static void check_ref(const char *text, const char *hub, int type, const char *repo, const char *revision,
                      const char *path, const char *again) {
    ludc_hub_ref r;
    lud_error err = LUDC_ERROR_INIT;
    ludc_buf out = {0};
    CHECK_OK(ludc_hub_ref_parse(text, &r, &err), err);
    CHECK_TEXT(r.hub, hub);
    CHECK_INT(r.type, type);
    CHECK_TEXT(r.repo, repo);
    CHECK_TEXT(r.revision, revision);
    CHECK_TEXT(r.path, path);
    ludc_hub_ref_text(&r, &out);
    CHECK_TEXT(out.ptr, again);
    ludc_buf_free(&out);
}

static void test_references(void) {
    check_ref("org/name", "hf", LUD_REPO_MODEL, "org/name", "main", "", "org/name");
    check_ref("org/name@v1.0", "hf", LUD_REPO_MODEL, "org/name", "v1.0", "", "org/name@v1.0");
    check_ref("hf://org/name", "hf", LUD_REPO_MODEL, "org/name", "main", "", "org/name");
    check_ref("hf://models/org/name", "hf", LUD_REPO_MODEL, "org/name", "main", "", "org/name");
    check_ref("hf://gpt2", "hf", LUD_REPO_MODEL, "gpt2", "main", "", "gpt2");
    check_ref("hf://org/name/sub/m.gguf", "hf", LUD_REPO_MODEL, "org/name", "main", "sub/m.gguf",
              "hf://org/name/sub/m.gguf");
    check_ref("hf://datasets/org/name@refs/pr/1/a.csv", "hf", LUD_REPO_DATASET, "org/name", "refs/pr/1", "a.csv",
              "hf://datasets/org/name@refs%2Fpr%2F1/a.csv");
    check_ref("hf://spaces/org/name@dev%2Fx", "hf", LUD_REPO_SPACE, "org/name", "dev/x", "",
              "hf://spaces/org/name@dev%2Fx");
    check_ref("local://org/name", "local", LUD_REPO_MODEL, "org/name", "main", "", "local://org/name");
    static const char *const bad[] = {"",
                                      "/",
                                      "org/",
                                      "/name",
                                      "org//name",
                                      "../x",
                                      "org/..",
                                      "org/na--me",
                                      "org/na..me",
                                      "org/name.git",
                                      "-org/name",
                                      "org/name-",
                                      "org/name@",
                                      "org/name@-x",
                                      "org/name@a b",
                                      "org/name@../x",
                                      "org/name/",
                                      "hf://",
                                      "HF://org/name",
                                      "hf://org/name/../x",
                                      "hf://org/name//x",
                                      "hf://o\nrg/name",
                                      "org/na me",
                                      "hf://org/name@a/C:x",
                                      "averyveryverylongscheme://org/name"};
    for (size_t i = 0; i < LUDC_COUNT(bad); i++) {
        ludc_hub_ref r;
        lud_error err = LUDC_ERROR_INIT;
        if (ludc_hub_ref_parse(bad[i], &r, NULL) == LUD_OK) fprintf(stderr, "let in: '%s'\n", bad[i]);
        CHECK_INT(ludc_hub_ref_parse(bad[i], &r, &err), LUD_E_INVALID);
    }
}

/* What is on disk comes first. */
static void test_what_is_a_reference(void) {
    char folder[] = "/tmp/ludwig-names-XXXXXX";
    CHECK(mkdtemp(folder) && chdir(folder) == 0);
    CHECK(ludc_hub_is_ref("org/name") && ludc_hub_is_ref("hf://name") && ludc_hub_is_ref("s3://bucket/x"));
    CHECK(!ludc_hub_is_ref("name") && !ludc_hub_is_ref("a/b/c") && !ludc_hub_is_ref("/org/name") &&
          !ludc_hub_is_ref(""));
    CHECK_INT(ludc_dir_make("org", NULL), LUD_OK);
    CHECK(!ludc_hub_is_ref("org/name"));
    CHECK(ludc_hub_is_ref("hf://org/name") && ludc_hub_is_ref("org/name@main"));
    CHECK_INT(ludc_dir_make("mirror/some/model", NULL), LUD_OK);
    setenv("LUDWIG_PRETRAINED_MODELS_DIR", "mirror", 1);
    check_ref("some/model", "local", LUD_REPO_MODEL, "some/model", "main", "", "local://some/model");
    check_ref("some/other", "hf", LUD_REPO_MODEL, "some/other", "main", "", "some/other");
    unsetenv("LUDWIG_PRETRAINED_MODELS_DIR");
    CHECK(chdir("/") == 0);
    CHECK_INT(ludc_dir_remove(folder, NULL), LUD_OK);
}

int main(void) {
    test_bad_names();
    test_good_names();
    test_references();
    test_what_is_a_reference();
    return check_done();
}
