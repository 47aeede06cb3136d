/*
 * tensor/cpu/lanes.h - sixteen floats at a time, by the vector extensions of gcc and clang. For
 * loops whose registers must be laid out by hand; elsewhere `#pragma omp simd` says enough.
 */
#ifndef STOA_TENSOR_CPU_LANES_H
#define STOA_TENSOR_CPU_LANES_H

#include "tensor/cpu/simd.h"
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#if !defined(__AVX512F__) // every function here is inlined: how lanes would be passed is no matter
#pragma GCC diagnostic ignored "-Wpsabi"
#endif

enum { STOA_LANES = 16 };
typedef float stoa_lanes __attribute__((vector_size(64))); /* two registers where they are half */

/* The same anywhere in memory. */
typedef float stoa_lanes_loose __attribute__((vector_size(64), aligned(4), may_alias));

STOA_INLINE stoa_lanes stoa_lanes_load(const float *from) {
    return *(const stoa_lanes_loose *)from;
}

STOA_INLINE void stoa_lanes_store(float *to, stoa_lanes v) {
    *(stoa_lanes_loose *)to = v;
}

/* n <= 16 elements of either float type, the rest 0. */
STOA_INLINE stoa_lanes stoa_lanes_get(const void *data, stoa_dtype dtype, int64_t at, int64_t n) {
    typedef uint16_t halves __attribute__((vector_size(32)));
    typedef uint32_t words __attribute__((vector_size(64)));
    bool whole = n == STOA_LANES;
    if (dtype == STOA_BF16) {
        const uint16_t *from = (const uint16_t *)data + at;
        halves h = {0};
#if defined(__AVX512BW__) && defined(__AVX512VL__)
        if (whole)
            memcpy(&h, from, sizeof h);
        else
            h = (halves)_mm256_maskz_loadu_epi16((__mmask16)((1u << n) - 1u), from);
        return (stoa_lanes)((words)_mm512_cvtepu16_epi32((__m256i)h) << 16);
#else
        memcpy(&h, from, whole ? sizeof h : (size_t)n * sizeof *from);
        return (stoa_lanes)(__builtin_convertvector(h, words) << 16);
#endif
    }
    const float *from = (const float *)data + at;
    stoa_lanes v = {0};
#if defined(__AVX512F__)
    if (whole)
        return stoa_lanes_load(from);
    v = _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1u), from);
#else
    memcpy(&v, from, whole ? sizeof v : (size_t)n * sizeof *from);
#endif
    return v;
}

/* Stores the first n <= 16 lanes as elements [at, at + n) of either float type. */
STOA_INLINE void stoa_lanes_put(void *data, stoa_dtype dtype, int64_t at, int64_t n, stoa_lanes v) {
    bool whole = n == STOA_LANES;
    if (dtype == STOA_BF16) {
        uint16_t *to = (uint16_t *)data + at;
#if STOA_HAVE_BF16_UNIT
        __m256bh h = _mm512_cvtneps_pbh(v);
        if (whole)
            memcpy(to, &h, sizeof h);
        else
            _mm256_mask_storeu_epi16(to, (__mmask16)((1u << n) - 1u), (__m256i)h);
#else
        uint16_t h[STOA_LANES];
        for (int i = 0; i < STOA_LANES; i++)
            h[i] = stoa_f32_to_bf16(v[i]);
        memcpy(to, h, whole ? sizeof h : (size_t)n * sizeof *to);
#endif
        return;
    }
    float *to = (float *)data + at;
#if defined(__AVX512F__)
    if (whole)
        stoa_lanes_store(to, v);
    else
        _mm512_mask_storeu_ps(to, (__mmask16)((1u << n) - 1u), v);
#else
    memcpy(to, &v, whole ? sizeof v : (size_t)n * sizeof *to);
#endif
}

/* Numbers within -1 to 1 in 16 bits of fixed point, 32767 being 1: near the ends they keep what
 * bfloat16 would lose. The first n <= 16 lanes. */
