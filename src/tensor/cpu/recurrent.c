/* tensor/cpu/recurrent.c - the products over all time steps, and conversions; see recurrent.h. */
#include "tensor/cpu/recurrent.h"

#include "tensor/cpu/amx_matrix.h"
#include "tensor/cpu/gemm_f32.h"
#include "tensor/cpu/rows.h"

/* ---- types ----------------------------------------------------------------------------------- */

bool stoa_recurrent_types(const stoa_node *node) {
    for (int i = 1; i < STOA_NODE_IN; i++)
        if (node->in[i] && node->in[i]->dtype != STOA_F32 && node->in[i]->dtype != STOA_U8)
            return false;
    return stoa_is_float(node->in[0]->dtype);
}

stoa_dtype stoa_recurrent_operand(const stoa_tensor *x) {
    return x->dtype == STOA_BF16 && stoa_amx_available() ? STOA_BF16 : STOA_F32;
}

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

/* (=, +=) from another type, flat. */
typedef struct convert_job {
    stoa_grad_ref to;
    const void *from;
    stoa_dtype from_dtype;
} convert_job;

static void convert_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const convert_job *j = arg;
    stoa_row_write(j->to.dtype, stoa_at(j->to.data, j->to.dtype, begin), j->from_dtype,
                   stoa_at(j->from, j->from_dtype, begin), end - begin, j->to.add);
}

const void *stoa_recurrent_as(stoa_ctx *ctx, const stoa_tensor *t, stoa_dtype operand) {
    if (t->dtype == operand)
        return t->data;
    void *copy = stoa_scratch(ctx, (size_t)stoa_numel(t) * stoa_dtype_size(operand));
    convert_job j = {{copy, operand, false}, t->data, t->dtype};
    if (copy)
        stoa_parallel(ctx, stoa_numel(t), STOA_ROW_GRAIN, convert_range, &j);
    return copy;
}

/* ---- before the walk ------------------------------------------------------------------------- */

typedef struct rows_job {
    stoa_recurrent_matrix matrix;
    const void *rows;
    const float *bias; /* the start of every row of out, or NULL */
    float *out;
    bool add;
} rows_job;

static void rows_range(void *arg, int64_t begin, int64_t end, int thread) {
    const rows_job *j = arg;
    int64_t in = j->matrix.transposed ? j->matrix.n : j->matrix.m;
    int64_t width = j->matrix.transposed ? j->matrix.m : j->matrix.n;
    for (int64_t r = begin; j->bias && r < end; r++)
        memcpy(j->out + r * width, j->bias, (size_t)width * sizeof *j->out);
    stoa_recurrent_multiply(&j->matrix, stoa_at(j->rows, j->matrix.operand, begin * in),
                            end - begin, j->out + begin * width, j->add || j->bias, thread);
}

enum { ROWS_GRAIN = 32, ROWS_A_USE = 16 };

stoa_status stoa_recurrent_project(stoa_ctx *ctx, const stoa_tensor *x, const stoa_tensor *weight,
                                   const stoa_tensor *bias, stoa_dtype operand, float *out) {
    rows_job j = {.rows = stoa_recurrent_as(ctx, x, operand), .bias = bias->data, .out = out};
    int64_t rows = stoa_rows(x);
    if (!j.rows)
        return STOA_ERR_MEMORY;
    STOA_TRY(stoa_recurrent_prepare(ctx, &j.matrix, weight, true, operand, rows / ROWS_A_USE));
    stoa_parallel(ctx, rows, ROWS_GRAIN, rows_range, &j);
    return STOA_OK;
}

/* ---- after the walk -------------------------------------------------------------------------- */

typedef struct before_job {
    void *to;
    stoa_dtype operand;
    const stoa_tensor *h0, *h, *reset;
} before_job;

/* A unit is a row r = t * B + b. */
static void before_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const before_job *j = arg;
    const uint8_t *reset = j->reset ? j->reset->data : NULL;
    int64_t batch = j->h->shape[1], n = j->h->shape[2];
    for (int64_t r = begin; r < end; r++) {
        char *to = stoa_at(j->to, j->operand, r * n);
        const stoa_tensor *from = r < batch ? j->h0 : j->h;
        int64_t row = r < batch ? r : r - batch;
        if (!from || (reset && reset[r]))
            memset(to, 0, (size_t)n * stoa_dtype_size(j->operand));
        else
            stoa_row_write(j->operand, to, from->dtype, stoa_at(from->data, from->dtype, row * n),
                           n, false);
    }
}

void *stoa_recurrent_before(stoa_ctx *ctx, const stoa_tensor *h0, const stoa_tensor *h,
                            const stoa_tensor *reset, stoa_dtype operand) {
    before_job j = {.operand = operand, .h0 = h0, .h = h, .reset = reset};
    j.to = stoa_scratch(ctx, (size_t)stoa_numel(h) * stoa_dtype_size(operand));
    if (j.to)
        stoa_parallel(ctx, stoa_rows(h), stoa_row_grain(h->shape[2]), before_range, &j);
    return j.to;
}

