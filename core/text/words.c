/* SPDX-License-Identifier: Apache-2.0
 * words: a vocabulary of words learned from texts, as Ludwig's create_vocabulary makes it: most frequent first, of
 * equal ones the one seen first, then <EOS>, <SOS>, <PAD>, <UNK> moved or put at 0 to 3. */
#include "words.h"
#include "internal.h"

#include <stdlib.h>
#include <string.h>

enum { STOP, START, PADDING, UNKNOWN, N_SYMBOLS };

typedef struct entry {
    size_t at, len; /* in `pool`, in the order of appearance */
    uint64_t count;
} entry;

struct ludc_words {
    ludc_cut_fn cut;
    char *tokenizer;
    bool lowercase, fixed; /* fixed: the words are those of a vocab_file */
    size_t most_common;
    char *symbols[N_SYMBOLS];
    int32_t ids[N_SYMBOLS];
    ludc_buf pool; /* what is being learned, until finish */
    entry *entries;
    size_t n, cap;
    ludc_map *seen;
    ludc_vocab vocab;
};

static void drop_learned(ludc_words *w) {
    ludc_buf_free(&w->pool);
    ludc_free(w->entries);
    ludc_map_free(w->seen);
    w->entries = NULL;
    w->seen = NULL;
    w->n = w->cap = 0;
}

void ludc_words_free(ludc_words *w) {
    if (!w) return;
    drop_learned(w);
    ludc_vocab_free(&w->vocab);
    for (int k = 0; k < N_SYMBOLS; k++)
        ludc_free(w->symbols[k]);
    ludc_free(w->tokenizer);
    ludc_free(w);
}

/* ---- Learning ---- */
static bool add_entry(ludc_words *w, lud_str word) {
    if (!ludc_grow(&w->entries, w->n, &w->cap, sizeof(*w->entries))) return false;
    w->entries[w->n++] = (entry){w->pool.len, word.len, 1};
    ludc_buf_add(&w->pool, word.ptr, word.len);
    return !w->pool.failed;
}

static bool count_word(void *arg, lud_str word) {
    ludc_words *w = arg;
    int64_t k;
    if (ludc_map_get(w->seen, word, &k)) {
        w->entries[k].count++;
        return true;
    }
    return ludc_map_put(w->seen, word, (int64_t)w->n) && add_entry(w, word);
}

/* Valid UTF-8, in lower case if that is asked for; borrowed from `text` or `spare`. */
static lud_str prepare(const ludc_words *w, lud_str text, ludc_buf spare[2]) {
    if (!text.ptr) text.ptr = "";
    if (!ludc_utf8_valid(text.ptr, text.len)) {
        ludc_utf8_lossy(text.ptr, text.len, &spare[0]);
        text = (lud_str){spare[0].ptr ? spare[0].ptr : "", spare[0].len};
    }
    if (!w->lowercase || spare[0].failed) return text;
    for (size_t i = 0; i < text.len;) {
        uint32_t cp;
        i += ludc_utf8_next(text.ptr + i, text.len - i, &cp);
        ludc_lowercase(cp, &spare[1]);
    }
    return (lud_str){spare[1].ptr ? spare[1].ptr : "", spare[1].len};
}

static lud_status cut_prepared(const ludc_words *w, lud_str text, ludc_word_fn fn, void *arg, lud_error *err) {
    ludc_buf spare[2] = {{0}};
    text = prepare(w, text, spare);
    bool ok = !spare[0].failed && !spare[1].failed && w->cut(text, fn, arg);
    ludc_buf_free(&spare[0]);
    ludc_buf_free(&spare[1]);
    return ok ? LUD_OK : ludc_no_memory(err, "vocabulary");
}

lud_status ludc_words_learn(ludc_words *w, lud_str text, lud_error *err) {
    return w->fixed ? LUD_OK : cut_prepared(w, text, count_word, w, err);
}

static int more_frequent(const void *x, const void *y) {
    const entry *a = x, *b = y;
    if (a->count != b->count) return a->count > b->count ? -1 : 1;
    return a->at < b->at ? -1 : a->at > b->at;
}

