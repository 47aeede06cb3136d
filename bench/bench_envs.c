/*
 * bench_envs.c - steps a second of the native environments, random actions drawn beforehand.
 *
 * Per environment, in a batch of 256 through stoa_env_step, with every observation, reward, flag,
 * metric and event written: million steps a second on one thread and on all, the best of five
 * rounds.
 */
#include <stdio.h>
#include <stdlib.h>

#include "stoa/env.h"

enum { BATCH = 256, VARIETY = 64, ROUNDS = 5 };
static const double SECONDS = 0.2; /* a round */

/* Steps a second of one round. `actions`: VARIETY sets of the batch's actions. */
static double run(stoa_env *env, stoa_pool *pool, stoa_env_buffers *b, char *const *actions) {
    const stoa_env_spec *spec = stoa_env_spec_of(env);
    int64_t steps = 0;
    double start = stoa_clock(), now = start;
    while ((now = stoa_clock()) < start + SECONDS)
        for (int k = 0; k < VARIETY; k++, steps += BATCH) {
            for (int a = 0; a < spec->action_count; a++)
                b->actions[a] = actions[a] + k * BATCH * stoa_space_bytes(&spec->actions[a]);
            if (stoa_env_step(env, pool, b, NULL) != STOA_OK)
                return 0;
        }
    return (double)steps / (now - start);
}

static double best(stoa_env *env, stoa_pool *pool, stoa_env_buffers *b, char *const *actions) {
    double most = 0;
    for (int k = 0; k < ROUNDS; k++) {
        double rate = run(env, pool, b, actions);
        most = rate > most ? rate : most;
    }
    return most;
}

static stoa_status measure(const stoa_env_options *options, stoa_pool *pool, stoa_error *err) {
    stoa_env *env;
    stoa_env_memory memory = {0};
    char *actions[STOA_ENV_SPACES] = {0};
    stoa_rng rng = stoa_rng_stream(1, "bench", 0);
    STOA_TRY(stoa_env_new(&env, options, err));
    const stoa_env_spec *spec = stoa_env_spec_of(env);
    stoa_status status = stoa_env_memory_init(&memory, env, err);
    for (int a = 0; a < spec->action_count; a++)
        actions[a] = stoa_alloc(VARIETY * BATCH * stoa_space_bytes(&spec->actions[a]));
    for (int k = 0; k < VARIETY; k++) {
        void *set[STOA_ENV_SPACES];
        for (int a = 0; a < spec->action_count; a++)
            set[a] = actions[a] + k * BATCH * stoa_space_bytes(&spec->actions[a]);
        stoa_env_random_actions(env, &rng, set);
    }
    if (status == STOA_OK)
        status = stoa_env_reset(env, NULL, &memory.buffers, err);
    if (status == STOA_OK) {
        double one = best(env, NULL, &memory.buffers, actions);
        double all = best(env, pool, &memory.buffers, actions);
        printf("%-24s %8.1f %8.1f\n", options->name, one / 1e6, all / 1e6);
    }
    for (int a = 0; a < spec->action_count; a++)
        stoa_free(actions[a]);
    stoa_env_memory_deinit(&memory);
    stoa_env_free(env);
    return status;
}

int main(int argc, char **argv) {
    stoa_error err = {0};
    stoa_pool *pool = stoa_pool_new(0);
    printf("million steps/s, batch %d  1 thread %2d threads\n", BATCH, stoa_pool_threads(pool));
    for (int i = 0; i < stoa_env_class_count(); i++) {
        const char *name = stoa_env_class_name(stoa_env_class_at(i));
        stoa_env_options options = {.name = name, .count = BATCH, .seed = 1};
        if (argc > 1)
            options.name = argv[1];
        else if (stoa_env_class_external(stoa_env_class_at(i)))
            continue;
        if (argc > 2) {
            options.set = (const char *const *)argv + 2;
            options.set_count = argc - 2;
        }
        if (measure(&options, pool, &err) != STOA_OK) {
            fprintf(stderr, "bench_envs: %s\n", err.message);
            return EXIT_FAILURE;
        }
        if (argc > 1)
            break;
    }
    stoa_pool_free(pool);
    return EXIT_SUCCESS;
}
