/* The study's method: texts that do not overlap, choices by validation, verdicts by test, and runs
 * that come out the same however they are run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "study/jobs.h"
#include "study/mixture_of_depths/mod.h"

enum { CONTEXT = 32, BYTES = 20000 };

static void near(double a, double b, double within) {
    assert_true(fabs(a - b) <= within);
}

/* Bytes that never repeat for long, so a piece is found only where it was taken from. */
static void write_noise(const char *path, uint64_t seed, size_t n) {
    char *text = stoa_alloc(n);
    stoa_rng rng = stoa_rng_stream(seed, "noise", 0);
    for (size_t i = 0; i < n; i++)
        text[i] = (char)('a' + stoa_rng_below(&rng, 26));
    assert_int_equal(stoa_file_write(path, text, n, NULL), STOA_OK);
    stoa_free(text);
}

/* A study in a folder of its own with small models; options stay the caller's. */
typedef struct scene {
    char out[256], data[256], valid[256], test[256];
    stoa_study_options options;
    stoa_mod_study study;
} scene;

static void begin(scene *s, const char *folder) {
    memset(s, 0, sizeof *s);
    snprintf(s->out, sizeof s->out, "%s/out", folder);
    snprintf(s->data, sizeof s->data, "%s/data.txt", folder);
    snprintf(s->valid, sizeof s->valid, "%s/valid.txt", folder);
    snprintf(s->test, sizeof s->test, "%s/test.txt", folder);
    write_noise(s->data, 1, BYTES);
    write_noise(s->valid, 2, 3000);
    write_noise(s->test, 3, 3000);
    s->options =
        (stoa_study_options){.data = s->data, .out = s->out, .threads = 1, .end_child = _exit};
    s->study = (stoa_mod_study){.options = &s->options,
                                .jobs = 1,
                                .threads = 1,
                                .rate = {8e-3, 8e-3},
                                .settings = {.context = CONTEXT,
                                             .batch = 4,
                                             .eval_tokens = 512,
                                             .init_gain = 1,
                                             .capacity = 0.125,
                                             .sweep_seed = 1,
                                             .budgets = {1, {1e9}},
                                             .seeds = {3, {2, 3, 4}},
                                             .confirm_seeds = {3, {2, 3, 4}},
                                             .ablation_width = 32,
                                             .ablation_layers = 2,
                                             .ablation_budget = 1e9,
                                             .control_seeds = {2, {2, 3}},
                                             .control_budget = 2e9}};
}

static stoa_map mapped(const char *path) {
    stoa_map map;
    assert_int_equal(stoa_map_open(&map, path, NULL), STOA_OK);
    return map;
}

/* ---- texts ---- */

static void three_texts_are_cut_apart_when_none_is_given(void **state) {
    scene s;
    begin(&s, *state);
    assert_int_equal(stoa_mod_find_texts(&s.study, NULL), STOA_OK);
    stoa_map data = mapped(s.data), train = mapped(s.study.train.path),
             valid = mapped(s.study.valid.path), test = mapped(s.study.test.path);
    const char *bytes = data.data;
    size_t gap = data.size - train.size - valid.size - test.size;
    assert_int_equal(train.size, BYTES * 9 / 10);
    assert_int_equal(valid.size, BYTES / 20);
    assert_int_equal(gap, CONTEXT);
    assert_memory_equal(train.data, bytes, train.size);
    assert_memory_equal(valid.data, bytes + train.size, valid.size);
    assert_memory_equal(test.data, bytes + train.size + valid.size + gap, test.size);
    stoa_map_close(&data);
    stoa_map_close(&train);
    stoa_map_close(&valid);
    stoa_map_close(&test);
}

/* What is given is read as it is; the other part is the whole held-out tenth; training never sees
 * that tenth. */
static void a_given_test_or_validation_text_leaves_the_tenth_to_the_other(void **state) {
    for (int given = 1; given <= 3; given++) {
        scene s;
        begin(&s, *state);
        s.options.valid = given & 1 ? s.valid : NULL;
        s.options.test = given & 2 ? s.test : NULL;
        assert_int_equal(stoa_mod_find_texts(&s.study, NULL), STOA_OK);
        if (given & 1)
            assert_string_equal(s.study.valid.path, s.valid);
        if (given & 2)
            assert_string_equal(s.study.test.path, s.test);
        stoa_map data = mapped(s.data), train = mapped(s.study.train.path);
        assert_int_equal(train.size, given == 3 ? BYTES : BYTES * 9 / 10);
        if (given != 3) {
            stoa_map part = mapped(given & 1 ? s.study.test.path : s.study.valid.path);
            assert_int_equal(part.size, BYTES / 10);
            assert_memory_equal(part.data, (const char *)data.data + train.size, part.size);
            stoa_map_close(&part);
        }
        stoa_map_close(&data);
        stoa_map_close(&train);
    }
}

