/* tensor/cpu/product.h - matrix products by oneDNN that always work, whatever the processor. */
#ifndef STOA_TENSOR_CPU_PRODUCT_H
#define STOA_TENSOR_CPU_PRODUCT_H

#include "tensor/cpu/onednn.h"

/* As stoa_onednn_multiply; a and b of one type (f32 or bf16), c of either; every matrix dense, so
 * that it can be copied to another type where oneDNN would not take it as it is. */
stoa_status stoa_product(stoa_ctx *ctx, const stoa_onednn_product *p);

static inline stoa_onednn_matrix stoa_operand(const void *data, stoa_dtype dtype, int64_t batch,
                                              int64_t row, int64_t column) {
    return (stoa_onednn_matrix){(void *)(uintptr_t)data, dtype, batch, row, column}; // or c
}

/* A copy of n elements in another float type, in scratch; `from` itself when it has the type
 * already. NULL when out of memory. */
const void *stoa_scratch_as(stoa_ctx *ctx, stoa_dtype dtype, const void *from,
                            stoa_dtype from_dtype, int64_t n);

#endif /* STOA_TENSOR_CPU_PRODUCT_H */
