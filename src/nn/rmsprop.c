/*
 * nn/rmsprop.c - RMSProp in one pass, in the two forms that published agents were trained with.
 *
 * TensorFlow's differs from PyTorch's in three ways that change results: the mean square begins at
 * 1, eps is inside the root, and the learning rate is inside the momentum. The form is a constant
 * in each of the loops below, so the compiler leaves no choice in them.
 */
#include "nn/optimizer.h"

#include <math.h>

static inline __attribute__((always_inline)) void update(stoa_rmsprop_pass c, bool outside,
                                                         bool with_velocity, size_t n, float *value,
                                                         const float *grad, float *square,
                                                         float *velocity) {
    float *restrict p = __builtin_assume_aligned(value, 64);
    const float *restrict g = __builtin_assume_aligned(grad, 64);
    float *restrict s = __builtin_assume_aligned(square, 64);
    float *restrict u = velocity ? __builtin_assume_aligned(velocity, 64) : NULL;
    const float inner = outside ? 1 : c.rate, outer = outside ? c.rate : 1;
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float d = g[i] * c.grad_scale;
        float mean = s[i] + c.take * (d * d - s[i]);
        float move = inner * d / (outside ? sqrtf(mean) + c.eps : sqrtf(mean + c.eps));
        s[i] = mean;
        if (with_velocity)
            u[i] = move = c.momentum * u[i] + move;
        p[i] -= outer * move;
    }
}

void stoa_rmsprop_update(const stoa_rmsprop_pass *pass, size_t n, float *value, const float *grad,
                         float *square, float *velocity) {
    if (velocity && pass->outside)
        update(*pass, true, true, n, value, grad, square, velocity);
    else if (velocity)
        update(*pass, false, true, n, value, grad, square, velocity);
    else if (pass->outside)
        update(*pass, true, false, n, value, grad, square, NULL);
    else
        update(*pass, false, false, n, value, grad, square, NULL);
}
