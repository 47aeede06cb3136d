/*
 * test_tasks.c - sequences of linear functions: what is drawn, and the two best guesses against
 * what they are by definition.
 */
#include "support.h"

#include <math.h>

#include "stoa/base.h"

/* ---- guesses --------------------------------------------------------------------------------- */

enum { WIDTH = 3, POINTS = 7 };

static void draw(stoa_rng *rng, float *x, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)stoa_rng_normal(rng);
}

/* Solves a w = b by elimination; both are overwritten. */
static void solve(double a[WIDTH][WIDTH], double b[WIDTH]) {
    for (int p = 0; p < WIDTH; p++)
        for (int r = 0; r < WIDTH; r++) {
            if (r == p)
                continue;
            double share = a[r][p] / a[p][p];
            for (int c = 0; c < WIDTH; c++)
                a[r][c] -= share * a[p][c];
            b[r] -= share * b[p];
        }
    for (int p = 0; p < WIDTH; p++)
        b[p] /= a[p][p];
}

static void ridge_solves_its_normal_equations_after_every_pair(void **state) {
    (void)state;
    stoa_rng rng = stoa_rng_stream(3, "test", 0);
    float x[POINTS * WIDTH], y[POINTS], guess[POINTS];
    const double noise = 0.4;
    draw(&rng, x, POINTS * WIDTH);
    draw(&rng, y, POINTS);
    stoa_guess_ridge(WIDTH, POINTS, noise, x, y, guess);
    assert_true(guess[0] == 0);
    for (int n = 0; n < POINTS; n++) {
        double a[WIDTH][WIDTH] = {{0}}, b[WIDTH] = {0}, sum = 0;
        for (int i = 0; i < WIDTH; i++)
            a[i][i] = noise * noise;
        for (int p = 0; p < n; p++)
            for (int i = 0; i < WIDTH; i++) {
                for (int j = 0; j < WIDTH; j++)
                    a[i][j] += (double)x[p * WIDTH + i] * (double)x[p * WIDTH + j];
                b[i] += (double)x[p * WIDTH + i] * (double)y[p];
            }
        solve(a, b);
        for (int i = 0; i < WIDTH; i++)
            sum += b[i] * (double)x[n * WIDTH + i];
        check_near((double)guess[n], sum, 1e-5);
    }
}

static void the_pools_guess_weighs_tasks_by_their_likelihood(void **state) {
    (void)state;
    enum { M = 5 };
    stoa_rng rng = stoa_rng_stream(4, "test", 0);
    float x[POINTS * WIDTH], y[POINTS], w[WIDTH * M], guess[POINTS]; // w (D, M)
    double scratch[2 * M], prior[M];
    const double noise = 0.7;
    draw(&rng, x, POINTS * WIDTH);
    draw(&rng, y, POINTS);
    draw(&rng, w, WIDTH * M);
    for (int k = 0; k < M; k++)
        prior[k] = -0.5 * k;
    stoa_guess_pool(WIDTH, M, w, prior, POINTS, noise, x, y, scratch, guess);
    for (int n = 0; n < POINTS; n++) {
        double all = 0, sum = 0;
        for (int k = 0; k < M; k++) {
            double weight = exp(prior[k]), says = 0;
            for (int p = 0; p <= n; p++) {
                says = 0;
                for (int i = 0; i < WIDTH; i++)
                    says += (double)w[i * M + k] * (double)x[p * WIDTH + i];
                if (p < n)
                    weight *=
                        exp(-(says - (double)y[p]) * (says - (double)y[p]) / (2 * noise * noise));
            }
            all += weight;
            sum += weight * says;
        }
        check_near((double)guess[n], sum / all, 1e-5);
    }
    /* of one task there is nothing to find out */
    stoa_guess_pool(WIDTH, 1, w, NULL, POINTS, noise, x, y, scratch, guess);
    for (int n = 0; n < POINTS; n++)
        check_near(
            (double)guess[n],
            (double)(w[0] * x[n * WIDTH] + w[1] * x[n * WIDTH + 1] + w[2] * x[n * WIDTH + 2]),
            1e-5);
}

