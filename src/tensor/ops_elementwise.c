/* tensor/ops_elementwise.c - front ends of elementwise operations. */
#include <assert.h>

#include "tensor/node.h"

static bool is_float(stoa_dtype dtype) {
    return dtype == STOA_F32 || dtype == STOA_BF16 || dtype == STOA_F64;
}

/* ---- two inputs ------------------------------------------------------------------------------ */

/* The broadcast shape of a and b, aligned at the right. */
static stoa_tensor *broadcast_like(stoa_ctx *ctx, const stoa_tensor *a, const stoa_tensor *b) {
    int ndim = a->ndim > b->ndim ? a->ndim : b->ndim;
    int64_t shape[STOA_MAX_DIMS];
    for (int i = 1; i <= ndim; i++) {
        int64_t m = i <= a->ndim ? a->shape[a->ndim - i] : 1;
        int64_t n = i <= b->ndim ? b->shape[b->ndim - i] : 1;
        assert(m == n || m == 1 || n == 1);
        shape[ndim - i] = m == 1 ? n : m;
    }
    return stoa_new(ctx, a->dtype, ndim, shape);
}

static stoa_tensor *binary(stoa_ctx *ctx, stoa_op op, stoa_tensor *a, stoa_tensor *b) {
    assert(is_float(a->dtype) && is_float(b->dtype));
    stoa_node node = {.op = op, .in = {a, b}, .out = {broadcast_like(ctx, a, b)}};
    return stoa_node_run(ctx, &node);
}

stoa_tensor *stoa_add(stoa_ctx *ctx, stoa_tensor *a, stoa_tensor *b) {
    return binary(ctx, STOA_OP_ADD, a, b);
}

stoa_tensor *stoa_add_rounded(stoa_ctx *ctx, stoa_tensor *a, stoa_tensor *b, stoa_dtype dtype,
                              stoa_tensor **rounded) {
    assert(is_float(a->dtype) && is_float(b->dtype) && is_float(dtype));
    stoa_node node = {.op = STOA_OP_ADD, .in = {a, b}, .out = {broadcast_like(ctx, a, b)}};
    node.out[1] = *rounded = stoa_like(ctx, node.out[0], dtype);
    stoa_tensor *sum = stoa_node_run(ctx, &node);
    (*rounded)->requires_grad = false;
    return sum;
}

stoa_tensor *stoa_sub(stoa_ctx *ctx, stoa_tensor *a, stoa_tensor *b) {
    return binary(ctx, STOA_OP_SUB, a, b);
}

stoa_tensor *stoa_mul(stoa_ctx *ctx, stoa_tensor *a, stoa_tensor *b) {
    return binary(ctx, STOA_OP_MUL, a, b);
}

stoa_tensor *stoa_div(stoa_ctx *ctx, stoa_tensor *a, stoa_tensor *b) {
    return binary(ctx, STOA_OP_DIV, a, b);
}

stoa_tensor *stoa_maximum(stoa_ctx *ctx, stoa_tensor *a, stoa_tensor *b) {
    return binary(ctx, STOA_OP_MAXIMUM, a, b);
}

stoa_tensor *stoa_minimum(stoa_ctx *ctx, stoa_tensor *a, stoa_tensor *b) {
    return binary(ctx, STOA_OP_MINIMUM, a, b);
}

/* ---- one input ------------------------------------------------------------------------------- */

static stoa_tensor *unary(stoa_ctx *ctx, stoa_op op, stoa_tensor *x, stoa_op_params p) {
    assert(is_float(x->dtype));
    stoa_node node = {.op = op, .in = {x}, .out = {stoa_like(ctx, x, x->dtype)}, .p = p};
    return stoa_node_run(ctx, &node);
}

static const stoa_op_params no_params;

stoa_tensor *stoa_affine(stoa_ctx *ctx, stoa_tensor *x, double scale, double shift) {
    stoa_op_params p = {.affine = {scale, shift}};
    return unary(ctx, STOA_OP_AFFINE, x, p);
}

stoa_tensor *stoa_clamp(stoa_ctx *ctx, stoa_tensor *x, double least, double most) {
    assert(least <= most);
    stoa_op_params p = {.clamp = {least, most}};
    return unary(ctx, STOA_OP_CLAMP, x, p);
}

