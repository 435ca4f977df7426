/* SPDX-License-Identifier: Apache-2.0
 * Splits that a column decides. hash: Ludwig's rule to the bit, so that a row stays in its part here and there, however
 * the table grows. datetime: the oldest rows train, the newest test. */
#include "internal.h"
#include "feature_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* MD5 (RFC 1321) of a text. */
static void md5_block(uint32_t h[4], const uint8_t *p) {
    static const uint8_t turns[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3];
    for (uint32_t i = 0; i < 64; i++) {
        const uint32_t round = i / 16, r = turns[round][i % 4];
        const uint32_t f = round == 0   ? (b & c) | (~b & d)
                           : round == 1 ? (d & b) | (~d & c)
                           : round == 2 ? b ^ c ^ d
                                        : c ^ (b | ~d);
        const uint32_t g = (round == 0 ? i : round == 1 ? 5 * i + 1 : round == 2 ? 3 * i + 5 : 7 * i) % 16;
        const uint32_t word =
            p[4 * g] | (uint32_t)p[4 * g + 1] << 8 | (uint32_t)p[4 * g + 2] << 16 | (uint32_t)p[4 * g + 3] << 24;
        const uint32_t sum = a + f + word + (uint32_t)floor(fabs(sin((double)i + 1)) * 4294967296.0);
        a = d;
        d = c;
        c = b;
        b += sum << r | sum >> (32 - r);
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
}

static void md5(const char *text, size_t n, uint8_t out[16]) {
    uint32_t h[4] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476};
    uint8_t tail[128] = {0};
    const size_t whole = n / 64 * 64, rest = n - whole, last = rest < 56 ? 64 : 128;
    for (size_t i = 0; i < whole; i += 64)
        md5_block(h, (const uint8_t *)text + i);
    memcpy(tail, text + whole, rest);
    tail[rest] = 0x80;
    for (size_t i = 0; i < 8; i++)
        tail[last - 8 + i] = (uint8_t)((uint64_t)n * 8 >> 8 * i);
    for (size_t i = 0; i < last; i += 64)
        md5_block(h, tail + i);
    for (size_t i = 0; i < 16; i++)
        out[i] = (uint8_t)(h[i / 4] >> 8 * (i % 4));
}

/* Base64 of 16 bytes, "_" for both signs. */
static void base64(const uint8_t in[16], char out[24]) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789__";
    memset(out, '=', 24);
    for (size_t i = 0; i < 22; i++) {
        const size_t at = i * 6 / 8, shift = 10 - i * 6 % 8;
        const uint32_t pair = (uint32_t)in[at] << 8 | (at + 1 < 16 ? in[at + 1] : 0u);
        out[i] = digits[pair >> shift & 63];
    }
}

static uint32_t crc32_of(const char *p, size_t n) {
    uint32_t crc = ~0u;
    for (size_t i = 0; i < n; i++) {
        crc ^= (uint8_t)p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0u);
    }
    return ~crc;
}

/* What pandas makes of a column: integers, numbers with NaN for what is missing, or texts. */
enum { INTEGERS, NUMBERS, TEXTS };

static int column_kind(const ludc_table *t, size_t column) {
    int kind = INTEGERS;
    for (size_t i = 0; i < ludc_table_rows(t); i++) {
        const lud_str s = ludc_str_trim(ludc_table_cell(t, i, column));
        const double v = ludc_parse_number(s);
        if (s.len && isnan(v)) return TEXTS;
        bool whole = s.len > 0 && fabs(v) < 9e18;
        for (size_t k = 0; k < s.len; k++)
            whole = whole && ((s.ptr[k] >= '0' && s.ptr[k] <= '9') || s.ptr[k] == '-' || s.ptr[k] == '+');
        if (!whole) kind = NUMBERS;
    }
    return kind;
}

/* json.dumps of {"value": cell}. */
static void put_json(lud_str cell, int kind, ludc_buf *out) {
    ludc_buf_clear(out);
    ludc_buf_adds(out, "{\"value\": ");
    if (ludc_str_trim(cell).len == 0) {
        ludc_buf_adds(out, "NaN");
    } else if (kind == TEXTS) {
        ludc_buf_adds(out, "\"");
        ludc_json_escape(cell, out);
        ludc_buf_adds(out, "\"");
    } else if (kind == INTEGERS) {
        char digits[32] = {0};
        cell = ludc_str_trim(cell);
        memcpy(digits, cell.ptr, LUDC_MIN(cell.len, sizeof(digits) - 1));
        ludc_buf_addf(out, "%lld", strtoll(digits, NULL, 10));
    } else {
        ludc_value_to_json(&(ludc_value){.type = LUD_CFG_FLOAT, .u.f = ludc_parse_number(cell)}, -1, out);
    }
    ludc_buf_adds(out, "}");
}

