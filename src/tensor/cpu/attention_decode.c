/*
 * tensor/cpu/attention_decode.c - a query streams the cache once: keys for the scores, softmax,
 * values for the result.
 *
 * Two forms: float32 arithmetic on any cache, and, where the processor multiplies pairs of bf16
 * (AVX-512 BF16) and a bf16 head is whole vectors wide, products of bf16 with float32 sums; query
 * and weights are rounded to bf16 there, as in the tile engine.
 */
#include "tensor/cpu/attention_decode.h"

#include "tensor/cpu/attention_softmax.h"

enum {
    N = STOA_LANES,
    CHUNK = 4,  // vectors of a value summed at a time
    AHEAD = 16, // tokens asked for ahead
    LINE = 64   // bytes of a cache line
};

static int64_t padded(int64_t n) {
    return (n + 2 * N - 1) / (2 * N) * (2 * N);
}

int64_t stoa_decode_padded(int width) {
    return padded(width);
}

int64_t stoa_decode_scratch(int64_t tokens) {
    return 2 * padded(tokens);
}

/* A head's part of a token is a short piece, far from the next: ask for what is wanted soon. */
STOA_INLINE void ask(const void *data, stoa_dtype dtype, int64_t at, int64_t width) {
    int64_t size = dtype == STOA_BF16 ? 2 : 4;
    for (int64_t i = 0; i < width * size; i += LINE)
        __builtin_prefetch((const char *)data + at * size + i);
}

/* ---- float32 --------------------------------------------------------------------------------- */

STOA_INLINE void score(const stoa_decode *d, stoa_dtype dtype, const float *query, float *scores) {
    for (int64_t t = 0; t < d->tokens; t += N) {
        stoa_lanes sums[N];
        int64_t count = d->tokens - t < N ? d->tokens - t : N;
        for (int64_t i = 0; i < N; i++) {
            int64_t at = d->first + (t + (i < count ? i : 0)) * d->stride, c = 0;
            stoa_lanes sum = {0};
            ask(d->keys, dtype, at + AHEAD * d->stride, d->width);
            for (; c + N <= d->width; c += N)
                sum += stoa_lanes_load(query + c) * stoa_lanes_get(d->keys, dtype, at + c, N);
            if (c < d->width)
                sum += stoa_lanes_load(query + c) *
                       stoa_lanes_get(d->keys, dtype, at + c, d->width - c);
            sums[i] = sum;
        }
        stoa_lanes_store(scores + t, stoa_lanes_sums(sums));
    }
}

/* Columns [c, c + vectors * 16) of the result, the last vector of `tail` lanes. Two sums each, over
 * even and odd tokens, so that additions need not wait for each other. */
STOA_INLINE void mix_columns(const stoa_decode *d, stoa_dtype dtype, const float *weights,
                             float *out, int64_t c, int vectors, int64_t tail) {
    stoa_lanes even[CHUNK] = {{0}}, odd[CHUNK] = {{0}};
    for (int64_t t = 0; t < d->tokens; t += 2) {
        bool two = t + 1 < d->tokens;
        int64_t at = d->first + t * d->stride + c, next = two ? at + d->stride : at;
        float w = weights[t], v = two ? weights[t + 1] : 0;
        ask(d->values, dtype, at + AHEAD * d->stride, vectors * N);
        ask(d->values, dtype, next + AHEAD * d->stride, vectors * N);
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) {
            int64_t lanes = i == vectors - 1 ? tail : N;
            even[i] += w * stoa_lanes_get(d->values, dtype, at + i * N, lanes);
            odd[i] += v * stoa_lanes_get(d->values, dtype, next + i * N, lanes);
        }
    }
    for (int i = 0; i < vectors; i++)
        stoa_lanes_store(out + c + i * N, even[i] + odd[i]);
}

STOA_INLINE void mix(const stoa_decode *d, stoa_dtype dtype, const float *weights, float *out) {
    int64_t c = 0;
    for (; c + CHUNK * N <= d->width; c += CHUNK * N)
        mix_columns(d, dtype, weights, out, c, CHUNK, N);
    for (; c + N <= d->width; c += N)
        mix_columns(d, dtype, weights, out, c, 1, N);
    if (c < d->width)
        mix_columns(d, dtype, weights, out, c, 1, d->width - c);
}

/* ---- pairs of bf16 --------------------------------------------------------------------------- */

#if STOA_HAVE_BF16_UNIT

enum { PAIR = 32, SLOTS = 4, WIDEST = 512 }; // elements of a vector; sums side by side; of a head

STOA_INLINE __m512bh load_halves(const void *data, int64_t at) {
    __m512bh h;
    memcpy(&h, (const uint16_t *)data + at, sizeof h);
    return h;
}

