/* test_measure.c - the measured properties of sequences, against what their settings imply. */
#include "support.h"

#include <math.h>

enum { N = 10000 };

static stoa_sequences_measured measure(const char *settings, int kind) {
    stoa_sequences *s = sequences_with(settings);
    stoa_sequences_measured m;
    stoa_error err = {0};
    if (stoa_sequences_measure(s, NULL, kind, N, &m, &err) != STOA_OK)
        fail_msg("%s", err.message);
    assert_int_equal(m.sequences, N);
    stoa_sequences_close(s);
    return m;
}

static void bursts_and_what_is_in_the_context_are_found_again(void **state) {
    (void)state;
    stoa_sequences_measured m =
        measure("data.classes=100000 data.width=2 data.bursty=0.75 data.labels=0", -1);
    check_share(N * m.repeated, N, 0.75);
    check_share(N * m.in_context, N, 0.75);
    check_share(N * m.label_in_context, N, 0.75);
    check_near(m.distinct, 0.75 * 4 + 0.25 * 8, 0.1);
    assert_int_equal(m.fresh, 0);
    m = measure("data.bursty=0 data.classes=32", -1); // one class a label: equally often there
    check_share(N * m.in_context, N, 1 - pow(31.0 / 32, 8));
    check_share(N * m.label_in_context, N, 1 - pow(31.0 / 32, 8));
    assert_int_equal(m.classes, 32);
}

static void the_zipf_exponent_is_found_again(void **state) {
    (void)state;
    static const double alphas[] = {0, 0.5, 1, 1.5, 2, 3};
    for (int i = 0; i < 6; i++) {
        char text[128];
        snprintf(text, sizeof text,
                 "data.classes=12800 data.bursty=0.9 data.ways_rule=any data.zipf=%g", alphas[i]);
        stoa_sequences_measured m = measure(text, -1);
        double weights = 0, logs = 0, squares = 0;
        for (int k = 1; k <= 12800; k++) {
            double w = pow(k, -alphas[i]);
            weights += w;
            logs += w * log(k);
            squares += w * log(k) * log(k);
        }
        double information = squares / weights - logs / weights * logs / weights;
        check_near(m.zipf, alphas[i], 5 / sqrt(N * information));
        check_share(N * m.bin[0].share, N, 1 / weights);
        assert_int_equal(m.bin[m.bins - 1].last, 12799);
    }
}

static void shares_of_ranks_are_those_of_the_published_table(void **state) {
    (void)state; // alpha 1 over 12,800 classes: rank 1 10.0 %, top ten 29.2 %
    stoa_sequences_measured m =
        measure("data.classes=12800 data.bursty=0 data.zipf=1 data.ways_rule=any", -1);
    double top7 = 0; // bins 1, 2-3, 4-7 hold 1 + 1/2 + ... + 1/7 = 2.593 of 10.034
    for (int b = 0; b < 3; b++)
        top7 += m.bin[b].share;
    check_share(N * m.bin[0].share, N, 0.0997);
    check_share(N * top7, N, 0.2584);
    assert_int_equal(m.bin[2].first, 3);
    assert_int_equal(m.bin[2].last, 6);
}

static void labels_a_class_are_found_again(void **state) {
    (void)state;
    stoa_sequences_measured m = measure("data.classes=100 data.labels_per_class=4", -1);
    check_near(m.labels_per_class, 4, 0);
    assert_int_equal(m.classes, 100);
    assert_int_equal(m.labels, 32);
    m = measure("data.classes=100", -1);
    check_near(m.labels_per_class, 1, 0);
    m = measure("data.classes=20 data.reassigned=1", -1);
    check_near(m.labels_per_class, 20, 0); // every label that a class of the 20 has
    m = measure("data.classes=100 data.fresh=1", -1);
    assert_int_equal(m.classes, 0);
    assert_int_equal(m.fresh, 4 * N);
    assert_true(isnan(m.zipf));
}

static void distances_within_and_between_classes_are_found_again(void **state) {
    (void)state;
    stoa_sequences_measured m = measure("data.spread=0.5", -1);
    check_near(m.within, sqrt(2 * 0.25 / 1.25), 0.01);
    check_near(m.between, sqrt(2), 0.02);
    check_near(m.copies, 0, 0);
    m = measure("data.spread=0", -1);
    check_near(m.within, 0, 0);
    check_near(m.copies, 1, 0);
    m = measure("data.copies=context data.bursty=1 data.width=8 data.classes=100000", -1);
    check_near(m.copies, 2.0 * 3 / (2 * 3 + 3), 1e-3); // 3 pairs a way; 3 with the query
}

static void
the_nearest_item_gives_the_label_from_the_context_but_not_from_the_weights(void **state) {
    (void)state;
    check_near(measure("", STOA_SEQUENCES_ICL).nearest, 1, 0);
    check_near(measure("", STOA_SEQUENCES_FLIP).nearest, 1, 0);
    stoa_sequences_measured m = measure("", STOA_SEQUENCES_IWL);
    check_near(m.nearest, 0, 0);
    check_near(m.label_in_context, 0, 0);
    m = measure("", STOA_SEQUENCES_ICL);
    check_near(m.repeated, 1, 0);
    check_near(m.distinct, 2, 0);
    assert_int_equal(m.classes, 128);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bursts_and_what_is_in_the_context_are_found_again),
        cmocka_unit_test(the_zipf_exponent_is_found_again),
        cmocka_unit_test(shares_of_ranks_are_those_of_the_published_table),
        cmocka_unit_test(labels_a_class_are_found_again),
        cmocka_unit_test(distances_within_and_between_classes_are_found_again),
        cmocka_unit_test(
            the_nearest_item_gives_the_label_from_the_context_but_not_from_the_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
