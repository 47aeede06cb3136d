/*
 * tests/train/test_icl.c - training in-context learning: settings, exactness, memory, resuming,
 * learning.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "stoa/train.h"

/* ---- settings -------------------------------------------------------------------------------- */

static void every_preset_loads_and_its_resolved_file_means_the_same(void **state) {
    (void)state;
    for (int i = 0; i < stoa_icl_preset_count(); i++) {
        stoa_icl_settings a, b;
        stoa_error err = {0};
        char choice[64];
        const char *sets[] = {choice, "seed=7"};
        snprintf(choice, sizeof choice, "preset=%s", stoa_icl_preset_name(i));
        if (stoa_icl_settings_load(&a, NULL, sets, 2, &err) != STOA_OK)
            fail_msg("%s: %s", choice, err.message);
        assert_int_equal(a.preset, i);
        assert_int_equal(a.seed, 7);
        assert_true(strlen(stoa_icl_preset_summary(i)) > 10);
        stoa_settings_table table;
        stoa_buffer text = {0};
        assert_int_equal(stoa_icl_settings_table(&table, &err), STOA_OK);
        stoa_settings_dump(table, &a, true, &text);
        memset(&b, 0, sizeof b);
        if (stoa_settings_parse(table, &b, "dump", stoa_view_of(text.data), NULL, &err) != STOA_OK)
            fail_msg("%s: %s", choice, err.message);
        stoa_buffer again = {0};
        stoa_settings_dump(table, &b, true, &again);
        assert_string_equal(text.data, again.data);
        stoa_buffer_deinit(&text);
        stoa_buffer_deinit(&again);
        stoa_settings_join_free(&table);
    }
}

static void a_run_of_this_kind_names_a_preset_or_a_source(void **state) {
    (void)state;
    bool is;
    const char *preset[] = {"preset=mini"}, *source[] = {"data.source=gaussian"};
    const char *other[] = {"data.text=builtin"}, *wrong[] = {"preset=minni"};
    stoa_error err;
    assert_int_equal(stoa_icl_settings_detect(NULL, preset, 1, &is, &err), STOA_OK);
    assert_true(is);
    assert_int_equal(stoa_icl_settings_detect(NULL, source, 1, &is, &err), STOA_OK);
    assert_true(is);
    assert_int_equal(stoa_icl_settings_detect(NULL, other, 1, &is, &err), STOA_OK);
    assert_false(is);
    assert_int_equal(stoa_icl_settings_detect(NULL, wrong, 1, &is, &err), STOA_ERR_USAGE);
}

/* ---- small runs ------------------------------------------------------------------------------ */

static stoa_icl_settings small(void) {
    stoa_icl_settings s;
    assert_int_equal(stoa_icl_settings_init(&s, 0, NULL), STOA_OK);
    s.data.classes.trained = 64;
    s.data.classes.holdout = 16;
    s.data.classes.width = 16;
    s.data.labels = 8;
    s.model.width = 16;
    s.model.heads = 2;
    s.model.mlp_width = 32;
    s.batch = 16;
    s.steps = 12;
    s.warmup = 4;
    s.eval_every = 4;
    s.eval_sequences = 40;
    s.log_every = 5;
    s.checkpoint_minutes = 0;
    s.threads = 2;
    return s;
}

static stoa_icl_trainer *open_trainer(stoa_icl_settings s) {
    stoa_icl_trainer *t = NULL;
    stoa_error err = {0};
    if (stoa_icl_settings_check(&s, &err) != STOA_OK ||
        stoa_icl_trainer_new(&t, &s, &err) != STOA_OK)
        fail_msg("%s", err.message);
    return t;
}

static stoa_icl_step step(stoa_icl_trainer *t) {
    stoa_icl_step r;
    stoa_error err = {0};
    if (stoa_icl_trainer_step(t, &r, &err) != STOA_OK)
        fail_msg("%s", err.message);
    return r;
}

static void assert_same_weights(const stoa_icl_trainer *a, const stoa_icl_trainer *b) {
    size_t n, m;
    const float *x = stoa_params_values(stoa_icl_params(stoa_icl_trainer_model(a)), &n);
    const float *y = stoa_params_values(stoa_icl_params(stoa_icl_trainer_model(b)), &m);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n * sizeof *x);
}

