/*
 * test_classes.c - normal numbers and Gaussian classes: their distribution, that every item is a
 * pure function of its numbers, pixel noise.
 */
#include "support.h"

#include <math.h>

#include "data/normals.h"

/* ---- normal numbers -------------------------------------------------------------------------- */

static void many_normals_have_the_moments_and_tails_of_the_normal_law(void **state) {
    (void)state;
    enum { STREAMS = 4000, LENGTH = 250 };
    static const double levels[] = {-3, -2, -1, -0.5, 0, 0.5, 1, 2, 3, 4};
    double below[10] = {0}, sums[4] = {0}, neighbours = 0;
    const double n = (double)STREAMS * LENGTH;
    for (uint64_t stream = 0; stream < STREAMS; stream++) {
        float x[LENGTH];
        stoa_normals((const uint32_t[]){7, 9}, stream, x, LENGTH);
        for (int i = 0; i < LENGTH; i++) {
            double v = (double)x[i];
            for (int m = 0; m < 4; m++)
                sums[m] += pow(v, m + 1);
            for (int l = 0; l < 10; l++)
                below[l] += v < levels[l];
            neighbours += i ? v * (double)x[i - 1] : 0;
        }
    }
    /* standard deviations of the powers' means: 1, 2, 15, 96 */
    check_near(sums[0] / n, 0, 5 * sqrt(1 / n));
    check_near(sums[1] / n, 1, 5 * sqrt(2 / n));
    check_near(sums[2] / n, 0, 5 * sqrt(15 / n));
    check_near(sums[3] / n, 3, 5 * sqrt(96 / n));
    check_near(neighbours / n, 0, 5 * sqrt(1 / n));
    for (int l = 0; l < 10; l++)
        check_share(below[l], n, 0.5 * erfc(-levels[l] / sqrt(2)));
}

static void normals_are_box_and_muller_of_the_same_words_everywhere(void **state) {
    (void)state;
    const uint32_t key[2] = {0x12345678, 0x9abcdef0};
    float x[130];
    stoa_normals(key, 0x1122334455667788u, x, 130);
    for (uint64_t i = 0; i < 32; i++) { // word i of 16 blocks, then the next 16
        uint32_t block[4];
        stoa_philox(key, 0x1122334455667788u, i % 16 + (i / 16) * 16, block);
        const float *at = x + (i / 16) * 64 + i % 16;
        for (int half = 0; half < 2; half++) {
            double level = ((double)(block[2 * half] >> 1) + 0.5) * 0x1p-31;
            double radius = sqrt(-2 * log(level));
            double turn = 2 * acos(-1) * (double)block[2 * half + 1] * 0x1p-32;
            check_near(at[32 * half], radius * cos(turn), 4e-6);
            check_near(at[32 * half + 16], radius * sin(turn), 4e-6);
        }
    }
    /* a shorter request is the beginning of a longer one */
    float y[65];
    stoa_normals(key, 0x1122334455667788u, y, 65);
    assert_memory_equal(x, y, sizeof y);
}

/* ---- Gaussian classes ------------------------------------------------------------------------ */

static stoa_classes *classes_with(const char *settings) {
    stoa_sequences_options o = options_with(settings);
    stoa_classes *c;
    o.classes.seed = 3;
    assert_int_equal(stoa_classes_open(&c, &o.classes, NULL), STOA_OK);
    return c;
}

static double distance2(const float *a, const float *b, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (double)(a[i] - b[i]) * (double)(a[i] - b[i]);
    return sum;
}

