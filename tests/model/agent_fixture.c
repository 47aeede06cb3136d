/* tests/model/agent_fixture.c - small agents, made-up worlds and made-up episodes for tests. */
#include "agent_fixture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static stoa_space *add(stoa_space *list, int *count, const char *name, stoa_space_kind kind,
                       stoa_dtype dtype, int ndim, const int64_t *shape) {
    stoa_space *s = &list[(*count)++];
    snprintf(s->name, sizeof s->name, "%s", name);
    s->kind = kind;
    s->dtype = dtype;
    s->ndim = ndim;
    for (int i = 0; i < ndim; i++)
        s->shape[i] = shape[i];
    s->low = -1, s->high = 1;
    s->categories = kind == STOA_SPACE_CATEGORIES ? 3 : 0;
    return s;
}

const agent_variant agent_variants[] = {
    {.name = "no core", .core = STOA_CORE_NONE},
    {.name = "objects", .core = STOA_CORE_NONE, .object_width = 5},
    {.name = "LSTM, boxes", .core = STOA_CORE_LSTM, .continuous = true, .head_width = 6},
    {.name = "transformer", .core = STOA_CORE_TRANSFORMER},
    {.name = "transformer, longer memory than an unroll",
     .core = STOA_CORE_TRANSFORMER,
     .memory = 12},
    {.name = "routed transformer", .core = STOA_CORE_TRANSFORMER, .capacity = 0.5},
    {.name = "memory", .core = STOA_CORE_MEMORY},
    {.name = "memory, longer than an unroll", .core = STOA_CORE_MEMORY, .memory = 12},
    {.name = "flat image", .core = STOA_CORE_NONE, .pixels = true, .image = STOA_IMAGE_FLAT},
    {.name = "small image", .core = STOA_CORE_LSTM, .pixels = true, .image = STOA_IMAGE_SMALL},
    {.name = "IMPALA's", .core = STOA_CORE_NONE, .pixels = true, .image = STOA_IMAGE_IMPALA},
    {.name = "ResNet", .core = STOA_CORE_NONE, .pixels = true, .image = STOA_IMAGE_RESNET},
};
const int agent_variant_count = sizeof agent_variants / sizeof agent_variants[0];

stoa_env_spec agent_spec(const agent_variant *v) {
    stoa_env_spec spec = {.name = "made-up"};
    stoa_space *o = spec.observations, *a = spec.actions;
    int *on = &spec.observation_count, *an = &spec.action_count;
    if (v->pixels) {
        add(o, on, "window", STOA_SPACE_IMAGE, STOA_U8, STOA_SHAPE(5, 4, 3));
        add(o, on, "said", STOA_SPACE_TEXT, STOA_U8, STOA_SHAPE(6));
    }
    add(o, on, "cells", STOA_SPACE_CATEGORIES, STOA_U8, STOA_SHAPE(2, 3));
    add(o, on, "time", STOA_SPACE_BOX, STOA_F32, STOA_SHAPE(2));
    add(o, on, "board", STOA_SPACE_BOX, STOA_U8, STOA_SHAPE(2, 2))->high = 4;
    add(a, an, "move", STOA_SPACE_CATEGORIES, STOA_I32, 0, NULL);
    if (v->continuous) {
        add(a, an, "push", STOA_SPACE_BOX, STOA_F32, STOA_SHAPE(2));
        add(a, an, "pair", STOA_SPACE_CATEGORIES, STOA_I32, STOA_SHAPE(2))->categories = 4;
    }
    return spec;
}

stoa_agent_options agent_options(const agent_variant *v) {
    return (stoa_agent_options){.encoder_width = 12,
                                .encoder_layers = 2,
                                .image = v->image,
                                .object_width = v->object_width,
                                .object_layers = 2,
                                .core = v->core,
                                .core_width = 8,
                                .core_layers = 2,
                                .core_heads = 2,
                                .core_memory = v->memory > 0 ? v->memory : 4,
                                .core_capacity = v->capacity > 0 ? v->capacity : 1,
                                .memory_rows = v->memory > 0 ? v->memory : 4,
                                .memory_width = 6,
                                .read_heads = 2,
                                .read_top_k = 3,
                                .last_action = true,
                                .last_reward = true,
                                .head_width = v->head_width};
}

