/*
 * tensor/cpu/gru.c - GRU, all steps in one call; built like lstm.c. The new gate keeps the states'
 * share apart, since the reset gate multiplies it.
 */
#include "tensor/cpu/kernels.h"
#include "tensor/cpu/linear.h"
#include "tensor/cpu/recurrent.h"
#include "tensor/cpu/rows.h"

typedef struct walk {
    const stoa_node *node;
    stoa_recurrent_matrix weight_h;
    float *z;           /* (T, B, 3N): the inputs' share, then the gates */
    float *fresh_h;     /* (T, B, N): the states' share of the new gate, kept; or NULL */
    float *share;       /* (B, 3N): the states' share of a step */
    float *h;           /* (B, N): the state */
    uint16_t *narrow;   /* (B, N): h in bf16 when products take that, or NULL */
    stoa_tensor before; /* (T, B, N): the states before each step, of the operands' type */
    void *dzx, *dzh;    /* (T, B, 3N): gradients of the two shares, likewise */
    float *row;         /* (threads, 7N): rows of dzx, dzh and before, in f32 */
    float *dh;          /* (B, N) */
    stoa_grad_ref dout;
} walk;

static void forget(const stoa_tensor *reset, int64_t t, int64_t begin, int64_t end, float *state,
                   int64_t n) {
    const uint8_t *flags = reset ? (const uint8_t *)reset->data + t * reset->shape[1] : NULL;
    for (int64_t r = begin; flags && r < end; r++)
        if (flags[r])
            memset(state + r * n, 0, (size_t)n * sizeof *state);
}

static void gates_forward(float *restrict z, const float *restrict share, float *restrict h,
                          int64_t n) {
#pragma omp simd
    for (int64_t j = 0; j < n; j++) {
        float open = stoa_vsigmoid(z[j] + share[j]);
        float update = stoa_vsigmoid(z[n + j] + share[n + j]);
        float fresh = stoa_vtanh(z[2 * n + j] + open * share[2 * n + j]);
        z[j] = open, z[n + j] = update, z[2 * n + j] = fresh;
        h[j] = fresh + update * (h[j] - fresh);
    }
}

static void forward_range(void *arg, int64_t begin, int64_t end, int thread) {
    const walk *w = arg;
    const stoa_tensor *bias = w->node->in[4], *y = w->node->out[0];
    int64_t steps = y->shape[0], batch = y->shape[1], n = y->shape[2], first = begin * n;
    int64_t count = (end - begin) * n;
    for (int64_t t = 0; t < steps; t++) {
        forget(w->node->in[6], t, begin, end, w->h, n);
        for (int64_t r = begin; r < end; r++)
            memcpy(w->share + r * 3 * n, bias->data, (size_t)(3 * n) * sizeof *w->share);
        const void *h = w->h + first;
        if (w->narrow) {
            stoa_f32_to_bf16_row(w->narrow + first, w->h + first, count);
            h = w->narrow + first;
        }
        if (t > 0 || w->node->in[5])
            stoa_recurrent_multiply(&w->weight_h, h, end - begin, w->share + begin * 3 * n, false,
                                    true, thread);
        for (int64_t r = begin; r < end; r++) {
            int64_t at = t * batch + r;
            gates_forward(w->z + at * 3 * n, w->share + r * 3 * n, w->h + r * n, n);
            if (w->fresh_h)
                memcpy(w->fresh_h + at * n, w->share + r * 3 * n + 2 * n,
                       (size_t)n * sizeof *w->share);
        }
        stoa_row_put(y->data, y->dtype, t * batch * n + first, w->h + first, count);
    }
}

stoa_status stoa_cpu_gru(stoa_ctx *ctx, stoa_node *node) {
    const stoa_tensor *x = node->in[0];
    if (!stoa_recurrent_types(node))
        return STOA_ERR_UNSUPPORTED;
    stoa_dtype operand = stoa_recurrent_operand(ctx, x);
    int64_t states = stoa_numel(node->out[1]), gates = 3 * stoa_numel(node->out[0]);
    walk w = {.node = node, .h = node->out[1]->data};
    w.z = node->save[0] ? node->save[0]->data : stoa_scratch(ctx, (size_t)gates * sizeof *w.z);
    w.fresh_h = node->save[1] ? node->save[1]->data : NULL;
    w.share = stoa_scratch(ctx, (size_t)(3 * states) * sizeof *w.share);
    if (operand == STOA_BF16)
        w.narrow = stoa_scratch(ctx, (size_t)states * sizeof *w.narrow);
    if (!w.z || !w.share || (operand == STOA_BF16 && !w.narrow))
        return STOA_ERR_MEMORY;
    const stoa_linear_job inputs = {.m = stoa_rows(x),
                                    .n = 3 * node->out[0]->shape[2],
                                    .k = x->shape[2],
                                    .x = x,
                                    .weight = node->in[1],
                                    .bias = node->in[3]->data,
                                    .y = w.z,
                                    .y_dtype = STOA_F32};
    STOA_TRY(stoa_linear_forward(ctx, &inputs));
    STOA_TRY(stoa_recurrent_prepare(ctx, &w.weight_h, node->in[2], true, operand));
    stoa_recurrent_start(w.h, node->in[5], states);
    stoa_parallel(ctx, x->shape[1], STOA_RECURRENT_ROWS, forward_range, &w);
    return STOA_OK;
}

