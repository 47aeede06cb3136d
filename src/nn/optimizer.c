/*
 * nn/optimizer.c - one update of all parameters: gradient norm, clipping, fused pass.
 *
 * The norm is summed over fixed chunks, each in double, then over the chunks in order, so it
 * depends neither on the number of threads nor on timing; the pass itself is elementwise. Padding
 * has zero gradient and zero value and therefore stays zero. A step allocates nothing.
 */
#include "nn/optimizer.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum {
    CHUNK = 16384, /* floats of a partial sum: 64 KiB */
    GRAIN = 4096   /* floats of work worth a thread */
};

static const char *const moment_names[][STOA_MOMENTS] = {
    [STOA_ADAMW] = {"first_moment", "second_moment"},
    [STOA_RMSPROP] = {"mean_square", "velocity"},
    [STOA_SGD] = {NULL, NULL}, // it keeps nothing
};

const char *stoa_optimizer_moment_name(const stoa_optimizer *optimizer, int i) {
    return optimizer->moment[i] ? moment_names[optimizer->options.kind][i] : NULL;
}

const char *stoa_optimizer_kind_name(stoa_optimizer_kind kind) {
    static const char *const names[] = {
        [STOA_ADAMW] = "adamw", [STOA_RMSPROP] = "rmsprop", [STOA_SGD] = "sgd"};
    return names[kind];
}

/* ---- making ---- */

static stoa_status check_options(const stoa_optimizer_options *o, stoa_error *err) {
    const struct {
        const char *name;
        double value, least, below;
        stoa_optimizer_kind kind;
    } rows[] = {
        {"beta1", o->beta1, 0, 1, STOA_ADAMW},
        {"beta2", o->beta2, 0, 1, STOA_ADAMW},
        {"weight_decay", o->weight_decay, 0, HUGE_VAL, STOA_ADAMW},
        {"weight_decay", o->weight_decay, 0, HUGE_VAL, STOA_SGD},
        {"decay", o->decay, 0, 1, STOA_RMSPROP},
        {"momentum", o->momentum, 0, 1, STOA_RMSPROP},
        {"eps", o->eps, 1e-30, HUGE_VAL, o->kind == STOA_SGD ? STOA_ADAMW : o->kind},
        {"clip", o->clip, 0, HUGE_VAL, o->kind},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].kind == o->kind &&
            !(rows[i].value >= rows[i].least && rows[i].value < rows[i].below))
            return stoa_fail(err, STOA_ERR_USAGE, "optimiser: %s is %g, must be in [%g, %g)",
                             rows[i].name, rows[i].value, rows[i].least, rows[i].below);
    return STOA_OK;
}

/* Trained slices, neighbours of equal decay joined. */
static void collect_segments(stoa_optimizer *optimizer) {
    const stoa_params *params = optimizer->params;
    for (int64_t i = 0; i < params->count; i++) {
        const stoa_param *param = params->items[i];
        size_t end = i + 1 < params->count ? params->items[i + 1]->offset : params->floats;
        if (!param->trained || param->offset == end)
            continue;
        stoa_segment *last =
            optimizer->segment_count ? &optimizer->segments[optimizer->segment_count - 1] : NULL;
        if (last && last->end == param->offset && last->decay == param->decay)
            last->end = end;
        else
            optimizer->segments[optimizer->segment_count++] =
                (stoa_segment){param->offset, end, param->decay};
    }
}

/* Blocks of moments that a kind keeps; RMSProp: without momentum. */
static int moments_of(stoa_optimizer_kind kind) {
    static const int counts[] = {[STOA_ADAMW] = 2, [STOA_RMSPROP] = 1, [STOA_SGD] = 0};
    return counts[kind];
}

static bool allocate_blocks(stoa_optimizer *optimizer) {
    size_t floats = optimizer->params->floats;
    int moments = moments_of(optimizer->options.kind);
    if (optimizer->options.kind == STOA_RMSPROP && optimizer->options.momentum > 0)
        moments = 2;
    optimizer->chunks = (floats + CHUNK - 1) / CHUNK;
    optimizer->partials = stoa_alloc((optimizer->chunks + 1) * sizeof(double));
    optimizer->segments = stoa_alloc(((size_t)optimizer->params->count + 1) * sizeof(stoa_segment));
    for (int i = 0; i < moments; i++)
        if (!(optimizer->moment[i] = stoa_alloc((floats + 1) * sizeof(float))))
            return false;
    return optimizer->partials && optimizer->segments;
}

stoa_optimizer *stoa_optimizer_new(stoa_params *params, const stoa_optimizer_options *options,
                                   stoa_error *err) {
    assert(params->allocated && (params->grads || params->floats == 0));
    if (check_options(options, err) != STOA_OK)
        return NULL;
    stoa_optimizer *optimizer = stoa_alloc(sizeof *optimizer);
    if (optimizer) {
        optimizer->params = params;
        optimizer->options = *options;
    }
    if (!optimizer || !allocate_blocks(optimizer)) {
        stoa_optimizer_free(optimizer);
        char text[32];
        stoa_fail(err, STOA_ERR_MEMORY,
                  "out of memory: the optimiser needs %s; use a smaller model",
                  stoa_human_bytes((double)stoa_optimizer_bytes(params, options->kind), text,
                                   sizeof text));
        return NULL;
    }
    collect_segments(optimizer);
    if (options->kind == STOA_RMSPROP && !options->outside)
        for (size_t i = 0; i < params->floats; i++)
            optimizer->moment[0][i] = 1;
    return optimizer;
}

