/* SPDX-License-Identifier: Apache-2.0
 * feature: the columns of `model_type: ecd`. What a feature learns from training rows (its metadata, a JSON object
 * saved with the model) and how its cells become numbers. Types: binary, number, category, set, bag, vector, text. */
#ifndef LUDC_FEATURE_H
#define LUDC_FEATURE_H

#include <data.h>

/* Cells that the type cannot read. */
typedef struct ludc_odd {
    size_t n, row;    /* how many; the first one */
    const char *what; /* "hold no number ...", static */
} ludc_odd;

enum { LUDC_COLUMN_IDS, LUDC_COLUMN_REALS, LUDC_COLUMN_LISTS };
/* One feature of n rows, encoded. category: IDS. binary, number, vector, set as an output: REALS. set and bag as an
 * input: LISTS (a row may have no item). */
typedef struct ludc_column {
    int kind;
    size_t rows;
    int64_t width;         /* REALS: floats per row, else 1 */
    int32_t *ids;          /* IDS: one per row; LISTS: the items of all rows, one after the other */
    float *reals;          /* REALS: [rows, width]; 0 where missing */
    int64_t *offsets;      /* LISTS: [rows + 1] */
    uint8_t *missing;      /* [rows], 1 = the row has no value here and is to be left out; NULL = none */
    ludc_map_file spilled; /* where ids are, if in a mapped file; else they are on the heap */
    bool borrowed;         /* all of it lies in a mapped file that another one owns */
    ludc_odd odd;          /* among the cells that it was made from */
} ludc_column;
void ludc_column_free(ludc_column *);

/* Learns a feature's metadata from rows of a table (rows NULL = the first n). `feature` is its section of the full
 * config; path names the file in messages. The metadata always has `type`, `width` (number of classes or items; length
 * of a vector; else 1), and by type:
 *   number              normalization, mean, std, min, max, q1, q2, q3, fill_value
 *   category, set, bag  idx2str, str2idx, str2freq; most frequent first, equal ones by first appearance. An input has
 *                       <UNK> at 0; an output has exactly the labels of the training rows
 *   binary              bool2str (two words as the data writes them), str2bool */
lud_status ludc_feature_fit(const ludc_value *feature, bool is_output, const ludc_table *, const char *path,
                            const uint32_t *rows, size_t n, ludc_value **metadata, lud_error *);
/* What cannot be read as the type wants is counted in out->odd. */
lud_status ludc_feature_encode(const ludc_value *feature, const ludc_value *metadata, bool is_output,
                               const ludc_table *, const char *path, const uint32_t *rows, size_t n, ludc_column *out,
                               lud_error *);
/* Adds the line "FILE: column 'x': 3 of 10 cells WHAT (first: row 4, 'abc')", if there are any. */
void ludc_odd_say(const ludc_odd *, const ludc_value *feature, const ludc_table *, const char *path, size_t of,
                  ludc_buf *out);
/* Values in the target's own unit from the normalized ones, in place. */
void ludc_feature_denormalize(const ludc_value *metadata, float *values, size_t n);
/* Text of a cell of a text feature after the missing-value strategy, borrowed from the table, the config or the
 * metadata; *missing = the row is to be left out. A null cell is missing, an empty text is a text. */
lud_status ludc_feature_text(const ludc_value *feature, const ludc_value *metadata, const ludc_table *, size_t column,
                             size_t row, lud_str *out, bool *missing, lud_error *);

/* Weights of the classes of a category or set output: class_weights is a list in the order of idx2str, an object by
 * label, or null (all 1). */
lud_status ludc_class_weights(const ludc_value *class_weights, const ludc_value *metadata, float *out, lud_error *);

/* sample_ratio and sample_size of the section `preprocessing`, on a list of rows; it keeps its order. */
lud_status ludc_rows_sample(const ludc_value *preprocessing, uint64_t seed, uint32_t *rows, size_t *n, lud_error *);
/* oversample_minority and undersample_majority: target is the only output, binary, encoded for these rows. *rows is
 * replaced; a repeated row stands next to itself. */
lud_status ludc_rows_balance(const ludc_value *preprocessing, const ludc_column *target, uint64_t seed, uint32_t **rows,
                             size_t *n, lud_error *);

#endif
