/* tensor/tensor.c - shapes, types and allocation of tensors. */
#include <assert.h>
#include <string.h>

#include "tensor/node.h"

static const struct {
    const char *name;
    size_t size;
} dtypes[] = {
    [STOA_F32] = {"f32", 4}, [STOA_BF16] = {"bf16", 2}, [STOA_F64] = {"f64", 8},
    [STOA_I32] = {"i32", 4}, [STOA_U8] = {"u8", 1},
};
_Static_assert(sizeof dtypes / sizeof dtypes[0] == STOA_DTYPE_COUNT, "a row per dtype");

size_t stoa_dtype_size(stoa_dtype dtype) {
    return dtypes[dtype].size;
}

const char *stoa_dtype_name(stoa_dtype dtype) {
    return dtypes[dtype].name;
}

int64_t stoa_numel(const stoa_tensor *t) {
    int64_t n = 1;
    for (int i = 0; i < t->ndim; i++)
        n *= t->shape[i];
    return n;
}

size_t stoa_nbytes(const stoa_tensor *t) {
    return (size_t)stoa_numel(t) * stoa_dtype_size(t->dtype);
}

int64_t stoa_cols(const stoa_tensor *t) {
    return t->ndim ? t->shape[t->ndim - 1] : 1;
}

int64_t stoa_rows(const stoa_tensor *t) {
    int64_t n = 1;
    for (int i = 0; i + 1 < t->ndim; i++)
        n *= t->shape[i];
    return n;
}

double stoa_get(const stoa_tensor *t, int64_t i) {
    switch (t->dtype) {
    case STOA_F32:
        return (double)((const float *)t->data)[i];
    case STOA_F64:
        return ((const double *)t->data)[i];
    case STOA_I32:
        return (double)((const int32_t *)t->data)[i];
    case STOA_U8:
        return (double)((const uint8_t *)t->data)[i];
    default: {
        uint32_t bits = (uint32_t)((const uint16_t *)t->data)[i] << 16;
        float value;
        memcpy(&value, &bits, sizeof value);
        return (double)value;
    }
    }
}

void stoa_set(stoa_tensor *t, int64_t i, double value) {
    switch (t->dtype) {
    case STOA_F32:
        ((float *)t->data)[i] = (float)value;
        break;
    case STOA_F64:
        ((double *)t->data)[i] = value;
        break;
    case STOA_I32:
        ((int32_t *)t->data)[i] = (int32_t)value;
        break;
    case STOA_U8:
        ((uint8_t *)t->data)[i] = (uint8_t)value;
        break;
    default: { /* bf16: round to nearest even */
        float narrow = (float)value;
        uint32_t bits;
        memcpy(&bits, &narrow, sizeof bits);
        bits += 0x7fffu + ((bits >> 16) & 1u);
        ((uint16_t *)t->data)[i] = (uint16_t)(bits >> 16);
    }
    }
}

stoa_tensor stoa_tensor_wrap(stoa_dtype dtype, int ndim, const int64_t *shape, void *data) {
    assert(ndim >= 0 && ndim <= STOA_MAX_DIMS);
    stoa_tensor t = {.dtype = dtype, .ndim = ndim, .data = data};
    for (int i = 0; i < ndim; i++) {
        assert(shape[i] >= 0);
        t.shape[i] = shape[i];
    }
    return t;
}

/* A zeroed head that always exists: after memory ran out, from the emergency ring. */
static stoa_tensor *new_head(stoa_ctx *ctx) {
    stoa_tensor *t = stoa_arena_alloc(ctx->heads, sizeof *t);
    if (!t) {
        stoa_ctx_fail(ctx, STOA_ERR_MEMORY, "out of memory for tensor heads");
        t = &ctx->emergency[ctx->emergency_next];
        ctx->emergency_next = (ctx->emergency_next + 1) % STOA_EMERGENCY;
    }
    memset(t, 0, sizeof *t);
    return t;
}

stoa_tensor *stoa_new(stoa_ctx *ctx, stoa_dtype dtype, int ndim, const int64_t *shape) {
    stoa_tensor *t = new_head(ctx);
    *t = stoa_tensor_wrap(dtype, ndim, shape, NULL);
    size_t bytes = stoa_nbytes(t);
    t->data = stoa_arena_alloc(ctx->data, bytes);
    if (!t->data) {
        char text[32];
        stoa_ctx_fail(ctx, STOA_ERR_MEMORY,
                      "out of memory: a tensor of %s did not fit; use a smaller batch or context",
                      stoa_human_bytes((double)bytes, text, sizeof text));
    }
    return t;
}

stoa_tensor *stoa_zeros(stoa_ctx *ctx, stoa_dtype dtype, int ndim, const int64_t *shape) {
    stoa_tensor *t = stoa_new(ctx, dtype, ndim, shape);
    if (ctx->backend->computes && t->data)
        memset(t->data, 0, stoa_nbytes(t));
    return t;
}

stoa_tensor *stoa_from(stoa_ctx *ctx, stoa_dtype dtype, int ndim, const int64_t *shape,
                       const void *host) {
    stoa_tensor *t = stoa_new(ctx, dtype, ndim, shape);
    if (ctx->backend->computes && t->data && stoa_nbytes(t) > 0)
        memcpy(t->data, host, stoa_nbytes(t));
    return t;
}

stoa_tensor *stoa_like(stoa_ctx *ctx, const stoa_tensor *t, stoa_dtype dtype) {
    return stoa_new(ctx, dtype, t->ndim, t->shape);
}

stoa_tensor *stoa_around(stoa_ctx *ctx, stoa_dtype dtype, int ndim, const int64_t *shape,
                         void *data) {
    stoa_tensor *t = new_head(ctx);
    *t = stoa_tensor_wrap(dtype, ndim, shape, data);
    return t;
}

stoa_tensor *stoa_reshape(stoa_ctx *ctx, stoa_tensor *x, int ndim, const int64_t *shape) {
    stoa_tensor *t = new_head(ctx);
    *t = stoa_tensor_wrap(x->dtype, ndim, shape, x->data);
    assert(stoa_numel(t) == stoa_numel(x));
    t->view_of = x->view_of ? x->view_of : x;
    t->requires_grad = x->requires_grad;
    return t;
}

void stoa_axis_split(const stoa_tensor *t, int axis, stoa_op_params *p) {
    if (axis == STOA_ALL) {
        p->axis.outer = 1, p->axis.length = stoa_numel(t), p->axis.inner = 1;
        p->axis.axis = STOA_ALL;
        return;
    }
    if (axis < 0)
        axis += t->ndim;
    assert(axis >= 0 && axis < t->ndim);
    p->axis.outer = p->axis.inner = 1;
    for (int i = 0; i < axis; i++)
        p->axis.outer *= t->shape[i];
    for (int i = axis + 1; i < t->ndim; i++)
        p->axis.inner *= t->shape[i];
    p->axis.length = t->shape[axis];
    p->axis.axis = axis;
}
