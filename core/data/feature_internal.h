/* SPDX-License-Identifier: Apache-2.0
 * What the feature types share: reading cells with a missing-value strategy, vocabularies, items of a cell. */
#ifndef LUDC_FEATURE_INTERNAL_H
#define LUDC_FEATURE_INTERNAL_H

#include <feature.h>

#define LUDC_UNKNOWN "<UNK>"

/* In the order of the words in cells.c. */
enum {
    LUDC_FILL_CONST,
    LUDC_FILL_MODE,
    LUDC_FILL_MEAN,
    LUDC_FILL_FALSE,
    LUDC_FILL_TRUE,
    LUDC_FILL_BACK,
    LUDC_FILL_FORWARD,
    LUDC_DROP_ROW,
    LUDC_N_FILLS
};

/* ---- One column as a feature reads it (cells.c) ---- */
typedef struct ludc_cells ludc_cells;
struct ludc_cells {
    const ludc_value *feature, *preprocessing;
    const ludc_table *table;
    const char *path;
    lud_str name; /* of the column */
    size_t column;
    const uint32_t *rows; /* NULL = the first n */
    size_t n;
    bool is_output;
    int strategy;
    lud_str fill; /* what fill_with_const and fill_with_mode put, borrowed */
    bool (*is_missing)(ludc_cells *, size_t row);
    void *arg;                 /* of is_missing */
    size_t run_begin, run_end; /* the missing rows found last */
    ludc_odd odd;
};
size_t ludc_cells_row(const ludc_cells *, size_t i);
lud_str ludc_cells_raw(const ludc_cells *, size_t row);
bool ludc_cells_is_blank(ludc_cells *, size_t row); /* null or nothing but blanks */
bool ludc_cells_is_null(ludc_cells *, size_t row);
/* Blank or a word that stands for nothing: nan, NA, null, None ... as pandas reads it. */
bool ludc_cells_is_void(ludc_cells *, size_t row);
/* The strategy that `key` of the preprocessing names, dflt if it is absent; `allowed` has one bit for each. */
lud_status ludc_cells_strategy(const ludc_cells *, const char *key, int dflt, uint32_t allowed, int *out, lud_error *);
/* The row that bfill or ffill reads for a missing one, the other direction at the ends; SIZE_MAX if there is none. */
size_t ludc_cells_neighbour(ludc_cells *, size_t row);
/* The text of a row after the strategy; false = it has none. */
bool ludc_cells_text(ludc_cells *, size_t row, lud_str *out);
void ludc_cells_odd(ludc_cells *, size_t row); /* one more that the type cannot read */
/* LUD_E_DATA "FILE: row N: column 'x': ...". */
lud_status ludc_cells_fail(const ludc_cells *, size_t row, lud_error *, const char *fmt, ...) LUDC_PRINTF(4, 5);
/* The first 40 bytes or a little less, for messages. */
lud_str ludc_clip(lud_str);

/* ---- Types (feature.c) ---- */
typedef struct ludc_feature_type {
    const char *name;
    int fill;           /* strategy of an input; outputs drop the row */
    uint32_t allowed;   /* strategies */
    const char *filler; /* default fill_value */
    bool (*is_missing)(ludc_cells *, size_t row);
    lud_status (*fit)(ludc_cells *, ludc_value *metadata, lud_error *);
    lud_status (*encode)(ludc_cells *, const ludc_value *metadata, ludc_column *, lud_error *);
} ludc_feature_type;
lud_status ludc_binary_fit(ludc_cells *, ludc_value *metadata, lud_error *);
lud_status ludc_binary_encode(ludc_cells *, const ludc_value *metadata, ludc_column *, lud_error *);
lud_status ludc_number_fit(ludc_cells *, ludc_value *metadata, lud_error *);
lud_status ludc_number_encode(ludc_cells *, const ludc_value *metadata, ludc_column *, lud_error *);
lud_status ludc_category_fit(ludc_cells *, ludc_value *metadata, lud_error *);
lud_status ludc_category_encode(ludc_cells *, const ludc_value *metadata, ludc_column *, lud_error *);
lud_status ludc_set_fit(ludc_cells *, ludc_value *metadata, lud_error *);
lud_status ludc_set_encode(ludc_cells *, const ludc_value *metadata, ludc_column *, lud_error *);
lud_status ludc_bag_encode(ludc_cells *, const ludc_value *metadata, ludc_column *, lud_error *);
lud_status ludc_vector_fit(ludc_cells *, ludc_value *metadata, lud_error *);
lud_status ludc_vector_encode(ludc_cells *, const ludc_value *metadata, ludc_column *, lud_error *);
/* Room for n rows of IDS or REALS, all present. */
lud_status ludc_column_open(ludc_column *, int kind, size_t rows, int64_t width, lud_error *);
/* A decimal number, inf or a boolean word, with blanks around; NaN if it is none. */
double ludc_parse_number(lud_str);

/* ---- Vocabularies (vocabulary.c) ---- */
typedef struct ludc_label {
    lud_str text;
    uint64_t count;
    size_t first; /* place in order of appearance */
} ludc_label;
typedef struct ludc_vocabulary {
    ludc_label *ptr;
    size_t len, cap;
    ludc_map *map;
} ludc_vocabulary;
/* Counts a label that stands in this row. A NUL byte is refused: labels go into JSON files and column names. */
lud_status ludc_vocabulary_count(ludc_vocabulary *, const ludc_cells *, size_t row, lud_str, lud_error *);
void ludc_vocabulary_sort(ludc_vocabulary *); /* most frequent first; no more counting after it */
void ludc_vocabulary_free(ludc_vocabulary *);
/* idx2str, str2idx, str2freq, width of the sorted vocabulary; unknown: <UNK> first. */
bool ludc_vocabulary_write(const ludc_vocabulary *, size_t most_common, bool unknown, ludc_value *metadata);
ludc_map *ludc_labels_map(const ludc_value *metadata, size_t *n); /* of idx2str; NULL if out of memory */

/* ---- Items (items.c) ---- */
enum { LUDC_SPLIT_SPACE, LUDC_SPLIT_COMMA, LUDC_SPLIT_SPACE_PUNCT };
typedef lud_status (*ludc_item_fn)(void *arg, lud_str item);
/* The items of a JSON list, else those that `how` makes of the text. */
lud_status ludc_items(lud_str text, int how, ludc_item_fn fn, void *arg);
/* Lower case of Latin, Greek and Cyrillic letters. */
void ludc_lower(lud_str, ludc_buf *out);

#endif
