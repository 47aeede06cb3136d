/*
 * env/vector.c - the batch of instances: making, seeding, stepping over threads, saving.
 *
 * Laws the classes keep and stoa_env_check proves: an instance's future depends on its own bytes
 * and actions alone, and a step writes every row it was given.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include <xxhash.h>

#include "env/env.h"

enum { GRAIN = 32 }; /* where a class says nothing */

static stoa_status make_config(stoa_env *env, const stoa_env_options *options, stoa_error *err) {
    const stoa_env_class *c = env->class_;
    stoa_settings_table table = c->settings();
    env->config = stoa_alloc(c->config_bytes);
    if (!env->config)
        return stoa_fail(err, STOA_ERR_MEMORY, "environment %s: out of memory", c->name);
    if (options->config)
        memcpy(env->config, options->config, c->config_bytes);
    else
        STOA_TRY(stoa_settings_defaults(table, env->config, err));
    const char *id = strchr(options->name, ':');
    if (id) { /* "gym:CartPole-v1": what stands behind the colon is the setting `id` */
        char assignment[STOA_SETTING_TEXT + 8];
        snprintf(assignment, sizeof assignment, "id=%s", id + 1);
        STOA_TRY(stoa_settings_set(table, env->config, assignment, NULL, err));
    }
    for (int i = 0; i < options->set_count; i++) {
        stoa_status status = stoa_settings_set(table, env->config, options->set[i], NULL, err);
        if (status != STOA_OK)
            return stoa_fail_context(err, status, "environment %s", c->name);
    }
    if (c->check) {
        stoa_status status = c->check(env->config, err);
        if (status != STOA_OK)
            return stoa_fail_context(err, status, "environment %s", c->name);
    }
    return STOA_OK;
}

static stoa_status make_block(stoa_env *env, stoa_error *err) {
    const stoa_env_class *c = env->class_;
    size_t rngs, state = c->state_bytes ? c->state_bytes(env->config, env->count) : 0;
    if (!stoa_size_mul((size_t)env->count, sizeof(stoa_rng), &rngs) ||
        !stoa_size_add(rngs + 63, state, &env->block_bytes) ||
        !(env->block = stoa_alloc(env->block_bytes)))
        return stoa_fail(err, STOA_ERR_MEMORY,
                         "environment %s: no memory for %lld instances; ask for fewer", c->name,
                         (long long)env->count);
    env->rngs = env->block;
    env->state = (char *)env->block + (rngs + 63) / 64 * 64;
    return STOA_OK;
}

static stoa_status build(stoa_env *env, const stoa_env_options *options, stoa_error *err) {
    const stoa_env_class *c = env->class_;
    STOA_TRY(make_config(env, options, err));
    STOA_TRY(make_block(env, err));
    stoa_env_spec *spec = &env->spec;
    snprintf(spec->name, sizeof spec->name, "%s", options->name);
    spec->chance = spec->ceiling = NAN;
    spec->reward_low = -INFINITY;
    spec->reward_high = INFINITY;
    spec->resumable = !c->open;
    if (c->describe)
        c->describe(env->config, spec);
    stoa_env_seed(env, options->seed);
    return c->open ? c->open(env, options->seed, err) : STOA_OK;
}

stoa_status stoa_env_new(stoa_env **out, const stoa_env_options *options, stoa_error *err) {
    *out = NULL;
    const stoa_env_class *c = stoa_env_class_find(options->name, err);
    return c ? stoa_env_new_of(out, c, options, err) : STOA_ERR_USAGE;
}

stoa_status stoa_env_new_of(stoa_env **out, const stoa_env_class *c,
                            const stoa_env_options *options, stoa_error *err) {
    *out = NULL;
    if (options->count < 1 || options->count > INT32_MAX)
        return stoa_fail(err, STOA_ERR_USAGE, "environment %s: %lld instances; ask for 1 or more",
                         c->name, (long long)options->count);
    stoa_env *env = stoa_alloc(sizeof *env);
    if (!env)
        return stoa_fail(err, STOA_ERR_MEMORY, "environment %s: out of memory", c->name);
    env->class_ = c;
    env->count = options->count;
    env->grain = c->grain ? c->grain : GRAIN;
    stoa_status status = build(env, options, err);
    if (status != STOA_OK) {
        stoa_env_free(env);
        return status;
    }
    *out = env;
    return STOA_OK;
}

