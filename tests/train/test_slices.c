/*
 * tests/train/test_slices.c - acting in slices of the instances against acting with all of them at
 * once, which is the reference: the same unrolls, states, worlds and figures of episodes.
 *
 * With matrix tiles a row's bits do not depend on its neighbours. A float32 product of oneDNN may
 * choose another order of summation for another number of rows, so there values may differ in their
 * last bits; draws are keyed by the instance and worlds move by them, so those are equal all the
 * same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "train/agent_trainer.h"

static stoa_agent_settings settings_of(const char *const *sets, int count) {
    static const char *const small[] = {
        "env.name=chain",         "env.instances=70",       "agent.encoder_width=32",
        "agent.core_width=16",    "agent.core_layers=2",    "agent.core_heads=2",
        "agent.core_memory=4",    "agent.memory_width=8",   "agent.memory_rows=6",
        "agent.last_action=true", "agent.last_reward=true", "train.unroll=9",
        "train.steps=100000",     "train.eval_episodes=0",  "threads=2"};
    enum { SMALL = sizeof small / sizeof *small };
    const char *all[SMALL + 8];
    memcpy(all, small, sizeof small);
    memcpy(all + SMALL, sets, (size_t)count * sizeof *sets);
    stoa_agent_settings s;
    stoa_error err = {0};
    if (stoa_agent_settings_load(&s, NULL, all, SMALL + count, &err) != STOA_OK ||
        stoa_agent_settings_check(&s, &err) != STOA_OK)
        fail_msg("%s", err.message);
    return s;
}

static stoa_agent_trainer *trainer_of(const stoa_agent_settings *s, int slices) {
    stoa_agent_trainer *t = NULL;
    stoa_error err = {0};
    if (stoa_agent_trainer_new(&t, s, &err) != STOA_OK ||
        stoa_actor_share(&t->actor, slices, &err) != STOA_OK)
        fail_msg("%s", err.message);
    return t;
}

static void steps(stoa_agent_trainer *t, int count) {
    stoa_agent_step r;
    stoa_error err = {0};
    for (int i = 0; i < count; i++)
        if (stoa_agent_trainer_step(t, &r, &err) != STOA_OK)
            fail_msg("%s", err.message);
}

/* Networks' numbers may differ by this; 0: not at all. */
static void same_numbers(const char *what, const void *a, const void *b, size_t bytes,
                         double tolerance) {
    const float *x = a, *y = b;
    double most = 0;
    for (size_t i = 0; i < bytes / sizeof *x; i++)
        most = fmax(most, fabs((double)(x[i] - y[i])) / fmax(1, fabs((double)x[i])));
    if (!(most <= tolerance))
        fail_msg("%s differ by %g", what, most);
}

static void same_unroll(const stoa_agent_trainer *a, const stoa_agent_trainer *b,
                        double tolerance) {
    const stoa_unroll *u = &a->unrolls[0], *v = &b->unrolls[0];
    for (int i = 0; i < a->layout.count; i++) {
        const stoa_unroll_array *array = &a->layout.items[i];
        size_t bytes = (size_t)(array->rows * u->batch) * array->bytes;
        const void *x = stoa_unroll_row(u, array, 0), *y = stoa_unroll_row(v, array, 0);
        bool network = strcmp(array->name, "values") == 0 ||
                       strcmp(array->name, "final_values") == 0 ||
                       strcmp(array->name, "log_probs") == 0;
        if (network)
            same_numbers(array->name, x, y, bytes, tolerance);
        else if (memcmp(x, y, bytes) != 0)
            fail_msg("%s differ", array->name);
    }
    same_numbers("states", a->actor.state.data, b->actor.state.data,
                 (size_t)(a->actor.state.batch * a->actor.state.width) * sizeof(float), tolerance);
    assert_true(stoa_env_hash(a->actor.env) == stoa_env_hash(b->actor.env));
    stoa_agent_scores x = stoa_agent_trainer_scores(a), y = stoa_agent_trainer_scores(b);
    assert_memory_equal(x.mean, y.mean, sizeof x.mean);
    assert_int_equal(stoa_agent_trainer_episodes(a), stoa_agent_trainer_episodes(b));
}

/* Unrolls of one policy (nothing is learned), in 1, 2 and 3 slices. */
static void compare(const char *const *sets, int count, double tolerance) {
    const stoa_agent_settings s = settings_of(sets, count);
    stoa_agent_trainer *plain = trainer_of(&s, 1);
    for (int slices = 2; slices <= 3; slices++) {
        stoa_agent_trainer *cut = trainer_of(&s, slices);
        assert_int_equal(cut->actor.slice_count, slices);
        for (int unroll = 1; unroll <= 3; unroll++) {
            steps(cut, 1);
            if (slices == 2)
                steps(plain, 1);
        }
        same_unroll(plain, cut, tolerance);
        stoa_agent_trainer_free(cut);
    }
    stoa_agent_trainer_free(plain);
}

