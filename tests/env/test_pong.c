/* test_pong.c - Pong step by step: walls, paddles, serves, points, the end of a game; that a player
 * who computes where the ball comes down loses no point, and how random play fares. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <xxhash.h>

#include "env/pong.h"
#include "world.h"

enum { STAY, UP, DOWN };
enum { NO_EVENT, RETURNED, SCORED, LOST };
enum { WON, FOR, AGAINST, RETURNS_A_POINT, LENGTH, METRICS };
enum { UNIT = STOA_PONG_UNIT, MIDDLE = STOA_PONG_SIDE * UNIT / 2, SIDE = 42 };
enum { OPPONENT = 85, AGENT = 170, BALL = 255 };

static world open_with(const char *const *set, int count_set, int64_t count) {
    return world_open_options(&(stoa_env_options){
        .name = "pong", .set = set, .set_count = count_set, .count = count, .seed = 3});
}

static const float *numbers(const world *w, int64_t i) {
    return (const float *)w->memory.buffers.observations[0] + STOA_PONG_NUMBERS * i;
}

static float metric(const world *w, int64_t i, int which) {
    return w->memory.buffers.metrics[METRICS * i + which];
}

static int event(const world *w) {
    return w->memory.buffers.events[0];
}

static float reward(const world *w) {
    return w->memory.buffers.rewards[0];
}

/* A court with resting paddles in the middle; lengths in units. */
static stoa_pong_court court(int x, int y, int x_speed, int y_speed) {
    return (stoa_pong_court){.x = x * UNIT,
                             .y = y * UNIT,
                             .x_speed = x_speed * UNIT,
                             .y_speed = y_speed * UNIT,
                             .agent = MIDDLE,
                             .opponent = MIDDLE};
}

/* One step of instance 0 from this court. */
static stoa_pong_court after(world *w, stoa_pong_court before, int32_t action) {
    stoa_pong_set(w->env, 0, &before);
    world_step_all(w, action);
    return stoa_pong_get(w->env, 0);
}

#define assert_at(court_, x_, y_)                                                                  \
    do {                                                                                           \
        assert_int_equal((court_).x, (x_)*UNIT);                                                   \
        assert_int_equal((court_).y, (y_)*UNIT);                                                   \
    } while (0)

/* ---- walls and paddles ----------------------------------------------------------------------- */

static void the_ball_flies_straight(void **state) {
    (void)state;
    world w = world_open("pong", 1, 1);
    stoa_pong_court k = after(&w, court(100, 50, 3, -2), STAY);
    assert_at(k, 103, 48);
    assert_true(k.x_speed == 3 * UNIT && k.y_speed == -2 * UNIT);
    assert_true(event(&w) == NO_EVENT && reward(&w) == 0);
    world_close(&w);
}

/* The ball's side is 4: it touches a wall when its middle is 2 units away. */
static void walls_reflect_the_ball(void **state) {
    (void)state;
    world w = world_open("pong", 1, 1);
    stoa_pong_court k = after(&w, court(100, 3, 3, -3), STAY);
    assert_at(k, 103, 4); /* 1 unit up, 2 down */
    assert_true(k.x_speed == 3 * UNIT && k.y_speed == 3 * UNIT);
    k = after(&w, court(100, 164, -3, 3), STAY);
    assert_at(k, 97, 165);
    assert_true(k.x_speed == -3 * UNIT && k.y_speed == -3 * UNIT);
    k = after(&w, court(100, 5, 3, -3), STAY); /* just touches: reflected by the next step */
    assert_at(k, 103, 2);
    assert_int_equal(k.y_speed, -3 * UNIT);
    world_step_all(&w, STAY);
    k = stoa_pong_get(w.env, 0);
    assert_at(k, 106, 5);
    assert_int_equal(k.y_speed, 3 * UNIT);
    world_close(&w);
}

