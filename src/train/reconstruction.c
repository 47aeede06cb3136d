/*
 * train/reconstruction.c - telling the observation again as an objective: the control of
 * explanations that needs no language.
 *
 * A linear layer on the features for each space that the agent reads: cross-entropies of
 * categories, half squared errors of numbers and pixels, each space's mean over its elements. Texts
 * are not told again.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/reconstruction.h"

typedef struct config {
    double weight;
} config;

static const stoa_setting rows[] = {
    {"weight", STOA_SET_FLOAT, offsetof(config, weight), "0.3", 0, 1e6, NULL,
     "Weight of telling the observation again; each space's mean over its elements."},
};

static stoa_settings_table settings(void) {
    return (stoa_settings_table){rows, sizeof rows / sizeof *rows};
}

typedef struct reconstruction {
    const config *config;
    const stoa_env_spec *spec;
    int64_t steps, batch; /* T, B */
    double scale, error;  /* error: of the update at hand */
    stoa_linear_layer layers[STOA_ENV_SPACES];
} reconstruction;

static bool is_told(const stoa_space *s) {
    return !s->target && s->kind != STOA_SPACE_TEXT && stoa_space_numel(s) > 0;
}

static stoa_status open(stoa_objective *o, const stoa_objective_place *place, stoa_error *err) {
    reconstruction *r = o->self = stoa_alloc(sizeof *r);
    if (!r)
        return stoa_fail(err, STOA_ERR_MEMORY, "reconstruction: out of memory");
    *r = (reconstruction){.config = o->config,
                          .spec = place->spec,
                          .steps = place->steps,
                          .batch = place->batch,
                          .scale = place->scale};
    int64_t in = stoa_agent_feature_width(place->agent);
    for (int i = 0; i < place->spec->observation_count; i++) {
        const stoa_space *s = &place->spec->observations[i];
        char name[STOA_ENV_NAME + 32];
        int64_t each = s->kind == STOA_SPACE_CATEGORIES ? s->categories : 1;
        snprintf(name, sizeof name, "reconstruction.%s", s->name);
        if (is_told(s))
            r->layers[i] = stoa_linear_new(place->params, name, in, stoa_space_numel(s) * each,
                                           true, 1 / sqrt((double)in));
    }
    return STOA_OK;
}

static void close(stoa_objective *o) {
    stoa_free(o->self);
    o->self = NULL;
}

/* Numbers of U8 spaces come to lie in [0, 1], as for the encoder. */
static double unit_of(const stoa_space *s) {
    if (s->dtype != STOA_U8)
        return 1;
    return s->kind == STOA_SPACE_IMAGE ? 1.0 / 255 : s->high > 1 ? 1 / s->high : 1;
}

/* n categories of any type as I32. */
static stoa_tensor *classes_of(stoa_ctx *ctx, const stoa_space *s, const void *host, int64_t n) {
    if (s->dtype == STOA_I32)
        return stoa_from(ctx, STOA_I32, STOA_SHAPE(n), host);
    stoa_tensor *to = stoa_new(ctx, STOA_I32, STOA_SHAPE(n));
    for (int64_t i = 0; stoa_ctx_status(ctx, NULL) == STOA_OK && i < n; i++)
        ((int32_t *)to->data)[i] = ((const uint8_t *)host)[i];
    return to;
}

/* One space's mean over steps and elements; x (T * B, M). */
static stoa_tensor *tell(stoa_ctx *ctx, const stoa_linear_layer *layer, const stoa_space *s,
                         const void *host, stoa_tensor *x) {
    int64_t n = x->shape[0] * stoa_space_numel(s);
    stoa_tensor *y = stoa_linear_apply(ctx, layer, x, stoa_ctx_full(ctx)), *each;
    if (s->kind == STOA_SPACE_CATEGORIES) {
        y = stoa_reshape(ctx, y, STOA_SHAPE(n, s->categories));
        each = stoa_cross_entropy(ctx, y, classes_of(ctx, s, host, n));
    } else {
        stoa_tensor *raw = stoa_from(ctx, s->dtype, STOA_SHAPE(n), host);
        stoa_tensor *want =
            stoa_affine(ctx, stoa_cast(ctx, raw, stoa_ctx_full(ctx)), unit_of(s), 0);
        each = stoa_squared_error(ctx, stoa_reshape(ctx, y, STOA_SHAPE(n)), want);
    }
    return stoa_mean(ctx, each, STOA_ALL);
}

static stoa_tensor *loss(stoa_objective *o, stoa_ctx *ctx, const stoa_unroll *unroll,
                         const stoa_agent_output *output) {
    reconstruction *r = o->self;
    int64_t n = r->steps * r->batch;
    stoa_tensor *sum = NULL, *x = stoa_slice(ctx, output->features, 0, 0, r->steps); // (T, B, M)
    x = stoa_reshape(ctx, x, STOA_SHAPE(n, x->shape[2]));
    for (int i = 0; i < r->spec->observation_count; i++) {
        if (!r->layers[i].weight)
            continue;
        stoa_tensor *part =
            tell(ctx, &r->layers[i], &r->spec->observations[i], unroll->observations[i], x);
        sum = sum ? stoa_add(ctx, sum, part) : part;
    }
    if (!sum)
        return NULL;
    r->error = stoa_ctx_status(ctx, NULL) == STOA_OK ? stoa_get(sum, 0) : 0;
    return stoa_affine(ctx, sum, r->config->weight * r->scale * (double)n, 0);
}

static int finish(stoa_objective *o, const stoa_unroll *unroll, stoa_metric *figures, int most) {
    const reconstruction *r = o->self;
    (void)unroll;
    if (most < 1)
        return 0;
    figures[0] = (stoa_metric){"reconstruction/error", r->error};
    return 1;
}

const stoa_objective_class stoa_objective_reconstruction = {
    .name = "reconstruction",
    .summary = "Tell the observation again from the features.",
    .config_bytes = sizeof(config),
    .settings = settings,
    .open = open,
    .close = close,
    .loss = loss,
    .finish = finish,
};
