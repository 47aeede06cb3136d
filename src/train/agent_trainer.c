/*
 * train/agent_trainer.c - training an agent: collecting and learning, in turn or side by side.
 *
 * In turn: every thread steps environments and runs the policy for T steps, then every thread
 * learns; the policy that learns is the one that acted. Side by side (the pipeline): while the
 * learner makes version k + 1 out of unroll k, the actors fill unroll k + 1 with a copy of version
 * k, on threads of their own. The two meet after every update, so the lag is one version, always,
 * and the bits depend on the seed and the thread counts alone.
 */
#include "train/agent_trainer.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

/* ---- networks -------------------------------------------------------------------------------- */

static stoa_status open_objectives(stoa_agent_net *net, const stoa_agent_settings *s,
                                   const stoa_env_spec *spec, stoa_error *err) {
    const stoa_objective_class *classes[STOA_OBJECTIVES];
    int count = 0;
    const stoa_objective_place place = {
        .spec = spec,
        .agent = net->agent,
        .params = net->params,
        .steps = s->unroll,
        .batch = s->instances,
        .discount = s->discount,
        .scale = s->mean_loss ? 1 / (double)(s->unroll * s->instances) : 1,
    };
    STOA_TRY(stoa_objective_list(s->objectives, classes, &count, err));
    for (int i = 0; i < count; i++) {
        stoa_objective *o = &net->objectives[net->objective_count++];
        *o = (stoa_objective){.class_ = classes[i]};
        if (!(o->config = stoa_alloc(classes[i]->config_bytes + 1)))
            return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for %s", classes[i]->name);
        STOA_TRY(
            stoa_agent_settings_part(s, classes[i]->name, classes[i]->settings(), o->config, err));
        STOA_TRY(classes[i]->open(o, &place, err));
    }
    return STOA_OK;
}

stoa_status stoa_agent_net_init(stoa_agent_net *net, const stoa_agent_settings *s,
                                const stoa_env_spec *spec, bool with_objectives, bool with_grads,
                                stoa_error *err) {
    *net = (stoa_agent_net){.params = stoa_params_new()};
    if (!net->params)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for the agent");
    STOA_TRY(stoa_agent_new(&net->agent, net->params, spec, &s->agent, err));
    if (with_objectives)
        STOA_TRY(open_objectives(net, s, spec, err));
    return stoa_params_allocate(net->params, (uint64_t)s->seed, with_grads, false, err);
}

void stoa_agent_net_deinit(stoa_agent_net *net) {
    for (int i = 0; i < net->objective_count; i++) {
        stoa_objective *o = &net->objectives[i];
        if (o->self)
            o->class_->close(o);
        stoa_free(o->config);
    }
    stoa_agent_free(net->agent);
    stoa_params_free(net->params);
    *net = (stoa_agent_net){0};
}

/* ---- making ---------------------------------------------------------------------------------- */

static stoa_status no_memory(stoa_error *err) {
    return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for the trainer");
}

/* Threads for the learner and for the actors. */
static stoa_status open_pools(stoa_agent_trainer *t, stoa_error *err) {
    const stoa_agent_settings *s = &t->settings;
    int all = s->threads > 0 ? (int)s->threads : stoa_cpu_count();
    int acting = s->pipeline ? (all > 1 ? all / 2 : 1) : 0;
    t->pool = stoa_pool_new(all > acting ? all - acting : 1);
    if (!t->pool || (acting > 0 && !(t->actor_pool = stoa_pool_new(acting))))
        return no_memory(err);
    return STOA_OK;
}

