/*
 * test_sequences.c - training sequences: that a row is a pure function of seed and number, and that
 * each property that the settings ask for is found again in the rows.
 */
#include "support.h"

#include <math.h>

enum { N = 20000 };

/* ---- purity ---------------------------------------------------------------------------------- */

static void check_same_rows(const rows *a, int64_t from, const rows *b) {
    const int64_t P = b->pairs;
    assert_memory_equal(a->batch.items + from * (P + 1) * b->item, b->batch.items,
                        (size_t)(b->n * (P + 1) * b->item) * sizeof(float));
    assert_memory_equal(a->batch.labels + from * P, b->batch.labels, (size_t)(b->n * P) * 4);
    assert_memory_equal(a->batch.target + from, b->batch.target, (size_t)b->n * 4);
    assert_memory_equal(a->batch.classes + from * (P + 1), b->batch.classes,
                        (size_t)(b->n * (P + 1)) * 4);
    assert_memory_equal(a->batch.choices + from * 2, b->batch.choices, (size_t)b->n * 8);
}

static void a_row_is_the_same_in_every_batch_and_on_any_threads(void **state) {
    (void)state;
    stoa_sequences *s = sequences_with("data.zipf=1 data.classes=100 data.pixel_noise=0.2");
    rows all = make_rows(s, TRAINING, 96, true), some = make_rows(s, TRAINING, 8, true);
    for (int threads = 1; threads <= 3; threads++) {
        stoa_pool *pool = stoa_pool_new(threads);
        assert_non_null(pool);
        /* rows 40..47, as rows 8..15 of step 1 of batches of 32 and as step 5 of batches of 8 */
        stoa_sequences_train(s, pool, 1, 32, 8, 8, &some.batch);
        check_same_rows(&all, 40, &some);
        stoa_sequences_train(s, pool, 5, 8, 0, 8, &some.batch);
        check_same_rows(&all, 40, &some);
        stoa_pool_free(pool);
    }
    free_rows(&all);
    free_rows(&some);
    stoa_sequences_close(s);
}

static void evaluation_rows_are_the_same_wherever_a_batch_begins(void **state) {
    (void)state;
    stoa_sequences *labelled = sequences_with("data.source=compounds data.classes=60 "
                                              "data.holdout=20 data.label_rule=feature");
    stoa_sequences *valued = sequences_with("data.source=tasks data.width=4");
    for (int kind = 0; kind < STOA_SEQUENCES_KINDS; kind++) {
        const stoa_sequences *s = stoa_sequences_has(labelled, kind) ? labelled : valued;
        assert_true(stoa_sequences_has(s, kind));
        rows all = make_rows(s, kind, 40, true), some = make_rows(s, kind, 10, true);
        stoa_sequences_eval(s, NULL, kind, 30, 10, &some.batch);
        check_same_rows(&all, 30, &some);
        free_rows(&all);
        free_rows(&some);
    }
    stoa_sequences_close(labelled);
    stoa_sequences_close(valued);
}

static void another_seed_gives_other_rows_and_other_classes(void **state) {
    (void)state;
    stoa_sequences_options o = options_with("");
    stoa_sequences *a, *b;
    float x[64], y[64];
    assert_int_equal(stoa_sequences_open(&a, &o, NULL), STOA_OK);
    o.seed = 2;
    assert_int_equal(stoa_sequences_open(&b, &o, NULL), STOA_OK);
    rows p = make_rows(a, TRAINING, 10, false), q = make_rows(b, TRAINING, 10, false);
    assert_memory_not_equal(p.batch.classes, q.batch.classes, 10 * 9 * 4);
    free_rows(&p);
    free_rows(&q);
    stoa_sequences_close(b);
    stoa_sequences_close(a);
    stoa_classes *c;
    for (int k = 0; k < 2; k++) {
        o.classes.seed = (uint64_t)k + 1;
        assert_int_equal(stoa_classes_open(&c, &o.classes, NULL), STOA_OK);
        stoa_classes_item(c, 0, 0, 0, k ? x : y);
        stoa_classes_close(c);
    }
    assert_memory_not_equal(x, y, sizeof x);
}