static void open(agent_case *c, const stoa_env_spec *spec, const stoa_agent_options *options,
                 int64_t batch, uint64_t seed) {
    stoa_error err = {0};
    *c = (agent_case){.params = stoa_params_new()};
    if (stoa_agent_new(&c->agent, c->params, spec, options, &err) != STOA_OK ||
        stoa_params_allocate(c->params, seed, true, false, &err) != STOA_OK ||
        stoa_agent_state_init(&c->state, c->agent, batch, &err) != STOA_OK ||
        stoa_agent_state_init(&c->next, c->agent, batch, &err) != STOA_OK)
        fail_msg("%s", err.message);
    /* policies start flat; here every weight must matter */
    size_t floats;
    float *values = stoa_params_values(c->params, &floats);
    stoa_rng rng = stoa_rng_stream(seed, "values", 0);
    for (size_t i = 0; i < floats; i++)
        values[i] += 0.1f * (float)stoa_rng_normal(&rng);
    stoa_params_touch(c->params);
}

void agent_case_open(agent_case *c, const stoa_env_spec *spec, const stoa_agent_options *options,
                     int64_t batch, uint64_t seed) {
    open(c, spec, options, batch, seed);
}

void agent_case_open_wide(agent_case *c, const stoa_env_spec *spec,
                          const stoa_agent_options *options, int64_t batch, uint64_t seed) {
    open(c, spec, options, batch, seed);
    for (int64_t i = 0; i < stoa_params_count(c->params); i++) {
        stoa_tensor *t = &stoa_params_at(c->params, i)->tensor;
        double *wide = stoa_alloc((size_t)stoa_numel(t) * sizeof *wide);
        for (int64_t j = 0; j < stoa_numel(t); j++)
            wide[j] = stoa_get(t, j);
        t->data = wide;
        t->dtype = STOA_F64;
        t->requires_grad = false;
    }
}

void agent_case_close(agent_case *c) {
    stoa_agent_state_deinit(&c->state);
    stoa_agent_state_deinit(&c->next);
    stoa_agent_free(c->agent);
    stoa_params_free(c->params);
}

void agent_case_close_wide(agent_case *c) {
    for (int64_t i = 0; i < stoa_params_count(c->params); i++)
        stoa_free(stoa_params_at(c->params, i)->tensor.data);
    agent_case_close(c);
}

/* ---- episodes -------------------------------------------------------------------------------- */

static void *members(const stoa_space *s, int64_t count, stoa_rng *rng) {
    int64_t n = count * stoa_space_numel(s);
    void *memory = stoa_alloc((size_t)(n + 1) * stoa_dtype_size(s->dtype));
    stoa_tensor t = stoa_tensor_wrap(s->dtype, STOA_SHAPE(n), memory);
    for (int64_t i = 0; i < n; i++) {
        double value = stoa_rng_normal(rng);
        if (s->kind == STOA_SPACE_CATEGORIES)
            value = (double)stoa_rng_below(rng, s->categories);
        else if (s->dtype == STOA_U8)
            value = (double)stoa_rng_below(rng, s->kind == STOA_SPACE_BOX ? 5 : 256);
        if (s->kind == STOA_SPACE_TEXT && i % s->shape[0] >= i / s->shape[0] % (s->shape[0] + 1))
            value = 0;
        stoa_set(&t, i, value);
    }
    return memory;
}

