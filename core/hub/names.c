/* SPDX-License-Identifier: Apache-2.0
 * The one check of names that come from a hub: they become paths below the cache. The rules of POSIX and of Windows
 * hold everywhere, so that a cache may be copied or shared. */
#include "internal.h"

#include <string.h>
#include <strings.h>

enum { MAX_PATH = 1024, MAX_PART = 255 };

/* CON, NUL.txt, com1 ... open a device on Windows, whatever the folder. */
static bool is_device(const char *s, size_t n) {
    static const char *const names[] = {"con", "prn", "aux", "nul"};
    const char *dot = memchr(s, '.', n);
    const size_t stem = dot ? (size_t)(dot - s) : n;
    for (size_t i = 0; i < LUDC_COUNT(names); i++)
        if (stem == 3 && strncasecmp(s, names[i], 3) == 0) return true;
    return stem == 4 && (strncasecmp(s, "com", 3) == 0 || strncasecmp(s, "lpt", 3) == 0) && s[3] >= '0' && s[3] <= '9';
}

/* Control characters, terminal escapes among them, and those that turn the direction of writing around. */
static bool is_unprintable(uint32_t c) {
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 || (c >= 0x200e && c <= 0x200f) ||
           (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

static const char *part_fault(const char *s, size_t n) {
    if (n == 0) return "an empty part";
    if (n > MAX_PART) return "a part of more than 255 bytes";
    if (s[0] == '.' && (n == 1 || (n == 2 && s[1] == '.'))) return "a part '.' or '..'";
    if (s[n - 1] == '.' || s[n - 1] == ' ') return "a part that ends in '.' or a blank";
    return is_device(s, n) ? "the name of a device" : NULL;
}

const char *ludc_hub_name_fault(lud_str path) {
    if (path.len == 0) return "it is empty";
    if (path.len > MAX_PATH) return "more than 1024 bytes";
    if (!ludc_utf8_valid(path.ptr, path.len)) return "bytes that are not UTF-8";
    for (size_t i = 0; i < path.len;) {
        uint32_t c;
        i += ludc_utf8_decode(path.ptr + i, path.len - i, &c);
        if (is_unprintable(c)) return "an unprintable character";
        if (c == '\\' || c == ':') return "a '\\' or ':'";
    }
    for (size_t i = 0; i <= path.len;) {
        const char *slash = memchr(path.ptr + i, '/', path.len - i);
        const size_t n = slash ? (size_t)(slash - path.ptr) - i : path.len - i;
        const char *fault = i == 0 && n == 0 ? "a '/' in front" : part_fault(path.ptr + i, n);
        if (fault) return fault;
        i += n + 1;
    }
    return NULL;
}
