/* tensor/ref/kernels.h - the reference kernels, by family. */
#ifndef STOA_TENSOR_REF_KERNELS_H
#define STOA_TENSOR_REF_KERNELS_H

#include "tensor/node.h"

/* elementwise.c */
stoa_status stoa_ref_binary(stoa_ctx *ctx, stoa_node *node);

/* reductions, softmax, losses */

/* norms */

/* shape and index */

/* matrix products */

/* sequence */

#endif /* STOA_TENSOR_REF_KERNELS_H */
