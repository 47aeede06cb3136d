/* test_catch.c - Catch, drop by drop: what a board shows, when a catch is paid, what it scores. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "env/catch.h"
#include "world.h"

/* The filled cells of a board, from the top; -1 when there is none. */
static int filled(const world *w, int64_t instance, int64_t cells, int nth) {
    const uint8_t *board = (const uint8_t *)w->memory.buffers.observations[0] + instance * cells;
    for (int k = 0; k < cells; k++)
        if (board[k] && nth-- == 0)
            return k;
    return -1;
}

/* Towards the ball of a 10 x 5 board. */
static int32_t chase(const world *w, int64_t i) {
    int ball = filled(w, i, 50, 0), paddle = filled(w, i, 50, 1);
    if (paddle < 0) /* the ball lies on the paddle */
        return 1;
    return 1 + (ball % 5 > paddle % 5) - (ball % 5 < paddle % 5);
}

static void a_ball_falls_a_row_a_step_and_shows_where_it_lands(void **state) {
    (void)state;
    world w = world_open("catch", 1, 1);
    int column = filled(&w, 0, 50, 0);
    assert_in_range(column, 0, 4);
    assert_int_equal(filled(&w, 0, 50, 1), 47); /* the paddle, in the middle */
    for (int t = 1; t < 9; t++) {
        world_step_all(&w, column == 2 ? 0 : 1); /* out of its way */
        assert_int_equal(filled(&w, 0, 50, 0), 5 * t + column);
        assert_int_equal(w.memory.buffers.events[0], 0);
    }
    world_step_all(&w, 1);
    int paddle = column == 2 ? 45 : 47, ball = 45 + column; /* one frame shows where it landed */
    assert_int_equal(filled(&w, 0, 50, 0), ball < paddle ? ball : paddle);
    assert_int_equal(filled(&w, 0, 50, 1), ball < paddle ? paddle : ball);
    assert_int_equal(w.memory.buffers.events[0], 2);
    world_step_all(&w, 1);
    assert_in_range(filled(&w, 0, 50, 0), 0, 4); /* the next ball */
    assert_int_equal(w.memory.buffers.events[0], 0);
    world_close(&w);
}

static void the_paddle_stops_at_the_walls(void **state) {
    (void)state;
    world w = world_open("catch", 1, 1);
    for (int t = 0; t < 4; t++)
        world_step_all(&w, 0);
    assert_int_equal(filled(&w, 0, 50, 1), 45);
    world_step_all(&w, 2);
    assert_int_equal(filled(&w, 0, 50, 1), 46);
    for (int t = 0; t < 3; t++)
        world_step_all(&w, 2);
    assert_int_equal(filled(&w, 0, 50, 1), 49);
    world_close(&w);
}

/* 20 drops under a policy; checks that nothing is paid before the end; returns the sum. */
static float delayed_episode(world *w, bool perfect) {
    const stoa_env_buffers *b = &w->memory.buffers;
    int catches = 0;
    for (int t = 1; t <= 200; t++) {
        const float *time = b->observations[1];
        assert_near(time[0], (float)(t - 1) / 200, 1e-6);
        assert_true(time[1] == (float)(t == 200));
        world_step_all(w, perfect ? chase(w, 0) : 0);
        catches += b->events[0] == 1;
        assert_int_equal(b->events[0] != 0, t % 10 == 9);
        assert_int_equal(b->terminated[0], t == 200);
        assert_int_equal(b->truncated[0], 0);
        if (t < 200)
            assert_near(b->rewards[0], 0, 0);
    }
    assert_near(b->rewards[0], catches, 0);
    assert_near(b->metrics[0], (float)catches / 20, 1e-6);
    return b->rewards[0];
}

static void catches_are_paid_as_one_sum_on_the_last_step(void **state) {
    (void)state;
    world w = world_open("catch", 1, 4);
    assert_near(delayed_episode(&w, true), 20, 0);
    assert_true(delayed_episode(&w, false) < 20);
    assert_near(delayed_episode(&w, true), 20, 0);
    world_close(&w);
}

static void the_last_observation_of_an_episode_shows_no_ball(void **state) {
    (void)state;
    world w = world_open_with("catch", 1, 4, "drops=1");
    for (int t = 0; t < 10; t++)
        world_step_all(&w, 1);
    assert_int_equal(w.memory.buffers.terminated[0], 1);
    const uint8_t *last = w.memory.buffers.final_observations[0];
    for (int k = 0; k < 50; k++)
        assert_int_equal(last[k], k == 47);
    const float *time = w.memory.buffers.final_observations[1];
    assert_near(time[0], 1, 0);
    assert_near(time[1], 0, 0);
    world_close(&w);
}

static void immediate_reward_pays_each_catch_as_it_lands(void **state) {
    (void)state;
    world w = world_open_with("catch", 1, 4, "reward=immediate");
    const stoa_env_buffers *b = &w.memory.buffers;
    for (int t = 1; t <= 200; t++) {
        world_step_all(&w, chase(&w, 0));
        assert_true(b->rewards[0] == (float)(t % 10 == 9));
    }
    world_close(&w);
}

