/*
 * test_glyphs.c - made-up characters: classes are well apart, hands differ but keep the class, an
 * image is the same whoever draws it, and no image leaves its range.
 */
#include "support.h"

#include <math.h>

#include "data/glyph.h"

static stoa_classes *glyphs_with(const char *settings) {
    stoa_sequences_options o = options_with(settings);
    stoa_classes *c;
    stoa_error err = {0};
    o.classes.source = STOA_CLASSES_GLYPHS;
    o.classes.seed = 1;
    if (stoa_classes_open(&c, &o.classes, &err) != STOA_OK)
        fail_msg("%s", err.message);
    return c;
}

static double distance2(const float *a, const float *b, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)(a[i] - b[i]) * (double)(a[i] - b[i]);
    return sum;
}

/* Accuracy of the nearest drawing at naming the character, one example of each of `ways`. */
static double one_shot(const char *settings, int ways, int trials) {
    stoa_classes *c = glyphs_with(settings);
    const int64_t n = stoa_classes_item_size(c);
    float *shown = malloc((size_t)(n * (ways + 1)) * sizeof *shown);
    stoa_rng rng = stoa_rng_stream(5, "one shot", 0);
    double right = 0;
    assert_non_null(shown);
    for (int t = 0; t < trials; t++) {
        const int64_t first = stoa_rng_below(&rng, 1 << 20) * 100;
        double best = HUGE_VAL;
        int answer = -1, asked = (int)stoa_rng_below(&rng, ways);
        float *query = shown + n * ways;
        stoa_classes_item(c, STOA_CLASS_FRESH + first + asked, 1, 0, query);
        for (int w = 0; w < ways; w++) {
            stoa_classes_item(c, STOA_CLASS_FRESH + first + w, 0, 0, shown + n * w);
            double d = distance2(query, shown + n * w, n);
            answer = d < best ? w : answer;
            best = fmin(best, d);
        }
        right += answer == asked;
    }
    free(shown);
    stoa_classes_close(c);
    return right / trials;
}

static void one_example_is_enough_to_know_a_character_by(void **state) {
    (void)state;
    double two = one_shot("data.side=14", 2, 1000), twenty = one_shot("data.side=14", 20, 1000);
    double finer = one_shot("data.side=28", 20, 1000);
    print_message("nearest drawing: 2 ways %.3f, 20 ways %.3f; at 28 pixels %.3f\n", two, twenty,
                  finer);
    assert_true(two > 0.94);
    assert_true(twenty > 0.72);
    assert_true(finer > 0.55);
    check_near(one_shot("data.variation=0", 20, 200), 1, 0);
    /* large variation hides the class, but not wholly */
    double wild = one_shot("data.side=14 data.variation=4", 20, 1000);
    print_message("variation 4: %.3f\n", wild);
    assert_true(wild > 0.06 && wild < 0.4);
}

static void hands_differ_less_than_characters(void **state) {
    (void)state;
    double last = 0;
    static const char *const settings[] = {"data.variation=0", "data.variation=0.5",
                                           "data.variation=1", "data.variation=2"};
    for (int v = 0; v < 4; v++) {
        stoa_classes *c = glyphs_with(settings[v]);
        double within = 0, between = 0;
        float a[28 * 28], b[28 * 28], other[28 * 28];
        for (int64_t k = 0; k < 300; k++) {
            stoa_classes_item(c, k, 0, 0, a);
            stoa_classes_item(c, k, 1, 0, b);
            stoa_classes_item(c, k + 300, 0, 0, other);
            within += distance2(a, b, 784) / 300;
            between += distance2(a, other, 784) / 300;
        }
        assert_true(v == 0 ? within == 0 : within > last * 1.05);
        assert_true(within < 0.9 * between);
        last = within;
        stoa_classes_close(c);
    }
}

static void no_two_characters_are_the_same(void **state) {
    (void)state;
    enum { CLASSES = 800 };
    static float images[CLASSES][14 * 14];
    stoa_classes *c = glyphs_with("data.side=14 data.variation=0 data.ink=ink data.exemplars=0");
    double closest = HUGE_VAL;
    for (int64_t k = 0; k < CLASSES; k++) {
        stoa_classes_item(c, k, 0, 0, images[k]);
        for (int64_t j = 0; j < k; j++)
            closest = fmin(closest, distance2(images[j], images[k], 196));
    }
    stoa_classes_close(c);
    assert_true(closest > 0.3);
}

static void images_are_ink_on_paper_of_the_size_asked_for(void **state) {
    (void)state;
    static const int sides[] = {8, 14, 28, 50, 105};
    for (int s = 0; s < 5; s++) {
        static float image[105 * 105];
        char settings[64];
        const int n = sides[s] * sides[s];
        double mean = 0;
        snprintf(settings, sizeof settings, "data.ink=ink data.side=%d", sides[s]);
        stoa_classes *c = glyphs_with(settings);
        assert_int_equal(stoa_classes_item_size(c), n);
        for (int64_t k = 0; k < 200; k++) {
            float most = 0;
            stoa_classes_item(c, k, 3, 0, image);
            for (int i = 0; i < n; i++) {
                assert_true(image[i] >= 0 && image[i] <= 1);
                most = fmaxf(most, image[i]);
                mean += (double)image[i] / n / 200;
            }
            assert_true(most > 0.8f);
        }
        assert_true(mean > 0.05 && mean < 0.3);
        stoa_classes_close(c);
    }
}

