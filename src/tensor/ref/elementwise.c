/* tensor/ref/elementwise.c - elementwise operations in double precision, one element at a time. */
#include <math.h>

#include "tensor/dropout.h"
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
    for (int64_t i = 0; node->out[1] && i < stoa_numel(out); i++)
        stoa_set(node->out[1], i, stoa_get(out, i));
    return STOA_OK;
}

/* ---- one input ------------------------------------------------------------------------------- */

static double sigmoid(double x) {
    return 1 / (1 + exp(-x));
}

static double gelu(double x, bool exact) {
    if (exact)
        return 0.5 * x * erfc(-x * sqrt(0.5));
    double u = sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x);
    return x * sigmoid(2 * u);
}

static double unary_value(const stoa_node *node, double x) {
    const stoa_op_params *p = &node->p;
    switch (node->op) {
    case STOA_OP_AFFINE:
        return p->affine.scale * x + p->affine.shift;
    case STOA_OP_CLAMP:
        return fmin(fmax(x, p->clamp.least), p->clamp.most);
    case STOA_OP_RELU:
        return fmax(x, 0);
    case STOA_OP_GELU:
        return gelu(x, p->gelu.exact);
    case STOA_OP_SILU:
        return x * sigmoid(x);
    case STOA_OP_TANH:
        return tanh(x);
    case STOA_OP_SIGMOID:
        return sigmoid(x);
    case STOA_OP_SOFTPLUS:
        return fmax(x, 0) + log1p(exp(-fabs(x)));
    case STOA_OP_EXP:
        return exp(x);
    case STOA_OP_LOG:
        return log(x);
    case STOA_OP_SQRT:
        return sqrt(x);
    default: // square
        return x * x;
    }
}

stoa_status stoa_ref_unary(stoa_ctx *ctx, stoa_node *node) {
    (void)ctx;
    const double *x = node->in[0]->data;
    for (int64_t i = 0; i < stoa_numel(node->out[0]); i++)
        ((double *)node->out[0]->data)[i] = unary_value(node, x[i]);
    return STOA_OK;
}

stoa_status stoa_ref_swiglu(stoa_ctx *ctx, stoa_node *node) {
    (void)ctx;
    const double *x = node->in[0]->data; // (rows, 2N)
    double *y = node->out[0]->data;      // (rows, N)
    int64_t n = stoa_cols(node->out[0]);
    for (int64_t r = 0; r < stoa_rows(node->out[0]); r++)
        for (int64_t i = 0; i < n; i++) {
            double gate = x[r * 2 * n + i], up = x[r * 2 * n + n + i];
            y[r * n + i] = gate * sigmoid(gate) * up;
        }
    return STOA_OK;
}

stoa_status stoa_ref_dropout(stoa_ctx *ctx, stoa_node *node) {
    (void)ctx;
    const double *x = node->in[0]->data;
    double p = node->p.dropout.p;
    for (int64_t i = 0; i < stoa_numel(node->out[0]); i++) {
        uint32_t words[4];
        stoa_philox(node->p.dropout.key, node->p.dropout.stream, (uint64_t)(i / 64 * 16 + i % 16),
                    words);
        bool zero = words[i % 64 / 16] < stoa_dropout_threshold(p);
        ((double *)node->out[0]->data)[i] = zero ? 0 : x[i] / (1 - p);
    }
    return STOA_OK;
}

/* Of what came from outside: floats have one type here, and the front end returns them as they
 * are. */
stoa_status stoa_ref_cast(stoa_ctx *ctx, stoa_node *node) {
    (void)ctx;
    const stoa_tensor *x = node->in[0];
    for (int64_t i = 0; i < stoa_numel(x); i++)
        ((double *)node->out[0]->data)[i] = node->p.affine.scale * stoa_get(x, i);
    return STOA_OK;
}

stoa_status stoa_ref_stop_gradient(stoa_ctx *ctx, stoa_node *node) {
    (void)ctx, (void)node; // the front end shares the memory
    return STOA_OK;
}
