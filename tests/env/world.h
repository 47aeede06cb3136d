/* world.h - an environment with its buffers, stepped by hand: what the tests of worlds share. */
#ifndef STOA_TESTS_ENV_WORLD_H
#define STOA_TESTS_ENV_WORLD_H

#include <math.h>

#include "stoa/env.h"

typedef struct world {
    stoa_env *env;
    stoa_env_memory memory;
    stoa_rng rng; /* of random play */
} world;

/* Opened and reset; what goes wrong fails the test. */
world world_open(const char *name, int64_t count, uint64_t seed);
world world_open_with(const char *name, int64_t count, uint64_t seed, const char *assignment);
world world_open_options(const stoa_env_options *options);
/* Closes it. */
void world_close(world *w);

/* cmocka's own compares floats; this compares doubles. */
#define assert_near(actual, expected, tolerance)                                                   \
    assert_true(fabs((double)(actual) - (double)(expected)) <= (tolerance))

/* One step, every instance with this category of the first action. */
void world_step_all(world *w, int32_t action);
/* One step with the actions that stand in memory.actions. */
void world_step(world *w);
void world_step_randomly(world *w);

#endif /* STOA_TESTS_ENV_WORLD_H */
