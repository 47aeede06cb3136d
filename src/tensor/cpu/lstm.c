/*
 * tensor/cpu/lstm.c - LSTM, all steps in one call.
 *
 * The inputs' share of the gates is one product over all steps. Then every thread walks through
 * time with its own rows of the batch and never waits for another: per step a product with
 * weight_h, and one pass for gates, cell and output. Backward walks the other way, and the weights'
 * gradients are products over all steps at the end.
 */
#include "tensor/cpu/kernels.h"
#include "tensor/cpu/linear.h"
#include "tensor/cpu/recurrent.h"
#include "tensor/cpu/rows.h"

typedef struct walk {
    const stoa_node *node;
    stoa_recurrent_matrix weight_h;
    float *z;         /* (T, B, 4N): the inputs' share, then the gates */
    float *cells;     /* (T, B, N) kept for backward, or NULL */
    float *h, *c;     /* (B, N): the state */
    uint16_t *narrow; /* (B, N): h in bf16 when products take that, or NULL */
    void *dz;         /* (T, B, 4N) of the operands' type */
    float *row;       /* (threads, 4N): a row of dz before it is converted */
    float *dh, *dc;   /* (B, N): gradients of the state */
    float *zeroes;    /* (N) */
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
    const walk *w = arg;
    const stoa_tensor *reset = w->node->in[6], *y = w->node->out[0];
    int64_t steps = y->shape[0], batch = y->shape[1], n = y->shape[2], first = begin * n;
    int64_t count = (end - begin) * n;
    for (int64_t t = 0; t < steps; t++) {
        forget(reset, t, begin, end, w->h, w->c, n);
        const void *h = w->h + first;
        if (w->narrow) {
            stoa_f32_to_bf16_row(w->narrow + first, w->h + first, count);
            h = w->narrow + first;
        }
        if (t > 0 || w->node->in[4])
            stoa_recurrent_multiply(&w->weight_h, h, end - begin,
                                    w->z + (t * batch + begin) * 4 * n, true, thread);
        for (int64_t r = begin; r < end; r++)
            gates_forward(w->z + (t * batch + r) * 4 * n, w->c + r * n, w->h + r * n, n);
        stoa_row_put(y->data, y->dtype, t * batch * n + first, w->h + first, count);
        if (w->cells)
            memcpy(w->cells + t * batch * n + first, w->c + first, (size_t)count * sizeof *w->c);
    }
}

