/* tensor/cpu/attention_amx.h - what the forward and backward halves of the amx engine share. */
#ifndef STOA_TENSOR_CPU_ATTENTION_AMX_H
#define STOA_TENSOR_CPU_ATTENTION_AMX_H

#include "tensor/cpu/amx_pack.h"
#include "tensor/cpu/amx_sum.h"
#include "tensor/cpu/attention.h"

#if STOA_HAVE_AMX

enum { STOA_ATTN_BLOCK = 32 }; /* queries or keys of a block: two tiles */

/* attention_halves.c: like those of attention_rows.c, in bf16. gather fills with zeros to `pitch`
 * columns (a multiple of 32) and `rows` rows. */
void stoa_attn_gather_halves(const stoa_attn_side *side, int width, int64_t b, int head,
                             int64_t from, int64_t n, uint16_t *to, int64_t pitch, int64_t rows);
/* rows: float32, `pitch` apart; multiplied by scale. */
void stoa_attn_scatter_halves(const stoa_attn_side *side, int width, int64_t b, int head,
                              int64_t from, int64_t n, const float *rows, int64_t pitch,
                              float scale);
/* delta[i] for n <= 16 queries from `from` on. */
void stoa_attn_delta_halves(const stoa_attn *a, int64_t b, int head, int64_t from, int64_t n,
                            float *delta);

size_t stoa_attn_amx_backward_bytes(const stoa_attn *a);
void stoa_attn_amx_backward(const stoa_attn *a, stoa_attn_task task, char *scratch);

STOA_INLINE int64_t stoa_blocks(int64_t n) {
    return (n + STOA_ATTN_BLOCK - 1) / STOA_ATTN_BLOCK;
}

/* 2^x to 8e-5, a twentieth of what rounding to bf16 costs; 0 for -inf, NaN for NaN. */
STOA_INLINE __m512 stoa_exp2_rough(__m512 x) {
    __m512 f = _mm512_reduce_ps(x, 0x09); // x - floor(x)
    __m512 p = _mm512_set1_ps(0.07802452f);
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.22606716f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.69583356f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.9999252f));
    return _mm512_scalef_ps(p, x); // times 2^floor(x)
}

/* Two vectors of 16 as 32 bf16. */
STOA_INLINE __m512i stoa_halves(__m512 low, __m512 high) {
    __m512bh h = _mm512_cvtne2ps_pbh(high, low);
    __m512i words;
    memcpy(&words, &h, sizeof words);
    return words;
}

/* Carves aligned arrays out of a thread's scratch; with base NULL it only counts. */
typedef struct stoa_carver {
    char *base;
    size_t used;
} stoa_carver;

STOA_INLINE void *stoa_carve(stoa_carver *c, int64_t bytes) {
    void *p = c->base ? c->base + c->used : NULL;
    c->used += ((size_t)bytes + 63) / 64 * 64;
    return p;
}

#endif
#endif /* STOA_TENSOR_CPU_ATTENTION_AMX_H */
