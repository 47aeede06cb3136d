/*
 * stoa/env.h - worlds: named spaces, the vector-environment interface, the registry.
 *
 * A stoa_env is `count` instances of one environment, stepped together. It owns the states and
 * nothing else: observations, actions, rewards and flags live in buffers of the caller's, so a
 * learner points it straight at the rows of its unroll. Each instance draws from a random stream of
 * its own, so what happens in one never depends on how many there are or on how they are split over
 * threads.
 *
 * Episodes reset themselves within the step that ends them (Gymnasium's AutoresetMode.SAME_STEP):
 * the observation handed out is then the first of the next episode, and the last one of the ended
 * episode goes to `final_observations` if the caller wants it. `terminated` (the task ended: no
 * future) and `truncated` (cut off: the value of the last state still counts) are apart.
 */
#ifndef STOA_ENV_H
#define STOA_ENV_H

#include "stoa/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- spaces and specs ------------------------------------------------------------------------ */

enum {
    STOA_ENV_SPACES = 8,  /* observation spaces, and action spaces, of one environment */
    STOA_ENV_METRICS = 8, /* figures an episode ends with */
    STOA_ENV_EVENTS = 8,  /* kinds of marked states */
    STOA_ENV_NAME = 32
};

typedef enum stoa_space_kind {
    STOA_SPACE_BOX,        /* numbers between low and high: F32 or U8, any shape */
    STOA_SPACE_CATEGORIES, /* integers in [0, categories): U8 or I32; one-hot to an encoder */
    STOA_SPACE_IMAGE,      /* pixels: U8 (height, width, channels) */
    STOA_SPACE_TEXT,       /* UTF-8: U8 (bytes), padded with zeros */
    STOA_SPACE_KINDS
} stoa_space_kind;

/* One named part of an observation or an action, for one instance. Actions are I32 categories or
 * F32 boxes. */
typedef struct stoa_space {
    char name[STOA_ENV_NAME]; /* "board", "time", "move" */
    stoa_space_kind kind;
    stoa_dtype dtype;
    int ndim; /* 0: one element */
    int64_t shape[STOA_MAX_DIMS];
    int64_t categories;        /* of STOA_SPACE_CATEGORIES */
    double low, high;          /* of STOA_SPACE_BOX */
    const char *const *labels; /* names of the categories ("left", "stay", "right"); nullable;
                                  as long-lived as the environment */
    /* the same where a category is called otherwise in each element; NULL: it has no name there.
     * nullable */
    const char *(*word)(int64_t element, int64_t category);
    bool target; /* of an observation: the agent does not read it; objectives may
                    learn to predict it. It may tell of the step before, in another
                    episode too */
} stoa_space;

STOA_API const char *stoa_space_kind_name(stoa_space_kind kind); /* "box" */
STOA_API int64_t stoa_space_numel(const stoa_space *space);      /* elements of one instance */
STOA_API size_t stoa_space_bytes(const stoa_space *space);       /* bytes of one instance */
/* What a category of an element is called; NULL: nothing. */
STOA_API const char *stoa_space_word(const stoa_space *space, int64_t element, int64_t category);

typedef struct stoa_env_spec {
    char name[64];
    stoa_space observations[STOA_ENV_SPACES];
    stoa_space actions[STOA_ENV_SPACES];
    int observation_count, action_count;
    /* what an ended episode is summed up by; the first is the score to report. Others may be NaN
     * where they do not apply to the episode: means leave those out */
    char metrics[STOA_ENV_METRICS][STOA_ENV_NAME];
    int metric_count;
    /* kinds of states worth marking in a plot ("catch", "miss", "key"); 0 is "none" */
    char events[STOA_ENV_EVENTS][STOA_ENV_NAME];
    int event_count;
    int64_t max_steps;               /* longest episode, in steps; 0: no limit known */
    double reward_low, reward_high;  /* of one step; infinite when not known */
    double chance, ceiling;          /* first metric of uniformly random and of perfect play; NaN */
    int render_height, render_width; /* pixels; 0: cannot be drawn */
    bool resumable;                  /* the state can be saved and loaded */
} stoa_env_spec;

/* ---- environments ---------------------------------------------------------------------------- */

typedef struct stoa_env stoa_env;
typedef struct stoa_env_class stoa_env_class;

