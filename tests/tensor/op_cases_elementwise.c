/* tests/tensor/op_cases_elementwise.c - cases of elementwise operations. */
#include "op_cases.h"

/* ---- two inputs ------------------------------------------------------------------------------ */

typedef stoa_tensor *(*binary_fn)(stoa_ctx *, stoa_tensor *, stoa_tensor *);

/* On two grids that never meet, exact in bf16: b is no divisor near 0, and no maximum is a tie. */
static stoa_tensor *both(op_env *e, binary_fn fn, int an, const int64_t *as, int bn,
                         const int64_t *bs) {
    stoa_tensor *a = op_input_grid(e, "a", OP_ACT, -2, 1.0 / 16, 65, an, as);
    stoa_tensor *b = op_input_grid(e, "b", OP_ACT, 0.5 + 1.0 / 32, 1.0 / 16, 24, bn, bs);
    return fn(op_ctx(e), a, b);
}

/* dims: rows, columns */
#define BINARY(name)                                                                               \
    static stoa_tensor *name##_equal(op_env *e, const int64_t *d) {                                \
        return both(e, stoa_##name, STOA_SHAPE(d[0], d[1]), STOA_SHAPE(d[0], d[1]));               \
    }                                                                                              \
    static stoa_tensor *name##_bias(op_env *e, const int64_t *d) {                                 \
        return both(e, stoa_##name, STOA_SHAPE(d[0], d[1]), STOA_SHAPE(d[1]));                     \
    }                                                                                              \
    static stoa_tensor *name##_column(op_env *e, const int64_t *d) {                               \
        return both(e, stoa_##name, STOA_SHAPE(d[0], 2, d[1]), STOA_SHAPE(d[0], 2, 1));            \
    }                                                                                              \
    static stoa_tensor *name##_outer(op_env *e, const int64_t *d) {                                \
        return both(e, stoa_##name, STOA_SHAPE(d[0], 1), STOA_SHAPE(d[1]));                        \
    }                                                                                              \
    static stoa_tensor *name##_middle(op_env *e, const int64_t *d) {                               \
        return both(e, stoa_##name, STOA_SHAPE(2, 1, d[0], 1, d[1]), STOA_SHAPE(3, 1, 2, d[1]));   \
    }
BINARY(add)
BINARY(sub)
BINARY(mul)
BINARY(div)
BINARY(maximum)
BINARY(minimum)

/* The residual stream: f32 + bf16. */
static stoa_tensor *add_mixed(op_env *e, const int64_t *d) {
    stoa_tensor *a = op_input(e, "a", OP_FULL, STOA_SHAPE(d[0], d[1]));
    return stoa_add(op_ctx(e), a, op_input(e, "b", OP_ACT, STOA_SHAPE(d[0], d[1])));
}

/* With the sum in the other type beside it. */
static stoa_tensor *add_rounded(op_env *e, const int64_t *d) {
    stoa_tensor *a = op_input(e, "a", OP_FULL, STOA_SHAPE(d[0], d[1])), *rounded;
    stoa_tensor *b = op_input(e, "b", OP_ACT, STOA_SHAPE(d[0], d[1]));
    return stoa_add_rounded(op_ctx(e), a, b, op_act(e), &rounded);
}

static stoa_tensor *mul_mixed(op_env *e, const int64_t *d) {
    stoa_tensor *a = op_input(e, "a", OP_ACT, STOA_SHAPE(d[0], d[1]));
    return stoa_mul(op_ctx(e), a, op_input(e, "b", OP_FULL, STOA_SHAPE(d[0], 1)));
}

/* The same tensor twice, once seen as a column. */
static stoa_tensor *add_itself(op_env *e, const int64_t *d) {
    stoa_tensor *a = op_input(e, "a", OP_ACT, STOA_SHAPE(d[0]));
    stoa_tensor *column = stoa_reshape(op_ctx(e), a, STOA_SHAPE(d[0], 1));
    return stoa_mul(op_ctx(e), stoa_add(op_ctx(e), a, a), column);
}