static void the_agents_paddle_moves_and_stops_at_the_walls(void **state) {
    (void)state;
    world w = world_open("pong", 1, 1);
    stoa_pong_court k = court(20, 50, 3, 0);
    assert_int_equal(after(&w, k, STAY).agent, MIDDLE);
    assert_int_equal(after(&w, k, UP).agent, MIDDLE - 4 * UNIT);
    assert_int_equal(after(&w, k, DOWN).agent, MIDDLE + 4 * UNIT);
    k.agent = 14 * UNIT;
    assert_int_equal(after(&w, k, UP).agent, 12 * UNIT); /* half of its length */
    k.agent = 155 * UNIT;
    assert_int_equal(after(&w, k, DOWN).agent, 156 * UNIT);
    world_close(&w);
}

/* The place of impact sets the angle: from 45 degrees up at the upper edge to 45 down. */
static void the_place_of_impact_sets_the_angle(void **state) {
    (void)state;
    static const char *const set[] = {"ball_growth=0"};
    world w = open_with(set, 1, 1);
    static const int places[] = {-14, -7, 0, 7, 14};
    for (int k = 0; k < 5; k++) {
        stoa_pong_court c = after(&w, court(157, 84 + places[k], 3, 0), STAY);
        assert_at(c, STOA_PONG_AGENT_PLANE, 84 + places[k]);
        assert_int_equal(c.x_speed, -3 * UNIT);
        assert_int_equal(c.y_speed, 3 * UNIT * places[k] / 14);
        assert_true(event(&w) == RETURNED && reward(&w) == 0);
        assert_int_equal(c.returns, 1);
        assert_in_range(abs(c.aim), 0, 10 * UNIT);
        assert_int_equal(c.reaction, 10); /* half of the slowest */
    }
    world_close(&w);
}

static void a_ball_beside_the_paddle_flies_on(void **state) {
    (void)state;
    world w = world_open("pong", 1, 1);
    for (int side = -1; side <= 1; side += 2) {
        stoa_pong_court before = court(157, 84, 3, 0);
        before.y += side * (14 * UNIT + 1);
        stoa_pong_court k = after(&w, before, STAY);
        assert_int_equal(k.x, 160 * UNIT);
        assert_true(event(&w) == NO_EVENT && k.returns == 0);
        /* what is past cannot be saved */
        k.agent = k.y;
        k = after(&w, k, STAY);
        assert_int_equal(k.x, 163 * UNIT);
    }
    world_close(&w);
}

/* Where the way crosses the paddle's plane decides, a wall on the way included; the paddle has
 * moved by then. */
static void impact_is_judged_where_the_way_crosses(void **state) {
    (void)state;
    world w = world_open("pong", 1, 1);
    stoa_pong_court before = court(155, 100, 6, -6);
    stoa_pong_court k = after(&w, before, STAY); /* half of the way: 97, 13 from the middle */
    assert_at(k, 158, 97);
    assert_int_equal(event(&w), RETURNED);
    before.y = 104 * UNIT; /* 101 there: out of reach, though 98 at the end would not be */
    after(&w, before, STAY);
    assert_int_equal(event(&w), NO_EVENT);
    k = after(&w, before, DOWN); /* which the paddle's move changes: 13 from the middle */
    assert_at(k, 158, 101);
    assert_int_equal(event(&w), RETURNED);
    before = court(155, 4, 6, -6);
    before.agent = 12 * UNIT;
    k = after(&w, before, STAY); /* 1 unit above the wall's border of 2 */
    assert_at(k, 158, 3);
    assert_int_equal(event(&w), RETURNED);
    world_close(&w);
}

