/* Statistics against values computed by an independent implementation (SciPy), and invariants. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "stoa/eval.h"

#define COUNT(array) ((int64_t)(sizeof(array) / sizeof *(array)))

static void near(double got, double want, double relative) {
    if (!(fabs(got - want) <= relative * fmax(fabs(want), 1e-300)))
        fail_msg("%.17g is not %.17g", got, want);
}

static const double a[] = {2.31, 2.28, 2.35, 2.30, 2.27};
static const double b[] = {2.25, 2.24, 2.33, 2.21, 2.26};
static const double c[] = {3.1, 2.2, 4.8, 2.9, 3.3, 2.5, 4.0};

static void student_quantiles_match_known_values(void **state) {
    (void)state;
    const double rows[][3] = {
        {0.975, 1, 12.706204736174694},  {0.975, 2, 4.302652729749462},
        {0.975, 4, 2.7764451051977934},  {0.95, 10, 1.8124611228116756},
        {0.995, 30, 2.7499956535672254}, {0.975, 2.7, 3.3921483831737507},
        {0.9999, 3, 22.203742273205},    {0.6, 1e6, 0.25334717053784184},
        {1e-9, 5, -98.93722464836996},
    };
    for (int64_t i = 0; i < COUNT(rows); i++)
        near(stoa_stat_t_quantile(rows[i][0], rows[i][1]), rows[i][2], 1e-10);
    assert_true(stoa_stat_t_quantile(0.5, 3) == 0.0);
    assert_true(isinf(stoa_stat_t_quantile(1.0, 3)));
    assert_true(isnan(stoa_stat_t_quantile(1.5, 3)));
}

static void student_distribution_matches_known_values(void **state) {
    (void)state;
    const double rows[][3] = {{1.5, 3, 0.8847080673775886},
                              {-2.0, 7.5, 0.041448497649083156},
                              {0.0, 2, 0.5},
                              {-40.0, 4, 1.1670081613006339e-06}};
    for (int64_t i = 0; i < COUNT(rows); i++)
        near(stoa_stat_t_cdf(rows[i][0], rows[i][1]), rows[i][2], 1e-12);
}

static void normal_quantiles_match_known_values(void **state) {
    (void)state;
    near(stoa_stat_normal_quantile(0.975), 1.959963984540054, 1e-12);
    near(stoa_stat_normal_quantile(0.6), 0.2533471031357997, 1e-12);
    near(stoa_stat_normal_quantile(1e-10), -6.361340902404056, 1e-12);
    near(stoa_stat_normal_quantile(0.999999), 4.753424308817087, 1e-10);
}

static void quantile_undoes_the_distribution_everywhere(void **state) {
    (void)state;
    for (double df = 0.5; df < 500.0; df *= 1.7)
        for (double p = 1e-8; p < 1.0; p = p < 0.1 ? p * 3.1 : p + 0.07)
            near(stoa_stat_t_cdf(stoa_stat_t_quantile(p, df), df), p, 1e-9);
}

static void mean_has_its_student_interval(void **state) {
    (void)state;
    stoa_summary s = stoa_stat_summary(a, COUNT(a));
    near(s.sd, 0.031144823004794948, 1e-12);
    assert_true(s.least == 2.27 && s.most == 2.35);
    stoa_interval m = stoa_stat_mean(a, COUNT(a), 0.95);
    near(m.value, 2.302, 1e-14);
    near(m.low, 2.263328594544517, 1e-12);
    near(m.high, 2.340671405455482, 1e-12);
}

static void spread_survives_a_large_offset(void **state) {
    (void)state;
    const double x[] = {1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16};
    near(stoa_stat_summary(x, 4).sd, sqrt(30.0), 1e-9);
}

static void too_few_values_give_no_interval(void **state) {
    (void)state;
    stoa_interval one = stoa_stat_mean(a, 1, 0.95), none = stoa_stat_mean(a, 0, 0.95);
    assert_true(one.value == a[0] && isnan(one.low) && isnan(one.high));
    assert_true(isnan(none.value) && isnan(none.low));
    assert_true(isnan(stoa_stat_summary(a, 1).sd));
    assert_true(isnan(stoa_stat_paired(a, b, 1, 0.95).interval.low));
    assert_true(isnan(stoa_stat_welch(a, 1, c, 7, 0.95).interval.low));
    assert_true(isnan(stoa_stat_proportion(0, 0, 0.95).value));
    assert_true(isnan(stoa_stat_median(a, 0)));
}

static void paired_difference_matches_known_values(void **state) {
    (void)state;
    stoa_difference d = stoa_stat_paired(a, b, COUNT(a), 0.95);
    near(d.interval.value, 0.044, 1e-12);
    near(d.t, 3.065625262883123, 1e-10);
    near(d.p, 0.03745236332329214, 1e-10);
    near(d.interval.low, 0.004150516076510943, 1e-9);
    near(d.interval.high, 0.08384948392348895, 1e-10);
}

static void equal_pairs_differ_by_surely_nothing(void **state) {
    (void)state;
    stoa_difference d = stoa_stat_paired(a, a, COUNT(a), 0.95);
    assert_true(d.interval.low == 0.0 && d.interval.high == 0.0 && d.p == 1.0);
}

static void welch_difference_matches_known_values(void **state) {
    (void)state;
    stoa_difference d = stoa_stat_welch(a, COUNT(a), c, COUNT(c), 0.95);
    near(d.interval.value, -0.9551428571428575, 1e-12);
    near(d.t, -2.829689657439141, 1e-11);
    near(d.df, 6.020458647399711, 1e-11);
    near(d.p, 0.029859138612862036, 1e-10);
    near(d.interval.low, -1.7804017473334635, 1e-11);
    near(d.interval.high, -0.12988396695225146, 1e-10);
}

static void proportion_has_its_wilson_interval(void **state) {
    (void)state;
    stoa_interval p = stoa_stat_proportion(7, 20, 0.95);
    near(p.low, 0.1811918241010821, 1e-12);
    near(p.high, 0.5671457233147637, 1e-12);
    p = stoa_stat_proportion(0, 20, 0.95);
    assert_true(p.low == 0.0);
    near(p.high, 0.16112515805281935, 1e-12);
    assert_true(stoa_stat_proportion(20, 20, 0.95).high == 1.0);
}

static void median_and_quantiles_interpolate(void **state) {
    (void)state;
    const double x[] = {9, 1, 5, 3}, sorted[] = {1, 3, 5, 9};
    near(stoa_stat_median(x, 4), 4.0, 0);
    near(stoa_stat_median(x, 3), 5.0, 0);
    near(stoa_stat_quantile_sorted(sorted, 4, 0.25), 2.5, 0);
    near(stoa_stat_quantile_sorted(sorted, 4, 1.0), 9.0, 0);
}

static void spearman_with_ties_matches_known_values(void **state) {
    (void)state;
    const double x[] = {1, 2, 2, 4, 5, 6, 7, 8}, y[] = {2, 1, 3, 3, 6, 5, 9, 7};
    stoa_interval rho;
    assert_int_equal(stoa_stat_spearman(x, y, 8, 0.95, &rho, NULL), STOA_OK);
    near(rho.value, 0.8975903614457831, 1e-12);
    near(rho.low, 0.39820591, 1e-7);
    near(rho.high, 0.98655685, 1e-7);
}

static void auc_counts_pairs_in_order(void **state) {
    (void)state;
    const double high[] = {3, 5, 5, 9}, low[] = {1, 5, 2};
    double pairs = 0;
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 3; j++)
            pairs += high[i] > low[j] ? 1 : high[i] == low[j] ? 0.5 : 0;
    near(stoa_stat_auc(high, 4, low, 3), pairs / 12, 1e-12);
    near(stoa_stat_auc(low, 3, high, 4), 1 - pairs / 12, 1e-12);
    assert_true(isnan(stoa_stat_auc(high, 4, low, 0)));
}

static void spearman_knows_its_limits(void **state) {
    (void)state;
    const double x[] = {1, 2, 3, 4, 5}, up[] = {1, 10, 100, 1000, 1e9}, flat[] = {2, 2, 2, 2, 2};
    const double bad[] = {1, (double)NAN, 3, 4, 5};
    stoa_interval rho;
    assert_int_equal(stoa_stat_spearman(x, up, 5, 0.95, &rho, NULL), STOA_OK);
    assert_true(rho.value == 1.0 && rho.low == 1.0 && rho.high == 1.0);
    assert_int_equal(stoa_stat_spearman(x, flat, 5, 0.95, &rho, NULL), STOA_OK);
    assert_true(isnan(rho.value));
    assert_int_equal(stoa_stat_spearman(x, up, 3, 0.95, &rho, NULL), STOA_OK);
    assert_true(rho.value == 1.0 && isnan(rho.low));
    stoa_error err;
    assert_int_equal(stoa_stat_spearman(x, bad, 5, 0.95, &rho, &err), STOA_ERR_NUMERIC);
    assert_non_null(strstr(err.message, "item 1"));
}

static void bootstrap_agrees_with_an_independent_one(void **state) {
    (void)state;
    // reference: BCa of SciPy over three seeds, 20,000 resamples; they scatter by about 0.01
    double skewed[25];
    for (int i = 0; i < 25; i++)
        skewed[i] = exp(-1.0 + 3.2 * i / 24.0);
    stoa_interval out;
    assert_int_equal(stoa_stat_bootstrap_mean(skewed, 25, 20000, 0.95, 7, &out, NULL), STOA_OK);
    near(out.value, 2.7888445518761453, 1e-12);
    assert_true(fabs(out.low - 1.956) < 0.02); // the uncorrected percentile would be 1.868
    assert_true(fabs(out.high - 3.935) < 0.03);
    assert_int_equal(stoa_stat_bootstrap_mean(c, 7, 20000, 0.95, 7, &out, NULL), STOA_OK);
    assert_true(fabs(out.low - 2.745) < 0.03 && fabs(out.high - 3.98) < 0.03);
}

static void bootstrap_repeats_itself_for_a_seed(void **state) {
    (void)state;
    stoa_interval one, two, other;
    assert_int_equal(stoa_stat_bootstrap_mean(c, 7, 500, 0.9, 3, &one, NULL), STOA_OK);
    assert_int_equal(stoa_stat_bootstrap_mean(c, 7, 500, 0.9, 3, &two, NULL), STOA_OK);
    assert_int_equal(stoa_stat_bootstrap_mean(c, 7, 500, 0.9, 4, &other, NULL), STOA_OK);
    assert_memory_equal(&one, &two, sizeof one);
    assert_true(one.low != other.low || one.high != other.high);
}

static void bootstrap_of_constant_items_is_a_point(void **state) {
    (void)state;
    const double flat[] = {4, 4, 4};
    stoa_interval out;
    assert_int_equal(stoa_stat_bootstrap_mean(flat, 3, 100, 0.95, 1, &out, NULL), STOA_OK);
    assert_true(out.low == 4.0 && out.high == 4.0);
    assert_int_equal(stoa_stat_bootstrap_mean(flat, 1, 100, 0.95, 1, &out, NULL), STOA_OK);
    assert_true(out.value == 4.0 && isnan(out.low));
    assert_int_equal(stoa_stat_bootstrap_mean(flat, 0, 100, 0.95, 1, &out, NULL), STOA_OK);
    assert_true(isnan(out.value));
}

static void memory_shortage_is_an_error_not_a_crash(void **state) {
    (void)state;
    stoa_interval out;
    for (uint64_t n = 1; n <= 2; n++) {
        stoa_alloc_fail_after(n, false);
        assert_int_equal(stoa_stat_spearman(a, b, 5, 0.95, &out, NULL), STOA_ERR_MEMORY);
        stoa_alloc_fail_after(n, false);
        assert_int_equal(stoa_stat_bootstrap_mean(a, 5, 10, 0.95, 1, &out, NULL), STOA_ERR_MEMORY);
    }
    stoa_alloc_fail_after(0, false);
}

static void line_fit_matches_known_values(void **state) {
    (void)state;
    const double x[] = {1, 2, 3, 4, 5.5}, y[] = {2.1, 3.9, 6.2, 7.8, 11.3};
    stoa_line line;
    assert_int_equal(stoa_stat_line(x, y, 5, 0.95, &line, NULL), STOA_OK);
    near(line.intercept, -0.04672131147541059, 1e-10);
    near(line.slope, 2.0344262295081967, 1e-12);
    near(line.slope_low, 1.8256325640669577, 1e-10);
    near(line.slope_high, 2.2432198949494357, 1e-10);
    near(line.r2, 0.9968897381424906, 1e-12);
}

static void parabola_fit_finds_the_isoflop_minimum(void **state) {
    (void)state;
    const double parameters[] = {6e7, 1.2e8, 2.2e8, 4.5e8, 9e8};
    const double loss[] = {3.05, 2.97, 2.94, 2.96, 3.06};
    double x[5];
    for (int i = 0; i < 5; i++)
        x[i] = log10(parameters[i]);
    stoa_parabola p;
    assert_int_equal(stoa_stat_parabola(x, loss, 5, &p, NULL), STOA_OK);
    near(p.c, 0.33676344, 1e-7);
    near(p.b, -5.63138746, 1e-7);
    near(p.a, 26.48042908, 1e-7);
    assert_true(p.has_minimum && p.inside);
    near(p.min_x, 8.36104328476115, 1e-10);
    near(p.min_y, 2.9382919308405593, 1e-10);
    near(p.residual, 0.006864720441613993, 1e-8);
    near(p.r2, 0.9922236985575061, 1e-9);
}

static void parabola_far_from_zero_keeps_its_digits(void **state) {
    (void)state;
    double x[6], y[6];
    for (int i = 0; i < 6; i++) {
        double u = 0.001 * (i - 2);
        x[i] = 1000.0 + u;
        y[i] = 3.0 + 4.0 * u * u;
    }
    stoa_parabola p;
    assert_int_equal(stoa_stat_parabola(x, y, 6, &p, NULL), STOA_OK);
    assert_true(fabs(p.min_x - 1000.0) < 1e-8 && fabs(p.min_y - 3.0) < 1e-9);
}

static void parabola_tells_when_there_is_no_minimum_inside(void **state) {
    (void)state;
    const double x[] = {1, 2, 3}, falling[] = {5, 3, 2}, dome[] = {1, 2, 1};
    stoa_parabola p;
    assert_int_equal(stoa_stat_parabola(x, falling, 3, &p, NULL), STOA_OK);
    assert_true(p.has_minimum && !p.inside);
    near(p.min_x, 3.5, 1e-12);
    assert_true(isnan(p.residual));
    assert_int_equal(stoa_stat_parabola(x, dome, 3, &p, NULL), STOA_OK);
    assert_true(!p.has_minimum && isnan(p.min_x));
}

static void fits_refuse_what_cannot_be_fitted(void **state) {
    (void)state;
    const double x[] = {1, 1, 2, 2}, same[] = {3, 3, 3, 3}, y[] = {1, 2, 3, (double)INFINITY};
    const double far[] = {1e6, 1e6, 1e6 + 1, 1e6 + 1};
    stoa_parabola p;
    stoa_line line;
    assert_int_equal(stoa_stat_parabola(x, same, 4, &p, NULL), STOA_ERR_NUMERIC);
    assert_int_equal(stoa_stat_parabola(far, x, 4, &p, NULL), STOA_ERR_NUMERIC);
    assert_int_equal(stoa_stat_parabola(x, x, 0, &p, NULL), STOA_ERR_NUMERIC);
    assert_int_equal(stoa_stat_line(same, x, 4, 0.95, &line, NULL), STOA_ERR_NUMERIC);
    assert_int_equal(stoa_stat_line(x, y, 4, 0.95, &line, NULL), STOA_ERR_NUMERIC);
    assert_int_equal(stoa_stat_line(x, y, 0, 0.95, &line, NULL), STOA_ERR_NUMERIC);
}

static void confusion_counts_give_their_rates(void **state) {
    (void)state;
    stoa_confusion counts = {0};
    const int rows[][3] = {{1, 1, 8}, {1, 0, 2}, {0, 0, 85}, {0, 1, 5}};
    for (int r = 0; r < 4; r++)
        for (int i = 0; i < rows[r][2]; i++)
            stoa_confusion_add(&counts, rows[r][0], rows[r][1]);
    stoa_confusion_rates rate = stoa_confusion_rate(&counts);
    near(rate.accuracy, 0.93, 1e-15);
    near(rate.precision, 0.8, 1e-15);
    near(rate.recall, 8.0 / 13.0, 1e-15);
    near(rate.f1, 16.0 / 23.0, 1e-15);
    near(rate.predicted, 0.1, 1e-15);
    stoa_confusion never = {.true_no = 7, .false_no = 1}; // the classifier that always says no
    rate = stoa_confusion_rate(&never);
    near(rate.accuracy, 0.875, 1e-15);
    assert_true(isnan(rate.precision) && rate.recall == 0.0 && rate.f1 == 0.0);
}

static void histogram_places_every_value(void **state) {
    (void)state;
    int64_t count[4] = {0};
    stoa_histogram h = {.least = 0.0, .most = 2.0, .bins = 4, .count = count};
    const double x[] = {0.0, 0.49, 0.5, 1.999, 2.0, -0.1, 2.1, (double)NAN, (double)INFINITY};
    stoa_histogram_add(&h, x, COUNT(x));
    assert_int_equal(count[0], 2);
    assert_int_equal(count[1], 1);
    assert_int_equal(count[2], 0);
    assert_int_equal(count[3], 2);
    assert_int_equal(h.below, 1);
    assert_int_equal(h.above, 2);
    assert_int_equal(h.invalid, 1);
    near(stoa_histogram_edge(&h, 1), 0.5, 0);
    near(stoa_histogram_edge(&h, 4), 2.0, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(student_quantiles_match_known_values),
        cmocka_unit_test(student_distribution_matches_known_values),
        cmocka_unit_test(normal_quantiles_match_known_values),
        cmocka_unit_test(quantile_undoes_the_distribution_everywhere),
        cmocka_unit_test(mean_has_its_student_interval),
        cmocka_unit_test(spread_survives_a_large_offset),
        cmocka_unit_test(too_few_values_give_no_interval),
        cmocka_unit_test(paired_difference_matches_known_values),
        cmocka_unit_test(equal_pairs_differ_by_surely_nothing),
        cmocka_unit_test(welch_difference_matches_known_values),
        cmocka_unit_test(proportion_has_its_wilson_interval),
        cmocka_unit_test(median_and_quantiles_interpolate),
        cmocka_unit_test(spearman_with_ties_matches_known_values),
        cmocka_unit_test(spearman_knows_its_limits),
        cmocka_unit_test(auc_counts_pairs_in_order),
        cmocka_unit_test(bootstrap_agrees_with_an_independent_one),
        cmocka_unit_test(bootstrap_repeats_itself_for_a_seed),
        cmocka_unit_test(bootstrap_of_constant_items_is_a_point),
        cmocka_unit_test(memory_shortage_is_an_error_not_a_crash),
        cmocka_unit_test(line_fit_matches_known_values),
        cmocka_unit_test(parabola_fit_finds_the_isoflop_minimum),
        cmocka_unit_test(parabola_far_from_zero_keeps_its_digits),
        cmocka_unit_test(parabola_tells_when_there_is_no_minimum_inside),
        cmocka_unit_test(fits_refuse_what_cannot_be_fitted),
        cmocka_unit_test(confusion_counts_give_their_rates),
        cmocka_unit_test(histogram_places_every_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