/* ---- the classes of a sequence --------------------------------------------------------------- */

static double bursty_share(const char *settings) {
    stoa_sequences *s = sequences_with(settings);
    rows r = make_rows(s, TRAINING, N, false);
    double bursty = 0;
    for (int64_t i = 0; i < N; i++)
        bursty += times_class(&r, i, query_class(&r, i)) >= 3;
    free_rows(&r);
    stoa_sequences_close(s);
    return bursty / N;
}

static void the_share_of_bursty_sequences_is_as_asked(void **state) {
    (void)state;
    /* among so many classes three equal ones do not happen by themselves */
    check_share(N * bursty_share("data.width=2 data.classes=100000 data.bursty=0"), N, 0);
    check_share(N * bursty_share("data.width=2 data.classes=100000 data.bursty=0.25"), N, 0.25);
    check_share(N * bursty_share("data.width=2 data.classes=100000 data.bursty=0.9"), N, 0.9);
    check_share(N * bursty_share("data.width=2 data.classes=100000 data.bursty=1"), N, 1);
}

static void a_bursty_sequence_has_two_ways_of_three_and_two_more(void **state) {
    (void)state;
    stoa_sequences *s = sequences_with("data.width=2 data.classes=1000000 data.bursty=1");
    rows r = make_rows(s, TRAINING, N, false);
    double first[8] = {0}, asked_first = 0, fillers = 0;
    for (int64_t i = 0; i < N; i++) {
        int threes = 0;
        for (int64_t j = 0; j < 8; j++) {
            int times = times_class(&r, i, class_at(&r, i, j));
            assert_true(times == 1 || times == 3);
            threes += times == 3;
            fillers += times == 1;
            first[j] += times == 1;
        }
        assert_int_equal(threes, 6);
        assert_int_equal(times_class(&r, i, query_class(&r, i)), 3);
        assert_true(r.batch.choices[2 * i] != r.batch.choices[2 * i + 1]);
        asked_first += r.batch.target[i] == r.batch.choices[2 * i];
    }
    check_share(asked_first, N, 0.5);
    check_share(fillers, 8.0 * N, 0.25);
    for (int j = 0; j < 8; j++) // the pairs are shuffled: every place is equally often a filler's
        check_share(first[j], N, 0.25);
    free_rows(&r);
    stoa_sequences_close(s);
}

static void other_ways_and_shots_are_kept(void **state) {
    (void)state;
    stoa_sequences *s = sequences_with(
        "data.width=2 data.classes=1000000 data.bursty=1 data.ways=3 data.shots=4 data.pairs=12");
    rows r = make_rows(s, TRAINING, 2000, false);
    for (int64_t i = 0; i < r.n; i++) {
        for (int64_t j = 0; j < 12; j++)
            assert_int_equal(times_class(&r, i, class_at(&r, i, j)), 4);
        assert_int_equal(r.batch.choices[2 * i], -1);
    }
    free_rows(&r);
    stoa_sequences_close(s);
}

/* Counts of the query's class. */
static double *class_counts(const stoa_sequences *s, int64_t classes, int64_t n) {
    rows r = make_rows(s, TRAINING, n, false);
    double *counts = calloc((size_t)classes, sizeof *counts);
    assert_non_null(counts);
    for (int64_t i = 0; i < n; i++)
        counts[query_class(&r, i)]++;
    free_rows(&r);
    return counts;
}

static void class_frequencies_follow_zipf_with_class_0_the_commonest(void **state) {
    (void)state;
    static const struct {
        const char *settings;
        double alpha;
    } cases[] = {{"data.classes=50 data.bursty=0", 0},
                 {"data.classes=50 data.bursty=0 data.zipf=1", 1},
                 {"data.classes=50 data.bursty=0 data.zipf=2", 2},
                 /* drawn with replacement, the repeated classes keep the marginal too */
                 {"data.classes=50 data.bursty=1 data.zipf=1.5 data.ways_rule=any", 1.5}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        stoa_sequences *s = sequences_with(cases[c].settings);
        double *counts = class_counts(s, 50, 4 * N), sum = 0;
        for (int k = 0; k < 50; k++)
            sum += pow(k + 1, -cases[c].alpha);
        for (int k = 0; k < 50; k++)
            check_share(counts[k], 4 * N, pow(k + 1, -cases[c].alpha) / sum);
        free(counts);
        stoa_sequences_close(s);
    }
}

