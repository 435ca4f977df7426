/* SPDX-License-Identifier: Apache-2.0
 * Every key of the schema with one wrong, one missing, one doubled letter, and two swapped: the message must suggest
 * the right key first, in at least 99 of 100 cases. */
#include <check.h>
#include <config.h>

enum { DEPTH = 12 };

/* One step of the way to a section, and the type that its object names, or NULL. */
typedef struct step {
    const ludc_key *key;
    char type[64];
} step;

static const char *model_type;
static long tried, right;

static void put_path(const step *way, size_t depth, const char *typo, ludc_buf *out) {
    for (size_t i = 0; i < depth; i++) {
        ludc_buf_addf(out, "\"%s\": %s", way[i].key->name, way[i].key->types & LUDC_T_LIST ? "[{" : "{");
        if (way[i].type[0]) ludc_buf_addf(out, "\"type\": \"%s\", ", way[i].type);
    }
    ludc_buf_addf(out, "\"%s\": 1", typo);
    for (size_t i = depth; i-- > 0;)
        ludc_buf_adds(out, way[i].key->types & LUDC_T_LIST ? "}]" : "}");
}

static bool is_key(const ludc_key *table, const char *name) {
    for (; table && table->name; table++)
        if (strcmp(table->name, name) == 0) return true;
    return false;
}

/* True if the misspelt word is a key of the object, or of it with another type. */
static bool is_taken(const ludc_key *owner, const char *name) {
    bool taken = is_key(owner->section, name);
    for (const ludc_variant *v = owner->variants; v && v->types; v++)
        taken |= is_key(v->keys, name);
    return taken;
}

static void try_typo(const step *way, size_t depth, const ludc_key *owner, const ludc_key *k, const char *typo) {
    if (!*typo || is_taken(owner, typo)) return;
    ludc_buf text = {0};
    char want[128];
    lud_error err = LUDC_ERROR_INIT;
    ludc_config c = {0};
    ludc_buf_addf(&text, "{\"model_type\": \"%s\", ", model_type);
    put_path(way, depth, typo, &text);
    ludc_buf_adds(&text, "}");
    snprintf(want, sizeof want, "unknown key '%s' (did you mean '%s'?)", typo, k->name);
    CHECK_INT(ludc_config_parse(text.ptr, text.len, "c.json", NULL, 0, &c, &err), LUD_E_INVALID);
    tried++;
    if (strstr(err.msg, want)) {
        right++;
    } else if (tried - right < 60) {
        fprintf(stderr, "not suggested: %s\n", want);
    }
    ludc_buf_free(&text);
}

static void try_key(const step *way, size_t depth, const ludc_key *owner, const ludc_key *k) {
    char typo[80];
    size_t n = strlen(k->name);
    for (size_t i = 0; i < n; i++) {
        snprintf(typo, sizeof typo, "%s", k->name);
        typo[i] = typo[i] == 'q' ? 'z' : 'q';
        try_typo(way, depth, owner, k, typo);
        snprintf(typo, sizeof typo, "%.*s%s", (int)i, k->name, k->name + i + 1);
        try_typo(way, depth, owner, k, typo);
        snprintf(typo, sizeof typo, "%.*s%s", (int)i + 1, k->name, k->name + i);
        try_typo(way, depth, owner, k, typo);
        if (i + 1 == n || k->name[i] == k->name[i + 1]) continue;
        snprintf(typo, sizeof typo, "%s", k->name);
        typo[i] = k->name[i + 1];
        typo[i + 1] = k->name[i];
        try_typo(way, depth, owner, k, typo);
    }
}

static void walk(step *way, size_t depth, const ludc_key *owner);

/* Misspells the keys of one table, then goes into its sections. In the sections of components every key is let
 * through here. A misspelt `type` is not tried where it decides which keys there are. */
static void walk_keys(step *way, size_t depth, const ludc_key *owner, const ludc_key *keys) {
    for (const ludc_key *k = keys; k->name; k++) {
        bool decides = owner->variants && strcmp(k->name, "type") == 0;
        if (!(owner->flags & LUDC_KEY_OPEN) && !decides) try_key(way, depth, owner, k);
        if (!k->section || (depth == 0 && strcmp(k->name, "defaults") == 0)) continue; /* the features' tables again */
        way[depth].key = k;
        walk(way, depth + 1, k);
    }
}

static void walk(step *way, size_t depth, const ludc_key *owner) {
    char *type = depth ? way[depth - 1].type : NULL;
    if (type) type[0] = 0;
    for (const ludc_variant *v = owner->variants; v && v->types; v++) {
        snprintf(type, sizeof way->type, "%.*s", (int)strcspn(v->types, "|"), v->types);
        walk_keys(way, depth, owner, v->keys);
    }
    walk_keys(way, depth, owner, owner->section);
}

static void test_model_type(const char *type) {
    step way[DEPTH] = {{0}};
    ludc_key root = {.section = ludc_schema_root(type)};
    model_type = type;
    tried = right = 0;
    walk(way, 0, &root);
    printf("%s: %ld of %ld typos corrected (%.2f %%)\n", type, right, tried, 100.0 * (double)right / (double)tried);
    CHECK(tried > 1000);
    CHECK((double)right >= 0.99 * (double)tried);
}

int main(void) {
    ludc_log_set(NULL, NULL, LUD_LOG_ERROR);
    test_model_type("llm");
    test_model_type("ecd");
    return check_done();
}
