/* Explanations: which words are targets, what their loss's gradient is, and that an agent learns to
 * say them without reading them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "train/agent_trainer.h"
#include "train/explanations.h"

/* ---- targets --------------------------------------------------------------------------------- */

enum { NOTHING, FULL = 3, LENGTH = 3 };
static const char *const labels[] = {"<pad>", "This", "Correct", "Incorrect", "red", "blue"};
static const stoa_space text = {.name = "explanation",
                                .kind = STOA_SPACE_CATEGORIES,
                                .dtype = STOA_U8,
                                .ndim = 1,
                                .shape = {LENGTH},
                                .categories = 6,
                                .labels = labels,
                                .target = true};

static void silent_steps_are_left_out_and_texts_have_an_end(void **state) {
    (void)state;
    static const uint8_t said[] = {0, 0, 0, 1, 4, 0, 2, 4, 5, 0, 0, 0, 3, 0, 0};
    static const int32_t want[] = {1, 4, 0, -1, 2, 4, 5, 0, 3, 0, -1, -1};
    stoa_expl_targets t;
    assert_int_equal(stoa_expl_targets_init(&t, 5, LENGTH + 1, NULL), STOA_OK);
    stoa_expl_targets_fill(&t, STOA_EXPL_TEXT, &text, said, FULL);
    assert_int_equal(t.told, 3);
    assert_int_equal(t.kinds[STOA_EXPL_PROPERTY], 1);
    assert_int_equal(t.kinds[STOA_EXPL_REWARD], 2);
    assert_memory_equal(t.target, want, sizeof want);
    assert_true(t.row[0] == 1 && t.row[1] == 2 && t.row[2] == 4);
    assert_true(t.kind[0] == STOA_EXPL_PROPERTY && t.kind[1] == STOA_EXPL_REWARD);
    stoa_expl_targets_fill(&t, STOA_EXPL_TEXT, &text, said, 1 << STOA_EXPL_PROPERTY);
    assert_true(t.told == 1 && t.row[0] == 1);
    stoa_expl_targets_fill(&t, STOA_EXPL_TEXT, &text, said, NOTHING);
    assert_int_equal(t.told, 0);
    stoa_expl_targets_deinit(&t);
}

static void values_that_are_not_told_are_no_targets(void **state) {
    (void)state;
    static const int32_t told[] = {0, 0, 2, 0, 3, 1};
    const stoa_space words = {
        .kind = STOA_SPACE_CATEGORIES, .dtype = STOA_I32, .ndim = 1, .shape = {2}, .categories = 4};
    stoa_expl_targets t;
    assert_int_equal(stoa_expl_targets_init(&t, 3, 2, NULL), STOA_OK);
    stoa_expl_targets_fill(&t, STOA_EXPL_CHOICE, &words, told, FULL);
    assert_true(t.told == 2 && t.kinds[STOA_EXPL_REWARD] == 2);
    assert_true(t.target[0] == 2 && t.target[1] == -1 && t.target[2] == 3 && t.target[3] == 1);
    stoa_expl_targets_fill(&t, STOA_EXPL_OBJECTS, &words, told, 1 << STOA_EXPL_REWARD);
    assert_int_equal(t.told, 0);
    stoa_expl_targets_deinit(&t);
}

/* Every row says its own number, of two kinds by turns. */
static void shuffled_words_are_another_instances_of_the_same_kind(void **state) {
    (void)state;
    enum { BATCH = 8, STEPS = 6, ROWS = BATCH * STEPS };
    stoa_expl_targets t;
    assert_int_equal(stoa_expl_targets_init(&t, ROWS, 2, NULL), STOA_OK);
    int32_t first = -1;
    int different = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        stoa_rng rng = stoa_rng_stream(seed, "test", 0);
        t.told = 0;
        for (int32_t r = 0; r < ROWS; r += 1 + r % 3 % 2) {
            t.row[t.told] = r;
            t.kind[t.told] = r % 5 == 0;
            t.target[2 * t.told] = t.target[2 * t.told + 1] = r;
            t.told++;
        }
        stoa_expl_targets_shuffle(&t, BATCH, &rng);
        for (int64_t i = 0; i < t.told; i++) {
            int32_t from = t.target[2 * i];
            assert_int_equal(t.target[2 * i + 1], from);
            assert_int_not_equal(from % BATCH, t.row[i] % BATCH);
            assert_int_equal(from % 5 == 0, t.kind[i]);
        }
        different += t.target[0] != first;
        first = t.target[0];
    }
    assert_true(different > 5);
    stoa_expl_targets_deinit(&t);
}

