/* tensor/ref/loss.c - softmax and the losses in double precision. */
#include <math.h>

#include "tensor/ref/kernels.h"

static double log_sum_exp(const double *x, int64_t n) {
    double most = -(double)INFINITY, sum = 0;
    for (int64_t i = 0; i < n; i++)
        most = fmax(most, x[i]);
    if (isinf(most))
        return most;
    for (int64_t i = 0; i < n; i++)
        sum += exp(x[i] - most);
    return most + log(sum);
}

stoa_status stoa_ref_softmax(stoa_ctx *ctx, stoa_node *node) {
    (void)ctx;
    int64_t n = stoa_cols(node->in[0]);
    for (int64_t r = 0; r < stoa_rows(node->in[0]); r++) {
        const double *x = (const double *)node->in[0]->data + r * n;
        double *y = (double *)node->out[0]->data + r * n, lse = log_sum_exp(x, n);
        for (int64_t i = 0; i < n; i++)
            y[i] = node->op == STOA_OP_SOFTMAX ? exp(x[i] - lse) : x[i] - lse;
    }
    return STOA_OK;
}

stoa_status stoa_ref_cross_entropy(stoa_ctx *ctx, stoa_node *node) {
    (void)ctx;
    int64_t n = stoa_cols(node->in[0]);
    const int32_t *targets = node->in[1]->data;
    for (int64_t r = 0; r < stoa_numel(node->in[1]); r++) {
        const double *x = (const double *)node->in[0]->data + r * n;
        ((double *)node->out[0]->data)[r] = targets[r] < 0 ? 0 : log_sum_exp(x, n) - x[targets[r]];
    }
    return STOA_OK;
}

stoa_status stoa_ref_binary_cross_entropy(stoa_ctx *ctx, stoa_node *node) {
    (void)ctx;
    const double *x = node->in[0]->data, *y = node->in[1]->data;
    for (int64_t i = 0; i < stoa_numel(node->in[0]); i++)
        ((double *)node->out[0]->data)[i] = fmax(x[i], 0) + log1p(exp(-fabs(x[i]))) - x[i] * y[i];
    return STOA_OK;
}

stoa_status stoa_ref_squared_error(stoa_ctx *ctx, stoa_node *node) {
    (void)ctx;
    const double *a = node->in[0]->data, *b = node->in[1]->data;
    for (int64_t i = 0; i < stoa_numel(node->in[0]); i++)
        ((double *)node->out[0]->data)[i] = (a[i] - b[i]) * (a[i] - b[i]) / 2;
    return STOA_OK;
}
