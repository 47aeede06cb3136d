/*
 * tensor/cpu/linear_narrow.c - linear layers of a few float32 outputs: router scores, values.
 *
 * They are bound by reading x (float32 or bfloat16; all arithmetic is float32), so forward is one
 * pass over x and backward another, whatever is wanted. Weight gradients are summed by thread, then
 * over threads in order. Rows whose outputs have no gradient are passed over: of a router's scores
 * only those of chosen tokens have one.
 */
#include <string.h>

#include "tensor/cpu/grain.h"
#include "tensor/cpu/lanes_math.h"
#include "tensor/cpu/linear.h"

static int64_t grain_of(const stoa_linear_job *w) {
    return stoa_grain_bytes((double)(w->m * w->k) * 4, w->m);
}

/* <x, w>: x of either type, from element `at` on. Sums lie side by side, not to wait for each
 * other. */
STOA_INLINE float dot(stoa_dtype dtype, const void *x, int64_t at, const float *w, int64_t n) {
    stoa_lanes sums[4] = {0};
    int64_t i = 0;
    for (; i + 4 * STOA_LANES <= n; i += 4 * STOA_LANES)
#pragma GCC unroll 4
        for (int k = 0; k < 4; k++) {
            int64_t p = i + k * STOA_LANES;
            sums[k] += stoa_lanes_get(x, dtype, at + p, STOA_LANES) * stoa_lanes_load(w + p);
        }
    for (; i < n; i += STOA_LANES) {
        int64_t m = n - i < STOA_LANES ? n - i : STOA_LANES;
        sums[0] += stoa_lanes_get(x, dtype, at + i, m) * stoa_lanes_get(w, STOA_F32, i, m);
    }
    return stoa_lanes_total((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

static void forward_rows(void *arg, int64_t begin, int64_t end, int thread) {
    const stoa_linear_job *w = arg;
    (void)thread;
    const float *weight = w->weight->data;
    float *y = w->y;
    for (int64_t i = begin; i < end; i++)
        for (int64_t j = 0; j < w->n; j++) {
            const float *row = weight + j * w->k;
            float sum = w->x->dtype == STOA_F32 ? dot(STOA_F32, w->x->data, i * w->k, row, w->k)
                                                : dot(STOA_BF16, w->x->data, i * w->k, row, w->k);
            y[i * w->n + j] = sum + (w->bias ? w->bias[j] : 0.0f);
        }
}

stoa_status stoa_linear_narrow(stoa_ctx *ctx, const stoa_linear_job *w) {
    stoa_parallel(ctx, w->m, grain_of(w), forward_rows, (void *)(uintptr_t)w); // w is only read
    return STOA_OK;
}

typedef struct backward_job {
    const stoa_linear_job *w;
    float *sums; /* (threads, N * (K + 1)): dw, then db */
} backward_job;

static bool all_zero(const float *v, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        if (v[i] != 0)
            return false;
    return true;
}

/* Rows without a gradient that nothing needs to be written for. */
STOA_INLINE bool passed_over(const stoa_linear_job *w, int64_t i) {
    return (!w->dx.data || w->dx.add) && all_zero((const float *)w->dy + i * w->n, w->n);
}

/* dx (m of its columns from p on) (+)= dy W for one row. */
STOA_INLINE void put_dx(const stoa_linear_job *w, stoa_dtype dtype, int n, int64_t i, int64_t p,
                        int64_t m, const stoa_lanes *weight) {
    const float *dy = (const float *)w->dy + i * w->n;
    stoa_lanes sum = dy[0] * weight[0];
#pragma GCC unroll 8
    for (int j = 1; j < n; j++)
        sum += dy[j] * weight[j];
    if (w->dx.add)
        sum += stoa_lanes_get(w->dx.data, dtype, i * w->k + p, m);
    stoa_lanes_put(w->dx.data, dtype, i * w->k + p, m, sum);
}

/* Columns [p, p + m), m <= 16, of all rows [begin, end): weights and the gradient's sums stay in
 * registers. */
STOA_INLINE void backward_columns(const stoa_linear_job *w, stoa_dtype x, stoa_dtype dx, int n,
                                  int64_t begin, int64_t end, int64_t p, int64_t m, float *dw) {
    stoa_lanes weight[STOA_NARROW], sum[STOA_NARROW];
#pragma GCC unroll 8
    for (int j = 0; j < n; j++) {
        weight[j] = w->dx.data ? stoa_lanes_get(w->weight->data, STOA_F32, j * w->k + p, m)
                               : (stoa_lanes){0};
        sum[j] = stoa_lanes_get(dw, STOA_F32, j * w->k + p, m);
    }
    for (int64_t i = begin; i < end; i++) {
        if (passed_over(w, i))
            continue;
        const float *dy = (const float *)w->dy + i * w->n;
        if (w->dw.data) {
            stoa_lanes row = stoa_lanes_get(w->x->data, x, i * w->k + p, m);
#pragma GCC unroll 8
            for (int j = 0; j < n; j++)
                sum[j] += dy[j] * row;
        }
        if (w->dx.data)
            put_dx(w, dx, n, i, p, m, weight);
    }
#pragma GCC unroll 8
    for (int j = 0; j < n; j++)
        stoa_lanes_put(dw, STOA_F32, j * w->k + p, m, sum[j]);
}

STOA_INLINE void backward_block(const stoa_linear_job *w, stoa_dtype x, stoa_dtype dx, int n,
                                int64_t begin, int64_t end, float *dw) {
    int64_t p = 0;
    for (; p + STOA_LANES <= w->k; p += STOA_LANES)
        backward_columns(w, x, dx, n, begin, end, p, STOA_LANES, dw);
    if (p < w->k)
        backward_columns(w, x, dx, n, begin, end, p, w->k - p, dw);
}

typedef void (*block_fn)(const stoa_linear_job *w, int64_t begin, int64_t end, float *dw);

/* One function for each number of outputs; dx, if any, has x's type. */
#define BLOCK_FN(n)                                                                                \
    static void block_f32_##n(const stoa_linear_job *w, int64_t begin, int64_t end, float *dw) {   \
        backward_block(w, STOA_F32, STOA_F32, n, begin, end, dw);                                  \
    }                                                                                              \
    static void block_bf16_##n(const stoa_linear_job *w, int64_t begin, int64_t end, float *dw) {  \
        backward_block(w, STOA_BF16, STOA_BF16, n, begin, end, dw);                                \
    }
BLOCK_FN(1)
BLOCK_FN(2)
BLOCK_FN(3)
BLOCK_FN(4)
BLOCK_FN(5)
BLOCK_FN(6)
BLOCK_FN(7)
BLOCK_FN(8)

static const block_fn blocks[STOA_NARROW][2] = {
    {block_f32_1, block_bf16_1}, {block_f32_2, block_bf16_2}, {block_f32_3, block_bf16_3},
    {block_f32_4, block_bf16_4}, {block_f32_5, block_bf16_5}, {block_f32_6, block_bf16_6},
    {block_f32_7, block_bf16_7}, {block_f32_8, block_bf16_8},
};

/* Rows a few at a time, which stay in the first-level cache while their columns pass by. */
static void backward_rows(void *arg, int64_t begin, int64_t end, int thread) {
    enum { ROWS = 32 };
    const backward_job *b = arg;
    const stoa_linear_job *w = b->w;
    int64_t n = w->n, k = w->k;
    float *dw = b->sums + thread * n * (k + 1), *db = dw + n * k;
    block_fn block = blocks[n - 1][w->x->dtype == STOA_BF16];
    for (int64_t i = begin; i < end; i += ROWS)
        block(w, i, i + ROWS < end ? i + ROWS : end, dw);
    for (int64_t i = begin; i < end; i++)
        for (int64_t j = 0; j < n; j++)
            db[j] += ((const float *)w->dy)[i * n + j];
}

/* to (+)= the threads' shares */
static void gather(const float *shares, int64_t stride, int threads, int64_t n, float *to,
                   bool add) {
    for (int64_t i = 0; i < n; i++) {
        float sum = add ? to[i] : 0.0f;
        for (int t = 0; t < threads; t++)
            sum += shares[t * stride + i];
        to[i] = sum;
    }
}

stoa_status stoa_linear_narrow_backward(stoa_ctx *ctx, const stoa_linear_job *w) {
    backward_job b = {.w = w};
    int64_t stride = w->n * (w->k + 1);
    size_t bytes = (size_t)(ctx->threads * stride) * sizeof *b.sums;
    b.sums = stoa_scratch(ctx, bytes);
    if (!b.sums)
        return STOA_ERR_MEMORY;
    memset(b.sums, 0, bytes);
    stoa_parallel(ctx, w->m, grain_of(w), backward_rows, &b);
    if (w->dw.data)
        gather(b.sums, stride, ctx->threads, w->n * w->k, w->dw.data, w->dw.add);
    if (w->db.data)
        gather(b.sums + w->n * w->k, stride, ctx->threads, w->n, w->db.data, w->db.add);
    return STOA_OK;
}
