/*
 * tensor/cpu/amx_gradient.c - the gradient of a weight matrix: dW = dY^T X, summed over rows.
 *
 * Both operands have the inner dimension as rows, so both must be rearranged: B's rows are
 * interleaved, A's are transposed, which costs three times as much. The plan transposes dY (making
 * dW) or X (making dW^T, transposed back when written), whichever is cheaper for the shape.
 *
 * A thread owns a range of the product's rows or columns and walks over rectangles of it whose sums
 * stay in the second-level cache; over the inner dimension in cuts whose packed operands stay there
 * too; and multiplies 32 x 32 blocks. Sums are kept between cuts as tiles lie in memory. The sums
 * of dY's columns (db) fall out of the packing.
 *
 * A gradient is next read when all of them are there, so it is written past the caches: no line is
 * fetched only to be overwritten, which takes as long as the product of a few rows.
 */
#include "tensor/cpu/amx_block.h"

#if STOA_HAVE_AMX

enum {
    KEPT = 300 << 10,   /* sums kept at a time, floats */
    PACKED = 640 << 10, /* bytes of packed operands */
    A_CUT = 400,        /* rows at a time where there are more columns than fit */
    LONGEST_CUT = 256,  /* inner elements: more would not stay in the first-level cache */
    SMALL = 256 << 10,  /* elements of a gradient that stays in the second-level cache */
};

static int64_t round_up(int64_t n) {
    return stoa_ceil_div(n, 32) * 32;
}

/* ---- the plan -------------------------------------------------------------------------------- */

/* Equal pieces of n, none longer than most. */
static int64_t piece(int64_t n, int64_t most) {
    return round_up(stoa_ceil_div(round_up(n), stoa_ceil_div(round_up(n), most)));
}

/* Of a rectangle of a x b: rows and columns kept at a time. */
static void cut_rectangle(int64_t a, int64_t b, stoa_amx_gradient_plan *plan) {
    plan->a_cut = piece(a, A_CUT);
    plan->b_cut = piece(b, KEPT / plan->a_cut / 32 * 32);
    plan->a_cut = piece(a, KEPT / plan->b_cut / 32 * 32);
}

/* Of one choice, in units of the product's own time: transposing and interleaving a 32 x 16 block
 * take 48 and 16 cycles, multiplying it with 16 columns 16. */
static double cost(const stoa_amx_gradient *g, int threads, stoa_amx_gradient_plan *plan) {
    int64_t a = plan->swapped ? g->k : g->n, b = plan->swapped ? g->n : g->k;
    int64_t blocks = stoa_ceil_div(plan->split_a ? a : b, 32);
    int64_t share = stoa_ceil_div(blocks, threads) * 32;
    int64_t mine_a = plan->split_a ? share : a, mine_b = plan->split_a ? b : share;
    plan->items = blocks;
    cut_rectangle(mine_a, mine_b, plan);
    double packing = 48.0 / (double)plan->b_cut + 16.0 / (double)plan->a_cut;
    double writing = plan->swapped ? 200.0 / (double)g->m : 0;
    return (1 + packing + writing) * (double)(round_up(mine_a) * round_up(mine_b));
}