stoa_status stoa_recurrent_grad_x(stoa_ctx *ctx, const void *dz, const stoa_tensor *weight,
                                  stoa_dtype operand, int64_t rows, stoa_grad_ref dx) {
    int64_t numel = rows * weight->shape[1];
    rows_job j = {.rows = dz, .out = dx.data, .add = dx.add};
    if (dx.dtype != STOA_F32) {
        j.add = false;
        j.out = stoa_scratch(ctx, (size_t)numel * sizeof *j.out);
        if (!j.out)
            return STOA_ERR_MEMORY;
    }
    STOA_TRY(stoa_recurrent_prepare(ctx, &j.matrix, weight, false, operand, rows / ROWS_A_USE));
    stoa_parallel(ctx, rows, ROWS_GRAIN, rows_range, &j);
    convert_job convert = {dx, j.out, STOA_F32};
    if (dx.dtype != STOA_F32)
        stoa_parallel(ctx, numel, STOA_ROW_GRAIN, convert_range, &convert);
    return STOA_OK;
}

typedef struct weight_job {
    const float *dz, *x; /* (rows, m), (rows, k) */
    int64_t rows, m, k;
    stoa_grad_ref to;
} weight_job;

/* A unit is a row of dweight. */
static void weight_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const weight_job *j = arg;
    stoa_gemm_nn(end - begin, j->k, j->rows, j->dz + begin, 1, j->m, j->x, j->k,
                 (float *)j->to.data + begin * j->k, j->k, j->to.add);
}

/* A unit is an element of dbias. */
static void bias_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const weight_job *j = arg;
    float *restrict sum = j->to.data;
    if (!j->to.add)
        memset(sum + begin, 0, (size_t)(end - begin) * sizeof *sum);
    for (int64_t r = 0; r < j->rows; r++) {
        const float *restrict row = j->dz + r * j->m;
#pragma omp simd
        for (int64_t i = begin; i < end; i++)
            sum[i] += row[i];
    }
}

#if STOA_HAVE_AMX

typedef struct tiles_job {
    stoa_amx_gradient gradient;
    stoa_amx_gradient_plan plan;
    char *scratch;
    size_t scratch_bytes;
} tiles_job;

static void tiles_range(void *arg, int64_t begin, int64_t end, int thread) {
    const tiles_job *j = arg;
    stoa_amx_gradient_run(&j->gradient, &j->plan, begin, end,
                          j->scratch + (size_t)thread * j->scratch_bytes);
}

static stoa_status grad_weight_tiles(stoa_ctx *ctx, const stoa_amx_gradient *gradient) {
    tiles_job j = {.gradient = *gradient,
                   .plan = stoa_amx_gradient_planned(gradient, ctx->threads)};
    j.scratch_bytes = (j.plan.scratch + 63) / 64 * 64;
    j.scratch = stoa_scratch(ctx, (size_t)ctx->threads * j.scratch_bytes);
    if (!j.scratch)
        return STOA_ERR_MEMORY;
    stoa_parallel(ctx, j.plan.items, 1, tiles_range, &j);
    return STOA_OK;
}

#endif

/* Sums of dz's columns where it is bf16 and no product makes them. */
static void bias_tiles(const uint16_t *dz, int64_t rows, int64_t m, stoa_grad_ref dbias) {
    float *restrict sum = dbias.data;
    if (!dbias.add)
        memset(sum, 0, (size_t)m * sizeof *sum);
    for (int64_t r = 0; r < rows; r++)
        stoa_row_write(STOA_F32, sum, STOA_BF16, dz + r * m, m, true);
}

stoa_status stoa_recurrent_grad_weight(stoa_ctx *ctx, const void *dz, const void *x,
                                       stoa_dtype operand, int64_t rows, int64_t m, int64_t k,
                                       stoa_grad_ref dweight, stoa_grad_ref dbias) {
#if STOA_HAVE_AMX
    if (operand == STOA_BF16 && dweight.data && rows > 0 && m > 0 && k > 0)
        return grad_weight_tiles(ctx, &(stoa_amx_gradient){.m = rows,
                                                           .n = m,
                                                           .k = k,
                                                           .dy = dz,
                                                           .x = x,
                                                           .dw = dweight.data,
                                                           .db = dbias.data,
                                                           .add_dw = dweight.add,
                                                           .add_db = dbias.add});
#endif
    if (operand == STOA_BF16) {
        if (dbias.data)
            bias_tiles(dz, rows, m, dbias);
        if (dweight.data && !dweight.add)
            memset(dweight.data, 0, (size_t)(m * k) * sizeof(float));
        return STOA_OK;
    }
    weight_job j = {.dz = dz, .x = x, .rows = rows, .m = m, .k = k, .to = dweight};
    if (dweight.data)
        stoa_parallel(ctx, m, 48, weight_range, &j);
    j.to = dbias;
    if (dbias.data)
        stoa_parallel(ctx, m, 64, bias_range, &j);
    return STOA_OK;
}
