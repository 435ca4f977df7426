/* SPDX-License-Identifier: Apache-2.0
 * One YAML document into a value tree, from libyaml's events. Duplicate keys, merge keys and foreign tags are refused;
 * depth, size and the copies that aliases make are bounded. What a plain scalar means is in yaml_scalar.c. */
#include "config_internal.h"
#include <stdio.h>
#include <string.h>
#include <yaml.h>

enum { MAX_DEPTH = 100, MAX_NODES = 200000, MAX_KEYS = 10000, MAX_ANCHORS = 1000, MAX_BYTES = 8 << 20 };

typedef struct anchor {
    char *name;
    const ludc_value *node; /* in the tree being built; never moves */
} anchor;

typedef struct reader {
    yaml_parser_t yaml;
    const char *name, *text;
    size_t n, n_nodes, n_anchors;
    anchor *anchors;
    lud_error *err;
    int depth;
} reader;

static lud_status fail_at(reader *r, yaml_mark_t at, const char *what, lud_str word) {
    int32_t line = (int32_t)at.line + 1, col = (int32_t)at.column + 1;
    ludc_buf source = {0};
    ludc_source_line(r->text, r->n, line, col, &source);
    lud_status status = ludc_fail(r->err, LUD_E_INVALID, "%s:%d:%d: error: %s%.*s%s%s", r->name, line, col, what,
                                  (int)LUDC_MIN(word.len, (size_t)80), word.len ? word.ptr : "", source.len ? "\n" : "",
                                  source.len ? source.ptr : "");
    ludc_buf_free(&source);
    return status;
}

static lud_status next(reader *r, yaml_event_t *event) {
    if (yaml_parser_parse(&r->yaml, event)) return LUD_OK;
    if (r->yaml.error == YAML_MEMORY_ERROR) return ludc_no_memory(r->err, r->name);
    if (r->yaml.error == YAML_READER_ERROR) {
        return ludc_fail(r->err, LUD_E_INVALID, "%s: error: not readable as UTF-8 text at byte %zu: %s", r->name,
                         r->yaml.problem_offset, r->yaml.problem ? r->yaml.problem : "unknown problem");
    }
    const char *context = r->yaml.context ? r->yaml.context : "";
    return fail_at(r, r->yaml.problem_mark, r->yaml.problem ? r->yaml.problem : "not YAML: ", ludc_str(context));
}

static size_t count_nodes(const ludc_value *v) {
    size_t n = 1;
    for (size_t i = 0; i < v->len; i++)
        n += count_nodes(v->items[i]);
    return n;
}

static lud_status remember(reader *r, const yaml_char_t *name, const ludc_value *node, yaml_mark_t at) {
    if (!name) return LUD_OK;
    if (r->n_anchors == MAX_ANCHORS) return fail_at(r, at, "more than 1000 anchors", (lud_str){0});
    if (!r->anchors) r->anchors = ludc_alloc(MAX_ANCHORS * sizeof *r->anchors);
    char *copy = r->anchors ? ludc_strdup((const char *)name) : NULL;
    if (!copy) return ludc_no_memory(r->err, r->name);
    r->anchors[r->n_anchors++] = (anchor){copy, node};
    return LUD_OK;
}

static lud_status copy_alias(reader *r, const yaml_event_t *event, ludc_value **out) {
    lud_str name = ludc_str((const char *)event->data.alias.anchor);
    const ludc_value *node = NULL;
    for (size_t i = 0; i < r->n_anchors; i++)
        if (ludc_str_eq(name, r->anchors[i].name)) node = r->anchors[i].node;
    if (!node) return fail_at(r, event->start_mark, "there is no anchor named &", name);
    r->n_nodes += count_nodes(node);
    if (r->n_nodes > MAX_NODES)
        return fail_at(r, event->start_mark, "the aliases expand to more than 200000 values at *", name);
    *out = ludc_value_copy(node);
    return *out ? LUD_OK : ludc_no_memory(r->err, r->name);
}

