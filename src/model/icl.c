/*
 * model/icl.c - the classifier of in-context learning: construction and forward pass.
 *
 * Chan et al. 2022, arXiv 2205.05055, and the code they released: sizes, positions and initial
 * values are theirs; tests hold the counts of parameters against the paper's appendix.
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/icl.h"

/* ---- options --------------------------------------------------------------------------------- */

stoa_status stoa_icl_options_check(stoa_icl_options *o, stoa_error *err) {
    if (o->mlp_width == 0)
        o->mlp_width = 4 * o->width;
    if ((o->valued ? o->labels != 1 : o->labels < 2) || o->pairs < 1 || o->item[0] < 1)
        return stoa_fail(err, STOA_ERR_USAGE, "the data needs at least 2 labels and 1 pair");
    if (o->pairs > STOA_ICL_PAIRS)
        return stoa_fail(err, STOA_ERR_USAGE, "data.pairs is %lld; at most %d fit a model",
                         (long long)o->pairs, STOA_ICL_PAIRS);
    if (o->layers < 1 || o->layers > STOA_MAX_LAYERS)
        return stoa_fail(err, STOA_ERR_USAGE, "model.layers is %lld; it must be 1 to %d",
                         (long long)o->layers, STOA_MAX_LAYERS);
    if (o->core == STOA_ICL_TRANSFORMER && (o->heads < 1 || o->width % o->heads != 0))
        return stoa_fail(err, STOA_ERR_USAGE,
                         "model.width %lld is not a multiple of model.heads %lld",
                         (long long)o->width, (long long)o->heads);
    if (o->position == STOA_ICL_SINUSOID && o->width % 2 != 0)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "model.position: sinusoid needs an even model.width, not %lld",
                         (long long)o->width);
    if (stoa_icl_embedders[o->embedder].picture && o->item[1] == 0)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "model.embedder: %s reads pictures, and the data's items are %lld plain "
                         "numbers; use linear, or data.source: glyphs",
                         stoa_icl_embedders[o->embedder].name, (long long)o->item[0]);
    if (o->embedder == STOA_ICL_RESNET && o->width != 64)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "model.embedder: resnet makes 64 numbers of a picture; set model.width: "
                         "64, not %lld",
                         (long long)o->width);
    if (o->capacity < 1 && (o->core != STOA_ICL_TRANSFORMER || o->layers < 2))
        return stoa_fail(err, STOA_ERR_USAGE,
                         "model.capacity routes every other block of a transformer; this model has "
                         "none");
    if (o->core == STOA_ICL_MINIMAL)
        return stoa_icl_minimal_check(o, err);
    return STOA_OK;
}

const char *stoa_icl_embedder_name(int embedder) {
    return stoa_icl_embedders[embedder].name;
}

/* ---- declaring ------------------------------------------------------------------------------- */

static stoa_param *add(stoa_icl *icl, const char *prefix, const char *leaf, int ndim,
                       const int64_t *shape, stoa_init init, double scale, bool decay) {
    char name[128];
    snprintf(name, sizeof name, "%s.%s", prefix, leaf);
    return stoa_params_add(icl->params, name, ndim, shape, init, scale, decay);
}

stoa_param *stoa_icl_weight(stoa_icl *icl, const char *prefix, const char *leaf, int ndim,
                            const int64_t *shape, double gain) {
    return add(icl, prefix, leaf, ndim, shape, STOA_INIT_NORMAL, gain, true);
}

stoa_param *stoa_icl_vector(stoa_icl *icl, const char *prefix, const char *leaf, int64_t n,
                            stoa_init init) {
    return add(icl, prefix, leaf, 1, &n, init, 0, false);
}

/* Turns gains into deviations. */
static void settle_weights(stoa_icl *icl) {
    const stoa_icl_options *o = &icl->options;
    for (int64_t i = 0; i < stoa_params_count(icl->params); i++) {
        stoa_param *p = stoa_params_at(icl->params, i);
        if (p->init != STOA_INIT_NORMAL)
            continue;
        int64_t inputs = stoa_numel(&p->tensor) / p->tensor.shape[0];
        p->scale /= sqrt((double)inputs);
        p->init = o->init == STOA_ICL_NORMAL ? STOA_INIT_NORMAL : STOA_INIT_TRUNCATED;
    }
    stoa_param *label = stoa_params_find(icl->params, "label.weight");
    if (label && o->core != STOA_ICL_MINIMAL)
        label->scale = o->label_scale;
    stoa_param *item = stoa_params_find(icl->params, "item.weight");
    if (item && o->item_scale > 0)
        item->scale = o->item_scale;
}