static void one_instance_alone_shuffles_its_own_steps(void **state) {
    (void)state;
    stoa_expl_targets t;
    stoa_rng rng = stoa_rng_stream(1, "test", 0);
    assert_int_equal(stoa_expl_targets_init(&t, 4, 1, NULL), STOA_OK);
    for (int32_t i = 0; i < 4; i++)
        t.row[i] = t.target[i] = i, t.kind[i] = 0;
    t.told = 4;
    stoa_expl_targets_shuffle(&t, 1, &rng);
    for (int32_t i = 0; i < 4; i++)
        assert_int_not_equal(t.target[i], i);
    t.told = 1; /* nobody else to take words from */
    t.target[0] = 9;
    stoa_expl_targets_shuffle(&t, 1, &rng);
    assert_int_equal(t.target[0], 9);
    stoa_expl_targets_deinit(&t);
}

/* ---- in training ----------------------------------------------------------------------------- */

#define CHOICE                                                                                     \
    "env.name=odd-one-out-choice", "env.colors=3", "env.textures=2", "env.shapes=2",               \
        "agent.object_width=16", "train.unroll=2", "env.instances=16"
#define ROOM                                                                                       \
    "env.name=odd-one-out", "env.interior=5", "env.placement=cells", "env.observation=list",       \
        "env.steps=24", "env.phase=4", "agent.core=lstm", "agent.core_width=16",                   \
        "env.instances=16", "train.unroll=12"

static stoa_status settings_of(stoa_agent_settings *s, const char *const *sets, int count,
                               stoa_error *err) {
    static const char *const small[] = {"agent.encoder_width=24", "train.mean_loss=true",
                                        "train.eval_episodes=0", "train.rate=3e-3", "threads=2"};
    enum { SMALL = sizeof small / sizeof *small };
    const char *all[SMALL + 24];
    memcpy(all, small, sizeof small);
    memcpy(all + SMALL, sets, (size_t)count * sizeof *sets);
    STOA_TRY(stoa_agent_settings_load(s, NULL, all, SMALL + count, err));
    return stoa_agent_settings_check(s, err);
}

static stoa_agent_trainer *open_trainer(const char *const *sets, int count) {
    stoa_agent_settings s;
    stoa_agent_trainer *t = NULL;
    stoa_error err = {0};
    if (settings_of(&s, sets, count, &err) != STOA_OK ||
        stoa_agent_trainer_new(&t, &s, &err) != STOA_OK)
        fail_msg("%s", err.message);
    return t;
}

#define TRAINER(...)                                                                               \
    open_trainer((const char *[]){__VA_ARGS__},                                                    \
                 sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *))

static stoa_agent_step steps(stoa_agent_trainer *t, int count) {
    stoa_agent_step r = {0};
    stoa_error err = {0};
    for (int i = 0; i < count; i++)
        if (stoa_agent_trainer_step(t, &r, &err) != STOA_OK)
            fail_msg("%s", err.message);
    return r;
}

/* NAN: there is no such figure. */
static double figure(const stoa_agent_step *r, const char *name) {
    for (int i = 0; i < r->objective_count; i++)
        if (!strcmp(r->objectives[i].name, name))
            return r->objectives[i].value;
    return (double)NAN;
}

/* The objective's loss on the trainer's last unroll, with the weights as they are; its gradients
 * go to the parameters on demand. */
