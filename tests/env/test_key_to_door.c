/* test_key_to_door.c - Key-to-Door keeps the rules of the public game, frame for frame: each rule
 * by itself, and whole episodes recorded from the public program. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <xxhash.h>

#include "env/key_to_door.h"

enum { NORTH, SOUTH, WEST, EAST };
enum { FLOOR, WALL, PLAYER, KEY, DOOR, APPLE, INDICATOR };
enum { NO_EVENT, KEY_EVENT, APPLE_EVENT, DOOR_EVENT };

typedef struct world {
    stoa_env *env;
    stoa_env_memory m;
} world;

static stoa_status try_world(world *w, const char *const *set, int set_count, int64_t count,
                             stoa_error *err) {
    stoa_env_options options = {
        .name = "key-to-door", .set = set, .set_count = set_count, .count = count, .seed = 7};
    memset(w, 0, sizeof *w);
    STOA_TRY(stoa_env_new(&w->env, &options, err));
    STOA_TRY(stoa_env_memory_init(&w->m, w->env, err));
    return stoa_env_reset(w->env, NULL, &w->m.buffers, err);
}

static world open_world(const char *const *set, int set_count, int64_t count) {
    world w;
    stoa_error err = {0};
    if (try_world(&w, set, set_count, count, &err) != STOA_OK)
        fail_msg("%s", err.message);
    return w;
}

static void close_world(world *w) {
    stoa_env_memory_deinit(&w->m);
    stoa_env_free(w->env);
    assert_int_equal(stoa_alloc_statistics().live, 0);
}

static const char *const cells_set[] = {"observation=cells"};
static const stoa_key_to_door_layout usual = {4, 5, 2, 5, 0x3fffff, 10};

/* One instance that shows cells, in this layout. */
static world lay_out(const stoa_key_to_door_layout *layout) {
    world w = open_world(cells_set, 1, 1);
    stoa_key_to_door_begin(w.env, 0, layout);
    return w;
}

static void go(world *w, int action) {
    for (int64_t i = 0; i < stoa_env_count(w->env); i++)
        ((int32_t *)w->m.actions[0])[i] = action;
    assert_int_equal(stoa_env_step(w->env, NULL, &w->m.buffers, NULL), STOA_OK);
}

static void repeat(world *w, int action, int times) {
    for (int t = 0; t < times; t++)
        go(w, action);
}

/* The cell so many rows below and columns right of the player. */
static int sees(const world *w, int down, int right) {
    return ((const uint8_t *)w->m.buffers.observations[0])[(down + 2) * 5 + right + 2];
}

static float reward(const world *w) {
    return w->m.buffers.rewards[0];
}

static int event(const world *w) {
    return w->m.buffers.events[0];
}

static void draws(const world *w, const char *picture) {
    stoa_buffer text = {0};
    assert_true(stoa_env_render_text(w->env, 0, &text));
    if (strncmp(text.data, picture, strlen(picture)) != 0)
        fail_msg("expected\n%s\nfound\n%s", picture, text.data);
    stoa_buffer_deinit(&text);
}

/* ---- explore --------------------------------------------------------------------------------- */

static void the_first_room_has_a_key_above_and_the_player_below(void **state) {
    (void)state;
    world w = lay_out(&usual);
    draws(&w, "  #######  \n"
              "  #     #  \n"
              "  #  k  #  \n"
              "  ##   ##  \n"
              "  #  @  #  \n"
              "  #     #  \n"
              "  #######  \n"
              "step 0 of 120, explore phase, 0 apples eaten, return 0\n");
    close_world(&w);
}

static void moves_are_north_south_west_east_and_walls_stop_them(void **state) {
    (void)state;
    world w = lay_out(&(stoa_key_to_door_layout){5, 3, 1, 3, 0, 1});
    go(&w, WEST); /* into the wall */
    draws(&w, "  #######  \n  #k    #  \n  #     #  \n  ##   ##  \n  #     #  \n  #@    #  \n");
    go(&w, SOUTH);
    draws(&w, "  #######  \n  #k    #  \n  #     #  \n  ##   ##  \n  #     #  \n  #@    #  \n");
    go(&w, EAST);
    go(&w, NORTH);
    draws(&w, "  #######  \n  #k    #  \n  #     #  \n  ##   ##  \n  # @   #  \n  #     #  \n");
    go(&w, NORTH); /* the opening begins at this column */
    draws(&w, "  #######  \n  #k    #  \n  #     #  \n  ##@  ##  \n  #     #  \n  #     #  \n");
    go(&w, WEST);
    draws(&w, "  #######  \n  #k    #  \n  #     #  \n  ##@  ##  \n  #     #  \n  #     #  \n");
    close_world(&w);
}

