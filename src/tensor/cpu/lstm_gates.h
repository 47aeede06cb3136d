/*
 * tensor/cpu/lstm_gates.h - one row of an LSTM's gates, forward and backward, in full vectors.
 *
 * Sums, state and gradients of the state are float32. A row of 4N is input | forget | cell |
 * output. Beside bfloat16 activations gates are kept in 16 bits too, but of fixed point: their
 * slopes are products with 1 - gate, of which bfloat16 would leave little where a gate is open.
 */
#ifndef STOA_TENSOR_CPU_LSTM_GATES_H
#define STOA_TENSOR_CPU_LSTM_GATES_H

#include "tensor/cpu/lanes_math.h"

STOA_INLINE void stoa_lstm_keep(void *gates, stoa_dtype dtype, int64_t at, int64_t m,
                                stoa_lanes v) {
    if (dtype == STOA_BF16)
        stoa_lanes_put_fixed((int16_t *)gates + at, m, v);
    else
        stoa_lanes_put(gates, STOA_F32, at, m, v);
}

STOA_INLINE stoa_lanes stoa_lstm_kept(const void *gates, stoa_dtype dtype, int64_t at, int64_t m) {
    return dtype == STOA_BF16 ? stoa_lanes_get_fixed((const int16_t *)gates + at, m)
                              : stoa_lanes_get(gates, STOA_F32, at, m);
}

typedef struct stoa_lstm_row {
    int64_t n;         /* N */
    const float *bias; /* (4N) */
    float *c;          /* (N) the cell before, then after */
    void *y;           /* (N) */
    void *gates;       /* (4N) kept, or NULL */
    float *cells;      /* (N) kept, or NULL */
    float *h;          /* (N) the output in float32, or NULL */
    uint16_t *narrow;  /* (N) in bf16, or NULL */
} stoa_lstm_row;

/* Cells [j, j + m), m <= 16, whose sums without the bias are z[0..], z[stride..] and so on. */
STOA_INLINE void stoa_lstm_forward_at(const stoa_lstm_row *r, stoa_dtype dtype, const float *z,
                                      int64_t stride, int64_t j, int64_t m) {
    stoa_lanes sum[4];
#pragma GCC unroll 4
    for (int g = 0; g < 4; g++)
        sum[g] = stoa_lanes_get(z, STOA_F32, g * stride, m) +
                 stoa_lanes_get(r->bias, STOA_F32, g * r->n + j, m);
    stoa_lanes input = stoa_lanes_sigmoid(sum[0]), forget = stoa_lanes_sigmoid(sum[1]);
    stoa_lanes cell = stoa_lanes_tanh(sum[2]), output = stoa_lanes_sigmoid(sum[3]);
    stoa_lanes next = forget * stoa_lanes_get(r->c, STOA_F32, j, m) + input * cell;
    stoa_lanes h = output * stoa_lanes_tanh(next);
    stoa_lanes_put(r->c, STOA_F32, j, m, next);
    stoa_lanes_put(r->y, dtype, j, m, h);
    if (r->gates) {
        stoa_lstm_keep(r->gates, dtype, j, m, input);
        stoa_lstm_keep(r->gates, dtype, r->n + j, m, forget);
        stoa_lstm_keep(r->gates, dtype, 2 * r->n + j, m, cell);
        stoa_lstm_keep(r->gates, dtype, 3 * r->n + j, m, output);
        stoa_lanes_put(r->cells, STOA_F32, j, m, next);
    }
    if (r->h)
        stoa_lanes_put(r->h, STOA_F32, j, m, h);
    if (r->narrow)
        stoa_lanes_put(r->narrow, STOA_BF16, j, m, h);
}

/* A whole row with its sums (4N). */
STOA_INLINE void stoa_lstm_forward_row(const stoa_lstm_row *r, stoa_dtype dtype, const float *z) {
    int64_t j = 0;
    for (; j + STOA_LANES <= r->n; j += STOA_LANES)
        stoa_lstm_forward_at(r, dtype, z + j, r->n, j, STOA_LANES);
    if (j < r->n)
        stoa_lstm_forward_at(r, dtype, z + j, r->n, j, r->n - j);
}

typedef struct stoa_lstm_back {
    int64_t n;
    const void *gates;     /* (4N) of dtype */
    const float *c;        /* (N) the cell after the step */
    const float *c_before; /* (N) */
    const void *dy;        /* (N) of dtype: what arrived at the output; or NULL */
    const float *dh;       /* (N) what came back from the step after */
    float *dc;             /* (N) of the cell after the step, then before */
    void *dz;              /* (4N) of the operands' type */
} stoa_lstm_back;

STOA_INLINE void stoa_lstm_backward_at(const stoa_lstm_back *r, stoa_dtype dtype,
                                       stoa_dtype operand, int64_t j, int64_t m) {
    stoa_lanes gate[4];
#pragma GCC unroll 4
    for (int g = 0; g < 4; g++)
        gate[g] = stoa_lstm_kept(r->gates, dtype, g * r->n + j, m);
    stoa_lanes input = gate[0], forget = gate[1], cell = gate[2], output = gate[3];
    stoa_lanes squashed = stoa_lanes_tanh(stoa_lanes_get(r->c, STOA_F32, j, m));
    stoa_lanes dh = stoa_lanes_get(r->dh, STOA_F32, j, m);
    if (r->dy)
        dh += stoa_lanes_get(r->dy, dtype, j, m);
    stoa_lanes d =
        stoa_lanes_get(r->dc, STOA_F32, j, m) + dh * output * (1.0f - squashed * squashed);
    stoa_lanes before = stoa_lanes_get(r->c_before, STOA_F32, j, m);
    stoa_lanes_put(r->dz, operand, j, m, d * cell * input * (1.0f - input));
    stoa_lanes_put(r->dz, operand, r->n + j, m, d * before * forget * (1.0f - forget));
    stoa_lanes_put(r->dz, operand, 2 * r->n + j, m, d * input * (1.0f - cell * cell));
    stoa_lanes_put(r->dz, operand, 3 * r->n + j, m, dh * squashed * output * (1.0f - output));
    stoa_lanes_put(r->dc, STOA_F32, j, m, d * forget);
}

STOA_INLINE void stoa_lstm_backward_row(const stoa_lstm_back *r, stoa_dtype dtype,
                                        stoa_dtype operand) {
    int64_t j = 0;
    for (; j + STOA_LANES <= r->n; j += STOA_LANES)
        stoa_lstm_backward_at(r, dtype, operand, j, STOA_LANES);
    if (j < r->n)
        stoa_lstm_backward_at(r, dtype, operand, j, r->n - j);
}

#endif /* STOA_TENSOR_CPU_LSTM_GATES_H */
