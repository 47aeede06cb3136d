/* tensor/op_table.c - one row an operation: name, differentiability, cost. */
#include "tensor/node.h"

/* Multiply-adds count 2; elementwise work is not counted (the field's convention). */
static double linear_flops(const stoa_node *n) {
    return 2.0 * (double)stoa_rows(n->in[0]) * (double)n->in[1]->shape[0] *
           (double)n->in[1]->shape[1];
}

static double matmul_flops(const stoa_node *n) {
    return 2.0 * (double)n->p.matmul.batch * (double)n->p.matmul.m * (double)n->p.matmul.n *
           (double)n->p.matmul.k;
}

/* y (B, O, P, Q), weight (O, C, R, S) */
static double conv2d_flops(const stoa_node *n) {
    const int64_t *w = n->in[1]->shape;
    return 2.0 * (double)stoa_numel(n->out[0]) * (double)(w[1] * w[2] * w[3]);
}

static double conv_norm_pool_flops(const stoa_node *n) {
    const int64_t *x = n->in[0]->shape, *w = n->in[1]->shape;
    const stoa_conv_options *o = &n->p.stem.options.conv;
    int64_t p = (x[2] + o->pad_top + o->pad_bottom - w[2]) / o->stride + 1;
    int64_t q = (x[3] + o->pad_left + o->pad_right - w[3]) / o->stride + 1;
    return 2.0 * (double)(x[0] * p * q) * (double)stoa_numel(n->in[1]);
}

/* q k^T and its product with v, over all Tq x Tk pairs */
static double attention_flops(const stoa_node *n) {
    const int64_t *q = n->in[0]->shape, *k = n->in[1]->shape; // (B, Tq, *), (B, Tk, *)
    return 4.0 * (double)(q[0] * q[1]) * (double)k[1] *
           (double)(n->p.attention.heads * n->p.attention.head_width);
}

static double attention_ring_flops(const stoa_node *n) {
    const stoa_kv_ring *r = n->p.attention.ring;
    return 4.0 * (double)stoa_numel(n->in[0]) * (double)(r->slots + 1);
}

/* x (T, B, K), weight_x (gates, K), weight_h (gates, N) */
static double recurrent_flops(const stoa_node *n) {
    const int64_t *x = n->in[0]->shape, *wx = n->in[1]->shape, *wh = n->in[2]->shape;
    return 2.0 * (double)(x[0] * x[1]) * (double)wx[0] * (double)(wx[1] + wh[1]);
}

/* ORDER OP */
const stoa_op_row stoa_op_table[STOA_OP_COUNT] = {
#define ROW(upper, lower, differentiable, flops)                                                   \
    [STOA_OP_##upper] = {STOA_OP_##upper, #lower, differentiable, flops}
    ROW(ADD, add, true, NULL),
    ROW(SUB, sub, true, NULL),
    ROW(MUL, mul, true, NULL),
    ROW(DIV, div, true, NULL),
    ROW(MAXIMUM, maximum, true, NULL),
    ROW(MINIMUM, minimum, true, NULL),
    ROW(AFFINE, affine, true, NULL),
    ROW(CLAMP, clamp, true, NULL),
    ROW(RELU, relu, true, NULL),
    ROW(GELU, gelu, true, NULL),
    ROW(SILU, silu, true, NULL),
    ROW(TANH, tanh, true, NULL),
    ROW(SIGMOID, sigmoid, true, NULL),
    ROW(SOFTPLUS, softplus, true, NULL),
    ROW(EXP, exp, true, NULL),
    ROW(LOG, log, true, NULL),
    ROW(SQRT, sqrt, true, NULL),
    ROW(SQUARE, square, true, NULL),
    ROW(SWIGLU, swiglu, true, NULL),
    ROW(DROPOUT, dropout, true, NULL),
    ROW(CAST, cast, true, NULL),
    ROW(STOP_GRADIENT, stop_gradient, false, NULL),
    ROW(SUM, sum, true, NULL),
    ROW(MEAN, mean, true, NULL),
    ROW(MAX, max, true, NULL),
    ROW(ARGMAX, argmax, false, NULL),
    ROW(SOFTMAX, softmax, true, NULL),
    ROW(LOG_SOFTMAX, log_softmax, true, NULL),
    ROW(CROSS_ENTROPY, cross_entropy, true, NULL),
    ROW(BINARY_CROSS_ENTROPY, binary_cross_entropy, true, NULL),
    ROW(SQUARED_ERROR, squared_error, true, NULL),
    ROW(LAYER_NORM, layer_norm, true, NULL),
    ROW(RMS_NORM, rms_norm, true, NULL),
    ROW(RESIDUAL_NORM, residual_norm, true, NULL),
    ROW(BATCH_NORM, batch_norm, true, NULL),
    ROW(L2_NORMALIZE, l2_normalize, true, NULL),
    ROW(EMBEDDING, embedding, true, NULL),
    ROW(EMBEDDING_SUM, embedding_sum, true, NULL),
    ROW(PICK, pick, true, NULL),
    ROW(GATHER_ROWS, gather_rows, true, NULL),
    ROW(SCATTER_ROWS, scatter_rows, true, NULL),
    ROW(TOP_K, top_k, false, NULL),
    ROW(ROUTE_CHOICE, route_choice, false, NULL),
    ROW(CONCAT, concat, true, NULL),
    ROW(SLICE, slice, true, NULL),
    ROW(TRANSPOSE, transpose, true, NULL),
    ROW(LINEAR, linear, true, linear_flops),
    ROW(MATMUL, matmul, true, matmul_flops),
    ROW(CONV2D, conv2d, true, conv2d_flops),
    ROW(MAX_POOL, max_pool, true, NULL),
    ROW(AVG_POOL, avg_pool, true, NULL),
    ROW(CONV_NORM_POOL, conv_norm_pool, true, conv_norm_pool_flops),
    ROW(ATTENTION, attention, true, attention_flops),
    ROW(ATTENTION_CACHED, attention_cached, false, NULL),
    ROW(ATTENTION_RING, attention_ring, false, attention_ring_flops),
    ROW(LSTM, lstm, true, recurrent_flops),
    ROW(GRU, gru, true, recurrent_flops),
#undef ROW
};

const char *stoa_op_name(stoa_op op) {
    return stoa_op_table[op].name;
}
