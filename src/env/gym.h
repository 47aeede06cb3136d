/*
 * env/gym.h - environments in child processes: what the files gym_*.c share.
 *
 * The parent starts worker processes, each with a contiguous range of the instances, and talks to
 * each through a socket of packets; observations, actions, rewards and flags lie in one piece of
 * shared memory, a row an instance. A packet is one letter and its text:
 *
 *     parent to worker                       worker to parent
 *     C {settings, first, count}             H {the spaces}, or E what is missing
 *     L {where each array lies}              D
 *     R 0|1   begin an episode everywhere    D, or E what went wrong
 *     S 0|1   one step everywhere            D, or E
 *     V i     draw instance i                D, or N when it cannot
 *     end     the parent closes or is gone: the worker closes its environments and ends
 *
 * The digit names the half of the observations to write: halves alternate, so that what a worker
 * that dies in the middle of a step has torn is never the last good observation. Descriptors of a
 * worker: 0 nothing, 1 and 2 a pipe the parent reads, 3 the socket, 4 the shared memory, 5 a pipe
 * that only the parent's life keeps open, 6 the text of the bundled worker.
 */
#ifndef STOA_ENV_GYM_H
#define STOA_ENV_GYM_H

#include <jansson.h>
#include <sys/types.h>

#include "env/env.h"

typedef struct stoa_gym_config {
    char id[STOA_SETTING_TEXT], python[STOA_SETTING_TEXT], worker[STOA_SETTING_TEXT];
    char kwargs[STOA_SETTING_TEXT];
    int64_t workers;
    double timeout;
    bool render, preprocess;
    int64_t frame_skip, frame_size, frame_stack, noop_max, max_frames;
    bool episodic_life, fire_reset, clip_reward;
} stoa_gym_config;

extern const stoa_env_class stoa_env_gym;
/* The bundled worker's text, from gym_*.py. */
extern const char stoa_gym_worker[];

/* ---- one worker (gym_child.c) ---------------------------------------------------------------- */

typedef enum stoa_gym_state { STOA_GYM_IDLE, STOA_GYM_BUSY, STOA_GYM_FAILED } stoa_gym_state;

enum { STOA_GYM_WORDS = 600, STOA_GYM_WORKERS = 256 };

typedef struct stoa_gym_child {
    pid_t pid; /* its process group's number too; 0: none */
    int socket, said, life;
    int64_t begin, end; /* its instances */
    stoa_gym_state state;
    int failures;                      /* in a row, without a step between */
    char words[STOA_GYM_WORDS];        /* the end of what it printed */
    char reason[STOA_GYM_WORDS + 200]; /* why it failed */
    char letter;                       /* of its last answer */
    char *answer;                      /* text of its H packet; stoa_alloc'ed, nullable */
} stoa_gym_child;

/* argv of the worker for these settings is looked up in PATH; memory is handed on as is. On failure
 * the child is as before: none. */
stoa_status stoa_gym_child_start(stoa_gym_child *child, const stoa_gym_config *config, int memory,
                                 stoa_error *err);
/* Moves a descriptor out of the way of the numbers a worker finds its own at. */
bool stoa_gym_lift(int *fd);
/* Sends a packet and marks the child busy; failed when it is gone. */
void stoa_gym_post(stoa_gym_child *child, const char *text, size_t bytes);
/* Waits until no child is busy: each has answered with one of the wanted letters (idle) or died,
 * complained or said nothing for `seconds` (failed, with its reason). */
void stoa_gym_wait(stoa_gym_child *children, int count, const char *wanted, double seconds);
/* Ends the children: politely (they get some seconds to close) or at once. Reaps them. */
void stoa_gym_end(stoa_gym_child *children, int count, bool politely);

/* ---- spaces and memory (gym_spec.c, gym_memory.c) -------------------------------------------- */

/* Category labels of the spaces, as long-lived as the environment. */
typedef struct stoa_gym_labels {
    char **of[STOA_ENV_SPACES]; /* of the action spaces */
    int64_t count[STOA_ENV_SPACES];
} stoa_gym_labels;

/* Fills the spec from a worker's H packet, which is not trusted. */
stoa_status stoa_gym_spec(const char *text, stoa_env_spec *spec, stoa_gym_labels *labels,
                          stoa_error *err);
void stoa_gym_labels_free(stoa_gym_labels *labels);

typedef struct stoa_gym_memory {
    int fd;
    char *base;
    size_t bytes;
    char *observations[2][STOA_ENV_SPACES]; /* (count, shape...) each; the halves */
    char *finals[STOA_ENV_SPACES];          /* (count, shape...) of ended episodes */
    char *actions[STOA_ENV_SPACES];         /* (count, shape...) */
    float *rewards, *scores;                /* (count); scores: before any clipping */
    uint8_t *terminated, *truncated;        /* (count) */
    int64_t *seeds;                         /* (count) of the next R */
    uint8_t *picture;                       /* (height, width, 3) */
} stoa_gym_memory;

/* Sizes and maps the memory behind fd, which then can change its size no more. */
stoa_status stoa_gym_memory_map(stoa_gym_memory *m, const stoa_env_spec *spec, int64_t count,
                                stoa_error *err);
void stoa_gym_memory_unmap(stoa_gym_memory *m);
/* The L packet. */
void stoa_gym_memory_describe(const stoa_gym_memory *m, const stoa_env_spec *spec,
                              stoa_buffer *out);

/* ---- the batch (gym.c) ----------------------------------------------------------------------- */

typedef struct stoa_gym {
    stoa_gym_child *children;
    int child_count;
    stoa_gym_memory memory;
    stoa_gym_labels labels;
    char *hello;      /* the H packet every worker must agree on */
    char *layout;     /* the L packet */
    double *returns;  /* (count) of the running episodes, unclipped */
    int64_t *lengths; /* (count) */
    int half;         /* the observations that hold */
    bool begun;       /* a reset was made */
    int64_t restarts;
} stoa_gym;

/* Starts a worker and tells it the settings; it answers with H or E. */
stoa_status stoa_gym_greet(stoa_gym *g, const stoa_gym_config *config, stoa_gym_child *child,
                           stoa_error *err);
/* Of class->reset_all, step_all and render_rgb (gym_step.c). */
stoa_status stoa_gym_reset(stoa_env *env, const stoa_env_buffers *b, stoa_error *err);
stoa_status stoa_gym_step(stoa_env *env, const stoa_env_buffers *b, stoa_error *err);
void stoa_gym_render(const stoa_env *env, int64_t instance, uint8_t *pixels);

#endif /* STOA_ENV_GYM_H */
