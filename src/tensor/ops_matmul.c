/* tensor/ops_matmul.c - front ends of matrix products, convolution and pooling. */
#include <assert.h>

#include "tensor/node.h"

stoa_tensor *stoa_linear(stoa_ctx *ctx, stoa_tensor *x, stoa_tensor *weight, stoa_tensor *bias,
                         stoa_dtype out) {
    assert(x->ndim >= 1 && weight->ndim == 2 && stoa_cols(x) == weight->shape[1]);
    assert(!bias || stoa_numel(bias) == weight->shape[0]);
    int64_t shape[STOA_MAX_DIMS];
    for (int i = 0; i + 1 < x->ndim; i++)
        shape[i] = x->shape[i];
    shape[x->ndim - 1] = weight->shape[0];
    stoa_node node = {.op = STOA_OP_LINEAR, .in = {x, weight, bias}};
    node.out[0] = stoa_new(ctx, out, x->ndim, shape);
    return stoa_node_run(ctx, &node);
}

stoa_tensor *stoa_matmul(stoa_ctx *ctx, stoa_tensor *a, bool transpose_a, stoa_tensor *b,
                         bool transpose_b, double alpha) {
    assert(a->ndim >= 2 && a->ndim == b->ndim && a->dtype == b->dtype);
    int last = a->ndim - 1;
    int64_t shape[STOA_MAX_DIMS], batch = 1;
    for (int i = 0; i + 1 < last; i++) {
        assert(a->shape[i] == b->shape[i]);
        shape[i] = a->shape[i];
        batch *= shape[i];
    }
    int64_t m = a->shape[transpose_a ? last : last - 1];
    int64_t k = a->shape[transpose_a ? last - 1 : last];
    int64_t n = b->shape[transpose_b ? last - 1 : last];
    assert(k == b->shape[transpose_b ? last : last - 1]);
    shape[last - 1] = m;
    shape[last] = n;
    stoa_node node = {.op = STOA_OP_MATMUL, .in = {a, b}};
    node.out[0] = stoa_new(ctx, a->dtype, a->ndim, shape);
    node.p.matmul.transpose_a = transpose_a;
    node.p.matmul.transpose_b = transpose_b;
    node.p.matmul.batch = batch;
    node.p.matmul.m = m, node.p.matmul.n = n, node.p.matmul.k = k;
    node.p.matmul.alpha = alpha;
    return stoa_node_run(ctx, &node);
}

/* Positions of a window of `size` along an axis of `length`. */
static int64_t positions(int64_t length, int size, int before, int after, int stride) {
    assert(stride >= 1 && before >= 0 && after >= 0);
    int64_t room = length + before + after - size;
    return room < 0 ? 0 : room / stride + 1;
}

stoa_tensor *stoa_conv2d(stoa_ctx *ctx, stoa_tensor *x, stoa_tensor *weight, stoa_tensor *bias,
                         stoa_conv_options o) {
    assert(x->ndim == 4 && weight->ndim == 4 && x->shape[1] == weight->shape[1]);
    assert(!bias || stoa_numel(bias) == weight->shape[0]);
    for (int i = 1; i < 4; i++) // only the batch may be empty
        assert(x->shape[i] >= 1 && weight->shape[i] >= 1);
    int64_t p = positions(x->shape[2], (int)weight->shape[2], o.pad_top, o.pad_bottom, o.stride);
    int64_t q = positions(x->shape[3], (int)weight->shape[3], o.pad_left, o.pad_right, o.stride);
    stoa_node node = {.op = STOA_OP_CONV2D, .in = {x, weight, bias}};
    node.out[0] = stoa_new(ctx, x->dtype, STOA_SHAPE(x->shape[0], weight->shape[0], p, q));
    node.p.conv.options = o;
    return stoa_node_run(ctx, &node);
}

