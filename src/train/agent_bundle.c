/* train/agent_bundle.c - a trained agent opened for use: playing, measuring, looking inside. */
#include <math.h>
#include <string.h>

#include "train/agent_bundle.h"
#include "train/synthetic_returns.h"

void stoa_agent_bundle_close(stoa_agent_bundle *b) {
    if (!b)
        return;
    stoa_agent_net_deinit(&b->net);
    stoa_pool_free(b->pool);
    stoa_free(b);
}

static stoa_status load_settings(stoa_agent_bundle *b, const char *run_dir, stoa_error *err) {
    char path[4096];
    bool agent = false;
    if (!stoa_path_join(path, sizeof path, run_dir, "settings.yaml"))
        return stoa_fail(err, STOA_ERR_USAGE, "%s: path too long", run_dir);
    if (!stoa_file_exists(path))
        return stoa_fail(err, STOA_ERR_USAGE,
                         "%s has no settings.yaml: it is not a run. Runs are made by `stoa train` "
                         "and lie in runs/",
                         run_dir);
    STOA_TRY(stoa_agent_settings_detect(path, NULL, 0, &agent, err));
    if (!agent)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "%s is a language model's run; an agent's names env.name in its "
                         "settings.yaml",
                         run_dir);
    STOA_TRY(stoa_agent_settings_load(&b->settings, path, NULL, 0, err));
    return stoa_agent_settings_check(&b->settings, err);
}

/* The spec comes from the environment itself; one instance is enough to ask it. */
static stoa_status open_parts(stoa_agent_bundle *b, const char *run_dir, const char *which,
                              stoa_error *err) {
    char path[4096], best[4160];
    stoa_env *env;
    stoa_checkpoint_info info;
    STOA_TRY(load_settings(b, run_dir, err));
    STOA_TRY(stoa_agent_settings_env(&b->settings, 1, 0, &env, err));
    b->spec = *stoa_env_spec_of(env);
    stoa_env_free(env);
    stoa_agent_settings small = b->settings; /* no unrolls are made, so no memories either */
    small.instances = small.unroll = 1;
    STOA_TRY(stoa_agent_net_init(&b->net, &small, &b->spec, true, false, err));
    if (!(b->pool = stoa_pool_new((int)b->settings.threads)))
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for threads");
    stoa_path_join(path, sizeof path, run_dir, "checkpoints");
    snprintf(best, sizeof best, "%s/best", path);
    if (strcmp(which, "best") == 0 && !stoa_file_exists(best))
        which = "latest";
    STOA_TRY(stoa_checkpoint_load(path, which, b->net.params, NULL, &info, err));
    b->update = info.step;
    return STOA_OK;
}

stoa_status stoa_agent_bundle_open(stoa_agent_bundle **out, const char *run_dir, const char *which,
                                   stoa_error *err) {
    *out = NULL;
    stoa_agent_bundle *b = stoa_alloc(sizeof *b);
    if (!b)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for the agent");
    stoa_status status = open_parts(b, run_dir, which, err);
    if (status != STOA_OK) {
        stoa_agent_bundle_close(b);
        return status;
    }
    *out = b;
    return STOA_OK;
}

const stoa_agent_settings *stoa_agent_bundle_settings(const stoa_agent_bundle *b) {
    return &b->settings;
}

const stoa_env_spec *stoa_agent_bundle_spec(const stoa_agent_bundle *b) {
    return &b->spec;
}

int64_t stoa_agent_bundle_update(const stoa_agent_bundle *b) {
    return b->update;
}

/* ---- playing --------------------------------------------------------------------------------- */

stoa_dtype stoa_agent_bundle_compute(const stoa_agent_bundle *b) {
    return b->settings.precision == STOA_PRECISION_BF16 ? STOA_BF16 : STOA_F32;
}

stoa_status stoa_agent_bundle_evaluate(stoa_agent_bundle *b, int64_t episodes, uint64_t seed,
                                       bool greedy, stoa_agent_scores *scores, stoa_error *err) {
    enum { MOST = 256 };
    stoa_env *env;
    stoa_player p;
    *scores = (stoa_agent_scores){.figures = b->spec.metric_count + 2};
    if (episodes < 1)
        return STOA_OK;
    int64_t count = episodes < MOST ? episodes : MOST;
    STOA_TRY(stoa_agent_settings_env(&b->settings, count, seed, &env, err));
    stoa_status status =
        stoa_player_init(&p, b->net.agent, env, b->pool, stoa_agent_bundle_compute(b), err);
    if (status == STOA_OK)
        status = stoa_player_begin(&p, seed, greedy, err);
    if (status == STOA_OK)
        status = stoa_player_scores(&p, episodes, scores, err);
    stoa_player_deinit(&p);
    stoa_env_free(env);
    return status;
}

/* What is remembered of a decision while the step is taken. */
typedef struct stage {
    stoa_agent_bundle *b;
    stoa_player player;
    stoa_episodes episodes;
    const stoa_objective *returns; /* synthetic returns, or NULL */
    float *encoding, *features;
    void *observations[STOA_ENV_SPACES];
    stoa_agent_moment moment;
} stage;

static void to_floats(const stoa_tensor *x, float *out) {
    for (int64_t i = 0; i < stoa_numel(x); i++)
        out[i] = (float)stoa_get(x, i);
}

