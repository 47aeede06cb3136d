/* tensor/ref/matmul.c - reference of products, convolution and pooling: the sums as written. */
#include <math.h>

#include "tensor/ref/kernels.h"

stoa_status stoa_ref_linear(stoa_ctx *ctx, stoa_node *node) {
    (void)ctx;
    const double *x = node->in[0]->data;                         // (M, K)
    const double *weight = node->in[1]->data;                    // (N, K)
    const double *bias = node->in[2] ? node->in[2]->data : NULL; // (N)
    double *y = node->out[0]->data;                              // (M, N)
    int64_t m = stoa_rows(node->in[0]), n = node->in[1]->shape[0], k = node->in[1]->shape[1];
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            double sum = bias ? bias[j] : 0;
            for (int64_t p = 0; p < k; p++)
                sum += x[i * k + p] * weight[j * k + p];
            y[i * n + j] = sum;
        }
    return STOA_OK;
}

stoa_status stoa_ref_matmul(stoa_ctx *ctx, stoa_node *node) {
    (void)ctx;
    bool ta = node->p.matmul.transpose_a, tb = node->p.matmul.transpose_b;
    int64_t m = node->p.matmul.m, n = node->p.matmul.n, k = node->p.matmul.k;
    for (int64_t l = 0; l < node->p.matmul.batch; l++) {
        const double *a = (const double *)node->in[0]->data + l * m * k; // (M, K) or (K, M)
        const double *b = (const double *)node->in[1]->data + l * k * n; // (K, N) or (N, K)
        double *c = (double *)node->out[0]->data + l * m * n;            // (M, N)
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < n; j++) {
                double sum = 0;
                for (int64_t p = 0; p < k; p++)
                    sum += a[ta ? p * m + i : i * k + p] * b[tb ? j * k + p : p * n + j];
                c[i * n + j] = node->p.matmul.alpha * sum;
            }
    }
    return STOA_OK;
}

/* x (C, H, W) at (c, i, j); zero outside. */
static double at(const double *x, const int64_t *shape, int64_t c, int64_t i, int64_t j) {
    bool inside = i >= 0 && i < shape[2] && j >= 0 && j < shape[3];
    return inside ? x[(c * shape[2] + i) * shape[3] + j] : 0;
}

stoa_status stoa_ref_conv2d(stoa_ctx *ctx, stoa_node *node) {
    (void)ctx;
    const int64_t *xs = node->in[0]->shape;  // (B, C, H, W)
    const int64_t *ws = node->in[1]->shape;  // (O, C, R, S)
    const int64_t *ys = node->out[0]->shape; // (B, O, P, Q)
    const stoa_conv_options *o = &node->p.conv.options;
    const double *weight = node->in[1]->data, *bias = node->in[2] ? node->in[2]->data : NULL;
    double *y = node->out[0]->data;
    for (int64_t i = 0; i < stoa_numel(node->out[0]); i++) {
        int64_t q = i % ys[3], p = i / ys[3] % ys[2], f = i / ys[3] / ys[2] % ys[1];
        int64_t b = i / ys[3] / ys[2] / ys[1];
        const double *x = (const double *)node->in[0]->data + b * xs[1] * xs[2] * xs[3];
        double sum = bias ? bias[f] : 0;
        for (int64_t c = 0; c < ws[1]; c++)
            for (int64_t r = 0; r < ws[2]; r++)
                for (int64_t s = 0; s < ws[3]; s++)
                    sum += weight[((f * ws[1] + c) * ws[2] + r) * ws[3] + s] *
                           at(x, xs, c, p * o->stride + r - o->pad_top,
                              q * o->stride + s - o->pad_left);
        y[i] = sum;
    }
    return STOA_OK;
}

/* Calls over the elements of each window that are not padding. */
static stoa_status pool(stoa_node *node, bool max) {
    const int64_t *xs = node->in[0]->shape, *ys = node->out[0]->shape; // (B, C, H, W), (B, C, P, Q)
    const stoa_conv_options *o = &node->p.conv.options;
    double *y = node->out[0]->data;
    for (int64_t i = 0; i < stoa_numel(node->out[0]); i++) {
        int64_t q = i % ys[3], p = i / ys[3] % ys[2], plane = i / ys[3] / ys[2];
        const double *x = (const double *)node->in[0]->data + plane * xs[2] * xs[3];
        double most = -INFINITY, sum = 0, count = 0;
        for (int64_t r = 0; r < node->p.conv.size; r++)
            for (int64_t s = 0; s < node->p.conv.size; s++) {
                int64_t h = p * o->stride + r - o->pad_top, w = q * o->stride + s - o->pad_left;
                if (h < 0 || h >= xs[2] || w < 0 || w >= xs[3])
                    continue;
                most = fmax(most, x[h * xs[3] + w]);
                sum += x[h * xs[3] + w];
                count++;
            }
        y[i] = max ? most : sum / count;
    }
    return STOA_OK;
}

stoa_status stoa_ref_max_pool(stoa_ctx *ctx, stoa_node *node) {
    (void)ctx;
    return pool(node, true);
}

stoa_status stoa_ref_avg_pool(stoa_ctx *ctx, stoa_node *node) {
    (void)ctx;
    return pool(node, false);
}
