/*
 * tensor/cpu/attention_amx_backward.c - attention in bf16 tiles: gradients.
 *
 * Everything is transposed: rows are keys, columns queries. So the saved log-sum-exp and delta are
 * vectors along a row, and probabilities P^T and their gradients dS^T, rounded to bf16, are at once
 * left operands of
 *     dV = P^T dO        dK = dS^T Q
 * One block of 32 keys meets all queries that see it; dV and dK of the block stay in tiles over
 * them. For dQ^T = K^T dS^T the same dS^T is kept as a right operand (pairs of rows) for a span of
 * key blocks that fits the second-level cache, and dQ^T is summed in float32 span by span.
 */
#include "tensor/cpu/attention_amx.h"

#if STOA_HAVE_AMX

#include <math.h>

enum {
    BLOCK = STOA_ATTN_BLOCK,
    SQUARE = BLOCK * BLOCK,
    TILE = STOA_TILE_HALVES,
    SPAN_BYTES = 256 << 10 // of dS^T kept for dQ
};

static const float LOG2_E = 1.44269504f;

/* ---- scratch --------------------------------------------------------------------------------- */

typedef struct work {
    int64_t wide;                          // D padded to 32
    int64_t key_blocks, blocks;            // of 32 keys, of 32 queries
    int64_t span;                          // key blocks of a span
    uint16_t *rows;                        // (32, wide): a block being packed
    uint16_t *keys, *values;               // (Tk, wide): left operands
    uint16_t *keys_turned;                 // [key block][16 columns] tiles: left operands K^T
    uint16_t *query_across, *query_down;   // right operands: Q^T and Q
    uint16_t *result_across, *result_down; // dO^T and dO
    float *lse, *delta;                    // (Tq padded): in units of log 2
    float *scores, *slopes;                // (32, 32): of keys by queries
    uint16_t *p;                           // [query block][32 keys][32 queries]: P^T of a key block
    uint16_t *ds;                          // the same of dS^T
    uint16_t *ds_down;        // [key block of the span][query block][2 tiles]: right operands
    float *d_query;           // [query block][wide][32]: dQ^T
    float *d_keys, *d_values; // (Tk, wide), summed over the heads of the group
    float *turned;            // (32, wide): rows of dQ
} work;

static work plan(const stoa_attn *a, stoa_carver *c) {
    int64_t wide = stoa_blocks(a->width) * BLOCK;
    int64_t key_blocks = stoa_blocks(a->k.time), blocks = stoa_blocks(a->q.time);
    work w = {.wide = wide, .key_blocks = key_blocks, .blocks = blocks};
    w.span = blocks ? SPAN_BYTES / (blocks * SQUARE * 2) : 1;
    w.span = w.span < 1 ? 1 : w.span < key_blocks ? w.span : key_blocks;
    int64_t long_k = key_blocks * BLOCK, long_q = blocks * BLOCK;
    w.rows = stoa_carve(c, BLOCK * wide * 2);
    w.keys = stoa_carve(c, long_k * wide * 2);
    w.values = stoa_carve(c, long_k * wide * 2);
    w.keys_turned = stoa_carve(c, long_k * wide * 2);
    w.query_across = stoa_carve(c, long_q * wide * 2);
    w.query_down = stoa_carve(c, long_q * wide * 2);
    w.result_across = stoa_carve(c, long_q * wide * 2);
    w.result_down = stoa_carve(c, long_q * wide * 2);
    w.lse = stoa_carve(c, long_q * 4);
    w.delta = stoa_carve(c, long_q * 4);
    w.scores = stoa_carve(c, SQUARE * 4);
    w.slopes = stoa_carve(c, SQUARE * 4);
    w.p = stoa_carve(c, blocks * SQUARE * 2);
    w.ds = stoa_carve(c, blocks * SQUARE * 2);
    w.ds_down = stoa_carve(c, w.span * blocks * SQUARE * 2);
    w.d_query = stoa_carve(c, long_q * wide * 4);
    w.d_keys = stoa_carve(c, (a->group > 1 ? long_k : BLOCK) * wide * 4);
    w.d_values = stoa_carve(c, (a->group > 1 ? long_k : BLOCK) * wide * 4);
    w.turned = stoa_carve(c, BLOCK * wide * 4);
    return w;
}

size_t stoa_attn_amx_backward_bytes(const stoa_attn *a) {
    stoa_carver c = {0};
    plan(a, &c);
    return c.used;
}

/* ---- packing --------------------------------------------------------------------------------- */

