/*
 * tensor/cpu/block_gemm.c - a register-blocked product of small float32 matrices.
 *
 * A tile of ROWS x 4 vectors of c stays in registers over the whole inner dimension: four loads of
 * b and ROWS broadcasts of a serve 4 * ROWS multiply-adds, enough to keep both units busy. Meant
 * for operands that fit the second-level cache; nothing is packed.
 */
#include "tensor/cpu/block_gemm.h"
#include "tensor/cpu/lanes.h"

enum { ROWS = 6, VECTORS = 4, LANES = STOA_LANES };

/* rows and vectors are constants where this is inlined, so acc lives in registers. */
STOA_INLINE void tile(int rows, int vectors, int64_t k, stoa_block_matrix a, const float *b,
                      int64_t b_row, float *c, int64_t c_row, bool add) {
    stoa_lanes acc[ROWS][VECTORS];
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 8
        for (int v = 0; v < vectors; v++)
            acc[r][v] = add ? stoa_lanes_load(c + r * c_row + v * LANES) : (stoa_lanes){0};
    for (int64_t p = 0; p < k; p++) {
        stoa_lanes bv[VECTORS];
#pragma GCC unroll 8
        for (int v = 0; v < vectors; v++)
            bv[v] = stoa_lanes_load(b + p * b_row + v * LANES);
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            float x = a.data[r * a.row + p * a.column];
#pragma GCC unroll 8
            for (int v = 0; v < vectors; v++)
                acc[r][v] += x * bv[v];
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 8
        for (int v = 0; v < vectors; v++)
            stoa_lanes_store(c + r * c_row + v * LANES, acc[r][v]);
}

typedef void (*tile_fn)(int64_t k, stoa_block_matrix a, const float *b, int64_t b_row, float *c,
                        int64_t c_row, bool add);

#define TILE(rows, vectors)                                                                        \
    static void tile_##rows##_##vectors(int64_t k, stoa_block_matrix a, const float *b,            \
                                        int64_t b_row, float *c, int64_t c_row, bool add) {        \
        tile(rows, vectors, k, a, b, b_row, c, c_row, add);                                        \
    }
#define TILES(rows) TILE(rows, 1) TILE(rows, 2) TILE(rows, 3) TILE(rows, 4)
TILES(1)
TILES(2)
TILES(3)
TILES(4)
TILES(5)
TILES(6)

#define ROW(rows)                                                                                  \
    { tile_##rows##_1, tile_##rows##_2, tile_##rows##_3, tile_##rows##_4 }
static const tile_fn tiles[ROWS][VECTORS] = {ROW(1), ROW(2), ROW(3), ROW(4), ROW(5), ROW(6)};

void stoa_block_gemm(int64_t m, int64_t n, int64_t k, stoa_block_matrix a, const float *b,
                     int64_t b_row, float *c, int64_t c_row, bool add) {
    for (int64_t j = 0; j < n; j += VECTORS * LANES) {
        int64_t vectors = (n - j) / LANES < VECTORS ? (n - j) / LANES : VECTORS;
        for (int64_t i = 0; i < m; i += ROWS) {
            int64_t rows = m - i < ROWS ? m - i : ROWS;
            stoa_block_matrix part = {a.data + i * a.row, a.row, a.column};
            tiles[rows - 1][vectors - 1](k, part, b + j, b_row, c + i * c_row + j, c_row, add);
        }
    }
}
