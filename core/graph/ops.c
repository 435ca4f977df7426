/* SPDX-License-Identifier: Apache-2.0
 * The op table, and the few facts about an operation that planning and building ask for. Everything else about an op
 * stands in its shape rule and its derivative rule. */
#include "internal.h"
#include <string.h>

static const ludc_op_info op_table[] = {
#define OP_ROW(name, code, n_in, n_out, attr) {#name, (code), (n_in), (n_out), (uint32_t)sizeof(attr)},
    LUD_OP_MAP(OP_ROW)
#undef OP_ROW
};

const ludc_op_info *ludc_op_find(uint32_t opcode) {
    for (size_t i = 0; i < LUDC_COUNT(op_table); i++)
        if (op_table[i].opcode == opcode) return &op_table[i];
    return NULL;
}

size_t ludc_op_count(void) {
    return LUDC_COUNT(op_table);
}

const ludc_op_info *ludc_op_at(size_t i) {
    return i < LUDC_COUNT(op_table) ? &op_table[i] : NULL;
}

bool ludc_op_plain(uint32_t opcode) {
    switch (opcode) {
#define OP_PLAIN(name, code, n_in, n_out, attr)                                                                        \
    case (code):                                                                                                       \
        return strcmp(#attr, "lud_attr_none") == 0;
        LUD_OP_MAP(OP_PLAIN)
#undef OP_PLAIN
    default:
        return false;
    }
}

uint32_t ludc_op_optional(uint32_t opcode) {
    switch (opcode) {
    case LUD_OP_LINEAR:
    case LUD_OP_LINEAR_CROSS_ENTROPY:
    case LUD_OP_LINEAR_CROSS_ENTROPY_GRAD:
    case LUD_OP_LINEAR_CROSS_ENTROPY_JOINED:
    case LUD_OP_SGD_STEP:
        return 1u << 2;
    case LUD_OP_RMS_NORM:
    case LUD_OP_RMS_NORM_GRAD:
    case LUD_OP_LAYER_NORM_GRAD:
    case LUD_OP_SEGMENT_POOL_GRAD:
        return 1u << 1;
    case LUD_OP_LAYER_NORM:
        return 1u << 1 | 1u << 2;
    case LUD_OP_ATTENTION:
        return 1u << 4;
    case LUD_OP_ATTENTION_GRAD:
        return 1u << 7;
    case LUD_OP_ATTENTION_CACHED:
        return 1u << 8;
    default:
        return 0;
    }
}

uint32_t ludc_op_writes(uint32_t opcode) {
    switch (opcode) {
    case LUD_OP_ACC:
        return 1u;
    case LUD_OP_SGD_STEP:
        return 1u | 1u << 2;
    case LUD_OP_ADAM_STEP:
        return 1u | 1u << 2 | 1u << 3;
    case LUD_OP_ATTENTION_CACHED:
        return 1u << 6 | 1u << 7;
    default:
        return 0;
    }
}

int ludc_op_alias(uint32_t opcode) {
    switch (opcode) {
    case LUD_OP_RESHAPE:
    case LUD_OP_ACC:
    case LUD_OP_SGD_STEP:
    case LUD_OP_ADAM_STEP:
        return 0;
    default:
        return -1;
    }
}

uint32_t ludc_op_overlay(uint32_t opcode, uint32_t k) {
    switch (opcode) {
    case LUD_OP_ADD:
    case LUD_OP_MUL:
    case LUD_OP_ACT_GRAD:
    case LUD_OP_ELEMENT_LOSS:
        return 3u;
    case LUD_OP_ELEMENT_LOSS_GRAD:
        return 7u;
    case LUD_OP_SCALE:
    case LUD_OP_ACT:
    case LUD_OP_DROPOUT:
    case LUD_OP_ROPE:
        return 1u;
    case LUD_OP_GLU_GRAD:
        return 1u << k; /* dgate over gate, dup over up */
    case LUD_OP_RMS_NORM_GRAD:
        return 1u << 3;
    case LUD_OP_LAYER_NORM:
        return k == 0 ? 1u : 0;
    case LUD_OP_LAYER_NORM_GRAD:
        return 1u << 4;
    default:
        return 0;
    }
}

uint32_t ludc_op_use(uint32_t opcode, uint32_t input, const ludc_attr *attr) {
    bool weight = input == 1;
    switch (opcode) {
    case LUD_OP_LINEAR:
    case LUD_OP_LINEAR_CROSS_ENTROPY:
        return weight ? LUD_USE_FORWARD : LUD_USE_OTHER;
    case LUD_OP_LINEAR_GRAD_INPUT:
        return weight ? LUD_USE_INPUT_GRAD : LUD_USE_OTHER;
    case LUD_OP_LINEAR_CROSS_ENTROPY_GRAD:
    case LUD_OP_LINEAR_CROSS_ENTROPY_JOINED:
        if (!weight) return LUD_USE_OTHER;
        return attr->xent.want & LUD_XENT_WANT_DX ? LUD_USE_FORWARD | LUD_USE_INPUT_GRAD : LUD_USE_FORWARD;
    case LUD_OP_EMBEDDING:
        return input == 0 ? LUD_USE_ROWS : LUD_USE_OTHER;
    default:
        return LUD_USE_OTHER;
    }
}