static stoa_tensor *add_scalar(op_env *e, const int64_t *d) {
    stoa_tensor *a = op_input(e, "a", OP_ACT, 0, NULL);
    return stoa_add(op_ctx(e), a, op_input(e, "b", OP_ACT, STOA_SHAPE(d[0], d[1])));
}

/* ---- one input ------------------------------------------------------------------------------- */

/* dims: rows, columns */
#define UNARY(name, least, most, call)                                                             \
    static stoa_tensor *name##_case(op_env *e, const int64_t *d) {                                 \
        stoa_ctx *ctx = op_ctx(e);                                                                 \
        stoa_tensor *x = op_input_in(e, "x", OP_ACT, least, most, STOA_SHAPE(d[0], d[1]));         \
        return call;                                                                               \
    }
UNARY(affine, -2, 2, stoa_affine(ctx, x, -1.5, 0.25))
UNARY(gelu, -6, 6, stoa_gelu(ctx, x, false))
UNARY(gelu_erf, -6, 6, stoa_gelu(ctx, x, true))
UNARY(silu, -8, 8, stoa_silu(ctx, x))
UNARY(tanh, -6, 6, stoa_tanh(ctx, x))
UNARY(sigmoid, -8, 8, stoa_sigmoid(ctx, x))
UNARY(softplus, -8, 8, stoa_softplus(ctx, x))
UNARY(exp, -4, 2, stoa_exp(ctx, x))
UNARY(log, 0.25, 4, stoa_log(ctx, x))
UNARY(sqrt, 0.25, 4, stoa_sqrt(ctx, x))
UNARY(square, -2, 2, stoa_square(ctx, x))
UNARY(tiny_tanh, -1e-3, 1e-3, stoa_tanh(ctx, x))
UNARY(far_gelu_erf, -9, -4, stoa_gelu(ctx, x, true))
UNARY(far_softplus, -60, -20, stoa_softplus(ctx, x))

/* On a grid that misses the kinks. */
#define KINKED(name, call)                                                                         \
    static stoa_tensor *name##_case(op_env *e, const int64_t *d) {                                 \
        stoa_ctx *ctx = op_ctx(e);                                                                 \
        stoa_tensor *x =                                                                           \
            op_input_grid(e, "x", OP_ACT, -2 + 1.0 / 32, 1.0 / 16, 64, STOA_SHAPE(d[0], d[1]));    \
        return call;                                                                               \
    }
KINKED(relu, stoa_relu(ctx, x))
KINKED(clamp, stoa_clamp(ctx, x, -0.5, 1.25))

static stoa_tensor *swiglu_case(op_env *e, const int64_t *d) {
    return stoa_swiglu(op_ctx(e), op_input(e, "x", OP_ACT, STOA_SHAPE(d[0], 2 * d[1])));
}

static stoa_tensor *dropout_case(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input(e, "x", OP_ACT, STOA_SHAPE(d[0], d[1]));
    stoa_ctx_set_training(op_ctx(e), true);
    stoa_dropout(op_ctx(e), x, 0.5); // another draw before it
    return stoa_dropout(op_ctx(e), x, 0.1);
}

static stoa_tensor *dropout_idle_case(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input(e, "x", OP_ACT, STOA_SHAPE(d[0], d[1]));
    return stoa_affine(op_ctx(e), stoa_dropout(op_ctx(e), x, 0.1), 2, 0);
}

/* Casting to the same type gives the tensor itself, so something follows it. */
static stoa_tensor *cast_narrow_case(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input(e, "x", OP_FULL, STOA_SHAPE(d[0], d[1]));
    return stoa_affine(op_ctx(e), stoa_cast(op_ctx(e), x, op_act(e)), 2, 0);
}

static stoa_tensor *cast_wide_case(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input(e, "x", OP_ACT, STOA_SHAPE(d[0], d[1]));
    return stoa_affine(op_ctx(e), stoa_cast(op_ctx(e), x, op_full(e)), 2, 0);
}

