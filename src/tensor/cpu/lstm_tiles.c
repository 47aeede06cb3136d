/*
 * tensor/cpu/lstm_tiles.c - see lstm_tiles.h.
 *
 * A strip of 32 instances walks through all steps. In a step 32 cells are taken at a time: the four
 * gates' sums, inputs' and state's share in one accumulation, go to a buffer in the first-level
 * cache. While the tiles multiply for the next 32 cells, the vector units make gates, cells and
 * outputs of these: the unit of tiles, which needs a third of their time, is hidden behind them.
 */
#include "tensor/cpu/lstm_tiles.h"

#if STOA_HAVE_AMX

#include "tensor/cpu/amx_block.h"
#include "tensor/cpu/lstm_gates.h"

enum { STRIP = 32, SUMS = 4 * STOA_AMX_BLOCK };

/* 32 cells of a strip whose sums are there. */
typedef struct chore {
    const float *sums; /* (4, 32, 32) */
    int64_t first;     /* cell */
    int row, rows;     /* next, and how many */
} chore;

typedef struct strip {
    const stoa_lstm_tiles *w;
    int64_t t, first; /* step; instance */
    int count;        /* instances, at most 32 */
    uint16_t *h[2];   /* (32, N) outputs in bf16: step t reads t % 2 and writes the other */
    uint16_t *room;   /* for operands that do not lie in whole tiles */
    float *sums;      /* (2, 4, 32, 32) */
    chore todo;
    int rows_a_step; /* of the chore beside a step of the product */
} strip;

/* Not inlined: it keeps its constants in registers, and the product's loop stays small. */
static __attribute__((noinline)) void pass_rows(const strip *s, int begin, int end) {
    const stoa_lstm_tiles *w = s->w;
    const chore *c = &s->todo;
    bool last = s->t == w->steps - 1;
    for (int i = begin; i < end; i++) {
        int64_t r = s->first + i, at = s->t * w->batch + r;
        const stoa_lstm_row row = {
            .n = w->n,
            .bias = w->bias,
            .c = w->c + r * w->n,
            .y = w->y + at * w->n,
            .gates = w->gates ? w->gates + at * 4 * w->n : NULL,
            .cells = w->gates ? w->cells + at * w->n : NULL,
            .h = last ? w->h + r * w->n : NULL,
            .narrow = s->h[(s->t + 1) % 2] + i * w->n,
        };
        const float *z = c->sums + i * 32;
        stoa_lstm_forward_at(&row, STOA_BF16, z, STOA_AMX_BLOCK, c->first, STOA_LANES);
        stoa_lstm_forward_at(&row, STOA_BF16, z + STOA_LANES, STOA_AMX_BLOCK, c->first + STOA_LANES,
                             STOA_LANES);
    }
}

STOA_INLINE void do_chore(strip *s, int rows) {
    int end = s->todo.row + rows;
    end = end < s->todo.rows ? end : s->todo.rows;
    if (s->todo.row >= end)
        return;
    pass_rows(s, s->todo.row, end);
    s->todo.row = end;
}

