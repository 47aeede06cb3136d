/*
 * train/value_transport.h - carrying value back to the moments a memory was read from (Hung et al.
 * 2019, "Optimizing agent behavior over long time scales by transporting value").
 */
#ifndef STOA_TRAIN_VALUE_TRANSPORT_H
#define STOA_TRAIN_VALUE_TRANSPORT_H

#include "train/objective.h"

/* The reads of an unroll: R heads, K rows a read. */
typedef struct stoa_transport {
    int64_t steps, batch, heads, best; /* T, B, R, K */
    const float *strengths;            /* (T, B, R) */
    const float *weights;              /* (T, B, R, K) */
    const int32_t *read_steps;         /* (T, B, R, K) when the row was written; negative: before */
    const float *values;               /* (T, B) */
    const uint8_t *reset;              /* (T, B) an episode begins at t */
    double alpha, threshold;
    int64_t horizon; /* a read counts when it reaches back more steps than this */
} stoa_transport;

/* Of each head, every run of steps whose strength is above the threshold and whose heaviest read
 * reaches beyond the horizon is one event, at the step t2 where the strength is largest. Adds
 * alpha * weight * V(t2) to rewards (T, B) of every step read there from beyond the horizon. Runs
 * end with their episode; what was read from before the unroll is lost. Returns how many events;
 * *carried (nullable) receives the sum of what was added. */
int64_t stoa_transport_values(const stoa_transport *t, float *rewards, double *carried);
/* Steps back within which plain discounting serves: the whole part of 1 / (1 - discount), 25
 * without discounting. */
int64_t stoa_transport_horizon(double discount);

extern const stoa_objective_class stoa_objective_value_transport;

#endif /* STOA_TRAIN_VALUE_TRANSPORT_H */
