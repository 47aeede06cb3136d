/* tensor/cpu/linear.c - y = x W^T + b: which engine does it. */
#include "tensor/cpu/linear.h"

#include <string.h>

#include "tensor/cpu/grain.h"
#include "tensor/cpu/kernels.h"
#include "tensor/cpu/simd.h"

typedef struct engine {
    stoa_status (*forward)(stoa_ctx *ctx, const stoa_linear_job *w);
    stoa_status (*backward)(stoa_ctx *ctx, const stoa_linear_job *w);
} engine;

static engine choose(stoa_ctx *ctx, const stoa_linear_job *w) {
    if (w->y_dtype == STOA_F32 && w->n <= STOA_NARROW)
        return (engine){stoa_linear_narrow, stoa_linear_narrow_backward};
    if (w->x->dtype == STOA_BF16 && stoa_cpu(ctx)->amx)
        return (engine){stoa_linear_tiles, stoa_linear_tiles_backward};
    return (engine){stoa_linear_general, stoa_linear_general_backward};
}

static stoa_linear_job job_of(const stoa_node *node) {
    return (stoa_linear_job){
        .m = stoa_rows(node->in[0]),
        .n = node->in[1]->shape[0],
        .k = node->in[1]->shape[1],
        .x = node->in[0],
        .weight = node->in[1],
        .bias = node->in[2] ? node->in[2]->data : NULL,
        .y = node->out[0]->data,
        .y_dtype = node->out[0]->dtype,
    };
}

static bool types_known(const stoa_node *node) {
    stoa_dtype x = node->in[0]->dtype, y = node->out[0]->dtype;
    return (x == STOA_F32 || x == STOA_BF16) && (y == STOA_F32 || y == STOA_BF16) &&
           node->in[1]->dtype == STOA_F32 && (!node->in[2] || node->in[2]->dtype == STOA_F32);
}

/* No inner elements: every row is the bias. */
static void fill_with_bias(const stoa_linear_job *w) {
    float zero = 0;
    for (int64_t i = 0; i < w->m; i++)
        for (int64_t j = 0; j < w->n; j++)
            stoa_row_put(w->y, w->y_dtype, i * w->n + j, w->bias ? w->bias + j : &zero, 1);
}

stoa_status stoa_linear_forward(stoa_ctx *ctx, const stoa_linear_job *w) {
    if (w->m == 0 || w->n == 0)
        return STOA_OK;
    if (w->k == 0) {
        fill_with_bias(w);
        return STOA_OK;
    }
    return choose(ctx, w).forward(ctx, w);
}

stoa_status stoa_cpu_linear(stoa_ctx *ctx, stoa_node *node) {
    if (!types_known(node))
        return STOA_ERR_UNSUPPORTED;
    stoa_linear_job w = job_of(node);
    return stoa_linear_forward(ctx, &w);
}

/* Some dimension is 0: what is not empty becomes 0, or stays. */
static stoa_status backward_of_nothing(stoa_ctx *ctx, const stoa_linear_job *w) {
    if (w->dx.data && !w->dx.add)
        memset(w->dx.data, 0, (size_t)(w->m * w->k) * stoa_dtype_size(w->dx.dtype));
    if (w->dw.data && !w->dw.add)
        memset(w->dw.data, 0, (size_t)(w->n * w->k) * sizeof(float));
    if (!w->db.data)
        return STOA_OK;
    return stoa_column_sums(ctx, w->dy, w->y_dtype, w->m, w->n, w->db.data, w->db.add);
}

stoa_status stoa_linear_backward(stoa_ctx *ctx, const stoa_linear_job *w) {
    if (w->m == 0 || w->n == 0 || w->k == 0)
        return backward_of_nothing(ctx, w);
    return choose(ctx, w).backward(ctx, w);
}

stoa_status stoa_cpu_linear_backward(stoa_ctx *ctx, stoa_node *node) {
    if (!types_known(node))
        return STOA_ERR_UNSUPPORTED;
    stoa_linear_job w = job_of(node);
    w.dy = stoa_grad_out(node, 0).data;
    w.dx = stoa_grad_take(node, 0);
    w.dw = stoa_grad_take(node, 1);
    w.db = stoa_grad_take(node, 2);
    return stoa_linear_backward(ctx, &w);
}

/* ---- shared by the engines ------------------------------------------------------------------- */

typedef struct sums_job {
    const void *from;
    stoa_dtype dtype;
    int64_t rows, columns;
    float *to;
    bool add;
} sums_job;

/* Columns [begin, end), a tile of them at a time. */
static void sum_columns(void *arg, int64_t begin, int64_t end, int thread) {
    const sums_job *w = arg;
    (void)thread;
    float sum[STOA_TILE], buffer[STOA_TILE];
    for (int64_t at = begin; at < end; at += STOA_TILE) {
        int64_t n = end - at < STOA_TILE ? end - at : STOA_TILE;
        if (w->add)
            memcpy(sum, w->to + at, (size_t)n * sizeof *sum);
        else
            memset(sum, 0, (size_t)n * sizeof *sum);
        for (int64_t i = 0; i < w->rows; i++) {
            const float *row = stoa_row_view(buffer, w->from, w->dtype, i * w->columns + at, n);
#pragma omp simd
            for (int64_t j = 0; j < n; j++)
                sum[j] += row[j];
        }
        memcpy(w->to + at, sum, (size_t)n * sizeof *sum);
    }
}

stoa_status stoa_column_sums(stoa_ctx *ctx, const void *from, stoa_dtype dtype, int64_t rows,
                             int64_t columns, float *to, bool add) {
    sums_job w = {from, dtype, rows, columns, to, add};
    int64_t grain = stoa_grain_bytes((double)(rows * columns) * 4, columns);
    stoa_parallel(ctx, columns, (grain + 63) / 64 * 64, sum_columns, &w);
    return STOA_OK;
}