static double loss_of(stoa_agent_trainer *t, bool backward) {
    stoa_ctx *ctx = t->learner.ctx;
    const stoa_unroll *u = &t->unrolls[0];
    stoa_agent_output out;
    stoa_ctx_reset(ctx);
    stoa_params_touch(t->net.params);
    stoa_agent_input in = stoa_unroll_input(&t->layout, &t->spec, u, 0, u->steps + 1);
    stoa_agent_forward(ctx, t->net.agent, &in, &u->state, NULL, &out);
    stoa_objective *o = &t->net.objectives[0];
    stoa_tensor *loss = o->class_->loss(o, ctx, u, &out);
    assert_non_null(loss);
    if (backward) {
        stoa_params_clear_grads(t->net.params);
        stoa_backward(ctx, loss, NULL);
    }
    assert_int_equal(stoa_ctx_status(ctx, NULL), STOA_OK);
    return stoa_get(loss, 0);
}

/* The share of the gradient in a direction between it and a random one, each of length 1. */
static double choose_way(const stoa_tensor *p, stoa_rng *rng, float *way, double *length) {
    int64_t n = stoa_numel(p);
    const float *grad = p->grad;
    double squares = 0, along = 0, noise = 0;
    for (int64_t k = 0; k < n; k++) {
        squares += p->grad_written ? (double)(grad[k] * grad[k]) : 0;
        way[k] = (float)stoa_rng_normal(rng);
        noise += (double)(way[k] * way[k]);
    }
    *length = sqrt(squares);
    for (int64_t k = 0; k < n; k++) {
        way[k] /= (float)sqrt(noise);
        if (squares > 0)
            way[k] += grad[k] / (float)*length;
        along += p->grad_written ? (double)(way[k] * grad[k]) : 0;
    }
    return along;
}

/* Central differences in each parameter. */
static void check_gradient(stoa_agent_trainer *t) {
    stoa_rng rng = stoa_rng_stream(4, "direction", 0);
    const float eps = 2e-3f;
    loss_of(t, true);
    for (int64_t i = 0; i < stoa_params_count(t->net.params); i++) {
        stoa_tensor *p = &stoa_params_at(t->net.params, i)->tensor;
        int64_t n = stoa_numel(p);
        float *value = p->data, *kept = stoa_alloc((size_t)n * sizeof *kept);
        float *way = stoa_alloc((size_t)n * sizeof *way);
        double length, want = choose_way(p, &rng, way, &length), found = 0;
        memcpy(kept, value, (size_t)n * sizeof *kept);
        for (int side = -1; side <= 1; side += 2) {
            for (int64_t k = 0; k < n; k++)
                value[k] = kept[k] + (float)side * eps * way[k];
            found += side * loss_of(t, false) / (2 * (double)eps);
        }
        memcpy(value, kept, (size_t)n * sizeof *kept);
        if (fabs(found - want) > 0.02 * length + 1e-3)
            fail_msg("%s: %g by differences, %g by the tape",
                     stoa_params_at(t->net.params, i)->name, found, want);
        stoa_free(kept), stoa_free(way);
    }
}

/* How much of the loss reaches the agent's parameter. */
static double reach(const stoa_agent_trainer *t, const char *name) {
    const stoa_param *p = stoa_params_find(t->net.params, name);
    double sum = 0;
    assert_non_null(p);
    for (int64_t i = 0; p->tensor.grad_written && i < stoa_numel(&p->tensor); i++)
        sum += fabs((double)((const float *)p->tensor.grad)[i]);
    return sum;
}

static void gradients_equal_finite_differences_and_reach_the_agent(void **state) {
    (void)state;
    stoa_agent_trainer *t = TRAINER(CHOICE, "objectives=explanations");
    steps(t, 1);
    check_gradient(t);
    assert_true(reach(t, "encoder.pictures.0.weight") > 1e-6);
    stoa_agent_trainer_free(t);
    static const char *const decoders[] = {"explanations.decoder=positions",
                                           "explanations.decoder=gru"};
    for (int i = 0; i < 2; i++) {
        t = TRAINER(ROOM, "objectives=explanations", "explanations.width=8", decoders[i]);
        steps(t, 1);
        check_gradient(t);
        assert_true(reach(t, "core.weight_h") > 1e-6 && reach(t, "encoder.list.table") > 1e-6);
        assert_true(reach(t, "heads.value.weight") == 0);
        stoa_agent_trainer_free(t);
    }
    t = TRAINER(ROOM, "objectives=reconstruction");
    steps(t, 1);
    check_gradient(t);
    stoa_agent_trainer_free(t);
}

