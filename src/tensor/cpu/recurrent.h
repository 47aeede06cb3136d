/*
 * tensor/cpu/recurrent.h - what the recurrent layers share: products with one weight that is used
 * in every step, and the products that cover all steps at once, before the walk through time
 * (inputs) and after it (gradients).
 *
 * Operands of products are f32, or bf16 where activations are bf16 and the processor has matrix
 * tiles; sums, states and gates are f32. R = T * B rows; M = gates * N.
 */
#ifndef STOA_TENSOR_CPU_RECURRENT_H
#define STOA_TENSOR_CPU_RECURRENT_H

#include "tensor/node.h"

/* Rows of a batch that one thread takes at least: fewer would waste the matrix kernels' blocks. */
enum { STOA_RECURRENT_ROWS = 4 };

/* Activations f32 or bf16, parameters and states f32. */
bool stoa_recurrent_types(const stoa_node *node);
/* Type of the operands for these activations. */
stoa_dtype stoa_recurrent_operand(const stoa_tensor *x);
/* t's values in that type: its own memory, or a copy in scratch. NULL: out of memory. */
const void *stoa_recurrent_as(stoa_ctx *ctx, const stoa_tensor *t, stoa_dtype operand);
/* A state's start: given (B, N) or zeroes. */
void stoa_recurrent_start(float *state, const stoa_tensor *given, int64_t count);
/* A gradient that arrived, elements at..at+n, added to f32. */
void stoa_recurrent_add(float *to, stoa_grad_ref from, int64_t at, int64_t n);

/* ---- products (recurrent_product.c) ---------------------------------------------------------- */

/* A weight (M, N), prepared for products from the right with it or its transpose. */
typedef struct stoa_recurrent_matrix {
    const float *weight;
    int64_t m, n;
    bool transposed; /* rows (., N) times weight^T, else rows (., M) times weight */
    stoa_dtype operand;
    const float *copy;      /* f32: the transpose, when that pays, or NULL */
    const uint16_t *panels; /* bf16: packed for tiles */
    char *scratch;
    size_t scratch_bytes; /* a thread */
} stoa_recurrent_matrix;

/* uses: how many blocks of rows it will multiply, about; decides what preparation pays. */
stoa_status stoa_recurrent_prepare(stoa_ctx *ctx, stoa_recurrent_matrix *matrix,
                                   const stoa_tensor *weight, bool transposed, stoa_dtype operand,
                                   int64_t uses);
/* out (=, +=) rows times the matrix, on the calling thread. `rows` points to `count` rows of the
 * operand type, out to as many of f32. */
void stoa_recurrent_multiply(const stoa_recurrent_matrix *matrix, const void *rows, int64_t count,
                             float *out, bool add, int thread);

/* ---- over all steps (recurrent.c) ------------------------------------------------------------ */

/* out (R, M) = x (R, K) weight^T + bias. */
stoa_status stoa_recurrent_project(stoa_ctx *ctx, const stoa_tensor *x, const stoa_tensor *weight,
                                   const stoa_tensor *bias, stoa_dtype operand, float *out);
/* The state every step began with: h0 (B, N) or zeroes, then h (T, B, N) shifted by a step; zero
 * where reset. (R, N) of the operand type in scratch; NULL: out of memory. */
void *stoa_recurrent_before(stoa_ctx *ctx, const stoa_tensor *h0, const stoa_tensor *h,
                            const stoa_tensor *reset, stoa_dtype operand);
/* dx (R, K) of its type from dz (R, M) and weight (M, K). */
stoa_status stoa_recurrent_grad_x(stoa_ctx *ctx, const void *dz, const stoa_tensor *weight,
                                  stoa_dtype operand, int64_t rows, stoa_grad_ref dx);
/* dweight (M, K) = dz^T (R, M) x (R, K); dbias (M) = sums of dz's columns. Either may be unwanted
 * (x may be NULL when dweight is). */
stoa_status stoa_recurrent_grad_weight(stoa_ctx *ctx, const void *dz, const void *x,
                                       stoa_dtype operand, int64_t rows, int64_t m, int64_t k,
                                       stoa_grad_ref dweight, stoa_grad_ref dbias);

#endif /* STOA_TENSOR_CPU_RECURRENT_H */
