/* SPDX-License-Identifier: Apache-2.0
 * Where the cache lies, which hub is asked, and with what token: the variables of the Python client, with its defaults
 * and its order of precedence, so that whoever has set it up has set up Ludwig too. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/stat.h>

static const char *variable(const char *name) {
    const char *v = getenv(name);
    return v && v[0] ? v : NULL;
}

static bool is_true(const char *name) {
    static const char *const words[] = {"1", "on", "yes", "true"};
    const char *v = variable(name);
    for (size_t i = 0; v && i < LUDC_COUNT(words); i++)
        if (strcasecmp(v, words[i]) == 0) return true;
    return false;
}

static double seconds(const char *name, double dflt) {
    const char *v = variable(name);
    char *end = NULL;
    const double x = v ? strtod(v, &end) : dflt;
    return v && (*end || !(x > 0 && x < 1e6)) ? dflt : x;
}

/* "~" in front, $NAME and ${NAME} anywhere; what is not set stays as it is. */
static void add_expanded(ludc_buf *out, const char *s) {
    const char *home = variable("HOME");
    if (s[0] == '~' && (s[1] == '/' || !s[1]) && home) ludc_buf_adds(out, home), s++;
    while (*s) {
        char name[128];
        const bool braces = s[0] == '$' && s[1] == '{';
        const char *from = s + 1 + braces;
        const size_t n =
            s[0] == '$' ? strspn(from, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789") : 0;
        const char *value = NULL;
        if (n && n < sizeof(name) && (!braces || from[n] == '}')) {
            memcpy(name, from, n);
            name[n] = '\0';
            value = getenv(name);
        }
        ludc_buf_adds(out, value ? value : (char[]){*s, '\0'});
        s = value ? from + n + braces : s + 1;
    }
}

/* The first variable that is set, or the default under `base`; absolute, heap. */
static char *folder(const char *first, const char *second, const char *base, const char *dflt) {
    const char *set = variable(first) ? variable(first) : second ? variable(second) : NULL;
    ludc_buf path = {0};
    if (set)
        add_expanded(&path, set);
    else
        ludc_buf_addf(&path, "%s/%s", base, dflt);
    char *absolute = path.failed || !path.ptr ? NULL : ludc_path_absolute(path.ptr);
    ludc_buf_free(&path);
    return absolute;
}

static char *hub_home(void) {
    const char *cache = variable("XDG_CACHE_HOME");
    ludc_buf base = {0};
    add_expanded(&base, cache ? cache : "~/.cache");
    char *home = base.failed ? NULL : folder("HF_HOME", NULL, base.ptr, "huggingface");
    ludc_buf_free(&base);
    return home;
}

/* ---- The token ---- */
static void wipe(char *s) {
    if (s) explicit_bzero(s, strlen(s));
    ludc_free(s);
}

/* Only visible ASCII may stand in a header; what else there is is not shown. */
static lud_status take_token(const char *text, size_t n, const char *from, char **out, lud_error *err) {
    const lud_str t = ludc_str_trim((lud_str){text, n});
    for (size_t i = 0; i < t.len; i++)
        if (t.ptr[i] <= ' ' || t.ptr[i] >= 0x7f)
            return ludc_fail(err, LUD_E_HUB, "%s: the token has a character that no token has", from);
    if (!t.len) return LUD_OK;
    *out = ludc_strndup(t.ptr, t.len);
    return *out ? LUD_OK : ludc_fail(err, LUD_E_NOMEM, "out of memory");
}

static lud_status token_file(const char *home, char **out, lud_error *err) {
    char *path = folder("HF_TOKEN_PATH", NULL, home, "token");
    ludc_buf text = {0};
    struct stat st;
    lud_status status = path ? LUD_OK : ludc_fail(err, LUD_E_NOMEM, "out of memory");
    if (status == LUD_OK && stat(path, &st) == 0) {
        if (st.st_mode & 077) ludc_log(LUD_LOG_WARN, "%s: others may read the token; run: chmod 600 %s", path, path);
        status = st.st_size > 4096 ? ludc_fail(err, LUD_E_HUB, "%s: this is no token", path)
                                   : ludc_file_read(path, &text, err);
        if (status == LUD_OK && text.len) status = take_token(text.ptr, text.len, path, out, err);
    }
    if (text.ptr) explicit_bzero(text.ptr, text.len);
    ludc_buf_free(&text);
    ludc_free(path);
    return status;
}

static lud_status find_token(const char *home, char **out, lud_error *err) {
    static const char *const names[] = {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"};
    if (is_true("HF_HUB_DISABLE_IMPLICIT_TOKEN")) return LUD_OK;
    for (size_t i = 0; i < LUDC_COUNT(names) && !*out; i++)
        if (variable(names[i])) LUDC_TRY(take_token(getenv(names[i]), strlen(getenv(names[i])), names[i], out, err));
    return *out ? LUD_OK : token_file(home, out, err);
}

/* Copies are where we cannot wipe them: in the environment, in buffers of libcurl. */
static void leave_no_core(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_CORE, &limit) != 0) return;
    limit.rlim_cur = 0;
    (void)setrlimit(RLIMIT_CORE, &limit);
}

static lud_status find_endpoint(char **out, lud_error *err) {
    const char *v = variable("HF_ENDPOINT");
    size_t n = v ? strlen(v) : 0;
    while (n && v[n - 1] == '/')
        n--;
    *out = n ? ludc_strndup(v, n) : NULL;
    return n && !*out ? ludc_fail(err, LUD_E_NOMEM, "out of memory") : LUD_OK;
}

lud_status ludc_hub_settings_read(ludc_hub_settings *s, lud_error *err) {
    char *home = hub_home();
    *s = (ludc_hub_settings){
        .cache = home ? folder("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", home, "hub") : NULL,
        .offline = is_true("HF_HUB_OFFLINE") || is_true("TRANSFORMERS_OFFLINE"),
        .no_symlinks = is_true("HF_HUB_DISABLE_SYMLINKS"),
        .allow_http = is_true("LUDWIG_HUB_ALLOW_HTTP"),
        .connect_timeout = seconds("HF_HUB_ETAG_TIMEOUT", 10),
        .read_timeout = seconds("HF_HUB_DOWNLOAD_TIMEOUT", 10),
    };
    lud_status status = s->cache ? find_endpoint(&s->endpoint, err) : ludc_fail(err, LUD_E_NOMEM, "out of memory");
    if (status == LUD_OK) status = find_token(home, &s->token, err);
    ludc_free(home);
    if (s->token) leave_no_core();
    if (status != LUD_OK) ludc_hub_settings_free(s);
    return status;
}

void ludc_hub_settings_free(ludc_hub_settings *s) {
    ludc_free(s->cache);
    ludc_free(s->endpoint);
    wipe(s->token);
    *s = (ludc_hub_settings){0};
}
