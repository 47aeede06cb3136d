/*
 * model/icl_embed.c - from items to tokens: a table of embedders, and the two simple ones. The
 * ResNet is in icl_resnet.c.
 */
#include <math.h>
#include <stdio.h>

#include "model/icl.h"

/* Host numbers (R, F) in compute type. */
static stoa_tensor *numbers(stoa_ctx *ctx, int64_t rows, int64_t each, const float *host) {
    stoa_dtype compute = stoa_ctx_compute(ctx);
    if (compute == STOA_BF16)
        return stoa_cast(ctx, stoa_from(ctx, STOA_F32, STOA_SHAPE(rows, each), host), compute);
    if (compute == STOA_F32)
        return stoa_from(ctx, compute, STOA_SHAPE(rows, each), host);
    stoa_tensor *x = stoa_new(ctx, compute, STOA_SHAPE(rows, each));
    for (int64_t i = 0; stoa_ctx_computes(ctx) && x->data && i < rows * each; i++)
        stoa_set(x, i, (double)host[i]);
    return x;
}

static int64_t item_size(const stoa_icl *icl) {
    const int64_t *item = icl->options.item;
    return item[1] == 0 ? item[0] : item[0] * item[1] * item[2];
}

/* ---- linear ---------------------------------------------------------------------------------- */

static void declare_linear(stoa_icl *icl) {
    icl->item = stoa_linear_new(icl->params, "item", item_size(icl), icl->options.width, true, 1);
}

static stoa_tensor *apply_linear(stoa_ctx *ctx, const stoa_icl *icl, int64_t rows,
                                 const float *items) {
    stoa_tensor *x = numbers(ctx, rows, item_size(icl), items); // (R, item)
    return stoa_linear_apply(ctx, &icl->item, x, stoa_ctx_full(ctx));
}

/* ---- convolutions ---------------------------------------------------------------------------- */

stoa_conv_options stoa_icl_same(const stoa_tensor *x, int size, int stride) {
    int before[2], after[2];
    for (int i = 0; i < 2; i++) {
        int length = (int)x->shape[2 + i];
        int pad = ((length + stride - 1) / stride - 1) * stride + size - length;
        pad = pad > 0 ? pad : 0;
        before[i] = pad / 2;
        after[i] = pad - pad / 2;
    }
    return (stoa_conv_options){stride, before[0], before[1], after[0], after[1]};
}

stoa_tensor *stoa_icl_picture(stoa_ctx *ctx, const stoa_icl *icl, int64_t rows,
                              const float *items) {
    const int64_t *item = icl->options.item;
    int64_t places = item[0] * item[1], channels = item[2];
    stoa_tensor *x = numbers(ctx, rows, places * channels, items);
    if (channels > 1) {
        x = stoa_reshape(ctx, x, STOA_SHAPE(rows, places, channels));
        x = stoa_transpose(ctx, x, 1, 2);
    }
    return stoa_reshape(ctx, x, STOA_SHAPE(rows, channels, item[0], item[1]));
}

static const int64_t conv_channels[] = {16, 32, 32, 64};
enum { CONVS = sizeof conv_channels / sizeof *conv_channels };

static void declare_conv(stoa_icl *icl) {
    const int64_t *item = icl->options.item;
    int64_t in = item[2], height = item[0], width = item[1];
    char prefix[32];
    for (int i = 0; i < CONVS; i++) {
        int64_t out = conv_channels[i];
        snprintf(prefix, sizeof prefix, "item.conv%d", i + 1);
        /* a ReLU halves the variance */
        stoa_param *w = stoa_icl_weight(icl, prefix, "weight", STOA_SHAPE(out, in, 3, 3), sqrt(2));
        stoa_param *b = stoa_icl_vector(icl, prefix, "bias", out, STOA_INIT_ZERO);
        icl->convs[icl->conv_count++] =
            (stoa_icl_conv){.weight = w ? &w->tensor : NULL, .bias = b ? &b->tensor : NULL};
        in = out;
        height = (height + 1) / 2;
        width = (width + 1) / 2;
    }
    icl->item =
        stoa_linear_new(icl->params, "item.out", in * height * width, icl->options.width, true, 1);
}

static stoa_tensor *apply_conv(stoa_ctx *ctx, const stoa_icl *icl, int64_t rows,
                               const float *items) {
    stoa_tensor *x = stoa_icl_picture(ctx, icl, rows, items);
    for (int i = 0; i < icl->conv_count; i++) {
        const stoa_icl_conv *c = &icl->convs[i];
        x = stoa_relu(ctx, stoa_conv2d(ctx, x, c->weight, c->bias, stoa_icl_same(x, 3, 2)));
    }
    x = stoa_reshape(ctx, x, STOA_SHAPE(rows, stoa_numel(x) / (rows > 0 ? rows : 1)));
    return stoa_linear_apply(ctx, &icl->item, x, stoa_ctx_full(ctx));
}

/* ---- the table ------------------------------------------------------------------------------- */

const stoa_icl_embedder_class stoa_icl_embedders[STOA_ICL_EMBEDDERS] = {
    [STOA_ICL_LINEAR] = {"linear", false, declare_linear, apply_linear},
    [STOA_ICL_CONV] = {"conv", true, declare_conv, apply_conv},
    [STOA_ICL_RESNET] = {"resnet", true, stoa_icl_resnet_declare, stoa_icl_resnet},
};