static void random_play_catches_one_in_five(void **state) {
    (void)state;
    enum { COUNT = 64, EPISODES = 8 };
    world w = world_open("catch", COUNT, 2);
    double sum = 0;
    for (int t = 0; t < 200 * EPISODES; t++) {
        world_step_randomly(&w);
        for (int i = 0; i < COUNT && (t + 1) % 200 == 0; i++)
            sum += (double)w.memory.buffers.metrics[i];
    }
    /* 10240 drops: standard error 0.004 */
    assert_near(sum / (COUNT * EPISODES), 0.2, 0.016);
    assert_near(stoa_env_spec_of(w.env)->chance, 0.2, 1e-12);
    world_close(&w);
}

/* Boards of other sizes take other paths through the writer. */
static void boards_of_every_size_show_one_ball_and_one_paddle(void **state) {
    (void)state;
    static const char *const sizes[][2] = {{"rows=2", "columns=2"},  {"rows=8", "columns=8"},
                                           {"rows=13", "columns=5"}, {"rows=64", "columns=64"},
                                           {"rows=64", "columns=2"}, {"rows=3", "columns=21"}};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        enum { COUNT = 41 };
        stoa_env_options options = {
            .name = "catch", .set = sizes[k], .set_count = 2, .count = COUNT, .seed = 9};
        world w = world_open_options(&options);
        const stoa_space *space = &stoa_env_spec_of(w.env)->observations[0];
        int64_t rows = space->shape[0], columns = space->shape[1], cells = rows * columns;
        for (int t = 1; t < rows * 3; t++) {
            world_step_randomly(&w);
            for (int64_t i = 0; i < COUNT; i++) {
                int first = filled(&w, i, cells, 0), second = filled(&w, i, cells, 1);
                bool landed = t % rows == rows - 1;
                assert_int_equal(filled(&w, i, cells, 2), -1);
                assert_true(landed || first / columns == t % rows);
                assert_true(second < 0 || second / columns == rows - 1);
                assert_true(second >= 0 || w.memory.buffers.events[i] == 1);
            }
        }
        world_close(&w);
    }
}

static void the_image_shows_the_board_in_colours(void **state) {
    (void)state;
    static const char *const set[] = {"observation=image", "cell=3", "time=false"};
    stoa_env_options options = {.name = "catch", .set = set, .set_count = 3, .count = 2, .seed = 3};
    world image = world_open_options(&options), board = world_open("catch", 2, 3);
    const stoa_env_spec *spec = stoa_env_spec_of(image.env);
    assert_int_equal(spec->observation_count, 1);
    assert_int_equal(spec->observations[0].kind, STOA_SPACE_IMAGE);
    assert_int_equal(stoa_space_numel(&spec->observations[0]), 30 * 15 * 3);
    for (int t = 0; t < 9; t++) {
        const uint8_t *pixels = image.memory.buffers.observations[0];
        const uint8_t *cells = board.memory.buffers.observations[0];
        for (int i = 0; i < 2; i++)
            for (int y = 0; y < 30; y++)
                for (int x = 0; x < 15; x++) {
                    const uint8_t *p = pixels + ((i * 30 + y) * 15 + x) * 3;
                    bool coloured = p[0] != p[1] || p[1] != p[2];
                    assert_int_equal(coloured, cells[i * 50 + y / 3 * 5 + x / 3]);
                }
        world_step_all(&image, 1);
        world_step_all(&board, 1);
    }
    world_close(&image);
    world_close(&board);
}

static void the_text_shows_ball_and_paddle(void **state) {
    (void)state;
    world w = world_open_with("catch", 1, 1, "rows=3");
    stoa_buffer text = {0};
    assert_true(stoa_env_render_text(w.env, 0, &text));
    assert_non_null(strchr(text.data, 'o'));
    assert_non_null(strstr(text.data, "\n..=..\n"));
    assert_non_null(strstr(text.data, "drop 1 of 20, 0 caught\n"));
    stoa_buffer_deinit(&text);
    world_close(&w);
}

static void settings_outside_their_ranges_are_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {"rows=1", "columns=65", "drops=0", "reward=never"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        stoa_env *env;
        stoa_error err = {0};
        stoa_env_options options = {.name = "catch", .set = &wrong[i], .set_count = 1, .count = 1};
        assert_int_equal(stoa_env_new(&env, &options, &err), STOA_ERR_USAGE);
        assert_null(env);
        assert_non_null(strstr(err.message, "environment catch: "));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ball_falls_a_row_a_step_and_shows_where_it_lands),
        cmocka_unit_test(the_paddle_stops_at_the_walls),
        cmocka_unit_test(catches_are_paid_as_one_sum_on_the_last_step),
        cmocka_unit_test(the_last_observation_of_an_episode_shows_no_ball),
        cmocka_unit_test(immediate_reward_pays_each_catch_as_it_lands),
        cmocka_unit_test(random_play_catches_one_in_five),
        cmocka_unit_test(boards_of_every_size_show_one_ball_and_one_paddle),
        cmocka_unit_test(the_image_shows_the_board_in_colours),
        cmocka_unit_test(the_text_shows_ball_and_paddle),
        cmocka_unit_test(settings_outside_their_ranges_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
