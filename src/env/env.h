/*
 * env/env.h - what an environment is made of: the class every environment file defines, and the
 * batch of instances it works on.
 *
 * An environment is one file (or folder), one row in registry.c, one test, one doc page. It keeps
 * all of its state in one block of bytes without pointers (so a copy saves it), laid out as arrays
 * over instances (so that simple games vectorise).
 */
#ifndef STOA_ENV_ENV_H
#define STOA_ENV_ENV_H

#include "stoa/env.h"

struct stoa_env {
    const stoa_env_class *class_;
    stoa_env_spec spec;
    void *config;         /* the class's settings struct; constant once made */
    int64_t count, grain; /* grain: fewest instances worth a thread */
    stoa_rng *rngs;       /* (count) one stream an instance; at the head of the block */
    void *state;          /* the class's part of the block */
    void *block;          /* rngs, then state: what is saved, loaded and hashed */
    size_t block_bytes;
    void *handle; /* of classes whose instances live elsewhere (child processes); else NULL */
};

struct stoa_env_class {
    const char *name;    /* "catch" */
    const char *summary; /* one line for `stoa list environments` */
    size_t config_bytes;
    stoa_settings_table (*settings)(void);                     /* over the config */
    stoa_status (*check)(const void *config, stoa_error *err); /* of settings together; nullable */
    /* Fills the spec from the config: constant for the environment's life. spec is zeroed, with
     * name, resumable, chance and ceiling (NaN) and infinite reward bounds set beforehand. */
    void (*describe)(const void *config, stoa_env_spec *spec);
    size_t (*state_bytes)(const void *config, int64_t count);
    int64_t grain; /* fewest instances whose step is worth a thread, some 10 us; 0: 32 */
    /* Instances [begin, end): begin an episode and write its first observation. Called from the
     * pool's threads, each with its own range. */
    void (*reset)(stoa_env *env, const stoa_env_buffers *buffers, int64_t begin, int64_t end);
    /* One step, auto-reset included: final_observations, metrics and events where asked for. */
    void (*step)(stoa_env *env, const stoa_env_buffers *buffers, int64_t begin, int64_t end);
    void (*render_text)(const stoa_env *env, int64_t instance, stoa_buffer *out); /* nullable */
    void (*render_rgb)(const stoa_env *env, int64_t instance, uint8_t *pixels);   /* nullable */

    /* Instances that live elsewhere, instead of state_bytes, reset and step; describe may be NULL,
     * then open fills the spec. They step all instances at once and may fail. */
    stoa_status (*open)(stoa_env *env, uint64_t seed, stoa_error *err);
    void (*close)(stoa_env *env);
    stoa_status (*reset_all)(stoa_env *env, const stoa_env_buffers *buffers, stoa_error *err);
    stoa_status (*step_all)(stoa_env *env, const stoa_env_buffers *buffers, stoa_error *err);
};

/* stoa_env_new and stoa_env_check of a class that need not be in the registry. */
stoa_status stoa_env_new_of(stoa_env **out, const stoa_env_class *class_,
                            const stoa_env_options *options, stoa_error *err);
stoa_status stoa_env_check_class(const stoa_env_class *class_, const stoa_env_options *options,
                                 int64_t steps, stoa_buffer *report, stoa_error *err);

/* Adds a space to a list and returns it. */
stoa_space *stoa_space_add(stoa_space *list, int *count, const char *name, stoa_space_kind kind,
                           stoa_dtype dtype, int ndim, const int64_t *shape);

#endif /* STOA_ENV_ENV_H */
