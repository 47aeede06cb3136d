/*
 * tensor/cpu/gather.c - embedding, pick, gather_rows, scatter_rows.
 *
 * Whatever adds to a row chosen by an index is written so that one thread owns the row (or its
 * columns): the order of additions never depends on timing.
 */
#include <assert.h>

#include "tensor/cpu/kernels.h"
#include "tensor/cpu/rows.h"

typedef struct job {
    const stoa_node *node;
    stoa_grad_ref out;      /* gradient that arrived */
    stoa_grad_ref in[4];    /* gradients to write */
    const int32_t *inverse; /* (B, S): which of C fills the row, or -1 */
} job;

/* ---- embedding ------------------------------------------------------------------------------- */

static void embedding_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const stoa_tensor *table = ((job *)arg)->node->in[0], *y = ((job *)arg)->node->out[0];
    const int32_t *ids = ((job *)arg)->node->in[1]->data;
    int64_t n = table->shape[1];
    for (int64_t r = begin; r < end; r++) {
        assert(ids[r] >= 0 && ids[r] < table->shape[0]);
        stoa_row_write(y->dtype, stoa_at(y->data, y->dtype, r * n), table->dtype,
                       stoa_at(table->data, table->dtype, ids[r] * n), n, false);
    }
}

stoa_status stoa_cpu_embedding(stoa_ctx *ctx, stoa_node *node) {
    if (!stoa_is_float(node->in[0]->dtype) || !stoa_is_float(node->out[0]->dtype))
        return STOA_ERR_UNSUPPORTED;
    job j = {.node = node};
    stoa_parallel(ctx, stoa_numel(node->in[1]), stoa_row_grain(node->in[0]->shape[1]),
                  embedding_range, &j);
    return STOA_OK;
}

/* Threads split the columns, not the rows: a frequent token (a space, say) would otherwise be one
 * thread's burden, and every thread adds in the order of the tokens. */
static void embedding_back(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    const stoa_grad_ref *dx = &j->in[0];
    const int32_t *ids = j->node->in[1]->data;
    int64_t vocab = j->node->in[0]->shape[0], n = j->node->in[0]->shape[1];
    int64_t rows = stoa_numel(j->node->in[1]);
    if (!dx->add)
        for (int64_t v = 0; v < vocab; v++)
            memset(stoa_at(dx->data, dx->dtype, v * n + begin), 0,
                   (size_t)(end - begin) * stoa_dtype_size(dx->dtype));
    for (int64_t r = 0; r < rows && j->out.data; r++)
        stoa_row_write(dx->dtype, stoa_at(dx->data, dx->dtype, ids[r] * n + begin), j->out.dtype,
                       stoa_at(j->out.data, j->out.dtype, r * n + begin), end - begin, true);
}

stoa_status stoa_cpu_embedding_backward(stoa_ctx *ctx, stoa_node *node) {
    job j = {.node = node, .out = stoa_grad_out(node, 0), .in = {stoa_grad_take(node, 0)}};
    if (j.in[0].data)
        stoa_parallel(ctx, node->in[0]->shape[1], 16, embedding_back, &j);
    return STOA_OK;
}

/* ---- pick ------------------------------------------------------------------------------------ */

stoa_status stoa_cpu_pick(stoa_ctx *ctx, stoa_node *node) {
    (void)ctx;
    const stoa_tensor *x = node->in[0]; // (R, V)
    const int32_t *index = node->in[1]->data;
    if (!stoa_is_float(x->dtype))
        return STOA_ERR_UNSUPPORTED;
    int64_t rows = stoa_numel(node->in[1]), v = stoa_cols(x);
    for (int64_t r = 0; r < rows; r++) {
        assert(index[r] >= 0 && index[r] < v);
        stoa_elem_put(node->out[0]->data, x->dtype, r,
                      stoa_elem_get(x->data, x->dtype, r * v + index[r]));
    }
    return STOA_OK;
}

