/* tensor/cpu/partial.c - sums over rows that several threads share. */
#include "tensor/cpu/partial.h"

#include "tensor/cpu/simd.h"

enum { LINE = 16, GRAIN = 1 << 14 }; /* floats */

stoa_status stoa_partials_init(stoa_ctx *ctx, stoa_partials *p, int64_t n) {
    *p = (stoa_partials){.n = n, .stride = (n + LINE - 1) / LINE * LINE, .threads = ctx->threads};
    size_t bytes = (size_t)p->stride * (size_t)p->threads * sizeof *p->data;
    p->data = stoa_scratch(ctx, bytes);
    if (!p->data)
        return STOA_ERR_MEMORY;
    memset(p->data, 0, bytes);
    return STOA_OK;
}

float *stoa_partials_of(const stoa_partials *p, int thread) {
    return p->data + thread * p->stride;
}

typedef struct write_job {
    const stoa_partials *p;
    stoa_grad_ref to;
} write_job;

static void write_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const write_job *job = arg;
    const stoa_partials *p = job->p;
    for (int64_t at = begin; at < end; at += STOA_TILE) {
        int64_t n = end - at < STOA_TILE ? end - at : STOA_TILE;
        float *sum = stoa_partials_of(p, 0) + at;
        for (int t = 1; t < p->threads; t++) {
            const float *more = stoa_partials_of(p, t) + at;
#pragma omp simd
            for (int64_t i = 0; i < n; i++)
                sum[i] += more[i];
        }
        stoa_row_grad(job->to.data, job->to.dtype, job->to.add, at, sum, n);
    }
}

void stoa_partials_write(stoa_ctx *ctx, const stoa_partials *p, stoa_grad_ref to) {
    if (!to.data)
        return;
    write_job job = {p, to};
    stoa_parallel(ctx, p->n, GRAIN, write_range, &job);
}
