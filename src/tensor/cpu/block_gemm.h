/* tensor/cpu/block_gemm.h - float32 products of blocks that lie in the cache. */
#ifndef STOA_TENSOR_CPU_BLOCK_GEMM_H
#define STOA_TENSOR_CPU_BLOCK_GEMM_H

#include <stdbool.h>
#include <stdint.h>

/* A matrix with any strides; element (i, j) is at data[i * row + j * column]. */
typedef struct stoa_block_matrix {
    const float *data;
    int64_t row, column;
} stoa_block_matrix;

/* c (m, n) = a (m, k) b (k, n), or added to c. Rows of b and c are contiguous, b_row and c_row
 * apart; n is a multiple of 16; m and k are any. The order of summation depends on k alone. */
void stoa_block_gemm(int64_t m, int64_t n, int64_t k, stoa_block_matrix a, const float *b,
                     int64_t b_row, float *c, int64_t c_row, bool add);

#endif /* STOA_TENSOR_CPU_BLOCK_GEMM_H */
