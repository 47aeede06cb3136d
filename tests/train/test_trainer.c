/* tests/train/test_trainer.c - training runs: exactness, memory, resuming, learning. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stoa/train.h"

/* A folder with a text that a small model learns quickly: sentences of a tiny grammar. */
typedef struct place {
    char dir[64], text[96], runs[96];
} place;

static int make_place(void **state) {
    place *p = stoa_alloc(sizeof *p);
    snprintf(p->dir, sizeof p->dir, "/tmp/stoa-trainer-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    snprintf(p->text, sizeof p->text, "%s/text.txt", p->dir);
    snprintf(p->runs, sizeof p->runs, "%s/runs", p->dir);
    static const char *const words[] = {"the ", "cat ", "dog ", "sees ", "a ", "red ", "house. "};
    stoa_buffer text = {0};
    stoa_rng rng = stoa_rng_stream(1, "grammar", 0);
    while (text.len < 60000)
        stoa_buffer_printf(&text, "%s", words[stoa_rng_below(&rng, 7)]);
    assert_int_equal(stoa_file_write(p->text, text.data, text.len, NULL), STOA_OK);
    stoa_buffer_deinit(&text);
    *state = p;
    return 0;
}

static int remove_place(void **state) {
    place *p = *state;
    stoa_remove_tree(p->dir, NULL);
    stoa_free(p);
    return 0;
}

static stoa_lm_settings small(const place *p, const char *name) {
    stoa_lm_settings s;
    assert_int_equal(stoa_lm_settings_init(&s, NULL), STOA_OK);
    snprintf(s.name, sizeof s.name, "%s", name);
    snprintf(s.out, sizeof s.out, "%s", p->runs);
    snprintf(s.text, sizeof s.text, "%s", p->text);
    s.precision = STOA_PRECISION_F32;
    s.threads = 2;
    s.model.layers = 4;
    s.model.width = 32;
    s.model.heads = 2;
    s.model.context = 32;
    s.model.pattern = STOA_PATTERN_ODD;
    s.model.dropout = 0.1;
    s.steps = 12;
    s.batch = 4;
    s.warmup = 4;
    s.rate = 3e-3;
    s.eval_every = 0;
    s.eval_tokens = 2048;
    s.checkpoint_every = 0;
    s.checkpoint_minutes = 0;
    assert_int_equal(stoa_lm_settings_check(&s, NULL), STOA_OK);
    return s;
}

static stoa_lm_trainer *open_trainer(const stoa_lm_settings *s) {
    stoa_lm_trainer *t = NULL;
    stoa_error err = {0};
    if (stoa_lm_trainer_new(&t, s, &err) != STOA_OK)
        fail_msg("%s", err.message);
    return t;
}

static void step(stoa_lm_trainer *t, stoa_lm_step *r) {
    stoa_error err = {0};
    if (stoa_lm_trainer_step(t, r, &err) != STOA_OK)
        fail_msg("%s", err.message);
}

static void assert_same_weights(const stoa_lm_trainer *a, const stoa_lm_trainer *b) {
    size_t n, m;
    const float *x = stoa_params_values(a->lm->params, &n);
    const float *y = stoa_params_values(b->lm->params, &m);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n * sizeof *x);
}

static void a_step_allocates_nothing_after_the_first_ones(void **state) {
    for (int precision = STOA_PRECISION_F32; precision <= STOA_PRECISION_BF16; precision++) {
        if (precision == STOA_PRECISION_BF16 && !stoa_machine_has_bf16())
            continue;
        stoa_lm_settings s = small(*state, "alloc");
        s.precision = precision;
        s.accumulate = 2;
        stoa_lm_trainer *t = open_trainer(&s);
        stoa_lm_step r;
        step(t, &r);
        step(t, &r); /* arenas merge their blocks at the first reset */
        uint64_t before = stoa_alloc_statistics().allocations;
        for (int i = 0; i < 5; i++)
            step(t, &r);
        assert_int_equal(stoa_alloc_statistics().allocations, before);
        stoa_lm_trainer_free(t);
    }
}

static void the_plan_is_what_the_run_uses(void **state) {
    for (int pattern = STOA_PATTERN_NONE; pattern <= STOA_PATTERN_ALL; pattern++) {
        stoa_lm_settings s = small(*state, "plan");
        s.model.pattern = pattern;
        stoa_lm_trainer *t = open_trainer(&s);
        stoa_lm_step r;
        step(t, &r);
        stoa_ctx_stats used = stoa_ctx_statistics(t->ctx);
        assert_int_equal(used.arena_peak, t->plan.activation_bytes);
        double tokens = (double)(s.batch * s.model.context);
        assert_true(fabs((used.flops + used.backward_flops) / tokens - t->plan.training_flops) <
                    1e-6 * t->plan.training_flops);
        assert_int_equal(t->plan.parameters, stoa_params_numel(t->lm->params));
        size_t floats;
        stoa_params_values(t->lm->params, &floats);
        assert_int_equal(t->plan.weight_bytes, floats * sizeof(float));
        double blocks = t->plan.other_flops;
        for (int64_t i = 0; i < s.model.layers; i++)
            blocks += t->plan.block_flops[i];
        assert_true(fabs(blocks - t->plan.forward_flops) < 1);
        stoa_lm_trainer_free(t);
    }
}

static void the_same_seed_gives_the_same_bits(void **state) {
    stoa_lm_settings s = small(*state, "bits");
    stoa_lm_trainer *a = open_trainer(&s), *b = open_trainer(&s);
    stoa_lm_step r;
    for (int i = 0; i < 6; i++) {
        step(a, &r);
        step(b, &r);
    }
    assert_same_weights(a, b);
    stoa_lm_trainer_free(a), stoa_lm_trainer_free(b);
}

