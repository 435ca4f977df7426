/* SPDX-License-Identifier: Apache-2.0
 * config_schema of a component (the part of JSON Schema that docs/plugins.md describes) into a table of keys, so that
 * what a plugin knows is checked and filled as what core knows. A word outside that part is an error: a bound that
 * nobody checks would be worse than none. */
#include "config_internal.h"
#include <float.h>
#include <stdio.h>
#include <string.h>

enum { MAX_DEPTH = 8, PATH_SIZE = 160 };

static const ludc_key no_keys[] = {{.name = NULL}};

static void *take(ludc_schema *s, size_t n) {
    void **blocks = ludc_realloc(s->blocks, s->n_blocks * sizeof *blocks, (s->n_blocks + 1) * sizeof *blocks);
    if (blocks) s->blocks = blocks;
    void *p = blocks ? ludc_alloc(n) : NULL;
    if (p) s->blocks[s->n_blocks++] = p;
    s->failed |= !p;
    return p;
}

void ludc_schema_free(ludc_schema *s) {
    for (size_t i = 0; i < s->n_blocks; i++)
        ludc_free(s->blocks[i]);
    ludc_free(s->blocks);
    ludc_value_free(s->json);
    *s = (ludc_schema){0};
}

static void broken(ludc_schema *s, const char *path, const char *what, lud_str got) {
    if (s->broken[0]) return;
    snprintf(s->broken, sizeof s->broken, "%s%s%s '%.*s'", path, *path ? ": " : "", what, LUDC_ARG_CUT(got, 60));
}

/* The text as long as the schema lives; frees the buffer. */
static const char *keep_text(ludc_schema *s, ludc_buf *text) {
    char *copy = text->failed ? NULL : take(s, text->len + 1);
    if (copy && text->len) memcpy(copy, text->ptr, text->len);
    s->failed |= !copy;
    ludc_buf_free(text);
    return copy;
}

static lud_str text_of(const ludc_value *v) {
    return v && v->type == LUD_CFG_STR ? v->u.s : LUDC_STR("(no text)");
}

static void check_words(ludc_schema *s, const ludc_value *object, const char *path) {
    static const char *const known[] = {"type",    "default",          "default_by_type",      "minimum",
                                        "maximum", "exclusiveMinimum", "exclusiveMaximum",     "enum",
                                        "items",   "properties",       "additionalProperties", "description",
                                        "title",   "$schema"};
    for (size_t i = 0; i < object->len; i++) {
        bool found = false;
        for (size_t k = 0; k < LUDC_COUNT(known); k++)
            found |= ludc_str_eq(object->keys[i], known[k]);
        if (!found) broken(s, path, "is not one of the words in docs/plugins.md:", object->keys[i]);
    }
}

static uint32_t type_bit(ludc_schema *s, const ludc_value *v, const char *path) {
    static const char *const names[] = {"boolean", "integer", "number", "string", "array", "object", "null"};
    lud_str word = text_of(v);
    for (uint32_t i = 0; i < LUDC_COUNT(names); i++)
        if (ludc_str_eq(word, names[i])) return 1U << i;
    broken(s, path, "is no type:", word);
    return 0;
}

static uint32_t read_types(ludc_schema *s, const ludc_value *schema, const char *path) {
    const ludc_value *type = ludc_value_get(schema, "type");
    uint32_t types = 0;
    if (!type) return 0;
    if (type->type != LUD_CFG_LIST) return type_bit(s, type, path);
    for (size_t i = 0; i < type->len; i++)
        types |= type_bit(s, type->items[i], path);
    if (!types) broken(s, path, "names no", LUDC_STR("type"));
    return types;
}

