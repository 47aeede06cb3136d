/*
 * train/actor.c - filling unrolls: the memory for it, sharing the instances out among slices, and
 * what is done for all of them together.
 *
 * Weights are packed by the first forward pass after they changed, which several threads must not
 * do at once: one instance is looked at for that before the slices begin.
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
                      .seed = (uint64_t)s->seed,
                      .staggered = s->stagger && stoa_env_divisible(env),
                      .bootstrap = s->learner == STOA_LEARNER_PPO};
    a->ctx = stoa_ctx_new(stoa_backend_cpu(), pool, 0);
    if (!a->ctx || !allocate(a, s->instances))
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for the actors");
    stoa_ctx_set_compute(a->ctx, s->precision == STOA_PRECISION_BF16 ? STOA_BF16 : STOA_F32);
    STOA_TRY(stoa_agent_state_init(&a->state, agent, s->instances, err));
    STOA_TRY(stoa_agent_state_init(&a->cuts.state, agent, s->instances, err));
    STOA_TRY(stoa_agent_cache_init(&a->cache, agent, stoa_ctx_compute(a->ctx), s->instances, err));
    a->state.cache = &a->cache;
    STOA_TRY(stoa_episodes_init(&a->episodes, a->spec, s->instances, s->window, err));
    return stoa_actor_share(a, stoa_actor_best_slices(a), err);
}

static void drop_slices(stoa_actor *a) {
    for (int i = 0; i < a->slice_count; i++)
        if (a->slices[i].ctx != a->ctx)
            stoa_ctx_free(a->slices[i].ctx);
    stoa_free(a->slices);
    a->slices = NULL;
    a->slice_count = 0;
}

void stoa_actor_deinit(stoa_actor *a) {
    drop_slices(a);
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
    stoa_agent_cache_deinit(&a->cache);
    stoa_episodes_deinit(&a->episodes);
    stoa_ctx_free(a->ctx);
    stoa_env_free(a->env);
    *a = (stoa_actor){0};
}

/* ---- slices ---------------------------------------------------------------------------------- */

/* Some rows of a state. */
static stoa_agent_state rows_of(const stoa_agent_state *state, int64_t first, int64_t count) {
    return (stoa_agent_state){.data = state->width ? state->data + first * state->width : NULL,
                              .batch = count,
                              .width = state->width,
                              .cache = state->cache,
                              .cache_first = state->cache_first + first};
}

static void *offset(void *rows, int64_t first, size_t bytes) {
    return (char *)rows + (size_t)first * bytes;
}

static stoa_cuts cuts_of(const stoa_actor *a, int64_t first, int64_t count) {
    const stoa_cuts *all = &a->cuts;
    stoa_cuts c = {.place = all->place + first,
                   .rewards = all->rewards + first,
                   .reset = all->reset + first,
                   .state = rows_of(&all->state, first, count)};
    for (int o = 0; o < a->spec->observation_count; o++)
        c.observations[o] =
            offset(all->observations[o], first, stoa_space_bytes(&a->spec->observations[o]));
    for (int k = 0; k < a->spec->action_count; k++)
        c.actions[k] = offset(all->actions[k], first, stoa_space_bytes(&a->spec->actions[k]));
    return c;
}

int stoa_actor_best_slices(const stoa_actor *a) {
    int threads = stoa_pool_threads(a->pool);
    if (!stoa_env_divisible(a->env))
        return 1;
    return threads < a->state.batch ? threads : (int)a->state.batch;
}

stoa_status stoa_actor_share(stoa_actor *a, int slices, stoa_error *err) {
    enum { UNIT = 32 }; /* rows that matrix kernels take at once: slices of whole units, if many */
    int64_t batch = a->state.batch, unit = batch >= slices * UNIT ? UNIT : 1;
    drop_slices(a);
    a->slices = stoa_alloc((size_t)slices * sizeof *a->slices);
    if (!a->slices)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for the actors");
    for (int i = 0; i < slices; i++) {
        int64_t first = batch / unit * i / slices * unit;
        int64_t end = i == slices - 1 ? batch : batch / unit * (i + 1) / slices * unit;
        stoa_actor_slice *s = &a->slices[a->slice_count++];
        *s = (stoa_actor_slice){.first = first,
                                .count = end - first,
                                .draw = a->draw,
                                .state = rows_of(&a->state, first, end - first),
                                .cuts = cuts_of(a, first, end - first)};
        s->draw.first = (uint64_t)first;
        s->ctx = slices == 1 ? a->ctx : stoa_ctx_new(stoa_backend_cpu(), NULL, 0);
        if (!s->ctx)
            return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for the actors");
        stoa_ctx_set_compute(s->ctx, stoa_ctx_compute(a->ctx));
    }
    return STOA_OK;
}

