/*
 * model/icl_resnet.c - the image embedder that Chan et al. 2022 released: a ResNet (v1) of
 * bottleneck blocks for 105 x 105 drawings, 22,176 parameters.
 *
 * 7x7/2 convolution of 64 channels, norm, ReLU, 3x3/2 maxima; four groups of two blocks; mean over
 * the places left. A block: 1x1 to a quarter of its channels, 3x3 with the group's stride, 1x1 to
 * its channels, a batch norm after each, ReLU between and after the sum; a group's first block has
 * a 1x1 convolution and a norm on the way past. Padding as TensorFlow's SAME.
 */
#include <stdio.h>

#include "model/icl.h"

static const struct {
    int64_t channels;
    int stride;
} groups[] = {{16, 1}, {32, 2}, {32, 2}, {64, 2}};
enum { GROUPS = sizeof groups / sizeof *groups, BLOCKS = 2 };

static const double decay = 0.9, eps = 1e-5;

/* ---- declaring ------------------------------------------------------------------------------- */

static stoa_tensor *buffer(stoa_icl *icl, const char *prefix, const char *leaf, int64_t n,
                           stoa_init init) {
    stoa_param *p = stoa_icl_vector(icl, prefix, leaf, n, init);
    if (p)
        p->trained = false;
    return p ? &p->tensor : NULL;
}

static stoa_tensor *tensor_of(stoa_param *p) {
    return p ? &p->tensor : NULL;
}

/* A convolution without bias and its norm; `quiet`: the norm's scale begins at 0, so that the block
 * begins as the way past it. */
static void add(stoa_icl *icl, const char *block, const char *part, int64_t in, int64_t out,
                int64_t size, bool quiet) {
    char prefix[64];
    snprintf(prefix, sizeof prefix, "%s.%s", block, part);
    stoa_icl_conv *c = &icl->convs[icl->conv_count++];
    c->weight =
        tensor_of(stoa_icl_weight(icl, prefix, "weight", STOA_SHAPE(out, in, size, size), 1));
    c->scale = tensor_of(
        stoa_icl_vector(icl, prefix, "norm.scale", out, quiet ? STOA_INIT_ZERO : STOA_INIT_ONE));
    c->shift = tensor_of(stoa_icl_vector(icl, prefix, "norm.shift", out, STOA_INIT_ZERO));
    c->running_mean = buffer(icl, prefix, "norm.mean", out, STOA_INIT_ZERO);
    c->running_var = buffer(icl, prefix, "norm.variance", out, STOA_INIT_ONE);
}

void stoa_icl_resnet_declare(stoa_icl *icl) {
    char block[32];
    int64_t in = 64;
    add(icl, "item", "first", icl->options.item[2], in, 7, false);
    for (int g = 0; g < GROUPS; g++)
        for (int b = 0; b < BLOCKS; b++) {
            int64_t out = groups[g].channels, narrow = out / 4;
            snprintf(block, sizeof block, "item.group%d.block%d", g, b);
            if (b == 0)
                add(icl, block, "past", in, out, 1, false);
            add(icl, block, "conv1", in, narrow, 1, false);
            add(icl, block, "conv2", narrow, narrow, 3, false);
            add(icl, block, "conv3", narrow, out, 1, true);
            in = out;
        }
}

/* ---- running --------------------------------------------------------------------------------- */

static stoa_tensor *apply(stoa_ctx *ctx, const stoa_icl_conv *c, stoa_tensor *x, int stride) {
    int size = (int)c->weight->shape[2];
    x = stoa_conv2d(ctx, x, c->weight, NULL, stoa_icl_same(x, size, stride));
    return stoa_batch_norm(ctx, x, c->scale, c->shift, c->running_mean, c->running_var, decay, eps);
}

/* The first layers, down to a quarter of the picture's sides: their planes are far larger than all
 * that follows, and made one picture at a time where a window fits. */
static stoa_tensor *first(stoa_ctx *ctx, const stoa_icl_conv *c, stoa_tensor *x) {
    enum { FITS = 64 };
    int size = (int)c->weight->shape[2];
    stoa_conv_options conv = stoa_icl_same(x, size, 2);
    if (stoa_numel(c->weight) / c->weight->shape[0] > FITS) { // several input channels
        x = stoa_relu(ctx, apply(ctx, c, x, 2));
        return stoa_max_pool(ctx, x, 3, stoa_icl_same(x, 3, 2));
    }
    const stoa_tensor planes = {
        .shape = {0, 0, (x->shape[2] + 1) / 2, (x->shape[3] + 1) / 2}}; // after the convolution
    stoa_conv_norm_pool_options how = {
        .conv = conv, .pool = stoa_icl_same(&planes, 3, 2), .size = 3, .decay = decay, .eps = eps};
    return stoa_conv_norm_pool(ctx, x, c->weight, c->scale, c->shift, c->running_mean,
                               c->running_var, &how);
}

stoa_tensor *stoa_icl_resnet(stoa_ctx *ctx, const stoa_icl *icl, int64_t rows, const float *items) {
    const stoa_icl_conv *c = icl->convs;
    stoa_tensor *x = first(ctx, c++, stoa_icl_picture(ctx, icl, rows, items));
    for (int g = 0; g < GROUPS; g++)
        for (int b = 0; b < BLOCKS; b++) {
            int stride = b == 0 ? groups[g].stride : 1;
            stoa_tensor *past = b == 0 ? apply(ctx, c++, x, stride) : x;
            stoa_tensor *y = stoa_relu(ctx, apply(ctx, c, x, 1));
            y = stoa_relu(ctx, apply(ctx, c + 1, y, stride));
            y = apply(ctx, c + 2, y, 1);
            x = stoa_relu(ctx, stoa_add(ctx, y, past));
            c += 3;
        }
    int64_t places = x->shape[2] * x->shape[3];
    x = stoa_reshape(ctx, x, STOA_SHAPE(rows, x->shape[1], places));
    return stoa_mean(ctx, x, 2); // (R, 64), full precision
}
