/*
 * tensor/cpu/attention_amx.c - attention in bf16 tiles: forward.
 *
 * A block of 32 queries meets the keys it may see in chunks that stay in the first-level cache:
 * scores by tiles into float32 scratch, softmax there (maximum, exponential, sum), probabilities as
 * bf16 tiles, times the values. What a row's exponentials are relative to is the first chunk's
 * maximum; only when a later one exceeds it by far are the sums so far scaled down. Keys are packed
 * once a task, whole blocks beyond what causality shows are never touched.
 *
 * Layouts: scores [key block][32 queries][32 keys], probabilities the same in bf16, so that eight
 * rows of one key block are neighbours and the loops over rows run on contiguous memory.
 */
#include "tensor/cpu/attention_amx.h"

#if STOA_HAVE_AMX

#include <math.h>

#include "tensor/cpu/lanes.h"

enum {
    CHUNK = 4,
    BLOCK = STOA_ATTN_BLOCK,
    ROWS = 8,
    SQUARE = BLOCK * BLOCK,
    TILE = STOA_TILE_HALVES
};

static const float LOG2_E = 1.44269504f, LN_2 = 0.693147181f;
static const float SLACK = 8; // by how many powers of 2 exponentials may exceed 1

/* ---- scratch --------------------------------------------------------------------------------- */

typedef struct work {
    int64_t wide;     // D padded to 32
    uint16_t *rows;   // (32, wide): a block of keys, values or queries
    uint16_t *keys;   // right operands of scores: [16 keys][32 columns] tiles
    uint16_t *values; // right operands of the output: [32 keys][16 columns] tiles
    float *scores;    // [key block of a chunk][32 queries][32 keys]
    uint16_t *probabilities;
    float *out;                    // (32, wide)
    float most[BLOCK], sum[BLOCK]; // of the block's rows; most in units of log 2
} work;

static work plan(const stoa_attn *a, stoa_carver *c) {
    int64_t wide = stoa_blocks(a->width) * BLOCK, blocks = stoa_blocks(a->k.time);
    work w = {.wide = wide};
    w.rows = stoa_carve(c, BLOCK * wide * 2);
    w.keys = stoa_carve(c, blocks * BLOCK * wide * 2);
    w.values = stoa_carve(c, blocks * BLOCK * wide * 2);
    w.scores = stoa_carve(c, CHUNK * SQUARE * 4);
    w.probabilities = stoa_carve(c, CHUNK * SQUARE * 2);
    w.out = stoa_carve(c, BLOCK * wide * 4);
    return w;
}

static size_t forward_bytes(const stoa_attn *a) {
    stoa_carver c = {0};
    plan(a, &c);
    return c.used;
}

/* The first n keys and values of a head as right operands. */
static void pack(const stoa_attn *a, const work *w, int64_t b, int g, int64_t n) {
    uint16_t *keys = w->keys, *values = w->values;
    for (int64_t from = 0; from < n; from += BLOCK) {
        int64_t m = n - from < BLOCK ? n - from : BLOCK;
        stoa_attn_gather_halves(&a->k, a->width, b, g, from, m, w->rows, w->wide, BLOCK);
        for (int64_t t = 0; t < BLOCK; t += 16)
            for (int64_t d = 0; d < w->wide; d += 32, keys += TILE)
                stoa_pack_across(keys, w->rows + t * w->wide + d, w->wide);
        stoa_attn_gather_halves(&a->v, a->width, b, g, from, m, w->rows, w->wide, BLOCK);
        for (int64_t d = 0; d < w->wide; d += 16, values += TILE)
            stoa_pack_down(values, w->rows + d, w->wide);
    }
}

/* ---- a block of queries ---------------------------------------------------------------------- */

/* A chunk: key blocks [first, first + blocks). */

/* scores = queries (w->rows) x keys of the chunk */
static void score(const work *w, int64_t first, int64_t blocks) {
    int64_t steps = w->wide / 32;
    stoa_tile_line line = {0};
    for (int64_t half = 0; half < 2 * blocks; half++)
        stoa_tile_push(&line, (stoa_tile_sum){.left = w->rows,
                                              .left_pitch = w->wide,
                                              .left_step = 32,
                                              .right = w->keys + (2 * first + half) * steps * TILE,
                                              .right_step = TILE,
                                              .n = steps,
                                              .to = w->scores + half / 2 * SQUARE + half % 2 * 16,
                                              .pitch = BLOCK});
    stoa_tile_flush(&line);
}