#define COMPARE(tolerance, ...)                                                                    \
    compare((const char *[]){"train.rate=0", __VA_ARGS__},                                         \
            sizeof((const char *[]){"train.rate=0", __VA_ARGS__}) / sizeof(char *), tolerance)

static const double last_bits = 1e-5;

static double in_bf16(void) {
    return stoa_cpu_has_tiles() ? 0 : last_bits;
}

static void every_core_acts_in_slices(void **state) {
    (void)state;
    static const char *const cores[] = {"agent.core=none", "agent.core=lstm",
                                        "agent.core=transformer", "agent.core=memory"};
    for (int i = 0; i < 4; i++) {
        COMPARE(last_bits, "env.name=chain", cores[i]);
        COMPARE(in_bf16(), "env.name=chain", cores[i], "precision=bf16");
    }
}

static void every_encoder_acts_in_slices(void **state) {
    (void)state;
    COMPARE(last_bits, "env.name=catch", "env.observation=image", "env.rows=5", "env.cell=1",
            "env.instances=12", "train.unroll=3", "agent.image=small");
    COMPARE(last_bits, "env.name=key-to-door", "agent.core=lstm");
    COMPARE(last_bits, "env.name=slalom", "agent.core=none");
}

static void cut_off_episodes_are_valued_in_slices(void **state) {
    (void)state;
    /* more often than a slice has rows */
    COMPARE(last_bits, "env.name=cartpole", "env.steps=3", "agent.core=lstm");
    COMPARE(in_bf16(), "env.name=cartpole", "env.steps=3", "agent.core=lstm", "precision=bf16");
}

static void the_value_behind_the_last_step_is_seen_in_slices(void **state) {
    (void)state;
    COMPARE(last_bits, "env.name=chain", "train.learner=ppo", "train.ppo_minibatches=2",
            "agent.core=lstm");
}

static void slices_are_for_worlds_whose_instances_step_apart(void **state) {
    (void)state;
    const stoa_agent_settings s = settings_of((const char *[]){"env.name=chain"}, 1);
    stoa_agent_trainer *t = trainer_of(&s, 1);
    assert_true(stoa_env_divisible(t->actor.env));
    assert_int_equal(stoa_actor_best_slices(&t->actor), 2);
    assert_ptr_equal(t->actor.slices[0].ctx, t->actor.ctx);
    stoa_agent_trainer_free(t);
    const stoa_agent_settings one = settings_of((const char *[]){"env.instances=1"}, 1);
    t = trainer_of(&one, 1);
    assert_int_equal(stoa_actor_best_slices(&t->actor), 1);
    stoa_agent_trainer_free(t);
}

/* Slices of every size cover all instances once. */
static void slices_cover_every_instance_once(void **state) {
    (void)state;
    const int64_t counts[] = {1, 5, 64, 70, 300};
    for (int i = 0; i < 5; i++) {
        char instances[32];
        snprintf(instances, sizeof instances, "env.instances=%d", (int)counts[i]);
        const stoa_agent_settings s = settings_of((const char *[]){instances}, 1);
        for (int slices = 1; slices <= 4 && slices <= counts[i]; slices++) {
            stoa_agent_trainer *t = trainer_of(&s, slices);
            int64_t next = 0;
            for (int k = 0; k < slices; k++) {
                assert_int_equal(t->actor.slices[k].first, next);
                assert_true(t->actor.slices[k].count > 0);
                next += t->actor.slices[k].count;
            }
            assert_int_equal(next, counts[i]);
            stoa_agent_trainer_free(t);
        }
    }
}

static void training_in_slices_is_exact(void **state) {
    (void)state;
    const char *const sets[] = {"env.name=cartpole", "env.steps=7", "agent.core=lstm",
                                "train.rate=0.01", "precision=bf16"};
    const stoa_agent_settings s = settings_of(sets, 5);
    stoa_agent_trainer *a = trainer_of(&s, 2), *b = trainer_of(&s, 2);
    steps(a, 30);
    steps(b, 30);
    same_unroll(a, b, 0);
    stoa_agent_trainer_free(a), stoa_agent_trainer_free(b);
}

