/*
 * train/agent.h - what the agents' files of this room share: unrolls as lists of arrays, acting,
 * episode figures, the trainer's inside.
 */
#ifndef STOA_TRAIN_AGENT_H
#define STOA_TRAIN_AGENT_H

#include "train/objective.h"

/* ---- agent_settings.c ---- */

/* Fills config, a struct described by table, from the keys of s that begin with "prefix.". */
stoa_status stoa_agent_settings_part(const stoa_agent_settings *s, const char *prefix,
                                     stoa_settings_table table, void *config, stoa_error *err);

/* ---- unroll.c: an unroll's arrays as a list, so that copying and saving need no list of names */

typedef struct stoa_unroll_array {
    char name[STOA_ENV_NAME + 16]; /* "observations.board" */
    size_t slot;                   /* offset of its pointer in stoa_unroll */
    size_t bytes;                  /* of one instance in one row */
    int64_t rows;                  /* T + 1, or T */
} stoa_unroll_array;

typedef struct stoa_unroll_layout {
    stoa_unroll_array items[2 * STOA_ENV_SPACES + 9];
    int count;
} stoa_unroll_layout;

void stoa_unroll_describe(stoa_unroll_layout *layout, const stoa_env_spec *spec, int64_t steps);
stoa_status stoa_unroll_init(stoa_unroll *u, const stoa_unroll_layout *layout,
                             const stoa_agent *agent, int64_t steps, int64_t batch,
                             stoa_error *err);
void stoa_unroll_deinit(stoa_unroll *u);
/* Row t of an array. */
void *stoa_unroll_row(const stoa_unroll *u, const stoa_unroll_array *array, int64_t t);
/* The last row of `before` becomes the first of `into`; they may be the same. */
void stoa_unroll_carry(const stoa_unroll_layout *layout, stoa_unroll *into,
                       const stoa_unroll *before);
/* The instances `index` (into->batch of them) of `from`, with their states. */
void stoa_unroll_gather(const stoa_unroll_layout *layout, stoa_unroll *into,
                        const stoa_unroll *from, const int64_t *index);
/* The rows [first, T] as an agent's input. */
stoa_agent_input stoa_unroll_input(const stoa_unroll_layout *layout, const stoa_env_spec *spec,
                                   const stoa_unroll *u, int64_t first, int64_t steps);
/* Whether rows [first, T] that came from a file are inside their spaces. */
stoa_status stoa_unroll_check(const stoa_unroll *u, const stoa_env_spec *spec, int64_t first,
                              stoa_error *err);

/* ---- act.c: drawing actions ---- */

/* Random numbers of a step: the instance is the stream, so bits do not depend on threads. */
typedef struct stoa_draw {
    uint32_t key[2];
    uint64_t step;  /* of all steps of the run */
    uint64_t first; /* the instance of the input's first row */
    bool greedy;    /* the most probable action instead */
} stoa_draw;
stoa_draw stoa_draw_of(uint64_t seed, const char *name, bool greedy);

/* One forward step of every instance and an action for each. state is moved on. actions (B) each;
 * log_probs, values (B), nullable. The output lives until the context's reset. */
stoa_status stoa_act(stoa_ctx *ctx, const stoa_agent *agent, const stoa_env_spec *spec,
                     const stoa_agent_input *input, stoa_agent_state *state, const stoa_draw *draw,
                     void *const *actions, float *log_probs, float *values, stoa_agent_output *out,
                     stoa_error *err);

/* ---- episodes.c: figures of finished episodes ---- */

/* Figure 0 is the return, 1 the length, then the environment's metrics. */
typedef struct stoa_episodes {
    int64_t batch, window, finished; /* finished: since the beginning */
    int figures;
    float *returns;   /* (B) so far in the episode that goes on */
    int32_t *lengths; /* (B) */
    float *rows;      /* (window, figures) a ring; row finished % window is next */
} stoa_episodes;
stoa_status stoa_episodes_init(stoa_episodes *e, const stoa_env_spec *spec, int64_t batch,
                               int64_t window, stoa_error *err);
void stoa_episodes_deinit(stoa_episodes *e);
/* After a step: rewards, over (1 where an episode ended) (B), metrics (B, metric_count). */
void stoa_episodes_add(stoa_episodes *e, const float *rewards, const uint8_t *over,
                       const float *metrics);
