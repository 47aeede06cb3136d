/* test_slalom.c - Slalom's physics, its gates and its bill, and that a skier who steers by the
 * numbers passes every gate while one who goes straight down does not. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <xxhash.h>

#include "env/slalom.h"
#include "world.h"

enum { LEFT, STRAIGHT, RIGHT };
enum { NO_EVENT, PASSED_EVENT, MISSED_EVENT };
enum { PASSED, MISSED, SECONDS, RETURN, METRICS };
enum { SNOW = 0, FINISH = 85, POLE = 170, SKIER = 255, SIDE = 42 };

static world open_with(const char *const *set, int count_set, int64_t count) {
    return world_open_options(&(stoa_env_options){
        .name = "slalom", .set = set, .set_count = count_set, .count = count, .seed = 3});
}

static const float *numbers(const world *w, int64_t i) {
    return (const float *)w->memory.buffers.observations[0] + STOA_SLALOM_NUMBERS * i;
}

static const float *times(const world *w) {
    return w->memory.buffers.observations[1];
}

static float metric(const world *w, int64_t i, int which) {
    return w->memory.buffers.metrics[METRICS * i + which];
}

static bool near(double a, double b) {
    return fabs(a - b) < 1e-5;
}

static bool over(const world *w) {
    return w->memory.buffers.terminated[0];
}

/* Steers so that the heading points at the middle of the next gate. */
static int32_t aim(const float *v, double gap) {
    double across = (double)v[STOA_SLALOM_GATE_X] * 48,
           down = (double)v[STOA_SLALOM_GATE_Y] * 2 * gap;
    double wanted = atan2(across, fmax(down, 4)) * 180 / 3.14159265358979;
    double heading = (double)v[STOA_SLALOM_HEADING] * 72;
    return heading < wanted - 4.5 ? RIGHT : heading > wanted + 4.5 ? LEFT : STRAIGHT;
}

/* ---- the course ------------------------------------------------------------------------------ */

static void gates_keep_their_distances_and_differ_from_run_to_run(void **state) {
    (void)state;
    world w = world_open("slalom", 300, 1);
    int64_t most = 0;
    for (int i = 0; i < 300; i++) {
        int before = 80;
        for (int gate = 0; gate < 20; gate++) {
            int x = stoa_slalom_gate_x(w.env, i, gate);
            assert_in_range(x, 24, 136);
            assert_in_range(abs(x - before), 0, 44);
            most = abs(x - before) > most ? abs(x - before) : most;
            before = x;
        }
    }
    assert_int_equal(most, 44);
    int first = stoa_slalom_gate_x(w.env, 0, 0), differ = 0;
    for (int i = 1; i < 300; i++)
        differ += stoa_slalom_gate_x(w.env, i, 0) != first;
    assert_true(differ > 280);
    world_close(&w);
}

static void the_first_frame_tells_where_skier_and_gates_are(void **state) {
    (void)state;
    world w = world_open("slalom", 1, 1);
    const float *v = numbers(&w, 0);
    assert_true(v[STOA_SLALOM_X] == 0 && v[STOA_SLALOM_HEADING] == 0 && v[STOA_SLALOM_SPEED] == 0);
    int first = stoa_slalom_gate_x(w.env, 0, 0), second = stoa_slalom_gate_x(w.env, 0, 1);
    assert_true(near((double)v[STOA_SLALOM_GATE_X], fmax(-1, fmin(1, (first - 80) / 48.0))));
    assert_true(near((double)v[STOA_SLALOM_GATE_Y], 0.5));
    assert_true(near((double)v[STOA_SLALOM_AFTER_X], fmax(-1, fmin(1, (second - 80) / 48.0))));
    assert_true(near((double)v[STOA_SLALOM_AFTER_Y], 1));
    assert_true(v[STOA_SLALOM_LAST_X] == 0 && v[STOA_SLALOM_LAST_Y] == -1);
    assert_true(times(&w)[0] == 0 && times(&w)[1] == 0);
    world_close(&w);
}

