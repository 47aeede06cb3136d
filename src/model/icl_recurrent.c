/*
 * model/icl_recurrent.c - recurrent cores over the same tokens: layers of LSTM or tanh cells from a
 * zero state, each reading the one before, and behind the last an MLP, if any, as a transformer's
 * last block has one.
 */
#include <math.h>
#include <stdio.h>

#include "model/icl.h"

static stoa_tensor *tensor_of(stoa_param *p) {
    return p ? &p->tensor : NULL;
}

void stoa_icl_recurrent_declare(stoa_icl *icl) {
    const stoa_icl_options *o = &icl->options;
    bool lstm = o->core == STOA_ICL_LSTM;
    int64_t n = o->width, gates = lstm ? 4 * n : n;
    char prefix[32];
    for (int64_t i = 0; i < o->layers; i++) {
        stoa_icl_cell *c = &icl->cells[i];
        snprintf(prefix, sizeof prefix, "cells.%d", (int)i);
        /* input and state together are one layer of 2N inputs */
        c->weight_x =
            tensor_of(stoa_icl_weight(icl, prefix, "weight_x", STOA_SHAPE(gates, n), sqrt(0.5)));
        c->weight_h =
            tensor_of(stoa_icl_weight(icl, prefix, "weight_h", STOA_SHAPE(gates, n), sqrt(0.5)));
        c->bias = tensor_of(
            stoa_icl_vector(icl, prefix, "bias", gates, lstm ? STOA_INIT_FORGET : STOA_INIT_ZERO));
    }
    if (o->mlp == STOA_ICL_MLP_NONE)
        return;
    icl->mlp_norm = stoa_norm_new(icl->params, "mlp.norm", STOA_NORM_LAYER, n, true);
    icl->up = stoa_linear_new(icl->params, "mlp.up", n, o->mlp_width, true, 1);
    icl->down = stoa_linear_new(icl->params, "mlp.down", o->mlp_width, n, true, 1);
}

/* Tensors (1, B, N) one behind the other: (count, B, N). Overwrites parts. */
static stoa_tensor *join(stoa_ctx *ctx, stoa_tensor **parts, int64_t count) {
    enum { AT_ONCE = 6 };
    while (count > 1) {
        int64_t made = 0;
        for (int64_t i = 0; i < count; i += AT_ONCE) {
            int n = count - i < AT_ONCE ? (int)(count - i) : AT_ONCE;
            parts[made++] = n == 1 ? parts[i] : stoa_concat(ctx, parts + i, n, 0);
        }
        count = made;
    }
    return parts[0];
}

/* All layers, step by step: x (T, B, N) -> the last layer's (T, B, N), or its last step (1, B, N).
 */
static stoa_tensor *tanh_layers(stoa_ctx *ctx, const stoa_icl *icl, stoa_tensor *x, bool all) {
    stoa_dtype compute = stoa_ctx_compute(ctx);
    int64_t steps = x->shape[0];
    stoa_tensor *state[STOA_MAX_LAYERS] = {0}, *seen[2 * STOA_ICL_PAIRS + 1] = {0};
    const stoa_icl_cell *first = &icl->cells[0];
    x = stoa_linear(ctx, x, first->weight_x, first->bias, compute); // (T, B, N)
    for (int64_t t = 0; t < steps; t++) {
        stoa_tensor *h = stoa_slice(ctx, x, 0, t, t + 1); // (1, B, N)
        for (int64_t i = 0; i < icl->options.layers; i++) {
            const stoa_icl_cell *c = &icl->cells[i];
            if (i > 0)
                h = stoa_linear(ctx, h, c->weight_x, c->bias, compute);
            if (state[i])
                h = stoa_add(ctx, h, stoa_linear(ctx, state[i], c->weight_h, NULL, compute));
            state[i] = h = stoa_tanh(ctx, h);
        }
        seen[t] = h;
    }
    return all ? join(ctx, seen, steps) : seen[steps - 1];
}

/* As tanh_layers. */
static stoa_tensor *lstm_layers(stoa_ctx *ctx, const stoa_icl *icl, stoa_tensor *x, bool all) {
    for (int64_t i = 0; i < icl->options.layers; i++) {
        const stoa_icl_cell *c = &icl->cells[i];
        stoa_tensor *h_last, *c_last;
        x = stoa_lstm(ctx, x, c->weight_x, c->weight_h, c->bias, NULL, NULL, NULL, &h_last,
                      &c_last);
    }
    return all ? x : stoa_slice(ctx, x, 0, x->shape[0] - 1, x->shape[0]);
}

stoa_stream stoa_icl_recurrent(stoa_ctx *ctx, const stoa_icl *icl, stoa_tensor *x,
                               stoa_icl_where where) {
    stoa_dtype compute = stoa_ctx_compute(ctx);
    stoa_tensor *h = stoa_cast(ctx, stoa_transpose(ctx, x, 0, 1), compute); // (T, B, N)
    bool all = where == STOA_ICL_ITEMS;
    h = icl->options.core == STOA_ICL_LSTM ? lstm_layers(ctx, icl, h, all)
                                           : tanh_layers(ctx, icl, h, all);
    h = stoa_cast(ctx, stoa_transpose(ctx, h, 0, 1), stoa_ctx_full(ctx)); // (B, 1 or T, N)
    if (!icl->mlp_norm.weight)
        return (stoa_stream){.x = h};
    stoa_tensor *m = stoa_norm_apply(ctx, &icl->mlp_norm, h, compute);
    return (stoa_stream){h, stoa_icl_mlp_apply(ctx, &icl->up, &icl->down, m)};
}
