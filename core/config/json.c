/* SPDX-License-Identifier: Apache-2.0
 * JSON text into a value tree, through jansson (strict UTF-8, bounded depth, duplicate keys refused).
 * jansson keeps the order of members but no positions: json_position.c finds those in the text afterwards.
 * Integers beyond 64 bits become floats, as in other readers (files of tokenizers hold 10^30). */
#include "config_internal.h"
#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static ludc_value *convert(const json_t *j);

static ludc_value *convert_object(const json_t *j) {
    ludc_value *v = ludc_value_new(LUD_CFG_OBJECT);
    json_t *object = (json_t *)(uintptr_t)j; /* jansson's iteration takes no const */
    for (void *it = json_object_iter(object); v && it; it = json_object_iter_next(object, it)) {
        lud_str key = {json_object_iter_key(it), json_object_iter_key_len(it)};
        if (!ludc_value_append(v, key, convert(json_object_iter_value(it)))) {
            ludc_value_free(v);
            v = NULL;
        }
    }
    return v;
}

static ludc_value *convert_array(const json_t *j) {
    ludc_value *v = ludc_value_new(LUD_CFG_LIST);
    size_t n = json_array_size(j);
    for (size_t i = 0; v && i < n; i++) {
        if (!ludc_value_push(v, convert(json_array_get(j, i)))) {
            ludc_value_free(v);
            v = NULL;
        }
    }
    return v;
}

static ludc_value *convert(const json_t *j) {
    switch (json_typeof(j)) {
    case JSON_OBJECT:
        return convert_object(j);
    case JSON_ARRAY:
        return convert_array(j);
    case JSON_STRING:
        return ludc_value_str((lud_str){json_string_value(j), json_string_length(j)});
    case JSON_INTEGER:
        return ludc_value_int(json_integer_value(j));
    case JSON_REAL:
        return ludc_value_float(json_real_value(j));
    case JSON_TRUE:
    case JSON_FALSE:
        return ludc_value_bool(json_is_true(j));
    case JSON_NULL:
        break;
    }
    return ludc_value_new(LUD_CFG_NULL);
}

/* Rewrites an integer of at least 19 digits, in place, as 16 digits and an exponent padded with blanks. */
static void shorten_integer(char *digits, size_t n) {
    char exponent[24];
    int len = snprintf(exponent, sizeof exponent, "e%zu", n - 16);
    if (len <= 0 || 16 + (size_t)len > n) return;
    memcpy(digits + 16, exponent, (size_t)len);
    memset(digits + 16 + len, ' ', n - 16 - (size_t)len);
}

/* Turns every integer that does not fit into 64 bits into a real number of the same width. */
static void shorten_big_integers(char *text, size_t n) {
    bool in_string = false;
    for (size_t i = 0; i < n; i++) {
        if (in_string && text[i] == '\\') {
            i++;
        } else if (text[i] == '"') {
            in_string = !in_string;
        } else if (!in_string && isdigit((unsigned char)text[i])) {
            size_t start = i;
            while (i < n && isdigit((unsigned char)text[i]))
                i++;
            bool integer = i == n || (text[i] != '.' && text[i] != 'e' && text[i] != 'E');
            bool fraction = start > 0 && strchr(".+eE", text[start - 1]);
            bool big = i - start > 19 || (i - start == 19 && memcmp(text + start, "9223372036854775807", 19) > 0);
            if (integer && !fraction && big) shorten_integer(text + start, i - start);
            i--;
        }
    }
}

static json_t *load(const char *text, size_t n, size_t flags, json_error_t *at) {
    json_t *j = json_loadb(text, n, flags, at);
    if (j || json_error_code(at) != json_error_numeric_overflow) return j;
    char *copy = ludc_strndup(text, n);
    if (!copy) return NULL;
    shorten_big_integers(copy, n);
    j = json_loadb(copy, n, flags, at);
    ludc_free(copy);
    return j;
}

static lud_status syntax_error(const char *text, size_t n, const char *name, const json_error_t *at, lud_error *err) {
    if (json_error_code(at) == json_error_out_of_memory) return ludc_no_memory(err, name);
    ludc_buf source = {0};
    ludc_source_line(text, n, at->line, at->column, &source);
    lud_status status =
        ludc_fail(err, LUD_E_INVALID, "%s:%d:%d: error: %s%s%s", name, at->line, LUDC_MAX(at->column, 1), at->text,
                  source.len ? "\n" : "", source.len ? source.ptr : "");
    ludc_buf_free(&source);
    return status;
}

lud_status ludc_json_parse(const char *text, size_t n, const char *name, bool positions, bool allow_nul,
                           ludc_value **out, lud_error *err) {
    if (n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3;
        n -= 3;
    }
    if (n == 0) return ludc_fail(err, LUD_E_INVALID, "%s: the text is empty, a JSON value was expected", name);
    json_error_t at = {0};
    json_t *j = load(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | (allow_nul ? JSON_ALLOW_NUL : 0U), &at);
    if (!j) return syntax_error(text, n, name, &at, err);
    ludc_value *v = convert(j);
    json_decref(j);
    if (!v || (positions && !ludc_json_positions(text, n, v))) return ludc_value_free(v), ludc_no_memory(err, name);
    *out = v;
    return LUD_OK;
}

lud_status ludc_json_load(const char *path, ludc_value **out, lud_error *err) {
    ludc_map_file file = {0};
    LUDC_TRY(ludc_file_map(path, &file, err));
    lud_status status = ludc_json_parse((const char *)file.ptr, file.size, path, true, false, out, err);
    ludc_file_unmap(&file);
    return status;
}
