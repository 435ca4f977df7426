/* SPDX-License-Identifier: Apache-2.0
 * The schema tables as the text of docs/config.md. */
#ifndef LUD_TESTS_CONFIG_MARKDOWN_H
#define LUD_TESTS_CONFIG_MARKDOWN_H

#include <config_internal.h>
#include <stdio.h>
#include <string.h>

static void put_types(const ludc_key *k, ludc_buf *out) {
    static const char *const names[] = {"bool", "int", "float", "string", "list", "object", "null"};
    bool first = true;
    for (uint32_t i = 0; i < LUDC_COUNT(names); i++) {
        if (!(k->types & (1U << i))) continue;
        ludc_buf_addf(out, "%s%s", first ? "" : ", ", names[i]);
        first = false;
    }
}

static void put_cell(const char *text, ludc_buf *out) {
    for (; *text; text++) {
        if (*text == '|') ludc_buf_adds(out, "\\");
        ludc_buf_add(out, text, 1);
    }
}

static void put_bound(double x, ludc_buf *out) {
    if (x < 1e9) {
        ludc_buf_addf(out, "%.9g", x);
    } else {
        ludc_buf_addf(out, "%.0f", x);
    }
}

static void put_range(const ludc_key *k, ludc_buf *out) {
    bool open = k->min > 0 && k->min<1e-300, endless = k->max> 1e300;
    if (k->min > k->max) return;
    ludc_buf_adds(out, open ? "> 0" : endless ? ">= " : "");
    if (!open) put_bound(k->min, out);
    if (endless) return;
    ludc_buf_adds(out, open ? ", <= " : " to ");
    put_bound(k->max, out);
}

static void put_words(const char *words, const char *mark, ludc_buf *out) {
    enum { MOST = 30 };
    size_t n = 0;
    for (lud_str w; words && (w = ludc_next_word(&words)).len; n++)
        if (n < MOST)
            ludc_buf_addf(out, "%s%.*s%s", out->ptr[out->len - 1] == ' ' ? "" : ", ", (int)w.len, w.ptr, mark);
    if (n > MOST) ludc_buf_addf(out, " and %zu more%s", n - MOST, mark);
}

/* "a, b or c" */
static void put_types_of(const char *types, ludc_buf *out) {
    for (lud_str w, first = {types, 0}; (w = ludc_next_word(&types)).len;)
        ludc_buf_addf(out, "%s%.*s", w.ptr == first.ptr ? "" : *types ? ", " : " or ", (int)w.len, w.ptr);
}

static void put_row(const ludc_key *k, ludc_buf *out) {
    ludc_buf_addf(out, "| `%s` | ", k->name);
    put_types(k, out);
    ludc_buf_adds(out, " | ");
    if (k->flags & LUDC_KEY_REQUIRED) {
        ludc_buf_adds(out, "required");
    } else if (k->type && k->dflt) {
        ludc_buf_addf(out, "type `%s`", k->type);
    } else if (k->dflt && strcmp(k->dflt, "{}") != 0) {
        ludc_buf_addf(out, "`%s`", k->dflt);
    }
    ludc_buf_adds(out, " | ");
    put_range(k, out);
    put_words(k->words, "", out);
    put_words(k->planned, "\\*", out);
    ludc_buf_adds(out, " | ");
    put_cell(k->doc, out);
    ludc_buf_adds(out, " |\n");
}

static void put_planned(const ludc_key *table, ludc_buf *out) {
    bool any = false;
    for (const ludc_key *k = table; k->name; k++) {
        if (!(k->flags & LUDC_KEY_PLANNED)) continue;
        ludc_buf_addf(out, "%s`%s` (%s)",
                      any ? ", " : "\nKnown, not available yet; only the default is taken: ", k->name,
                      k->dflt ? k->dflt : "absent");
        any = true;
    }
    ludc_buf_adds(out, any ? ".\n" : "");
}

/* Sections that are printed already, so that none comes twice. */
typedef struct seen {
    struct {
        const ludc_key *keys;
        char path[128];
    } at[96];
    size_t n;
} seen;

static bool put_known(const ludc_key *keys, const char *path, seen *s, ludc_buf *out) {
    for (size_t i = 0; i < s->n; i++) {
        if (s->at[i].keys != keys) continue;
        ludc_buf_addf(out, "\nThe keys of %s.\n", s->at[i].path);
        return true;
    }
    if (s->n == LUDC_COUNT(s->at)) return false;
    snprintf(s->at[s->n].path, sizeof s->at[0].path, "%s", path);
    s->at[s->n++].keys = keys;
    return false;
}

static void put_section(const ludc_key *owner, const char *path, seen *s, ludc_buf *out);

static void put_keys(const ludc_key *keys, const char *path, seen *s, ludc_buf *out) {
    bool header = false;
    ludc_buf_addf(out, "\n## %s\n", *path ? path : "Top level");
    if (put_known(keys, path, s, out)) return;
    for (const ludc_key *k = keys; k->name; k++) {
        if (k->flags & LUDC_KEY_PLANNED) continue;
        if (!header) ludc_buf_adds(out, "\n| key | type | default | values | meaning |\n|---|---|---|---|---|\n");
        header = true;
        put_row(k, out);
    }
    put_planned(keys, out);
    for (const ludc_key *k = keys; k->name; k++) {
        char inner[128];
        ludc_path_of(inner, sizeof inner, path, ludc_str(k->name));
        if (k->section) put_section(k, inner, s, out);
    }
}

static void put_section(const ludc_key *owner, const char *path, seen *s, ludc_buf *out) {
    put_keys(owner->section, path, s, out);
    for (const ludc_variant *v = owner->variants; v && v->types; v++) {
        char inner[128];
        ludc_buf types = {0};
        put_types_of(v->types, &types);
        snprintf(inner, sizeof inner, "%s (%s)", path, types.ptr);
        ludc_buf_free(&types);
        if (v->keys->name) put_keys(v->keys, inner, s, out);
    }
}

static void put_root(const char *model_type, seen *s, ludc_buf *out) {
    ludc_key root = {.section = ludc_schema_root(model_type)};
    ludc_buf_addf(out, "\n# model_type: %s\n", model_type);
    put_section(&root, "", s, out);
}

static void schema_markdown(ludc_buf *out) {
    seen s = {0};
    ludc_buf_adds(out,
                  "# Keys of a config\n\nPrinted from the schema tables in core/config; do not edit. A config is JSON "
                  "or YAML. Names and defaults are those of\nLudwig 0.10 unless the text says \"ours\". A key that "
                  "is not listed here is an error, except in the sections of components\n(encoder, decoder, combiner, "
                  "adapter): their plugins list further keys (docs/plugins.md). `*`: known, not available yet.\n"
                  "A heading such as \"loss (huber)\" has the further keys of that type. Any value can be given as "
                  "`--set KEY.PATH=VALUE` too;\nitems of lists go by number: `--set input_features.0.name=text`.\n");
    put_root("llm", &s, out);
    put_root("ecd", &s, out);
}

#endif
