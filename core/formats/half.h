/* SPDX-License-Identifier: Apache-2.0
 * Inside of formats only: half -> float as an inline function, for loops that must vectorize. */
#ifndef LUDC_HALF_H
#define LUDC_HALF_H

#include "tensors.h"

/* Multiplying by 2^112 rebiases the exponent and is exact, subnormals included; infinities and NaNs keep all ones. */
static inline float ludc_half_widen(uint16_t h) {
    union {
        uint32_t u;
        float f;
    } x = {.u = (uint32_t)(h & 0x7fffu) << 13}, y;
    uint32_t special = (h & 0x7c00u) == 0x7c00u ? 0x7f800000u : 0u;
    y.f = x.f * 0x1p112f;
    y.u = special ? (x.u | special) : y.u;
    y.u |= (uint32_t)(h & 0x8000u) << 16;
    return y.f;
}

#endif