static bool tag_is(const yaml_char_t *tag, const char *word) {
    static const char prefix[] = "tag:yaml.org,2002:";
    return tag && strncmp((const char *)tag, prefix, sizeof prefix - 1) == 0 &&
           strcmp((const char *)tag + sizeof prefix - 1, word) == 0;
}

static bool tag_known(const yaml_char_t *tag) {
    static const char *const known[] = {"str", "int", "float", "bool", "null", "seq", "map"};
    if (!tag || strcmp((const char *)tag, "!") == 0) return true;
    for (size_t i = 0; i < LUDC_COUNT(known); i++)
        if (tag_is(tag, known[i])) return true;
    return false;
}

static lud_status scalar(reader *r, const yaml_event_t *event, ludc_value **out) {
    lud_str text = {(const char *)event->data.scalar.value, event->data.scalar.length};
    const yaml_char_t *tag = event->data.scalar.tag;
    if (!tag_known(tag)) return fail_at(r, event->start_mark, "unknown tag ", ludc_str((const char *)tag));
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !tag_is(tag, "str") &&
                 !(tag && strcmp((const char *)tag, "!") == 0);
    bool finite = true;
    *out = plain ? ludc_yaml_scalar(text, &finite) : ludc_value_str(text);
    if (!finite) return fail_at(r, event->start_mark, "a config holds finite numbers only, got ", text);
    return *out ? LUD_OK : ludc_no_memory(r->err, r->name);
}

static lud_status node(reader *r, yaml_event_t *event, ludc_value **out);

static lud_status key_error(reader *r, const ludc_value *map, const yaml_event_t *event) {
    lud_str key = {(const char *)event->data.scalar.value, event->data.scalar.length};
    if (event->type != YAML_SCALAR_EVENT) return fail_at(r, event->start_mark, "a key must be text", (lud_str){0});
    if (map->len == MAX_KEYS) return fail_at(r, event->start_mark, "more than 10000 keys in one section", (lud_str){0});
    if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && ludc_str_eq(key, "<<"))
        return fail_at(r, event->start_mark, "merge keys (<<) are not supported; write the keys out", (lud_str){0});
    for (size_t i = 0; i < map->len; i++)
        if (ludc_str_same(map->keys[i], key)) return fail_at(r, event->start_mark, "duplicate key ", key);
    return LUD_OK;
}

static lud_status member(reader *r, yaml_event_t *key, ludc_value *map) {
    LUDC_TRY(key_error(r, map, key));
    yaml_event_t event;
    LUDC_TRY(next(r, &event));
    ludc_value *child = NULL;
    lud_status status = node(r, &event, &child);
    yaml_event_delete(&event);
    if (status != LUD_OK) return status;
    lud_str name = {(const char *)key->data.scalar.value, key->data.scalar.length};
    if (!ludc_value_append(map, name, child) || !ludc_value_key_pos(map)) return ludc_no_memory(r->err, r->name);
    map->key_pos[2 * map->len - 2] = (int32_t)key->start_mark.line + 1;
    map->key_pos[2 * map->len - 1] = (int32_t)key->start_mark.column + 1;
    return LUD_OK;
}

static lud_status item(reader *r, yaml_event_t *event, ludc_value *list) {
    ludc_value *child = NULL;
    LUDC_TRY(node(r, event, &child));
    return ludc_value_push(list, child) ? LUD_OK : ludc_no_memory(r->err, r->name);
}

static lud_status children(reader *r, ludc_value *v) {
    bool object = v->type == LUD_CFG_OBJECT;
    yaml_event_type_t end = object ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
    for (;;) {
        yaml_event_t event;
        LUDC_TRY(next(r, &event));
        bool done = event.type == end;
        lud_status status = done ? LUD_OK : object ? member(r, &event, v) : item(r, &event, v);
        yaml_event_delete(&event);
        if (done || status != LUD_OK) return status;
    }
}