static void score_halves(const stoa_decode *d, const uint16_t *query, float *scores) {
    for (int64_t t = 0; t < d->tokens; t += N) {
        stoa_lanes sums[N];
        int64_t count = d->tokens - t < N ? d->tokens - t : N;
        for (int64_t i = 0; i < N; i++) {
            int64_t at = d->first + (t + (i < count ? i : 0)) * d->stride;
            __m512 sum = _mm512_setzero_ps();
            ask(d->keys, STOA_BF16, at + AHEAD * d->stride, d->width);
            for (int64_t c = 0; c < d->width; c += PAIR)
                sum = _mm512_dpbf16_ps(sum, load_halves(query, c), load_halves(d->keys, at + c));
            sums[i] = (stoa_lanes)sum;
        }
        stoa_lanes_store(scores + t, stoa_lanes_sums(sums));
    }
}

/* Columns [c, c + 32): pairs of tokens, interleaved within quarters of a vector (which `unpack`
 * does), so the sums' quarters are put in order at the end. weights: bf16, 0 behind the last. */
static void mix_halves(const stoa_decode *d, const uint16_t *weights, float *out, int64_t c) {
    __m512 low[SLOTS], high[SLOTS];
    for (int s = 0; s < SLOTS; s++)
        low[s] = high[s] = _mm512_setzero_ps();
    for (int64_t t = 0; t < d->tokens; t += 2 * SLOTS)
#pragma GCC unroll 4
        for (int s = 0; s < SLOTS; s++) {
            int64_t i = t + 2 * s, last = d->tokens - 1;
            int64_t even = d->first + (i < last ? i : last) * d->stride + c;
            int64_t odd = d->first + (i + 1 < last ? i + 1 : last) * d->stride + c;
            ask(d->values, STOA_BF16, even + AHEAD * d->stride, PAIR);
            ask(d->values, STOA_BF16, odd + AHEAD * d->stride, PAIR);
            int32_t pair;
            memcpy(&pair, weights + i, sizeof pair);
            __m512bh w = (__m512bh)_mm512_set1_epi32(pair);
            __m512i a = (__m512i)load_halves(d->values, even);
            __m512i b = (__m512i)load_halves(d->values, odd);
            low[s] = _mm512_dpbf16_ps(low[s], w, (__m512bh)_mm512_unpacklo_epi16(a, b));
            high[s] = _mm512_dpbf16_ps(high[s], w, (__m512bh)_mm512_unpackhi_epi16(a, b));
        }
    stoa_lanes x = (stoa_lanes)low[0], y = (stoa_lanes)high[0];
    for (int s = 1; s < SLOTS; s++) {
        x += (stoa_lanes)low[s];
        y += (stoa_lanes)high[s];
    }
    stoa_lanes_store(out + c, __builtin_shufflevector(x, y, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7,
                                                      20, 21, 22, 23));
    stoa_lanes_store(out + c + N, __builtin_shufflevector(x, y, 8, 9, 10, 11, 24, 25, 26, 27, 12,
                                                          13, 14, 15, 28, 29, 30, 31));
}

#endif

/* ---- one query ------------------------------------------------------------------------------- */

/* Whether products of pairs of bf16 do the work. */
STOA_INLINE bool by_pairs(const stoa_decode *d) {
#if STOA_HAVE_BF16_UNIT
    return d->dtype == STOA_BF16 && d->width % PAIR == 0 && d->width <= WIDEST;
#else
    (void)d;
    return false;
#endif
}

void stoa_attn_decode_scores(const stoa_decode *d, const float *query, float *scores) {
#if STOA_HAVE_BF16_UNIT
    uint16_t narrow[WIDEST];
    if (by_pairs(d)) {
        stoa_f32_to_bf16_row(narrow, query, d->width);
        score_halves(d, narrow, scores);
        return;
    }
#endif
    if (d->dtype == STOA_BF16)
        score(d, STOA_BF16, query, scores);
    else
        score(d, STOA_F32, query, scores);
}

void stoa_attn_decode_mix(const stoa_decode *d, float *weights, float *out) {
#if STOA_HAVE_BF16_UNIT
    uint16_t *rounded = (uint16_t *)(weights + padded(d->tokens));
    if (by_pairs(d)) {
        stoa_f32_to_bf16_row(rounded, weights, d->tokens);
        for (int64_t t = d->tokens; t < padded(d->tokens); t++)
            rounded[t] = 0;
        for (int64_t c = 0; c < d->width; c += PAIR)
            mix_halves(d, rounded, out, c);
        return;
    }
#endif
    if (d->dtype == STOA_BF16)
        mix(d, STOA_BF16, weights, out);
    else
        mix(d, STOA_F32, weights, out);
}

void stoa_attn_decode(const stoa_decode *d, const float *query, float *out, float *scratch) {
    float top;
    stoa_attn_decode_scores(d, query, scratch);
    float inverse = 1 / stoa_attn_soften(scratch, d->tokens, d->scale, &top);
    stoa_attn_decode_mix(d, scratch, out);
#pragma omp simd
    for (int i = 0; i < d->width; i++)
        out[i] *= inverse;
}
