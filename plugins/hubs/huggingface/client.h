/* SPDX-License-Identifier: Apache-2.0
 * What the files of this plugin share: an opened client, one request, one answer. */
#ifndef HF_CLIENT_H
#define HF_CLIENT_H

#include <curl/curl.h>
#include <jansson.h>
#include <ludwig/easy.h>
#include <ludwig/hub.h>
#include <stdbool.h>

extern const lud_host *hf_host;

/* ---- Growable text (text.c). Zero-initialised is empty; `failed` is sticky. ---- */
typedef struct hf_text {
    char *ptr; /* NUL-terminated once something was added */
    size_t len, cap;
    bool failed;
} hf_text;
void hf_text_add(hf_text *, const void *bytes, size_t n);
void hf_text_addf(hf_text *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void hf_text_add_quoted(hf_text *, const char *s, bool keep_slash); /* percent-encoded */
void hf_text_free(hf_text *);

/* ---- Origins (origin.c) ---- */
typedef struct hf_origin {
    char text[320]; /* scheme://host:port, lower case */
    bool tls, loopback;
} hf_origin;
/* The address that `location` means as seen from `base` (NULL: it is absolute), without user, password and fragment.
 * False if it is none, or not http or https. */
bool hf_url_resolve(const char *base, const char *location, hf_text *url, hf_origin *origin);

/* ---- The client ---- */
typedef struct hf_client {
    CURL *curl;
    char *endpoint; /* no closing '/' */
    hf_origin origin;
    char *token; /* NULL: none */
    char *user_agent;
    double connect_timeout, read_timeout;
    bool allow_http;
} hf_client;

/* ---- One request, redirects included (http.c) ---- */
typedef struct hf_request {
    const char *method, *url;
    const char *const *headers; /* further header lines, NULL-terminated; or NULL */
    uint64_t offset;            /* above 0: Range */
    bool anonymous;             /* never with the token: addresses that are signed */
    /* Body to send: `size` bytes from read, in order; after a seek to 0 from the beginning. has_body false: none. */
    bool has_body;
    uint64_t size;
    lud_status (*read)(void *arg, uint64_t offset, void *buf, size_t n, lud_error *);
    void *read_arg;
    /* Receives the body of a 200 or 206; NULL: it is gathered in answer->body. */
    lud_status (*sink)(void *arg, const void *bytes, size_t n);
    void *sink_arg;
} hf_request;

typedef struct hf_answer {
    long status;
    bool foreign; /* it came from another origin than the endpoint's */
    char error_code[64], error_message[400], request_id[80], etag[200], next[4096], rate_wait[16];
    int64_t range_begin; /* of Content-Range; -1 = none */
    hf_text body;        /* at most 32 MiB; of an error the first 8 KiB */
} hf_answer;
/* LUD_OK: an answer with a status from 200 to 299. Else fault and *err are filled; `subject` is what the message is
 * about. The answer must be freed in both cases. */
lud_status hf_send(hf_client *, const hf_request *, const char *subject, hf_answer *, lud_hub_fault *, lud_error *);
void hf_answer_free(hf_answer *);
/* The JSON of an answer; text that is none is a fault: something else than a hub has answered. */
lud_status hf_answer_json(const hf_answer *, const char *subject, json_t **out, lud_hub_fault *, lud_error *);

/* ---- Failures (answer.c) ---- */
lud_status hf_refused(const hf_client *, const char *subject, const hf_answer *, lud_hub_fault *, lud_error *);
lud_status hf_broken(const hf_client *, const char *subject, CURLcode, const char *detail, bool started,
                     lud_hub_fault *, lud_error *);
lud_status hf_fault(lud_hub_fault *, int32_t kind, lud_error *, lud_status, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* ---- Reading (read.c) ---- */
const char *hf_type_path(int32_t type); /* "models", "datasets", "spaces" */
/* The commit that ref is now. */
lud_status hf_find_commit(hf_client *, const lud_hub_ref *, const char *subject, char commit[65], lud_hub_fault *,
                          lud_error *);
lud_status hf_resolve(void *self, const lud_hub_ref *, char commit[65],
                      lud_status (*file)(void *, const lud_hub_file *), void *arg, lud_hub_fault *, lud_error *);
lud_status hf_fetch(void *self, const lud_hub_ref *, const char *path, uint64_t offset,
                    lud_status (*sink)(void *, const void *, size_t), void *arg, lud_hub_fault *, lud_error *);

#endif