static void standard_ink_has_mean_zero_and_variance_one(void **state) {
    (void)state;
    stoa_classes *c = glyphs_with("data.side=20");
    double sum = 0, squares = 0;
    float image[400];
    for (int64_t k = 1000; k < 2000; k++) { // not those it was measured on
        stoa_classes_item(c, k, 0, 0, image);
        for (int i = 0; i < 400; i++) {
            sum += (double)image[i] / 400e3;
            squares += (double)image[i] * (double)image[i] / 400e3;
        }
    }
    check_near(sum, 0, 0.03);
    check_near(squares, 1, 0.04);
    stoa_classes_close(c);
}

static void kept_images_are_those_that_are_drawn_anew(void **state) {
    (void)state;
    stoa_classes *kept = glyphs_with("data.classes=50 data.holdout=5 data.exemplars=4");
    stoa_classes *drawn = glyphs_with("data.classes=50 data.holdout=5 data.exemplars=0");
    static const int64_t numbers[] = {0, 49, STOA_CLASS_HOLDOUT + 4, STOA_CLASS_FRESH + 1};
    assert_int_equal(stoa_classes_exemplars(kept), 4);
    assert_int_equal(stoa_classes_exemplars(drawn), 0);
    for (int i = 0; i < 4; i++)
        for (int again = 0; again < 2; again++) {
            float a[784], b[784];
            stoa_classes_item(kept, numbers[i], 2, 0, a);
            stoa_classes_item(drawn, numbers[i], 2, 0, b);
            assert_memory_equal(a, b, sizeof a);
            stoa_classes_item(kept, numbers[i], 6, 0, b); // modulo 4
            assert_memory_equal(a, b, sizeof a);
        }
    stoa_classes_close(kept);
    stoa_classes_close(drawn);
}

static void threads_may_draw_the_same_images_at_once(void **state) {
    (void)state;
    const char *settings = "data.source=glyphs data.classes=4 data.holdout=2 data.exemplars=5 "
                           "data.side=14 data.labels=4";
    stoa_sequences *s = sequences_with(settings), *alone = sequences_with(settings);
    stoa_pool *pool = stoa_pool_new(4);
    rows together = make_rows(alone, TRAINING, 64, true);
    float *expected = malloc(64 * 9 * 196 * sizeof *expected);
    assert_non_null(pool);
    assert_non_null(expected);
    memcpy(expected, together.batch.items, 64 * 9 * 196 * sizeof *expected);
    for (int round = 0; round < 3; round++) {
        memset(together.batch.items, 0, 64 * 9 * 196 * sizeof *expected);
        stoa_sequences_train(s, pool, 0, 64, 0, 64, &together.batch);
        assert_memory_equal(together.batch.items, expected, 64 * 9 * 196 * sizeof *expected);
    }
    free(expected);
    free_rows(&together);
    stoa_pool_free(pool);
    stoa_sequences_close(alone);
    stoa_sequences_close(s);
}

static void the_nearest_item_of_the_context_solves_in_context_tests(void **state) {
    (void)state;
    stoa_sequences *s = sequences_with("data.source=glyphs data.classes=64 data.side=14");
    stoa_sequences_measured m;
    assert_int_equal(stoa_sequences_measure(s, NULL, STOA_SEQUENCES_ICL, 1000, &m, NULL), STOA_OK);
    print_message("icl, nearest of 2 x 4: %.3f, within %.2f, between %.2f\n", m.nearest, m.within,
                  m.between);
    assert_true(m.nearest > 0.97);
    assert_true(m.within < 0.85 * m.between);
    stoa_sequences_close(s);
}

static void sizes_out_of_range_are_refused(void **state) {
    (void)state;
    check_refused("data.source=glyphs data.side=7", "data.side = 7");
    stoa_sequences_options o = options_with("data.source=glyphs");
    stoa_sequences *s;
    o.classes.variation = NAN;
    assert_int_equal(stoa_sequences_open(&s, &o, NULL), STOA_ERR_USAGE);
}

static void opening_fails_cleanly_when_memory_is_short(void **state) {
    (void)state;
    stoa_sequences_options o = options_with("data.source=glyphs data.classes=50");
    uint64_t live = stoa_alloc_statistics().live;
    for (uint64_t n = 1; n < 14; n++) {
        stoa_sequences *s = NULL;
        stoa_alloc_fail_after(n, true);
        stoa_status status = stoa_sequences_open(&s, &o, NULL);
        stoa_alloc_fail_after(0, false);
        assert_true(status == STOA_OK || status == STOA_ERR_MEMORY);
        stoa_sequences_close(s);
        assert_int_equal(stoa_alloc_statistics().live, live);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_example_is_enough_to_know_a_character_by),
        cmocka_unit_test(hands_differ_less_than_characters),
        cmocka_unit_test(no_two_characters_are_the_same),
        cmocka_unit_test(images_are_ink_on_paper_of_the_size_asked_for),
        cmocka_unit_test(standard_ink_has_mean_zero_and_variance_one),
        cmocka_unit_test(kept_images_are_those_that_are_drawn_anew),
        cmocka_unit_test(threads_may_draw_the_same_images_at_once),
        cmocka_unit_test(the_nearest_item_of_the_context_solves_in_context_tests),
        cmocka_unit_test(sizes_out_of_range_are_refused),
        cmocka_unit_test(opening_fails_cleanly_when_memory_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
