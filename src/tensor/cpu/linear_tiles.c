/* tensor/cpu/linear_tiles.c - linear layers in bfloat16 tiles. */
#include "tensor/cpu/amx_block.h"
#include "tensor/cpu/linear.h"

#if STOA_HAVE_AMX

#include <string.h>

#include "tensor/cpu/grain.h"
#include "tensor/cpu/packed.h"
#include "tensor/cpu/product.h"

typedef struct product_job {
    stoa_amx_product p;
    bool by_rows;
    char *scratch;
    size_t scratch_bytes; /* a thread */
} product_job;

/* Rows or columns [begin, end), in units of 32. */
static void multiply_range(void *arg, int64_t begin, int64_t end, int thread) {
    const product_job *w = arg;
    void *scratch = w->scratch + (size_t)thread * w->scratch_bytes;
    int64_t most = w->by_rows ? w->p.m : w->p.n, first = begin * 32, last = end * 32;
    last = last < most ? last : most;
    if (w->by_rows)
        stoa_amx_multiply(&w->p, first, last, 0, w->p.n, scratch);
    else
        stoa_amx_multiply(&w->p, 0, w->p.m, first, last, scratch);
}

/* Microseconds on one thread, roughly. */
static double duration(double flops, double bytes) {
    return flops / 1.5e6 + bytes / 3e4;
}

/* By rows, which reads x once, unless there are too few of them to share out evenly. */
static stoa_status multiply(stoa_ctx *ctx, const stoa_amx_product *p) {
    product_job w = {.p = *p, .by_rows = p->m >= 256 * ctx->threads};
    w.scratch_bytes = stoa_amx_multiply_scratch(p);
    w.scratch = stoa_scratch(ctx, w.scratch_bytes * (size_t)ctx->threads);
    if (!w.scratch)
        return STOA_ERR_MEMORY;
    int64_t units = ((w.by_rows ? p->m : p->n) + 31) / 32;
    double flops = 2.0 * (double)(p->m * p->n) * (double)p->k;
    double us = duration(flops, 2.0 * (double)(p->n * p->k));
    stoa_parallel(ctx, units, stoa_grain(us, units), multiply_range, &w);
    return STOA_OK;
}

/* ---- few rows of a weight that changes every step -------------------------------------------- */

/* A copy of a weight costs as much as a few rows' product: reading it, writing it, reading it
 * again. Forward, each thread converts some panels at a time and uses them while they are near; the
 * part of the weight after them is fetched during their product. Backward a panel would be a few
 * columns of the weight, which memory gives too slowly; so the copy for backward is written here,
 * from blocks that are at hand, and past the caches: backward is far away, and a second cache full
 * of what must be written back slows the products after this one by a third. */
enum { FEW_ROWS = 512, LONGEST = 6144, GROUP = 2 };

typedef struct fresh_job {
    stoa_amx_product p;
    stoa_amx_matrix weight; /* (N, K) f32; a panel is 32 rows of it */
    int64_t steps;
    uint16_t *backward; /* the copy for backward, or NULL */
    char *scratch;
    size_t panel_bytes, scratch_bytes; /* a group's panels; all of a thread's */
} fresh_job;

/* Whether a copy would serve this one product: the weight is being trained. */
static bool serves_once(const stoa_ctx *ctx, const stoa_linear_job *w) {
    return w->m <= FEW_ROWS && w->k <= LONGEST && ctx->grad && w->weight->requires_grad &&
           !stoa_packed_current(w->weight, STOA_PACK_FORWARD);
}

