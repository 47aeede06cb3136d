/* test_maze.c - mazes: every cell can be reached, and walking the shortest way that the test finds
 * on its own scores 1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "env/maze.h"
#include "world.h"

enum { MOST = 31 * 31 };

typedef struct maze {
    const uint8_t *map;
    int height, width, self, goal;
} maze;

static maze maze_of(const world *w, int64_t i) {
    const stoa_space *s = &stoa_env_spec_of(w->env)->observations[0];
    maze m = {.height = (int)s->shape[0], .width = (int)s->shape[1], .self = -1, .goal = -1};
    m.map = (const uint8_t *)w->memory.buffers.observations[0] + i * m.height * m.width;
    for (int at = 0; at < m.height * m.width; at++) {
        if (m.map[at] == STOA_MAZE_SELF)
            m.self = at;
        if (m.map[at] == STOA_MAZE_GOAL)
            m.goal = at;
    }
    assert_true(m.self >= 0 && m.goal >= 0);
    return m;
}

static int beside(const maze *m, int at, int move) {
    const int ways[4] = {-m->width, 1, m->width, -1};
    return at + ways[move];
}

/* Steps from every square to the goal, by relaxing until nothing changes; -1: no way. */
static void distances(const maze *m, int *steps) {
    int squares = m->height * m->width;
    for (int at = 0; at < squares; at++)
        steps[at] = at == m->goal ? 0 : -1;
    for (bool changed = true; changed;) {
        changed = false;
        for (int at = 0; at < squares; at++)
            for (int k = 0; k < 4 && m->map[at] != STOA_MAZE_WALL; k++) {
                int next = beside(m, at, k);
                if (steps[next] >= 0 && (steps[at] < 0 || steps[at] > steps[next] + 1)) {
                    steps[at] = steps[next] + 1;
                    changed = true;
                }
            }
    }
}

static int32_t best_move(const maze *m) {
    int steps[MOST];
    distances(m, steps);
    for (int k = 0; k < 4; k++)
        if (steps[beside(m, m->self, k)] == steps[m->self] - 1)
            return k;
    fail_msg("no way to the goal");
    return 0;
}

static void the_shortest_way_scores_one(void **state) {
    (void)state;
    world w = world_open("maze", 1, 6);
    for (int episode = 0; episode < 20; episode++) {
        maze m = maze_of(&w, 0);
        int steps[MOST];
        distances(&m, steps);
        int shortest = steps[m.self];
        assert_true(shortest >= 12 && shortest % 2 == 0);
        for (int t = 1; t <= shortest; t++) {
            m = maze_of(&w, 0);
            world_step_all(&w, best_move(&m));
            assert_int_equal(w.memory.buffers.terminated[0], t == shortest);
            assert_int_equal(w.memory.buffers.truncated[0], 0);
            assert_near(w.memory.buffers.rewards[0], t == shortest ? 1.0f : -0.01f, 1e-7);
        }
        assert_true(w.memory.buffers.metrics[0] == 1);
        assert_true(w.memory.buffers.metrics[1] == 1);
        assert_true(w.memory.buffers.metrics[2] == (float)shortest);
    }
    world_close(&w);
}

static void a_detour_scores_the_share_of_the_shortest_way(void **state) {
    (void)state;
    world w = world_open("maze", 1, 6);
    maze m = maze_of(&w, 0);
    int steps[MOST];
    distances(&m, steps);
    int shortest = steps[m.self];
    for (int t = 0; t < 3; t++)
        world_step_all(&w, STOA_MAZE_NORTH); /* into the outer wall */
    assert_int_equal(maze_of(&w, 0).self, m.self);
    while (!w.memory.buffers.terminated[0]) {
        m = maze_of(&w, 0);
        world_step_all(&w, best_move(&m));
    }
    assert_near(w.memory.buffers.metrics[0], (float)shortest / (float)(shortest + 3), 1e-6);
    world_close(&w);
}

static void waiting_is_cut_off_and_scores_nothing(void **state) {
    (void)state;
    world w = world_open_with("maze", 1, 6, "steps=7");
    for (int t = 1; t <= 7; t++) {
        world_step_all(&w, STOA_MAZE_WEST);
        assert_int_equal(w.memory.buffers.truncated[0], t == 7);
        assert_int_equal(w.memory.buffers.terminated[0], 0);
    }
    assert_true(w.memory.buffers.metrics[0] == 0);
    assert_true(w.memory.buffers.metrics[1] == 0);
    world_close(&w);
}

