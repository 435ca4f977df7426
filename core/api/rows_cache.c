/* SPDX-License-Identifier: Apache-2.0
 * Preprocessed rows on disk: an equal training finds them again and neither parses nor tokenizes. Their key is the
 * content of the data files, all of the config that decides rows, the tokenizers and the program itself. Predictive
 * models keep two archives: metadata, then, under a key that also has the tokenizers that opening with them gives, the
 * columns. */
#include "internal.h"

#include <string.h>
#include <sys/stat.h>

/* ---- Keys ---- */
/* File by file: which one it is, what its name says about its format, and its content. */
static lud_status key_of_data(const lud_data_source *src, bool content, uint64_t key[2], lud_error *err) {
    const char *paths[] = {src->dataset, src->training_set, src->validation_set, src->test_set};
    for (size_t i = 0; i < LUDC_COUNT(paths) && (i == 0 || !src->dataset); i++) {
        struct stat st;
        const char *dot = paths[i] ? strrchr(paths[i], '.') : NULL;
        ludc_key_mix(key, &i, sizeof(i));
        if (!paths[i]) continue;
        ludc_key_text(key, ludc_str(dot ? dot : ""));
        if (stat(paths[i], &st) != 0) return LUD_E_IO;
        if (content)
            LUDC_TRY(ludc_key_file(key, paths[i], err));
        else
            ludc_key_mix(key, (const int64_t[]){(int64_t)st.st_ino, st.st_size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec},
                         4 * sizeof(int64_t));
    }
    if (src->format) ludc_key_text(key, ludc_str(src->format));
    return LUD_OK;
}

/* Sections that decide nothing about rows are taken out, whatever is left in counts: a key too many costs time, one too
 * few would cost the truth. */
static lud_status key_of_config(const lud_model *m, uint64_t key[2], lud_error *err) {
    static const char *const idle[] = {"trainer", "generation", "adapter", "backend", "combiner"};
    ludc_value *config = ludc_value_copy(m->config.full);
    const ludc_value *inputs = ludc_value_get(config, "input_features"),
                     *outputs = ludc_value_get(config, "output_features");
    ludc_buf text = {0};
    lud_status status = config && inputs && outputs ? LUD_OK : LUD_E_NOMEM;
    for (size_t i = 0; status == LUD_OK && i < LUDC_COUNT(idle); i++)
        (void)ludc_value_remove(config, idle[i]);
    for (size_t i = 0; status == LUD_OK && i < inputs->len; i++) {
        ludc_value *feature = inputs->items[i];
        const lud_str words = ludc_get_text(feature, "preprocessing.vocab_file");
        const bool tower = ludc_tower_wanted(ludc_value_get(feature, "encoder"));
        if (words.len) status = ludc_key_file(key, words.ptr, err);
        if (!ludc_value_put(feature, "encoder", ludc_value_bool(tower))) status = LUD_E_NOMEM;
    }
    for (size_t i = 0; status == LUD_OK && i < outputs->len; i++) {
        (void)ludc_value_remove(outputs->items[i], "decoder");
        (void)ludc_value_remove(outputs->items[i], "loss");
    }
    if (status == LUD_OK) status = ludc_value_to_json(config, -1, &text);
    ludc_key_mix(key, text.ptr, text.len);
    const uint64_t others[] = {ludc_value_find(m->config.user, "preprocessing.split") != NULL, m->seed,
                               (uint64_t)m->k_fold, (uint64_t)m->fold};
    ludc_key_mix(key, others, sizeof(others));
    ludc_buf_free(&text);
    ludc_value_free(config);
    return status;
}

static void mix(void *key, const void *p, size_t n) {
    ludc_key_mix(key, p, n);
}

static bool key_of_task(const ludc_rows_cache *c, uint64_t key[2]) {
    const ludc_predictor *p = c->m->predictor;
    memcpy(key, c->key, sizeof(c->key));
    ludc_key_text(key, LUDC_STR("warnings, columns"));
    for (size_t i = 0; i < p->n_inputs; i++) {
        const ludc_input *in = &p->inputs[i];
        ludc_key_mix(key, &in->max_length, sizeof(in->max_length));
        if (in->tower && ludc_tokenizer_bytes(ludc_tower_tokenizer(in->tower), mix, key) != LUD_OK) return false;
    }
    return true;
}

