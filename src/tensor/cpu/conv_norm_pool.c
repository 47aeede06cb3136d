/*
 * tensor/cpu/conv_norm_pool.c - max_pool(relu(batch_norm(conv2d(x)))) of images in one pass each
 * way, for few input numbers a window and many channels.
 *
 * One after another, these layers read and write planes far larger than any cache a dozen times.
 * Here an image's planes are made, pooled and forgotten. That is possible because
 *
 *   - the statistics of a channel y = w . p over all windows p follow from the windows alone: with
 *     their mean m and covariance S, y has mean w . m and variance w S w;
 *   - the norm is a rising line (or a falling one: then the sign of w is turned), so it and the
 * ReLU may follow the maximum;
 *   - gradients come back to few windows, those of the maxima. With A the sum of g p over them, and
 *     r = 1 / deviation, c the norm's scale:
 *         d shift = sum g     d c = r (w . A - mean d shift)     (the sum of g times normalised y)
 *         d w = c r (A - d shift m - r d c S w)                   (c r A with running statistics)
 *     the last two terms being what the mean and the deviation contribute.
 *
 * Windows are rows of 64 numbers, so that both S and y are products of matrices.
 */
#include <math.h>
#include <string.h>

#include "tensor/cpu/block_gemm.h"
#include "tensor/cpu/grain.h"
#include "tensor/cpu/kernels.h"
#include "tensor/cpu/lanes_math.h"
#include "tensor/cpu/product.h"
#include "tensor/cpu/rows.h"

enum { ROW = 64, LANES = STOA_LANES };

typedef struct job {
    const stoa_conv_norm_pool_options *o;
    bool training;
    int64_t images, planes, height, width; // x (B, C, H, W)
    int64_t channels, rows, columns;       // weight (O, C, R, S)
    int64_t numbers;                       // K = C R S
    int64_t conv_h, conv_w;                // P, Q
    int64_t out_h, out_w;
    const float *x, *weight, *scale, *shift;
    float *running_mean, *running_var;
    void *out;
    stoa_dtype dtype;
    uint8_t *which;  // (B, out_h, out_w, O) or NULL
    float *used;     // (O, 2): mean, 1 / deviation
    float *windows;  // (K + 1, ROW): mean window, covariance; when training
    float center;    // about the mean of x, taken off while sums are made
    float *packed;   // (K, O): weights, turned where the norm falls
    float *line;     // (2, O): out = max(0, line[0] * maximum + line[1])
    double *moments; // (threads, K + 1, ROW)
    char *scratch;   // scratch_bytes a thread
    size_t scratch_bytes;
    /* backward */
    const float *y_out; // out as f32: through `dtype` otherwise
    const void *g;
    float *sums; // (threads, O, ROW + LANES): A, and sum g in the last
} job;

static bool describe(stoa_ctx *ctx, const stoa_node *node, job *j) {
    const int64_t *x = node->in[0]->shape, *w = node->in[1]->shape, *y = node->out[0]->shape;
    const stoa_conv_norm_pool_options *o = &node->p.stem.options;
    *j = (job){
        .o = o,
        .training = node->p.stem.training,
        .images = x[0],
        .planes = x[1],
        .height = x[2],
        .width = x[3],
        .channels = w[0],
        .rows = w[2],
        .columns = w[3],
        .numbers = w[1] * w[2] * w[3],
        .conv_h = (x[2] + o->conv.pad_top + o->conv.pad_bottom - w[2]) / o->conv.stride + 1,
        .conv_w = (x[3] + o->conv.pad_left + o->conv.pad_right - w[3]) / o->conv.stride + 1,
        .out_h = y[2],
        .out_w = y[3],
        .weight = node->in[1]->data,
        .scale = node->in[2]->data,
        .shift = node->in[3]->data,
        .running_mean = node->in[4]->data,
        .running_var = node->in[5]->data,
        .out = node->out[0]->data,
        .dtype = node->out[0]->dtype,
        .which = node->save[0] ? node->save[0]->data : NULL,
        .used = node->save[1] ? node->save[1]->data : NULL,
        .windows = node->save[2] ? node->save[2]->data : NULL,
    };
    j->x = stoa_scratch_as(ctx, STOA_F32, node->in[0]->data, node->in[0]->dtype,
                           stoa_numel(node->in[0]));
    return j->x != NULL;
}

/* ---- windows --------------------------------------------------------------------------------- */

static int64_t padded_h(const job *j) {
    return j->height + j->o->conv.pad_top + j->o->conv.pad_bottom;
}

