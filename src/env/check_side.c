/* env/check_side.c - one copy of an environment under test: its poisoned buffers, and comparing
 * what two copies wrote. */
#include <string.h>

#include "env/check.h"

stoa_status stoa_side_open(stoa_side *s, const stoa_checker *c, int64_t count, uint64_t seed,
                           uint8_t poison, stoa_error *err) {
    stoa_env_options options = *c->options;
    options.count = count;
    options.seed = seed;
    *s = (stoa_side){.poison = poison};
    STOA_TRY(stoa_env_new_of(&s->env, c->class_, &options, err));
    return stoa_env_memory_init(&s->memory, s->env, err);
}

void stoa_side_close(stoa_side *s) {
    stoa_env_memory_deinit(&s->memory);
    stoa_env_free(s->env);
    *s = (stoa_side){0};
}

static void poison(stoa_side *s) {
    const stoa_env_spec *spec = &s->env->spec;
    stoa_env_buffers *b = &s->memory.buffers;
    size_t n = (size_t)s->env->count;
    for (int o = 0; o < spec->observation_count; o++) {
        size_t bytes = n * stoa_space_bytes(&spec->observations[o]);
        memset(b->observations[o], s->poison, bytes);
        if (b->final_observations[o])
            memset(b->final_observations[o], s->poison, bytes);
    }
    memset(b->rewards, s->poison, n * sizeof(float));
    memset(b->terminated, s->poison, n);
    memset(b->truncated, s->poison, n);
    if (b->metrics)
        memset(b->metrics, s->poison, n * (size_t)spec->metric_count * sizeof(float));
    if (b->events)
        memset(b->events, s->poison, n);
}

stoa_status stoa_side_reset(stoa_side *s, stoa_error *err) {
    poison(s);
    return stoa_env_reset(s->env, s->pool, &s->memory.buffers, err);
}

stoa_status stoa_side_step(stoa_side *s, stoa_error *err) {
    poison(s);
    return stoa_env_step(s->env, s->pool, &s->memory.buffers, err);
}

bool stoa_side_ended(const stoa_side *s, int64_t i) {
    return s->memory.buffers.terminated[i] || s->memory.buffers.truncated[i];
}

void stoa_side_copy_actions(stoa_side *to, const stoa_side *from) {
    const stoa_env_spec *spec = &to->env->spec;
    for (int a = 0; a < spec->action_count; a++)
        memcpy(to->memory.actions[a], from->memory.actions[a],
               (size_t)to->env->count * stoa_space_bytes(&spec->actions[a]));
}

/* ---- comparing ------------------------------------------------------------------------------- */

static stoa_status differ(const char *what, int64_t row, stoa_error *err) {
    return stoa_fail(err, STOA_ERR_FORMAT, "%s of instance %lld", what, (long long)row);
}

static bool same(const void *a, const void *b, int64_t row, size_t bytes) {
    size_t at = (size_t)row * bytes;
    return memcmp((const char *)a + at, (const char *)b + at, bytes) == 0;
}

stoa_status stoa_side_compare(const stoa_side *a, const stoa_side *b, int64_t rows, bool stepped,
                              stoa_error *err) {
    const stoa_env_spec *spec = &a->env->spec;
    const stoa_env_buffers *p = &a->memory.buffers, *q = &b->memory.buffers;
    size_t metrics = (size_t)spec->metric_count * sizeof(float);
    for (int64_t i = 0; i < rows; i++) {
        for (int o = 0; o < spec->observation_count; o++)
            if (!same(p->observations[o], q->observations[o], i,
                      stoa_space_bytes(&spec->observations[o])))
                return differ(spec->observations[o].name, i, err);
        if (p->events && q->events && p->events[i] != q->events[i])
            return differ("events", i, err);
        if (!stepped)
            continue;
        if (!same(p->rewards, q->rewards, i, sizeof(float)))
            return differ("rewards", i, err);
        if (p->terminated[i] != q->terminated[i] || p->truncated[i] != q->truncated[i])
            return differ("flags", i, err);
        if (!stoa_side_ended(a, i))
            continue;
        for (int o = 0; o < spec->observation_count; o++)
            if (p->final_observations[o] && q->final_observations[o] &&
                !same(p->final_observations[o], q->final_observations[o], i,
                      stoa_space_bytes(&spec->observations[o])))
                return differ("final_observations", i, err);
        if (p->metrics && q->metrics && !same(p->metrics, q->metrics, i, metrics))
            return differ("metrics", i, err);
    }
    return STOA_OK;
}
