/*
 * tensor/cpu/amx_block.h - one 32 x 32 block of a matrix product, in four accumulator tiles.
 *
 * While a block multiplies, the vector units convert and write the block before it and prefetch
 * what comes next: the chores. Everything is inlined into the loops of amx_product.c and
 * amx_gradient.c, with the kind of output known to the compiler.
 */
#ifndef STOA_TENSOR_CPU_AMX_BLOCK_H
#define STOA_TENSOR_CPU_AMX_BLOCK_H

#include "tensor/cpu/amx_matrix.h"

#if STOA_HAVE_AMX

STOA_INLINE int64_t stoa_least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

STOA_INLINE int64_t stoa_ceil_div(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

/* The first n of 32 columns. */
STOA_INLINE uint32_t stoa_column_mask(int64_t n) {
    return n >= 32 ? 0xffffffffu : (1u << n) - 1u;
}

/* ---- prefetching ----------------------------------------------------------------------------- */

/* A rectangle of memory that will soon be needed, some cache lines a step. */
typedef struct stoa_fetch {
    const char *at, *row_end;
    int64_t row_bytes, stride; /* to the next row, bytes */
    int64_t rows;              /* left, with this one */
    int lines;                 /* a step */
} stoa_fetch;

/* rows x row_bytes from `from` on, to be fetched within `steps` steps. */
STOA_INLINE stoa_fetch stoa_fetch_plan(const void *from, int64_t rows, int64_t row_bytes,
                                       int64_t stride, int64_t steps) {
    if (row_bytes == stride) {
        row_bytes *= rows;
        rows = rows > 0;
    }
    int64_t lines = rows * stoa_ceil_div(row_bytes, 64);
    const char *at = from;
    return (stoa_fetch){at,     at + row_bytes, row_bytes,
                        stride, rows,           lines > 0 ? (int)stoa_ceil_div(lines, steps) : 0};
}

/* near: into the first-level cache, else the second. */
STOA_INLINE void stoa_fetch_step(stoa_fetch *f, bool near) {
    if (f->lines == 0)
        return;
    const char *at = f->at, *stop = at + 64 * f->lines;
    stop = stop < f->row_end ? stop : f->row_end;
    for (; at < stop; at += 64) {
        if (near)
            _mm_prefetch(at, _MM_HINT_T0);
        else
            _mm_prefetch(at, _MM_HINT_T1);
    }
    f->at = at;
    if (at < f->row_end)
        return;
    f->row_end += f->stride;
    f->at = f->row_end - f->row_bytes;
    if (--f->rows == 0)
        f->lines = 0;
}

/* ---- writing --------------------------------------------------------------------------------- */

typedef struct stoa_output {
    bool bf16, add, scaled, biased;
    bool mixed; /* columns in the order of stoa_amx_panels_mixed */
    bool past;  /* past the caches: f32, whole lines */
} stoa_output;

/* A finished block that waits to be written, and memory soon needed. */
typedef struct stoa_chores {
    const float *from; /* 32 rows of 32 */
    char *to;
    int64_t to_bytes; /* from row to row */
    int row, rows, rows_a_step;
    uint32_t columns; /* mask */
    float scale;
    const float *bias; /* of the 32 columns */
    stoa_fetch far, near;
} stoa_chores;

/* Of a bf16 row, as floats. */
STOA_INLINE void stoa_widen(__m512i row, __m512 *low, __m512 *high) {
    __m512i first = _mm512_cvtepu16_epi32(_mm512_castsi512_si256(row));
    __m512i second = _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(row, 1));
    *low = _mm512_castsi512_ps(_mm512_slli_epi32(first, 16));
    *high = _mm512_castsi512_ps(_mm512_slli_epi32(second, 16));
}

STOA_INLINE void stoa_write_bf16(char *to, __m512 low, __m512 high, uint32_t columns, bool add) {
    if (add) {
        __m512 old_low, old_high;
        stoa_widen(_mm512_maskz_loadu_epi16(columns, to), &old_low, &old_high);
        low = _mm512_add_ps(low, old_low);
        high = _mm512_add_ps(high, old_high);
    }
    __m512bh h = _mm512_cvtne2ps_pbh(high, low);
    __m512i bits;
    memcpy(&bits, &h, sizeof bits);
    if (columns == 0xffffffffu)
        _mm512_storeu_si512(to, bits);
    else
        _mm512_mask_storeu_epi16(to, columns, bits);
}

STOA_INLINE void stoa_write_f32(char *to, __m512 low, __m512 high, uint32_t columns, bool add) {
    __mmask16 first = (__mmask16)columns, second = (__mmask16)(columns >> 16);
    if (add) {
        low = _mm512_add_ps(low, _mm512_maskz_loadu_ps(first, to));
        high = _mm512_add_ps(high, _mm512_maskz_loadu_ps(second, to + 64));
    }
    _mm512_mask_storeu_ps(to, first, low);
    _mm512_mask_storeu_ps(to + 64, second, high);
}