static const int cores[] = {STOA_ICL_TRANSFORMER, STOA_ICL_LSTM, STOA_ICL_RNN};

static void a_step_allocates_nothing_after_the_first_ones(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++) {
        stoa_icl_settings s = small();
        s.model.core = cores[i % 3];
        s.interim = i == 3 ? 0.5 : 0;
        stoa_icl_trainer *t = open_trainer(s);
        step(t), step(t); /* arenas merge their blocks at the first reset */
        uint64_t before = stoa_alloc_statistics().allocations;
        for (int k = 0; k < 4; k++)
            step(t);
        assert_int_equal(stoa_alloc_statistics().allocations, before);
        stoa_icl_trainer_free(t);
    }
}

static void the_same_seed_gives_the_same_bits_with_evaluations_between(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        stoa_icl_settings s = small();
        s.model.core = cores[i];
        stoa_icl_trainer *a = open_trainer(s), *b = open_trainer(s);
        for (int k = 0; k < 4; k++) {
            step(a), step(b);
            stoa_icl_eval e;
            assert_int_equal(stoa_icl_trainer_evaluate(b, 20, &e, NULL), STOA_OK);
        }
        assert_same_weights(a, b);
        stoa_icl_trainer_free(a), stoa_icl_trainer_free(b);
    }
}

/* Loss at the query: that of a forward pass by hand. */
static void the_first_loss_is_near_the_logarithm_of_the_labels(void **state) {
    (void)state;
    stoa_icl_settings s = small();
    s.model.label_scale = 0.02;
    stoa_icl_trainer *t = open_trainer(s);
    stoa_icl_step r = step(t);
    assert_true(r.loss > 0.8 * log(8) && r.loss < 2 * log(8));
    assert_true(r.accuracy >= 0 && r.accuracy <= 1 && r.grad_norm > 0);
    assert_true(fabs(r.rate - s.rate / 4) < 1e-12);
    stoa_icl_trainer_free(t);
}

/* ---- resuming -------------------------------------------------------------------------------- */

/* Raises Ctrl-C after step *user. */
static void interrupt(void *user, const stoa_icl_trainer *t, const stoa_icl_step *r) {
    (void)r;
    if (stoa_icl_trainer_steps(t) == *(const int64_t *)user)
        raise(SIGINT);
}

static stoa_status run(stoa_icl_trainer *t, const char *dir, bool resume, int64_t stop) {
    stoa_icl_run_result result;
    stoa_icl_run_options options = {
        .run_dir = dir, .resume = resume, .stepped = interrupt, .user = &stop};
    return stoa_icl_run(t, &options, &result, NULL);
}

/* metrics.jsonl without times and speeds: {"step":N,"time":S,...,"speed/...":X} */
static char *figures_of(const char *dir) {
    char path[256], *data = NULL;
    size_t size;
    snprintf(path, sizeof path, "%s/metrics.jsonl", dir);
    assert_int_equal(stoa_file_read(path, 1 << 24, &data, &size, NULL), STOA_OK);
    char *to = data;
    for (char *line = strtok(data, "\n"); line; line = strtok(NULL, "\n")) {
        char *time = strstr(line, ",\"time\":"), *speed = strstr(line, ",\"speed/");
        assert_non_null(time);
        char *after = strchr(time + 1, ',');
        size_t head = (size_t)(time - line), tail = speed ? (size_t)(speed - after) : strlen(after);
        memmove(to, line, head);
        memmove(to + head, after, tail);
        to += head + tail;
        *to++ = '\n';
    }
    *to = 0;
    return data;
}

