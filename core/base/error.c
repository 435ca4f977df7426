/* SPDX-License-Identifier: Apache-2.0
 * The caller-owned error record: the first writer wins, a message that does not fit keeps its tail. */
#include "base.h"

#include <stdio.h>
#include <string.h>

const char *ludc_status_text(lud_status status) {
    switch (status) {
#define STATUS_TEXT(name, code, text)                                                                                  \
    case code:                                                                                                         \
        return text;
        LUD_STATUS_MAP(STATUS_TEXT)
#undef STATUS_TEXT
    default:
        return "unknown status";
    }
}

lud_status ludc_fail(lud_error *err, lud_status code, const char *fmt, ...) {
    if (!err || err->code != LUD_OK) return code;
    err->code = code;
    va_list args;
    va_start(args, fmt);
    char text[8 * sizeof(err->msg)];
    const int n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    const size_t len = n < 0 ? 0 : LUDC_MIN((size_t)n, sizeof(text) - 1);
    const size_t room = sizeof(err->msg) - 1;
    if (len <= room) {
        memcpy(err->msg, text, len);
        err->msg[len] = '\0';
        return code;
    }
    const char *tail = text + len - (room - 3);
    while ((*tail & 0xC0) == 0x80)
        tail++; /* not in the middle of a character */
    snprintf(err->msg, sizeof(err->msg), "...%s", tail);
    return code;
}

lud_status ludc_no_memory(lud_error *err, const char *what) {
    return ludc_fail(err, LUD_E_NOMEM, "%s%sout of memory", what ? what : "", what ? ": " : "");
}
