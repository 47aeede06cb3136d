/*
 * model/agent_encoder.c - observations to the encoding x.
 *
 * The first joint layer is a linear layer on all spaces side by side, written as a sum: numbers go
 * through their columns of its weight, categories pick their rows (a one-hot vector's product), so
 * nothing is ever laid side by side and no one-hot vector is made. Then ReLU, then further ReLU
 * layers.
 */
#include <math.h>
#include <stdio.h>

#include "model/agent.h"

static bool is_category(const stoa_space *s) {
    return s->kind == STOA_SPACE_CATEGORIES;
}

/* Numbers of one instance as the encoder counts them; 0: no encoder for this space. */
static int64_t inputs_of(const stoa_space *s) {
    int64_t n = stoa_space_numel(s);
    switch (s->kind) {
    case STOA_SPACE_BOX:
        return s->dtype == STOA_F32 || s->dtype == STOA_U8 ? n : 0;
    case STOA_SPACE_CATEGORIES:
        return s->dtype == STOA_U8 || s->dtype == STOA_I32 ? n * s->categories : 0;
    case STOA_SPACE_IMAGE:
        return s->dtype == STOA_U8 ? n : 0;
    default:
        return 0;
    }
}

stoa_status stoa_agent_encoder_declare(stoa_agent *agent, stoa_params *params, stoa_error *err) {
    const stoa_agent_options *o = &agent->options;
    int64_t n = o->encoder_width, sum = 0;
    for (int i = 0; i < agent->spec.observation_count; i++) {
        stoa_agent_encoder *e = &agent->encoders[i];
        e->space = agent->spec.observations[i];
        e->inputs = inputs_of(&e->space);
        if (e->inputs == 0)
            return stoa_fail(
                err, STOA_ERR_UNSUPPORTED,
                "no encoder for observation \"%s\": a %s of type %s with %lld elements",
                e->space.name, stoa_space_kind_name(e->space.kind), stoa_dtype_name(e->space.dtype),
                (long long)stoa_space_numel(&e->space));
        e->sum = is_category(&e->space) ? stoa_space_numel(&e->space) : e->inputs;
        sum += e->sum;
    }
    if (sum == 0)
        return stoa_fail(err, STOA_ERR_UNSUPPORTED, "the environment %s has no observations",
                         agent->spec.name);
    double scale = sqrt(2.0 / (double)sum);
    for (int i = 0; i < agent->spec.observation_count; i++) {
        stoa_agent_encoder *e = &agent->encoders[i];
        bool rows = is_category(&e->space);
        e->weight = stoa_agent_param(params, "encoder", e->space.name, rows ? "table" : "weight",
                                     STOA_SHAPE(rows ? e->inputs : n, rows ? n : e->inputs),
                                     STOA_INIT_NORMAL, scale, true);
    }
    agent->joint_bias =
        stoa_agent_param(params, "encoder", NULL, "bias", STOA_SHAPE(n), STOA_INIT_ZERO, 0, false);
    for (int64_t i = 1; i < o->encoder_layers; i++) {
        char prefix[32];
        snprintf(prefix, sizeof prefix, "encoder.layers.%d", (int)i);
        agent->layers[i] = stoa_linear_new(params, prefix, n, n, true, sqrt(2.0 / (double)n));
    }
    return STOA_OK;
}

/* ---- forward --------------------------------------------------------------------------------- */

/* What makes numbers of one size of U8: pixels and U8 boxes come to lie in [0, 1]. */
static double unit_of(const stoa_space *s) {
    if (s->dtype != STOA_U8)
        return 1;
    if (s->kind == STOA_SPACE_IMAGE)
        return 1.0 / 255;
    return s->high > 1 && s->high <= 255 ? 1 / s->high : 1;
}

/* (R, K) of the compute type */
static stoa_tensor *numbers(stoa_ctx *ctx, const stoa_space *s, int64_t rows, const void *host) {
    stoa_dtype compute = stoa_ctx_compute(ctx);
    stoa_tensor *raw = stoa_from(ctx, s->dtype, STOA_SHAPE(rows, stoa_space_numel(s)), host);
    stoa_tensor *x = raw->dtype == compute ? raw : stoa_cast(ctx, raw, compute);
    double unit = unit_of(s);
    return unit == 1 ? x : stoa_affine(ctx, x, unit, 0);
}

/* (R, E) I32: the row of the table that each element picks */
static stoa_tensor *choices(stoa_ctx *ctx, const stoa_space *s, int64_t rows, const void *host) {
    int64_t elements = stoa_space_numel(s);
    stoa_tensor *ids = stoa_new(ctx, STOA_I32, STOA_SHAPE(rows, elements));
    if (!stoa_ctx_computes(ctx) || !ids->data)
        return ids;
    int32_t *to = ids->data, categories = (int32_t)s->categories;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t e = 0; e < elements; e++) {
            int64_t at = r * elements + e;
            int32_t c =
                s->dtype == STOA_U8 ? ((const uint8_t *)host)[at] : ((const int32_t *)host)[at];
            to[at] = (int32_t)e * categories + c;
        }
    return ids;
}

stoa_tensor *stoa_agent_encode(stoa_ctx *ctx, const stoa_agent *agent,
                               const stoa_agent_input *input) {
    stoa_dtype compute = stoa_ctx_compute(ctx);
    int64_t rows = input->steps * input->batch, n = agent->options.encoder_width;
    stoa_tensor *sum = NULL, *bias = agent->joint_bias;
    for (int i = 0; i < agent->spec.observation_count; i++) {
        const stoa_agent_encoder *e = &agent->encoders[i];
        const void *host = input->observations[i];
        stoa_tensor *part; // (R, N)
        if (is_category(&e->space)) {
            stoa_tensor *picked =
                stoa_embedding(ctx, e->weight, choices(ctx, &e->space, rows, host), compute);
            part = stoa_cast(ctx, stoa_sum(ctx, picked, 1), compute);
        } else {
            part = stoa_linear(ctx, numbers(ctx, &e->space, rows, host), e->weight, bias, compute);
            bias = NULL;
        }
        sum = sum ? stoa_add(ctx, sum, part) : part;
    }
    if (bias)
        sum = stoa_add(ctx, sum, bias);
    stoa_tensor *x = stoa_relu(ctx, sum);
    for (int64_t i = 1; i < agent->options.encoder_layers; i++)
        x = stoa_relu(ctx, stoa_linear_apply(ctx, &agent->layers[i], x, compute));
    return stoa_reshape(ctx, x, STOA_SHAPE(input->steps, input->batch, n));
}
