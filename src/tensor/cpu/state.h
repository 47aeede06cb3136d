/* tensor/cpu/state.h - what the cpu backend keeps for each context. */
#ifndef STOA_TENSOR_CPU_STATE_H
#define STOA_TENSOR_CPU_STATE_H

#include "tensor/cpu/onednn.h"

typedef struct stoa_cpu_state {
    bool amx; /* matrix tiles may be used */
    stoa_onednn *onednn;
} stoa_cpu_state;

stoa_status stoa_cpu_open(stoa_ctx *ctx, void **state);
void stoa_cpu_close(void *state);

static inline stoa_cpu_state *stoa_cpu(stoa_ctx *ctx) {
    return ctx->state;
}

#endif /* STOA_TENSOR_CPU_STATE_H */
