/*
 * tensor/cpu/simd.h - what fast loops share: bfloat16, and elementary functions that vectorise.
 *
 * The scalar functions have no branches and no calls, so a loop under `#pragma omp simd` becomes
 * full-width vector code. Their error is at most a few units in the last place of a float32 (1e-6
 * relative, checked by tests/tensor/test_simd.c); results below about 1e-38 are flushed to zero.
 *
 * The array functions move rows between a tensor's type and float32. Kernels work on rows or tiles
 * of STOA_TILE floats on the stack, which stay in the first-level cache.
 *
 * The coefficients are minimax fits made for these intervals by iteratively reweighted least
 * squares in extended precision.
 */
#ifndef STOA_TENSOR_CPU_SIMD_H
#define STOA_TENSOR_CPU_SIMD_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "stoa/tensor.h"

#if defined(__AVX512F__)
#include <immintrin.h>
#endif
#if defined(__AVX512BF16__) && defined(__AVX512VL__) && defined(__AVX512BW__)
#define STOA_HAVE_BF16_UNIT 1
#else
#define STOA_HAVE_BF16_UNIT 0
#endif

#define STOA_INLINE static inline __attribute__((always_inline))

enum { STOA_TILE = 512 }; /* floats; a few tiles fit in the first-level cache */

/* ---- bits ------------------------------------------------------------------------------------ */

