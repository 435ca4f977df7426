/* SPDX-License-Identifier: Apache-2.0
 * An encoder turns a packed batch of token ids (or other columns) into vectors. It builds the forward graph only;
 * core derives the gradients, plans memory and picks the device. */
#ifndef LUDWIG_ENCODER_H
#define LUDWIG_ENCODER_H

#include "graph.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A packed batch of segments. All I32. positions start at 0 in each segment (in generation: at the first new token).
 * Text: ids [T], type_ids [T] or 0, positions [T], seg_offsets [S+1], row_keys [T,2] (random.h) or 0.
 * Tabular: category: ids [S]; set and bag: ids [T], seg_offsets [S+1]; binary and number: values real [S,1]; vector:
 * values [S,d]. What does not apply is 0. t_extent and s_extent are the extent numbers of T and S (0 = not there). */
typedef struct lud_seq {
    uint32_t struct_size;
    int32_t t_extent, s_extent;
    lud_t ids, type_ids, positions, seg_offsets, row_keys, values;
} lud_seq;

/* tokens [T,C] after the final norm, or 0 (tabular); rows [S,C]: tabular features, or a pooler that the model's files
 * hold (reduce_output cls_pooled takes it, else the first token), or 0. Core pools tokens into rows. An encoder of a
 * causal model names its output projection: vocab (weight may be the embedding table), and how logits are made of it.
 */
typedef struct lud_encoder_out {
    uint32_t struct_size;
    lud_t tokens, rows;
    int32_t has_vocab;
    lud_site vocab;
    lud_xent xent;
} lud_encoder_out;

/* Where a parameter's values come from in a model file, and how they are changed on the way. Steps are applied in
 * order; all can be inverted, so that saving uses the same table.
 *  COPY       the tensor `file_name`, unchanged
 *  TRANSPOSE  file holds [in, out]
 *  ROWS       rows [a, a + rows of the parameter) of the file tensor
 *  STACK      parameter is a stack; this tensor is item a, from row b on
 *  ROPE_ROWS  file rows are interleaved for rotary pairs, a heads: param[h*D + s*D/2 + i] = file[h*D + 2i + s]
 *             (llama.cpp's converter for the architecture "llama")
 *  ADD        value = file value + a (GGUF gemma norms hold 1 + w: a = -1) */
enum { LUD_SOURCE_COPY, LUD_SOURCE_TRANSPOSE, LUD_SOURCE_ROWS, LUD_SOURCE_STACK, LUD_SOURCE_ROPE_ROWS, LUD_SOURCE_ADD };
typedef struct lud_source {
    uint32_t struct_size;
    int32_t op;
    const char *file_name; /* tensor name in the file; NULL: a further step on the tensor named before */
    int64_t a, b;
} lud_source;

typedef struct lud_encoder_vt {
    uint32_t struct_size, reserved;
    /* cfg children: config; text: model (config.json) or gguf (metadata), and tensors: the list of names in the files;
     * tabular: metadata, what was learned from the training rows: {type, width}: width = classes of a category or
     * set (ids are below it), elements of a vector, else 1. Tabular encoders need neither info nor sources. */
    const lud_inst *inst;
    /* Facts, written as: width, layers, vocab_size, max_positions (int), causal (bool),
     * tokenizer ("model" | "vocabulary" | "none"). [main] */
    lud_status (*info)(void *self, lud_cfg_out *, lud_error *);
    lud_status (*build)(void *self, lud_graph *, const lud_seq *, lud_encoder_out *, lud_error *); /* [main] */
    /* The steps for one parameter; scheme is "hf" (safetensors names) or "gguf". A parameter that the file need not
     * hold (a tied head) yields the name of the tensor it is tied to. [main] */
    lud_status (*sources)(void *self, const char *scheme, const char *param,
                          lud_status (*sink)(void *, const lud_source *), void *arg, lud_error *);
    /* PEFT's default target modules of this architecture; peft_type "LORA", "IA3" ... [main] */
    lud_status (*adapter_targets)(void *self, const char *peft_type, lud_status (*sink)(void *, const char *),
                                  void *arg, lud_error *);
    /* The whole config.json of this model as transformers reads it (from GGUF metadata, or the model's own). [main] */
    lud_status (*hf_config)(void *self, lud_cfg_out *, lud_error *);
    /* The model's own GGUF metadata as llama.cpp reads it: general.architecture and every <architecture>.* key; the
     * tensors are those of `sources`, and lists of numbers under a key that ends in ".weight" (a file's tensors of
     * that kind, rope_freqs.weight and the like, are lists in the cfg child gguf). LUD_E_UNSUPPORTED says what of this
     * model has no place in a GGUF. [main] */
    lud_status (*gguf_config)(void *self, lud_cfg_out *, lud_error *);
} lud_encoder_vt;

#ifdef __cplusplus
}
#endif
#endif
