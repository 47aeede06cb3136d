/*
 * tensor/cpu/panels_f32.h - float32 weights packed for products of a few rows with them, step after
 * step: 64 columns of the result a panel, so that a cut of a panel stays in the first-level cache
 * while all rows pass by. packed.h keeps the copies.
 */
#ifndef STOA_TENSOR_CPU_PANELS_F32_H
#define STOA_TENSOR_CPU_PANELS_F32_H

#include "tensor/node.h"

/* Of a weight (N, K): for x (., K) W^T when forward, else for dy (., N) W. Whether its columns are
 * whole vectors. */
bool stoa_panels_f32_fit(const stoa_tensor *weight, bool forward);
size_t stoa_panels_f32_floats(const stoa_tensor *weight, bool forward);
void stoa_panels_f32_make(stoa_ctx *ctx, const stoa_tensor *weight, bool forward, float *to);
/* c (m, n) (+)= a (m, k) times the packed matrix (k, n), all dense. The order of summation depends
 * on k alone. */
void stoa_panels_f32_multiply(int64_t m, int64_t n, int64_t k, const float *a, const float *panels,
                              float *c, bool add);

#endif /* STOA_TENSOR_CPU_PANELS_F32_H */
