/*
 * tensor/cpu/norm.c - layer norm (Ba et al. 2016) and RMS norm (Zhang and Sennrich 2019) over the
 * last dimension N, alone or fused with the residual addition before them.
 *
 * A row is read from memory once: it stays in the first-level cache while its mean, its deviation
 * and its result are computed, all in float32. Backward likewise gives the gradients of x and of
 * delta in one walk; those of weight and bias are summed per thread (partial.h).
 */
#include "tensor/cpu/kernels.h"
#include "tensor/cpu/lanes_math.h"
#include "tensor/cpu/partial.h"
#include "tensor/cpu/rows.h"

typedef struct job {
    const stoa_tensor *x;       // (rows, N)
    const stoa_tensor *delta;   // (rows, N), or NULL
    stoa_tensor *sum;           // (rows, N), or NULL: x + delta
    stoa_tensor *y;             // (rows, N); in backward of its type only
    const float *weight, *bias; // (N); bias may be NULL
    float *scale, *mean;        // (rows), or NULL: 1 / deviation, mean
    bool layer;
    float eps;
    int64_t n;
    int64_t stride; // N rounded up to a cache line
    float *scratch; // (threads, rows of a thread, stride)
    /* backward */
    stoa_grad_ref gy, gsum, dx, ddelta;
    stoa_partials dweight, dbias;
} job;

enum { FORWARD_ROWS = 2, BACKWARD_ROWS = 4 }; /* of scratch a thread */

static job job_of(const stoa_node *node) {
    return (job){.x = node->in[0],
                 .delta = node->in[3],
                 .sum = node->out[1],
                 .y = node->out[0],
                 .weight = node->in[1]->data,
                 .bias = node->in[2] ? node->in[2]->data : NULL,
                 .scale = node->save[0] ? node->save[0]->data : NULL,
                 .mean = node->save[1] ? node->save[1]->data : NULL,
                 .layer = node->p.norm.layer,
                 .eps = (float)node->p.norm.eps,
                 .n = stoa_cols(node->in[0])};
}

/* A thread's k-th row of scratch. */
static float *scratch_row(const job *j, int rows, int thread, int k) {
    return j->scratch + (thread * rows + k) * j->stride;
}

static stoa_status get_scratch(stoa_ctx *ctx, job *j, int rows) {
    j->stride = (j->n + 15) / 16 * 16;
    j->scratch = stoa_scratch(ctx, (size_t)(ctx->threads * rows * j->stride) * sizeof *j->scratch);
    return j->scratch ? STOA_OK : STOA_ERR_MEMORY;
}

/* ---- forward --------------------------------------------------------------------------------- */

/* The row to normalise: x, or x + delta, which is also stored. */
static const float *input_row(const job *j, int64_t at, float *first, float *second) {
    const float *x = stoa_row_view(first, j->x->data, j->x->dtype, at, j->n);
    if (!j->delta)
        return x;
    const float *delta = stoa_row_view(second, j->delta->data, j->delta->dtype, at, j->n);
    bool direct = j->sum->dtype == STOA_F32;
    float *sum = direct ? (float *)j->sum->data + at : first;
    for (int64_t i = 0; i < j->n; i++)
        sum[i] = x[i] + delta[i];
    if (!direct)
        stoa_row_put(j->sum->data, j->sum->dtype, at, sum, j->n);
    return sum;
}

typedef struct moments {
    float mean, variance;
} moments;

/* Mean and variance in two walks; the second also corrects what rounding did to the first's mean
 * (Chan, Golub, LeVeque 1983). RMS norm takes the mean for 0. */
