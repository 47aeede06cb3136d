/*
 * tensor/cpu/conv.c - two-dimensional convolution (by oneDNN). bfloat16 where the processor has it,
 * else through float32.
 */
#include <string.h>

#include "tensor/cpu/grain.h"
#include "tensor/cpu/kernels.h"
#include "tensor/cpu/linear.h"
#include "tensor/cpu/product.h"
#include "tensor/cpu/simd.h"

static stoa_onednn_conv shape_of(const stoa_node *node) {
    const int64_t *x = node->in[0]->shape, *w = node->in[1]->shape, *y = node->out[0]->shape;
    return (stoa_onednn_conv){
        .batch = x[0],
        .channels = x[1],
        .height = x[2],
        .width = x[3],
        .outputs = w[0],
        .rows = w[2],
        .columns = w[3],
        .out_height = y[2],
        .out_width = y[3],
        .options = node->p.conv.options,
        .dtype = node->in[0]->dtype,
    };
}

static bool types_known(const stoa_node *node) {
    stoa_dtype t = node->in[0]->dtype;
    return (t == STOA_F32 || t == STOA_BF16) && node->out[0]->dtype == t &&
           node->in[1]->dtype == STOA_F32 && (!node->in[2] || node->in[2]->dtype == STOA_F32);
}

/* to (+)= from, rounding */
typedef struct put_job {
    const float *from;
    void *to;
    stoa_dtype from_dtype, dtype;
    bool add;
} put_job;

static void put_range(void *arg, int64_t begin, int64_t end, int thread) {
    const put_job *w = arg;
    (void)thread;
    float buffer[STOA_TILE];
    for (int64_t at = begin; at < end; at += STOA_TILE) {
        int64_t n = end - at < STOA_TILE ? end - at : STOA_TILE;
        const float *row = stoa_row_view(buffer, w->from, w->from_dtype, at, n);
        stoa_row_grad(w->to, w->dtype, w->add, at, row, n);
    }
}

stoa_status stoa_cpu_conv2d(stoa_ctx *ctx, stoa_node *node) {
    if (!types_known(node))
        return STOA_ERR_UNSUPPORTED;
    if (stoa_numel(node->out[0]) == 0)
        return STOA_OK;
    stoa_onednn_conv c = shape_of(node);
    stoa_onednn *o = stoa_cpu(ctx)->onednn;
    const float *weight = node->in[1]->data, *bias = node->in[2] ? node->in[2]->data : NULL;
    stoa_status status =
        stoa_onednn_conv_forward(ctx, o, &c, node->in[0]->data, weight, bias, node->out[0]->data);
    if (status != STOA_ERR_UNSUPPORTED || c.dtype == STOA_F32)
        return status;
    c.dtype = STOA_F32;
    int64_t n = stoa_numel(node->out[0]);
    float *y = stoa_scratch(ctx, (size_t)n * sizeof *y);
    const void *x =
        stoa_scratch_as(ctx, STOA_F32, node->in[0]->data, STOA_BF16, stoa_numel(node->in[0]));
    if (!x || !y)
        return STOA_ERR_MEMORY;
    STOA_TRY(stoa_onednn_conv_forward(ctx, o, &c, x, weight, bias, y));
    put_job w = {y, node->out[0]->data, STOA_F32, STOA_BF16, false};
    stoa_parallel(ctx, n, stoa_grain_bytes((double)n * 8, n), put_range, &w);
    return STOA_OK;
}

/* Gradients with x and dy of type c->dtype; dx is of type `to`. */
static stoa_status backward(stoa_ctx *ctx, const stoa_onednn_conv *c, const stoa_node *node,
                            const void *x, const void *dy, stoa_grad_ref dx, stoa_grad_ref dw,
                            stoa_grad_ref db) {
    stoa_onednn *o = stoa_cpu(ctx)->onednn;
    if (dw.data || db.data)
        STOA_TRY(stoa_onednn_conv_weight(ctx, o, c, x, dy, dw.data, dw.add, db.data, db.add));
    if (!dx.data)
        return STOA_OK;
    const float *weight = node->in[1]->data;
    if (!dx.add && dx.dtype == c->dtype)
        return stoa_onednn_conv_input(ctx, o, c, dy, weight, dx.data);
    int64_t n = stoa_numel(node->in[0]);
    void *share = stoa_scratch(ctx, (size_t)n * stoa_dtype_size(c->dtype));
    if (!share)
        return STOA_ERR_MEMORY;
    STOA_TRY(stoa_onednn_conv_input(ctx, o, c, dy, weight, share));
    put_job w = {share, dx.data, c->dtype, dx.dtype, dx.add};
    stoa_parallel(ctx, n, stoa_grain_bytes((double)n * 8, n), put_range, &w);
    return STOA_OK;
}

static void clear(stoa_grad_ref g, const stoa_tensor *t) {
    if (g.data && !g.add)
        memset(g.data, 0, stoa_nbytes(t));
}

stoa_status stoa_cpu_conv2d_backward(stoa_ctx *ctx, stoa_node *node) {
    if (!types_known(node))
        return STOA_ERR_UNSUPPORTED;
    const void *dy = stoa_grad_out(node, 0).data;
    stoa_grad_ref dx = stoa_grad_take(node, 0), dw = stoa_grad_take(node, 1);
    stoa_grad_ref db = stoa_grad_take(node, 2);
    stoa_onednn_conv c = shape_of(node);
    int64_t y_n = stoa_numel(node->out[0]), x_n = stoa_numel(node->in[0]);
    if (y_n == 0) {
        clear(dx, node->in[0]);
        clear(dw, node->in[1]);
        if (db.data)
            clear(db, node->in[2]);
        return STOA_OK;
    }
    stoa_status status = backward(ctx, &c, node, node->in[0]->data, dy, dx, dw, db);
    if (status != STOA_ERR_UNSUPPORTED || c.dtype == STOA_F32)
        return status;
    const void *x = stoa_scratch_as(ctx, STOA_F32, node->in[0]->data, STOA_BF16, x_n);
    const void *wide = stoa_scratch_as(ctx, STOA_F32, dy, STOA_BF16, y_n);
    if (!x || !wide)
        return STOA_ERR_MEMORY;
    c.dtype = STOA_F32;
    return backward(ctx, &c, node, x, wide, dx, dw, db);
}