lud_status ludc_split_hash(const ludc_table *t, size_t column, const double p[LUDC_N_SPLITS], uint8_t *of_row,
                           lud_error *err) {
    const int kind = column_kind(t, column);
    ludc_buf json = {0};
    for (size_t i = 0; i < ludc_table_rows(t); i++) {
        uint8_t digest[16];
        char text[24];
        put_json(ludc_table_cell(t, i, column), kind, &json);
        if (json.failed) break;
        md5(json.ptr, json.len, digest);
        base64(digest, text);
        const double hash = crc32_of(text, sizeof(text)), train = p[0] * 4294967296.0;
        of_row[i] = hash < train ? LUDC_TRAIN : hash < train + p[1] * 4294967296.0 ? LUDC_VALIDATION : LUDC_TEST;
    }
    const bool failed = json.failed;
    ludc_buf_free(&json);
    return failed ? ludc_no_memory(err, NULL) : LUD_OK;
}

/* 1 to `most` digits; advances. */
static bool take(lud_str *s, size_t most, int *out) {
    size_t n = 0;
    for (*out = 0; n < most && n < s->len && s->ptr[n] >= '0' && s->ptr[n] <= '9'; n++)
        *out = *out * 10 + (s->ptr[n] - '0');
    *s = (lud_str){s->ptr + n, s->len - n};
    return n > 0;
}

static bool skip(lud_str *s, const char *any) {
    if (s->len == 0 || !s->ptr[0] || !strchr(any, s->ptr[0])) return false;
    *s = (lud_str){s->ptr + 1, s->len - 1};
    return true;
}

/* Days from 1970-01-01 in the Gregorian calendar (Hinnant, chrono-compatible low-level date algorithms). */
static double days_of(int year, int month, int day) {
    const int y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
    const int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097.0 + of_era * 365.0 + of_era / 4 - of_era / 100 + of_year - 719468.0;
}

/* [T ]HH:MM[:SS[.fraction]][Z | +HH[:MM]] */
static bool read_time(lud_str *s, double *seconds) {
    int hour, minute, second = 0, zone = 0, zone_minute = 0;
    double scale = 0.1;
    if (!skip(s, "Tt ") || !take(s, 2, &hour) || !skip(s, ":") || !take(s, 2, &minute)) return false;
    if (skip(s, ":") && !take(s, 2, &second)) return false;
    if (hour > 24 || minute > 59 || second > 60) return false;
    *seconds += hour * 3600.0 + minute * 60.0 + second;
    if (skip(s, ".,"))
        for (int digit; take(s, 1, &digit); scale /= 10)
            *seconds += digit * scale;
    const bool west = s->len && s->ptr[0] == '-';
    if (skip(s, "+-")) {
        if (!take(s, 2, &zone) || ((skip(s, ":") || s->len) && !take(s, 2, &zone_minute))) return false;
        *seconds += (west ? 1 : -1) * (zone * 3600.0 + zone_minute * 60.0);
    } else {
        skip(s, "Zz");
    }
    return s->len == 0;
}

/* An ISO 8601 date, with a time or without, in seconds. */
static bool read_date(lud_str s, double *seconds) {
    int year, month, day;
    if (!take(&s, 4, &year) || !skip(&s, "-/") || !take(&s, 2, &month) || !skip(&s, "-/") || !take(&s, 2, &day))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > 31) return false;
    *seconds = days_of(year, month, day) * 86400;
    return s.len == 0 || read_time(&s, seconds);
}

typedef struct moment {
    double at;
    uint32_t row;
} moment;

static int by_time(const void *a, const void *b) {
    const moment *x = a, *y = b;
    if (x->at != y->at) return x->at < y->at ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static lud_status read_moments(const ludc_table *t, const char *path, size_t column, moment *m, lud_error *err) {
    bool numbers = true;
    for (size_t i = 0; i < ludc_table_rows(t); i++) {
        const lud_str s = ludc_str_trim(ludc_table_cell(t, i, column)), shown = ludc_clip(s);
        m[i] = (moment){ludc_parse_number(s), (uint32_t)i};
        if (i == 0) numbers = !isnan(m[i].at);
        if (numbers ? isnan(m[i].at) : !read_date(s, &m[i].at))
            return ludc_fail(err, LUD_E_DATA, "%s: row %zu: split by datetime: '%.*s' is no %s", path, i + 1,
                             (int)shown.len, shown.ptr ? shown.ptr : "",
                             numbers ? "number, as the first row holds"
                                     : "date (want 2024-01-31 or 2024-01-31 12:59:59)");
    }
    return LUD_OK;
}

lud_status ludc_split_datetime(const ludc_table *t, const char *path, size_t column, const double p[LUDC_N_SPLITS],
                               uint8_t *of_row, lud_error *err) {
    const size_t n = ludc_table_rows(t);
    moment *m = ludc_alloc(LUDC_MAX(n, 1) * sizeof(*m));
    if (!m) return ludc_no_memory(err, NULL);
    const lud_status status = read_moments(t, path, column, m, err);
    if (status == LUD_OK) qsort(m, n, sizeof(*m), by_time);
    for (size_t i = 0; i < n && status == LUD_OK; i++)
        of_row[m[i].row] = ludc_split_at(i, n, p);
    ludc_free(m);
    return status;
}
