/*
 * tensor/cpu/attention_halves.c - between columns of a bf16 tensor and bf16 or float32 rows.
 *
 * A head's columns are short pieces far apart, which the processor does not foresee: every loop
 * asks for the rows it will want next.
 */
#include "tensor/cpu/attention_amx.h"
#include "tensor/cpu/lanes.h"

#if STOA_HAVE_AMX

enum { AHEAD = 16, LINE = 32 }; // rows; elements of a cache line

STOA_INLINE const uint16_t *row_of(const stoa_attn_side *side, int width, int64_t b, int head,
                                   int64_t t) {
    return (const uint16_t *)side->data + (b * side->time + t) * side->stride +
           (int64_t)head * width;
}

STOA_INLINE const float *angles_of(const stoa_attn_side *side, int width, int64_t b, int64_t t) {
    const stoa_rope *r = &side->rope;
    return r->table + (r->positions ? r->positions[b * side->time + t] : b * r->step + t) * width;
}

STOA_INLINE void ask(const uint16_t *row, int width) {
    for (int i = 0; i < width; i += LINE)
        __builtin_prefetch(row + i);
}

/* Lanes of a vector that begins `at`, of rows `n` long. */
STOA_INLINE __mmask16 lanes16(int64_t at, int64_t n) {
    return n - at >= 16 ? (__mmask16)0xffff : (__mmask16)((1u << (n - at)) - 1u);
}

STOA_INLINE __mmask32 lanes32(int64_t at, int64_t n) {
    return n - at >= 32 ? ~(__mmask32)0 : ((__mmask32)1 << (n - at)) - 1u;
}

STOA_INLINE __m512 widen(__m256i halves) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

/* Pairs (x[i], x[i + half]) of a row, turned. */
STOA_INLINE void turn_row(uint16_t *to, const uint16_t *x, const float *angles, int64_t half) {
    for (int64_t i = 0; i < half; i += 16) {
        __mmask16 m = lanes16(i, half);
        __m512 a = widen(_mm256_maskz_loadu_epi16(m, x + i));
        __m512 b = widen(_mm256_maskz_loadu_epi16(m, x + half + i));
        __m512 c = _mm512_maskz_loadu_ps(m, angles + i);
        __m512 s = _mm512_maskz_loadu_ps(m, angles + half + i);
        __m512i both = stoa_halves(_mm512_fmsub_ps(a, c, _mm512_mul_ps(b, s)),
                                   _mm512_fmadd_ps(a, s, _mm512_mul_ps(b, c)));
        _mm256_mask_storeu_epi16(to + i, m, _mm512_castsi512_si256(both));
        _mm256_mask_storeu_epi16(to + half + i, m, _mm512_extracti64x4_epi64(both, 1));
    }
}

STOA_INLINE void copy_row(uint16_t *to, const uint16_t *x, int64_t width, int64_t pitch) {
    for (int64_t d = 0; d < pitch; d += 32)
        _mm512_store_si512(to + d, d < width ? _mm512_maskz_loadu_epi16(lanes32(d, width), x + d)
                                             : _mm512_setzero_si512());
}

STOA_INLINE void gather(const stoa_attn_side *side, int width, int64_t b, int head, int64_t from,
                        int64_t n, uint16_t *to, int64_t pitch) {
    const uint16_t *x = row_of(side, width, b, head, from);
    if (!side->rope.table) {
        for (int64_t t = 0; t < n; t++, x += side->stride, to += pitch) {
            ask(x + AHEAD * side->stride, width);
            copy_row(to, x, width, pitch);
        }
        return;
    }
    for (int64_t t = 0; t < n; t++, x += side->stride, to += pitch) {
        ask(x + AHEAD * side->stride, width);
        for (int64_t d = width / 32 * 32; d < pitch; d += 32)
            _mm512_store_si512(to + d, _mm512_setzero_si512());
        turn_row(to, x, angles_of(side, width, b, from + t), width / 2);
    }
}

/* The usual widths are compiled apart: no masks, no loops. */
void stoa_attn_gather_halves(const stoa_attn_side *side, int width, int64_t b, int head,
                             int64_t from, int64_t n, uint16_t *to, int64_t pitch, int64_t rows) {
    if (width == 32)
        gather(side, 32, b, head, from, n, to, 32);
    else if (width == 64)
        gather(side, 64, b, head, from, n, to, 64);
    else
        gather(side, width, b, head, from, n, to, pitch);
    for (int64_t i = n * pitch; i < rows * pitch; i += 32)
        _mm512_store_si512(to + i, _mm512_setzero_si512());
}

