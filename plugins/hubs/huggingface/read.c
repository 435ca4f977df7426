/* SPDX-License-Identifier: Apache-2.0
 * Resolving a revision, listing a commit's files, streaming one file. */
#include "client.h"

enum { MAX_PAGES = 1000 };

const char *hf_type_path(int32_t type) {
    return type == LUD_REPO_DATASET ? "datasets" : type == LUD_REPO_SPACE ? "spaces" : "models";
}

static bool is_commit(const char *s) {
    return strspn(s, "0123456789abcdef") == 40 && s[40] == '\0';
}

static lud_status get_json(hf_client *c, const hf_text *url, const char *subject, hf_answer *answer, json_t **out,
                           lud_hub_fault *fault, lud_error *err) {
    const hf_request r = {.method = "GET", .url = url->ptr};
    if (url->failed) return hf_fault(fault, LUD_HUB_FATAL, err, LUD_E_NOMEM, "%s: out of memory", subject);
    lud_status status = hf_send(c, &r, subject, answer, fault, err);
    if (status == LUD_OK) status = hf_answer_json(answer, subject, out, fault, err);
    hf_answer_free(answer);
    return status;
}

lud_status hf_find_commit(hf_client *c, const lud_hub_ref *ref, const char *subject, char commit[65],
                          lud_hub_fault *fault, lud_error *err) {
    hf_text url = {0};
    hf_answer answer;
    json_t *root = NULL;
    if (is_commit(ref->revision)) return memcpy(commit, ref->revision, 41), LUD_OK;
    hf_text_addf(&url, "%s/api/%s/%s/revision/", c->endpoint, hf_type_path(ref->type), ref->repo);
    hf_text_add_quoted(&url, ref->revision, false);
    lud_status status = get_json(c, &url, subject, &answer, &root, fault, err);
    const char *sha = json_string_value(json_object_get(root, "sha"));
    if (status == LUD_OK && sha && is_commit(sha))
        memcpy(commit, sha, 41);
    else if (status == LUD_OK)
        status = hf_fault(fault, LUD_HUB_RETRY, err, LUD_E_HUB, "%s: the answer names no commit: this is not a hub",
                          subject);
    json_decref(root);
    hf_text_free(&url);
    return status;
}

/* One entry of a tree: files only. */
static lud_status pass_entry(const json_t *entry, lud_status (*file)(void *, const lud_hub_file *), void *arg,
                             const char *subject, lud_hub_fault *fault, lud_error *err) {
    const char *type = json_string_value(json_object_get(entry, "type"));
    const json_t *path = json_object_get(entry, "path"), *lfs = json_object_get(entry, "lfs");
    const json_t *size = json_object_get(json_is_object(lfs) ? lfs : entry, "size");
    const char *hash = json_string_value(json_object_get(json_is_object(lfs) ? lfs : entry, "oid"));
    if (type && strcmp(type, "file") != 0) return LUD_OK;
    if (!json_is_string(path) || !json_is_integer(size) || json_integer_value(size) < 0 || !hash)
        return hf_fault(fault, LUD_HUB_FATAL, err, LUD_E_HUB, "%s: an entry without path, size or hash", subject);
    const lud_hub_file f = {.struct_size = sizeof(f),
                            .path = {json_string_value(path), json_string_length(path)},
                            .size = (uint64_t)json_integer_value(size),
                            .hash = hash};
    const lud_status status = file(arg, &f);
    return status == LUD_OK ? LUD_OK : hf_fault(fault, LUD_HUB_FATAL, err, status, "%s: refused", subject);
}

