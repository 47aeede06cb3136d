/* tests/tensor/op_cases_reduce.c - cases of reductions. */
#include "op_cases.h"

typedef stoa_tensor *(*reduction)(stoa_ctx *, stoa_tensor *, int);

/* dims: three lengths. The mean is not 0, so that no sum is small beside its terms. */
static stoa_tensor *over(op_env *e, const int64_t *d, reduction fn, int axis) {
    stoa_tensor *x = op_input_in(e, "x", OP_ACT, -1, 3, STOA_SHAPE(d[0], d[1], d[2]));
    return fn(op_ctx(e), x, axis);
}

#define CASES(name)                                                                                \
    static stoa_tensor *name##_first(op_env *e, const int64_t *d) {                                \
        return over(e, d, stoa_##name, 0);                                                         \
    }                                                                                              \
    static stoa_tensor *name##_middle(op_env *e, const int64_t *d) {                               \
        return over(e, d, stoa_##name, 1);                                                         \
    }                                                                                              \
    static stoa_tensor *name##_last(op_env *e, const int64_t *d) {                                 \
        return over(e, d, stoa_##name, -1);                                                        \
    }                                                                                              \
    static stoa_tensor *name##_all(op_env *e, const int64_t *d) {                                  \
        return over(e, d, stoa_##name, STOA_ALL);                                                  \
    }
CASES(sum)
CASES(mean)
CASES(argmax)

/* In f32, where random numbers are distinct and the largest is one. */
static stoa_tensor *max_over(op_env *e, const int64_t *d, int axis) {
    stoa_tensor *x = op_input_in(e, "x", OP_FULL, -2, 2, STOA_SHAPE(d[0], d[1], d[2]));
    return stoa_max(op_ctx(e), x, axis);
}

static stoa_tensor *max_first(op_env *e, const int64_t *d) {
    return max_over(e, d, 0);
}

static stoa_tensor *max_middle(op_env *e, const int64_t *d) {
    return max_over(e, d, 1);
}

static stoa_tensor *max_last(op_env *e, const int64_t *d) {
    return max_over(e, d, -1);
}

static stoa_tensor *max_all(op_env *e, const int64_t *d) {
    return max_over(e, d, STOA_ALL);
}

/* Few enough values that bf16 does not make two of them equal. */
static stoa_tensor *max_narrow(op_env *e, const int64_t *d) {
    return stoa_max(op_ctx(e), op_input(e, "x", OP_ACT, STOA_SHAPE(d[0], d[1], d[2])), -1);
}

static const int64_t dims[][8] = {{2, 3, 5},    {1, 1, 1},     {0, 3, 2},
                                  {3, 0, 2},    {3, 7, 17},    {3, 130, 40},
                                  {70, 9, 513}, {2, 3, 20000}, {4096, 16, 64}};
/* Small enough that no two candidates lie within a finite difference of each other. */
static const int64_t max_dims[][8] = {{2, 3, 5},  {1, 1, 1},    {0, 3, 2},     {3, 0, 2},
                                      {3, 7, 17}, {3, 130, 40}, {4096, 16, 64}};
static const int64_t narrow_dims[][8] = {{2, 3, 5}, {1, 1, 1}, {5, 3, 7}};

#define ROW(op, label, build, dims, ...)                                                           \
    { STOA_OP_##op, label, build, dims, OP_COUNT(dims), .speed_rows = 1, __VA_ARGS__ }
#define ROWS(op, name, dims, ...)                                                                  \
    ROW(op, "first axis", name##_first, dims, __VA_ARGS__),                                        \
        ROW(op, "middle axis", name##_middle, dims, __VA_ARGS__),                                  \
        ROW(op, "last axis", name##_last, dims, __VA_ARGS__),                                      \
        ROW(op, "all", name##_all, dims, __VA_ARGS__)

const op_case op_cases_reduce[] = {
    ROWS(SUM, sum, dims, .tol_f32 = 2e-6, .tol_bf16 = 1e-2),
    ROWS(MEAN, mean, dims, .tol_f32 = 2e-6, .tol_bf16 = 1e-2),
    ROWS(MAX, max, max_dims, .tol_f32 = 2e-6, .no_bf16 = true),
    {STOA_OP_MAX, "bf16", max_narrow, narrow_dims, OP_COUNT(narrow_dims), .tol_f32 = 1e-6,
     .tol_bf16 = 1e-2},
    ROWS(ARGMAX, argmax, dims, .tol_f32 = 1e-6, .tol_bf16 = 1e-6, .index_output = true),
};
const int op_cases_reduce_count = OP_COUNT(op_cases_reduce);
