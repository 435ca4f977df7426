/* SPDX-License-Identifier: Apache-2.0
 * formats: safetensors, GGUF, Hugging Face model folders, adapter folders. Every parser treats its input as hostile:
 * all sizes are checked before anything is allocated. */
#ifndef LUDC_FORMATS_H
#define LUDC_FORMATS_H

#include <graph.h>
#include <ludwig/encoder.h>

/* Element types of files. X(name, id in GGUF or -1, name in safetensors or NULL, elements per block, bytes per block)
 */
#define LUDC_DTYPE_MAP(X)                                                                                              \
    X(F32, 0, "F32", 1, 4)                                                                                             \
    X(F16, 1, "F16", 1, 2)                                                                                             \
    X(Q4_0, 2, NULL, 32, 18)                                                                                           \
    X(Q4_1, 3, NULL, 32, 20)                                                                                           \
    X(Q8_0, 8, NULL, 32, 34)                                                                                           \
    X(BF16, 30, "BF16", 1, 2)                                                                                          \
    X(F64, 28, "F64", 1, 8)                                                                                            \
    X(I8, 24, "I8", 1, 1)                                                                                              \
    X(I16, 25, "I16", 1, 2)                                                                                            \
    X(I32, 26, "I32", 1, 4)                                                                                            \
    X(I64, 27, "I64", 1, 8)                                                                                            \
    X(U8, -1, "U8", 1, 1)                                                                                              \
    X(U16, -1, "U16", 1, 2)                                                                                            \
    X(U32, -1, "U32", 1, 4)                                                                                            \
    X(U64, -1, "U64", 1, 8)                                                                                            \
    X(BOOL, -1, "BOOL", 1, 1)                                                                                          \
    X(F8_E4M3, -1, "F8_E4M3", 1, 1)                                                                                    \
    X(F8_E5M2, -1, "F8_E5M2", 1, 1)                                                                                    \
    X(F8_E8M0, -1, "F8_E8M0", 1, 1)                                                                                    \
    X(F8_E4M3FNUZ, -1, "F8_E4M3FNUZ", 1, 1)                                                                            \
    X(F8_E5M2FNUZ, -1, "F8_E5M2FNUZ", 1, 1)                                                                            \
    X(C64, -1, "C64", 1, 8)                                                                                            \
    X(F4, -1, "F4", 2, 1)                                                                                              \
    X(F6_E2M3, -1, "F6_E2M3", 4, 3)                                                                                    \
    X(F6_E3M2, -1, "F6_E3M2", 4, 3)
enum {
#define LUDC_DTYPE_ENUM(name, gguf, st, block, bytes) LUDC_##name,
    LUDC_DTYPE_MAP(LUDC_DTYPE_ENUM)
#undef LUDC_DTYPE_ENUM
        LUDC_DTYPE_COUNT
};
const char *ludc_dtype_name(int32_t dtype); /* "Q4_1"; "unknown" if out of range */

/* One tensor of a mapped file. Shape in torch order ([out, in]). Borrowed from the file. */
typedef struct ludc_file_tensor {
    const char *name;
    int32_t dtype; /* LUDC_F32 ... */
    int32_t rank;
    int64_t dim[8];
    int64_t count;
    const uint8_t *data; /* may be unaligned */
    size_t bytes;
} ludc_file_tensor;

/* A set of named tensors: one safetensors file, a sharded one, or a GGUF. Mapped, not read. */
typedef struct ludc_tensors ludc_tensors;
lud_status ludc_safetensors_open(const char *path, ludc_tensors **, lud_error *); /* file or index.json */
lud_status ludc_gguf_open(const char *path, ludc_tensors **, lud_error *);
void ludc_tensors_free(ludc_tensors *);
size_t ludc_tensors_len(const ludc_tensors *);
const ludc_file_tensor *ludc_tensors_at(const ludc_tensors *, size_t i);
const ludc_file_tensor *ludc_tensors_find(const ludc_tensors *, lud_str name);
/* GGUF key-value metadata (object with dotted keys) or safetensors __metadata__; NULL if none. Borrowed. */
const ludc_value *ludc_tensors_metadata(const ludc_tensors *);
const char *ludc_tensors_scheme(const ludc_tensors *); /* "hf" or "gguf" */