static void refuse(scene *s, const char *needed) {
    stoa_error err = {0};
    assert_int_equal(stoa_mod_find_texts(&s->study, &err), STOA_ERR_USAGE);
    assert_non_null(strstr(err.message, needed));
}

static void texts_that_overlap_are_refused(void **state) {
    scene s;
    begin(&s, *state);
    s.options.test = s.data; /* the file itself */
    s.options.valid = s.valid;
    refuse(&s, "the same text");
    begin(&s, *state);
    s.options.test = s.options.valid = s.test;
    refuse(&s, "the same text");
    begin(&s, *state); /* a piece of the training text */
    stoa_map data = mapped(s.data);
    assert_int_equal(stoa_file_write(s.test, (const char *)data.data + 4000, 3000, NULL), STOA_OK);
    stoa_map_close(&data);
    s.options.test = s.test;
    refuse(&s, "for the most part");
    s.options.valid = s.valid;
    refuse(&s, "for the most part");
}

static void a_text_too_short_for_a_sequence_is_refused(void **state) {
    scene s;
    begin(&s, *state);
    write_noise(s.data, 1, 500);
    refuse(&s, "--valid and --test");
}

static void the_seed_that_chooses_may_not_judge(void **state) {
    scene s;
    begin(&s, *state);
    stoa_mod_settings settings;
    stoa_error err = {0};
    const int64_t one = 1, two = 2;
    s.options.seeds = &one;
    s.options.seeds_count = 1;
    assert_int_equal(stoa_mod_settings_load(&s.options, &settings, &err), STOA_ERR_USAGE);
    assert_non_null(strstr(err.message, "seed 1 chooses"));
    s.options.seeds_count = 0;
    s.options.set = (const char *const[]){"confirm_seeds=[1, 5]"};
    s.options.set_count = 1;
    assert_int_equal(stoa_mod_settings_load(&s.options, &settings, &err), STOA_ERR_USAGE);
    s.options.set = (const char *const[]){"confirm_seeds=[5, 6, 7]"};
    assert_int_equal(stoa_mod_settings_load(&s.options, &settings, &err), STOA_OK);
    assert_int_equal(settings.confirm_seeds.count, 3);
    s.options.seeds = &two;
    s.options.seeds_count = 1;
    for (int scale = 0; scale < STOA_SCALE_COUNT; scale++) {
        s.options.scale = (stoa_scale)scale;
        assert_int_equal(stoa_mod_settings_load(&s.options, &settings, &err), STOA_OK);
        assert_int_equal(settings.confirm_seeds.count, 1);
    }
}

/* ---- choosing and judging ---- */

static void add_result(scene *s, stoa_mod_arm arm, int64_t width, int64_t seed, double budget,
                       double valid, double test) {
    s->study.results[s->study.count++] = (stoa_mod_result){
        .point = {.arm = arm, .width = width, .layers = 2, .seed = seed, .budget = budget},
        .valid = {valid, valid, 0, 0, 0, 0},
        .test = {test, test, 0.9, 0.8, 0.7, 0.1},
        .forward_flops = (double)width * (arm == MOD_DENSE ? 2 : 1),
    };
}