static void read_range(ludc_schema *s, const ludc_value *schema, const char *path, ludc_key *k) {
    static const char *const words[] = {"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"};
    bool ranged = k->min <= k->max;
    for (size_t i = 0; i < LUDC_COUNT(words); i++) {
        const ludc_value *v = ludc_value_get(schema, words[i]);
        if (!v) continue;
        if (v->type != LUD_CFG_INT && v->type != LUD_CFG_FLOAT)
            broken(s, path, "must be a number:", ludc_str(words[i]));
        double x = ludc_get_float(schema, words[i], 0);
        if (!ranged) k->min = -DBL_MAX, k->max = DBL_MAX;
        ranged = true;
        *(i < 2 ? &k->min : &k->max) = x;
        k->flags |= i == 1 ? LUDC_KEY_ABOVE : i == 3 ? LUDC_KEY_BELOW : 0U;
    }
    if (ranged && k->min > k->max) broken(s, path, "has an empty range:", LUDC_STR("minimum, maximum"));
}

/* Words, and null for "may be null too". A key lists its words with '|' between. */
static void read_enum(ludc_schema *s, const ludc_value *schema, const char *path, ludc_key *k) {
    const ludc_value *list = ludc_value_get(schema, "enum");
    bool good = list && list->type == LUD_CFG_LIST && list->len;
    ludc_buf words = {0};
    if (!list) return;
    for (size_t i = 0; good && i < list->len; i++) {
        const ludc_value *v = list->items[i];
        good = v->type == LUD_CFG_NULL || (v->type == LUD_CFG_STR && strlen(v->u.s.ptr) == v->u.s.len);
        if (v->type == LUD_CFG_NULL) k->types |= LUDC_T_NULL;
        if (!good || v->type == LUD_CFG_NULL) continue;
        if (!v->u.s.len || strchr(v->u.s.ptr, '|')) broken(s, path, "has an empty word or one with '|':", v->u.s);
        ludc_buf_addf(&words, "%s%s", words.len ? "|" : "", v->u.s.ptr);
    }
    if (!good) broken(s, path, "must be a list of strings:", LUDC_STR("enum"));
    k->words = keep_text(s, &words);
}

static const ludc_key *read_properties(ludc_schema *s, const ludc_value *schema, const ludc_key *core, const char *path,
                                       int depth);

static void read_section(ludc_schema *s, const ludc_value *schema, const char *path, int depth, ludc_key *k) {
    const ludc_value *others = ludc_value_get(schema, "additionalProperties");
    if (others && others->type != LUD_CFG_BOOL)
        broken(s, path, "must be true or false:", LUDC_STR("additionalProperties"));
    if (others && others->type == LUD_CFG_BOOL && others->u.b) k->flags |= LUDC_KEY_OPEN;
    if (ludc_value_get(schema, "properties")) k->section = read_properties(s, schema, NULL, path, depth + 1);
}

static void read_items(ludc_schema *s, const ludc_value *schema, const char *path, int depth, ludc_key *k) {
    const ludc_value *items = ludc_value_get(schema, "items");
    if (!items) return;
    if (items->type != LUD_CFG_OBJECT) {
        broken(s, path, "must be an object:", LUDC_STR("items"));
        return;
    }
    check_words(s, items, path);
    uint32_t types = read_types(s, items, path);
    read_range(s, items, path, k);
    if (types == LUDC_T_STR) {
        k->flags |= LUDC_KEY_TEXTS;
        read_enum(s, items, path, k);
    } else if (types == LUDC_T_INT) {
        k->flags |= LUDC_KEY_INTEGERS;
    } else if (types == LUDC_T_FLOAT) {
        k->flags |= LUDC_KEY_NUMBERS;
    } else if (types == LUDC_T_OBJECT) {
        read_section(s, items, path, depth, k);
        if (!k->section) k->section = no_keys, k->flags |= LUDC_KEY_OPEN;
    } else {
        broken(s, path, "must be of type string, integer, number or object:", LUDC_STR("items"));
    }
}

static const char *read_default(ludc_schema *s, const ludc_value *schema) {
    const ludc_value *by_type = ludc_value_get(schema, "default_by_type"), *v = ludc_value_get(schema, "default");
    ludc_buf text = {0};
    for (size_t i = 0; by_type && by_type->type == LUD_CFG_OBJECT && i < by_type->len; i++)
        if (ludc_str_same(by_type->keys[i], s->type)) v = by_type->items[i];
    if (!v) return NULL;
    if (ludc_value_to_json(v, -1, &text) != LUD_OK) text.failed = true;
    return keep_text(s, &text);
}