stoa_tensor *stoa_relu(stoa_ctx *ctx, stoa_tensor *x) {
    return unary(ctx, STOA_OP_RELU, x, no_params);
}

stoa_tensor *stoa_gelu(stoa_ctx *ctx, stoa_tensor *x, bool exact) {
    stoa_op_params p = {.gelu = {exact}};
    return unary(ctx, STOA_OP_GELU, x, p);
}

stoa_tensor *stoa_silu(stoa_ctx *ctx, stoa_tensor *x) {
    return unary(ctx, STOA_OP_SILU, x, no_params);
}

stoa_tensor *stoa_tanh(stoa_ctx *ctx, stoa_tensor *x) {
    return unary(ctx, STOA_OP_TANH, x, no_params);
}

stoa_tensor *stoa_sigmoid(stoa_ctx *ctx, stoa_tensor *x) {
    return unary(ctx, STOA_OP_SIGMOID, x, no_params);
}

stoa_tensor *stoa_softplus(stoa_ctx *ctx, stoa_tensor *x) {
    return unary(ctx, STOA_OP_SOFTPLUS, x, no_params);
}

stoa_tensor *stoa_exp(stoa_ctx *ctx, stoa_tensor *x) {
    return unary(ctx, STOA_OP_EXP, x, no_params);
}

stoa_tensor *stoa_log(stoa_ctx *ctx, stoa_tensor *x) {
    return unary(ctx, STOA_OP_LOG, x, no_params);
}

stoa_tensor *stoa_sqrt(stoa_ctx *ctx, stoa_tensor *x) {
    return unary(ctx, STOA_OP_SQRT, x, no_params);
}

stoa_tensor *stoa_square(stoa_ctx *ctx, stoa_tensor *x) {
    return unary(ctx, STOA_OP_SQUARE, x, no_params);
}

stoa_tensor *stoa_swiglu(stoa_ctx *ctx, stoa_tensor *x) {
    assert(is_float(x->dtype) && x->ndim >= 1 && stoa_cols(x) % 2 == 0);
    int64_t shape[STOA_MAX_DIMS];
    for (int i = 0; i < x->ndim; i++)
        shape[i] = x->shape[i];
    shape[x->ndim - 1] /= 2;
    stoa_node node = {
        .op = STOA_OP_SWIGLU, .in = {x}, .out = {stoa_new(ctx, x->dtype, x->ndim, shape)}};
    return stoa_node_run(ctx, &node);
}

stoa_tensor *stoa_dropout(stoa_ctx *ctx, stoa_tensor *x, double p) {
    assert(p >= 0 && p < 1);
    if (!ctx->training || p == 0)
        return x;
    stoa_rng rng = stoa_rng_stream(ctx->seed, "dropout", 0);
    stoa_op_params params = {
        .dropout = {p, {rng.key[0], rng.key[1]}, ctx->step << 16 | (ctx->random_ops & 0xffff)}};
    ctx->random_ops++;
    return unary(ctx, STOA_OP_DROPOUT, x, params);
}

stoa_tensor *stoa_cast_scaled(stoa_ctx *ctx, stoa_tensor *x, stoa_dtype dtype, double scale) {
    assert(is_float(dtype));
    if (ctx->backend->full == STOA_F64) // the reference has one float type
        dtype = STOA_F64;
    if (dtype == x->dtype && scale == 1)
        return x;
    stoa_node node = {.op = STOA_OP_CAST,
                      .in = {x},
                      .out = {stoa_like(ctx, x, dtype)},
                      .p.affine = {.scale = scale}};
    return stoa_node_run(ctx, &node);
}

stoa_tensor *stoa_cast(stoa_ctx *ctx, stoa_tensor *x, stoa_dtype dtype) {
    return stoa_cast_scaled(ctx, x, dtype, 1);
}

/* Shares x's memory: results are never written twice, so the values stay. */
stoa_tensor *stoa_stop_gradient(stoa_ctx *ctx, stoa_tensor *x) {
    stoa_tensor *same = stoa_reshape(ctx, x, x->ndim, x->shape);
    same->view_of = NULL;
    same->requires_grad = false;
    stoa_node node = {.op = STOA_OP_STOP_GRADIENT, .in = {x}, .out = {same}};
    return stoa_node_run(ctx, &node);
}
