/* SPDX-License-Identifier: Apache-2.0
 * exp, log, tanh, sigmoid and the normal distribution on vectors, within about 2 ulp of the true value (the last: of
 * 1); NaN passes. The polynomials are minimax fits made for this file (Remez exchange on the ranges named below). */
#ifndef CPU_VMATH_H
#define CPU_VMATH_H

#include "vec.h"

/* exp(x) = 2^n exp(r), |r| <= ln(2)/2, exp(r) = 1 + r + r^2 p(r). Below -87.33 the result is 0, above 88.37 it stays
 * at the largest power reached there (no infinity: callers pass x <= 0 or take a reciprocal). */
ALWAYS_INLINE vf vf_exp(vf x) {
    vf c = vf_max(vf_set1(-87.33f), vf_min(vf_set1(88.37f), x));
    vi n = vi_round(c * 1.44269504f);
    vf f = vf_from_int(n);
    vf r = vf_fma(f, vf_set1(-0.693359375f), c); /* ln 2 in two parts, the first exact in 9 bits */
    r = vf_fma(f, vf_set1(2.12194440e-4f), r);
    vf p = vf_set1(0.0013941218f);
    p = vf_fma(p, r, vf_set1(0.0083632351f));
    p = vf_fma(p, r, vf_set1(0.0416663741f));
    p = vf_fma(p, r, vf_set1(0.1666657665f));
    p = vf_fma(p, r, vf_set1(0.5000000027f));
    vf e = vf_fma(r * r, p, r) + 1.0f;
    e = vf_bits(vi_bits(e) + (n << 23));
    return vf_select(x < -87.33f, vf_zero(), e);
}

/* log((1 + s) / (1 - s)) for 0 <= |s| <= 1/3, to 2^-27 of the value. */
ALWAYS_INLINE vf vf_log_ratio(vf s) {
    vf u = s * s;
    vf p = vf_set1(0.2802445889f);
    p = vf_fma(p, u, vf_set1(0.2799914181f));
    p = vf_fma(p, u, vf_set1(0.4002169967f));
    p = vf_fma(p, u, vf_set1(0.6666641235f));
    return vf_fma(s * u, p, s + s);
}

/* log(1 + x) for 0 <= x <= 1 */
ALWAYS_INLINE vf vf_log1p(vf x) {
    return vf_log_ratio(x / (2.0f + x));
}

/* log(x) of a positive normal number: x = 2^n m with m in [sqrt(1/2), sqrt(2)). */
ALWAYS_INLINE vf vf_log(vf x) {
    vi n = (vi_bits(x) - 0x3F3504F3) >> 23;
    vf m = vf_bits(vi_bits(x) - (n << 23)), f = vf_from_int(n);
    vf low = vf_fma(f, vf_set1(-2.12194440e-4f), vf_log_ratio((m - 1.0f) / (m + 1.0f)));
    return vf_fma(f, vf_set1(0.693359375f), low);
}

ALWAYS_INLINE vf vf_sigmoid(vf x) {
    return 1.0f / (1.0f + vf_exp(-x));
}

/* |x| < 0.625: odd polynomial; else 1 - 2 / (exp(2|x|) + 1) with the sign of x. */
ALWAYS_INLINE vf vf_tanh(vf x) {
    vf a = vf_abs(x), u = x * x;
    vf p = vf_set1(-0.0057170450f);
    p = vf_fma(p, u, vf_set1(0.0206505873f));
    p = vf_fma(p, u, vf_set1(-0.0537434981f));
    p = vf_fma(p, u, vf_set1(0.1333149129f));
    p = vf_fma(p, u, vf_set1(-0.3333328393f));
    vf near = vf_fma(x * u, p, x);
    vf far = 1.0f - 2.0f / (vf_exp(vf_min(vf_set1(20.0f), a + a)) + 1.0f);
    far = vf_bits(vi_bits(far) | (vi_bits(x) & (int32_t)0x80000000));
    return vf_select(a < 0.625f, near, far);
}

/* The normal distribution (1 + erf(x / sqrt(2))) / 2: 1/2 + x p(x^2) / q(x^2) on [-5.5, 5.5], within 2e-7. Beyond, and
 * where rounding leads out of [0, 1], it is 0 or 1. */
ALWAYS_INLINE vf vf_normal(vf x) {
    vf c = vf_max(vf_set1(-5.5f), vf_min(vf_set1(5.5f), x)), u = c * c;
    vf p = vf_set1(2.2749288898e-8f);
    p = vf_fma(p, u, vf_set1(6.3521056291e-6f));
    p = vf_fma(p, u, vf_set1(1.6882596537e-4f));
    p = vf_fma(p, u, vf_set1(0.0046772621572f));
    p = vf_fma(p, u, vf_set1(0.0338526926935f));
    p = vf_fma(p, u, vf_set1(0.3989422321320f));
    vf q = vf_set1(1.1975007511e-6f);
    q = vf_fma(q, u, vf_set1(7.3647519457e-5f));
    q = vf_fma(q, u, vf_set1(0.0018844465958f));
    q = vf_fma(q, u, vf_set1(0.0286458954215f));
    q = vf_fma(q, u, vf_set1(0.2515220344067f));
    q = vf_fma(q, u, vf_set1(1.0f));
    vf r = c * p / q;
    return 0.5f + vf_max(vf_set1(-0.5f), vf_min(vf_set1(0.5f), r));
}

#endif
