/*
 * tensor/cpu/batch_norm.c - batch normalisation (Ioffe and Szegedy 2015) of x (B, C, H, W) or
 * (B, C): every channel over the batch and its places, with the batch's statistics while training
 * and the running ones else.
 *
 * Threads take whole channels, so sums need no merging. With places (inner > 1) a channel's values
 * lie in B runs; without, sixteen or more channels are worked on side by side.
 */
#include "tensor/cpu/kernels.h"
#include "tensor/cpu/rows.h"

enum { SIDE = 64 }; /* channels side by side when inner == 1 */

typedef struct job {
    const void *x; // (B, C, inner)
    void *y;
    stoa_dtype dtype;
    int64_t batch, channels, inner;
    const float *weight, *bias; // (C)
    float *running_mean, *running_var;
    float *mean, *scale; // (C): what was used; scale = 1 / deviation
    bool training;
    double eps, decay;
    stoa_grad_ref g, dx, dweight, dbias;
} job;

static job job_of(const stoa_node *node) {
    const stoa_tensor *x = node->in[0];
    int64_t numel = stoa_numel(x), planes = x->shape[0] * x->shape[1];
    return (job){.x = x->data,
                 .y = node->out[0]->data,
                 .dtype = x->dtype,
                 .batch = x->shape[0],
                 .channels = x->shape[1],
                 .inner = planes > 0 ? numel / planes : 0,
                 .weight = node->in[1]->data,
                 .bias = node->in[2]->data,
                 .running_mean = node->in[3]->data,
                 .running_var = node->in[4]->data,
                 .mean = node->save[0]->data,
                 .scale = node->save[1]->data,
                 .training = node->p.norm.training,
                 .eps = node->p.norm.eps,
                 .decay = node->p.norm.decay};
}

/* Settles channel c's statistics; mean and variance are the batch's, not read when not training. */
static void settle(const job *j, int64_t c, double mean, double variance) {
    if (j->training) {
        j->running_mean[c] = (float)(j->decay * (double)j->running_mean[c] + (1 - j->decay) * mean);
        j->running_var[c] =
            (float)(j->decay * (double)j->running_var[c] + (1 - j->decay) * variance);
    } else {
        mean = (double)j->running_mean[c], variance = (double)j->running_var[c];
    }
    j->mean[c] = (float)mean;
    j->scale[c] = (float)(1 / sqrt(variance + j->eps));
}

/* ---- with places ----------------------------------------------------------------------------- */

/* A walk over one channel's values in tiles. */
typedef struct walk {
    const job *j;
    int64_t channel, image, place; /* of the tile */
    int64_t at, n;                 /* its elements of x */
} walk;

static bool next_tile(walk *w) {
    w->place += w->n;
    if (w->place >= w->j->inner)
        w->place = 0, w->image++;
    if (w->image >= w->j->batch || w->j->inner == 0)
        return false;
    int64_t left = w->j->inner - w->place;
    w->n = left < STOA_TILE ? left : STOA_TILE;
    w->at = (w->image * w->j->channels + w->channel) * w->j->inner + w->place;
    return true;
}

static walk walk_of(const job *j, int64_t channel) {
    return (walk){.j = j, .channel = channel, .image = -1, .place = j->inner};
}

static float sum_of_squares(const float *restrict x, float mean, int64_t n) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++)
        sum += (x[i] - mean) * (x[i] - mean);
    return sum;
}

