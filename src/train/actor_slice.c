/*
 * train/actor_slice.c - some of the instances through an unroll: observe, act, step, with the
 * environment writing straight into the rows.
 *
 * A slice is instances [first, first + count): an offset into every row. Nothing that one slice
 * reads is written by another, so threads walk through an unroll with a slice each and meet at its
 * end. The one slice of all instances is the plain way: its context and the environment share every
 * operation out to the pool.
 *
 * An episode that was cut off needs the value of its last state, which the unroll does not hold
 * (its row is the next episode's first). Those states are gathered and looked at together.
 */
#include <string.h>

#include "train/agent.h"

/* The slice's rows of step t. */
static stoa_agent_input input_at(const stoa_actor *a, const stoa_actor_slice *s,
                                 const stoa_unroll *u, int64_t t) {
    stoa_agent_input in = stoa_unroll_input(a->layout, a->spec, u, t, 1);
    in.batch = s->count;
    for (int o = 0; o < a->spec->observation_count; o++)
        in.observations[o] = (const char *)in.observations[o] +
                             (size_t)s->first * stoa_space_bytes(&a->spec->observations[o]);
    for (int k = 0; k < a->spec->action_count; k++)
        in.last_actions[k] = (const char *)in.last_actions[k] +
                             (size_t)s->first * stoa_space_bytes(&a->spec->actions[k]);
    in.last_rewards += s->first;
    in.reset += s->first;
    return in;
}

/* ---- cut-off episodes ------------------------------------------------------------------------ */

/* Values of the states gathered so far, into their places. Always all rows: one shape. */
static stoa_status settle_cuts(stoa_actor *a, stoa_actor_slice *s, stoa_unroll *u,
                               stoa_error *err) {
    stoa_cuts *c = &s->cuts;
    if (c->count == 0)
        return STOA_OK;
    stoa_agent_input in = {
        .steps = 1, .batch = s->count, .last_rewards = c->rewards, .reset = c->reset};
    memcpy(in.observations, c->observations, sizeof c->observations);
    memcpy(in.last_actions, c->actions, sizeof c->actions);
    stoa_agent_output out;
    stoa_ctx_reset(s->ctx);
    stoa_agent_forward(s->ctx, a->agent, &in, &c->state, NULL, &out);
    STOA_TRY(stoa_ctx_status(s->ctx, err));
    for (int64_t i = 0; i < c->count; i++)
        u->final_values[c->place[i]] = ((const float *)out.value->data)[i];
    c->count = 0;
    return STOA_OK;
}

static void copy_row(void *into, int64_t to, const void *from, int64_t at, size_t bytes) {
    memcpy((char *)into + (size_t)to * bytes, (const char *)from + (size_t)at * bytes, bytes);
}

/* Notes the instances that row t of the unroll says were cut off. */
static stoa_status gather_cuts(stoa_actor *a, stoa_actor_slice *s, stoa_unroll *u, int64_t t,
                               stoa_error *err) {
    stoa_cuts *c = &s->cuts;
    const stoa_env_spec *spec = a->spec;
    for (int64_t b = s->first; b < s->first + s->count; b++) {
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
        if (c->count == s->count)
            STOA_TRY(settle_cuts(a, s, u, err));
    }
    return STOA_OK;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static stoa_status step_env(stoa_actor *a, stoa_actor_slice *s, const stoa_env_buffers *b,
                            stoa_error *err) {
    double before = stoa_clock();
    stoa_status status = STOA_OK;
    if (s->ctx == a->ctx)
        status = stoa_env_step(a->env, a->pool, b, err);
    else
        stoa_env_step_range(a->env, b, s->first, s->first + s->count);
    s->env_seconds += stoa_clock() - before;
    return status;
}

static stoa_status take_step(stoa_actor *a, stoa_actor_slice *s, stoa_unroll *u, int64_t t,
                             stoa_error *err) {
    int64_t row = t * u->batch + s->first, next = row + u->batch;
    const stoa_env_buffers b = stoa_actor_buffers(a, u, t + 1);
    stoa_agent_input in = input_at(a, s, u, t);
    const stoa_agent_input after = input_at(a, s, u, t + 1);
    stoa_agent_output out;
    void *actions[STOA_ENV_SPACES] = {0};
    in.trace = a->trace;
    in.trace_row = row;
    for (int k = 0; k < a->spec->action_count; k++)
        actions[k] = (void *)(uintptr_t)after.last_actions[k]; /* the unroll's own, to be written */
    STOA_TRY(stoa_act(s->ctx, a->agent, a->spec, &in, &s->state, &s->draw, actions,
                      u->log_probs + row, u->values + row, &out, err));
    STOA_TRY(step_env(a, s, &b, err));
    unsigned cut = 0;
    for (int64_t i = next; i < next + s->count; i++) {
        u->reset[i] = u->terminated[i] | u->truncated[i];
        cut |= u->truncated[i];
    }
    return cut ? gather_cuts(a, s, u, t + 1, err) : STOA_OK;
}

/* The values of the slice's observations at step t, into values unless that is NULL. */
static stoa_status look(stoa_actor *a, const stoa_actor_slice *s, stoa_ctx *ctx,
                        const stoa_unroll *u, int64_t t, float *values, stoa_error *err) {
    const stoa_agent_input in = input_at(a, s, u, t);
    stoa_agent_output out;
    stoa_ctx_reset(ctx);
    stoa_agent_forward(ctx, a->agent, &in, &s->state, NULL, &out);
    STOA_TRY(stoa_ctx_status(ctx, err));
    if (values)
        memcpy(values, out.value->data, (size_t)s->count * sizeof(float));
    return STOA_OK;
}

stoa_status stoa_actor_slice_prepare(stoa_actor *a, const stoa_actor_slice *slice,
                                     const stoa_unroll *u, int64_t t, stoa_error *err) {
    return look(a, slice, a->ctx, u, t, NULL, err);
}

stoa_status stoa_actor_slice_collect(stoa_actor *a, stoa_actor_slice *s, stoa_unroll *u,
                                     int64_t update, stoa_error *err) {
    s->env_seconds = 0;
    for (int64_t t = 0; t < u->steps; t++) {
        s->draw.step = (uint64_t)(update * u->steps + t);
        STOA_TRY(take_step(a, s, u, t, err));
    }
    STOA_TRY(settle_cuts(a, s, u, err));
    float *values = u->values + u->steps * u->batch + s->first;
    return a->bootstrap ? look(a, s, s->ctx, u, u->steps, values, err) : STOA_OK;
}