static void a_run_that_was_stopped_goes_on_bit_for_bit_and_so_do_its_metrics(void **state) {
    (void)state;
    stoa_signals_install();
    for (int i = 0; i < 4; i++) {
        char root[] = "/tmp/stoa-icl-XXXXXX", whole[64], parts[64];
        assert_non_null(mkdtemp(root));
        snprintf(whole, sizeof whole, "%s/whole", root);
        snprintf(parts, sizeof parts, "%s/parts", root);
        stoa_icl_settings s = small();
        s.data.zipf = 1;
        s.model.core = cores[i % 3];
        if (i == 3) { /* running averages are saved too */
            s.data.classes.source = STOA_CLASSES_GLYPHS;
            s.data.classes.side = 20;
            s.model.embedder = STOA_ICL_RESNET;
            s.model.width = 64;
            s.batch = 4;
        }
        stoa_icl_trainer *a = open_trainer(s), *b = open_trainer(s), *c = open_trainer(s);
        assert_int_equal(run(a, whole, false, -1), STOA_OK);
        assert_int_equal(run(b, parts, false, 7), STOA_ERR_INTERRUPTED);
        stoa_stop_clear();
        assert_int_equal(run(c, parts, true, -1), STOA_OK);
        assert_int_equal(stoa_icl_trainer_steps(c), 12);
        assert_same_weights(a, c);
        char *x = figures_of(whole), *y = figures_of(parts);
        assert_non_null(strstr(x, "\"icl/closed\""));
        assert_string_equal(x, y);
        stoa_free(x), stoa_free(y);
        stoa_icl_trainer_free(a), stoa_icl_trainer_free(b), stoa_icl_trainer_free(c);
        stoa_remove_tree(root, NULL);
    }
}

/* ---- evaluation ------------------------------------------------------------------------------ */

static void scores_are_those_of_the_episodes_one_by_one(void **state) {
    (void)state;
    enum { ROWS = 37, LABELS = 8, PAIRS = 8 };
    stoa_icl_settings s = small();
    stoa_icl_trainer *t = open_trainer(s);
    for (int i = 0; i < 6; i++)
        step(t);
    for (int kind = 0; kind < STOA_SEQUENCES_KINDS; kind++) {
        stoa_icl_score score;
        assert_int_equal(stoa_icl_trainer_score(t, kind, 3, ROWS, &score, NULL), STOA_OK);
        if (score.sequences == 0)
            continue;
        assert_int_equal(score.sequences, ROWS);
        int open = 0, context = 0;
        for (int r = 0; r < ROWS; r++) {
            float logits[LABELS];
            int32_t classes[PAIRS + 1], labels[PAIRS], target;
            stoa_icl_episode e = {
                .logits = logits, .classes = classes, .labels = labels, .target = &target};
            assert_int_equal(stoa_icl_trainer_episode(t, kind, 3 + r, &e, NULL), STOA_OK);
            int best = 0;
            for (int k = 1; k < LABELS; k++)
                best = logits[k] > logits[best] ? k : best;
            open += best == target; /* one label a class here */
            bool in = false;
            for (int p = 0; p < PAIRS; p++)
                in = in || labels[p] == best;
            context += in;
        }
        assert_true(fabs(score.open - (double)open / ROWS) < 1e-9);
        assert_true(fabs(score.context - (double)context / ROWS) < 1e-9);
        assert_true(isfinite(score.loss));
        /* of the training distribution, bursty sequences alone have two labels to choose from */
        double chance = stoa_sequences_chance(stoa_icl_trainer_data(t), kind, true);
        if (kind != STOA_SEQUENCES_TRAINED_LIKE)
            assert_true(isnan(score.closed) == isnan(chance));
    }
    stoa_icl_trainer_free(t);
}

/* ---- learning -------------------------------------------------------------------------------- */

/* Two classes a sequence and labels that mean nothing outside of it: only the context helps. */
static void labels_drawn_anew_are_learned_from_the_context(void **state) {
    (void)state;
    stoa_icl_settings s = small();
    s.data.labels = 4;
    s.data.pairs = 2;
    s.data.ways = 2;
    s.data.shots = 1;
    s.data.bursty = 1;
    s.data.reassigned = 1;
    s.model.width = 32;
    s.batch = 64;
    s.steps = 1200;
    s.warmup = 50;
    s.rate = 5e-3;
    s.threads = 1;
    stoa_icl_trainer *t = open_trainer(s);
    stoa_icl_score score = {0};
    for (int i = 0; i < s.steps && !(score.closed > 0.9); i++) {
        step(t);
        if (i % 100 == 99)
            assert_int_equal(stoa_icl_trainer_score(t, STOA_SEQUENCES_ICL, 0, 200, &score, NULL),
                             STOA_OK);
    }
    assert_true(score.closed > 0.9);
    stoa_icl_eval e;
    assert_int_equal(stoa_icl_trainer_evaluate(t, 100, &e, NULL), STOA_OK);
    assert_non_null(e.match);
    assert_true(e.best_match > 0.3);
    stoa_icl_trainer_free(t);
}

