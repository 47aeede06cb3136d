/*
 * tensor/cpu/backend.c - the cpu backend's kernel table. Kernels are declared in kernels.h by
 * family, one file a family.
 */
#include "tensor/cpu/kernels.h"
#include "tensor/cpu/state.h"

/* ORDER OP */
static const stoa_backend cpu = {
    .name = "cpu",
    .computes = true,
    .full = STOA_F32,
    .kernels =
        {
            /* elementwise */
            [STOA_OP_ADD] = {stoa_cpu_binary, stoa_cpu_binary_backward},
            [STOA_OP_SUB] = {stoa_cpu_binary, stoa_cpu_binary_backward},
            [STOA_OP_MUL] = {stoa_cpu_binary, stoa_cpu_binary_backward},
            [STOA_OP_DIV] = {stoa_cpu_binary, stoa_cpu_binary_backward},
            [STOA_OP_MAXIMUM] = {stoa_cpu_binary, stoa_cpu_binary_backward},
            [STOA_OP_MINIMUM] = {stoa_cpu_binary, stoa_cpu_binary_backward},
            [STOA_OP_AFFINE] = {stoa_cpu_unary, stoa_cpu_unary_backward},
            [STOA_OP_CLAMP] = {stoa_cpu_unary, stoa_cpu_unary_backward},
            [STOA_OP_RELU] = {stoa_cpu_unary, stoa_cpu_unary_backward},
            [STOA_OP_GELU] = {stoa_cpu_activation, stoa_cpu_activation_backward},
            [STOA_OP_SILU] = {stoa_cpu_activation, stoa_cpu_activation_backward},
            [STOA_OP_TANH] = {stoa_cpu_unary, stoa_cpu_unary_backward},
            [STOA_OP_SIGMOID] = {stoa_cpu_activation, stoa_cpu_activation_backward},
            [STOA_OP_SOFTPLUS] = {stoa_cpu_unary, stoa_cpu_unary_backward},
            [STOA_OP_EXP] = {stoa_cpu_unary, stoa_cpu_unary_backward},
            [STOA_OP_LOG] = {stoa_cpu_unary, stoa_cpu_unary_backward},
            [STOA_OP_SQRT] = {stoa_cpu_unary, stoa_cpu_unary_backward},
            [STOA_OP_SQUARE] = {stoa_cpu_unary, stoa_cpu_unary_backward},
            [STOA_OP_SWIGLU] = {stoa_cpu_swiglu, stoa_cpu_swiglu_backward},
            [STOA_OP_DROPOUT] = {stoa_cpu_dropout, stoa_cpu_dropout_backward},
            [STOA_OP_CAST] = {stoa_cpu_cast, stoa_cpu_cast_backward},
            [STOA_OP_STOP_GRADIENT] = {stoa_cpu_stop_gradient, NULL},

            /* reductions, softmax, losses */
            [STOA_OP_SUM] = {stoa_cpu_sum, stoa_cpu_sum_backward},
            [STOA_OP_MEAN] = {stoa_cpu_sum, stoa_cpu_sum_backward},
            [STOA_OP_MAX] = {stoa_cpu_max, stoa_cpu_max_backward},
            [STOA_OP_ARGMAX] = {stoa_cpu_argmax, NULL},
            [STOA_OP_SOFTMAX] = {stoa_cpu_softmax, stoa_cpu_softmax_backward},
            [STOA_OP_LOG_SOFTMAX] = {stoa_cpu_log_softmax, stoa_cpu_log_softmax_backward},
            [STOA_OP_CROSS_ENTROPY] = {stoa_cpu_cross_entropy, stoa_cpu_cross_entropy_backward},
            [STOA_OP_BINARY_CROSS_ENTROPY] = {stoa_cpu_binary_cross_entropy,
                                              stoa_cpu_binary_cross_entropy_backward},
            [STOA_OP_SQUARED_ERROR] = {stoa_cpu_squared_error, stoa_cpu_squared_error_backward},

            /* norms */
            [STOA_OP_LAYER_NORM] = {stoa_cpu_norm, stoa_cpu_norm_backward},
            [STOA_OP_RMS_NORM] = {stoa_cpu_norm, stoa_cpu_norm_backward},
            [STOA_OP_RESIDUAL_NORM] = {stoa_cpu_norm, stoa_cpu_norm_backward},
            [STOA_OP_BATCH_NORM] = {stoa_cpu_batch_norm, stoa_cpu_batch_norm_backward},
            [STOA_OP_L2_NORMALIZE] = {stoa_cpu_l2_normalize, stoa_cpu_l2_normalize_backward},

            /* shape and index */
            [STOA_OP_EMBEDDING] = {stoa_cpu_embedding, stoa_cpu_embedding_backward},
            [STOA_OP_EMBEDDING_SUM] = {stoa_cpu_embedding_sum, stoa_cpu_embedding_sum_backward},
            [STOA_OP_PICK] = {stoa_cpu_pick, stoa_cpu_pick_backward},
            [STOA_OP_GATHER_ROWS] = {stoa_cpu_gather_rows, stoa_cpu_gather_rows_backward},
            [STOA_OP_SCATTER_ROWS] = {stoa_cpu_scatter_rows, stoa_cpu_scatter_rows_backward},
            [STOA_OP_TOP_K] = {stoa_cpu_top_k, NULL},
            [STOA_OP_ROUTE_CHOICE] = {stoa_cpu_route_choice, NULL},
            [STOA_OP_CONCAT] = {stoa_cpu_concat, stoa_cpu_concat_backward},
            [STOA_OP_SLICE] = {stoa_cpu_slice, stoa_cpu_slice_backward},
            [STOA_OP_TRANSPOSE] = {stoa_cpu_transpose, stoa_cpu_transpose_backward},

            /* matrix products */
            [STOA_OP_LINEAR] = {stoa_cpu_linear, stoa_cpu_linear_backward},
            [STOA_OP_MATMUL] = {stoa_cpu_matmul, stoa_cpu_matmul_backward},
            [STOA_OP_CONV2D] = {stoa_cpu_conv2d, stoa_cpu_conv2d_backward},
            [STOA_OP_MAX_POOL] = {stoa_cpu_max_pool, stoa_cpu_max_pool_backward},
            [STOA_OP_AVG_POOL] = {stoa_cpu_avg_pool, stoa_cpu_avg_pool_backward},
            [STOA_OP_CONV_NORM_POOL] = {stoa_cpu_conv_norm_pool, stoa_cpu_conv_norm_pool_backward},

            /* sequence */
            [STOA_OP_ATTENTION] = {stoa_cpu_attention, stoa_cpu_attention_backward},
            [STOA_OP_ATTENTION_CACHED] = {stoa_cpu_attention_cached, NULL},
            [STOA_OP_ATTENTION_RING] = {stoa_cpu_attention_ring, NULL},
            [STOA_OP_LSTM] = {stoa_cpu_lstm, stoa_cpu_lstm_backward},
            [STOA_OP_GRU] = {stoa_cpu_gru, stoa_cpu_gru_backward},
        },
    .open = stoa_cpu_open,
    .close = stoa_cpu_close,
};

const stoa_backend *stoa_backend_cpu(void) {
    return &cpu;
}
