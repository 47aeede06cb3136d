/*
 * test_kinds.c - the evaluation sets: what is in the context and what is not, which labels, which
 * classes, and their chance levels.
 */
#include "support.h"

#include <math.h>

enum { N = 4000, K = 200, H = 20 };
static const char settings[] = "data.classes=200 data.holdout=20 data.zipf=1";

/* Two classes, four pairs each, two labels that the choices name, the query one of the two. */
static void check_two_ways(const rows *r) {
    double first = 0;
    for (int64_t i = 0; i < r->n; i++) {
        const int32_t *choices = r->batch.choices + 2 * i;
        int32_t other = -1;
        assert_int_equal(times_class(r, i, query_class(r, i)), 4);
        assert_int_equal(times_label(r, i, r->batch.target[i]), 4);
        for (int64_t j = 0; j < 8; j++) {
            bool asked = class_at(r, i, j) == query_class(r, i);
            assert_int_equal(asked, label_at(r, i, j) == r->batch.target[i]);
            if (!asked)
                other = label_at(r, i, j);
        }
        assert_int_not_equal(choices[0], choices[1]);
        bool is_first = choices[0] == r->batch.target[i];
        first += is_first;
        assert_int_equal(choices[is_first], other);
        assert_int_equal(choices[!is_first], r->batch.target[i]);
    }
    check_share(first, (double)r->n, 0.5);
}

static void icl_asks_for_two_held_out_classes_with_random_labels(void **state) {
    (void)state;
    stoa_sequences *s = sequences_with(settings);
    rows r = make_rows(s, STOA_SEQUENCES_ICL, N, false);
    double classes[H] = {0}, labels[32] = {0};
    check_two_ways(&r);
    for (int64_t i = 0; i < N; i++) {
        assert_in_range(query_class(&r, i), K, K + H - 1);
        classes[query_class(&r, i) - K]++;
        labels[r.batch.target[i]]++;
    }
    for (int k = 0; k < H; k++)
        check_share(classes[k], N, 1.0 / H);
    for (int l = 0; l < 32; l++) // 200 classes on 32 labels: 7 or 6 each
        check_share(labels[l], N, (l < 200 % 32 ? 7 : 6) / 200.0);
    free_rows(&r);
    stoa_sequences_close(s);
}

static void icl_may_use_the_labels_of_the_two_rarest_classes(void **state) {
    (void)state;
    stoa_sequences *s =
        sequences_with("data.classes=200 data.holdout=20 data.labels=0 data.icl_labels=rarest");
    rows r = make_rows(s, STOA_SEQUENCES_ICL, 500, false);
    check_two_ways(&r);
    for (int64_t i = 0; i < r.n; i++)
        assert_in_range(r.batch.target[i], K - 2, K - 1);
    free_rows(&r);
    stoa_sequences_close(s);
}

static void held_out_ways_with_replacement_are_sometimes_one_class(void **state) {
    (void)state;
    stoa_sequences *s = sequences_with("data.classes=200 data.holdout=10 data.ways_rule=any");
    rows r = make_rows(s, STOA_SEQUENCES_ICL, N, false);
    double one = 0;
    for (int64_t i = 0; i < N; i++) {
        assert_int_equal(times_label(&r, i, r.batch.target[i]), 4);
        one += times_class(&r, i, query_class(&r, i)) == 8;
    }
    check_share(one, N, 0.1);
    free_rows(&r);
    stoa_sequences_close(s);
}

static void icl_trained_asks_for_trained_classes_uniformly(void **state) {
    (void)state;
    stoa_sequences *s = sequences_with(settings);
    rows r = make_rows(s, STOA_SEQUENCES_ICL_TRAINED, N, false);
    double rare = 0, own = 0;
    check_two_ways(&r);
    for (int64_t i = 0; i < N; i++) {
        assert_in_range(query_class(&r, i), 0, K - 1);
        rare += query_class(&r, i) >= K / 2;
        own += stoa_sequences_accepts(s, query_class(&r, i), r.batch.target[i]);
    }
    check_share(rare, N, 0.5);
    assert_true(own / N < 0.06); // labels are random: 1/32 are the own ones
    free_rows(&r);
    stoa_sequences_close(s);
}

