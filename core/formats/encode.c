/* SPDX-License-Identifier: Apache-2.0
 * fp32 -> elements of files, in chunks on their way out: half types round to nearest even; blocks as ggml's reference
 * quantization writes them (quantize_row_q8_0_ref, quantize_row_q4_0_ref), byte for byte. */
#include "tensors.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define CHUNK 16384 /* elements converted at a time: whole blocks */

static void put_f16(uint8_t *out, float f) {
    uint16_t h = ludc_f32_to_f16(f);
    memcpy(out, &h, sizeof h);
}

static void encode_f16(const float *in, size_t n, uint8_t *out) {
    for (size_t i = 0; i < n; i++)
        put_f16(out + 2 * i, in[i]);
}

static void encode_bf16(const float *in, size_t n, uint8_t *out) {
    for (size_t i = 0; i < n; i++) {
        uint16_t h = ludc_f32_to_bf16(in[i]);
        memcpy(out + 2 * i, &h, sizeof h);
    }
}

/* 0 where the half-precision scale is 0 anyway: the inverse of a subnormal number overflows. */
static float inverse_of(float d) {
    return fabsf(d) >= FLT_MIN ? 1.0f / d : 0.0f;
}

static void encode_q8_0(const float *in, size_t n, uint8_t *out) {
    for (; n > 0; n -= 32, in += 32, out += 34) {
        float largest = 0.0f;
        for (int j = 0; j < 32; j++)
            largest = LUDC_MAX(largest, fabsf(in[j]));
        const float d = largest / 127.0f, inverse = inverse_of(d);
        put_f16(out, d);
        for (int j = 0; j < 32; j++)
            out[2 + j] = (uint8_t)(int8_t)roundf(in[j] * inverse);
    }
}

/* The value of largest magnitude becomes -8, so that it is met exactly whatever its sign. */
static void encode_q4_0(const float *in, size_t n, uint8_t *out) {
    for (; n > 0; n -= 32, in += 32, out += 18) {
        float largest = 0.0f;
        for (int j = 0; j < 32; j++)
            if (fabsf(in[j]) > fabsf(largest)) largest = in[j];
        const float d = largest / -8.0f, inverse = inverse_of(d);
        put_f16(out, d);
        for (int j = 0; j < 16; j++) {
            const int low = (int)(in[j] * inverse + 8.5f), high = (int)(in[j + 16] * inverse + 8.5f);
            out[2 + j] = (uint8_t)(LUDC_MIN(low, 15) | LUDC_MIN(high, 15) << 4);
        }
    }
}

static const struct {
    int32_t dtype;
    void (*encode)(const float *, size_t, uint8_t *);
} encoders[] = {{LUDC_F16, encode_f16}, {LUDC_BF16, encode_bf16}, {LUDC_Q8_0, encode_q8_0}, {LUDC_Q4_0, encode_q4_0}};

/* A block's scale is made of all its values: one that is not finite would take its neighbours along. */
static bool all_finite(const float *v, size_t n) {
    float sum = 0.0f; /* of zeros; NaN once a value is not finite */
    for (size_t i = 0; i < n; i++)
        sum += v[i] * 0.0f;
    return sum == 0.0f;
}

/* n values, whole blocks, into out. */
static lud_status encode(const ludc_save_tensor *t, const float *in, size_t n, uint8_t *out, lud_error *err) {
    if (ludc_dtype_at(t->dtype)->block_count > 1 && !all_finite(in, n))
        return ludc_fail(err, LUD_E_NUMERIC, "tensor '%s' holds NaN or infinity and cannot become %s", t->name,
                         ludc_dtype_name(t->dtype));
    for (size_t k = 0; k < LUDC_COUNT(encoders); k++)
        if (encoders[k].dtype == t->dtype) encoders[k].encode(in, n, out);
    return LUD_OK;
}

lud_status ludc_values_write(ludc_file_writer *w, const ludc_save_tensor *t, int64_t count, lud_error *err) {
    if (t->dtype == LUDC_F32) return ludc_file_append(w, t->data, (size_t)count * sizeof *t->data, err);
    const ludc_dtype_info *info = ludc_dtype_at(t->dtype);
    uint8_t *chunk = ludc_alloc(CHUNK / info->block_count * info->block_bytes);
    lud_status s = chunk ? LUD_OK : ludc_fail(err, LUD_E_NOMEM, "out of memory while saving");
    for (int64_t i = 0; s == LUD_OK && i < count; i += CHUNK) {
        const size_t n = (size_t)LUDC_MIN((int64_t)CHUNK, count - i);
        s = encode(t, t->data + i, n, chunk, err);
        if (s == LUD_OK) s = ludc_file_append(w, chunk, n / info->block_count * info->block_bytes, err);
    }
    ludc_free(chunk);
    return s;
}

lud_status ludc_values_round(int32_t dtype, float *values, int64_t count, lud_error *err) {
    if (dtype == LUDC_F32) return LUD_OK;
    const ludc_save_tensor t = {.name = "rounded", .dtype = dtype};
    uint8_t *chunk = ludc_alloc(CHUNK * sizeof *values);
    lud_status s = chunk ? LUD_OK : ludc_no_memory(err, NULL);
    for (int64_t i = 0; s == LUD_OK && i < count; i += CHUNK) {
        const int64_t n = LUDC_MIN((int64_t)CHUNK, count - i);
        const ludc_file_tensor back = {
            .name = t.name, .dtype = dtype, .rank = 1, .dim = {n}, .count = n, .data = chunk};
        s = encode(&t, values + i, (size_t)n, chunk, err);
        if (s == LUD_OK) s = ludc_tensor_to_f32(&back, 0, n, values + i, err);
    }
    ludc_free(chunk);
    return s;
}