static void the_key_is_taken_by_stepping_on_it_and_shown_for_one_frame(void **state) {
    (void)state;
    world w = lay_out(&usual);
    go(&w, NORTH); /* in the opening, the key above */
    assert_int_equal(sees(&w, -1, 0), KEY);
    assert_int_equal(event(&w), NO_EVENT);
    go(&w, NORTH); /* on the key: gone at once; the sign stands in the wall at the same frame */
    assert_int_equal(sees(&w, 0, 0), PLAYER);
    assert_int_equal(sees(&w, -2, 0), INDICATOR);
    assert_int_equal(event(&w), KEY_EVENT);
    assert_true(reward(&w) == 0);
    go(&w, SOUTH);
    assert_int_equal(sees(&w, -1, 0), FLOOR);
    assert_int_equal(event(&w), NO_EVENT);
    go(&w, NORTH); /* the place where it was: nothing again */
    assert_int_equal(sees(&w, -2, 0), WALL);
    assert_int_equal(event(&w), NO_EVENT);
    close_world(&w);
}

static void the_indicator_fades_even_when_the_player_stays(void **state) {
    (void)state;
    world w = lay_out(&(stoa_key_to_door_layout){4, 5, 1, 5, 0, 1});
    repeat(&w, NORTH, 3);
    assert_int_equal(sees(&w, -1, 0), INDICATOR);
    go(&w, NORTH); /* against the wall */
    assert_int_equal(sees(&w, 0, 0), PLAYER);
    assert_int_equal(sees(&w, -1, 0), WALL);
    close_world(&w);
}

static void a_key_taken_on_the_last_step_counts_though_nothing_shows_it(void **state) {
    (void)state;
    world w = lay_out(&usual);
    repeat(&w, SOUTH, 12);
    repeat(&w, NORTH, 2);
    assert_int_equal(sees(&w, -1, 0), KEY); /* 14 steps */
    go(&w, NORTH);
    draws(&w, "###########\n");
    assert_int_equal(event(&w), NO_EVENT);
    assert_int_equal(sees(&w, 0, 1), FLOOR);
    repeat(&w, SOUTH, 90);
    repeat(&w, NORTH, 2); /* the door lets through */
    assert_true(reward(&w) == 10);
    close_world(&w);
}

/* ---- phases ---------------------------------------------------------------------------------- */

static void each_phase_lasts_its_steps_and_begins_where_it_should(void **state) {
    (void)state;
    world w = lay_out(&(stoa_key_to_door_layout){4, 5, 1, 3, 0, 1});
    repeat(&w, WEST, 14);
    draws(&w, "  #######  \n");
    go(&w, WEST); /* the 15th frame of a phase is the next one's first; its move is lost */
    draws(&w, "###########\n"
              "#         #\n"
              "#         #\n"
              "#         #\n"
              "#         #\n"
              "#    @    #\n"
              "###########\n"
              "step 15 of 120, distractor phase, 0 apples eaten, return 0\n");
    repeat(&w, WEST, 89);
    draws(&w, "###########\n#         #\n#         #\n#         #\n#         #\n#@        #\n");
    go(&w, WEST);
    draws(&w, "           \n"
              "   ##d##   \n"
              "   #   #   \n"
              "   # @ #   \n"
              "   #   #   \n"
              "   #####   \n"
              "           \n"
              "step 105 of 120, reward phase, 0 apples eaten, return 0\n");
    repeat(&w, WEST, 14);
    assert_int_equal(w.m.buffers.terminated[0], 0);
    go(&w, WEST);
    assert_int_equal(w.m.buffers.terminated[0], 1);
    assert_int_equal(w.m.buffers.truncated[0], 0);
    /* the last frame of the episode is kept, the next episode's first is handed out */
    assert_int_equal(((uint8_t *)w.m.buffers.final_observations[0])[11], WALL);
    stoa_buffer text = {0};
    stoa_env_render_text(w.env, 0, &text);
    assert_non_null(strstr(text.data, "step 0 of 120"));
    stoa_buffer_deinit(&text);
    close_world(&w);
}

