/* tensor/ref/reduce.c - reductions over one axis in double precision. */
#include <math.h>

#include "tensor/ref/kernels.h"

/* What the loop over an axis finds. */
typedef struct found {
    double sum, most;
    int64_t where;
} found;

/* x (outer, length, inner) at [o, :, i] */
static found look(const stoa_node *node, int64_t o, int64_t i) {
    const double *x = node->in[0]->data;
    int64_t length = node->p.axis.length, inner = node->p.axis.inner;
    found f = {.most = -(double)INFINITY};
    for (int64_t l = 0; l < length; l++) {
        double value = x[(o * length + l) * inner + i];
        f.sum += value;
        if (value > f.most)
            f.most = value, f.where = l;
    }
    return f;
}

stoa_status stoa_ref_reduce(stoa_ctx *ctx, stoa_node *node) {
    (void)ctx;
    int64_t inner = node->p.axis.inner, length = node->p.axis.length;
    for (int64_t o = 0; o < node->p.axis.outer; o++)
        for (int64_t i = 0; i < inner; i++) {
            found f = look(node, o, i);
            int64_t at = o * inner + i;
            if (node->op == STOA_OP_ARGMAX)
                ((int32_t *)node->out[0]->data)[at] = (int32_t)f.where;
            else if (node->op == STOA_OP_MAX)
                ((double *)node->out[0]->data)[at] = f.most;
            else if (node->op == STOA_OP_MEAN && length > 0)
                ((double *)node->out[0]->data)[at] = f.sum / (double)length;
            else
                ((double *)node->out[0]->data)[at] = f.sum;
        }
    return STOA_OK;
}
