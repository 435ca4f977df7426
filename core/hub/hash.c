/* SPDX-License-Identifier: Apache-2.0
 * The two hashes of a hub: SHA-256 of large files, and what git calls a blob's name, SHA-1 of "blob <size>\0" and the
 * content. Here for integrity of transfers, so SHA-1 is as good as the hub's own use of it. */
#include "internal.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

struct ludc_digest {
    EVP_MD_CTX *ctx;
    bool failed; /* the library could not: the digest then matches nothing */
};

ludc_digest *ludc_digest_new(size_t hex_len, uint64_t size) {
    ludc_digest *h = ludc_alloc(sizeof(*h));
    if (!h) return NULL;
    h->ctx = EVP_MD_CTX_new();
    if (!h->ctx) return ludc_free(h), NULL;
    h->failed = EVP_DigestInit_ex(h->ctx, hex_len == 40 ? EVP_sha1() : EVP_sha256(), NULL) != 1;
    if (hex_len != 40) return h;
    char head[32];
    const int n = snprintf(head, sizeof(head), "blob %llu", (unsigned long long)size);
    ludc_digest_add(h, head, (size_t)n + 1);
    return h;
}

void ludc_digest_add(ludc_digest *h, const void *bytes, size_t n) {
    if (n && !h->failed) h->failed = EVP_DigestUpdate(h->ctx, bytes, n) != 1;
}

void ludc_digest_end(ludc_digest *h, char hex[65]) {
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (h->failed || EVP_DigestFinal_ex(h->ctx, digest, &n) != 1 || n > 32) n = 0;
    for (unsigned i = 0; i < n; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[2 * n] = '\0';
    ludc_digest_free(h);
}

void ludc_digest_free(ludc_digest *h) {
    if (h) EVP_MD_CTX_free(h->ctx);
    ludc_free(h);
}

bool ludc_is_hex(const char *s, size_t n) {
    return strspn(s, "0123456789abcdef") == n && s[n] == '\0';
}
