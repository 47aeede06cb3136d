/* env/speed.c - how fast an environment steps. */
#include <string.h>

#include "env/env.h"

/* Sets of actions drawn beforehand, so that drawing is not measured: as many as fit in the room. */
enum { MOST_SETS = 64, ROOM = 16 << 20 };

typedef struct course {
    stoa_env_memory memory;
    void *actions[STOA_ENV_SPACES]; /* (sets, count, shape...) */
    int64_t sets;
} course;

static stoa_status prepare(course *c, stoa_env *env, stoa_error *err) {
    const stoa_env_spec *spec = &env->spec;
    stoa_rng rng = stoa_rng_stream(1, "speed", 0);
    size_t bytes = 0;
    for (int a = 0; a < spec->action_count; a++)
        bytes += (size_t)env->count * stoa_space_bytes(&spec->actions[a]);
    c->sets = bytes * MOST_SETS > ROOM ? (int64_t)(ROOM / bytes) + 1 : MOST_SETS;
    STOA_TRY(stoa_env_memory_init(&c->memory, env, err));
    for (int a = 0; a < spec->action_count; a++) {
        size_t set = (size_t)env->count * stoa_space_bytes(&spec->actions[a]);
        c->actions[a] = stoa_alloc((size_t)c->sets * set);
        if (!c->actions[a])
            return stoa_fail(err, STOA_ERR_MEMORY, "environment %s: no memory for actions",
                             spec->name);
    }
    for (int64_t k = 0; k < c->sets; k++) {
        stoa_env_random_actions(env, &rng, c->memory.actions);
        for (int a = 0; a < spec->action_count; a++) {
            size_t set = (size_t)env->count * stoa_space_bytes(&spec->actions[a]);
            memcpy((char *)c->actions[a] + (size_t)k * set, c->memory.actions[a], set);
        }
    }
    return STOA_OK;
}

static stoa_status run(course *c, stoa_env *env, stoa_pool *pool, double seconds, double *rate,
                       stoa_error *err) {
    stoa_env_buffers *b = &c->memory.buffers;
    STOA_TRY(stoa_env_reset(env, pool, b, err));
    int64_t rounds = 0;
    double start = stoa_clock(), now;
    do {
        for (int64_t k = 0; k < c->sets; k++, rounds++) {
            for (int a = 0; a < env->spec.action_count; a++)
                b->actions[a] = (char *)c->actions[a] +
                                (size_t)(k * env->count) * stoa_space_bytes(&env->spec.actions[a]);
            STOA_TRY(stoa_env_step(env, pool, b, err));
            if (env->class_->open && stoa_clock() > start + seconds) { /* slow: look after each */
                rounds++;
                break;
            }
        }
        now = stoa_clock();
    } while (now < start + seconds && !stoa_stop_requested());
    *rate = (double)rounds * (double)env->count / (now - start);
    return STOA_OK;
}

stoa_status stoa_env_speed(stoa_env *env, stoa_pool *pool, double seconds, double *rate,
                           stoa_error *err) {
    course c = {0};
    stoa_status status = prepare(&c, env, err);
    if (status == STOA_OK)
        status = run(&c, env, pool, seconds, rate, err);
    for (int a = 0; a < env->spec.action_count; a++)
        stoa_free(c.actions[a]);
    stoa_env_memory_deinit(&c.memory);
    return status;
}
