/*
 * nn/layers.c - linear maps and norms: their parameters and the call that uses them.
 *
 * When a declaration fails the layer holds NULL tensors; stoa_params_allocate then fails too, so
 * such a layer is never applied.
 */
#include "stoa/nn.h"

#include <stdio.h>

/* Inside the norms' square root (Vaswani et al. 2017 codebases and GPT-2 use this value). */
static const double norm_eps = 1e-5;

/* Declares "<prefix>.<leaf>". A name that does not fit the buffer is too long for a parameter. */
static stoa_tensor *declare(stoa_params *params, const char *prefix, const char *leaf, int ndim,
                            const int64_t *shape, stoa_init init, double scale, bool decay) {
    char name[256];
    snprintf(name, sizeof name, "%s.%s", prefix, leaf);
    stoa_param *param = stoa_params_add(params, name, ndim, shape, init, scale, decay);
    return param ? &param->tensor : NULL;
}

stoa_linear_layer stoa_linear_new(stoa_params *params, const char *prefix, int64_t in, int64_t out,
                                  bool bias, double scale) {
    stoa_init init = scale > 0 ? STOA_INIT_NORMAL : STOA_INIT_ZERO;
    return (stoa_linear_layer){
        .weight = declare(params, prefix, "weight", STOA_SHAPE(out, in), init, scale, true),
        .bias = bias ? declare(params, prefix, "bias", STOA_SHAPE(out), STOA_INIT_ZERO, 0, false)
                     : NULL,
    };
}

/* x (..., in) -> (..., out) */
stoa_tensor *stoa_linear_apply(stoa_ctx *ctx, const stoa_linear_layer *layer, stoa_tensor *x,
                               stoa_dtype out) {
    return stoa_linear(ctx, x, layer->weight, layer->bias, out);
}

stoa_norm_layer stoa_norm_new(stoa_params *params, const char *prefix, stoa_norm_kind kind,
                              int64_t width, bool bias) {
    bool shifted = bias && kind == STOA_NORM_LAYER;
    return (stoa_norm_layer){
        .kind = kind,
        .weight = declare(params, prefix, "weight", STOA_SHAPE(width), STOA_INIT_ONE, 0, false),
        .bias = shifted
                    ? declare(params, prefix, "bias", STOA_SHAPE(width), STOA_INIT_ZERO, 0, false)
                    : NULL,
    };
}

/* x (..., width) -> (..., width) */
stoa_tensor *stoa_norm_apply(stoa_ctx *ctx, const stoa_norm_layer *norm, stoa_tensor *x,
                             stoa_dtype out) {
    return norm->kind == STOA_NORM_LAYER
               ? stoa_layer_norm(ctx, x, norm->weight, norm->bias, norm_eps, out)
               : stoa_rms_norm(ctx, x, norm->weight, norm_eps, out);
}

/* x, delta, *sum (..., width) -> (..., width) */
stoa_tensor *stoa_norm_residual(stoa_ctx *ctx, const stoa_norm_layer *norm, stoa_tensor *x,
                                stoa_tensor *delta, stoa_dtype out, stoa_tensor **sum) {
    return stoa_residual_norm(ctx, x, delta, norm->weight, norm->bias,
                              norm->kind == STOA_NORM_LAYER, norm_eps, out, sum);
}