/* ---- physics --------------------------------------------------------------------------------- */

static void speed_follows_the_heading_with_lag_and_never_ends(void **state) {
    (void)state;
    world w = world_open("slalom", 1, 1);
    const float *v = numbers(&w, 0);
    world_step_all(&w, STRAIGHT);
    assert_true(near((double)v[STOA_SLALOM_SPEED], 1.0 / 8));
    for (int t = 0; t < 60; t++)
        world_step_all(&w, STRAIGHT);
    assert_true(v[STOA_SLALOM_SPEED] > 0.99f && v[STOA_SLALOM_SPEED] <= 1);
    float before = v[STOA_SLALOM_SPEED];
    for (int turn = 1; turn <= 8; turn++) {
        world_step_all(&w, RIGHT);
        assert_true(near((double)v[STOA_SLALOM_HEADING], turn / 8.0));
        assert_true(v[STOA_SLALOM_SPEED] < before || turn == 1);
        before = v[STOA_SLALOM_SPEED];
    }
    for (int t = 0; t < 60; t++)
        world_step_all(&w, RIGHT); /* no further than 72 degrees */
    assert_true(v[STOA_SLALOM_HEADING] == 1);
    assert_true(v[STOA_SLALOM_SPEED] > 0.305f && v[STOA_SLALOM_SPEED] < 0.315f);
    world_close(&w);
}

static void left_is_left_and_the_edge_holds(void **state) {
    (void)state;
    world w = world_open("slalom", 1, 1);
    const float *v = numbers(&w, 0);
    for (int t = 0; t < 20; t++)
        world_step_all(&w, LEFT);
    assert_true(v[STOA_SLALOM_X] < -0.1f && v[STOA_SLALOM_HEADING] == -1);
    for (int t = 0; t < 200; t++)
        world_step_all(&w, LEFT);
    assert_true(v[STOA_SLALOM_X] == -1);
    for (int t = 0; t < 16; t++)
        world_step_all(&w, RIGHT);
    for (int t = 0; t < 300; t++)
        world_step_all(&w, RIGHT);
    assert_true(v[STOA_SLALOM_X] == 1);
    world_close(&w);
}

/* The arithmetic is in integers: this hash of a run's pictures is the same on every machine. */
static void a_run_is_the_same_on_every_machine(void **state) {
    (void)state;
    static const char *const set[] = {"observation=image", "time=false"};
    world w = open_with(set, 2, 1);
    uint64_t hash = 0;
    for (int t = 0; t < 700; t++) {
        world_step_all(&w, t * 7 / 20 % 3);
        hash = XXH3_64bits_withSeed(w.memory.buffers.observations[0], SIDE * SIDE, hash);
    }
    if (hash != 0x4151fc1d4531ad57u)
        fail_msg("0x%llx", (unsigned long long)hash);
    world_close(&w);
}

/* ---- gates and the bill ---------------------------------------------------------------------- */

static void straight_down_the_clock_runs_and_the_lump_comes_last(void **state) {
    (void)state;
    world w = world_open("slalom", 1, 5);
    const stoa_env_buffers *b = &w.memory.buffers;
    int through = 0, events[3] = {0}, steps = 0;
    for (int gate = 0; gate < 20; gate++)
        through += abs(stoa_slalom_gate_x(w.env, 0, gate) - 80) * 2 <= 24;
    assert_in_range(through, 1, 19);
    double total = 0;
    while (times(&w)[1] == 0) {
        world_step_all(&w, STRAIGHT);
        assert_false(over(&w));
        assert_true(near((double)b->rewards[0], -0.005));
        total += (double)b->rewards[0];
        events[b->events[0]]++;
        steps++;
    }
    assert_int_equal(steps, 639); /* 21 gaps of 90 units at 3 a step, and the start */
    assert_int_equal(events[PASSED_EVENT], through);
    assert_int_equal(events[MISSED_EVENT], 20 - through);
    world_step_all(&w, STRAIGHT); /* the frame behind the finish was seen; now the bill */
    assert_true(over(&w) && !b->truncated[0]);
    assert_true(near((double)b->rewards[0], -0.5 * (20 - through)));
    assert_int_equal(b->events[0], NO_EVENT);
    total += (double)b->rewards[0];
    assert_true(near((double)metric(&w, 0, PASSED), through / 20.0));
    assert_true(near((double)metric(&w, 0, MISSED), (20 - through) / 20.0));
    assert_true(near((double)metric(&w, 0, SECONDS), 31.95));
    assert_true(fabs((double)metric(&w, 0, RETURN) - total) < 1e-3);
    assert_true(((const float *)b->final_observations[1])[1] == 1);
    assert_true(times(&w)[0] == 0 && times(&w)[1] == 0); /* and the next run has begun */
    world_close(&w);
}

