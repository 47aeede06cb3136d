/* nn/optimizer.h - the inside of an optimiser, and its fused passes. Private to the nn room. */
#ifndef STOA_NN_OPTIMIZER_H
#define STOA_NN_OPTIMIZER_H

#include "nn/params.h"

/* A run of trained slices with one decay setting: [begin, end) in the flat blocks, multiples of
 * 16. */
typedef struct stoa_segment {
    size_t begin, end;
    bool decay;
} stoa_segment;

enum { STOA_MOMENTS = 2 };

struct stoa_optimizer {
    stoa_params *params;
    stoa_optimizer_options options;
    int64_t steps;
    float *moment[STOA_MOMENTS]; /* blocks laid out like the values; NULL where not used */
    stoa_segment *segments;
    size_t segment_count;
    double *partials; /* sums of squares of the gradient, one a chunk */
    size_t chunks;
};

/* "adamw", "rmsprop" */
const char *stoa_optimizer_kind_name(stoa_optimizer_kind kind);
/* Names of the moment blocks, as they are called in files. NULL where the kind has none. */
const char *stoa_optimizer_moment_name(const stoa_optimizer *optimizer, int i);

/* One update of n floats (a multiple of 16, all pointers 64-byte aligned). */
typedef struct stoa_adamw_pass {
    float grad_scale;   /* of clipping */
    float take1, take2; /* 1 - beta: how far the moments move */
    float rate;         /* over the first moment's bias correction */
    float correction;   /* 1 / sqrt(1 - beta2^t) */
    float eps;
    float keep; /* 1 - rate * decay: what the value is multiplied by first */
} stoa_adamw_pass;
void stoa_adamw_update(const stoa_adamw_pass *pass, size_t n, float *value, const float *grad,
                       float *first, float *second);

typedef struct stoa_rmsprop_pass {
    float grad_scale;
    float take; /* 1 - decay */
    float momentum, rate, eps;
    bool outside; /* PyTorch's form */
} stoa_rmsprop_pass;
/* velocity: NULL without momentum. */
void stoa_rmsprop_update(const stoa_rmsprop_pass *pass, size_t n, float *value, const float *grad,
                         float *square, float *velocity);

#endif /* STOA_NN_OPTIMIZER_H */
