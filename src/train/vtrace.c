/*
 * train/vtrace.c - V-trace (Espeholt et al. 2018, section 4.1) as one scan backwards in time.
 *
 * delta_t = min(rho_clip, rho_t) (r_t + d_t V_{t+1} - V_t), c_t = lambda min(1, rho_t),
 * a_t = delta_t + d_t c_t a_{t+1}, v_t = V_t + a_t. The instances are the inner loop, so a step of
 * the scan is one pass over vectors.
 */
#include <math.h>

#include "stoa/train.h"

void stoa_vtrace(const stoa_vtrace_options *options, int64_t steps, int64_t batch,
                 const float *log_rho, const float *discounts, const float *rewards,
                 const float *values, const float *bootstrap, float *targets, float *advantages) {
    const float rho_clip = (float)options->rho_clip, pg_clip = (float)options->pg_rho_clip;
    const float lambda = (float)options->lambda;
    for (int64_t t = steps - 1; t >= 0; t--) {
        const bool last = t == steps - 1;
        const int64_t row = t * batch;
        const float *value = values + row;
        const float *next_value = last ? bootstrap : values + row + batch;
        const float *next_target = last ? bootstrap : targets + row + batch;
        for (int64_t b = 0; b < batch; b++) {
            float rho = expf(log_rho[row + b]), d = discounts[row + b], r = rewards[row + b];
            float delta = fminf(rho_clip, rho) * (r + d * next_value[b] - value[b]);
            float trace = d * lambda * fminf(1, rho);
            targets[row + b] = value[b] + delta + trace * (next_target[b] - next_value[b]);
            advantages[row + b] = fminf(pg_clip, rho) * (r + d * next_target[b] - value[b]);
        }
    }
}