static void repeated_classes_differ_as_the_rule_says(void **state) {
    (void)state;
    static const char *const rules[] = {"labels", "classes", "any"};
    for (int rule = 0; rule < 3; rule++) {
        char settings[128];
        snprintf(settings, sizeof settings,
                 "data.classes=64 data.labels=4 data.bursty=1 data.pairs=6 data.ways_rule=%s",
                 rules[rule]);
        stoa_sequences *s = sequences_with(settings);
        rows r = make_rows(s, TRAINING, N, false);
        double same_class = 0, same_label = 0;
        for (int64_t i = 0; i < N; i++) {
            same_class += times_class(&r, i, class_at(&r, i, 0)) == 6;
            same_label += times_label(&r, i, label_at(&r, i, 0)) == 6;
        }
        check_share(same_class, N, rule == STOA_WAYS_ANY ? 1.0 / 64 : 0);
        check_share(same_label, N,
                    rule == STOA_WAYS_ANY      ? 0.25
                    : rule == STOA_WAYS_LABELS ? 0
                                               : 15.0 / 63);
        free_rows(&r);
        stoa_sequences_close(s);
    }
}

static void fresh_classes_never_come_again_and_have_labels_of_training(void **state) {
    (void)state;
    stoa_sequences *s = sequences_with("data.classes=500 data.bursty=0 data.fresh=0.5");
    rows r = make_rows(s, TRAINING, 400, true);
    double fresh = 0;
    for (int64_t i = 0; i < r.n; i++) {
        bool is = query_class(&r, i) >= 500 + 128;
        fresh += is;
        for (int64_t j = 0; j < 8; j++) {
            assert_int_equal(class_at(&r, i, j) >= 500 + 128, is);
            assert_in_range(label_at(&r, i, j), 0, 31);
        }
        if (is)
            assert_true(times_class(&r, i, query_class(&r, i)) == 3);
    }
    check_share(fresh, (double)r.n, 0.5);
    /* two sequences' fresh classes have nothing to do with each other */
    for (int64_t i = 0; i + 1 < r.n; i++) {
        const float *a = item_at(&r, i, 8), *b = item_at(&r, i + 1, 8);
        double dot = 0;
        for (int d = 0; d < 64; d++)
            dot += (double)a[d] * (double)b[d];
        if (query_class(&r, i) >= 628 && query_class(&r, i + 1) >= 628)
            assert_true(dot < 0.75); // 6 standard deviations of unrelated ones
    }
    free_rows(&r);
    stoa_sequences_close(s);
}

/* ---- labels ---------------------------------------------------------------------------------- */

static void check_labels(const char *settings, int64_t X, double random_share) {
    stoa_sequences *s = sequences_with(settings);
    rows r = make_rows(s, TRAINING, 5000, false);
    double strange = 0;
    int64_t uses[64] = {0};
    for (int64_t i = 0; i < r.n; i++) {
        bool own = stoa_sequences_accepts(s, query_class(&r, i), r.batch.target[i]);
        for (int64_t j = 0; j < r.pairs; j++) {
            int32_t k = class_at(&r, i, j), label = label_at(&r, i, j);
            own = own && stoa_sequences_accepts(s, k, label);
            for (int64_t m = 0; m < j; m++) // one label a class and sequence
                if (class_at(&r, i, m) == k)
                    assert_int_equal(label_at(&r, i, m), label);
            for (int64_t x = 0; x < X; x++)
                uses[x] += stoa_sequences_label(s, k, x) == label;
        }
        strange += !own;
    }
    /* eight random labels of 32 are all the own ones about never */
    check_share(strange, (double)r.n, random_share);
    for (int64_t x = 0; x < X && random_share == 0; x++) // each is used, about equally
        assert_true(fabs((double)uses[x] / (double)(r.n * r.pairs) - 1.0 / (double)X) < 0.02);
    free_rows(&r);
    stoa_sequences_close(s);
}

