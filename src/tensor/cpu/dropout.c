/*
 * tensor/cpu/dropout.c - dropout whose mask is never stored: whether an element stays is a function
 * of (key, stream, index), so that backward draws the same mask again.
 *
 * Of every STOA_DROPOUT_GROUP elements, number i takes word i / 16 of the Philox block i % 16:
 * sixteen blocks side by side fill the vector units.
 */
#include "tensor/dropout.h"
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "tensor/cpu/kernels.h"
#include "tensor/cpu/rows.h"

enum { GRAIN = 1 << 12, LANES = STOA_DROPOUT_GROUP / 4 };

/* Sixteen blocks from position `first` on: words[w * LANES + lane]. */
#if defined(__AVX512F__)
static void philox_lanes(const uint32_t key[2], uint64_t stream, uint64_t first,
                         uint32_t words[STOA_DROPOUT_GROUP]) {
    // a counter word in the low half of each 64-bit lane; the product ignores the high halves
    const __m512i m0 = _mm512_set1_epi64(0xd2511f53), m1 = _mm512_set1_epi64(0xcd9e8d57);
    const __m512i steps = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
    for (int half = 0; half < 2; half++) {
        __m512i c0 = _mm512_add_epi64(_mm512_set1_epi64((long long)first + 8 * half), steps);
        __m512i c1 = _mm512_srli_epi64(c0, 32);
        __m512i c2 = _mm512_set1_epi64((long long)stream), c3 = _mm512_srli_epi64(c2, 32);
        uint32_t k0 = key[0], k1 = key[1];
        for (int round = 0; round < 10; round++) {
            __m512i a = _mm512_mul_epu32(m0, c0), b = _mm512_mul_epu32(m1, c2);
            __m512i x = _mm512_xor_si512(c1, _mm512_set1_epi64(k0));
            __m512i y = _mm512_xor_si512(c3, _mm512_set1_epi64(k1));
            c0 = _mm512_xor_si512(_mm512_srli_epi64(b, 32), x);
            c2 = _mm512_xor_si512(_mm512_srli_epi64(a, 32), y);
            c1 = b;
            c3 = a;
            k0 += 0x9e3779b9u;
            k1 += 0xbb67ae85u;
        }
        const __m512i c[4] = {c0, c1, c2, c3};
        for (int w = 0; w < 4; w++) {
            __m256i low = _mm512_cvtepi64_epi32(c[w]);
            memcpy(words + w * LANES + 8 * half, &low, sizeof low);
        }
    }
}
#else
static void philox_lanes(const uint32_t key[2], uint64_t stream, uint64_t first,
                         uint32_t words[STOA_DROPOUT_GROUP]) {
    for (int lane = 0; lane < LANES; lane++) {
        uint32_t block[4];
        stoa_philox(key, stream, first + (uint64_t)lane, block);
        for (int w = 0; w < 4; w++)
            words[w * LANES + lane] = block[w];
    }
}
#endif

typedef struct job {
    const void *from; // x, or the gradient of y
    stoa_grad_ref to; // y, or the gradient of x
    stoa_dtype dtype;
    int64_t numel;
    uint32_t key[2];
    uint64_t stream;
    uint32_t threshold;
    float scale;
} job;

/* In groups, not elements. */
static void dropout_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    const uint32_t threshold = j->threshold;
    const float scale = j->scale;
    _Alignas(64) uint32_t words[STOA_DROPOUT_GROUP];
    _Alignas(64) float x[STOA_DROPOUT_GROUP], y[STOA_DROPOUT_GROUP];
    for (int64_t group = begin; group < end; group++) {
        int64_t at = group * STOA_DROPOUT_GROUP, left = j->numel - at;
        int64_t n = left < STOA_DROPOUT_GROUP ? left : STOA_DROPOUT_GROUP;
        philox_lanes(j->key, j->stream, (uint64_t)group * LANES, words);
        const float *px = stoa_row_view(x, j->from, j->dtype, at, n);
#pragma omp simd
        for (int64_t i = 0; i < n; i++) {
            float kept = px[i] * scale;
            y[i] = words[i] < threshold ? 0.0f : kept;
        }
        stoa_row_grad(j->to.data, j->dtype, j->to.add, at, y, n);
    }
}

static stoa_status run(stoa_ctx *ctx, const stoa_node *node, const void *from, stoa_grad_ref to) {
    job j = {.from = from,
             .to = to,
             .dtype = node->in[0]->dtype,
             .numel = stoa_numel(node->in[0]),
             .key = {node->p.dropout.key[0], node->p.dropout.key[1]},
             .stream = node->p.dropout.stream,
             .threshold = stoa_dropout_threshold(node->p.dropout.p),
             .scale = (float)(1 / (1 - node->p.dropout.p))};
    if (!stoa_is_float(j.dtype))
        return STOA_ERR_UNSUPPORTED;
    int64_t groups = (j.numel + STOA_DROPOUT_GROUP - 1) / STOA_DROPOUT_GROUP;
    stoa_parallel(ctx, groups, GRAIN / STOA_DROPOUT_GROUP, dropout_range, &j);
    return STOA_OK;
}

stoa_status stoa_cpu_dropout(stoa_ctx *ctx, stoa_node *node) {
    return run(ctx, node, node->in[0]->data, (stoa_grad_ref){.data = node->out[0]->data});
}

stoa_status stoa_cpu_dropout_backward(stoa_ctx *ctx, stoa_node *node) {
    stoa_grad_ref g = stoa_grad_out(node, 0);
    return run(ctx, node, g.data, stoa_grad_take(node, 0));
}
