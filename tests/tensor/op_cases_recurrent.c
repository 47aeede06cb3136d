/* tests/tensor/op_cases_recurrent.c - cases of the recurrent layers. */
#include "op_cases.h"

/* d: T, B, K, N */
static const int64_t dims[][8] = {
    {2, 2, 2, 3}, {1, 1, 1, 1},    {3, 1, 4, 2},    {0, 2, 2, 3},     {2, 0, 3, 2},
    {4, 5, 7, 9}, {5, 13, 33, 20}, {3, 17, 40, 65}, {10, 32, 64, 64}, {3, 37, 45, 32}};

typedef struct weights {
    stoa_tensor *x, *h;
} weights;

/* Weights small enough that the gates are not saturated. */
static weights matrices(op_env *e, const int64_t *d, int64_t gates) {
    double bound = d[2] + d[3] > 50 ? 0.15 : 0.6;
    return (weights){
        op_input_in(e, "weight_x", OP_PARAM, -bound, bound, STOA_SHAPE(gates * d[3], d[2])),
        op_input_in(e, "weight_h", OP_PARAM, -bound, bound, STOA_SHAPE(gates * d[3], d[3]))};
}

static stoa_tensor *lstm(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input(e, "x", OP_ACT, STOA_SHAPE(d[0], d[1], d[2])), *h, *c;
    weights w = matrices(e, d, 4);
    stoa_tensor *bias = op_input(e, "bias", OP_PARAM, STOA_SHAPE(4 * d[3]));
    stoa_tensor *y = stoa_lstm(op_ctx(e), x, w.x, w.h, bias, NULL, NULL, NULL, &h, &c);
    op_also(e, h);
    op_also(e, c);
    return y;
}

static stoa_tensor *lstm_continued(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input(e, "x", OP_ACT, STOA_SHAPE(d[0], d[1], d[2])), *h, *c;
    weights w = matrices(e, d, 4);
    stoa_tensor *bias = op_input(e, "bias", OP_PARAM, STOA_SHAPE(4 * d[3]));
    stoa_tensor *h0 = op_input_in(e, "h0", OP_FULL, -1, 1, STOA_SHAPE(d[1], d[3]));
    stoa_tensor *c0 = op_input(e, "c0", OP_FULL, STOA_SHAPE(d[1], d[3]));
    stoa_tensor *reset = op_flags(e, "reset", 0.3, STOA_SHAPE(d[0], d[1]));
    stoa_tensor *y = stoa_lstm(op_ctx(e), x, w.x, w.h, bias, h0, c0, reset, &h, &c);
    op_also(e, h);
    op_also(e, c);
    return y;
}

/* Only the last state is used further: no gradient arrives at the sequence of outputs. */
static stoa_tensor *lstm_last(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input(e, "x", OP_ACT, STOA_SHAPE(d[0], d[1], d[2])), *h;
    weights w = matrices(e, d, 4);
    stoa_tensor *bias = op_input(e, "bias", OP_PARAM, STOA_SHAPE(4 * d[3]));
    stoa_lstm(op_ctx(e), x, w.x, w.h, bias, NULL, NULL, NULL, &h, NULL);
    return h;
}

static stoa_tensor *gru(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input(e, "x", OP_ACT, STOA_SHAPE(d[0], d[1], d[2])), *h;
    weights w = matrices(e, d, 3);
    stoa_tensor *bias_x = op_input(e, "bias_x", OP_PARAM, STOA_SHAPE(3 * d[3]));
    stoa_tensor *bias_h = op_input(e, "bias_h", OP_PARAM, STOA_SHAPE(3 * d[3]));
    stoa_tensor *y = stoa_gru(op_ctx(e), x, w.x, w.h, bias_x, bias_h, NULL, NULL, &h);
    op_also(e, h);
    return y;
}

static stoa_tensor *gru_continued(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input(e, "x", OP_ACT, STOA_SHAPE(d[0], d[1], d[2])), *h;
    weights w = matrices(e, d, 3);
    stoa_tensor *bias_x = op_input(e, "bias_x", OP_PARAM, STOA_SHAPE(3 * d[3]));
    stoa_tensor *bias_h = op_input(e, "bias_h", OP_PARAM, STOA_SHAPE(3 * d[3]));
    stoa_tensor *h0 = op_input(e, "h0", OP_FULL, STOA_SHAPE(d[1], d[3]));
    stoa_tensor *reset = op_flags(e, "reset", 0.3, STOA_SHAPE(d[0], d[1]));
    stoa_tensor *y = stoa_gru(op_ctx(e), x, w.x, w.h, bias_x, bias_h, h0, reset, &h);
    op_also(e, h);
    return y;
}

#define CASE(upper, name, function, extra)                                                         \
    {                                                                                              \
        .op = STOA_OP_##upper, .label = name, .build = function, .dims = dims,                     \
        .dims_count = OP_COUNT(dims), .tol_f32 = 5e-6, .tol_bf16 = 1e-2, .extra_output = extra     \
    }

const op_case op_cases_recurrent[] = {
    CASE(LSTM, "", lstm, 2),
    CASE(LSTM, "state and resets", lstm_continued, 2),
    CASE(LSTM, "last state alone", lstm_last, 0),
    CASE(GRU, "", gru, 1),
    CASE(GRU, "state and resets", gru_continued, 1),
};
const int op_cases_recurrent_count = OP_COUNT(op_cases_recurrent);