static void pick_back(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    const stoa_grad_ref *dx = &j->in[0];
    const int32_t *index = j->node->in[1]->data;
    int64_t v = stoa_cols(j->node->in[0]);
    if (!dx->add && end > begin)
        memset(stoa_at(dx->data, dx->dtype, begin * v), 0,
               (size_t)((end - begin) * v) * stoa_dtype_size(dx->dtype));
    for (int64_t r = begin; r < end && j->out.data; r++) {
        int64_t i = r * v + index[r];
        stoa_elem_put(dx->data, dx->dtype, i,
                      stoa_elem_get(dx->data, dx->dtype, i) +
                          stoa_elem_get(j->out.data, dx->dtype, r));
    }
}

stoa_status stoa_cpu_pick_backward(stoa_ctx *ctx, stoa_node *node) {
    job j = {.node = node, .out = stoa_grad_out(node, 0), .in = {stoa_grad_take(node, 0)}};
    if (j.in[0].data)
        stoa_parallel(ctx, stoa_numel(node->in[1]), stoa_row_grain(stoa_cols(node->in[0])),
                      pick_back, &j);
    return STOA_OK;
}

/* ---- which source fills a row ---------------------------------------------------------------- */

typedef struct inversion {
    const int32_t *index; /* (B, C) */
    int32_t *inverse;     /* (B, S) */
    int64_t c, s;
} inversion;

static void invert_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const inversion *v = arg;
    for (int64_t i = begin * v->s; i < end * v->s; i++)
        v->inverse[i] = -1;
    for (int64_t b = begin; b < end; b++)
        for (int64_t i = 0; i < v->c; i++) {
            int32_t row = v->index[b * v->c + i];
            assert(row >= -1 && row < v->s);
            if (row >= 0)
                v->inverse[b * v->s + row] = (int32_t)i;
        }
}

/* index (B, C) -> (B, S) in scratch; NULL: out of memory. */
static const int32_t *invert(stoa_ctx *ctx, const stoa_tensor *index, int64_t s) {
    int64_t batch = index->shape[0];
    inversion v = {.index = index->data, .c = index->shape[1], .s = s};
    v.inverse = stoa_scratch(ctx, (size_t)(batch * s) * sizeof *v.inverse);
    if (v.inverse)
        stoa_parallel(ctx, batch, stoa_row_grain(s), invert_range, &v);
    return v.inverse;
}

/* ---- gather_rows ----------------------------------------------------------------------------- */

static void gather_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const stoa_tensor *x = ((job *)arg)->node->in[0], *index = ((job *)arg)->node->in[1];
    const int32_t *rows = index->data; // (B, C)
    int64_t s = x->shape[1], n = x->shape[2], c = index->shape[1];
    size_t bytes = (size_t)n * stoa_dtype_size(x->dtype);
    char *out = (char *)((job *)arg)->node->out[0]->data + (size_t)begin * bytes;
    for (int64_t i = begin; i < end; i++, out += bytes) {
        assert(rows[i] >= -1 && rows[i] < s);
        if (rows[i] >= 0)
            memcpy(out, stoa_at(x->data, x->dtype, (i / c * s + rows[i]) * n), bytes);
        else
            memset(out, 0, bytes);
    }
}

stoa_status stoa_cpu_gather_rows(stoa_ctx *ctx, stoa_node *node) {
    job j = {.node = node};
    stoa_parallel(ctx, stoa_numel(node->in[1]), stoa_row_grain(node->in[0]->shape[2]), gather_range,
                  &j);
    return STOA_OK;
}

/* Adding touches the gathered rows alone. */
static void gather_back_add(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    const stoa_grad_ref *dx = &j->in[0];
    const int32_t *rows = j->node->in[1]->data;
    int64_t s = j->node->in[0]->shape[1], n = j->node->in[0]->shape[2];
    int64_t c = j->node->in[1]->shape[1];
    for (int64_t i = begin; i < end; i++)
        if (rows[i] >= 0)
            stoa_row_write(dx->dtype, stoa_at(dx->data, dx->dtype, (i / c * s + rows[i]) * n),
                           dx->dtype, stoa_at(j->out.data, dx->dtype, i * n), n, true);
}

