/*
 * env/gym_step.c - resetting and stepping a batch whose instances live in workers.
 *
 * A step posts all actions at once and waits for every worker. A worker that failed is ended and
 * started anew; the episodes that ran in it are truncated: their last observation is the one of
 * the step before, their metrics count what they had, and the next episode begins. So every
 * episode that began also ends, whatever happens to the processes.
 */
#include <string.h>

#include "env/gym.h"

/* Failures of one worker in a row, without a good step between, that end the run. */
enum { PATIENCE = 3 };

static void post(stoa_gym *g, char letter) {
    char packet[2] = {letter, (char)('0' + g->half)};
    for (int i = 0; i < g->child_count; i++)
        stoa_gym_post(&g->children[i], packet, sizeof packet);
}

static void draw_seeds(stoa_env *env, stoa_gym *g, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
        g->memory.seeds[i] = stoa_rng_u32(&env->rngs[i]) >> 1; /* Gymnasium wants 0 to 2^31 - 1 */
        g->returns[i] = 0;
        g->lengths[i] = 0;
    }
}

/* ---- failures -------------------------------------------------------------------------------- */

/* One try: a new process that knows its spaces and memory and has begun episodes. */
static stoa_status try_again(stoa_env *env, stoa_gym *g, stoa_gym_child *child, stoa_error *err) {
    const stoa_gym_config *config = env->config;
    stoa_gym_end(child, 1, false);
    STOA_TRY(stoa_gym_greet(g, config, child, err));
    stoa_gym_wait(child, 1, "H", config->timeout);
    if (child->state == STOA_GYM_IDLE && (!child->answer || strcmp(child->answer, g->hello) != 0))
        return stoa_fail(err, STOA_ERR_FORMAT,
                         "environment %s: a restarted worker describes different spaces",
                         env->spec.name);
    stoa_gym_post(child, g->layout, strlen(g->layout));
    stoa_gym_wait(child, 1, "D", config->timeout);
    draw_seeds(env, g, child->begin, child->end);
    char packet[2] = {'R', (char)('0' + g->half)};
    stoa_gym_post(child, packet, sizeof packet);
    stoa_gym_wait(child, 1, "D", config->timeout);
    return STOA_OK;
}

/* Brings a failed worker back, or says why it cannot be. */
static stoa_status revive(stoa_env *env, stoa_gym *g, stoa_gym_child *child, stoa_error *err) {
    while (child->state == STOA_GYM_FAILED) {
        if (++child->failures > PATIENCE)
            return stoa_fail(err, STOA_ERR_IO,
                             "environment %s: a worker failed %d times in a row, instances %lld to "
                             "%lld: %s",
                             env->spec.name, child->failures, (long long)child->begin,
                             (long long)child->end - 1, child->reason);
        stoa_log_write(STOA_LOG_WARN,
                       "environment %s: instances %lld to %lld begin anew, their episodes are "
                       "truncated: %s",
                       env->spec.name, (long long)child->begin, (long long)child->end - 1,
                       child->reason);
        g->restarts++;
        STOA_TRY(try_again(env, g, child, err));
    }
    return STOA_OK;
}

/* ---- what comes back ------------------------------------------------------------------------- */

/* Rows [begin, end) of an observation. A category outside its space would index out of an agent's
 * table. */
static stoa_status check_rows(const stoa_env *env, const stoa_space *s, const void *rows,
                              int64_t begin, int64_t end, stoa_error *err) {
    int64_t per = stoa_space_numel(s), wrong = -1;
    if (s->kind != STOA_SPACE_CATEGORIES)
        return STOA_OK;
    for (int64_t i = begin * per; i < end * per; i++) {
        int64_t value =
            s->dtype == STOA_U8 ? ((const uint8_t *)rows)[i] : ((const int32_t *)rows)[i];
        if (value < 0 || value >= s->categories)
            wrong = i;
    }
    if (wrong < 0)
        return STOA_OK;
    return stoa_fail(err, STOA_ERR_FORMAT,
                     "environment %s: observation %s of instance %lld is outside its space",
                     env->spec.name, s->name, (long long)(wrong / per));
}

static stoa_status hand_observations(const stoa_env *env, const stoa_gym *g,
                                     const stoa_env_buffers *b, stoa_error *err) {
    for (int o = 0; o < env->spec.observation_count; o++) {
        const stoa_space *s = &env->spec.observations[o];
        if (!b->observations[o])
            continue;
        memcpy(b->observations[o], g->memory.observations[g->half][o],
               (size_t)env->count * stoa_space_bytes(s));
        STOA_TRY(check_rows(env, s, b->observations[o], 0, env->count, err));
    }
    return STOA_OK;
}