static void pack_keys(const stoa_attn *a, const work *w, int64_t b, int g) {
    int64_t tk = a->k.time, full = w->key_blocks * BLOCK;
    stoa_attn_gather_halves(&a->k, a->width, b, g, 0, tk, w->keys, w->wide, full);
    stoa_attn_gather_halves(&a->v, a->width, b, g, 0, tk, w->values, w->wide, full);
    uint16_t *to = w->keys_turned;
    for (int64_t t = 0; t < full; t += BLOCK)
        for (int64_t d = 0; d < w->wide; d += 16, to += TILE)
            stoa_pack_turned(to, w->keys + t * w->wide + d, w->wide);
}

/* One head's queries or output gradients as both right operands. */
static void pack_side(const stoa_attn *a, const work *w, const stoa_attn_side *side, int64_t b,
                      int h, uint16_t *across, uint16_t *down) {
    for (int64_t from = 0; from < side->time; from += BLOCK) {
        int64_t m = side->time - from < BLOCK ? side->time - from : BLOCK;
        stoa_attn_gather_halves(side, a->width, b, h, from, m, w->rows, w->wide, BLOCK);
        for (int64_t t = 0; t < BLOCK; t += 16)
            for (int64_t d = 0; d < w->wide; d += 32, across += TILE)
                stoa_pack_across(across, w->rows + t * w->wide + d, w->wide);
        for (int64_t d = 0; d < w->wide; d += 16, down += TILE)
            stoa_pack_down(down, w->rows + d, w->wide);
    }
}

/* Of padding: probability 0. */
static void pack_statistics(const stoa_attn *a, const work *w, int64_t b, int h) {
    int64_t tq = a->q.time, full = w->blocks * BLOCK;
    const float *lse = a->lse + (b * a->heads + h) * tq;
    for (int64_t i = 0; i < full; i += 16)
        stoa_attn_delta_halves(a, b, h, i, i >= tq ? 0 : tq - i < 16 ? tq - i : 16, w->delta + i);
    for (int64_t i = 0; i < full; i++)
        w->lse[i] = i < tq ? lse[i] * LOG2_E : INFINITY;
}

/* ---- a block of keys against a block of queries ---------------------------------------------- */

/* to (32, 32) = left (32 rows, wide) x right */
STOA_INLINE void product(const work *w, stoa_tile_line *line, const uint16_t *left,
                         const uint16_t *right, float *to) {
    int64_t steps = w->wide / 32;
    for (int64_t half = 0; half < 2; half++)
        stoa_tile_push(line, (stoa_tile_sum){.left = left,
                                             .left_pitch = w->wide,
                                             .left_step = 32,
                                             .right = right + half * steps * TILE,
                                             .right_step = TILE,
                                             .n = steps,
                                             .to = to + half * 16,
                                             .pitch = BLOCK});
}

typedef struct column_pair {
    __m512 low, high; // queries 0..15 and 16..31 of the block
} column_pair;

STOA_INLINE column_pair load_pair(const float *x) {
    return (column_pair){_mm512_loadu_ps(x), _mm512_loadu_ps(x + 16)};
}

/* Pairs of rows from two rows of 32: words (even[j], odd[j]), columns 0..15 and 16..31. */
STOA_INLINE void store_down(uint16_t *to, __m512i even, __m512i odd) {
    const __m512i low = _mm512_set_epi16(47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40,
                                         8, 39, 7, 38, 6, 37, 5, 36, 4, 35, 3, 34, 2, 33, 1, 32, 0);
    const __m512i high = _mm512_add_epi16(low, _mm512_set1_epi16(16));
    _mm512_store_si512(to, _mm512_permutex2var_epi16(even, low, odd));
    _mm512_store_si512(to + TILE, _mm512_permutex2var_epi16(even, high, odd));
}

/* From scores and slopes (dP^T) to P^T and dS^T (without the factor `scale`). shown: keys of the
 * block that exist; diagonal: key i is seen by queries from i of the block on. */
