/* tensor/cpu/attention_softmax.h - softmax of a row of scores in the cache. */
#ifndef STOA_TENSOR_CPU_ATTENTION_SOFTMAX_H
#define STOA_TENSOR_CPU_ATTENTION_SOFTMAX_H

#include <math.h>
#include <string.h>

#include "tensor/cpu/simd.h"

/* Scores of a row become exp(scale * (score - most)); returns their sum. The columns at and after
 * `visible` up to `n` become 0. */
static inline float stoa_attn_soften(float *restrict row, int64_t visible, int64_t n, float scale,
                                     float *lse) {
    float most = stoa_row_max(row, visible) * scale; // scale > 0
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t j = 0; j < visible; j++) {
        row[j] = stoa_vexp(row[j] * scale - most);
        sum += row[j];
    }
    memset(row + visible, 0, (size_t)(n - visible) * sizeof *row);
    *lse = most + logf(sum);
    return sum;
}

#endif /* STOA_TENSOR_CPU_ATTENTION_SOFTMAX_H */
