/* tensor/cpu/recurrent.c - products with a prepared weight, states; see recurrent.h. */
#include "tensor/cpu/recurrent.h"

#include "tensor/cpu/amx_matrix.h"
#include "tensor/cpu/gemm_f32.h"
#include "tensor/cpu/packed.h"
#include "tensor/cpu/panels_f32.h"
#include "tensor/cpu/rows.h"
#include "tensor/cpu/state.h"

bool stoa_recurrent_types(const stoa_node *node) {
    for (int i = 1; i < STOA_NODE_IN; i++)
        if (node->in[i] && node->in[i]->dtype != STOA_F32 && node->in[i]->dtype != STOA_U8)
            return false;
    return stoa_is_float(node->in[0]->dtype);
}

stoa_dtype stoa_recurrent_operand(stoa_ctx *ctx, const stoa_tensor *x) {
    return x->dtype == STOA_BF16 && stoa_cpu(ctx)->amx ? STOA_BF16 : STOA_F32;
}

/* ---- products -------------------------------------------------------------------------------- */

static stoa_status prepare_f32(stoa_ctx *ctx, stoa_recurrent_matrix *matrix, stoa_tensor *weight) {
    if (!stoa_panels_f32_fit(weight, matrix->transposed))
        return STOA_OK;
    matrix->wide = (const float *)(const void *)stoa_packed_get(
        ctx, weight, matrix->transposed ? STOA_PACK_FORWARD_F32 : STOA_PACK_BACKWARD_F32);
    return matrix->wide ? STOA_OK : STOA_ERR_MEMORY;
}

#if STOA_HAVE_AMX

static stoa_amx_product product_of(const stoa_recurrent_matrix *matrix) {
    int64_t columns = matrix->transposed ? matrix->m : matrix->n;
    int64_t inner = matrix->transposed ? matrix->n : matrix->m;
    return (stoa_amx_product){.n = columns,
                              .k = inner,
                              .a_stride = inner,
                              .panels = matrix->panels,
                              .c_dtype = STOA_F32,
                              .c_stride = columns,
                              .scale = 1.0f};
}

static stoa_status prepare_tiles(stoa_ctx *ctx, stoa_recurrent_matrix *matrix,
                                 stoa_tensor *weight) {
    const stoa_amx_product p = product_of(matrix);
    matrix->scratch_bytes = (stoa_amx_multiply_scratch(&p) + 63) / 64 * 64;
    matrix->scratch = stoa_scratch(ctx, (size_t)ctx->threads * matrix->scratch_bytes);
    matrix->panels =
        stoa_packed_get(ctx, weight, matrix->transposed ? STOA_PACK_FORWARD : STOA_PACK_BACKWARD);
    return matrix->panels && matrix->scratch ? STOA_OK : STOA_ERR_MEMORY;
}

static void multiply_tiles(const stoa_recurrent_matrix *matrix, const uint16_t *rows, int64_t count,
                           void *out, bool same, bool add, int thread) {
    stoa_amx_product p = product_of(matrix);
    p.m = count;
    p.a = rows;
    p.c = out;
    p.c_dtype = same ? STOA_BF16 : STOA_F32;
    p.add = add;
    stoa_amx_multiply(&p, 0, count, 0, p.n,
                      matrix->scratch + (size_t)thread * matrix->scratch_bytes);
}

#endif

stoa_status stoa_recurrent_prepare(stoa_ctx *ctx, stoa_recurrent_matrix *matrix,
                                   stoa_tensor *weight, bool transposed, stoa_dtype operand) {
    *matrix = (stoa_recurrent_matrix){.weight = weight->data,
                                      .m = weight->shape[0],
                                      .n = weight->shape[1],
                                      .transposed = transposed,
                                      .operand = operand};
#if STOA_HAVE_AMX
    if (operand == STOA_BF16 && stoa_numel(weight) > 0)
        return prepare_tiles(ctx, matrix, weight);
#endif
    return prepare_f32(ctx, matrix, weight);
}

void stoa_recurrent_multiply(const stoa_recurrent_matrix *matrix, const void *rows, int64_t count,
                             void *out, bool same, bool add, int thread) {
    int64_t m = matrix->m, n = matrix->n;
    const float *weight = matrix->weight;
#if STOA_HAVE_AMX
    if (matrix->panels) {
        multiply_tiles(matrix, rows, count, out, same, add, thread);
        return;
    }
#endif
    (void)thread, (void)same;
    if (matrix->wide && matrix->transposed)
        stoa_panels_f32_multiply(count, m, n, rows, matrix->wide, out, add);
    else if (matrix->wide)
        stoa_panels_f32_multiply(count, n, m, rows, matrix->wide, out, add);
    else if (!matrix->transposed)
        stoa_gemm_nn(count, n, m, rows, m, 1, weight, n, out, n, add);
    else
        stoa_gemm_nt(count, m, n, rows, n, weight, n, out, m, add);
}

/* ---- states ---------------------------------------------------------------------------------- */

void stoa_recurrent_start(float *state, const stoa_tensor *given, int64_t count) {
    if (given)
        memcpy(state, given->data, (size_t)count * sizeof *state);
    else
        memset(state, 0, (size_t)count * sizeof *state);
}

void stoa_recurrent_add(float *to, stoa_grad_ref from, int64_t at, int64_t n) {
    if (from.data)
        stoa_row_write(STOA_F32, to, from.dtype, stoa_at(from.data, from.dtype, at), n, true);
}

typedef struct before_job {
    const stoa_tensor *to, *h0, *h, *reset;
} before_job;

/* A unit is a row r = t * B + b. */
static void before_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const before_job *j = arg;
    const uint8_t *reset = j->reset ? j->reset->data : NULL;
    int64_t batch = j->h->shape[1], n = j->h->shape[2];
    stoa_dtype operand = j->to->dtype;
    for (int64_t r = begin; r < end; r++) {
        char *to = stoa_at(j->to->data, operand, r * n);
        const stoa_tensor *from = r < batch ? j->h0 : j->h;
        int64_t row = r < batch ? r : r - batch;
        if (!from || (reset && reset[r]))
            memset(to, 0, (size_t)n * stoa_dtype_size(operand));
        else
            stoa_row_write(operand, to, from->dtype, stoa_at(from->data, from->dtype, row * n), n,
                           false);
    }
}

stoa_status stoa_recurrent_before(stoa_ctx *ctx, const stoa_tensor *h0, const stoa_tensor *h,
                                  const stoa_tensor *reset, stoa_dtype operand,
                                  stoa_tensor *before) {
    void *data = stoa_scratch(ctx, (size_t)stoa_numel(h) * stoa_dtype_size(operand));
    if (!data)
        return STOA_ERR_MEMORY;
    *before = stoa_tensor_wrap(operand, h->ndim, h->shape, data);
    before_job j = {.to = before, .h0 = h0, .h = h, .reset = reset};
    stoa_parallel(ctx, stoa_rows(h), stoa_row_grain(h->shape[2]), before_range, &j);
    return STOA_OK;
}
