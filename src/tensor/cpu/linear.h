/*
 * tensor/cpu/linear.h - the engines of a linear layer: which one runs is decided in linear.c.
 *
 * All are given the same job. M rows of x, (N, K) weight; gradients as in stoa_grad_ref.
 */
#ifndef STOA_TENSOR_CPU_LINEAR_H
#define STOA_TENSOR_CPU_LINEAR_H

#include "tensor/cpu/state.h"

typedef struct stoa_linear_job {
    int64_t m, n, k;
    const stoa_tensor *x;
    stoa_tensor *weight;
    const float *bias; /* or NULL */
    void *y;           /* forward: (M, N) of y_dtype */
    stoa_dtype y_dtype;
    const void *dy;           /* backward: (M, N) of y_dtype */
    stoa_grad_ref dx, dw, db; /* data NULL: not wanted */
} stoa_linear_job;

/* By the engine that fits; any dimension may be 0. */
stoa_status stoa_linear_forward(stoa_ctx *ctx, const stoa_linear_job *w);
stoa_status stoa_linear_backward(stoa_ctx *ctx, const stoa_linear_job *w);

/* bfloat16 tiles; x is bf16. */
stoa_status stoa_linear_tiles(stoa_ctx *ctx, const stoa_linear_job *w);
stoa_status stoa_linear_tiles_backward(stoa_ctx *ctx, const stoa_linear_job *w);

/* A few outputs in float32, of x of either type: scores and values. One pass over x. */
enum { STOA_NARROW = 8 };
stoa_status stoa_linear_narrow(stoa_ctx *ctx, const stoa_linear_job *w);
stoa_status stoa_linear_narrow_backward(stoa_ctx *ctx, const stoa_linear_job *w);

/* oneDNN, every type. */
stoa_status stoa_linear_general(stoa_ctx *ctx, const stoa_linear_job *w);
stoa_status stoa_linear_general_backward(stoa_ctx *ctx, const stoa_linear_job *w);

/* to (columns) (+)= the sums of the columns of from (rows, columns), of either float type. */
stoa_status stoa_column_sums(stoa_ctx *ctx, const void *from, stoa_dtype dtype, int64_t rows,
                             int64_t columns, float *to, bool add);

#endif /* STOA_TENSOR_CPU_LINEAR_H */