/* Takes the symbol out where it first stands, and puts it at a place. */
static bool move_symbol(ludc_words *w, int symbol) {
    lud_str text = ludc_str(w->symbols[symbol]);
    size_t from = 0, to = (size_t)symbol;
    while (from < w->n && !ludc_str_same((lud_str){w->pool.ptr + w->entries[from].at, w->entries[from].len}, text))
        from++;
    if (from == w->n && !add_entry(w, text)) return false;
    entry moved = w->entries[from];
    memmove(w->entries + from, w->entries + from + 1, (w->n - from - 1) * sizeof moved);
    to = LUDC_MIN(to, w->n - 1);
    memmove(w->entries + to + 1, w->entries + to, (w->n - to - 1) * sizeof moved);
    w->entries[to] = moved;
    return true;
}

static lud_status fill_vocab(ludc_words *w, lud_error *err) {
    if (w->n > INT32_MAX / 2) return ludc_fail(err, LUD_E_DATA, "vocabulary: %zu words are too many", w->n);
    if (!ludc_vocab_init(&w->vocab, w->n, w->pool.len, (int32_t)w->n)) return ludc_no_memory(err, "vocabulary");
    for (size_t i = w->n; i-- > 0;) /* of equal words the last one counts */
        ludc_vocab_add(&w->vocab, (lud_str){w->pool.ptr + w->entries[i].at, w->entries[i].len}, (int32_t)i);
    for (int k = 0; k < N_SYMBOLS; k++)
        w->ids[k] = ludc_vocab_find(&w->vocab, ludc_str(w->symbols[k]));
    drop_learned(w);
    return LUD_OK;
}

lud_status ludc_words_finish(ludc_words *w, lud_error *err) {
    if (!w->fixed) {
        if (w->n) qsort(w->entries, w->n, sizeof *w->entries, more_frequent);
        w->n = LUDC_MIN(w->n, w->most_common);
    }
    for (int k = 0; k < N_SYMBOLS; k++)
        if (!move_symbol(w, k)) return ludc_no_memory(err, "vocabulary");
    return fill_vocab(w, err);
}

/* ---- Options ---- */
/* One word a line, up to the first blank. */
static lud_status read_file(ludc_words *w, const char *path, lud_error *err) {
    ludc_buf text = {0};
    lud_status status = ludc_file_read(path, &text, err);
    if (status == LUD_OK && !ludc_utf8_valid(text.ptr, text.len))
        status = ludc_fail(err, LUD_E_DATA, "vocab_file %s is not UTF-8", path);
    for (size_t at = 0, end; status == LUD_OK && at < text.len; at = end + 1) {
        end = at;
        while (end < text.len && text.ptr[end] != '\n')
            end++;
        lud_str line = ludc_cut_strip((lud_str){text.ptr + at, end - at});
        const char *blank = line.len ? memchr(line.ptr, ' ', line.len) : NULL;
        if (blank) line.len = (size_t)(blank - line.ptr);
        if (!add_entry(w, line)) status = ludc_no_memory(err, "vocabulary");
    }
    ludc_buf_free(&text);
    return status;
}

static lud_status read_options(ludc_words *w, const ludc_value *o, lud_error *err) {
    lud_str name = ludc_get_str(o, "tokenizer", LUDC_STR("space_punct"));
    lud_str symbols[] = {LUDC_STR("<EOS>"), LUDC_STR("<SOS>"), ludc_get_str(o, "padding_symbol", LUDC_STR("<PAD>")),
                         ludc_get_str(o, "unknown_symbol", LUDC_STR("<UNK>"))};
    bool ok = true;
    w->cut = ludc_cut_find(name, err);
    if (!w->cut) return LUD_E_INVALID;
    w->lowercase = ludc_get_bool(o, "lowercase", false);
    w->most_common = (size_t)LUDC_MAX(ludc_get_int(o, "most_common", 20000), 0);
    w->tokenizer = ludc_strndup(name.ptr, name.len);
    for (int k = 0; k < N_SYMBOLS; k++) {
        w->symbols[k] = ludc_strndup(symbols[k].ptr, symbols[k].len);
        ok = ok && w->symbols[k];
    }
    w->seen = ludc_map_new(1024);
    return ok && w->tokenizer && w->seen ? LUD_OK : ludc_no_memory(err, "vocabulary");
}

