/* SPDX-License-Identifier: Apache-2.0
 * One request by libcurl. Redirects are followed here, so that each hop is checked: TLS is never left, plain http is
 * for this machine (or as the user has allowed), and once the way has left the endpoint's origin it has no token. */
#include "client.h"

#include <math.h>
#include <stdlib.h>
#include <strings.h>

enum { MAX_HOPS = 20, MAX_BODY = 32 << 20, MAX_ERROR_BODY = 8 << 10 };

typedef struct exchange {
    hf_client *client;
    const hf_request *request;
    hf_answer *answer;
    hf_text location; /* of a redirect */
    uint64_t sent;
    bool started;      /* bytes of the body came */
    lud_status status; /* of sink or read */
    lud_error *err;
} exchange;

/* ---- Headers ---- */
static void keep(char *out, size_t size, const char *value, size_t n) {
    n = n < size ? n : size - 1;
    memcpy(out, value, n);
    out[n] = '\0';
}

/* Link: <https://...>; rel="next" (RFC 8288). */
static void keep_next(hf_answer *a, const char *value, size_t n) {
    char text[sizeof(a->next) + 64];
    keep(text, sizeof(text), value, n);
    const char *open = strchr(text, '<'), *close = open ? strchr(open, '>') : NULL;
    if (close && strstr(close, "rel=\"next\"")) keep(a->next, sizeof(a->next), open + 1, (size_t)(close - open - 1));
}

/* RateLimit: "api";r=0;t=55 */
static void keep_rate(hf_answer *a, const char *value, size_t n) {
    char text[200];
    keep(text, sizeof(text), value, n);
    const char *t = strstr(text, ";t=");
    if (t && strstr(text, ";r=0;")) keep(a->rate_wait, sizeof(a->rate_wait), t + 3, strspn(t + 3, "0123456789"));
}

static size_t on_header(char *line, size_t unit, size_t n, void *arg) {
    exchange *x = arg;
    hf_answer *a = x->answer;
    (void)unit;
    const char *colon = memchr(line, ':', n);
    if (!colon) return n;
    const size_t name = (size_t)(colon - line);
    const char *value = colon + 1;
    size_t len = n - name - 1;
    while (len && (*value == ' ' || *value == '\t'))
        value++, len--;
    while (len && (value[len - 1] == '\r' || value[len - 1] == '\n' || value[len - 1] == ' '))
        len--;
#define IS(literal) (name == sizeof(literal) - 1 && strncasecmp(line, literal, name) == 0)
    if (IS("x-error-code")) keep(a->error_code, sizeof(a->error_code), value, len);
    if (IS("x-error-message")) keep(a->error_message, sizeof(a->error_message), value, len);
    if (IS("x-request-id")) keep(a->request_id, sizeof(a->request_id), value, len);
    if (IS("etag")) keep(a->etag, sizeof(a->etag), value, len);
    if (IS("link")) keep_next(a, value, len);
    if (IS("ratelimit")) keep_rate(a, value, len);
    if (IS("content-range") && len > 6 && strncasecmp(value, "bytes ", 6) == 0)
        a->range_begin = strtoll(value + 6, NULL, 10); /* the line ends in CR LF, so a number ends too */
    if (IS("location") && len < 16384) {
        hf_text_free(&x->location);
        hf_text_add(&x->location, value, len);
    }
#undef IS
    return n;
}

/* ---- Bodies ---- */
static size_t on_body(char *bytes, size_t unit, size_t n, void *arg) {
    exchange *x = arg;
    hf_answer *a = x->answer;
    (void)unit;
    if (!a->status) curl_easy_getinfo(x->client->curl, CURLINFO_RESPONSE_CODE, &a->status);
    const bool good = a->status == 200 || a->status == 206;
    if (good && x->request->sink) {
        x->started = true;
        if (a->status == 206 && a->range_begin != (int64_t)x->request->offset) return 0; /* told by finish */
        x->status = x->request->sink(x->request->sink_arg, bytes, n);
        return x->status == LUD_OK ? n : 0;
    }
    const size_t most = a->status >= 200 && a->status < 300 ? MAX_BODY : MAX_ERROR_BODY;
    const size_t room = most > a->body.len ? most - a->body.len : 0;
    hf_text_add(&a->body, bytes, n < room ? n : room);
    return n > room && most == MAX_BODY ? 0 : n;
}