static stoa_status open_actor(stoa_agent_trainer *t, stoa_error *err) {
    const stoa_agent_settings *s = &t->settings;
    stoa_env *env;
    STOA_TRY(stoa_agent_settings_env(s, s->instances, (uint64_t)s->seed, &env, err));
    t->spec = *stoa_env_spec_of(env);
    stoa_status status = stoa_agent_net_init(&t->net, s, &t->spec, true, true, err);
    if (status == STOA_OK && s->pipeline)
        status = stoa_agent_net_init(&t->behind, s, &t->spec, false, false, err);
    if (status != STOA_OK) {
        stoa_env_free(env);
        return status;
    }
    stoa_unroll_describe(&t->layout, &t->spec, s->unroll);
    STOA_TRY(stoa_actor_init(&t->actor, s, s->pipeline ? t->behind.agent : t->net.agent, &t->layout,
                             env, s->pipeline ? t->actor_pool : t->pool, err));
    if (s->pipeline || s->learner != STOA_LEARNER_VTRACE)
        return STOA_OK;
    t->actor.trace = &t->trace;
    return stoa_agent_trace_init(&t->trace, t->net.agent, stoa_ctx_compute(t->actor.ctx),
                                 s->unroll + 1, s->instances, err);
}

/* Evaluation has its own instances, and a seed that no training instance has. */
static stoa_status open_evaluation(stoa_agent_trainer *t, stoa_error *err) {
    enum { MOST = 256 };
    const stoa_agent_settings *s = &t->settings;
    if (s->eval_episodes == 0)
        return STOA_OK;
    int64_t count = s->eval_episodes < MOST ? s->eval_episodes : MOST;
    STOA_TRY(stoa_agent_settings_env(s, count, (uint64_t)s->seed, &t->eval_env, err));
    return stoa_player_init(&t->player, t->net.agent, t->eval_env, t->pool,
                            stoa_ctx_compute(t->learner.ctx), err);
}

static stoa_status build(stoa_agent_trainer *t, stoa_error *err) {
    const stoa_agent_settings *s = &t->settings;
    STOA_TRY(open_pools(t, err));
    STOA_TRY(open_actor(t, err));
    for (int i = 0; i < (s->pipeline ? 2 : 1); i++)
        STOA_TRY(stoa_unroll_init(&t->unrolls[i], &t->layout, t->net.agent, s->unroll, s->instances,
                                  err));
    STOA_TRY(stoa_learner_init(&t->learner, s, &t->layout, t->net.agent, &t->spec, t->pool, err));
    if (!(t->optimizer = stoa_optimizer_new(t->net.params, &s->optimizer, err)))
        return err ? err->status : STOA_ERR_MEMORY;
    int64_t per_update = s->unroll * s->instances;
    t->updates = (s->steps + per_update - 1) / per_update;
    t->best_score = -HUGE_VAL;
    t->evaluated_update = -1;
    return open_evaluation(t, err);
}

stoa_status stoa_agent_trainer_new(stoa_agent_trainer **out, const stoa_agent_settings *settings,
                                   stoa_error *err) {
    *out = NULL;
    stoa_agent_trainer *t = stoa_alloc(sizeof *t);
    if (!t)
        return no_memory(err);
    t->settings = *settings;
    stoa_status status = build(t, err);
    if (status != STOA_OK) {
        stoa_agent_trainer_free(t);
        return status;
    }
    *out = t;
    return STOA_OK;
}

void stoa_agent_trainer_free(stoa_agent_trainer *t) {
    if (!t)
        return;
    stoa_player_deinit(&t->player);
    stoa_env_free(t->eval_env);
    stoa_actor_deinit(&t->actor);
    stoa_agent_trace_deinit(&t->trace);
    stoa_learner_deinit(&t->learner);
    for (int i = 0; i < 2; i++)
        stoa_unroll_deinit(&t->unrolls[i]);
    stoa_optimizer_free(t->optimizer);
    stoa_agent_net_deinit(&t->behind);
    stoa_agent_net_deinit(&t->net);
    stoa_pool_free(t->actor_pool);
    stoa_pool_free(t->pool);
    stoa_free(t);
}

/* ---- steps ----------------------------------------------------------------------------------- */

/* The actors' weights become the learner's. */
static void catch_up(stoa_agent_trainer *t) {
    size_t floats, all;
    float *to = stoa_params_values(t->behind.params, &floats);
    const float *from = stoa_params_values(t->net.params, &all);
    memcpy(to, from, floats * sizeof *to);
    stoa_params_touch(t->behind.params);
}

typedef struct errand {
    stoa_agent_trainer *t;
    pthread_t thread;
    stoa_status status;
    stoa_error err;
} errand;