void agent_episode_init(agent_episode *e, const stoa_env_spec *spec, int64_t steps, int64_t batch,
                        uint64_t seed) {
    stoa_rng rng = stoa_rng_stream(seed, "episode", 0);
    int64_t rows = steps * batch;
    int m = 0;
    *e = (agent_episode){.input = {.steps = steps, .batch = batch}};
    for (int i = 0; i < spec->observation_count; i++)
        e->input.observations[i] = e->memory[m++] = members(&spec->observations[i], rows, &rng);
    for (int i = 0; i < spec->action_count; i++)
        e->input.last_actions[i] = e->memory[m++] = members(&spec->actions[i], rows, &rng);
    float *rewards = e->memory[m++] = stoa_alloc((size_t)rows * sizeof *rewards);
    uint8_t *reset = e->memory[m++] = stoa_alloc((size_t)rows);
    for (int64_t r = 0; r < rows; r++) {
        rewards[r] = (float)stoa_rng_normal(&rng);
        reset[r] = stoa_rng_below(&rng, 5) == 0;
    }
    e->input.last_rewards = rewards;
    e->input.reset = reset;
}

void agent_episode_deinit(agent_episode *e) {
    for (size_t i = 0; i < sizeof e->memory / sizeof *e->memory; i++)
        stoa_free(e->memory[i]);
}

stoa_agent_input agent_part(const agent_episode *e, const stoa_env_spec *spec, int64_t from,
                            int64_t steps) {
    stoa_agent_input part = e->input;
    int64_t row = from * part.batch;
    part.steps = steps;
    for (int i = 0; i < spec->observation_count; i++)
        part.observations[i] = (const char *)part.observations[i] +
                               (size_t)row * stoa_space_bytes(&spec->observations[i]);
    for (int i = 0; i < spec->action_count; i++)
        part.last_actions[i] =
            (const char *)part.last_actions[i] + (size_t)row * stoa_space_bytes(&spec->actions[i]);
    part.last_rewards += row;
    part.reset += row;
    return part;
}

/* ---- contexts and comparisons ---------------------------------------------------------------- */

stoa_ctx *agent_ctx(const char *backend, stoa_dtype compute) {
    stoa_ctx *ctx = stoa_ctx_new(stoa_backend_find(backend), NULL, 0);
    assert_non_null(ctx);
    stoa_ctx_set_compute(ctx, compute);
    return ctx;
}

void agent_check_ok(const stoa_ctx *ctx) {
    stoa_error err = {0};
    if (stoa_ctx_status(ctx, &err) != STOA_OK)
        fail_msg("%s", err.message);
}

void agent_assert_close(const stoa_tensor *a, int64_t a_from, const stoa_tensor *b, int64_t b_from,
                        int64_t n, double tolerance, const char *what) {
    for (int64_t i = 0; i < n; i++) {
        double x = stoa_get(a, a_from + i), y = stoa_get(b, b_from + i);
        if (!(fabs(x - y) <= tolerance * (1 + fabs(y))))
            fail_msg("%s[%lld]: %.9g against %.9g", what, (long long)i, x, y);
    }
}

void agent_assert_near(const stoa_tensor *a, const stoa_tensor *b, double tolerance,
                       const char *what) {
    double gap = 0, size = 0;
    for (int64_t i = 0; i < stoa_numel(b); i++) {
        double x = stoa_get(a, i), y = stoa_get(b, i);
        gap += (x - y) * (x - y);
        size += y * y;
    }
    if (!(sqrt(gap) <= tolerance * sqrt(size)))
        fail_msg("%s: error %.3g of the norm", what, sqrt(gap / size));
}

static stoa_tensor *weighed(stoa_ctx *ctx, stoa_tensor *x, uint64_t seed) {
    stoa_tensor *w = stoa_new(ctx, stoa_ctx_full(ctx), x->ndim, x->shape);
    stoa_rng rng = stoa_rng_stream(seed, "weights", 0);
    for (int64_t i = 0; i < stoa_numel(w); i++)
        stoa_set(w, i, stoa_rng_normal(&rng));
    return stoa_sum(ctx, stoa_mul(ctx, w, x), STOA_ALL);
}

stoa_tensor *agent_loss(stoa_ctx *ctx, const stoa_env_spec *spec, const stoa_agent_output *out,
                        bool routers) {
    stoa_tensor *loss = weighed(ctx, out->value, 1);
    for (int i = 0; i < spec->action_count; i++)
        loss = stoa_add(ctx, loss, weighed(ctx, out->logits[i], 2 + (uint64_t)i));
    return routers && out->router_loss ? stoa_add(ctx, loss, out->router_loss) : loss;
}
