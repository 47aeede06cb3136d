/* test_odd_one_out_scenes.c - what rooms contain and how they are seen: features and their pixels,
 * the words, 3-1 and 2-2 splits, places, symbols, images, noise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "odd_world.h"

enum { OBJECTS = STOA_ODD_OBJECTS, SIDE = STOA_ODD_SIDE };

/* ---- features -------------------------------------------------------------------------------- */

/* The published formulas of the masks. */
static bool shape_at(int shape, int i, int j) {
    bool plus = (i >= 3 && i <= 5) || (j >= 3 && j <= 5);
    bool ex = abs(i - j) <= 1 || abs(8 - i - j) <= 1, sides = j <= 2 || j >= 6;
    const bool on[STOA_ODD_SHAPES] = {i >= 2 * abs(j - 4),
                                      plus,
                                      !plus,
                                      ex,
                                      !ex,
                                      (i - 4) * (i - 4) + (j - 4) * (j - 4) <= 16,
                                      (j >= 3 && j <= 5) || i <= 2,
                                      (j >= 3 && j <= 5) || i >= 6,
                                      sides || (i >= 3 && i <= 5),
                                      sides || i >= 6,
                                      sides || i <= 2};
    return on[shape];
}

static bool texture_at(int texture, int i, int j) {
    const bool on[STOA_ODD_TEXTURES] = {true,           i % 2 == 0,   j % 2 == 0, (i + j) % 2 == 0,
                                        i % 2 || j % 2, i * j % 7 < 4};
    return on[texture];
}

static void masks_are_the_published_formulas(void **state) {
    (void)state;
    stoa_odd_pattern noise = {0};
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++)
            noise[i] |= (uint16_t)(texture_at(STOA_ODD_NOISE, i, j) << j);
    for (int t = 0; t < STOA_ODD_TEXTURES; t++)
        for (int s = 0; s < STOA_ODD_SHAPES; s++)
            for (int i = 0; i < SIDE; i++)
                for (int j = 0; j < SIDE; j++)
                    assert_int_equal(stoa_odd_mask(t, s, noise, i) >> j & 1,
                                     shape_at(s, i, j) && texture_at(t, i, j));
}

static void a_pixel_is_mask_times_colour(void **state) {
    (void)state;
    stoa_odd_picture picture;
    static const uint8_t orange_checker_tee[STOA_ODD_DIMENSIONS] = {4, 3, 6, 0};
    stoa_odd_paint(picture, orange_checker_tee, NULL);
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            bool on = shape_at(6, i, j) && (i + j) % 2 == 0;
            const uint8_t rgb[3] = {on ? 255 : 0, on ? 165 : 0, 0};
            assert_memory_equal(&picture[i][3 * j], rgb, 3);
        }
}

static void colours_are_the_published_ones(void **state) {
    (void)state;
    static const struct {
        const char *name;
        uint8_t rgb[3];
    } some[] = {{"red", {255, 0, 0}},       {"purple", {128, 0, 128}},
                {"orange", {255, 165, 0}},  {"brown", {128, 64, 0}},
                {"pink", {255, 64, 255}},   {"dark_blue", {0, 0, 100}},
                {"teal", {0, 100, 100}},    {"lavender", {215, 200, 255}},
                {"peach", {255, 210, 170}}, {"light_yellow", {255, 255, 200}}};
    for (size_t k = 0; k < sizeof some / sizeof *some; k++) {
        int value = 0;
        while (strcmp(stoa_odd_value_name(STOA_ODD_COLOR, value), some[k].name) != 0)
            value++;
        assert_memory_equal(stoa_odd_rgb[value], some[k].rgb, 3);
    }
}

