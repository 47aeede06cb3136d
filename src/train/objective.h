/*
 * train/objective.h - a term of an agent's loss as a part that can be listed in the settings: what
 * synthetic returns, imitation, explanations and the rest are to the learner.
 *
 * In an update the learner runs the agent over the unroll, asks every objective for the rewards
 * that policy and value shall see, adds up the losses, and walks the tape once.
 */
#ifndef STOA_TRAIN_OBJECTIVE_H
#define STOA_TRAIN_OBJECTIVE_H

#include "stoa/train.h"

typedef struct stoa_objective {
    const stoa_objective_class *class_;
    void *config; /* the class's settings struct */
    void *self;   /* the class's own: layers, memory */
} stoa_objective;

/* What an objective may know when it is made. */
typedef struct stoa_objective_place {
    const stoa_env_spec *spec;
    const stoa_agent *agent;
    stoa_params *params;  /* to declare parameters in */
    int64_t steps, batch; /* T, B of the unrolls */
    double discount;      /* of the rewards */
    double scale;         /* factor on every loss: 1, or 1 / (T * B) with mean_loss */
} stoa_objective_place;

struct stoa_objective_class {
    const char *name;    /* "synthetic-returns": in `objectives`, and before its settings' keys */
    const char *summary; /* one line */
    size_t config_bytes;
    stoa_settings_table (*settings)(void);
    stoa_status (*open)(stoa_objective *o, const stoa_objective_place *place, stoa_error *err);
    void (*close)(stoa_objective *o);
    /* rewards (T, B), row t paid for the action taken at observation t, scaled and clipped but
     * without the value of cut-off episodes: changes what the policy and value losses see. Called
     * after the forward pass, before any loss. Nullable. */
    void (*reward)(stoa_objective *o, stoa_ctx *ctx, const stoa_unroll *unroll,
                   const stoa_agent_output *output, float *rewards);
    /* The scaled scalar loss on the tape, or NULL. output covers T + 1 steps. Nullable. */
    stoa_tensor *(*loss)(stoa_objective *o, stoa_ctx *ctx, const stoa_unroll *unroll,
                         const stoa_agent_output *output);
    /* After the backward pass: carries memory to the next unroll, writes up to `most` figures for
     * the log and returns how many. Nullable. */
    int (*finish)(stoa_objective *o, const stoa_unroll *unroll, stoa_metric *figures, int most);
    /* What is carried from unroll to unroll, for checkpoints: bytes without pointers. restored:
     * they were overwritten from a file and are to be checked. Nullable, both or none. */
    void *(*state)(stoa_objective *o, size_t *bytes);
    stoa_status (*restored)(stoa_objective *o, stoa_error *err);
};

enum { STOA_OBJECTIVES = 8 }; /* of one run */

const stoa_objective_class *stoa_objective_find(const char *name, stoa_error *err);
/* The classes that a setting such as "synthetic-returns, speech" names: at most STOA_OBJECTIVES. */
stoa_status stoa_objective_list(const char *names, const stoa_objective_class **out, int *count,
                                stoa_error *err);

#endif /* STOA_TRAIN_OBJECTIVE_H */
