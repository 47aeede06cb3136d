/* world.c - an environment with its buffers, stepped by hand. */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

world world_open_options(const stoa_env_options *options) {
    stoa_error err = {0};
    world w = {.rng = stoa_rng_stream(1, "test", 0)};
    if (stoa_env_new(&w.env, options, &err) != STOA_OK ||
        stoa_env_memory_init(&w.memory, w.env, &err) != STOA_OK ||
        stoa_env_reset(w.env, NULL, &w.memory.buffers, &err) != STOA_OK)
        fail_msg("%s", err.message);
    return w;
}

world world_open(const char *name, int64_t count, uint64_t seed) {
    return world_open_options(&(stoa_env_options){.name = name, .count = count, .seed = seed});
}

world world_open_with(const char *name, int64_t count, uint64_t seed, const char *assignment) {
    return world_open_options(&(stoa_env_options){
        .name = name, .set = &assignment, .set_count = 1, .count = count, .seed = seed});
}

void world_close(world *w) {
    stoa_env_memory_deinit(&w->memory);
    stoa_env_free(w->env);
}

void world_step(world *w) {
    stoa_error err = {0};
    if (stoa_env_step(w->env, NULL, &w->memory.buffers, &err) != STOA_OK)
        fail_msg("%s", err.message);
}

void world_step_all(world *w, int32_t action) {
    for (int64_t i = 0; i < stoa_env_count(w->env); i++)
        ((int32_t *)w->memory.actions[0])[i] = action;
    world_step(w);
}

void world_step_randomly(world *w) {
    stoa_env_random_actions(w->env, &w->rng, w->memory.actions);
    world_step(w);
}
