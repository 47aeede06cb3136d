/*
 * tensor/ref/index.c - reference of the operations that choose or move. Every loop is the
 * definition in tensor.h; top_k picks the largest one by one instead of a radix search.
 */
#include <math.h>
#include <string.h>

#include "tensor/ref/kernels.h"

stoa_status stoa_ref_embedding(stoa_ctx *ctx, stoa_node *node) {
    (void)ctx;
    const double *table = node->in[0]->data; // (V, N)
    const int32_t *ids = node->in[1]->data;  // (R)
    double *out = node->out[0]->data;        // (R, N)
    int64_t rows = stoa_numel(node->in[1]), n = node->in[0]->shape[1];
    for (int64_t r = 0; r < rows; r++)
        for (int64_t j = 0; j < n; j++)
            out[r * n + j] = table[ids[r] * n + j];
    return STOA_OK;
}

stoa_status stoa_ref_embedding_sum(stoa_ctx *ctx, stoa_node *node) {
    (void)ctx;
    const double *table = node->in[0]->data; // (E * V, N)
    const stoa_tensor *ids = node->in[1];    // (R, E)
    const stoa_tensor *base = node->in[2];   // (R, N) or (N)
    double *out = node->out[0]->data;        // (R, N)
    int64_t rows = ids->shape[0], elements = ids->shape[1], n = node->in[0]->shape[1];
    int64_t v = elements ? node->in[0]->shape[0] / elements : 0;
    for (int64_t i = 0; i < rows * n; i++) {
        out[i] = ((const double *)base->data)[base->ndim == 1 ? i % n : i];
        for (int64_t e = 0; e < elements; e++) {
            int64_t id = (int64_t)stoa_get(ids, i / n * elements + e);
            out[i] += table[(e * v + id) * n + i % n];
        }
    }
    return STOA_OK;
}

stoa_status stoa_ref_pick(stoa_ctx *ctx, stoa_node *node) {
    (void)ctx;
    const double *x = node->in[0]->data;      // (R, V)
    const int32_t *index = node->in[1]->data; // (R)
    double *out = node->out[0]->data;         // (R)
    int64_t rows = stoa_numel(node->in[1]), v = stoa_cols(node->in[0]);
    for (int64_t r = 0; r < rows; r++)
        out[r] = x[r * v + index[r]];
    return STOA_OK;
}

stoa_status stoa_ref_gather_rows(stoa_ctx *ctx, stoa_node *node) {
    (void)ctx;
    const double *x = node->in[0]->data;      // (B, S, N)
    const int32_t *index = node->in[1]->data; // (B, C)
    double *out = node->out[0]->data;         // (B, C, N)
    int64_t batch = node->in[0]->shape[0], s = node->in[0]->shape[1], n = node->in[0]->shape[2];
    int64_t c = node->in[1]->shape[1];
    for (int64_t b = 0; b < batch; b++)
        for (int64_t i = 0; i < c; i++)
            for (int64_t j = 0; j < n; j++) {
                int32_t at = index[b * c + i];
                out[(b * c + i) * n + j] = at < 0 ? 0 : x[(b * s + at) * n + j];
            }
    return STOA_OK;
}

stoa_status stoa_ref_scatter_rows(stoa_ctx *ctx, stoa_node *node) {
    (void)ctx;
    const int32_t *index = node->in[1]->data;                         // (B, C)
    const double *src = node->in[2]->data;                            // (B, C, N)
    const double *gate = node->in[3] ? node->in[3]->data : NULL;      // (B, S), or (B, C)
    bool into = node->p.scatter.into;                                 // out is x
    double *out = node->out[0]->data;                                 // (B, S, N)
    int64_t batch = node->in[0]->shape[0], s = node->in[0]->shape[1]; // x (B, S, N)
    int64_t n = node->in[0]->shape[2], c = node->in[1]->shape[1];
    if (!into)
        memcpy(out, node->in[0]->data, stoa_nbytes(node->in[0]));
    for (int64_t b = 0; b < batch; b++)
        for (int64_t i = 0; i < c; i++) {
            int32_t at = index[b * c + i];
            double g = !gate || at < 0 ? 1 : gate[into ? b * c + i : b * s + at];
            for (int64_t j = 0; at >= 0 && j < n; j++)
                out[(b * s + at) * n + j] += g * src[(b * c + i) * n + j];
        }
    return STOA_OK;
}

/* Whether a goes before b in descending order; NaN is the lowest. */
static bool above(double a, double b) {
    return isnan(b) ? !isnan(a) : a > b;
}

