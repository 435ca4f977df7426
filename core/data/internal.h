/* SPDX-License-Identifier: Apache-2.0
 * What the files of core/data share. */
#ifndef LUDC_DATA_INTERNAL_H
#define LUDC_DATA_INTERNAL_H

#include <data.h>

enum { LUDC_FORMAT_CSV, LUDC_FORMAT_TSV, LUDC_FORMAT_JSON, LUDC_FORMAT_JSONL };
/* By name, or by the path's extension; -1 if unknown. */
int ludc_data_format(const char *path, const char *name);

lud_status ludc_table_add_column(ludc_table *, lud_str name, lud_error *);
/* The rows of a mapped file from `begin` on, which it owns if all is well; the table gets the columns. */
typedef struct ludc_csv ludc_csv;
lud_status ludc_csv_open(const char *path, const ludc_map_file *, size_t begin, char separator, ludc_table *,
                         ludc_csv **, lud_error *);
void ludc_csv_free(ludc_csv *);
size_t ludc_csv_rows(const ludc_csv *);
lud_str ludc_csv_cell(ludc_csv *, size_t row, size_t column);
/* Readers append to an empty table. */
lud_status ludc_json_table_read(const char *path, const char *text, size_t n, ludc_table *, lud_error *);
lud_status ludc_jsonl_read(const char *path, const char *text, size_t n, ludc_table *, lud_error *);

void ludc_rows_place(ludc_rows *); /* gives each row its place in `ids` */

/* ---- Splits ---- */
/* Part of the i-th of n rows in the order of a split. */
uint8_t ludc_split_at(size_t i, size_t n, const double p[LUDC_N_SPLITS]);
lud_status ludc_split_hash(const ludc_table *, size_t column, const double p[LUDC_N_SPLITS], uint8_t *of_row,
                           lud_error *);
lud_status ludc_split_datetime(const ludc_table *, const char *path, size_t column, const double p[LUDC_N_SPLITS],
                               uint8_t *of_row, lud_error *);
/* Text as json.dumps of Python writes it between the quotes: ASCII only, surrogate pairs. */
void ludc_json_escape(lud_str, ludc_buf *out);

#endif