/* A gate is as wide as it says: poles belong to it. */
static void a_pole_counts_as_inside(void **state) {
    (void)state;
    static const char *const set[] = {"gates=1", "shift=20", "gate_width=24"};
    world w = open_with(set, 3, 200);
    bool seen_edge = false, seen_beyond = false;
    int offset[200];
    for (int i = 0; i < 200; i++)
        offset[i] = abs(stoa_slalom_gate_x(w.env, i, 0) - 80);
    for (int t = 0; t < 45; t++) {
        world_step_all(&w, STRAIGHT);
        for (int i = 0; i < 200; i++) {
            int event = w.memory.buffers.events[i];
            if (event == NO_EVENT)
                continue;
            assert_int_equal(event, offset[i] <= 12 ? PASSED_EVENT : MISSED_EVENT);
            seen_edge |= offset[i] == 12;
            seen_beyond |= offset[i] == 13;
        }
    }
    assert_true(seen_edge && seen_beyond);
    world_close(&w);
}

/* Where the straight line between two frames crosses the gate's height decides. */
static void a_gate_is_judged_where_the_way_crosses_it(void **state) {
    (void)state;
    enum { RUNS = 400 };
    world w = world_open("slalom", RUNS, 2);
    const double gap = 90;
    static double x[RUNS], y[RUNS], gate[RUNS]; /* of the skier and of the next gate */
    static bool cut_off[RUNS];                  /* the gate is further off than numbers tell */
    int judged = 0, otherwise = 0;
    for (int t = 0; t < 550; t++) {
        for (int i = 0; i < RUNS; i++) {
            const float *v = numbers(&w, i);
            x[i] = 80 * (1 + (double)v[STOA_SLALOM_X]);
            y[i] = -2 * gap * (double)v[STOA_SLALOM_GATE_Y]; /* from the gate's height */
            gate[i] = x[i] + 48 * (double)v[STOA_SLALOM_GATE_X];
            cut_off[i] = fabsf(v[STOA_SLALOM_GATE_X]) == 1;
        }
        world_step_randomly(&w);
        for (int i = 0; i < RUNS; i++) {
            const float *v = numbers(&w, i);
            int event = w.memory.buffers.events[i];
            if (event == NO_EVENT || v[STOA_SLALOM_GATE_Y] == 1) /* behind the last: no height */
                continue;
            double after = 80 * (1 + (double)v[STOA_SLALOM_X]);
            double down = gap - 2 * gap * (double)v[STOA_SLALOM_GATE_Y];
            double crossing = x[i] + (after - x[i]) * -y[i] / (down - y[i]);
            double spare = 12 - fabs(crossing - gate[i]);
            if (cut_off[i] || fabs(spare) < 0.01)
                continue; /* rounding may decide */
            /* the gate is still told, now behind */
            double behind = fmax(-1, fmin(1, (gate[i] - after) / 48));
            assert_true(fabs((double)v[STOA_SLALOM_LAST_X] - behind) < 1e-4);
            assert_true(fabs((double)v[STOA_SLALOM_LAST_Y] + down / (2 * gap)) < 1e-4);
            assert_int_equal(event, spare > 0 ? PASSED_EVENT : MISSED_EVENT);
            judged++;
            otherwise += (fabs(after - gate[i]) < 12) != (spare > 0);
        }
    }
    assert_true(judged > RUNS && otherwise > 0);
    world_close(&w);
}

