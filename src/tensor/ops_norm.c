/* tensor/ops_norm.c - front ends of normalisations. */
#include <assert.h>

#include "tensor/node.h"

static bool is_float(stoa_dtype dtype) {
    return dtype == STOA_F32 || dtype == STOA_BF16 || dtype == STOA_F64;
}

static bool is_vector(const stoa_tensor *t, int64_t n) {
    return t->ndim == 1 && t->shape[0] == n;
}

/* The result of type out, and what backward needs: 1 / deviation and (layer norm) mean, (rows). */
static void prepare(stoa_ctx *ctx, stoa_node *node, const stoa_tensor *x, bool layer,
                    stoa_dtype out) {
    assert(is_float(x->dtype) && is_float(out) && x->ndim >= 1);
    node->out[0] = stoa_like(ctx, x, out);
    if (!stoa_node_wants_grad(ctx, node))
        return;
    int64_t rows = stoa_rows(x);
    node->save[0] = stoa_new(ctx, stoa_ctx_full(ctx), 1, &rows);
    if (layer)
        node->save[1] = stoa_new(ctx, stoa_ctx_full(ctx), 1, &rows);
}

stoa_tensor *stoa_layer_norm(stoa_ctx *ctx, stoa_tensor *x, stoa_tensor *weight, stoa_tensor *bias,
                             double eps, stoa_dtype out) {
    assert(is_vector(weight, stoa_cols(x)) && (!bias || is_vector(bias, stoa_cols(x))));
    stoa_node node = {
        .op = STOA_OP_LAYER_NORM, .in = {x, weight, bias}, .p.norm = {.eps = eps, .layer = true}};
    prepare(ctx, &node, x, true, out);
    return stoa_node_run(ctx, &node);
}

stoa_tensor *stoa_rms_norm(stoa_ctx *ctx, stoa_tensor *x, stoa_tensor *weight, double eps,
                           stoa_dtype out) {
    assert(is_vector(weight, stoa_cols(x)));
    stoa_node node = {.op = STOA_OP_RMS_NORM, .in = {x, weight}, .p.norm = {.eps = eps}};
    prepare(ctx, &node, x, false, out);
    return stoa_node_run(ctx, &node);
}

stoa_tensor *stoa_residual_norm(stoa_ctx *ctx, stoa_tensor *x, stoa_tensor *delta,
                                stoa_tensor *weight, stoa_tensor *bias, bool layer, double eps,
                                stoa_dtype out, stoa_tensor **sum) {
    assert(is_float(delta->dtype) && stoa_numel(delta) == stoa_numel(x));
    assert(stoa_cols(delta) == stoa_cols(x) && is_vector(weight, stoa_cols(x)));
    assert(!bias || (layer && is_vector(bias, stoa_cols(x))));
    stoa_node node = {.op = STOA_OP_RESIDUAL_NORM,
                      .in = {x, weight, bias, delta},
                      .p.norm = {.eps = eps, .layer = layer}};
    prepare(ctx, &node, x, layer, out);
    node.out[1] = stoa_like(ctx, x, x->dtype);
    *sum = node.out[1];
    return stoa_node_run(ctx, &node);
}

stoa_tensor *stoa_batch_norm(stoa_ctx *ctx, stoa_tensor *x, stoa_tensor *weight, stoa_tensor *bias,
                             stoa_tensor *running_mean, stoa_tensor *running_var, double decay,
                             double eps) {
    assert(is_float(x->dtype) && (x->ndim == 2 || x->ndim == 4));
    int64_t c = x->shape[1];
    assert(is_vector(weight, c) && is_vector(bias, c));
    assert(is_vector(running_mean, c) && is_vector(running_var, c));
    stoa_node node = {.op = STOA_OP_BATCH_NORM,
                      .in = {x, weight, bias, running_mean, running_var},
                      .out = {stoa_like(ctx, x, x->dtype)},
                      .p.norm = {.eps = eps, .decay = decay, .training = ctx->training}};
    // the mean and 1 / deviation that were used, (C)
    node.save[0] = stoa_new(ctx, stoa_ctx_full(ctx), 1, &c);
    node.save[1] = stoa_new(ctx, stoa_ctx_full(ctx), 1, &c);
    return stoa_node_run(ctx, &node);
}

stoa_tensor *stoa_l2_normalize(stoa_ctx *ctx, stoa_tensor *x, double eps) {
    assert(is_float(x->dtype) && x->ndim >= 1);
    stoa_node node = {.op = STOA_OP_L2_NORMALIZE,
                      .in = {x},
                      .out = {stoa_like(ctx, x, x->dtype)},
                      .p.norm = {.eps = eps}};
    return stoa_node_run(ctx, &node);
}