stoa_status stoa_ref_top_k(stoa_ctx *ctx, stoa_node *node) {
    const double *scores = node->in[0]->data; // (B, S)
    int32_t *out = node->out[0]->data;        // (B, k)
    int64_t batch = node->in[0]->shape[0], s = node->in[0]->shape[1], k = node->p.route.k;
    bool *taken = stoa_scratch(ctx, (size_t)s * sizeof *taken); // (S)
    if (!taken)
        return STOA_ERR_MEMORY;
    for (int64_t b = 0; b < batch; b++) {
        memset(taken, 0, (size_t)s * sizeof *taken);
        for (int64_t round = 0; round < k; round++) {
            int64_t best = -1;
            for (int64_t i = 0; i < s; i++)
                if (!taken[i] && (best < 0 || above(scores[b * s + i], scores[b * s + best])))
                    best = i;
            taken[best] = true;
        }
        for (int64_t i = 0, filled = 0; i < s; i++)
            if (taken[i])
                out[b * k + filled++] = (int32_t)i;
    }
    return STOA_OK;
}

stoa_status stoa_ref_route_choice(stoa_ctx *ctx, stoa_node *node) {
    (void)ctx;
    const double *scores = node->in[0]->data; // (B, S, E)
    int32_t *out = node->out[0]->data;        // (B, keep, capacity)
    int64_t batch = node->in[0]->shape[0], s = node->in[0]->shape[1],
            experts = node->in[0]->shape[2];
    int64_t keep = node->p.route.keep, capacity = node->p.route.capacity;
    for (int64_t b = 0; b < batch; b++)
        for (int64_t e = 0; e < keep; e++) {
            int64_t filled = 0;
            for (int64_t i = 0; i < s; i++) {
                const double *row = scores + (b * s + i) * experts;
                int64_t best = 0;
                for (int64_t j = 1; j < experts; j++)
                    if (above(row[j], row[best]))
                        best = j;
                if (best == e && filled < capacity)
                    out[(b * keep + e) * capacity + filled++] = (int32_t)i;
            }
            while (filled < capacity)
                out[(b * keep + e) * capacity + filled++] = -1;
        }
    return STOA_OK;
}

stoa_status stoa_ref_concat(stoa_ctx *ctx, stoa_node *node) {
    (void)ctx;
    size_t size = stoa_dtype_size(node->out[0]->dtype), inner = (size_t)node->p.axis.inner;
    char *out = node->out[0]->data; // (outer, total length, inner)
    for (int64_t o = 0; o < node->p.axis.outer; o++)
        for (int p = 0; p < STOA_NODE_IN && node->in[p]; p++) {
            size_t bytes = (size_t)node->in[p]->shape[node->p.axis.axis] * inner * size;
            if (bytes > 0)
                memcpy(out, (const char *)node->in[p]->data + (size_t)o * bytes, bytes);
            out += bytes;
        }
    return STOA_OK;
}

stoa_status stoa_ref_slice(stoa_ctx *ctx, stoa_node *node) {
    (void)ctx;
    const stoa_tensor *y = node->out[0];
    size_t row = (size_t)node->p.axis.inner * stoa_dtype_size(y->dtype);
    int64_t length = y->shape[node->p.axis.axis];
    const char *x = node->in[0]->data; // (outer, axis length, inner)
    for (int64_t o = 0; o < node->p.axis.outer; o++)
        for (int64_t i = 0; i < length; i++)
            memcpy((char *)y->data + (size_t)(o * length + i) * row,
                   x + (size_t)(o * node->p.axis.length + node->p.axis.begin + i) * row, row);
    return STOA_OK;
}

stoa_status stoa_ref_transpose(stoa_ctx *ctx, stoa_node *node) {
    (void)ctx;
    const stoa_tensor *x = node->in[0], *y = node->out[0];
    size_t size = stoa_dtype_size(x->dtype);
    int64_t stride[STOA_MAX_DIMS] = {0}, step = 1; // of x, in elements, in the order of y's axes
    for (int i = x->ndim - 1; i >= 0; i--) {
        stride[i] = step;
        step *= x->shape[i];
    }
    int64_t swap = stride[node->p.transpose.axis_a];
    stride[node->p.transpose.axis_a] = stride[node->p.transpose.axis_b];
    stride[node->p.transpose.axis_b] = swap;
    for (int64_t flat = 0, n = stoa_numel(y); flat < n; flat++) {
        int64_t rest = flat, from = 0;
        for (int i = y->ndim - 1; i >= 0; i--) {
            from += rest % y->shape[i] * stride[i];
            rest /= y->shape[i];
        }
        memcpy((char *)y->data + (size_t)flat * size, (const char *)x->data + (size_t)from * size,
               size);
    }
    return STOA_OK;
}
