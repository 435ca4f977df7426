/* SPDX-License-Identifier: Apache-2.0
 * File elements -> fp32, bit-equal to numpy and gguf-py: products and sums are rounded one by one (no fused
 * multiply-add). File data may lie at any address: it is read through memcpy only. */
#include "half.h"

#include <inttypes.h>
#include <string.h>

/* Plain types: one number each. The loops are over single elements so that the compiler vectorizes them. */
#define PLAIN(name, type, expr)                                                                                        \
    static void name(const uint8_t *restrict in, int64_t n, float *restrict out) {                                     \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            type v;                                                                                                    \
            memcpy(&v, in + (size_t)i * sizeof v, sizeof v);                                                           \
            out[i] = (expr);                                                                                           \
        }                                                                                                              \
    }
PLAIN(read_f16, uint16_t, ludc_half_widen(v))
PLAIN(read_f64, double, (float)v)
PLAIN(read_i8, int8_t, (float)v)
PLAIN(read_i16, int16_t, (float)v)
PLAIN(read_i32, int32_t, (float)v)
PLAIN(read_i64, int64_t, (float)v)
PLAIN(read_u8, uint8_t, (float)v)
PLAIN(read_u16, uint16_t, (float)v)
PLAIN(read_u32, uint32_t, (float)v)
PLAIN(read_u64, uint64_t, (float)v)
PLAIN(read_bool, uint8_t, v ? 1.0f : 0.0f)
PLAIN(read_e5m2, uint8_t, ludc_half_widen((uint16_t)(v << 8)))

static void read_f32(const uint8_t *restrict in, int64_t n, float *restrict out) {
    memcpy(out, in, (size_t)n * sizeof *out);
}

static void read_bf16(const uint8_t *restrict in, int64_t n, float *restrict out) {
    for (int64_t i = 0; i < n; i++) {
        uint16_t v;
        memcpy(&v, in + 2 * i, 2);
        uint32_t bits = (uint32_t)v << 16;
        memcpy(&out[i], &bits, 4);
    }
}

/* E4M3 "fn": bias 7, no infinity, NaN is all ones. As a half its exponent bias is 8 too small. */
static float widen_e4m3(uint8_t v) {
    uint16_t sign = (uint16_t)((v & 0x80) << 8), rest = v & 0x7f;
    if (rest == 0x7f) return ludc_half_widen((uint16_t)(sign | 0x7e00));
    return ludc_half_widen((uint16_t)(sign | (rest << 7))) * 256.0f;
}
PLAIN(read_e4m3, uint8_t, widen_e4m3(v))

/* Blocks of 32: element j in the low nibble of byte j, element j + 16 in its high nibble. */
static void read_q4_0(const uint8_t *restrict in, int64_t n, float *restrict out) {
    for (; n > 0; n -= 32, in += 18, out += 32) {
        float d = ludc_half_widen(ludc_le16(in));
        for (int j = 0; j < 16; j++) {
            int q = in[2 + j];
            out[j] = d * (float)((q & 15) - 8);
            out[j + 16] = d * (float)((q >> 4) - 8);
        }
    }
}

static void read_q4_1(const uint8_t *restrict in, int64_t n, float *restrict out) {
    for (; n > 0; n -= 32, in += 20, out += 32) {
        float d = ludc_half_widen(ludc_le16(in)), m = ludc_half_widen(ludc_le16(in + 2));
        for (int j = 0; j < 16; j++) {
            int q = in[4 + j];
            out[j] = d * (float)(q & 15) + m;
            out[j + 16] = d * (float)(q >> 4) + m;
        }
    }
}

static void read_q8_0(const uint8_t *restrict in, int64_t n, float *restrict out) {
    for (; n > 0; n -= 32, in += 34, out += 32) {
        float d = ludc_half_widen(ludc_le16(in));
        for (int j = 0; j < 32; j++)
            out[j] = d * (float)(int8_t)in[2 + j];
    }
}

typedef void (*read_fn)(const uint8_t *restrict, int64_t, float *restrict);
static const read_fn readers[LUDC_DTYPE_COUNT] = {
    [LUDC_F32] = read_f32,      [LUDC_F16] = read_f16,      [LUDC_Q4_0] = read_q4_0, [LUDC_Q4_1] = read_q4_1,
    [LUDC_Q8_0] = read_q8_0,    [LUDC_BF16] = read_bf16,    [LUDC_F64] = read_f64,   [LUDC_I8] = read_i8,
    [LUDC_I16] = read_i16,      [LUDC_I32] = read_i32,      [LUDC_I64] = read_i64,   [LUDC_U8] = read_u8,
    [LUDC_U16] = read_u16,      [LUDC_U32] = read_u32,      [LUDC_U64] = read_u64,   [LUDC_BOOL] = read_bool,
    [LUDC_F8_E4M3] = read_e4m3, [LUDC_F8_E5M2] = read_e5m2,
};

lud_status ludc_tensor_to_f32(const ludc_file_tensor *t, int64_t first, int64_t n, float *out, lud_error *err) {
    const ludc_dtype_info *info = ludc_dtype_at(t->dtype);
    if (!info || !readers[t->dtype])
        return ludc_fail(err, LUD_E_UNSUPPORTED, "tensor '%s': values of type %s cannot be read as numbers", t->name,
                         ludc_dtype_name(t->dtype));
    if (first < 0 || n < 0 || n > t->count || first > t->count - n || first % info->block_count != 0 ||
        n % info->block_count != 0)
        return ludc_fail(err, LUD_E_INVALID,
                         "tensor '%s': %" PRId64 " elements from %" PRId64 " on are no whole blocks of its %" PRId64,
                         t->name, n, first, t->count);
    if (n > 0) readers[t->dtype](t->data + (size_t)(first / info->block_count) * info->block_bytes, n, out);
    return LUD_OK;
}