/* The product of panels [first, end), and what is fetched meanwhile: those up to `stop`. */
static stoa_amx_product group_product(const fresh_job *w, int64_t first, int64_t end, int64_t stop,
                                      const uint16_t *panels) {
    stoa_amx_product p = w->p;
    int64_t columns = p.n, row_bytes = w->weight.stride * (int64_t)sizeof(float);
    p.n = stoa_least(columns, end * 32) - first * 32;
    p.panels = panels;
    p.c = (char *)p.c + (size_t)(first * 32) * stoa_dtype_size(p.c_dtype);
    p.bias = p.bias ? p.bias + first * 32 : NULL;
    if (end >= stop)
        return p;
    p.soon.from = (const char *)w->weight.data + end * 32 * row_bytes;
    p.soon.rows = stoa_least(columns, stop * 32) - end * 32;
    p.soon.bytes = p.soon.stride = row_bytes;
    return p;
}

/* Rows from 32 q and columns from 32 s on of the weight, for this product and the one of backward.
 */
static void convert_block(const fresh_job *w, int64_t q, int64_t s, uint16_t *panel) {
    _Alignas(64) uint16_t block[STOA_AMX_BLOCK];
    const stoa_amx_matrix b = {block, STOA_BF16, STOA_AMX_STEP, STOA_AMX_STEP, STOA_AMX_STEP};
    stoa_amx_tiles_inner(&w->weight, q, s, block);
    stoa_amx_panels_inner(&b, 0, 0, panel);
    int64_t down = stoa_ceil_div(w->weight.rows, STOA_AMX_STEP);
    if (w->backward)
        stoa_amx_panels_outer_past(&b, 0, 0, w->backward + (s * down + q) * STOA_AMX_BLOCK);
}

/* Panels [begin, end). */
static void multiply_fresh(void *arg, int64_t begin, int64_t end, int thread) {
    const fresh_job *w = arg;
    char *mine = w->scratch + (size_t)thread * w->scratch_bytes;
    uint16_t *panels = (uint16_t *)mine;
    for (int64_t first = begin; first < end; first += GROUP) {
        int64_t last = stoa_least(first + GROUP, end);
        for (int64_t q = first; q < last; q++)
            for (int64_t s = 0; s < w->steps; s++)
                convert_block(w, q, s, panels + ((q - first) * w->steps + s) * STOA_AMX_BLOCK);
        stoa_amx_product p = group_product(w, first, last, stoa_least(last + GROUP, end), panels);
        stoa_amx_multiply(&p, 0, p.m, 0, p.n, mine + w->panel_bytes);
    }
    _mm_sfence(); // the copy is there before the caller is told
}

static stoa_status multiply_with_fresh(stoa_ctx *ctx, const stoa_linear_job *w,
                                       const stoa_amx_product *p) {
    fresh_job job = {.p = *p, .weight = {w->weight->data, STOA_F32, w->k, w->n, w->k}};
    job.steps = stoa_ceil_div(p->k, STOA_AMX_STEP);
    job.panel_bytes = stoa_amx_packed(GROUP * 32, p->k) * sizeof(uint16_t);
    job.scratch_bytes = job.panel_bytes + stoa_amx_multiply_scratch(p);
    job.scratch = stoa_scratch(ctx, job.scratch_bytes * (size_t)ctx->threads);
    bool copies = w->weight->is_param && w->x->requires_grad;
    if (copies)
        job.backward = stoa_packed_room(w->weight, STOA_PACK_BACKWARD);
    if (!job.scratch || (copies && !job.backward))
        return STOA_ERR_MEMORY;
    int64_t units = stoa_ceil_div(p->n, 32);
    double us = duration(2.0 * (double)(p->m * p->n) * (double)p->k, 4.0 * (double)(p->n * p->k));
    stoa_parallel(ctx, units, stoa_grain(us, units), multiply_fresh, &job);
    if (copies)
        stoa_packed_filled(w->weight, STOA_PACK_BACKWARD);
    return STOA_OK;
}

/* ---- the layer ------------------------------------------------------------------------------- */

/* The bias up to a multiple of 32; NULL when out of memory. */
static const float *padded_bias(stoa_ctx *ctx, const float *bias, int64_t n) {
    if (n % 32 == 0)
        return bias;
    int64_t wide = (n + 31) / 32 * 32;
    float *copy = stoa_scratch(ctx, (size_t)wide * sizeof *copy);
    if (!copy)
        return NULL;
    memcpy(copy, bias, (size_t)n * sizeof *copy);
    memset(copy + n, 0, (size_t)(wide - n) * sizeof *copy);
    return copy;
}