/* Overwriting passes once over all rows: copies where gathered, zeroes elsewhere. */
static void gather_back_set(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    int64_t s = j->node->in[0]->shape[1], n = j->node->in[0]->shape[2];
    int64_t c = j->node->in[1]->shape[1];
    stoa_dtype t = j->in[0].dtype;
    size_t bytes = (size_t)n * stoa_dtype_size(t);
    char *dx = stoa_at(j->in[0].data, t, begin * n);
    for (int64_t i = begin; i < end; i++, dx += bytes)
        if (j->inverse[i] >= 0)
            memcpy(dx, stoa_at(j->out.data, t, (i / s * c + j->inverse[i]) * n), bytes);
        else
            memset(dx, 0, bytes);
}

stoa_status stoa_cpu_gather_rows_backward(stoa_ctx *ctx, stoa_node *node) {
    const stoa_tensor *x = node->in[0], *index = node->in[1];
    job j = {.node = node, .out = stoa_grad_out(node, 0), .in = {stoa_grad_take(node, 0)}};
    if (!j.in[0].data)
        return STOA_OK;
    int64_t grain = stoa_row_grain(x->shape[2]);
    if (j.in[0].add) {
        stoa_parallel(ctx, stoa_numel(index), grain, gather_back_add, &j);
        return STOA_OK;
    }
    j.inverse = invert(ctx, index, x->shape[1]);
    if (!j.inverse)
        return STOA_ERR_MEMORY;
    stoa_parallel(ctx, x->shape[0] * x->shape[1], grain, gather_back_set, &j);
    return STOA_OK;
}

/* ---- scatter_rows ---------------------------------------------------------------------------- */

/* out = x + g * src of x's type */
STOA_INLINE void scatter_row(stoa_dtype tx, stoa_dtype ts, void *restrict out,
                             const void *restrict x, const void *restrict src, float g, int64_t n) {
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        stoa_elem_put(out, tx, i, stoa_elem_get(x, tx, i) + g * stoa_elem_get(src, ts, i));
}

/* x += g * src */
STOA_INLINE void add_scaled(stoa_dtype tx, stoa_dtype ts, void *restrict x,
                            const void *restrict src, float g, int64_t n) {
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        stoa_elem_put(x, tx, i, stoa_elem_get(x, tx, i) + g * stoa_elem_get(src, ts, i));
}

static void scatter_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    const stoa_tensor *x = j->node->in[0], *src = j->node->in[2], *gate = j->node->in[3];
    int64_t s = x->shape[1], n = x->shape[2], c = src->shape[1];
    for (int64_t i = begin; i < end; i++) {
        char *out = stoa_at(j->node->out[0]->data, x->dtype, i * n);
        const char *in = stoa_at(x->data, x->dtype, i * n);
        if (j->inverse[i] >= 0) {
            const char *row = stoa_at(src->data, src->dtype, (i / s * c + j->inverse[i]) * n);
            float g = gate ? stoa_elem_get(gate->data, gate->dtype, i) : 1.0f;
            STOA_BY_TYPES(scatter_row, x->dtype, src->dtype, out, in, row, g, n);
        } else {
            memcpy(out, in, (size_t)n * stoa_dtype_size(x->dtype));
        }
    }
}

/* The gate of the i-th row of src (B, C), which goes to `row` of x. */
static float gate_of(const stoa_node *node, int64_t i, int64_t row) {
    const stoa_tensor *gate = node->in[3];
    return gate ? stoa_elem_get(gate->data, gate->dtype, node->p.scatter.into ? i : row) : 1.0f;
}

/* x itself: rows [begin, end) of src. */
static void scatter_into_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    const stoa_tensor *x = j->node->in[0], *src = j->node->in[2];
    const int32_t *rows = j->node->in[1]->data;
    int64_t s = x->shape[1], n = x->shape[2], c = src->shape[1];
    for (int64_t i = begin; i < end; i++) {
        if (rows[i] < 0)
            continue;
        int64_t row = i / c * s + rows[i];
        char *to = stoa_at(x->data, x->dtype, row * n);
        STOA_BY_TYPES(add_scaled, x->dtype, src->dtype, to, stoa_at(src->data, src->dtype, i * n),
                      gate_of(j->node, i, row), n);
    }
}