/* dh becomes the direct share of the gradient of the state before. */
static void gates_backward(const float *restrict gate, const float *restrict fresh_h,
                           const float *restrict before, float *restrict dh, float *restrict dzx,
                           float *restrict dzh, int64_t n) {
#pragma omp simd
    for (int64_t j = 0; j < n; j++) {
        float open = gate[j], update = gate[n + j], fresh = gate[2 * n + j], d = dh[j];
        float d_fresh = d * (1.0f - update) * (1.0f - fresh * fresh);
        float d_open = d_fresh * fresh_h[j] * open * (1.0f - open);
        float d_update = d * (before[j] - fresh) * update * (1.0f - update);
        dzx[j] = dzh[j] = d_open;
        dzx[n + j] = dzh[n + j] = d_update;
        dzx[2 * n + j] = d_fresh;
        dzh[2 * n + j] = d_fresh * open;
        dh[j] = d * update;
    }
}

static void backward_range(void *arg, int64_t begin, int64_t end, int thread) {
    const walk *w = arg;
    const stoa_tensor *y = w->node->out[0];
    int64_t steps = y->shape[0], batch = y->shape[1], n = y->shape[2];
    stoa_dtype operand = w->weight_h.operand;
    float *dzx = w->row + thread * 7 * n, *dzh = dzx + 3 * n, *state = dzh + 3 * n;
    for (int64_t t = steps - 1; t >= 0; t--) {
        stoa_recurrent_add(w->dh + begin * n, w->dout, (t * batch + begin) * n, (end - begin) * n);
        for (int64_t r = begin; r < end; r++) {
            int64_t at = t * batch + r;
            const float *before = stoa_row_view(state, w->before.data, operand, at * n, n);
            gates_backward(w->z + at * 3 * n, w->fresh_h + at * n, before, w->dh + r * n, dzx, dzh,
                           n);
            stoa_row_put(w->dzx, operand, at * 3 * n, dzx, 3 * n);
            stoa_row_put(w->dzh, operand, at * 3 * n, dzh, 3 * n);
        }
        stoa_recurrent_multiply(&w->weight_h, stoa_at(w->dzh, operand, (t * batch + begin) * 3 * n),
                                end - begin, w->dh + begin * n, false, true, thread);
        forget(w->node->in[6], t, begin, end, w->dh, n);
    }
}

/* Everything the walk back needs, in scratch. */
static stoa_status prepare_backward(stoa_ctx *ctx, stoa_node *node, stoa_dtype operand, walk *w) {
    int64_t rows = stoa_rows(node->out[0]), states = stoa_numel(node->out[1]);
    int64_t n = node->out[0]->shape[2];
    STOA_TRY(
        stoa_recurrent_before(ctx, node->in[5], node->out[0], node->in[6], operand, &w->before));
    w->row = stoa_scratch(ctx, (size_t)(ctx->threads * 7 * n) * sizeof *w->row);
    w->dzx = stoa_scratch(ctx, (size_t)(rows * 3 * n) * stoa_dtype_size(operand));
    w->dzh = stoa_scratch(ctx, (size_t)(rows * 3 * n) * stoa_dtype_size(operand));
    w->dh = stoa_scratch(ctx, (size_t)states * sizeof *w->dh);
    if (!w->row || !w->dzx || !w->dzh || !w->dh)
        return STOA_ERR_MEMORY;
    memset(w->dh, 0, (size_t)states * sizeof *w->dh);
    stoa_recurrent_add(w->dh, stoa_grad_out(node, 1), 0, states);
    return stoa_recurrent_prepare(ctx, &w->weight_h, node->in[2], false, operand);
}

stoa_status stoa_cpu_gru_backward(stoa_ctx *ctx, stoa_node *node) {
    const stoa_tensor *x = node->in[0];
    int64_t rows = stoa_rows(x), n = node->out[0]->shape[2], states = stoa_numel(node->out[1]);
    stoa_dtype operand = stoa_recurrent_operand(ctx, x);
    walk w = {.node = node, .dout = stoa_grad_out(node, 0)};
    w.z = node->save[0]->data;
    w.fresh_h = node->save[1]->data;
    STOA_TRY(prepare_backward(ctx, node, operand, &w));
    stoa_parallel(ctx, x->shape[1], STOA_RECURRENT_ROWS, backward_range, &w);

    stoa_grad_ref to[6];
    for (int i = 0; i < 6; i++)
        to[i] = stoa_grad_take(node, i);
    stoa_linear_job job = {.m = rows,
                           .n = 3 * n,
                           .k = x->shape[2],
                           .x = x,
                           .weight = node->in[1],
                           .dy = w.dzx,
                           .y_dtype = operand,
                           .dx = to[0],
                           .dw = to[1],
                           .db = to[3]};
    STOA_TRY(stoa_linear_backward(ctx, &job));
    job = (stoa_linear_job){.m = rows,
                            .n = 3 * n,
                            .k = n,
                            .x = &w.before,
                            .weight = node->in[2],
                            .dy = w.dzh,
                            .y_dtype = operand,
                            .dw = to[2],
                            .db = to[4]};
    STOA_TRY(stoa_linear_backward(ctx, &job));
    if (to[5].data)
        stoa_row_grad(to[5].data, to[5].dtype, to[5].add, 0, w.dh, states);
    return STOA_OK;
}