static void a_run_ends_at_the_limit_and_unreached_gates_are_missed(void **state) {
    (void)state;
    static const char *const set[] = {"limit=50", "shift=0", "penalty=100"};
    world w = open_with(set, 3, 1);
    for (int t = 0; t < 49; t++) {
        assert_true(times(&w)[1] == 0);
        world_step_all(&w, STRAIGHT);
        assert_false(over(&w));
    }
    assert_true(times(&w)[1] == 1);
    world_step_all(&w, STRAIGHT);
    assert_true(over(&w));
    assert_true(near((double)metric(&w, 0, PASSED), 0.05)); /* one gate was in reach */
    assert_true(near((double)w.memory.buffers.rewards[0], -1.9));
    world_close(&w);
}

static void rewards_are_scaled(void **state) {
    (void)state;
    static const char *const set[] = {"reward_scale=1", "gates=3"};
    world w = open_with(set, 2, 1);
    const stoa_env_spec *spec = stoa_env_spec_of(w.env);
    assert_true(spec->reward_low == -1500 && spec->reward_high == 0);
    world_step_all(&w, STRAIGHT);
    assert_true(w.memory.buffers.rewards[0] == -5);
    world_close(&w);
}

/* ---- play ------------------------------------------------------------------------------------ */

typedef struct outcome {
    double passed, steps, total;
    float worst; /* least share of gates passed */
} outcome;

typedef int32_t (*skier)(const float *v, double gap);

/* First runs of many instances. skier NULL: random play. */
static outcome ski(const char *const *set, int set_count, int64_t count, double gap, skier steer) {
    world w = open_with(set, set_count, count);
    outcome o = {.worst = 1};
    bool *done = calloc((size_t)count, sizeof *done);
    int64_t left = count;
    for (int t = 1; left > 0; t++) {
        for (int64_t i = 0; steer && i < count; i++)
            ((int32_t *)w.memory.actions[0])[i] = steer(numbers(&w, i), gap);
        if (steer)
            world_step(&w);
        else
            world_step_randomly(&w);
        for (int64_t i = 0; i < count; i++) {
            if (!w.memory.buffers.terminated[i] || done[i])
                continue;
            done[i] = true;
            left--;
            o.passed += (double)metric(&w, i, PASSED) / (double)count;
            o.total += (double)metric(&w, i, RETURN) / (double)count;
            o.steps += (double)t / (double)count;
            o.worst = fminf(o.worst, metric(&w, i, PASSED));
        }
    }
    free(done);
    world_close(&w);
    return o;
}

/* Where the spec promises a ceiling of 1, borders of that region included. */
static void one_who_aims_at_the_gates_passes_all_of_them(void **state) {
    (void)state;
    static const struct {
        const char *set[4];
        int count;
        double gap;
    } courses[] = {
        {{NULL}, 0, 90},
        {{"shift=45", "gate_width=16"}, 2, 90},
        {{"gap=60", "shift=30", "gate_width=16", "gates=64"}, 4, 60},
        {{"gap=224", "shift=112", "gate_width=16", "limit=4000"}, 4, 224},
    };
    for (size_t k = 0; k < sizeof courses / sizeof *courses; k++) {
        world w = open_with(courses[k].set, courses[k].count, 1);
        assert_true(stoa_env_spec_of(w.env)->ceiling == 1);
        world_close(&w);
        outcome o = ski(courses[k].set, courses[k].count, 200, courses[k].gap, aim);
        assert_true(o.worst == 1);
        assert_true(k != 0 || (o.steps > 600 && o.steps < 750 && o.total > -3.7));
    }
    static const char *const narrow[] = {"gate_width=2"};
    world w = open_with(narrow, 1, 1);
    assert_true(isnan(stoa_env_spec_of(w.env)->ceiling)); /* nothing is promised */
    assert_true(isnan(stoa_env_spec_of(w.env)->chance));
    world_close(&w);
}

