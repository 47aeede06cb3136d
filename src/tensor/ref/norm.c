/* tensor/ref/norm.c - normalisations in double precision. */
#include <math.h>

#include "tensor/ref/kernels.h"

/* layer_norm, rms_norm, residual_norm: inputs x, weight, bias, delta; outputs norm, sum. */
stoa_status stoa_ref_norm(stoa_ctx *ctx, stoa_node *node) {
    (void)ctx;
    int64_t n = stoa_cols(node->in[0]);
    const double *weight = node->in[1]->data, *bias = node->in[2] ? node->in[2]->data : NULL;
    const double *delta = node->in[3] ? node->in[3]->data : NULL;
    for (int64_t at = 0; at < stoa_numel(node->in[0]); at += n) {
        const double *x = (const double *)node->in[0]->data + at;
        double *y = (double *)node->out[0]->data + at, mean = 0, square = 0;
        for (int64_t i = 0; delta && i < n; i++)
            ((double *)node->out[1]->data)[at + i] = x[i] + delta[at + i];
        if (delta)
            x = (const double *)node->out[1]->data + at;
        for (int64_t i = 0; node->p.norm.layer && i < n; i++)
            mean += x[i] / (double)n;
        for (int64_t i = 0; i < n; i++)
            square += (x[i] - mean) * (x[i] - mean) / (double)n;
        for (int64_t i = 0; i < n; i++)
            y[i] =
                (x[i] - mean) / sqrt(square + node->p.norm.eps) * weight[i] + (bias ? bias[i] : 0);
    }
    return STOA_OK;
}

stoa_status stoa_ref_batch_norm(stoa_ctx *ctx, stoa_node *node) {
    (void)ctx;
    const stoa_tensor *x = node->in[0]; // (B, C, inner)
    int64_t batch = x->shape[0], channels = x->shape[1];
    int64_t inner = x->ndim == 4 ? x->shape[2] * x->shape[3] : 1;
    double decay = node->p.norm.decay, count = (double)(batch * inner);
    double *running_mean = node->in[3]->data, *running_var = node->in[4]->data;
    for (int64_t c = 0; c < channels; c++) {
        const double *in = (const double *)x->data + c * inner;
        double *out = (double *)node->out[0]->data + c * inner;
        double mean = running_mean[c], variance = running_var[c];
        if (node->p.norm.training) {
            mean = variance = 0;
            for (int64_t b = 0; b < batch; b++)
                for (int64_t i = 0; i < inner; i++)
                    mean += in[b * channels * inner + i] / count;
            for (int64_t b = 0; b < batch; b++)
                for (int64_t i = 0; i < inner; i++)
                    variance += pow(in[b * channels * inner + i] - mean, 2) / count;
            running_mean[c] = decay * running_mean[c] + (1 - decay) * mean;
            running_var[c] = decay * running_var[c] + (1 - decay) * variance;
        }
        double scale = ((const double *)node->in[1]->data)[c] / sqrt(variance + node->p.norm.eps);
        for (int64_t b = 0; b < batch; b++)
            for (int64_t i = 0; i < inner; i++)
                out[b * channels * inner + i] = (in[b * channels * inner + i] - mean) * scale +
                                                ((const double *)node->in[2]->data)[c];
    }
    return STOA_OK;
}

stoa_status stoa_ref_l2_normalize(stoa_ctx *ctx, stoa_node *node) {
    (void)ctx;
    int64_t n = stoa_cols(node->in[0]);
    for (int64_t r = 0; r < stoa_rows(node->in[0]); r++) {
        const double *x = (const double *)node->in[0]->data + r * n;
        double square = 0;
        for (int64_t i = 0; i < n; i++)
            square += x[i] * x[i];
        for (int64_t i = 0; i < n; i++)
            ((double *)node->out[0]->data)[r * n + i] = x[i] / fmax(sqrt(square), node->p.norm.eps);
    }
    return STOA_OK;
}
