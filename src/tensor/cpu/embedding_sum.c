/*
 * tensor/cpu/embedding_sum.c - rows of a table picked by categories and summed: a linear layer on
 * one-hot vectors, without the vectors.
 *
 * Forward: tiles of columns small enough to be summed in registers. Backward: each element has rows
 * of the table of its own, so threads share out (columns, element) and never meet; within a block
 * of rows the gradient is converted once and stays in the first-level cache.
 */
#include <assert.h>

#include "tensor/cpu/kernels.h"
#include "tensor/cpu/linear.h"
#include "tensor/cpu/rows.h"

enum { COLUMNS = 64, BLOCK = 64 };

typedef struct job {
    const float *table; /* (E * V, N) */
    const stoa_tensor *ids, *base, *y;
    int64_t n, elements, categories;
    stoa_grad_ref out, dtable;
} job;

static inline int64_t id_at(const stoa_tensor *ids, int64_t i) {
    return ids->dtype == STOA_U8 ? ((const uint8_t *)ids->data)[i]
                                 : ((const int32_t *)ids->data)[i];
}

/* sum (+)= table rows of one place; `width` is a constant where it is COLUMNS. */
STOA_INLINE void sum_rows(float *restrict sum, const job *j, int64_t row, int64_t column,
                          int64_t width) {
    const float *table = j->table + column;
    for (int64_t e = 0; e < j->elements; e++) {
        int64_t id = id_at(j->ids, row * j->elements + e);
        assert(id >= 0 && id < j->categories);
        const float *restrict from = table + (e * j->categories + id) * j->n;
#pragma omp simd
        for (int64_t i = 0; i < width; i++)
            sum[i] += from[i];
    }
}

static void forward_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    _Alignas(64) float sum[COLUMNS];
    for (int64_t r = begin; r < end; r++)
        for (int64_t at = 0; at < j->n; at += COLUMNS) {
            int64_t width = j->n - at < COLUMNS ? j->n - at : COLUMNS;
            stoa_row_get(sum, j->base->data, j->base->dtype,
                         (j->base->ndim == 1 ? 0 : r * j->n) + at, width);
            if (width == COLUMNS)
                sum_rows(sum, j, r, at, COLUMNS);
            else
                sum_rows(sum, j, r, at, width);
            stoa_row_put(j->y->data, j->y->dtype, r * j->n + at, sum, width);
        }
}

static job job_of(const stoa_node *node) {
    const stoa_tensor *table = node->in[0], *ids = node->in[1];
    return (job){.table = table->data,
                 .ids = ids,
                 .base = node->in[2],
                 .y = node->out[0],
                 .n = table->shape[1],
                 .elements = ids->shape[1],
                 .categories = table->shape[0] / ids->shape[1]};
}

static bool types_known(const stoa_node *node) {
    return node->in[0]->dtype == STOA_F32 && stoa_is_float(node->in[2]->dtype) &&
           stoa_is_float(node->out[0]->dtype);
}

stoa_status stoa_cpu_embedding_sum(stoa_ctx *ctx, stoa_node *node) {
    if (!types_known(node))
        return STOA_ERR_UNSUPPORTED;
    job j = job_of(node);
    stoa_parallel(ctx, j.ids->shape[0], stoa_row_grain(j.n * (j.elements + 1) / 4 + 1),
                  forward_range, &j);
    return STOA_OK;
}

/* ---- backward -------------------------------------------------------------------------------- */

/* A unit is an element in a tile of columns. */
static void table_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    _Alignas(64) float block[BLOCK][COLUMNS];
    int64_t rows = j->out.data ? j->ids->shape[0] : 0;
    float *table = j->dtable.data;
    for (int64_t unit = begin, stop; unit < end; unit = stop) {
        int64_t tile = unit / j->elements, at = tile * COLUMNS;
        int64_t width = j->n - at < COLUMNS ? j->n - at : COLUMNS;
        stop = (tile + 1) * j->elements < end ? (tile + 1) * j->elements : end;
        int64_t first = unit - tile * j->elements, last = stop - tile * j->elements;
        for (int64_t v = first * j->categories; v < last * j->categories && !j->dtable.add; v++)
            memset(table + v * j->n + at, 0, (size_t)width * sizeof *table);
        for (int64_t r = 0; r < rows; r += BLOCK) {
            int64_t count = rows - r < BLOCK ? rows - r : BLOCK;
            for (int64_t i = 0; i < count; i++)
                stoa_row_get(block[i], j->out.data, j->out.dtype, (r + i) * j->n + at, width);
            for (int64_t e = first; e < last; e++)
                for (int64_t i = 0; i < count; i++) {
                    int64_t id = e * j->categories + id_at(j->ids, (r + i) * j->elements + e);
                    float *restrict to = table + id * j->n + at;
#pragma omp simd
                    for (int64_t c = 0; c < width; c++)
                        to[c] += block[i][c];
                }
        }
    }
}

typedef struct pass_job {
    stoa_grad_ref from, to;
} pass_job;

static void pass_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const pass_job *j = arg;
    stoa_row_write(j->to.dtype, stoa_at(j->to.data, j->to.dtype, begin), j->from.dtype,
                   stoa_at(j->from.data, j->from.dtype, begin), end - begin, j->to.add);
}

static stoa_status base_gradient(stoa_ctx *ctx, stoa_node *node, stoa_grad_ref out) {
    const stoa_tensor *base = node->in[2];
    int64_t rows = node->out[0]->shape[0], n = node->out[0]->shape[1];
    if (base->ndim == 2 && stoa_grad_pass(node, 0, 2))
        return STOA_OK;
    stoa_grad_ref to = stoa_grad_take(node, 2);
    if (!to.data)
        return STOA_OK;
    if (base->ndim == 1)
        return stoa_column_sums(ctx, out.data, out.dtype, out.data ? rows : 0, n, to.data, to.add);
    pass_job j = {out, to};
    stoa_parallel(ctx, rows * n, STOA_ROW_GRAIN, pass_range, &j);
    return STOA_OK;
}

stoa_status stoa_cpu_embedding_sum_backward(stoa_ctx *ctx, stoa_node *node) {
    job j = job_of(node);
    j.out = stoa_grad_out(node, 0);
    j.dtable = stoa_grad_take(node, 0);
    int64_t tiles = (j.n + COLUMNS - 1) / COLUMNS;
    if (j.dtable.data)
        stoa_parallel(ctx, tiles * j.elements, 1, table_range, &j);
    return base_gradient(ctx, node, j.out);
}