static int32_t never_steer(const float *v, double gap) {
    (void)v, (void)gap;
    return STRAIGHT;
}

static void the_fastest_run_misses_most_gates_and_pays_for_it(void **state) {
    (void)state;
    outcome fast = ski(NULL, 0, 500, 90, never_steer), good = ski(NULL, 0, 500, 90, aim);
    assert_true(near(fast.steps, 640));
    assert_true(fast.steps < good.steps);
    assert_true(fast.passed < 0.4);
    assert_true(fast.total < good.total - 5);
}

static void random_play_passes_as_many_gates_as_the_spec_says(void **state) {
    (void)state;
    enum { RUNS = 2000 };
    outcome o = ski(NULL, 0, RUNS, 90, NULL);
    world w = world_open("slalom", 1, 1);
    const stoa_env_spec *spec = stoa_env_spec_of(w.env);
    assert_true(fabs(o.passed - spec->chance) < 4 * 0.062 / sqrt(RUNS)); /* 0.062: deviation */
    assert_true(o.steps > 600 && o.steps < 1500);
    world_close(&w);
}

/* ---- pictures -------------------------------------------------------------------------------- */

static int count_shade(const uint8_t *picture, int from, int rows, int shade) {
    int n = 0;
    for (int p = from * SIDE; p < (from + rows) * SIDE; p++)
        n += picture[p] == shade;
    return n;
}

static void the_picture_shows_skier_gates_and_finish(void **state) {
    (void)state;
    static const char *const set[] = {"observation=image", "gates=1"};
    world w = open_with(set, 2, 1);
    const uint8_t *picture = w.memory.buffers.observations[0];
    int gate = stoa_slalom_gate_x(w.env, 0, 0);
    /* pixels are 160/42 units; the skier's row is 6, the gate lies 90 units below, 23 rows */
    assert_int_equal(picture[6 * SIDE + 21], SKIER);
    assert_int_equal(picture[29 * SIDE + (gate - 12) * SIDE / 160], POLE);
    assert_int_equal(picture[29 * SIDE + (gate + 12) * SIDE / 160], POLE);
    assert_int_equal(picture[28 * SIDE + (gate + 12) * SIDE / 160], POLE);
    assert_int_equal(count_shade(picture, 0, SIDE, POLE), 4);
    assert_int_equal(count_shade(picture, 0, SIDE, FINISH), 0);
    assert_int_equal(count_shade(picture, 0, SIDE, SKIER), 3);
    for (int t = 0; t < 40; t++)
        world_step_all(&w, STRAIGHT);
    assert_true(count_shade(picture, 0, SIDE, FINISH) >= SIDE - 3);
    world_close(&w);
}

static void picture_and_numbers_are_of_the_same_run(void **state) {
    (void)state;
    static const char *const set[] = {"observation=image"};
    world pixels = open_with(set, 1, 20), vector = open_with(NULL, 0, 20);
    for (int t = 0; t < 2500; t++) {
        world_step_randomly(&pixels);
        world_step_randomly(&vector);
        assert_memory_equal(pixels.memory.buffers.rewards, vector.memory.buffers.rewards,
                            20 * sizeof(float));
        for (int i = 0; i < 20; i++) {
            const uint8_t *picture =
                (uint8_t *)pixels.memory.buffers.observations[0] + i * SIDE * SIDE;
            int col = (int)((numbers(&vector, i)[STOA_SLALOM_X] + 1) * SIDE / 2);
            assert_int_equal(picture[6 * SIDE + (col == SIDE ? SIDE - 1 : col)], SKIER);
        }
    }
    world_close(&pixels);
    world_close(&vector);
}