static void declare(stoa_icl *icl) {
    const stoa_icl_options *o = &icl->options;
    stoa_params *p = icl->params;
    int64_t tokens = 2 * o->pairs + 1;
    if (o->core == STOA_ICL_MINIMAL) {
        stoa_icl_minimal_declare(icl);
        icl->head = stoa_linear_new(p, "head", o->width, o->labels, false, 1);
        settle_weights(icl);
        return;
    }
    stoa_icl_embedders[o->embedder].declare(icl);
    if (o->valued) { // a number's square is that of the item's length
        icl->value = stoa_linear_new(p, "value", 1, o->width, true, 1 / sqrt((double)o->item[0]));
    } else {
        stoa_param *label =
            stoa_icl_weight(icl, "label", "weight", STOA_SHAPE(o->labels, o->width), 1);
        icl->label = label ? &label->tensor : NULL;
    }
    if (o->position == STOA_ICL_LEARNED) {
        stoa_param *place =
            stoa_icl_weight(icl, "position", "weight", STOA_SHAPE(tokens, o->width), 1);
        icl->place = place ? &place->tensor : NULL;
    }
    if (o->core == STOA_ICL_TRANSFORMER)
        stoa_icl_transformer_declare(icl);
    else
        stoa_icl_recurrent_declare(icl);
    if (o->final_norm)
        icl->norm = stoa_norm_new(p, "norm", STOA_NORM_LAYER, o->width, true);
    icl->head = stoa_linear_new(p, "head", o->width, o->labels, true, 1);
    settle_weights(icl);
}

/* Angle t * base^(-2i/N): N/2 sines, then as many cosines. */
static bool make_sinusoid(stoa_icl *icl) {
    const stoa_icl_options *o = &icl->options;
    int64_t tokens = 2 * o->pairs + 1, half = o->width / 2;
    icl->sinusoid = stoa_alloc((size_t)(tokens * o->width) * sizeof(float));
    for (int64_t t = 0; icl->sinusoid && t < tokens; t++)
        for (int64_t i = 0; i < half; i++) {
            double angle = (double)t * pow(o->position_base, -2.0 * (double)i / (double)o->width);
            icl->sinusoid[t * o->width + i] = (float)sin(angle);
            icl->sinusoid[t * o->width + half + i] = (float)cos(angle);
        }
    return icl->sinusoid != NULL;
}

stoa_status stoa_icl_new(stoa_icl **out, const stoa_icl_options *options, uint64_t seed,
                         bool with_grads, bool on_meta, stoa_error *err) {
    *out = NULL;
    stoa_icl *icl = stoa_alloc(sizeof *icl);
    if (icl)
        icl->options = *options;
    if (!icl || !(icl->params = stoa_params_new()) ||
        (options->position == STOA_ICL_SINUSOID && !make_sinusoid(icl))) {
        stoa_icl_free(icl);
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for the model");
    }
    declare(icl);
    stoa_status status = stoa_params_allocate(icl->params, seed, with_grads, on_meta, err);
    if (status != STOA_OK) {
        stoa_icl_free(icl);
        return status;
    }
    *out = icl;
    return STOA_OK;
}

void stoa_icl_free(stoa_icl *icl) {
    if (!icl)
        return;
    stoa_params_free(icl->params);
    stoa_free(icl->sinusoid);
    stoa_free(icl);
}

stoa_params *stoa_icl_params(const stoa_icl *icl) {
    return icl->params;
}

const stoa_icl_options *stoa_icl_options_of(const stoa_icl *icl) {
    return &icl->options;
}

/* ---- forward --------------------------------------------------------------------------------- */

/* Host numbers in full precision. */
static stoa_tensor *constant(stoa_ctx *ctx, int ndim, const int64_t *shape, const float *host) {
    stoa_tensor *t = stoa_new(ctx, stoa_ctx_full(ctx), ndim, shape);
    if (!stoa_ctx_computes(ctx) || !t->data)
        return t;
    if (t->dtype == STOA_F32)
        memcpy(t->data, host, stoa_nbytes(t));
    else
        for (int64_t i = 0; i < stoa_numel(t); i++)
            stoa_set(t, i, (double)host[i]);
    return t;
}

/* What stands behind the items of the pairs, (B, P, N). */
static stoa_tensor *answers(stoa_ctx *ctx, const stoa_icl *icl, const stoa_icl_input *in) {
    int64_t b = in->batch, pairs = icl->options.pairs;
    if (!icl->options.valued) {
        stoa_tensor *ids = stoa_from(ctx, STOA_I32, STOA_SHAPE(b, pairs), in->labels);
        return stoa_embedding(ctx, icl->label, ids, stoa_ctx_full(ctx));
    }
    stoa_tensor *y = constant(ctx, STOA_SHAPE(b, pairs + 1, 1), in->values);
    y = stoa_cast(ctx, stoa_slice(ctx, y, 1, 0, pairs), stoa_ctx_compute(ctx)); // (B, P, 1)
    return stoa_linear_apply(ctx, &icl->value, y, stoa_ctx_full(ctx));
}

