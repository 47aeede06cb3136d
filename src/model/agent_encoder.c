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

/* How a space is read. */
typedef enum route { NUMBERS, OBJECTS, ROWS, IMAGE, TEXT, UNREAD, NO_ROUTE } route;

static route route_of(const stoa_agent *agent, const stoa_space *s) {
    stoa_dtype t = s->dtype;
    if (s->target)
        return UNREAD;
    switch (s->kind) {
    case STOA_SPACE_BOX:
        if (t != STOA_F32 && t != STOA_U8)
            return NO_ROUTE;
        return stoa_agent_reads_objects(agent, s) ? OBJECTS : NUMBERS;
    case STOA_SPACE_CATEGORIES:
        return (t == STOA_U8 || t == STOA_I32) && s->categories > 0 ? ROWS : NO_ROUTE;
    case STOA_SPACE_IMAGE:
        if (t != STOA_U8)
            return NO_ROUTE;
        return agent->options.image == STOA_IMAGE_FLAT ? NUMBERS : s->ndim == 3 ? IMAGE : NO_ROUTE;
    case STOA_SPACE_TEXT:
        return t == STOA_U8 ? TEXT : NO_ROUTE;
    default:
        return NO_ROUTE;
    }
}

/* Declares a space's own layers; returns how many inputs of the first joint layer differ from 0 at
 * once, or 0 when it has no encoder. */
static int64_t declare_space(stoa_agent *agent, stoa_params *params, int i) {
    const stoa_space *s = &agent->spec.observations[i];
    stoa_agent_encoder *e = &agent->encoders[i];
    switch (route_of(agent, s)) {
    case NUMBERS:
    case ROWS:
        return stoa_space_numel(s);
    case OBJECTS:
        return e->features = stoa_agent_objects_declare(e, params, s, &agent->options);
    case IMAGE:
        return e->features = stoa_agent_image_declare(e, params, s, agent->options.image);
    case TEXT:
        return e->features = stoa_agent_text_declare(e, params, s);
    default:
        return 0;
    }
}

/* The first joint layer; its initial values fit `sum` inputs of size 1. */
static void declare_joint(stoa_agent *agent, stoa_params *params, int64_t sum) {
    int64_t n = agent->options.encoder_width, numbers = 0;
    double scale = sqrt(2.0 / (double)sum);
    for (int i = 0; i < agent->spec.observation_count; i++) {
        const stoa_space *s = &agent->spec.observations[i];
        stoa_agent_encoder *e = &agent->encoders[i];
        int64_t elements = stoa_space_numel(s);
        route way = route_of(agent, s);
        if (way == NUMBERS)
            numbers += elements;
        else if (way == ROWS)
            e->table = stoa_agent_param(params, "encoder", s->name, "table",
                                        STOA_SHAPE(elements * s->categories, n), STOA_INIT_NORMAL,
                                        scale, true);
        else if (way != UNREAD)
            e->weight = stoa_agent_param(params, "encoder", s->name, "weight",
                                         STOA_SHAPE(n, e->features), STOA_INIT_NORMAL, scale, true);
    }
    if (numbers > 0)
        agent->numbers = stoa_agent_param(params, "encoder.numbers.weight", NULL, NULL,
                                          STOA_SHAPE(n, numbers), STOA_INIT_NORMAL, scale, true);
    agent->joint_bias = stoa_agent_param(params, "encoder.bias", NULL, NULL, STOA_SHAPE(n),
                                         STOA_INIT_ZERO, 0, false);
}