static stoa_tensor *cast_scaled_case(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input(e, "x", OP_FULL, STOA_SHAPE(d[0], d[1]));
    stoa_tensor *count = op_index(e, "count", -100, 100, STOA_SHAPE(d[0], d[1]));
    return stoa_add(op_ctx(e), stoa_cast_scaled(op_ctx(e), x, op_act(e), -0.3),
                    stoa_cast_scaled(op_ctx(e), count, op_act(e), 1.0 / 255));
}

/* Pixels and counts become floats; x gives the case its gradient. */
static stoa_tensor *cast_whole_case(op_env *e, const int64_t *d) {
    stoa_ctx *ctx = op_ctx(e);
    stoa_tensor *x = op_input(e, "x", OP_ACT, STOA_SHAPE(d[0], d[1]));
    stoa_tensor *flags = op_flags(e, "flags", 0.5, STOA_SHAPE(d[0], d[1]));
    stoa_tensor *count = op_index(e, "count", -100, 100, STOA_SHAPE(d[0], d[1]));
    stoa_tensor *sum =
        stoa_add(ctx, stoa_cast(ctx, flags, op_act(e)), stoa_cast(ctx, count, op_act(e)));
    return stoa_mul(ctx, sum, x);
}

/* x * stop(x): its gradient is that of a product with a constant, which finite differences cannot
 * see; so the stopped part is an input without gradient. */
static stoa_tensor *stop_gradient_case(op_env *e, const int64_t *d) {
    stoa_ctx *ctx = op_ctx(e);
    stoa_tensor *x = op_input(e, "x", OP_ACT, STOA_SHAPE(d[0], d[1]));
    stoa_tensor *y = op_input(e, "y", OP_CONST, STOA_SHAPE(d[0], d[1]));
    return stoa_mul(ctx, x, stoa_stop_gradient(ctx, y));
}

static const int64_t equal_dims[][8] = {{3, 5}, {0, 4}, {1, 1}, {7, 513}, {130, 600}, {4096, 1024}};
static const int64_t bias_dims[][8] = {{3, 5}, {0, 4}, {4, 0}, {1, 1}, {130, 600}, {4096, 1024}};
static const int64_t unary_dims[][8] = {{3, 5}, {0, 4}, {1, 1}, {7, 513}, {130, 600}, {4096, 1024}};
static const int64_t outer_dims[][8] = {{3, 5}, {1, 7}, {7, 1}, {40, 600}, {2048, 512}};
static const int64_t middle_dims[][8] = {{3, 5}, {1, 7}, {7, 1}, {9, 600}, {128, 512}};
static const int64_t self_dims[][8] = {{3}, {1}, {40}};

enum {
    unary_dims_speed = 1,
    equal_dims_speed = 1,
    bias_dims_speed = 1,
    outer_dims_speed = 1,
    middle_dims_speed = 1,
    self_dims_speed = 0
};

