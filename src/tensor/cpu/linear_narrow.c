/*
 * tensor/cpu/linear_narrow.c - float32 linear layers of a few outputs: router scores, values.
 *
 * They are bound by reading x, so forward is one pass over x and backward another, whatever is
 * wanted. Weight gradients are summed by thread, then over threads in order.
 */
#include <string.h>

#include "tensor/cpu/grain.h"
#include "tensor/cpu/linear.h"
#include "tensor/cpu/simd.h"

static int64_t grain_of(const stoa_linear_job *w) {
    return stoa_grain_bytes((double)(w->m * w->k) * 4, w->m);
}

static void forward_rows(void *arg, int64_t begin, int64_t end, int thread) {
    const stoa_linear_job *w = arg;
    (void)thread;
    const float *x = w->x->data, *weight = w->weight->data;
    float *y = w->y;
    for (int64_t i = begin; i < end; i++)
        for (int64_t j = 0; j < w->n; j++) {
            const float *row = x + i * w->k, *col = weight + j * w->k;
            float sum = 0;
#pragma omp simd reduction(+ : sum)
            for (int64_t p = 0; p < w->k; p++)
                sum += row[p] * col[p];
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

static void backward_row(const stoa_linear_job *w, int64_t i, float *dw, float *db) {
    const float *dy = (const float *)w->dy + i * w->n, *x = (const float *)w->x->data + i * w->k;
    const float *weight = w->weight->data;
    float *dx = w->dx.data ? (float *)w->dx.data + i * w->k : NULL;
    for (int64_t j = 0; j < w->n; j++) {
        float d = dy[j];
        const float *row = weight + j * w->k;
        float *sum = dw + j * w->k;
        db[j] += d;
        if (dx && j == 0 && !w->dx.add) {
#pragma omp simd
            for (int64_t p = 0; p < w->k; p++)
                dx[p] = d * row[p];
        } else if (dx) {
#pragma omp simd
            for (int64_t p = 0; p < w->k; p++)
                dx[p] += d * row[p];
        }
        if (w->dw.data) {
#pragma omp simd
            for (int64_t p = 0; p < w->k; p++)
                sum[p] += d * x[p];
        }
    }
}

static void backward_rows(void *arg, int64_t begin, int64_t end, int thread) {
    const backward_job *b = arg;
    int64_t n = b->w->n, k = b->w->k;
    float *dw = b->sums + thread * n * (k + 1);
    for (int64_t i = begin; i < end; i++)
        backward_row(b->w, i, dw, dw + n * k);
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