lud_status ludc_words_new(const ludc_value *preprocessing, ludc_words **out, lud_error *err) {
    lud_str file = ludc_get_str(preprocessing, "vocab_file", (lud_str){NULL, 0});
    ludc_words *w = ludc_alloc(sizeof *w);
    char *path = ludc_strndup(file.ptr ? file.ptr : "", file.len);
    lud_status status = w && path ? read_options(w, preprocessing, err) : ludc_no_memory(err, "vocabulary");
    if (status == LUD_OK && file.len) {
        w->fixed = true;
        status = read_file(w, path, err);
    }
    ludc_free(path);
    if (status == LUD_OK) return *out = w, LUD_OK;
    ludc_words_free(w);
    return status;
}

/* ---- Words to ids ---- */
typedef struct encoding {
    const ludc_words *w;
    ludc_ids *out;
} encoding;

static bool push_word(void *arg, lud_str word) {
    encoding *e = arg;
    const int32_t id = ludc_vocab_find(&e->w->vocab, word);
    return ludc_ids_push(e->out, id < 0 ? e->w->ids[UNKNOWN] : id);
}

lud_status ludc_words_encode(const ludc_words *w, lud_str text, bool add_special, ludc_ids *out, lud_error *err) {
    size_t before = out->len;
    encoding e = {w, out};
    bool ok = !add_special || ludc_ids_push(out, w->ids[START]);
    lud_status status = ok ? cut_prepared(w, text, push_word, &e, err) : ludc_no_memory(err, "vocabulary");
    if (status == LUD_OK && add_special && !ludc_ids_push(out, w->ids[STOP]))
        status = ludc_no_memory(err, "vocabulary");
    if (status != LUD_OK) out->len = before;
    return status;
}

int32_t ludc_words_count(const ludc_words *w) {
    return w->vocab.n_ids;
}

/* ---- Metadata ---- */
lud_status ludc_words_write(const ludc_words *w, ludc_value *metadata, lud_error *err) {
    ludc_value *list = ludc_value_new(LUD_CFG_LIST);
    bool ok = list != NULL;
    for (int32_t id = 0; ok && id < w->vocab.n_ids; id++)
        ok = ludc_value_push(list, ludc_value_str(ludc_vocab_text(&w->vocab, id)));
    if (!ok) return ludc_value_free(list), ludc_no_memory(err, "vocabulary");
    ok = ludc_value_put(metadata, "idx2str", list) &&
         ludc_value_put(metadata, "tokenizer", ludc_value_text(w->tokenizer)) &&
         ludc_value_put(metadata, "lowercase", ludc_value_bool(w->lowercase)) &&
         ludc_value_put(metadata, "padding_symbol", ludc_value_text(w->symbols[PADDING])) &&
         ludc_value_put(metadata, "unknown_symbol", ludc_value_text(w->symbols[UNKNOWN]));
    return ok ? LUD_OK : ludc_no_memory(err, "vocabulary");
}

static lud_status read_list(ludc_words *w, const ludc_value *list, lud_error *err) {
    for (size_t i = 0; i < list->len; i++) {
        if (list->items[i]->type != LUD_CFG_STR)
            return ludc_fail(err, LUD_E_IO, "vocabulary: idx2str[%zu] is not a string", i);
        if (!add_entry(w, list->items[i]->u.s)) return ludc_no_memory(err, "vocabulary");
    }
    LUDC_TRY(fill_vocab(w, err));
    for (int k = 0; k < N_SYMBOLS; k++)
        if (w->ids[k] < 0) return ludc_fail(err, LUD_E_IO, "vocabulary: idx2str lacks '%s'", w->symbols[k]);
    return LUD_OK;
}

lud_status ludc_words_read(const ludc_value *metadata, ludc_words **out, lud_error *err) {
    const ludc_value *list = ludc_value_get(metadata, "idx2str");
    if (!list || list->type != LUD_CFG_LIST) return ludc_fail(err, LUD_E_IO, "vocabulary: 'idx2str' must be a list");
    ludc_words *w = ludc_alloc(sizeof *w);
    if (!w) return ludc_no_memory(err, "vocabulary");
    lud_status status = read_options(w, metadata, err);
    if (status == LUD_OK) status = read_list(w, list, err);
    if (status == LUD_OK) return *out = w, LUD_OK;
    ludc_words_free(w);
    return status;
}
