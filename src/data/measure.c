/*
 * data/measure.c - the properties of generated sequences, taken from the rows alone: what the
 * settings ask for is not looked at.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/sequences.h"

enum { PART = 64 }; /* rows made at a time */

typedef struct tally {
    const stoa_sequences *s;
    int64_t P, item;
    stoa_sequences_batch rows; /* PART of them */
    uint64_t *seen;            /* class << 32 | label of every pair and query with a known class */
    int64_t seen_count;
    double *queries; /* (K), how often each trained class was asked for */
    int64_t repeated, in_context, label_in_context, distinct, nearest, fresh;
    int64_t same_pairs, other_pairs, identical;
    double within, between; /* sums of squared distances */
    double squares;         /* of values */
} tally;

/* ---- one row --------------------------------------------------------------------------------- */

static double distance2(const float *a, const float *b, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)(a[i] - b[i]) * (double)(a[i] - b[i]);
    return sum;
}

static void measure_classes(tally *t, const int32_t *classes, const int32_t *labels,
                            int32_t target) {
    const int64_t known = t->s->options.classes.trained + t->s->options.classes.holdout;
    const int32_t asked = classes[t->P];
    int64_t times = 0, label_times = 0;
    for (int64_t i = 0; i <= t->P; i++) {
        bool again = false;
        for (int64_t j = 0; j < i; j++)
            again = again || classes[j] == classes[i];
        t->distinct += !again && i < t->P;
        if (i < t->P) {
            times += classes[i] == asked;
            label_times += labels[i] == target;
        }
        if (classes[i] < known)
            t->seen[t->seen_count++] =
                (uint64_t)classes[i] << 32 | (uint32_t)(i < t->P ? labels[i] : target);
        else
            t->fresh += !again;
    }
    t->repeated += times >= 2;
    t->in_context += times >= 1;
    t->label_in_context += label_times >= 1;
    if (asked < t->s->options.classes.trained)
        t->queries[asked]++;
}

static void measure_items(tally *t, const int32_t *classes, const int32_t *labels, int32_t target,
                          const float *items) {
    double best = HUGE_VAL;
    int32_t answer = -1;
    for (int64_t i = 0; i <= t->P; i++)
        for (int64_t j = 0; j < i; j++) {
            const float *a = items + i * t->item, *b = items + j * t->item;
            double d = distance2(a, b, t->item);
            bool same = classes[i] == classes[j];
            *(same ? &t->within : &t->between) += d;
            *(same ? &t->same_pairs : &t->other_pairs) += 1;
            t->identical += same && memcmp(a, b, (size_t)t->item * sizeof *a) == 0;
            if (i == t->P && d < best) {
                best = d;
                answer = labels[j];
            }
        }
    t->nearest += answer == target;
}