/* Row i of each array belongs to instance i. What is NULL is not written. */
typedef struct stoa_env_buffers {
    void *observations[STOA_ENV_SPACES];       /* (count, shape...) each; required */
    const void *actions[STOA_ENV_SPACES];      /* (count, shape...) each; required by step */
    float *rewards;                            /* (count); required by step */
    uint8_t *terminated, *truncated;           /* (count) 0 or 1; required by step */
    void *final_observations[STOA_ENV_SPACES]; /* rows of instances whose episode ended */
    float *metrics;  /* (count, metric_count): rows of instances whose episode ended */
    uint8_t *events; /* (count): which event the state in `observations` is; 0: none */
} stoa_env_buffers;

typedef struct stoa_env_options {
    const char *name;       /* "catch", or "gym:CartPole-v1" for a Gymnasium environment */
    const char *const *set; /* "key=value" over the environment's settings */
    int set_count;
    const void *config; /* nullable: ready settings struct of the class, instead of defaults */
    int64_t count;      /* instances, at least 1 */
    uint64_t seed;
} stoa_env_options;

/* Makes the instances; the first reset must follow before a step. Unknown names and settings:
 * STOA_ERR_USAGE with the nearest known one. */
STOA_API stoa_status stoa_env_new(stoa_env **out, const stoa_env_options *options, stoa_error *err);
STOA_API void stoa_env_free(stoa_env *env);
STOA_API const stoa_env_spec *stoa_env_spec_of(const stoa_env *env);
STOA_API int64_t stoa_env_count(const stoa_env *env);

/* Begins a new episode in every instance, drawing on from its stream. */
STOA_API stoa_status stoa_env_reset(stoa_env *env, stoa_pool *pool, const stoa_env_buffers *buffers,
                                    stoa_error *err);
/* Sets every instance's stream back to its beginning under this seed; a reset must follow. */
STOA_API void stoa_env_seed(stoa_env *env, uint64_t seed);
/* One step of every instance. An action outside its space asserts: learners sample inside it, and
 * front ends check what people and scripts send with stoa_env_check_actions. pool: nullable. */
STOA_API stoa_status stoa_env_step(stoa_env *env, stoa_pool *pool, const stoa_env_buffers *buffers,
                                   stoa_error *err);
/* Whether instances may be stepped apart from each other: not where they live outside this program.
 */
STOA_API bool stoa_env_divisible(const stoa_env *env);
/* One step of the instances [begin, end) of a divisible environment, on the calling thread: what
 * stoa_env_step would do with them. buffers are those of all instances. Threads may step ranges
 * that do not overlap at the same time. */
STOA_API void stoa_env_step_range(stoa_env *env, const stoa_env_buffers *buffers, int64_t begin,
                                  int64_t end);
STOA_API stoa_status stoa_env_check_actions(const stoa_env *env, const stoa_env_buffers *buffers,
                                            stoa_error *err);
/* Fills caller memory, one (count, shape...) array a space, with uniformly random actions. */
STOA_API void stoa_env_random_actions(const stoa_env *env, stoa_rng *rng, void *const *actions);

/* The whole state (streams included) as bytes without pointers, for checkpoints and replays.
 * STOA_ERR_UNSUPPORTED when the spec is not resumable; loading checks the size only, so the bytes
 * must come from an environment with the same settings and count. */
STOA_API size_t stoa_env_state_bytes(const stoa_env *env);
STOA_API stoa_status stoa_env_save(const stoa_env *env, void *bytes, stoa_error *err);
STOA_API stoa_status stoa_env_load(stoa_env *env, const void *bytes, size_t size, stoa_error *err);
/* Of the whole state: equal after equal actions from an equal seed, on every machine. */
STOA_API uint64_t stoa_env_hash(const stoa_env *env);

/* Draws one instance: as text for a terminal, appended to out; as render_height x render_width RGB
 * pixels. False when the environment cannot. */
STOA_API bool stoa_env_render_text(const stoa_env *env, int64_t instance, stoa_buffer *out);
STOA_API bool stoa_env_render_rgb(const stoa_env *env, int64_t instance, uint8_t *pixels);

/* Worker processes that died or hung and were started anew, of environments that live in some; the
 * episodes in them were truncated. 0 for all others. */
STOA_API int64_t stoa_env_restarts(const stoa_env *env);

/* ---- buffers --------------------------------------------------------------------------------- */

/* One allocation for every array of stoa_env_buffers, for callers without arrays of their own.
 * `actions` points to the same memory as buffers.actions, writable. */