/* Instance i's episode ended: last observations from `from` (an array a space), metrics. */
static stoa_status hand_end(const stoa_env *env, stoa_gym *g, const stoa_env_buffers *b, int64_t i,
                            char *const *from, stoa_error *err) {
    if (b->metrics) {
        float *row = b->metrics + i * env->spec.metric_count;
        row[0] = (float)g->returns[i];
        row[1] = (float)g->lengths[i];
    }
    g->returns[i] = 0;
    g->lengths[i] = 0;
    for (int o = 0; o < env->spec.observation_count; o++) {
        const stoa_space *s = &env->spec.observations[o];
        size_t bytes = stoa_space_bytes(s), at = (size_t)i * bytes;
        if (!b->final_observations[o])
            continue;
        memcpy((char *)b->final_observations[o] + at, from[o] + at, bytes);
        STOA_TRY(check_rows(env, s, b->final_observations[o], i, i + 1, err));
    }
    return STOA_OK;
}

static stoa_status hand_step(const stoa_env *env, stoa_gym *g, const stoa_env_buffers *b,
                             const stoa_gym_child *child, stoa_error *err) {
    const stoa_gym_memory *m = &g->memory;
    for (int64_t i = child->begin; i < child->end; i++) {
        b->rewards[i] = m->rewards[i];
        b->terminated[i] = m->terminated[i] != 0;
        b->truncated[i] = m->truncated[i] != 0;
        g->returns[i] += (double)m->scores[i];
        g->lengths[i]++;
        if (b->terminated[i] || b->truncated[i])
            STOA_TRY(hand_end(env, g, b, i, m->finals, err));
    }
    return STOA_OK;
}

/* The episodes of a worker that failed within this step: what it wrote of it is void. */
static stoa_status hand_failure(const stoa_env *env, stoa_gym *g, const stoa_env_buffers *b,
                                const stoa_gym_child *child, stoa_error *err) {
    for (int64_t i = child->begin; i < child->end; i++) {
        b->rewards[i] = 0;
        b->terminated[i] = 0;
        b->truncated[i] = 1;
        STOA_TRY(hand_end(env, g, b, i, g->memory.observations[!g->half], err));
    }
    return STOA_OK;
}

/* ---- the interface --------------------------------------------------------------------------- */

stoa_status stoa_gym_reset(stoa_env *env, const stoa_env_buffers *b, stoa_error *err) {
    const stoa_gym_config *config = env->config;
    stoa_gym *g = env->handle;
    g->half = !g->half;
    draw_seeds(env, g, 0, env->count);
    post(g, 'R');
    stoa_gym_wait(g->children, g->child_count, "D", config->timeout);
    for (int i = 0; i < g->child_count; i++)
        STOA_TRY(revive(env, g, &g->children[i], err));
    g->begun = true;
    if (b->events)
        memset(b->events, 0, (size_t)env->count);
    return hand_observations(env, g, b, err);
}

stoa_status stoa_gym_step(stoa_env *env, const stoa_env_buffers *b, stoa_error *err) {
    const stoa_gym_config *config = env->config;
    stoa_gym *g = env->handle;
    if (!g->begun)
        return stoa_fail(err, STOA_ERR_USAGE, "environment %s: a step before the first reset",
                         env->spec.name);
    for (int a = 0; a < env->spec.action_count; a++)
        memcpy(g->memory.actions[a], b->actions[a],
               (size_t)env->count * stoa_space_bytes(&env->spec.actions[a]));
    g->half = !g->half;
    post(g, 'S');
    stoa_gym_wait(g->children, g->child_count, "D", config->timeout);
    for (int i = 0; i < g->child_count; i++) {
        stoa_gym_child *child = &g->children[i];
        if (child->state == STOA_GYM_IDLE) {
            child->failures = 0;
            STOA_TRY(hand_step(env, g, b, child, err));
        } else {
            STOA_TRY(hand_failure(env, g, b, child, err));
            STOA_TRY(revive(env, g, child, err));
        }
    }
    if (b->events)
        memset(b->events, 0, (size_t)env->count);
    return hand_observations(env, g, b, err);
}

void stoa_gym_render(const stoa_env *env, int64_t instance, uint8_t *pixels) {
    const stoa_gym_config *config = env->config;
    stoa_gym *g = env->handle;
    size_t bytes = (size_t)env->spec.render_height * (size_t)env->spec.render_width * 3;
    memset(pixels, 0, bytes);
    for (int i = 0; i < g->child_count; i++) {
        stoa_gym_child *child = &g->children[i];
        if (instance < child->begin || instance >= child->end)
            continue;
        char packet[32];
        int n = snprintf(packet, sizeof packet, "V%lld", (long long)instance);
        stoa_gym_post(child, packet, (size_t)n);
        stoa_gym_wait(child, 1, "DN", config->timeout);
        /* a worker that fails here is found failed, and revived, by the next step */
        if (child->state == STOA_GYM_IDLE && child->letter == 'D')
            memcpy(pixels, g->memory.picture, bytes);
    }
}
