/* SPDX-License-Identifier: Apache-2.0
 * Large files by the Git LFS batch protocol: the hub answers with signed addresses, the bytes go there in one piece or
 * in parts, without the token, and the hub is told. */
#include "upload.h"

static const char *const lfs_headers[] = {"Accept: application/vnd.git-lfs+json",
                                          "Content-Type: application/vnd.git-lfs+json", NULL};

/* A hub behind HF_ENDPOINT may still write its public name into addresses. */
static void add_address(const upload *u, const char *href, hf_text *out) {
    static const char public_name[] = "https://huggingface.co";
    const size_t n = sizeof(public_name) - 1;
    if (strncmp(href, public_name, n) == 0 && (href[n] == '/' || href[n] == '\0'))
        hf_text_addf(out, "%s%s", u->client->endpoint, href + n);
    else
        hf_text_addf(out, "%s", href);
}

static json_t *object_of(const lud_hub_source *s) {
    return json_pack("{s:s, s:I}", "oid", s->sha256, "size", (json_int_t)s->size);
}

static lud_status batch(upload *u, const lud_hub_source *s, json_t **out, lud_hub_fault *fault, lud_error *err) {
    hf_text url = {0}, body = {0};
    hf_answer answer = {0};
    hf_text_addf(&url, "%s/%s%s%s.git/info/lfs/objects/batch", u->client->endpoint,
                 u->type == LUD_REPO_MODEL ? "" : hf_type_path(u->type), u->type == LUD_REPO_MODEL ? "" : "/", u->repo);
    hf_text_take_json(&body, json_pack("{s:s, s:[s, s], s:[o], s:s, s:{s:s}}", "operation", "upload", "transfers",
                                       "basic", "multipart", "objects", object_of(s), "hash_algo", "sha256", "ref",
                                       "name", u->revision));
    lud_status status = hf_post(u->client, &url, lfs_headers, &body, false, s->path, &answer, fault, err);
    if (status == LUD_OK) status = hf_answer_json(&answer, s->path, out, fault, err);
    hf_answer_free(&answer);
    hf_text_free(&url);
    hf_text_free(&body);
    return status;
}

/* ---- Bytes ---- */
typedef struct window {
    const lud_hub_source *source;
    uint64_t first;
} window;

static lud_status read_window(void *arg, uint64_t offset, void *buf, size_t n, lud_error *err) {
    const window *w = arg;
    return w->source->read(w->source->arg, w->first + offset, buf, n, err);
}

static lud_status put(upload *u, const lud_hub_source *s, const char *href, uint64_t first, uint64_t n, char etag[200],
                      lud_hub_fault *fault, lud_error *err) {
    window w = {s, first};
    hf_text url = {0};
    hf_answer answer = {0};
    add_address(u, href, &url);
    const hf_request r = {.method = "PUT",
                          .url = url.ptr,
                          .anonymous = true,
                          .has_body = true,
                          .size = n,
                          .read = read_window,
                          .read_arg = &w};
    const lud_status status = url.failed ? hf_fault(fault, LUD_HUB_FATAL, err, LUD_E_NOMEM, "out of memory")
                                         : hf_send(u->client, &r, s->path, &answer, fault, err);
    memcpy(etag, answer.etag, sizeof(answer.etag));
    hf_answer_free(&answer);
    hf_text_free(&url);
    return status;
}

/* A part is tried again here, because a new attempt of the whole would begin with the first part. */
static lud_status put_part(upload *u, const lud_hub_source *s, const char *href, uint64_t first, uint64_t n,
                           char etag[200], lud_hub_fault *fault, lud_error *err) {
    enum { TRIES = 3 };
    for (int i = 1;; i++) {
        const lud_status status = put(u, s, href, first, n, etag, fault, err);
        if (status == LUD_OK || fault->kind != LUD_HUB_RETRY || i == TRIES) return status;
        *err = (lud_error){.struct_size = sizeof(*err)};
        *fault = (lud_hub_fault){.struct_size = sizeof(*fault)};
    }
}

/* ---- Parts ---- */
static uint64_t chunk_size(const json_t *header) {
    const json_t *v = json_object_get(header, "chunk_size");
    const char *text = json_string_value(v);
    const long long n = json_is_integer(v) ? json_integer_value(v) : text ? strtoll(text, NULL, 10) : 0;
    return n > 0 ? (uint64_t)n : 0;
}

/* The keys are numbers from 1 on, padded with zeros as the hub likes. */
static const char *part_address(const json_t *header, uint64_t number) {
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)header, key, v) {
        char *end = NULL;
        if (key[0] < '0' || key[0] > '9') continue;
        if (strtoull(key, &end, 10) == number && *end == '\0') return json_string_value(v);
    }
    return NULL;
}

