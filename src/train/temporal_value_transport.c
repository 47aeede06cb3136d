/*
 * train/temporal_value_transport.c - temporal value transport as an objective, for agents with a
 * memory core (Hung et al. 2019).
 *
 * Where a head of the memory reads strongly from long ago, the value expected now is added to the
 * reward of the moments read (value_transport.c). So that the memory holds what was seen, its codes
 * are trained to tell the observation, the last action and the last reward again; and strengths
 * beyond a tolerance cost a little.
 */
#include <math.h>
#include <string.h>

#include "train/value_transport.h"

typedef struct config {
    double alpha, threshold;
    int64_t horizon, width;
    double observation_weight, action_weight, reward_weight;
    double strength_weight, strength_tolerance;
} config;

#define AT(field) offsetof(config, field)

static const stoa_setting rows[] = {
    {"alpha", STOA_SET_FLOAT, AT(alpha), "0.9", 0, 1000, NULL,
     "Share of the value that is carried back to the moments read."},
    {"threshold", STOA_SET_FLOAT, AT(threshold), "2", 0, 1e6, NULL,
     "Reads of this strength or less carry nothing."},
    {"horizon", STOA_SET_INT, AT(horizon), "0", 0, 1e9, NULL,
     "Nor do reads that reach back no further than this; 0: 1 / (1 - train.discount) steps, 25 "
     "without discounting."},
    {"width", STOA_SET_INT, AT(width), "128", 1, 65536, NULL,
     "Hidden width of the network that tells observations again."},
    {"observation_weight", STOA_SET_FLOAT, AT(observation_weight), "50", 0, 1e6, NULL,
     "Weight of telling each observation again, per element."},
    {"action_weight", STOA_SET_FLOAT, AT(action_weight), "1", 0, 1e6, NULL,
     "Weight of telling the last action."},
    {"reward_weight", STOA_SET_FLOAT, AT(reward_weight), "1", 0, 1e6, NULL,
     "Weight of telling the last reward."},
    {"strength_weight", STOA_SET_FLOAT, AT(strength_weight), "5e-5", 0, 1e6, NULL,
     "What a read's strength costs beyond strength_tolerance."},
    {"strength_tolerance", STOA_SET_FLOAT, AT(strength_tolerance), "2", 0, 1e6, NULL,
     "Strength that costs nothing."},
};

static stoa_settings_table settings(void) {
    return (stoa_settings_table){rows, sizeof rows / sizeof *rows};
}

typedef struct transport {
    const config *config;
    const stoa_env_spec *spec;
    int64_t steps, batch, heads, horizon; /* T, B, R */
    double scale;
    stoa_linear_layer hidden; /* (D, W) */
    stoa_linear_layer observations[STOA_ENV_SPACES], actions[STOA_ENV_SPACES], reward;
    /* of the update at hand */
    int64_t events;
    double carried, told, strength; /* sums */
} transport;

/* ---- opening --------------------------------------------------------------------------------- */

/* Numbers that tell one member of the space; 0: it is not told again. */
static int64_t numbers_of(const stoa_space *s) {
    int64_t n = stoa_space_numel(s);
    switch (s->kind) {
    case STOA_SPACE_CATEGORIES:
        return n * s->categories;
    case STOA_SPACE_BOX:
    case STOA_SPACE_IMAGE:
        return n;
    default:
        return 0;
    }
}

static stoa_linear_layer declare(stoa_params *params, const char *kind, const char *name,
                                 int64_t in, int64_t out) {
    char full[STOA_ENV_NAME + 64];
    snprintf(full, sizeof full, "value_transport.%s%s%s", kind, name ? "." : "", name ? name : "");
    return stoa_linear_new(params, full, in, out, true, 1 / sqrt((double)in));
}

static stoa_status check(const stoa_objective_place *place, stoa_error *err) {
    if (stoa_agent_read_heads(place->agent) == 0)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "temporal-value-transport reads the agent's memory: set agent.core to "
                         "memory");
    if (place->steps < place->spec->max_steps)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "temporal-value-transport carries value within an unroll: train.unroll is "
                         "%lld; set it to the longest episode of %s, %lld",
                         (long long)place->steps, place->spec->name,
                         (long long)place->spec->max_steps);
    return STOA_OK;
}

