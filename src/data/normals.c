/*
 * normals.c - many normal numbers at once: Philox blocks side by side, then Box-Muller by
 * polynomials, in loops that vectorise.
 *
 * A sequence of 9 items of 64 numbers wants 576 normals; drawn one by one through libm they would
 * cost more than the model's step allows. This room is compiled without fused multiply-add, so
 * every operation rounds alike on every machine and the numbers are the same everywhere.
 */
#include "data/normals.h"

#include <math.h>
#include <string.h>

#include "stoa/base.h"

/* gcc 12 misplaces 64-byte vectors on AddressSanitizer's own stack (its bug 110027): the loop then.
 */
#if defined(__AVX512F__) && !defined(__SANITIZE_ADDRESS__)
#define WIDE 1
#include <immintrin.h>
#else
#define WIDE 0
#endif

enum { LANES = 16, CHUNK = 4 * LANES };

/* Philox4x32-10 (base/rng.c) at positions first .. first + LANES - 1: word i of each in w[i]. */
#if WIDE
/* The compiler finds no instruction for 32 x 32 bits; the numbers are those of the loop below. */
typedef struct state {
    __m512i c0, c1, c2, c3; // eight blocks, a word in the lower half of each lane
} state;

static inline state start(uint64_t stream, uint64_t first) {
    const __m512i position = _mm512_add_epi64(_mm512_set1_epi64((int64_t)first),
                                              _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0));
    return (state){position, _mm512_srli_epi64(position, 32), _mm512_set1_epi64((uint32_t)stream),
                   _mm512_set1_epi64((int64_t)(stream >> 32))};
}

static inline state advance(state s, uint32_t k0, uint32_t k1) {
    // the product does not look at the upper halves
    const __m512i a = _mm512_mul_epu32(s.c0, _mm512_set1_epi64(0xd2511f53u));
    const __m512i b = _mm512_mul_epu32(s.c2, _mm512_set1_epi64(0xcd9e8d57u));
    const __m512i high_a = _mm512_srli_epi64(a, 32), high_b = _mm512_srli_epi64(b, 32);
    return (state){_mm512_xor_epi64(_mm512_xor_epi64(high_b, s.c1), _mm512_set1_epi64(k0)), b,
                   _mm512_xor_epi64(_mm512_xor_epi64(high_a, s.c3), _mm512_set1_epi64(k1)), a};
}

static inline void keep(__m512i low, __m512i high, uint32_t out[LANES]) {
    const __m512i both = _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi64_epi32(low)),
                                            _mm512_cvtepi64_epi32(high), 1);
    _mm512_storeu_si512(out, both);
}

static void blocks(const uint32_t key[2], uint64_t stream, uint64_t first, uint32_t w[4][LANES]) {
    state s = start(stream, first), t = start(stream, first + LANES / 2);
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        s = advance(s, k0, k1);
        t = advance(t, k0, k1);
        k0 += 0x9e3779b9u;
        k1 += 0xbb67ae85u;
    }
    keep(s.c0, t.c0, w[0]);
    keep(s.c1, t.c1, w[1]);
    keep(s.c2, t.c2, w[2]);
    keep(s.c3, t.c3, w[3]);
}
#else
static void blocks(const uint32_t key[2], uint64_t stream, uint64_t first, uint32_t w[4][LANES]) {
    for (int i = 0; i < LANES; i++) {
        uint32_t block[4];
        stoa_philox(key, stream, first + (uint64_t)i, block);
        for (int j = 0; j < 4; j++)
            w[j][i] = block[j];
    }
}
#endif

static inline float float_of(uint32_t bits) {
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static inline uint32_t bits_of(float f) {
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

/* -log(x), x in (0, 2^31]; relative error below 1e-6 away from 1. Mantissa in [sqrt 1/2, sqrt 2),
 * then the odd series of log((1 + z) / (1 - z)). */
static inline float minus_log(float x) {
    uint32_t bits = bits_of(x) - 0x3f3504f3u;
    float e = (float)((int32_t)bits >> 23);
    float m = float_of((bits & 0x007fffffu) + 0x3f3504f3u);
    float z = (m - 1) / (m + 1), z2 = z * z;
    float series = 2 * z * (1 + z2 * (1.0f / 3 + z2 * (1.0f / 5 + z2 * (1.0f / 7 + z2 / 9))));
    return -(series + e * 0.693147181f);
}

/* Box and Muller 1958: two uniform words give two normals. The radius comes from 31 bits, so no
 * number is beyond 6.6. */
static void pairs(const uint32_t u[LANES], const uint32_t v[LANES], float *x, float *y) {
#pragma omp simd
    for (int i = 0; i < LANES; i++) {
        float level = ((float)(int32_t)(u[i] >> 1) + 0.5f) * 0x1p-31f;
        float minus = minus_log(level);
        float radius = sqrtf(2 * (minus > 0 ? minus : 0));
        /* the nearest quarter turn and what is left of the angle, in [-1/8, 1/8) turns */
        uint32_t quarter = (v[i] + 0x20000000u) >> 30;
        float t = (float)(int32_t)(v[i] - (quarter << 30)) * (0x1p-32f * 6.28318531f), t2 = t * t;
        float sine = t * (1 + t2 * (-1.0f / 6 + t2 * (1.0f / 120 - t2 / 5040)));
        float cosine = 1 + t2 * (-0.5f + t2 * (1.0f / 24 + t2 * (-1.0f / 720 + t2 / 40320)));
        float a = quarter & 1 ? sine : cosine, b = quarter & 1 ? cosine : sine;
        x[i] = (quarter + 1) & 2 ? -radius * a : radius * a;
        y[i] = quarter & 2 ? -radius * b : radius * b;
    }
}

static void chunk(const uint32_t key[2], uint64_t stream, uint64_t first, float out[CHUNK]) {
    uint32_t w[4][LANES];
    blocks(key, stream, first, w);
    pairs(w[0], w[1], out, out + LANES);
    pairs(w[2], w[3], out + 2 * LANES, out + 3 * LANES);
}

void stoa_normals(const uint32_t key[2], uint64_t stream, float *out, int64_t n) {
    uint64_t position = 0;
    for (; n >= CHUNK; n -= CHUNK, out += CHUNK, position += LANES)
        chunk(key, stream, position, out);
    if (n > 0) {
        float rest[CHUNK];
        chunk(key, stream, position, rest);
        memcpy(out, rest, (size_t)n * sizeof *out);
    }
}