static void sixty_six_words_are_all_different(void **state) {
    (void)state;
    int values = 0;
    assert_int_equal(STOA_ODD_VOCABULARY, 66);
    for (int i = 0; i < STOA_ODD_VOCABULARY; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(stoa_odd_words[i], stoa_odd_words[j]);
    for (int d = 0; d < STOA_ODD_DIMENSIONS; d++)
        for (int v = 0; v < stoa_odd_value_count((stoa_odd_dimension)d); v++, values++)
            assert_string_equal(stoa_odd_words[20 + values],
                                stoa_odd_value_name((stoa_odd_dimension)d, v));
    assert_int_equal(values, 40);
}

/* ---- splits ---------------------------------------------------------------------------------- */

/* How often the rarer of a dimension's two values occurs; checks that there are at most two. */
static int rarer(const stoa_odd_scene *s, int d) {
    int first = 0, second = 0;
    for (int i = 0; i < OBJECTS; i++) {
        if (s->value[i][d] == s->value[0][d])
            first++;
        else
            second++;
        assert_true(s->value[i][d] == s->pair[d][0] || s->value[i][d] == s->pair[d][1]);
    }
    assert_int_not_equal(s->pair[d][0], s->pair[d][1]);
    return first < second ? first : second;
}

static void reset(world *w) {
    assert_int_equal(stoa_env_reset(w->env, NULL, &w->memory.buffers, NULL), STOA_OK);
}

static void in_basic_levels_only_the_concept_is_odd(void **state) {
    (void)state;
    world w = ODD_OPEN("concept=any", "explanations=none");
    int targets[OBJECTS] = {0}, concepts[STOA_ODD_DIMENSIONS] = {0};
    for (int k = 0; k < 2000; k++) {
        reset(&w);
        const stoa_odd_scene *s = &odd_room(&w)->scene;
        for (int d = 0; d < STOA_ODD_DIMENSIONS; d++)
            assert_int_equal(rarer(s, d), d == s->concept ? 1 : 2);
        assert_true(stoa_odd_unique(s, s->target, s->concept));
        targets[s->target]++;
        concepts[s->concept]++;
    }
    for (int k = 0; k < 4; k++)
        assert_true(abs(targets[k] - 500) < 120 && abs(concepts[k] - 500) < 120);
    world_close(&w);
}

static void in_confounded_levels_all_looks_are_odd_on_one_object(void **state) {
    (void)state;
    world w = ODD_OPEN("level=confounded");
    for (int k = 0; k < 500; k++) {
        reset(&w);
        const stoa_odd_scene *s = &odd_room(&w)->scene;
        for (int d = 0; d < STOA_ODD_LOOKS; d++)
            assert_true(rarer(s, d) == 1 && stoa_odd_unique(s, s->target, d));
        assert_int_equal(rarer(s, STOA_ODD_POSITION), 0);
    }
    world_close(&w);
}

static void in_deconfounded_levels_each_look_is_odd_on_another_object(void **state) {
    (void)state;
    world w = ODD_OPEN("level=deconfounded");
    int odd[STOA_ODD_LOOKS][OBJECTS] = {{0}};
    for (int k = 0; k < 2000; k++) {
        reset(&w);
        const stoa_odd_scene *s = &odd_room(&w)->scene;
        unsigned which = 0;
        for (int d = 0; d < STOA_ODD_LOOKS; d++) {
            assert_true(rarer(s, d) == 1 && stoa_odd_unique(s, s->odd[d], d));
            which |= 1u << s->odd[d];
            odd[d][s->odd[d]]++;
        }
        assert_int_equal(__builtin_popcount(which), 3);
        assert_int_equal(s->target, s->odd[s->concept]);
        assert_int_equal(rarer(s, STOA_ODD_POSITION), 0);
    }
    for (int d = 0; d < STOA_ODD_LOOKS; d++)
        for (int i = 0; i < OBJECTS; i++)
            assert_true(abs(odd[d][i] - 500) < 120);
    world_close(&w);
}

static void experiments_split_as_many_looks_as_the_level_is_hard(void **state) {
    (void)state;
    static const char *const levels[] = {"level=meta_easy", "level=meta_hard1", "level=meta_hard2",
                                         "level=meta_hard3"};
    for (int hard = 0; hard < 4; hard++) {
        world w = ODD_OPEN(levels[hard]);
        int split[STOA_ODD_LOOKS] = {0};
        for (int k = 0; k < 600; k++) {
            reset(&w);
            const stoa_odd_scene *s = &odd_room(&w)->scene;
            int sum = 0;
            for (int d = 0; d < STOA_ODD_LOOKS; d++) {
                int n = rarer(s, d);
                assert_int_not_equal(n, 1);
                split[d] += n == 2;
                sum += n == 2;
            }
            assert_int_equal(sum, hard);
            assert_int_equal(s->target, STOA_ODD_NONE);
            assert_int_equal(rarer(s, STOA_ODD_POSITION), 0);
        }
        for (int d = 0; d < STOA_ODD_LOOKS; d++)
            assert_true(abs(split[d] - 200 * hard) < 60);
        world_close(&w);
    }
}

static void all_values_in_use_occur_and_no_others(void **state) {
    (void)state;
    world w = ODD_OPEN("colors=8", "textures=3", "shapes=5");
    bool seen[STOA_ODD_LOOKS][STOA_ODD_COLORS] = {{false}};
    static const int in_use[] = {8, 3, 5};
    for (int k = 0; k < 400; k++) {
        reset(&w);
        for (int d = 0; d < STOA_ODD_LOOKS; d++)
            for (int i = 0; i < OBJECTS; i++)
                seen[d][odd_room(&w)->scene.value[i][d]] = true;
    }
    for (int d = 0; d < STOA_ODD_LOOKS; d++)
        for (int v = 0; v < STOA_ODD_COLORS; v++)
            assert_int_equal(seen[d][v], v < in_use[d]);
    world_close(&w);
}

/* ---- places ---------------------------------------------------------------------------------- */

static bool in_class(int place, int row, int col) {
    bool edge_row = row == 1 || row == 9, edge_col = col == 1 || col == 9;
    bool middle_row = row >= 4 && row <= 6, middle_col = col >= 4 && col <= 6;
    const bool in[STOA_ODD_PLACES] = {edge_row && edge_col, edge_row && middle_col,
                                      middle_row && edge_col, middle_row && middle_col};
    return in[place];
}

static void check_apart(const stoa_odd_room *r, int interior) {
    for (int i = 0; i < OBJECTS; i++) {
        for (int j = 0; j < i; j++)
            assert_false(r->row[i] == r->row[j] && r->col[i] == r->col[j]);
        assert_false(r->row[i] == r->player_row && r->col[i] == r->player_col);
        assert_in_range(r->row[i], 1, interior);
        assert_in_range(r->col[i], 1, interior);
    }
    assert_in_range(r->player_row, 1, interior);
    assert_in_range(r->player_col, 1, interior);
}

static void objects_stand_apart_on_cells_of_their_position_class(void **state) {
    (void)state;
    world w = ODD_OPEN("concept=any");
    int count[9 + 1][9 + 1] = {{0}};
    for (int k = 0; k < 4000; k++) {
        reset(&w);
        const stoa_odd_room *r = odd_room(&w);
        check_apart(r, 9);
        for (int i = 0; i < OBJECTS; i++) {
            assert_true(in_class(r->scene.value[i][STOA_ODD_POSITION], r->row[i], r->col[i]));
            count[r->row[i]][r->col[i]]++;
        }
    }
    for (int row = 1; row <= 9; row++) /* 1000 objects a class, on 4, 6, 6 and 9 cells */
        for (int col = 1; col <= 9; col++)
            for (int place = 0; place < STOA_ODD_PLACES; place++) {
                static const int cells[] = {4, 6, 6, 9};
                if (in_class(place, row, col))
                    assert_true(abs(count[row][col] - 4000 / cells[place]) < 900 / cells[place]);
            }
    world_close(&w);
}

static void in_small_rooms_objects_stand_on_any_cells(void **state) {
    (void)state;
    world w = ODD_OPEN("interior=5", "placement=cells", "steps=48", "phase=6");
    int count[5 + 1][5 + 1] = {{0}};
    assert_int_equal(stoa_env_spec_of(w.env)->max_steps, 48);
    for (int k = 0; k < 2500; k++) {
        reset(&w);
        check_apart(odd_room(&w), 5);
        for (int i = 0; i < OBJECTS; i++)
            count[odd_room(&w)->row[i]][odd_room(&w)->col[i]]++;
    }
    for (int row = 1; row <= 5; row++)
        for (int col = 1; col <= 5; col++)
            assert_true(abs(count[row][col] - 400) < 120);
    world_close(&w);
}

/* ---- symbols --------------------------------------------------------------------------------- */

static const uint8_t *symbol(const world *w, int row, int col) {
    const uint8_t *symbols = w->memory.buffers.observations[odd_space(w, "symbols")];
    return symbols + (row * 11 + col) * STOA_ODD_FEATURES;
}

static void symbols_show_what_is_near_with_the_agent_in_the_middle(void **state) {
    (void)state;
    world w = ODD_OPEN("concept=color");
    odd_lay_out(&w);
    odd_stand(&w, 4, 3);
    odd_go(&w, ODD_N); /* (3, 3): the view's corner is (-2, -2) */
    for (int y = 0; y < 11; y++)
        for (int x = 0; x < 11; x++) {
            int row = y - 2, col = x - 2;
            uint8_t cell[4] = {STOA_ODD_FLOOR, 0, 0, 0};
            bool inside = row >= 0 && col >= 0 && row <= 10 && col <= 10;
            if (inside && (row == 0 || col == 0 || row == 10 || col == 10))
                cell[0] = STOA_ODD_WALL;
            if (row == 3 && col == 3)
                cell[0] = STOA_ODD_AGENT;
            if (row == 1 && col == 1) /* red solid triangle; the others are out of sight */
                memcpy(cell, (const uint8_t[]){STOA_ODD_OBJECT, 1, 1, 1}, 4);
            assert_memory_equal(symbol(&w, y, x), cell, 4);
        }
    world_close(&w);
}

static void an_object_hides_the_agent_upon_it(void **state) {
    (void)state;
    world w = ODD_OPEN("concept=color");
    odd_lay_out(&w);
    odd_stand(&w, 8, 8);
    odd_go(&w, ODD_SE);
    static const uint8_t green[4] = {STOA_ODD_OBJECT, 2, 1, 1};
    assert_memory_equal(symbol(&w, 5, 5), green, 4);
    world_close(&w);
}

/* Symbols can be made from the list alone, and hold nothing else. */
static void the_list_tells_what_symbols_show(void **state) {
    (void)state;
    static const char *const rooms[][3] = {{"interior=9", "view=11", "placement=classes"},
                                           {"interior=9", "view=5", "placement=cells"},
                                           {"interior=5", "view=7", "placement=cells"}};
    for (int k = 0; k < 3; k++) {
        world a = ODD_OPEN(rooms[k][0], rooms[k][1], rooms[k][2], "observation=symbols");
        world b = ODD_OPEN(rooms[k][0], rooms[k][1], rooms[k][2], "observation=list");
        int view = (int)stoa_env_spec_of(a.env)->observations[0].shape[0], radius = view / 2;
        int interior = rooms[k][0][9] - '0';
        for (int t = 0; t < 400; t++) {
            uint8_t made[11 * 11][STOA_ODD_FEATURES] = {{0}};
            const uint8_t *list = b.memory.buffers.observations[0];
            int row = *list / (interior + 1), col = *list % (interior + 1);
            for (int i = 0; i < view * view; i++) {
                int y = i / view - radius + row, x = i % view - radius + col;
                bool inside_y = !row || (y >= 0 && y <= interior + 1);
                bool inside_x = !col || (x >= 0 && x <= interior + 1);
                if ((row && (y == 0 || y == interior + 1) && inside_x) ||
                    (col && (x == 0 || x == interior + 1) && inside_y))
                    made[i][0] = STOA_ODD_WALL;
            }
            made[radius * view + radius][0] = STOA_ODD_AGENT;
            for (list++; list < (uint8_t *)b.memory.buffers.observations[0] + STOA_ODD_LISTED;
                 list += STOA_ODD_FEATURES) {
                if (list[0]) {
                    made[list[0] - 1][0] = STOA_ODD_OBJECT;
                    memcpy(&made[list[0] - 1][1], list + 1, 3);
                } else {
                    assert_true(list[1] == 0 && list[2] == 0 && list[3] == 0);
                }
            }
            assert_memory_equal(made, a.memory.buffers.observations[0],
                                (size_t)(view * view * STOA_ODD_FEATURES));
            world_step_randomly(&a);
            world_step_randomly(&b);
        }
        world_close(&a);
        world_close(&b);
    }
}

static void pictures_are_those_of_the_list_in_pixels(void **state) {
    (void)state;
    world a = ODD_OPEN("view=7", "level=meta_hard2", "observation=list"),
          b = ODD_OPEN("view=7", "level=meta_hard2", "observation=pictures");
    int unseen = 0;
    for (int t = 0; t < 1000; t++) {
        const uint8_t *list = a.memory.buffers.observations[0],
                      *places = b.memory.buffers.observations[0];
        const stoa_odd_picture *pictures = b.memory.buffers.observations[1];
        assert_int_equal(places[0], list[0]);
        for (int i = 0; i < OBJECTS; i++) {
            const uint8_t *entry = list + 1 + i * STOA_ODD_FEATURES;
            stoa_odd_picture expected = {{0}};
            assert_int_equal(places[1 + i], entry[0]);
            if (entry[0])
                stoa_odd_paint(expected,
                               (const uint8_t[]){entry[1] - 1, entry[2] - 1, entry[3] - 1, 0},
                               odd_room(&b)->scene.noise[i]);
            assert_memory_equal(pictures[i], expected, sizeof expected);
            unseen += !entry[0];
        }
        world_step_randomly(&a);
        world_step_randomly(&b);
    }
    assert_in_range(unseen, 100, 3900);
    world_close(&a);
    world_close(&b);
}

static void a_smaller_view_is_the_middle_of_the_large_one(void **state) {
    (void)state;
    world wide = ODD_OPEN("view=11"), narrow = ODD_OPEN("view=5");
    for (int t = 0; t < 200; t++) {
        for (int y = 0; y < 5; y++) {
            const uint8_t *small = narrow.memory.buffers.observations[0];
            assert_memory_equal(small + y * 20, symbol(&wide, y + 3, 3), 20);
        }
        world_step_randomly(&wide);
        world_step_randomly(&narrow);
    }
    world_close(&wide);
    world_close(&narrow);
}

/* ---- images ---------------------------------------------------------------------------------- */

/* The pixels a cell's symbols stand for; noise (9 rows) of the object there, if it is one. */
static void draw_symbol(const uint8_t *cell, const stoa_odd_pattern noise, int i, int j,
                        uint8_t rgb[3]) {
    static const uint8_t shades[] = {
        [STOA_ODD_FLOOR] = 0, [STOA_ODD_WALL] = 40, [STOA_ODD_AGENT] = 255};
    if (cell[0] != STOA_ODD_OBJECT) {
        memset(rgb, shades[cell[0]], 3);
        return;
    }
    bool texture = cell[2] == 6 ? noise[i] >> j & 1 : texture_at(cell[2] - 1, i, j);
    bool on = shape_at(cell[3] - 1, i, j) && texture;
    for (int c = 0; c < 3; c++)
        rgb[c] = on ? stoa_odd_rgb[cell[1] - 1][c] : 0;
}

static void compare_image(const world *w, const stoa_odd_room *r) {
    const uint8_t *image = w->memory.buffers.observations[odd_space(w, "image")];
    for (int y = 0; y < 99; y++)
        for (int x = 0; x < 99; x++) {
            int row = r->player_row + y / 9 - 5, col = r->player_col + x / 9 - 5, object = 0;
            uint8_t rgb[3];
            while (object < 3 && !(r->row[object] == row && r->col[object] == col))
                object++;
            draw_symbol(symbol(w, y / 9, x / 9), r->scene.noise[object], y % 9, x % 9, rgb);
            assert_memory_equal(image + (y * 99 + x) * 3, rgb, 3);
        }
}

static void images_and_symbols_tell_the_same(void **state) {
    (void)state;
    static const char *const levels[] = {"level=basic", "level=meta_hard1"};
    for (int l = 0; l < 2; l++) {
        world w = ODD_OPEN(levels[l], "observation=both");
        for (int t = 0; t < 1500; t++) {
            compare_image(&w, odd_room(&w));
            world_step_randomly(&w);
        }
        world_close(&w);
    }
}

static void worlds_are_the_same_in_symbols_and_images(void **state) {
    (void)state;
    world a = ODD_OPEN("observation=symbols"), b = ODD_OPEN("observation=image");
    for (int t = 0; t < 500; t++) {
        assert_memory_equal(odd_room(&a), odd_room(&b), sizeof(stoa_odd_room));
        world_step_randomly(&a);
        world_step_randomly(&b);
    }
    world_close(&a);
    world_close(&b);
}

static void noise_is_drawn_once_for_each_object_and_is_on_for_two_pixels_in_three(void **state) {
    (void)state;
    world w = ODD_OPEN("concept=texture", "textures=6");
    int64_t on = 0, pixels = 0;
    for (int k = 0; k < 1000; k++) {
        reset(&w);
        stoa_odd_room before = *odd_room(&w);
        for (int i = 0; i < OBJECTS; i++) {
            bool noisy = before.scene.value[i][STOA_ODD_TEXTURE] == STOA_ODD_NOISE;
            for (int row = 0; row < SIDE; row++) {
                assert_true(noisy || before.scene.noise[i][row] == 0);
                on += __builtin_popcount(before.scene.noise[i][row]);
            }
            pixels += noisy ? 81 : 0;
            for (int j = 0; j < i && noisy; j++)
                assert_memory_not_equal(before.scene.noise[i], before.scene.noise[j],
                                        sizeof(stoa_odd_pattern));
        }
        odd_go(&w, ODD_N);
        assert_memory_equal(before.scene.noise, odd_room(&w)->scene.noise,
                            sizeof before.scene.noise);
    }
    assert_near((double)on / (double)pixels, 0.66, 0.005);
    world_close(&w);
}

static void the_picture_for_people_shows_the_whole_room(void **state) {
    (void)state;
    enum { SIZE = 11 * 9 * STOA_ODD_SCALE };
    static uint8_t pixels[SIZE * SIZE * 3];
    world w = ODD_OPEN("concept=color");
    odd_lay_out(&w);
    assert_int_equal(stoa_env_spec_of(w.env)->render_width, SIZE);
    assert_true(stoa_env_render_rgb(w.env, 0, pixels));
    static const struct {
        int row, col, y, x; /* cell, pixel within it */
        uint8_t rgb[3];
    } spots[] = {{0, 0, 4, 4, {40, 40, 40}}, {5, 5, 4, 4, {255, 255, 255}},
                 {1, 1, 8, 4, {255, 0, 0}},  {9, 9, 8, 4, {0, 255, 0}},
                 {9, 9, 0, 0, {0, 0, 0}},    {3, 3, 0, 0, {0, 0, 0}}};
    for (size_t k = 0; k < sizeof spots / sizeof *spots; k++) {
        int y = (spots[k].row * 9 + spots[k].y) * STOA_ODD_SCALE,
            x = (spots[k].col * 9 + spots[k].x) * STOA_ODD_SCALE;
        assert_memory_equal(pixels + (y * SIZE + x) * 3, spots[k].rgb, 3);
    }
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks_are_the_published_formulas),
        cmocka_unit_test(a_pixel_is_mask_times_colour),
        cmocka_unit_test(colours_are_the_published_ones),
        cmocka_unit_test(sixty_six_words_are_all_different),
        cmocka_unit_test(in_basic_levels_only_the_concept_is_odd),
        cmocka_unit_test(in_confounded_levels_all_looks_are_odd_on_one_object),
        cmocka_unit_test(in_deconfounded_levels_each_look_is_odd_on_another_object),
        cmocka_unit_test(experiments_split_as_many_looks_as_the_level_is_hard),
        cmocka_unit_test(all_values_in_use_occur_and_no_others),
        cmocka_unit_test(objects_stand_apart_on_cells_of_their_position_class),
        cmocka_unit_test(in_small_rooms_objects_stand_on_any_cells),
        cmocka_unit_test(symbols_show_what_is_near_with_the_agent_in_the_middle),
        cmocka_unit_test(an_object_hides_the_agent_upon_it),
        cmocka_unit_test(the_list_tells_what_symbols_show),
        cmocka_unit_test(pictures_are_those_of_the_list_in_pixels),
        cmocka_unit_test(a_smaller_view_is_the_middle_of_the_large_one),
        cmocka_unit_test(images_and_symbols_tell_the_same),
        cmocka_unit_test(worlds_are_the_same_in_symbols_and_images),
        cmocka_unit_test(noise_is_drawn_once_for_each_object_and_is_on_for_two_pixels_in_three),
        cmocka_unit_test(the_picture_for_people_shows_the_whole_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