static void forward_places(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    _Alignas(64) float buffer[STOA_TILE], y[STOA_TILE];
    double count = (double)(j->batch * j->inner);
    for (int64_t c = begin; c < end; c++) {
        double mean = 0, variance = 0;
        if (j->training && count > 0) {
            for (walk w = walk_of(j, c); next_tile(&w);)
                mean += (double)stoa_row_sum(stoa_row_view(buffer, j->x, j->dtype, w.at, w.n), w.n);
            mean /= count;
            for (walk w = walk_of(j, c); next_tile(&w);)
                variance += (double)sum_of_squares(stoa_row_view(buffer, j->x, j->dtype, w.at, w.n),
                                                   (float)mean, w.n);
            variance /= count;
        }
        settle(j, c, mean, variance);
        float center = j->mean[c], scale = j->scale[c] * j->weight[c], shift = j->bias[c];
        for (walk w = walk_of(j, c); next_tile(&w);) {
            const float *x = stoa_row_view(buffer, j->x, j->dtype, w.at, w.n);
#pragma omp simd
            for (int64_t i = 0; i < w.n; i++)
                y[i] = (x[i] - center) * scale + shift;
            stoa_row_put(j->y, j->dtype, w.at, y, w.n);
        }
    }
}

static void backward_places(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    _Alignas(64) float bx[STOA_TILE], bg[STOA_TILE], dx[STOA_TILE];
    double count = (double)(j->batch * j->inner);
    for (int64_t c = begin; c < end; c++) {
        float mean = j->mean[c], scale = j->scale[c];
        double slope = 0, product = 0; // sums of g and of g * xhat
        for (walk w = walk_of(j, c); next_tile(&w);) {
            const float *x = stoa_row_view(bx, j->x, j->dtype, w.at, w.n);
            const float *g = stoa_row_view(bg, j->g.data, j->dtype, w.at, w.n);
            float s = 0, p = 0;
#pragma omp simd reduction(+ : s, p)
            for (int64_t i = 0; i < w.n; i++) {
                s += g[i];
                p += g[i] * (x[i] - mean) * scale;
            }
            slope += (double)s;
            product += (double)p;
        }
        float dweight = (float)product, dbias = (float)slope;
        if (j->dweight.data)
            stoa_row_grad(j->dweight.data, STOA_F32, j->dweight.add, c, &dweight, 1);
        if (j->dbias.data)
            stoa_row_grad(j->dbias.data, STOA_F32, j->dbias.add, c, &dbias, 1);
        if (!j->dx.data)
            continue;
        float a = j->weight[c] * scale; // running statistics are constants
        float mean_slope = j->training ? (float)(slope / count) : 0.0f;
        float mean_product = j->training ? (float)(product / count) : 0.0f;
        for (walk w = walk_of(j, c); next_tile(&w);) {
            const float *x = stoa_row_view(bx, j->x, j->dtype, w.at, w.n);
            const float *g = stoa_row_view(bg, j->g.data, j->dtype, w.at, w.n);
#pragma omp simd
            for (int64_t i = 0; i < w.n; i++)
                dx[i] = a * (g[i] - mean_slope - (x[i] - mean) * scale * mean_product);
            stoa_row_grad(j->dx.data, j->dtype, j->dx.add, w.at, dx, w.n);
        }
    }
}

/* ---- without places -------------------------------------------------------------------------- */

/* Channels [at, at + n). */
static void forward_side(const job *j, int64_t at, int64_t n) {
    _Alignas(64) float buffer[SIDE], y[SIDE], scale[SIDE];
    double mean[SIDE] = {0}, variance[SIDE] = {0};
    const float *center = j->mean + at, *shift = j->bias + at;
    if (j->training && j->batch > 0) {
        for (int64_t b = 0; b < j->batch; b++) {
            const float *x = stoa_row_view(buffer, j->x, j->dtype, b * j->channels + at, n);
            for (int64_t i = 0; i < n; i++)
                mean[i] += (double)x[i];
        }
        for (int64_t i = 0; i < n; i++)
            mean[i] /= (double)j->batch;
        for (int64_t b = 0; b < j->batch; b++) {
            const float *x = stoa_row_view(buffer, j->x, j->dtype, b * j->channels + at, n);
            for (int64_t i = 0; i < n; i++)
                variance[i] += ((double)x[i] - mean[i]) * ((double)x[i] - mean[i]);
        }
    }
    for (int64_t i = 0; i < n; i++) {
        settle(j, at + i, mean[i], j->batch > 0 ? variance[i] / (double)j->batch : 0);
        scale[i] = j->scale[at + i] * j->weight[at + i];
    }
    for (int64_t b = 0; b < j->batch; b++) {
        const float *x = stoa_row_view(buffer, j->x, j->dtype, b * j->channels + at, n);
        for (int64_t i = 0; i < n; i++)
            y[i] = (x[i] - center[i]) * scale[i] + shift[i];
        stoa_row_put(j->y, j->dtype, b * j->channels + at, y, n);
    }
}

