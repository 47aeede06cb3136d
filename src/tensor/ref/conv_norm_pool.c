/* tensor/ref/conv_norm_pool.c - the first layers of an image network, one reference after another.
 */
#include "tensor/ref/kernels.h"

static stoa_tensor planes(stoa_ctx *ctx, int64_t batch, int64_t channels, int64_t h, int64_t w) {
    stoa_tensor t = stoa_tensor_wrap(STOA_F64, STOA_SHAPE(batch, channels, h, w), NULL);
    t.data = stoa_scratch(ctx, stoa_nbytes(&t) + 1);
    return t;
}

stoa_status stoa_ref_conv_norm_pool(stoa_ctx *ctx, stoa_node *node) {
    const stoa_conv_norm_pool_options *o = &node->p.stem.options;
    const int64_t *x = node->in[0]->shape, *w = node->in[1]->shape;
    const stoa_conv_options *c = &o->conv;
    int64_t p = (x[2] + c->pad_top + c->pad_bottom - w[2]) / c->stride + 1;
    int64_t q = (x[3] + c->pad_left + c->pad_right - w[3]) / c->stride + 1;
    stoa_tensor y = planes(ctx, x[0], w[0], p, q), z = planes(ctx, x[0], w[0], p, q);
    if (!y.data || !z.data)
        return STOA_ERR_MEMORY;
    stoa_node conv = {.in = {node->in[0], node->in[1]}, .out = {&y}, .p.conv.options = *c};
    stoa_node norm = {
        .in = {&y, node->in[2], node->in[3], node->in[4], node->in[5]},
        .out = {&z},
        .p.norm = {.eps = o->eps, .decay = o->decay, .training = node->p.stem.training}};
    stoa_node pool = {
        .in = {&z}, .out = {node->out[0]}, .p.conv = {.options = o->pool, .size = o->size}};
    STOA_TRY(stoa_ref_conv2d(ctx, &conv));
    STOA_TRY(stoa_ref_batch_norm(ctx, &norm));
    for (int64_t i = 0; i < stoa_numel(&z); i++)
        if (((double *)z.data)[i] < 0)
            ((double *)z.data)[i] = 0;
    return stoa_ref_max_pool(ctx, &pool);
}
