/* tensor/cpu/kernels.h - the cpu backend's kernels, by family. */
#ifndef STOA_TENSOR_CPU_KERNELS_H
#define STOA_TENSOR_CPU_KERNELS_H

#include "tensor/node.h"

/* elementwise.c */
stoa_status stoa_cpu_binary(stoa_ctx *ctx, stoa_node *node);
stoa_status stoa_cpu_binary_backward(stoa_ctx *ctx, stoa_node *node);

/* reductions, softmax, losses */

/* norms */

/* shape and index */

/* matrix products */

/* sequence */

#endif /* STOA_TENSOR_CPU_KERNELS_H */
