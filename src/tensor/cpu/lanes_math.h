/*
 * tensor/cpu/lanes_math.h - exponentials and their kin for the hottest loops, on sixteen floats.
 *
 * simd.h leaves vectorising to the compiler, which then can use neither AVX-512's scaling by a
 * power of two, nor its approximate reciprocal, nor the bfloat16 unit inside a loop. Here they are
 * used where the machine has them. Errors are those of simd.h.
 */
#ifndef STOA_TENSOR_CPU_LANES_MATH_H
#define STOA_TENSOR_CPU_LANES_MATH_H

#include "tensor/cpu/lanes.h"

typedef int32_t stoa_lanes_ints __attribute__((vector_size(64)));

#if defined(__AVX512F__) && defined(__AVX512DQ__)

/* The smaller / larger of both; NaN where x is. */
STOA_INLINE stoa_lanes stoa_lanes_min(stoa_lanes x, float most) {
    return _mm512_min_ps(_mm512_set1_ps(most), x);
}

STOA_INLINE stoa_lanes stoa_lanes_max(stoa_lanes x, float least) {
    return _mm512_max_ps(_mm512_set1_ps(least), x);
}

/* b where x is negative (or -0), else a. */
STOA_INLINE stoa_lanes stoa_lanes_by_sign(stoa_lanes x, stoa_lanes a, stoa_lanes b) {
    return _mm512_mask_blend_ps(_mm512_movepi32_mask((__m512i)x), a, b);
}

/* 1 / x for |x| from 2^-126 to 2^126: an estimate of 14 bits and a Newton step. */
STOA_INLINE stoa_lanes stoa_lanes_reciprocal(stoa_lanes x) {
    stoa_lanes y = _mm512_rcp14_ps(x);
    return y * (2.0f - x * y);
}

/* x 2^n for whole n. */
STOA_INLINE stoa_lanes stoa_lanes_scale(stoa_lanes x, stoa_lanes n) {
    return _mm512_scalef_ps(x, n);
}

/* The magnitude of x with the sign of y. */
STOA_INLINE stoa_lanes stoa_lanes_signed(stoa_lanes x, stoa_lanes y) {
    const __m512i sign = _mm512_set1_epi32((int32_t)0x80000000u);
    return (stoa_lanes)_mm512_ternarylogic_epi32(sign, (__m512i)y, (__m512i)x, 0xca);
}

STOA_INLINE float stoa_lanes_total(stoa_lanes x) {
    return _mm512_reduce_add_ps(x);
}

#else

STOA_INLINE stoa_lanes stoa_lanes_select(stoa_lanes_ints mask, stoa_lanes a, stoa_lanes b) {
    return (stoa_lanes)((mask & (stoa_lanes_ints)a) | (~mask & (stoa_lanes_ints)b));
}

STOA_INLINE stoa_lanes stoa_lanes_min(stoa_lanes x, float most) {
    return stoa_lanes_select(x > most, most - (stoa_lanes){0}, x);
}

STOA_INLINE stoa_lanes stoa_lanes_max(stoa_lanes x, float least) {
    return stoa_lanes_select(x < least, least - (stoa_lanes){0}, x);
}

STOA_INLINE stoa_lanes stoa_lanes_by_sign(stoa_lanes x, stoa_lanes a, stoa_lanes b) {
    return stoa_lanes_select((stoa_lanes_ints)x < 0, b, a);
}

STOA_INLINE stoa_lanes stoa_lanes_reciprocal(stoa_lanes x) {
    return 1.0f / x;
}

/* In two steps: n may be past what one exponent holds. */
STOA_INLINE stoa_lanes stoa_lanes_scale(stoa_lanes x, stoa_lanes n) {
    stoa_lanes_ints whole = __builtin_convertvector(n, stoa_lanes_ints), half = whole >> 1;
    x = x * (stoa_lanes)((half + 127) << 23);
    return x * (stoa_lanes)((whole - half + 127) << 23);
}

STOA_INLINE stoa_lanes stoa_lanes_signed(stoa_lanes x, stoa_lanes y) {
    return (stoa_lanes)(((stoa_lanes_ints)x & 0x7fffffff) | ((stoa_lanes_ints)y & ~0x7fffffff));
}

