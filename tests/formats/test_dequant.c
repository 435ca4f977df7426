/* SPDX-License-Identifier: Apache-2.0
 * Values: every half-precision number, rounding to half types, each block format against its formula computed with
 * other means, parts of tensors, unaligned data, refusals. */
#include "files.h"

#include <check.h>
#include <formats.h>
#include <half.h>
#include <math.h>
#include <tensors.h>

static float float_of(uint32_t bits) {
    float f;
    memcpy(&f, &bits, 4);
    return f;
}

static uint32_t bits_of(float f) {
    uint32_t u;
    memcpy(&u, &f, 4);
    return u;
}

/* A half by its definition. */
static double half_value(uint32_t h) {
    double sign = h & 0x8000 ? -1.0 : 1.0, fraction = h & 0x3ff;
    int exponent = (h >> 10) & 31;
    if (exponent == 31) return fraction != 0.0 ? (double)NAN : sign * (double)INFINITY;
    return exponent ? sign * ldexp(1024.0 + fraction, exponent - 25) : sign * ldexp(fraction, -24);
}

static void test_every_half(void) {
    int wrong = 0, back = 0;
    for (uint32_t h = 0; h < 65536; h++) {
        float got = ludc_half_widen((uint16_t)h), want = (float)half_value(h);
        if (isnan(want) ? !isnan(got) : bits_of(got) != bits_of(want)) wrong++;
        if (!isnan(want) && ludc_f32_to_f16(want) != h) back++;
    }
    CHECK_INT(wrong, 0);
    CHECK_INT(back, 0);
    CHECK_INT(ludc_f32_to_f16(NAN) & 0x7fff, 0x7e00);
}

/* The nearest of the two neighbours, ties to the even one: by comparing distances in double. */
static void test_rounding(void) {
    int wrong = 0;
    for (uint64_t i = 0; i < 400000; i++) {
        uint32_t bits = (uint32_t)lud_mix64(i);
        if (i % 2) bits = (bits & 0x81ffffffu) | 0x38000000u; /* every other one near the range of halves */
        float f = float_of(bits);
        if (isnan(f)) continue;
        uint32_t h = ludc_f32_to_f16(f), low = h & 0x7fff;
        double x = fabs((double)f), at = low == 0x7c00 ? 65536.0 : half_value(low);
        double below = low ? half_value(low - 1) : -1.0, above = low >= 0x7bff ? 65536.0 : half_value(low + 1);
        bool down = fabs(x - below) < fabs(x - at) || (fabs(x - below) == fabs(x - at) && low % 2);
        bool up = low < 0x7c00 && (fabs(x - above) < fabs(x - at) || (fabs(x - above) == fabs(x - at) && low % 2));
        if (down || up || (h >> 15) != (bits >> 31)) wrong++;
    }
    CHECK_INT(wrong, 0);
}

static void test_bf16(void) {
    int wrong = 0;
    for (uint64_t i = 0; i < 400000; i++) {
        uint32_t bits = (uint32_t)lud_mix64(i);
        if (i % 4 == 0) bits = (bits & 0xffff0000u) | 0x8000u; /* ties */
        float f = float_of(bits);
        uint32_t b = ludc_f32_to_bf16(f);
        if (isnan(f)) {
            wrong += b != 0x7fc0;
            continue;
        }
        uint32_t low = bits & 0xffff0000u, rest = bits & 0xffff;
        uint32_t want = rest > 0x8000 || (rest == 0x8000 && (low >> 16) % 2) ? (low >> 16) + 1 : low >> 16;
        wrong += b != want;
    }
    CHECK_INT(wrong, 0);
}

/* ---- Blocks ---- */

static ludc_file_tensor tensor_of(int32_t dtype, int64_t count, const uint8_t *data, size_t bytes) {
    return (ludc_file_tensor){
        .name = "t", .dtype = dtype, .rank = 1, .dim = {count}, .count = count, .data = data, .bytes = bytes};
}

/* Element i of quantized data, straight from the format's description, rounding after each operation. */
static float element(int32_t dtype, const uint8_t *data, size_t block_bytes, int i) {
    const uint8_t *b = data + (size_t)(i / 32) * block_bytes;
    int j = i % 32;
    volatile float d = (float)half_value((uint32_t)b[0] | (uint32_t)b[1] << 8), p;
    if (dtype == LUDC_Q8_0) return p = d * (float)(int8_t)b[2 + j], p;
    const uint8_t *qs = b + (dtype == LUDC_Q4_1 ? 4 : 2);
    int q = j < 16 ? qs[j] & 15 : qs[j - 16] >> 4;
    if (dtype == LUDC_Q4_0) return p = d * (float)(q - 8), p;
    volatile float m = (float)half_value((uint32_t)b[2] | (uint32_t)b[3] << 8);
    p = d * (float)q;
    return p + m;
}

