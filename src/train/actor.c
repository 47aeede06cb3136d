/*
 * train/actor.c - filling an unroll: observe, act, step, with the environment writing straight into
 * the rows.
 *
 * An episode that was cut off needs the value of its last state, which the unroll does not hold
 * (its row is the next episode's first). Those states are gathered and looked at together.
 */
#include <string.h>

#include "train/agent.h"

/* ---- memory ---------------------------------------------------------------------------------- */

static bool allocate(stoa_actor *a, int64_t batch) {
    const stoa_env_spec *spec = a->spec;
    bool ok = true;
    for (int o = 0; o < spec->observation_count; o++) {
        size_t bytes = (size_t)batch * stoa_space_bytes(&spec->observations[o]);
        a->final_observations[o] = stoa_alloc(bytes);
        a->cuts.observations[o] = stoa_alloc(bytes);
        ok = ok && a->final_observations[o] && a->cuts.observations[o];
    }
    for (int k = 0; k < spec->action_count; k++) {
        a->cuts.actions[k] = stoa_alloc((size_t)batch * stoa_space_bytes(&spec->actions[k]));
        ok = ok && a->cuts.actions[k];
    }
    a->cuts.place = stoa_alloc((size_t)batch * sizeof *a->cuts.place);
    a->cuts.rewards = stoa_alloc((size_t)batch * sizeof *a->cuts.rewards);
    a->cuts.reset = stoa_alloc((size_t)batch);
    return ok && a->cuts.place && a->cuts.rewards && a->cuts.reset;
}

stoa_status stoa_actor_init(stoa_actor *a, const stoa_agent_settings *s, const stoa_agent *agent,
                            const stoa_unroll_layout *layout, stoa_env *env, stoa_pool *pool,
                            stoa_error *err) {
    *a = (stoa_actor){.agent = agent,
                      .spec = stoa_env_spec_of(env),
                      .layout = layout,
                      .env = env,
                      .pool = pool,
                      .draw = stoa_draw_of((uint64_t)s->seed, "act", false),
                      .bootstrap = s->learner == STOA_LEARNER_PPO};
    a->ctx = stoa_ctx_new(stoa_backend_cpu(), pool, 0);
    if (!a->ctx || !allocate(a, s->instances))
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for the actors");
    stoa_ctx_set_compute(a->ctx, s->precision == STOA_PRECISION_BF16 ? STOA_BF16 : STOA_F32);
    STOA_TRY(stoa_agent_state_init(&a->state, agent, s->instances, err));
    STOA_TRY(stoa_agent_state_init(&a->cuts.state, agent, s->instances, err));
    return stoa_episodes_init(&a->episodes, a->spec, s->instances, s->window, err);
}

void stoa_actor_deinit(stoa_actor *a) {
    for (int i = 0; i < STOA_ENV_SPACES; i++) {
        stoa_free(a->final_observations[i]);
        stoa_free(a->cuts.observations[i]);
        stoa_free(a->cuts.actions[i]);
    }
    stoa_free(a->cuts.place);
    stoa_free(a->cuts.rewards);
    stoa_free(a->cuts.reset);
    stoa_agent_state_deinit(&a->cuts.state);
    stoa_agent_state_deinit(&a->state);
    stoa_episodes_deinit(&a->episodes);
    stoa_ctx_free(a->ctx);
    stoa_env_free(a->env);
    *a = (stoa_actor){0};
}

/* ---- cut-off episodes ------------------------------------------------------------------------ */

/* Values of the states gathered so far, into their places. Always a full batch: one shape. */
static stoa_status settle_cuts(stoa_actor *a, stoa_unroll *u, stoa_error *err) {
    stoa_cuts *c = &a->cuts;
    if (c->count == 0)
        return STOA_OK;
    stoa_agent_input in = {
        .steps = 1, .batch = u->batch, .last_rewards = c->rewards, .reset = c->reset};
    memcpy(in.observations, c->observations, sizeof c->observations);
    memcpy(in.last_actions, c->actions, sizeof c->actions);
    stoa_agent_output out;
    stoa_ctx_reset(a->ctx);
    stoa_agent_forward(a->ctx, a->agent, &in, &c->state, NULL, &out);
    STOA_TRY(stoa_ctx_status(a->ctx, err));
    for (int64_t i = 0; i < c->count; i++)
        u->final_values[c->place[i]] = ((const float *)out.value->data)[i];
    c->count = 0;
    return STOA_OK;
}

static void copy_row(void *into, int64_t to, const void *from, int64_t at, size_t bytes) {
    memcpy((char *)into + (size_t)to * bytes, (const char *)from + (size_t)at * bytes, bytes);
}

