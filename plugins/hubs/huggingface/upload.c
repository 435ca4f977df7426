/* SPDX-License-Identifier: Apache-2.0
 * One commit on the hub: begin makes the repository, add asks what the hub wants of each file, small files wait in the
 * commit's body, large ones go to its store (lfs.c), commit sends the list (NDJSON). */
#include "upload.h"

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void hf_add_base64(hf_text *t, const uint8_t *bytes, size_t n) {
    for (size_t i = 0; i < n; i += 3) {
        const size_t left = n - i < 3 ? n - i : 3;
        const uint32_t v = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                           (left > 2 ? (uint32_t)bytes[i + 2] : 0);
        const char four[4] = {base64[v >> 18], base64[v >> 12 & 63], left > 1 ? base64[v >> 6 & 63] : '=',
                              left > 2 ? base64[v & 63] : '='};
        hf_text_add(t, four, 4);
    }
}

/* ---- Requests with a body in memory ---- */
static lud_status read_text(void *arg, uint64_t offset, void *buf, size_t n, lud_error *err) {
    (void)err;
    memcpy(buf, ((const hf_text *)arg)->ptr + offset, n);
    return LUD_OK;
}

lud_status hf_post(hf_client *c, const hf_text *url, const char *const *headers, hf_text *body, bool anonymous,
                   const char *subject, hf_answer *answer, lud_hub_fault *fault, lud_error *err) {
    const hf_request r = {.method = "POST",
                          .url = url->ptr,
                          .headers = headers,
                          .anonymous = anonymous,
                          .has_body = true,
                          .size = body->len,
                          .read = read_text,
                          .read_arg = body};
    if (!url->failed && url->ptr && !body->failed) return hf_send(c, &r, subject, answer, fault, err);
    *answer = (hf_answer){.range_begin = -1};
    return hf_fault(fault, LUD_HUB_FATAL, err, LUD_E_NOMEM, "%s: out of memory", subject);
}

void hf_text_take_json(hf_text *t, json_t *value) {
    char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    if (text)
        hf_text_add(t, text, strlen(text));
    else
        t->failed = true;
    free(text);
    json_decref(value);
}

static const char *const json_headers[] = {"Content-Type: application/json", NULL};

/* ---- Begin ---- */
static void add_api(const upload *u, hf_text *url, const char *action) {
    hf_text_addf(url, "%s/api/%s/%s/%s/", u->client->endpoint, hf_type_path(u->type), u->repo, action);
    hf_text_add_quoted(url, u->revision, false);
}

static lud_status make_repo(upload *u, const lud_hub_commit *what, lud_hub_fault *fault, lud_error *err) {
    static const char *const types[] = {"model", "dataset", "space"};
    hf_text url = {0}, body = {0};
    hf_answer answer;
    const char *slash = strchr(u->repo, '/');
    json_t *json = json_pack("{s:s, s:s, s:b}", "name", slash ? slash + 1 : u->repo, "type", types[u->type], "private",
                             what->private_repo != 0);
    if (slash) json_object_set_new(json, "organization", json_stringn(u->repo, (size_t)(slash - u->repo)));
    hf_text_addf(&url, "%s/api/repos/create", u->client->endpoint);
    hf_text_take_json(&body, json);
    lud_status status = hf_post(u->client, &url, json_headers, &body, false, u->repo, &answer, fault, err);
    if (status != LUD_OK && answer.status == 409) { /* somebody else was faster, or it is not visible to us */
        *err = (lud_error){.struct_size = sizeof(*err)};
        status = LUD_OK;
    }
    hf_answer_free(&answer);
    hf_text_free(&url);
    hf_text_free(&body);
    return status;
}

static bool keep_text(char *out, size_t cap, const char *s) {
    const int n = snprintf(out, cap, "%s", s ? s : "");
    return n >= 0 && (size_t)n < cap;
}

static lud_status find_or_make(upload *u, const lud_hub_commit *what, lud_hub_fault *fault, lud_error *err) {
    const lud_hub_ref ref = {.struct_size = sizeof(ref), .type = u->type, .repo = u->repo, .revision = u->revision};
    lud_status status = hf_find_commit(u->client, &ref, u->repo, u->head, fault, err);
    if (status == LUD_OK || fault->kind != LUD_HUB_NOT_FOUND) return status;
    *err = (lud_error){.struct_size = sizeof(*err)};
    *fault = (lud_hub_fault){.struct_size = sizeof(*fault)};
    status = make_repo(u, what, fault, err);
    return status == LUD_OK ? hf_find_commit(u->client, &ref, u->repo, u->head, fault, err) : status;
}

