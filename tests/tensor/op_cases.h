/*
 * tests/tensor/op_cases.h - how an operation is described to the tests.
 *
 * A case names an operation, a build function that makes its inputs and calls its front end, and
 * rows of dimensions to call it with. The same build runs on the cpu backend in float32 and in
 * bfloat16 and on the double-precision reference, always with the same numbers (rounded to what the
 * mode's type can hold), so that one description serves four uses: comparing results, comparing
 * gradients with finite differences, timing, and checking that every operation is there.
 */
#ifndef STOA_TESTS_OP_CASES_H
#define STOA_TESTS_OP_CASES_H

#include "stoa/tensor.h"

typedef struct op_env op_env;

typedef enum op_role {
    OP_ACT,   /* activation in the mode's type (f32 or bf16; f64 on ref), wants a gradient */
    OP_FULL,  /* activation in full precision (f32; f64 on ref), wants a gradient */
    OP_PARAM, /* f32 parameter with its own gradient memory */
    OP_CONST, /* full precision, no gradient */
    OP_FIXED, /* as OP_ACT, without a gradient */
} op_role;

/* ---- for build functions --------------------------------------------------------------------- */

/* Inputs are known by name: the values depend on name and shape alone. Mean 0,
 * variance 1, nearly normal: */
stoa_tensor *op_input(op_env *e, const char *name, op_role role, int ndim, const int64_t *shape);
/* Uniform in [least, most]: */
stoa_tensor *op_input_in(op_env *e, const char *name, op_role role, double least, double most,
                         int ndim, const int64_t *shape);
/* One of `count` evenly spaced values from `least` on: for operations with kinks and ties. */
stoa_tensor *op_input_grid(op_env *e, const char *name, op_role role, double least, double spacing,
                           int64_t count, int ndim, const int64_t *shape);
/* I32, uniform in [least, below): */
stoa_tensor *op_index(op_env *e, const char *name, int64_t least, int64_t below, int ndim,
                      const int64_t *shape);
stoa_tensor *op_index_from(op_env *e, const int32_t *values, int ndim, const int64_t *shape);
/* U8, 1 with the given probability: */
stoa_tensor *op_flags(op_env *e, const char *name, double probability, int ndim,
                      const int64_t *shape);

stoa_ctx *op_ctx(op_env *e);
stoa_dtype op_act(op_env *e);  /* type of activations */
stoa_dtype op_full(op_env *e); /* type of full-precision states */

/* A further result to compare (and to take gradients of, when it has one): a second output, or a
 * tensor that the operation changes in place. As often as the case's extra_output says. */
void op_also(op_env *e, stoa_tensor *t);

/* ---- cases ----------------------------------------------------------------------------------- */

/* Returns the output to check. Gradients are of sum(output * fixed random weights). Training mode
 * is off and the seed fixed when it is called; it may change both. */
typedef stoa_tensor *(*op_build)(op_env *e, const int64_t *dims);

typedef struct op_case {
    stoa_op op;
    const char *label; /* what is special about the case: "row bias", "" when nothing is */
    op_build build;
    const int64_t (*dims)[8]; /* small rows first: their gradients are checked one by one */
    int dims_count;
    double tol_f32, tol_bf16; /* largest difference over largest value */
    int extra_output;         /* how many op_also calls */
    bool no_bf16;             /* f32 only */
    bool index_output;        /* I32 result: must be equal, no gradient */
    int speed_rows;           /* how many of the last rows are for timing only */
} op_case;

#define OP_COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* ---- families: a line here, and a row in op_families.c --------------------------------------- */

extern const op_case op_cases_elementwise[];
extern const int op_cases_elementwise_count;
extern const op_case op_cases_reduce[];
extern const int op_cases_reduce_count;
extern const op_case op_cases_loss[];
extern const int op_cases_loss_count;
extern const op_case op_cases_norm[];
extern const int op_cases_norm_count;
extern const op_case op_cases_index[];
extern const int op_cases_index_count;
extern const op_case op_cases_attention[];
extern const int op_cases_attention_count;
extern const op_case op_cases_recurrent[];
extern const int op_cases_recurrent_count;
extern const op_case op_cases_matmul[];
extern const int op_cases_matmul_count;

typedef struct op_family {
    const op_case *cases;
    const int *count;
} op_family;
extern const op_family op_families[];
extern const int op_families_count;

/* ---- the uses (op_harness.c) ----------------------------------------------------------------- */

/* Each goes over all cases (of one operation when `only` is not NULL), prints what is wrong, and
 * returns how many checks failed. */
int op_check_forward(const char *only, stoa_dtype type);
int op_check_gradients(const char *only, stoa_dtype type);
int op_check_supports(const char *only);
/* Prints seconds, GB/s and GFLOP/s, forward and backward, of every case with its last row of
 * dimensions, or with `dims` (8 of them) when not NULL. */
void op_print_speeds(const char *only, const int64_t *dims);

#endif /* STOA_TESTS_OP_CASES_H */