static void phases_may_be_short_long_or_left_out(void **state) {
    (void)state;
    static const char *const tiny[] = {"explore=1", "distractor=0", "reward=2"};
    world w = open_world(tiny, 3, 1);
    assert_int_equal(stoa_env_spec_of(w.env)->max_steps, 3);
    assert_true(stoa_env_spec_of(w.env)->ceiling == 0); /* no key lies that near */
    go(&w, NORTH);
    draws(&w, "           \n");
    repeat(&w, NORTH, 2);
    assert_int_equal(w.m.buffers.terminated[0], 1);
    close_world(&w);

    static const char *const vast[] = {"explore=10000", "distractor=10000", "reward=10000",
                                       "apple_respawn=30000", "apples=22"};
    w = open_world(vast, 5, 2);
    stoa_rng rng = stoa_rng_stream(1, "play", 0);
    for (int t = 1; t <= 30000; t++) {
        stoa_env_random_actions(w.env, &rng, w.m.actions);
        stoa_env_step(w.env, NULL, &w.m.buffers, NULL);
        assert_int_equal(w.m.buffers.terminated[0], t == 30000);
    }
    assert_true(w.m.buffers.metrics[0] == 10);
    assert_true(w.m.buffers.metrics[2] == 22); /* none came back */
    close_world(&w);
}

/* ---- apples ---------------------------------------------------------------------------------- */

/* In the second room, with these apples. */
static world among_apples(uint32_t apples, float worth) {
    stoa_key_to_door_layout layout = usual;
    layout.apples = apples;
    layout.apple_worth = worth;
    world w = lay_out(&layout);
    repeat(&w, SOUTH, 15);
    return w;
}

static void apples_grow_on_22_places(void **state) {
    (void)state;
    world w = among_apples(0x3fffff, 1);
    draws(&w, "###########\n"
              "#a a a a a#\n"
              "# a a a a #\n"
              "#a a a a a#\n"
              "# a a a a #\n"
              "#a a @ a a#\n"
              "###########\n");
    close_world(&w);
    w = among_apples(1u << 0 | 1u << 9 | 1u << 21, 1);
    draws(&w, "###########\n"
              "#a        #\n"
              "#         #\n"
              "#a        #\n"
              "#         #\n"
              "#    @   a#\n"
              "###########\n");
    close_world(&w);
}

static void an_apple_pays_at_once_and_is_back_after_21_steps(void **state) {
    (void)state;
    world w = among_apples(1u << 20, 10); /* at (5, 7) */
    assert_int_equal(sees(&w, 0, 2), APPLE);
    go(&w, EAST);
    assert_true(reward(&w) == 0);
    go(&w, EAST);
    assert_true(reward(&w) == 10);
    assert_int_equal(event(&w), APPLE_EVENT);
    assert_int_equal(sees(&w, 0, 0), PLAYER);
    go(&w, WEST);
    assert_true(reward(&w) == 0);
    assert_int_equal(sees(&w, 0, 1), FLOOR);
    for (int t = 2; t <= 20; t++) {
        go(&w, SOUTH);
        assert_int_equal(sees(&w, 0, 1), FLOOR);
    }
    go(&w, SOUTH);
    assert_int_equal(sees(&w, 0, 1), APPLE);
    go(&w, EAST);
    assert_true(reward(&w) == 10);
    close_world(&w);
}

static void an_apple_that_grows_under_the_player_is_eaten_a_step_later(void **state) {
    (void)state;
    world w = among_apples(1u << 20, 1);
    repeat(&w, EAST, 2);
    assert_true(reward(&w) == 1);
    for (int t = 1; t <= 21; t++) {
        go(&w, SOUTH);
        assert_true(reward(&w) == 0);
        assert_int_equal(sees(&w, 0, 0), PLAYER);
    }
    go(&w, SOUTH);
    assert_true(reward(&w) == 1);
    close_world(&w);
}