#define ROW(op, label, build, dims, ...)                                                           \
    { STOA_OP_##op, label, build, dims, OP_COUNT(dims), .speed_rows = dims##_speed, __VA_ARGS__ }
#define BINARY_ROWS(op, name)                                                                      \
    ROW(op, "", name##_equal, equal_dims, .tol_f32 = 1e-6, .tol_bf16 = 1e-2),                      \
        ROW(op, "row", name##_bias, bias_dims, .tol_f32 = 1e-5, .tol_bf16 = 1e-2),                 \
        ROW(op, "column", name##_column, outer_dims, .tol_f32 = 1e-5, .tol_bf16 = 1e-2),           \
        ROW(op, "outer", name##_outer, outer_dims, .tol_f32 = 1e-5, .tol_bf16 = 1e-2),             \
        ROW(op, "middle", name##_middle, middle_dims, .tol_f32 = 1e-5, .tol_bf16 = 1e-2)

const op_case op_cases_elementwise[] = {
    BINARY_ROWS(ADD, add),
    ROW(ADD, "f32 + bf16", add_mixed, equal_dims, .tol_f32 = 1e-6, .tol_bf16 = 1e-2),
    ROW(ADD, "rounded too", add_rounded, equal_dims, .tol_f32 = 1e-6, .tol_bf16 = 1e-2),
    ROW(ADD, "itself", add_itself, self_dims, .tol_f32 = 1e-6, .tol_bf16 = 1e-2),
    ROW(ADD, "scalar first", add_scalar, outer_dims, .tol_f32 = 1e-5, .tol_bf16 = 1e-2),
    BINARY_ROWS(SUB, sub),
    BINARY_ROWS(MUL, mul),
    ROW(MUL, "bf16 * f32 column", mul_mixed, bias_dims, .tol_f32 = 1e-5, .tol_bf16 = 1e-2),
    BINARY_ROWS(DIV, div),
    BINARY_ROWS(MAXIMUM, maximum),
    BINARY_ROWS(MINIMUM, minimum),
    ROW(AFFINE, "", affine_case, unary_dims, .tol_f32 = 1e-6, .tol_bf16 = 1e-2),
    ROW(CLAMP, "", clamp_case, unary_dims, .tol_f32 = 1e-6, .tol_bf16 = 1e-2),
    ROW(RELU, "", relu_case, unary_dims, .tol_f32 = 1e-6, .tol_bf16 = 1e-2),
    ROW(GELU, "tanh form", gelu_case, unary_dims, .tol_f32 = 2e-6, .tol_bf16 = 1e-2),
    ROW(GELU, "erf", gelu_erf_case, unary_dims, .tol_f32 = 2e-6, .tol_bf16 = 1e-2),
    ROW(GELU, "erf, tail", far_gelu_erf_case, unary_dims, .tol_f32 = 2e-6, .tol_bf16 = 1e-2),
    ROW(SILU, "", silu_case, unary_dims, .tol_f32 = 2e-6, .tol_bf16 = 1e-2),
    ROW(TANH, "", tanh_case, unary_dims, .tol_f32 = 2e-6, .tol_bf16 = 1e-2),
    ROW(TANH, "tiny", tiny_tanh_case, unary_dims, .tol_f32 = 2e-6, .tol_bf16 = 1e-2),
    ROW(SIGMOID, "", sigmoid_case, unary_dims, .tol_f32 = 2e-6, .tol_bf16 = 2e-2),
    ROW(SOFTPLUS, "", softplus_case, unary_dims, .tol_f32 = 2e-6, .tol_bf16 = 1e-2),
    ROW(SOFTPLUS, "tail", far_softplus_case, unary_dims, .tol_f32 = 5e-6, .tol_bf16 = 1e-2),
    ROW(EXP, "", exp_case, unary_dims, .tol_f32 = 2e-6, .tol_bf16 = 1e-2),
    ROW(LOG, "", log_case, unary_dims, .tol_f32 = 2e-6, .tol_bf16 = 1e-2),
    ROW(SQRT, "", sqrt_case, unary_dims, .tol_f32 = 2e-6, .tol_bf16 = 1e-2),
    ROW(SQUARE, "", square_case, unary_dims, .tol_f32 = 2e-6, .tol_bf16 = 1e-2),
    ROW(SWIGLU, "", swiglu_case, unary_dims, .tol_f32 = 2e-6, .tol_bf16 = 1e-2),
    ROW(DROPOUT, "", dropout_case, unary_dims, .tol_f32 = 1e-6, .tol_bf16 = 1e-2),
    ROW(DROPOUT, "idle", dropout_idle_case, unary_dims, .tol_f32 = 1e-6, .tol_bf16 = 1e-2),
    ROW(CAST, "to activations", cast_narrow_case, unary_dims, .tol_f32 = 1e-6, .tol_bf16 = 1e-2),
    ROW(CAST, "to full", cast_wide_case, unary_dims, .tol_f32 = 1e-6, .tol_bf16 = 1e-2),
    ROW(CAST, "scaled", cast_scaled_case, unary_dims, .tol_f32 = 1e-6, .tol_bf16 = 1e-2),
    ROW(CAST, "of integers", cast_whole_case, unary_dims, .tol_f32 = 1e-6, .tol_bf16 = 1e-2),
    ROW(STOP_GRADIENT, "", stop_gradient_case, unary_dims, .tol_f32 = 1e-6, .tol_bf16 = 1e-2),
};
const int op_cases_elementwise_count = OP_COUNT(op_cases_elementwise);
