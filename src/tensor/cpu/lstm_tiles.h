/*
 * tensor/cpu/lstm_tiles.h - an LSTM's walk through time in bfloat16 tiles, products and gates in
 * one: what lstm.c does with a product after the other, for widths that are whole tiles.
 */
#ifndef STOA_TENSOR_CPU_LSTM_TILES_H
#define STOA_TENSOR_CPU_LSTM_TILES_H

#include "tensor/cpu/amx.h"
#include "tensor/cpu/lanes.h"

typedef struct stoa_lstm_tiles {
    int64_t known;                       /* steps whose results are there: the first to walk */
    int64_t steps, batch, k, n;          /* T > known, B, K, N; N a multiple of 32 */
    const uint16_t *x;                   /* (T, B, K) */
    const uint16_t *panels_x, *panels_h; /* of the weights, packed forward */
    const float *bias;                   /* (4N) */
    const uint8_t *reset;                /* (T, B), or NULL */
    const float *h0, *c0;                /* (B, N) before step 0, or NULL: zeroes */
    float *h, *c;                        /* (B, N) after the last step */
    uint16_t *y;                         /* (T, B, N) */
    int16_t *gates;                      /* (T, B, 4N) kept in fixed point, or NULL */
    uint16_t *both;                      /* (T, B, K + N) kept: x | the output before; or NULL */
    float *cells;                        /* (T, B, N) kept, or NULL */
} stoa_lstm_tiles;

#if STOA_HAVE_AMX
/* Bytes of scratch a thread needs, 64-byte aligned. */
size_t stoa_lstm_tiles_scratch(const stoa_lstm_tiles *w);
/* All steps of the instances [from, end). Their bits do not depend on the range. */
void stoa_lstm_tiles_walk(const stoa_lstm_tiles *w, int64_t from, int64_t end, char *scratch);
#endif

#endif /* STOA_TENSOR_CPU_LSTM_TILES_H */
