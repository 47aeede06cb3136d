/*
 * train/learn.c - one update from an unroll: V-trace, or PPO's epochs over minibatches.
 *
 * Rewards are scaled and clipped, then seen and changed by the objectives; only then is a cut-off
 * episode's last reward given the value of the state it was cut off in, with discount 0 behind it,
 * so that the scans know two cases only.
 */
#include <math.h>
#include <string.h>

#include "train/agent_trainer.h"

stoa_status stoa_learner_init(stoa_learner *l, const stoa_agent_settings *s,
                              const stoa_unroll_layout *layout, const stoa_agent *agent,
                              const stoa_env_spec *spec, stoa_pool *pool, stoa_error *err) {
    enum { ARRAYS = 7 };
    float **const arrays[ARRAYS] = {&l->rewards,        &l->discounts,  &l->log_rho,
                                    &l->targets,        &l->advantages, &l->part_targets,
                                    &l->part_advantages};
    size_t n = (size_t)(s->unroll * s->instances);
    *l = (stoa_learner){.spec = *spec};
    l->ctx = stoa_ctx_new(stoa_backend_cpu(), pool, 0);
    l->block = stoa_alloc(ARRAYS * n * sizeof(float));
    l->order = stoa_alloc((size_t)s->instances * sizeof *l->order);
    if (!l->ctx || !l->block || !l->order)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for the learner");
    for (int i = 0; i < ARRAYS; i++)
        *arrays[i] = (float *)l->block + (size_t)i * n;
    stoa_ctx_set_compute(l->ctx, s->precision == STOA_PRECISION_BF16 ? STOA_BF16 : STOA_F32);
    stoa_ctx_set_grad(l->ctx, true);
    stoa_ctx_set_training(l->ctx, true);
    if (s->learner != STOA_LEARNER_PPO || s->ppo_minibatches == 1)
        return STOA_OK;
    return stoa_unroll_init(&l->part, layout, agent, s->unroll, s->instances / s->ppo_minibatches,
                            err);
}

void stoa_learner_deinit(stoa_learner *l) {
    stoa_unroll_deinit(&l->part);
    stoa_free(l->order);
    stoa_free(l->block);
    stoa_ctx_free(l->ctx);
    *l = (stoa_learner){0};
}

/* ---- rewards --------------------------------------------------------------------------------- */

/* What was paid for the action taken at observation t stands in row t + 1 of the unroll. */
static void scale_rewards(const stoa_agent_settings *s, const stoa_unroll *u, float *rewards) {
    const float scale = (float)s->reward_scale, most = (float)s->reward_clip;
    const float *paid = u->rewards + u->batch;
    for (int64_t i = 0; i < u->steps * u->batch; i++) {
        float r = scale * paid[i];
        rewards[i] = most > 0 ? fminf(fmaxf(r, -most), most) : r;
    }
}

static void close_episodes(const stoa_agent_settings *s, const stoa_unroll *u, float *rewards,
                           float *discounts) {
    const float gamma = (float)s->discount;
    for (int64_t i = 0; i < u->steps * u->batch; i++) {
        int64_t after = i + u->batch;
        bool cut = u->truncated[after] && !u->terminated[after];
        discounts[i] = u->terminated[after] || cut ? 0 : gamma;
        rewards[i] += cut ? gamma * u->final_values[after] : 0;
    }
}

static stoa_status ask_for_rewards(stoa_agent_trainer *t, const stoa_unroll *u,
                                   const stoa_agent_output *out, float *rewards, stoa_error *err) {
    for (int i = 0; i < t->net.objective_count; i++) {
        stoa_objective *o = &t->net.objectives[i];
        if (o->class_->reward)
            o->class_->reward(o, t->learner.ctx, u, out, rewards);
        STOA_TRY(stoa_ctx_status(t->learner.ctx, err));
    }
    return STOA_OK;
}

/* ---- one pass over rows ---------------------------------------------------------------------- */