/* Writes, or adds to, 32 elements of a gradient. */
STOA_INLINE void put(uint16_t *to, __mmask32 m, __m512 low, __m512 high, bool add) {
    if (add) {
        __m512i held = _mm512_maskz_loadu_epi16(m, to);
        low = _mm512_add_ps(low, widen(_mm512_castsi512_si256(held)));
        high = _mm512_add_ps(high, widen(_mm512_extracti64x4_epi64(held, 1)));
    }
    _mm512_mask_storeu_epi16(to, m, stoa_halves(low, high));
}

STOA_INLINE void scatter_row(uint16_t *to, const float *x, int64_t width, __m512 scale, bool add) {
    for (int64_t d = 0; d < width; d += 32) {
        __m512 low = _mm512_mul_ps(scale, _mm512_load_ps(x + d));
        __m512 high = _mm512_mul_ps(scale, _mm512_load_ps(x + d + 16));
        put(to + d, lanes32(d, width), low, high, add);
    }
}

/* The way back of turn_row; halves of whole vectors. */
STOA_INLINE void scatter_turned(uint16_t *to, const float *x, const float *angles, int64_t half,
                                __m512 scale, bool add) {
    for (int64_t i = 0; i < half; i += 16) {
        __mmask16 m = lanes16(i, half);
        __m512 a = _mm512_mul_ps(scale, _mm512_maskz_loadu_ps(m, x + i));
        __m512 b = _mm512_mul_ps(scale, _mm512_maskz_loadu_ps(m, x + half + i));
        __m512 c = _mm512_maskz_loadu_ps(m, angles + i);
        __m512 s = _mm512_maskz_loadu_ps(m, angles + half + i);
        __m512 u = _mm512_fmadd_ps(a, c, _mm512_mul_ps(b, s));
        __m512 v = _mm512_fmsub_ps(b, c, _mm512_mul_ps(a, s));
        if (add) {
            u = _mm512_add_ps(u, widen(_mm256_maskz_loadu_epi16(m, to + i)));
            v = _mm512_add_ps(v, widen(_mm256_maskz_loadu_epi16(m, to + half + i)));
        }
        __m512i both = stoa_halves(u, v);
        _mm256_mask_storeu_epi16(to + i, m, _mm512_castsi512_si256(both));
        _mm256_mask_storeu_epi16(to + half + i, m, _mm512_extracti64x4_epi64(both, 1));
    }
}

STOA_INLINE void scatter(const stoa_attn_side *side, int width, int64_t b, int head, int64_t from,
                         int64_t n, const float *rows, int64_t pitch, __m512 scale, bool add) {
    uint16_t *to =
        (uint16_t *)side->data + (b * side->time + from) * side->stride + (int64_t)head * width;
    for (int64_t t = from; t < from + n; t++, to += side->stride, rows += pitch) {
        if (add)
            ask(to + AHEAD * side->stride, width);
        if (side->rope.table)
            scatter_turned(to, rows, angles_of(side, width, b, t), width / 2, scale, add);
        else
            scatter_row(to, rows, width, scale, add);
    }
}

void stoa_attn_scatter_halves(const stoa_attn_side *side, int width, int64_t b, int head,
                              int64_t from, int64_t n, const float *rows, int64_t pitch,
                              float scale) {
    __m512 factor = _mm512_set1_ps(scale);
    if (side->add)
        scatter(side, width, b, head, from, n, rows, pitch, factor, true);
    else if (width == 32)
        scatter(side, 32, b, head, from, n, rows, 32, factor, false);
    else if (width == 64)
        scatter(side, 64, b, head, from, n, rows, 64, factor, false);
    else
        scatter(side, width, b, head, from, n, rows, pitch, factor, false);
}

void stoa_attn_delta_halves(const stoa_attn *a, int64_t b, int head, int64_t from, int64_t n,
                            float *delta) {
    stoa_lanes sums[16] = {{0}};
    const uint16_t *x = row_of(&a->out, a->width, b, head, from);
    const uint16_t *y = row_of(&a->d_out, a->width, b, head, from);
    for (int64_t t = 0; t < n; t++, x += a->out.stride, y += a->d_out.stride) {
        __m512 sum = _mm512_setzero_ps();
        ask(x + AHEAD * a->out.stride, a->width);
        for (int64_t d = 0; d < a->width; d += 32) {
            __mmask32 m = lanes32(d, a->width);
            __m512i u = _mm512_maskz_loadu_epi16(m, x + d), v = _mm512_maskz_loadu_epi16(m, y + d);
            sum = _mm512_dpbf16_ps(sum, (__m512bh)u, (__m512bh)v);
        }
        sums[t] = (stoa_lanes)sum;
    }
    stoa_lanes_store(delta, stoa_lanes_sums(sums));
}

#endif
