/*
 * nn/rmsprop.c - RMSProp in TensorFlow's form, in one pass.
 *
 * Differs from the usual form in three ways that change results: the mean square begins at 1, eps
 * is inside the root, and the learning rate is inside the momentum.
 */
#include "nn/optimizer.h"

#include <math.h>

static void update_plain(const stoa_rmsprop_pass *pass, size_t n, float *value, const float *grad,
                         float *square) {
    float *restrict p = __builtin_assume_aligned(value, 64);
    const float *restrict g = __builtin_assume_aligned(grad, 64);
    float *restrict s = __builtin_assume_aligned(square, 64);
    const stoa_rmsprop_pass c = *pass;
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float d = g[i] * c.grad_scale;
        float mean = s[i] + c.take * (d * d - s[i]);
        s[i] = mean;
        p[i] -= c.rate * d / sqrtf(mean + c.eps);
    }
}

static void update_momentum(const stoa_rmsprop_pass *pass, size_t n, float *value,
                            const float *grad, float *square, float *velocity) {
    float *restrict p = __builtin_assume_aligned(value, 64);
    const float *restrict g = __builtin_assume_aligned(grad, 64);
    float *restrict s = __builtin_assume_aligned(square, 64);
    float *restrict u = __builtin_assume_aligned(velocity, 64);
    const stoa_rmsprop_pass c = *pass;
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float d = g[i] * c.grad_scale;
        float mean = s[i] + c.take * (d * d - s[i]);
        float move = c.momentum * u[i] + c.rate * d / sqrtf(mean + c.eps);
        s[i] = mean;
        u[i] = move;
        p[i] -= move;
    }
}

void stoa_rmsprop_update(const stoa_rmsprop_pass *pass, size_t n, float *value, const float *grad,
                         float *square, float *velocity) {
    if (velocity)
        update_momentum(pass, n, value, grad, square, velocity);
    else
        update_plain(pass, n, value, grad, square);
}