/* Fills the other unroll. */
static void *collect_next(void *arg) {
    errand *e = arg;
    stoa_agent_trainer *t = e->t;
    stoa_flush_denormals();
    e->status = stoa_actor_collect(&t->actor, &t->unrolls[t->front], &t->unrolls[1 - t->front],
                                   t->update + 1, &e->err);
    return NULL;
}

/* Starts the actors' thread with every signal blocked: signals are the program's own business. */
static bool send(errand *e) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&e->thread, NULL, collect_next, e) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

static stoa_status step_in_turn(stoa_agent_trainer *t, stoa_agent_step *r, stoa_error *err) {
    STOA_TRY(stoa_actor_collect(&t->actor, &t->unrolls[0], &t->unrolls[0], t->update, err));
    return stoa_learner_update(t, &t->unrolls[0], r, err);
}

static stoa_status step_side_by_side(stoa_agent_trainer *t, stoa_agent_step *r, stoa_error *err) {
    errand e = {.t = t};
    catch_up(t);
    if (!t->waiting) {
        STOA_TRY(stoa_actor_collect(&t->actor, &t->unrolls[t->front], &t->unrolls[t->front],
                                    t->update, err));
        t->waiting = true;
    }
    if (!send(&e))
        return stoa_fail(err, STOA_ERR_MEMORY, "cannot start the actors' thread");
    stoa_status status = stoa_learner_update(t, &t->unrolls[t->front], r, err);
    pthread_join(e.thread, NULL);
    if (status == STOA_OK && e.status != STOA_OK) {
        if (err)
            *err = e.err;
        status = e.status;
    }
    t->front = 1 - t->front;
    return status;
}

stoa_status stoa_agent_trainer_step(stoa_agent_trainer *t, stoa_agent_step *r, stoa_error *err) {
    if (!t->started)
        STOA_TRY(stoa_actor_begin(&t->actor, &t->unrolls[t->front], err));
    t->started = true;
    STOA_TRY(t->settings.pipeline ? step_side_by_side(t, r, err) : step_in_turn(t, r, err));
    t->update++;
    return STOA_OK;
}

/* ---- evaluation and figures ------------------------------------------------------------------ */

stoa_status stoa_agent_trainer_evaluate(stoa_agent_trainer *t, int64_t episodes,
                                        stoa_agent_scores *result, stoa_error *err) {
    *result = (stoa_agent_scores){.figures = t->spec.metric_count + 2};
    if (!t->eval_env || episodes == 0)
        return STOA_OK;
    uint64_t seed = stoa_draw_of((uint64_t)t->settings.seed, "evaluation", false).key[0];
    STOA_TRY(stoa_player_begin(&t->player, seed, t->settings.eval_greedy, err));
    return stoa_player_scores(&t->player, episodes, result, err);
}

stoa_agent_scores stoa_agent_trainer_scores(const stoa_agent_trainer *t) {
    return stoa_episodes_scores(&t->actor.episodes);
}

const stoa_agent_settings *stoa_agent_trainer_settings(const stoa_agent_trainer *t) {
    return &t->settings;
}

const stoa_env_spec *stoa_agent_trainer_spec(const stoa_agent_trainer *t) {
    return &t->spec;
}

stoa_params *stoa_agent_trainer_params(const stoa_agent_trainer *t) {
    return t->net.params;
}

int64_t stoa_agent_trainer_update(const stoa_agent_trainer *t) {
    return t->update;
}

int64_t stoa_agent_trainer_updates(const stoa_agent_trainer *t) {
    return t->updates;
}

int64_t stoa_agent_trainer_env_steps(const stoa_agent_trainer *t) {
    return t->update * t->settings.unroll * t->settings.instances;
}

int64_t stoa_agent_trainer_episodes(const stoa_agent_trainer *t) {
    return t->actor.episodes.finished;
}

int stoa_agent_trainer_threads(const stoa_agent_trainer *t) {
    return stoa_pool_threads(t->pool) + (t->actor_pool ? stoa_pool_threads(t->actor_pool) : 0);
}

double stoa_agent_trainer_env_seconds(const stoa_agent_trainer *t) {
    return t->actor.env_seconds;
}
