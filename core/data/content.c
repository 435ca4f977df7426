/* SPDX-License-Identifier: Apache-2.0
 * Keys of content: what was mixed in so far and the next thing are hashed together, so that order and borders count. */
#include "content.h"

#include <xxhash.h>

enum { PART = 4 << 20 };

void ludc_hash128(const void *p, size_t n, uint64_t out[2]) {
    const XXH128_hash_t h = XXH3_128bits(p, n);
    out[0] = h.low64;
    out[1] = h.high64;
}

void ludc_key_mix(uint64_t key[2], const void *p, size_t n) {
    uint64_t part[4] = {key[0], key[1], 0, 0};
    ludc_hash128(p, n, part + 2);
    ludc_hash128(part, sizeof(part), key);
}

void ludc_key_text(uint64_t key[2], lud_str text) {
    ludc_key_mix(key, text.ptr, text.len);
}

lud_status ludc_key_file(uint64_t key[2], const char *path, lud_error *err) {
    ludc_map_file file = {0};
    LUDC_TRY(ludc_file_map(path, &file, err));
    ludc_key_mix(key, &file.size, sizeof(file.size));
    for (size_t at = 0; at < file.size; at += PART) {
        ludc_key_mix(key, file.ptr + at, LUDC_MIN((size_t)PART, file.size - at));
        ludc_file_release(&file);
    }
    ludc_file_unmap(&file);
    return LUD_OK;
}
