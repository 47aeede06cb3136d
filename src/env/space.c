/* env/space.c - spaces: sizes, random members, membership, and memory for a batch of them. */
#include <assert.h>
#include <string.h>

#include "env/env.h"

const char *stoa_space_kind_name(stoa_space_kind kind) {
    static const char *const names[STOA_SPACE_KINDS] = {"box", "categories", "image", "text"};
    return names[kind];
}

int64_t stoa_space_numel(const stoa_space *space) {
    int64_t n = 1;
    for (int d = 0; d < space->ndim; d++)
        n *= space->shape[d];
    return n;
}

size_t stoa_space_bytes(const stoa_space *space) {
    return (size_t)stoa_space_numel(space) * stoa_dtype_size(space->dtype);
}

const char *stoa_space_word(const stoa_space *space, int64_t element, int64_t category) {
    assert(category >= 0 && category < space->categories);
    return space->labels ? space->labels[category]
           : space->word ? space->word(element, category)
                         : NULL;
}

stoa_space *stoa_space_add(stoa_space *list, int *count, const char *name, stoa_space_kind kind,
                           stoa_dtype dtype, int ndim, const int64_t *shape) {
    assert(*count < STOA_ENV_SPACES && ndim <= STOA_MAX_DIMS);
    stoa_space *space = &list[(*count)++];
    memset(space, 0, sizeof *space);
    snprintf(space->name, sizeof space->name, "%s", name);
    space->kind = kind;
    space->dtype = dtype;
    space->ndim = ndim;
    for (int d = 0; d < ndim; d++)
        space->shape[d] = shape[d];
    return space;
}

/* ---- actions --------------------------------------------------------------------------------- */

void stoa_env_random_actions(const stoa_env *env, stoa_rng *rng, void *const *actions) {
    for (int a = 0; a < env->spec.action_count; a++) {
        const stoa_space *space = &env->spec.actions[a];
        int64_t n = env->count * stoa_space_numel(space);
        if (space->kind == STOA_SPACE_CATEGORIES)
            for (int64_t i = 0; i < n; i++)
                ((int32_t *)actions[a])[i] = (int32_t)stoa_rng_below(rng, space->categories);
        else if (space->dtype == STOA_F32)
            for (int64_t i = 0; i < n; i++)
                ((float *)actions[a])[i] =
                    (float)(space->low + (space->high - space->low) * stoa_rng_uniform(rng));
        else /* text: a printable letter, then the end */
            for (int64_t i = 0; i < n; i++)
                ((uint8_t *)actions[a])[i] =
                    i % stoa_space_numel(space) ? 0 : (uint8_t)('a' + stoa_rng_below(rng, 26));
    }
}

stoa_status stoa_env_check_actions(const stoa_env *env, const stoa_env_buffers *buffers,
                                   stoa_error *err) {
    for (int a = 0; a < env->spec.action_count; a++) {
        const stoa_space *space = &env->spec.actions[a];
        int64_t per = stoa_space_numel(space), n = env->count * per;
        for (int64_t i = 0; i < n; i++) {
            if (space->kind == STOA_SPACE_CATEGORIES) {
                int32_t value = ((const int32_t *)buffers->actions[a])[i];
                if (value < 0 || value >= space->categories)
                    return stoa_fail(err, STOA_ERR_USAGE,
                                     "action %s of instance %lld is %d; it must be 0 to %lld",
                                     space->name, (long long)(i / per), value,
                                     (long long)space->categories - 1);
            } else if (space->dtype == STOA_F32) {
                float value = ((const float *)buffers->actions[a])[i];
                if (!((double)value >= space->low && (double)value <= space->high))
                    return stoa_fail(err, STOA_ERR_USAGE,
                                     "action %s of instance %lld is %g; it must be %g to %g",
                                     space->name, (long long)(i / per), (double)value, space->low,
                                     space->high);
            }
        }
    }
    return STOA_OK;
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* Hands out consecutive 64-byte aligned pieces of a block; with a NULL block it only counts. */
typedef struct carver {
    char *block;
    size_t used;
} carver;

static void *carve(carver *c, size_t bytes) {
    void *piece = c->block ? c->block + c->used : NULL;
    c->used += (bytes + 63) / 64 * 64;
    return piece;
}

static void lay_out(stoa_env_memory *m, const stoa_env *env, carver *c) {
    const stoa_env_spec *spec = &env->spec;
    size_t n = (size_t)env->count;
    for (int o = 0; o < spec->observation_count; o++) {
        m->buffers.observations[o] = carve(c, n * stoa_space_bytes(&spec->observations[o]));
        m->buffers.final_observations[o] = carve(c, n * stoa_space_bytes(&spec->observations[o]));
    }
    for (int a = 0; a < spec->action_count; a++)
        m->buffers.actions[a] = m->actions[a] = carve(c, n * stoa_space_bytes(&spec->actions[a]));
    m->buffers.rewards = carve(c, n * sizeof(float));
    m->buffers.terminated = carve(c, n);
    m->buffers.truncated = carve(c, n);
    m->buffers.metrics = carve(c, n * (size_t)spec->metric_count * sizeof(float));
    m->buffers.events = carve(c, n);
}

stoa_status stoa_env_memory_init(stoa_env_memory *memory, const stoa_env *env, stoa_error *err) {
    carver c = {0};
    memset(memory, 0, sizeof *memory);
    lay_out(memory, env, &c);
    memset(memory, 0, sizeof *memory);
    c.block = memory->block = stoa_alloc(c.used);
    if (!memory->block)
        return stoa_fail(err, STOA_ERR_MEMORY,
                         "environment %s: no memory for the observations of %lld instances; ask "
                         "for fewer",
                         env->spec.name, (long long)env->count);
    c.used = 0;
    lay_out(memory, env, &c);
    return STOA_OK;
}

void stoa_env_memory_deinit(stoa_env_memory *memory) {
    stoa_free(memory->block);
    memset(memory, 0, sizeof *memory);
}
