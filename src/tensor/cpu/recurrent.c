/* tensor/cpu/recurrent.c - the products over all time steps; see recurrent.h. */
#include "tensor/cpu/recurrent.h"

#include "tensor/cpu/gemm_f32.h"
#include "tensor/cpu/rows.h"

bool stoa_recurrent_types(const stoa_node *node) {
    for (int i = 1; i < STOA_NODE_IN; i++)
        if (node->in[i] && node->in[i]->dtype != STOA_F32 && node->in[i]->dtype != STOA_U8)
            return false;
    return stoa_is_float(node->in[0]->dtype);
}

void stoa_recurrent_start(float *state, const stoa_tensor *given, int64_t count) {
    if (given)
        memcpy(state, given->data, (size_t)count * sizeof *state);
    else
        memset(state, 0, (size_t)count * sizeof *state);
}

typedef struct widen_job {
    float *to;
    const stoa_tensor *from;
} widen_job;

static void widen_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const widen_job *j = arg;
    stoa_row_get(j->to + begin, j->from->data, j->from->dtype, begin, end - begin);
}

const float *stoa_recurrent_f32(stoa_ctx *ctx, const stoa_tensor *t) {
    if (t->dtype == STOA_F32)
        return t->data;
    widen_job j = {.from = t};
    j.to = stoa_scratch(ctx, (size_t)stoa_numel(t) * sizeof *j.to);
    if (j.to)
        stoa_parallel(ctx, stoa_numel(t), STOA_ROW_GRAIN, widen_range, &j);
    return j.to;
}

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

const float *stoa_recurrent_turned(stoa_ctx *ctx, const stoa_tensor *weight, int64_t steps) {
    enum { WORTH = 6 };
    if (steps < WORTH)
        return NULL;
    turn_job t = {.from = weight->data, .m = weight->shape[0], .n = weight->shape[1]};
    t.to = stoa_scratch(ctx, (size_t)(t.m * t.n) * sizeof *t.to);
    if (t.to)
        stoa_parallel(ctx, t.n, 16, turn_range, &t);
    return t.to;
}

void stoa_recurrent_step(const float *h, const stoa_tensor *weight, const float *turned,
                         int64_t rows, float *z) {
    int64_t m = weight->shape[0], n = weight->shape[1];
    if (turned)
        stoa_gemm_nn(rows, m, n, h, n, 1, turned, m, z, m, true);
    else
        stoa_gemm_nt(rows, m, n, h, n, weight->data, n, z, m, true);
}

typedef struct project_job {
    const float *x, *bias, *turned;
    const stoa_tensor *weight;
    float *out;
} project_job;

static void project_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const project_job *p = arg;
    int64_t m = p->weight->shape[0], k = p->weight->shape[1];
    for (int64_t r = begin; r < end; r++)
        memcpy(p->out + r * m, p->bias, (size_t)m * sizeof *p->out);
    stoa_recurrent_step(p->x + begin * k, p->weight, p->turned, end - begin, p->out + begin * m);
}

stoa_status stoa_recurrent_project(stoa_ctx *ctx, const stoa_tensor *x, const stoa_tensor *weight,
                                   const stoa_tensor *bias, float *out) {
    project_job p = {.x = stoa_recurrent_f32(ctx, x),
                     .bias = bias->data,
                     .out = out,
                     .weight = weight,
                     .turned = stoa_recurrent_turned(ctx, weight, stoa_rows(x) / 16)};
    if (!p.x)
        return STOA_ERR_MEMORY;
    stoa_parallel(ctx, stoa_rows(x), 6, project_range, &p);
    return STOA_OK;
}

typedef struct before_job {
    float *to;
    const stoa_tensor *h0, *h, *reset;
} before_job;

/* A unit is a row r = t * B + b. */
static void before_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const before_job *j = arg;
    const uint8_t *reset = j->reset ? j->reset->data : NULL;
    int64_t batch = j->h->shape[1], n = j->h->shape[2];
    for (int64_t r = begin; r < end; r++) {
        float *to = j->to + r * n;
        if ((reset && reset[r]) || (r < batch && !j->h0))
            memset(to, 0, (size_t)n * sizeof *to);
        else if (r < batch)
            memcpy(to, (const float *)j->h0->data + r * n, (size_t)n * sizeof *to);
        else
            stoa_row_get(to, j->h->data, j->h->dtype, (r - batch) * n, n);
    }
}

float *stoa_recurrent_before(stoa_ctx *ctx, const stoa_tensor *h0, const stoa_tensor *h,
                             const stoa_tensor *reset) {
    before_job j = {.h0 = h0, .h = h, .reset = reset};
    j.to = stoa_scratch(ctx, (size_t)stoa_numel(h) * sizeof *j.to);
    if (j.to)
        stoa_parallel(ctx, stoa_rows(h), stoa_row_grain(h->shape[2]), before_range, &j);
    return j.to;
}

/* c (m, n): rows split among threads. */
typedef struct product {
    const float *a, *b;
    float *c;
    int64_t n, k, a_row, a_col;
    bool add;
} product;

static void product_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const product *p = arg;
    stoa_gemm_nn(end - begin, p->n, p->k, p->a + begin * p->a_row, p->a_row, p->a_col, p->b, p->n,
                 p->c + begin * p->n, p->n, p->add);
}

typedef struct narrow_job {
    const float *from;
    stoa_grad_ref to;
} narrow_job;

static void narrow_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const narrow_job *j = arg;
    stoa_row_grad(j->to.data, j->to.dtype, j->to.add, begin, j->from + begin, end - begin);
}

stoa_status stoa_recurrent_grad_x(stoa_ctx *ctx, const float *dz, const stoa_tensor *weight,
                                  int64_t rows, stoa_grad_ref dx) {
    int64_t m = weight->shape[0], k = weight->shape[1];
    product p = {.a = dz, .a_row = m, .a_col = 1, .b = weight->data, .n = k, .k = m};
    p.add = dx.add, p.c = dx.data;
    narrow_job narrow = {.to = dx};
    if (dx.dtype != STOA_F32) {
        p.add = false;
        narrow.from = p.c = stoa_scratch(ctx, (size_t)(rows * k) * sizeof *p.c);
        if (!p.c)
            return STOA_ERR_MEMORY;
    }
    stoa_parallel(ctx, rows, 6, product_range, &p);
    if (narrow.from)
        stoa_parallel(ctx, rows * k, STOA_ROW_GRAIN, narrow_range, &narrow);
    return STOA_OK;
}

void stoa_recurrent_grad_weight(stoa_ctx *ctx, const float *dz, const float *x, int64_t rows,
                                int64_t m, int64_t k, stoa_grad_ref dweight) {
    product p = {.a = dz, .a_row = 1, .a_col = m, .b = x, .n = k, .k = rows};
    p.c = dweight.data, p.add = dweight.add;
    stoa_parallel(ctx, m, 48, product_range, &p);
}

typedef struct bias_job {
    const float *dz;
    stoa_grad_ref to;
    int64_t rows, m;
} bias_job;

static void bias_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const bias_job *j = arg;
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

void stoa_recurrent_grad_bias(stoa_ctx *ctx, const float *dz, int64_t rows, int64_t m,
                              stoa_grad_ref dbias) {
    bias_job j = {.dz = dz, .to = dbias, .rows = rows, .m = m};
    stoa_parallel(ctx, m, 64, bias_range, &j);
}