static void a_run_can_be_drawn(void **state) {
    (void)state;
    world w = world_open("slalom", 1, 1);
    stoa_buffer text = {0};
    for (int t = 0; t < 10; t++)
        world_step_all(&w, RIGHT);
    assert_true(stoa_env_render_text(w.env, 0, &text));
    assert_non_null(strchr(text.data, 'o'));
    assert_non_null(strchr(text.data, '|'));
    assert_non_null(strstr(text.data, "0.50 s, gate 0 of 20, 0 missed"));
    assert_non_null(strstr(text.data, "heading 72 degrees"));
    stoa_buffer_deinit(&text);
    uint8_t *pixels = malloc(168 * 168 * 3);
    assert_int_equal(stoa_env_spec_of(w.env)->render_height, 168);
    assert_true(stoa_env_render_rgb(w.env, 0, pixels));
    const uint8_t snow[3] = {245, 248, 252};
    assert_memory_equal(pixels, snow, 3);
    assert_memory_equal(pixels + 168 * 168 * 3 - 3, snow, 3);
    free(pixels);
    world_close(&w);
}

/* ---- settings and laws ----------------------------------------------------------------------- */

static void senseless_settings_are_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "gates=0",    "gates=65",         "gap=9",
        "gap=1001",   "gate_width=1",     "shift=-1",
        "shift=113",  "limit=1",          "limit=65536",
        "penalty=-1", "penalty=1e18",     "reward_scale=0",
        "time=2",     "reward_scale=-1",  "observation=sound",
        "speed=3",    "reward_scale=nan", "reward_scale=inf",
    };
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
        stoa_env *env;
        stoa_error err = {0};
        stoa_env_options options = {.name = "slalom", .set = &wrong[k], .set_count = 1, .count = 1};
        if (stoa_env_new(&env, &options, &err) != STOA_ERR_USAGE)
            fail_msg("%s was taken", wrong[k]);
        assert_non_null(strstr(err.message, "slalom"));
    }
    assert_int_equal(stoa_alloc_statistics().live, 0);
}

static void the_laws_hold_under_every_setting(void **state) {
    (void)state;
    static const char *const sets[][4] = {
        {"gates=64", "gap=1000", "limit=65535", "penalty=100000"},
        {"gates=1", "gap=10", "gate_width=100", "shift=0"},
        {"observation=image", "time=false", "limit=2", "shift=112"},
        {"observation=image", "gap=10", "reward_scale=1000", "gates=3"},
        {"gap=10", "gate_width=2", "penalty=0", "limit=37"},
    };
    for (size_t k = 0; k < sizeof sets / sizeof *sets; k++) {
        stoa_error err = {0};
        stoa_env_options options = {
            .name = "slalom", .count = 1, .seed = 5, .set = sets[k], .set_count = 4};
        if (stoa_env_check(&options, 300, NULL, &err) != STOA_OK)
            fail_msg("set %zu: %s", k, err.message);
    }
    assert_int_equal(stoa_alloc_statistics().live, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gates_keep_their_distances_and_differ_from_run_to_run),
        cmocka_unit_test(the_first_frame_tells_where_skier_and_gates_are),
        cmocka_unit_test(speed_follows_the_heading_with_lag_and_never_ends),
        cmocka_unit_test(left_is_left_and_the_edge_holds),
        cmocka_unit_test(a_run_is_the_same_on_every_machine),
        cmocka_unit_test(straight_down_the_clock_runs_and_the_lump_comes_last),
        cmocka_unit_test(a_pole_counts_as_inside),
        cmocka_unit_test(a_gate_is_judged_where_the_way_crosses_it),
        cmocka_unit_test(a_run_ends_at_the_limit_and_unreached_gates_are_missed),
        cmocka_unit_test(rewards_are_scaled),
        cmocka_unit_test(one_who_aims_at_the_gates_passes_all_of_them),
        cmocka_unit_test(the_fastest_run_misses_most_gates_and_pays_for_it),
        cmocka_unit_test(random_play_passes_as_many_gates_as_the_spec_says),
        cmocka_unit_test(the_picture_shows_skier_gates_and_finish),
        cmocka_unit_test(picture_and_numbers_are_of_the_same_run),
        cmocka_unit_test(a_run_can_be_drawn),
        cmocka_unit_test(senseless_settings_are_refused),
        cmocka_unit_test(the_laws_hold_under_every_setting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