STOA_INLINE void soften_backward(const work *w, int64_t q, float scale, int64_t shown,
                                 bool diagonal, uint16_t *down) {
    __m512 factor = _mm512_set1_ps(scale);
    column_pair lse = load_pair(w->lse + q * BLOCK), delta = load_pair(w->delta + q * BLOCK);
    uint16_t *p = w->p + q * SQUARE, *ds = w->ds + q * SQUARE;
    for (int64_t i = 0; i < BLOCK; i += 2) {
        __m512i pair[2];
#pragma GCC unroll 2
        for (int64_t r = 0; r < 2; r++) {
            int64_t row = i + r;
            column_pair s = load_pair(w->scores + row * BLOCK);
            column_pair g = load_pair(w->slopes + row * BLOCK);
            s.low = stoa_exp2_rough(_mm512_fmsub_ps(s.low, factor, lse.low));
            s.high = stoa_exp2_rough(_mm512_fmsub_ps(s.high, factor, lse.high));
            if (diagonal || shown < BLOCK) {
                uint32_t seen = row >= shown ? 0 : diagonal ? ~0u << row : ~0u;
                s.low = _mm512_maskz_mov_ps((__mmask16)seen, s.low);
                s.high = _mm512_maskz_mov_ps((__mmask16)(seen >> 16), s.high);
            }
            _mm512_store_si512(p + row * BLOCK, stoa_halves(s.low, s.high));
            g.low = _mm512_mul_ps(s.low, _mm512_sub_ps(g.low, delta.low));
            g.high = _mm512_mul_ps(s.high, _mm512_sub_ps(g.high, delta.high));
            pair[r] = stoa_halves(g.low, g.high);
            _mm512_store_si512(ds + row * BLOCK, pair[r]);
        }
        store_down(down + i / 2 * 32, pair[0], pair[1]);
    }
}

/* ---- sums over queries and keys -------------------------------------------------------------- */

/* to (32, wide) = sum over query blocks [first, blocks) of left (P^T or dS^T) x right, or added. */
STOA_INLINE void gather_sums(const work *w, stoa_tile_line *line, const uint16_t *left,
                             const uint16_t *right, int64_t first, float *to, bool add) {
    int64_t columns = w->wide / 16;
    for (int64_t d = 0; d < columns; d++)
        stoa_tile_push(line, (stoa_tile_sum){.left = left + first * SQUARE,
                                             .left_pitch = BLOCK,
                                             .left_step = SQUARE,
                                             .right = right + (first * columns + d) * TILE,
                                             .right_step = columns * TILE,
                                             .n = w->blocks - first,
                                             .to = to + d * 16,
                                             .pitch = w->wide,
                                             .add = add});
}

/* dQ^T of query block q: the key blocks [from, to) of the span that starts at `from`. */
static void add_query_slopes(const work *w, int64_t q, int64_t from, int64_t to) {
    int64_t columns = w->wide / 16;
    stoa_tile_line line = {0};
    for (int64_t d = 0; d < columns; d += 2)
        for (int64_t half = 0; half < 2; half++)
            stoa_tile_push(&line, (stoa_tile_sum){
                                      .left = w->keys_turned + (from * columns + d) * TILE,
                                      .left_pitch = BLOCK,
                                      .left_step = columns * TILE,
                                      .right = w->ds_down + q * SQUARE + half * TILE,
                                      .right_step = w->blocks * SQUARE,
                                      .n = to - from,
                                      .to = w->d_query + (q * w->wide + d * 16) * BLOCK + half * 16,
                                      .pitch = BLOCK,
                                      .add = from > 0});
    stoa_tile_flush(&line);
}

/* dQ^T of a block back to rows, into the gradient. */
static void deliver_query(const stoa_attn *a, const work *w, int64_t b, int h, int64_t q) {
    const float *from = w->d_query + q * w->wide * BLOCK; // (wide, 32)
    for (int64_t d = 0; d < w->wide; d += 16)
        for (int64_t t = 0; t < BLOCK; t += 16) {
            __m512i r[16];
#pragma GCC unroll 16
            for (int i = 0; i < 16; i++)
                r[i] = _mm512_loadu_si512(from + (d + i) * BLOCK + t);
            stoa_transpose_words(r);
#pragma GCC unroll 16
            for (int i = 0; i < 16; i++)
                _mm512_store_si512(w->turned + (t + i) * w->wide + d, r[i]);
        }
    int64_t begin = q * BLOCK, m = a->q.time - begin < BLOCK ? a->q.time - begin : BLOCK;
    stoa_attn_scatter_halves(&a->d_q, a->width, b, h, begin, m, w->turned, w->wide, a->scale);
}

/* ---- a head ---------------------------------------------------------------------------------- */

/* One query head of a task. */
typedef struct head {
    int64_t b;
    int h, g;
    bool first, last; // of the group
    int64_t shown;    // keys that are not masked by their number
} head;

/* Gradients of a key block: where the group's sums stand. */
STOA_INLINE int64_t place(const stoa_attn *a, const work *w, int64_t k) {
    return a->group > 1 ? k * BLOCK * w->wide : 0;
}