/* -inf where query begin + i may not see the key. */
static void mask(const stoa_attn *a, const work *w, int64_t b, int64_t begin, int64_t first,
                 int64_t blocks) {
    const __m512 never = _mm512_set1_ps(-INFINITY);
    int64_t least = stoa_attn_visible(a, b, begin) - first * BLOCK, step = a->causal;
    int64_t most = stoa_attn_visible(a, b, begin + BLOCK - 1) - first * BLOCK;
    float *scores = w->scores;
    for (int64_t i = 0; least < blocks * BLOCK && i < BLOCK; i++) {
        int64_t visible = least + i * step < most ? least + i * step : most;
        visible = visible > 0 ? visible : 0;
        for (int64_t k = visible / BLOCK; k < blocks; k++) {
            int64_t seen = visible - k * BLOCK > 0 ? visible - k * BLOCK : 0;
            uint32_t hidden = ~0u << seen;
            float *row = scores + k * SQUARE + i * BLOCK;
            _mm512_mask_storeu_ps(row, (__mmask16)hidden, never);
            _mm512_mask_storeu_ps(row + 16, (__mmask16)(hidden >> 16), never);
        }
    }
}

/* Rows [row, row + 8) of all key blocks: each row's largest score, lane by lane. */
STOA_INLINE void row_maxima(const work *w, int64_t row, int64_t blocks, stoa_lanes most[ROWS]) {
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++)
        most[r] = (stoa_lanes)_mm512_set1_ps(-INFINITY);
    for (int64_t k = 0; k < blocks; k++) {
        const float *s = w->scores + k * SQUARE + row * BLOCK;
#pragma GCC unroll 8
        for (int r = 0; r < ROWS; r++) {
            most[r] = stoa_lanes_larger(most[r], stoa_lanes_load(s + r * BLOCK));
            most[r] = stoa_lanes_larger(most[r], stoa_lanes_load(s + r * BLOCK + 16));
        }
    }
}

/* Probabilities (not yet divided by their sum) of 8 rows; sums lane by lane. */
STOA_INLINE void exponentials(const work *w, int64_t row, int64_t blocks, __m512 scale,
                              const float *most, stoa_lanes sum[ROWS]) {
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++)
        sum[r] = (stoa_lanes){0};
    for (int64_t k = 0; k < blocks; k++) {
        const float *s = w->scores + k * SQUARE + row * BLOCK;
        uint16_t *p = w->probabilities + k * SQUARE + row * BLOCK;
#pragma GCC unroll 8
        for (int r = 0; r < ROWS; r++) {
            __m512 top = _mm512_set1_ps(most[r]);
            __m512 x = _mm512_fmsub_ps(_mm512_load_ps(s + r * BLOCK), scale, top);
            __m512 y = _mm512_fmsub_ps(_mm512_load_ps(s + r * BLOCK + 16), scale, top);
            x = stoa_exp2_rough(x);
            y = stoa_exp2_rough(y);
            sum[r] += (stoa_lanes)_mm512_add_ps(x, y);
            _mm512_store_si512(p + r * BLOCK, stoa_halves(x, y));
        }
    }
}

/* Scales what 16 rows have summed so far. */
static void scale_down(work *w, int64_t row, __m512 factor) {
    float factors[16];
    _mm512_storeu_ps(factors, factor);
    for (int64_t i = 0; i < 16; i++) {
        float *out = w->out + (row + i) * w->wide;
        w->sum[row + i] *= factors[i];
        for (int64_t d = 0; d < w->wide; d++)
            out[d] *= factors[i];
    }
}

/* What the exponentials of 16 rows are relative to, given their largest scores in this chunk. */
static void choose_most(work *w, int64_t row, __m512 top, bool first) {
    if (first) {
        __mmask16 blind = _mm512_cmp_ps_mask(top, _mm512_set1_ps(-INFINITY), _CMP_EQ_OQ);
        top = _mm512_mask_mov_ps(top, blind, _mm512_setzero_ps()); // -inf - -inf is no number
        _mm512_storeu_ps(w->most + row, top);
        return;
    }
    __m512 most = _mm512_loadu_ps(w->most + row);
    __m512 limit = _mm512_add_ps(most, _mm512_set1_ps(SLACK));
    __mmask16 grown = _mm512_cmp_ps_mask(top, limit, _CMP_GT_OQ);
    if (!grown)
        return;
    __m512 factor = _mm512_set1_ps(1);
    factor = _mm512_mask_mov_ps(factor, grown, stoa_exp2_rough(_mm512_sub_ps(most, top)));
    scale_down(w, row, factor);
    _mm512_mask_storeu_ps(w->most + row, grown, top);
}

/* Softmax of 16 rows from `row` on, without the division; scale in units of log 2. */
static void soften(work *w, int64_t row, int64_t blocks, float scale, bool first) {
    stoa_lanes v[16];
    row_maxima(w, row, blocks, v);
    row_maxima(w, row + ROWS, blocks, v + ROWS);
    __m512 top =
        _mm512_mul_ps((__m512)stoa_lanes_fold(v, stoa_lanes_larger), _mm512_set1_ps(scale));
    choose_most(w, row, top, first);
    exponentials(w, row, blocks, _mm512_set1_ps(scale), w->most + row, v);
    exponentials(w, row + ROWS, blocks, _mm512_set1_ps(scale), w->most + row + ROWS, v + ROWS);
    stoa_lanes sums = stoa_lanes_sums(v);
    if (!first)
        sums += stoa_lanes_load(w->sum + row);
    stoa_lanes_store(w->sum + row, sums);
}