static lud_status finish_parts(upload *u, const lud_hub_source *s, const char *href, json_t *parts,
                               lud_hub_fault *fault, lud_error *err) {
    hf_text url = {0}, body = {0};
    hf_answer answer = {0};
    add_address(u, href, &url);
    hf_text_take_json(&body, json_pack("{s:s, s:O}", "oid", s->sha256, "parts", parts));
    const lud_status status = hf_post(u->client, &url, lfs_headers, &body, true, s->path, &answer, fault, err);
    hf_answer_free(&answer);
    hf_text_free(&url);
    hf_text_free(&body);
    return status;
}

static lud_status send_parts(upload *u, const lud_hub_source *s, const json_t *action, uint64_t chunk,
                             lud_hub_fault *fault, lud_error *err) {
    const json_t *header = json_object_get(action, "header");
    const uint64_t n = s->size / chunk + (s->size % chunk != 0);
    json_t *parts = json_array();
    lud_status status = LUD_OK;
    for (uint64_t i = 0; i < n && status == LUD_OK; i++) {
        char etag[200] = "";
        const char *href = part_address(header, i + 1);
        const uint64_t left = s->size - i * chunk;
        status = href ? put_part(u, s, href, i * chunk, left < chunk ? left : chunk, etag, fault, err)
                      : hf_fault(fault, LUD_HUB_RETRY, err, LUD_E_HUB, "%s: the hub gives no address for part %llu",
                                 s->path, (unsigned long long)i + 1);
        if (status == LUD_OK && !etag[0])
            status = hf_fault(fault, LUD_HUB_RETRY, err, LUD_E_HUB, "%s: part %llu came without an ETag", s->path,
                              (unsigned long long)i + 1);
        json_array_append_new(parts, json_pack("{s:I, s:s}", "partNumber", (json_int_t)i + 1, "etag", etag));
    }
    if (status == LUD_OK)
        status = finish_parts(u, s, json_string_value(json_object_get(action, "href")), parts, fault, err);
    json_decref(parts);
    return status;
}

/* ---- The whole ---- */
static lud_status verify(upload *u, const lud_hub_source *s, const char *href, lud_hub_fault *fault, lud_error *err) {
    hf_text url = {0}, body = {0};
    hf_answer answer = {0};
    add_address(u, href, &url);
    hf_text_take_json(&body, object_of(s));
    const lud_status status = hf_post(u->client, &url, lfs_headers, &body, false, s->path, &answer, fault, err);
    hf_answer_free(&answer);
    hf_text_free(&url);
    hf_text_free(&body);
    return status;
}

static lud_status send_object(upload *u, const lud_hub_source *s, const json_t *object, uint64_t *sent,
                              lud_hub_fault *fault, lud_error *err) {
    const json_t *error = json_object_get(object, "error"), *actions = json_object_get(object, "actions");
    const json_t *action = json_object_get(actions, "upload");
    const char *href = json_string_value(json_object_get(action, "href"));
    const char *done = json_string_value(json_object_get(json_object_get(actions, "verify"), "href"));
    const uint64_t chunk = chunk_size(json_object_get(action, "header"));
    char etag[200];
    if (error) {
        const char *words = json_string_value(json_object_get(error, "message"));
        return hf_fault(fault, LUD_HUB_FATAL, err, LUD_E_HUB, "%s: the hub refuses it: %.200s", s->path,
                        words ? words : "no reason given");
    }
    if (!object) return hf_fault(fault, LUD_HUB_RETRY, err, LUD_E_HUB, "%s: the hub's answer leaves it out", s->path);
    if (!action) return LUD_OK; /* it has these bytes already */
    if (!href) return hf_fault(fault, LUD_HUB_RETRY, err, LUD_E_HUB, "%s: the hub gives no address", s->path);
    lud_status status =
        chunk ? send_parts(u, s, action, chunk, fault, err) : put(u, s, href, 0, s->size, etag, fault, err);
    if (status == LUD_OK && done) status = verify(u, s, done, fault, err);
    *sent = s->size;
    return status;
}

lud_status hf_lfs_send(upload *u, const lud_hub_source *s, uint64_t *sent, lud_hub_fault *fault, lud_error *err) {
    json_t *root = NULL;
    lud_status status = batch(u, s, &root, fault, err);
    if (status == LUD_OK)
        status = send_object(u, s, json_array_get(json_object_get(root, "objects"), 0), sent, fault, err);
    json_decref(root);
    return status;
}
