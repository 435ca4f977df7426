/* SPDX-License-Identifier: Apache-2.0
 * config: JSON and YAML into one value tree with positions; schema tables; defaults; validation. */
#ifndef LUDC_CONFIG_H
#define LUDC_CONFIG_H

#include <plugin.h>

/* JSON through jansson (duplicate keys refused, depth bounded), positions by a pass of our own when `positions`.
 * `name` is the file name for messages: NAME:LINE:COL: ... allow_nul: data rows may hold \u0000. */
lud_status ludc_json_parse(const char *text, size_t n, const char *name, bool positions, bool allow_nul,
                           ludc_value **out, lud_error *);
lud_status ludc_json_load(const char *path, ludc_value **out, lud_error *); /* a whole file, with positions */
/* One YAML document; numbers such as 1e-5 are numbers; anchors and aliases with a cap on expansion. */
lud_status ludc_yaml_parse(const char *text, size_t n, const char *name, ludc_value **out, lud_error *);

typedef struct ludc_config {
    ludc_value *user; /* what was written, with positions */
    ludc_value *full; /* every default filled */
    char *name;       /* file name or "<config>" */
} ludc_config;

/* Reads a config by its extension (.yaml/.yml, else JSON; when that fails on the first character, YAML), applies
 * `sets` ("a.b=c", c parsed as a YAML scalar or flow value), validates, fills defaults. All errors at once, one per
 * line: "c.yaml:3:1: error: unknown key 'triner' (did you mean 'trainer'?)". LUD_E_INVALID (exit 2). */
lud_status ludc_config_load(const char *path, const char *const *sets, size_t n_sets, ludc_config *, lud_error *);
lud_status ludc_config_parse(const char *text, size_t n, const char *name, const char *const *sets, size_t n_sets,
                             ludc_config *, lud_error *);
void ludc_config_free(ludc_config *);

/* ---- Schema tables (schema.c and one file per section) ---- */
enum {
    LUDC_T_BOOL = 1,
    LUDC_T_INT = 2,
    LUDC_T_FLOAT = 4,
    LUDC_T_STR = 8,
    LUDC_T_LIST = 16,
    LUDC_T_OBJECT = 32,
    LUDC_T_NULL = 64
};
enum {
    LUDC_KEY_PLANNED =
        1, /* a key of Ludwig 0.10 that is not built yet: "known, not available yet" unless it holds its default */
    LUDC_KEY_REQUIRED = 2,
    LUDC_KEY_ANY = 4,      /* free-form subtree */
    LUDC_KEY_TEXTS = 8,    /* a list holds strings */
    LUDC_KEY_NUMBERS = 16, /* a list holds numbers; min and max bound each */
    LUDC_KEY_INTEGERS = 32,
    LUDC_KEY_ABOVE = 64,  /* a number must be more than min, not equal */
    LUDC_KEY_BELOW = 512, /* and less than max */
    LUDC_KEY_OPEN = 128,  /* section of a component: other keys than the section's are its own, see component.c; words:
                             others may be names of components */
    LUDC_KEY_LATE = 256   /* the component may have another default: filled by ludc_component_section */
};
typedef struct ludc_key ludc_key;
/* Further keys of an object whose `type` is one of these words ("adam|adamw"). */
typedef struct ludc_variant {
    const char *types;
    const ludc_key *keys;
} ludc_variant;
struct ludc_key {
    const char *name;
    uint32_t types, flags;
    const char *dflt;        /* JSON text; NULL: no default, stays absent */
    double min, max;         /* numbers; min > max: no range */
    const char *words;       /* allowed strings: "a|b|c"; NULL = any */
    const ludc_key *section; /* keys of the object, or of each list item */
    const char *doc;         /* one line */
    const char *planned;     /* words of Ludwig that are known, not available yet; NULL = none */
    /* Sections: by the object's `type`, ended by {NULL}. A type that none names: other keys are let through. */
    const ludc_variant *variants;
    const char *type; /* sections: the default of their key `type` */
};
const ludc_key *ludc_schema_root(const char *model_type); /* "llm", "ecd"; NULL if unknown */

/* ---- Sections of components (component.c) ---- */
/* What core reads of the section of an encoder, a decoder, a combiner or an adapter. feature_type: encoders. */
const ludc_key *ludc_component_keys(int32_t kind, lud_str feature_type);
/* Checks a section against core_keys and the component's config_schema, all errors at once, and fills the defaults of
 * both. A component without a config_schema takes any other key. section: NULL, null, a type's word, or an object
 * ("type" is added if it has none); path: its place in the config, for messages; file: for "file:line:col", or NULL.
 * *full: heap. A broken config_schema is LUD_E_ABI. */
lud_status ludc_component_section(const char *file, const ludc_value *section, const char *path, const lud_component *,
                                  const ludc_key *core_keys, ludc_value **full, lud_error *);
/* For `ludwig plugin check`: a component's config_schema can be read and its defaults are values it allows. */
lud_status ludc_component_check(ludc_host *, const lud_component *, lud_error *);

#endif
