/* SPDX-License-Identifier: Apache-2.0
 * What to say about an unknown key: an old name, a key of another section, or the nearest name of this section. */
#include "config_internal.h"
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { MAX_NAMES = 128, MAX_PLACES = 2 };

/* Names that Ludwig had before 0.10, and names of PEFT that users bring along. */
static const struct {
    const char *section, *old, *now;
} renamed[] = {
    {"", "training", "trainer"},
    {"", "model_name", "base_model"},
    {"", "model", "base_model"},
    {"adapter", "lora_alpha", "alpha"},
    {"adapter", "lora_dropout", "dropout"},
    {"adapter", "bias", "bias_type"},
    {"adapter", "rank", "r"},
    {"trainer", "lr", "learning_rate"},
    {"trainer.optimizer", "lr", "trainer.learning_rate"},
    {"trainer.optimizer", "learning_rate", "trainer.learning_rate"},
    {"trainer", "learning_rate_warmup_epochs", "learning_rate_scheduler.warmup_evaluations"},
    {"trainer", "reduce_learning_rate_on_plateau", "learning_rate_scheduler.reduce_on_plateau"},
    {"trainer", "increase_batch_size_on_plateau_max", "max_batch_size"},
    {"preprocessing", "split_probabilities", "split.probabilities"},
    {"preprocessing", "stratify", "split.type: stratify"},
    {"preprocessing", "force_split", "split"},
};

typedef struct places {
    const char *here; /* where the unknown key stands */
    char text[MAX_PLACES][128];
    size_t n;
    bool other_type; /* the key is known here, in a feature of another type */
} places;

static void add_place(const char *path, places *out) {
    out->other_type |= strcmp(path, out->here) == 0;
    for (size_t i = 0; i < LUDC_MIN(out->n, (size_t)MAX_PLACES); i++)
        if (strcmp(out->text[i], path) == 0) return;
    if (out->n < MAX_PLACES) snprintf(out->text[out->n], sizeof out->text[0], "%s", path);
    out->n++;
}

static void find_places(const ludc_key *owner, const char *path, lud_str name, int depth, places *out);

static void find_in(const ludc_key *keys, const char *path, lud_str name, int depth, places *out) {
    if (*path && ludc_key_find(keys, name)) add_place(path, out);
    for (; keys->name && depth < 4; keys++) {
        char inner[128];
        ludc_path_of(inner, sizeof inner, path, ludc_str(keys->name));
        bool repeats = depth == 0 && strcmp(keys->name, "defaults") == 0; /* the sections of features */
        if (keys->section && !repeats) find_places(keys, inner, name, depth + 1, out);
    }
}

static void find_places(const ludc_key *owner, const char *path, lud_str name, int depth, places *out) {
    find_in(owner->section, path, name, depth, out);
    for (const ludc_variant *v = owner->variants; v && v->types; v++)
        find_in(v->keys, path, name, depth, out);
}

static const char *nearest_key(const ludc_table *table, lud_str name) {
    const char *names[MAX_NAMES];
    size_t n = 0;
    for (size_t part = 0; part < LUDC_COUNT(table->part); part++)
        for (const ludc_key *k = table->part[part]; k && k->name && n < MAX_NAMES; k++)
            names[n++] = k->name;
    return ludc_nearest(name, names, n);
}

/* "input_features.0.encoder" -> "input_features.encoder": the path as the tables know it. */
static void without_numbers(const char *path, char *out, size_t size) {
    size_t n = 0;
    while (*path && n + 1 < size) {
        size_t len = strcspn(path, ".");
        bool number = len && strspn(path, "0123456789") == len;
        for (size_t i = 0; !number && i < len + (path[len] == '.') && n + 1 < size; i++)
            out[n++] = path[i];
        path += len + (path[len] == '.');
    }
    while (n && out[n - 1] == '.')
        n--;
    out[n] = 0;
}

void ludc_hint_key(const ludc_key *root, const ludc_table *table, const char *path, lud_str name, char *out,
                   size_t size) {
    char here[128];
    places found = {.here = here};
    out[0] = 0;
    without_numbers(path, here, sizeof here);
    for (size_t i = 0; i < LUDC_COUNT(renamed); i++) {
        if (strcmp(here, renamed[i].section) == 0 && ludc_str_eq(name, renamed[i].old)) {
            snprintf(out, size, " (it is called '%s')", renamed[i].now);
            return;
        }
    }
    find_places(root, "", name, 0, &found);
    const char *near = nearest_key(table, name);
    if (found.other_type) {
        snprintf(out, size, " (it is for features of another type)");
    } else if (found.n == 1 || (found.n == 2 && !near)) {
        snprintf(out, size, " ('%.*s' belongs under %s%s%s)", LUDC_ARG(name), found.text[0], found.n == 2 ? " or " : "",
                 found.n == 2 ? found.text[1] : "");
    } else if (near) {
        snprintf(out, size, " (did you mean '%s'?)", near);
    }
}

lud_str ludc_nearest_word(const char *words, lud_str word) {
    lud_str best = {0};
    int least = INT_MAX;
    for (lud_str w; words && (w = ludc_next_word(&words)).len;) {
        char name[128];
        const char *list[1] = {name};
        snprintf(name, sizeof name, "%.*s", LUDC_ARG(w));
        const int distance = ludc_edit_distance(word, w);
        if (distance < least && ludc_nearest(word, list, 1)) best = w, least = distance;
    }
    return best;
}

void ludc_hint_word(const char *words, const char *planned, lud_str word, char *out, size_t size) {
    const lud_str known = ludc_nearest_word(words, word), later = ludc_nearest_word(planned, word);
    const bool is_later =
        later.len && (!known.len || ludc_edit_distance(word, later) < ludc_edit_distance(word, known));
    const lud_str near = is_later ? later : known;
    size_t used = 0, n = 0;
    out[0] = 0;
    if (near.len) used += (size_t)snprintf(out, size, " (did you mean '%.*s'?)", LUDC_ARG(near));
    for (lud_str w; words && (w = ludc_next_word(&words)).len; n++)
        if (n < 8 && used < size)
            used += (size_t)snprintf(out + used, size - used, "%s%.*s", n ? ", " : "; allowed: ", LUDC_ARG(w));
    if (n > 8 && used < size) snprintf(out + used, size - used, ", ... (%zu in all)", n);
}