static moments moments_of(const float *restrict x, bool layer, int64_t n) {
    float near = layer ? stoa_row_sum(x, n) / (float)n : 0.0f;
    stoa_lanes sums[4] = {0}, squares[4] = {0}; // side by side, not to wait for each other
    int64_t i = 0;
    for (; i + 4 * STOA_LANES <= n; i += 4 * STOA_LANES)
#pragma GCC unroll 4
        for (int k = 0; k < 4; k++) {
            stoa_lanes d = stoa_lanes_load(x + i + k * STOA_LANES) - near;
            sums[k] += d;
            squares[k] += d * d;
        }
    for (; i < n; i += STOA_LANES) {
        int64_t m = n - i < STOA_LANES ? n - i : STOA_LANES;
        stoa_lanes d = stoa_lanes_first(stoa_lanes_get(x, STOA_F32, i, m) - near, m, 0.0f);
        sums[0] += d;
        squares[0] += d * d;
    }
    float sum = stoa_lanes_total((sums[0] + sums[1]) + (sums[2] + sums[3]));
    float square = stoa_lanes_total((squares[0] + squares[1]) + (squares[2] + squares[3]));
    if (!layer)
        return (moments){0.0f, square / (float)n};
    float off = sum / (float)n, variance = square / (float)n - off * off;
    return (moments){near + off, variance > 0.0f || variance != variance ? variance : 0.0f};
}

static void normalize(float *restrict y, const float *restrict x, const float *restrict weight,
                      const float *restrict bias, float mean, float scale, int64_t n) {
    if (bias) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++)
            y[i] = (x[i] - mean) * scale * weight[i] + bias[i];
    } else {
#pragma omp simd
        for (int64_t i = 0; i < n; i++)
            y[i] = (x[i] - mean) * scale * weight[i];
    }
}

static void forward_range(void *arg, int64_t begin, int64_t end, int thread) {
    const job *j = arg;
    int64_t n = j->n;
    float *first = scratch_row(j, FORWARD_ROWS, thread, 0);
    float *second = scratch_row(j, FORWARD_ROWS, thread, 1);
    for (int64_t row = begin; row < end; row++) {
        int64_t at = row * n;
        const float *x = input_row(j, at, first, second);
        moments m = moments_of(x, j->layer, n);
        float mean = m.mean, scale = 1.0f / sqrtf(m.variance + j->eps);
        if (j->scale)
            j->scale[row] = scale;
        if (j->mean)
            j->mean[row] = mean;
        if (j->y->dtype == STOA_F32) {
            normalize((float *)j->y->data + at, x, j->weight, j->bias, mean, scale, n);
        } else {
            normalize(second, x, j->weight, j->bias, mean, scale, n);
            stoa_row_put(j->y->data, j->y->dtype, at, second, n);
        }
    }
}

stoa_status stoa_cpu_norm(stoa_ctx *ctx, stoa_node *node) {
    job j = job_of(node);
    if (!stoa_is_float(j.x->dtype) || !stoa_is_float(j.y->dtype) ||
        (j.delta && !stoa_is_float(j.delta->dtype)))
        return STOA_ERR_UNSUPPORTED;
    STOA_TRY(get_scratch(ctx, &j, FORWARD_ROWS));
    stoa_parallel(ctx, stoa_rows(j.x), stoa_row_grain(j.n), forward_range, &j);
    return STOA_OK;
}

/* ---- backward -------------------------------------------------------------------------------- */

/* The means over a row of g*w and of g*w*xhat. */
typedef struct row_means {
    float slope, product;
} row_means;

/* Also adds the row to the sums for weight and bias (when there is one). */
STOA_INLINE row_means first_walk(bool biased, const float *restrict g, const float *restrict x,
                                 const float *restrict weight, float *restrict dweight,
                                 float *restrict dbias, float mean, float scale, int64_t n) {
    float slope = 0, product = 0;
#pragma omp simd reduction(+ : slope, product)
    for (int64_t i = 0; i < n; i++) {
        float xhat = (x[i] - mean) * scale, gw = g[i] * weight[i];
        slope += gw;
        product += gw * xhat;
        dweight[i] += g[i] * xhat;
        if (biased)
            dbias[i] += g[i];
    }
    return (row_means){slope / (float)n, product / (float)n};
}

