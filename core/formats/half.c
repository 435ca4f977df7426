/* SPDX-License-Identifier: Apache-2.0
 * Half-precision numbers, bit for bit as IEEE 754 and torch have them (round to nearest even). No tables, no branches
 * in the common path, so that loops over these functions vectorize. */
#include "half.h"

uint16_t ludc_f32_to_f16(float f) {
    union {
        float f;
        uint32_t u;
    } x = {.f = f};
    uint32_t sign = (x.u >> 16) & 0x8000u, abs = x.u & 0x7fffffffu;
    if (abs > 0x7f800000u) return (uint16_t)(sign | 0x7e00u);
    if (abs >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u); /* 65520 and above round to infinity */
    if (abs < 0x38800000u) {
        /* Subnormal: adding 0.5 puts the half's unit at the last bit of the float, so the hardware rounds. */
        x.u = abs;
        x.f += 0.5f;
        return (uint16_t)(sign | (x.u - 0x3f000000u));
    }
    return (uint16_t)(sign | ((abs - 0x38000000u + 0xfffu + ((abs >> 13) & 1u)) >> 13));
}

uint16_t ludc_f32_to_bf16(float f) {
    union {
        float f;
        uint32_t u;
    } x = {.f = f};
    if ((x.u & 0x7fffffffu) > 0x7f800000u) return 0x7fc0u; /* torch's one NaN */
    return (uint16_t)((x.u + 0x7fffu + ((x.u >> 16) & 1u)) >> 16);
}
