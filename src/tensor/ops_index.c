/*
 * tensor/ops_index.c - front ends of operations that choose or move: embedding, rows by index,
 * routing decisions, concat, slice, transpose. Indices are I32; they come from a loader that has
 * checked them, or from top_k and route_choice.
 */
#include <assert.h>

#include "tensor/node.h"

stoa_tensor *stoa_embedding(stoa_ctx *ctx, stoa_tensor *table, stoa_tensor *ids, stoa_dtype out) {
    assert(table->ndim == 2 && ids->dtype == STOA_I32 && ids->ndim < STOA_MAX_DIMS);
    int64_t shape[STOA_MAX_DIMS];
    for (int i = 0; i < ids->ndim; i++)
        shape[i] = ids->shape[i];
    shape[ids->ndim] = table->shape[1];
    stoa_node node = {.op = STOA_OP_EMBEDDING,
                      .in = {table, ids}, // (V, N), (...)
                      .out = {stoa_new(ctx, out, ids->ndim + 1, shape)}};
    return stoa_node_run(ctx, &node); // (..., N)
}

stoa_tensor *stoa_embedding_sum(stoa_ctx *ctx, stoa_tensor *table, stoa_tensor *ids,
                                stoa_tensor *base, stoa_dtype out) {
    assert(table->ndim == 2 && ids->ndim == 2 && base);
    assert(ids->dtype == STOA_I32 || ids->dtype == STOA_U8);
    int64_t rows = ids->shape[0], n = table->shape[1];
    assert(ids->shape[1] > 0 && table->shape[0] % ids->shape[1] == 0);
    assert(base->shape[base->ndim - 1] == n);
    assert(base->ndim == 1 || (base->ndim == 2 && base->shape[0] == rows));
    stoa_node node = {.op = STOA_OP_EMBEDDING_SUM,
                      .in = {table, ids, base}, // (E * V, N), (R, E), (R, N) or (N)
                      .out = {stoa_new(ctx, out, STOA_SHAPE(rows, n))}};
    return stoa_node_run(ctx, &node); // (R, N)
}

stoa_tensor *stoa_pick(stoa_ctx *ctx, stoa_tensor *x, stoa_tensor *index) {
    assert(index->dtype == STOA_I32 && x->ndim == index->ndim + 1);
    for (int i = 0; i < index->ndim; i++)
        assert(x->shape[i] == index->shape[i]);
    stoa_node node = {.op = STOA_OP_PICK,
                      .in = {x, index}, // (..., V), (...)
                      .out = {stoa_like(ctx, index, x->dtype)}};
    return stoa_node_run(ctx, &node); // (...)
}

stoa_tensor *stoa_gather_rows(stoa_ctx *ctx, stoa_tensor *x, stoa_tensor *index) {
    assert(x->ndim == 3 && index->ndim == 2 && index->dtype == STOA_I32);
    assert(x->shape[0] == index->shape[0]);
    stoa_node node = {.op = STOA_OP_GATHER_ROWS,
                      .in = {x, index}, // (B, S, N), (B, C)
                      .out = {stoa_new(ctx, x->dtype,
                                       STOA_SHAPE(index->shape[0], index->shape[1], x->shape[2]))}};
    return stoa_node_run(ctx, &node); // (B, C, N)
}

stoa_tensor *stoa_scatter_rows(stoa_ctx *ctx, stoa_tensor *x, stoa_tensor *index, stoa_tensor *src,
                               stoa_tensor *gate) {
    assert(x->ndim == 3 && index->ndim == 2 && src->ndim == 3 && index->dtype == STOA_I32);
    assert(index->shape[0] == x->shape[0] && src->shape[0] == x->shape[0]);
    assert(index->shape[1] == src->shape[1] && src->shape[2] == x->shape[2]);
    assert(!gate ||
           (gate->ndim == 2 && gate->shape[0] == x->shape[0] && gate->shape[1] == x->shape[1]));
    stoa_node node = {.op = STOA_OP_SCATTER_ROWS,
                      .in = {x, index, src, gate}, // (B, S, N), (B, C), (B, C, N), (B, S)
                      .out = {stoa_like(ctx, x, x->dtype)}};
    return stoa_node_run(ctx, &node); // (B, S, N)
}

