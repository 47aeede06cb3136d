/*
 * tensor/cpu/amx_product.c - matrix products from packed operands.
 *
 * C is made in blocks of 32 x 32 over all inner elements at once. Loops: a range of columns whose
 * part of B stays in the second-level cache; all rows, 32 at a time, whose part of A stays in the
 * first; the columns' panels. Memory is slow beside this unit: that blocks are written and rows
 * fetched while others multiply (amx_block.h) is a third of the speed.
 *
 * Very long inner dimensions are cut: groups of rows keep float32 partial sums between the parts.
 */
#include "tensor/cpu/amx_block.h"

#include <assert.h>

#if STOA_HAVE_AMX

enum {
    SECOND_LEVEL = 5 << 18, /* bytes of B to keep at hand */
    LONGEST = 6144,         /* inner elements in one piece */
    PART = 512,             /* inner elements of a part of longer ones */
    GROUP = 256,            /* rows whose partial sums are kept */
};

/* A rectangle of C over the inner steps [s0, s1), of `steps` in all. */
typedef struct piece {
    int64_t m0, m1, n0, n1, s0, s1, steps;
    bool first, last;
    float *partial;   /* (rows / 32, columns / 32, 32, 32) when not first or not last */
    uint16_t *packed; /* room for a strip of A */
} piece;

/* The strip of rows m..m+31: in place where whole steps and whole tiles can be read. */
STOA_INLINE stoa_strip strip_of(const stoa_amx_product *p, const piece *r, int64_t m) {
    if (p->tiles)
        return stoa_strip_packed(p->tiles + (m / 32 * r->steps + r->s0) * STOA_AMX_BLOCK);
    if (p->k % STOA_AMX_STEP == 0 && p->m - m >= 32) {
        const uint16_t *at = p->a + m * p->a_stride + r->s0 * STOA_AMX_STEP;
        return (stoa_strip){at, at + 16 * p->a_stride, p->a_stride * 2, STOA_AMX_STEP};
    }
    stoa_amx_matrix rows = {p->a, STOA_BF16, p->a_stride, p->m, p->k};
    for (int64_t s = r->s0; s < r->s1; s++)
        stoa_amx_tiles_inner(&rows, m / 32, s, r->packed + (s - r->s0) * STOA_AMX_BLOCK);
    return stoa_strip_packed(r->packed);
}

/* The rows of A after these, fetched while these are multiplied. */
STOA_INLINE stoa_fetch rows_after(const stoa_amx_product *p, const piece *r, int64_t m) {
    if (!p->a || m + 64 > r->m1)
        return (stoa_fetch){0};
    const uint16_t *at = p->a + (m + 32) * p->a_stride + r->s0 * STOA_AMX_STEP;
    int64_t steps = r->s1 - r->s0, blocks = stoa_ceil_div(r->n1 - r->n0, 32);
    return stoa_fetch_plan(at, 32, steps * 64, p->a_stride * 2, blocks * steps);
}

/* This strip's share of what the product was told to fetch. */
STOA_INLINE stoa_fetch share_of_soon(const stoa_amx_product *p, const piece *r, int64_t m) {
    int64_t strips = stoa_ceil_div(r->m1 - r->m0, 32), i = (m - r->m0) / 32;
    int64_t rows = p->soon.rows, first = rows * i / strips, end = rows * (i + 1) / strips;
    return stoa_fetch_plan((const char *)p->soon.from + first * p->soon.stride, end - first,
                           p->soon.bytes, p->soon.stride,
                           stoa_ceil_div(r->n1 - r->n0, 32) * (r->s1 - r->s0));
}

STOA_INLINE float *partial_at(const piece *r, int64_t m, int64_t n) {
    int64_t across = stoa_ceil_div(r->n1 - r->n0, 32);
    return r->partial + ((m - r->m0) / 32 * across + (n - r->n0) / 32) * STOA_AMX_BLOCK;
}

STOA_INLINE void multiply_piece(const stoa_amx_product *p, const piece *r, stoa_output kind) {
    _Alignas(64) float results[2][STOA_AMX_BLOCK];
    int64_t size = (int64_t)stoa_dtype_size(p->c_dtype), steps = r->s1 - r->s0;
    stoa_chores w = {.scale = p->scale};
    int turn = 0;
    for (int64_t m = r->m0; m < r->m1; m += 32) {
        stoa_strip a = strip_of(p, r, m);
        bool tall = r->m1 - m > 16;
        w.far = p->soon.rows ? share_of_soon(p, r, m) : rows_after(p, r, m);
        stoa_amx_barrier();
        for (int64_t n = r->n0; n < r->n1; n += 32) {
            const uint16_t *b = p->panels + (n / 32 * r->steps + r->s0) * STOA_AMX_BLOCK;
            if (r->first)
                stoa_clear_tiles();
            else
                stoa_load_tiles(partial_at(r, m, n));
            if (tall)
                stoa_accumulate(a, b, steps, true, &w, kind);
            else
                stoa_accumulate(a, b, steps, false, &w, kind);
            stoa_write_out(&w, kind);
            if (!r->last) {
                stoa_store_tiles(partial_at(r, m, n));
                continue;
            }
            stoa_store_tiles(results[turn]);
            stoa_hand_over(&w, results[turn], (char *)p->c + (m * p->c_stride + n) * size,
                           p->c_stride * size, r->m1 - m, r->n1 - n, steps);
            w.bias = kind.biased ? p->bias + n : NULL;
            turn = !turn;
        }
    }
    stoa_write_out(&w, kind);
}