/* Means of the window with the half width of their 95 % intervals, of the episodes in which the
 * figure is a number; NaN when there is none. */
stoa_agent_scores stoa_episodes_scores(const stoa_episodes *e);

/* ---- actor.c: filling unrolls; actor_slice.c: some of the instances ---- */

/* Cut-off episodes of a slice, whose last states still need a value: gathered over the unroll, so
 * that one forward pass of as many rows as the slice has serves them all. N instances. */
typedef struct stoa_cuts {
    int64_t count;
    int64_t *place;                      /* (N) row * B + instance */
    void *observations[STOA_ENV_SPACES]; /* (N, shape...) */
    void *actions[STOA_ENV_SPACES];      /* (N, shape...) */
    float *rewards;                      /* (N) */
    uint8_t *reset;                      /* (N) zeros */
    stoa_agent_state state;
} stoa_cuts;

/* Instances [first, first + count) of an actor: their part of its arrays, and a context. */
typedef struct stoa_actor_slice {
    int64_t first, count;
    stoa_ctx *ctx; /* the actor's own when this slice is the only one, else one without a pool */
    stoa_draw draw;
    stoa_agent_state state; /* borrowed rows */
    stoa_cuts cuts;         /* borrowed rows */
    double env_seconds;
    stoa_status status; /* of the last unroll, for the thread that joins */
    stoa_error err;
} stoa_actor_slice;

typedef struct stoa_actor {
    const stoa_agent *agent;
    const stoa_env_spec *spec;
    const stoa_unroll_layout *layout;
    stoa_env *env;
    stoa_pool *pool;        /* borrowed */
    stoa_ctx *ctx;          /* owned; works on the pool */
    stoa_agent_state state; /* before the next observation */
    stoa_agent_cache cache; /* the state's */
    stoa_draw draw;
    uint64_t seed;
    bool staggered;                            /* instances begin at different phases */
    bool bootstrap;                            /* value of the last observation too */
    const stoa_agent_trace *trace;             /* nullable: filled for the learner */
    void *final_observations[STOA_ENV_SPACES]; /* (B, shape...) */
    stoa_cuts cuts;                            /* memory of the slices' */
    stoa_actor_slice *slices;
    int slice_count;
    stoa_episodes episodes;
    double env_seconds;
} stoa_actor;

/* env is owned from then on, on failure too. */
stoa_status stoa_actor_init(stoa_actor *a, const stoa_agent_settings *settings,
                            const stoa_agent *agent, const stoa_unroll_layout *layout,
                            stoa_env *env, stoa_pool *pool, stoa_error *err);
void stoa_actor_deinit(stoa_actor *a);
/* How many slices are best: one a thread where the environment's instances can be stepped apart. */
int stoa_actor_best_slices(const stoa_actor *a);
/* Shares the instances out among so many slices, each of which then walks through a whole unroll on
 * one thread without waiting for another. One slice: the pool's threads share every operation. */
stoa_status stoa_actor_share(stoa_actor *a, int slices, stoa_error *err);
/* First observations into the last row of u: what an unroll before the first one would end with. */
stoa_status stoa_actor_begin(stoa_actor *a, stoa_unroll *u, stoa_error *err);
/* T steps after the last row of `before`; draws belong to (update, step, instance). */
stoa_status stoa_actor_collect(stoa_actor *a, const stoa_unroll *before, stoa_unroll *into,
                               int64_t update, stoa_error *err);

/* Row t of an unroll as what the environment writes; with the actions that lead to it. */
stoa_env_buffers stoa_actor_buffers(const stoa_actor *a, const stoa_unroll *u, int64_t t);
/* Every step of an unroll for one slice, cut-off episodes and the value behind the last step
 * included; what concerns all instances together (episodes' figures) is left to the actor. */
stoa_status stoa_actor_slice_collect(stoa_actor *a, stoa_actor_slice *slice, stoa_unroll *u,
                                     int64_t update, stoa_error *err);
/* One forward pass of the slice's rows at step t that leaves nothing behind but packed weights. */
stoa_status stoa_actor_slice_prepare(stoa_actor *a, const stoa_actor_slice *slice,
                                     const stoa_unroll *u, int64_t t, stoa_error *err);

#endif /* STOA_TRAIN_AGENT_H */