static void returns_make_the_ball_faster_up_to_the_top(void **state) {
    (void)state;
    world w = world_open("pong", 1, 1);
    stoa_pong_court k = after(&w, court(157, 84, 3, 0), STAY);
    assert_int_equal(k.x_speed, -3 * UNIT - UNIT / 4);
    k = after(&w, court(11, 84, -5, 0), STAY); /* the opponent's as well */
    assert_at(k, STOA_PONG_OPPONENT_PLANE, 84);
    assert_int_equal(k.x_speed, 5 * UNIT + UNIT / 4);
    assert_true(event(&w) == NO_EVENT && k.returns == 0);
    k = after(&w, court(157, 84, 6, 0), STAY);
    assert_int_equal(k.x_speed, -6 * UNIT);
    world_close(&w);
}

/* ---- the opponent ---------------------------------------------------------------------------- */

static void the_opponent_waits_then_follows_the_ball_at_its_speed(void **state) {
    (void)state;
    world w = world_open("pong", 1, 1);
    stoa_pong_court k = court(150, 20, -3, 0);
    k.reaction = 2;
    k = after(&w, k, STAY);
    assert_true(k.reaction == 1 && k.opponent == MIDDLE);
    k = after(&w, k, STAY);
    assert_true(k.reaction == 0 && k.opponent == MIDDLE);
    k = after(&w, k, STAY);
    assert_int_equal(k.opponent, MIDDLE - 2 * UNIT); /* half of the agent's 4 */
    k.aim = -5 * UNIT;
    k.opponent = 26 * UNIT;
    k = after(&w, k, STAY); /* wants the ball 5 above its middle: 25, a unit away */
    assert_int_equal(k.opponent, 25 * UNIT);
    k.x_speed = 3 * UNIT; /* going away: back to the middle */
    k = after(&w, k, STAY);
    assert_int_equal(k.opponent, 27 * UNIT);
    world_close(&w);
}

static void skill_sets_speed_and_reaction(void **state) {
    (void)state;
    static const char *const skills[] = {"skill=0", "skill=0.25", "skill=1"};
    static const int speed[] = {0, 1, 4}, reaction[] = {20, 15, 0};
    for (int s = 0; s < 3; s++) {
        world w = open_with(&skills[s], 1, 1);
        stoa_pong_court k = after(&w, court(157, 84, 3, 0), STAY);
        assert_int_equal(k.reaction, reaction[s]);
        k = after(&w, court(100, 20, -3, 0), STAY);
        assert_int_equal(k.opponent, MIDDLE - speed[s] * UNIT);
        world_close(&w);
    }
}

/* ---- points ---------------------------------------------------------------------------------- */

static void serves_go_both_ways_from_the_middle_at_most_half_steep(void **state) {
    (void)state;
    enum { COUNT = 2000 };
    world w = world_open("pong", COUNT, 1);
    int right = 0, down = 0, steep = 0;
    for (int i = 0; i < COUNT; i++) {
        stoa_pong_court k = stoa_pong_get(w.env, i);
        assert_at(k, 84, 84);
        assert_int_equal(abs(k.x_speed), 3 * UNIT);
        assert_in_range(abs(k.y_speed), 0, 3 * UNIT / 2);
        assert_int_equal(k.reaction, k.x_speed < 0 ? 10 : 0);
        right += k.x_speed > 0;
        down += k.y_speed > 0;
        steep += abs(k.y_speed) > 3 * UNIT / 4;
    }
    /* fair coins: 4 deviations */
    assert_in_range(right, 910, 1090);
    assert_in_range(down, 910, 1090);
    assert_in_range(steep, 910, 1090);
    world_close(&w);
}