static size_t on_read(char *buf, size_t unit, size_t n, void *arg) {
    exchange *x = arg;
    const uint64_t left = x->request->size - x->sent;
    n = left < unit * n ? (size_t)left : unit * n;
    if (n) x->status = x->request->read(x->request->read_arg, x->sent, buf, n, x->err);
    if (x->status != LUD_OK) return CURL_READFUNC_ABORT;
    x->sent += n;
    return n;
}

static int on_seek(void *arg, curl_off_t offset, int origin) {
    exchange *x = arg;
    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > x->request->size) return CURL_SEEKFUNC_CANTSEEK;
    x->sent = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    (void)arg, (void)a, (void)b, (void)c, (void)d;
    return hf_host->cancelled(hf_host->ctx) != 0;
}

/* ---- One hop ---- */
static const char *ca_file(void) {
    static const char *const names[] = {"CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *path = getenv(names[i]);
        if (path && path[0]) return path;
    }
    return NULL;
}

static struct curl_slist *add_line(struct curl_slist *list, bool *failed, const char *line) {
    struct curl_slist *grown = curl_slist_append(list, line);
    *failed |= !grown;
    return grown ? grown : list;
}

static struct curl_slist *header_lines(const exchange *x, bool with_token, bool *failed) {
    struct curl_slist *list = add_line(NULL, failed, "Accept-Encoding: identity");
    list = add_line(list, failed, "Expect:");
    for (size_t i = 0; x->request->headers && x->request->headers[i]; i++)
        list = add_line(list, failed, x->request->headers[i]);
    hf_text line = {0};
    if (with_token) hf_text_addf(&line, "Authorization: Bearer %s", x->client->token);
    if (with_token && line.ptr) list = add_line(list, failed, line.ptr);
    *failed |= line.failed;
    if (line.ptr) explicit_bzero(line.ptr, line.len);
    hf_text_free(&line);
    return list;
}

static void set_limits(const hf_client *c, const hf_origin *to) {
    const char *ca = ca_file();
    curl_easy_setopt(c->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c->curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c->curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2); /* or later */
    curl_easy_setopt(c->curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(c->curl, CURLOPT_SSL_VERIFYHOST, 2L);
    if (ca) curl_easy_setopt(c->curl, CURLOPT_CAINFO, ca);
    curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c->curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(c->curl, CURLOPT_CONNECTTIMEOUT_MS, lround(1000 * c->connect_timeout));
    curl_easy_setopt(c->curl, CURLOPT_LOW_SPEED_LIMIT, 100L); /* bytes a second: a drip is as good as a stall */
    curl_easy_setopt(c->curl, CURLOPT_LOW_SPEED_TIME, lround(ceil(c->read_timeout)));
    curl_easy_setopt(c->curl, CURLOPT_USERAGENT, c->user_agent);
    if (to->loopback) curl_easy_setopt(c->curl, CURLOPT_NOPROXY, "*");
}

static void set_body(exchange *x) {
    CURL *curl = x->client->curl;
    const hf_request *r = x->request;
    if (r->has_body) {
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->size);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
        curl_easy_setopt(curl, CURLOPT_READDATA, x);
        curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_seek);
        curl_easy_setopt(curl, CURLOPT_SEEKDATA, x);
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, r->method);
    if (strcmp(r->method, "HEAD") == 0) curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
}

static CURLcode one_hop(exchange *x, const char *url, const hf_origin *to, bool with_token, char detail[]) {
    CURL *curl = x->client->curl;
    bool failed = false;
    char range[40];
    struct curl_slist *lines = header_lines(x, with_token, &failed);
    curl_easy_reset(curl); /* keeps the connections */
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, lines);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, x);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    set_limits(x->client, to);
    set_body(x);
    snprintf(range, sizeof(range), "%llu-", (unsigned long long)x->request->offset);
    if (x->request->offset) curl_easy_setopt(curl, CURLOPT_RANGE, range);
    x->sent = 0;
    x->answer->status = 0;
    const CURLcode code = failed ? CURLE_OUT_OF_MEMORY : curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &x->answer->status);
    for (struct curl_slist *l = lines; l; l = l->next)
        explicit_bzero(l->data, strlen(l->data));
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(lines);
    return code;
}