static void every_cell_can_be_reached_in_mazes_of_every_size(void **state) {
    (void)state;
    static const char *const sizes[][3] = {{"height=5", "width=5", "loops=0"},
                                           {"height=7", "width=31", "loops=9"},
                                           {"height=31", "width=31", "loops=0"}};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        stoa_env_options options = {
            .name = "maze", .set = sizes[k], .set_count = 3, .count = 5, .seed = 2};
        world w = world_open_options(&options);
        for (int64_t i = 0; i < 5; i++) {
            maze m = maze_of(&w, i);
            int steps[MOST], floors = 0, cells = 0;
            distances(&m, steps);
            for (int at = 0; at < m.height * m.width; at++) {
                int y = at / m.width, x = at % m.width;
                bool edge = y == 0 || x == 0 || y == m.height - 1 || x == m.width - 1;
                assert_true(!edge || m.map[at] == STOA_MAZE_WALL);
                assert_true((m.map[at] == STOA_MAZE_WALL) == (steps[at] < 0));
                floors += steps[at] >= 0;
                cells += y % 2 && x % 2;
            }
            if (k != 1) /* a tree: an opening fewer than cells */
                assert_int_equal(floors, 2 * cells - 1);
            else
                assert_true(floors > 2 * cells - 1);
        }
        world_close(&w);
    }
}

static void a_numbered_layout_is_always_the_same_maze(void **state) {
    (void)state;
    world a = world_open_with("maze", 3, 1, "layout=7"),
          b = world_open_with("maze", 3, 2, "layout=7");
    world other = world_open_with("maze", 3, 1, "layout=8"), fresh = world_open("maze", 3, 1);
    const uint8_t *rows = a.memory.buffers.observations[0];
    assert_memory_equal(rows, b.memory.buffers.observations[0], 3 * 81);
    assert_memory_equal(rows, rows + 81, 81);
    assert_memory_not_equal(rows, other.memory.buffers.observations[0], 81);
    const uint8_t *drawn = fresh.memory.buffers.observations[0];
    assert_memory_not_equal(drawn, drawn + 81, 81);
    world_close(&a);
    world_close(&b);
    world_close(&other);
    world_close(&fresh);
}

static void text_shows_what_the_map_shows(void **state) {
    (void)state;
    world map = world_open("maze", 2, 3), text = world_open_with("maze", 2, 3, "observation=text");
    for (int t = 0; t < 30; t++) {
        const uint8_t *squares = map.memory.buffers.observations[0];
        const uint8_t *letters = text.memory.buffers.observations[0];
        for (int i = 0; i < 2; i++)
            for (int y = 0; y < 9; y++) {
                for (int x = 0; x < 9; x++)
                    assert_int_equal(letters[i * 90 + y * 10 + x],
                                     "# G@"[squares[i * 81 + y * 9 + x]]);
                assert_int_equal(letters[i * 90 + y * 10 + 9], '\n');
            }
        world_step_all(&map, t % 4);
        world_step_all(&text, t % 4);
    }
    stoa_buffer drawn = {0};
    assert_true(stoa_env_render_text(text.env, 0, &drawn));
    assert_memory_equal(drawn.data, text.memory.buffers.observations[0], 90);
    stoa_buffer_deinit(&drawn);
    world_close(&map);
    world_close(&text);
}

static void walls_lie_between_cells_so_sides_are_odd(void **state) {
    (void)state;
    static const char *const set[] = {"width=8"};
    stoa_env *env;
    stoa_error err = {0};
    stoa_env_options options = {.name = "maze", .set = set, .set_count = 1, .count = 1};
    assert_int_equal(stoa_env_new(&env, &options, &err), STOA_ERR_USAGE);
    assert_string_equal(err.message, "environment maze: height (9) and width (8) must be odd: "
                                     "walls lie between cells");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shortest_way_scores_one),
        cmocka_unit_test(a_detour_scores_the_share_of_the_shortest_way),
        cmocka_unit_test(waiting_is_cut_off_and_scores_nothing),
        cmocka_unit_test(every_cell_can_be_reached_in_mazes_of_every_size),
        cmocka_unit_test(a_numbered_layout_is_always_the_same_maze),
        cmocka_unit_test(text_shows_what_the_map_shows),
        cmocka_unit_test(walls_lie_between_cells_so_sides_are_odd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
