/*
 * bench_data.c - what it costs to make a batch of sequences, on one thread: the best of rounds.
 *
 *   bench_data [KEY=VALUE...]    only these settings
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "stoa/data.h"

enum { BATCH = 64, ROUNDS = 400 };

static bool measure(const char *name, char **set, int count) {
    stoa_error err = {0};
    stoa_sequences_options options;
    stoa_sequences *s = NULL;
    stoa_status status = stoa_sequences_options_init(&options, &err);
    for (int i = 0; i < count && status == STOA_OK; i++)
        status = stoa_settings_set(stoa_sequences_settings_table(), &options, set[i], NULL, &err);
    if (status != STOA_OK || stoa_sequences_open(&s, &options, &err) != STOA_OK) {
        fprintf(stderr, "bench_data: %s\n", err.message);
        return false;
    }
    const size_t P = (size_t)stoa_sequences_pairs(s), item = (size_t)stoa_sequences_item(s);
    float *items = malloc(BATCH * (P + 1) * item * sizeof *items);
    int32_t *labels = malloc(BATCH * P * sizeof *labels), target[BATCH];
    stoa_sequences_batch out = {.items = items, .labels = labels, .target = target};
    double all = HUGE_VAL, draws = HUGE_VAL;
    for (int64_t step = 0; items && labels && step < ROUNDS; step++) {
        double start = stoa_clock();
        stoa_sequences_train(s, NULL, step, BATCH, 0, BATCH, &out);
        double whole = stoa_clock() - start;
        out.items = NULL;
        start = stoa_clock();
        stoa_sequences_train(s, NULL, step, BATCH, 0, BATCH, &out);
        draws = fmin(draws, stoa_clock() - start);
        out.items = items;
        all = fmin(all, whole);
    }
    printf("%-34s %9.1f us a batch of %d, %.1f without the items\n", name, all * 1e6, BATCH,
           draws * 1e6);
    free(items);
    free(labels);
    stoa_sequences_close(s);
    return true;
}

int main(int argc, char **argv) {
    static char zipf[] = "data.zipf=1", labels[] = "data.labels_per_class=4";
    char *with_zipf[] = {zipf}, *with_labels[] = {labels};
    if (argc > 1)
        return measure("these settings", argv + 1, argc - 1) ? 0 : 1;
    bool good = measure("gaussian, 64 numbers, 8 pairs", NULL, 0);
    good = measure("Zipf exponent 1", with_zipf, 1) && good;
    good = measure("4 labels a class", with_labels, 1) && good;
    return good ? 0 : 1;
}
