/* SPDX-License-Identifier: Apache-2.0
 * Inside of the lora plugin: one instance, and the translation of adapter_config.json (peft.c). Not seen outside. */
#ifndef LORA_H
#define LORA_H

#include <ludwig/adapter.h>
#include <ludwig/easy.h>

enum { LORA_BIAS_NONE, LORA_BIAS_ALL, LORA_BIAS_SITES };

typedef struct lora {
    lud_host_ctx *ctx;
    int64_t r;
    double alpha; /* 2 r unless the config says otherwise (Ludwig's rule, not PEFT's) */
    float dropout;
    float b_lr_scale; /* LoRA+: learning rate of B over that of A */
    int bias;
    int rslora, gaussian;
} lora;

extern const lud_host *lora_host;

/* The slot `config` of the adapter. */
lud_status lora_config(void *self, int32_t direction, const lud_cfg *in, lud_cfg_out *out, lud_error *);

#endif
