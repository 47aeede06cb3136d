/*
 * tensor/cpu/pool.c - max and average pooling over planes of images.
 *
 * A window is reduced over its rows first, a whole row of the plane at a time, then over its
 * columns. The maximum remembers where it was (save[0], index within the plane): the first of equal
 * ones in row-major order; a NaN wins over all.
 */
#include <math.h>
#include <string.h>

#include "tensor/cpu/grain.h"
#include "tensor/cpu/kernels.h"
#include "tensor/cpu/simd.h"

typedef struct job {
    int64_t h, w, p, q; /* of a plane: input and output height and width */
    int64_t size, stride, top, left;
    const void *from; /* (planes, H, W), backward (planes, P, Q) */
    void *to;         /* the other */
    stoa_dtype dtype;
    bool add;
    int32_t *where; /* (planes, P, Q) or NULL */
    float *scratch; /* (threads, floats) */
    int64_t floats;
} job;

static job job_of(stoa_node *node) {
    const int64_t *x = node->in[0]->shape, *y = node->out[0]->shape;
    const stoa_conv_options *o = &node->p.conv.options;
    return (job){
        .h = x[2],
        .w = x[3],
        .p = y[2],
        .q = y[3],
        .size = node->p.conv.size,
        .stride = o->stride,
        .top = o->pad_top,
        .left = o->pad_left,
        .dtype = node->in[0]->dtype,
        .where = node->save[0] ? node->save[0]->data : NULL,
    };
}

/* The part [*first, *last) of a window at position i that lies on the plane. */
static void window(const job *j, int64_t i, int64_t before, int64_t length, int64_t *first,
                   int64_t *last) {
    int64_t at = i * j->stride - before, end = at + j->size;
    *first = at < 0 ? 0 : at;
    *last = end > length ? length : end;
}

static stoa_status over_planes(stoa_ctx *ctx, const stoa_node *node, job *j, int64_t floats,
                               stoa_range_fn fn) {
    stoa_dtype t = node->in[0]->dtype;
    if ((t != STOA_F32 && t != STOA_BF16) || node->out[0]->dtype != t)
        return STOA_ERR_UNSUPPORTED;
    j->floats = (floats + 15) / 16 * 16;
    j->scratch = stoa_scratch(ctx, (size_t)(ctx->threads * j->floats) * sizeof(float));
    if (!j->scratch)
        return STOA_ERR_MEMORY;
    int64_t planes = node->in[0]->shape[0] * node->in[0]->shape[1];
    double bytes = (double)(planes * j->h * j->w) * 16; // the work is worth so much
    stoa_parallel(ctx, planes, stoa_grain_bytes(bytes, planes), fn, j);
    return STOA_OK;
}

/* ---- max ------------------------------------------------------------------------------------- */

/* best and row hold, for each column, the maximum of rows [first, last) and its row. */
static void columns_max(const job *j, const float *plane, int64_t first, int64_t last,
                        float *restrict best, int32_t *restrict row) {
    memcpy(best, plane + first * j->w, (size_t)j->w * sizeof *best);
    for (int64_t c = 0; c < j->w; c++)
        row[c] = (int32_t)first;
    for (int64_t r = first + 1; r < last; r++) {
        const float *line = plane + r * j->w;
#pragma omp simd
        for (int64_t c = 0; c < j->w; c++) {
            float v = line[c], b = best[c];
            int32_t better = !(v <= b) & (b == b);
            row[c] = better ? (int32_t)r : row[c];
            best[c] = better ? v : b;
        }
    }
}

/* The positions [*first, *last) whose window holds a column `offset` columns into it. */
static void positions(const job *j, int64_t offset, int64_t *first, int64_t *last) {
    int64_t before = j->left - offset; // column = position * stride - before
    *first = before > 0 ? (before + j->stride - 1) / j->stride : 0;
    int64_t end = (j->w - 1 + before) / j->stride + 1;
    *last = j->w + before <= 0 ? 0 : end < j->q ? end : j->q;
}

/* The columns' maxima reduced to the positions': values, and where they are in the plane. */
static void rows_max(const job *j, const float *best, const int32_t *row, float *restrict value,
                     int32_t *restrict where) {
    int32_t width = (int32_t)j->w;
    for (int64_t q = 0; q < j->q; q++) {
        value[q] = -INFINITY;
        where[q] = INT32_MAX;
    }
    for (int64_t offset = 0; offset < j->size; offset++) {
        int64_t first, last;
        positions(j, offset, &first, &last);
#pragma omp simd
        for (int64_t q = first; q < last; q++) {
            int64_t c = q * j->stride - j->left + offset;
            float v = best[c], b = value[q];
            int32_t at = row[c] * width + (int32_t)c;
            int32_t better = (!(v <= b) & (b == b)) | ((v == b) & (at < where[q]));
            value[q] = better ? v : b;
            where[q] = better ? at : where[q];
        }
    }
}

static void max_planes(void *arg, int64_t begin, int64_t end, int thread) {
    const job *j = arg;
    float *plane = j->scratch + thread * j->floats, *best = plane + j->h * j->w;
    float *value = best + 2 * j->w;
    int32_t *row = (int32_t *)(best + j->w), *where = (int32_t *)(value + j->q);
    for (int64_t i = begin; i < end; i++) {
        stoa_row_get(plane, j->from, j->dtype, i * j->h * j->w, j->h * j->w);
        for (int64_t p = 0; p < j->p; p++) {
            int64_t first, last, out = (i * j->p + p) * j->q;
            window(j, p, j->top, j->h, &first, &last);
            columns_max(j, plane, first, last, best, row);
            rows_max(j, best, row, value, where);
            stoa_row_put(j->to, j->dtype, out, value, j->q);
            if (j->where)
                memcpy(j->where + out, where, (size_t)j->q * sizeof *where);
        }
    }
}