/* c of the observation that was just acted on; read before the context is reset. */
static stoa_status contribution(stage *g, float *out, stoa_error *err) {
    const stoa_sr_config *config = g->returns ? g->returns->config : NULL;
    *out = NAN;
    if (!config)
        return STOA_OK;
    stoa_ctx *ctx = g->player.ctx;
    stoa_tensor *x = config->after_core ? g->player.out.features : g->player.out.encoding;
    x = stoa_reshape(ctx, x, STOA_SHAPE(1, stoa_cols(x)));
    stoa_tensor *c = stoa_sr_contributions(ctx, g->returns, x); // (1, 1)
    STOA_TRY(stoa_ctx_status(ctx, err));
    *out = (float)stoa_get(c, 0);
    return STOA_OK;
}

static stoa_status look(stage *g, stoa_error *err) {
    stoa_agent_moment *m = &g->moment;
    const stoa_env_buffers *buffers = &g->player.memory.buffers;
    const stoa_env_spec *spec = &g->b->spec;
    m->event = buffers->events[0];
    for (int o = 0; o < spec->observation_count; o++)
        memcpy(g->observations[o], buffers->observations[o],
               stoa_space_bytes(&spec->observations[o]));
    STOA_TRY(stoa_player_decide(&g->player, err));
    for (int a = 0; a < spec->action_count; a++)
        m->logits[a] = g->player.out.logits[a]->data;
    m->value = g->player.values[0];
    to_floats(g->player.out.encoding, g->encoding);
    to_floats(g->player.out.features, g->features);
    return contribution(g, &m->contribution, err);
}

/* One step; *more is cleared when a callback wants no more. */
static stoa_status take_step(stage *g, const stoa_agent_play_options *o, bool *more,
                             stoa_error *err) {
    stoa_agent_moment *m = &g->moment;
    const stoa_env_buffers *buffers = &g->player.memory.buffers;
    STOA_TRY(look(g, err));
    if (o->decided && !o->decided(o->user, m)) {
        *more = false;
        return STOA_OK;
    }
    STOA_TRY(stoa_player_move(&g->player, err));
    m->reward = buffers->rewards[0];
    m->terminated = buffers->terminated[0];
    m->truncated = buffers->truncated[0];
    m->metrics = g->player.over[0] ? buffers->metrics : NULL;
    stoa_episodes_add(&g->episodes, buffers->rewards, g->player.over, buffers->metrics);
    if (o->moved && !o->moved(o->user, m))
        *more = false;
    m->step++;
    if (g->player.over[0]) {
        m->episode++;
        m->step = 0;
    }
    m->metrics = NULL;
    return STOA_OK;
}

static stoa_status set_stage(stage *g, stoa_env *env, const stoa_agent_play_options *o,
                             stoa_error *err) {
    stoa_agent_bundle *b = g->b;
    const stoa_env_spec *spec = &b->spec;
    STOA_TRY(
        stoa_player_init(&g->player, b->net.agent, env, NULL, stoa_agent_bundle_compute(b), err));
    STOA_TRY(stoa_episodes_init(&g->episodes, spec, 1, o->episodes, err));
    g->moment = (stoa_agent_moment){
        .env = env,
        .encoding_width = stoa_agent_encoding_width(b->net.agent),
        .feature_width = stoa_agent_feature_width(b->net.agent),
    };
    g->encoding = stoa_alloc((size_t)g->moment.encoding_width * sizeof(float));
    g->features = stoa_alloc((size_t)g->moment.feature_width * sizeof(float));
    bool ok = g->encoding && g->features;
    for (int i = 0; i < spec->observation_count; i++) {
        g->observations[i] = stoa_alloc(stoa_space_bytes(&spec->observations[i]));
        ok = ok && g->observations[i];
        g->moment.observations[i] = g->observations[i];
    }
    if (!ok)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for playing");
    g->moment.encoding = g->encoding;
    g->moment.features = g->features;
    for (int a = 0; a < spec->action_count; a++)
        g->moment.actions[a] = g->player.memory.actions[a];
    for (int i = 0; i < b->net.objective_count; i++)
        if (b->net.objectives[i].class_ == &stoa_objective_synthetic_returns)
            g->returns = &b->net.objectives[i];
    return stoa_player_begin(&g->player, o->seed, o->greedy, err);
}

static void clear_stage(stage *g) {
    stoa_player_deinit(&g->player);
    stoa_episodes_deinit(&g->episodes);
    stoa_free(g->encoding);
    stoa_free(g->features);
    for (int i = 0; i < STOA_ENV_SPACES; i++)
        stoa_free(g->observations[i]);
}

stoa_status stoa_agent_play(stoa_agent_bundle *b, const stoa_agent_play_options *o,
                            stoa_agent_scores *scores, stoa_error *err) {
    stage g = {.b = b};
    stoa_env *env;
    bool more = true;
    *scores = (stoa_agent_scores){.figures = b->spec.metric_count + 2};
    if (o->episodes < 1)
        return STOA_OK;
    STOA_TRY(stoa_agent_settings_env(&b->settings, 1, o->seed, &env, err));
    stoa_status status = set_stage(&g, env, o, err);
    while (status == STOA_OK && more && g.moment.episode < o->episodes) {
        if (stoa_stop_requested())
            status = stoa_fail(err, STOA_ERR_INTERRUPTED, "stopped");
        else
            status = take_step(&g, o, &more, err);
    }
    if (status == STOA_OK)
        *scores = stoa_episodes_scores(&g.episodes);
    clear_stage(&g);
    stoa_env_free(env);
    return status;
}
