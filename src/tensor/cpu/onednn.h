/*
 * tensor/cpu/onednn.h - the only door to oneDNN: float32 products, convolutions, and bfloat16
 * products on machines without matrix tiles.
 *
 * oneDNN runs on one thread inside each range of our pool: the work is cut here, by shape and
 * thread count alone. Everything it needs (primitives, memory objects, scratchpads) is made when a
 * shape is first met and kept for the context's life, so a step that repeats its shapes makes
 * nothing. Functions return STOA_ERR_UNSUPPORTED where this processor lacks a type, and
 * STOA_ERR_MEMORY.
 */
#ifndef STOA_TENSOR_CPU_ONEDNN_H
#define STOA_TENSOR_CPU_ONEDNN_H

#include "tensor/node.h"

typedef struct stoa_onednn stoa_onednn;

/* NULL when out of memory. */
stoa_onednn *stoa_onednn_new(int threads);
void stoa_onednn_free(stoa_onednn *o);

/* Element (b, i, j) at data[b * batch + i * row + j * column]; row or column is 1. */
typedef struct stoa_onednn_matrix {
    void *data;
    stoa_dtype dtype; /* F32 or BF16; a and b alike */
    int64_t batch, row, column;
} stoa_onednn_matrix;

/* C (m, n) = scale * A B + bias, or C += it, `batch` times. */
typedef struct stoa_onednn_product {
    int64_t batch, m, n, k;
    stoa_onednn_matrix a, b, c;
    const float *bias; /* (n), or NULL */
    float scale;
    bool add;
} stoa_onednn_product;
stoa_status stoa_onednn_multiply(stoa_ctx *ctx, stoa_onednn *o, const stoa_onednn_product *p);

/* y (B, O, P, Q) = x (B, C, H, W) * weight (O, C, R, S) + bias (O), all row-major. x and y of one
 * type, weight and bias f32. */
typedef struct stoa_onednn_conv {
    int64_t batch, channels, height, width, outputs, rows, columns;
    int64_t out_height, out_width;
    stoa_conv_options options;
    stoa_dtype dtype;
} stoa_onednn_conv;
stoa_status stoa_onednn_conv_forward(stoa_ctx *ctx, stoa_onednn *o, const stoa_onednn_conv *c,
                                     const void *x, const float *weight, const float *bias,
                                     void *y);
/* dx is overwritten. */
stoa_status stoa_onednn_conv_input(stoa_ctx *ctx, stoa_onednn *o, const stoa_onednn_conv *c,
                                   const void *dy, const float *weight, void *dx);
/* dw and db (NULL: not wanted) are overwritten, or added to. */
stoa_status stoa_onednn_conv_weight(stoa_ctx *ctx, stoa_onednn *o, const stoa_onednn_conv *c,
                                    const void *x, const void *dy, float *dw, bool add_dw,
                                    float *db, bool add_db);

#endif /* STOA_TENSOR_CPU_ONEDNN_H */