/* No bursts: the labels of a few classes are learned by heart. */
static void labels_of_few_classes_are_learned_into_the_weights(void **state) {
    (void)state;
    stoa_icl_settings s = small();
    s.data.classes.trained = 16;
    s.data.bursty = 0;
    s.batch = 32;
    s.steps = 400;
    s.threads = 1;
    stoa_icl_trainer *t = open_trainer(s);
    for (int i = 0; i < s.steps; i++)
        step(t);
    stoa_icl_score score;
    assert_int_equal(stoa_icl_trainer_score(t, STOA_SEQUENCES_IWL, 0, 200, &score, NULL), STOA_OK);
    assert_true(score.open > 0.9);
    stoa_icl_trainer_free(t);
}

/* ---- numbers instead of labels --------------------------------------------------------------- */

static stoa_icl_settings small_tasks(const char *classes, const char *fresh) {
    stoa_icl_settings s;
    stoa_error err = {0};
    const char *sets[] = {"preset=tasks",
                          "precision=f32",
                          "data.width=2",
                          "data.pairs=6",
                          "model.width=16",
                          "model.heads=2",
                          "model.layers=2",
                          "model.mlp_width=32",
                          "train.batch=32",
                          "train.warmup=20",
                          "train.rate=5e-3",
                          "train.eval_sequences=50",
                          "train.eval_every=0",
                          classes,
                          fresh};
    if (stoa_icl_settings_load(&s, NULL, sets, sizeof sets / sizeof *sets, &err) != STOA_OK)
        fail_msg("%s", err.message);
    return s;
}

/* A distance is that of the guesses: of a model whose head is zero, ridge's own mean square. */
static void a_model_that_says_nothing_is_as_far_from_each_guess_as_its_square(void **state) {
    (void)state;
    enum { ROWS = 50, NUMBERS = 7, WIDTH = 2 };
    stoa_icl_trainer *t = open_trainer(small_tasks("data.classes=3", "data.fresh=0"));
    stoa_params *p = stoa_icl_params(stoa_icl_trainer_model(t));
    for (int i = 0; i < 2; i++) {
        stoa_tensor *x = &stoa_params_find(p, i ? "head.bias" : "head.weight")->tensor;
        for (int64_t k = 0; k < stoa_numel(x); k++)
            stoa_set(x, k, 0);
    }
    stoa_params_touch(p);
    static float items[ROWS * NUMBERS * WIDTH], values[ROWS * NUMBERS];
    static float ridge[ROWS * NUMBERS], best[ROWS * NUMBERS];
    int32_t labels[ROWS * NUMBERS], target[ROWS];
    stoa_sequences_batch b = {.items = items, .labels = labels, .target = target, .values = values};
    const stoa_sequences *data = stoa_icl_trainer_data(t);
    stoa_sequences_eval(data, NULL, STOA_SEQUENCES_TASK_NEW, 0, ROWS, &b);
    assert_int_equal(stoa_sequences_guess(data, NULL, ROWS, items, values, ridge, best, NULL),
                     STOA_OK);
    stoa_icl_score want = {0}, got, again, late;
    const double n = ROWS * NUMBERS;
    for (int i = 0; i < ROWS * NUMBERS; i++) {
        double y = (double)values[i], r = (double)ridge[i], w = (double)best[i];
        want.loss += y * y / n;
        want.ridge += (r - y) * (r - y) / n;
        want.best += (w - y) * (w - y) / n;
        want.from_ridge += r * r / n;
        want.from_best += w * w / n;
    }
    assert_int_equal(stoa_icl_trainer_score(t, STOA_SEQUENCES_TASK_NEW, 0, ROWS, &got, NULL),
                     STOA_OK);
    assert_int_equal(got.sequences, ROWS);
    assert_true(isnan(got.open) && isnan(got.closed));
    assert_float_equal(got.loss, want.loss, 1e-5);
    assert_float_equal(got.ridge, want.ridge, 1e-5);
    assert_float_equal(got.best, want.best, 1e-5);
    assert_float_equal(got.from_ridge, want.from_ridge, 1e-5);
    assert_float_equal(got.from_best, want.from_best, 1e-5);
    /* kept guesses are the same ones, and rows behind them are guessed at when asked for */
    assert_int_equal(stoa_icl_trainer_score(t, STOA_SEQUENCES_TASK_NEW, 0, ROWS, &again, NULL),
                     STOA_OK);
    assert_true(again.ridge == got.ridge && again.from_best == got.from_best);
    assert_int_equal(stoa_icl_trainer_score(t, STOA_SEQUENCES_TASK_NEW, ROWS, 20, &late, NULL),
                     STOA_OK);
    assert_true(late.ridge != got.ridge && late.ridge < late.loss);
    stoa_icl_trainer_free(t);
}