static void a_point_is_paid_shown_for_a_step_and_followed_by_a_serve(void **state) {
    (void)state;
    world w = world_open("pong", 1, 1);
    for (int lost = 0; lost < 2; lost++) {
        stoa_pong_court before = lost ? court(166, 20, 3, 1) : court(2, 20, -3, 1);
        before.agent = 40 * UNIT;
        before.x_speed += lost ? UNIT : -UNIT;
        stoa_pong_court k = after(&w, before, STAY);
        assert_int_equal(event(&w), lost ? LOST : SCORED);
        assert_true(reward(&w) == (lost ? -1 : 1));
        assert_true(k.mine == !lost && k.theirs == lost);
        assert_true(numbers(&w, 0)[STOA_PONG_X] == (lost ? 1 : -1));
        assert_false(w.memory.buffers.terminated[0] || w.memory.buffers.truncated[0]);
        world_step_all(&w, UP);
        k = stoa_pong_get(w.env, 0);
        assert_at(k, 84, 84);
        assert_int_equal(abs(k.x_speed), 3 * UNIT); /* slow again */
        assert_int_equal(k.agent, 36 * UNIT);       /* paddles stay where they are, and move */
        assert_true(event(&w) == NO_EVENT && reward(&w) == 0);
    }
    world_close(&w);
}

static void the_last_point_ends_the_game(void **state) {
    (void)state;
    world w = world_open("pong", 1, 1);
    const stoa_env_buffers *b = &w.memory.buffers;
    stoa_pong_court before = court(2, 20, -3, 0);
    before.mine = 20;
    before.theirs = 14;
    before.returns = 68;
    before.step = 2999;
    stoa_pong_court k = after(&w, before, STAY);
    assert_true(b->terminated[0] && !b->truncated[0] && reward(&w) == 1);
    assert_near(metric(&w, 0, WON), 21.0 / 35, 1e-6);
    assert_true(metric(&w, 0, FOR) == 21 && metric(&w, 0, AGAINST) == 14);
    assert_near(metric(&w, 0, RETURNS_A_POINT), 68.0 / 35, 1e-6);
    assert_true(metric(&w, 0, LENGTH) == 3000);
    const float *last = b->final_observations[0];
    assert_true(last[STOA_PONG_X] == -1 && last[STOA_PONG_FOR] == 1);
    assert_true(k.mine == 0 && k.theirs == 0 && k.step == 0 && k.returns == 0);
    assert_at(k, 84, 84);
    assert_int_equal(event(&w), NO_EVENT); /* marks what is seen: the next game's first frame */
    before = court(166, 20, 3, 0);
    before.theirs = 20;
    after(&w, before, STAY);
    assert_true(b->terminated[0] && reward(&w) == -1 && metric(&w, 0, WON) == 0);
    world_close(&w);
}

static void too_long_a_game_is_truncated_and_time_tells(void **state) {
    (void)state;
    static const char *const set[] = {"max_steps=50", "time=true", "points=1"};
    world w = open_with(set, 3, 1);
    const stoa_env_buffers *b = &w.memory.buffers;
    const float *time = b->observations[1];
    assert_true(time[0] == 0 && time[1] == 0);
    stoa_pong_court k = court(84, 84, 3, 0);
    k.step = 48;
    after(&w, k, STAY);
    assert_near(time[0], 0.98, 1e-6);
    assert_true(time[1] == 1 && !b->truncated[0]);
    world_step_all(&w, STAY);
    assert_true(b->truncated[0] && !b->terminated[0] && reward(&w) == 0);
    assert_true(metric(&w, 0, WON) == 0 && metric(&w, 0, LENGTH) == 50);
    assert_true(((const float *)b->final_observations[1])[0] == 1);
    assert_true(time[0] == 0);
    k = court(2, 20, -3, 0); /* won with the last step: an end, not a cut */
    k.step = 49;
    after(&w, k, STAY);
    assert_true(b->terminated[0] && !b->truncated[0]);
    world_close(&w);
}

/* ---- what is seen ---------------------------------------------------------------------------- */

static void the_numbers_tell_the_court(void **state) {
    (void)state;
    world w = world_open("pong", 1, 1);
    stoa_pong_court k = court(102, 42, 3, -3);
    k.agent = 126 * UNIT;
    k.mine = 7;
    k.theirs = 14;
    after(&w, k, STAY);
    const float *v = numbers(&w, 0);
    const double expected[] = {21.0 / 84, -45.0 / 84, 0.5, -0.5, 0.5, 0, 1.0 / 3, 2.0 / 3};
    for (int e = 0; e < STOA_PONG_NUMBERS; e++)
        assert_near(v[e], expected[e], 1e-6);
    world_close(&w);
}