static int64_t padded_w(const job *j) {
    return j->width + j->o->conv.pad_left + j->o->conv.pad_right;
}

/* Image b with its padding, less `center`: (C, padded H, padded W). */
static void pad_image(const job *j, int64_t b, float center, float *to) {
    int64_t h = padded_h(j), w = padded_w(j);
    const float *from = j->x + b * j->planes * j->height * j->width;
    for (int64_t i = 0; i < j->planes * h * w; i++)
        to[i] = -center;
    for (int64_t c = 0; c < j->planes; c++)
        for (int64_t r = 0; r < j->height; r++) {
            const float *row = from + (c * j->height + r) * j->width;
            float *at = to + (c * h + r + j->o->conv.pad_top) * w + j->o->conv.pad_left;
            for (int64_t i = 0; i < j->width; i++)
                at[i] = row[i] - center;
        }
}

/* The windows of row p of the convolution, (Q, ROW), with zeros beyond K. Rows of up to eight
 * numbers are copied as eight: the next row covers what was too much, and zeros the last. Images
 * have so many numbers behind them. */
static void windows_of(const job *j, const float *image, int64_t p, float *to) {
    enum { AT_ONCE = 8 };
    int64_t h = padded_h(j), w = padded_w(j), stride = j->o->conv.stride, s = j->columns;
    int64_t end = j->numbers + AT_ONCE < ROW ? j->numbers + AT_ONCE : ROW;
    for (int64_t q = 0; q < j->conv_w; q++, to += ROW) {
        float *at = to;
        for (int64_t c = 0; c < j->planes; c++)
            for (int64_t r = 0; r < j->rows; r++, at += s) {
                const float *row = image + (c * h + p * stride + r) * w + q * stride;
                if (s <= AT_ONCE && at + AT_ONCE <= to + ROW)
                    memcpy(at, row, AT_ONCE * sizeof *at);
                else
                    memcpy(at, row, (size_t)s * sizeof *at);
            }
        for (int64_t i = j->numbers; i < end; i++)
            to[i] = 0;
    }
}

/* ---- scratch of a thread --------------------------------------------------------------------- */

typedef struct work {
    float *image;   // (C, padded H, padded W)
    float *windows; // (P Q, ROW), or (Q, ROW) where one row is enough
    float *y;       // (P Q, O)
    float *pooled;  // (out_h out_w, O)
    float *moments; // (K + 1, ROW)
} work;

static size_t floats(int64_t n) {
    return (size_t)((n + LANES - 1) / LANES * LANES);
}

static work carve(const job *j, char *base, bool whole, size_t *bytes) {
    int64_t places = j->conv_h * j->conv_w;
    size_t image = floats(j->planes * padded_h(j) * padded_w(j));
    size_t windows = floats((whole ? places : j->conv_w) * ROW);
    size_t y = floats(places * j->channels), pooled = floats(j->out_h * j->out_w * j->channels);
    float *at = (float *)(void *)base;
    *bytes = (image + windows + y + pooled + (size_t)(j->numbers + 1) * ROW) * sizeof(float);
    if (!base)
        return (work){0};
    memset(at + image, 0, windows * sizeof *at); // what pads a window
    return (work){at, at + image, at + image + windows, at + image + windows + y,
                  at + image + windows + y + pooled};
}

static bool take_scratch(stoa_ctx *ctx, job *j, bool whole) {
    carve(j, NULL, whole, &j->scratch_bytes);
    j->scratch = stoa_scratch(ctx, (size_t)ctx->threads * j->scratch_bytes);
    return j->scratch != NULL;
}

static work work_of(const job *j, int thread, bool whole) {
    size_t bytes;
    return carve(j, j->scratch + (size_t)thread * j->scratch_bytes, whole, &bytes);
}

/* ---- statistics ------------------------------------------------------------------------------ */