/* out = probabilities x values of the chunk, or added. */
static void mix(const work *w, int64_t first, int64_t blocks) {
    int64_t columns = w->wide / 16; // tiles a key block
    stoa_tile_line line = {0};
    for (int64_t d = 0; d < columns; d++)
        stoa_tile_push(&line, (stoa_tile_sum){.left = w->probabilities,
                                              .left_pitch = BLOCK,
                                              .left_step = SQUARE,
                                              .right = w->values + (first * columns + d) * TILE,
                                              .right_step = columns * TILE,
                                              .n = blocks,
                                              .to = w->out + d * 16,
                                              .pitch = w->wide,
                                              .add = first > 0});
    stoa_tile_flush(&line);
}

/* Queries [begin, begin + 32), gathered in w->rows, against the first `blocks` blocks of keys. */
static void attend(const stoa_attn *a, work *w, int64_t b, int64_t begin, int64_t blocks) {
    float scale = a->scale * LOG2_E;
    int64_t first = 0;
    do { // once even if there are no keys: the output is 0 then
        int64_t n = blocks - first < CHUNK ? blocks - first : CHUNK;
        score(w, first, n);
        mask(a, w, b, begin, first, n);
        soften(w, 0, n, scale, first == 0);
        soften(w, 16, n, scale, first == 0);
        mix(w, first, n);
        first += CHUNK;
    } while (first < blocks);
}

/* Divides m rows of the output by their sums, into the tensor. A blind query gives 0, and an lse
 * that makes its probabilities 0 in backward. */
static void deliver(const stoa_attn *a, const work *w, int64_t b, int h, int64_t begin, int64_t m) {
    const stoa_attn_side *o = &a->out;
    uint16_t *to = (uint16_t *)o->data + (b * o->time + begin) * o->stride + (int64_t)h * a->width;
    for (int64_t i = 0; i < m; i++, to += o->stride) {
        __m512 factor = _mm512_set1_ps(w->sum[i] == 0 ? 0 : 1 / w->sum[i]);
        const float *from = w->out + i * w->wide;
        for (int64_t d = 0; d < a->width; d += 32) {
            __m512 x = _mm512_mul_ps(_mm512_load_ps(from + d), factor);
            __m512 y = _mm512_mul_ps(_mm512_load_ps(from + d + 16), factor);
            int64_t left = a->width - d;
            __mmask32 lanes = left >= 32 ? ~(__mmask32)0 : ((__mmask32)1 << left) - 1;
            _mm512_mask_storeu_epi16(to + d, lanes, stoa_halves(x, y));
        }
    }
    float *lse = a->lse ? a->lse + (b * a->heads + h) * a->q.time + begin : NULL;
    for (int64_t i = 0; lse && i < m; i++)
        lse[i] = w->sum[i] == 0 ? INFINITY : w->most[i] * LN_2 + stoa_vlog(w->sum[i]);
}

static void forward(const stoa_attn *a, stoa_attn_task task, char *scratch) {
    stoa_carver c = {.base = scratch};
    work w = plan(a, &c);
    int64_t b = task.b;
    pack(a, &w, b, task.g, stoa_attn_visible(a, b, task.end - 1));
    for (int h = task.g * a->group; h < (task.g + 1) * a->group; h++)
        for (int64_t begin = task.begin; begin < task.end; begin += BLOCK) {
            int64_t m = task.end - begin < BLOCK ? task.end - begin : BLOCK;
            int64_t blocks = stoa_blocks(stoa_attn_visible(a, b, begin + m - 1));
            stoa_attn_gather_halves(&a->q, a->width, b, h, begin, m, w.rows, w.wide, BLOCK);
            attend(a, &w, b, begin, blocks);
            deliver(a, &w, b, h, begin, m);
        }
}

/* ---- the engine ------------------------------------------------------------------------------ */

static const stoa_attn_engine amx = {
    .forward_bytes = forward_bytes,
    .backward_bytes = stoa_attn_amx_backward_bytes,
    .enter = stoa_amx_enter,
    .leave = stoa_amx_leave,
    .forward = forward,
    .backward = stoa_attn_amx_backward,
};

static bool is_half(const stoa_attn_side *side) {
    return side->dtype == STOA_BF16;
}

const stoa_attn_engine *stoa_attn_amx(const stoa_attn *a) {
    bool fits = is_half(&a->q) && is_half(&a->k) && is_half(&a->v) && is_half(&a->out);
    return fits && stoa_amx_available() ? &amx : NULL;
}

#else

const stoa_attn_engine *stoa_attn_amx(const stoa_attn *a) {
    (void)a;
    return NULL;
}

#endif
