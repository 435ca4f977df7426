/* SPDX-License-Identifier: Apache-2.0
 * Values on their way out: what save.c and save_gguf.c share. Not seen outside this folder. */
#ifndef LUDC_MODEL_SAVE_H
#define LUDC_MODEL_SAVE_H

#include "internal.h"

/* Tensors with their own memory. Zero-initialised is empty. */
typedef struct ludc_tensor_list {
    ludc_save_tensor *ptr;
    size_t len, cap;
} ludc_tensor_list;
void ludc_tensor_list_free(ludc_tensor_list *);
/* As LUDC_F32. Takes name and data, also on failure. */
lud_status ludc_tensor_list_add(ludc_tensor_list *, char *name, float *data, const lud_shape *, lud_error *);

lud_status ludc_param_values(ludc_store *, size_t index, float **out, lud_error *); /* heap */

/* Every parameter of the base model as files of the scheme hold it, the adapter folded in. */
lud_status ludc_tensors_merged(ludc_model *, const char *scheme, ludc_tensor_list *, lud_error *);
/* What was trained, by PEFT's keys; and adapter_config.json; the caller frees. */
lud_status ludc_tensors_adapter(ludc_model *, ludc_tensor_list *, lud_error *);
lud_status ludc_adapter_json(ludc_model *, ludc_value **, lud_error *);
/* Values of parameter `param` (or of anything with its rows) into the form of the file, and the name there: the
 * encoder's sources backwards. */
lud_status ludc_to_file(ludc_model *, const char *scheme, const char *param, float *v, lud_shape *, char name[320],
                        lud_error *);
/* The type in a GGUF of a tensor where `wanted` is the file's. */
int32_t ludc_gguf_type(const ludc_save_tensor *, int64_t vocab, int32_t wanted);

#endif
