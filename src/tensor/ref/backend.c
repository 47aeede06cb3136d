/*
 * tensor/ref/backend.c - the reference backend: plain double-precision loops, forward only. It is
 * written to be read beside the equations; every fast kernel is tested against it, and gradients
 * against finite differences through it.
 */
#include "tensor/ref/kernels.h"

/* ORDER OP */
static const stoa_backend ref = {
    .name = "ref",
    .computes = true,
    .full = STOA_F64,
    .kernels =
        {
            /* elementwise */
            [STOA_OP_ADD] = {stoa_ref_binary, NULL},
            [STOA_OP_SUB] = {stoa_ref_binary, NULL},
            [STOA_OP_MUL] = {stoa_ref_binary, NULL},
            [STOA_OP_DIV] = {stoa_ref_binary, NULL},
            [STOA_OP_MAXIMUM] = {stoa_ref_binary, NULL},
            [STOA_OP_MINIMUM] = {stoa_ref_binary, NULL},
            [STOA_OP_AFFINE] = {stoa_ref_unary, NULL},
            [STOA_OP_CLAMP] = {stoa_ref_unary, NULL},
            [STOA_OP_RELU] = {stoa_ref_unary, NULL},
            [STOA_OP_GELU] = {stoa_ref_unary, NULL},
            [STOA_OP_SILU] = {stoa_ref_unary, NULL},
            [STOA_OP_TANH] = {stoa_ref_unary, NULL},
            [STOA_OP_SIGMOID] = {stoa_ref_unary, NULL},
            [STOA_OP_SOFTPLUS] = {stoa_ref_unary, NULL},
            [STOA_OP_EXP] = {stoa_ref_unary, NULL},
            [STOA_OP_LOG] = {stoa_ref_unary, NULL},
            [STOA_OP_SQRT] = {stoa_ref_unary, NULL},
            [STOA_OP_SQUARE] = {stoa_ref_unary, NULL},
            [STOA_OP_SWIGLU] = {stoa_ref_swiglu, NULL},
            [STOA_OP_DROPOUT] = {stoa_ref_dropout, NULL},
            [STOA_OP_CAST] = {stoa_ref_cast, NULL},
            [STOA_OP_STOP_GRADIENT] = {stoa_ref_stop_gradient, NULL},

            /* reductions, softmax, losses */
            [STOA_OP_SUM] = {stoa_ref_reduce, NULL},
            [STOA_OP_MEAN] = {stoa_ref_reduce, NULL},
            [STOA_OP_MAX] = {stoa_ref_reduce, NULL},
            [STOA_OP_ARGMAX] = {stoa_ref_reduce, NULL},
            [STOA_OP_SOFTMAX] = {stoa_ref_softmax, NULL},
            [STOA_OP_LOG_SOFTMAX] = {stoa_ref_softmax, NULL},
            [STOA_OP_CROSS_ENTROPY] = {stoa_ref_cross_entropy, NULL},
            [STOA_OP_BINARY_CROSS_ENTROPY] = {stoa_ref_binary_cross_entropy, NULL},
            [STOA_OP_SQUARED_ERROR] = {stoa_ref_squared_error, NULL},

            /* norms */
            [STOA_OP_LAYER_NORM] = {stoa_ref_norm, NULL},
            [STOA_OP_RMS_NORM] = {stoa_ref_norm, NULL},
            [STOA_OP_RESIDUAL_NORM] = {stoa_ref_norm, NULL},
            [STOA_OP_BATCH_NORM] = {stoa_ref_batch_norm, NULL},
            [STOA_OP_L2_NORMALIZE] = {stoa_ref_l2_normalize, NULL},

            /* shape and index */
            [STOA_OP_EMBEDDING] = {stoa_ref_embedding, NULL},
            [STOA_OP_EMBEDDING_SUM] = {stoa_ref_embedding_sum, NULL},
            [STOA_OP_PICK] = {stoa_ref_pick, NULL},
            [STOA_OP_GATHER_ROWS] = {stoa_ref_gather_rows, NULL},
            [STOA_OP_SCATTER_ROWS] = {stoa_ref_scatter_rows, NULL},
            [STOA_OP_TOP_K] = {stoa_ref_top_k, NULL},
            [STOA_OP_ROUTE_CHOICE] = {stoa_ref_route_choice, NULL},
            [STOA_OP_CONCAT] = {stoa_ref_concat, NULL},
            [STOA_OP_SLICE] = {stoa_ref_slice, NULL},
            [STOA_OP_TRANSPOSE] = {stoa_ref_transpose, NULL},

            /* matrix products */
            [STOA_OP_LINEAR] = {stoa_ref_linear, NULL},
            [STOA_OP_MATMUL] = {stoa_ref_matmul, NULL},
            [STOA_OP_CONV2D] = {stoa_ref_conv2d, NULL},
            [STOA_OP_MAX_POOL] = {stoa_ref_max_pool, NULL},
            [STOA_OP_AVG_POOL] = {stoa_ref_avg_pool, NULL},
            [STOA_OP_CONV_NORM_POOL] = {stoa_ref_conv_norm_pool, NULL},

            /* sequence */
            [STOA_OP_ATTENTION] = {stoa_ref_attention, NULL},
            [STOA_OP_ATTENTION_CACHED] = {stoa_ref_attention_cached, NULL},
            [STOA_OP_ATTENTION_RING] = {stoa_ref_attention_ring, NULL},
            [STOA_OP_LSTM] = {stoa_ref_lstm, NULL},
            [STOA_OP_GRU] = {stoa_ref_gru, NULL},
        },
};

const stoa_backend *stoa_backend_ref(void) {
    return &ref;
}
