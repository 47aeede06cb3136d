/* tensor/ops_recurrent.c - front ends of the recurrent layers: one node covers all time steps. */
#include <assert.h>

#include "tensor/node.h"

/* x (T, B, K), weight_x (gates N, K), weight_h (gates N, N), h0 (B, N), reset (T, B); returns N. */
static int64_t check(int gates, const stoa_tensor *x, const stoa_tensor *weight_x,
                     const stoa_tensor *weight_h, const stoa_tensor *bias, const stoa_tensor *state,
                     const stoa_tensor *reset) {
    assert(x->ndim == 3 && weight_x->ndim == 2 && weight_h->ndim == 2 && bias->ndim == 1);
    int64_t n = weight_h->shape[1];
    assert(weight_h->shape[0] == gates * n && bias->shape[0] == gates * n);
    assert(weight_x->shape[0] == gates * n && weight_x->shape[1] == x->shape[2]);
    assert(!state || (state->ndim == 2 && state->shape[0] == x->shape[1] && state->shape[1] == n));
    assert(!reset || (reset->dtype == STOA_U8 && reset->ndim == 2 &&
                      reset->shape[0] == x->shape[0] && reset->shape[1] == x->shape[1]));
    (void)gates, (void)x, (void)weight_x, (void)bias, (void)state, (void)reset;
    return n;
}

stoa_tensor *stoa_lstm(stoa_ctx *ctx, stoa_tensor *x, stoa_tensor *weight_x, stoa_tensor *weight_h,
                       stoa_tensor *bias, stoa_tensor *h0, stoa_tensor *c0, stoa_tensor *reset,
                       stoa_tensor **h_last, stoa_tensor **c_last) {
    return stoa_lstm_traced(ctx, x, weight_x, weight_h, bias, h0, c0, reset, h_last, c_last, NULL);
}

/* Output and saved tensors in the trace. */
static void lie_in_trace(stoa_ctx *ctx, stoa_node *node, int64_t n, const stoa_lstm_trace *trace) {
    const stoa_tensor *x = node->in[0];
    int64_t steps = x->shape[0], batch = x->shape[1];
    stoa_dtype dtype = x->dtype;
    assert(dtype == trace->dtype && trace->known <= steps);
    node->p.recurrent.known = trace->known;
    node->out[0] = stoa_around(ctx, dtype, STOA_SHAPE(steps, batch, n), trace->y);
    node->save[0] = stoa_around(ctx, dtype, STOA_SHAPE(steps, batch, 4 * n), trace->gates);
    node->save[1] = stoa_around(ctx, stoa_ctx_full(ctx), STOA_SHAPE(steps, batch, n), trace->cells);
    node->save[2] =
        stoa_around(ctx, dtype, STOA_SHAPE(steps, batch, x->shape[2] + n), trace->operands);
}

stoa_tensor *stoa_lstm_traced(stoa_ctx *ctx, stoa_tensor *x, stoa_tensor *weight_x,
                              stoa_tensor *weight_h, stoa_tensor *bias, stoa_tensor *h0,
                              stoa_tensor *c0, stoa_tensor *reset, stoa_tensor **h_last,
                              stoa_tensor **c_last, const stoa_lstm_trace *trace) {
    int64_t n = check(4, x, weight_x, weight_h, bias, h0, reset);
    int64_t steps = x->shape[0], batch = x->shape[1];
    assert(!c0 || (c0->ndim == 2 && c0->shape[0] == batch && c0->shape[1] == n));
    stoa_dtype full = stoa_ctx_full(ctx);
    stoa_node node = {.op = STOA_OP_LSTM, .in = {x, weight_x, weight_h, bias, h0, c0, reset}};
    if (trace)
        lie_in_trace(ctx, &node, n, trace);
    else
        node.out[0] = stoa_new(ctx, x->dtype, STOA_SHAPE(steps, batch, n));
    node.out[1] = stoa_new(ctx, full, STOA_SHAPE(batch, n));
    node.out[2] = stoa_new(ctx, full, STOA_SHAPE(batch, n));
    if (!trace && stoa_node_wants_grad(ctx, &node)) {
        node.save[0] = stoa_new(ctx, x->dtype, STOA_SHAPE(steps, batch, 4 * n)); // gates, as wide
        node.save[1] = stoa_new(ctx, full, STOA_SHAPE(steps, batch, n));         // cells
        node.save[2] = stoa_new(ctx, x->dtype, STOA_SHAPE(steps, batch, x->shape[2] + n)); // x | h
    }
    if (h_last)
        *h_last = node.out[1];
    if (c_last)
        *c_last = node.out[2];
    return stoa_node_run(ctx, &node);
}

stoa_tensor *stoa_gru(stoa_ctx *ctx, stoa_tensor *x, stoa_tensor *weight_x, stoa_tensor *weight_h,
                      stoa_tensor *bias_x, stoa_tensor *bias_h, stoa_tensor *h0, stoa_tensor *reset,
                      stoa_tensor **h_last) {
    int64_t n = check(3, x, weight_x, weight_h, bias_x, h0, reset);
    int64_t steps = x->shape[0], batch = x->shape[1];
    assert(bias_h->ndim == 1 && bias_h->shape[0] == 3 * n);
    stoa_dtype full = stoa_ctx_full(ctx);
    stoa_node node = {.op = STOA_OP_GRU, .in = {x, weight_x, weight_h, bias_x, bias_h, h0, reset}};
    node.out[0] = stoa_new(ctx, x->dtype, STOA_SHAPE(steps, batch, n));
    node.out[1] = stoa_new(ctx, full, STOA_SHAPE(batch, n));
    if (stoa_node_wants_grad(ctx, &node)) {
        node.save[0] = stoa_new(ctx, full, STOA_SHAPE(steps, batch, 3 * n)); // gates
        node.save[1] = stoa_new(ctx, full, STOA_SHAPE(steps, batch, n));     // h W_hn^T + b_hn
    }
    if (h_last)
        *h_last = node.out[1];
    return stoa_node_run(ctx, &node);
}