void stoa_optimizer_free(stoa_optimizer *optimizer) {
    if (!optimizer)
        return;
    for (int i = 0; i < STOA_MOMENTS; i++)
        stoa_free(optimizer->moment[i]);
    stoa_free(optimizer->segments);
    stoa_free(optimizer->partials);
    stoa_free(optimizer);
}

int64_t stoa_optimizer_steps(const stoa_optimizer *optimizer) {
    return optimizer->steps;
}

size_t stoa_optimizer_bytes(const stoa_params *params, stoa_optimizer_kind kind) {
    return params->floats * sizeof(float) * (size_t)moments_of(kind);
}

/* ---- the gradient's norm ---- */

/* Chunks [begin, end) of the flat gradient to their partial sums. */
static void sum_squares(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    stoa_optimizer *optimizer = arg;
    size_t floats = optimizer->params->floats;
    for (int64_t chunk = begin; chunk < end; chunk++) {
        size_t from = (size_t)chunk * CHUNK;
        size_t n = floats - from < CHUNK ? floats - from : CHUNK;
        const float *restrict grad = __builtin_assume_aligned(optimizer->params->grads + from, 64);
        double sum = 0;
#pragma omp simd reduction(+ : sum)
        for (size_t i = 0; i < n; i++)
            sum += (double)grad[i] * (double)grad[i];
        optimizer->partials[chunk] = sum;
    }
}

static double gradient_norm(stoa_optimizer *optimizer, stoa_pool *pool) {
    const stoa_params *params = optimizer->params;
    for (int64_t i = 0; i < params->count; i++) {
        const stoa_param *param = params->items[i];
        if (param->trained && !param->tensor.grad_written)
            memset(params->grads + param->offset, 0, stoa_nbytes(&param->tensor));
    }
    stoa_pool_run(pool, (int64_t)optimizer->chunks, 1, sum_squares, optimizer);
    double sum = 0;
    for (size_t i = 0; i < optimizer->chunks; i++)
        sum += optimizer->partials[i];
    return sqrt(sum);
}

/* ---- the step ---- */

typedef struct step_work {
    stoa_optimizer *optimizer;
    stoa_adamw_pass adamw[2]; /* without and with decay; SGD takes its rate and keep */
    stoa_rmsprop_pass rmsprop;
} step_work;

/* p = keep p - rate scale g */
static void sgd_update(const stoa_adamw_pass *c, size_t n, float *value, const float *grad) {
    float *restrict p = __builtin_assume_aligned(value, 64);
    const float *restrict g = __builtin_assume_aligned(grad, 64);
    const float step = c->rate * c->grad_scale, keep = c->keep;
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        p[i] = p[i] * keep - step * g[i];
}

/* Updates the trained floats of [begin, end), which are multiples of 16 (but for the end). */
static void update_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    step_work *work = arg;
    stoa_optimizer *o = work->optimizer;
    float *value = o->params->values;
    const float *grad = o->params->grads;
    size_t low = 0, high = o->segment_count; // the first segment that ends after begin
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (o->segments[middle].end <= (size_t)begin)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low; i < o->segment_count && o->segments[i].begin < (size_t)end; i++) {
        const stoa_segment *segment = &o->segments[i];
        size_t from = segment->begin > (size_t)begin ? segment->begin : (size_t)begin;
        size_t n = (segment->end < (size_t)end ? segment->end : (size_t)end) - from;
        if (o->options.kind == STOA_ADAMW)
            stoa_adamw_update(&work->adamw[segment->decay], n, value + from, grad + from,
                              o->moment[0] + from, o->moment[1] + from);
        else if (o->options.kind == STOA_SGD)
            sgd_update(&work->adamw[segment->decay], n, value + from, grad + from);
        else
            stoa_rmsprop_update(&work->rmsprop, n, value + from, grad + from, o->moment[0] + from,
                                o->moment[1] ? o->moment[1] + from : NULL);
    }
}

stoa_status stoa_optimizer_step(stoa_optimizer *optimizer, stoa_pool *pool, double rate,
                                double *grad_norm, stoa_error *err) {
    const stoa_optimizer_options *o = &optimizer->options;
    double norm = gradient_norm(optimizer, pool);
    if (grad_norm)
        *grad_norm = norm;
    if (!isfinite(norm))
        return stoa_fail(err, STOA_ERR_NUMERIC,
                         "the gradient's norm is %f at optimiser step %lld; lower the learning "
                         "rate or clip gradients",
                         norm, (long long)optimizer->steps + 1);
    double scale = o->clip > 0 && norm > o->clip ? o->clip / norm : 1;
    double t = (double)++optimizer->steps;
    step_work work = {.optimizer = optimizer};
    for (int decay = 0; decay < 2; decay++)
        work.adamw[decay] = (stoa_adamw_pass){
            .grad_scale = (float)scale,
            .take1 = (float)(1 - o->beta1),
            .take2 = (float)(1 - o->beta2),
            .rate = (float)(o->kind == STOA_SGD ? rate : rate / (1 - pow(o->beta1, t))),
            .correction = (float)(1 / sqrt(1 - pow(o->beta2, t))),
            .eps = (float)o->eps,
            .keep = (float)(1 - (decay ? rate * o->weight_decay : 0)),
        };
    work.rmsprop = (stoa_rmsprop_pass){
        .grad_scale = (float)scale,
        .take = (float)(1 - o->decay),
        .momentum = (float)o->momentum,
        .rate = (float)rate,
        .eps = (float)o->eps,
        .outside = o->outside,
    };
    stoa_pool_run(pool, (int64_t)optimizer->params->floats, GRAIN, update_range, &work);
    stoa_params_clear_grads(optimizer->params);
    stoa_params_touch(optimizer->params);
    return STOA_OK;
}