static void a_resumed_run_continues_bit_for_bit(void **state) {
    const place *p = *state;
    stoa_lm_settings s = small(p, "resume");
    char dir[128];
    snprintf(dir, sizeof dir, "%s/resume", p->runs);
    stoa_lm_trainer *whole = open_trainer(&s), *first = open_trainer(&s),
                    *second = open_trainer(&s);
    stoa_lm_step r;
    for (int i = 0; i < 9; i++)
        step(whole, &r);
    for (int i = 0; i < 4; i++)
        step(first, &r);
    first->best_loss = 1.25;
    first->best_step = 3;
    assert_int_equal(stoa_lm_trainer_save(first, dir, false, NULL), STOA_OK);
    stoa_error err = {0};
    if (stoa_lm_trainer_load(second, dir, "latest", &err) != STOA_OK)
        fail_msg("%s", err.message);
    assert_int_equal(second->step, 4);
    assert_true(second->best_loss == 1.25 && second->best_step == 3);
    for (int i = 0; i < 5; i++)
        step(second, &r);
    assert_same_weights(whole, second);
    stoa_lm_trainer_free(whole), stoa_lm_trainer_free(first), stoa_lm_trainer_free(second);
}

static void micro_batches_add_up_to_the_batch(void **state) {
    stoa_lm_settings s = small(*state, "accumulate");
    s.model.dropout = 0;
    stoa_lm_settings halves = s;
    halves.batch = 2;
    halves.accumulate = 2;
    stoa_lm_trainer *a = open_trainer(&s), *b = open_trainer(&halves);
    stoa_lm_step x, y;
    step(a, &x);
    step(b, &y);
    assert_true(fabs(x.loss - y.loss) < 1e-5);
    assert_true(fabs(x.grad_norm - y.grad_norm) < 1e-4 * x.grad_norm);
    stoa_lm_trainer_free(a), stoa_lm_trainer_free(b);
}

static void a_run_learns_writes_its_folder_and_can_be_sampled(void **state) {
    const place *p = *state;
    stoa_lm_settings s = small(p, "learn");
    s.model.dropout = 0;
    s.steps = 150;
    s.eval_every = 50;
    char dir[128], path[192];
    snprintf(dir, sizeof dir, "%s/learn-1", p->runs);
    stoa_lm_trainer *t = open_trainer(&s);
    stoa_lm_run_options options = {.run_dir = dir};
    stoa_lm_run_result result;
    stoa_error err = {0};
    if (stoa_lm_run(t, &options, &result, &err) != STOA_OK)
        fail_msg("%s", err.message);
    assert_int_equal(result.steps, 150);
    /* 256 symbols at chance: ln 256 = 5.5; the grammar's entropy is below 0.5 a character */
    assert_true(result.final_eval.loss_causal < 1.5);
    assert_true(result.final_eval.accuracy > 0.8);
    for (int i = 0; i < 3; i++) {
        static const char *const files[] = {"settings.yaml", "metrics.jsonl", "checkpoints/latest"};
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        assert_true(stoa_file_exists(path));
    }
    stoa_lm_bundle bundle;
    if (stoa_lm_bundle_open(&bundle, dir, "best", &err) != STOA_OK)
        fail_msg("%s", err.message);
    stoa_ctx *ctx = stoa_ctx_new(stoa_backend_cpu(), NULL, 0);
    int32_t prompt[3] = {'t', 'h', 'e'};
    stoa_generate_result made;
    stoa_generate_options g = {.batch = 2, .tokens = 100, .seed = 1, .sampler = {0.8, 0, 1}};
    if (stoa_generate(ctx, bundle.lm, prompt, 3, &g, &made, &err) != STOA_OK)
        fail_msg("%s", err.message);
    assert_int_equal(made.tokens, 200); /* past the context of 32: the window slides */
    stoa_ctx_free(ctx);
    stoa_lm_bundle_close(&bundle);
    stoa_lm_trainer_free(t);
}

static void early_stop_ends_a_run_that_no_longer_improves(void **state) {
    stoa_lm_settings s = small(*state, "stop");
    s.rate = 0; /* never improves after the first evaluation */
    s.steps = 100;
    s.eval_every = 2;
    s.eval_tokens = 256;
    s.patience = 3;
    stoa_lm_trainer *t = open_trainer(&s);
    stoa_lm_run_options options = {0};
    stoa_lm_run_result result;
    assert_int_equal(stoa_lm_run(t, &options, &result, NULL), STOA_OK);
    assert_true(result.stopped_early);
    assert_int_equal(result.steps, 8);
    stoa_lm_trainer_free(t);
}

static void too_short_a_text_is_refused_with_a_remedy(void **state) {
    const place *p = *state;
    stoa_lm_settings s = small(p, "short");
    s.model.context = 50000;
    stoa_lm_trainer *t;
    stoa_error err = {0};
    assert_int_equal(stoa_lm_trainer_new(&t, &s, &err), STOA_ERR_USAGE);
    assert_non_null(strstr(err.message, "data.valid_fraction"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_allocates_nothing_after_the_first_ones),
        cmocka_unit_test(the_plan_is_what_the_run_uses),
        cmocka_unit_test(the_same_seed_gives_the_same_bits),
        cmocka_unit_test(a_resumed_run_continues_bit_for_bit),
        cmocka_unit_test(micro_batches_add_up_to_the_batch),
        cmocka_unit_test(a_run_learns_writes_its_folder_and_can_be_sampled),
        cmocka_unit_test(early_stop_ends_a_run_that_no_longer_improves),
        cmocka_unit_test(too_short_a_text_is_refused_with_a_remedy),
    };
    return cmocka_run_group_tests(tests, make_place, remove_place);
}
