/* tensor/cpu/recurrent_product.c - products with a prepared weight; see recurrent.h. */
#include "tensor/cpu/amx_matrix.h"
#include "tensor/cpu/gemm_f32.h"
#include "tensor/cpu/recurrent.h"

/* ---- preparing ------------------------------------------------------------------------------- */

typedef struct turn_job {
    const float *from; /* (m, n) */
    float *to;         /* (n, m) */
    int64_t m, n;
} turn_job;

/* Tiles of 16 x 16, so that both sides use whole cache lines. A unit is a row of the result. */
static void turn_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const turn_job *t = arg;
    for (int64_t p = begin; p < end; p += 16)
        for (int64_t j = 0; j < t->m; j += 16)
            for (int64_t q = p; q < p + 16 && q < end; q++)
                for (int64_t i = j; i < j + 16 && i < t->m; i++)
                    t->to[q * t->m + i] = t->from[i * t->n + q];
}

static stoa_status prepare_f32(stoa_ctx *ctx, stoa_recurrent_matrix *matrix, int64_t uses) {
    enum { WORTH = 6 };
    if (!matrix->transposed || uses < WORTH)
        return STOA_OK;
    turn_job t = {.from = matrix->weight, .m = matrix->m, .n = matrix->n};
    t.to = stoa_scratch(ctx, (size_t)(t.m * t.n) * sizeof *t.to);
    if (!t.to)
        return STOA_ERR_MEMORY;
    stoa_parallel(ctx, t.n, 16, turn_range, &t);
    matrix->copy = t.to;
    return STOA_OK;
}

#if STOA_HAVE_AMX

typedef struct pack_job {
    stoa_amx_matrix from;
    stoa_amx_pack pack;
    int64_t steps;
    uint16_t *to;
} pack_job;

/* A unit is a panel of 32 columns. */
static void pack_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const pack_job *j = arg;
    for (int64_t p = begin; p < end; p++)
        for (int64_t s = 0; s < j->steps; s++)
            j->pack(&j->from, p, s, j->to + (p * j->steps + s) * STOA_AMX_BLOCK);
}

static stoa_status prepare_tiles(stoa_ctx *ctx, stoa_recurrent_matrix *matrix) {
    int64_t columns = matrix->transposed ? matrix->m : matrix->n;
    int64_t inner = matrix->transposed ? matrix->n : matrix->m;
    pack_job j = {.from = {matrix->weight, STOA_F32, matrix->n, matrix->m, matrix->n},
                  .pack = matrix->transposed ? stoa_amx_panels_inner : stoa_amx_panels_outer,
                  .steps = (inner + STOA_AMX_STEP - 1) / STOA_AMX_STEP};
    stoa_amx_product shape = {.n = columns, .k = inner};
    matrix->scratch_bytes = (stoa_amx_multiply_scratch(&shape) + 63) / 64 * 64;
    matrix->scratch = stoa_scratch(ctx, (size_t)ctx->threads * matrix->scratch_bytes);
    j.to = stoa_scratch(ctx, stoa_amx_packed(columns, inner) * sizeof *j.to);
    if (!j.to || !matrix->scratch)
        return STOA_ERR_MEMORY;
    stoa_parallel(ctx, (columns + STOA_AMX_STEP - 1) / STOA_AMX_STEP, 1, pack_range, &j);
    matrix->panels = j.to;
    return STOA_OK;
}

static void multiply_tiles(const stoa_recurrent_matrix *matrix, const uint16_t *rows, int64_t count,
                           float *out, bool add, int thread) {
    int64_t columns = matrix->transposed ? matrix->m : matrix->n;
    int64_t inner = matrix->transposed ? matrix->n : matrix->m;
    const stoa_amx_product p = {.m = count,
                                .n = columns,
                                .k = inner,
                                .a = rows,
                                .a_stride = inner,
                                .panels = matrix->panels,
                                .c = out,
                                .c_dtype = STOA_F32,
                                .c_stride = columns,
                                .add = add,
                                .scale = 1.0f};
    stoa_amx_multiply(&p, 0, count, 0, columns,
                      matrix->scratch + (size_t)thread * matrix->scratch_bytes);
}

#endif

stoa_status stoa_recurrent_prepare(stoa_ctx *ctx, stoa_recurrent_matrix *matrix,
                                   const stoa_tensor *weight, bool transposed, stoa_dtype operand,
                                   int64_t uses) {
    *matrix = (stoa_recurrent_matrix){.weight = weight->data,
                                      .m = weight->shape[0],
                                      .n = weight->shape[1],
                                      .transposed = transposed,
                                      .operand = operand};
#if STOA_HAVE_AMX
    if (operand == STOA_BF16)
        return prepare_tiles(ctx, matrix);
#endif
    return prepare_f32(ctx, matrix, uses);
}

/* ---- multiplying ----------------------------------------------------------------------------- */

void stoa_recurrent_multiply(const stoa_recurrent_matrix *matrix, const void *rows, int64_t count,
                             float *out, bool add, int thread) {
    int64_t m = matrix->m, n = matrix->n;
    const float *weight = matrix->weight;
#if STOA_HAVE_AMX
    if (matrix->operand == STOA_BF16 && m > 0 && n > 0) {
        multiply_tiles(matrix, rows, count, out, add, thread);
        return;
    }
#endif
    (void)thread;
    if (!matrix->transposed)
        stoa_gemm_nn(count, n, m, rows, m, 1, weight, n, out, n, add);
    else if (matrix->copy)
        stoa_gemm_nn(count, m, n, rows, n, 1, matrix->copy, m, out, m, add);
    else
        stoa_gemm_nt(count, m, n, rows, n, weight, n, out, m, add);
}
