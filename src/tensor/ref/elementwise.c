/* tensor/ref/elementwise.c - elementwise operations in double precision, one element at a time. */
#include <math.h>

#include "tensor/ref/kernels.h"

/* Position in t of element i of `out`, to whose shape t is broadcast. */
static int64_t broadcast_index(const stoa_tensor *out, const stoa_tensor *t, int64_t i) {
    int64_t at = 0, step = 1;
    for (int d = 1; d <= out->ndim; d++) {
        int64_t k = i % out->shape[out->ndim - d];
        i /= out->shape[out->ndim - d];
        if (d > t->ndim)
            continue;
        int64_t own = t->shape[t->ndim - d];
        at += (own == 1 ? 0 : k) * step;
        step *= own;
    }
    return at;
}

static double binary_value(stoa_op op, double a, double b) {
    switch (op) {
    case STOA_OP_ADD:
        return a + b;
    case STOA_OP_SUB:
        return a - b;
    case STOA_OP_MUL:
        return a * b;
    case STOA_OP_DIV:
        return a / b;
    case STOA_OP_MAXIMUM:
        return a >= b || isnan(a) ? a : b;
    default: // minimum
        return a <= b || isnan(a) ? a : b;
    }
}

stoa_status stoa_ref_binary(stoa_ctx *ctx, stoa_node *node) {
    (void)ctx;
    const stoa_tensor *a = node->in[0], *b = node->in[1], *out = node->out[0];
    for (int64_t i = 0; i < stoa_numel(out); i++)
        ((double *)out->data)[i] =
            binary_value(node->op, ((const double *)a->data)[broadcast_index(out, a, i)],
                         ((const double *)b->data)[broadcast_index(out, b, i)]);
    return STOA_OK;
}
