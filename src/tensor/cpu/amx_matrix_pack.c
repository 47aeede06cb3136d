/*
 * tensor/cpu/amx_matrix_pack.c - rearranging matrices into what tiles read (layouts: amx_matrix.h).
 *
 * Every routine works on a full 32 x 32 block of bf16. A block at an edge, or of float32, is first
 * copied to the stack, converted and padded with zeros.
 */
#include "tensor/cpu/amx_matrix.h"

#if STOA_HAVE_AMX

typedef struct block {
    const uint16_t *at;
    int64_t stride;
} block;

typedef struct pad {
    _Alignas(64) uint16_t at[32 * 32];
} pad;

/* Rows row..row+31 and columns col..col+31 of the matrix. */
STOA_INLINE block take(const stoa_amx_matrix *m, int64_t row, int64_t col, pad *copy) {
    int64_t rows = m->rows - row, cols = m->cols - col;
    if (rows >= 32 && cols >= 32 && m->dtype == STOA_BF16)
        return (block){(const uint16_t *)m->data + row * m->stride + col, m->stride};
    rows = rows < 32 ? rows : 32;
    cols = cols < 32 ? cols : 32;
    __mmask32 lanes = cols == 32 ? 0xffffffffu : (__mmask32)((1u << cols) - 1u);
    for (int64_t i = 0; i < rows; i++) {
        int64_t from = (row + i) * m->stride + col;
        __m512i v;
        if (m->dtype == STOA_BF16) {
            v = _mm512_maskz_loadu_epi16(lanes, (const uint16_t *)m->data + from);
        } else {
            const float *f = (const float *)m->data + from;
            __m512 low = _mm512_maskz_loadu_ps((__mmask16)lanes, f);
            __m512 high = _mm512_maskz_loadu_ps((__mmask16)(lanes >> 16), f + 16);
            __m512bh h = _mm512_cvtne2ps_pbh(high, low);
            memcpy(&v, &h, sizeof v);
        }
        _mm512_store_si512(copy->at + i * 32, v);
    }
    for (int64_t i = rows; i < 32; i++)
        _mm512_store_si512(copy->at + i * 32, _mm512_setzero_si512());
    return (block){copy->at, 32};
}

void stoa_amx_tiles_inner(const stoa_amx_matrix *m, int64_t p, int64_t s, uint16_t *to) {
    pad copy;
    block b = take(m, p * 32, s * 32, &copy);
    for (int i = 0; i < 32; i++)
        _mm512_storeu_si512(to + i * 32, _mm512_loadu_si512(b.at + i * b.stride));
}

/* ---- 16 x 16 numbers ------------------------------------------------------------------------- */

void stoa_amx_transpose(const void *from, int64_t row_bytes, void *to) {
    __m512i r[16], t[16];
    for (int i = 0; i < 16; i++)
        r[i] = _mm512_loadu_si512((const char *)from + i * row_bytes);
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    // r[4g + c]: in lane l, column 4l + c of rows 4g..4g+3
    for (int g = 0; g < 16; g += 4) {
        r[g] = _mm512_unpacklo_epi64(t[g], t[g + 2]);
        r[g + 1] = _mm512_unpackhi_epi64(t[g], t[g + 2]);
        r[g + 2] = _mm512_unpacklo_epi64(t[g + 1], t[g + 3]);
        r[g + 3] = _mm512_unpackhi_epi64(t[g + 1], t[g + 3]);
    }
    char *out = to;
    for (int c = 0; c < 4; c++) {
        __m512i a = _mm512_shuffle_i32x4(r[c], r[4 + c], 0x88); // columns c, 8 + c
        __m512i b = _mm512_shuffle_i32x4(r[c], r[4 + c], 0xdd); // columns 4 + c, 12 + c
        __m512i d = _mm512_shuffle_i32x4(r[8 + c], r[12 + c], 0x88);
        __m512i e = _mm512_shuffle_i32x4(r[8 + c], r[12 + c], 0xdd);
        _mm512_storeu_si512(out + 64 * c, _mm512_shuffle_i32x4(a, d, 0x88));
        _mm512_storeu_si512(out + 64 * (8 + c), _mm512_shuffle_i32x4(a, d, 0xdd));
        _mm512_storeu_si512(out + 64 * (4 + c), _mm512_shuffle_i32x4(b, e, 0x88));
        _mm512_storeu_si512(out + 64 * (12 + c), _mm512_shuffle_i32x4(b, e, 0xdd));
    }
}