stoa_status stoa_agent_encoder_declare(stoa_agent *agent, stoa_params *params, stoa_error *err) {
    int64_t n = agent->options.encoder_width, sum = 0;
    for (int i = 0; i < agent->spec.observation_count; i++) {
        const stoa_space *s = &agent->spec.observations[i];
        int64_t inputs = declare_space(agent, params, i);
        if (inputs == 0 && !s->target)
            return stoa_fail(err, STOA_ERR_UNSUPPORTED,
                             "no encoder for observation \"%s\": %s of %lld elements of type %s",
                             s->name, stoa_space_kind_name(s->kind), (long long)stoa_space_numel(s),
                             stoa_dtype_name(s->dtype));
        sum += inputs;
    }
    if (sum == 0)
        return stoa_fail(err, STOA_ERR_UNSUPPORTED, "the environment %s has no observations",
                         agent->spec.name);
    declare_joint(agent, params, sum);
    for (int64_t i = 1; i < agent->options.encoder_layers; i++) {
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
    return stoa_cast_scaled(ctx, raw, stoa_ctx_compute(ctx), unit_of(s));
}

/* The numbers of all boxes side by side. */
static stoa_tensor *all_numbers(stoa_ctx *ctx, const stoa_agent *agent,
                                const stoa_agent_input *input) {
    enum { MOST = 6 }; /* parts that one concat takes */
    stoa_tensor *parts[MOST];
    int count = 0;
    for (int i = 0; i < agent->spec.observation_count; i++) {
        const stoa_space *s = &agent->spec.observations[i];
        if (route_of(agent, s) != NUMBERS)
            continue;
        if (count == MOST) {
            parts[0] = stoa_concat(ctx, parts, count, -1);
            count = 1;
        }
        parts[count++] = numbers_of(ctx, s, input->steps * input->batch, input->observations[i]);
    }
    return stoa_concat(ctx, parts, count, -1);
}

/* Object by object: (R, O * W), and as (T, B, O, W) in out. */
static stoa_tensor *objects_of(stoa_ctx *ctx, const stoa_agent *agent,
                               const stoa_agent_input *input, int i, stoa_agent_output *out) {
    const stoa_space *s = &agent->spec.observations[i];
    int64_t rows = input->steps * input->batch, w = agent->options.object_width;
    stoa_tensor *x = numbers_of(ctx, s, rows, input->observations[i]); // (R, K)
    x = stoa_agent_objects_apply(ctx, &agent->encoders[i], s, &agent->options, x);
    out->objects[i] = stoa_reshape(ctx, x, STOA_SHAPE(input->steps, input->batch, s->shape[0], w));
    return stoa_reshape(ctx, x, STOA_SHAPE(rows, s->shape[0] * w));
}

/* sum (N) or (R, N), plus one space's part. */
static stoa_tensor *add_part(stoa_ctx *ctx, const stoa_agent *agent, const stoa_agent_input *input,
                             int i, stoa_tensor *sum, stoa_agent_output *out) {
    const stoa_space *s = &agent->spec.observations[i];
    const stoa_agent_encoder *e = &agent->encoders[i];
    const void *host = input->observations[i];
    stoa_dtype compute = stoa_ctx_compute(ctx);
    int64_t rows = input->steps * input->batch;
    route way = route_of(agent, s);
    if (way == NUMBERS || way == UNREAD)
        return sum;
    if (way == ROWS) {
        stoa_tensor *ids = stoa_from(ctx, s->dtype, STOA_SHAPE(rows, stoa_space_numel(s)), host);
        return stoa_embedding_sum(ctx, e->table, ids, sum, compute);
    }
    stoa_tensor *features = way == OBJECTS ? objects_of(ctx, agent, input, i, out)
                            : way == IMAGE
                                ? stoa_agent_image(ctx, e, s, agent->options.image, rows, host)
                                : stoa_agent_text(ctx, e, s, rows, host);
    bool first = sum == agent->joint_bias;
    stoa_tensor *part = stoa_linear(ctx, features, e->weight, first ? sum : NULL, compute);
    return first ? part : stoa_add(ctx, sum, part);
}

stoa_tensor *stoa_agent_encode(stoa_ctx *ctx, const stoa_agent *agent,
                               const stoa_agent_input *input, stoa_agent_output *out) {
    stoa_dtype compute = stoa_ctx_compute(ctx);
    int64_t n = agent->options.encoder_width;
    stoa_tensor *sum = agent->joint_bias; // (N), then (R, N)
    if (agent->numbers)
        sum = stoa_linear(ctx, all_numbers(ctx, agent, input), agent->numbers, sum, compute);
    for (int i = 0; i < agent->spec.observation_count; i++)
        sum = add_part(ctx, agent, input, i, sum, out);
    stoa_tensor *x = stoa_relu(ctx, sum);
    for (int64_t i = 1; i < agent->options.encoder_layers; i++)
        x = stoa_relu(ctx, stoa_linear_apply(ctx, &agent->layers[i], x, compute));
    return stoa_reshape(ctx, x, STOA_SHAPE(input->steps, input->batch, n));
}