stoa_status stoa_linear_tiles(stoa_ctx *ctx, const stoa_linear_job *w) {
    stoa_amx_product p = {
        .m = w->m,
        .n = w->n,
        .k = w->k,
        .a = w->x->data,
        .a_stride = w->k,
        .c = w->y,
        .c_dtype = w->y_dtype,
        .c_stride = w->n,
        .scale = 1,
        .bias = w->bias ? padded_bias(ctx, w->bias, w->n) : NULL,
    };
    if (w->bias && !p.bias)
        return STOA_ERR_MEMORY;
    if (serves_once(ctx, w))
        return multiply_with_fresh(ctx, w, &p);
    p.panels = stoa_packed_get(ctx, w->weight, STOA_PACK_FORWARD);
    return p.panels ? multiply(ctx, &p) : STOA_ERR_MEMORY;
}

typedef struct gradient_job {
    stoa_amx_gradient g;
    stoa_amx_gradient_plan plan;
    char *scratch;
} gradient_job;

static void gradient_range(void *arg, int64_t begin, int64_t end, int thread) {
    const gradient_job *w = arg;
    stoa_amx_gradient_run(&w->g, &w->plan, begin, end,
                          w->scratch + (size_t)thread * w->plan.scratch);
}

static stoa_status weight_gradient(stoa_ctx *ctx, const stoa_linear_job *w, const uint16_t *dy) {
    if (!w->dw.data)
        return stoa_column_sums(ctx, dy, STOA_BF16, w->m, w->n, w->db.data, w->db.add);
    gradient_job job = {
        .g = {w->m, w->n, w->k, dy, w->x->data, w->dw.data, w->db.data, w->dw.add, w->db.add},
    };
    job.plan = stoa_amx_gradient_planned(&job.g, ctx->threads);
    job.scratch = stoa_scratch(ctx, job.plan.scratch * (size_t)ctx->threads);
    if (!job.scratch)
        return STOA_ERR_MEMORY;
    double flops = 2.0 * (double)(w->m * w->n) * (double)w->k;
    double us = duration(flops, 4.0 * (double)(w->n * w->k));
    stoa_parallel(ctx, job.plan.items, stoa_grain(us, job.plan.items), gradient_range, &job);
    return STOA_OK;
}

stoa_status stoa_linear_tiles_backward(stoa_ctx *ctx, const stoa_linear_job *w) {
    const uint16_t *dy = stoa_scratch_as(ctx, STOA_BF16, w->dy, w->y_dtype, w->m * w->n);
    if (!dy)
        return STOA_ERR_MEMORY;
    if (w->dw.data || w->db.data)
        STOA_TRY(weight_gradient(ctx, w, dy));
    if (!w->dx.data)
        return STOA_OK;
    stoa_amx_product p = {
        .m = w->m,
        .n = w->k,
        .k = w->n,
        .a = dy,
        .a_stride = w->n,
        .c = w->dx.data,
        .c_dtype = w->dx.dtype,
        .c_stride = w->k,
        .add = w->dx.add,
        .scale = 1,
    };
    p.panels = stoa_packed_get(ctx, w->weight, STOA_PACK_BACKWARD);
    return p.panels ? multiply(ctx, &p) : STOA_ERR_MEMORY;
}

#else

stoa_status stoa_linear_tiles(stoa_ctx *ctx, const stoa_linear_job *w) {
    (void)ctx, (void)w;
    return STOA_ERR_UNSUPPORTED;
}

stoa_status stoa_linear_tiles_backward(stoa_ctx *ctx, const stoa_linear_job *w) {
    (void)ctx, (void)w;
    return STOA_ERR_UNSUPPORTED;
}

#endif
