/* tensor/ref/kernels.h - the reference kernels, by family. */
#ifndef STOA_TENSOR_REF_KERNELS_H
#define STOA_TENSOR_REF_KERNELS_H

#include "tensor/node.h"

/* elementwise */
stoa_status stoa_ref_binary(stoa_ctx *ctx, stoa_node *node);

stoa_status stoa_ref_unary(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_ref_swiglu(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_ref_dropout(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_ref_cast(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_ref_stop_gradient(stoa_ctx *ctx, stoa_node *node);

/* reductions, softmax, losses */

stoa_status stoa_ref_reduce(stoa_ctx *ctx, stoa_node *node);

stoa_status stoa_ref_softmax(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_ref_cross_entropy(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_ref_binary_cross_entropy(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_ref_squared_error(stoa_ctx *ctx, stoa_node *node);

/* norms */

stoa_status stoa_ref_norm(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_ref_batch_norm(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_ref_l2_normalize(stoa_ctx *ctx, stoa_node *node);

/* shape and index */
stoa_status stoa_ref_embedding(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_ref_embedding_sum(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_ref_pick(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_ref_gather_rows(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_ref_scatter_rows(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_ref_top_k(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_ref_route_choice(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_ref_concat(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_ref_slice(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_ref_transpose(stoa_ctx *ctx, stoa_node *node);

/* matrix products */
stoa_status stoa_ref_linear(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_ref_matmul(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_ref_conv2d(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_ref_max_pool(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_ref_avg_pool(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_ref_conv_norm_pool(stoa_ctx *ctx, stoa_node *node);

/* sequence */
/* attention.c */
stoa_status stoa_ref_attention(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_ref_attention_cached(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_ref_attention_ring(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_ref_lstm(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_ref_gru(stoa_ctx *ctx, stoa_node *node);

#endif /* STOA_TENSOR_REF_KERNELS_H */
