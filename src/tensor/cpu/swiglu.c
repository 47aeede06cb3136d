/*
 * tensor/cpu/swiglu.c - silu(gate) * up of rows gate|up (Shazeer 2020, "GLU variants improve
 * transformer").
 */
#include "tensor/cpu/kernels.h"
#include "tensor/cpu/rows.h"

typedef struct job {
    const void *x; // (rows, 2N)
    void *y;       // (rows, N)
    stoa_dtype dtype;
    int64_t n;
    stoa_grad_ref g, dx;
} job;

static void forward_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    _Alignas(64) float a[STOA_TILE], b[STOA_TILE], y[STOA_TILE];
    for (int64_t row = begin; row < end; row++)
        for (int64_t at = 0; at < j->n; at += STOA_TILE) {
            int64_t n = j->n - at < STOA_TILE ? j->n - at : STOA_TILE;
            int64_t gate_at = row * 2 * j->n + at;
            const float *gate = stoa_row_view(a, j->x, j->dtype, gate_at, n);
            const float *up = stoa_row_view(b, j->x, j->dtype, gate_at + j->n, n);
#pragma omp simd
            for (int64_t i = 0; i < n; i++)
                y[i] = gate[i] * stoa_vsigmoid(gate[i]) * up[i];
            stoa_row_put(j->y, j->dtype, row * j->n + at, y, n);
        }
}

stoa_status stoa_cpu_swiglu(stoa_ctx *ctx, stoa_node *node) {
    const stoa_tensor *x = node->in[0], *y = node->out[0];
    if (!stoa_is_float(x->dtype))
        return STOA_ERR_UNSUPPORTED;
    job j = {.x = x->data, .y = y->data, .dtype = x->dtype, .n = stoa_cols(y)};
    stoa_parallel(ctx, stoa_rows(y), stoa_row_grain(j.n), forward_range, &j);
    return STOA_OK;
}

static void backward_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    _Alignas(64) float a[STOA_TILE], b[STOA_TILE], c[STOA_TILE], da[STOA_TILE], db[STOA_TILE];
    for (int64_t row = begin; row < end; row++)
        for (int64_t at = 0; at < j->n; at += STOA_TILE) {
            int64_t n = j->n - at < STOA_TILE ? j->n - at : STOA_TILE;
            int64_t gate_at = row * 2 * j->n + at;
            const float *gate = stoa_row_view(a, j->x, j->dtype, gate_at, n);
            const float *up = stoa_row_view(b, j->x, j->dtype, gate_at + j->n, n);
            const float *g = stoa_row_view(c, j->g.data, j->dtype, row * j->n + at, n);
#pragma omp simd
            for (int64_t i = 0; i < n; i++) {
                float s = stoa_vsigmoid(gate[i]), silu = gate[i] * s;
                db[i] = g[i] * silu;
                da[i] = g[i] * up[i] * (s + silu * (1.0f - s));
            }
            stoa_row_grad(j->dx.data, j->dtype, j->dx.add, gate_at, da, n);
            stoa_row_grad(j->dx.data, j->dtype, j->dx.add, gate_at + j->n, db, n);
        }
}

stoa_status stoa_cpu_swiglu_backward(stoa_ctx *ctx, stoa_node *node) {
    const stoa_tensor *x = node->in[0], *y = node->out[0];
    job j = {.x = x->data, .dtype = x->dtype, .n = stoa_cols(y)};
    j.g = stoa_grad_out(node, 0), j.dx = stoa_grad_take(node, 0);
    stoa_parallel(ctx, stoa_rows(y), stoa_row_grain(j.n), backward_range, &j);
    return STOA_OK;
}
