/*
 * tensor/cpu/rows.h - moving rows between float types, for kernels that serve f32 and bf16 with one
 * loop: an always-inlined function gets its types as constants, so every combination becomes its
 * own vectorised loop.
 */
#ifndef STOA_TENSOR_CPU_ROWS_H
#define STOA_TENSOR_CPU_ROWS_H

#include "tensor/cpu/simd.h"
#include "tensor/node.h"

/* Elements below which a range is not worth another thread. */
enum { STOA_ROW_GRAIN = 65536 };

static inline bool stoa_is_float(stoa_dtype t) {
    return t == STOA_F32 || t == STOA_BF16;
}

/* Rows a range should hold at least. */
static inline int64_t stoa_row_grain(int64_t width) {
    return width >= STOA_ROW_GRAIN ? 1 : STOA_ROW_GRAIN / (width > 0 ? width : 1);
}

/* The address of an element. */
static inline char *stoa_at(const void *data, stoa_dtype dtype, int64_t element) {
    return (char *)(uintptr_t)data + (size_t)element * stoa_dtype_size(dtype);
}

/* Calls fn(a, b, ...) with both float types constant. */
#define STOA_BY_TYPES(fn, a, b, ...)                                                               \
    ((a) == STOA_F32 ? ((b) == STOA_F32 ? fn(STOA_F32, STOA_F32, __VA_ARGS__)                      \
                                        : fn(STOA_F32, STOA_BF16, __VA_ARGS__))                    \
                     : ((b) == STOA_F32 ? fn(STOA_BF16, STOA_F32, __VA_ARGS__)                     \
                                        : fn(STOA_BF16, STOA_BF16, __VA_ARGS__)))

STOA_INLINE void stoa_row_add_typed(stoa_dtype to, stoa_dtype from, void *restrict dst,
                                    const void *restrict src, int64_t n) {
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        stoa_elem_put(dst, to, i, stoa_elem_get(dst, to, i) + stoa_elem_get(src, from, i));
}

/* dst (+)= src; n elements of the given float types. */
static inline void stoa_row_write(stoa_dtype to, void *restrict dst, stoa_dtype from,
                                  const void *restrict src, int64_t n, bool add) {
    if (add)
        STOA_BY_TYPES(stoa_row_add_typed, to, from, dst, src, n);
    else if (to == from)
        memcpy(dst, src, (size_t)n * stoa_dtype_size(to));
    else if (to == STOA_BF16)
        stoa_f32_to_bf16_row(dst, src, n);
    else
        stoa_bf16_to_f32_row(dst, src, n);
}

#endif /* STOA_TENSOR_CPU_ROWS_H */
