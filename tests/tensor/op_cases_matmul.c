/* tests/tensor/op_cases_matmul.c - cases of matrix products, convolution and pooling. */
#include "op_cases.h"

/* ---- linear ---------------------------------------------------------------------------------- */

/* d: M, K, N. Around the tile sizes 16 and 32, cuts of inner dimensions, threads sharing rows or
 * columns. */
static const int64_t linear_dims[][8] = {
    {3, 4, 5},        {1, 1, 1},        {7, 33, 2},        {16, 32, 16},      {33, 31, 65},
    {0, 5, 4},        {6, 0, 4},        {4, 5, 0},         {2, 17, 100},      {97, 64, 96},
    {390, 130, 70},   {500, 96, 320},   {450, 40, 600},    {40, 300, 1100},   {64, 6200, 48},
    {2048, 128, 512}, {2048, 384, 384}, {2048, 384, 1536}, {2048, 1536, 384}, {2048, 768, 2304},
};

static stoa_tensor *linear_with(op_env *e, const int64_t *d, bool bias, bool full) {
    stoa_tensor *x = op_input(e, "x", OP_ACT, STOA_SHAPE(d[0], d[1]));
    stoa_tensor *w = op_input(e, "w", OP_PARAM, STOA_SHAPE(d[2], d[1]));
    stoa_tensor *b = bias ? op_input(e, "b", OP_PARAM, STOA_SHAPE(d[2])) : NULL;
    return stoa_linear(op_ctx(e), x, w, b, full ? op_full(e) : op_act(e));
}

static stoa_tensor *linear(op_env *e, const int64_t *d) {
    return linear_with(e, d, true, false);
}

static stoa_tensor *linear_no_bias(op_env *e, const int64_t *d) {
    return linear_with(e, d, false, false);
}

static stoa_tensor *linear_full(op_env *e, const int64_t *d) {
    return linear_with(e, d, true, true);
}

/* One weight used twice, on an input used twice: gradients add up. */
static stoa_tensor *linear_tied(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input(e, "x", OP_ACT, STOA_SHAPE(2, d[0], d[1]));
    stoa_tensor *w = op_input(e, "w", OP_PARAM, STOA_SHAPE(d[1], d[1]));
    stoa_tensor *h = stoa_linear(op_ctx(e), x, w, NULL, op_act(e));
    return stoa_add(op_ctx(e), stoa_linear(op_ctx(e), h, w, NULL, op_act(e)),
                    stoa_linear(op_ctx(e), x, w, NULL, op_act(e)));
}

/* d: M, K, N; float32 in every mode: router scores. */
static const int64_t narrow_dims[][8] = {{5, 6, 1},   {1, 1, 2},    {0, 3, 1},
                                         {40, 33, 8}, {300, 70, 3}, {2048, 384, 1}};

static stoa_tensor *linear_narrow(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input(e, "x", OP_FULL, STOA_SHAPE(d[0], d[1]));
    stoa_tensor *w = op_input(e, "w", OP_PARAM, STOA_SHAPE(d[2], d[1]));
    stoa_tensor *b = op_input(e, "b", OP_PARAM, STOA_SHAPE(d[2]));
    return stoa_linear(op_ctx(e), x, w, b, op_full(e));
}

/* A weight that is made in the step. */
static stoa_tensor *linear_made(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input(e, "x", OP_ACT, STOA_SHAPE(d[0], d[1]));
    stoa_tensor *w = op_input(e, "w", OP_FULL, STOA_SHAPE(d[2], d[1]));
    return stoa_linear(op_ctx(e), x, stoa_affine(op_ctx(e), w, 0.5, 0), NULL, op_act(e));
}

/* ---- matmul ---------------------------------------------------------------------------------- */

/* d: batch, M, K, N */
static const int64_t matmul_dims[][8] = {
    {2, 3, 4, 5},   {1, 1, 1, 1},    {0, 3, 2, 2},     {2, 0, 3, 4},      {2, 3, 0, 4},
    {5, 17, 33, 9}, {4, 64, 32, 64}, {1, 100, 65, 47}, {2, 130, 40, 200}, {16, 256, 64, 256},
};

static stoa_tensor *matmul_as(op_env *e, const int64_t *d, bool ta, bool tb, double alpha) {
    stoa_tensor *a = op_input(e, "a", OP_ACT, STOA_SHAPE(d[0], 1, d[ta ? 2 : 1], d[ta ? 1 : 2]));
    stoa_tensor *b = op_input(e, "b", OP_ACT, STOA_SHAPE(d[0], 1, d[tb ? 3 : 2], d[tb ? 2 : 3]));
    return stoa_matmul(op_ctx(e), a, ta, b, tb, alpha);
}

static stoa_tensor *matmul_nn(op_env *e, const int64_t *d) {
    return matmul_as(e, d, false, false, 1);
}

