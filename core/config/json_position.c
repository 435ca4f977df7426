/* SPDX-License-Identifier: Apache-2.0
 * Walks JSON text side by side with the tree made from it, and notes line and column of every key and value.
 * The text is known to be valid, so this is a scan and no parser: it never decides what is legal. */
#include "config_internal.h"
#include <string.h>

bool ludc_value_key_pos(ludc_value *object) {
    if (object->key_pos) return true;
    object->key_pos = ludc_alloc(2 * LUDC_MAX(object->cap, object->len) * sizeof *object->key_pos);
    return object->key_pos != NULL;
}

typedef struct cursor {
    const char *p, *end;
    int32_t line, col; /* of p; columns count characters */
} cursor;

static void step(cursor *c) {
    unsigned char byte = (unsigned char)*c->p++;
    if (byte == '\n') {
        c->line++;
        c->col = 1;
    } else if ((byte & 0xC0) != 0x80) {
        c->col++;
    }
}

/* Blanks, commas and colons carry no meaning in a text whose structure is known. */
static void skip_to_token(cursor *c) {
    while (c->p < c->end && memchr(" \t\r\n,:", *c->p, 6))
        step(c);
}

static void skip_string(cursor *c) {
    step(c);
    while (c->p < c->end && *c->p != '"') {
        if (*c->p == '\\') step(c);
        if (c->p < c->end) step(c);
    }
    if (c->p < c->end) step(c);
}

static void skip_scalar(cursor *c) {
    if (c->p < c->end && *c->p == '"') {
        skip_string(c);
        return;
    }
    while (c->p < c->end && !memchr(" \t\r\n,:]}", *c->p, 8))
        step(c);
}

static bool place(cursor *c, ludc_value *v);

static bool place_members(cursor *c, ludc_value *v) {
    bool object = v->type == LUD_CFG_OBJECT;
    if (object && v->len && !ludc_value_key_pos(v)) return false;
    step(c);
    for (size_t i = 0; i < v->len; i++) {
        skip_to_token(c);
        if (object) {
            v->key_pos[2 * i] = c->line;
            v->key_pos[2 * i + 1] = c->col;
            skip_scalar(c);
        }
        if (!place(c, v->items[i])) return false;
    }
    skip_to_token(c);
    if (c->p < c->end) step(c);
    return true;
}

static bool place(cursor *c, ludc_value *v) {
    skip_to_token(c);
    v->line = c->line;
    v->col = c->col;
    if (v->type == LUD_CFG_OBJECT || v->type == LUD_CFG_LIST) return c->p >= c->end || place_members(c, v);
    skip_scalar(c);
    return true;
}

bool ludc_json_positions(const char *text, size_t n, ludc_value *root) {
    cursor c = {text, text + n, 1, 1};
    return place(&c, root);
}