static void the_last_apple_of_the_room_is_paid_with_the_next_rooms_first_frame(void **state) {
    (void)state;
    world w = among_apples(1u << 20, 10);
    repeat(&w, SOUTH, 88);
    go(&w, EAST);
    go(&w, EAST);
    assert_true(reward(&w) == 10);
    draws(&w, "           \n");
    assert_int_equal(event(&w), NO_EVENT); /* nothing of it is to be seen */
    close_world(&w);
}

static void the_worth_of_an_apple_is_one_of_two_or_drawn_between_them(void **state) {
    (void)state;
    enum { MANY = 512 };
    world w = open_world(NULL, 0, MANY);
    int high = 0;
    for (int i = 0; i < MANY; i++) {
        float worth = stoa_key_to_door_layout_of(w.env, i).apple_worth;
        assert_true(worth == 1 || worth == 10);
        high += worth == 10;
    }
    assert_in_range(high, MANY / 2 - 60, MANY / 2 + 60); /* 5 deviations */
    close_world(&w);

    static const char *const set[] = {"apple_fixed=false", "apples=22"};
    w = open_world(set, 2, 64);
    stoa_rng rng = stoa_rng_stream(2, "play", 0);
    double sum = 0, least = 1000, most = 0;
    int eaten = 0;
    for (int t = 0; t < 105; t++) {
        stoa_env_random_actions(w.env, &rng, w.m.actions);
        stoa_env_step(w.env, NULL, &w.m.buffers, NULL);
        for (int i = 0; i < 64; i++) {
            double r = (double)w.m.buffers.rewards[i];
            if (r == 0)
                continue;
            eaten++;
            sum += r;
            least = fmin(least, r);
            most = fmax(most, r);
        }
    }
    assert_true(eaten > 500);
    assert_true(least >= 1 && least < 1.2 && most <= 10 && most > 9.8);
    assert_true(fabs(sum / eaten - 5.5) < 5 * 2.6 / sqrt(eaten));
    close_world(&w);
}

/* ---- the door -------------------------------------------------------------------------------- */

/* In the third room, with or without the key. */
static world before_the_door(bool key) {
    world w = lay_out(&usual);
    repeat(&w, key ? NORTH : SOUTH, 15);
    repeat(&w, SOUTH, 90);
    return w;
}

static void the_door_blocks_without_the_key(void **state) {
    (void)state;
    world w = before_the_door(false);
    go(&w, NORTH);
    assert_int_equal(sees(&w, -1, 0), DOOR);
    repeat(&w, NORTH, 13);
    assert_int_equal(sees(&w, -1, 0), DOOR);
    assert_true(reward(&w) == 0);
    go(&w, NORTH);
    assert_int_equal(w.m.buffers.terminated[0], 1);
    assert_true(w.m.buffers.metrics[0] == 0);
    assert_true(w.m.buffers.metrics[1] == 0);
    close_world(&w);
}

static void the_door_pays_once_and_covers_the_player(void **state) {
    (void)state;
    world w = before_the_door(true);
    go(&w, NORTH);
    assert_true(reward(&w) == 0);
    go(&w, NORTH);
    assert_true(reward(&w) == 10);
    assert_int_equal(event(&w), DOOR_EVENT);
    assert_int_equal(sees(&w, 0, 0), DOOR);
    assert_int_equal(sees(&w, -1, 0), FLOOR);
    assert_int_equal(sees(&w, -2, 0), FLOOR); /* beyond the board */
    go(&w, SOUTH);
    assert_int_equal(sees(&w, 0, 0), PLAYER);
    go(&w, NORTH); /* still open, but paid */
    assert_true(reward(&w) == 0);
    assert_int_equal(event(&w), NO_EVENT);
    repeat(&w, SOUTH, 11);
    assert_int_equal(w.m.buffers.terminated[0], 1);
    const float *metrics = w.m.buffers.metrics;
    assert_true(metrics[0] == 10 && metrics[1] == 1 && metrics[3] == 10);
    close_world(&w);
}

static void behind_the_door_one_can_walk_around_but_not_off_the_board(void **state) {
    (void)state;
    world w = before_the_door(true);
    repeat(&w, NORTH, 5); /* through the door to the upper edge, and against it */
    draws(&w, "     @     \n   ##d##   \n");
    repeat(&w, WEST, 7);
    draws(&w, "@          \n   ##d##   \n");
    repeat(&w, SOUTH, 2);
    draws(&w, "           \n   ##d##   \n@  #   #   \n");
    close_world(&w);
}