static void a_class_has_its_labels_and_keeps_one_within_a_sequence(void **state) {
    (void)state;
    check_labels("", 1, 0);
    check_labels("data.labels_per_class=4", 4, 0);
    check_labels("data.labels_per_class=3 data.label_rule=ordered data.labels=0", 3, 0);
    check_labels("data.reassigned=1", 1, 1);
    check_labels("data.reassigned=0.3 data.bursty=0.5", 1, 0.3);
}

static void labels_are_those_of_the_rule(void **state) {
    (void)state;
    stoa_sequences *s = sequences_with("data.labels_per_class=4");
    assert_int_equal(stoa_sequences_labels(s), 32);
    assert_int_equal(stoa_sequences_label(s, 40, 0), 8);
    assert_int_equal(stoa_sequences_label(s, 40, 3), (40 + 33) % 32);
    assert_false(stoa_sequences_accepts(s, 40, 7));
    stoa_sequences_close(s);
    s = sequences_with("data.labels_per_class=3 data.label_rule=ordered data.labels=0");
    assert_int_equal(stoa_sequences_labels(s), (2048 + 128) * 3);
    assert_int_equal(stoa_sequences_label(s, 40, 2), 122);
    stoa_sequences_close(s);
    s = sequences_with("data.labels=0 data.classes=1613 data.holdout=10");
    assert_int_equal(stoa_sequences_labels(s), 1623);
    assert_int_equal(stoa_sequences_label(s, 1612, 0), 1612);
    stoa_sequences_close(s);
}

static void loose_fillers_may_differ_from_their_class_within_a_sequence(void **state) {
    (void)state;
    const char *settings = "data.labels_per_class=2 data.classes=4 data.labels=8 data.bursty=1 "
                           "data.loose_fillers=";
    for (int loose = 0; loose < 2; loose++) {
        char text[256];
        snprintf(text, sizeof text, "%s%s", settings, loose ? "true" : "false");
        stoa_sequences *s = sequences_with(text);
        rows r = make_rows(s, TRAINING, 2000, false);
        int64_t differ = 0;
        for (int64_t i = 0; i < r.n; i++)
            for (int64_t j = 1; j < 8; j++)
                differ += class_at(&r, i, j) == class_at(&r, i, 0) &&
                          label_at(&r, i, j) != label_at(&r, i, 0);
        assert_true(loose ? differ > 100 : differ == 0);
        free_rows(&r);
        stoa_sequences_close(s);
    }
}

/* ---- exemplars ------------------------------------------------------------------------------- */

/* Sequences in which two items of the query's class, context or query, are the same item. */
static double share_with_copies(const char *settings, bool with_query) {
    stoa_sequences *s = sequences_with(settings);
    rows r = make_rows(s, TRAINING, 1000, true);
    double copies = 0;
    for (int64_t i = 0; i < r.n; i++) {
        bool same = false;
        for (int64_t j = 0; j < r.pairs; j++)
            for (int64_t k = j + 1; k < r.pairs + with_query; k++)
                same = same || (class_at(&r, i, j) == class_at(&r, i, k) &&
                                memcmp(item_at(&r, i, j), item_at(&r, i, k),
                                       (size_t)r.item * sizeof(float)) == 0);
        copies += same;
    }
    copies /= (double)r.n;
    free_rows(&r);
    stoa_sequences_close(s);
    return copies;
}

static void check_zero(double x) {
    check_near(x, 0, 0);
}

static void repeated_classes_show_different_items_unless_copies_are_asked_for(void **state) {
    (void)state;
    const char *E4 =
        "data.bursty=1 data.exemplars=4 data.pairs=6"; /* just enough: 3 and the query */
    check_zero(share_with_copies("data.bursty=1", true));
    check_zero(share_with_copies(E4, true));
    check_zero(share_with_copies("data.bursty=1 data.exemplars=1", true) - 1);
    check_zero(share_with_copies("data.bursty=1 data.spread=0", true) - 1);
    check_zero(share_with_copies("data.bursty=1 data.exemplars=1 data.pixel_noise=0.1", true));
    check_zero(share_with_copies("data.bursty=1 data.copies=context data.pixel_noise=0.1", false) -
               1);
}