/* The network over an unroll's T + 1 rows, cut to the T whose actions are known. */
typedef struct pass {
    stoa_agent_output out;
    stoa_policy_terms terms; /* (T, B) */
    stoa_tensor *value;      /* (T, B) */
} pass;

static stoa_status run_forward(stoa_agent_trainer *t, const stoa_unroll *u, int64_t number, pass *p,
                               stoa_error *err) {
    stoa_ctx *ctx = t->learner.ctx;
    stoa_agent_input in = stoa_unroll_input(&t->layout, &t->spec, u, 0, u->steps + 1);
    const void *actions[STOA_ENV_SPACES] = {0};
    stoa_tensor *logits[STOA_ENV_SPACES] = {0};
    if (t->actor.trace) {
        in.trace = t->actor.trace;
        in.trace_known = u->steps;
    }
    stoa_ctx_reset(ctx);
    stoa_ctx_set_seed(ctx, (uint64_t)t->settings.seed, (uint64_t)number);
    stoa_agent_forward(ctx, t->net.agent, &in, &u->state, NULL, &p->out);
    for (int a = 0; a < t->spec.action_count; a++) {
        actions[a] =
            stoa_unroll_row(u, &t->layout.items[t->spec.observation_count + a], 1); // (T, B, ...)
        logits[a] = stoa_slice(ctx, p->out.logits[a], 0, 0, u->steps);
    }
    p->terms = stoa_policy_terms_of(ctx, t->spec.actions, t->spec.action_count, logits, actions);
    p->value = stoa_slice(ctx, p->out.value, 0, 0, u->steps);
    return stoa_ctx_status(ctx, err);
}

/* Adds the objectives' losses, walks the tape, moves the weights. */
static stoa_status descend(stoa_agent_trainer *t, const stoa_unroll *u, pass *p, stoa_tensor *total,
                           stoa_agent_step *r, stoa_error *err) {
    stoa_ctx *ctx = t->learner.ctx;
    for (int i = 0; i < t->net.objective_count; i++) {
        stoa_objective *o = &t->net.objectives[i];
        stoa_tensor *more = o->class_->loss ? o->class_->loss(o, ctx, u, &p->out) : NULL;
        total = more ? stoa_add(ctx, total, more) : total;
    }
    if (p->out.router_loss) /* behind a stop-gradient: it trains the routers' predictors alone */
        total = stoa_add(ctx, total, p->out.router_loss);
    stoa_backward(ctx, total, NULL);
    STOA_TRY(stoa_ctx_status(ctx, err));
    if (!isfinite(stoa_get(total, 0)))
        return stoa_fail(err, STOA_ERR_NUMERIC,
                         "update %lld: the loss is not finite; lower train.rate or train.clip, and "
                         "go on from the last checkpoint",
                         (long long)t->update);
    return stoa_optimizer_step(t->optimizer, t->pool, r->rate, &r->grad_norm, err);
}

static double loss_scale(const stoa_agent_settings *s, int64_t rows) {
    return s->mean_loss ? 1 / (double)rows : 1;
}

/* Adds this pass's part of the means over the whole unroll, weighted by `share`. */
static void tell(stoa_agent_step *r, const stoa_actor_critic *loss, int64_t rows, double share) {
    r->policy_loss += share * stoa_get(loss->policy, 0) / (double)rows;
    r->value_loss += share * stoa_get(loss->value, 0) / (double)rows;
    r->entropy += share * stoa_get(loss->entropy, 0) / (double)rows;
}

/* Mean of rho - 1 - log rho: never negative, and KL(behaviour, policy) on average. */
static double divergence(const float *log_rho, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)(expf(log_rho[i]) - 1 - log_rho[i]);
    return sum / (double)n;
}

static double mean_of(const float *x, int64_t n) {
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++)
        sum += (double)x[i];
    return sum / (double)n;
}

