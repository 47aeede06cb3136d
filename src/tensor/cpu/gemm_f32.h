/*
 * tensor/cpu/gemm_f32.h - float32 matrix products on one thread, for products too small or too
 * entangled with other work to be worth a library call: the steps of a recurrent layer. No packing,
 * no allocation. Sums run in an order fixed by the shapes.
 */
#ifndef STOA_TENSOR_CPU_GEMM_F32_H
#define STOA_TENSOR_CPU_GEMM_F32_H

#include <stdbool.h>
#include <stdint.h>

/* c (m, n) (+)= a b^T with rows of a (m, k) and b (n, k) contiguous in k. */
void stoa_gemm_nt(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b,
                  int64_t ldb, float *c, int64_t ldc, bool add);
/* c (m, n) (+)= a b with a(i, p) at a[i * a_row + p * a_col] (so a may be a transpose) and rows of
 * b (k, n) contiguous. */
void stoa_gemm_nn(int64_t m, int64_t n, int64_t k, const float *a, int64_t a_row, int64_t a_col,
                  const float *b, int64_t ldb, float *c, int64_t ldc, bool add);

#endif /* STOA_TENSOR_CPU_GEMM_F32_H */