static stoa_tensor *matmul_nt(op_env *e, const int64_t *d) {
    return matmul_as(e, d, false, true, 0.125);
}

static stoa_tensor *matmul_tn(op_env *e, const int64_t *d) {
    return matmul_as(e, d, true, false, -2);
}

static stoa_tensor *matmul_tt(op_env *e, const int64_t *d) {
    return matmul_as(e, d, true, true, 1);
}

/* Both operands the same tensor. */
static stoa_tensor *matmul_self(op_env *e, const int64_t *d) {
    stoa_tensor *a = op_input(e, "a", OP_ACT, STOA_SHAPE(d[0], d[1], d[2]));
    return stoa_matmul(op_ctx(e), a, false, a, true, 1);
}

/* ---- convolution ----------------------------------------------------------------------------- */

/* d: B, C, H, W, O, size, stride, pad (top and left; one less below and right when even) */
static const int64_t conv_dims[][8] = {
    {1, 1, 4, 4, 1, 1, 1, 0},      {2, 2, 5, 4, 3, 3, 1, 1},      {2, 3, 7, 6, 4, 3, 2, 1},
    {0, 3, 5, 5, 2, 3, 1, 1},      {1, 2, 3, 3, 2, 5, 1, 1},      {3, 3, 8, 8, 5, 4, 2, 2},
    {2, 4, 6, 6, 0, 3, 1, 1},      {4, 17, 9, 11, 20, 3, 1, 1},   {2, 8, 20, 20, 16, 8, 4, 0},
    {32, 16, 42, 42, 32, 3, 1, 1}, {32, 32, 21, 21, 32, 3, 1, 1},
};

static stoa_conv_options conv_options(const int64_t *d, int size) {
    int pad = (int)d[7], after = pad - (size % 2 == 0 && pad > 0);
    return (stoa_conv_options){(int)d[6], pad, pad, after, after};
}

static stoa_tensor *conv_with(op_env *e, const int64_t *d, bool bias) {
    stoa_tensor *x = op_input(e, "x", OP_ACT, STOA_SHAPE(d[0], d[1], d[2], d[3]));
    stoa_tensor *w = op_input(e, "w", OP_PARAM, STOA_SHAPE(d[4], d[1], d[5], d[5]));
    stoa_tensor *b = bias ? op_input(e, "b", OP_PARAM, STOA_SHAPE(d[4])) : NULL;
    return stoa_conv2d(op_ctx(e), x, w, b, conv_options(d, (int)d[5]));
}

static stoa_tensor *conv(op_env *e, const int64_t *d) {
    return conv_with(e, d, true);
}

static stoa_tensor *conv_no_bias(op_env *e, const int64_t *d) {
    return conv_with(e, d, false);
}

/* ---- convolution, norm, ReLU and maxima at once ---------------------------------------------- */

/* d: B, C, H, W, O, size, stride, pad; every third channel's norm falls. */
static stoa_tensor *conv_norm_pool(op_env *e, const int64_t *d, bool training) {
    stoa_ctx *ctx = op_ctx(e);
    stoa_tensor *x = op_input(e, "x", OP_FIXED, STOA_SHAPE(d[0], d[1], d[2], d[3]));
    stoa_tensor *w = op_input(e, "w", OP_PARAM, STOA_SHAPE(d[4], d[1], d[5], d[5]));
    stoa_tensor *scale = op_input(e, "scale", OP_PARAM, STOA_SHAPE(d[4]));
    stoa_tensor *shift = op_input(e, "shift", OP_PARAM, STOA_SHAPE(d[4]));
    stoa_tensor *mean = op_input(e, "mean", OP_CONST, STOA_SHAPE(d[4]));
    stoa_tensor *variance = op_input_in(e, "variance", OP_CONST, 0.5, 2, STOA_SHAPE(d[4]));
    stoa_conv_norm_pool_options o = {.conv = conv_options(d, (int)d[5]),
                                     .pool = {2, 1, 1, d[7] > 0, 1},
                                     .size = 3,
                                     .decay = 0.9,
                                     .eps = 1e-5};
    stoa_ctx_set_training(ctx, training);
    stoa_tensor *y = stoa_conv_norm_pool(ctx, x, w, scale, shift, mean, variance, &o);
    op_also(e, mean);
    op_also(e, variance);
    return y;
}

static stoa_tensor *conv_norm_pool_training(op_env *e, const int64_t *d) {
    return conv_norm_pool(e, d, true);
}

static stoa_tensor *conv_norm_pool_running(op_env *e, const int64_t *d) {
    return conv_norm_pool(e, d, false);
}

static const int64_t stem_dims[][8] = {{2, 1, 5, 6, 16, 3, 2, 1},   {3, 2, 7, 7, 32, 3, 1, 0},
                                       {2, 1, 19, 21, 64, 7, 2, 3}, {5, 4, 9, 8, 16, 4, 2, 1},
                                       {4, 1, 12, 12, 48, 8, 3, 2}, {0, 1, 5, 5, 16, 3, 1, 1}};