static void the_guess_of_a_great_pool_is_ridge(void **state) {
    (void)state;
    enum { M = 100000, ONE = 1 };
    stoa_rng rng = stoa_rng_stream(5, "test", 0);
    float x[POINTS], y[POINTS], ridge[POINTS], guess[POINTS];
    float *w = stoa_alloc(M * sizeof *w);
    double *scratch = stoa_alloc(2 * M * sizeof *scratch);
    draw(&rng, w, M);
    draw(&rng, x, POINTS);
    for (int i = 0; i < POINTS; i++)
        y[i] = 0.8f * x[i] + 0.5f * (float)stoa_rng_normal(&rng);
    stoa_guess_ridge(ONE, POINTS, 0.5, x, y, ridge);
    stoa_guess_pool(ONE, M, w, NULL, POINTS, 0.5, x, y, scratch, guess);
    for (int i = 0; i < POINTS; i++)
        check_near((double)guess[i], (double)ridge[i], 0.02);
    stoa_free(w);
    stoa_free(scratch);
}

static void without_noise_guesses_stay_numbers(void **state) {
    (void)state;
    enum { MANY = 40 };
    stoa_rng rng = stoa_rng_stream(6, "test", 0);
    float x[MANY * WIDTH], y[MANY], guess[MANY], w[WIDTH] = {1, -2, 0.5f};
    double scratch[2];
    draw(&rng, x, MANY * WIDTH);
    for (int i = 0; i < MANY; i++)
        y[i] = w[0] * x[i * WIDTH] + w[1] * x[i * WIDTH + 1] + w[2] * x[i * WIDTH + 2];
    stoa_guess_ridge(WIDTH, MANY, 0, x, y, guess);
    for (int i = WIDTH + 1; i < MANY; i++)
        check_near((double)guess[i], (double)y[i], 1e-3);
    stoa_guess_pool(WIDTH, 1, w, NULL, MANY, 0, x, y, scratch, guess);
    for (int i = 0; i < MANY; i++)
        check_near((double)guess[i], (double)y[i], 1e-5);
}

/* ---- sequences ------------------------------------------------------------------------------- */

#define TASKS "data.source=tasks data.width=3 data.spread=0.5 data.pairs=15 "

static rows valued_rows(const stoa_sequences *s, int kind, int64_t n) {
    rows r = make_rows(s, kind, n, true);
    int64_t numbers = r.pairs + 1;
    r.batch.values = calloc((size_t)(n * numbers), sizeof(float));
    assert_non_null(r.batch.values);
    if (kind == TRAINING)
        stoa_sequences_train(s, NULL, 0, n, 0, n, &r.batch);
    else
        stoa_sequences_eval(s, NULL, kind, 0, n, &r.batch);
    return r;
}

static void free_valued(rows *r) {
    free(r->batch.values);
    free_rows(r);
}

/* The task behind a row, by least squares over its pairs and the query; *rest: mean square that is
 * left. */
static void fit(const rows *r, int64_t row, double w[WIDTH], double *rest) {
    double a[WIDTH][WIDTH] = {{0}}, b[WIDTH] = {0};
    const float *y = r->batch.values + row * (r->pairs + 1);
    for (int64_t p = 0; p <= r->pairs; p++)
        for (int i = 0; i < WIDTH; i++) {
            for (int j = 0; j < WIDTH; j++)
                a[i][j] += (double)item_at(r, row, p)[i] * (double)item_at(r, row, p)[j];
            b[i] += (double)item_at(r, row, p)[i] * (double)y[p];
        }
    solve(a, b);
    *rest = 0;
    for (int64_t p = 0; p <= r->pairs; p++) {
        double off = (double)y[p];
        for (int i = 0; i < WIDTH; i++)
            off -= b[i] * (double)item_at(r, row, p)[i];
        *rest += off * off / (double)(r->pairs + 1 - WIDTH);
    }
    memcpy(w, b, sizeof b);
}

