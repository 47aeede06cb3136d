/*
 * tensor/cpu/recurrent.h - what the recurrent layers share beside linear.h: products with one
 * weight in every step, and states.
 *
 * Operands of products are f32, or bf16 where activations are bf16 and the processor has matrix
 * tiles; sums, states and gates are f32.
 */
#ifndef STOA_TENSOR_CPU_RECURRENT_H
#define STOA_TENSOR_CPU_RECURRENT_H

#include "tensor/node.h"

/* Rows of a batch that one thread takes at least: fewer would waste the matrix kernels' blocks. */
enum { STOA_RECURRENT_ROWS = 4 };

/* Activations f32 or bf16, parameters and states f32. */
bool stoa_recurrent_types(const stoa_node *node);
/* Type of the operands for these activations. */
stoa_dtype stoa_recurrent_operand(stoa_ctx *ctx, const stoa_tensor *x);

/* A weight (M, N), prepared for products from the right with it or its transpose. */
typedef struct stoa_recurrent_matrix {
    const float *weight;
    int64_t m, n;
    bool transposed; /* rows (., N) times weight^T, else rows (., M) times weight */
    stoa_dtype operand;
    const float *wide;      /* f32: packed in panels, or NULL where they do not fit its shape */
    const uint16_t *panels; /* bf16: packed for tiles */
    char *scratch;
    size_t scratch_bytes; /* a thread */
} stoa_recurrent_matrix;

stoa_status stoa_recurrent_prepare(stoa_ctx *ctx, stoa_recurrent_matrix *matrix,
                                   stoa_tensor *weight, bool transposed, stoa_dtype operand);
/* out (=, +=) rows times the matrix, on the calling thread. `rows` points to `count` rows of the
 * operand type, out to as many of f32, or of the operand type where it says `same`. */
void stoa_recurrent_multiply(const stoa_recurrent_matrix *matrix, const void *rows, int64_t count,
                             void *out, bool same, bool add, int thread);

/* A state's start: given (B, N) or zeroes. */
void stoa_recurrent_start(float *state, const stoa_tensor *given, int64_t count);
/* The state every step began with: h0 (B, N) or zeroes, then h (T, B, N) shifted by a step; zero
 * where reset. *before is (T, B, N) of the operand type, in scratch. */
stoa_status stoa_recurrent_before(stoa_ctx *ctx, const stoa_tensor *h0, const stoa_tensor *h,
                                  const stoa_tensor *reset, stoa_dtype operand,
                                  stoa_tensor *before);
/* A gradient that arrived, elements at..at+n, added to f32. */
void stoa_recurrent_add(float *to, stoa_grad_ref from, int64_t at, int64_t n);

#endif /* STOA_TENSOR_CPU_RECURRENT_H */