static void read_key(ludc_schema *s, const ludc_value *schema, const char *path, int depth, ludc_key *k) {
    k->min = 1;
    k->max = 0;
    k->doc = "";
    if (schema->type != LUD_CFG_OBJECT) {
        broken(s, path, "must be an", LUDC_STR("object"));
        return;
    }
    check_words(s, schema, path);
    k->types = read_types(s, schema, path);
    read_range(s, schema, path, k);
    read_enum(s, schema, path, k);
    if (k->words && !(k->types & ~(uint32_t)LUDC_T_NULL)) k->types |= LUDC_T_STR;
    if (k->types & LUDC_T_OBJECT) read_section(s, schema, path, depth, k);
    if (k->types & LUDC_T_LIST) read_items(s, schema, path, depth, k);
    k->dflt = read_default(s, schema);
}

/* Core's keys first; a schema may give them another default and no more. */
static const ludc_key *read_properties(ludc_schema *s, const ludc_value *schema, const ludc_key *core, const char *path,
                                       int depth) {
    const ludc_value *properties = ludc_value_get(schema, "properties");
    size_t n = 0, used = 0, room = properties ? properties->len : 0;
    if ((properties && properties->type != LUD_CFG_OBJECT) || depth > MAX_DEPTH) {
        broken(s, path, "must be an object, not too deep:", LUDC_STR("properties"));
        return no_keys;
    }
    for (const ludc_key *k = core; k && k->name; k++)
        n++;
    ludc_key *keys = take(s, (n + room + 1) * sizeof *keys);
    if (!keys) return no_keys;
    for (; used < n; used++) {
        const ludc_value *own = properties ? ludc_value_get(properties, core[used].name) : NULL;
        keys[used] = core[used];
        keys[used].flags &= ~(uint32_t)LUDC_KEY_LATE;
        if (ludc_value_get(own, "default")) keys[used].dflt = read_default(s, own);
    }
    for (size_t i = 0; i < room; i++) {
        char inner[PATH_SIZE];
        if (ludc_key_find(core, properties->keys[i])) continue;
        ludc_path_of(inner, sizeof inner, path, properties->keys[i]);
        keys[used].name = properties->keys[i].ptr;
        read_key(s, properties->items[i], inner, depth, &keys[used++]);
    }
    return keys;
}

lud_status ludc_schema_read(const lud_component *c, const ludc_key *core, lud_str type, ludc_schema *out,
                            lud_error *err) {
    lud_error why = LUDC_ERROR_INIT;
    *out = (ludc_schema){.type = type, .owner = {.name = "", .types = LUDC_T_OBJECT, .section = core, .min = 1}};
    if (!c->config_schema) out->owner.flags = LUDC_KEY_OPEN;
    const char *text = c->config_schema ? c->config_schema : "{}";
    lud_status status = ludc_json_parse(text, strlen(text), "config_schema", false, false, &out->json, &why);
    if (status == LUD_OK && out->json->type != LUD_CFG_OBJECT) broken(out, "", "must be an", LUDC_STR("object"));
    if (status == LUD_OK && !out->broken[0]) {
        check_words(out, out->json, "");
        if (ludc_get_bool(out->json, "additionalProperties", false)) out->owner.flags |= LUDC_KEY_OPEN;
        out->owner.section = read_properties(out, out->json, core, "", 0);
    }
    if (status == LUD_E_NOMEM || out->failed) {
        status = ludc_no_memory(err, c->config_name);
    } else if (status != LUD_OK || out->broken[0]) {
        status = ludc_fail(err, LUD_E_ABI, "%s '%s' (%s): its config_schema is broken: %s", ludc_kind_name(c->kind),
                           c->config_name, c->id ? c->id : "no id", status != LUD_OK ? why.msg : out->broken);
    }
    if (status != LUD_OK) ludc_schema_free(out);
    return status;
}
