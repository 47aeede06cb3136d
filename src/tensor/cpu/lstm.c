/*
 * tensor/cpu/lstm.c - LSTM, all steps in one call.
 *
 * The inputs' share of the gates is one product over all steps. Then every thread walks through
 * time with its own rows of the batch and never waits for another: per step a product with
 * weight_h, and one pass for gates, cell and output. Backward walks the other way, and the weights'
 * gradients are products over all steps at the end.
 */
#include "tensor/cpu/gemm_f32.h"
#include "tensor/cpu/kernels.h"
#include "tensor/cpu/recurrent.h"
#include "tensor/cpu/rows.h"

typedef struct walk {
    const stoa_node *node;
    const float *turned; /* weight_h, or NULL */
    float *z;            /* (T, B, 4N): the inputs' share, then the gates */
    float *cells;        /* (T, B, N) kept for backward, or NULL */
    float *h, *c;        /* (B, N): the state */
    float *dz;           /* (T, B, 4N) */
    float *dh, *dc;      /* (B, N): gradients of the state */
    stoa_grad_ref dout;
} walk;

/* Zeroes the state of rows that start anew. */
static void forget(const stoa_tensor *reset, int64_t t, int64_t begin, int64_t end, float *a,
                   float *b, int64_t n) {
    const uint8_t *flags = reset ? (const uint8_t *)reset->data + t * reset->shape[1] : NULL;
    for (int64_t r = begin; flags && r < end; r++)
        if (flags[r]) {
            memset(a + r * n, 0, (size_t)n * sizeof *a);
            memset(b + r * n, 0, (size_t)n * sizeof *b);
        }
}

static void gates_forward(float *restrict z, float *restrict c, float *restrict h, int64_t n) {
#pragma omp simd
    for (int64_t j = 0; j < n; j++) {
        float input = stoa_vsigmoid(z[j]), forget_gate = stoa_vsigmoid(z[n + j]);
        float cell = stoa_vtanh(z[2 * n + j]), output = stoa_vsigmoid(z[3 * n + j]);
        float next = forget_gate * c[j] + input * cell;
        z[j] = input, z[n + j] = forget_gate, z[2 * n + j] = cell, z[3 * n + j] = output;
        c[j] = next;
        h[j] = output * stoa_vtanh(next);
    }
}

static void forward_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const walk *w = arg;
    const stoa_tensor *weight = w->node->in[2], *reset = w->node->in[6], *y = w->node->out[0];
    int64_t steps = y->shape[0], batch = y->shape[1], n = y->shape[2];
    for (int64_t t = 0; t < steps; t++) {
        forget(reset, t, begin, end, w->h, w->c, n);
        float *z = w->z + (t * batch + begin) * 4 * n;
        if (t > 0 || w->node->in[4])
            stoa_recurrent_step(w->h + begin * n, weight, w->turned, end - begin, z);
        for (int64_t r = begin; r < end; r++)
            gates_forward(w->z + (t * batch + r) * 4 * n, w->c + r * n, w->h + r * n, n);
        int64_t at = (t * batch + begin) * n;
        stoa_row_put(y->data, y->dtype, at, w->h + begin * n, (end - begin) * n);
        if (w->cells)
            memcpy(w->cells + at, w->c + begin * n, (size_t)((end - begin) * n) * sizeof *w->c);
    }
}

stoa_status stoa_cpu_lstm(stoa_ctx *ctx, stoa_node *node) {
    const stoa_tensor *x = node->in[0], *weight_x = node->in[1];
    if (!stoa_recurrent_types(node))
        return STOA_ERR_UNSUPPORTED;
    int64_t states = stoa_numel(node->out[1]), gates = stoa_rows(x) * weight_x->shape[0];
    walk w = {.node = node, .h = node->out[1]->data, .c = node->out[2]->data};
    w.z = node->save[0] ? node->save[0]->data : stoa_scratch(ctx, (size_t)gates * sizeof *w.z);
    w.cells = node->save[1] ? node->save[1]->data : NULL;
    if (!w.z)
        return STOA_ERR_MEMORY;
    STOA_TRY(stoa_recurrent_project(ctx, x, weight_x, node->in[3], w.z));
    stoa_recurrent_start(w.h, node->in[4], states);
    stoa_recurrent_start(w.c, node->in[5], states);
    w.turned = stoa_recurrent_turned(ctx, node->in[2], x->shape[0]);
    stoa_parallel(ctx, x->shape[1], STOA_RECURRENT_ROWS, forward_range, &w);
    return STOA_OK;
}