/* d = scale * (g*w - mean(g*w) - xhat * mean(g*w*xhat)), plus the sum's own gradient. */
STOA_INLINE void second_walk(bool summed, float *restrict d, const float *restrict g,
                             const float *restrict x, const float *restrict weight,
                             const float *restrict gsum, row_means m, float mean, float scale,
                             int64_t n) {
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        float xhat = (x[i] - mean) * scale;
        d[i] = scale * (g[i] * weight[i] - m.slope - xhat * m.product);
        if (summed)
            d[i] += gsum[i];
    }
}

static void backward_range(void *arg, int64_t begin, int64_t end, int thread) {
    const job *j = arg;
    const stoa_tensor *in = j->sum ? j->sum : j->x;
    const bool direct = j->dx.data && j->dx.dtype == STOA_F32 && !j->dx.add;
    const float *w = j->weight;
    float *rows[BACKWARD_ROWS], *dweight = stoa_partials_of(&j->dweight, thread);
    float *dbias = stoa_partials_of(&j->dbias, thread);
    for (int k = 0; k < BACKWARD_ROWS; k++)
        rows[k] = scratch_row(j, BACKWARD_ROWS, thread, k);
    for (int64_t row = begin; row < end; row++) {
        int64_t n = j->n, at = row * n;
        float mean = j->layer ? j->mean[row] : 0.0f, scale = j->scale[row];
        const float *x = stoa_row_view(rows[0], in->data, in->dtype, at, n);
        const float *g = stoa_row_view(rows[1], j->gy.data, j->gy.dtype, at, n);
        row_means m = j->bias ? first_walk(true, g, x, w, dweight, dbias, mean, scale, n)
                              : first_walk(false, g, x, w, dweight, NULL, mean, scale, n);
        if (!j->layer)
            m.slope = 0;
        float *d = direct ? (float *)j->dx.data + at : rows[3];
        if (j->gsum.data) {
            const float *gsum = stoa_row_view(rows[2], j->gsum.data, j->gsum.dtype, at, n);
            second_walk(true, d, g, x, w, gsum, m, mean, scale, n);
        } else {
            second_walk(false, d, g, x, w, NULL, m, mean, scale, n);
        }
        if (j->dx.data && !direct)
            stoa_row_grad(j->dx.data, j->dx.dtype, j->dx.add, at, d, n);
        if (j->ddelta.data)
            stoa_row_grad(j->ddelta.data, j->ddelta.dtype, j->ddelta.add, at, d, n);
    }
}

/* Only the sum was used: its gradient passes to x and delta. */
static void pass_range(void *arg, int64_t begin, int64_t end, int thread) {
    const job *j = arg;
    float *buffer = scratch_row(j, BACKWARD_ROWS, thread, 0);
    for (int64_t row = begin; row < end; row++) {
        int64_t at = row * j->n;
        const float *g = stoa_row_view(buffer, j->gsum.data, j->gsum.dtype, at, j->n);
        if (j->dx.data)
            stoa_row_grad(j->dx.data, j->dx.dtype, j->dx.add, at, g, j->n);
        if (j->ddelta.data)
            stoa_row_grad(j->ddelta.data, j->ddelta.dtype, j->ddelta.add, at, g, j->n);
    }
}

stoa_status stoa_cpu_norm_backward(stoa_ctx *ctx, stoa_node *node) {
    job j = job_of(node);
    j.gy = stoa_grad_out(node, 0), j.gsum = stoa_grad_out(node, 1);
    j.dx = stoa_grad_take(node, 0), j.ddelta = stoa_grad_take(node, 3);
    STOA_TRY(get_scratch(ctx, &j, BACKWARD_ROWS));
    STOA_TRY(stoa_partials_init(ctx, &j.dweight, j.n));
    STOA_TRY(stoa_partials_init(ctx, &j.dbias, j.n));
    stoa_parallel(ctx, stoa_rows(j.x), stoa_row_grain(j.n), j.gy.data ? backward_range : pass_range,
                  &j);
    stoa_partials_write(ctx, &j.dweight, stoa_grad_take(node, 1));
    stoa_partials_write(ctx, &j.dbias, stoa_grad_take(node, 2));
    return STOA_OK;
}