static void a_door_opened_on_the_last_step_pays(void **state) {
    (void)state;
    world w = before_the_door(true);
    repeat(&w, SOUTH, 12);
    repeat(&w, NORTH, 2);
    assert_int_equal(w.m.buffers.terminated[0], 0);
    go(&w, NORTH);
    assert_int_equal(w.m.buffers.terminated[0], 1);
    assert_true(reward(&w) == 10);
    assert_true(w.m.buffers.metrics[0] == 10);
    assert_int_equal(event(&w), NO_EVENT); /* the frame handed out is another episode's */
    assert_int_equal(((uint8_t *)w.m.buffers.final_observations[0])[12], DOOR);
    close_world(&w);
}

/* ---- whole episodes of the public program ---------------------------------------------------- */

/* Layout, moves, return, apples eaten, and the hash of all frames after the first, recorded from
 * the public implementation. The third has no key. In the first two the player goes through the
 * door. */
static const struct recording {
    stoa_key_to_door_layout layout;
    const char *moves; /* 120 digits */
    double total;
    int apples;
    double door;
    uint64_t frames;
} recordings[] = {
    {{4, 5, 2, 3, 0x14b8d8, 10},
     "002232321013211001330300113230202320100230132223300013122101"
     "132310200333302302221132202202120113110331213233200303213213",
     150,
     14,
     10,
     0x85f6826d14975462u},
    {{5, 7, 1, 4, 0xf5864, 10},
     "203210201210000211111220133230323020031311332123131110001022"
     "120031111032202111010112001323331033023223122030102031023100",
     150,
     14,
     10,
     0x0884cbe4b76a57dbu},
    {{4, 5, 1, 7, 0x4c8d7, 10},
     "312022030232201312032020321301031232120233103312320200301112"
     "021003301301101023121320132010133231022020202200223211312031",
     120,
     12,
     0,
     0xac5643e778d93c82u},
};

static void recorded_episodes_come_out_frame_for_frame(void **state) {
    (void)state;
    for (size_t k = 0; k < sizeof recordings / sizeof *recordings; k++) {
        const struct recording *r = &recordings[k];
        world w = open_world(NULL, 0, 1);
        stoa_key_to_door_begin(w.env, 0, &r->layout);
        uint8_t frames[120][75];
        for (int t = 0; t < 120; t++) {
            go(&w, r->moves[t] - '0');
            const stoa_env_buffers *b = &w.m.buffers;
            assert_int_equal(b->terminated[0], t == 119);
            memcpy(frames[t], t == 119 ? b->final_observations[0] : b->observations[0], 75);
        }
        assert_true((double)w.m.buffers.metrics[0] == r->door);
        assert_true(w.m.buffers.metrics[2] == (float)r->apples);
        assert_true((double)w.m.buffers.metrics[3] == r->total);
        assert_true(XXH3_64bits(frames, sizeof frames) == r->frames);
        close_world(&w);
    }
}

/* ---- observations ---------------------------------------------------------------------------- */

static void the_window_shows_the_cells_in_the_published_colours(void **state) {
    (void)state;
    static const uint8_t colours[][3] = {{204, 204, 204}, {25, 25, 25},    {228, 148, 109},
                                         {159, 81, 44},   {134, 206, 235}, {140, 178, 0},
                                         {255, 255, 255}};
    world pixels = open_world(NULL, 0, 64), cells = open_world(cells_set, 1, 64);
    stoa_rng rng = stoa_rng_stream(3, "play", 0);
    int seen[7] = {0};
    for (int t = 0; t < 240; t++) {
        stoa_env_random_actions(cells.env, &rng, cells.m.actions);
        memcpy(pixels.m.actions[0], cells.m.actions[0], 64 * sizeof(int32_t));
        stoa_env_step(cells.env, NULL, &cells.m.buffers, NULL);
        stoa_env_step(pixels.env, NULL, &pixels.m.buffers, NULL);
        const uint8_t *category = cells.m.buffers.observations[0];
        const uint8_t *pixel = pixels.m.buffers.observations[0];
        for (int k = 0; k < 64 * 25; k++) {
            assert_true(category[k] < 7);
            seen[category[k]]++;
            assert_memory_equal(pixel + 3 * k, colours[category[k]], 3);
        }
    }
    for (int kind = 0; kind < 7; kind++)
        assert_true(seen[kind] > 0);
    stoa_env_memory_deinit(&pixels.m);
    stoa_env_free(pixels.env);
    close_world(&cells);
}

