/*
 * tensor/cpu/amx_matrix.h - matrix products in bfloat16 tiles (amx.h).
 *
 * Operands are packed in steps of 32 inner elements, in one of two layouts:
 *
 *   tiles   what A reads: 32 rows a panel, a step being two tiles (rows 0-15, rows 16-31)
 *   panels  what B reads: 32 columns a panel, a step being two tiles (columns 0-15, 16-31)
 *
 * Either is (n / 32, k / 32) blocks of 1024 elements, both counts rounded up, edges zero. Compiled
 * where the compiler targets the unit; call only when stoa_amx_available() said so.
 */
#ifndef STOA_TENSOR_CPU_AMX_MATRIX_H
#define STOA_TENSOR_CPU_AMX_MATRIX_H

#include "tensor/cpu/amx.h"
#include "tensor/cpu/simd.h"

#if STOA_HAVE_AMX

enum {
    STOA_AMX_STEP = 32,    /* inner elements a step, and rows or columns a panel */
    STOA_AMX_BLOCK = 1024, /* bf16 elements of one step of a panel; floats of a 32 x 32 result */
};

/* Tile loads are opaque to the compiler: what they read must be in memory before. */
STOA_INLINE void stoa_amx_barrier(void) {
    __asm__ volatile("" ::: "memory");
}

/* ---- packing (amx_matrix_pack.c)
 * -------------------------------------------------------------------- */

/* A matrix in memory: element (i, j) at data[i * stride + j], of type bf16 or f32. */
typedef struct stoa_amx_matrix {
    const void *data;
    stoa_dtype dtype;
    int64_t stride;
    int64_t rows, cols;
} stoa_amx_matrix;

/* Elements of a packed operand of n rows or columns and k inner elements. */
STOA_INLINE size_t stoa_amx_packed(int64_t n, int64_t k) {
    int64_t panels = (n + STOA_AMX_STEP - 1) / STOA_AMX_STEP;
    int64_t steps = (k + STOA_AMX_STEP - 1) / STOA_AMX_STEP;
    return (size_t)(panels * steps) * STOA_AMX_BLOCK;
}

/* Packs one block (panel p, step s) into to[STOA_AMX_BLOCK]:
 *   tiles_inner    rows of the matrix are the operand's rows, its columns the inner elements
 *   tiles_outer    rows of the matrix are the inner elements (a transposed A)
 *   panels_inner   rows of the matrix are the operand's columns (a transposed B)
 *   panels_outer   rows of the matrix are the inner elements (a plain B)
 *   panels_mixed   the same, cheaper, with the 32 columns in the order of stoa_amx_unmix
 * panels_outer_past is panels_outer that writes past the caches. */
typedef void (*stoa_amx_pack)(const stoa_amx_matrix *m, int64_t p, int64_t s, uint16_t *to);
void stoa_amx_tiles_inner(const stoa_amx_matrix *m, int64_t p, int64_t s, uint16_t *to);
void stoa_amx_tiles_outer(const stoa_amx_matrix *m, int64_t p, int64_t s, uint16_t *to);
void stoa_amx_panels_inner(const stoa_amx_matrix *m, int64_t p, int64_t s, uint16_t *to);
void stoa_amx_panels_outer(const stoa_amx_matrix *m, int64_t p, int64_t s, uint16_t *to);
void stoa_amx_panels_outer_past(const stoa_amx_matrix *m, int64_t p, int64_t s, uint16_t *to);
void stoa_amx_panels_mixed(const stoa_amx_matrix *m, int64_t p, int64_t s, uint16_t *to);

/* The same two packings that also add the 32 columns' sums, spread over lanes; stoa_amx_sums_*
 * gather them into sums[32]. Spread must be zeroed first. */
typedef struct stoa_amx_spread {
    float lanes[8][16];
} stoa_amx_spread;
void stoa_amx_tiles_outer_sum(const stoa_amx_matrix *m, int64_t p, int64_t s, uint16_t *to,
                              stoa_amx_spread *spread);
