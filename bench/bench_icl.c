/*
 * bench/bench_icl.c - speed of a step of in-context learning.
 *
 *   bench_icl [--seconds S] [--profile] [KEY=VALUE ...]
 *
 * Settings are those of `stoa train`, from preset mini on. Steps are whole: data, forward,
 * backward, optimiser; the data's share is measured apart. Prints one JSON object: milliseconds a
 * step (median and least of rounds of a tenth of a second), FLOPs and parameters; with --profile
 * also the kernels' times, to standard error.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/icl.h"

enum { SETS = 64, ROUNDS = 4096 };

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *x, int n) {
    qsort(x, (size_t)n, sizeof *x, by_value);
    return x[n / 2];
}

static void steps(stoa_icl_trainer *t, int64_t n) {
    stoa_error err;
    stoa_icl_step r;
    for (int64_t i = 0; i < n; i++)
        if (stoa_icl_trainer_step(t, &r, &err) != STOA_OK) {
            fprintf(stderr, "%s\n", err.message);
            exit(1);
        }
}

static void data(stoa_icl_trainer *t, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        stoa_sequences_train(t->data, t->pool, t->step + i, t->settings.batch, 0, t->settings.batch,
                             &t->batch);
}

static void profile(stoa_icl_trainer *t, int64_t n) {
    stoa_ctx_set_profile(t->ctx, true);
    double begin = stoa_clock();
    steps(t, n);
    double each = 1e6 / (double)n, sum = 0;
    fprintf(stderr, "%-20s %10s %10s   us a step\n", "", "forward", "backward");
    for (int op = 0; op < STOA_OP_COUNT; op++) {
        double f = stoa_ctx_seconds(t->ctx, (stoa_op)op, false) * each;
        double b = stoa_ctx_seconds(t->ctx, (stoa_op)op, true) * each;
        sum += f + b;
        if (f + b > 0)
            fprintf(stderr, "%-20s %10.1f %10.1f\n", stoa_op_name((stoa_op)op), f, b);
    }
    fprintf(stderr, "%-20s %10.1f of %.1f\n", "kernels", sum, (stoa_clock() - begin) * each);
    stoa_ctx_set_profile(t->ctx, false);
}

int main(int argc, char **argv) {
    const char *sets[SETS];
    int count = 0;
    double patience = 2;
    bool profiled = false;
    for (int i = 1; i < argc && count < SETS; i++)
        if (strcmp(argv[i], "--profile") == 0)
            profiled = true;
        else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc)
            patience = atof(argv[++i]);
        else
            sets[count++] = argv[i];
    stoa_error err;
    stoa_icl_settings s;
    stoa_icl_trainer *t;
    if (stoa_icl_settings_load(&s, NULL, sets, count, &err) != STOA_OK ||
        stoa_icl_settings_check(&s, &err) != STOA_OK ||
        stoa_icl_trainer_new(&t, &s, &err) != STOA_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    stoa_flush_denormals();
    steps(t, 3);
    double begin = stoa_clock(), each[ROUNDS], drawn[ROUNDS];
    steps(t, 1);
    int64_t n = (int64_t)(0.1 / (stoa_clock() - begin));
    n = n < 1 ? 1 : n;
    int rounds = 0;
    for (begin = stoa_clock(); rounds < ROUNDS && stoa_clock() - begin < patience; rounds++) {
        double before = stoa_clock();
        data(t, n);
        double middle = stoa_clock();
        steps(t, n);
        drawn[rounds] = (middle - before) / (double)n;
        each[rounds] = (stoa_clock() - middle) / (double)n;
    }
    stoa_ctx_stats stats = stoa_ctx_statistics(t->ctx);
    double typical = median(each, rounds);
    printf(
        "{\"ms\": %.4f, \"least_ms\": %.4f, \"data_ms\": %.4f, \"gflop\": %.4f, \"gflops\": %.1f, "
        "\"parameters\": %lld, \"nodes\": %lld}\n",
        1e3 * typical, 1e3 * each[0], 1e3 * median(drawn, rounds),
        (stats.flops + stats.backward_flops) * 1e-9,
        (stats.flops + stats.backward_flops) * 1e-9 / typical,
        (long long)stoa_params_numel(stoa_icl_params(t->icl)), (long long)stats.nodes);
    if (profiled)
        profile(t, n * 10);
    stoa_icl_trainer_free(t);
    return 0;
}
