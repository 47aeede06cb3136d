/* tests/tensor/op_env.h - the inside of an op_env, shared by op_env.c and op_harness.c. */
#ifndef STOA_TESTS_OP_ENV_H
#define STOA_TESTS_OP_ENV_H

#include "op_cases.h"

enum { OP_SLOTS = 16, OP_EXTRAS = 4, OP_NAME = 32 };

/* One input. `values` are what every backend sees, already rounded to the mode's type. */
typedef struct op_slot {
    char name[OP_NAME];
    op_role role;
    stoa_tensor tensor;
    double *values; /* NULL for I32 and U8 */
} op_slot;

struct op_env {
    stoa_ctx *ctx;
    stoa_dtype rounded; /* what OP_ACT values are rounded to, on every backend: F32 or BF16 */
    bool refill;        /* copy values into the tensors again at each build */
    op_slot slots[OP_SLOTS];
    int count;
    stoa_tensor *extras[OP_EXTRAS];
    int extra_count;
};

/* An environment on a backend; inputs live until op_env_close. */
op_env *op_env_open(const stoa_backend *backend, stoa_pool *pool, stoa_dtype rounded);
void op_env_close(op_env *e);
/* Empties the context and calls the case's build function. */
stoa_tensor *op_env_build(op_env *e, const op_case *c, const int64_t *dims);
/* Fills the arena with NaN bytes, so that memory an operation forgets to write shows. */
void op_env_poison(op_env *e);

double op_value(const stoa_tensor *t, const void *data, int64_t i); /* element of any type */
void op_set_value(stoa_dtype dtype, void *data, int64_t i, double value);
bool op_wants_grad(op_role role);

#endif /* STOA_TESTS_OP_ENV_H */