static void flip_swaps_the_labels_of_two_trained_classes(void **state) {
    (void)state;
    stoa_sequences *s = sequences_with(settings);
    rows r = make_rows(s, STOA_SEQUENCES_FLIP, N, false);
    check_two_ways(&r);
    for (int64_t i = 0; i < N; i++)
        for (int64_t j = 0; j < 8; j++)
            if (class_at(&r, i, j) != query_class(&r, i)) {
                int32_t k = class_at(&r, i, j), asked = query_class(&r, i);
                assert_true(stoa_sequences_accepts(s, k, r.batch.target[i]));
                assert_true(stoa_sequences_accepts(s, asked, label_at(&r, i, j)));
            }
    free_rows(&r);
    stoa_sequences_close(s);
}

static void check_absent(const char *more, int kind, double low, double below, double rare_half) {
    char text[256];
    snprintf(text, sizeof text, "%s %s", settings, more);
    stoa_sequences *s = sequences_with(text);
    rows r = make_rows(s, kind, N, false);
    double rare = 0;
    for (int64_t i = 0; i < N; i++) {
        int32_t asked = query_class(&r, i);
        assert_in_range(asked, low, below - 1);
        assert_true(stoa_sequences_accepts(s, asked, r.batch.target[i]));
        assert_int_equal(r.batch.choices[2 * i], -1);
        rare += asked >= K / 2;
        for (int64_t j = 0; j < 8; j++) {
            assert_false(stoa_sequences_accepts(s, asked, label_at(&r, i, j)));
            assert_true(stoa_sequences_accepts(s, class_at(&r, i, j), label_at(&r, i, j)));
        }
    }
    check_share(rare, N, rare_half);
    free_rows(&r);
    stoa_sequences_close(s);
}

static void iwl_asks_for_a_label_that_is_not_in_the_context(void **state) {
    (void)state;
    double rare = 0, all = 0;
    for (int k = 0; k < K; k++) {
        all += 1.0 / (k + 1);
        rare += k >= K / 2 ? 1.0 / (k + 1) : 0;
    }
    check_absent("", STOA_SEQUENCES_IWL, 0, K, rare / all);
    check_absent("data.labels_per_class=4", STOA_SEQUENCES_IWL, 0, K, rare / all);
    check_absent("data.labels=2", STOA_SEQUENCES_IWL, 0, K, rare / all);
    check_absent("", STOA_SEQUENCES_IWL_COMMON, 0, 10, 0);
    check_absent("data.common=5", STOA_SEQUENCES_IWL_COMMON, 0, 5, 0);
    check_absent("", STOA_SEQUENCES_IWL_RARE, K / 2, K, 1);
}

static void trained_like_sequences_are_as_in_training_but_other_ones(void **state) {
    (void)state;
    stoa_sequences *s = sequences_with("data.classes=10000");
    rows r = make_rows(s, STOA_SEQUENCES_TRAINED_LIKE, N, true);
    rows trained = make_rows(s, TRAINING, N, true);
    double bursty = 0;
    for (int64_t i = 0; i < N; i++)
        bursty += times_class(&r, i, query_class(&r, i)) >= 3;
    check_share(bursty, N, 0.9);
    for (int64_t i = 0; i < N; i++)
        assert_memory_not_equal(item_at(&r, i, 8), item_at(&trained, i, 8), 64 * sizeof(float));
    free_rows(&trained);
    free_rows(&r);
    stoa_sequences_close(s);
}

static void exemplars_in_the_context_differ_from_the_query_s(void **state) {
    (void)state;
    stoa_sequences *s = sequences_with("data.exemplars=5");
    rows r = make_rows(s, STOA_SEQUENCES_ICL, 500, true);
    for (int64_t i = 0; i < r.n; i++)
        for (int64_t j = 0; j <= 8; j++)
            for (int64_t k = 0; k < j; k++)
                assert_memory_not_equal(item_at(&r, i, j), item_at(&r, i, k), 64 * sizeof(float));
    free_rows(&r);
    stoa_sequences_close(s);
}

/* ---- rules against exemplars ----------------------------------------------------------------- */

static const char compounds[] = "data.source=compounds data.classes=60 data.holdout=20 "
                                "data.label_rule=feature data.spread=0.05";