typedef struct stoa_env_memory {
    stoa_env_buffers buffers;
    void *actions[STOA_ENV_SPACES];
    void *block;
} stoa_env_memory;
STOA_API stoa_status stoa_env_memory_init(stoa_env_memory *memory, const stoa_env *env,
                                          stoa_error *err);
STOA_API void stoa_env_memory_deinit(stoa_env_memory *memory);

/* ---- registry -------------------------------------------------------------------------------- */

STOA_API int stoa_env_class_count(void);
STOA_API const stoa_env_class *stoa_env_class_at(int i);
/* By name, "gym:..." included. NULL, with err filled, when there is none. */
STOA_API const stoa_env_class *stoa_env_class_find(const char *name, stoa_error *err);
STOA_API const char *stoa_env_class_name(const stoa_env_class *class_);
STOA_API const char *stoa_env_class_summary(const stoa_env_class *class_);
/* Whether its instances live outside this program (a Gymnasium environment) and need an id. */
STOA_API bool stoa_env_class_external(const stoa_env_class *class_);
STOA_API stoa_settings_table stoa_env_class_settings(const stoa_env_class *class_);
STOA_API size_t stoa_env_class_config_bytes(const stoa_env_class *class_);

/* The interface's laws, for people who add environments: spaces well formed, observations inside
 * them, equal seeds and actions give equal bytes for any batch size and thread count, episodes end
 * within max_steps, saved states go on as if never interrupted, ... Runs `steps` random steps.
 * STOA_ERR_FORMAT names the first law broken; report (nullable) gets a line a law. */
STOA_API stoa_status stoa_env_check(const stoa_env_options *options, int64_t steps,
                                    stoa_buffer *report, stoa_error *err);
/* Instance steps a second under random actions drawn beforehand, everything in the buffers written:
 * steps for about `seconds`, less when a signal asks to stop. */
STOA_API stoa_status stoa_env_speed(stoa_env *env, stoa_pool *pool, double seconds, double *rate,
                                    stoa_error *err);

/* ---- for bindings ---------------------------------------------------------------------------- */

/* The same, flat: a handle, JSON text and plain arrays, for languages that load the library at run
 * time and know no structs. `arrays` holds one pointer for each entry of the specification's
 * "arrays" list, in that order; NULL for what is not wanted. A stoa_status comes back as an int,
 * its message through stoa_env_flat_message. One thread at a time. */
typedef struct stoa_env_flat stoa_env_flat;
/* All environments as a JSON list of {name, summary, id_wanted}; give it back with stoa_free. NULL
 * when memory is short. */
STOA_API char *stoa_env_flat_list(void);
/* set: set_count texts "key=value". threads: of the pool; 1: none, 0: one a CPU. NULL on failure,
 * then status and message (message_bytes long) say why. */
STOA_API stoa_env_flat *stoa_env_flat_open(const char *name, const char *const *set, int set_count,
                                           int64_t count, uint64_t seed, int threads, int *status,
                                           char *message, size_t message_bytes);
STOA_API void stoa_env_flat_close(stoa_env_flat *flat);
STOA_API const char *stoa_env_flat_spec(const stoa_env_flat *flat); /* JSON; the handle's */
STOA_API const char *stoa_env_flat_message(const stoa_env_flat *flat);
STOA_API void stoa_env_flat_seed(stoa_env_flat *flat, uint64_t seed);
STOA_API int stoa_env_flat_reset(stoa_env_flat *flat, void *const *arrays);
/* Checks the actions first. */
STOA_API int stoa_env_flat_step(stoa_env_flat *flat, void *const *arrays);
STOA_API int stoa_env_flat_rgb(stoa_env_flat *flat, int64_t instance, uint8_t *pixels);
/* The drawing as text, valid until the next call; NULL when there is none. */
STOA_API const char *stoa_env_flat_text(stoa_env_flat *flat, int64_t instance);
STOA_API int64_t stoa_env_flat_restarts(const stoa_env_flat *flat);
STOA_API int64_t stoa_env_flat_state_bytes(const stoa_env_flat *flat);
STOA_API int stoa_env_flat_save(stoa_env_flat *flat, void *bytes);
STOA_API int stoa_env_flat_load(stoa_env_flat *flat, const void *bytes, int64_t size);

#ifdef __cplusplus
}
#endif

#endif /* STOA_ENV_H */
