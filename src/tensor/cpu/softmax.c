/*
 * tensor/cpu/softmax.c - softmax, log-softmax and softmax cross-entropy over the last dimension V.
 *
 * The largest value and the sum of exponentials are found in one walk over the row (Milakov and
 * Gimelshein 2018): a tile of 512 is read once from memory, and when it raises the maximum the sum
 * so far is scaled down. Cross-entropy keeps only that one number a row.
 */
#include <assert.h>

#include "tensor/cpu/kernels.h"
#include "tensor/cpu/lanes_math.h"
#include "tensor/cpu/rows.h"

/* Rows per range: exponentials cost more than moving memory. */
static int64_t grain_of(int64_t v) {
    return 1 + stoa_row_grain(v < STOA_LANES ? STOA_LANES : v) / 4; // a short row takes as long
}

typedef struct job {
    const void *x; // (rows, V)
    stoa_dtype dtype;
    int64_t v;
    float *y;               // softmax (rows, V); losses (rows)
    const int32_t *targets; // (rows)
    float *lse;             // (rows) or NULL
    stoa_grad_ref g, dx;
} job;

static int64_t tile_at(const job *j, int64_t at) {
    return j->v - at < STOA_TILE ? j->v - at : STOA_TILE;
}

/* sum(exp(x - base)) over n values; with y not NULL they are stored there. */
STOA_INLINE float exp_row_into(float *restrict y, const float *restrict x, float base, int64_t n) {
    stoa_lanes sum = {0};
    int64_t i = 0;
    for (; i + STOA_LANES <= n; i += STOA_LANES) {
        stoa_lanes e = stoa_lanes_exp(stoa_lanes_load(x + i) - base);
        if (y)
            stoa_lanes_store(y + i, e);
        sum += e;
    }
    if (i < n) {
        stoa_lanes left = stoa_lanes_get(x, STOA_F32, i, n - i) - base;
        stoa_lanes e = stoa_lanes_exp(stoa_lanes_first(left, n - i, -INFINITY));
        if (y)
            stoa_lanes_put(y, STOA_F32, i, n - i, e);
        sum += e;
    }
    return stoa_lanes_total(sum);
}

static float exp_row(float *restrict y, const float *restrict x, float base, int64_t n) {
    return exp_row_into(y, x, base, n);
}

static float exp_sum(const float *restrict x, float base, int64_t n) {
    return exp_row_into(NULL, x, base, n);
}

/* log(sum(exp(x))) of a row; -inf when everything is. */
static float log_sum_exp(const job *j, int64_t row) {
    _Alignas(64) float buffer[STOA_TILE];
    float most = -INFINITY, sum = 0;
    for (int64_t at = 0; at < j->v; at += STOA_TILE) {
        int64_t n = tile_at(j, at);
        const float *x = stoa_row_view(buffer, j->x, j->dtype, row * j->v + at, n);
        float top = stoa_row_max(x, n);
        if (top > most) {
            sum *= stoa_vexp(most - top);
            most = top;
        }
        sum += exp_sum(x, most > -INFINITY ? most : 0.0f, n);
    }
    return sum > 0.0f || sum != sum ? most + stoa_vlog(sum) : -INFINITY;
}

/* ---- softmax, log_softmax -------------------------------------------------------------------- */

static void log_softmax_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    _Alignas(64) float buffer[STOA_TILE];
    for (int64_t row = begin; row < end; row++) {
        float lse = log_sum_exp(j, row);
        for (int64_t at = 0; at < j->v; at += STOA_TILE) {
            int64_t n = tile_at(j, at);
            const float *x = stoa_row_view(buffer, j->x, j->dtype, row * j->v + at, n);
            float *y = j->y + row * j->v + at;
#pragma omp simd
            for (int64_t i = 0; i < n; i++)
                y[i] = x[i] - lse;
        }
    }
}

static void softmax_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    _Alignas(64) float buffer[STOA_TILE];
    for (int64_t row = begin; row < end; row++) {
        float most = -INFINITY, sum = 0, *y = j->y + row * j->v;
        for (int64_t at = 0; at < j->v; at += STOA_TILE) {
            int64_t n = tile_at(j, at);
            float top = stoa_row_max(stoa_row_view(buffer, j->x, j->dtype, row * j->v + at, n), n);
            most = top > most ? top : most;
        }
        float base = most > -INFINITY ? most : 0.0f;
        for (int64_t at = 0; at < j->v; at += STOA_TILE) {
            int64_t n = tile_at(j, at);
            const float *x = stoa_row_view(buffer, j->x, j->dtype, row * j->v + at, n);
            sum += exp_row(y + at, x, base, n);
        }
        float scale = 1.0f / sum;
#pragma omp simd
        for (int64_t i = 0; i < j->v; i++)
            y[i] *= scale;
    }
}

static stoa_status run_forward(stoa_ctx *ctx, stoa_node *node, stoa_range_fn fn) {
    const stoa_tensor *x = node->in[0];
    if (!stoa_is_float(x->dtype))
        return STOA_ERR_UNSUPPORTED;
    job j = {.x = x->data, .dtype = x->dtype, .v = stoa_cols(x), .y = node->out[0]->data};
    stoa_parallel(ctx, stoa_rows(x), grain_of(j.v), fn, &j);
    return STOA_OK;
}

stoa_status stoa_cpu_softmax(stoa_ctx *ctx, stoa_node *node) {
    return run_forward(ctx, node, softmax_range);
}

stoa_status stoa_cpu_log_softmax(stoa_ctx *ctx, stoa_node *node) {
    return run_forward(ctx, node, log_softmax_range);
}