/* Validation prefers width 32, test would prefer 64: 32 is chosen, and test figures decide. */
static void sizes_are_chosen_by_validation_and_claims_by_test(void **state) {
    scene s;
    stoa_mod_result results[64];
    stoa_finding f[MOD_CLAIM_COUNT];
    stoa_mod_headline h;
    const double nan = (double)NAN;
    begin(&s, *state);
    s.study.results = results;
    for (int arm = MOD_DENSE; arm <= MOD_ROUTED; arm++) {
        add_result(&s, (stoa_mod_arm)arm, 64, 1, 1e9, 1.9, nan);
        add_result(&s, (stoa_mod_arm)arm, 32, 1, 1e9, 1.8, nan);
        for (int64_t seed = 2; seed <= 4; seed++) {
            double noise = 0.001 * (double)seed;
            add_result(&s, (stoa_mod_arm)arm, 64, seed, 1e9, 1.0, 1.0);
            /* by validation MoD is worse, by test better by 0.2 */
            add_result(&s, (stoa_mod_arm)arm, 32, seed, 1e9, arm == MOD_DENSE ? 1.5 : 2.5,
                       (arm == MOD_DENSE ? 2.2 : 2.0) + noise);
        }
    }
    stoa_mod_headline_of(&s.study, 1e9, &h);
    assert_int_equal(h.dense.point.width, 32);
    assert_int_equal(h.routed.point.width, 32);
    assert_true(h.has_cheap && h.cheap.point.width == 32);
    stoa_mod_findings(&s.study, NULL, NULL, f);
    near(f[MOD_CLAIM_HEADLINE].value.value, 0.2, 1e-9);
    assert_int_equal(f[MOD_CLAIM_HEADLINE].seeds, 3);
    near(f[MOD_CLAIM_CHEAP].value.value, -0.2 / 2.203, 1e-4);
    near(f[MOD_CLAIM_ACCURACY].value.value, 0.9, 1e-9);
    near(f[MOD_CLAIM_RECALL].value.value, 0.7, 1e-9);
    assert_int_equal(f[MOD_CLAIM_ENTROPY].seeds, 0);
    /* of the best against the best only the seeds set apart for it count */
    s.study.settings.confirm_seeds = (stoa_int_list){2, {3, 4}};
    stoa_mod_findings(&s.study, NULL, NULL, f);
    assert_int_equal(f[MOD_CLAIM_HEADLINE].seeds, 2);
    assert_int_equal(f[MOD_CLAIM_ACCURACY].seeds, 3);
}

/* Gaussian routing is judged by its own choice, the others by the predictor's. */
static void controls_are_judged_at_their_own_budget(void **state) {
    scene s;
    stoa_mod_result results[16];
    stoa_finding f[MOD_CLAIM_COUNT];
    begin(&s, *state);
    s.study.results = results;
    for (int64_t seed = 2; seed <= 3; seed++) {
        add_result(&s, MOD_ROUTED, 32, seed, 1e9, 9, 9);
        add_result(&s, MOD_ROUTED, 32, seed, 2e9, 9, 1.50);
        add_result(&s, MOD_GAUSSIAN, 32, seed, 2e9, 9, 1.75);
        results[s.study.count - 1].test.loss = 5;
        results[s.study.count - 1].test.loss_top_k = 1.75;
    }
    stoa_mod_findings(&s.study, NULL, NULL, f);
    near(f[MOD_CLAIM_GAUSSIAN].value.value, 0.25, 1e-9);
    near(f[MOD_CLAIM_CAUSAL_GAP].value.value, 0, 1e-9);
}

static void entropy_is_in_nats_of_the_next_token(void **state) {
    (void)state;
    const double even[] = {3, 3, 3, 3}, sure[] = {0, 100, 0, 0}, coin[] = {700, 700, -700};
    near(stoa_mod_entropy(even, 4), log(4), 1e-12);
    near(stoa_mod_entropy(sure, 4), 0, 1e-12);
    near(stoa_mod_entropy(coin, 3), log(2), 1e-12);
}

/* ---- runs ---- */

static stoa_mod_list four_points(void) {
    stoa_mod_list list = {0};
    for (int64_t seed = 1; seed <= 2; seed++)
        for (int arm = MOD_DENSE; arm <= MOD_ROUTED; arm++)
            stoa_mod_list_add(&list, (stoa_mod_point){.arm = (stoa_mod_arm)arm,
                                                      .width = 32,
                                                      .layers = 2,
                                                      .seed = seed,
                                                      .budget = 1e9});
    stoa_mod_list_add(&list, list.item[0]); /* once is enough */
    assert_int_equal(list.count, 4);
    return list;
}

static void assert_same_figures(const stoa_mod_result *a, const stoa_mod_result *b) {
    assert_true(stoa_mod_same_point(&a->point, &b->point));
    assert_memory_equal(&a->valid, &b->valid, sizeof a->valid);
    assert_true(memcmp(&a->test, &b->test, sizeof a->test) == 0 || isnan(a->test.loss));
    assert_true(a->steps == b->steps && a->parameters == b->parameters);
}