/* Whether half `side` of two items shows the same feature. */
static bool same_feature(const float *a, const float *b, int side) {
    double d = 0;
    for (int i = 32 * side; i < 32 * side + 32; i++)
        d += (double)(a[i] - b[i]) * (double)(a[i] - b[i]);
    return d < 0.1; // unrelated ones: about 1
}

static void a_rule_is_asked_for_with_an_untrained_compound_of_trained_features(void **state) {
    (void)state;
    stoa_sequences *s = sequences_with(compounds);
    rows r = make_rows(s, STOA_SEQUENCES_RULE_IWL, N, true);
    const stoa_classes *c = stoa_sequences_classes(s);
    double families[20] = {0};
    for (int64_t i = 0; i < N; i++) {
        const int family = query_class(&r, i) - 60;
        float member[3][64];
        assert_in_range(family, 0, 19);
        families[family]++;
        for (int m = 0; m < 3; m++) // AX, AW, BW
            stoa_classes_item(c, 3 * family + m, 0, 0, member[m]);
        const float *asked = item_at(&r, i, 8);
        assert_true(same_feature(asked, member[2], 0) && same_feature(asked, member[0], 1));
        assert_false(same_feature(asked, member[0], 0) || same_feature(asked, member[2], 1));
        assert_false(same_feature(asked, member[1], 0) || same_feature(asked, member[1], 1));
        const int32_t of_a = stoa_sequences_label(s, 3 * family, 0);
        assert_int_equal(stoa_sequences_label(s, 3 * family + 1, 0), of_a);
        assert_int_equal(stoa_sequences_label(s, 3 * family + 2, 0), r.batch.target[i]);
        assert_int_equal(r.batch.choices[2 * i], r.batch.target[i]);
        assert_int_equal(r.batch.choices[2 * i + 1], of_a);
        assert_int_equal(times_label(&r, i, of_a) + times_label(&r, i, r.batch.target[i]), 0);
    }
    for (int f = 0; f < 20; f++)
        check_share(families[f], N, 1.0 / 20);
    free_rows(&r);
    stoa_sequences_close(s);
}

static void a_rule_is_asked_for_from_the_context_with_a_new_family(void **state) {
    (void)state;
    stoa_sequences *s = sequences_with(compounds);
    rows r = make_rows(s, STOA_SEQUENCES_RULE_ICL, 300, true);
    for (int64_t i = 0; i < r.n; i++) {
        const float *asked = item_at(&r, i, 8);
        int shares[2] = {0};
        for (int64_t j = 0; j < 8; j++) {
            bool first = same_feature(asked, item_at(&r, i, j), 0);
            bool second = same_feature(asked, item_at(&r, i, j), 1);
            assert_false(first && second); // BX itself is never shown
            assert_int_equal(first, label_at(&r, i, j) == r.batch.target[i]);
            shares[0] += first;
            shares[1] += second;
        }
        assert_int_equal(shares[0], 3);
        assert_int_equal(shares[1], 3);
        assert_int_equal(r.batch.choices[1 + 2 * i], r.batch.target[i]);
        assert_int_not_equal(r.batch.choices[2 * i], r.batch.target[i]);
        assert_true(i == 0 || !same_feature(asked, item_at(&r, i - 1, 8), 0)); // families are new
    }
    free_rows(&r);
    /* whole items favour neither label */
    stoa_sequences_measured m;
    assert_int_equal(stoa_sequences_measure(s, NULL, STOA_SEQUENCES_RULE_ICL, N, &m, NULL),
                     STOA_OK);
    check_share(N * m.nearest, N, 0.5);
    stoa_sequences_close(s);
}