void stoa_amx_panels_inner(const stoa_amx_matrix *m, int64_t p, int64_t s, uint16_t *to) {
    pad copy;
    block b = take(m, p * 32, s * 32, &copy);
    stoa_amx_transpose(b.at, b.stride * 2, to);
    stoa_amx_transpose(b.at + 16 * b.stride, b.stride * 2, to + 512);
}

/* ---- interleaving rows ----------------------------------------------------------------------- */

STOA_INLINE void interleave(const stoa_amx_matrix *m, int64_t p, int64_t s, uint16_t *to,
                            bool past) {
    const __m512i order = _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7);
    pad copy;
    block b = take(m, s * 32, p * 32, &copy);
    for (int i = 0; i < 16; i++) {
        const uint16_t *row = b.at + 2 * i * b.stride;
        __m512i even = _mm512_permutexvar_epi64(order, _mm512_loadu_si512(row));
        __m512i odd = _mm512_permutexvar_epi64(order, _mm512_loadu_si512(row + b.stride));
        __m512i low = _mm512_unpacklo_epi16(even, odd), high = _mm512_unpackhi_epi16(even, odd);
        if (past) {
            _mm512_stream_si512((void *)(to + 32 * i), low);
            _mm512_stream_si512((void *)(to + 512 + 32 * i), high);
        } else {
            _mm512_storeu_si512(to + 32 * i, low);
            _mm512_storeu_si512(to + 512 + 32 * i, high);
        }
    }
}

void stoa_amx_panels_outer(const stoa_amx_matrix *m, int64_t p, int64_t s, uint16_t *to) {
    interleave(m, p, s, to, false);
}

void stoa_amx_panels_outer_past(const stoa_amx_matrix *m, int64_t p, int64_t s, uint16_t *to) {
    interleave(m, p, s, to, true);
}

/* v's pairs times (1, 1), added to lanes. */
STOA_INLINE __m512 add_pairs(__m512 lanes, __m512i v) {
    const __m512i ones = _mm512_set1_epi16(0x3f80);
    return _mm512_dpbf16_ps(lanes, (__m512bh)v, (__m512bh)ones);
}

STOA_INLINE void mix(const stoa_amx_matrix *m, int64_t p, int64_t s, uint16_t *to,
                     stoa_amx_spread *spread) {
    pad copy;
    block b = take(m, s * 32, p * 32, &copy);
    __m512 low_sum = _mm512_setzero_ps(), high_sum = _mm512_setzero_ps();
    for (int i = 0; i < 16; i++) {
        const uint16_t *row = b.at + 2 * i * b.stride;
        __m512i even = _mm512_loadu_si512(row);
        __m512i odd = _mm512_loadu_si512(row + b.stride);
        __m512i low = _mm512_unpacklo_epi16(even, odd), high = _mm512_unpackhi_epi16(even, odd);
        if (spread) {
            low_sum = add_pairs(low_sum, low);
            high_sum = add_pairs(high_sum, high);
        }
        _mm512_storeu_si512(to + 32 * i, low);
        _mm512_storeu_si512(to + 512 + 32 * i, high);
    }
    if (spread) {
        float *lanes = spread->lanes[0];
        _mm512_storeu_ps(lanes, _mm512_add_ps(_mm512_loadu_ps(lanes), low_sum));
        _mm512_storeu_ps(lanes + 16, _mm512_add_ps(_mm512_loadu_ps(lanes + 16), high_sum));
    }
}

void stoa_amx_panels_mixed(const stoa_amx_matrix *m, int64_t p, int64_t s, uint16_t *to) {
    mix(m, p, s, to, NULL);
}

void stoa_amx_panels_mixed_sum(const stoa_amx_matrix *m, int64_t p, int64_t s, uint16_t *to,
                               stoa_amx_spread *spread) {
    mix(m, p, s, to, spread);
}

