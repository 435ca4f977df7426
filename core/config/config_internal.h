/* SPDX-License-Identifier: Apache-2.0
 * What the files of core/config share: source excerpts, the collected messages, the passes over a config. */
#ifndef LUDC_CONFIG_INTERNAL_H
#define LUDC_CONFIG_INTERNAL_H

#include <config.h>

/* Appends line `line` of the text and below it a caret under character `col`; nothing if there is no such line. */
void ludc_source_line(const char *text, size_t n, int32_t line, int32_t col, ludc_buf *out);
/* Makes room for the positions of an object's keys. */
bool ludc_value_key_pos(ludc_value *object);
/* Fills line and col of every node from the JSON text that the tree was made from. */
bool ludc_json_positions(const char *text, size_t n, ludc_value *root);

/* ---- Messages (diag.c): collected, ordered by position, printed at the end ---- */
enum { LUDC_DIAG_CAP = 20 };
typedef struct ludc_diag_item {
    int32_t line, col; /* line < 0: came from `sets[-line - 1]` */
    char *text;
} ludc_diag_item;
typedef struct ludc_diag {
    const char *name, *text; /* the source, for excerpts; text may be NULL */
    size_t n;
    const char *const *sets;
    ludc_diag_item items[LUDC_DIAG_CAP];
    size_t len, dropped;
    bool failed; /* out of memory */
} ludc_diag;
typedef struct ludc_at {
    int32_t line, col;
} ludc_at;
ludc_at ludc_at_value(const ludc_value *);
ludc_at ludc_at_key(const ludc_value *object, size_t i);
void ludc_diag_add(ludc_diag *, ludc_at, const char *fmt, ...) LUDC_PRINTF(3, 4);
/* "path: message", where the user wrote that, or the nearest section around it. */
void ludc_diag_rule(ludc_diag *, const ludc_value *user, const char *path, const char *fmt, ...) LUDC_PRINTF(4, 5);
/* LUD_OK if nothing was collected. Frees the items. */
lud_status ludc_diag_report(ludc_diag *, lud_error *);

/* ---- The keys that one object may hold (tables.c) ---- */
typedef struct ludc_table {
    const ludc_key *part[2]; /* those of the section; those that the object's type adds, or NULL */
    bool open;               /* other keys are let through */
} ludc_table;
/* owner: the key whose value the object is, or a list item of. */
ludc_table ludc_table_of(const ludc_key *owner, const ludc_value *object);
const ludc_key *ludc_table_find(const ludc_table *, lud_str name);
const ludc_key *ludc_key_find(const ludc_key *section, lud_str name);
/* The next word of "a|b|c"; its length is 0 at the end. */
lud_str ludc_next_word(const char **rest);
bool ludc_has_word(const char *words, lud_str word); /* words may be NULL */
/* The types that have this key: "adam or adamw"; "" if none. */
void ludc_types_of(const ludc_key *owner, lud_str key, char *out, size_t size);

/* ---- The config_schema of a component as keys (json_schema.c) ---- */
typedef struct ludc_schema {
    ludc_key owner; /* its section: core's keys and the component's */
    lud_str type;   /* what the section names: for default_by_type */
    ludc_value *json;
    void **blocks;
    size_t n_blocks;
    char broken[256]; /* what is wrong with the schema */
    bool failed;      /* out of memory */
} ludc_schema;
lud_status ludc_schema_read(const lud_component *, const ludc_key *core, lud_str type, ludc_schema *out, lud_error *);
void ludc_schema_free(ludc_schema *);

/* ---- Passes ---- */
/* Values from sets[i] get line -i - 1 until ludc_clear_marks. */
lud_status ludc_apply_sets(ludc_value *root, const char *const *sets, size_t n, lud_error *);
void ludc_clear_marks(ludc_value *);
/* Where the user wrote the value at this path, or the nearest section around it. */
ludc_at ludc_at_path(const ludc_value *user, const char *dotted);
/* A plain scalar as the value that it spells; *finite is false for infinities and NaN. NULL if out of memory. */
ludc_value *ludc_yaml_scalar(lud_str s, bool *finite);
/* Unknown keys, types, ranges, words; all into diag (validate.c). path: of the object, "" for a whole config. */
void ludc_validate(const ludc_value *user, const ludc_key *owner, const char *path, ludc_diag *);
/* The tree with every default, NULL if out of memory (defaults.c). */
ludc_value *ludc_fill(const ludc_value *user, const ludc_key *owner);
/* A copy whose features have what the `defaults` section gives their types, without that section; NULL if out of
 * memory (merge.c). */
ludc_value *ludc_merge_defaults(const ludc_value *user);
/* Rules that span keys; reads the filled tree, places messages by the user's (rules.c, rules_ecd.c). */
void ludc_check_rules(const ludc_value *user, const ludc_value *full, ludc_diag *);
void ludc_check_ecd(const ludc_value *user, const ludc_value *full, ludc_diag *);
void ludc_check_shared(const ludc_value *user, const ludc_value *full, ludc_diag *); /* rules of both model types */
void ludc_check_patterns(const ludc_value *user, const ludc_value *full, const char *adapter, ludc_diag *);
void ludc_check_prompt(const ludc_value *user, const ludc_value *full, ludc_diag *); /* prompt.c */
void ludc_check_labels(const ludc_value *user, const ludc_value *full, ludc_diag *); /* labels.c */
/* Defaults that depend on other keys (dynamic.c, dynamic_ecd.c). */
bool ludc_fill_dynamic(ludc_value *full);
bool ludc_fill_ecd(ludc_value *full);
bool ludc_fill_columns(ludc_value *features);
bool ludc_fill_batch(ludc_value *trainer); /* nothing while batch_size is a word */
bool ludc_fill_adapter(ludc_value *adapter);
/* What picks the best model, where the trainer does not say: this output, by this metric (NULL: its loss). */
bool ludc_fill_validation(ludc_value *trainer, const ludc_value *name, const ludc_value *metric);
bool ludc_is_lora(const ludc_value *adapter);
/* "a.b" of a path and a key; cut to size. */
void ludc_path_of(char *out, size_t size, const char *path, lud_str key);
/* yes, no, on, off: booleans of YAML 1.1. */
bool ludc_yaml_bool(lud_str s, bool *value);
/* What to say after "unknown key" and after a word that is not allowed; "" if nothing (hints.c). */
void ludc_hint_key(const ludc_key *root, const ludc_table *, const char *path, lud_str name, char *out, size_t size);
void ludc_hint_word(const char *words, const char *planned, lud_str word, char *out, size_t size);
lud_str ludc_nearest_word(const char *words, lud_str word); /* len 0, ptr NULL: none is near */

#endif
