/* tests/tensor/op_cases_norm.c - cases of normalisations. dims: rows, N */
#include "op_cases.h"

static const double EPS = 1e-5;

typedef struct inputs {
    stoa_tensor *x, *delta, *weight, *bias;
} inputs;

static inputs inputs_of(op_env *e, const int64_t *d, op_role role, bool bias) {
    return (inputs){
        .x = op_input_in(e, "x", role, -1, 3, STOA_SHAPE(d[0], d[1])),
        .weight = op_input_in(e, "weight", OP_PARAM, 0.5, 1.5, STOA_SHAPE(d[1])),
        .bias = bias ? op_input(e, "bias", OP_PARAM, STOA_SHAPE(d[1])) : NULL,
    };
}

static stoa_tensor *layer_norm_case(op_env *e, const int64_t *d) {
    inputs in = inputs_of(e, d, OP_ACT, true);
    return stoa_layer_norm(op_ctx(e), in.x, in.weight, in.bias, EPS, op_act(e));
}

static stoa_tensor *layer_norm_wide_case(op_env *e, const int64_t *d) {
    inputs in = inputs_of(e, d, OP_FULL, false);
    return stoa_layer_norm(op_ctx(e), in.x, in.weight, NULL, EPS, op_act(e));
}

/* A mean far larger than the deviation. */
static stoa_tensor *layer_norm_offset_case(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input_in(e, "x", OP_FULL, 999, 1001, STOA_SHAPE(d[0], d[1]));
    inputs in = {.weight = op_input(e, "weight", OP_PARAM, STOA_SHAPE(d[1]))};
    return stoa_layer_norm(op_ctx(e), x, in.weight, NULL, EPS, op_full(e));
}

static stoa_tensor *rms_norm_case(op_env *e, const int64_t *d) {
    inputs in = inputs_of(e, d, OP_ACT, false);
    return stoa_rms_norm(op_ctx(e), in.x, in.weight, EPS, op_act(e));
}

static stoa_tensor *rms_norm_wide_case(op_env *e, const int64_t *d) {
    inputs in = inputs_of(e, d, OP_FULL, false);
    return stoa_rms_norm(op_ctx(e), in.x, in.weight, EPS, op_act(e));
}

static stoa_tensor *residual(op_env *e, const int64_t *d, op_role role, bool layer, bool bias) {
    inputs in = inputs_of(e, d, role, bias);
    in.delta = op_input(e, "delta", OP_ACT, STOA_SHAPE(d[0], d[1]));
    stoa_tensor *sum;
    stoa_tensor *y = stoa_residual_norm(op_ctx(e), in.x, in.delta, in.weight, in.bias, layer, EPS,
                                        op_act(e), &sum);
    op_also(e, sum);
    return y;
}

static stoa_tensor *residual_layer_case(op_env *e, const int64_t *d) {
    return residual(e, d, OP_FULL, true, true);
}

static stoa_tensor *residual_layer_plain_case(op_env *e, const int64_t *d) {
    return residual(e, d, OP_FULL, true, false);
}

static stoa_tensor *residual_rms_case(op_env *e, const int64_t *d) {
    return residual(e, d, OP_FULL, false, false);
}

static stoa_tensor *residual_narrow_case(op_env *e, const int64_t *d) {
    return residual(e, d, OP_ACT, false, false);
}

/* Only one of the two results is used further. */
static stoa_tensor *residual_norm_only_case(op_env *e, const int64_t *d) {
    inputs in = inputs_of(e, d, OP_FULL, true);
    in.delta = op_input(e, "delta", OP_ACT, STOA_SHAPE(d[0], d[1]));
    stoa_tensor *sum;
    return stoa_residual_norm(op_ctx(e), in.x, in.delta, in.weight, in.bias, true, EPS, op_full(e),
                              &sum);
}

static stoa_tensor *residual_sum_only_case(op_env *e, const int64_t *d) {
    inputs in = inputs_of(e, d, OP_FULL, true);
    in.delta = op_input(e, "delta", OP_ACT, STOA_SHAPE(d[0], d[1]));
    stoa_tensor *sum;
    stoa_residual_norm(op_ctx(e), in.x, in.delta, in.weight, in.bias, true, EPS, op_full(e), &sum);
    return sum;
}

/* The same tensor as stream and as delta. */
static stoa_tensor *residual_itself_case(op_env *e, const int64_t *d) {
    inputs in = inputs_of(e, d, OP_FULL, true);
    stoa_tensor *sum;
    return stoa_residual_norm(op_ctx(e), in.x, in.x, in.weight, in.bias, true, EPS, op_full(e),
                              &sum);
}

