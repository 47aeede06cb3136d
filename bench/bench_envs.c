/*
 * bench_envs.c - steps a second of the native environments, random actions drawn beforehand.
 *
 * Per environment, in batches through stoa_env_step, with every observation, reward, flag, metric
 * and event written: million steps a second in a batch of 256 on one thread, and of 8192 on one
 * and on all; the best of sixty short rounds, so that a busy machine shows itself less.
 *
 *   bench_envs [ENVIRONMENT [KEY=VALUE...]]
 */
#include <stdio.h>
#include <stdlib.h>

#include "stoa/env.h"

enum { SMALL = 256, LARGE = 8192, ROUNDS = 60 };
static const double SECONDS = 0.004; /* a round */

/* Million steps a second, or 0 with err filled. */
static double best(stoa_env_options options, int64_t count, stoa_pool *pool, stoa_error *err) {
    stoa_env *env;
    double most = 0, rate = 0;
    options.count = count;
    if (stoa_env_new(&env, &options, err) != STOA_OK)
        return 0;
    for (int k = 0; k < ROUNDS; k++) {
        if (stoa_env_speed(env, pool, SECONDS, &rate, err) != STOA_OK)
            most = rate = 0;
        most = rate > most ? rate : most;
    }
    stoa_env_free(env);
    return most / 1e6;
}

static bool measure(const stoa_env_options *options, stoa_pool *pool) {
    stoa_error err = {0};
    double small = best(*options, SMALL, NULL, &err), one = best(*options, LARGE, NULL, &err);
    printf("%-20s %8.1f %8.1f %8.1f\n", options->name, small, one,
           best(*options, LARGE, pool, &err));
    if (err.status != STOA_OK)
        fprintf(stderr, "bench_envs: %s\n", err.message);
    return err.status == STOA_OK;
}

int main(int argc, char **argv) {
    stoa_pool *pool = stoa_pool_new(0);
    stoa_env_options options = {.seed = 1};
    bool good = true;
    printf("million steps/s      1 x %d 1 x %d %d x %d  threads x batch\n", SMALL, LARGE,
           stoa_pool_threads(pool), LARGE);
    if (argc > 1) {
        options.name = argv[1];
        options.set = (const char *const *)argv + 2;
        options.set_count = argc - 2;
        good = measure(&options, pool);
    }
    for (int i = 0; argc == 1 && i < stoa_env_class_count(); i++) {
        options.name = stoa_env_class_name(stoa_env_class_at(i));
        if (!stoa_env_class_external(stoa_env_class_at(i)))
            good = measure(&options, pool) && good;
    }
    stoa_pool_free(pool);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
