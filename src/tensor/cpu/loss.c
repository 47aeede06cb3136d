/*
 * tensor/cpu/loss.c - elementwise losses: binary cross-entropy with logits, squared error. Inputs
 * of either float type, results in float32.
 */
#include "tensor/cpu/kernels.h"
#include "tensor/cpu/rows.h"

enum { GRAIN = 1 << 13 };

typedef struct job {
    const stoa_tensor *a, *b;
    float *y;
    const float *g;
    stoa_grad_ref da, db;
} job;

/* n values of both inputs. */
typedef struct tile {
    _Alignas(64) float buffer[2][STOA_TILE];
    const float *a, *b;
    int64_t n;
} tile;

static void load(tile *t, const job *j, int64_t at, int64_t end) {
    t->n = end - at < STOA_TILE ? end - at : STOA_TILE;
    t->a = stoa_row_view(t->buffer[0], j->a->data, j->a->dtype, at, t->n);
    t->b = stoa_row_view(t->buffer[1], j->b->data, j->b->dtype, at, t->n);
}

static job job_of(const stoa_node *node) {
    return (job){.a = node->in[0], .b = node->in[1], .y = node->out[0]->data};
}

static stoa_status run_forward(stoa_ctx *ctx, const stoa_node *node, stoa_range_fn fn) {
    job j = job_of(node);
    if (!stoa_is_float(j.a->dtype) || !stoa_is_float(j.b->dtype))
        return STOA_ERR_UNSUPPORTED;
    stoa_parallel(ctx, stoa_numel(j.a), GRAIN, fn, &j);
    return STOA_OK;
}

/* ---- binary_cross_entropy: softplus(x) - x y, which is -log of the probability given to y ------
 */

static void bce_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    tile t;
    for (int64_t at = begin; at < end; at += t.n) {
        load(&t, j, at, end);
        const float *x = t.a, *target = t.b;
        float *y = j->y + at;
#pragma omp simd
        for (int64_t i = 0; i < t.n; i++)
            y[i] = stoa_vsoftplus(x[i]) - x[i] * target[i];
    }
}

stoa_status stoa_cpu_binary_cross_entropy(stoa_ctx *ctx, stoa_node *node) {
    return run_forward(ctx, node, bce_range);
}

static void bce_backward_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    tile t;
    _Alignas(64) float dx[STOA_TILE];
    for (int64_t at = begin; at < end; at += t.n) {
        load(&t, j, at, end);
        const float *x = t.a, *target = t.b, *g = j->g + at;
#pragma omp simd
        for (int64_t i = 0; i < t.n; i++)
            dx[i] = g[i] * (stoa_vsigmoid(x[i]) - target[i]);
        stoa_row_grad(j->da.data, j->da.dtype, j->da.add, at, dx, t.n);
    }
}

stoa_status stoa_cpu_binary_cross_entropy_backward(stoa_ctx *ctx, stoa_node *node) {
    job j = job_of(node);
    j.g = stoa_grad_out(node, 0).data, j.da = stoa_grad_take(node, 0);
    stoa_parallel(ctx, stoa_numel(j.a), GRAIN, bce_backward_range, &j);
    return STOA_OK;
}

/* ---- squared_error: (a - b)^2 / 2 ------------------------------------------------------------ */

static void squared_error_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    tile t;
    for (int64_t at = begin; at < end; at += t.n) {
        load(&t, j, at, end);
        const float *a = t.a, *b = t.b;
        float *y = j->y + at;
#pragma omp simd
        for (int64_t i = 0; i < t.n; i++)
            y[i] = 0.5f * (a[i] - b[i]) * (a[i] - b[i]);
    }
}

stoa_status stoa_cpu_squared_error(stoa_ctx *ctx, stoa_node *node) {
    return run_forward(ctx, node, squared_error_range);
}

static void squared_error_backward_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    tile t;
    _Alignas(64) float da[STOA_TILE], db[STOA_TILE];
    for (int64_t at = begin; at < end; at += t.n) {
        load(&t, j, at, end);
        const float *a = t.a, *b = t.b, *g = j->g + at;
#pragma omp simd
        for (int64_t i = 0; i < t.n; i++) {
            da[i] = g[i] * (a[i] - b[i]);
            db[i] = -da[i];
        }
        if (j->da.data)
            stoa_row_grad(j->da.data, j->da.dtype, j->da.add, at, da, t.n);
        if (j->db.data)
            stoa_row_grad(j->db.data, j->db.dtype, j->db.add, at, db, t.n);
    }
}

stoa_status stoa_cpu_squared_error_backward(stoa_ctx *ctx, stoa_node *node) {
    job j = job_of(node);
    j.g = stoa_grad_out(node, 0).data;
    j.da = stoa_grad_take(node, 0), j.db = stoa_grad_take(node, 1);
    stoa_parallel(ctx, stoa_numel(j.a), GRAIN, squared_error_backward_range, &j);
    return STOA_OK;
}