static void rules_are_asked_for_with_compounds_alone(void **state) {
    (void)state;
    stoa_sequences *s = sequences_with("");
    assert_false(stoa_sequences_has(s, STOA_SEQUENCES_RULE_IWL));
    assert_false(stoa_sequences_has(s, STOA_SEQUENCES_RULE_ICL));
    stoa_sequences_close(s);
    s = sequences_with("data.source=compounds data.classes=60 data.holdout=20");
    assert_false(stoa_sequences_has(s, STOA_SEQUENCES_RULE_IWL)); // labels know no features
    assert_true(stoa_sequences_has(s, STOA_SEQUENCES_RULE_ICL));
    stoa_sequences_close(s);
    s = sequences_with("data.source=compounds data.classes=60 data.holdout=20 data.labels=0 "
                       "data.label_rule=feature");
    assert_int_equal(stoa_sequences_labels(s), 40);
    assert_true(stoa_sequences_has(s, STOA_SEQUENCES_RULE_IWL));
    rows r = make_rows(s, TRAINING, 1000, false);
    for (int64_t i = 0; i < r.n; i++)
        assert_int_equal(r.batch.target[i],
                         query_class(&r, i) / 3 * 2 + query_class(&r, i) % 3 / 2);
    free_rows(&r);
    stoa_sequences_close(s);
    check_refused("data.source=compounds data.classes=61 data.holdout=2", "three at a time");
    check_refused("data.source=compounds data.classes=60 data.holdout=21", "three at a time");
    check_refused("data.source=compounds data.classes=60 data.holdout=2 data.width=63", "even");
    check_refused("data.label_rule=feature", "compounds");
}

static void chance_is_one_half_closed_and_one_in_all_labels_open(void **state) {
    (void)state;
    stoa_sequences *s = sequences_with("data.labels_per_class=4");
    check_near(stoa_sequences_chance(s, STOA_SEQUENCES_ICL, true), 0.5, 0);
    check_near(stoa_sequences_chance(s, STOA_SEQUENCES_ICL, false), 1.0 / 32, 0);
    check_near(stoa_sequences_chance(s, STOA_SEQUENCES_IWL, false), 4.0 / 32, 0);
    check_near(stoa_sequences_chance(s, STOA_SEQUENCES_TRAINED_LIKE, false), 1.0 / 32, 0);
    assert_true(isnan(stoa_sequences_chance(s, STOA_SEQUENCES_IWL, true)));
    stoa_sequences_close(s);
}

static void kinds_that_cannot_be_made_are_said_to_be_absent(void **state) {
    (void)state;
    stoa_sequences *s = sequences_with("data.holdout=1");
    assert_false(stoa_sequences_has(s, STOA_SEQUENCES_ICL));
    assert_true(stoa_sequences_has(s, STOA_SEQUENCES_FLIP));
    stoa_sequences_close(s);
    s = sequences_with("data.labels=4 data.labels_per_class=4");
    assert_false(stoa_sequences_has(s, STOA_SEQUENCES_IWL));
    assert_true(stoa_sequences_has(s, STOA_SEQUENCES_ICL));
    stoa_sequences_close(s);
}

static void kinds_are_found_by_name(void **state) {
    (void)state;
    stoa_error err = {0};
    for (int kind = 0; kind < STOA_SEQUENCES_KINDS; kind++) {
        assert_int_equal(stoa_sequences_kind_find(stoa_sequences_kind_name(kind), NULL), kind);
        assert_true(strlen(stoa_sequences_kind_summary(kind)) > 8);
    }
    assert_int_equal(stoa_sequences_kind_find("iwl_comon", &err), -1);
    assert_non_null(strstr(err.message, "iwl_common"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(icl_asks_for_two_held_out_classes_with_random_labels),
        cmocka_unit_test(icl_may_use_the_labels_of_the_two_rarest_classes),
        cmocka_unit_test(held_out_ways_with_replacement_are_sometimes_one_class),
        cmocka_unit_test(icl_trained_asks_for_trained_classes_uniformly),
        cmocka_unit_test(flip_swaps_the_labels_of_two_trained_classes),
        cmocka_unit_test(iwl_asks_for_a_label_that_is_not_in_the_context),
        cmocka_unit_test(trained_like_sequences_are_as_in_training_but_other_ones),
        cmocka_unit_test(exemplars_in_the_context_differ_from_the_query_s),
        cmocka_unit_test(a_rule_is_asked_for_with_an_untrained_compound_of_trained_features),
        cmocka_unit_test(a_rule_is_asked_for_from_the_context_with_a_new_family),
        cmocka_unit_test(rules_are_asked_for_with_compounds_alone),
        cmocka_unit_test(chance_is_one_half_closed_and_one_in_all_labels_open),
        cmocka_unit_test(kinds_that_cannot_be_made_are_said_to_be_absent),
        cmocka_unit_test(kinds_are_found_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