stoa_status stoa_cpu_max_pool(stoa_ctx *ctx, stoa_node *node) {
    job j = job_of(node);
    j.from = node->in[0]->data;
    j.to = node->out[0]->data;
    return over_planes(ctx, node, &j, j.h * j.w + 2 * j.w + 2 * j.q, max_planes);
}

static void max_planes_backward(void *arg, int64_t begin, int64_t end, int thread) {
    const job *j = arg;
    float *plane = j->scratch + thread * j->floats;
    for (int64_t i = begin; i < end; i++) {
        memset(plane, 0, (size_t)(j->h * j->w) * sizeof *plane);
        for (int64_t out = i * j->p * j->q; out < (i + 1) * j->p * j->q; out++)
            plane[j->where[out]] += stoa_elem_get(j->from, j->dtype, out);
        stoa_row_grad(j->to, j->dtype, j->add, i * j->h * j->w, plane, j->h * j->w);
    }
}

/* ---- average --------------------------------------------------------------------------------- */

/* Elements of the window at column position q over so many rows. */
static float elements(const job *j, int64_t q, int64_t rows) {
    int64_t first, last;
    window(j, q, j->left, j->w, &first, &last);
    return (float)(rows * (last - first));
}

static void avg_planes(void *arg, int64_t begin, int64_t end, int thread) {
    const job *j = arg;
    float *plane = j->scratch + thread * j->floats, *sum = plane + j->h * j->w;
    float *line = sum + j->w;
    for (int64_t i = begin; i < end; i++) {
        stoa_row_get(plane, j->from, j->dtype, i * j->h * j->w, j->h * j->w);
        for (int64_t p = 0; p < j->p; p++) {
            int64_t first, last, top, bottom;
            window(j, p, j->top, j->h, &top, &bottom);
            memset(sum, 0, (size_t)j->w * sizeof *sum);
            for (int64_t r = top; r < bottom; r++)
#pragma omp simd
                for (int64_t c = 0; c < j->w; c++)
                    sum[c] += plane[r * j->w + c];
            memset(line, 0, (size_t)j->q * sizeof *line);
            for (int64_t offset = 0; offset < j->size; offset++) {
                positions(j, offset, &first, &last);
#pragma omp simd
                for (int64_t q = first; q < last; q++)
                    line[q] += sum[q * j->stride - j->left + offset];
            }
            for (int64_t q = 0; q < j->q; q++)
                line[q] /= elements(j, q, bottom - top);
            stoa_row_put(j->to, j->dtype, (i * j->p + p) * j->q, line, j->q);
        }
    }
}

stoa_status stoa_cpu_avg_pool(stoa_ctx *ctx, stoa_node *node) {
    job j = job_of(node);
    j.from = node->in[0]->data;
    j.to = node->out[0]->data;
    return over_planes(ctx, node, &j, j.h * j.w + j.w + j.q, avg_planes);
}

static void avg_planes_backward(void *arg, int64_t begin, int64_t end, int thread) {
    const job *j = arg;
    float *plane = j->scratch + thread * j->floats, *share = plane + j->h * j->w;
    for (int64_t i = begin; i < end; i++) {
        memset(plane, 0, (size_t)(j->h * j->w) * sizeof *plane);
        for (int64_t p = 0; p < j->p; p++) {
            int64_t first, last, top, bottom;
            window(j, p, j->top, j->h, &top, &bottom);
            memset(share, 0, (size_t)j->w * sizeof *share);
            for (int64_t q = 0; q < j->q; q++) {
                window(j, q, j->left, j->w, &first, &last);
                float g = stoa_elem_get(j->from, j->dtype, (i * j->p + p) * j->q + q) /
                          elements(j, q, bottom - top);
                for (int64_t c = first; c < last; c++)
                    share[c] += g;
            }
            for (int64_t r = top; r < bottom; r++)
                for (int64_t c = 0; c < j->w; c++)
                    plane[r * j->w + c] += share[c];
        }
        stoa_row_grad(j->to, j->dtype, j->add, i * j->h * j->w, plane, j->h * j->w);
    }
}

/* ---- backward -------------------------------------------------------------------------------- */

static stoa_status backward(stoa_ctx *ctx, stoa_node *node, stoa_range_fn fn) {
    job j = job_of(node);
    stoa_grad_ref dx = stoa_grad_take(node, 0);
    if (!dx.data)
        return STOA_OK;
    j.from = stoa_grad_out(node, 0).data;
    j.to = dx.data;
    j.add = dx.add;
    return over_planes(ctx, node, &j, j.h * j.w + j.w, fn);
}

stoa_status stoa_cpu_max_pool_backward(stoa_ctx *ctx, stoa_node *node) {
    return backward(ctx, node, max_planes_backward);
}

stoa_status stoa_cpu_avg_pool_backward(stoa_ctx *ctx, stoa_node *node) {
    return backward(ctx, node, avg_planes_backward);
}
