/* tensor/ops_reduce.c - front ends of reductions over one axis or over everything. */
#include <assert.h>

#include "tensor/node.h"

/* A tensor of t's shape without the axis. */
static stoa_tensor *without_axis(stoa_ctx *ctx, const stoa_tensor *t, int axis, stoa_dtype dtype) {
    int64_t shape[STOA_MAX_DIMS];
    int ndim = 0;
    for (int i = 0; axis != STOA_ALL && i < t->ndim; i++)
        if (i != axis)
            shape[ndim++] = t->shape[i];
    return stoa_new(ctx, dtype, ndim, shape);
}

static stoa_node node_of(stoa_ctx *ctx, stoa_op op, stoa_tensor *x, int axis, stoa_dtype dtype) {
    assert(x->dtype == STOA_F32 || x->dtype == STOA_BF16 || x->dtype == STOA_F64);
    stoa_node node = {.op = op, .in = {x}};
    stoa_axis_split(x, axis, &node.p);
    node.out[0] = without_axis(ctx, x, node.p.axis.axis, dtype);
    return node;
}

stoa_tensor *stoa_sum(stoa_ctx *ctx, stoa_tensor *x, int axis) {
    stoa_node node = node_of(ctx, STOA_OP_SUM, x, axis, stoa_ctx_full(ctx));
    return stoa_node_run(ctx, &node);
}

stoa_tensor *stoa_mean(stoa_ctx *ctx, stoa_tensor *x, int axis) {
    stoa_node node = node_of(ctx, STOA_OP_MEAN, x, axis, stoa_ctx_full(ctx));
    return stoa_node_run(ctx, &node);
}

stoa_tensor *stoa_max(stoa_ctx *ctx, stoa_tensor *x, int axis) {
    stoa_node node = node_of(ctx, STOA_OP_MAX, x, axis, x->dtype);
    if (stoa_node_wants_grad(ctx, &node)) // where the largest was
        node.save[0] = stoa_like(ctx, node.out[0], STOA_I32);
    return stoa_node_run(ctx, &node);
}

stoa_tensor *stoa_argmax(stoa_ctx *ctx, stoa_tensor *x, int axis) {
    stoa_node node = node_of(ctx, STOA_OP_ARGMAX, x, axis, STOA_I32);
    return stoa_node_run(ctx, &node);
}