/* dx = y * (g - sum(g * y)) */
static void softmax_backward_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    _Alignas(64) float dx[STOA_TILE];
    for (int64_t row = begin; row < end; row++) {
        const float *g = (const float *)j->g.data + row * j->v, *y = j->y + row * j->v;
        float dot = 0;
#pragma omp simd reduction(+ : dot)
        for (int64_t i = 0; i < j->v; i++)
            dot += g[i] * y[i];
        for (int64_t at = 0; at < j->v; at += STOA_TILE) {
            int64_t n = tile_at(j, at);
#pragma omp simd
            for (int64_t i = 0; i < n; i++)
                dx[i] = y[at + i] * (g[at + i] - dot);
            stoa_row_grad(j->dx.data, j->dtype, j->dx.add, row * j->v + at, dx, n);
        }
    }
}

/* dx = g - exp(y) * sum(g) */
static void log_softmax_backward_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    _Alignas(64) float dx[STOA_TILE];
    for (int64_t row = begin; row < end; row++) {
        const float *g = (const float *)j->g.data + row * j->v, *y = j->y + row * j->v;
        float sum = stoa_row_sum(g, j->v);
        for (int64_t at = 0; at < j->v; at += STOA_TILE) {
            int64_t n = tile_at(j, at);
#pragma omp simd
            for (int64_t i = 0; i < n; i++)
                dx[i] = g[at + i] - stoa_vexp(y[at + i]) * sum;
            stoa_row_grad(j->dx.data, j->dtype, j->dx.add, row * j->v + at, dx, n);
        }
    }
}

static stoa_status run_backward(stoa_ctx *ctx, stoa_node *node, stoa_range_fn fn) {
    const stoa_tensor *x = node->in[0];
    job j = {.x = x->data, .dtype = x->dtype, .v = stoa_cols(x), .y = node->out[0]->data};
    j.g = stoa_grad_out(node, 0), j.dx = stoa_grad_take(node, 0);
    stoa_parallel(ctx, stoa_rows(x), grain_of(j.v), fn, &j);
    return STOA_OK;
}

stoa_status stoa_cpu_softmax_backward(stoa_ctx *ctx, stoa_node *node) {
    return run_backward(ctx, node, softmax_backward_range);
}

stoa_status stoa_cpu_log_softmax_backward(stoa_ctx *ctx, stoa_node *node) {
    return run_backward(ctx, node, log_softmax_backward_range);
}

/* ---- cross_entropy --------------------------------------------------------------------------- */

static void cross_entropy_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    for (int64_t row = begin; row < end; row++) {
        int32_t target = j->targets[row];
        assert(target < j->v);
        float lse = target < 0 ? 0.0f : log_sum_exp(j, row);
        if (j->lse)
            j->lse[row] = lse;
        j->y[row] = target < 0 ? 0.0f : lse - stoa_elem_get(j->x, j->dtype, row * j->v + target);
    }
}

static job cross_entropy_job(const stoa_node *node) {
    return (job){.x = node->in[0]->data,
                 .dtype = node->in[0]->dtype,
                 .v = stoa_cols(node->in[0]),
                 .y = node->out[0]->data,
                 .targets = node->in[1]->data,
                 .lse = node->save[0] ? node->save[0]->data : NULL};
}

stoa_status stoa_cpu_cross_entropy(stoa_ctx *ctx, stoa_node *node) {
    job j = cross_entropy_job(node);
    if (!stoa_is_float(j.dtype))
        return STOA_ERR_UNSUPPORTED;
    stoa_parallel(ctx, stoa_numel(node->in[1]), grain_of(j.v), cross_entropy_range, &j);
    return STOA_OK;
}

/* dx = g * (softmax(x) - onehot(target)); rows without a target or a gradient are 0. */
static void cross_entropy_backward_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    _Alignas(64) float buffer[STOA_TILE], dx[STOA_TILE];
    for (int64_t row = begin; row < end; row++) {
        int64_t target = j->targets[row];
        float g = target < 0 ? 0.0f : ((const float *)j->g.data)[row], lse = j->lse[row];
        if (g == 0.0f) {
            size_t size = stoa_dtype_size(j->dtype), bytes = (size_t)j->v * size;
            if (!j->dx.add)
                memset((char *)j->dx.data + (size_t)row * bytes, 0, bytes);
            continue;
        }
        for (int64_t at = 0; at < j->v; at += STOA_TILE) {
            int64_t n = tile_at(j, at);
            const float *x = stoa_row_view(buffer, j->x, j->dtype, row * j->v + at, n);
            for (int64_t i = 0; i < n; i += STOA_LANES) {
                int64_t m = n - i < STOA_LANES ? n - i : STOA_LANES;
                stoa_lanes e = stoa_lanes_exp(stoa_lanes_get(x, STOA_F32, i, m) - lse);
                stoa_lanes_store(dx + i, g * e); // dx has room for whole vectors
            }
            if (target >= at && target < at + n)
                dx[target - at] -= g;
            stoa_row_grad(j->dx.data, j->dtype, j->dx.add, row * j->v + at, dx, n);
        }
    }
}

stoa_status stoa_cpu_cross_entropy_backward(stoa_ctx *ctx, stoa_node *node) {
    job j = cross_entropy_job(node);
    j.g = stoa_grad_out(node, 0), j.dx = stoa_grad_take(node, 0);
    stoa_parallel(ctx, stoa_numel(node->in[1]), grain_of(j.v), cross_entropy_backward_range, &j);
    return STOA_OK;
}
