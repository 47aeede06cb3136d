/* tensor/cpu/kernels.h - the cpu backend's kernels, by family. */
#ifndef STOA_TENSOR_CPU_KERNELS_H
#define STOA_TENSOR_CPU_KERNELS_H

#include "tensor/node.h"

/* elementwise */
/* binary.c */
stoa_status stoa_cpu_binary(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_binary_backward(stoa_ctx *ctx, stoa_node *node);

/* unary.c */
stoa_status stoa_cpu_unary(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_unary_backward(stoa_ctx *ctx, stoa_node *node);
/* activation.c */
stoa_status stoa_cpu_activation(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_activation_backward(stoa_ctx *ctx, stoa_node *node);
/* swiglu.c */
stoa_status stoa_cpu_swiglu(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_swiglu_backward(stoa_ctx *ctx, stoa_node *node);
/* dropout.c */
stoa_status stoa_cpu_dropout(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_dropout_backward(stoa_ctx *ctx, stoa_node *node);
/* cast.c */
stoa_status stoa_cpu_cast(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_cast_backward(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_stop_gradient(stoa_ctx *ctx, stoa_node *node);

/* reductions, softmax, losses */

/* reduce_sum.c */
stoa_status stoa_cpu_sum(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_sum_backward(stoa_ctx *ctx, stoa_node *node);
/* reduce_max.c */
stoa_status stoa_cpu_max(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_max_backward(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_argmax(stoa_ctx *ctx, stoa_node *node);

/* softmax.c */
stoa_status stoa_cpu_softmax(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_softmax_backward(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_log_softmax(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_log_softmax_backward(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_cross_entropy(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_cross_entropy_backward(stoa_ctx *ctx, stoa_node *node);
/* loss.c */
stoa_status stoa_cpu_binary_cross_entropy(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_binary_cross_entropy_backward(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_squared_error(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_squared_error_backward(stoa_ctx *ctx, stoa_node *node);

/* norms */

/* norm.c */
stoa_status stoa_cpu_norm(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_norm_backward(stoa_ctx *ctx, stoa_node *node);
/* batch_norm.c */
stoa_status stoa_cpu_batch_norm(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_batch_norm_backward(stoa_ctx *ctx, stoa_node *node);
/* l2_normalize.c */
stoa_status stoa_cpu_l2_normalize(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_l2_normalize_backward(stoa_ctx *ctx, stoa_node *node);

/* shape and index */
/* gather.c */
stoa_status stoa_cpu_embedding(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_embedding_sum(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_embedding_sum_backward(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_embedding_backward(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_pick(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_pick_backward(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_gather_rows(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_gather_rows_backward(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_scatter_rows(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_scatter_rows_backward(stoa_ctx *ctx, stoa_node *node);
/* route.c */
stoa_status stoa_cpu_top_k(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_route_choice(stoa_ctx *ctx, stoa_node *node);
/* layout.c */
stoa_status stoa_cpu_concat(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_concat_backward(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_slice(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_slice_backward(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_transpose(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_transpose_backward(stoa_ctx *ctx, stoa_node *node);

/* matrix products */
/* linear.c */
stoa_status stoa_cpu_linear(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_linear_backward(stoa_ctx *ctx, stoa_node *node);
/* matmul.c */
stoa_status stoa_cpu_matmul(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_matmul_backward(stoa_ctx *ctx, stoa_node *node);
/* conv.c */
stoa_status stoa_cpu_conv2d(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_conv2d_backward(stoa_ctx *ctx, stoa_node *node);
/* pool.c */
stoa_status stoa_cpu_max_pool(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_max_pool_backward(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_avg_pool(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_avg_pool_backward(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_conv_norm_pool(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_conv_norm_pool_backward(stoa_ctx *ctx, stoa_node *node);

/* sequence */
/* attention.c, attention_cached.c, attention_ring.c */
stoa_status stoa_cpu_attention(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_attention_backward(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_attention_cached(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_attention_ring(stoa_ctx *ctx, stoa_node *node);
/* lstm.c, gru.c */
stoa_status stoa_cpu_lstm(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_lstm_backward(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_gru(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_gru_backward(stoa_ctx *ctx, stoa_node *node);

#endif /* STOA_TENSOR_CPU_KERNELS_H */
