/* SPDX-License-Identifier: Apache-2.0
 * What went wrong, in words that say what to do, and whether it is worth another attempt. Text of the other side is
 * shown without control characters and without the token, whatever it sends. */
#include "client.h"

#include <ctype.h>

lud_status hf_fault(lud_hub_fault *fault, int32_t kind, lud_error *err, lud_status status, const char *fmt, ...) {
    char text[1024];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    fault->kind = kind;
    return lud_fail(err, status, "%s", text);
}

static void make_safe(const hf_client *c, char *s) {
    const size_t n = c->token ? strlen(c->token) : 0;
    for (char *at = n ? strstr(s, c->token) : NULL; at; at = strstr(at + n, c->token))
        memset(at, '*', n);
    for (; *s; s++)
        if (iscntrl((unsigned char)*s)) *s = ' ';
}

/* {"error": "text"}, the header, or nothing. */
static void their_words(const hf_client *c, const hf_answer *a, char out[400]) {
    json_t *root = a->body.len ? json_loadb(a->body.ptr, a->body.len, 0, NULL) : NULL;
    const char *text = json_string_value(json_object_get(root, "error"));
    if (!text) text = json_string_value(json_object_get(json_array_get(json_object_get(root, "errors"), 0), "message"));
    snprintf(out, 400, "%s", text ? text : a->error_message);
    json_decref(root);
    make_safe(c, out);
}

static bool is_passing(long status) {
    return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

static lud_status denied(const hf_client *c, const char *subject, const hf_answer *a, const char *words,
                         lud_hub_fault *fault, lud_error *err) {
    const char *code = a->error_code;
    if (strcmp(code, "GatedRepo") == 0)
        return hf_fault(fault, LUD_HUB_DENIED, err, LUD_E_HUB,
                        "%s: access is restricted (HTTP %ld: %s); ask for it on the repository's page at %s, then set "
                        "HF_TOKEN to a token of that account",
                        subject, a->status, words, c->endpoint);
    if (strstr(words, "Invalid credentials"))
        return hf_fault(
            fault, LUD_HUB_DENIED, err, LUD_E_HUB,
            "%s: the hub does not know the token (HTTP %ld); make a new one at %s/settings/tokens, or unset "
            "HF_TOKEN",
            subject, a->status, c->endpoint);
    if (a->status == 401 || strcmp(code, "RepoNotFound") == 0)
        return hf_fault(fault, LUD_HUB_NOT_FOUND, err, LUD_E_HUB,
                        "%s: no such repository at %s, or it is private; check the name%s", subject, c->endpoint,
                        c->token ? ", and whose token is set" : "; for a private one set HF_TOKEN");
    return hf_fault(fault, LUD_HUB_DENIED, err, LUD_E_HUB, "%s: not permitted (HTTP %ld: %s)%s", subject, a->status,
                    words, c->token ? "" : "; set HF_TOKEN");
}

lud_status hf_refused(const hf_client *c, const char *subject, const hf_answer *a, lud_hub_fault *fault,
                      lud_error *err) {
    char words[400];
    their_words(c, a, words);
    const char *id = a->request_id;
    if (is_passing(a->status) || (a->foreign && (a->status == 400 || a->status == 403)))
        return hf_fault(fault, LUD_HUB_RETRY, err, LUD_E_HUB, "%s: HTTP %ld %s%s%.60s", subject, a->status, words,
                        id[0] ? ", request " : "", id);
    if (a->status == 416)
        return hf_fault(fault, LUD_HUB_RANGE, err, LUD_E_HUB, "%s: HTTP 416, nothing from there on", subject);
    if (strcmp(a->error_code, "RevisionNotFound") == 0)
        return hf_fault(fault, LUD_HUB_NOT_FOUND, err, LUD_E_HUB, "%s: no such revision (%s)", subject, words);
    if (strcmp(a->error_code, "EntryNotFound") == 0)
        return hf_fault(fault, LUD_HUB_NOT_FOUND, err, LUD_E_HUB, "%s: no such file", subject);
    if (a->status == 401 || a->status == 403 || (a->status == 404 && strcmp(a->error_code, "RepoNotFound") == 0))
        return denied(c, subject, a, words, fault, err);
    return hf_fault(fault, a->status == 404 ? LUD_HUB_NOT_FOUND : LUD_HUB_FATAL, err, LUD_E_HUB,
                    "%s: HTTP %ld %s%s%.60s", subject, a->status, words, id[0] ? ", request " : "", id);
}

lud_status hf_broken(const hf_client *c, const char *subject, CURLcode code, const char *detail, bool started,
                     lud_hub_fault *fault, lud_error *err) {
    int32_t kind = LUD_HUB_RETRY;
    char text[CURL_ERROR_SIZE + 64];
    snprintf(text, sizeof(text), "%s", detail[0] ? detail : curl_easy_strerror(code));
    make_safe(c, text);
    switch (code) {
    case CURLE_ABORTED_BY_CALLBACK:
        return hf_fault(fault, LUD_HUB_FATAL, err, LUD_E_CANCELLED, "%s: interrupted", subject);
    case CURLE_OUT_OF_MEMORY:
        return hf_fault(fault, LUD_HUB_FATAL, err, LUD_E_NOMEM, "%s: out of memory", subject);
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
        kind = LUD_HUB_UNREACHABLE;
        break;
    case CURLE_OPERATION_TIMEDOUT:
        kind = started ? LUD_HUB_RETRY : LUD_HUB_UNREACHABLE;
        break;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_WRITE_ERROR: /* an answer of more than any listing has */
        kind = LUD_HUB_FATAL;
        break;
    default:
        break;
    }
    return hf_fault(fault, kind, err, LUD_E_HUB, "%s: %s: %s%s", subject, c->endpoint, text,
                    code == CURLE_SSL_CONNECT_ERROR ? "; want TLS 1.2 or later" : "");
}

lud_status hf_answer_json(const hf_answer *a, const char *subject, json_t **out, lud_hub_fault *fault, lud_error *err) {
    json_t *root = a->body.len ? json_loadb(a->body.ptr, a->body.len, JSON_ALLOW_NUL, NULL) : NULL;
    if (!root)
        return hf_fault(fault, LUD_HUB_RETRY, err, LUD_E_HUB,
                        "%s: the answer is no JSON: this is not a hub (a log-in page of the network?)", subject);
    *out = root;
    return LUD_OK;
}