static int count_shade(const uint8_t *picture, int shade) {
    int n = 0;
    for (int p = 0; p < SIDE * SIDE; p++)
        n += picture[p] == shade;
    return n;
}

static void the_picture_shows_ball_and_paddles(void **state) {
    (void)state;
    static const char *const set[] = {"observation=image"};
    world w = open_with(set, 1, 1);
    const uint8_t *picture = w.memory.buffers.observations[0];
    stoa_pong_court k = court(100, 40, 3, 2);
    k.agent = 12 * UNIT;
    after(&w, k, STAY);
    assert_int_equal(picture[42 / 4 * SIDE + 103 / 4], BALL);
    assert_int_equal(count_shade(picture, BALL), 1);
    assert_int_equal(count_shade(picture, AGENT), 6);
    assert_int_equal(count_shade(picture, OPPONENT), 6);
    assert_true(picture[40] == AGENT && picture[5 * SIDE + 40] == AGENT);
    assert_true(picture[18 * SIDE + 1] == OPPONENT && picture[23 * SIDE + 1] == OPPONENT);
    k = court(166, 40, 16, 0); /* out: at the border */
    after(&w, k, STAY);
    assert_int_equal(picture[10 * SIDE + 41], BALL);
    world_close(&w);
}

static void a_game_can_be_drawn(void **state) {
    (void)state;
    world w = world_open("pong", 1, 1);
    stoa_pong_court k = court(100, 41, 3, 0);
    k.mine = 12;
    k.theirs = 3;
    after(&w, k, STAY);
    stoa_buffer text = {0};
    assert_true(stoa_env_render_text(w.env, 0, &text));
    assert_non_null(strstr(text.data, "opponent 3, agent 12, 0 returns, step 1\n"));
    assert_int_equal(text.data[(SIDE + 1) * 5 + 25], 'o');
    assert_int_equal(text.data[(SIDE + 1) * 9 + 1], '|');
    stoa_buffer_deinit(&text);
    uint8_t *pixels = malloc(168 * 168 * 3);
    assert_true(stoa_env_render_rgb(w.env, 0, pixels));
    const uint8_t *ball = pixels + 3 * (41 * 168 + 103), *agent = pixels + 3 * (84 * 168 + 161);
    const uint8_t *opponent = pixels + 3 * (84 * 168 + 5);
    assert_true(ball[0] == 240 && ball[1] == 240 && ball[2] == 240);
    assert_true(agent[0] == 92 && opponent[0] == 213);
    /* the opponent's 3: its upper left dot, and none where there would be tens */
    assert_true(pixels[3 * (6 * 168 + 62)] == 213 && pixels[3 * (6 * 168 + 50)] == 28);
    free(pixels);
    world_close(&w);
}

/* ---- play ------------------------------------------------------------------------------------ */

/* Where a straight line ends up between the walls. */
static double fold(double y) {
    const double span = 164;
    double t = fmod(y - 2, 2 * span);
    t = t < 0 ? t + 2 * span : t;
    return 2 + (t > span ? 2 * span - t : t);
}

/* Goes where the ball will come down, so that it hits near that edge of the paddle which sends it
 * farther away from the opponent. */