lud_status hf_begin(void *self, const lud_hub_ref *ref, const lud_hub_commit *what, void **out, lud_hub_fault *fault,
                    lud_error *err) {
    hf_client *c = self;
    if (!c->token)
        return hf_fault(fault, LUD_HUB_DENIED, err, LUD_E_HUB,
                        "%s: an upload needs a token: make one that may write at %s/settings/tokens and set HF_TOKEN",
                        ref->repo, c->endpoint);
    upload *u = hf_host->alloc(hf_host->ctx, sizeof(*u), _Alignof(upload));
    if (!u) return hf_fault(fault, LUD_HUB_FATAL, err, LUD_E_NOMEM, "%s: out of memory", ref->repo);
    *u = (upload){.client = c, .type = ref->type};
    json_t *value =
        json_pack("{s:s, s:s}", "summary", what->message, "description", what->description ? what->description : "");
    if (what->parent) json_object_set_new(value, "parentCommit", json_string(what->parent));
    hf_text_take_json(&u->lines, json_pack("{s:s, s:o}", "key", "header", "value", value));
    hf_text_add(&u->lines, "\n", 1);
    const bool ok = keep_text(u->repo, sizeof(u->repo), ref->repo) &&
                    keep_text(u->revision, sizeof(u->revision), ref->revision) && !u->lines.failed;
    lud_status status = ok ? find_or_make(u, what, fault, err)
                           : hf_fault(fault, LUD_HUB_FATAL, err, LUD_E_INVALID,
                                      "%s: the commit's text is not UTF-8, or "
                                      "a name is too long",
                                      ref->repo);
    if (status == LUD_OK)
        *out = u;
    else
        hf_abort(self, u);
    return status;
}

void hf_abort(void *self, void *upload_) {
    upload *u = upload_;
    (void)self;
    if (!u) return;
    hf_text_free(&u->lines);
    hf_host->free(hf_host->ctx, u);
}

/* ---- Add ---- */
static lud_status read_all(const lud_hub_source *s, size_t n, hf_text *out, lud_hub_fault *fault, lud_error *err) {
    for (uint64_t at = 0; at < n;) {
        uint8_t some[4096];
        const size_t step = n - at < sizeof(some) ? (size_t)(n - at) : sizeof(some);
        const lud_status status = s->read(s->arg, at, some, step, err);
        if (status != LUD_OK) return hf_fault(fault, LUD_HUB_FATAL, err, status, "%s: stopped", s->path);
        hf_text_add(out, some, step);
        at += step;
    }
    return LUD_OK;
}

/* What the hub wants to be done with the file. */
static lud_status ask(upload *u, const lud_hub_source *s, bool *lfs, bool *skip, lud_hub_fault *fault, lud_error *err) {
    enum { SAMPLE = 512 };
    hf_text sample = {0}, encoded = {0}, url = {0}, body = {0};
    hf_answer answer = {0};
    json_t *root = NULL;
    lud_status status = read_all(s, s->size < SAMPLE ? (size_t)s->size : SAMPLE, &sample, fault, err);
    hf_add_base64(&encoded, (const uint8_t *)sample.ptr, sample.len);
    add_api(u, &url, "preupload");
    hf_text_take_json(&body, json_pack("{s:[{s:s, s:s, s:I}]}", "files", "path", s->path, "sample",
                                       encoded.ptr ? encoded.ptr : "", "size", (json_int_t)s->size));
    if (status == LUD_OK) status = hf_post(u->client, &url, json_headers, &body, false, s->path, &answer, fault, err);
    if (status == LUD_OK) status = hf_answer_json(&answer, s->path, &root, fault, err);
    const json_t *file = json_array_get(json_object_get(root, "files"), 0);
    const char *mode = json_string_value(json_object_get(file, "uploadMode"));
    const char *oid = json_string_value(json_object_get(file, "oid"));
    if (status == LUD_OK && !mode)
        status = hf_fault(fault, LUD_HUB_RETRY, err, LUD_E_HUB, "%s: the hub does not say how to send it", s->path);
    *lfs = mode && strcmp(mode, "lfs") == 0 && s->size > 0;
    *skip = json_is_true(json_object_get(file, "shouldIgnore")) ||
            (oid && strcmp(oid, *lfs ? s->sha256 : s->git_sha1) == 0);
    json_decref(root);
    hf_answer_free(&answer);
    hf_text_free(&sample), hf_text_free(&encoded), hf_text_free(&url), hf_text_free(&body);
    return status;
}