/* `n` elements from element `first` (a multiple of the block size) as fp32. LUD_E_UNSUPPORTED for a dtype that has no
 * such meaning. Bit-equal to numpy / gguf-py. [any] */
lud_status ludc_tensor_to_f32(const ludc_file_tensor *, int64_t first, int64_t n, float *out, lud_error *);

/* Writing safetensors: tensors ordered as the reference writer does; atomic. */
typedef struct ludc_save_tensor {
    const char *name;
    int32_t dtype; /* LUDC_F32; LUDC_BF16, LUDC_F16: round to nearest even; a GGUF also LUDC_Q8_0, LUDC_Q4_0 */
    int32_t rank;
    int64_t dim[8];
    const float *data;
} ludc_save_tensor;
lud_status ludc_safetensors_save(const char *path, const ludc_save_tensor *, size_t n, lud_error *);
/* Shards of at most max_bytes (model-00001-of-00003.safetensors + index), or one model.safetensors. */
lud_status ludc_safetensors_save_sharded(const char *dir, const ludc_save_tensor *, size_t n, uint64_t max_bytes,
                                         lud_error *);

/* Values as they are when they are read back from a file of that type: n of them, whole rows. */
lud_status ludc_values_round(int32_t dtype, float *values, int64_t n, lud_error *);
/* A GGUF of version 3: metadata is one object of dotted keys (whole numbers become u32, in lists i32; real ones f32),
 * tensors in the order given; atomic. */
lud_status ludc_gguf_save(const char *path, const ludc_value *metadata, const ludc_save_tensor *, size_t n,
                          lud_error *);

/* ---- Base models (base_model.c): a Hugging Face folder or a .gguf file ---- */
typedef struct ludc_base_model {
    char *path; /* absolute */
    bool is_gguf;
    ludc_tensors *tensors;
    ludc_value *config;           /* config.json, or NULL for a GGUF */
    ludc_value *generation;       /* generation_config.json, or NULL */
    ludc_value *tokenizer_config; /* or NULL */
    char *model_type;             /* config.json model_type, or general.architecture */
} ludc_base_model;
/* Errors (LUD_E_IO, exit 5) name the path and what is missing. */
lud_status ludc_base_model_open(const char *path, ludc_base_model **, lud_error *);
void ludc_base_model_free(ludc_base_model *);

/* The values of one parameter by the encoder's sources, whose result must have its shape. A plan is made on the main
 * thread and then only read, so that threads can share the work of filling. */
typedef struct ludc_param_plan ludc_param_plan;
lud_status ludc_param_plan_new(const ludc_base_model *, const lud_encoder_vt *, void *encoder, const char *param,
                               const lud_shape *shape, ludc_param_plan **, lud_error *);
/* Where the values lie in the file as aligned fp32: the pointer into the mapping; NULL: fill must be called. */
const float *ludc_param_plan_borrow(const ludc_param_plan *);
/* Writes share `part` of `parts` into out (the whole parameter's buffer); all shares together fill it. [any] */
lud_status ludc_param_plan_fill(const ludc_param_plan *, int part, int parts, float *out, lud_error *);
/* Where the parameter is whole rows of one tensor: its type (LUDC_*) and bytes as stored, else 0. */
size_t ludc_param_plan_stored(const ludc_param_plan *, int32_t *dtype);
/* Those bytes, in the parameter's order of rows: in the mapping where the file has that order, else in *own, which the
 * caller frees; NULL: no memory. */
const void *ludc_param_plan_bytes(const ludc_param_plan *, void **own);
void ludc_param_plan_release(const ludc_param_plan *); /* what was read need not stay in memory */
void ludc_param_plan_free(ludc_param_plan *);          /* accepts NULL */
/* Whether the file holds what the parameter needs (a tied head: false for its own name). */
bool ludc_base_model_has(const ludc_base_model *, const lud_encoder_vt *, void *encoder, const char *param);

#endif