static void backward_side(const job *j, int64_t at, int64_t n) {
    _Alignas(64) float bx[SIDE], bg[SIDE], slope[SIDE] = {0}, product[SIDE] = {0}, dx[SIDE];
    _Alignas(64) float mean_slope[SIDE] = {0}, mean_product[SIDE] = {0};
    const float *mean = j->mean + at, *scale = j->scale + at, *weight = j->weight + at;
    for (int64_t b = 0; b < j->batch; b++) {
        const float *x = stoa_row_view(bx, j->x, j->dtype, b * j->channels + at, n);
        const float *g = stoa_row_view(bg, j->g.data, j->dtype, b * j->channels + at, n);
        for (int64_t i = 0; i < n; i++) {
            slope[i] += g[i];
            product[i] += g[i] * (x[i] - mean[i]) * scale[i];
        }
    }
    if (j->dweight.data)
        stoa_row_grad(j->dweight.data, STOA_F32, j->dweight.add, at, product, n);
    if (j->dbias.data)
        stoa_row_grad(j->dbias.data, STOA_F32, j->dbias.add, at, slope, n);
    if (!j->dx.data)
        return;
    for (int64_t i = 0; j->training && i < n; i++) {
        mean_slope[i] = slope[i] / (float)j->batch;
        mean_product[i] = product[i] / (float)j->batch;
    }
    for (int64_t b = 0; b < j->batch; b++) {
        const float *x = stoa_row_view(bx, j->x, j->dtype, b * j->channels + at, n);
        const float *g = stoa_row_view(bg, j->g.data, j->dtype, b * j->channels + at, n);
        for (int64_t i = 0; i < n; i++)
            dx[i] = weight[i] * scale[i] *
                    (g[i] - mean_slope[i] - (x[i] - mean[i]) * scale[i] * mean_product[i]);
        stoa_row_grad(j->dx.data, j->dtype, j->dx.add, b * j->channels + at, dx, n);
    }
}

static void forward_sides(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    for (int64_t at = begin; at < end; at += SIDE)
        forward_side(arg, at, end - at < SIDE ? end - at : SIDE);
}

static void backward_sides(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    for (int64_t at = begin; at < end; at += SIDE)
        backward_side(arg, at, end - at < SIDE ? end - at : SIDE);
}

/* ---- the kernels ----------------------------------------------------------------------------- */

stoa_status stoa_cpu_batch_norm(stoa_ctx *ctx, stoa_node *node) {
    job j = job_of(node);
    if (!stoa_is_float(j.dtype))
        return STOA_ERR_UNSUPPORTED;
    int64_t grain = stoa_row_grain(j.batch * j.inner);
    if (j.inner == 1)
        stoa_parallel(ctx, j.channels, grain < 16 ? 16 : grain, forward_sides, &j);
    else
        stoa_parallel(ctx, j.channels, grain, forward_places, &j);
    return STOA_OK;
}

stoa_status stoa_cpu_batch_norm_backward(stoa_ctx *ctx, stoa_node *node) {
    job j = job_of(node);
    j.g = stoa_grad_out(node, 0), j.dx = stoa_grad_take(node, 0);
    j.dweight = stoa_grad_take(node, 1), j.dbias = stoa_grad_take(node, 2);
    int64_t grain = stoa_row_grain(j.batch * j.inner);
    if (j.inner == 1)
        stoa_parallel(ctx, j.channels, grain < 16 ? 16 : grain, backward_sides, &j);
    else
        stoa_parallel(ctx, j.channels, grain, backward_places, &j);
    return STOA_OK;
}