/* Learning from what acting left behind against walking through the unroll again. */
static void learning_takes_what_acting_left(void **state) {
    (void)state;
    static const char *const precisions[] = {"precision=f32", "precision=bf16"};
    for (int i = 0; i < 2; i++) {
        const char *const sets[] = {"env.name=cartpole", "env.steps=7",         "agent.core=lstm",
                                    "train.rate=0.01",   "agent.core_width=32", precisions[i]};
        const stoa_agent_settings s = settings_of(sets, 6);
        stoa_agent_trainer *kept = trainer_of(&s, 2), *again = trainer_of(&s, 2);
        assert_non_null(kept->actor.trace);
        again->actor.trace = NULL;
        steps(kept, 10);
        steps(again, 10);
        same_unroll(kept, again, i == 0 ? 1e-3 : 100 * in_bf16());
        stoa_agent_trainer_free(kept), stoa_agent_trainer_free(again);
    }
    /* the weights that act are not those that learn, or rows are learned from more than once */
    static const char *const others[] = {"train.pipeline=true", "train.learner=ppo"};
    for (int i = 0; i < 2; i++) {
        const stoa_agent_settings s =
            settings_of((const char *[]){others[i], "train.ppo_minibatches=2"}, 2);
        stoa_agent_trainer *t = trainer_of(&s, 2);
        assert_null(t->actor.trace);
        stoa_agent_trainer_free(t);
    }
}

/* A transformer that acts with kept keys and values against one that makes them at every step:
 * learning from both, over many unrolls. */
static void acting_with_kept_keys_learns_the_same(void **state) {
    (void)state;
    static const char *const learners[] = {"train.learner=vtrace", "train.learner=ppo",
                                           "train.pipeline=true"};
    for (int i = 0; i < 3; i++) {
        const char *const sets[] = {"env.name=cartpole",       "env.steps=7",
                                    "agent.core=transformer",  "train.rate=0.001",
                                    "train.ppo_minibatches=2", learners[i]};
        const stoa_agent_settings s = settings_of(sets, 6);
        stoa_agent_trainer *kept = trainer_of(&s, 2), *plain = trainer_of(&s, 2);
        assert_int_equal(kept->actor.cache.blocks, 2);
        for (int k = 0; k < 2; k++)
            plain->actor.slices[k].state.cache = NULL;
        steps(kept, 10);
        steps(plain, 10);
        for (int64_t b = 0; b < s.instances; b++) /* it was in use in the one, not in the other */
            assert_true(kept->actor.cache.made[b] > 0 && plain->actor.cache.made[b] == 0);
        same_unroll(kept, plain, 1e-3);
        stoa_agent_trainer_free(kept), stoa_agent_trainer_free(plain);
    }
}

/* Instance i of B begins i * L / B steps into an episode of L; without, all begin together. */
static void staggered_instances_begin_at_every_phase(void **state) {
    (void)state;
    for (int staggered = 0; staggered < 2; staggered++) {
        const stoa_agent_settings s =
            settings_of((const char *[]){"env.name=catch", "env.drops=3",
                                         staggered ? "train.stagger=true" : "train.stagger=false"},
                        3);
        stoa_agent_trainer *t = trainer_of(&s, 2);
        stoa_error err = {0};
        stoa_unroll *u = &t->unrolls[0];
        assert_int_equal(t->spec.max_steps, 30);
        assert_int_equal(stoa_actor_begin(&t->actor, u, &err), STOA_OK);
        const float *time = stoa_unroll_row(u, &t->layout.items[1], u->steps); // (B, 2)
        for (int64_t i = 0; i < u->batch; i++) {
            int64_t played = staggered ? i * 30 / u->batch : 0;
            assert_int_equal(lroundf(time[2 * i] * 30), played);
            assert_true(u->reset[u->steps * u->batch + i] == 1);
            assert_true(u->rewards[u->steps * u->batch + i] == 0);
        }
        steps(t, 20); /* and every later unroll sees an end */
        int64_t ends = 0;
        for (int64_t i = 0; i < u->steps * u->batch; i++)
            ends += u->terminated[u->batch + i];
        assert_true(staggered ? ends > 0 && ends < u->batch : ends == 0 || ends == u->batch);
        stoa_agent_trainer_free(t);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(staggered_instances_begin_at_every_phase),
        cmocka_unit_test(every_core_acts_in_slices),
        cmocka_unit_test(every_encoder_acts_in_slices),
        cmocka_unit_test(cut_off_episodes_are_valued_in_slices),
        cmocka_unit_test(the_value_behind_the_last_step_is_seen_in_slices),
        cmocka_unit_test(slices_are_for_worlds_whose_instances_step_apart),
        cmocka_unit_test(slices_cover_every_instance_once),
        cmocka_unit_test(training_in_slices_is_exact),
        cmocka_unit_test(learning_takes_what_acting_left),
        cmocka_unit_test(acting_with_kept_keys_learns_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
