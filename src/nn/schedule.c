/* nn/schedule.c - the learning rate's course as a share of its peak. */
#include "stoa/nn.h"

#include <math.h>

/* The first step already moves: warm-up gives 1/warmup at step 0 and 1 at step warmup - 1. */
double stoa_schedule(stoa_schedule_kind kind, int64_t step, int64_t total, int64_t warmup,
                     double floor_share) {
    if (step < warmup)
        return (double)(step + 1) / (double)warmup;
    if (kind == STOA_SCHEDULE_CONSTANT)
        return 1;
    if (kind == STOA_SCHEDULE_INVERSE_ROOT)
        return sqrt((double)(warmup > 0 ? warmup : 1) / (double)(step + 1));
    if (step >= total)
        return floor_share;
    double done = (double)(step - warmup) / (double)(total - warmup); // [0, 1)
    double left =
        kind == STOA_SCHEDULE_COSINE ? 0.5 * (1 + cos(3.14159265358979323846 * done)) : 1 - done;
    return floor_share + (1 - floor_share) * left;
}