static lud_status list_tree(hf_client *c, const lud_hub_ref *ref, const char *commit, const char *subject,
                            lud_status (*file)(void *, const lud_hub_file *), void *arg, lud_hub_fault *fault,
                            lud_error *err) {
    hf_text url = {0};
    hf_answer answer = {0};
    lud_status status = LUD_OK;
    hf_text_addf(&url, "%s/api/%s/%s/tree/%s?recursive=true&expand=false", c->endpoint, hf_type_path(ref->type),
                 ref->repo, commit);
    for (int page = 0; status == LUD_OK && url.ptr; page++) {
        json_t *root = NULL;
        hf_origin origin = {0};
        hf_text next = {0};
        status = page == MAX_PAGES ? hf_fault(fault, LUD_HUB_FATAL, err, LUD_E_HUB, "%s: a list without end", subject)
                                   : get_json(c, &url, subject, &answer, &root, fault, err);
        if (status == LUD_OK && !json_is_array(root))
            status = hf_fault(fault, LUD_HUB_RETRY, err, LUD_E_HUB, "%s: the answer is no list of files", subject);
        for (size_t i = 0; status == LUD_OK && i < json_array_size(root); i++)
            status = pass_entry(json_array_get(root, i), file, arg, subject, fault, err);
        json_decref(root);
        const bool more = status == LUD_OK && answer.next[0];
        if (more && (!hf_url_resolve(url.ptr, answer.next, &next, &origin) || strcmp(origin.text, c->origin.text) != 0))
            status = hf_fault(fault, LUD_HUB_FATAL, err, LUD_E_HUB, "%s: the list goes on at another server", subject);
        hf_text_free(&url);
        url = next;
        if (!more) break;
    }
    if (url.failed) status = hf_fault(fault, LUD_HUB_FATAL, err, LUD_E_NOMEM, "%s: out of memory", subject);
    hf_text_free(&url);
    return status;
}

lud_status hf_resolve(void *self, const lud_hub_ref *ref, char commit[65],
                      lud_status (*file)(void *, const lud_hub_file *), void *arg, lud_hub_fault *fault,
                      lud_error *err) {
    char subject[512], found[65] = "";
    snprintf(subject, sizeof(subject), "%s@%s", ref->repo, ref->revision);
    lud_status status = hf_find_commit(self, ref, subject, found, fault, err);
    if (status == LUD_OK) status = list_tree(self, ref, found, subject, file, arg, fault, err);
    if (status == LUD_OK) memcpy(commit, found, sizeof(found));
    return status;
}

/* ---- Files ---- */
typedef struct skipper {
    uint64_t skip; /* bytes before the offset, from a server that ignores Range */
    lud_status (*sink)(void *, const void *, size_t);
    void *arg;
    hf_answer *answer;
} skipper;

static lud_status pass_on(void *arg, const void *bytes, size_t n) {
    skipper *s = arg;
    if (s->answer->status == 206) s->skip = 0;
    const size_t skip = s->skip < n ? (size_t)s->skip : n;
    s->skip -= skip;
    return n > skip ? s->sink(s->arg, (const char *)bytes + skip, n - skip) : LUD_OK;
}

lud_status hf_fetch(void *self, const lud_hub_ref *ref, const char *path, uint64_t offset,
                    lud_status (*sink)(void *, const void *, size_t), void *arg, lud_hub_fault *fault, lud_error *err) {
    hf_client *c = self;
    hf_text url = {0};
    hf_answer answer = {0};
    skipper s = {.skip = offset, .sink = sink, .arg = arg, .answer = &answer};
    char subject[1400];
    snprintf(subject, sizeof(subject), "%s/%s", ref->repo, path);
    hf_text_addf(&url, "%s/%s%s%s/resolve/", c->endpoint, ref->type == LUD_REPO_MODEL ? "" : hf_type_path(ref->type),
                 ref->type == LUD_REPO_MODEL ? "" : "/", ref->repo);
    hf_text_add_quoted(&url, ref->revision, false);
    hf_text_add(&url, "/", 1);
    hf_text_add_quoted(&url, path, true);
    const hf_request r = {.method = "GET", .url = url.ptr, .offset = offset, .sink = pass_on, .sink_arg = &s};
    const lud_status status = url.failed ? hf_fault(fault, LUD_HUB_FATAL, err, LUD_E_NOMEM, "out of memory")
                                         : hf_send(c, &r, subject, &answer, fault, err);
    hf_answer_free(&answer);
    hf_text_free(&url);
    return status;
}
