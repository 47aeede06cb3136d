/*
 * model/agent_image.c - images to features. A network is a table of steps; declaring and running
 * walk the same table.
 *
 * Small: for windows of a few pixels. IMPALA: the deep network of Espeholt et al. 2018. ResNet: the
 * one for 32 x 32 images of He et al. 2016 with two blocks a stage and without batch norm, whose
 * statistics would differ between acting and learning.
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "model/agent.h"

typedef enum step_kind {
    END,
    CONV,
    RELU,
    POOL, /* 3 x 3 maxima, stride 2 */
    KEEP, /* remember x */
    JOIN, /* add what was kept, through a 1 x 1 convolution where shapes differ */
    MEAN, /* over the picture */
} step_kind;

typedef struct step {
    step_kind kind;
    int channels, size, stride, pad; /* CONV */
} step;

#define SAME(channels, stride)                                                                     \
    { CONV, channels, 3, stride, 1 }
#define BEFORE(c)                                                                                  \
    {KEEP, 0, 0, 0, 0}, {RELU, 0, 0, 0, 0}, SAME(c, 1), {RELU, 0, 0, 0, 0}, SAME(c, 1), {          \
        JOIN, 0, 0, 0, 0                                                                           \
    }
#define AFTER(c, stride)                                                                           \
    {KEEP, 0, 0, 0, 0}, SAME(c, stride), {RELU, 0, 0, 0, 0}, SAME(c, 1), {JOIN, 0, 0, 0, 0}, {     \
        RELU, 0, 0, 0, 0                                                                           \
    }
#define STAGE(c) SAME(c, 1), {POOL, 0, 0, 0, 0}, BEFORE(c), BEFORE(c)

static const step small[] = {
    {CONV, 32, 2, 1, 0}, {RELU, 0, 0, 0, 0}, {CONV, 64, 2, 1, 0}, {RELU, 0, 0, 0, 0}, {0}};
static const step impala[] = {STAGE(16), STAGE(32), STAGE(32), {RELU, 0, 0, 0, 0}, {0}};
static const step resnet[] = {
    SAME(16, 1),  {RELU, 0, 0, 0, 0}, AFTER(16, 1), AFTER(16, 1),       AFTER(32, 2),
    AFTER(32, 1), AFTER(64, 2),       AFTER(64, 1), {MEAN, 0, 0, 0, 0}, {0}};

static const step *const networks[] = {
    [STOA_IMAGE_SMALL] = small, [STOA_IMAGE_IMPALA] = impala, [STOA_IMAGE_RESNET] = resnet};

/* ---- declaring ------------------------------------------------------------------------------- */

typedef struct size {
    int64_t channels, height, width;
} size;

/* Positions of a window along an axis; 0: it does not fit. */
static int64_t positions(int64_t length, const step *s) {
    int64_t room = length + 2 * s->pad - s->size;
    return room < 0 ? 0 : room / s->stride + 1;
}

static void add_conv(stoa_agent_encoder *e, stoa_params *params, const char *name, int64_t in,
                     int64_t out, int64_t side) {
    assert(e->conv_count < STOA_AGENT_CONVS);
    char prefix[64];
    snprintf(prefix, sizeof prefix, "encoder.%s.conv%d", name, e->conv_count + 1);
    stoa_linear_layer *conv = &e->convs[e->conv_count++];
    conv->weight = stoa_agent_param(params, prefix, "weight", NULL, STOA_SHAPE(out, in, side, side),
                                    STOA_INIT_NORMAL, sqrt(2.0 / (double)(in * side * side)), true);
    conv->bias =
        stoa_agent_param(params, prefix, "bias", NULL, STOA_SHAPE(out), STOA_INIT_ZERO, 0, false);
}

int64_t stoa_agent_image_declare(stoa_agent_encoder *e, stoa_params *params,
                                 const stoa_space *space, int kind) {
    size x = {space->shape[2], space->shape[0], space->shape[1]}, kept = x;
    for (const step *s = networks[kind]; s->kind != END; s++)
        switch (s->kind) {
        case CONV:
            add_conv(e, params, space->name, x.channels, s->channels, s->size);
            x = (size){s->channels, positions(x.height, s), positions(x.width, s)};
            if (x.height == 0 || x.width == 0)
                return 0;
            break;
        case POOL:
            x.height = (x.height - 1) / 2 + 1;
            x.width = (x.width - 1) / 2 + 1;
            break;
        case KEEP:
            kept = x;
            break;
        case JOIN:
            if (kept.channels != x.channels || kept.height != x.height || kept.width != x.width)
                add_conv(e, params, space->name, kept.channels, x.channels, 1);
            break;
        case MEAN:
            x.height = x.width = 1;
            break;
        default:
            break;
        }
    return x.channels * x.height * x.width;
}

/* ---- running --------------------------------------------------------------------------------- */

/* U8 (R, H, W, C) in host memory -> (R, C, H, W) in [0, 1] */
static stoa_tensor *pixels(stoa_ctx *ctx, const stoa_space *space, int64_t rows, const void *host) {
    int64_t h = space->shape[0], w = space->shape[1], c = space->shape[2];
    stoa_tensor *x = stoa_from(ctx, STOA_U8, STOA_SHAPE(rows, h * w, c), host);
    x = stoa_cast_scaled(ctx, stoa_transpose(ctx, x, 1, 2), stoa_ctx_compute(ctx), 1.0 / 255);
    return stoa_reshape(ctx, x, STOA_SHAPE(rows, c, h, w));
}

/* x + what was kept; both (R, C, H, W) after the 1 x 1 convolution. */
static stoa_tensor *join(stoa_ctx *ctx, stoa_tensor *x, stoa_tensor *kept,
                         const stoa_linear_layer *conv, int *used) {
    bool same = true;
    for (int i = 1; i < 4; i++)
        same = same && x->shape[i] == kept->shape[i];
    if (!same) {
        conv += (*used)++;
        int stride = (int)((kept->shape[2] - 1) / x->shape[2] + 1);
        kept =
            stoa_conv2d(ctx, kept, conv->weight, conv->bias, (stoa_conv_options){.stride = stride});
    }
    return stoa_add(ctx, x, kept);
}

stoa_tensor *stoa_agent_image(stoa_ctx *ctx, const stoa_agent_encoder *e, const stoa_space *space,
                              int kind, int64_t rows, const void *host) {
    stoa_tensor *x = pixels(ctx, space, rows, host), *kept = x;
    int used = 0;
    for (const step *s = networks[kind]; s->kind != END; s++)
        switch (s->kind) {
        case CONV: {
            const stoa_linear_layer *conv = &e->convs[used++];
            stoa_conv_options how = {s->stride, s->pad, s->pad, s->pad, s->pad};
            x = stoa_conv2d(ctx, x, conv->weight, conv->bias, how);
            break;
        }
        case RELU:
            x = stoa_relu(ctx, x);
            break;
        case POOL:
            x = stoa_max_pool(ctx, x, 3, (stoa_conv_options){2, 1, 1, 1, 1});
            break;
        case KEEP:
            kept = x;
            break;
        case JOIN:
            x = join(ctx, x, kept, e->convs, &used);
            break;
        default: { /* MEAN */
            int64_t c = x->shape[1], places = x->shape[2] * x->shape[3];
            x = stoa_mean(ctx, stoa_reshape(ctx, x, STOA_SHAPE(rows, c, places)), 2);
            x = stoa_cast(ctx, x, stoa_ctx_compute(ctx));
        }
        }
    return stoa_reshape(ctx, x, STOA_SHAPE(rows, stoa_numel(x) / rows)); // (R, F)
}
