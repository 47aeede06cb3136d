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
 */
#include "tensor/cpu/amx_block.h"

#if STOA_HAVE_AMX

enum {
    KEPT = 160 << 10,   /* sums kept at a time, floats */
    PACKED = 640 << 10, /* bytes of packed operands */
    A_CUT = 224,        /* rows at a time where there are more columns than fit */
    LONGEST_CUT = 384,  /* inner elements: more would not stay in the first-level cache */
};

static int64_t round_up(int64_t n) {
    return stoa_ceil_div(n, 32) * 32;
}

/* ---- the plan -------------------------------------------------------------------------------- */

/* Of a rectangle of a x b: rows and columns kept at a time. */
static void cut(int64_t a, int64_t b, stoa_amx_gradient_plan *plan) {
    plan->a_cut = stoa_least(round_up(a), A_CUT);
    plan->b_cut = stoa_least(round_up(b), KEPT / plan->a_cut / 32 * 32);
    plan->a_cut = stoa_least(round_up(a), KEPT / plan->b_cut / 32 * 32);
}

/* Of one choice, in units of the product's own time: transposing and interleaving a 32 x 16 block
 * take 48 and 16 cycles, multiplying it with 16 columns 16. */
static double cost(const stoa_amx_gradient *g, int threads, stoa_amx_gradient_plan *plan) {
    int64_t a = plan->swapped ? g->k : g->n, b = plan->swapped ? g->n : g->k;
    int64_t blocks = stoa_ceil_div(plan->split_a ? a : b, 32);
    int64_t share = stoa_ceil_div(blocks, threads) * 32;
    int64_t mine_a = plan->split_a ? share : a, mine_b = plan->split_a ? b : share;
    plan->items = blocks;
    cut(mine_a, mine_b, plan);
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

/* Writes a finished 32 x 32 block of dW^T (columns mixed) to dW: rows x columns of the block. */
static void write_swapped(const float *from, float *to, int64_t stride, int64_t rows,
                          int64_t columns, bool add) {
    _Alignas(64) float turned[16][16];
    for (int half = 0; half < 4; half++) {
        int right = half & 1, low = half >> 1; // 16 mixed columns; 16 rows
        if (rows <= 16 * low)
            return;
        for (int i = 0; i < 16; i++)
            for (int j = 0; j < 16; j++)
                turned[j][i] = from[(16 * low + i) * 32 + 16 * right + j];
        __mmask16 lanes = (__mmask16)stoa_column_mask(rows - 16 * low);
        for (int j = 0; j < 16; j++) {
            int n = 8 * (j / 4) + 4 * right + j % 4; // the column's place before mixing
            if (n >= columns)
                continue;
            float *row = to + n * stride + 16 * low;
            __m512 v = _mm512_load_ps(turned[j]);
            if (add)
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

/* ---- one rectangle --------------------------------------------------------------------------- */

/* Rows [a0, a1) and columns [b0, b1) of the product; where to work. */
typedef struct rectangle {
    int64_t a0, a1, b0, b1;
    bool sums;                /* this one makes the sums of its part of dY */
    uint16_t *tiles, *panels; /* packed operands of a cut */
    float *kept;              /* (rows / 32, columns / 32, 32, 32) */
    stoa_amx_spread *spread;
} rectangle;

/* Packs inner elements [32 s0, 32 s1) of columns [from, end), a step of 32 at a time. */
static void pack(const stoa_amx_matrix *m, int64_t from, int64_t end, int64_t s0, int64_t s1,
                 uint16_t *to, bool tiles, stoa_amx_spread *spread) {
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

/* Multiplies a cut of `steps`; the last cut writes the gradient. */
STOA_INLINE void multiply(const stoa_amx_gradient *g, const rectangle *r, int64_t steps, bool first,
                          bool last, bool swapped, stoa_output kind) {
    _Alignas(64) float results[2][STOA_AMX_BLOCK];
    int64_t across = stoa_ceil_div(r->b1 - r->b0, 32);
    stoa_chores w = {.to = (char *)g->dw};
    int turn = 0;
    stoa_amx_barrier();
    for (int64_t a = r->a0; a < r->a1; a += 32)
        for (int64_t b = r->b0; b < r->b1; b += 32) {
            int64_t i = (a - r->a0) / 32, j = (b - r->b0) / 32;
            float *kept = r->kept + (i * across + j) * STOA_AMX_BLOCK;
            if (first)
                stoa_clear_tiles();
            else
                stoa_load_tiles(kept, 128);
            stoa_accumulate(stoa_strip_packed(r->tiles + i * steps * STOA_AMX_BLOCK),
                            r->panels + j * steps * STOA_AMX_BLOCK, steps, true, &w, kind);
            stoa_write_out(&w, kind);
            if (!last) {
                stoa_store_tiles(kept);
                continue;
            }
            stoa_store_tiles(results[turn]);
            if (swapped)
                write_swapped(results[turn], g->dw + b * g->k + a, g->k, r->a1 - a, r->b1 - b,
                              g->add_dw);
            else
                stoa_hand_over(&w, results[turn], g->dw + a * g->k + b, g->k * 4, r->a1 - a,
                               r->b1 - b, steps);
            turn = !turn;
        }
    stoa_write_out(&w, kind);
}

static void put(const stoa_amx_gradient *g, const rectangle *r, int64_t steps, bool first,
                bool last, bool swapped) {
    multiply(g, r, steps, first, last, swapped, (stoa_output){.mixed = true});
}

static void add(const stoa_amx_gradient *g, const rectangle *r, int64_t steps, bool first,
                bool last, bool swapped) {
    multiply(g, r, steps, first, last, swapped, (stoa_output){.mixed = true, .add = true});
}

static void run_rectangle(const stoa_amx_gradient *g, const stoa_amx_gradient_plan *plan,
                          const rectangle *r) {
    stoa_amx_matrix dy = {g->dy, STOA_BF16, g->n, g->m, g->n};
    stoa_amx_matrix x = {g->x, STOA_BF16, g->k, g->m, g->k};
    const stoa_amx_matrix *a = plan->swapped ? &x : &dy, *b = plan->swapped ? &dy : &x;
    stoa_amx_spread *sums_a = r->sums && !plan->swapped ? r->spread : NULL;
    stoa_amx_spread *sums_b = r->sums && plan->swapped ? r->spread : NULL;
    int64_t n0 = plan->swapped ? r->b0 : r->a0, n1 = plan->swapped ? r->b1 : r->a1;
    if (r->sums)
        memset(r->spread, 0, (size_t)stoa_ceil_div(n1 - n0, 32) * sizeof *r->spread);
    for (int64_t m = 0; m < g->m; m += plan->m_cut) {
        bool last = m + plan->m_cut >= g->m;
        int64_t s0 = m / 32, s1 = stoa_ceil_div(stoa_least(m + plan->m_cut, g->m), 32);
        pack(a, r->a0, r->a1, s0, s1, r->tiles, true, sums_a);
        pack(b, r->b0, r->b1, s0, s1, r->panels, false, sums_b);
        (g->add_dw ? add : put)(g, r, s1 - s0, m == 0, last, plan->swapped);
    }
    if (r->sums)
        write_sums(g, r->spread, !plan->swapped, n0, n1);
}

void stoa_amx_gradient_run(const stoa_amx_gradient *g, const stoa_amx_gradient_plan *plan,
                           int64_t begin, int64_t end, void *scratch) {
    int64_t a = plan->swapped ? g->k : g->n, b = plan->swapped ? g->n : g->k;
    int64_t a0 = plan->split_a ? begin * 32 : 0, b0 = plan->split_a ? 0 : begin * 32;
    int64_t a1 = plan->split_a ? stoa_least(end * 32, a) : a;
    int64_t b1 = plan->split_a ? b : stoa_least(end * 32, b);
    rectangle r = {.kept = scratch};
    r.spread = (stoa_amx_spread *)(r.kept + plan->a_cut * plan->b_cut);
    r.tiles = (uint16_t *)(r.spread + (plan->a_cut + plan->b_cut) / 32);
    r.panels = r.tiles + plan->a_cut * plan->m_cut;
    stoa_amx_enter();
    for (r.b0 = b0; r.b0 < b1; r.b0 += plan->b_cut)
        for (r.a0 = a0; r.a0 < a1; r.a0 += plan->a_cut) {
            r.a1 = stoa_least(r.a0 + plan->a_cut, a1);
            r.b1 = stoa_least(r.b0 + plan->b_cut, b1);
            // the sums of a part of dY are made once, with the first part of X
            r.sums = g->db && (plan->swapped ? r.a0 == 0 : r.b0 == 0);
            run_rectangle(g, plan, &r);
        }
    stoa_amx_leave();
}

#endif /* STOA_HAVE_AMX */