/* The tokens of a batch, (B, T, N). */
static stoa_tensor *tokens(stoa_ctx *ctx, const stoa_icl *icl, const stoa_icl_input *in) {
    const stoa_icl_options *o = &icl->options;
    int64_t b = in->batch, pairs = o->pairs, n = o->width;
    stoa_tensor *e =
        stoa_icl_embedders[o->embedder].apply(ctx, icl, b * (pairs + 1), in->items); // (R, N)
    e = stoa_reshape(ctx, e, STOA_SHAPE(b, pairs + 1, n));
    stoa_tensor *label = answers(ctx, icl, in);           // (B, P, N)
    stoa_tensor *shown = stoa_slice(ctx, e, 1, 0, pairs); // (B, P, N)
    stoa_tensor *pair[] = {stoa_reshape(ctx, shown, STOA_SHAPE(b, pairs, 1, n)),
                           stoa_reshape(ctx, label, STOA_SHAPE(b, pairs, 1, n))};
    stoa_tensor *context = stoa_concat(ctx, pair, 2, 2); // (B, P, 2, N)
    stoa_tensor *all[] = {stoa_reshape(ctx, context, STOA_SHAPE(b, 2 * pairs, n)),
                          stoa_slice(ctx, e, 1, pairs, pairs + 1)};
    stoa_tensor *x = stoa_concat(ctx, all, 2, 1); // (B, T, N)
    if (icl->sinusoid)
        x = stoa_add(ctx, x, constant(ctx, STOA_SHAPE(2 * pairs + 1, n), icl->sinusoid));
    return icl->place ? stoa_add(ctx, x, icl->place) : x;
}

/* Rows 0, 2, ..., 2P of h (B, T, N): (B, P + 1, N). */
static stoa_tensor *items_of(stoa_ctx *ctx, const stoa_icl *icl, stoa_tensor *h) {
    int64_t b = h->shape[0], count = icl->options.pairs + 1;
    stoa_tensor *index = stoa_new(ctx, STOA_I32, STOA_SHAPE(b, count));
    if (stoa_ctx_computes(ctx) && index->data)
        for (int64_t i = 0; i < b * count; i++)
            ((int32_t *)index->data)[i] = (int32_t)(2 * (i % count));
    return stoa_gather_rows(ctx, h, index);
}

static stoa_tensor *run(stoa_ctx *ctx, const stoa_icl *icl, const stoa_icl_input *in,
                        stoa_icl_where where, float *maps) {
    const stoa_icl_options *o = &icl->options;
    stoa_dtype compute = stoa_ctx_compute(ctx);
    stoa_tensor *sum, *h;
    stoa_stream stream =
        o->core == STOA_ICL_MINIMAL
            ? stoa_icl_minimal(ctx, icl, stoa_icl_minimal_tokens(ctx, icl, in), where, maps)
        : o->core == STOA_ICL_TRANSFORMER
            ? stoa_icl_transformer(ctx, icl, tokens(ctx, icl, in), where, maps)
            : stoa_icl_recurrent(ctx, icl, tokens(ctx, icl, in), where);
    if (!icl->norm.weight)
        h = stoa_cast(ctx, stoa_stream_settle(ctx, stream, NULL), compute);
    else if (stream.delta)
        h = stoa_norm_residual(ctx, &icl->norm, stream.x, stream.delta, compute, &sum);
    else
        h = stoa_norm_apply(ctx, &icl->norm, stream.x, compute);
    if (where == STOA_ICL_ITEMS)
        h = items_of(ctx, icl, h); // (B, P + 1, N)
    else
        h = stoa_reshape(ctx, h, STOA_SHAPE(in->batch, o->width));
    return stoa_linear_apply(ctx, &icl->head, h, stoa_ctx_full(ctx));
}

stoa_tensor *stoa_icl_forward(stoa_ctx *ctx, const stoa_icl *icl, const stoa_icl_input *in,
                              stoa_icl_where where) {
    return run(ctx, icl, in, where, NULL);
}

bool stoa_icl_attends(const stoa_icl_options *o) {
    return o->core == STOA_ICL_TRANSFORMER || o->core == STOA_ICL_MINIMAL;
}

stoa_tensor *stoa_icl_attention(stoa_ctx *ctx, const stoa_icl *icl, const stoa_icl_input *in,
                                float *maps) {
    assert(stoa_icl_attends(&icl->options) && !stoa_ctx_grad(ctx));
    return run(ctx, icl, in, STOA_ICL_QUERY_FULL, maps);
}