static bool key_of_language(const ludc_rows_cache *c, uint64_t key[2]) {
    const ludc_model_info *info = ludc_model_info_of(c->m->model);
    const int64_t facts[] = {info->max_positions, info->n_eos > 0 ? info->eos_ids[0] : -1};
    memcpy(key, c->key, sizeof(c->key));
    ludc_key_mix(key, facts, sizeof(facts));
    return ludc_tokenizer_bytes(info->tokenizer, mix, key) == LUD_OK;
}

/* ---- Finding and keeping ---- */
void ludc_rows_cache_open(lud_model *m, const lud_train_opts *o, ludc_rows_cache *out) {
    ludc_rows_cache c = {.m = m, .opts = o};
    lud_error unsaid = LUDC_ERROR_INIT; /* what is wrong with a file is said where it is read */
    c.saves = !(LUD_HAS(o, lud_train_opts, skip_save_processed_input) && o->skip_save_processed_input);
    if (key_of_data(&o->data, false, c.stamp, &unsaid) == LUD_OK &&
        key_of_data(&o->data, true, c.key, &unsaid) == LUD_OK && key_of_config(m, c.key, &unsaid) == LUD_OK &&
        ludc_key_file(c.key, ludc_image_file(), &unsaid) == LUD_OK)
        c.dir = ludc_cache_folder(m, "rows");
    *out = c;
}

void ludc_rows_cache_close(ludc_rows_cache *c) {
    ludc_archive_close(c->archive);
    ludc_free(c->dir);
    *c = (ludc_rows_cache){0};
}

static ludc_archive_writer *create(ludc_rows_cache *c, const uint64_t key[2]) {
    uint64_t now[2] = {0};
    lud_error why = LUDC_ERROR_INIT;
    ludc_archive_writer *w = NULL;
    if (!c->dir || !c->saves) return NULL;
    if (key_of_data(&c->opts->data, false, now, &why) != LUD_OK || memcmp(now, c->stamp, sizeof(now)) != 0) {
        ludc_log(LUD_LOG_WARN, "rows: the data changed while it was read; they are not kept");
        return c->saves = false, NULL;
    }
    if (ludc_archive_create(c->dir, key, &w, &why) == LUD_OK) return w;
    ludc_log(LUD_LOG_WARN, "rows are not kept for the next run: %s", why.msg);
    return c->saves = false, NULL;
}

static void commit(ludc_rows_cache *c, ludc_archive_writer *w) {
    lud_error why = LUDC_ERROR_INIT;
    if (ludc_archive_commit(w, &why) == LUD_OK) return;
    ludc_log(LUD_LOG_WARN, "rows are not kept for the next run: %s", why.msg);
    c->saves = false;
}

static bool found(ludc_rows_cache *c, const uint64_t key[2]) {
    ludc_archive_close(c->archive);
    c->archive = c->dir ? ludc_archive_open(c->dir, key) : NULL;
    return c->archive != NULL;
}

static bool say(size_t a, size_t b, size_t c) {
    ludc_log(LUD_LOG_INFO, "rows: %zu from the cache", a + b + c);
    return true;
}

/* ---- Metadata ---- */
bool ludc_rows_cache_metadata(ludc_rows_cache *c) {
    const void *text;
    size_t n;
    ludc_value *metadata = NULL;
    if (!found(c, c->key) || !ludc_archive_next(c->archive, &text, &n) ||
        ludc_json_parse(text, n, "metadata", false, true, &metadata, NULL) != LUD_OK)
        return false;
    if (ludc_task_metadata_check(c->m, metadata, "", NULL) != LUD_OK) return ludc_value_free(metadata), false;
    ludc_task_metadata_set(c->m, metadata);
    return true;
}

void ludc_rows_cache_keep_metadata(ludc_rows_cache *c) {
    ludc_buf text = {0};
    ludc_archive_writer *w =
        ludc_value_to_json(c->m->metadata, -1, &text) == LUD_OK && !text.failed ? create(c, c->key) : NULL;
    if (w) ludc_archive_put(w, text.ptr, text.len, NULL);
    if (w) commit(c, w);
    ludc_buf_free(&text);
}