/* Rows up to `end` of the waiting block. */
STOA_INLINE void stoa_write_rows(stoa_chores *w, stoa_output kind, int end) {
    const float *from = w->from + 32 * w->row, *stop = w->from + 32 * end;
    int64_t to_bytes = w->to_bytes;
    char *to = w->to + w->row * to_bytes;
    uint32_t columns = w->columns;
    __m512 scale = _mm512_set1_ps(w->scale), bias_low = scale, bias_high = scale;
    if (kind.biased) {
        bias_low = _mm512_loadu_ps(w->bias);
        bias_high = _mm512_loadu_ps(w->bias + 16);
    }
    for (; from < stop; from += 32, to += to_bytes) {
        __m512 low = _mm512_load_ps(from), high = _mm512_load_ps(from + 16);
        if (kind.mixed)
            stoa_amx_unmix(&low, &high);
        if (kind.scaled) {
            low = _mm512_mul_ps(low, scale);
            high = _mm512_mul_ps(high, scale);
        }
        if (kind.biased) {
            low = _mm512_add_ps(low, bias_low);
            high = _mm512_add_ps(high, bias_high);
        }
        if (kind.bf16) {
            stoa_write_bf16(to, low, high, columns, kind.add);
        } else if (kind.past) {
            _mm512_stream_ps((float *)to, low);
            _mm512_stream_ps((float *)to + 16, high);
        } else {
            stoa_write_f32(to, low, high, columns, kind.add);
        }
    }
    w->row = end;
}

/* The rest of the waiting block. */
STOA_INLINE void stoa_write_out(stoa_chores *w, stoa_output kind) {
    if (w->row < w->rows)
        stoa_write_rows(w, kind, w->rows);
}

STOA_INLINE void stoa_do_chores(stoa_chores *w, stoa_output kind) {
    int end = w->row + w->rows_a_step;
    end = end < w->rows ? end : w->rows;
    if (w->row < end)
        stoa_write_rows(w, kind, end);
    stoa_fetch_step(&w->far, false);
    stoa_fetch_step(&w->near, true);
}

/* Hands a block over: rows x columns of it, to be written within `steps` steps. */
STOA_INLINE void stoa_hand_over(stoa_chores *w, const float *from, void *to, int64_t to_bytes,
                                int64_t rows, int64_t columns, int64_t steps) {
    w->from = from;
    w->to = to;
    w->to_bytes = to_bytes;
    w->row = 0;
    w->rows = (int)stoa_least(rows, 32);
    w->rows_a_step = (int)stoa_ceil_div(w->rows, steps);
    w->columns = stoa_column_mask(columns);
}

/* ---- multiplying ----------------------------------------------------------------------------- */

/* 32 rows of A for some steps: two tiles a step. */
typedef struct stoa_strip {
    const uint16_t *first, *second; /* rows 0-15, rows 16-31 */
    int64_t row_bytes;
    int64_t step; /* elements to the next 32 inner elements */
} stoa_strip;

/* Packed tiles. */
STOA_INLINE stoa_strip stoa_strip_packed(const uint16_t *at) {
    return (stoa_strip){at, at + 512, 64, STOA_AMX_BLOCK};
}

/* Adds the product of the strip and a panel to tiles 0-3. Not tall: rows 0-15 only. */
STOA_INLINE void stoa_accumulate(stoa_strip a, const uint16_t *b, int64_t steps, bool tall,
                                 stoa_chores *w, stoa_output kind) {
    for (int64_t s = 0; s < steps; s++) {
        _tile_loadd(4, a.first, a.row_bytes);
        _tile_loadd(6, b, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(7, b + 512, 64);
        _tile_dpbf16ps(1, 4, 7);
        if (tall)
            _tile_loadd(5, a.second, a.row_bytes);
        stoa_do_chores(w, kind);
        if (tall) {
            _tile_dpbf16ps(2, 5, 6);
            _tile_dpbf16ps(3, 5, 7);
        }
        a.first += a.step;
        a.second += a.step;
        b += STOA_AMX_BLOCK;
    }
}

/* What stoa_store_tiles stored. */
STOA_INLINE void stoa_load_tiles(const float *from) {
    _tile_loadd(0, from, 128);
    _tile_loadd(1, from + 16, 128);
    _tile_loadd(2, from + 512, 128);
    _tile_loadd(3, from + 528, 128);
}

STOA_INLINE void stoa_store_tiles(float *to) {
    _tile_stored(0, to, 128);
    _tile_stored(1, to + 16, 128);
    _tile_stored(2, to + 512, 128);
    _tile_stored(3, to + 528, 128);
}

STOA_INLINE void stoa_clear_tiles(void) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
}

#endif /* STOA_HAVE_AMX */

#endif /* STOA_TENSOR_CPU_AMX_BLOCK_H */
