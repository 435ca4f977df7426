/* SPDX-License-Identifier: Apache-2.0
 * Origins: scheme, host and port (RFC 6454). The token belongs to one origin; a sub-domain, another port or another
 * scheme is another one. */
#include "client.h"

#include <ctype.h>
#include <strings.h>

static bool is_loopback(const char *host) {
    return strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == strlen(host));
}

static bool fill_origin(CURLU *u, hf_origin *o) {
    char *scheme = NULL, *host = NULL, *port = NULL;
    bool ok = curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK;
    if (ok) {
        o->tls = strcasecmp(scheme, "https") == 0;
        o->loopback = is_loopback(host);
        const int n = snprintf(o->text, sizeof(o->text), "%s://%s:%s", scheme, host, port);
        ok = (o->tls || strcasecmp(scheme, "http") == 0) && n > 0 && (size_t)n < sizeof(o->text);
        for (char *c = o->text; *c; c++)
            *c = (char)tolower((unsigned char)*c);
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    return ok;
}

bool hf_url_resolve(const char *base, const char *location, hf_text *url, hf_origin *origin) {
    CURLU *u = curl_url();
    char *text = NULL;
    bool ok = u && (!base || curl_url_set(u, CURLUPART_URL, base, 0) == CURLUE_OK) &&
              curl_url_set(u, CURLUPART_URL, location, 0) == CURLUE_OK && fill_origin(u, origin);
    ok = ok && curl_url_set(u, CURLUPART_USER, NULL, 0) == CURLUE_OK &&
         curl_url_set(u, CURLUPART_PASSWORD, NULL, 0) == CURLUE_OK &&
         curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0) == CURLUE_OK &&
         curl_url_get(u, CURLUPART_URL, &text, 0) == CURLUE_OK;
    if (ok) {
        hf_text_free(url);
        hf_text_add(url, text, strlen(text));
        ok = !url->failed;
    }
    curl_free(text);
    curl_url_cleanup(u);
    return ok;
}