/* ---- Columns ---- */
static bool take_task(ludc_archive *a, const ludc_predictor *p, ludc_task_rows *d) {
    const void *head;
    size_t got, n;
    if (ludc_task_rows_init(d, p, NULL) != LUD_OK || !ludc_archive_next(a, &head, &got) || got != sizeof(n))
        return false;
    memcpy(&n, head, sizeof(n));
    for (size_t i = 0; n && i < p->n_inputs + p->n_outputs; i++) {
        ludc_column *c = i < p->n_inputs ? &d->inputs[i] : &d->outputs[i - p->n_inputs];
        if (!ludc_column_take(a, c) || c->rows != n) return false;
    }
    d->n = n;
    return n == 0 || ludc_task_rows_settle(p, true, d, NULL) == LUD_OK;
}

bool ludc_rows_cache_task(ludc_rows_cache *c, ludc_task_rows rows[LUDC_N_SPLITS]) {
    uint64_t key[2];
    const ludc_predictor *p = c->m->predictor;
    const void *said;
    size_t n_said;
    bool good = key_of_task(c, key) && found(c, key) && ludc_archive_next(c->archive, &said, &n_said);
    for (int i = 0; i < LUDC_N_SPLITS && good; i++)
        good = take_task(c->archive, p, &rows[i]);
    if (good) ludc_task_warn(said, n_said);
    if (good) return say(rows[0].n, rows[1].n, rows[2].n);
    for (int i = 0; i < LUDC_N_SPLITS; i++)
        ludc_task_rows_free(&rows[i], p);
    return false;
}

void ludc_rows_cache_keep_task(ludc_rows_cache *c, const ludc_task_rows rows[LUDC_N_SPLITS], const ludc_buf *said) {
    uint64_t key[2];
    const ludc_predictor *p = c->m->predictor;
    ludc_archive_writer *w = key_of_task(c, key) ? create(c, key) : NULL;
    if (w) ludc_archive_put(w, said->ptr, said->len, NULL);
    for (int i = 0; w && i < LUDC_N_SPLITS; i++) {
        ludc_archive_put(w, &rows[i].n, sizeof(rows[i].n), NULL);
        for (size_t k = 0; rows[i].n && k < p->n_inputs + p->n_outputs; k++)
            ludc_column_put(w, k < p->n_inputs ? &rows[i].inputs[k] : &rows[i].outputs[k - p->n_inputs]);
    }
    if (w) commit(c, w);
}

/* ---- Rows of token ids ---- */
static bool known_ids(const ludc_rows *r, int64_t vocab_size) {
    bool known = true;
    for (uint64_t i = 0; i < r->tokens; i++)
        known = known && r->ids[i] >= 0 && r->ids[i] < vocab_size;
    ludc_file_release(&r->spilled);
    return known;
}

bool ludc_rows_cache_language(ludc_rows_cache *c, ludc_rows rows[LUDC_N_SPLITS]) {
    uint64_t key[2];
    const int64_t vocab_size = ludc_model_info_of(c->m->model)->vocab_size;
    bool good = key_of_language(c, key) && found(c, key);
    for (int i = 0; i < LUDC_N_SPLITS && good; i++)
        good = ludc_rows_take(c->archive, &rows[i]) && known_ids(&rows[i], vocab_size);
    if (good) return say(rows[0].len, rows[1].len, rows[2].len);
    for (int i = 0; i < LUDC_N_SPLITS; i++)
        ludc_rows_free(&rows[i]);
    return false;
}

void ludc_rows_cache_keep_language(ludc_rows_cache *c, const ludc_rows rows[LUDC_N_SPLITS]) {
    uint64_t key[2];
    ludc_archive_writer *w = key_of_language(c, key) ? create(c, key) : NULL;
    for (int i = 0; w && i < LUDC_N_SPLITS; i++)
        ludc_rows_put(w, &rows[i]);
    if (w) commit(c, w);
}