/* 1 - variance of (targets - values) / variance of targets. */
static double explained(const float *targets, const float *values, int64_t n) {
    double mean = mean_of(targets, n), off = mean - mean_of(values, n), all = 0, left = 0;
#pragma omp simd reduction(+ : all, left)
    for (int64_t i = 0; i < n; i++) {
        double d = (double)targets[i] - mean, e = (double)(targets[i] - values[i]) - off;
        all += d * d;
        left += e * e;
    }
    return all > 0 ? 1 - left / all : 0;
}

static void finish_objectives(stoa_agent_trainer *t, const stoa_unroll *u, stoa_agent_step *r) {
    const int most = sizeof r->objectives / sizeof *r->objectives;
    for (int i = 0; i < t->net.objective_count; i++) {
        stoa_objective *o = &t->net.objectives[i];
        if (o->class_->finish)
            r->objective_count += o->class_->finish(o, u, r->objectives + r->objective_count,
                                                    most - r->objective_count);
    }
}

/* ---- V-trace --------------------------------------------------------------------------------- */

static stoa_status learn_vtrace(stoa_agent_trainer *t, const stoa_unroll *u, stoa_agent_step *r,
                                stoa_error *err) {
    const stoa_agent_settings *s = &t->settings;
    stoa_learner *l = &t->learner;
    int64_t n = u->steps * u->batch;
    pass p;
    STOA_TRY(run_forward(t, u, t->update, &p, err));
    scale_rewards(s, u, l->rewards);
    STOA_TRY(ask_for_rewards(t, u, &p.out, l->rewards, err));
    r->reward = mean_of(l->rewards, n);
    close_episodes(s, u, l->rewards, l->discounts);
    const float *log_prob = p.terms.log_prob->data, *values = p.out.value->data; // (T + 1, B)
    for (int64_t i = 0; i < n; i++)
        l->log_rho[i] = log_prob[i] - u->log_probs[i];
    stoa_vtrace(&s->vtrace, u->steps, u->batch, l->log_rho, l->discounts, l->rewards, values,
                values + n, l->targets, l->advantages);
    stoa_actor_critic loss = stoa_vtrace_loss(l->ctx, &p.terms, p.value, l->targets, l->advantages,
                                              s->value_weight, s->entropy_weight, loss_scale(s, n));
    r->divergence = divergence(l->log_rho, n);
    r->explained = explained(l->targets, values, n);
    STOA_TRY(descend(t, u, &p, loss.total, r, err));
    tell(r, &loss, n, 1);
    finish_objectives(t, u, r);
    return STOA_OK;
}

/* ---- PPO ------------------------------------------------------------------------------------- */

/* Advantages of the whole unroll, from the rewards as they now stand. */
static void estimate(const stoa_agent_settings *s, stoa_learner *l, const stoa_unroll *u,
                     stoa_agent_step *r) {
    int64_t n = u->steps * u->batch;
    r->reward = mean_of(l->rewards, n);
    close_episodes(s, u, l->rewards, l->discounts);
    stoa_gae(s->gae_lambda, u->steps, u->batch, l->discounts, l->rewards, u->values, u->values + n,
             l->targets, l->advantages);
    r->explained = explained(l->targets, u->values, n);
}

static void normalize(float *x, int64_t n) {
    double mean = mean_of(x, n), squares = 0;
    for (int64_t i = 0; i < n; i++)
        squares += ((double)x[i] - mean) * ((double)x[i] - mean);
    const float shift = (float)mean, scale = (float)(1 / (sqrt(squares / (double)n) + 1e-8));
    for (int64_t i = 0; i < n; i++)
        x[i] = (x[i] - shift) * scale;
}

/* Columns `order` of (T, B) into (T, n). */
static void gather_columns(const float *from, int64_t steps, int64_t batch, const int64_t *order,
                           int64_t n, float *into) {
    for (int64_t t = 0; t < steps; t++)
        for (int64_t b = 0; b < n; b++)
            into[t * n + b] = from[t * batch + order[b]];
}

static void shuffle(const stoa_agent_trainer *t, int64_t epoch) {
    stoa_rng rng = stoa_rng_stream((uint64_t)t->settings.seed, "minibatches",
                                   (uint64_t)(t->update * t->settings.ppo_epochs + epoch));
    for (int64_t b = 0; b < t->settings.instances; b++)
        t->learner.order[b] = b;
    stoa_rng_shuffle(&rng, t->learner.order, t->settings.instances);
}

