/*
 * tensor/cpu/amx_pack.h - arranging rows of bf16 as the tile instructions want them. Every function
 * makes one tile (16 rows of 64 bytes, contiguous) from rows `pitch` elements apart.
 */
#ifndef STOA_TENSOR_CPU_AMX_PACK_H
#define STOA_TENSOR_CPU_AMX_PACK_H

#include "tensor/cpu/amx.h"
#include "tensor/cpu/simd.h"

#if STOA_HAVE_AMX

enum { STOA_TILE_HALVES = STOA_TILE_BYTES / 2 };

/* Transposes 16 x 16 words of 32 bits. */
STOA_INLINE void stoa_transpose_words(__m512i r[16]) {
    __m512i t[16];
#pragma GCC unroll 8
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4) { // r[i + j]: words j of every quarter, of rows i..i+3
        r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) { // quarters 0, 2 and 1, 3 of rows 0..7 and 8..15
        t[j] = _mm512_shuffle_i32x4(r[j], r[j + 4], 0x88);
        t[j + 4] = _mm512_shuffle_i32x4(r[j], r[j + 4], 0xdd);
        t[j + 8] = _mm512_shuffle_i32x4(r[j + 8], r[j + 12], 0x88);
        t[j + 12] = _mm512_shuffle_i32x4(r[j + 8], r[j + 12], 0xdd);
    }
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
        r[j] = _mm512_shuffle_i32x4(t[j], t[j + 8], 0x88);
        r[j + 4] = _mm512_shuffle_i32x4(t[j + 4], t[j + 12], 0x88);
        r[j + 8] = _mm512_shuffle_i32x4(t[j], t[j + 8], 0xdd);
        r[j + 12] = _mm512_shuffle_i32x4(t[j + 4], t[j + 12], 0xdd);
    }
}

/* Right operand x^T of 16 rows x (16 x 32): pairs along the row, a column a row of x. */
static inline void stoa_pack_across(uint16_t *tile, const uint16_t *x, int64_t pitch) {
    __m512i r[16];
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++)
        r[i] = _mm512_loadu_si512(x + i * pitch);
    stoa_transpose_words(r);
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++)
        _mm512_store_si512(tile + 32 * i, r[i]);
}

/* Rows 2p and 2p + 1 of x, 16 columns, as pairs. */
STOA_INLINE __m512i stoa_pair_rows(const uint16_t *x, int64_t pitch) {
    __m512i even = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)x));
    __m512i odd = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)(x + pitch)));
    return _mm512_or_si512(even, _mm512_slli_epi32(odd, 16));
}

/* Right operand x (32 rows x 16): pairs of rows. */
static inline void stoa_pack_down(uint16_t *tile, const uint16_t *x, int64_t pitch) {
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++)
        _mm512_store_si512(tile + 32 * i, stoa_pair_rows(x + 2 * i * pitch, pitch));
}

/* Left operand x^T (16 x 32) of x (32 rows x 16). */
static inline void stoa_pack_turned(uint16_t *tile, const uint16_t *x, int64_t pitch) {
    __m512i r[16];
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++)
        r[i] = stoa_pair_rows(x + 2 * i * pitch, pitch);
    stoa_transpose_words(r);
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++)
        _mm512_store_si512(tile + 32 * i, r[i]);
}

#endif
#endif /* STOA_TENSOR_CPU_AMX_PACK_H */
