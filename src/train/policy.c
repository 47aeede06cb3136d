/* train/policy.c - the parts of an actor-critic loss: log-probability, entropy, value. */
#include "train/policy.h"

#include "stoa/env.h"

/* Independent choices, one an element. logits (T, B, E * C) */
static stoa_policy_terms of_categories(stoa_ctx *ctx, const stoa_space *space, stoa_tensor *logits,
                                       const void *actions) {
    int64_t steps = logits->shape[0], batch = logits->shape[1], n = stoa_space_numel(space);
    stoa_tensor *each =
        n == 1 ? logits
               : stoa_reshape(ctx, logits, STOA_SHAPE(steps, batch * n, space->categories));
    stoa_tensor *index = stoa_from(ctx, STOA_I32, STOA_SHAPE(steps, batch * n), actions);
    stoa_tensor *log_p = stoa_log_softmax(ctx, each); // (T, B * E, C)
    stoa_tensor *taken = stoa_pick(ctx, log_p, index);
    stoa_tensor *entropy = // (T, B * E)
        stoa_affine(ctx, stoa_sum(ctx, stoa_mul(ctx, stoa_exp(ctx, log_p), log_p), -1), -1, 0);
    if (n > 1) {
        taken = stoa_sum(ctx, stoa_reshape(ctx, taken, STOA_SHAPE(steps, batch, n)), -1);
        entropy = stoa_sum(ctx, stoa_reshape(ctx, entropy, STOA_SHAPE(steps, batch, n)), -1);
    }
    return (stoa_policy_terms){taken, entropy};
}

/* Independent normal numbers. parts (T, B, 2 * E): means, then logarithms of deviations. */
static stoa_policy_terms of_box(stoa_ctx *ctx, const stoa_space *space, stoa_tensor *parts,
                                const void *actions) {
    const double half_log_tau = 0.91893853320467274178; // log(2 pi) / 2
    int64_t steps = parts->shape[0], batch = parts->shape[1], n = stoa_space_numel(space);
    stoa_tensor *mean = stoa_slice(ctx, parts, -1, 0, n); // (T, B, E)
    stoa_tensor *log_std = stoa_slice(ctx, parts, -1, n, 2 * n);
    stoa_tensor *taken = stoa_from(ctx, STOA_F32, STOA_SHAPE(steps, batch, n), actions);
    stoa_tensor *z =
        stoa_mul(ctx, stoa_sub(ctx, mean, taken), stoa_exp(ctx, stoa_affine(ctx, log_std, -1, 0)));
    stoa_tensor *cost = stoa_add(ctx, stoa_affine(ctx, stoa_square(ctx, z), 0.5, 0), log_std);
    return (stoa_policy_terms){
        stoa_sum(ctx, stoa_affine(ctx, cost, -1, -half_log_tau), -1),
        stoa_sum(ctx, stoa_affine(ctx, log_std, 1, 0.5 + half_log_tau), -1),
    };
}

stoa_policy_terms stoa_policy_terms_of(stoa_ctx *ctx, const stoa_space *spaces, int count,
                                       stoa_tensor *const *logits, const void *const *actions) {
    stoa_policy_terms sum = {0};
    for (int a = 0; a < count; a++) {
        stoa_policy_terms one = spaces[a].kind == STOA_SPACE_CATEGORIES
                                    ? of_categories(ctx, &spaces[a], logits[a], actions[a])
                                    : of_box(ctx, &spaces[a], logits[a], actions[a]);
        sum.log_prob = a ? stoa_add(ctx, sum.log_prob, one.log_prob) : one.log_prob;
        sum.entropy = a ? stoa_add(ctx, sum.entropy, one.entropy) : one.entropy;
    }
    return sum;
}

/* A (T, B) constant beside a tensor of the tape. */
static stoa_tensor *constant(stoa_ctx *ctx, const stoa_tensor *like, const float *values) {
    return stoa_from(ctx, STOA_F32, like->ndim, like->shape, values);
}

static stoa_tensor *weigh(stoa_ctx *ctx, const stoa_actor_critic *parts, double value_weight,
                          double entropy_weight, double scale) {
    stoa_tensor *total = stoa_affine(ctx, parts->policy, scale, 0);
    total = stoa_add(ctx, total, stoa_affine(ctx, parts->value, scale * value_weight, 0));
    return stoa_add(ctx, total, stoa_affine(ctx, parts->entropy, -scale * entropy_weight, 0));
}

stoa_actor_critic stoa_vtrace_loss(stoa_ctx *ctx, const stoa_policy_terms *terms,
                                   stoa_tensor *value, const float *targets,
                                   const float *advantages, double value_weight,
                                   double entropy_weight, double scale) {
    stoa_actor_critic out;
    stoa_tensor *gain = stoa_mul(ctx, terms->log_prob, constant(ctx, value, advantages));
    stoa_tensor *error = stoa_squared_error(ctx, value, constant(ctx, value, targets));
    out.policy = stoa_affine(ctx, stoa_sum(ctx, gain, STOA_ALL), -1, 0);
    out.value = stoa_sum(ctx, error, STOA_ALL);
    out.entropy = stoa_sum(ctx, terms->entropy, STOA_ALL);
    out.total = weigh(ctx, &out, value_weight, entropy_weight, scale);
    return out;
}

/* The larger of the plain error and that of V kept within clip of what it was. */
static stoa_tensor *clipped_error(stoa_ctx *ctx, stoa_tensor *value, stoa_tensor *targets,
                                  const stoa_ppo_rows *rows) {
    stoa_tensor *error = stoa_squared_error(ctx, value, targets);
    if (rows->value_clip <= 0)
        return error;
    stoa_tensor *old = constant(ctx, value, rows->old_values);
    stoa_tensor *move =
        stoa_clamp(ctx, stoa_sub(ctx, value, old), -rows->value_clip, rows->value_clip);
    stoa_tensor *near = stoa_add(ctx, move, old);
    return stoa_maximum(ctx, error, stoa_squared_error(ctx, near, targets));
}

stoa_actor_critic stoa_ppo_loss(stoa_ctx *ctx, const stoa_policy_terms *terms, stoa_tensor *value,
                                const stoa_ppo_rows *rows, double value_weight,
                                double entropy_weight, double scale) {
    stoa_actor_critic out;
    stoa_tensor *advantages = constant(ctx, value, rows->advantages);
    stoa_tensor *ratio = stoa_exp(
        ctx, stoa_sub(ctx, terms->log_prob, constant(ctx, value, rows->log_probs))); // (T, B)
    stoa_tensor *near = stoa_clamp(ctx, ratio, 1 - rows->clip, 1 + rows->clip);
    stoa_tensor *gain =
        stoa_minimum(ctx, stoa_mul(ctx, ratio, advantages), stoa_mul(ctx, near, advantages));
    stoa_tensor *error = clipped_error(ctx, value, constant(ctx, value, rows->targets), rows);
    out.policy = stoa_affine(ctx, stoa_sum(ctx, gain, STOA_ALL), -1, 0);
    out.value = stoa_sum(ctx, error, STOA_ALL);
    out.entropy = stoa_sum(ctx, terms->entropy, STOA_ALL);
    out.total = weigh(ctx, &out, value_weight, entropy_weight, scale);
    return out;
}
