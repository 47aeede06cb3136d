/*
 * tensor/cpu/reduce_max.c - max and argmax over one axis: x (outer, length, inner) -> (outer,
 * inner). The lowest index wins ties; NaN counts as lowest. Of no elements the largest is -inf.
 */
#include "tensor/cpu/kernels.h"
#include "tensor/cpu/rows.h"

enum { GRAIN = 1 << 14 };

typedef struct job {
    const void *x; // (outer, length, inner)
    stoa_dtype dtype;
    int64_t outer, length, inner;
    void *value;    // (outer, inner) of dtype, or NULL
    int32_t *index; // (outer, inner), or NULL
    stoa_grad_ref g, dx;
} job;

static job job_of(const stoa_node *node) {
    return (job){.x = node->in[0]->data,
                 .dtype = node->in[0]->dtype,
                 .outer = node->p.axis.outer,
                 .length = node->p.axis.length,
                 .inner = node->p.axis.inner};
}

static void put(const job *j, int64_t at, float value, int64_t index) {
    if (j->value)
        stoa_elem_put(j->value, j->dtype, at, value);
    if (j->index)
        j->index[at] = (int32_t)index;
}

/* The first place of a value that is there. */
static int64_t place_of(const float *restrict x, float value, int64_t n) {
    int32_t first = (int32_t)n;
#pragma omp simd reduction(min : first)
    for (int32_t i = 0; i < (int32_t)n; i++) {
        int32_t here = x[i] == value ? i : (int32_t)n;
        first = here < first ? here : first;
    }
    return first;
}

/* inner == 1: the largest of a tile first, its place only when the tile beats the ones before. */
static void max_of_row(const job *j, int64_t row) {
    _Alignas(64) float buffer[STOA_TILE];
    float best = -INFINITY;
    int64_t where = 0;
    for (int64_t at = 0; at < j->length; at += STOA_TILE) {
        int64_t n = j->length - at < STOA_TILE ? j->length - at : STOA_TILE;
        const float *x = stoa_row_view(buffer, j->x, j->dtype, row * j->length + at, n);
        float most = stoa_row_max(x, n);
        if (most > best) {
            best = most;
            where = at + place_of(x, most, n);
        }
    }
    put(j, row, best, where);
}

static void max_of_columns(const job *j, int64_t outer) {
    _Alignas(64) float buffer[STOA_TILE], best[STOA_TILE];
    _Alignas(64) int32_t where[STOA_TILE];
    for (int64_t column = 0; column < j->inner; column += STOA_TILE) {
        int64_t n = j->inner - column < STOA_TILE ? j->inner - column : STOA_TILE;
        for (int64_t i = 0; i < n; i++)
            best[i] = -INFINITY, where[i] = 0;
        for (int64_t row = 0; row < j->length; row++) {
            int64_t at = (outer * j->length + row) * j->inner + column;
            const float *x = stoa_row_view(buffer, j->x, j->dtype, at, n);
#pragma omp simd
            for (int64_t i = 0; i < n; i++) {
                bool more = x[i] > best[i];
                where[i] = more ? (int32_t)row : where[i];
                best[i] = more ? x[i] : best[i];
            }
        }
        for (int64_t i = 0; i < n; i++)
            put(j, outer * j->inner + column + i, best[i], where[i]);
    }
}

static void max_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    for (int64_t outer = begin; outer < end; outer++) {
        if (j->inner == 1)
            max_of_row(j, outer);
        else
            max_of_columns(j, outer);
    }
}

static stoa_status run(stoa_ctx *ctx, job *j) {
    if (!stoa_is_float(j->dtype))
        return STOA_ERR_UNSUPPORTED;
    stoa_parallel(ctx, j->outer, stoa_row_grain(j->length * j->inner), max_range, j);
    return STOA_OK;
}

stoa_status stoa_cpu_max(stoa_ctx *ctx, stoa_node *node) {
    job j = job_of(node);
    j.value = node->out[0]->data;
    j.index = node->save[0] ? node->save[0]->data : NULL;
    return run(ctx, &j);
}

stoa_status stoa_cpu_argmax(stoa_ctx *ctx, stoa_node *node) {
    job j = job_of(node);
    j.index = node->out[0]->data;
    return run(ctx, &j);
}

/* The gradient goes to the place of the largest. */
static void scatter_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    size_t size = stoa_dtype_size(j->dtype), block = (size_t)(j->length * j->inner) * size;
    if (!j->dx.add)
        memset((char *)j->dx.data + (size_t)begin * block, 0, (size_t)(end - begin) * block);
    for (int64_t k = begin * j->inner; j->length > 0 && k < end * j->inner; k++) {
        int64_t at = (k / j->inner * j->length + j->index[k]) * j->inner + k % j->inner;
        float before = stoa_elem_get(j->dx.data, j->dtype, at);
        stoa_elem_put(j->dx.data, j->dtype, at, before + stoa_elem_get(j->g.data, j->g.dtype, k));
    }
}

stoa_status stoa_cpu_max_backward(stoa_ctx *ctx, stoa_node *node) {
    job j = job_of(node);
    j.index = node->save[0]->data;
    j.g = stoa_grad_out(node, 0), j.dx = stoa_grad_take(node, 0);
    stoa_parallel(ctx, j.outer, GRAIN / (j.length * j.inner + 1) + 1, scatter_range, &j);
    return STOA_OK;
}
