/*
 * train/gae.c - generalised advantage estimation (Schulman et al. 2016) as one scan backwards in
 * time: A_t = r_t + d_t V_{t+1} - V_t + d_t lambda A_{t+1}; the value's target is V_t + A_t.
 */
#include "stoa/train.h"

void stoa_gae(double lambda, int64_t steps, int64_t batch, const float *discounts,
              const float *rewards, const float *values, const float *bootstrap, float *targets,
              float *advantages) {
    const float decay = (float)lambda;
    for (int64_t t = steps - 1; t >= 0; t--) {
        const bool last = t == steps - 1;
        const int64_t row = t * batch;
        const float *next_value = last ? bootstrap : values + row + batch;
        for (int64_t b = 0; b < batch; b++) {
            float d = discounts[row + b], after = last ? 0 : advantages[row + batch + b];
            float delta = rewards[row + b] + d * next_value[b] - values[row + b];
            advantages[row + b] = delta + d * decay * after;
            targets[row + b] = values[row + b] + advantages[row + b];
        }
    }
}
