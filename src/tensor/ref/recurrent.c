/*
 * tensor/ref/recurrent.c - reference of the LSTM (Hochreiter and Schmidhuber 1997, with the forget
 * gate of Gers et al. 2000) and the GRU (Cho et al. 2014, in the form that applies the reset gate
 * after the product).
 */
#include <math.h>
#include <string.h>

#include "tensor/ref/kernels.h"

static double sigmoid(double x) {
    return 1 / (1 + exp(-x));
}

/* bias[j] + <w[j], x> for row j of a matrix of `width` columns */
static double affine(const double *w, const double *bias, const double *x, int64_t j,
                     int64_t width) {
    double sum = bias[j];
    for (int64_t k = 0; k < width; k++)
        sum += w[j * width + k] * x[k];
    return sum;
}

static void start(double *state, const stoa_tensor *given, int64_t count) {
    if (given)
        memcpy(state, given->data, (size_t)count * sizeof *state);
    else
        memset(state, 0, (size_t)count * sizeof *state);
}

stoa_status stoa_ref_lstm(stoa_ctx *ctx, stoa_node *node) {
    const stoa_tensor *x = node->in[0];                                // (T, B, K)
    const double *wx = node->in[1]->data, *wh = node->in[2]->data;     // (4N, K), (4N, N)
    const double *bias = node->in[3]->data;                            // (4N)
    const uint8_t *reset = node->in[6] ? node->in[6]->data : NULL;     // (T, B)
    double *out = node->out[0]->data;                                  // (T, B, N)
    double *h = node->out[1]->data, *c = node->out[2]->data;           // (B, N)
    int64_t steps = x->shape[0], batch = x->shape[1], k = x->shape[2]; //
    int64_t n = node->in[2]->shape[1];
    double *z = stoa_scratch(ctx, (size_t)(4 * n) * sizeof *z), zero = 0;
    if (!z)
        return STOA_ERR_MEMORY;
    start(h, node->in[4], batch * n);
    start(c, node->in[5], batch * n);
    for (int64_t r = 0; r < steps * batch; r++) {
        double *hb = h + r % batch * n, *cb = c + r % batch * n;
        for (int64_t j = 0; j < n && reset && reset[r]; j++)
            hb[j] = cb[j] = 0;
        for (int64_t j = 0; j < 4 * n; j++)
            z[j] = affine(wx, bias, (const double *)x->data + r * k, j, k) +
                   affine(wh + j * n, &zero, hb, 0, n);
        for (int64_t j = 0; j < n; j++) {
            double input = sigmoid(z[j]), forget = sigmoid(z[n + j]);
            double cell = tanh(z[2 * n + j]), output = sigmoid(z[3 * n + j]);
            cb[j] = forget * cb[j] + input * cell;
            hb[j] = output * tanh(cb[j]);
            out[r * n + j] = hb[j];
        }
    }
    return STOA_OK;
}

stoa_status stoa_ref_gru(stoa_ctx *ctx, stoa_node *node) {
    const stoa_tensor *x = node->in[0];                                    // (T, B, K)
    const double *wx = node->in[1]->data, *wh = node->in[2]->data;         // (3N, K), (3N, N)
    const double *bias_x = node->in[3]->data, *bias_h = node->in[4]->data; // (3N)
    const uint8_t *reset = node->in[6] ? node->in[6]->data : NULL;         // (T, B)
    double *out = node->out[0]->data;                                      // (T, B, N)
    double *h = node->out[1]->data;                                        // (B, N)
    int64_t steps = x->shape[0], batch = x->shape[1], k = x->shape[2];
    int64_t n = node->in[2]->shape[1];
    double *zx = stoa_scratch(ctx, (size_t)(6 * n) * sizeof *zx), *zh = zx + 3 * n;
    if (!zx)
        return STOA_ERR_MEMORY;
    start(h, node->in[5], batch * n);
    for (int64_t r = 0; r < steps * batch; r++) {
        double *hb = h + r % batch * n;
        for (int64_t j = 0; j < n && reset && reset[r]; j++)
            hb[j] = 0;
        for (int64_t j = 0; j < 3 * n; j++) {
            zx[j] = affine(wx, bias_x, (const double *)x->data + r * k, j, k);
            zh[j] = affine(wh, bias_h, hb, j, n);
        }
        for (int64_t j = 0; j < n; j++) {
            double open = sigmoid(zx[j] + zh[j]), update = sigmoid(zx[n + j] + zh[n + j]);
            double fresh = tanh(zx[2 * n + j] + open * zh[2 * n + j]);
            hb[j] = (1 - update) * fresh + update * hb[j];
            out[r * n + j] = hb[j];
        }
    }
    return STOA_OK;
}