static void test_blocks(int32_t dtype) {
    enum { BLOCKS = 100 };
    static uint8_t raw[BLOCKS * 34 + 1];
    static float got[BLOCKS * 32];
    const size_t block_bytes = ludc_dtype_at(dtype)->block_bytes;
    lud_error err = LUDC_ERROR_INIT;
    for (size_t i = 0; i < sizeof raw; i++)
        raw[i] = (uint8_t)lud_mix64(i + (uint64_t)dtype * 1000);
    for (size_t k = 0; k < BLOCKS; k++) { /* finite scales */
        raw[1 + k * block_bytes + 1] &= 0xbb;
        if (dtype == LUDC_Q4_1) raw[1 + k * block_bytes + 3] &= 0xbb;
    }
    ludc_file_tensor t = tensor_of(dtype, BLOCKS * 32, raw + 1, BLOCKS * block_bytes); /* at an odd address */
    CHECK_OK(ludc_tensor_to_f32(&t, 0, t.count, got, &err), err);
    int wrong = 0;
    for (int i = 0; i < BLOCKS * 32; i++)
        wrong += bits_of(got[i]) != bits_of(element(dtype, t.data, block_bytes, i));
    CHECK_INT(wrong, 0);
    float part[64];
    CHECK_OK(ludc_tensor_to_f32(&t, 96, 64, part, &err), err);
    CHECK(memcmp(part, got + 96, sizeof part) == 0);
    CHECK_OK(ludc_tensor_to_f32(&t, t.count, 0, part, &err), err);
    static const int64_t bad[][2] = {
        {1, 32}, {0, 31}, {-32, 32}, {BLOCKS * 32, 32}, {0, BLOCKS * 32 + 32}, {0, -32}, {INT64_MAX - 31, 32}};
    for (size_t i = 0; i < LUDC_COUNT(bad); i++)
        CHECK_INT(ludc_tensor_to_f32(&t, bad[i][0], bad[i][1], part, &err), LUD_E_INVALID);
}

/* ---- Plain types ---- */

static void check_plain(int32_t dtype, const void *data, size_t bytes, const float *want, int n) {
    uint8_t raw[65] = {0};
    float got[8];
    lud_error err = LUDC_ERROR_INIT;
    memcpy(raw + 1, data, bytes);
    ludc_file_tensor t = tensor_of(dtype, n, raw + 1, bytes);
    CHECK_OK(ludc_tensor_to_f32(&t, 0, n, got, &err), err);
    for (int i = 0; i < n; i++) {
        if (bits_of(got[i]) != bits_of(want[i]))
            fprintf(stderr, "%s[%d]: got %g, want %g\n", ludc_dtype_name(dtype), i, (double)got[i], (double)want[i]);
        CHECK(bits_of(got[i]) == bits_of(want[i]));
    }
}

#define PLAIN(dtype, type, ...)                                                                                        \
    do {                                                                                                               \
        const type v[] = {__VA_ARGS__};                                                                                \
        float want[LUDC_COUNT(v)];                                                                                     \
        for (size_t i = 0; i < LUDC_COUNT(v); i++)                                                                     \
            want[i] = (float)v[i];                                                                                     \
        check_plain(dtype, v, sizeof v, want, (int)LUDC_COUNT(v));                                                     \
    } while (0)

static void test_plain(void) {
    PLAIN(LUDC_F32, float, 1.5f, -0.0f, 1e-40f, INFINITY);
    PLAIN(LUDC_F64, double, 1.5, 0.1, -1e300, 1e-50);
    PLAIN(LUDC_I8, int8_t, -128, 127, 0);
    PLAIN(LUDC_I16, int16_t, INT16_MIN, 12345);
    PLAIN(LUDC_I32, int32_t, INT32_MIN, 16777217, INT32_MAX);
    PLAIN(LUDC_I64, int64_t, INT64_MIN, INT64_MAX, 1ll << 53);
    PLAIN(LUDC_U8, uint8_t, 0, 255);
    PLAIN(LUDC_U16, uint16_t, 0, 65535);
    PLAIN(LUDC_U32, uint32_t, UINT32_MAX, 16777219);
    PLAIN(LUDC_U64, uint64_t, UINT64_MAX, 1);
    check_plain(LUDC_BF16, "\x80\x3f\x00\xc0\x80\x7f", 6, (const float[]){1.0f, -2.0f, INFINITY}, 3);
    check_plain(LUDC_F16, "\x00\x3c\x01\x00\x00\xfc", 6, (const float[]){1.0f, 0x1p-24f, -INFINITY}, 3);
    check_plain(LUDC_BOOL, "\x00\x01", 2, (const float[]){0.0f, 1.0f}, 2);
    check_plain(LUDC_F8_E5M2, "\x3c\x7b\x01\xfc", 4, (const float[]){1.0f, 57344.0f, 0x1p-16f, -INFINITY}, 4);
    check_plain(LUDC_F8_E4M3, "\x38\x7e\x01\xb8\x08", 5, (const float[]){1.0f, 448.0f, 0x1p-9f, -1.0f, 0x1p-6f}, 5);
}

static void test_refused_types(void) {
    static const int32_t none[] = {LUDC_C64, LUDC_F4, LUDC_F6_E2M3, LUDC_F8_E8M0, LUDC_DTYPE_COUNT, -1};
    uint8_t raw[64] = {0};
    float x[8];
    for (size_t i = 0; i < LUDC_COUNT(none); i++) {
        lud_error err = LUDC_ERROR_INIT;
        ludc_file_tensor t = tensor_of(none[i], 4, raw, 32);
        CHECK_INT(ludc_tensor_to_f32(&t, 0, 4, x, &err), LUD_E_UNSUPPORTED);
        CHECK(strstr(err.msg, "'t'") && strstr(err.msg, ludc_dtype_name(none[i])));
    }
}

int main(void) {
    test_every_half();
    test_rounding();
    test_bf16();
    test_blocks(LUDC_Q4_0);
    test_blocks(LUDC_Q4_1);
    test_blocks(LUDC_Q8_0);
    test_plain();
    test_refused_types();
    return check_done();
}
