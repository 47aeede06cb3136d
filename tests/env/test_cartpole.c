/* test_cartpole.c - CartPole against trajectories of Gymnasium 1.4's CartPole-v1, which was given
 * the first state of our seed 1 and the same actions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "world.h"

static const float first[4] = {-0.0316474251f, -0.0046953042f, 0.0269365609f, -0.019060012f};

static void assert_state(const float *actual, const float *expected, double tolerance) {
    for (int k = 0; k < 4; k++)
        assert_near(actual[k], expected[k], tolerance);
}

static const float *seen(const world *w) {
    return w->memory.buffers.observations[0];
}

/* The last observation of the episode that has just ended, after `steps` steps. */
static const float *ending(const world *w, bool terminated, bool truncated, int steps) {
    assert_int_equal(w->memory.buffers.terminated[0], terminated);
    assert_int_equal(w->memory.buffers.truncated[0], truncated);
    assert_true(w->memory.buffers.metrics[0] == (float)steps);
    return w->memory.buffers.final_observations[0];
}

static void pushing_right_falls_as_gymnasium_does(void **state) {
    (void)state;
    static const struct {
        int step;
        float state[4];
    } known[] = {{1, {-0.03174133f, 0.1900302f, 0.02655536f, -0.3031239f}},
                 {2, {-0.02794073f, 0.3847638f, 0.02049288f, -0.587315f}},
                 {5, {0.006838303f, 0.9698293f, -0.03199073f, -1.458798f}}};
    static const float last[4] = {0.1429658f, 1.94898f, -0.2402024f, -3.067971f};
    world w = world_open("cartpole", 1, 1);
    assert_state(seen(&w), first, 0);
    int next = 0;
    for (int t = 1; t <= 10; t++) {
        world_step_all(&w, 1);
        assert_true(w.memory.buffers.rewards[0] == 1);
        if (next < 3 && known[next].step == t)
            assert_state(seen(&w), known[next++].state, 2e-7);
        assert_int_equal(w.memory.buffers.terminated[0], t == 10);
    }
    assert_state(ending(&w, true, false, 10), last, 1e-6);
    for (int k = 0; k < 4; k++) /* and a new episode has begun */
        assert_true(seen(&w)[k] >= -0.05f && seen(&w)[k] <= 0.05f);
    world_close(&w);
}

static void alternating_pushes_fall_as_gymnasium_does(void **state) {
    (void)state;
    static const float tenth[4] = {-0.0525243f, -0.01029543f, 0.06181054f, 0.1046764f};
    static const float last[4] = {-0.0900843f, -0.03606055f, 0.2105444f, 0.6870705f};
    world w = world_open("cartpole", 1, 1);
    for (int t = 1; t <= 26; t++) {
        world_step_all(&w, (t + 1) % 2);
        if (t == 10)
            assert_state(seen(&w), tenth, 1e-6);
        assert_int_equal(w.memory.buffers.terminated[0], t == 26);
    }
    assert_state(ending(&w, true, false, 26), last, 1e-5);
    world_close(&w);
}

static int32_t balance(const float *s) {
    return 3 * s[2] + s[3] > 0;
}

static void a_pole_that_stands_is_cut_off_after_500_steps(void **state) {
    (void)state;
    static const float tenth[4] = {-0.0133338f, -0.006873507f, -0.0004234453f, 0.02899714f};
    static const float hundredth[4] = {-0.01972094f, -0.005411132f, -2.440411e-05f, -0.003262124f};
    world w = world_open("cartpole", 1, 1);
    for (int t = 1; t <= 500; t++) {
        world_step_all(&w, balance(seen(&w)));
        if (t == 10)
            assert_state(seen(&w), tenth, 1e-6);
        if (t == 100)
            assert_state(seen(&w), hundredth, 1e-4);
        assert_int_equal(w.memory.buffers.truncated[0], t == 500);
    }
    ending(&w, false, true, 500);
    world_close(&w);
}

static void the_cut_is_a_setting(void **state) {
    (void)state;
    world w = world_open_with("cartpole", 1, 1, "steps=10"); /* falls and is cut off at once */
    for (int t = 1; t <= 10; t++)
        world_step_all(&w, 1);
    ending(&w, true, true, 10);
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pushing_right_falls_as_gymnasium_does),
        cmocka_unit_test(alternating_pushes_fall_as_gymnasium_does),
        cmocka_unit_test(a_pole_that_stands_is_cut_off_after_500_steps),
        cmocka_unit_test(the_cut_is_a_setting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
