/*
 * tensor/cpu/partial.h - sums over rows that several threads share: each thread adds into a buffer
 * of its own, and the buffers are added in thread order, so that the result depends on the number
 * of threads and on nothing else.
 */
#ifndef STOA_TENSOR_CPU_PARTIAL_H
#define STOA_TENSOR_CPU_PARTIAL_H

#include "tensor/node.h"

typedef struct stoa_partials {
    float *data;    // (threads, stride)
    int64_t n;      // sums wanted
    int64_t stride; // n rounded up to a cache line
    int threads;
} stoa_partials;

/* Zeroed sums in scratch memory. STOA_ERR_MEMORY. */
stoa_status stoa_partials_init(stoa_ctx *ctx, stoa_partials *p, int64_t n);
/* The buffer of one thread. */
float *stoa_partials_of(const stoa_partials *p, int thread);
/* Writes the sums into a gradient of n elements (nothing when none is wanted). */
void stoa_partials_write(stoa_ctx *ctx, const stoa_partials *p, stoa_grad_ref to);

#endif /* STOA_TENSOR_CPU_PARTIAL_H */