/* One task is learned by heart: the pool's guess, which is wrong for every other task. */
static void a_single_task_is_learned_by_heart(void **state) {
    (void)state;
    stoa_icl_settings s = small_tasks("data.classes=1", "data.fresh=0");
    stoa_icl_trainer *t = open_trainer(s);
    stoa_icl_step last = {0}, first = step(t);
    for (int i = 0; i < 300; i++)
        last = step(t);
    assert_true(last.loss < 0.7 * first.loss && last.accuracy == 0);
    stoa_icl_score pool, other;
    assert_int_equal(stoa_icl_trainer_score(t, STOA_SEQUENCES_TASK_POOL, 0, 50, &pool, NULL),
                     STOA_OK);
    assert_int_equal(stoa_icl_trainer_score(t, STOA_SEQUENCES_TASK_NEW, 0, 50, &other, NULL),
                     STOA_OK);
    assert_true(pool.loss < 1.5 * pool.best && pool.from_best < pool.from_ridge);
    assert_true(other.loss > 2 * other.ridge && other.from_best < other.from_ridge);
    stoa_icl_trainer_free(t);
}

static void the_minimal_model_learns_by_plain_steps(void **state) {
    (void)state;
    stoa_icl_settings s;
    stoa_error err = {0};
    const char *sets[] = {"preset=minimal",  "precision=f32", "data.width=15", "model.width=48",
                          "data.classes=16", "data.labels=4", "data.ways=2",   "data.bursty=0",
                          "train.rate=0.2",  "train.batch=32"};
    if (stoa_icl_settings_load(&s, NULL, sets, sizeof sets / sizeof *sets, &err) != STOA_OK)
        fail_msg("%s", err.message);
    stoa_icl_trainer *t = open_trainer(s), *u = open_trainer(s);
    for (int i = 0; i < 400; i++)
        step(t);
    stoa_icl_score score;
    assert_int_equal(stoa_icl_trainer_score(t, STOA_SEQUENCES_IWL, 0, 200, &score, NULL), STOA_OK);
    assert_true(score.open > 0.8);
    for (int i = 0; i < 5; i++) { /* where a sequence begins is the same again */
        stoa_icl_score a, b;
        assert_int_equal(stoa_icl_trainer_score(u, STOA_SEQUENCES_ICL, 0, 30, &a, NULL), STOA_OK);
        assert_int_equal(stoa_icl_trainer_score(u, STOA_SEQUENCES_ICL, 0, 30, &b, NULL), STOA_OK);
        assert_true(a.loss == b.loss);
        step(u);
    }
    stoa_icl_trainer_free(t);
    stoa_icl_trainer_free(u);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_preset_loads_and_its_resolved_file_means_the_same),
        cmocka_unit_test(a_run_of_this_kind_names_a_preset_or_a_source),
        cmocka_unit_test(a_step_allocates_nothing_after_the_first_ones),
        cmocka_unit_test(the_same_seed_gives_the_same_bits_with_evaluations_between),
        cmocka_unit_test(the_first_loss_is_near_the_logarithm_of_the_labels),
        cmocka_unit_test(a_run_that_was_stopped_goes_on_bit_for_bit_and_so_do_its_metrics),
        cmocka_unit_test(scores_are_those_of_the_episodes_one_by_one),
        cmocka_unit_test(labels_drawn_anew_are_learned_from_the_context),
        cmocka_unit_test(labels_of_few_classes_are_learned_into_the_weights),
        cmocka_unit_test(a_model_that_says_nothing_is_as_far_from_each_guess_as_its_square),
        cmocka_unit_test(a_single_task_is_learned_by_heart),
        cmocka_unit_test(the_minimal_model_learns_by_plain_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