/* Sums of the windows of images [begin, end) and of their products. */
static void sum_windows(void *arg, int64_t begin, int64_t end, int thread) {
    const job *j = arg;
    work w = work_of(j, thread, false);
    int64_t k = j->numbers;
    double *to = j->moments + (int64_t)thread * (k + 1) * ROW;
    for (int64_t b = begin; b < end; b++) {
        memset(w.moments, 0, (size_t)((k + 1) * ROW) * sizeof *w.moments);
        pad_image(j, b, j->center, w.image);
        for (int64_t p = 0; p < j->conv_h; p++) {
            windows_of(j, w.image, p, w.windows);
            for (int64_t q = 0; q < j->conv_w; q++)
#pragma omp simd
                for (int64_t i = 0; i < ROW; i++)
                    w.moments[i] += w.windows[q * ROW + i];
            /* the upper triangle, by bands of sixteen rows */
            for (int64_t i = 0; i < k; i += LANES) {
                int64_t m = k - i < LANES ? k - i : LANES;
                stoa_block_gemm(m, ROW - i, j->conv_w, (stoa_block_matrix){w.windows + i, 1, ROW},
                                w.windows + i, ROW, w.moments + (1 + i) * ROW + i, ROW, true);
            }
        }
        for (int64_t i = 0; i < (k + 1) * ROW; i++)
            to[i] += (double)w.moments[i];
    }
}

/* Mean window and covariance into j->windows (f32 for backward), statistics of every channel. */
static void settle_training(job *j, int threads, double *mean, double *variance) {
    int64_t k = j->numbers, n = (k + 1) * ROW;
    double count = (double)(j->images * j->conv_h * j->conv_w), *sum = j->moments;
    for (int t = 1; t < threads; t++)
        for (int64_t i = 0; i < n; i++)
            sum[i] += j->moments[t * n + i];
    for (int64_t i = 0; i < n && count > 0; i++)
        sum[i] /= count;
    double *s = sum + ROW; // (K, ROW), upper triangle
    for (int64_t a = 0; a < k; a++)
        for (int64_t b = a; b < k; b++)
            s[a * ROW + b] = s[b * ROW + a] = s[a * ROW + b] - sum[a] * sum[b];
    for (int64_t o = 0; o < j->channels; o++) {
        const float *w = j->weight + o * k;
        mean[o] = variance[o] = 0;
        for (int64_t a = 0; a < k; a++) {
            double part = 0;
            for (int64_t b = 0; b < k; b++)
                part += s[a * ROW + b] * (double)w[b];
            mean[o] += (double)w[a] * (sum[a] + (double)j->center);
            variance[o] += part * (double)w[a];
        }
        variance[o] = fmax(variance[o], 0);
    }
    if (!j->windows)
        return;
    for (int64_t i = 0; i < ROW; i++)
        j->windows[i] = i < k ? (float)(sum[i] + (double)j->center) : 0;
    for (int64_t i = 0; i < k * ROW; i++)
        j->windows[ROW + i] = i % ROW < k ? (float)s[i] : 0;
}

/* Statistics, packed weights and the line that makes of a maximum what comes out. */
static stoa_status settle(stoa_ctx *ctx, job *j) {
    int64_t k = j->numbers, channels = j->channels;
    double *mean = stoa_scratch(ctx, (size_t)(2 * channels) * sizeof *mean);
    j->packed = stoa_scratch(ctx, (size_t)(k * channels) * sizeof *j->packed);
    j->line = stoa_scratch(ctx, (size_t)(2 * channels) * sizeof *j->line);
    if (!mean || !j->packed || !j->line)
        return STOA_ERR_MEMORY;
    double *variance = mean + channels;
    if (j->training) {
        size_t bytes = (size_t)(ctx->threads * (k + 1) * ROW) * sizeof *j->moments;
        j->moments = stoa_scratch(ctx, bytes);
        if (!j->moments)
            return STOA_ERR_MEMORY;
        memset(j->moments, 0, bytes);
        /* any number near the mean will do; the first image's is that */
        double sum = 0;
        int64_t n = j->planes * j->height * j->width;
        for (int64_t i = 0; i < n && j->images > 0; i++)
            sum += (double)j->x[i];
        j->center = (float)(sum / (double)n);
        stoa_parallel(ctx, j->images, 1, sum_windows, j);
        settle_training(j, ctx->threads, mean, variance);
    }
    for (int64_t o = 0; o < channels; o++) {
        double decay = j->o->decay;
        if (j->training) {
            j->running_mean[o] =
                (float)(decay * (double)j->running_mean[o] + (1 - decay) * mean[o]);
            j->running_var[o] =
                (float)(decay * (double)j->running_var[o] + (1 - decay) * variance[o]);
        } else {
            mean[o] = (double)j->running_mean[o], variance[o] = (double)j->running_var[o];
        }
        double r = 1 / sqrt(variance[o] + j->o->eps), slope = (double)j->scale[o] * r;
        float sign = j->scale[o] < 0 ? -1.0f : 1.0f;
        for (int64_t i = 0; i < k; i++)
            j->packed[i * channels + o] = sign * j->weight[o * k + i];
        j->line[o] = (float)fabs(slope);
        j->line[channels + o] = (float)((double)j->shift[o] - mean[o] * slope);
        if (j->used) {
            j->used[2 * o] = (float)mean[o];
            j->used[2 * o + 1] = (float)r;
        }
    }
    return STOA_OK;
}

