/* SPDX-License-Identifier: Apache-2.0
 * What to say about an unknown key: an old name, a key of another section, or the nearest name of this section. */
#include "config_internal.h"
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
    char text[MAX_PLACES][128];
    size_t n;
} places;

static void find_places(const ludc_key *table, const char *path, lud_str name, int depth, places *out) {
    for (; table->name; table++) {
        if (ludc_str_eq(name, table->name) && *path) {
            if (out->n < MAX_PLACES) snprintf(out->text[out->n], sizeof out->text[0], "%s", path);
            out->n++;
        }
        if (!table->section || depth == 4) continue;
        char inner[128];
        ludc_path_of(inner, sizeof inner, path, ludc_str(table->name));
        find_places(table->section, inner, name, depth + 1, out);
    }
}

static const char *nearest_key(const ludc_key *table, lud_str name) {
    const char *names[MAX_NAMES];
    size_t n = 0;
    for (; table->name && n < MAX_NAMES; table++)
        names[n++] = table->name;
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

void ludc_hint_key(const ludc_key *root, const ludc_key *table, const char *path, lud_str name, char *out,
                   size_t size) {
    char here[128];
    places found = {0};
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
    if (found.n == 1 || (found.n == 2 && !near)) {
        snprintf(out, size, " ('%.*s' belongs under %s%s%s)", (int)name.len, name.ptr, found.text[0],
                 found.n == 2 ? " or " : "", found.n == 2 ? found.text[1] : "");
    } else if (near) {
        snprintf(out, size, " (did you mean '%s'?)", near);
    }
}

void ludc_hint_word(const char *const *words, const char *const *planned, lud_str word, char *out, size_t size) {
    const char *names[MAX_NAMES];
    size_t n = 0, shown = 0, used = 0;
    for (; words && words[n] && n < MAX_NAMES; n++)
        names[n] = words[n];
    size_t available = n;
    for (; planned && *planned && n < MAX_NAMES; planned++)
        names[n++] = *planned;
    const char *near = ludc_nearest(word, names, n);
    out[0] = 0;
    if (near) used += (size_t)snprintf(out, size, " (did you mean '%s'?)", near);
    for (; shown < LUDC_MIN(available, (size_t)8) && used < size; shown++) {
        used += (size_t)snprintf(out + used, size - used, "%s%s", shown ? ", " : "; allowed: ", names[shown]);
    }
    if (available > shown && used < size) snprintf(out + used, size - used, ", ... (%zu in all)", available);
}