STOA_INLINE void stoa_lanes_put_fixed(int16_t *to, int64_t n, stoa_lanes v) {
#if defined(__AVX512BW__) && defined(__AVX512VL__)
    __m256i h = _mm512_cvtepi32_epi16(_mm512_cvtps_epi32(v * 32767.0f));
    if (n == STOA_LANES)
        _mm256_storeu_si256((__m256i *)(void *)to, h);
    else
        _mm256_mask_storeu_epi16(to, (__mmask16)((1u << n) - 1u), h);
#else
    for (int64_t i = 0; i < n; i++)
        to[i] = (int16_t)lrintf(v[i] * 32767.0f);
#endif
}

STOA_INLINE stoa_lanes stoa_lanes_get_fixed(const int16_t *from, int64_t n) {
#if defined(__AVX512BW__) && defined(__AVX512VL__)
    __m256i h = n == STOA_LANES ? _mm256_loadu_si256((const __m256i *)(const void *)from)
                                : _mm256_maskz_loadu_epi16((__mmask16)((1u << n) - 1u), from);
    return _mm512_cvtepi32_ps(_mm512_cvtepi16_epi32(h)) * (1.0f / 32767.0f);
#else
    stoa_lanes v = {0};
    for (int64_t i = 0; i < n; i++)
        v[i] = (float)from[i] * (1.0f / 32767.0f);
    return v;
#endif
}

typedef stoa_lanes (*stoa_lanes_op)(stoa_lanes a, stoa_lanes b);

/* Lane i of the result combines all lanes of v[i], by an operation that may take them in any order:
 * four rounds that fold pairs of vectors, taking lanes whose number has the round's bit from the
 * second. Destroys v. */
STOA_INLINE stoa_lanes stoa_lanes_fold(stoa_lanes v[16], stoa_lanes_op op) {
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) {
        stoa_lanes a = v[2 * i], b = v[2 * i + 1];
        v[i] = op(__builtin_shufflevector(a, b, 0, 17, 2, 19, 4, 21, 6, 23, 8, 25, 10, 27, 12, 29,
                                          14, 31),
                  __builtin_shufflevector(a, b, 1, 16, 3, 18, 5, 20, 7, 22, 9, 24, 11, 26, 13, 28,
                                          15, 30));
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        stoa_lanes a = v[2 * i], b = v[2 * i + 1];
        v[i] = op(
            __builtin_shufflevector(a, b, 0, 1, 18, 19, 4, 5, 22, 23, 8, 9, 26, 27, 12, 13, 30, 31),
            __builtin_shufflevector(a, b, 2, 3, 16, 17, 6, 7, 20, 21, 10, 11, 24, 25, 14, 15, 28,
                                    29));
    }
#pragma GCC unroll 2
    for (int i = 0; i < 2; i++) {
        stoa_lanes a = v[2 * i], b = v[2 * i + 1];
        v[i] = op(
            __builtin_shufflevector(a, b, 0, 1, 2, 3, 20, 21, 22, 23, 8, 9, 10, 11, 28, 29, 30, 31),
            __builtin_shufflevector(a, b, 4, 5, 6, 7, 16, 17, 18, 19, 12, 13, 14, 15, 24, 25, 26,
                                    27));
    }
    return op(
        __builtin_shufflevector(v[0], v[1], 0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29, 30, 31),
        __builtin_shufflevector(v[0], v[1], 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                22, 23));
}

STOA_INLINE stoa_lanes stoa_lanes_add(stoa_lanes a, stoa_lanes b) {
    return a + b;
}

/* Of equal lanes, or where one is no number, that of b. */
STOA_INLINE stoa_lanes stoa_lanes_larger(stoa_lanes a, stoa_lanes b) {
#if defined(__AVX512F__)
    return (stoa_lanes)_mm512_max_ps((__m512)a, (__m512)b);
#else
    typedef int32_t mask __attribute__((vector_size(64)));
    mask larger = a > b;
    return (stoa_lanes)((larger & (mask)a) | (~larger & (mask)b));
#endif
}

/* All lanes of one vector combined. */
STOA_INLINE float stoa_lanes_reduce(stoa_lanes v, stoa_lanes_op op) {
    v = op(v, __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
    v = op(v, __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11));
    v = op(v, __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13));
    v = op(v, __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14));
    return v[0];
}

/* Lane i: the sum of v[i]'s lanes. */
STOA_INLINE stoa_lanes stoa_lanes_sums(stoa_lanes v[16]) {
    return stoa_lanes_fold(v, stoa_lanes_add);
}

#endif /* STOA_TENSOR_CPU_LANES_H */