/* dims: B, C, H, W (both 0: (B, C)) */
static stoa_tensor *batch_norm(op_env *e, const int64_t *d, bool training) {
    stoa_ctx *ctx = op_ctx(e);
    stoa_tensor *x = d[2] ? op_input(e, "x", OP_ACT, STOA_SHAPE(d[0], d[1], d[2], d[3]))
                          : op_input(e, "x", OP_ACT, STOA_SHAPE(d[0], d[1]));
    stoa_tensor *weight = op_input_in(e, "weight", OP_PARAM, 0.5, 1.5, STOA_SHAPE(d[1]));
    stoa_tensor *bias = op_input(e, "bias", OP_PARAM, STOA_SHAPE(d[1]));
    stoa_tensor *mean = op_input(e, "mean", OP_CONST, STOA_SHAPE(d[1]));
    stoa_tensor *variance = op_input_in(e, "variance", OP_CONST, 0.5, 2, STOA_SHAPE(d[1]));
    stoa_ctx_set_training(ctx, training);
    stoa_tensor *y = stoa_batch_norm(ctx, x, weight, bias, mean, variance, 0.9, EPS);
    op_also(e, mean);
    op_also(e, variance);
    return y;
}

static stoa_tensor *batch_norm_training_case(op_env *e, const int64_t *d) {
    return batch_norm(e, d, true);
}

static stoa_tensor *batch_norm_running_case(op_env *e, const int64_t *d) {
    return batch_norm(e, d, false);
}

static stoa_tensor *l2_normalize_case(op_env *e, const int64_t *d) {
    return stoa_l2_normalize(op_ctx(e), op_input(e, "x", OP_ACT, STOA_SHAPE(d[0], d[1])), 1e-12);
}

/* Norms below eps. */
static stoa_tensor *l2_normalize_small_case(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input_in(e, "x", OP_ACT, -1e-3, 1e-3, STOA_SHAPE(d[0], d[1]));
    return stoa_l2_normalize(op_ctx(e), x, 1.0);
}

static const int64_t dims[][8] = {{3, 5},   {0, 4},     {7, 18},   {100, 64},
                                  {5, 513}, {130, 256}, {3, 2050}, {4096, 256}};
static const int64_t batch_dims[][8] = {{4, 3, 2, 3},  {3, 2, 1, 1},   {7, 5},          {64, 150},
                                        {5, 33, 8, 9}, {3, 4, 30, 30}, {32, 64, 14, 14}};

#define ROW(op, label, build, dims, ...)                                                           \
    { STOA_OP_##op, label, build##_case, dims, OP_COUNT(dims), .speed_rows = 1, __VA_ARGS__ }
#define TOLERANCE .tol_f32 = 1e-5, .tol_bf16 = 1e-2

const op_case op_cases_norm[] = {
    ROW(LAYER_NORM, "", layer_norm, dims, TOLERANCE),
    ROW(LAYER_NORM, "f32 in, no bias", layer_norm_wide, dims, TOLERANCE),
    ROW(LAYER_NORM, "offset", layer_norm_offset, dims, .tol_f32 = 2e-4, .tol_bf16 = 1e-2),
    ROW(RMS_NORM, "", rms_norm, dims, TOLERANCE),
    ROW(RMS_NORM, "f32 in", rms_norm_wide, dims, TOLERANCE),
    ROW(RESIDUAL_NORM, "layer", residual_layer, dims, TOLERANCE, .extra_output = 1),
    ROW(RESIDUAL_NORM, "layer, no bias", residual_layer_plain, dims, TOLERANCE, .extra_output = 1),
    ROW(RESIDUAL_NORM, "rms", residual_rms, dims, TOLERANCE, .extra_output = 1),
    ROW(RESIDUAL_NORM, "rms, bf16 stream", residual_narrow, dims, TOLERANCE, .extra_output = 1),
    ROW(RESIDUAL_NORM, "norm used", residual_norm_only, dims, TOLERANCE),
    ROW(RESIDUAL_NORM, "sum used", residual_sum_only, dims, TOLERANCE),
    ROW(RESIDUAL_NORM, "itself", residual_itself, dims, TOLERANCE),
    ROW(BATCH_NORM, "training", batch_norm_training, batch_dims, TOLERANCE, .extra_output = 2),
    ROW(BATCH_NORM, "running", batch_norm_running, batch_dims, TOLERANCE, .extra_output = 2),
    ROW(L2_NORMALIZE, "", l2_normalize, dims, TOLERANCE),
    ROW(L2_NORMALIZE, "small", l2_normalize_small, dims, TOLERANCE),
};
const int op_cases_norm_count = OP_COUNT(op_cases_norm);
