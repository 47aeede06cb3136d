/* test_chain.c - Chain step by step, and its exact value against many played episodes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "env/chain.h"
#include "world.h"

enum { LEFT, RIGHT };

static int position(const world *w) {
    return *(const uint8_t *)w->memory.buffers.observations[0];
}

static void five_steps_left_touch_the_trigger_and_pay_at_the_end(void **state) {
    (void)state;
    world w = world_open("chain", 1, 0);
    const stoa_env_buffers *b = &w.memory.buffers;
    assert_int_equal(position(&w), 10);
    for (int t = 1; t <= 30; t++) {
        const float *time = b->observations[1];
        assert_near(time[0], (float)(t - 1) / 30, 1e-6);
        assert_true(time[1] == (float)(t == 30));
        world_step_all(&w, t <= 5 ? LEFT : RIGHT);
        if (t <= 5)
            assert_int_equal(position(&w), 10 - t);
        else if (t < 15)
            assert_int_equal(position(&w), t);
        else if (t < 30)
            assert_int_equal(position(&w), 21); /* the corridor */
        assert_int_equal(b->events[0], t == 5);
        assert_int_equal(b->terminated[0], t == 30);
        assert_int_equal(b->truncated[0], 0);
        assert_true(b->rewards[0] == (float)(t == 30));
    }
    assert_true(b->metrics[0] == 1);
    assert_int_equal(*(const uint8_t *)b->final_observations[0], 21);
    assert_int_equal(position(&w), 10); /* and anew */
    world_close(&w);
}

static void missing_the_trigger_costs_one(void **state) {
    (void)state;
    world w = world_open("chain", 1, 0);
    for (int t = 1; t <= 30; t++) {
        world_step_all(&w, RIGHT);
        if (t == 12)
            assert_int_equal(position(&w), 20); /* the end of the line */
    }
    assert_true(w.memory.buffers.rewards[0] == -1);
    assert_true(w.memory.buffers.metrics[0] == 0);
    world_close(&w);
}

static void the_corridor_cannot_be_walked(void **state) {
    (void)state;
    world w = world_open("chain", 1, 0);
    for (int t = 1; t <= 30; t++) /* at 6 when the walk ends */
        world_step_all(&w, t <= 4 ? LEFT : t <= 15 ? t % 2 : LEFT);
    assert_true(w.memory.buffers.rewards[0] == -1);
    world_close(&w);
}

static void the_time_can_be_left_out(void **state) {
    (void)state;
    world w = world_open_with("chain", 1, 0, "time=false");
    assert_int_equal(stoa_env_spec_of(w.env)->observation_count, 1);
    world_step_all(&w, LEFT);
    assert_int_equal(position(&w), 9);
    world_close(&w);
}

/* Mean return of `count` episodes of the policy that goes left with probability p. */
static double played(const stoa_chain_config *config, double p, int count) {
    stoa_env_options options = {.name = "chain", .config = config, .count = count};
    world w = world_open_options(&options);
    double sum = 0;
    for (int64_t t = 0; t < config->steps; t++) {
        for (int i = 0; i < count; i++)
            ((int32_t *)w.memory.actions[0])[i] = stoa_rng_uniform(&w.rng) < p ? LEFT : RIGHT;
        world_step(&w);
    }
    for (int i = 0; i < count; i++)
        sum += (double)w.memory.buffers.rewards[i];
    world_close(&w);
    return sum / count;
}

static void the_exact_value_is_what_play_earns(void **state) {
    (void)state;
    static const stoa_chain_config worlds[] = {
        {21, 5, 15, 30, true}, {21, 15, 15, 30, true}, {7, 0, 10, 12, false}, {9, 4, 3, 9, true}};
    for (size_t k = 0; k < sizeof worlds / sizeof *worlds; k++)
        for (double p = 0; p < 1.1; p += 0.25) {
            enum { COUNT = 4000 };
            double value = stoa_chain_value(&worlds[k], p);
            double error = sqrt((1 - value * value) / COUNT);
            assert_near(played(&worlds[k], p, COUNT), value, 4.5 * error + 1e-9);
        }
}

static void values_that_can_be_worked_out_by_hand(void **state) {
    (void)state;
    stoa_chain_config c = {5, 1, 1, 3, true}; /* one step decides */
    assert_near(stoa_chain_value(&c, 0), -1, 1e-12);
    assert_near(stoa_chain_value(&c, 0.25), -0.5, 1e-12);
    assert_near(stoa_chain_value(&c, 1), 1, 1e-12);
    c.walk = 2; /* the second step cannot come back in time */
    assert_near(stoa_chain_value(&c, 0.25), -0.5, 1e-12);
    c.walk = 3, c.steps = 4; /* left, or right-left-left */
    assert_near(stoa_chain_value(&c, 0.5), 2 * (0.5 + 0.125) - 1, 1e-12);
}

static void a_walk_as_long_as_the_episode_is_refused(void **state) {
    (void)state;
    static const char *const set[] = {"walk=30"};
    stoa_env *env;
    stoa_error err = {0};
    stoa_env_options options = {.name = "chain", .set = set, .set_count = 1, .count = 1};
    assert_int_equal(stoa_env_new(&env, &options, &err), STOA_ERR_USAGE);
    assert_string_equal(err.message, "environment chain: walk (30) must be less than steps (30)");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_steps_left_touch_the_trigger_and_pay_at_the_end),
        cmocka_unit_test(missing_the_trigger_costs_one),
        cmocka_unit_test(the_corridor_cannot_be_walked),
        cmocka_unit_test(the_time_can_be_left_out),
        cmocka_unit_test(the_exact_value_is_what_play_earns),
        cmocka_unit_test(values_that_can_be_worked_out_by_hand),
        cmocka_unit_test(a_walk_as_long_as_the_episode_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