static lud_status keep_small(upload *u, const lud_hub_source *s, lud_hub_fault *fault, lud_error *err) {
    hf_text content = {0}, encoded = {0};
    lud_status status = s->size > MAX_SMALL
                            ? hf_fault(fault, LUD_HUB_FATAL, err, LUD_E_HUB,
                                       "%s: the hub wants it inside the commit, which is too large", s->path)
                            : read_all(s, (size_t)s->size, &content, fault, err);
    if (status == LUD_OK) {
        hf_add_base64(&encoded, (const uint8_t *)content.ptr, content.len);
        hf_text_take_json(&u->lines, json_pack("{s:s, s:{s:s, s:s, s:s}}", "key", "file", "value", "content",
                                               encoded.ptr ? encoded.ptr : "", "path", s->path, "encoding", "base64"));
        hf_text_add(&u->lines, "\n", 1);
    }
    hf_text_free(&content);
    hf_text_free(&encoded);
    return status;
}

lud_status hf_add(void *self, void *upload_, const lud_hub_source *s, uint64_t *sent, lud_hub_fault *fault,
                  lud_error *err) {
    upload *u = upload_;
    bool lfs = false, skip = false;
    (void)self;
    lud_status status = ask(u, s, &lfs, &skip, fault, err);
    if (status != LUD_OK || skip) return status;
    if (lfs) {
        status = hf_lfs_send(u, s, sent, fault, err);
        if (status == LUD_OK)
            hf_text_take_json(&u->lines,
                              json_pack("{s:s, s:{s:s, s:s, s:s, s:I}}", "key", "lfsFile", "value", "path", s->path,
                                        "algo", "sha256", "oid", s->sha256, "size", (json_int_t)s->size));
        hf_text_add(&u->lines, "\n", 1);
    } else {
        status = keep_small(u, s, fault, err);
        *sent = s->size;
    }
    if (status == LUD_OK && u->lines.failed)
        status = hf_fault(fault, LUD_HUB_FATAL, err, LUD_E_NOMEM, "%s: out of memory", s->path);
    if (status == LUD_OK) u->n_files++;
    return status;
}

/* ---- Commit ---- */
/* After a failure that may be called again: only if the revision is where it was, the commit was surely not made. */
static void check_lost(upload *u, lud_hub_fault *fault) {
    const lud_hub_ref ref = {.struct_size = sizeof(ref), .type = u->type, .repo = u->repo, .revision = u->revision};
    lud_hub_fault ignored = {.struct_size = sizeof(ignored)};
    lud_error unseen = {.struct_size = sizeof(unseen)};
    char now[65] = "";
    if (fault->kind != LUD_HUB_RETRY && fault->kind != LUD_HUB_UNREACHABLE) return;
    if (hf_find_commit(u->client, &ref, u->repo, now, &ignored, &unseen) != LUD_OK || strcmp(now, u->head) != 0)
        fault->kind = LUD_HUB_FATAL;
}

static lud_status take_commit(const upload *u, const hf_answer *answer, char commit[65],
                              lud_status (*url)(void *, lud_str), void *arg, lud_hub_fault *fault, lud_error *err) {
    json_t *root = NULL;
    lud_status status = hf_answer_json(answer, u->repo, &root, fault, err);
    const char *oid = json_string_value(json_object_get(root, "commitOid"));
    const char *address = json_string_value(json_object_get(root, "commitUrl"));
    if (status == LUD_OK && (!oid || !keep_text(commit, 65, oid)))
        status = hf_fault(fault, LUD_HUB_FATAL, err, LUD_E_HUB, "%s: the answer names no commit", u->repo);
    if (status == LUD_OK && url && address) status = url(arg, lud_text(address));
    json_decref(root);
    return status;
}

lud_status hf_commit(void *self, void *upload_, char commit[65], lud_status (*url)(void *, lud_str), void *arg,
                     lud_hub_fault *fault, lud_error *err) {
    static const char *const headers[] = {"Content-Type: application/x-ndjson", NULL};
    upload *u = upload_;
    hf_text address = {0};
    hf_answer answer = {0};
    lud_status status = LUD_OK;
    if (u->n_files == 0) {
        memcpy(commit, u->head, sizeof(u->head));
        hf_text_addf(&address, "%s/%s/tree/%s", u->client->endpoint, u->repo, u->head);
        if (url && address.ptr) status = url(arg, lud_text(address.ptr));
    } else {
        add_api(u, &address, "commit");
        status = hf_post(u->client, &address, headers, &u->lines, false, u->repo, &answer, fault, err);
        if (status != LUD_OK) check_lost(u, fault);
        if (status == LUD_OK) status = take_commit(u, &answer, commit, url, arg, fault, err);
        hf_answer_free(&answer);
    }
    hf_text_free(&address);
    if (status == LUD_OK) hf_abort(self, u);
    return status;
}
