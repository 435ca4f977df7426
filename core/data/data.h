/* SPDX-License-Identifier: Apache-2.0
 * data: table readers, splits, rows of token ids, packing into micro-batches. */
#ifndef LUDC_DATA_H
#define LUDC_DATA_H

#include <graph.h>

/* A table of text cells. Cell text is borrowed from the table: of a CSV cell with doubled quotes until three other rows
 * have been read, else as long as the table. Reading moves a cursor: one thread at a time. A JSON number or boolean is
 * kept as its JSON text; a nested value as JSON; null and a missing key as a null cell (ptr NULL). */
typedef struct ludc_table ludc_table;
/* format: NULL or "auto" (by extension, then content), "csv", "tsv", "json" (list of objects), "jsonl". CSV: RFC 4180,
 * header line, quoted fields over lines, CRLF, BOM; a ragged row is an error with file:line (LUD_E_DATA, exit 3).
 * An empty table is an error. */
lud_status ludc_table_read(const char *path, const char *format, ludc_table **, lud_error *);
ludc_table *ludc_table_new(const char *const *columns, size_t n_columns);
void ludc_table_free(ludc_table *);
lud_status ludc_table_add(ludc_table *, const lud_str *cells, lud_error *); /* one row; copies */
size_t ludc_table_rows(const ludc_table *);
size_t ludc_table_columns(const ludc_table *);
lud_str ludc_table_column_name(const ludc_table *, size_t column);
int64_t ludc_table_column(const ludc_table *, lud_str name);            /* -1 if there is none */
lud_str ludc_table_cell(const ludc_table *, size_t row, size_t column); /* ptr NULL = null */
/* {__sample__} as Ludwig 0.10 has it: one cell (of the input column) as Python's json.dumps writes it, non-ASCII
 * escaped, with the quotes at both ends stripped. */
lud_status ludc_table_sample_cell(const ludc_table *, size_t row, size_t column, ludc_buf *out);
/* CSV (or by extension TSV, JSON, JSONL) with the same quoting rules, row by row; atomic: nothing is at `path` before
 * commit, which frees the writer also when it fails. After an error: abort, which accepts NULL. */
typedef struct ludc_table_writer ludc_table_writer;
/* LUD_E_INVALID for an extension that names none of these; without one it is CSV. */
lud_status ludc_table_can_write(const char *path, lud_error *);
lud_status ludc_table_writer_open(const char *path, const lud_str *columns, size_t n, ludc_table_writer **,
                                  lud_error *);
lud_status ludc_table_writer_add(ludc_table_writer *, const lud_str *cells, lud_error *);
lud_status ludc_table_writer_commit(ludc_table_writer *, lud_error *);
void ludc_table_writer_abort(ludc_table_writer *);
lud_status ludc_table_write(const ludc_table *, const char *path, lud_error *);
/* An error that names the missing column, the file, the nearest name and the columns there are. */
lud_status ludc_table_need(const ludc_table *, const char *path, lud_str column, size_t *out, lud_error *);

/* ---- Splits (split.c): keyed by the seed, independent of the platform ---- */
enum { LUDC_TRAIN, LUDC_VALIDATION, LUDC_TEST, LUDC_N_SPLITS };
typedef struct ludc_split {
    uint32_t *rows[LUDC_N_SPLITS]; /* in table order */
    size_t n[LUDC_N_SPLITS];
} ludc_split;
/* cfg = preprocessing.split with defaults: {type random|fixed|stratify|hash|datetime, probabilities, column}. A column
 * named "split" is used when the config names no split of its own (use_split_column). */
lud_status ludc_split_make(const ludc_table *, const char *path, const ludc_value *cfg, bool use_split_column,
                           uint64_t seed, ludc_split *, lud_error *);
/* Fold `fold` of k as test rows, all others as training rows; each row is in one fold. k <= n. */
lud_status ludc_split_fold(size_t n, size_t k, size_t fold, uint64_t seed, ludc_split *, lud_error *);
void ludc_split_free(ludc_split *);

/* ---- Rows of tokens and packing (pack.c) ---- */
/* One sequence: prompt then target tokens. Loss is on ids[prompt_len..len-1], i.e. on the rows prompt_len-1..len-2. */
typedef struct ludc_row {
    int32_t *ids;
    int32_t len, prompt_len;
    uint64_t row; /* global row number, for random keys */
} ludc_row;
typedef struct ludc_rows {
    ludc_row *ptr;
    size_t len, cap;
    uint64_t tokens, target_tokens, truncated, without_target; /* counted on add */
    ludc_spill adding;                                         /* the ids, until end */
    int32_t *ids;                                              /* of all rows, one after the other */
    ludc_map_file spilled;                                     /* where they are, if in a mapped file */
    bool borrowed;                                             /* which another one owns */
} ludc_rows;
lud_status ludc_rows_add(ludc_rows *, const int32_t *prompt, size_t n_prompt, const int32_t *target, size_t n_target,
                         uint64_t row, size_t max_len, lud_error *); /* right truncation; copies */
lud_status ludc_rows_end(ludc_rows *, lud_error *);                  /* after the last one: now rows have their ids */
void ludc_rows_free(ludc_rows *);

/* One micro-batch in the layout of lud_seq. Arrays have the capacities given to init. */
typedef struct ludc_batch {
    int32_t *ids, *positions, *seg_offsets, *row_keys; /* [T], [T], [S+1], [T,2] */
    int32_t *target_rows, *targets;                    /* [N] indices into T; token ids */
    float *weights;                                    /* [N] */
    int64_t T, S, N, cap_T, cap_S;
} ludc_batch;
lud_status ludc_batch_init(ludc_batch *, int64_t cap_T, int64_t cap_S, lud_error *);
void ludc_batch_free(ludc_batch *);
void ludc_batch_clear(ludc_batch *);
bool ludc_batch_fits(const ludc_batch *, const ludc_row *);
void ludc_batch_add(ludc_batch *, const ludc_row *, uint64_t seed, uint64_t epoch);
/* Groups rows into micro-batches of at most cap_T tokens and cap_S segments: longest first, first fit. groups[i] = the
 * micro-batch of rows[i]; returns their number, -1 if a row does not fit alone. Deterministic. room: n items to work
 * in.
 */
typedef struct ludc_pack_item {
    int64_t tokens, segments; /* of the i-th micro-batch */
    int32_t len;              /* of the i-th longest row, and where it stands in rows */
    uint32_t at;
} ludc_pack_item;
int64_t ludc_pack(const ludc_row *const *rows, size_t n, int64_t cap_T, int64_t cap_S, ludc_pack_item *room,
                  uint32_t *groups);

#endif