static stoa_status open(stoa_objective *o, const stoa_objective_place *place, stoa_error *err) {
    const config *c = o->config;
    STOA_TRY(check(place, err));
    transport *v = o->self = stoa_alloc(sizeof *v);
    if (!v)
        return stoa_fail(err, STOA_ERR_MEMORY, "temporal-value-transport: out of memory");
    v->config = c;
    v->spec = place->spec;
    v->steps = place->steps;
    v->batch = place->batch;
    v->scale = place->scale;
    v->heads = stoa_agent_read_heads(place->agent);
    v->horizon = c->horizon ? c->horizon : stoa_transport_horizon(place->discount);
    int64_t w = stoa_agent_memory_width(place->agent);
    v->hidden = declare(place->params, "hidden", NULL, w, c->width);
    for (int i = 0; i < v->spec->observation_count; i++) {
        const stoa_space *s = &v->spec->observations[i];
        if (numbers_of(s) > 0 && !s->target)
            v->observations[i] =
                declare(place->params, "observation", s->name, c->width, numbers_of(s));
    }
    for (int i = 0; i < v->spec->action_count; i++)
        v->actions[i] = declare(place->params, "action", v->spec->actions[i].name, w,
                                numbers_of(&v->spec->actions[i]));
    v->reward = declare(place->params, "reward", NULL, w, 1);
    return STOA_OK;
}

static void close(stoa_objective *o) {
    stoa_free(o->self);
    o->self = NULL;
}

/* ---- rewards --------------------------------------------------------------------------------- */

static void add_value(stoa_objective *o, stoa_ctx *ctx, const stoa_unroll *unroll,
                      const stoa_agent_output *output, float *rewards) {
    transport *v = o->self;
    const stoa_agent_reads *reads = &output->reads;
    if (stoa_ctx_status(ctx, NULL) != STOA_OK || !stoa_ctx_computes(ctx))
        return;
    const stoa_transport x = {.steps = unroll->steps,
                              .batch = unroll->batch,
                              .heads = v->heads,
                              .best = reads->weights->shape[3],
                              .strengths = reads->strengths->data,
                              .weights = reads->weights->data,
                              .read_steps = reads->steps->data,
                              .values = output->value->data,
                              .reset = unroll->reset,
                              .alpha = v->config->alpha,
                              .threshold = v->config->threshold,
                              .horizon = v->horizon};
    v->events = stoa_transport_values(&x, rewards, &v->carried);
    v->strength = 0;
    for (int64_t i = 0; i < x.steps * x.batch * x.heads; i++)
        v->strength += (double)x.strengths[i];
}

/* ---- telling again --------------------------------------------------------------------------- */

/* What makes the space's U8 numbers at most 1. */
static double unit_of(const stoa_space *s) {
    return s->kind == STOA_SPACE_IMAGE ? 1.0 / 255 : s->high > 1 ? 1 / s->high : 1;
}

/* Members of a space as a target of n elements. `none` (nullable): rows where there is no member,
 * which count as zeros, or as no category. */
static stoa_tensor *target_of(stoa_ctx *ctx, const stoa_space *s, const void *host,
                              const uint8_t *none, int64_t members) {
    int64_t elements = stoa_space_numel(s), n = members * elements;
    bool categories = s->kind == STOA_SPACE_CATEGORIES;
    double unit = s->dtype == STOA_U8 && !categories ? unit_of(s) : 1;
    stoa_tensor *to = stoa_new(ctx, categories ? STOA_I32 : stoa_ctx_full(ctx), STOA_SHAPE(n));
    for (int64_t i = 0; stoa_ctx_computes(ctx) && to->data && i < n; i++) {
        double value = s->dtype == STOA_U8    ? unit * ((const uint8_t *)host)[i]
                       : s->dtype == STOA_I32 ? ((const int32_t *)host)[i]
                                              : (double)((const float *)host)[i];
        if (none && none[i / elements])
            value = categories ? -1 : 0;
        stoa_set(to, i, s->dtype == STOA_U8 && !categories ? fmin(value, 1) : value);
    }
    return to;
}

/* Summed over members and elements: cross-entropies of categories and of numbers in [0, 1], half
 * squares of others. x (T * B, *) in the compute type. */
