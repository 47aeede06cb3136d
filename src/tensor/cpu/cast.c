/* tensor/cpu/cast.c - conversion between types, with a factor or without, and the operation that
 * only cuts gradients. */
#include <assert.h>

#include "tensor/cpu/kernels.h"
#include "tensor/cpu/rows.h"

enum { GRAIN = 1 << 15 };

typedef struct job {
    const void *from;
    stoa_dtype from_type;
    stoa_grad_ref to;
    float scale;
} job;

/* Elements of any type as float32. */
static void read_tile(float *restrict x, const void *restrict from, stoa_dtype dtype, int64_t at,
                      int64_t n) {
    if (dtype == STOA_I32)
        for (int64_t i = 0; i < n; i++)
            x[i] = (float)((const int32_t *)from)[at + i];
    else if (dtype == STOA_U8)
        for (int64_t i = 0; i < n; i++)
            x[i] = (float)((const uint8_t *)from)[at + i];
    else
        stoa_row_get(x, from, dtype, at, n);
}

static void cast_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    _Alignas(64) float x[STOA_TILE];
    for (int64_t at = begin; at < end; at += STOA_TILE) {
        int64_t n = end - at < STOA_TILE ? end - at : STOA_TILE;
        read_tile(x, j->from, j->from_type, at, n);
        if (j->scale != 1)
            for (int64_t i = 0; i < n; i++)
                x[i] *= j->scale;
        stoa_row_grad(j->to.data, j->to.dtype, j->to.add, at, x, n);
    }
}

/* I32 and U8 can be cast to a float type, floats to each other. */
stoa_status stoa_cpu_cast(stoa_ctx *ctx, stoa_node *node) {
    const stoa_tensor *x = node->in[0], *y = node->out[0];
    if (x->dtype == STOA_F64 || !stoa_is_float(y->dtype))
        return STOA_ERR_UNSUPPORTED;
    job j = {x->data, x->dtype, {.data = y->data, .dtype = y->dtype}, (float)node->p.affine.scale};
    stoa_parallel(ctx, stoa_numel(y), GRAIN, cast_range, &j);
    return STOA_OK;
}

stoa_status stoa_cpu_cast_backward(stoa_ctx *ctx, stoa_node *node) {
    stoa_grad_ref g = stoa_grad_out(node, 0);
    job j = {g.data, g.dtype, stoa_grad_take(node, 0), (float)node->p.affine.scale};
    stoa_parallel(ctx, stoa_numel(node->in[0]), GRAIN, cast_range, &j);
    return STOA_OK;
}

/* The front end shares the memory: there is nothing to compute. */
stoa_status stoa_cpu_stop_gradient(stoa_ctx *ctx, stoa_node *node) {
    (void)ctx;
    assert(node->out[0]->data == node->in[0]->data);
    (void)node;
    return STOA_OK;
}
