/* nn/adamw.c - AdamW (Loshchilov & Hutter 2019) in one pass over value, gradient and moments. */
#include "nn/optimizer.h"

#include <math.h>

void stoa_adamw_update(const stoa_adamw_pass *pass, size_t n, float *value, const float *grad,
                       float *first, float *second) {
    float *restrict p = __builtin_assume_aligned(value, 64);
    const float *restrict g = __builtin_assume_aligned(grad, 64);
    float *restrict m = __builtin_assume_aligned(first, 64);
    float *restrict v = __builtin_assume_aligned(second, 64);
    const stoa_adamw_pass c = *pass;
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float d = g[i] * c.grad_scale;
        float mean = m[i] + c.take1 * (d - m[i]);
        float square = v[i] + c.take2 * (d * d - v[i]);
        m[i] = mean;
        v[i] = square;
        p[i] = p[i] * c.keep - c.rate * mean / (sqrtf(square) * c.correction + c.eps);
    }
}