static stoa_tensor *tell(stoa_ctx *ctx, const stoa_linear_layer *layer, const stoa_space *s,
                         stoa_tensor *x, const void *host, const uint8_t *none) {
    int64_t members = x->shape[0], n = members * stoa_space_numel(s);
    stoa_tensor *y = stoa_linear_apply(ctx, layer, x, stoa_ctx_full(ctx));
    stoa_tensor *target = target_of(ctx, s, host, none, members), *each;
    if (s->kind == STOA_SPACE_CATEGORIES)
        each = stoa_cross_entropy(ctx, stoa_reshape(ctx, y, STOA_SHAPE(n, s->categories)), target);
    else if (s->dtype == STOA_U8)
        each = stoa_binary_cross_entropy(ctx, stoa_reshape(ctx, y, STOA_SHAPE(n)), target);
    else
        each = stoa_squared_error(ctx, stoa_reshape(ctx, y, STOA_SHAPE(n)), target);
    return stoa_sum(ctx, each, STOA_ALL);
}

static stoa_tensor *plus(stoa_ctx *ctx, stoa_tensor *sum, stoa_tensor *part, double weight) {
    part = stoa_affine(ctx, part, weight, 0);
    return sum ? stoa_add(ctx, sum, part) : part;
}

/* Everything the codes z (T * B, W) are to tell, weighted. */
static stoa_tensor *tell_all(const transport *v, stoa_ctx *ctx, const stoa_unroll *u,
                             stoa_tensor *z) {
    static const stoa_space number = {.kind = STOA_SPACE_BOX, .dtype = STOA_F32};
    const config *c = v->config;
    stoa_tensor *sum = NULL;
    stoa_tensor *hidden =
        stoa_relu(ctx, stoa_linear_apply(ctx, &v->hidden, z, stoa_ctx_compute(ctx)));
    for (int i = 0; i < v->spec->observation_count; i++) {
        const stoa_space *s = &v->spec->observations[i];
        if (v->observations[i].weight)
            sum =
                plus(ctx, sum, tell(ctx, &v->observations[i], s, hidden, u->observations[i], NULL),
                     c->observation_weight / (double)stoa_space_numel(s));
    }
    for (int i = 0; i < v->spec->action_count; i++)
        sum = plus(ctx, sum,
                   tell(ctx, &v->actions[i], &v->spec->actions[i], z, u->actions[i], u->reset),
                   c->action_weight);
    return plus(ctx, sum, tell(ctx, &v->reward, &number, z, u->rewards, u->reset),
                c->reward_weight);
}

static stoa_tensor *loss(stoa_objective *o, stoa_ctx *ctx, const stoa_unroll *unroll,
                         const stoa_agent_output *output) {
    transport *v = o->self;
    const config *c = v->config;
    const stoa_agent_reads *reads = &output->reads;
    int64_t n = v->steps * v->batch;
    stoa_tensor *z = stoa_slice(ctx, reads->code, 0, 0, v->steps); // (T, B, W)
    stoa_tensor *sum = tell_all(v, ctx, unroll, stoa_reshape(ctx, z, STOA_SHAPE(n, z->shape[2])));
    v->told = stoa_ctx_computes(ctx) && sum->data ? stoa_get(sum, 0) : 0;
    stoa_tensor *strengths = stoa_slice(ctx, reads->strengths, 0, 0, v->steps); // (T, B, R)
    stoa_tensor *beyond = stoa_relu(ctx, stoa_affine(ctx, strengths, 1, -c->strength_tolerance));
    sum = plus(ctx, sum, stoa_sum(ctx, beyond, STOA_ALL), c->strength_weight);
    return stoa_affine(ctx, sum, v->scale, 0);
}

static int finish(stoa_objective *o, const stoa_unroll *unroll, stoa_metric *figures, int most) {
    const transport *v = o->self;
    const double n = (double)(unroll->steps * unroll->batch);
    const stoa_metric all[] = {
        {"value_transport/reconstruction", v->told / n},
        {"value_transport/reward", v->carried / n},
        {"value_transport/events", (double)v->events / n},
        {"value_transport/strength", v->strength / (n * (double)v->heads)},
    };
    int count = sizeof all / sizeof *all;
    count = count < most ? count : most;
    memcpy(figures, all, (size_t)count * sizeof *all);
    return count;
}

const stoa_objective_class stoa_objective_value_transport = {
    .name = "temporal-value-transport",
    .summary = "Add the value expected now to the rewards of the moments a memory was read from.",
    .config_bytes = sizeof(config),
    .settings = settings,
    .open = open,
    .close = close,
    .reward = add_value,
    .loss = loss,
    .finish = finish,
};
