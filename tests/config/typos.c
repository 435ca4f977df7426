/* SPDX-License-Identifier: Apache-2.0
 * Every key of the schema with one wrong, one missing, one doubled letter, and two swapped: the message must suggest
 * the right key first, in at least 99 of 100 cases. */
#include <check.h>
#include <config.h>

static long tried, right;

static void put_path(const ludc_key *const *way, size_t depth, const char *typo, ludc_buf *out) {
    for (size_t i = 0; i < depth; i++)
        ludc_buf_addf(out, "\"%s\": %s", way[i]->name, way[i]->types & LUDC_T_LIST ? "[{" : "{");
    if (depth && strcmp(way[depth - 1]->name, "adapter") == 0) ludc_buf_adds(out, "\"type\": \"lora\", ");
    ludc_buf_addf(out, "\"%s\": 1", typo);
    for (size_t i = depth; i-- > 0;)
        ludc_buf_adds(out, way[i]->types & LUDC_T_LIST ? "}]" : "}");
}

static bool is_key(const ludc_key *table, const char *name) {
    for (; table->name; table++)
        if (strcmp(table->name, name) == 0) return true;
    return false;
}

static void try_typo(const ludc_key *const *way, size_t depth, const ludc_key *table, const ludc_key *k,
                     const char *typo) {
    if (!*typo || is_key(table, typo)) return;
    ludc_buf text = {0};
    char want[128];
    lud_error err = LUDC_ERROR_INIT;
    ludc_config c = {0};
    ludc_buf_adds(&text, "{\"model_type\": \"llm\", ");
    put_path(way, depth, typo, &text);
    ludc_buf_adds(&text, "}");
    snprintf(want, sizeof want, "unknown key '%s' (did you mean '%s'?)", typo, k->name);
    CHECK_INT(ludc_config_parse(text.ptr, text.len, "c.json", NULL, 0, &c, &err), LUD_E_INVALID);
    tried++;
    if (strstr(err.msg, want)) {
        right++;
    } else if (tried - right < 40) {
        fprintf(stderr, "not suggested: %s\n", want);
    }
    ludc_buf_free(&text);
}

static void try_key(const ludc_key *const *way, size_t depth, const ludc_key *table, const ludc_key *k) {
    char typo[80];
    size_t n = strlen(k->name);
    for (size_t i = 0; i < n; i++) {
        snprintf(typo, sizeof typo, "%s", k->name);
        typo[i] = typo[i] == 'q' ? 'z' : 'q';
        try_typo(way, depth, table, k, typo);
        snprintf(typo, sizeof typo, "%.*s%s", (int)i, k->name, k->name + i + 1);
        try_typo(way, depth, table, k, typo);
        snprintf(typo, sizeof typo, "%.*s%s", (int)i + 1, k->name, k->name + i);
        try_typo(way, depth, table, k, typo);
        if (i + 1 == n || k->name[i] == k->name[i + 1]) continue;
        snprintf(typo, sizeof typo, "%s", k->name);
        typo[i] = k->name[i + 1];
        typo[i + 1] = k->name[i];
        try_typo(way, depth, table, k, typo);
    }
}

static void walk(const ludc_key **way, size_t depth, const ludc_key *table) {
    for (const ludc_key *k = table; k->name; k++) {
        try_key(way, depth, table, k);
        if (!k->section) continue;
        way[depth] = k;
        walk(way, depth + 1, k->section);
    }
}

int main(void) {
    const ludc_key *way[8];
    walk(way, 0, ludc_schema_root("llm"));
    printf("%ld of %ld typos corrected (%.2f %%)\n", right, tried, 100.0 * (double)right / (double)tried);
    CHECK(tried > 1000);
    CHECK((double)right >= 0.99 * (double)tried);
    return check_done();
}
