/*
 * tensor/cpu/backend.c - the cpu backend's kernel table. Kernels are declared in kernels.h by
 * family, one file a family.
 */
#include "tensor/cpu/kernels.h"

/* ORDER OP */
static const stoa_backend cpu = {
    .name = "cpu",
    .computes = true,
    .full = STOA_F32,
    .kernels =
        {
            /* elementwise */
            [STOA_OP_ADD] = {stoa_cpu_binary, stoa_cpu_binary_backward},

            /* reductions, softmax, losses */

            /* norms */

            /* shape and index */

            /* matrix products */

            /* sequence */
        },
};

const stoa_backend *stoa_backend_cpu(void) {
    return &cpu;
}