void stoa_amx_sums_panels(const stoa_amx_spread *spread, float sums[32]) {
    __m512 low = _mm512_loadu_ps(spread->lanes[0]), high = _mm512_loadu_ps(spread->lanes[1]);
    stoa_amx_unmix(&low, &high);
    _mm512_storeu_ps(sums, low);
    _mm512_storeu_ps(sums + 16, high);
}

/* ---- 32 x 8 to 8 x 32 ------------------------------------------------------------------------ */

/* Rows j, 8 + j, 16 + j and 24 + j of 8 columns, one in each lane: the inserts come from memory and
 * so leave the shuffle unit to the transposition. */
STOA_INLINE __m512i gather_rows(const uint16_t *from, int64_t stride) {
    __m512i v = _mm512_castsi128_si512(_mm_loadu_si128((const __m128i *)from));
    v = _mm512_inserti32x4(v, _mm_loadu_si128((const __m128i *)(from + 8 * stride)), 1);
    v = _mm512_inserti32x4(v, _mm_loadu_si128((const __m128i *)(from + 16 * stride)), 2);
    return _mm512_inserti32x4(v, _mm_loadu_si128((const __m128i *)(from + 24 * stride)), 3);
}

STOA_INLINE void transpose_columns(const uint16_t *from, int64_t stride, uint16_t *to,
                                   float *lanes) {
    __m512i pair_low[4], pair_high[4];
    for (int j = 0; j < 4; j++) {
        __m512i even = gather_rows(from + 2 * j * stride, stride);
        __m512i odd = gather_rows(from + (2 * j + 1) * stride, stride);
        pair_low[j] = _mm512_unpacklo_epi16(even, odd);
        pair_high[j] = _mm512_unpackhi_epi16(even, odd);
    }
    if (lanes) {
        __m512 low = _mm512_loadu_ps(lanes), high = _mm512_loadu_ps(lanes + 16);
        for (int j = 0; j < 4; j++) {
            low = add_pairs(low, pair_low[j]);
            high = add_pairs(high, pair_high[j]);
        }
        _mm512_storeu_ps(lanes, low);
        _mm512_storeu_ps(lanes + 16, high);
    }
    for (int half = 0; half < 2; half++) {
        const __m512i *q = half ? pair_high : pair_low;
        uint16_t *out = to + half * 4 * 32;
        __m512i a = _mm512_unpacklo_epi32(q[0], q[1]), b = _mm512_unpackhi_epi32(q[0], q[1]);
        __m512i c = _mm512_unpacklo_epi32(q[2], q[3]), d = _mm512_unpackhi_epi32(q[2], q[3]);
        _mm512_storeu_si512(out, _mm512_unpacklo_epi64(a, c));
        _mm512_storeu_si512(out + 32, _mm512_unpackhi_epi64(a, c));
        _mm512_storeu_si512(out + 64, _mm512_unpacklo_epi64(b, d));
        _mm512_storeu_si512(out + 96, _mm512_unpackhi_epi64(b, d));
    }
}

void stoa_amx_tiles_outer(const stoa_amx_matrix *m, int64_t p, int64_t s, uint16_t *to) {
    pad copy;
    block b = take(m, s * 32, p * 32, &copy);
    for (int g = 0; g < 4; g++)
        transpose_columns(b.at + 8 * g, b.stride, to + 8 * g * 32, NULL);
}

void stoa_amx_tiles_outer_sum(const stoa_amx_matrix *m, int64_t p, int64_t s, uint16_t *to,
                              stoa_amx_spread *spread) {
    pad copy;
    block b = take(m, s * 32, p * 32, &copy);
    for (int g = 0; g < 4; g++)
        transpose_columns(b.at + 8 * g, b.stride, to + 8 * g * 32, spread->lanes[2 * g]);
}

void stoa_amx_sums_tiles(const stoa_amx_spread *spread, float sums[32]) {
    for (int i = 0; i < 32; i++) {
        const float *lane = spread->lanes[i / 4] + i % 4;
        sums[i] = (lane[0] + lane[4]) + (lane[8] + lane[12]);
    }
}

#endif /* STOA_HAVE_AMX */