stoa_status stoa_cpu_scatter_rows(stoa_ctx *ctx, stoa_node *node) {
    const stoa_tensor *x = node->in[0], *index = node->in[1], *src = node->in[2];
    if (!stoa_is_float(x->dtype) || !stoa_is_float(src->dtype))
        return STOA_ERR_UNSUPPORTED;
    if (node->p.scatter.into) {
        job into = {.node = node};
        stoa_parallel(ctx, stoa_numel(index), stoa_row_grain(x->shape[2]), scatter_into_range,
                      &into);
        return STOA_OK;
    }
    job j = {.node = node, .inverse = invert(ctx, index, x->shape[1])};
    if (!j.inverse)
        return STOA_ERR_MEMORY;
    stoa_parallel(ctx, x->shape[0] * x->shape[1], stoa_row_grain(x->shape[2]), scatter_range, &j);
    return STOA_OK;
}

/* dsrc (=, +=) g * dout in type ts; returns <dout, src>. Any of src and dsrc may be NULL. */
STOA_INLINE float scatter_row_back(stoa_dtype td, stoa_dtype ts, const void *restrict dout,
                                   const void *src, void *dsrc, bool add, float g, int64_t n) {
    float dot = 0;
    if (src) {
#pragma omp simd reduction(+ : dot)
        for (int64_t i = 0; i < n; i++)
            dot += stoa_elem_get(dout, td, i) * stoa_elem_get(src, ts, i);
    }
    if (dsrc && add) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++)
            stoa_elem_put(dsrc, ts, i, stoa_elem_get(dsrc, ts, i) + g * stoa_elem_get(dout, td, i));
    } else if (dsrc) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++)
            stoa_elem_put(dsrc, ts, i, g * stoa_elem_get(dout, td, i));
    }
    return dot;
}

static void scatter_back(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    const stoa_tensor *index = j->node->in[1], *src = j->node->in[2];
    const stoa_grad_ref *dsrc = &j->in[2], *dgate = &j->in[3];
    const int32_t *rows = index->data;
    int64_t s = j->node->in[0]->shape[1], n = j->node->in[0]->shape[2], c = index->shape[1];
    for (int64_t i = begin; i < end; i++) {
        char *ds = dsrc->data ? stoa_at(dsrc->data, src->dtype, i * n) : NULL;
        if (rows[i] < 0) {
            if (ds && !dsrc->add)
                memset(ds, 0, (size_t)n * stoa_dtype_size(src->dtype));
            continue;
        }
        int64_t row = i / c * s + rows[i];
        const char *dout = stoa_at(j->out.data, j->out.dtype, row * n);
        const char *value = dgate->data ? stoa_at(src->data, src->dtype, i * n) : NULL;
        float dot = STOA_BY_TYPES(scatter_row_back, j->out.dtype, src->dtype, dout, value, ds,
                                  dsrc->add, gate_of(j->node, i, row), n);
        int64_t at = j->node->p.scatter.into ? i : row;
        if (dgate->data)
            stoa_elem_put(dgate->data, dgate->dtype, at,
                          stoa_elem_get(dgate->data, dgate->dtype, at) + dot);
    }
}

static void scatter_back_x(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    const stoa_grad_ref *dx = &j->in[0];
    stoa_row_write(dx->dtype, stoa_at(dx->data, dx->dtype, begin), j->out.dtype,
                   stoa_at(j->out.data, j->out.dtype, begin), end - begin, dx->add);
}

stoa_status stoa_cpu_scatter_rows_backward(stoa_ctx *ctx, stoa_node *node) {
    job j = {.node = node, .out = stoa_grad_out(node, 0)};
    j.in[2] = stoa_grad_take(node, 2);
    j.in[3] = stoa_grad_take(node, 3);
    if (j.in[3].data && !j.in[3].add)
        memset(j.in[3].data, 0, stoa_nbytes(node->in[3]));
    if (j.in[2].data || j.in[3].data)
        stoa_parallel(ctx, stoa_numel(node->in[1]), stoa_row_grain(node->in[0]->shape[2]),
                      scatter_back, &j);
    // the residual's gradient passes through: last, since the buffer itself may change hands
    if (node->p.scatter.into || stoa_grad_pass(node, 0, 0))
        return STOA_OK;
    j.in[0] = stoa_grad_take(node, 0);
    if (j.in[0].data)
        stoa_parallel(ctx, stoa_numel(node->in[0]), STOA_ROW_GRAIN, scatter_back_x, &j);
    return STOA_OK;
}
