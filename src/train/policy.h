/* train/policy.h - the parts of an actor-critic loss. Private to the train room. */
#ifndef STOA_TRAIN_POLICY_H
#define STOA_TRAIN_POLICY_H

#include "stoa/train.h"

/* What a policy says about a batch of actions, summed over the action spaces; both (T, B). */
typedef struct stoa_policy_terms {
    stoa_tensor *log_prob, *entropy;
} stoa_policy_terms;
/* Of each space: logits (T, B, elements * categories), or (T, B, 2 * elements) means and logarithms
 * of standard deviations of a box; actions (T, B, elements) host memory. */
stoa_policy_terms stoa_policy_terms_of(stoa_ctx *ctx, const stoa_space *spaces, int count,
                                       stoa_tensor *const *logits, const void *const *actions);

/* The loss and its three parts, each a scalar summed over T and B and not yet weighted. */
typedef struct stoa_actor_critic {
    stoa_tensor *policy, *value, *entropy;
    stoa_tensor *total; /* scale * (policy + value_weight value - entropy_weight entropy) */
} stoa_actor_critic;

/* -sum log pi(a) A, sum (v - V)^2 / 2 and sum H (Espeholt et al. 2018). value: (T, B) on the tape;
 * targets, advantages: (T, B) host memory, constants. */
stoa_actor_critic stoa_vtrace_loss(stoa_ctx *ctx, const stoa_policy_terms *terms,
                                   stoa_tensor *value, const float *targets,
                                   const float *advantages, double value_weight,
                                   double entropy_weight, double scale);

/* The clipped surrogate of Schulman et al. 2017. log_probs: of the actions when they were taken;
 * old_values: the values then, for value_clip > 0, which keeps V that close to them. */
typedef struct stoa_ppo_rows {
    const float *log_probs, *advantages, *targets, *old_values; /* (T, B) */
    double clip, value_clip;
} stoa_ppo_rows;
stoa_actor_critic stoa_ppo_loss(stoa_ctx *ctx, const stoa_policy_terms *terms, stoa_tensor *value,
                                const stoa_ppo_rows *rows, double value_weight,
                                double entropy_weight, double scale);

#endif /* STOA_TRAIN_POLICY_H */