typedef struct job {
    stoa_actor *a;
    stoa_unroll *u;
    int64_t update;
} job;

/* Slices [begin, end). */
static void collect_range(void *arg, int64_t begin, int64_t end, int thread) {
    const job *j = arg;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        stoa_actor_slice *s = &j->a->slices[i];
        s->status = stoa_actor_slice_collect(j->a, s, j->u, j->update, &s->err);
    }
}

static stoa_status pack_weights(stoa_actor *a, const stoa_unroll *u, stoa_error *err) {
    const stoa_actor_slice one = {.count = 1, .state = rows_of(&a->state, 0, 1)};
    return stoa_actor_slice_prepare(a, &one, u, 0, err);
}

static stoa_status collect_slices(stoa_actor *a, stoa_unroll *u, int64_t update, stoa_error *err) {
    job j = {a, u, update};
    STOA_TRY(pack_weights(a, u, err));
    stoa_pool_run(a->pool, a->slice_count, 1, collect_range, &j);
    for (int i = 0; i < a->slice_count; i++) {
        const stoa_actor_slice *s = &a->slices[i];
        if (s->status != STOA_OK) {
            if (err)
                *err = s->err;
            return s->status;
        }
    }
    return STOA_OK;
}

/* ---- unrolls --------------------------------------------------------------------------------- */

stoa_env_buffers stoa_actor_buffers(const stoa_actor *a, const stoa_unroll *u, int64_t t) {
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

/* Random play before the first observation, for the longer the further back an instance stands, up
 * to nearly an episode: so that an update sees all phases of episodes that last equally long. */
static void stagger(stoa_actor *a, stoa_unroll *u, const stoa_env_buffers *b) {
    int64_t longest = a->spec->max_steps, last = u->steps * u->batch;
    stoa_rng rng = stoa_rng_stream(a->seed, "stagger", 0);
    void *actions[STOA_ENV_SPACES] = {0};
    for (int k = 0; k < a->spec->action_count; k++)
        actions[k] =
            stoa_unroll_row(u, &a->layout->items[a->spec->observation_count + k], u->steps);
    for (int64_t t = 0; t < longest; t++) {
        int64_t first = ((t + 1) * u->batch + longest - 1) / longest; /* i plays i * L / B steps */
        if (first >= u->batch)
            break;
        stoa_env_random_actions(a->env, &rng, actions);
        stoa_env_step_range(a->env, b, first, u->batch);
    }
    memset(u->rewards + last, 0, (size_t)u->batch * sizeof *u->rewards);
    memset(u->terminated + last, 0, (size_t)u->batch);
    memset(u->truncated + last, 0, (size_t)u->batch);
}

stoa_status stoa_actor_begin(stoa_actor *a, stoa_unroll *u, stoa_error *err) {
    const stoa_env_buffers b = stoa_actor_buffers(a, u, u->steps);
    memset(u->reset + u->steps * u->batch, 1, (size_t)u->batch);
    STOA_TRY(stoa_env_reset(a->env, a->pool, &b, err));
    if (a->staggered)
        stagger(a, u, &b);
    return STOA_OK;
}

/* What the slices' episodes came to, in the order of steps and instances. */
static void sum_up(stoa_actor *a, const stoa_unroll *u) {
    double seconds = 0;
    for (int64_t t = 1; t <= u->steps; t++)
        stoa_episodes_add(&a->episodes, u->rewards + t * u->batch, u->reset + t * u->batch,
                          u->metrics + t * u->batch * a->spec->metric_count);
    for (int i = 0; i < a->slice_count; i++)
        seconds += a->slices[i].env_seconds;
    a->env_seconds += seconds / a->slice_count; /* they step at the same time */
}

stoa_status stoa_actor_collect(stoa_actor *a, const stoa_unroll *before, stoa_unroll *into,
                               int64_t update, stoa_error *err) {
    stoa_unroll_carry(a->layout, into, before);
    if (a->state.width > 0)
        memcpy(into->state.data, a->state.data,
               (size_t)(a->state.batch * a->state.width) * sizeof(float));
    if (a->slice_count > 1)
        STOA_TRY(collect_slices(a, into, update, err));
    else
        STOA_TRY(stoa_actor_slice_collect(a, &a->slices[0], into, update, err));
    sum_up(a, into);
    return STOA_OK;
}