static void time_can_be_observed(void **state) {
    (void)state;
    static const char *const set[] = {"time=true"};
    world w = open_world(set, 1, 1);
    const float *time = w.m.buffers.observations[1];
    assert_true(time[0] == 0 && time[1] == 0);
    repeat(&w, NORTH, 119);
    assert_true(time[0] == 119.0f / 120 && time[1] == 1);
    go(&w, NORTH);
    assert_true(time[0] == 0 && time[1] == 0);
    const float *last = w.m.buffers.final_observations[1];
    assert_true(last[0] == 1 && last[1] == 0);
    close_world(&w);
}

static void pixels_are_drawn_in_squares(void **state) {
    (void)state;
    world w = lay_out(&usual);
    const stoa_env_spec *spec = stoa_env_spec_of(w.env);
    assert_int_equal(spec->render_height, 56);
    assert_int_equal(spec->render_width, 88);
    uint8_t *pixels = malloc(56 * 88 * 3);
    assert_true(stoa_env_render_rgb(w.env, 0, pixels));
    const uint8_t player[3] = {228, 148, 109}, wall[3] = {25, 25, 25}, floor[3] = {204, 204, 204};
    assert_memory_equal(pixels + (4 * 8 * 88 + 5 * 8) * 3, player, 3);
    assert_memory_equal(pixels + ((4 * 8 + 7) * 88 + 5 * 8 + 7) * 3, player, 3);
    assert_memory_equal(pixels + (4 * 8 * 88 + 5 * 8 - 1) * 3, floor, 3);
    assert_memory_equal(pixels + 2 * 8 * 3, wall, 3);
    free(pixels);
    close_world(&w);
}

/* ---- chance ---------------------------------------------------------------------------------- */

static void layouts_are_drawn_evenly(void **state) {
    (void)state;
    enum { MANY = 16384 };
    world w = open_world(NULL, 0, MANY);
    int start[7][11] = {{0}}, key[7][11] = {{0}}, apple[22] = {0};
    for (int i = 0; i < MANY; i++) {
        stoa_key_to_door_layout l = stoa_key_to_door_layout_of(w.env, i);
        start[l.player_row][l.player_col]++;
        key[l.key_row][l.key_col]++;
        assert_int_equal(__builtin_popcount(l.apples), 10);
        for (int k = 0; k < 22; k++)
            apple[k] += l.apples >> k & 1;
    }
    for (int row = 0; row < 7; row++)
        for (int col = 0; col < 11; col++) {
            bool inside = col >= 3 && col <= 7;
            bool below = inside && (row == 4 || row == 5), above = inside && (row == 1 || row == 2);
            /* a tenth each: 1638, deviation 38 */
            assert_in_range(start[row][col], below ? 1485 : 0, below ? 1791 : 0);
            assert_in_range(key[row][col], above ? 1485 : 0, above ? 1791 : 0);
        }
    for (int k = 0; k < 22; k++) /* 10 of 22: 7447, deviation 64 */
        assert_in_range(apple[k], 7447 - 255, 7447 + 255);
    close_world(&w);
}

static void random_play_opens_the_door_as_often_as_computed(void **state) {
    (void)state;
    enum { MANY = 4096 };
    world w = open_world(NULL, 0, MANY);
    stoa_rng rng = stoa_rng_stream(4, "play", 0);
    for (int t = 0; t < 120; t++) {
        stoa_env_random_actions(w.env, &rng, w.m.actions);
        stoa_env_step(w.env, NULL, &w.m.buffers, NULL);
    }
    double keys = 0, doors = 0;
    for (int i = 0; i < MANY; i++) {
        doors += w.m.buffers.metrics[4 * i] > 0;
        keys += (double)w.m.buffers.metrics[4 * i + 1];
    }
    double p_key = stoa_key_to_door_random_key(15), p_door = stoa_key_to_door_random_door(15);
    assert_true(p_key > 0.03 && p_key < 0.3 && p_door > 0.1 && p_door < 0.5);
    assert_true(fabs(keys / MANY - p_key) < 4 * sqrt(p_key * (1 - p_key) / MANY));
    double both = p_key * p_door;
    assert_true(fabs(doors / MANY - both) < 4 * sqrt(both * (1 - both) / MANY));
    const stoa_env_spec *spec = stoa_env_spec_of(w.env);
    assert_true(fabs(spec->chance - 10 * both) < 1e-12);
    assert_true(spec->ceiling == 10);
    close_world(&w);
}