void stoa_amx_panels_mixed_sum(const stoa_amx_matrix *m, int64_t p, int64_t s, uint16_t *to,
                               stoa_amx_spread *spread);
void stoa_amx_sums_tiles(const stoa_amx_spread *spread, float sums[32]);
void stoa_amx_sums_panels(const stoa_amx_spread *spread, float sums[32]);

/* Transposes 16 rows of 16 numbers of 32 bits (or pairs of bf16); to is dense. */
void stoa_amx_transpose(const void *from, int64_t row_bytes, void *to);

/* A row of 32 results of mixed columns, in order. */
STOA_INLINE void stoa_amx_unmix(__m512 *low, __m512 *high) {
    const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    const __m512i second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    __m512d a = _mm512_castps_pd(*low), b = _mm512_castps_pd(*high);
    *low = _mm512_castpd_ps(_mm512_permutex2var_pd(a, first, b));
    *high = _mm512_castpd_ps(_mm512_permutex2var_pd(a, second, b));
}

/* ---- products (amx_product.c) ---------------------------------------------------------------- */

/* C (m, n) = scale * A B, or C += it, or C = A B + bias. */
typedef struct stoa_amx_product {
    int64_t m, n, k;
    const uint16_t *a;     /* rows of bf16, a_stride elements apart; NULL: */
    const uint16_t *tiles; /* A packed */
    int64_t a_stride;
    const uint16_t *panels; /* B packed */
    void *c;                /* c_stride elements from row to row */
    stoa_dtype c_dtype;     /* F32 or BF16 */
    int64_t c_stride;
    bool add;
    float scale;
    const float *bias; /* n rounded up to 32 floats, or NULL; not with add or scale */
    /* Memory that is needed after this product and is fetched to the second cache during it,
     * instead of A's rows: rows of so many bytes. */
    struct {
        const void *from;
        int64_t rows, bytes, stride;
    } soon;
} stoa_amx_product;

/* Bytes of scratch one call of stoa_amx_multiply needs. */
size_t stoa_amx_multiply_scratch(const stoa_amx_product *p);
/* Computes rows [m0, m1) and columns [n0, n1) of C; m0 and n0 are multiples of 32. */
void stoa_amx_multiply(const stoa_amx_product *p, int64_t m0, int64_t m1, int64_t n0, int64_t n1,
                       void *scratch);

/* ---- gradients of weights (amx_gradient.c) --------------------------------------------------- */

/* dW (n, k) = dY^T X, and db (n) = the columns' sums of dY; both overwritten or added to. */
typedef struct stoa_amx_gradient {
    int64_t m, n, k;
    const uint16_t *dy, *x; /* (m, n) and (m, k) */
    float *dw, *db;         /* db may be NULL */
    bool add_dw, add_db;
} stoa_amx_gradient;

/* How the work is cut; depends on the shape and the number of threads only. */
typedef struct stoa_amx_gradient_plan {
    bool swapped;         /* make dW^T: transposing X is cheaper than transposing dY */
    bool split_a;         /* threads share out the rows of the product, else its columns */
    int64_t items;        /* what the threads share out: blocks of 32 rows or columns */
    int64_t a_cut, b_cut; /* rows and columns whose sums are kept at a time */
    int64_t m_cut;        /* inner elements packed at a time */
    size_t scratch;       /* bytes a thread */
} stoa_amx_gradient_plan;

stoa_amx_gradient_plan stoa_amx_gradient_planned(const stoa_amx_gradient *g, int threads);
/* Blocks [begin, end) of plan->items. */
void stoa_amx_gradient_run(const stoa_amx_gradient *g, const stoa_amx_gradient_plan *plan,
                           int64_t begin, int64_t end, void *scratch);

#endif /* STOA_HAVE_AMX */

#endif /* STOA_TENSOR_CPU_AMX_MATRIX_H */
