/* tensor/cpu/amx_sum.h - sums of tile products, one after the other. */
#ifndef STOA_TENSOR_CPU_AMX_SUM_H
#define STOA_TENSOR_CPU_AMX_SUM_H

#include <stddef.h>

#include "tensor/cpu/amx.h"

#if STOA_HAVE_AMX

/* to (32, 16) = sum over n steps of left (32, 32) x right (32, 16), or added to what is there.
 * left: rows of bf16, `left_pitch` elements apart; right: a packed tile; both move by their step.
 * to: rows of float32, `pitch` apart. */
typedef struct stoa_tile_sum {
    const uint16_t *left, *right;
    int64_t left_pitch, left_step, right_step, n;
    float *to;
    int64_t pitch;
    bool add;
} stoa_tile_sum;

/* A store waits for the last product and holds up the tile instructions behind it. So two pairs of
 * tiles take turns: one pair's sum is stored after the other's products are on their way. */
typedef struct stoa_tile_line {
    float *late; // where the finished sum is to go
    int64_t pitch;
    bool odd; // it is in the second pair
} stoa_tile_line;

/* Stops the compiler from moving other code's stores past tile loads, of which gcc knows nothing.
 */
#define STOA_TILE_FENCE() __asm__ volatile("" ::: "memory")

#define STOA_TILE_SUM(upper, lower, packed)                                                        \
    do {                                                                                           \
        if (s.add) {                                                                               \
            _tile_loadd(upper, s.to, s.pitch * 4);                                                 \
            _tile_loadd(lower, s.to + 16 * s.pitch, s.pitch * 4);                                  \
        } else {                                                                                   \
            _tile_zero(upper);                                                                     \
            _tile_zero(lower);                                                                     \
        }                                                                                          \
        for (int64_t i = 0; i < s.n; i++) {                                                        \
            const uint16_t *x = s.left + i * s.left_step;                                          \
            _tile_loadd(packed, s.right + i * s.right_step, 64);                                   \
            _tile_loadd(4, x, s.left_pitch * 2);                                                   \
            _tile_dpbf16ps(upper, 4, packed);                                                      \
            _tile_loadd(5, x + 16 * s.left_pitch, s.left_pitch * 2);                               \
            _tile_dpbf16ps(lower, 5, packed);                                                      \
        }                                                                                          \
    } while (0)

#define STOA_TILE_STORE(upper, lower)                                                              \
    do {                                                                                           \
        _tile_stored(upper, line->late, line->pitch * 4);                                          \
        _tile_stored(lower, line->late + 16 * line->pitch, line->pitch * 4);                       \
    } while (0)

/* Adds a sum to the line; it is in memory after the next push or the flush. */
static inline __attribute__((always_inline)) void stoa_tile_push(stoa_tile_line *line,
                                                                 stoa_tile_sum s) {
    STOA_TILE_FENCE();
    if (line->odd) {
        STOA_TILE_SUM(0, 1, 6);
        if (line->late)
            STOA_TILE_STORE(2, 3);
    } else {
        STOA_TILE_SUM(2, 3, 7);
        if (line->late)
            STOA_TILE_STORE(0, 1);
    }
    line->odd = !line->odd;
    line->late = s.to;
    line->pitch = s.pitch;
}

static inline void stoa_tile_flush(stoa_tile_line *line) {
    if (line->late && line->odd)
        STOA_TILE_STORE(2, 3);
    else if (line->late)
        STOA_TILE_STORE(0, 1);
    line->late = NULL;
    STOA_TILE_FENCE();
}

#endif
#endif /* STOA_TENSOR_CPU_AMX_SUM_H */