/* ---- forward --------------------------------------------------------------------------------- */

/* Where a pool's window lies among the convolution's rows or columns, cut off at the ends. */
typedef struct span {
    int64_t from, to, first; // first: `from` counted within the window
} span;

static span span_of(int64_t at, int stride, int before, int size, int64_t length) {
    int64_t from = at * stride - before, to = from + size;
    int64_t first = from < 0 ? -from : 0;
    return (span){from < 0 ? 0 : from, to > length ? length : to, first};
}

typedef uint8_t taps_of __attribute__((vector_size(STOA_LANES)));

/* The largest of each window and, on demand, which it was: y (P, Q, O) -> pooled (places, O). */
static void pool_image(const job *j, const float *y, float *pooled, uint8_t *which) {
    const stoa_conv_options *o = &j->o->pool;
    int size = j->o->size;
    int64_t n = j->channels;
    for (int64_t p = 0; p < j->out_h; p++)
        for (int64_t q = 0; q < j->out_w; q++, pooled += n) {
            span v = span_of(p, o->stride, o->pad_top, size, j->conv_h);
            span h = span_of(q, o->stride, o->pad_left, size, j->conv_w);
            for (int64_t c = 0; c < n; c += LANES) {
                stoa_lanes best = stoa_lanes_load(y + (v.from * j->conv_w + h.from) * n + c);
                stoa_lanes_ints at = (stoa_lanes_ints){0} + (int32_t)(v.first * size + h.first);
                for (int64_t r = v.from; r < v.to; r++)
                    for (int64_t s = h.from; s < h.to; s++) {
                        stoa_lanes x = stoa_lanes_load(y + (r * j->conv_w + s) * n + c);
                        int32_t tap =
                            (int32_t)((r - v.from + v.first) * size + s - h.from + h.first);
                        stoa_lanes_ints larger = x > best;
                        at = (larger & tap) | (~larger & at);
                        best = stoa_lanes_larger(x, best);
                    }
                stoa_lanes z =
                    best * stoa_lanes_load(j->line + c) + stoa_lanes_load(j->line + n + c);
                stoa_lanes_store(pooled + c, stoa_lanes_max(z, 0));
                if (!which)
                    continue;
                taps_of taps = __builtin_convertvector(at, taps_of);
                memcpy(which + c, &taps, sizeof taps);
            }
            which = which ? which + n : NULL;
        }
}

static void forward_images(void *arg, int64_t begin, int64_t end, int thread) {
    const job *j = arg;
    work w = work_of(j, thread, false);
    int64_t n = j->channels, places = j->out_h * j->out_w;
    for (int64_t b = begin; b < end; b++) {
        pad_image(j, b, 0, w.image);
        for (int64_t p = 0; p < j->conv_h; p++) {
            windows_of(j, w.image, p, w.windows);
            stoa_block_gemm(j->conv_w, n, j->numbers, (stoa_block_matrix){w.windows, ROW, 1},
                            j->packed, n, w.y + p * j->conv_w * n, n, false);
        }
        pool_image(j, w.y, w.pooled, j->which ? j->which + b * places * n : NULL);
        for (int64_t c = 0; c < n; c++) { // (places, O) -> (O, places)
            float *row = w.y;
            for (int64_t i = 0; i < places; i++)
                row[i] = w.pooled[i * n + c];
            stoa_row_put(j->out, j->dtype, (b * n + c) * places, row, places);
        }
    }
}

stoa_status stoa_cpu_conv_norm_pool(stoa_ctx *ctx, stoa_node *node) {
    job j;
    if (!stoa_is_float(node->in[0]->dtype))
        return STOA_ERR_UNSUPPORTED;
    if (!describe(ctx, node, &j) || !take_scratch(ctx, &j, false))
        return STOA_ERR_MEMORY;
    STOA_TRY(settle(ctx, &j));
    stoa_parallel(ctx, j.images, 1, forward_images, &j);
    return STOA_OK;
}

/* ---- backward -------------------------------------------------------------------------------- */

