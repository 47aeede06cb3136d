/* tensor/cpu/linear_general.c - linear layers by oneDNN: float32, and bfloat16 without tiles. */
#include "tensor/cpu/linear.h"
#include "tensor/cpu/packed.h"
#include "tensor/cpu/product.h"

static const void *weight_as(stoa_ctx *ctx, const stoa_linear_job *w, stoa_dtype dtype) {
    return dtype == STOA_F32 ? w->weight->data
                             : (const void *)stoa_packed_get(ctx, w->weight, STOA_PACK_PLAIN);
}

stoa_status stoa_linear_general(stoa_ctx *ctx, const stoa_linear_job *w) {
    stoa_dtype dtype = w->x->dtype;
    const void *weight = weight_as(ctx, w, dtype);
    if (!weight)
        return STOA_ERR_MEMORY;
    stoa_onednn_product p = {
        .batch = 1,
        .m = w->m,
        .n = w->n,
        .k = w->k,
        .a = stoa_operand(w->x->data, dtype, 0, w->k, 1),
        .b = stoa_operand(weight, dtype, 0, 1, w->k),
        .c = stoa_operand(w->y, w->y_dtype, 0, w->n, 1),
        .bias = w->bias,
        .scale = 1,
    };
    return stoa_product(ctx, &p);
}

stoa_status stoa_linear_general_backward(stoa_ctx *ctx, const stoa_linear_job *w) {
    stoa_dtype dtype = w->x->dtype;
    const void *dy = stoa_scratch_as(ctx, dtype, w->dy, w->y_dtype, w->m * w->n); // (M, N)
    if (!dy)
        return STOA_ERR_MEMORY;
    if (w->db.data)
        STOA_TRY(stoa_column_sums(ctx, w->dy, w->y_dtype, w->m, w->n, w->db.data, w->db.add));
    if (w->dw.data) {
        stoa_onednn_product p = {
            .batch = 1,
            .m = w->n,
            .n = w->k,
            .k = w->m,
            .a = stoa_operand(dy, dtype, 0, 1, w->n),
            .b = stoa_operand(w->x->data, dtype, 0, w->k, 1),
            .c = stoa_operand(w->dw.data, STOA_F32, 0, w->k, 1),
            .scale = 1,
            .add = w->dw.add,
        };
        STOA_TRY(stoa_product(ctx, &p));
    }
    if (!w->dx.data)
        return STOA_OK;
    const void *weight = weight_as(ctx, w, dtype);
    if (!weight)
        return STOA_ERR_MEMORY;
    stoa_onednn_product p = {
        .batch = 1,
        .m = w->m,
        .n = w->k,
        .k = w->n,
        .a = stoa_operand(dy, dtype, 0, w->n, 1),
        .b = stoa_operand(weight, dtype, 0, w->k, 1),
        .c = stoa_operand(w->dx.data, w->dx.dtype, 0, w->k, 1),
        .scale = 1,
        .add = w->dx.add,
    };
    return stoa_product(ctx, &p);
}
