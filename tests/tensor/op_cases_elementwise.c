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

static const int64_t equal_dims[][8] = {{3, 5}, {0, 4}, {1, 1}, {7, 513}, {130, 600}, {4096, 1024}};
static const int64_t bias_dims[][8] = {{3, 5}, {0, 4}, {4, 0}, {1, 1}, {130, 600}, {4096, 1024}};
static const int64_t outer_dims[][8] = {{3, 5}, {1, 7}, {7, 1}, {40, 600}, {2048, 512}};
static const int64_t middle_dims[][8] = {{3, 5}, {1, 7}, {7, 1}, {9, 600}, {128, 512}};
static const int64_t self_dims[][8] = {{3}, {1}, {40}};

enum {
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
    ROW(ADD, "itself", add_itself, self_dims, .tol_f32 = 1e-6, .tol_bf16 = 1e-2),
    ROW(ADD, "scalar first", add_scalar, outer_dims, .tol_f32 = 1e-5, .tol_bf16 = 1e-2),
    BINARY_ROWS(SUB, sub),
    BINARY_ROWS(MUL, mul),
    ROW(MUL, "bf16 * f32 column", mul_mixed, bias_dims, .tol_f32 = 1e-5, .tol_bf16 = 1e-2),
    BINARY_ROWS(DIV, div),
    BINARY_ROWS(MAXIMUM, maximum),
    BINARY_ROWS(MINIMUM, minimum),
};
const int op_cases_elementwise_count = OP_COUNT(op_cases_elementwise);