static void measure_rows(tally *t, int64_t n) {
    const int64_t P = t->P;
    for (int64_t r = 0; r < n; r++) {
        const int32_t *classes = t->rows.classes + r * (P + 1), *labels = t->rows.labels + r * P;
        measure_classes(t, classes, labels, t->rows.target[r]);
        measure_items(t, classes, labels, t->rows.target[r], t->rows.items + r * (P + 1) * t->item);
        for (int64_t i = 0; i <= P && t->rows.values; i++)
            t->squares +=
                (double)t->rows.values[r * (P + 1) + i] * (double)t->rows.values[r * (P + 1) + i];
    }
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Mean of log(k + 1) when class k has weight (k + 1)^-alpha. */
static double mean_log(const double *logs, int64_t K, double alpha) {
    double sum = 0, weights = 0;
    for (int64_t k = 0; k < K; k++) {
        double w = exp(-alpha * logs[k]);
        weights += w;
        sum += w * logs[k];
    }
    return sum / weights;
}

/* The most likely exponent: the one under which the mean log rank is the measured one (the
 * distribution is an exponential family). */
static double fit_zipf(const double *queries, double *logs, int64_t K) {
    double n = 0, measured = 0, low = -8, high = 16;
    for (int64_t k = 0; k < K; k++) {
        logs[k] = log((double)(k + 1));
        n += queries[k];
        measured += queries[k] * logs[k];
    }
    if (n == 0 || K == 1)
        return (double)NAN;
    for (int i = 0; i < 40; i++) {
        double middle = (low + high) / 2;
        if (mean_log(logs, K, middle) > measured / n)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

static void fill_bins(const tally *t, stoa_sequences_measured *out) {
    const int64_t K = t->s->options.classes.trained;
    double all = 0;
    for (int64_t k = 0; k < K; k++)
        all += t->queries[k];
    for (int64_t first = 0; first < K && all > 0; first = 2 * first + 1) {
        int64_t last = 2 * first < K - 1 ? 2 * first : K - 1;
        double sum = 0;
        for (int64_t k = first; k <= last; k++)
            sum += t->queries[k];
        assert(out->bins < STOA_MEASURED_BINS);
        out->bin[out->bins].first = first;
        out->bin[out->bins].last = last;
        out->bin[out->bins++].share = sum / all;
    }
}

/* Different classes, labels and pairs of the two among what was seen. */
static void count_seen(tally *t, stoa_sequences_measured *out) {
    int64_t pairs = 0;
    qsort(t->seen, (size_t)t->seen_count, sizeof *t->seen, by_value);
    for (int64_t i = 0; i < t->seen_count; i++) {
        pairs += i == 0 || t->seen[i] != t->seen[i - 1];
        out->classes += i == 0 || t->seen[i] >> 32 != t->seen[i - 1] >> 32;
    }
    out->labels_per_class = out->classes ? (double)pairs / (double)out->classes : (double)NAN;
    for (int64_t i = 0; i < t->seen_count; i++)
        t->seen[i] = (uint32_t)t->seen[i];
    qsort(t->seen, (size_t)t->seen_count, sizeof *t->seen, by_value);
    for (int64_t i = 0; i < t->seen_count; i++)
        out->labels += i == 0 || t->seen[i] != t->seen[i - 1];
}

static double share(double part, double whole) {
    return whole > 0 ? part / whole : (double)NAN;
}

static void finish(tally *t, int64_t n, double *logs, stoa_sequences_measured *out) {
    *out = (stoa_sequences_measured){
        .sequences = n,
        .repeated = share((double)t->repeated, (double)n),
        .in_context = share((double)t->in_context, (double)n),
        .label_in_context = share((double)t->label_in_context, (double)n),
        .distinct = share((double)t->distinct, (double)n),
        .fresh = t->fresh,
        .zipf = fit_zipf(t->queries, logs, t->s->options.classes.trained),
        .within = sqrt(share(t->within, (double)t->same_pairs)),
        .between = sqrt(share(t->between, (double)t->other_pairs)),
        .copies = share((double)t->identical, (double)t->same_pairs),
        .nearest = share((double)t->nearest, (double)n),
        .values = (double)NAN,
    };
    count_seen(t, out);
    if (t->rows.values) { // what is said of labels would be of zeros
        out->values = sqrt(t->squares / (double)(n * (t->P + 1)));
        out->label_in_context = out->nearest = out->labels_per_class = (double)NAN;
        out->labels = 0;
    }
    fill_bins(t, out);
}

static stoa_status take_memory(tally *t, int64_t n, double **logs, stoa_error *err) {
    const size_t K = (size_t)t->s->options.classes.trained, row = (size_t)t->P + 1;
    size_t seen;
    bool fits = stoa_size_mul((size_t)n, row * sizeof *t->seen, &seen);
    t->rows.items = stoa_alloc(PART * row * (size_t)t->item * sizeof(float));
    t->rows.labels = stoa_alloc(PART * row * sizeof(int32_t));
    t->rows.classes = stoa_alloc(PART * row * sizeof(int32_t));
    t->rows.target = stoa_alloc(PART * sizeof(int32_t));
    bool valued = stoa_sequences_valued(t->s);
    t->rows.values = valued ? stoa_alloc(PART * row * sizeof(float)) : NULL;
    t->seen = fits ? stoa_alloc(seen) : NULL;
    t->queries = stoa_alloc(K * sizeof *t->queries);
    *logs = stoa_alloc(K * sizeof **logs);
    if (!t->rows.items || !t->rows.labels || !t->rows.classes || !t->rows.target || !t->seen ||
        !t->queries || !*logs || (valued && !t->rows.values))
        return stoa_fail(err, STOA_ERR_MEMORY, "no memory to measure %lld sequences", (long long)n);
    return STOA_OK;
}

stoa_status stoa_sequences_measure(const stoa_sequences *s, stoa_pool *pool, int kind, int64_t n,
                                   stoa_sequences_measured *out, stoa_error *err) {
    assert(n >= 1 && kind >= -1 && kind < STOA_SEQUENCES_KINDS);
    tally t = {.s = s, .P = s->options.pairs, .item = s->item};
    double *logs = NULL;
    stoa_status status = take_memory(&t, n, &logs, err);
    for (int64_t first = 0; status == STOA_OK && first < n; first += PART) {
        int64_t count = n - first < PART ? n - first : PART;
        if (kind >= 0)
            stoa_sequences_eval(s, pool, kind, first, count, &t.rows);
        else
            stoa_sequences_train(s, pool, 0, n, first, count, &t.rows);
        measure_rows(&t, count);
    }
    if (status == STOA_OK)
        finish(&t, n, logs, out);
    stoa_free(t.rows.items);
    stoa_free(t.rows.labels);
    stoa_free(t.rows.classes);
    stoa_free(t.rows.target);
    stoa_free(t.rows.values);
    stoa_free(t.seen);
    stoa_free(t.queries);
    stoa_free(logs);
    return status;
}
