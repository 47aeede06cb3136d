/* tensor/ops_elementwise.c - front ends of elementwise operations. */
#include <assert.h>

#include "tensor/node.h"

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
    stoa_node node = {.op = op, .in = {a, b}, .out = {broadcast_like(ctx, a, b)}};
    return stoa_node_run(ctx, &node);
}

stoa_tensor *stoa_add(stoa_ctx *ctx, stoa_tensor *a, stoa_tensor *b) {
    return binary(ctx, STOA_OP_ADD, a, b);
}