/* ---- one function a kind of output ----------------------------------------------------------- */

typedef void (*piece_fn)(const stoa_amx_product *p, const piece *r);

#define PIECE_FN(name, ...)                                                                        \
    static void name(const stoa_amx_product *p, const piece *r) {                                  \
        multiply_piece(p, r, (stoa_output){__VA_ARGS__});                                          \
    }
PIECE_FN(put_f32, .bf16 = false)
PIECE_FN(put_bf16, .bf16 = true)
PIECE_FN(put_f32_biased, .biased = true)
PIECE_FN(put_bf16_biased, .biased = true, .bf16 = true)
PIECE_FN(add_f32, .add = true)
PIECE_FN(add_bf16, .add = true, .bf16 = true)
PIECE_FN(put_f32_scaled, .scaled = true)
PIECE_FN(put_bf16_scaled, .scaled = true, .bf16 = true)
PIECE_FN(add_f32_scaled, .scaled = true, .add = true)
PIECE_FN(add_bf16_scaled, .scaled = true, .add = true, .bf16 = true)

/* [add][bf16] */
static const piece_fn plain[2][2] = {{put_f32, put_bf16}, {add_f32, add_bf16}};
static const piece_fn scaled[2][2] = {{put_f32_scaled, put_bf16_scaled},
                                      {add_f32_scaled, add_bf16_scaled}};
static const piece_fn biased[2] = {put_f32_biased, put_bf16_biased};

static piece_fn choose(const stoa_amx_product *p) {
    bool bf16 = p->c_dtype == STOA_BF16;
    if (p->bias)
        return biased[bf16];
    return (p->scale != 1.0f ? scaled : plain)[p->add][bf16];
}

/* ---- the loops ------------------------------------------------------------------------------- */

size_t stoa_amx_multiply_scratch(const stoa_amx_product *p) {
    if (p->k <= LONGEST)
        return stoa_amx_packed(32, p->k) * sizeof(uint16_t);
    return stoa_amx_packed(32, PART) * sizeof(uint16_t) +
           stoa_amx_packed(GROUP, p->n) * sizeof(float);
}

static void multiply_long(const stoa_amx_product *p, piece r, int64_t m1, piece_fn run) {
    int64_t part = PART / STOA_AMX_STEP;
    for (; r.m0 < m1; r.m0 += GROUP) {
        r.m1 = stoa_least(r.m0 + GROUP, m1);
        for (r.s0 = 0; r.s0 < r.steps; r.s0 += part) {
            r.s1 = stoa_least(r.s0 + part, r.steps);
            r.first = r.s0 == 0;
            r.last = r.s1 == r.steps;
            run(p, &r);
        }
    }
}

static void multiply_short(const stoa_amx_product *p, piece r, int64_t n1, piece_fn run) {
    r.s1 = r.steps;
    r.first = r.last = true;
    // equal ranges
    int64_t panels = stoa_ceil_div(n1 - r.n0, 32);
    int64_t ranges = stoa_ceil_div(panels * r.steps * STOA_AMX_BLOCK * 2, SECOND_LEVEL);
    int64_t width = stoa_ceil_div(panels, ranges) * 32;
    for (; r.n0 < n1; r.n0 += width) {
        r.n1 = stoa_least(r.n0 + width, n1);
        run(p, &r);
    }
}

void stoa_amx_multiply(const stoa_amx_product *p, int64_t m0, int64_t m1, int64_t n0, int64_t n1,
                       void *scratch) {
    assert(m0 % 32 == 0 && n0 % 32 == 0 && p->k > 0);
    assert(p->c_dtype == STOA_F32 || p->c_dtype == STOA_BF16);
    assert(!p->bias || (!p->add && p->scale == 1.0f));
    if (m0 >= m1 || n0 >= n1)
        return;
    piece_fn run = choose(p);
    piece r = {.m0 = m0, .m1 = m1, .n0 = n0, .n1 = n1, .packed = scratch};
    r.steps = stoa_ceil_div(p->k, STOA_AMX_STEP);
    stoa_amx_enter();
    if (p->k > LONGEST) {
        r.partial = (float *)(r.packed + stoa_amx_packed(32, PART));
        multiply_long(p, r, m1, run);
    } else {
        multiply_short(p, r, n1, run);
    }
    stoa_amx_leave();
}

#endif /* STOA_HAVE_AMX */
