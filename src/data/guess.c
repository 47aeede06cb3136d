/*
 * data/guess.c - the best guesses of a number of linear regression from the pairs before it: what a
 * model is compared with (Raventos et al. 2023, arXiv 2306.15063).
 *
 * Both are exact means of y under the task's distribution. Ridge is kept as mean and covariance of
 * w, moved by one pair at a time, so no system is solved; the pool's is a weight for each of the M
 * tasks, in logarithms.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "data/sequences.h"

static double variance_of(double noise) {
    const double least = 1e-3;
    return noise > least ? noise * noise : least * least;
}

void stoa_guess_ridge(int64_t width, int64_t n, double noise, const float *items,
                      const float *values, float *out) {
    assert(width >= 1 && width <= STOA_RIDGE_WIDTH);
    double mean[STOA_RIDGE_WIDTH] = {0}, spread[STOA_RIDGE_WIDTH][STOA_RIDGE_WIDTH];
    for (int64_t a = 0; a < width; a++)
        for (int64_t b = 0; b < width; b++)
            spread[a][b] = a == b;
    for (int64_t i = 0; i < n; i++) {
        const float *x = items + i * width;
        double seen[STOA_RIDGE_WIDTH], guess = 0, variance = variance_of(noise);
        for (int64_t a = 0; a < width; a++) {
            guess += mean[a] * (double)x[a];
            seen[a] = 0; // covariance of w with this y
            for (int64_t b = 0; b < width; b++)
                seen[a] += spread[a][b] * (double)x[b];
            variance += seen[a] * (double)x[a];
        }
        out[i] = (float)guess;
        const double off = (double)values[i] - guess;
        for (int64_t a = 0; a < width; a++) {
            mean[a] += seen[a] * off / variance;
            for (int64_t b = 0; b < width; b++)
                spread[a][b] -= seen[a] * seen[b] / variance;
        }
    }
}

void stoa_guess_pool(int64_t width, int64_t m, const float *weights, const double *prior, int64_t n,
                     double noise, const float *items, const float *values, double *scratch,
                     float *out) {
    double *restrict fit = scratch, *restrict says = scratch + m; // logarithms; answers
    const double scale = 1 / (2 * variance_of(noise));
    for (int64_t k = 0; k < m; k++)
        fit[k] = prior ? prior[k] : 0;
    for (int64_t i = 0; i < n; i++) {
        double top = fit[0], sum = 0, all = 0;
        for (int64_t k = 0; k < m; k++) {
            says[k] = 0;
            top = fit[k] > top ? fit[k] : top;
        }
        for (int64_t d = 0; d < width; d++) {
            const double x = (double)items[i * width + d];
            const float *restrict w = weights + d * m;
#pragma omp simd
            for (int64_t k = 0; k < m; k++)
                says[k] += x * (double)w[k];
        }
        for (int64_t k = 0; k < m; k++) {
            if (fit[k] < top - 40) // below the last digit of the sum
                continue;
            double weight = exp(fit[k] - top);
            all += weight;
            sum += weight * says[k];
        }
        out[i] = (float)(sum / all);
        const double y = (double)values[i];
#pragma omp simd
        for (int64_t k = 0; k < m; k++)
            fit[k] -= scale * (y - says[k]) * (y - says[k]);
    }
}

/* ---- of sequences ---------------------------------------------------------------------------- */

typedef struct work {
    const stoa_sequences *s;
    const float *items, *values;
    float *ridge, *best;
    double *prior;   // (M)
    double *scratch; // (threads, 2 M)
} work;

static void guess_rows(void *arg, int64_t begin, int64_t end, int thread) {
    const work *w = arg;
    const stoa_sequences_options *o = &w->s->options;
    const int64_t n = o->pairs + 1, d = w->s->item, m = o->classes.trained;
    for (int64_t r = begin; r < end; r++) {
        const float *items = w->items + r * n * d, *values = w->values + r * n;
        stoa_guess_ridge(d, n, o->classes.spread, items, values, w->ridge + r * n);
        if (o->fresh < 1)
            stoa_guess_pool(d, m, stoa_tasks_pool(w->s->classes), w->prior, n, o->classes.spread,
                            items, values, w->scratch + (int64_t)thread * 2 * m, w->best + r * n);
        else
            memcpy(w->best + r * n, w->ridge + r * n, (size_t)n * sizeof(float));
    }
}

stoa_status stoa_sequences_guess(const stoa_sequences *s, stoa_pool *pool, int64_t rows,
                                 const float *items, const float *values, float *ridge, float *best,
                                 stoa_error *err) {
    assert(stoa_sequences_valued(s));
    const int64_t m = s->options.classes.trained;
    const int64_t threads = pool ? stoa_pool_threads(pool) : 1;
    work w = {s, items, values, ridge, best, NULL, NULL};
    w.prior = stoa_alloc((size_t)m * sizeof *w.prior);
    w.scratch = stoa_alloc((size_t)(threads * 2 * m) * sizeof *w.scratch);
    if (w.prior && w.scratch) {
        for (int64_t k = 0; k < m; k++)
            w.prior[k] = -s->options.zipf * log((double)(k + 1));
        stoa_pool_run(pool, rows, 4, guess_rows, &w);
    }
    bool ok = w.prior && w.scratch;
    stoa_free(w.prior);
    stoa_free(w.scratch);
    return ok ? STOA_OK
              : stoa_fail(err, STOA_ERR_MEMORY, "no memory to guess by %lld tasks", (long long)m);
}