/* One step of the optimiser from the instances order[0..], or from all of them. first: no
 * advantages yet. */
static stoa_status learn_part(stoa_agent_trainer *t, const stoa_unroll *u, const int64_t *order,
                              int64_t number, bool first, stoa_agent_step *r, stoa_error *err) {
    const stoa_agent_settings *s = &t->settings;
    stoa_learner *l = &t->learner;
    const stoa_unroll *part = u;
    pass p;
    if (order) {
        stoa_unroll_gather(&t->layout, &l->part, u, order);
        part = &l->part;
    }
    int64_t n = part->steps * part->batch;
    STOA_TRY(run_forward(t, part, number, &p, err));
    if (t->net.objective_count > 0) { /* they need the tape, so they are asked in every epoch */
        float *rewards = first ? l->rewards : l->part_targets;
        scale_rewards(s, u, rewards);
        STOA_TRY(ask_for_rewards(t, u, &p.out, rewards, err));
        if (first)
            estimate(s, l, u, r);
    }
    if (order) {
        gather_columns(l->targets, u->steps, u->batch, order, part->batch, l->part_targets);
        gather_columns(l->advantages, u->steps, u->batch, order, part->batch, l->part_advantages);
    } else {
        memcpy(l->part_targets, l->targets, (size_t)n * sizeof(float));
        memcpy(l->part_advantages, l->advantages, (size_t)n * sizeof(float));
    }
    if (s->normalize_advantages)
        normalize(l->part_advantages, n);
    const stoa_ppo_rows rows = {part->log_probs, l->part_advantages, l->part_targets,
                                part->values,    s->ppo_clip,        s->ppo_value_clip};
    stoa_actor_critic loss = stoa_ppo_loss(l->ctx, &p.terms, p.value, &rows, s->value_weight,
                                           s->entropy_weight, loss_scale(s, n));
    const float *log_prob = p.terms.log_prob->data;
    for (int64_t i = 0; i < n; i++)
        l->log_rho[i] = log_prob[i] - part->log_probs[i];
    double share = 1 / (double)(s->ppo_epochs * s->ppo_minibatches);
    r->divergence += share * divergence(l->log_rho, n);
    STOA_TRY(descend(t, u, &p, loss.total, r, err));
    tell(r, &loss, n, share);
    return STOA_OK;
}

static stoa_status learn_ppo(stoa_agent_trainer *t, const stoa_unroll *u, stoa_agent_step *r,
                             stoa_error *err) {
    const stoa_agent_settings *s = &t->settings;
    int64_t parts = s->ppo_minibatches, size = s->instances / parts;
    if (t->net.objective_count == 0) {
        scale_rewards(s, u, t->learner.rewards);
        estimate(s, &t->learner, u, r);
    }
    for (int64_t epoch = 0; epoch < s->ppo_epochs; epoch++) {
        if (parts > 1)
            shuffle(t, epoch);
        for (int64_t k = 0; k < parts; k++) {
            int64_t number = (t->update * s->ppo_epochs + epoch) * parts + k;
            const int64_t *order = parts > 1 ? t->learner.order + k * size : NULL;
            STOA_TRY(learn_part(t, u, order, number, epoch == 0, r, err));
        }
    }
    finish_objectives(t, u, r);
    return STOA_OK;
}

stoa_status stoa_learner_update(stoa_agent_trainer *t, const stoa_unroll *u, stoa_agent_step *r,
                                stoa_error *err) {
    const stoa_agent_settings *s = &t->settings;
    *r = (stoa_agent_step){.rate = s->rate * stoa_schedule((stoa_schedule_kind)s->schedule,
                                                           t->update, t->updates, 0, s->floor)};
    return s->learner == STOA_LEARNER_PPO ? learn_ppo(t, u, r, err) : learn_vtrace(t, u, r, err);
}