/* Overwrites what is told in the last unroll with words that were not. */
static void retell(stoa_agent_trainer *t, const char *name, uint8_t word) {
    const stoa_unroll *u = &t->unrolls[0];
    for (int i = 0; i < t->spec.observation_count; i++)
        if (!strcmp(t->spec.observations[i].name, name))
            memset(u->observations[i], word,
                   (size_t)((u->steps + 1) * u->batch) *
                       stoa_space_bytes(&t->spec.observations[i]));
}

static void agents_do_not_read_what_is_told(void **state) {
    (void)state;
    stoa_agent_trainer *t = TRAINER(CHOICE, "objectives=explanations");
    steps(t, 1);
    const stoa_unroll *u = &t->unrolls[0];
    stoa_agent_output out;
    float before[64];
    for (int turn = 0; turn < 2; turn++) {
        stoa_agent_input in = stoa_unroll_input(&t->layout, &t->spec, u, 0, u->steps);
        stoa_ctx_reset(t->learner.ctx);
        stoa_agent_forward(t->learner.ctx, t->net.agent, &in, &u->state, NULL, &out);
        if (turn == 1)
            assert_memory_equal(before, out.logits[0]->data, sizeof before);
        memcpy(before, out.logits[0]->data, sizeof before);
        retell(t, "properties", 1);
        retell(t, "verdict", 1);
    }
    stoa_agent_trainer_free(t);
}

static void without_words_nothing_is_added_to_the_loss(void **state) {
    (void)state;
    static const char *const silent[] = {"env.explanations=none", "explanations.kinds=none"};
    stoa_agent_trainer *plain = TRAINER(CHOICE, "objectives=");
    steps(plain, 5);
    for (int i = 0; i < 2; i++) {
        stoa_agent_trainer *t = TRAINER(CHOICE, "objectives=explanations", silent[i]);
        stoa_agent_step r = steps(t, 5);
        assert_int_equal(r.objective_count, 0);
        const stoa_param *a = stoa_params_find(plain->net.params, "encoder.pictures.0.weight");
        const stoa_param *b = stoa_params_find(t->net.params, "encoder.pictures.0.weight");
        assert_memory_equal(a->tensor.data, b->tensor.data, stoa_nbytes(&a->tensor));
        stoa_agent_trainer_free(t);
    }
    stoa_agent_trainer_free(plain);
}

/* The loss is a mean over steps that tell something: silence of the others does not change it. */
static void silent_steps_do_not_change_the_weight_of_a_word(void **state) {
    (void)state;
    stoa_agent_trainer *t =
        TRAINER(CHOICE, "objectives=explanations", "explanations.kinds=properties");
    steps(t, 1);
    stoa_unroll *u = &t->unrolls[0];
    const stoa_space *s = &t->spec.observations[1];
    size_t bytes = stoa_space_bytes(s);
    uint8_t *told = u->observations[1];
    assert_string_equal(s->name, "properties");
    for (int64_t r = 1; r < u->steps * u->batch; r++) { /* all as the first */
        memcpy(told + (size_t)r * bytes, told, bytes);
        memcpy((uint8_t *)u->observations[0] + r * 972, u->observations[0], 972);
    }
    double all = loss_of(t, false);
    memset(told + bytes, 0, (size_t)(u->steps * u->batch - 1) * bytes);
    assert_true(fabs(loss_of(t, false) - all) < 1e-4 * all);
    stoa_agent_trainer_free(t);
}

static void an_agent_learns_to_name_what_it_sees(void **state) {
    (void)state;
    stoa_agent_trainer *t = TRAINER(CHOICE, "objectives=explanations", "agent.encoder_width=64");
    stoa_agent_step first = steps(t, 1), last = steps(t, 400);
    assert_true(figure(&first, "explanations/property_accuracy") < 0.8);
    assert_true(figure(&last, "explanations/property_accuracy") > 0.97);
    assert_true(figure(&last, "explanations/property_exact") > 0.8);
    assert_true(figure(&last, "explanations/reward_loss") <
                0.7 * figure(&first, "explanations/reward_loss"));
    stoa_agent_trainer_free(t);
    t = TRAINER(CHOICE, "objectives=explanations", "explanations.shuffled=true");
    last = steps(t, 200); /* nothing to be learned but how often words are said */
    assert_true(figure(&last, "explanations/property_accuracy") < 0.7);
    stoa_agent_trainer_free(t);
}