STOA_INLINE uint32_t stoa_bits(float x) {
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

STOA_INLINE float stoa_from_bits(uint32_t u) {
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* ---- bfloat16: one value --------------------------------------------------------------------- */

STOA_INLINE float stoa_bf16_to_f32(uint16_t h) {
    return stoa_from_bits((uint32_t)h << 16);
}

/* Rounds to nearest, ties to even; a NaN stays one. */
STOA_INLINE uint16_t stoa_f32_to_bf16(float x) {
    uint32_t u = stoa_bits(x);
    uint32_t rounded = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
    uint32_t quiet = (u >> 16) | 0x40u;
    return (uint16_t)(x != x ? quiet : rounded);
}

/* Element i of a tensor's memory; with a constant type the choice costs nothing. */
STOA_INLINE float stoa_elem_get(const void *data, stoa_dtype dtype, int64_t i) {
    return dtype == STOA_BF16 ? stoa_bf16_to_f32(((const uint16_t *)data)[i])
                              : ((const float *)data)[i];
}

STOA_INLINE void stoa_elem_put(void *data, stoa_dtype dtype, int64_t i, float x) {
    if (dtype == STOA_BF16)
        ((uint16_t *)data)[i] = stoa_f32_to_bf16(x);
    else
        ((float *)data)[i] = x;
}

/* ---- elementary functions -------------------------------------------------------------------- */

/* exp(r) - 1 for |r| <= ln(2) / 2. */
STOA_INLINE float stoa_expm1_core(float r) {
    float q = 0.001394664286635816f;
    q = q * r + 0.008366698399186134f;
    q = q * r + 0.04166628047823906f;
    q = q * r + 0.16666541993618011f;
    q = q * r + 0.5f;
    return r + r * r * q;
}

/* x = n ln(2) + r: returns r, and n in the low bits of *bits. */
STOA_INLINE float stoa_exp_reduce(float x, uint32_t *bits) {
    const float shift = 12582912.0f; // 1.5 * 2^23: adding it rounds to an integer
    float t = x * 1.44269504088896341f + shift;
    float n = t - shift;
    *bits = stoa_bits(t);
    return (x - n * 0.693145751953125f) - n * 1.42860682030941723e-6f;
}

/* Infinity above 88.72, exactly 0 below -86.99 (so a masked -inf weighs nothing). */
STOA_INLINE float stoa_vexp(float x) {
    float top = x > 89.0f ? 89.0f : x;
    float cut = top < -87.0f ? -87.0f : top;
    uint32_t n;
    float p = stoa_expm1_core(stoa_exp_reduce(cut, &n)) + 1.0f;
    // 2^(n-1), then doubled: n = 128 would not fit an exponent
    float y = p * 2.0f * stoa_from_bits((n << 23) + 0x3f000000u);
    return x < -86.99f ? 0.0f : y;
}

/* exp(x) - 1 without cancellation, for x in [0, 80]. */
STOA_INLINE float stoa_expm1_positive(float x) {
    uint32_t n;
    float e = stoa_expm1_core(stoa_exp_reduce(x, &n));
    float scale = stoa_from_bits((n << 23) + 0x3f800000u);
    return scale * e + (scale - 1.0f);
}

STOA_INLINE float stoa_vtanh(float x) {
    float a = fabsf(x);
    float e = stoa_expm1_positive(2.0f * (a > 10.0f ? 10.0f : a));
    float y = copysignf(e / (e + 2.0f), x);
    return x != x ? x : y;
}

STOA_INLINE float stoa_vsigmoid(float x) {
    return 1.0f / (1.0f + stoa_vexp(-x));
}

/* Natural logarithm of a positive normal number. */
STOA_INLINE float stoa_log_core(float x) {
    uint32_t k = stoa_bits(x) - 0x3f3504f3u; // from sqrt(1/2) on
    float e = (float)((int32_t)k >> 23);
    float f = stoa_from_bits((k & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
    float q = -0.07859545946121216f;
    q = q * f + 0.12881621718406677f;
    q = q * f - 0.13128767907619476f;
    q = q * f + 0.14181196689605713f;
    q = q * f - 0.16624553501605988f;
    q = q * f + 0.2000228613615036f;
    q = q * f - 0.25000810623168945f;
    q = q * f + 0.33333316445350647f;
    return (f * f * (q * f - 0.5f) + e * 1.42860682030941723e-6f) + f + e * 0.693145751953125f;
}

/* Natural logarithm; -inf at 0, NaN below. */
STOA_INLINE float stoa_vlog(float x) {
    bool subnormal = x < 1.17549435e-38f;
    float y = stoa_log_core(subnormal ? x * 8388608.0f : x);
    y = subnormal ? y - 15.942385152878742f : y; // 23 ln(2)
    y = x < INFINITY ? y : x;                    // inf and NaN
    y = x == 0.0f ? -INFINITY : y;
    return x < 0.0f ? NAN : y;
}

/* log(1 + y) for y in [0, 1]. */
STOA_INLINE float stoa_log1p_unit(float y) {
    float u = 1.0f + y, lost = y - (u - 1.0f);
    return stoa_log_core(u) + lost * (1.5f - 0.5f * u); // lost / u, near enough
}

/* log(1 + exp(x)) */
STOA_INLINE float stoa_vsoftplus(float x) {
    return (x > 0.0f ? x : 0.0f) + stoa_log1p_unit(stoa_vexp(-fabsf(x)));
}

/* erfc(z) / exp(-z^2) for z in [0, 10]. */
STOA_INLINE float stoa_erfcx(float z) {
    float t = 1.0f / (1.0f + 0.3275911f * z);
    float q = -0.14024874567985535f;
    q = q * t + 0.4928015172481537f;
    q = q * t - 0.3987328112125397f;
    q = q * t + 0.4461052715778351f;
    q = q * t + 0.02955024130642414f;
    q = q * t + 0.2045145332813263f;
    q = q * t + 0.18097519874572754f;
    q = q * t + 0.18503494560718536f;
    return q * t;
}

STOA_INLINE float stoa_verf(float x) {
    float a = fabsf(x), z = x * x;
    float p = -0.0005660153110511601f;
    p = p * z + 0.004924789071083069f;
    p = p * z - 0.02671770751476288f;
    p = p * z + 0.112804114818573f;
    p = p * z - 0.3761235475540161f;
    p = p * z + 1.1283791065216064f;
    float far = copysignf(1.0f - stoa_vexp(-z) * stoa_erfcx(a > 10.0f ? 10.0f : a), x);
    return a < 1.0f ? p * x : far;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static inline void stoa_bf16_to_f32_row(float *restrict to, const uint16_t *restrict from,
                                        int64_t n) {
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        to[i] = stoa_bf16_to_f32(from[i]);
}

/* The unit takes subnormals for 0; else it rounds as stoa_f32_to_bf16. */
static inline void stoa_f32_to_bf16_row(uint16_t *restrict to, const float *restrict from,
                                        int64_t n) {
#if STOA_HAVE_BF16_UNIT
    int64_t i = 0;
    for (; i + 32 <= n; i += 32) {
        __m512bh h = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(from + i + 16), _mm512_loadu_ps(from + i));
        memcpy(to + i, &h, sizeof h);
    }
    for (; i < n; i += 16) {
        __mmask16 lanes = n - i >= 16 ? (__mmask16)0xffff : (__mmask16)((1u << (n - i)) - 1u);
        __m256bh h = _mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(lanes, from + i));
        __m256i words;
        memcpy(&words, &h, sizeof words);
        _mm256_mask_storeu_epi16(to + i, lanes, words);
    }
#else
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        to[i] = stoa_f32_to_bf16(from[i]);
#endif
}

/* n elements of a tensor of either float type, from element `at` on, as float32 in `to`. */
static inline void stoa_row_get(float *restrict to, const void *restrict data, stoa_dtype dtype,
                                int64_t at, int64_t n) {
    if (dtype == STOA_BF16)
        stoa_bf16_to_f32_row(to, (const uint16_t *)data + at, n);
    else
        memcpy(to, (const float *)data + at, (size_t)n * sizeof *to);
}

/* The same without a copy where the memory is float32 already; buffer holds n floats. */
static inline const float *stoa_row_view(float *restrict buffer, const void *restrict data,
                                         stoa_dtype dtype, int64_t at, int64_t n) {
    if (dtype == STOA_F32)
        return (const float *)data + at;
    stoa_row_get(buffer, data, dtype, at, n);
    return buffer;
}

static inline void stoa_row_put(void *restrict data, stoa_dtype dtype, int64_t at,
                                const float *restrict from, int64_t n) {
    if (dtype == STOA_BF16)
        stoa_f32_to_bf16_row((uint16_t *)data + at, from, n);
    else
        memcpy((float *)data + at, from, (size_t)n * sizeof *from);
}

/* Adds to what the tensor holds (`add`), or overwrites it: how a gradient is written. */
static inline void stoa_row_grad(void *restrict data, stoa_dtype dtype, bool add, int64_t at,
                                 const float *restrict from, int64_t n) {
    if (!add) {
        stoa_row_put(data, dtype, at, from, n);
    } else if (dtype == STOA_BF16) {
        uint16_t *to = (uint16_t *)data + at;
#pragma omp simd
        for (int64_t i = 0; i < n; i++)
            to[i] = stoa_f32_to_bf16(stoa_bf16_to_f32(to[i]) + from[i]);
    } else {
        float *to = (float *)data + at;
#pragma omp simd
        for (int64_t i = 0; i < n; i++)
            to[i] += from[i];
    }
}

/* Many sums side by side, in an order fixed by n. (Spelled out because one vector of sums would
 * wait for its own additions.) */
static inline float stoa_row_sum(const float *restrict x, int64_t n) {
#if defined(__AVX512F__)
    __m512 sum[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(),
                     _mm512_setzero_ps()};
    int64_t i = 0;
    for (; i + 64 <= n; i += 64)
        for (int k = 0; k < 4; k++)
            sum[k] = _mm512_add_ps(sum[k], _mm512_loadu_ps(x + i + 16 * k));
    for (; i < n; i += 16) {
        __mmask16 lanes = n - i >= 16 ? (__mmask16)0xffff : (__mmask16)((1u << (n - i)) - 1u);
        sum[0] = _mm512_add_ps(sum[0], _mm512_maskz_loadu_ps(lanes, x + i));
    }
    return _mm512_reduce_add_ps(
        _mm512_add_ps(_mm512_add_ps(sum[0], sum[1]), _mm512_add_ps(sum[2], sum[3])));
#else
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++)
        sum += x[i];
    return sum;
#endif
}

/* -inf of nothing; NaN counts as lowest. (Spelled out because compilers keep the order of
 * comparisons that a NaN could make matter.) */
static inline float stoa_row_max(const float *restrict x, int64_t n) {
#if defined(__AVX512F__)
    const __m512 none = _mm512_set1_ps(-INFINITY);
    __m512 most[4] = {none, none, none, none};
    int64_t i = 0;
    for (; i + 64 <= n; i += 64)
        for (int k = 0; k < 4; k++)
            most[k] = _mm512_max_ps(_mm512_loadu_ps(x + i + 16 * k), most[k]);
    for (; i < n; i += 16) {
        __mmask16 lanes = n - i >= 16 ? (__mmask16)0xffff : (__mmask16)((1u << (n - i)) - 1u);
        most[0] = _mm512_max_ps(_mm512_mask_loadu_ps(none, lanes, x + i), most[0]);
    }
    return _mm512_reduce_max_ps(
        _mm512_max_ps(_mm512_max_ps(most[0], most[1]), _mm512_max_ps(most[2], most[3])));
#else
    float most = -INFINITY;
    for (int64_t i = 0; i < n; i++)
        most = x[i] > most ? x[i] : most;
    return most;
#endif
}

#endif /* STOA_TENSOR_CPU_SIMD_H */
