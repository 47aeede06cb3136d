/*
 * tensor/cpu/product.c - matrix products by oneDNN that always work. Where the processor has no
 * bfloat16 products, operands are widened; where oneDNN would not write or add to a bfloat16
 * result, it goes through float32.
 */
#include "tensor/cpu/product.h"

#include "tensor/cpu/grain.h"
#include "tensor/cpu/simd.h"
#include "tensor/cpu/state.h"

typedef struct convert_job {
    const void *from;
    stoa_dtype from_dtype, dtype;
    void *to;
} convert_job;

static void convert(void *arg, int64_t begin, int64_t end, int thread) {
    const convert_job *w = arg;
    (void)thread;
    if (w->dtype == STOA_F32)
        stoa_row_get((float *)w->to + begin, w->from, w->from_dtype, begin, end - begin);
    else
        stoa_row_put(w->to, w->dtype, begin, (const float *)w->from + begin, end - begin);
}

const void *stoa_scratch_as(stoa_ctx *ctx, stoa_dtype dtype, const void *from,
                            stoa_dtype from_dtype, int64_t n) {
    if (dtype == from_dtype)
        return from;
    convert_job w = {from, from_dtype, dtype, NULL};
    w.to = stoa_scratch(ctx, (size_t)n * stoa_dtype_size(dtype));
    if (w.to)
        stoa_parallel(ctx, n, stoa_grain_bytes((double)n * 6, n), convert, &w);
    return w.to;
}

/* to (+)= from */
typedef struct put_job {
    const float *from;
    void *to;
    stoa_dtype dtype;
    bool add;
} put_job;

static void put_range(void *arg, int64_t begin, int64_t end, int thread) {
    const put_job *w = arg;
    (void)thread;
    stoa_row_grad(w->to, w->dtype, w->add, begin, w->from + begin, end - begin);
}

static stoa_status through_f32(stoa_ctx *ctx, stoa_onednn_product p) {
    int64_t n = p.batch * p.m * p.n;
    float *sum = stoa_scratch(ctx, (size_t)n * sizeof *sum);
    if (!sum)
        return STOA_ERR_MEMORY;
    put_job w = {sum, p.c.data, p.c.dtype, p.add};
    p.c.data = sum;
    p.c.dtype = STOA_F32;
    p.add = false;
    STOA_TRY(stoa_onednn_multiply(ctx, stoa_cpu(ctx)->onednn, &p));
    stoa_parallel(ctx, n, stoa_grain_bytes((double)n * 8, n), put_range, &w);
    return STOA_OK;
}

static stoa_status multiply(stoa_ctx *ctx, const stoa_onednn_product *p) {
    if (p->c.dtype == STOA_F32 || (p->a.dtype == STOA_BF16 && !p->add))
        return stoa_onednn_multiply(ctx, stoa_cpu(ctx)->onednn, p);
    return through_f32(ctx, *p);
}

stoa_status stoa_product(stoa_ctx *ctx, const stoa_onednn_product *p) {
    stoa_status status = multiply(ctx, p);
    if (status != STOA_ERR_UNSUPPORTED || p->a.dtype == STOA_F32)
        return status;
    stoa_onednn_product wide = *p;
    const void *a = stoa_scratch_as(ctx, STOA_F32, p->a.data, STOA_BF16, p->batch * p->m * p->k);
    const void *b = stoa_scratch_as(ctx, STOA_F32, p->b.data, STOA_BF16, p->batch * p->k * p->n);
    if (!a || !b)
        return STOA_ERR_MEMORY;
    wide.a = stoa_operand(a, STOA_F32, p->a.batch, p->a.row, p->a.column);
    wide.b = stoa_operand(b, STOA_F32, p->b.batch, p->b.row, p->b.column);
    return multiply(ctx, &wide);
}