/* ---- The way ---- */
static bool is_redirect(long status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static void clear_answer(hf_answer *a) {
    hf_text_free(&a->body);
    *a = (hf_answer){.range_begin = -1};
}

static lud_status outcome(exchange *x, CURLcode code, const char *detail, const char *subject, lud_hub_fault *fault) {
    hf_answer *a = x->answer;
    double wait = a->rate_wait[0] ? strtod(a->rate_wait, NULL) + 1 : 0;
    curl_off_t after = 0;
    if (x->status != LUD_OK) return hf_fault(fault, LUD_HUB_FATAL, x->err, x->status, "%s: stopped", subject);
    if (a->status == 206 && x->request->sink && a->range_begin != (int64_t)x->request->offset)
        return hf_fault(fault, LUD_HUB_RANGE, x->err, LUD_E_HUB, "%s: another part came than was asked for", subject);
    if (code != CURLE_OK) return hf_broken(x->client, subject, code, detail, x->started, fault, x->err);
    if (a->status >= 200 && a->status < 300)
        return a->body.failed ? hf_fault(fault, LUD_HUB_FATAL, x->err, LUD_E_NOMEM, "%s: out of memory", subject)
                              : LUD_OK;
    if (curl_easy_getinfo(x->client->curl, CURLINFO_RETRY_AFTER, &after) == CURLE_OK && after > 0)
        wait = (double)after + 1;
    const lud_status status = hf_refused(x->client, subject, a, fault, x->err);
    fault->wait = wait;
    return status;
}

/* Where the next hop goes, and whether that is allowed. */
static lud_status next_hop(exchange *x, const char *from, const char *location, hf_text *url, hf_origin *to,
                           const char *subject, lud_hub_fault *fault) {
    const bool was_tls = to->tls;
    if (!hf_url_resolve(from, location, url, to))
        return hf_fault(fault, LUD_HUB_FATAL, x->err, LUD_E_HUB, "%s: '%.200s' is no address", subject, location);
    if (from && was_tls && !to->tls)
        return hf_fault(fault, LUD_HUB_FATAL, x->err, LUD_E_HUB, "%s: refused a redirect from https to %s", subject,
                        to->text);
    if (!to->tls && !to->loopback && !x->client->allow_http)
        return hf_fault(fault, LUD_HUB_FATAL, x->err, LUD_E_HUB,
                        "%s: %s is not encrypted; use https (LUDWIG_HUB_ALLOW_HTTP=1 allows it)", subject, to->text);
    return LUD_OK;
}

lud_status hf_send(hf_client *c, const hf_request *request, const char *subject, hf_answer *answer,
                   lud_hub_fault *fault, lud_error *err) {
    exchange x = {.client = c, .request = request, .answer = answer, .err = err};
    hf_text url = {0}, from = {0};
    hf_origin to = {0};
    bool with_token = c->token && !request->anonymous;
    *answer = (hf_answer){.range_begin = -1};
    lud_status status = next_hop(&x, NULL, request->url, &url, &to, subject, fault);
    for (int hop = 0; status == LUD_OK; hop++) {
        char detail[CURL_ERROR_SIZE] = "";
        clear_answer(answer);
        hf_text_free(&x.location);
        answer->foreign = strcmp(to.text, c->origin.text) != 0;
        with_token = with_token && !answer->foreign;
        const CURLcode code = one_hop(&x, url.ptr, &to, with_token, detail);
        if (code != CURLE_OK || !is_redirect(answer->status) || !x.location.ptr) {
            status = outcome(&x, code, detail, subject, fault);
            break;
        }
        if (hop == MAX_HOPS)
            status = hf_fault(fault, LUD_HUB_FATAL, err, LUD_E_HUB, "%s: more than %d redirects", subject, MAX_HOPS);
        hf_text_free(&from);
        from = url;
        url = (hf_text){0};
        if (status == LUD_OK) status = next_hop(&x, from.ptr, x.location.ptr, &url, &to, subject, fault);
    }
    hf_text_free(&x.location);
    hf_text_free(&from);
    hf_text_free(&url);
    return status;
}

void hf_answer_free(hf_answer *a) {
    hf_text_free(&a->body);
}