stoa_tensor *stoa_scatter_rows_into(stoa_ctx *ctx, stoa_tensor *x, stoa_tensor *index,
                                    stoa_tensor *src, stoa_tensor *gate) {
    assert(x->ndim == 3 && index->ndim == 2 && src->ndim == 3 && index->dtype == STOA_I32);
    assert(index->shape[0] == x->shape[0] && src->shape[0] == x->shape[0] && !x->is_param);
    assert(index->shape[1] == src->shape[1] && src->shape[2] == x->shape[2]);
    assert(!gate || (gate->ndim == 2 && stoa_numel(gate) == stoa_numel(index)));
    stoa_node node = {.op = STOA_OP_SCATTER_ROWS,
                      .in = {x, index, src, gate}, // (B, S, N), (B, C), (B, C, N), (B, C)
                      .out = {stoa_reshape(ctx, x, x->ndim, x->shape)},
                      .p.scatter.into = true};
    return stoa_node_run(ctx, &node); // (B, S, N)
}

stoa_tensor *stoa_top_k(stoa_ctx *ctx, stoa_tensor *scores, int64_t k) {
    assert(scores->ndim == 2 && k >= 0 && k <= scores->shape[1]);
    stoa_node node = {.op = STOA_OP_TOP_K,
                      .in = {scores}, // (B, S)
                      .out = {stoa_new(ctx, STOA_I32, STOA_SHAPE(scores->shape[0], k))},
                      .p.route.k = k};
    return stoa_node_run(ctx, &node);
}

stoa_tensor *stoa_route_choice(stoa_ctx *ctx, stoa_tensor *scores, int64_t keep, int64_t capacity) {
    assert(scores->ndim == 3 && scores->shape[2] > 0 && capacity >= 0);
    assert(keep >= 0 && keep <= scores->shape[2]);
    stoa_node node = {
        .op = STOA_OP_ROUTE_CHOICE,
        .in = {scores}, // (B, S, E)
        .out = {stoa_new(ctx, STOA_I32, STOA_SHAPE(scores->shape[0], keep, capacity))},
        .p.route = {.keep = keep, .capacity = capacity}};
    return stoa_node_run(ctx, &node);
}

stoa_tensor *stoa_concat(stoa_ctx *ctx, stoa_tensor *const *parts, int n, int axis) {
    assert(n >= 1 && n <= 6);
    if (n == 1)
        return parts[0];
    const stoa_tensor *first = parts[0];
    stoa_node node = {.op = STOA_OP_CONCAT};
    stoa_axis_split(first, axis, &node.p);
    axis = node.p.axis.axis;
    int64_t shape[STOA_MAX_DIMS], length = 0;
    for (int i = 0; i < first->ndim; i++)
        shape[i] = first->shape[i];
    for (int p = 0; p < n; p++) {
        assert(parts[p]->dtype == first->dtype && parts[p]->ndim == first->ndim);
        for (int i = 0; i < first->ndim; i++)
            assert(i == axis || parts[p]->shape[i] == first->shape[i]);
        length += parts[p]->shape[axis];
        node.in[p] = parts[p];
    }
    shape[axis] = node.p.axis.length = length;
    node.out[0] = stoa_new(ctx, first->dtype, first->ndim, shape);
    return stoa_node_run(ctx, &node);
}

stoa_tensor *stoa_slice(stoa_ctx *ctx, stoa_tensor *x, int axis, int64_t begin, int64_t end) {
    stoa_node node = {.op = STOA_OP_SLICE, .in = {x}};
    stoa_axis_split(x, axis, &node.p);
    assert(begin >= 0 && begin <= end && end <= node.p.axis.length);
    node.p.axis.begin = begin;
    int64_t shape[STOA_MAX_DIMS];
    for (int i = 0; i < x->ndim; i++)
        shape[i] = x->shape[i];
    shape[node.p.axis.axis] = end - begin;
    node.out[0] = stoa_new(ctx, x->dtype, x->ndim, shape);
    return stoa_node_run(ctx, &node);
}

stoa_tensor *stoa_transpose(stoa_ctx *ctx, stoa_tensor *x, int axis_a, int axis_b) {
    int a = axis_a < 0 ? axis_a + x->ndim : axis_a, b = axis_b < 0 ? axis_b + x->ndim : axis_b;
    assert(a >= 0 && a < x->ndim && b >= 0 && b < x->ndim);
    if (a == b)
        return x;
    if (a > b) {
        int swap = a;
        a = b, b = swap;
    }
    int64_t shape[STOA_MAX_DIMS];
    for (int i = 0; i < x->ndim; i++)
        shape[i] = x->shape[i];
    shape[a] = x->shape[b], shape[b] = x->shape[a];
    stoa_node node = {.op = STOA_OP_TRANSPOSE,
                      .in = {x},
                      .out = {stoa_new(ctx, x->dtype, x->ndim, shape)},
                      .p.transpose = {a, b}};
    return stoa_node_run(ctx, &node);
}