/* ---- pooling --------------------------------------------------------------------------------- */

/* d: B, C, H, W, -, size, stride, pad */
static const int64_t pool_dims[][8] = {
    {1, 1, 4, 4, 0, 2, 2, 0},     {2, 2, 5, 7, 0, 3, 2, 1}, {1, 2, 3, 3, 0, 1, 1, 0},
    {0, 2, 4, 4, 0, 2, 2, 0},     {2, 1, 6, 5, 0, 3, 1, 1}, {1, 1, 9, 8, 0, 4, 3, 2},
    {32, 16, 42, 42, 0, 3, 2, 1},
};

static stoa_tensor *max_pool(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input(e, "x", OP_ACT, STOA_SHAPE(d[0], d[1], d[2], d[3]));
    return stoa_max_pool(op_ctx(e), x, (int)d[5], conv_options(d, (int)d[5]));
}

static stoa_tensor *avg_pool(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input(e, "x", OP_ACT, STOA_SHAPE(d[0], d[1], d[2], d[3]));
    return stoa_avg_pool(op_ctx(e), x, (int)d[5], conv_options(d, (int)d[5]));
}

/* ---- the table ------------------------------------------------------------------------------- */

#define ROWS(d, speed) .dims = d, .dims_count = OP_COUNT(d), .speed_rows = speed
#define SMALL(d)       .dims = d, .dims_count = 9

const op_case op_cases_matmul[] = {
    {STOA_OP_LINEAR, "", linear, ROWS(linear_dims, 5), .tol_f32 = 1e-5, .tol_bf16 = 2e-2},
    {STOA_OP_LINEAR, "no bias", linear_no_bias, SMALL(linear_dims), .tol_f32 = 1e-5,
     .tol_bf16 = 2e-2},
    {STOA_OP_LINEAR, "full precision out", linear_full, .dims = linear_dims, .dims_count = 11,
     .tol_f32 = 1e-5, .tol_bf16 = 2e-2},
    {STOA_OP_LINEAR, "weight used twice", linear_tied, SMALL(linear_dims), .tol_f32 = 1e-5,
     .tol_bf16 = 3e-2},
    {STOA_OP_LINEAR, "few outputs", linear_narrow, ROWS(narrow_dims, 1), .tol_f32 = 1e-5,
     .tol_bf16 = 1e-5},
    {STOA_OP_LINEAR, "weight made in the step", linear_made, SMALL(linear_dims), .tol_f32 = 1e-5,
     .tol_bf16 = 2e-2},
    {STOA_OP_MATMUL, "", matmul_nn, ROWS(matmul_dims, 1), .tol_f32 = 1e-5, .tol_bf16 = 2e-2},
    {STOA_OP_MATMUL, "b transposed", matmul_nt, ROWS(matmul_dims, 1), .tol_f32 = 1e-5,
     .tol_bf16 = 2e-2},
    {STOA_OP_MATMUL, "a transposed", matmul_tn, ROWS(matmul_dims, 1), .tol_f32 = 1e-5,
     .tol_bf16 = 2e-2},
    {STOA_OP_MATMUL, "both transposed", matmul_tt, ROWS(matmul_dims, 1), .tol_f32 = 1e-5,
     .tol_bf16 = 2e-2},
    {STOA_OP_MATMUL, "with itself", matmul_self, SMALL(matmul_dims), .tol_f32 = 1e-5,
     .tol_bf16 = 3e-2},
    {STOA_OP_CONV2D, "", conv, ROWS(conv_dims, 2), .tol_f32 = 1e-5, .tol_bf16 = 2e-2},
    {STOA_OP_CONV2D, "no bias", conv_no_bias, SMALL(conv_dims), .tol_f32 = 1e-5, .tol_bf16 = 2e-2},
    {STOA_OP_MAX_POOL, "", max_pool, ROWS(pool_dims, 1), .tol_f32 = 1e-5, .tol_bf16 = 1e-2},
    {STOA_OP_CONV_NORM_POOL, "training", conv_norm_pool_training, ROWS(stem_dims, 0),
     .tol_f32 = 2e-5, .tol_bf16 = 3e-2, .extra_output = 2},
    {STOA_OP_CONV_NORM_POOL, "running", conv_norm_pool_running, ROWS(stem_dims, 0), .tol_f32 = 2e-5,
     .tol_bf16 = 3e-2, .extra_output = 2},
    {STOA_OP_AVG_POOL, "", avg_pool, ROWS(pool_dims, 1), .tol_f32 = 1e-5, .tol_bf16 = 1e-2},
};
const int op_cases_matmul_count = OP_COUNT(op_cases_matmul);
