/* tensor/ops_loss.c - front ends of softmax and of the losses. Results are in full precision. */
#include <assert.h>
#include <string.h>

#include "tensor/node.h"

static bool is_float(stoa_dtype dtype) {
    return dtype == STOA_F32 || dtype == STOA_BF16 || dtype == STOA_F64;
}

static bool same_shape(const stoa_tensor *a, const stoa_tensor *b) {
    return a->ndim == b->ndim &&
           memcmp(a->shape, b->shape, (size_t)a->ndim * sizeof *a->shape) == 0;
}

stoa_tensor *stoa_softmax(stoa_ctx *ctx, stoa_tensor *x) {
    assert(is_float(x->dtype) && x->ndim >= 1);
    stoa_node node = {
        .op = STOA_OP_SOFTMAX, .in = {x}, .out = {stoa_like(ctx, x, stoa_ctx_full(ctx))}};
    return stoa_node_run(ctx, &node);
}

stoa_tensor *stoa_log_softmax(stoa_ctx *ctx, stoa_tensor *x) {
    assert(is_float(x->dtype) && x->ndim >= 1);
    stoa_node node = {
        .op = STOA_OP_LOG_SOFTMAX, .in = {x}, .out = {stoa_like(ctx, x, stoa_ctx_full(ctx))}};
    return stoa_node_run(ctx, &node);
}

stoa_tensor *stoa_cross_entropy(stoa_ctx *ctx, stoa_tensor *logits, stoa_tensor *targets) {
    assert(is_float(logits->dtype) && targets->dtype == STOA_I32);
    assert(logits->ndim == targets->ndim + 1 && stoa_rows(logits) == stoa_numel(targets));
    stoa_node node = {.op = STOA_OP_CROSS_ENTROPY,
                      .in = {logits, targets},
                      .out = {stoa_like(ctx, targets, stoa_ctx_full(ctx))}};
    if (stoa_node_wants_grad(ctx, &node)) // log of the sum of exponentials, one a row
        node.save[0] = stoa_like(ctx, targets, stoa_ctx_full(ctx));
    return stoa_node_run(ctx, &node);
}

stoa_tensor *stoa_binary_cross_entropy(stoa_ctx *ctx, stoa_tensor *x, stoa_tensor *y) {
    assert(is_float(x->dtype) && is_float(y->dtype) && same_shape(x, y));
    assert(!y->requires_grad);
    stoa_node node = {.op = STOA_OP_BINARY_CROSS_ENTROPY,
                      .in = {x, y},
                      .out = {stoa_like(ctx, x, stoa_ctx_full(ctx))}};
    return stoa_node_run(ctx, &node);
}

stoa_tensor *stoa_squared_error(stoa_ctx *ctx, stoa_tensor *a, stoa_tensor *b) {
    assert(is_float(a->dtype) && is_float(b->dtype) && same_shape(a, b));
    stoa_node node = {
        .op = STOA_OP_SQUARED_ERROR, .in = {a, b}, .out = {stoa_like(ctx, a, stoa_ctx_full(ctx))}};
    return stoa_node_run(ctx, &node);
}