stoa_status stoa_cpu_lstm(stoa_ctx *ctx, stoa_node *node) {
    const stoa_tensor *x = node->in[0];
    if (!stoa_recurrent_types(node))
        return STOA_ERR_UNSUPPORTED;
    stoa_dtype operand = stoa_recurrent_operand(ctx, x);
    int64_t states = stoa_numel(node->out[1]), gates = 4 * stoa_numel(node->out[0]);
    walk w = {.node = node, .h = node->out[1]->data, .c = node->out[2]->data};
    w.z = node->save[0] ? node->save[0]->data : stoa_scratch(ctx, (size_t)gates * sizeof *w.z);
    w.cells = node->save[1] ? node->save[1]->data : NULL;
    if (operand == STOA_BF16)
        w.narrow = stoa_scratch(ctx, (size_t)states * sizeof *w.narrow);
    if (!w.z || (operand == STOA_BF16 && !w.narrow))
        return STOA_ERR_MEMORY;
    const stoa_linear_job inputs = {.m = stoa_rows(x),
                                    .n = 4 * node->out[0]->shape[2],
                                    .k = x->shape[2],
                                    .x = x,
                                    .weight = node->in[1],
                                    .bias = node->in[3]->data,
                                    .y = w.z,
                                    .y_dtype = STOA_F32};
    STOA_TRY(stoa_linear_forward(ctx, &inputs));
    STOA_TRY(stoa_recurrent_prepare(ctx, &w.weight_h, node->in[2], true, operand, x->shape[0]));
    stoa_recurrent_start(w.h, node->in[4], states);
    stoa_recurrent_start(w.c, node->in[5], states);
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

static void backward_range(void *arg, int64_t begin, int64_t end, int thread) {
    const walk *w = arg;
    const stoa_tensor *c0 = w->node->in[5], *reset = w->node->in[6], *y = w->node->out[0];
    const uint8_t *flags = reset ? reset->data : NULL;
    int64_t steps = y->shape[0], batch = y->shape[1], n = y->shape[2];
    stoa_dtype operand = w->weight_h.operand;
    for (int64_t t = steps - 1; t >= 0; t--) {
        stoa_recurrent_add(w->dh + begin * n, w->dout, (t * batch + begin) * n, (end - begin) * n);
        for (int64_t r = begin; r < end; r++) {
            int64_t at = t * batch + r;
            const float *before = w->zeroes;
            if (t > 0)
                before = w->cells + (at - batch) * n;
            else if (c0)
                before = (const float *)c0->data + r * n;
            if (flags && flags[at])
                before = w->zeroes;
            float *row =
                operand == STOA_F32 ? (float *)w->dz + at * 4 * n : w->row + thread * 4 * n;
            gates_backward(w->z + at * 4 * n, w->cells + at * n, before, w->dh + r * n,
                           w->dc + r * n, row, n);
            if (operand == STOA_BF16)
                stoa_f32_to_bf16_row((uint16_t *)w->dz + at * 4 * n, row, 4 * n);
        }
        stoa_recurrent_multiply(&w->weight_h, stoa_at(w->dz, operand, (t * batch + begin) * 4 * n),
                                end - begin, w->dh + begin * n, false, thread);
        forget(reset, t, begin, end, w->dh, w->dc, n);
    }
}

/* Everything the walk back needs, in scratch. */
static stoa_status prepare_backward(stoa_ctx *ctx, stoa_node *node, stoa_dtype operand, walk *w) {
    int64_t rows = stoa_rows(node->out[0]), states = stoa_numel(node->out[1]);
    int64_t n = node->out[0]->shape[2];
    w->zeroes = stoa_scratch(ctx, (size_t)n * sizeof *w->zeroes);
    w->row = stoa_scratch(ctx, (size_t)(ctx->threads * 4 * n) * sizeof *w->row);
    w->dz = stoa_scratch(ctx, (size_t)(rows * 4 * n) * stoa_dtype_size(operand));
    w->dh = stoa_scratch(ctx, (size_t)states * sizeof *w->dh);
    w->dc = stoa_scratch(ctx, (size_t)states * sizeof *w->dc);
    if (!w->zeroes || !w->row || !w->dz || !w->dh || !w->dc)
        return STOA_ERR_MEMORY;
    memset(w->zeroes, 0, (size_t)n * sizeof *w->zeroes);
    memset(w->dh, 0, (size_t)states * sizeof *w->dh);
    memset(w->dc, 0, (size_t)states * sizeof *w->dc);
    stoa_recurrent_add(w->dh, stoa_grad_out(node, 1), 0, states);
    stoa_recurrent_add(w->dc, stoa_grad_out(node, 2), 0, states);
    return stoa_recurrent_prepare(ctx, &w->weight_h, node->in[2], false, operand,
                                  node->out[0]->shape[0]);
}

stoa_status stoa_cpu_lstm_backward(stoa_ctx *ctx, stoa_node *node) {
    const stoa_tensor *x = node->in[0], *h0 = node->in[4], *reset = node->in[6];
    int64_t rows = stoa_rows(x), n = node->out[0]->shape[2], states = stoa_numel(node->out[1]);
    stoa_dtype operand = stoa_recurrent_operand(ctx, x);
    walk w = {.node = node, .dout = stoa_grad_out(node, 0)};
    w.z = node->save[0]->data;
    w.cells = node->save[1]->data;
    STOA_TRY(prepare_backward(ctx, node, operand, &w));
    stoa_parallel(ctx, x->shape[1], STOA_RECURRENT_ROWS, backward_range, &w);

    stoa_grad_ref to[6];
    for (int i = 0; i < 6; i++)
        to[i] = stoa_grad_take(node, i);
    stoa_linear_job job = {.m = rows,
                           .n = 4 * n,
                           .k = x->shape[2],
                           .x = x,
                           .weight = node->in[1],
                           .dy = w.dz,
                           .y_dtype = operand,
                           .dx = to[0],
                           .dw = to[1],
                           .db = to[3]};
    STOA_TRY(stoa_linear_backward(ctx, &job));
    if (to[2].data) {
        stoa_tensor before;
        STOA_TRY(stoa_recurrent_before(ctx, h0, node->out[0], reset, operand, &before));
        job = (stoa_linear_job){.m = rows,
                                .n = 4 * n,
                                .k = n,
                                .x = &before,
                                .weight = node->in[2],
                                .dy = w.dz,
                                .y_dtype = operand,
                                .dw = to[2]};
        STOA_TRY(stoa_linear_backward(ctx, &job));
    }
    if (to[4].data)
        stoa_row_grad(to[4].data, to[4].dtype, to[4].add, 0, w.dh, states);
    if (to[5].data)
        stoa_row_grad(to[5].data, to[5].dtype, to[5].add, 0, w.dc, states);
    return STOA_OK;
}