/* A and sum g of images [begin, end). */
static void backward_images(void *arg, int64_t begin, int64_t end, int thread) {
    const job *j = arg;
    work w = work_of(j, thread, true);
    const stoa_conv_options *o = &j->o->pool;
    int64_t n = j->channels, places = j->out_h * j->out_w, size = j->o->size;
    float *sums = j->sums + (int64_t)thread * n * (ROW + LANES);
    for (int64_t b = begin; b < end; b++) {
        pad_image(j, b, 0, w.image);
        for (int64_t p = 0; p < j->conv_h; p++)
            windows_of(j, w.image, p, w.windows + p * j->conv_w * ROW);
        const uint8_t *which = j->which + b * places * n;
        float *out = w.y, *g = w.pooled;
        for (int64_t c = 0; c < n; c++) {
            stoa_row_get(out, j->out, j->dtype, (b * n + c) * places, places);
            stoa_row_get(g, j->g, j->dtype, (b * n + c) * places, places);
            stoa_lanes a[ROW / LANES];
            float *to = sums + c * (ROW + LANES), total = 0;
            for (int i = 0; i < ROW / LANES; i++)
                a[i] = stoa_lanes_load(to + i * LANES);
            for (int64_t i = 0; i < places; i++) {
                if (out[i] <= 0 || g[i] == 0)
                    continue;
                int64_t tap = which[i * n + c];
                int64_t r = i / j->out_w * o->stride - o->pad_top + tap / size;
                int64_t s = i % j->out_w * o->stride - o->pad_left + tap % size;
                const float *window = w.windows + (r * j->conv_w + s) * ROW;
                for (int v = 0; v < ROW / LANES; v++)
                    a[v] += g[i] * stoa_lanes_load(window + v * LANES);
                total += g[i];
            }
            for (int i = 0; i < ROW / LANES; i++)
                stoa_lanes_store(to + i * LANES, a[i]);
            to[ROW] += total;
        }
    }
}

/* Gradients of channel o from its sums. */
static void finish(const job *j, int64_t o, const float *sums, stoa_grad_ref dw, stoa_grad_ref dc,
                   stoa_grad_ref dshift) {
    int64_t k = j->numbers;
    const float *w = j->weight + o * k, *s = j->windows + ROW;
    double r = (double)j->used[2 * o + 1], total = (double)sums[ROW];
    double slope = -(double)j->used[2 * o] * total, dot = 0;
    for (int64_t i = 0; i < k; i++)
        dot += (double)w[i] * (double)sums[i];
    slope = r * (dot + slope); // d c
    float row[ROW], d_scale = (float)slope, d_shift = (float)total;
    for (int64_t i = 0; i < k; i++) {
        double d = (double)sums[i];
        if (j->training) {
            double part = 0;
            for (int64_t b = 0; b < k; b++)
                part += (double)s[i * ROW + b] * (double)w[b];
            d -= total * (double)j->windows[i] + r * slope * part;
        }
        row[i] = (float)((double)j->scale[o] * r * d);
    }
    if (dw.data)
        stoa_row_grad(dw.data, STOA_F32, dw.add, o * k, row, k);
    if (dc.data)
        stoa_row_grad(dc.data, STOA_F32, dc.add, o, &d_scale, 1);
    if (dshift.data)
        stoa_row_grad(dshift.data, STOA_F32, dshift.add, o, &d_shift, 1);
}

stoa_status stoa_cpu_conv_norm_pool_backward(stoa_ctx *ctx, stoa_node *node) {
    job j;
    if (!describe(ctx, node, &j) || !take_scratch(ctx, &j, true))
        return STOA_ERR_MEMORY;
    int64_t each = j.channels * (ROW + LANES);
    size_t bytes = (size_t)(ctx->threads * each) * sizeof *j.sums;
    j.sums = stoa_scratch(ctx, bytes);
    if (!j.sums)
        return STOA_ERR_MEMORY;
    memset(j.sums, 0, bytes);
    j.g = stoa_grad_out(node, 0).data;
    stoa_grad_ref dw = stoa_grad_take(node, 1), dc = stoa_grad_take(node, 2);
    stoa_grad_ref dshift = stoa_grad_take(node, 3);
    if (stoa_numel(node->out[0]) > 0)
        stoa_parallel(ctx, j.images, 1, backward_images, &j);
    for (int t = 1; t < ctx->threads; t++)
        for (int64_t i = 0; i < each; i++)
            j.sums[i] += j.sums[t * each + i];
    for (int64_t o = 0; o < j.channels; o++)
        finish(&j, o, j.sums + o * (ROW + LANES), dw, dc, dshift);
    return STOA_OK;
}
