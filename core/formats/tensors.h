/* SPDX-License-Identifier: Apache-2.0
 * Inside of formats only: the set of named tensors that both readers fill, and the table of element types.
 * Invariant: every tensor's bytes lie inside one of the mapped files, and names are unique. */
#ifndef LUDC_TENSORS_H
#define LUDC_TENSORS_H

#include <base.h>
#include <formats.h>

typedef struct ludc_dtype_info {
    const char *name;
    const char *st_name;  /* in safetensors; NULL = not a type of that format */
    int32_t gguf_id;      /* -1 = not a type of that format */
    uint32_t block_count; /* elements of a block */
    uint32_t block_bytes;
} ludc_dtype_info;
const ludc_dtype_info *ludc_dtype_at(int32_t dtype); /* NULL if out of range */
int32_t ludc_dtype_of_safetensors(lud_str name);     /* -1 if unknown; case counts */
int32_t ludc_dtype_of_gguf(uint32_t id);             /* -1 if unknown */

struct ludc_tensors {
    ludc_map_file *files;
    size_t n_files;
    ludc_file_tensor *items;
    size_t len, cap;
    ludc_map *by_name;
    ludc_value *metadata;
    const char *scheme;
};
/* Room for n_tensors is taken at once: the caller has checked the number against the file's size. NULL: no memory. */
ludc_tensors *ludc_tensors_new(const char *scheme, size_t n_files, size_t n_tensors);
/* Copies the name. A known name is an error. */
lud_status ludc_tensors_add(ludc_tensors *, const char *path, lud_str name, const ludc_file_tensor *, lud_error *);
bool ludc_tensor_name_ok(lud_str name); /* UTF-8 without control characters; may be empty */
/* Elements of a shape and their bytes in the file; false on overflow or if they do not fill whole blocks. */
bool ludc_tensor_size(int32_t dtype, const int64_t *dim, int32_t rank, int64_t *count, uint64_t *bytes);
/* Text for messages: control characters become '?', cut at 80 bytes. */
const char *ludc_show(lud_str s, char out[84]);

lud_status ludc_safetensors_open_one(const char *path, ludc_tensors **, lud_error *);
/* The JSON text of a file; a syntax error becomes LUD_E_IO and names the file. */
lud_status ludc_formats_json(const char *path, const void *text, size_t n, ludc_value **out, lud_error *);
lud_status ludc_formats_json_file(const char *path, ludc_value **out, lud_error *);

/* The tensor's `count` values as its type says (encode.c). Blocks cannot hold values that are not finite. */
lud_status ludc_values_write(ludc_file_writer *, const ludc_save_tensor *, int64_t count, lud_error *);

/* Little-endian numbers at any address. */
uint16_t ludc_le16(const uint8_t *);
uint32_t ludc_le32(const uint8_t *);
uint64_t ludc_le64(const uint8_t *);

/* float <-> half types, bit for bit as torch does it (round to nearest even). */
uint16_t ludc_f32_to_f16(float);
uint16_t ludc_f32_to_bf16(float);

#endif