static void deliver_keys(const stoa_attn *a, const work *w, const head *now, int64_t k) {
    int64_t begin = k * BLOCK, m = a->k.time - begin < BLOCK ? a->k.time - begin : BLOCK;
    if (a->d_k.data)
        stoa_attn_scatter_halves(&a->d_k, a->width, now->b, now->g, begin, m,
                                 w->d_keys + place(a, w, k), w->wide, a->scale);
    if (a->d_v.data)
        stoa_attn_scatter_halves(&a->d_v, a->width, now->b, now->g, begin, m,
                                 w->d_values + place(a, w, k), w->wide, 1);
}

/* Key block k against all queries that see it. */
static void backward_keys(const stoa_attn *a, const work *w, const head *now, int64_t k,
                          uint16_t *down) {
    int64_t first = a->causal ? k : 0, shown = now->shown - k * BLOCK;
    const uint16_t *keys = w->keys + k * BLOCK * w->wide, *values = w->values + k * BLOCK * w->wide;
    int64_t wide = w->wide * BLOCK; // elements of a packed block
    float scale = a->scale * LOG2_E;
    stoa_tile_line line = {0};
    for (int64_t q = first; q < w->blocks; q++) {
        product(w, &line, keys, w->query_across + q * wide, w->scores);
        product(w, &line, values, w->result_across + q * wide, w->slopes);
        stoa_tile_flush(&line);
        if (shown < BLOCK || (a->causal && q == k))
            soften_backward(w, q, scale, shown, a->causal && q == k, down + q * SQUARE);
        else
            soften_backward(w, q, scale, BLOCK, false, down + q * SQUARE);
    }
    float *d_keys = w->d_keys + place(a, w, k), *d_values = w->d_values + place(a, w, k);
    gather_sums(w, &line, w->p, w->result_down, first, d_values, !now->first);
    gather_sums(w, &line, w->ds, w->query_down, first, d_keys, !now->first);
    stoa_tile_flush(&line);
    if (now->last)
        deliver_keys(a, w, now, k);
}

/* Key blocks that nobody sees. */
static void skip_keys(const stoa_attn *a, const work *w, const head *now, int64_t k) {
    size_t bytes = (size_t)(BLOCK * w->wide) * sizeof(float);
    memset(w->d_keys + place(a, w, k), 0, bytes);
    memset(w->d_values + place(a, w, k), 0, bytes);
    deliver_keys(a, w, now, k);
}

static void backward_head(const stoa_attn *a, const work *w, const head *now) {
    int64_t used = stoa_blocks(now->shown); // key blocks that anybody sees
    pack_side(a, w, &a->q, now->b, now->h, w->query_across, w->query_down);
    pack_side(a, w, &a->d_out, now->b, now->h, w->result_across, w->result_down);
    pack_statistics(a, w, now->b, now->h);
    if (used == 0)
        memset(w->d_query, 0, (size_t)(w->blocks * BLOCK * w->wide) * sizeof *w->d_query);
    for (int64_t from = 0; from < used; from += w->span) {
        int64_t to = from + w->span < used ? from + w->span : used;
        for (int64_t k = from; k < to; k++)
            backward_keys(a, w, now, k, w->ds_down + (k - from) * w->blocks * SQUARE);
        for (int64_t q = a->causal ? from : 0; a->d_q.data && q < w->blocks; q++)
            add_query_slopes(w, q, from, a->causal && q + 1 < to ? q + 1 : to);
    }
    for (int64_t k = used; now->last && k < w->key_blocks; k++)
        skip_keys(a, w, now, k);
    for (int64_t q = 0; a->d_q.data && q < w->blocks; q++)
        deliver_query(a, w, now->b, now->h, q);
}

void stoa_attn_amx_backward(const stoa_attn *a, stoa_attn_task task, char *scratch) {
    stoa_carver c = {.base = scratch};
    work w = plan(a, &c);
    head now = {.b = task.b, .g = task.g, .h = task.g * a->group, .first = true};
    now.shown = a->k.time;
    if (a->key_lengths && a->key_lengths[now.b] < now.shown)
        now.shown = a->key_lengths[now.b] > 0 ? a->key_lengths[now.b] : 0;
    pack_keys(a, &w, now.b, now.g);
    for (int i = 0; i < a->group; i++, now.h++) {
        now.first = i == 0;
        now.last = i == a->group - 1;
        backward_head(a, &w, &now);
    }
}

#endif
