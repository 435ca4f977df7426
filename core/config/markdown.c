/* SPDX-License-Identifier: Apache-2.0
 * Prints the schema tables as docs/config.md. A test compares the file with this text. */
#include "config_internal.h"
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

static void put_words(const char *const *words, const char *mark, ludc_buf *out) {
    for (size_t i = 0; words && words[i]; i++)
        ludc_buf_addf(out, "%s%s%s", out->ptr[out->len - 1] == ' ' ? "" : ", ", words[i], mark);
}

static void put_row(const ludc_key *k, ludc_buf *out) {
    ludc_buf_addf(out, "| `%s` | ", k->name);
    put_types(k, out);
    ludc_buf_adds(out, " | ");
    if (k->flags & LUDC_KEY_REQUIRED) {
        ludc_buf_adds(out, "required");
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

static void put_section(const ludc_key *table, const char *path, ludc_buf *out) {
    bool header = false;
    ludc_buf_addf(out, "\n## %s\n", *path ? path : "Top level");
    for (const ludc_key *k = table; k->name; k++) {
        if (k->flags & LUDC_KEY_PLANNED) continue;
        if (!header) ludc_buf_adds(out, "\n| key | type | default | values | meaning |\n|---|---|---|---|---|\n");
        header = true;
        put_row(k, out);
    }
    put_planned(table, out);
    for (const ludc_key *k = table; k->name; k++) {
        char inner[128];
        ludc_path_of(inner, sizeof inner, path, ludc_str(k->name));
        if (k->section) put_section(k->section, inner, out);
    }
}

void ludc_schema_markdown(ludc_buf *out) {
    ludc_buf_adds(out,
                  "# Keys of a config\n\nPrinted from the schema tables in core/config; do not edit. A config is JSON "
                  "or YAML. Names and defaults are those of\nLudwig 0.10 unless the text says \"ours\". A key that "
                  "is not listed here is an error. `*`: known, not available yet.\nAny value can be given as "
                  "`--set KEY.PATH=VALUE` too; items of lists go by number: `--set input_features.0.name=text`.\n");
    put_section(ludc_schema_root("llm"), "", out);
}