static void items_spread_around_their_centre_as_asked(void **state) {
    (void)state;
    static const char *const settings[] = {"data.spread=0", "data.spread=0.1", "data.spread=0.5",
                                           "data.spread=2"};
    static const double spread[] = {0, 0.1, 0.5, 2};
    for (int k = 0; k < 4; k++) {
        stoa_classes *c = classes_with(settings[k]);
        double length = 0, within = 0, between = 0;
        enum { PAIRS = 2000 };
        for (int i = 0; i < PAIRS; i++) {
            float a[64], b[64], other[64];
            int64_t number = i % 2 ? i : STOA_CLASS_FRESH + i; // kept and new classes alike
            stoa_classes_item(c, number, 1, 0, a);
            stoa_classes_item(c, number, 2, 0, b);
            stoa_classes_item(c, number + 2, 1, 0, other);
            length += distance2(a, (float[64]){0}, 64) / PAIRS;
            within += distance2(a, b, 64) / PAIRS;
            between += distance2(a, other, 64) / PAIRS;
        }
        double e2 = spread[k] * spread[k];
        check_near(length, 1, 0.02);
        check_near(within, 2 * e2 / (1 + e2), 0.02 * (2 * e2 / (1 + e2)) + 1e-12);
        check_near(between, 2, 0.04);
        stoa_classes_close(c);
    }
}

static void an_item_does_not_depend_on_how_many_classes_there_are(void **state) {
    (void)state;
    stoa_classes *few = classes_with("data.classes=2 data.holdout=2");
    stoa_classes *many = classes_with("data.classes=300 data.holdout=7");
    static const int64_t numbers[] = {
        0, 1, 200, STOA_CLASS_HOLDOUT, STOA_CLASS_HOLDOUT + 5, STOA_CLASS_FRESH + 1};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        float a[64], b[64];
        stoa_classes_item(few, numbers[i], 9, 0, a);
        stoa_classes_item(many, numbers[i], 9, 1, b);
        assert_memory_equal(a, b, sizeof a);
    }
    stoa_classes_close(few);
    stoa_classes_close(many);
}

static void exemplars_are_as_many_as_asked(void **state) {
    (void)state;
    stoa_classes *c = classes_with("data.exemplars=3");
    float a[64], b[64];
    assert_int_equal(stoa_classes_exemplars(c), 3);
    stoa_classes_item(c, 5, 1, 0, a);
    stoa_classes_item(c, 5, 4, 0, b);
    assert_memory_equal(a, b, sizeof a);
    stoa_classes_item(c, 5, 2, 0, b);
    assert_memory_not_equal(a, b, sizeof a);
    stoa_classes_close(c);
}

static void two_classes_do_not_share_the_noise_of_an_exemplar(void **state) {
    (void)state;
    stoa_classes *c = classes_with("data.exemplars=2 data.spread=10");
    float a[64], b[64];
    double correlation = 0;
    for (int i = 0; i < 200; i++) { // nearly all noise
        stoa_classes_item(c, i, 0, 0, a);
        stoa_classes_item(c, i + 1, 0, 0, b);
        for (int d = 0; d < 64; d++)
            correlation += (double)a[d] * (double)b[d] / 200;
    }
    check_near(correlation, 0, 0.05);
    stoa_classes_close(c);
}

static void pixel_noise_is_fresh_and_as_large_as_asked(void **state) {
    (void)state;
    stoa_classes *c = classes_with("data.pixel_noise=0.5 data.width=600 data.spread=0");
    float a[600], b[600], again[600];
    stoa_classes_item(c, 1, 0, 1, a);
    stoa_classes_item(c, 1, 0, 2, b);
    stoa_classes_item(c, 1, 0, 1, again);
    assert_memory_equal(a, again, sizeof a);
    check_near(distance2(a, b, 600) / 600, 2 * 0.25, 0.12);
    stoa_classes_close(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_normals_have_the_moments_and_tails_of_the_normal_law),
        cmocka_unit_test(normals_are_box_and_muller_of_the_same_words_everywhere),
        cmocka_unit_test(items_spread_around_their_centre_as_asked),
        cmocka_unit_test(an_item_does_not_depend_on_how_many_classes_there_are),
        cmocka_unit_test(exemplars_are_as_many_as_asked),
        cmocka_unit_test(two_classes_do_not_share_the_noise_of_an_exemplar),
        cmocka_unit_test(pixel_noise_is_fresh_and_as_large_as_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
