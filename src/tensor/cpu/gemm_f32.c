/*
 * tensor/cpu/gemm_f32.c - products of any shape on top of block_gemm, and products of two matrices
 * that are both contiguous along k.
 *
 * The latter takes dot products of 4 rows with 4 rows and folds the sixteen sums into one vector at
 * the end: neither matrix is rearranged, which would cost more than it gains for a few rows.
 */
#include "tensor/cpu/gemm_f32.h"

#include "tensor/cpu/block_gemm.h"
#include "tensor/cpu/lanes.h"

enum { LANES = STOA_LANES, DEPTH = 512 };

/* Fewer than 16 columns: b's are copied into full vectors, c's go through one. */
static void narrow(int64_t m, int64_t n, int64_t k, stoa_block_matrix a, const float *b,
                   int64_t ldb, float *c, int64_t ldc, bool add) {
    float panel[DEPTH * LANES], row[LANES];
    for (int64_t p = 0; p < k; p++)
        stoa_lanes_store(panel + p * LANES, stoa_lanes_get(b, STOA_F32, p * ldb, n));
    for (int64_t i = 0; i < m; i++, a.data += a.row) {
        stoa_block_gemm(1, LANES, k, a, panel, LANES, row, LANES, false);
        for (int64_t j = 0; j < n; j++)
            c[i * ldc + j] = add ? c[i * ldc + j] + row[j] : row[j];
    }
}

void stoa_gemm_nn(int64_t m, int64_t n, int64_t k, const float *a, int64_t a_row, int64_t a_col,
                  const float *b, int64_t ldb, float *c, int64_t ldc, bool add) {
    int64_t p = 0, whole = n / LANES * LANES;
    do { // at least once: k = 0 overwrites with zeroes
        int64_t depth = k - p < DEPTH ? k - p : DEPTH;
        stoa_block_matrix part = {a + p * a_col, a_row, a_col};
        stoa_block_gemm(m, whole, depth, part, b + p * ldb, ldb, c, ldc, add);
        if (whole < n)
            narrow(m, n - whole, depth, part, b + p * ldb + whole, ldb, c + whole, ldc, add);
        add = true;
        p += DEPTH;
    } while (p < k);
}

/* The dot products of rows a[0..3] with rows b[0..3]. */
STOA_INLINE stoa_lanes dots(int64_t k, const float *const a[4], const float *const b[4]) {
    stoa_lanes sum[16], x[4], y[4];
    for (int i = 0; i < 16; i++)
        sum[i] = (stoa_lanes){0};
    int64_t p = 0;
    for (; p + LANES <= k; p += LANES) {
        for (int r = 0; r < 4; r++)
            x[r] = stoa_lanes_load(a[r] + p), y[r] = stoa_lanes_load(b[r] + p);
        for (int r = 0; r < 4; r++)
            for (int s = 0; s < 4; s++)
                sum[4 * r + s] += x[r] * y[s];
    }
    if (p < k) {
        for (int r = 0; r < 4; r++)
            x[r] = stoa_lanes_get(a[r], STOA_F32, p, k - p),
            y[r] = stoa_lanes_get(b[r], STOA_F32, p, k - p);
        for (int r = 0; r < 4; r++)
            for (int s = 0; s < 4; s++)
                sum[4 * r + s] += x[r] * y[s];
    }
    return stoa_lanes_sums(sum);
}

/* Up to four rows from i on; beyond the last the last again, its results unused. */
STOA_INLINE int64_t four(const float *base, int64_t ld, int64_t i, int64_t count,
                         const float *rows[4]) {
    for (int64_t r = 0; r < 4; r++)
        rows[r] = base + (i + r < count ? i + r : count - 1) * ld;
    return count - i < 4 ? count - i : 4;
}

void stoa_gemm_nt(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b,
                  int64_t ldb, float *c, int64_t ldc, bool add) {
    const float *left[4], *right[4];
    for (int64_t j = 0; j < n; j += 4) {
        int64_t cols = four(b, ldb, j, n, right);
        for (int64_t i = 0; i < m; i += 4) {
            int64_t rows = four(a, lda, i, m, left);
            float part[LANES];
            stoa_lanes_store(part, dots(k, left, right));
            for (int64_t r = 0; r < rows; r++)
                for (int64_t s = 0; s < cols; s++) {
                    float *to = &c[(i + r) * ldc + j + s];
                    *to = add ? *to + part[4 * r + s] : part[4 * r + s];
                }
        }
    }
}