STOA_INLINE float stoa_lanes_total(stoa_lanes x) {
    float sum[STOA_LANES];
    stoa_lanes_store(sum, x);
    for (int width = STOA_LANES / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++)
            sum[i] += sum[i + width];
    return sum[0];
}

#endif

/* The first n lanes of x, the others filled. */
STOA_INLINE stoa_lanes stoa_lanes_first(stoa_lanes x, int64_t n, float fill) {
#if defined(__AVX512F__)
    __mmask16 kept = n >= STOA_LANES ? (__mmask16)0xffff : (__mmask16)((1u << n) - 1u);
    return _mm512_mask_blend_ps(kept, _mm512_set1_ps(fill), x);
#else
    for (int64_t i = n; i < STOA_LANES; i++)
        x[i] = fill;
    return x;
#endif
}

STOA_INLINE stoa_lanes stoa_lanes_abs(stoa_lanes x) {
    return (stoa_lanes)((stoa_lanes_ints)x & 0x7fffffff);
}

/* x = n ln(2) + r. */
STOA_INLINE stoa_lanes stoa_lanes_exp_reduce(stoa_lanes x, stoa_lanes *n) {
    const float shift = 12582912.0f; // 1.5 * 2^23: adding it rounds to an integer
    *n = (x * 1.44269504088896341f + shift) - shift;
    return (x - *n * 0.693145751953125f) - *n * 1.42860682030941723e-6f;
}

/* (exp(r) - 1) / r for |r| <= ln(2) / 2. */
STOA_INLINE stoa_lanes stoa_lanes_exp_core(stoa_lanes r) {
    stoa_lanes q = r * 0.001394664286635816f + 0.008366698399186134f;
    q = q * r + 0.04166628047823906f;
    q = q * r + 0.16666541993618011f;
    q = q * r + 0.5f;
    return q * r + 1.0f;
}

/* exp for |x| <= 150; NaN stays one. */
STOA_INLINE stoa_lanes stoa_lanes_exp_within(stoa_lanes x) {
    stoa_lanes n, r = stoa_lanes_exp_reduce(x, &n);
    return stoa_lanes_scale(stoa_lanes_exp_core(r) * r + 1.0f, n);
}

/* Infinity above 88.73, 0 below -104. */
STOA_INLINE stoa_lanes stoa_lanes_exp(stoa_lanes x) {
    return stoa_lanes_exp_within(stoa_lanes_max(stoa_lanes_min(x, 105.0f), -105.0f));
}

/* Beyond +-87 as at +-87. */
STOA_INLINE stoa_lanes stoa_lanes_sigmoid(stoa_lanes x) {
    stoa_lanes e = stoa_lanes_exp_within(stoa_lanes_max(stoa_lanes_min(-x, 87.0f), -87.0f));
    return stoa_lanes_reciprocal(1.0f + e);
}

/* By exp(2|x|) - 1 without cancellation. */
STOA_INLINE stoa_lanes stoa_lanes_tanh(stoa_lanes x) {
    stoa_lanes n, r = stoa_lanes_exp_reduce(stoa_lanes_min(stoa_lanes_abs(x + x), 20.0f), &n);
    stoa_lanes power = stoa_lanes_scale((stoa_lanes){0} + 1.0f, n);
    stoa_lanes e = stoa_lanes_exp_core(r) * r * power + (power - 1.0f);
    return stoa_lanes_signed(e * stoa_lanes_reciprocal(e + 2.0f), x);
}

/* erfc(z) / exp(-z^2) for z in [0, 10]. */
STOA_INLINE stoa_lanes stoa_lanes_erfcx(stoa_lanes z) {
    stoa_lanes t = stoa_lanes_reciprocal(1.0f + 0.3275911f * z);
    stoa_lanes q = t * -0.14024874567985535f + 0.4928015172481537f;
    q = q * t - 0.3987328112125397f;
    q = q * t + 0.4461052715778351f;
    q = q * t + 0.02955024130642414f;
    q = q * t + 0.2045145332813263f;
    q = q * t + 0.18097519874572754f;
    q = q * t + 0.18503494560718536f;
    return q * t;
}

#endif /* STOA_TENSOR_CPU_LANES_MATH_H */
