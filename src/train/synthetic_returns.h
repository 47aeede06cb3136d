/* train/synthetic_returns.h - the parts of the synthetic-returns objective. */
#ifndef STOA_TRAIN_SYNTHETIC_RETURNS_H
#define STOA_TRAIN_SYNTHETIC_RETURNS_H

#include "train/objective.h"

enum { STOA_SR_LAYERS = 4 };
enum { STOA_SR_GATE_LEARNED, STOA_SR_GATE_ONE };

typedef struct stoa_sr_config {
    double alpha, beta, weight, unit, ridge;
    int gate;
    bool bias, after_core, center;
    int64_t width, layers, capacity;
} stoa_sr_config;

/* ReLU layers, then one number. */
typedef struct stoa_sr_net {
    stoa_linear_layer hidden[STOA_SR_LAYERS], out;
} stoa_sr_net;

typedef struct stoa_sr {
    const stoa_sr_config *config;
    const stoa_env_spec *spec;
    int64_t steps, batch, width; /* T, B, N */
    int64_t capacity;            /* rows of memory an instance */
    double scale;
    stoa_sr_net c, gate, bias;

    /* carried from unroll to unroll, one block: what a checkpoint keeps */
    int32_t *count; /* (B) rows remembered */
    float *memory;  /* (B, capacity, N) oldest first */
    size_t state_bytes;

    /* of the update at hand */
    float *work;                        /* (2, T, B) gates, biases */
    int64_t stride;                     /* rows of memory laid out for each instance */
    stoa_tensor *states;                /* (T + 1, B, N) */
    stoa_tensor *c_all;                 /* (B * stride + T * B, 1) of memory, then of the unroll */
    stoa_tensor *gate_logit, *bias_out; /* (T * B, 1), or NULL */
    stoa_tensor *c_grad, *gate_grad, *bias_grad; /* of the regression's loss */
    double loss;

    char names[STOA_ENV_EVENTS + 1][64]; /* of the figures */
} stoa_sr;

extern const stoa_objective_class stoa_objective_synthetic_returns;

/* c of states (R, N) -> (R, 1): for pictures of a trained agent. */
stoa_tensor *stoa_sr_contributions(stoa_ctx *ctx, const stoa_objective *o, stoa_tensor *states);

#endif /* STOA_TRAIN_SYNTHETIC_RETURNS_H */