/* Notes the instances that row t of the unroll says were cut off. */
static stoa_status gather_cuts(stoa_actor *a, stoa_unroll *u, int64_t t, stoa_error *err) {
    stoa_cuts *c = &a->cuts;
    const stoa_env_spec *spec = a->spec;
    for (int64_t b = 0; b < u->batch; b++) {
        int64_t place = t * u->batch + b;
        if (!u->truncated[place] || u->terminated[place])
            continue;
        for (int o = 0; o < spec->observation_count; o++)
            copy_row(c->observations[o], c->count, a->final_observations[o], b,
                     stoa_space_bytes(&spec->observations[o]));
        for (int k = 0; k < spec->action_count; k++)
            copy_row(c->actions[k], c->count, u->actions[k], place,
                     stoa_space_bytes(&spec->actions[k]));
        if (a->state.width > 0)
            copy_row(c->state.data, c->count, a->state.data, b,
                     (size_t)a->state.width * sizeof(float));
        c->rewards[c->count] = u->rewards[place];
        c->place[c->count++] = place;
        if (c->count == u->batch)
            STOA_TRY(settle_cuts(a, u, err));
    }
    return STOA_OK;
}

/* ---- unrolls --------------------------------------------------------------------------------- */

/* Row t as what the environment writes; with the actions that lead to it. */
static stoa_env_buffers buffers_at(const stoa_actor *a, const stoa_unroll *u, int64_t t) {
    int64_t row = t * u->batch;
    stoa_env_buffers b = {.rewards = u->rewards + row,
                          .terminated = u->terminated + row,
                          .truncated = u->truncated + row,
                          .metrics = u->metrics + row * a->spec->metric_count,
                          .events = u->events + row};
    const stoa_unroll_array *array = a->layout->items;
    for (int o = 0; o < a->spec->observation_count; o++)
        b.observations[o] = stoa_unroll_row(u, array++, t);
    for (int k = 0; k < a->spec->action_count; k++)
        b.actions[k] = stoa_unroll_row(u, array++, t);
    memcpy(b.final_observations, a->final_observations, sizeof a->final_observations);
    return b;
}

stoa_status stoa_actor_begin(stoa_actor *a, stoa_unroll *u, stoa_error *err) {
    const stoa_env_buffers b = buffers_at(a, u, u->steps);
    memset(u->reset + u->steps * u->batch, 1, (size_t)u->batch);
    return stoa_env_reset(a->env, a->pool, &b, err);
}

static stoa_status take_step(stoa_actor *a, stoa_unroll *u, int64_t t, stoa_error *err) {
    int64_t row = t * u->batch, next = row + u->batch;
    const stoa_env_buffers b = buffers_at(a, u, t + 1);
    const stoa_agent_input in = stoa_unroll_input(a->layout, a->spec, u, t, 1);
    stoa_agent_output out;
    void *actions[STOA_ENV_SPACES] = {0};
    for (int k = 0; k < a->spec->action_count; k++)
        actions[k] = stoa_unroll_row(u, &a->layout->items[a->spec->observation_count + k], t + 1);
    STOA_TRY(stoa_act(a->ctx, a->agent, a->spec, &in, &a->state, &a->draw, actions,
                      u->log_probs + row, u->values + row, &out, err));
    double before = stoa_clock();
    STOA_TRY(stoa_env_step(a->env, a->pool, &b, err));
    a->env_seconds += stoa_clock() - before;
    unsigned cut = 0;
    for (int64_t i = next; i < next + u->batch; i++) {
        u->reset[i] = u->terminated[i] | u->truncated[i];
        cut |= u->truncated[i];
    }
    stoa_episodes_add(&a->episodes, u->rewards + next, u->reset + next, b.metrics);
    return cut ? gather_cuts(a, u, t + 1, err) : STOA_OK;
}

/* The value of the observation that the next unroll begins with. */
static stoa_status look_ahead(stoa_actor *a, stoa_unroll *u, stoa_error *err) {
    const stoa_agent_input in = stoa_unroll_input(a->layout, a->spec, u, u->steps, 1);
    stoa_agent_output out;
    stoa_ctx_reset(a->ctx);
    stoa_agent_forward(a->ctx, a->agent, &in, &a->state, NULL, &out);
    STOA_TRY(stoa_ctx_status(a->ctx, err));
    memcpy(u->values + u->steps * u->batch, out.value->data, (size_t)u->batch * sizeof(float));
    return STOA_OK;
}

stoa_status stoa_actor_collect(stoa_actor *a, const stoa_unroll *before, stoa_unroll *into,
                               int64_t update, stoa_error *err) {
    stoa_unroll_carry(a->layout, into, before);
    if (a->state.width > 0)
        memcpy(into->state.data, a->state.data,
               (size_t)(a->state.batch * a->state.width) * sizeof(float));
    for (int64_t t = 0; t < into->steps; t++) {
        a->draw.step = (uint64_t)(update * into->steps + t);
        STOA_TRY(take_step(a, into, t, err));
    }
    STOA_TRY(settle_cuts(a, into, err));
    return a->bootstrap ? look_ahead(a, into, err) : STOA_OK;
}