static lud_status collection(reader *r, const yaml_event_t *event, const yaml_char_t *tag, ludc_value **out) {
    if (!tag_known(tag)) return fail_at(r, event->start_mark, "unknown tag ", ludc_str((const char *)tag));
    if (r->depth == MAX_DEPTH) return fail_at(r, event->start_mark, "nested more than 100 deep", (lud_str){0});
    *out = ludc_value_new(event->type == YAML_MAPPING_START_EVENT ? LUD_CFG_OBJECT : LUD_CFG_LIST);
    if (!*out) return ludc_no_memory(r->err, r->name);
    r->depth++;
    lud_status status = children(r, *out);
    r->depth--;
    return status;
}

static lud_status fill_node(reader *r, yaml_event_t *event, ludc_value **out, const yaml_char_t **name) {
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        *name = event->data.scalar.anchor;
        return scalar(r, event, out);
    case YAML_SEQUENCE_START_EVENT:
        *name = event->data.sequence_start.anchor;
        return collection(r, event, event->data.sequence_start.tag, out);
    case YAML_MAPPING_START_EVENT:
        *name = event->data.mapping_start.anchor;
        return collection(r, event, event->data.mapping_start.tag, out);
    case YAML_ALIAS_EVENT:
        return copy_alias(r, event, out);
    default:
        return fail_at(r, event->start_mark, "a value was expected", (lud_str){0});
    }
}

static lud_status node(reader *r, yaml_event_t *event, ludc_value **out) {
    const yaml_char_t *name = NULL;
    ludc_value *v = NULL;
    lud_status status = LUD_OK;
    if (++r->n_nodes > MAX_NODES) status = fail_at(r, event->start_mark, "more than 200000 values", (lud_str){0});
    if (status == LUD_OK) status = fill_node(r, event, &v, &name);
    if (status == LUD_OK) status = remember(r, name, v, event->start_mark);
    if (status != LUD_OK) return ludc_value_free(v), status;
    if (event->type != YAML_ALIAS_EVENT) {
        v->line = (int32_t)event->start_mark.line + 1;
        v->col = (int32_t)event->start_mark.column + 1;
    }
    *out = v;
    return LUD_OK;
}

/* Reads events up to one of type `want`; anything else in between is an error with the words of `what`. */
static lud_status expect(reader *r, yaml_event_type_t want, const char *what) {
    yaml_event_t event;
    LUDC_TRY(next(r, &event));
    lud_status status = event.type == want ? LUD_OK : fail_at(r, event.start_mark, what, (lud_str){0});
    yaml_event_delete(&event);
    return status;
}

static lud_status document(reader *r, ludc_value **out) {
    LUDC_TRY(expect(r, YAML_STREAM_START_EVENT, "not a YAML stream"));
    LUDC_TRY(expect(r, YAML_DOCUMENT_START_EVENT, "the text holds no value"));
    yaml_event_t event;
    LUDC_TRY(next(r, &event));
    lud_status status = node(r, &event, out);
    yaml_event_delete(&event);
    if (status == LUD_OK) status = expect(r, YAML_DOCUMENT_END_EVENT, "the document goes on after its value");
    if (status == LUD_OK) status = expect(r, YAML_STREAM_END_EVENT, "there is more than one YAML document");
    return status;
}

lud_status ludc_yaml_parse(const char *text, size_t n, const char *name, ludc_value **out, lud_error *err) {
    if (n > MAX_BYTES)
        return ludc_fail(err, LUD_E_INVALID, "%s: error: a YAML text may have 8 MiB, got %zu bytes", name, n);
    reader r = {.name = name, .text = text, .n = n, .err = err};
    if (!yaml_parser_initialize(&r.yaml)) return ludc_no_memory(r.err, r.name);
    yaml_parser_set_encoding(&r.yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.yaml, (const unsigned char *)(n ? text : ""), n);
    ludc_value *v = NULL;
    lud_status status = document(&r, &v);
    if (status == LUD_OK)
        *out = v;
    else
        ludc_value_free(v);
    for (size_t i = 0; i < r.n_anchors; i++)
        ludc_free(r.anchors[i].name);
    ludc_free(r.anchors);
    yaml_parser_delete(&r.yaml);
    return status;
}
