/*
 * tensor/cpu/gru.c - GRU, all steps in one call; built like lstm.c. The new gate keeps the states'
 * share apart, since the reset gate multiplies it.
 */
#include "tensor/cpu/gemm_f32.h"
#include "tensor/cpu/kernels.h"
#include "tensor/cpu/recurrent.h"
#include "tensor/cpu/rows.h"

typedef struct walk {
    const stoa_node *node;
    const float *turned; /* weight_h, or NULL */
    float *z;            /* (T, B, 3N): the inputs' share, then the gates */
    float *fresh_h;      /* (T, B, N): the states' share of the new gate, kept; or NULL */
    float *share;        /* (B, 3N): the states' share of a step */
    float *h;            /* (B, N): the state */
    float *before;       /* (T, B, N): the states before each step */
    float *dzx, *dzh;    /* (T, B, 3N): gradients of the two shares */
    float *dh;           /* (B, N) */
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
    (void)thread;
    const walk *w = arg;
    const stoa_tensor *weight = w->node->in[2], *bias = w->node->in[4], *y = w->node->out[0];
    int64_t steps = y->shape[0], batch = y->shape[1], n = y->shape[2];
    for (int64_t t = 0; t < steps; t++) {
        forget(w->node->in[6], t, begin, end, w->h, n);
        for (int64_t r = begin; r < end; r++)
            memcpy(w->share + r * 3 * n, bias->data, (size_t)(3 * n) * sizeof *w->share);
        if (t > 0 || w->node->in[5])
            stoa_recurrent_step(w->h + begin * n, weight, w->turned, end - begin,
                                w->share + begin * 3 * n);
        for (int64_t r = begin; r < end; r++) {
            int64_t at = t * batch + r;
            gates_forward(w->z + at * 3 * n, w->share + r * 3 * n, w->h + r * n, n);
            if (w->fresh_h)
                memcpy(w->fresh_h + at * n, w->share + r * 3 * n + 2 * n,
                       (size_t)n * sizeof *w->share);
        }
        stoa_row_put(y->data, y->dtype, (t * batch + begin) * n, w->h + begin * n,
                     (end - begin) * n);
    }
}

stoa_status stoa_cpu_gru(stoa_ctx *ctx, stoa_node *node) {
    const stoa_tensor *x = node->in[0], *weight_x = node->in[1];
    if (!stoa_recurrent_types(node))
        return STOA_ERR_UNSUPPORTED;
    int64_t states = stoa_numel(node->out[1]), gates = stoa_rows(x) * weight_x->shape[0];
    walk w = {.node = node, .h = node->out[1]->data};
    w.z = node->save[0] ? node->save[0]->data : stoa_scratch(ctx, (size_t)gates * sizeof *w.z);
    w.fresh_h = node->save[1] ? node->save[1]->data : NULL;
    w.share = stoa_scratch(ctx, (size_t)(3 * states) * sizeof *w.share);
    if (!w.z || !w.share)
        return STOA_ERR_MEMORY;
    STOA_TRY(stoa_recurrent_project(ctx, x, weight_x, node->in[3], w.z));
    stoa_recurrent_start(w.h, node->in[5], states);
    w.turned = stoa_recurrent_turned(ctx, node->in[2], x->shape[0]);
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

static void add_row(float *restrict to, const stoa_grad_ref *from, int64_t at, int64_t n) {
    if (from->data)
        stoa_row_write(STOA_F32, to, from->dtype, stoa_at(from->data, from->dtype, at), n, true);
}

static void backward_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const walk *w = arg;
    const stoa_tensor *weight = w->node->in[2];
    int64_t steps = w->node->out[0]->shape[0], batch = w->node->out[0]->shape[1];
    int64_t n = w->node->out[0]->shape[2];
    for (int64_t t = steps - 1; t >= 0; t--) {
        add_row(w->dh + begin * n, &w->dout, (t * batch + begin) * n, (end - begin) * n);
        for (int64_t r = begin; r < end; r++) {
            int64_t at = t * batch + r;
            gates_backward(w->z + at * 3 * n, w->fresh_h + at * n, w->before + at * n,
                           w->dh + r * n, w->dzx + at * 3 * n, w->dzh + at * 3 * n, n);
        }
        stoa_gemm_nn(end - begin, n, 3 * n, w->dzh + (t * batch + begin) * 3 * n, 3 * n, 1,
                     weight->data, n, w->dh + begin * n, n, true);
        forget(w->node->in[6], t, begin, end, w->dh, n);
    }
}

stoa_status stoa_cpu_gru_backward(stoa_ctx *ctx, stoa_node *node) {
    const stoa_tensor *x = node->in[0], *weight_x = node->in[1];
    int64_t rows = stoa_rows(x), batch = x->shape[1], k = x->shape[2];
    int64_t n = node->in[2]->shape[1], states = batch * n;
    stoa_grad_ref dh = stoa_grad_out(node, 1);
    walk w = {.node = node, .dout = stoa_grad_out(node, 0)};
    w.z = node->save[0]->data;
    w.fresh_h = node->save[1]->data;
    w.before = stoa_recurrent_before(ctx, node->in[5], node->out[0], node->in[6]);
    w.dzx = stoa_scratch(ctx, (size_t)(rows * 3 * n) * sizeof *w.dzx);
    w.dzh = stoa_scratch(ctx, (size_t)(rows * 3 * n) * sizeof *w.dzh);
    w.dh = stoa_scratch(ctx, (size_t)states * sizeof *w.dh);
    if (!w.before || !w.dzx || !w.dzh || !w.dh)
        return STOA_ERR_MEMORY;
    memset(w.dh, 0, (size_t)states * sizeof *w.dh);
    add_row(w.dh, &dh, 0, states);
    stoa_parallel(ctx, batch, STOA_RECURRENT_ROWS, backward_range, &w);

    stoa_grad_ref to[6];
    for (int i = 0; i < 6; i++)
        to[i] = stoa_grad_take(node, i);
    if (to[0].data)
        STOA_TRY(stoa_recurrent_grad_x(ctx, w.dzx, weight_x, rows, to[0]));
    if (to[1].data) {
        const float *wide = stoa_recurrent_f32(ctx, x);
        if (!wide)
            return STOA_ERR_MEMORY;
        stoa_recurrent_grad_weight(ctx, w.dzx, wide, rows, 3 * n, k, to[1]);
    }
    if (to[2].data)
        stoa_recurrent_grad_weight(ctx, w.dzh, w.before, rows, 3 * n, n, to[2]);
    if (to[3].data)
        stoa_recurrent_grad_bias(ctx, w.dzx, rows, 3 * n, to[3]);
    if (to[4].data)
        stoa_recurrent_grad_bias(ctx, w.dzh, rows, 3 * n, to[4]);
    if (to[5].data)
        stoa_row_grad(to[5].data, to[5].dtype, to[5].add, 0, w.dh, states);
    return STOA_OK;
}
