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
    float *rows; /* (threads, 2, K): x and dx where they are bf16 */
} backward_job;

static bool all_zero(const float *v, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        if (v[i] != 0)
            return false;
    return true;
}

static void backward_row(const stoa_linear_job *w, int64_t i, float *dw, float *db, float *buffer) {
    const float *dy = (const float *)w->dy + i * w->n, *weight = w->weight->data;
    if ((!w->dx.data || w->dx.add) && all_zero(dy, w->n))
        return;
    const float *x =
        w->dw.data ? stoa_row_view(buffer, w->x->data, w->x->dtype, i * w->k, w->k) : NULL;
    bool direct = w->dx.dtype == STOA_F32;
    float *dx = buffer + w->k;
    if (w->dx.data && direct)
        dx = (float *)w->dx.data + i * w->k;
    for (int64_t j = 0; j < w->n; j++) {
        float d = dy[j];
        const float *row = weight + j * w->k;
        float *sum = dw + j * w->k;
        db[j] += d;
        if (w->dx.data && j == 0 && !(direct && w->dx.add)) {
#pragma omp simd
            for (int64_t p = 0; p < w->k; p++)
                dx[p] = d * row[p];
        } else if (w->dx.data) {
#pragma omp simd
            for (int64_t p = 0; p < w->k; p++)
                dx[p] += d * row[p];
        }
        if (x) {
#pragma omp simd
            for (int64_t p = 0; p < w->k; p++)
                sum[p] += d * x[p];
        }
    }
    if (w->dx.data && !direct)
        stoa_row_grad(w->dx.data, w->dx.dtype, w->dx.add, i * w->k, dx, w->k);
}

static void backward_rows(void *arg, int64_t begin, int64_t end, int thread) {
    const backward_job *b = arg;
    int64_t n = b->w->n, k = b->w->k;
    float *dw = b->sums + thread * n * (k + 1);
    for (int64_t i = begin; i < end; i++)
        backward_row(b->w, i, dw, dw + n * k, b->rows + thread * 2 * k);
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
    b.rows = stoa_scratch(ctx, (size_t)(ctx->threads * 2 * w->k) * sizeof *b.rows);
    if (!b.sums || !b.rows)
        return STOA_ERR_MEMORY;
    memset(b.sums, 0, bytes);
    stoa_parallel(ctx, w->m, grain_of(w), backward_rows, &b);
    if (w->dw.data)
        gather(b.sums, stride, ctx->threads, w->n * w->k, w->dw.data, w->dw.add);
    if (w->db.data)
        gather(b.sums + w->n * w->k, stride, ctx->threads, w->n, w->db.data, w->db.add);
    return STOA_OK;
}