/* Adds the product of 32 rows and a panel to tiles 0-3. */
static void accumulate(strip *s, stoa_strip a, const uint16_t *b, int64_t steps) {
    for (int64_t i = 0; i < steps; i++) {
        _tile_loadd(4, a.first, a.row_bytes);
        _tile_loadd(6, b, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(7, b + 512, 64);
        _tile_dpbf16ps(1, 4, 7);
        _tile_loadd(5, a.second, a.row_bytes);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
        do_chore(s, s->rows_a_step);
        a.first += a.step;
        a.second += a.step;
        b += STOA_AMX_BLOCK;
    }
}

/* Rows of the strip as a left operand: in place, or padded to whole tiles. */
static stoa_strip left_of(const uint16_t *rows, int64_t k, int count, uint16_t *room) {
    if (count == STRIP && k % STOA_AMX_STEP == 0)
        return (stoa_strip){rows, rows + 16 * k, k * 2, STOA_AMX_STEP};
    const stoa_amx_matrix m = {rows, STOA_BF16, k, count, k};
    for (int64_t i = 0; i * STOA_AMX_STEP < k; i++)
        stoa_amx_tiles_inner(&m, 0, i, room + i * STOA_AMX_BLOCK);
    return stoa_strip_packed(room);
}

/* The state before the first step that is walked. */
static void begin(const strip *s) {
    const stoa_lstm_tiles *w = s->w;
    for (int i = 0; i < s->count; i++) {
        int64_t n = w->n, at = (s->first + i) * n, before = (w->known - 1) * w->batch * n + at;
        uint16_t *h = s->h[w->known % 2] + i * n;
        const float *c = w->known > 0 ? w->cells + before : w->c0 ? w->c0 + at : NULL;
        if (w->known > 0)
            memcpy(h, w->y + before, (size_t)n * sizeof *h);
        else if (w->h0)
            stoa_f32_to_bf16_row(h, w->h0 + at, n);
        else
            memset(h, 0, (size_t)n * sizeof *h);
        if (c)
            memcpy(w->c + at, c, (size_t)n * sizeof *c);
        else
            memset(w->c + at, 0, (size_t)n * sizeof *w->c);
    }
}

/* Zeroes the state where an episode begins, and keeps what the products will read. */
static void settle(const strip *s, uint16_t *h) {
    const stoa_lstm_tiles *w = s->w;
    size_t x_bytes = (size_t)w->k * sizeof *h, h_bytes = (size_t)w->n * sizeof *h;
    for (int i = 0; i < s->count; i++, h += w->n) {
        int64_t at = s->t * w->batch + s->first + i;
        if (w->reset && w->reset[at]) {
            memset(h, 0, h_bytes);
            memset(w->c + (s->first + i) * w->n, 0, (size_t)w->n * sizeof *w->c);
        }
        if (w->both) {
            memcpy(w->both + at * (w->k + w->n), w->x + at * w->k, x_bytes);
            memcpy(w->both + at * (w->k + w->n) + w->k, h, h_bytes);
        }
    }
}

static void step(strip *s) {
    const stoa_lstm_tiles *w = s->w;
    int64_t along_x = stoa_ceil_div(w->k, STOA_AMX_STEP), along_h = w->n / STOA_AMX_STEP;
    uint16_t *h = s->h[s->t % 2], *room_h = s->room + along_x * STOA_AMX_BLOCK;
    float *sums = s->sums;
    settle(s, h);
    stoa_strip x = left_of(w->x + (s->t * w->batch + s->first) * w->k, w->k, s->count, s->room);
    stoa_strip before = left_of(h, w->n, s->count, room_h);
    if (s->t == 0 && !w->h0)
        along_h = 0;
    s->todo = (chore){0};
    s->rows_a_step = (int)stoa_ceil_div(s->count, 4 * (along_x + along_h));
    for (int64_t u = 0; u < w->n / 32; u++, sums = u % 2 ? sums + SUMS : sums - SUMS) {
        for (int64_t g = 0; g < 4; g++) {
            int64_t panel = g * (w->n / 32) + u;
            stoa_amx_barrier();
            stoa_clear_tiles();
            accumulate(s, x, w->panels_x + panel * along_x * STOA_AMX_BLOCK, along_x);
            accumulate(s, before, w->panels_h + panel * (w->n / 32) * STOA_AMX_BLOCK, along_h);
            stoa_store_tiles(sums + g * STOA_AMX_BLOCK);
            stoa_amx_barrier();
        }
        do_chore(s, STRIP); /* what is left of the cells before */
        s->todo = (chore){.sums = sums, .first = u * 32, .rows = s->count};
    }
    do_chore(s, STRIP);
}

size_t stoa_lstm_tiles_scratch(const stoa_lstm_tiles *w) {
    return 2 * SUMS * sizeof(float) + (stoa_amx_packed(STRIP, w->k) + stoa_amx_packed(STRIP, w->n) +
                                       (size_t)(2 * STRIP * w->n)) *
                                          sizeof(uint16_t);
}

void stoa_lstm_tiles_walk(const stoa_lstm_tiles *w, int64_t from, int64_t end, char *scratch) {
    strip s = {.w = w, .sums = (float *)(void *)scratch};
    s.h[0] = (uint16_t *)(void *)(s.sums + 2 * SUMS);
    s.h[1] = s.h[0] + STRIP * w->n;
    s.room = s.h[1] + STRIP * w->n;
    stoa_amx_enter();
    for (s.first = from; s.first < end; s.first += STRIP) {
        s.count = (int)stoa_least(STRIP, end - s.first);
        begin(&s);
        for (s.t = w->known; s.t < w->steps; s.t++)
            step(&s);
    }
    stoa_amx_leave();
}

#endif /* STOA_HAVE_AMX */
