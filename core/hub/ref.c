/* SPDX-License-Identifier: Apache-2.0
 * References to repositories: text to struct and back. What is accepted here is safe as a part of a path and of a URL
 * (once quoted). */
#include "internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *const types[] = {
    [LUD_REPO_MODEL] = "models/", [LUD_REPO_DATASET] = "datasets/", [LUD_REPO_SPACE] = "spaces/"};

static bool is_word(char c) {
    return isalnum((unsigned char)c) || c == '_';
}

/* One part of a repository's name, by the hub's own rule. */
static bool part_ok(const char *s, size_t n) {
    if (n == 0 || n > 96 || !is_word(s[0]) || !is_word(s[n - 1])) return false;
    for (size_t i = 0; i < n; i++) {
        if (!is_word(s[i]) && s[i] != '-' && s[i] != '.') return false;
        if (i && s[i] == s[i - 1] && (s[i] == '-' || s[i] == '.')) return false;
    }
    return n < 4 || memcmp(s + n - 4, ".git", 4) != 0;
}

static bool take_repo(const char **s, ludc_hub_ref *out) {
    const size_t first = strcspn(*s, "/@");
    if (!part_ok(*s, first)) return false;
    size_t n = first;
    if ((*s)[first] == '/') {
        const size_t second = strcspn(*s + first + 1, "/@");
        if (!part_ok(*s + first + 1, second)) return false;
        n += 1 + second;
    }
    memcpy(out->repo, *s, n);
    *s += n;
    return true;
}

/* refs/pr/1 and refs/convert/parquet are the only revisions that may hold a plain '/'. */
static size_t revision_length(const char *s) {
    size_t n = strcspn(s, "/");
    if (n == 4 && memcmp(s, "refs/", 5) == 0) {
        n += 1 + strcspn(s + n + 1, "/");
        if (s[n] == '/') n += 1 + strcspn(s + n + 1, "/");
    }
    return n;
}

static bool take_revision(const char **s, ludc_hub_ref *out) {
    strcpy(out->revision, "main");
    if (**s != '@') return true;
    const char *from = *s + 1;
    const size_t n = revision_length(from);
    size_t len = 0;
    for (size_t i = 0; i < n; i++, len++) {
        if (len + 1 >= sizeof(out->revision)) return false;
        const bool quoted = i + 2 < n && (memcmp(from + i, "%2F", 3) == 0 || memcmp(from + i, "%2f", 3) == 0);
        out->revision[len] = quoted ? '/' : from[i];
        if (quoted) i += 2;
    }
    out->revision[len] = '\0';
    *s = from + n;
    return out->revision[0] != '-' && !strpbrk(out->revision, "@%~^?*[ ") &&
           !ludc_hub_name_fault((lud_str){out->revision, len});
}

/* Ludwig's own mirror: folders that stand for repositories of the same name. */
static bool is_mirrored(const char *name) {
    const char *root = getenv("LUDWIG_PRETRAINED_MODELS_DIR");
    char *path = root && root[0] ? ludc_path_join(root, name) : NULL;
    const bool there = path && ludc_path_is_dir(path);
    ludc_free(path);
    return there;
}

static bool take_hub(const char **s, ludc_hub_ref *out) {
    const char *mark = strstr(*s, "://");
    if (!mark) return strcpy(out->hub, is_mirrored(*s) ? "local" : LUDC_HUB_DEFAULT), true;
    const size_t n = (size_t)(mark - *s);
    if (n == 0 || n >= sizeof(out->hub)) return false;
    for (size_t i = 0; i < n; i++)
        if (!islower((unsigned char)(*s)[i]) && !isdigit((unsigned char)(*s)[i]) && (*s)[i] != '_') return false;
    memcpy(out->hub, *s, n);
    *s = mark + 3;
    for (size_t t = 0; t < LUDC_COUNT(types); t++) {
        if (strncmp(*s, types[t], strlen(types[t])) != 0) continue;
        out->type = (int32_t)t;
        *s += strlen(types[t]);
        break;
    }
    return true;
}

lud_status ludc_hub_ref_parse(const char *text, ludc_hub_ref *out, lud_error *err) {
    ludc_hub_ref ref = {.type = LUD_REPO_MODEL};
    const char *s = text;
    if (!take_hub(&s, &ref) || !take_repo(&s, &ref) || !take_revision(&s, &ref) || (*s && (*s != '/' || s[1] == '\0')))
        return ludc_fail(err, LUD_E_INVALID,
                         "'%s' is no reference to a hub; want hub://[datasets/]org/name[@revision][/file] or org/name",
                         text);
    const char *fault = *s ? ludc_hub_name_fault(ludc_str(s + 1)) : NULL;
    if (fault) return ludc_fail(err, LUD_E_INVALID, "'%s': the name of the file has %s", text, fault);
    if (*s) strcpy(ref.path, s + 1); /* its length was checked */
    *out = ref;
    return LUD_OK;
}

/* "results/run" where there is a folder results is a mistyped path, not somebody's repository. */
static bool owner_is_folder(const ludc_hub_ref *ref) {
    char owner[sizeof(ref->repo)];
    const size_t n = strcspn(ref->repo, "/");
    memcpy(owner, ref->repo, n);
    owner[n] = '\0';
    return ref->repo[n] == '/' && ludc_path_is_dir(owner);
}

bool ludc_hub_is_ref(const char *text) {
    ludc_hub_ref ref;
    if (strstr(text, "://")) return true;
    return !ludc_path_exists(text) && ludc_hub_ref_parse(text, &ref, NULL) == LUD_OK && !ref.path[0] &&
           strchr(ref.repo, '/') && (strchr(text, '@') || !owner_is_folder(&ref));
}

void ludc_hub_ref_text(const ludc_hub_ref *ref, ludc_buf *out) {
    const bool plain = strcmp(ref->hub, LUDC_HUB_DEFAULT) == 0 && ref->type == LUD_REPO_MODEL && !ref->path[0];
    if (!plain) ludc_buf_addf(out, "%s://%s", ref->hub, ref->type == LUD_REPO_MODEL ? "" : types[ref->type]);
    ludc_buf_adds(out, ref->repo);
    if (strcmp(ref->revision, "main") != 0) ludc_buf_adds(out, "@");
    for (const char *c = strcmp(ref->revision, "main") != 0 ? ref->revision : ""; *c; c++)
        ludc_buf_adds(out, *c == '/' ? "%2F" : (char[]){*c, '\0'});
    if (ref->path[0]) ludc_buf_addf(out, "/%s", ref->path);
}