static void decoders_learn_sentences(void **state) {
    (void)state;
    static const char *const decoders[] = {"explanations.decoder=positions",
                                           "explanations.decoder=gru"};
    for (int i = 0; i < 2; i++) {
        stoa_agent_trainer *t = TRAINER(ROOM, "objectives=explanations", decoders[i]);
        double before = figure(&(stoa_agent_step[]){steps(t, 1)}[0], "explanations/property_loss");
        stoa_agent_step last = steps(t, 120);
        assert_true(figure(&last, "explanations/property_loss") < 0.5 * before);
        assert_true(figure(&last, "explanations/property_accuracy") > 0.6);
        stoa_agent_trainer_free(t);
    }
}

static void a_resumed_run_continues_bit_for_bit(void **state) {
    (void)state;
    char dir[] = "/tmp/stoa-explanations-XXXXXX";
    stoa_error err = {0};
    size_t n, m;
    assert_non_null(mkdtemp(dir));
    stoa_agent_trainer *whole = TRAINER(CHOICE, "objectives=explanations, reconstruction",
                                        "explanations.shuffled=true"),
                       *first = TRAINER(CHOICE, "objectives=explanations, reconstruction",
                                        "explanations.shuffled=true"),
                       *second = TRAINER(CHOICE, "objectives=explanations, reconstruction",
                                         "explanations.shuffled=true");
    steps(whole, 9);
    steps(first, 4);
    assert_int_equal(stoa_agent_trainer_save(first, dir, false, &err), STOA_OK);
    if (stoa_agent_trainer_load(second, dir, "latest", &err) != STOA_OK)
        fail_msg("%s", err.message);
    steps(second, 5);
    const float *a = stoa_params_values(whole->net.params, &n);
    const float *b = stoa_params_values(second->net.params, &m);
    assert_int_equal(n, m);
    assert_memory_equal(a, b, n * sizeof *a);
    stoa_agent_trainer_free(whole), stoa_agent_trainer_free(first);
    stoa_agent_trainer_free(second);
    assert_int_equal(stoa_remove_tree(dir, NULL), STOA_OK);
}

static void what_it_needs_is_named(void **state) {
    (void)state;
    static const struct {
        const char *sets[3], *word;
        stoa_status status;
    } cases[] = {
        {{"env.name=odd-one-out-choice", "objectives=explanations", "threads=1"},
         "agent.object_width",
         STOA_ERR_USAGE},
        {{"env.name=chain", "objectives=explanations", "threads=1"},
         "explanations.text",
         STOA_ERR_USAGE},
    };
    for (int i = 0; i < 2; i++) {
        stoa_agent_settings s;
        stoa_agent_trainer *t = NULL;
        stoa_error err = {0};
        assert_int_equal(settings_of(&s, cases[i].sets, 3, &err), STOA_OK);
        assert_int_equal(stoa_agent_trainer_new(&t, &s, &err), cases[i].status);
        assert_non_null(strstr(err.message, cases[i].word));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silent_steps_are_left_out_and_texts_have_an_end),
        cmocka_unit_test(values_that_are_not_told_are_no_targets),
        cmocka_unit_test(shuffled_words_are_another_instances_of_the_same_kind),
        cmocka_unit_test(one_instance_alone_shuffles_its_own_steps),
        cmocka_unit_test(gradients_equal_finite_differences_and_reach_the_agent),
        cmocka_unit_test(agents_do_not_read_what_is_told),
        cmocka_unit_test(without_words_nothing_is_added_to_the_loss),
        cmocka_unit_test(silent_steps_do_not_change_the_weight_of_a_word),
        cmocka_unit_test(an_agent_learns_to_name_what_it_sees),
        cmocka_unit_test(decoders_learn_sentences),
        cmocka_unit_test(a_resumed_run_continues_bit_for_bit),
        cmocka_unit_test(what_it_needs_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
