/*
 * tensor/cpu/reduce_sum.c - sum and mean over one axis: x (outer, length, inner) -> (outer, inner).
 *
 * Tiles are added in float32 and their sums in double, in an order fixed by the shape alone: a long
 * row is cut into chunks of fixed size, wide columns into tiles, and threads take whole ones.
 */
#include "tensor/cpu/kernels.h"
#include "tensor/cpu/rows.h"

enum {
    CHUNK = 1 << 14,         /* elements of a row that one thread adds up */
    FLUSH = 64,              /* rows added in float32 before they go into the double sums */
    NARROWEST_TILE = 16,     /* columns: a cache line */
    PARALLEL_FROM = 1 << 15, /* elements of x worth a second thread */
};

typedef struct job {
    const void *x; // (outer, length, inner)
    float *y;      // (outer, inner)
    stoa_dtype dtype;
    int64_t outer, length, inner;
    float scale;
    int64_t pieces;  /* of a row (inner == 1) or of the inner dimension */
    int64_t tile;    /* columns of a piece */
    double *partial; // (outer, pieces), when inner == 1
    stoa_grad_ref g, dx;
} job;

static job job_of(const stoa_node *node) {
    job j = {.dtype = node->in[0]->dtype,
             .outer = node->p.axis.outer,
             .length = node->p.axis.length,
             .inner = node->p.axis.inner,
             .scale = 1.0f};
    if (node->op == STOA_OP_MEAN && j.length > 0)
        j.scale = (float)(1.0 / (double)j.length);
    return j;
}

/* ---- forward --------------------------------------------------------------------------------- */

/* inner == 1. Pieces are numbered row by row. */
static void add_chunks(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    _Alignas(64) float buffer[STOA_TILE];
    for (int64_t piece = begin; piece < end; piece++) {
        int64_t at = piece % j->pieces * CHUNK, row = piece / j->pieces * j->length;
        int64_t stop = at + CHUNK < j->length ? at + CHUNK : j->length;
        double sum = 0;
        for (; at < stop; at += STOA_TILE) {
            int64_t n = stop - at < STOA_TILE ? stop - at : STOA_TILE;
            sum += (double)stoa_row_sum(stoa_row_view(buffer, j->x, j->dtype, row + at, n), n);
        }
        if (j->partial)
            j->partial[piece] = sum;
        else
            j->y[piece] = (float)sum * j->scale;
    }
}

/* inner > 1: one tile of columns of one outer index. */
static void add_columns(const job *j, int64_t outer, int64_t column, int64_t n) {
    _Alignas(64) float buffer[STOA_TILE], sum[STOA_TILE];
    _Alignas(64) double total[STOA_TILE];
    for (int64_t i = 0; i < n; i++)
        total[i] = 0;
    for (int64_t from = 0; from < j->length; from += FLUSH) {
        int64_t until = from + FLUSH < j->length ? from + FLUSH : j->length;
        memset(sum, 0, (size_t)n * sizeof *sum);
        for (int64_t row = from; row < until; row++) {
            int64_t at = (outer * j->length + row) * j->inner + column;
            const float *x = stoa_row_view(buffer, j->x, j->dtype, at, n);
#pragma omp simd
            for (int64_t i = 0; i < n; i++)
                sum[i] += x[i];
        }
#pragma omp simd
        for (int64_t i = 0; i < n; i++)
            total[i] += (double)sum[i];
    }
    for (int64_t i = 0; i < n; i++)
        j->y[outer * j->inner + column + i] = (float)total[i] * j->scale;
}

static void add_tiles(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    for (int64_t piece = begin; piece < end; piece++) {
        int64_t column = piece % j->pieces * j->tile, left = j->inner - column;
        add_columns(j, piece / j->pieces, column, left < j->tile ? left : j->tile);
    }
}

static stoa_status sum_rows(stoa_ctx *ctx, job *j) {
    j->pieces = j->length <= CHUNK ? 1 : (j->length + CHUNK - 1) / CHUNK;
    if (j->pieces > 1) {
        j->partial = stoa_scratch(ctx, (size_t)(j->outer * j->pieces) * sizeof *j->partial);
        if (!j->partial)
            return STOA_ERR_MEMORY;
    }
    int64_t of_piece = j->length < CHUNK ? j->length + 1 : CHUNK;
    stoa_parallel(ctx, j->outer * j->pieces, PARALLEL_FROM / 2 / of_piece + 1, add_chunks, j);
    for (int64_t row = 0; j->partial && row < j->outer; row++) {
        double sum = 0;
        for (int64_t p = 0; p < j->pieces; p++)
            sum += j->partial[row * j->pieces + p];
        j->y[row] = (float)sum * j->scale;
    }
    return STOA_OK;
}

static stoa_status sum_columns(stoa_ctx *ctx, job *j) {
    j->tile = STOA_TILE;
    while (j->tile > NARROWEST_TILE && j->outer * (j->inner / j->tile) < 2 * ctx->threads)
        j->tile /= 2;
    j->pieces = (j->inner + j->tile - 1) / j->tile;
    int64_t of_piece = j->length * j->tile + 1;
    stoa_parallel(ctx, j->outer * j->pieces, PARALLEL_FROM / 2 / of_piece + 1, add_tiles, j);
    return STOA_OK;
}

stoa_status stoa_cpu_sum(stoa_ctx *ctx, stoa_node *node) {
    job j = job_of(node);
    if (!stoa_is_float(j.dtype))
        return STOA_ERR_UNSUPPORTED;
    j.x = node->in[0]->data, j.y = node->out[0]->data;
    return j.inner == 1 ? sum_rows(ctx, &j) : sum_columns(ctx, &j);
}

/* ---- backward -------------------------------------------------------------------------------- */

/* dx[o, l, i] = scale * g[o, i], over elements of dx. */
static void spread_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    const float *g = j->g.data;
    int64_t run = j->inner == 1 ? j->length : j->inner; // contiguous elements of one rule
    _Alignas(64) float dx[STOA_TILE];
    int64_t row = begin / run, column = begin % run;
    for (int64_t at = begin; at < end;) {
        int64_t n = run - column < end - at ? run - column : end - at;
        if (n > STOA_TILE)
            n = STOA_TILE;
        if (j->inner == 1) {
            float value = g[row] * j->scale;
            for (int64_t i = 0; i < n; i++)
                dx[i] = value;
        } else {
            const float *from = g + row / j->length * j->inner + column;
#pragma omp simd
            for (int64_t i = 0; i < n; i++)
                dx[i] = from[i] * j->scale;
        }
        stoa_row_grad(j->dx.data, j->dtype, j->dx.add, at, dx, n);
        at += n, column += n;
        if (column == run)
            column = 0, row++;
    }
}

stoa_status stoa_cpu_sum_backward(stoa_ctx *ctx, stoa_node *node) {
    job j = job_of(node);
    j.g = stoa_grad_out(node, 0), j.dx = stoa_grad_take(node, 0);
    stoa_parallel(ctx, stoa_numel(node->in[0]), PARALLEL_FROM / 2, spread_range, &j);
    return STOA_OK;
}