stoa_amx_gradient_plan stoa_amx_gradient_planned(const stoa_amx_gradient *g, int threads) {
    stoa_amx_gradient_plan best = {0};
    double lowest = 0;
    for (int i = 0; i < 4; i++) {
        stoa_amx_gradient_plan plan = {.swapped = i & 1, .split_a = i < 2};
        double c = cost(g, threads, &plan);
        if (i == 0 || c < lowest) {
            lowest = c;
            best = plan;
        }
    }
    int64_t rows = round_up(g->m), width = best.a_cut + best.b_cut;
    int64_t fits = PACKED / 2 / width / 32 * 32;
    fits = fits < 128 ? 128 : fits;
    if (rows > fits) {
        fits = stoa_least(fits, LONGEST_CUT);
        rows = round_up(stoa_ceil_div(rows, stoa_ceil_div(rows, fits)));
    }
    best.m_cut = rows;
    best.scratch = (size_t)(width * rows) * sizeof(uint16_t) +
                   (size_t)(best.a_cut * best.b_cut) * sizeof(float) +
                   (size_t)(width / 32) * sizeof(stoa_amx_spread);
    return best;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Whether dW is too large to be still in a cache when it is read, is whole lines, and is not added
 * to. */
static bool writes_past(const stoa_amx_gradient *g) {
    return g->n * g->k >= SMALL && !g->add_dw && g->k % 32 == 0 && g->n % 32 == 0 &&
           (uintptr_t)g->dw % 64 == 0;
}

/* Writes a finished 32 x 32 block of dW^T (columns mixed) to dW: rows x columns of the block. */
STOA_INLINE void write_swapped(const float *from, float *to, int64_t stride, int64_t rows,
                               int64_t columns, stoa_output kind) {
    _Alignas(64) float turned[16][16];
    for (int half = 0; half < 4; half++) {
        int right = half & 1, low = half >> 1; // 16 mixed columns; 16 rows
        if (rows <= 16 * low)
            return;
        stoa_amx_transpose(from + 16 * low * 32 + 16 * right, 128, turned);
        __mmask16 lanes = (__mmask16)stoa_column_mask(rows - 16 * low);
        for (int j = 0; j < 16; j++) {
            int n = 8 * (j / 4) + 4 * right + j % 4; // the column's place before mixing
            if (n >= columns)
                continue;
            float *row = to + n * stride + 16 * low;
            __m512 v = _mm512_load_ps(turned[j]);
            if (kind.past) {
                _mm512_stream_ps(row, v);
                continue;
            }
            if (kind.add)
                v = _mm512_add_ps(v, _mm512_maskz_loadu_ps(lanes, row));
            _mm512_mask_storeu_ps(row, lanes, v);
        }
    }
}

static void write_sums(const stoa_amx_gradient *g, const stoa_amx_spread *spread, bool tiles,
                       int64_t first, int64_t end) {
    for (int64_t n = first; n < end; n += 32, spread++) {
        float sums[32];
        (tiles ? stoa_amx_sums_tiles : stoa_amx_sums_panels)(spread, sums);
        for (int64_t i = 0; i < 32 && n + i < end; i++)
            g->db[n + i] = sums[i] + (g->add_db ? g->db[n + i] : 0.0f);
    }
}

/* ---- the loops ------------------------------------------------------------------------------- */

/* A thread's part of the product and where it works. */
typedef struct worker {
    const stoa_amx_gradient *g;
    const stoa_amx_gradient_plan *plan;
    stoa_amx_matrix a, b;     /* (m, a) and (m, b): dY and X, or X and dY */
    int64_t a0, a1, b0, b1;   /* of the product */
    uint16_t *tiles, *panels; /* packed operands of a cut */
    float *kept;              /* (a_cut / 32, b_cut / 32, 32, 32) */
    stoa_amx_spread *spread;  /* sums of dY's columns in a rectangle */
} worker;

/* Rows [a0, a1) and columns [b0, b1) of the product, inner elements [m0, m1). */
typedef struct cut {
    int64_t a0, a1, b0, b1, m0, m1;
    bool none;
} cut;

static cut cut_at(const worker *w, int64_t a0, int64_t b0, int64_t m0) {
    return (cut){a0,         stoa_least(a0 + w->plan->a_cut, w->a1),
                 b0,         stoa_least(b0 + w->plan->b_cut, w->b1),
                 m0,         stoa_least(m0 + w->plan->m_cut, w->g->m),
                 b0 >= w->b1};
}

/* Inner elements first, so that a rectangle is finished before the next. */
static cut cut_after(const worker *w, const cut *c) {
    if (c->m1 < w->g->m)
        return cut_at(w, c->a0, c->b0, c->m1);
    if (c->a1 < w->a1)
        return cut_at(w, c->a1, c->b0, 0);
    return cut_at(w, w->a0, c->b1, 0);
}

/* Packs a step of 32 inner elements at a time. */
static void pack(const stoa_amx_matrix *m, int64_t from, int64_t end, const cut *c, uint16_t *to,
                 bool tiles, stoa_amx_spread *spread) {
    int64_t s0 = c->m0 / 32, s1 = stoa_ceil_div(c->m1, 32);
    for (int64_t s = s0; s < s1; s++)
        for (int64_t p = from / 32; p * 32 < end; p++) {
            int64_t i = p - from / 32;
            uint16_t *block = to + (i * (s1 - s0) + s - s0) * STOA_AMX_BLOCK;
            if (spread && tiles)
                stoa_amx_tiles_outer_sum(m, p, s, block, spread + i);
            else if (spread)
                stoa_amx_panels_mixed_sum(m, p, s, block, spread + i);
            else if (tiles)
                stoa_amx_tiles_outer(m, p, s, block);
            else
                stoa_amx_panels_mixed(m, p, s, block);
        }
}

/* Multiplies a packed cut; the last cut of a rectangle writes the gradient. */
STOA_INLINE void multiply(const worker *k, const cut *c, stoa_output kind) {
    _Alignas(64) float results[2][STOA_AMX_BLOCK];
    const stoa_amx_gradient *g = k->g;
    int64_t across = stoa_ceil_div(c->b1 - c->b0, 32), steps = stoa_ceil_div(c->m1 - c->m0, 32);
    const int64_t block_bytes = STOA_AMX_BLOCK * (int64_t)sizeof(float);
    bool first = c->m0 == 0, last = c->m1 == g->m;
    stoa_chores w = {.to = (char *)g->dw};
    int turn = 0;
    stoa_amx_barrier();
    for (int64_t a = c->a0; a < c->a1; a += 32)
        for (int64_t b = c->b0; b < c->b1; b += 32) {
            int64_t i = (a - c->a0) / 32, j = (b - c->b0) / 32;
            float *kept = k->kept + (i * across + j) * STOA_AMX_BLOCK;
            if (first)
                stoa_clear_tiles();
            else
                stoa_load_tiles(kept);
            if (!first)
                w.near = stoa_fetch_plan(kept + STOA_AMX_BLOCK, 1, block_bytes, block_bytes, steps);
            stoa_accumulate(stoa_strip_packed(k->tiles + i * steps * STOA_AMX_BLOCK),
                            k->panels + j * steps * STOA_AMX_BLOCK, steps, true, &w, kind);
            stoa_write_out(&w, kind);
            if (!last) {
                stoa_store_tiles(kept);
                continue;
            }
            stoa_store_tiles(results[turn]);
            if (k->plan->swapped)
                write_swapped(results[turn], g->dw + b * g->k + a, g->k, c->a1 - a, c->b1 - b,
                              kind);
            else
                stoa_hand_over(&w, results[turn], g->dw + a * g->k + b, g->k * 4, c->a1 - a,
                               c->b1 - b, steps);
            turn = !turn;
        }
    stoa_write_out(&w, kind);
}

static void put(const worker *k, const cut *c) {
    multiply(k, c, (stoa_output){.mixed = true});
}

static void put_past(const worker *k, const cut *c) {
    multiply(k, c, (stoa_output){.mixed = true, .past = true});
}

static void add(const worker *k, const cut *c) {
    multiply(k, c, (stoa_output){.mixed = true, .add = true});
}

static void run_cut(const worker *w, const cut *c) {
    bool swapped = w->plan->swapped;
    // the sums of a part of dY are made once, with the first part of X
    bool sums = w->g->db && (swapped ? c->a0 == 0 : c->b0 == 0);
    int64_t n0 = swapped ? c->b0 : c->a0, n1 = swapped ? c->b1 : c->a1;
    if (sums && c->m0 == 0)
        memset(w->spread, 0, (size_t)stoa_ceil_div(n1 - n0, 32) * sizeof *w->spread);
    pack(&w->a, c->a0, c->a1, c, w->tiles, true, sums && !swapped ? w->spread : NULL);
    pack(&w->b, c->b0, c->b1, c, w->panels, false, sums && swapped ? w->spread : NULL);
    (w->g->add_dw ? add : writes_past(w->g) ? put_past : put)(w, c);
    if (sums && c->m1 == w->g->m)
        write_sums(w->g, w->spread, !swapped, n0, n1);
}

void stoa_amx_gradient_run(const stoa_amx_gradient *g, const stoa_amx_gradient_plan *plan,
                           int64_t begin, int64_t end, void *scratch) {
    stoa_amx_matrix dy = {g->dy, STOA_BF16, g->n, g->m, g->n};
    stoa_amx_matrix x = {g->x, STOA_BF16, g->k, g->m, g->k};
    worker w = {.g = g, .plan = plan, .kept = scratch};
    w.a = plan->swapped ? x : dy;
    w.b = plan->swapped ? dy : x;
    w.a0 = plan->split_a ? begin * 32 : 0;
    w.b0 = plan->split_a ? 0 : begin * 32;
    w.a1 = plan->split_a ? stoa_least(end * 32, w.a.cols) : w.a.cols;
    w.b1 = plan->split_a ? w.b.cols : stoa_least(end * 32, w.b.cols);
    w.spread = (stoa_amx_spread *)(w.kept + plan->a_cut * plan->b_cut);
    w.tiles = (uint16_t *)(w.spread + (plan->a_cut + plan->b_cut) / 32);
    w.panels = w.tiles + plan->a_cut * plan->m_cut;
    stoa_amx_enter();
    for (cut c = cut_at(&w, w.a0, w.b0, 0); !c.none; c = cut_after(&w, &c))
        run_cut(&w, &c);
    stoa_amx_leave();
    _mm_sfence(); // what went past the caches is there before the caller is told
}

#endif /* STOA_HAVE_AMX */