static void a_copied_query_is_the_item_of_its_class_in_the_context(void **state) {
    (void)state;
    for (int query = 0; query < 2; query++) {
        stoa_sequences *s = sequences_with(query ? "data.bursty=1 data.pairs=6 data.copies=query"
                                                 : "data.bursty=1 data.pairs=6 "
                                                   "data.copies=context data.exemplars=2");
        rows r = make_rows(s, TRAINING, 1000, true);
        for (int64_t i = 0; i < r.n; i++)
            for (int64_t j = 0; j < r.pairs; j++)
                if (class_at(&r, i, j) == query_class(&r, i))
                    assert_int_equal(memcmp(item_at(&r, i, j), item_at(&r, i, r.pairs),
                                            (size_t)r.item * sizeof(float)) == 0,
                                     query);
        free_rows(&r);
        stoa_sequences_close(s);
    }
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void settings_that_contradict_each_other_are_refused_by_name(void **state) {
    (void)state;
    check_refused("data.ways=3", "data.pairs");
    check_refused("data.labels=0 data.labels_per_class=2", "data.label_rule");
    check_refused("data.labels=2 data.labels_per_class=4", "data.labels");
    check_refused("data.labels=22 data.labels_per_class=4", "k + 11 x 2");
    check_refused("data.labels=1", "data.labels");
    check_refused("data.ways=4 data.shots=2 data.classes=3", "data.classes");
    stoa_sequences_options o = options_with("");
    stoa_sequences *s;
    stoa_error err = {0};
    o.bursty = NAN;
    assert_int_equal(stoa_sequences_open(&s, &o, &err), STOA_ERR_USAGE);
    assert_non_null(strstr(err.message, "data.bursty"));
}

static void opening_fails_cleanly_when_memory_is_short(void **state) {
    (void)state;
    stoa_sequences_options o = options_with("data.classes=50");
    uint64_t live = stoa_alloc_statistics().live;
    for (uint64_t n = 1; n < 20; n++) {
        stoa_sequences *s = NULL;
        stoa_alloc_fail_after(n, true);
        stoa_status status = stoa_sequences_open(&s, &o, NULL);
        stoa_alloc_fail_after(0, false);
        assert_true(status == STOA_OK || status == STOA_ERR_MEMORY);
        assert_int_equal(status == STOA_OK, s != NULL);
        stoa_sequences_close(s);
        assert_int_equal(stoa_alloc_statistics().live, live);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_the_same_in_every_batch_and_on_any_threads),
        cmocka_unit_test(evaluation_rows_are_the_same_wherever_a_batch_begins),
        cmocka_unit_test(another_seed_gives_other_rows_and_other_classes),
        cmocka_unit_test(the_share_of_bursty_sequences_is_as_asked),
        cmocka_unit_test(a_bursty_sequence_has_two_ways_of_three_and_two_more),
        cmocka_unit_test(other_ways_and_shots_are_kept),
        cmocka_unit_test(class_frequencies_follow_zipf_with_class_0_the_commonest),
        cmocka_unit_test(repeated_classes_differ_as_the_rule_says),
        cmocka_unit_test(fresh_classes_never_come_again_and_have_labels_of_training),
        cmocka_unit_test(a_class_has_its_labels_and_keeps_one_within_a_sequence),
        cmocka_unit_test(labels_are_those_of_the_rule),
        cmocka_unit_test(loose_fillers_may_differ_from_their_class_within_a_sequence),
        cmocka_unit_test(repeated_classes_show_different_items_unless_copies_are_asked_for),
        cmocka_unit_test(a_copied_query_is_the_item_of_its_class_in_the_context),
        cmocka_unit_test(settings_that_contradict_each_other_are_refused_by_name),
        cmocka_unit_test(opening_fails_cleanly_when_memory_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