void stoa_env_free(stoa_env *env) {
    if (!env)
        return;
    if (env->class_->close)
        env->class_->close(env);
    stoa_free(env->block);
    stoa_free(env->config);
    stoa_free(env);
}

const stoa_env_spec *stoa_env_spec_of(const stoa_env *env) {
    return &env->spec;
}

int64_t stoa_env_count(const stoa_env *env) {
    return env->count;
}

void stoa_env_seed(stoa_env *env, uint64_t seed) {
    for (int64_t i = 0; i < env->count; i++)
        env->rngs[i] = stoa_rng_stream(seed, "env", (uint64_t)i);
}

/* ---- stepping -------------------------------------------------------------------------------- */

typedef struct job {
    stoa_env *env;
    const stoa_env_buffers *buffers;
    void (*run)(stoa_env *env, const stoa_env_buffers *buffers, int64_t begin, int64_t end);
} job;

static void run_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    j->run(j->env, j->buffers, begin, end);
}

stoa_status stoa_env_reset(stoa_env *env, stoa_pool *pool, const stoa_env_buffers *buffers,
                           stoa_error *err) {
    if (env->class_->reset_all)
        return env->class_->reset_all(env, buffers, err);
    job j = {env, buffers, env->class_->reset};
    stoa_pool_run(pool, env->count, env->grain, run_range, &j);
    return STOA_OK;
}

stoa_status stoa_env_step(stoa_env *env, stoa_pool *pool, const stoa_env_buffers *buffers,
                          stoa_error *err) {
    if (env->class_->step_all)
        return env->class_->step_all(env, buffers, err);
    job j = {env, buffers, env->class_->step};
    stoa_pool_run(pool, env->count, env->grain, run_range, &j);
    return STOA_OK;
}

bool stoa_env_divisible(const stoa_env *env) {
    return !env->class_->step_all;
}

void stoa_env_step_range(stoa_env *env, const stoa_env_buffers *buffers, int64_t begin,
                         int64_t end) {
    assert(stoa_env_divisible(env) && begin >= 0 && begin <= end && end <= env->count);
    env->class_->step(env, buffers, begin, end);
}

/* ---- saving ---------------------------------------------------------------------------------- */

size_t stoa_env_state_bytes(const stoa_env *env) {
    return env->block_bytes;
}

static stoa_status resumable(const stoa_env *env, stoa_error *err) {
    if (env->spec.resumable)
        return STOA_OK;
    return stoa_fail(err, STOA_ERR_UNSUPPORTED,
                     "environment %s lives outside this program and cannot be saved",
                     env->spec.name);
}

stoa_status stoa_env_save(const stoa_env *env, void *bytes, stoa_error *err) {
    STOA_TRY(resumable(env, err));
    memcpy(bytes, env->block, env->block_bytes);
    return STOA_OK;
}

stoa_status stoa_env_load(stoa_env *env, const void *bytes, size_t size, stoa_error *err) {
    STOA_TRY(resumable(env, err));
    if (size != env->block_bytes)
        return stoa_fail(err, STOA_ERR_FORMAT,
                         "environment %s: saved state of %zu bytes, %zu expected; it was made with "
                         "other settings",
                         env->spec.name, size, env->block_bytes);
    memcpy(env->block, bytes, size);
    return STOA_OK;
}

uint64_t stoa_env_hash(const stoa_env *env) {
    return XXH3_64bits(env->block, env->block_bytes);
}

/* ---- drawing --------------------------------------------------------------------------------- */

bool stoa_env_render_text(const stoa_env *env, int64_t instance, stoa_buffer *out) {
    assert(instance >= 0 && instance < env->count);
    if (!env->class_->render_text)
        return false;
    env->class_->render_text(env, instance, out);
    return true;
}

bool stoa_env_render_rgb(const stoa_env *env, int64_t instance, uint8_t *pixels) {
    assert(instance >= 0 && instance < env->count);
    if (!env->class_->render_rgb || env->spec.render_height == 0)
        return false;
    env->class_->render_rgb(env, instance, pixels);
    return true;
}