static int32_t clever(const float *v) {
    const double top = 6;
    double at[STOA_PONG_NUMBERS], wanted = 84, best = -1;
    for (int e = 0; e < STOA_PONG_NUMBERS; e++)
        at[e] = 84 + 84 * (double)v[e];
    double fast = (double)v[STOA_PONG_X_SPEED] * top, steep = (double)v[STOA_PONG_Y_SPEED] * top;
    bool coming = fast > 0 && at[STOA_PONG_X] < STOA_PONG_AGENT_PLANE;
    for (int side = -1; coming && side <= 1; side += 2) {
        double y = fold(at[STOA_PONG_Y] + steep * (STOA_PONG_AGENT_PLANE - at[STOA_PONG_X]) / fast);
        double place = 11 * side, away = fabs(fold(y + place / 14 * 148) - at[STOA_PONG_OPPONENT]);
        if (y - place < 12 || y - place > 156 || away < best)
            continue;
        best = away;
        wanted = y - place;
    }
    double paddle = at[STOA_PONG_AGENT];
    return paddle > wanted + 2 ? UP : paddle < wanted - 2 ? DOWN : STAY;
}

typedef struct outcome {
    double won, square; /* of the share, mean */
    float worst;
} outcome;

/* First games of many instances. player NULL: random play. */
static outcome play(int64_t count, int32_t (*player)(const float *)) {
    world w = open_with(NULL, 0, count);
    outcome o = {.worst = 1};
    bool *done = calloc((size_t)count, sizeof *done);
    for (int64_t left = count; left > 0;) {
        for (int64_t i = 0; player && i < count; i++)
            ((int32_t *)w.memory.actions[0])[i] = player(numbers(&w, i));
        if (player)
            world_step(&w);
        else
            world_step_randomly(&w);
        for (int64_t i = 0; i < count; i++) {
            if (done[i] || !(w.memory.buffers.terminated[i] || w.memory.buffers.truncated[i]))
                continue;
            done[i] = true;
            left--;
            double won = (double)metric(&w, i, WON);
            o.won += won / (double)count;
            o.square += won * won / (double)count;
            o.worst = fminf(o.worst, metric(&w, i, WON));
        }
    }
    free(done);
    world_close(&w);
    return o;
}

static void a_clever_player_loses_no_point(void **state) {
    (void)state;
    outcome o = play(60, clever);
    assert_true(o.worst == 1);
    world w = world_open("pong", 1, 1);
    assert_true(stoa_env_spec_of(w.env)->ceiling == 1);
    world_close(&w);
}

static void random_play_wins_as_many_points_as_the_spec_says(void **state) {
    (void)state;
    enum { GAMES = 1000 };
    outcome o = play(GAMES, NULL);
    double deviation = sqrt((o.square - o.won * o.won) / GAMES);
    world w = world_open("pong", 1, 1);
    double z = (o.won - stoa_env_spec_of(w.env)->chance) / deviation;
    world_close(&w);
    if (!(fabs(z) < 4))
        fail_msg("won %g, z %g", o.won, z);
    static const char *const other[] = {"skill=0.6"};
    w = open_with(other, 1, 1);
    assert_true(isnan(stoa_env_spec_of(w.env)->chance)); /* nothing is promised */
    world_close(&w);
}

/* The arithmetic is in integers: this hash of four games, played by following the ball or not, is
 * the same on every machine. */
static void a_game_is_the_same_on_every_machine(void **state) {
    (void)state;
    world w = world_open("pong", 4, 1);
    uint64_t hash = 0;
    uint32_t returns = 0;
    for (int t = 0; t < 3000; t++) {
        for (int i = 0; i < 4; i++) {
            stoa_pong_court k = stoa_pong_get(w.env, i);
            const int32_t seen[] = {k.x, k.y, k.x_speed, k.y_speed, k.agent, k.opponent};
            hash = XXH3_64bits_withSeed(seen, sizeof seen, hash);
            returns = k.returns > returns ? k.returns : returns;
            ((int32_t *)w.memory.actions[0])[i] = t % 8 == 0          ? (t / 8 + i) % 3
                                                  : k.y < k.agent     ? UP
                                                  : k.y - k.agent < 4 ? STAY
                                                                      : DOWN;
        }
        world_step(&w);
    }
    assert_true(returns > 10);
    if (hash != 0x467179ff6eddbdaeu)
        fail_msg("0x%llx", (unsigned long long)hash);
    world_close(&w);
}