static void runs_side_by_side_give_the_results_of_runs_in_turn(void **state) {
    scene s[2];
    char folder[2][256];
    stoa_mod_list list = four_points();
    for (int i = 0; i < 2; i++) {
        snprintf(folder[i], sizeof folder[i], "%s/%d", (const char *)*state, i);
        assert_int_equal(stoa_mkdirs(folder[i], NULL), STOA_OK);
        begin(&s[i], folder[i]);
        s[i].study.jobs = 1 + i;
        assert_int_equal(stoa_mod_find_texts(&s[i].study, NULL), STOA_OK);
        assert_int_equal(stoa_mod_run(&s[i].study, &list, NULL), STOA_OK);
        assert_int_equal(s[i].study.count, 4);
    }
    for (int64_t i = 0; i < 4; i++) {
        const stoa_mod_result *r = &s[0].study.results[i];
        assert_same_figures(r, &s[1].study.results[i]);
        assert_true(isfinite(r->valid.loss));
        /* seed 1 chooses and never reads the test text */
        assert_int_equal(isfinite(r->test.loss) != 0, r->point.seed != 1);
    }
    stoa_free(s[0].study.results);
    stoa_free(s[1].study.results);
    stoa_mod_list_deinit(&list);
}

/* The one long point, in a child that is stopped on its way. */
typedef struct stopping {
    stoa_mod_study *study;
    stoa_mod_point point;
    bool stopped;
} stopping;

static stoa_status train_it(void *user, int64_t task, double *share, stoa_error *err) {
    const stopping *s = user;
    (void)task;
    return stoa_mod_train(s->study, &s->point, share, err);
}

static const char *name_it(void *user, int64_t task, char *out, size_t n) {
    (void)user, (void)task;
    snprintf(out, n, "it");
    return out;
}

static void stop_it(void *user, const stoa_job_view *running, int n) {
    stopping *s = user;
    if (n > 0 && running[0].share > 0.05 && !s->stopped) {
        s->stopped = true;
        raise(SIGTERM);
    }
}

static void a_stopped_run_goes_on_to_the_same_result(void **state) {
    scene s;
    char other[512];
    bool found = false;
    begin(&s, *state);
    stopping it = {
        .study = &s.study,
        .point = {.arm = MOD_ROUTED, .width = 32, .layers = 2, .seed = 2, .budget = 3e10}};
    stoa_jobs jobs = {.count = 1,
                      .at_once = 1,
                      .user = &it,
                      .run = train_it,
                      .name = name_it,
                      .watch = stop_it,
                      .end = _exit};
    stoa_mod_result whole, parts;
    assert_int_equal(stoa_mod_find_texts(&s.study, NULL), STOA_OK);
    stoa_signals_install();
    stoa_status status = stoa_jobs_run(&jobs, NULL);
    stoa_stop_clear();
    assert_int_equal(status, STOA_ERR_INTERRUPTED);
    assert_int_equal(stoa_mod_stored(&s.study, &it.point, &parts, &found, NULL), STOA_OK);
    assert_false(found);
    assert_true(stoa_mod_run_dir(&s.study, &it.point, other, sizeof other));
    strcat(other, "/checkpoints");
    assert_true(stoa_file_exists(other));
    assert_int_equal(stoa_mod_train(&s.study, &it.point, NULL, NULL), STOA_OK);
    assert_int_equal(stoa_mod_stored(&s.study, &it.point, &parts, &found, NULL), STOA_OK);
    assert_true(found);
    assert_false(stoa_file_exists(other)); /* nobody will look into these weights */
    s.options.out = *state;
    assert_int_equal(stoa_mod_train(&s.study, &it.point, NULL, NULL), STOA_OK);
    assert_int_equal(stoa_mod_stored(&s.study, &it.point, &whole, &found, NULL), STOA_OK);
    assert_same_figures(&whole, &parts);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(three_texts_are_cut_apart_when_none_is_given),
        TEST(a_given_test_or_validation_text_leaves_the_tenth_to_the_other),
        TEST(texts_that_overlap_are_refused),
        TEST(a_text_too_short_for_a_sequence_is_refused),
        TEST(the_seed_that_chooses_may_not_judge),
        TEST(sizes_are_chosen_by_validation_and_claims_by_test),
        TEST(controls_are_judged_at_their_own_budget),
        TEST(entropy_is_in_nats_of_the_next_token),
        TEST(runs_side_by_side_give_the_results_of_runs_in_turn),
        TEST(a_stopped_run_goes_on_to_the_same_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