/* From the gradients of h (dh) and of the cell (dc, which becomes that of the cell before). */
static void gates_backward(const float *restrict gate, const float *restrict c,
                           const float *restrict c_before, const float *restrict dh,
                           float *restrict dc, float *restrict dz, int64_t n) {
#pragma omp simd
    for (int64_t j = 0; j < n; j++) {
        float input = gate[j], forget_gate = gate[n + j];
        float cell = gate[2 * n + j], output = gate[3 * n + j];
        float squashed = stoa_vtanh(c[j]);
        float d = dc[j] + dh[j] * output * (1.0f - squashed * squashed);
        dz[j] = d * cell * input * (1.0f - input);
        dz[n + j] = d * c_before[j] * forget_gate * (1.0f - forget_gate);
        dz[2 * n + j] = d * input * (1.0f - cell * cell);
        dz[3 * n + j] = dh[j] * squashed * output * (1.0f - output);
        dc[j] = d * forget_gate;
    }
}

static void add_row(float *restrict to, const stoa_grad_ref *from, int64_t at, int64_t n) {
    if (from->data)
        stoa_row_write(STOA_F32, to, from->dtype, stoa_at(from->data, from->dtype, at), n, true);
}

static void backward_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const walk *w = arg;
    const stoa_tensor *weight = w->node->in[2], *c0 = w->node->in[5], *reset = w->node->in[6];
    const uint8_t *flags = reset ? reset->data : NULL;
    int64_t steps = w->node->out[0]->shape[0], batch = w->node->out[0]->shape[1];
    int64_t n = w->node->out[0]->shape[2];
    for (int64_t t = steps - 1; t >= 0; t--) {
        add_row(w->dh + begin * n, &w->dout, (t * batch + begin) * n, (end - begin) * n);
        for (int64_t r = begin; r < end; r++) {
            int64_t at = t * batch + r;
            const float *before = w->h; // zeroes
            if (!flags || !flags[at])
                before = t > 0 ? w->cells + (at - batch) * n
                         : c0  ? (const float *)c0->data + r * n
                               : before;
            gates_backward(w->z + at * 4 * n, w->cells + at * n, before, w->dh + r * n,
                           w->dc + r * n, w->dz + at * 4 * n, n);
        }
        stoa_gemm_nn(end - begin, n, 4 * n, w->dz + (t * batch + begin) * 4 * n, 4 * n, 1,
                     weight->data, n, w->dh + begin * n, n, false);
        forget(reset, t, begin, end, w->dh, w->dc, n);
    }
}

stoa_status stoa_cpu_lstm_backward(stoa_ctx *ctx, stoa_node *node) {
    const stoa_tensor *x = node->in[0], *weight_x = node->in[1];
    int64_t rows = stoa_rows(x), batch = x->shape[1], k = x->shape[2];
    int64_t n = node->in[2]->shape[1], states = batch * n;
    stoa_grad_ref dh = stoa_grad_out(node, 1), dc = stoa_grad_out(node, 2);
    walk w = {.node = node, .dout = stoa_grad_out(node, 0)};
    w.z = node->save[0]->data;
    w.cells = node->save[1]->data;
    w.h = stoa_scratch(ctx, (size_t)n * sizeof *w.h);
    w.dz = stoa_scratch(ctx, (size_t)(rows * 4 * n) * sizeof *w.dz);
    w.dh = stoa_scratch(ctx, (size_t)states * sizeof *w.dh);
    w.dc = stoa_scratch(ctx, (size_t)states * sizeof *w.dc);
    if (!w.h || !w.dz || !w.dh || !w.dc)
        return STOA_ERR_MEMORY;
    memset(w.h, 0, (size_t)n * sizeof *w.h);
    memset(w.dh, 0, (size_t)states * sizeof *w.dh);
    memset(w.dc, 0, (size_t)states * sizeof *w.dc);
    add_row(w.dh, &dh, 0, states);
    add_row(w.dc, &dc, 0, states);
    stoa_parallel(ctx, batch, STOA_RECURRENT_ROWS, backward_range, &w);

    stoa_grad_ref to[6];
    for (int i = 0; i < 6; i++)
        to[i] = stoa_grad_take(node, i);
    if (to[0].data)
        STOA_TRY(stoa_recurrent_grad_x(ctx, w.dz, weight_x, rows, to[0]));
    if (to[1].data) {
        const float *wide = stoa_recurrent_f32(ctx, x);
        if (!wide)
            return STOA_ERR_MEMORY;
        stoa_recurrent_grad_weight(ctx, w.dz, wide, rows, 4 * n, k, to[1]);
    }
    if (to[2].data) {
        const float *before = stoa_recurrent_before(ctx, node->in[4], node->out[0], node->in[6]);
        if (!before)
            return STOA_ERR_MEMORY;
        stoa_recurrent_grad_weight(ctx, w.dz, before, rows, 4 * n, n, to[2]);
    }
    if (to[3].data)
        stoa_recurrent_grad_bias(ctx, w.dz, rows, 4 * n, to[3]);
    if (to[4].data)
        stoa_row_grad(to[4].data, to[4].dtype, to[4].add, 0, w.dh, states);
    if (to[5].data)
        stoa_row_grad(to[5].data, to[5].dtype, to[5].add, 0, w.dc, states);
    return STOA_OK;
}
