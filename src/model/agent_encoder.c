/*
 * model/agent_encoder.c - observations to the encoding x.
 *
 * The first joint layer is a linear layer on all spaces side by side, written as a sum: the numbers
 * of all boxes go through their columns of its weight, categories pick their rows (a one-hot
 * vector's product), so no one-hot vector is ever made. Then ReLU, then further ReLU layers.
 */
#include <math.h>
#include <stdio.h>

#include "model/agent.h"

static bool is_category(const stoa_space *s) {
    return s->kind == STOA_SPACE_CATEGORIES;
}

/* Inputs of the first joint layer for one instance; 0: no encoder for this space. */
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
    int64_t n = o->encoder_width, numbers = 0, sum = 0; /* inputs that differ from 0 at once */
    for (int i = 0; i < agent->spec.observation_count; i++) {
        const stoa_space *s = &agent->spec.observations[i];
        int64_t inputs = inputs_of(s);
        if (inputs == 0)
            return stoa_fail(
                err, STOA_ERR_UNSUPPORTED,
                "no encoder for observation \"%s\": a %s of type %s with %lld elements", s->name,
                stoa_space_kind_name(s->kind), stoa_dtype_name(s->dtype),
                (long long)stoa_space_numel(s));
        sum += stoa_space_numel(s);
        numbers += is_category(s) ? 0 : inputs;
    }
    if (sum == 0)
        return stoa_fail(err, STOA_ERR_UNSUPPORTED, "the environment %s has no observations",
                         agent->spec.name);
    double scale = sqrt(2.0 / (double)sum);
    if (numbers > 0)
        agent->numbers = stoa_agent_param(params, "encoder.numbers.weight", NULL, NULL,
                                          STOA_SHAPE(n, numbers), STOA_INIT_NORMAL, scale, true);
    for (int i = 0; i < agent->spec.observation_count; i++) {
        const stoa_space *s = &agent->spec.observations[i];
        if (is_category(s))
            agent->encoders[i].table =
                stoa_agent_param(params, "encoder", s->name, "table", STOA_SHAPE(inputs_of(s), n),
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
static stoa_tensor *numbers_of(stoa_ctx *ctx, const stoa_space *s, int64_t rows, const void *host) {
    stoa_tensor *raw = stoa_from(ctx, s->dtype, STOA_SHAPE(rows, stoa_space_numel(s)), host);
    stoa_tensor *x = stoa_cast(ctx, raw, stoa_ctx_compute(ctx));
    double unit = unit_of(s);
    return unit == 1 ? x : stoa_affine(ctx, x, unit, 0);
}

/* The numbers of all boxes side by side. */
static stoa_tensor *all_numbers(stoa_ctx *ctx, const stoa_agent *agent,
                                const stoa_agent_input *input) {
    enum { MOST = 6 }; /* parts that one concat takes */
    stoa_tensor *parts[MOST];
    int count = 0;
    for (int i = 0; i < agent->spec.observation_count; i++) {
        const stoa_space *s = &agent->spec.observations[i];
        if (is_category(s))
            continue;
        if (count == MOST) {
            parts[0] = stoa_concat(ctx, parts, count, -1);
            count = 1;
        }
        parts[count++] = numbers_of(ctx, s, input->steps * input->batch, input->observations[i]);
    }
    return stoa_concat(ctx, parts, count, -1);
}

stoa_tensor *stoa_agent_encode(stoa_ctx *ctx, const stoa_agent *agent,
                               const stoa_agent_input *input) {
    stoa_dtype compute = stoa_ctx_compute(ctx);
    int64_t rows = input->steps * input->batch, n = agent->options.encoder_width;
    stoa_tensor *sum = agent->joint_bias; // (N), then (R, N)
    if (agent->numbers)
        sum = stoa_linear(ctx, all_numbers(ctx, agent, input), agent->numbers, sum, compute);
    for (int i = 0; i < agent->spec.observation_count; i++) {
        const stoa_space *s = &agent->spec.observations[i];
        if (!is_category(s))
            continue;
        stoa_tensor *ids =
            stoa_from(ctx, s->dtype, STOA_SHAPE(rows, stoa_space_numel(s)), input->observations[i]);
        sum = stoa_embedding_sum(ctx, agent->encoders[i].table, ids, sum, compute);
    }
    stoa_tensor *x = stoa_relu(ctx, sum);
    for (int64_t i = 1; i < agent->options.encoder_layers; i++)
        x = stoa_relu(ctx, stoa_linear_apply(ctx, &agent->layers[i], x, compute));
    return stoa_reshape(ctx, x, STOA_SHAPE(input->steps, input->batch, n));
}
