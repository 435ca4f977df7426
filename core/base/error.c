/* SPDX-License-Identifier: Apache-2.0
 * error: fills the caller's error record. Invariant: the first writer wins, and a message that does not fit keeps its
 * tail, because the end of a message holds the cause and the next step. Does not log. */
#include "base.h"

#include <stdio.h>
#include <string.h>

/* Copies the end of text, cut at a character's border, behind "...". */
static void keep_tail(char *out, size_t cap, const char *text, size_t len) {
    const char *from = text + (len + 4 - cap);
    while ((*from & 0xC0) == 0x80)
        from++;
    memcpy(out, "...", 3);
    memcpy(out + 3, from, (size_t)(text + len - from) + 1);
}

lud_status ludc_fail(lud_error *err, lud_status code, const char *fmt, ...) {
    if (!err || err->code != LUD_OK) return code;
    char text[4 * sizeof err->msg];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (n < 0) text[0] = '\0';
    size_t len = strlen(text);
    if (len < sizeof err->msg)
        memcpy(err->msg, text, len + 1);
    else
        keep_tail(err->msg, sizeof err->msg, text, len);
    err->code = code;
    return code;
}

const char *ludc_status_text(lud_status status) {
    switch (status) {
#define STATUS_CASE(name, code, text)                                                                                  \
    case name:                                                                                                         \
        return text;
        LUD_STATUS_MAP(STATUS_CASE)
#undef STATUS_CASE
    default:
        return "unknown status";
    }
}