/* ---- settings -------------------------------------------------------------------------------- */

static void settings_out_of_range_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *set, *words;
    } cases[] = {
        {"points=0", "points"},          {"points=101", "points"},
        {"skill=1.01", "skill"},         {"skill=-1", "skill"},
        {"skill=nan", "skill"},          {"ball_speed=0", "ball_speed"},
        {"ball_speed=17", "ball_speed"}, {"ball_growth=-1", "growth"},
        {"top_speed=inf", "top_speed"},  {"max_steps=1", "max_steps"},
        {"observation=sound", "sound"},  {"top_speed=2", "below ball_speed"},
        {"ball_sped=2", "ball_speed"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        stoa_error err = {0};
        stoa_env *env = NULL;
        stoa_env_options options = {
            .name = "pong", .set = &cases[k].set, .set_count = 1, .count = 1};
        if (stoa_env_new(&env, &options, &err) != STOA_ERR_USAGE ||
            !strstr(err.message, cases[k].words))
            fail_msg("%s: %s", cases[k].set, err.message);
        assert_null(env);
    }
    assert_int_equal(stoa_alloc_statistics().live, 0);
}

static void the_borders_of_the_settings_keep_the_laws(void **state) {
    (void)state;
    static const char *const sets[][5] = {
        {"points=1", "max_steps=2", "time=true"},
        {"ball_speed=16", "top_speed=16", "ball_growth=16", "skill=1"},
        {"ball_speed=0.5", "top_speed=0.5", "ball_growth=0", "skill=0", "points=2"},
        {"observation=image", "points=2", "ball_speed=16", "top_speed=16", "time=true"},
    };
    static const int counts[] = {3, 4, 5, 5};
    for (int k = 0; k < 4; k++) {
        stoa_error err = {0};
        stoa_env_options options = {
            .name = "pong", .set = sets[k], .set_count = counts[k], .count = 1, .seed = 5};
        if (stoa_env_check(&options, 600, NULL, &err) != STOA_OK)
            fail_msg("settings %d: %s", k, err.message);
    }
    assert_int_equal(stoa_alloc_statistics().live, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ball_flies_straight),
        cmocka_unit_test(walls_reflect_the_ball),
        cmocka_unit_test(the_agents_paddle_moves_and_stops_at_the_walls),
        cmocka_unit_test(the_place_of_impact_sets_the_angle),
        cmocka_unit_test(a_ball_beside_the_paddle_flies_on),
        cmocka_unit_test(impact_is_judged_where_the_way_crosses),
        cmocka_unit_test(returns_make_the_ball_faster_up_to_the_top),
        cmocka_unit_test(the_opponent_waits_then_follows_the_ball_at_its_speed),
        cmocka_unit_test(skill_sets_speed_and_reaction),
        cmocka_unit_test(serves_go_both_ways_from_the_middle_at_most_half_steep),
        cmocka_unit_test(a_point_is_paid_shown_for_a_step_and_followed_by_a_serve),
        cmocka_unit_test(the_last_point_ends_the_game),
        cmocka_unit_test(too_long_a_game_is_truncated_and_time_tells),
        cmocka_unit_test(the_numbers_tell_the_court),
        cmocka_unit_test(the_picture_shows_ball_and_paddles),
        cmocka_unit_test(a_game_can_be_drawn),
        cmocka_unit_test(a_clever_player_loses_no_point),
        cmocka_unit_test(random_play_wins_as_many_points_as_the_spec_says),
        cmocka_unit_test(a_game_is_the_same_on_every_machine),
        cmocka_unit_test(settings_out_of_range_are_refused),
        cmocka_unit_test(the_borders_of_the_settings_keep_the_laws),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
