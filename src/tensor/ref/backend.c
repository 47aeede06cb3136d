/*
 * tensor/ref/backend.c - the reference backend: plain double-precision loops, forward only. It is
 * written to be read beside the equations; every fast kernel is tested against it, and gradients
 * against finite differences through it.
 */
#include "tensor/ref/kernels.h"

/* ORDER OP */
static const stoa_backend ref = {
    .name = "ref",
    .computes = true,
    .full = STOA_F64,
    .kernels =
        {
            /* elementwise */
            [STOA_OP_ADD] = {stoa_ref_binary, NULL},

            /* reductions, softmax, losses */

            /* norms */

            /* shape and index */

            /* matrix products */

            /* sequence */
        },
};

const stoa_backend *stoa_backend_ref(void) {
    return &ref;
}
