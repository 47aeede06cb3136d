/* tests/tensor/op_cases_loss.c - cases of softmax and the losses. dims: rows, V */
#include "op_cases.h"

static stoa_tensor *softmax_case(op_env *e, const int64_t *d) {
    return stoa_softmax(op_ctx(e), op_input(e, "x", OP_ACT, STOA_SHAPE(d[0], d[1])));
}

/* Logits that differ by more than exp can hold. */
static stoa_tensor *softmax_wide_case(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input_in(e, "x", OP_ACT, -150, 150, STOA_SHAPE(d[0], d[1]));
    return stoa_softmax(op_ctx(e), x);
}

static stoa_tensor *log_softmax_case(op_env *e, const int64_t *d) {
    return stoa_log_softmax(op_ctx(e), op_input(e, "x", OP_ACT, STOA_SHAPE(d[0], d[1])));
}

static stoa_tensor *log_softmax_wide_case(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input_in(e, "x", OP_ACT, -150, 150, STOA_SHAPE(d[0], d[1]));
    return stoa_log_softmax(op_ctx(e), x);
}

static stoa_tensor *cross_entropy_case(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input(e, "logits", OP_ACT, STOA_SHAPE(d[0], d[1]));
    return stoa_cross_entropy(op_ctx(e), x, op_index(e, "targets", 0, d[1], STOA_SHAPE(d[0])));
}

/* A third of the targets is missing; full-precision logits. */
static stoa_tensor *cross_entropy_masked_case(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input_in(e, "logits", OP_FULL, -30, 30, STOA_SHAPE(d[0], 1, d[1]));
    stoa_tensor *targets = op_index(e, "targets", -d[1] / 2 - 1, d[1], STOA_SHAPE(d[0], 1));
    return stoa_cross_entropy(op_ctx(e), x, targets);
}

static stoa_tensor *bce_case(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input_in(e, "x", OP_ACT, -20, 20, STOA_SHAPE(d[0], d[1]));
    stoa_tensor *y = op_input_in(e, "y", OP_CONST, 0, 1, STOA_SHAPE(d[0], d[1]));
    return stoa_binary_cross_entropy(op_ctx(e), x, y);
}

static stoa_tensor *squared_error_case(op_env *e, const int64_t *d) {
    stoa_tensor *a = op_input(e, "a", OP_ACT, STOA_SHAPE(d[0], d[1]));
    return stoa_squared_error(op_ctx(e), a, op_input(e, "b", OP_FULL, STOA_SHAPE(d[0], d[1])));
}

static stoa_tensor *squared_error_to_constant_case(op_env *e, const int64_t *d) {
    stoa_tensor *a = op_input(e, "a", OP_FULL, STOA_SHAPE(d[0], d[1]));
    return stoa_squared_error(op_ctx(e), a, op_input(e, "b", OP_CONST, STOA_SHAPE(d[0], d[1])));
}

static const int64_t dims[][8] = {{3, 5},   {2, 1},    {0, 4},    {7, 18},
                                  {5, 513}, {300, 64}, {3, 5003}, {2048, 256}};
static const int64_t vocabulary[][8] = {{2, 9}, {512, 50257}};

#define ROW(op, label, build, dims, ...)                                                           \
    { STOA_OP_##op, label, build##_case, dims, OP_COUNT(dims), .speed_rows = 1, __VA_ARGS__ }

const op_case op_cases_loss[] = {
    ROW(SOFTMAX, "", softmax, dims, .tol_f32 = 5e-6, .tol_bf16 = 1e-2),
    ROW(SOFTMAX, "wide", softmax_wide, dims, .tol_f32 = 2e-5, .tol_bf16 = 1e-2),
    ROW(LOG_SOFTMAX, "", log_softmax, dims, .tol_f32 = 5e-6, .tol_bf16 = 1e-2),
    ROW(LOG_SOFTMAX, "wide", log_softmax_wide, dims, .tol_f32 = 2e-5, .tol_bf16 = 1e-2),
    ROW(CROSS_ENTROPY, "", cross_entropy, dims, .tol_f32 = 5e-6, .tol_bf16 = 1e-2),
    ROW(CROSS_ENTROPY, "masked", cross_entropy_masked, dims, .tol_f32 = 1e-5, .tol_bf16 = 1e-2),
    ROW(CROSS_ENTROPY, "vocabulary", cross_entropy, vocabulary, .tol_f32 = 5e-6, .tol_bf16 = 1e-2),
    ROW(BINARY_CROSS_ENTROPY, "", bce, dims, .tol_f32 = 5e-6, .tol_bf16 = 1e-2),
    ROW(SQUARED_ERROR, "", squared_error, dims, .tol_f32 = 2e-6, .tol_bf16 = 1e-2),
    ROW(SQUARED_ERROR, "to constant", squared_error_to_constant, dims, .tol_f32 = 2e-6,
        .tol_bf16 = 1e-2),
};
const int op_cases_loss_count = OP_COUNT(op_cases_loss);
