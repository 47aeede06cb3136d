/*
 * tensor/cpu/recurrent.h - what the recurrent layers share: the products that cover all time steps
 * at once, before the walk through time (inputs) and after it (gradients).
 *
 * R = T * B rows; M = gates * N.
 */
#ifndef STOA_TENSOR_CPU_RECURRENT_H
#define STOA_TENSOR_CPU_RECURRENT_H

#include "tensor/node.h"

/* Rows of a batch that one thread takes at least: fewer would waste the matrix kernels' blocks. */
enum { STOA_RECURRENT_ROWS = 4 };

/* f32, or bf16 activations with f32 parameters and states. */
bool stoa_recurrent_types(const stoa_node *node);
/* t's values as f32: its own memory, or a copy in scratch. NULL: out of memory. */
const float *stoa_recurrent_f32(stoa_ctx *ctx, const stoa_tensor *t);
/* out (R, M) = x (R, K) weight^T + bias. */
stoa_status stoa_recurrent_project(stoa_ctx *ctx, const stoa_tensor *x, const stoa_tensor *weight,
                                   const stoa_tensor *bias, float *out);
/* weight (M, N) turned to (N, M) when that pays for `steps` products with it, else NULL, as when
 * out of memory; stoa_recurrent_step takes either. */
const float *stoa_recurrent_turned(stoa_ctx *ctx, const stoa_tensor *weight, int64_t steps);
/* z (rows, M) += h (rows, N) weight^T: one step, on the calling thread. */
void stoa_recurrent_step(const float *h, const stoa_tensor *weight, const float *turned,
                         int64_t rows, float *z);
/* The state every step began with: h0 (B, N) or zeroes, then h (T, B, N) shifted by a step; zero
 * where reset. (R, N) in scratch; NULL: out of memory. */
float *stoa_recurrent_before(stoa_ctx *ctx, const stoa_tensor *h0, const stoa_tensor *h,
                             const stoa_tensor *reset);
/* dx (R, K) of its type from dz (R, M) and weight (M, K). */
stoa_status stoa_recurrent_grad_x(stoa_ctx *ctx, const float *dz, const stoa_tensor *weight,
                                  int64_t rows, stoa_grad_ref dx);
/* dweight (M, K) = dz^T (R, M) x (R, K), and dbias (M) = sum of dz's rows. */
void stoa_recurrent_grad_weight(stoa_ctx *ctx, const float *dz, const float *x, int64_t rows,
                                int64_t m, int64_t k, stoa_grad_ref dweight);
void stoa_recurrent_grad_bias(stoa_ctx *ctx, const float *dz, int64_t rows, int64_t m,
                              stoa_grad_ref dbias);
/* A state's start: given (B, N) or zeroes. */
void stoa_recurrent_start(float *state, const stoa_tensor *given, int64_t count);

#endif /* STOA_TENSOR_CPU_RECURRENT_H */
