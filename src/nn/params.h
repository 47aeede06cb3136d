/* nn/params.h - the inside of a parameter set. Private to the nn room. */
#ifndef STOA_NN_PARAMS_H
#define STOA_NN_PARAMS_H

#include "stoa/nn.h"

enum { STOA_PARAM_ALIGN = 16 }; /* floats: one cache line, one AVX-512 register */

struct stoa_params {
    stoa_param **items; /* count of them, each its own allocation: addresses are stable */
    int64_t count, capacity;
    int32_t *slots;    /* hash table by name: index into items plus 1, 0 where empty */
    size_t slot_count; /* a power of two, at least twice `count` */
    float *values, *grads;
    stoa_arena *packed; /* of the backend's copies; NULL until there is one */
    size_t floats;      /* length of each block; known while declaring */
    bool allocated;
    stoa_error failure; /* the first declaration that failed; told by allocate */
};

/* Initial values into zeroed memory. */
void stoa_param_fill(stoa_param *param, uint64_t seed);

#endif /* STOA_NN_PARAMS_H */