static stoa_node pool_node(stoa_ctx *ctx, stoa_op op, stoa_tensor *x, int size,
                           stoa_conv_options o) {
    assert(x->ndim == 4 && size >= 1);
    // every window holds at least one element that is not padding
    assert(o.pad_top < size && o.pad_bottom < size && o.pad_left < size && o.pad_right < size);
    int64_t p = positions(x->shape[2], size, o.pad_top, o.pad_bottom, o.stride);
    int64_t q = positions(x->shape[3], size, o.pad_left, o.pad_right, o.stride);
    stoa_node node = {.op = op, .in = {x}};
    node.out[0] = stoa_new(ctx, x->dtype, STOA_SHAPE(x->shape[0], x->shape[1], p, q));
    node.p.conv.options = o;
    node.p.conv.size = size;
    return node;
}

stoa_tensor *stoa_max_pool(stoa_ctx *ctx, stoa_tensor *x, int size, stoa_conv_options options) {
    stoa_node node = pool_node(ctx, STOA_OP_MAX_POOL, x, size, options);
    if (stoa_node_wants_grad(ctx, &node)) // where each maximum was
        node.save[0] = stoa_like(ctx, node.out[0], STOA_I32);
    return stoa_node_run(ctx, &node);
}

stoa_tensor *stoa_avg_pool(stoa_ctx *ctx, stoa_tensor *x, int size, stoa_conv_options options) {
    stoa_node node = pool_node(ctx, STOA_OP_AVG_POOL, x, size, options);
    return stoa_node_run(ctx, &node);
}

enum { STEM_NUMBERS = 64, STEM_CHANNELS = 16, STEM_WINDOW = 15 };

stoa_tensor *stoa_conv_norm_pool(stoa_ctx *ctx, stoa_tensor *x, stoa_tensor *weight,
                                 stoa_tensor *scale, stoa_tensor *shift, stoa_tensor *running_mean,
                                 stoa_tensor *running_var,
                                 const stoa_conv_norm_pool_options *options) {
    const stoa_conv_options *o = &options->conv, *p = &options->pool;
    assert(x->ndim == 4 && weight->ndim == 4 && x->shape[1] == weight->shape[1]);
    assert(!x->requires_grad && options->size >= 1 && options->size <= STEM_WINDOW);
    int64_t out = weight->shape[0], numbers = stoa_numel(weight) / out;
    assert(out % STEM_CHANNELS == 0 && numbers <= STEM_NUMBERS);
    assert(stoa_numel(scale) == out && stoa_numel(shift) == out);
    assert(stoa_numel(running_mean) == out && stoa_numel(running_var) == out);
    assert(p->pad_top < options->size && p->pad_bottom < options->size);
    assert(p->pad_left < options->size && p->pad_right < options->size);
    int64_t h = positions(x->shape[2], (int)weight->shape[2], o->pad_top, o->pad_bottom, o->stride);
    int64_t w = positions(x->shape[3], (int)weight->shape[3], o->pad_left, o->pad_right, o->stride);
    h = positions(h, options->size, p->pad_top, p->pad_bottom, p->stride);
    w = positions(w, options->size, p->pad_left, p->pad_right, p->stride);
    stoa_node node = {.op = STOA_OP_CONV_NORM_POOL,
                      .in = {x, weight, scale, shift, running_mean, running_var},
                      .out = {stoa_new(ctx, x->dtype, STOA_SHAPE(x->shape[0], out, h, w))},
                      .p.stem = {.options = *options, .training = ctx->training}};
    if (stoa_node_wants_grad(ctx, &node)) {
        node.save[0] = stoa_new(ctx, STOA_U8, STOA_SHAPE(x->shape[0], h, w, out)); // which maximum
        node.save[1] = stoa_new(ctx, stoa_ctx_full(ctx), STOA_SHAPE(out, 2)); // mean, 1 / deviation
        /* mean window, then the windows' covariance */
        node.save[2] = stoa_new(ctx, stoa_ctx_full(ctx), STOA_SHAPE(numbers + 1, STEM_NUMBERS));
    }
    return stoa_node_run(ctx, &node);
}