static void a_sequence_is_one_linear_function_with_noise(void **state) {
    (void)state;
    enum { ROWS = 2000, M = 4 };
    stoa_sequences *s = sequences_with(TASKS "data.classes=4");
    rows r = valued_rows(s, TRAINING, ROWS);
    double left = 0, squares = 0, seen[M] = {0}, mean[M][WIDTH] = {{0}};
    assert_true(stoa_sequences_valued(s));
    assert_int_equal(stoa_sequences_labels(s), 1);
    for (int64_t row = 0; row < ROWS; row++) {
        double w[WIDTH], rest;
        int32_t task = query_class(&r, row);
        assert_in_range(task, 0, M - 1);
        fit(&r, row, w, &rest);
        left += rest;
        seen[task]++;
        for (int i = 0; i < WIDTH; i++)
            mean[task][i] += w[i];
        for (int64_t p = 0; p <= r.pairs; p++) {
            assert_int_equal(class_at(&r, row, p), task);
            for (int i = 0; i < WIDTH; i++)
                squares += (double)item_at(&r, row, p)[i] * (double)item_at(&r, row, p)[i];
        }
    }
    check_near(left / ROWS, 0.25, 0.25 * 5 * sqrt(2.0 / (ROWS * 13)));
    check_near(squares / (ROWS * 16.0 * WIDTH), 1, 5 * sqrt(2.0 / (ROWS * 16.0 * WIDTH)));
    for (int k = 0; k < M; k++)
        check_share(seen[k], ROWS, 1.0 / M);
    /* the pool's tasks are those of training, however they are asked for */
    rows pool = valued_rows(s, STOA_SEQUENCES_TASK_POOL, 200);
    for (int64_t row = 0; row < 200; row++) {
        double w[WIDTH], rest;
        int32_t task = query_class(&pool, row);
        fit(&pool, row, w, &rest);
        for (int i = 0; i < WIDTH; i++)
            check_near(w[i], mean[task][i] / seen[task], 1.5);
        assert_memory_not_equal(item_at(&pool, row, 0), item_at(&r, row, 0), 3 * sizeof(float));
    }
    free_valued(&pool);
    free_valued(&r);
    stoa_sequences_close(s);
}

/* Of fresh tasks no two are alike, and w ~ N(0, I). */
static void new_tasks_are_endless(void **state) {
    (void)state;
    enum { ROWS = 3000 };
    static const int kinds[] = {STOA_SEQUENCES_TASK_NEW, TRAINING};
    for (int k = 0; k < 2; k++) {
        stoa_sequences *s = sequences_with(TASKS "data.classes=2 data.spread=0 data.fresh=1");
        rows r = valued_rows(s, kinds[k], ROWS);
        double square = 0, before = HUGE_VAL;
        for (int64_t row = 0; row < ROWS; row++) {
            double w[WIDTH], rest;
            fit(&r, row, w, &rest);
            assert_true(rest < 1e-6);
            assert_true(fabs(w[0] - before) > 1e-9);
            before = w[0];
            for (int i = 0; i < WIDTH; i++)
                square += w[i] * w[i];
        }
        check_near(square / (ROWS * WIDTH), 1, 5 * sqrt(2.0 / (ROWS * WIDTH)));
        free_valued(&r);
        stoa_sequences_close(s);
    }
}

static void rows_do_not_depend_on_their_batch(void **state) {
    (void)state;
    enum { ROWS = 24, NUMBERS = 16 };
    stoa_sequences *s = sequences_with(TASKS "data.classes=64 data.fresh=0.5");
    rows all = valued_rows(s, TRAINING, ROWS);
    float items[NUMBERS * WIDTH], values[NUMBERS];
    int32_t labels[NUMBERS], target, classes[NUMBERS];
    stoa_sequences_batch one = {
        .items = items, .labels = labels, .target = &target, .classes = classes, .values = values};
    int fresh = 0;
    for (int64_t row = 0; row < ROWS; row++) {
        stoa_sequences_train(s, NULL, row / 8, 8, row % 8, 1, &one);
        assert_memory_equal(values, all.batch.values + row * NUMBERS, sizeof values);
        assert_memory_equal(items, item_at(&all, row, 0), sizeof items);
        assert_int_equal(target, 0);
        fresh += classes[0] >= 64;
    }
    assert_in_range(fresh, 4, 20);
    free_valued(&all);
    stoa_sequences_close(s);
}

