/* tensor/cpu/attention_softmax.h - softmax of a row of scores in the cache. */
#ifndef STOA_TENSOR_CPU_ATTENTION_SOFTMAX_H
#define STOA_TENSOR_CPU_ATTENTION_SOFTMAX_H

#include "tensor/cpu/lanes_math.h"

/* The `visible` (at least one) scores of a row become exp(scale * score - *top), *top the largest
 * exponent; returns their sum. The row's memory goes on to whole vectors; what is behind the
 * visible becomes 0. */
static inline float stoa_attn_soften(float *restrict row, int64_t visible, float scale,
                                     float *top) {
    enum { N = STOA_LANES };
    int64_t full = (visible + N - 1) / N * N;
    for (int64_t j = visible; j < full; j++)
        row[j] = -INFINITY;
    stoa_lanes most = stoa_lanes_load(row), sum = {0};
    for (int64_t j = N; j < full; j += N)
        most = stoa_lanes_larger(most, stoa_lanes_load(row + j));
    float largest = stoa_lanes_reduce(most, stoa_lanes_larger) * scale; // scale > 0
    for (int64_t j = 0; j < full; j += N) {
        stoa_lanes p = stoa_lanes_exp(stoa_lanes_load(row + j) * scale - largest);
        stoa_lanes_store(row + j, p);
        sum += p;
    }
    *top = largest;
    return stoa_lanes_reduce(sum, stoa_lanes_add);
}

#endif /* STOA_TENSOR_CPU_ATTENTION_SOFTMAX_H */
