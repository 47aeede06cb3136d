/*
 * tensor/cpu/packed.h - copies of weights in the layouts products read, most of them in bfloat16.
 *
 * A parameter's copies hang on its tensor (t->packed) and are remade when its version changed; each
 * is made when it is first asked for, so a context that never runs backward never has the second.
 * A weight that is no parameter is copied into scratch, for one kernel. Two contexts may share a
 * parameter, not at the same moment.
 */
#ifndef STOA_TENSOR_CPU_PACKED_H
#define STOA_TENSOR_CPU_PACKED_H

#include "tensor/node.h"

typedef enum stoa_pack {
    STOA_PACK_FORWARD,  /* panels of W^T: for x (M, K) W^T */
    STOA_PACK_BACKWARD, /* panels of W: for dy (M, N) W */
    STOA_PACK_PLAIN,    /* (N, K) row-major */
    /* float32 (panels_f32.h): what FORWARD and BACKWARD are to tiles */
    STOA_PACK_FORWARD_F32,
    STOA_PACK_BACKWARD_F32,
    STOA_PACK_COUNT
} stoa_pack;

/* Whether a copy is there and up to date. */
bool stoa_packed_current(const stoa_tensor *weight, stoa_pack kind);
/* Where a parameter's copy goes, for whoever makes it himself and then says so; NULL when out of
 * memory. */
uint16_t *stoa_packed_room(stoa_tensor *param, stoa_pack kind);
void stoa_packed_filled(stoa_tensor *param, stoa_pack kind);
/* A copy of weight (N, K) f32, floats where the kind says so; NULL when out of memory. */
const uint16_t *stoa_packed_get(stoa_ctx *ctx, stoa_tensor *weight, stoa_pack kind);

#endif /* STOA_TENSOR_CPU_PACKED_H */