/* ---- settings and laws ----------------------------------------------------------------------- */

static void senseless_settings_are_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "explore=0",
        "explore=-1",
        "explore=10001",
        "distractor=-1",
        "reward=0",
        "apples=23",
        "apples=-1",
        "apple_respawn=-1",
        "apple_respawn=1e9",
        "apple_low=nan",
        "apple_high=inf",
        "apple_low=11",
        "door_reward=-1",
        "door_reward=",
        "observation=rgb",
        "observation=",
        "time=maybe",
        "colour=red",
        "explore=99999999999999999999",
    };
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
        world w;
        stoa_error err = {0};
        if (try_world(&w, &wrong[k], 1, 1, &err) != STOA_ERR_USAGE)
            fail_msg("%s was taken", wrong[k]);
        assert_non_null(strstr(err.message, "key-to-door"));
        assert_int_equal(stoa_alloc_statistics().live, 0);
    }
}

static void the_laws_hold_under_every_setting(void **state) {
    (void)state;
    static const char *const sets[][4] = {
        {"observation=cells", "time=true", "apple_fixed=false", "apples=22"},
        {"apple_respawn=1", "apples=22", "apple_low=-3", "apple_high=-1"},
        {"apple_respawn=0", "door_reward=0", "apples=0", "time=true"},
        {"explore=40", "distractor=0", "reward=40", "door_reward=2.5"},
        {"explore=1", "distractor=1", "reward=1", "apple_low=10"},
    };
    for (size_t k = 0; k < sizeof sets / sizeof *sets; k++) {
        stoa_error err = {0};
        stoa_env_options options = {
            .name = "key-to-door", .count = 1, .seed = 5, .set = sets[k], .set_count = 4};
        if (stoa_env_check(&options, 400, NULL, &err) != STOA_OK)
            fail_msg("set %zu: %s", k, err.message);
    }
    assert_int_equal(stoa_alloc_statistics().live, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_room_has_a_key_above_and_the_player_below),
        cmocka_unit_test(moves_are_north_south_west_east_and_walls_stop_them),
        cmocka_unit_test(the_key_is_taken_by_stepping_on_it_and_shown_for_one_frame),
        cmocka_unit_test(the_indicator_fades_even_when_the_player_stays),
        cmocka_unit_test(a_key_taken_on_the_last_step_counts_though_nothing_shows_it),
        cmocka_unit_test(each_phase_lasts_its_steps_and_begins_where_it_should),
        cmocka_unit_test(phases_may_be_short_long_or_left_out),
        cmocka_unit_test(apples_grow_on_22_places),
        cmocka_unit_test(an_apple_pays_at_once_and_is_back_after_21_steps),
        cmocka_unit_test(an_apple_that_grows_under_the_player_is_eaten_a_step_later),
        cmocka_unit_test(the_last_apple_of_the_room_is_paid_with_the_next_rooms_first_frame),
        cmocka_unit_test(the_worth_of_an_apple_is_one_of_two_or_drawn_between_them),
        cmocka_unit_test(the_door_blocks_without_the_key),
        cmocka_unit_test(the_door_pays_once_and_covers_the_player),
        cmocka_unit_test(behind_the_door_one_can_walk_around_but_not_off_the_board),
        cmocka_unit_test(a_door_opened_on_the_last_step_pays),
        cmocka_unit_test(recorded_episodes_come_out_frame_for_frame),
        cmocka_unit_test(the_window_shows_the_cells_in_the_published_colours),
        cmocka_unit_test(time_can_be_observed),
        cmocka_unit_test(pixels_are_drawn_in_squares),
        cmocka_unit_test(layouts_are_drawn_evenly),
        cmocka_unit_test(random_play_opens_the_door_as_often_as_computed),
        cmocka_unit_test(senseless_settings_are_refused),
        cmocka_unit_test(the_laws_hold_under_every_setting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