/* Each guess is the better one where its assumption holds. */
static void each_guess_is_best_on_its_own_tasks(void **state) {
    (void)state;
    enum { ROWS = 600, NUMBERS = 16 };
    stoa_sequences *s = sequences_with(TASKS "data.classes=8");
    static float ridge[ROWS * NUMBERS], best[ROWS * NUMBERS];
    static const int kinds[] = {STOA_SEQUENCES_TASK_POOL, STOA_SEQUENCES_TASK_NEW};
    for (int k = 0; k < 2; k++) {
        rows r = valued_rows(s, kinds[k], ROWS);
        double errors[2] = {0}, first = 0;
        assert_int_equal(
            stoa_sequences_guess(s, NULL, ROWS, r.batch.items, r.batch.values, ridge, best, NULL),
            STOA_OK);
        for (int64_t i = 0; i < ROWS * NUMBERS; i++) {
            double y = (double)r.batch.values[i];
            errors[0] += ((double)ridge[i] - y) * ((double)ridge[i] - y);
            errors[1] += ((double)best[i] - y) * ((double)best[i] - y);
            first += i % NUMBERS ? 0 : y * y;
        }
        assert_true(k ? errors[0] < 0.8 * errors[1] : errors[1] < 0.8 * errors[0]);
        if (k) // |w|^2 + noise; its square's deviation is below three times that
            check_near(first / ROWS, WIDTH + 0.25, 5 * 3 * (WIDTH + 0.25) / sqrt(ROWS));
        free_valued(&r);
    }
    stoa_sequences_close(s);
}

static void what_tasks_have_not_is_refused(void **state) {
    (void)state;
    check_refused(TASKS "data.width=65", "data.width");
    check_refused(TASKS "data.pixel_noise=1", "data.spread");
    check_refused("data.classes=1", "data.classes");
    stoa_sequences *s = sequences_with(TASKS "data.classes=1"), *other = sequences_with("");
    for (int kind = 0; kind < STOA_SEQUENCES_KINDS; kind++) {
        bool of_tasks = kind == STOA_SEQUENCES_TASK_POOL || kind == STOA_SEQUENCES_TASK_NEW;
        assert_int_equal(stoa_sequences_has(s, kind), of_tasks);
        if (of_tasks)
            assert_false(stoa_sequences_has(other, kind));
    }
    assert_false(stoa_sequences_valued(other));
    stoa_sequences_measured m;
    assert_int_equal(stoa_sequences_measure(s, NULL, TRAINING, 500, &m, NULL), STOA_OK);
    assert_int_equal(m.classes, 1);
    assert_true(isnan(m.nearest) && isfinite(m.values));
    assert_int_equal(stoa_sequences_sheet(s, TRAINING, 0, 1, "none.png", NULL), STOA_ERR_USAGE);
    stoa_sequences_close(s);
    stoa_sequences_close(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ridge_solves_its_normal_equations_after_every_pair),
        cmocka_unit_test(the_pools_guess_weighs_tasks_by_their_likelihood),
        cmocka_unit_test(the_guess_of_a_great_pool_is_ridge),
        cmocka_unit_test(without_noise_guesses_stay_numbers),
        cmocka_unit_test(a_sequence_is_one_linear_function_with_noise),
        cmocka_unit_test(new_tasks_are_endless),
        cmocka_unit_test(rows_do_not_depend_on_their_batch),
        cmocka_unit_test(each_guess_is_best_on_its_own_tasks),
        cmocka_unit_test(what_tasks_have_not_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
