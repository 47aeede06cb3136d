/* test_odd_one_out.c - the room keeps the rules of the public program, case by case: moves, touch,
 * words beside objects, the time after the choice, the end. Meta levels: test_odd_one_out_meta.c;
 * what is drawn: test_odd_one_out_scenes.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "odd_world.h"

#define NO_ALLOCATION_LEFT assert_int_equal(stoa_alloc_statistics().live, 0)

static float reward(const world *w) {
    return w->memory.buffers.rewards[0];
}

static bool ended(const world *w) {
    return w->memory.buffers.terminated[0];
}

static bool cut_off(const world *w) {
    return w->memory.buffers.truncated[0];
}

static int event(const world *w) {
    return w->memory.buffers.events[0];
}

enum { NOTHING, ADJACENT, RIGHT, WRONG };

/* ---- moving ---------------------------------------------------------------------------------- */

static void actions_are_eight_directions_clockwise_from_north(void **state) {
    (void)state;
    static const int way[8][2] = {{-1, 0}, {-1, 1}, {0, 1},  {1, 1},
                                  {1, 0},  {1, -1}, {0, -1}, {-1, -1}};
    world w = ODD_OPEN("concept=color");
    assert_int_equal(stoa_env_spec_of(w.env)->actions[0].categories, 8);
    for (int a = 0; a < 8; a++) {
        odd_lay_out(&w);
        odd_go(&w, a);
        assert_int_equal(odd_room(&w)->player_row, 5 + way[a][0]);
        assert_int_equal(odd_room(&w)->player_col, 5 + way[a][1]);
    }
    world_close(&w);
    NO_ALLOCATION_LEFT;
}

static void a_move_into_a_wall_leaves_the_agent_where_it_is(void **state) {
    (void)state;
    world w = ODD_OPEN("concept=color");
    odd_lay_out(&w);
    odd_stand(&w, 5, 1);
    static const int blocked[] = {ODD_NW, ODD_W, ODD_SW};
    for (int k = 0; k < 3; k++) {
        odd_go(&w, blocked[k]);
        assert_int_equal(odd_room(&w)->player_row, 5);
        assert_int_equal(odd_room(&w)->player_col, 1);
    }
    odd_stand(&w, 9, 5);
    odd_go(&w, ODD_SE);
    assert_int_equal(odd_room(&w)->player_row, 9);
    assert_int_equal(odd_room(&w)->player_col, 5);
    world_close(&w);
}

/* ---- words beside objects -------------------------------------------------------------------- */

static void an_object_beside_the_agent_is_described(void **state) {
    (void)state;
    world w = ODD_OPEN("concept=color");
    odd_lay_out(&w);
    odd_stand(&w, 3, 3);
    odd_go(&w, ODD_W);
    odd_assert_hears(&w, "");
    assert_int_equal(event(&w), NOTHING);
    odd_go(&w, ODD_NE);
    odd_go(&w, ODD_W); /* (2, 2): diagonally beside the first object */
    odd_assert_hears(&w, "This is a red solid triangle in_corner");
    assert_int_equal(event(&w), ADJACENT);
    assert_true(reward(&w) == 0);
    world_close(&w);
}

static void a_start_beside_an_object_tells_at_once(void **state) {
    (void)state;
    int beside = 0;
    world w = ODD_OPEN("concept=color");
    for (int k = 0; k < 300; k++) {
        assert_int_equal(stoa_env_reset(w.env, NULL, &w.memory.buffers, NULL), STOA_OK);
        const stoa_odd_room *r = odd_room(&w);
        bool near = false;
        for (int i = 0; i < 4; i++)
            near = near ||
                   (abs(r->row[i] - r->player_row) <= 1 && abs(r->col[i] - r->player_col) <= 1);
        assert_int_equal(near, event(&w) == ADJACENT);
        assert_int_equal(near, strncmp(odd_hears(&w), "This is a ", 10) == 0);
        beside += near;
    }
    assert_true(beside > 30);
    world_close(&w);
}

/* Objects 1 and 2 lie side by side above the agent. */
static void put_two_above(world *w) {
    stoa_odd_room *r = odd_room(w);
    odd_lay_out(w);
    r->row[1] = r->row[2] = 4;
    r->col[1] = 4;
    r->col[2] = 6;
    r->scene.value[2][STOA_ODD_SHAPE] = 5;
    odd_stand(w, 6, 5);
}

static void of_several_objects_the_last_one_is_described(void **state) {
    (void)state;
    world w = ODD_OPEN("concept=color");
    put_two_above(&w);
    odd_go(&w, ODD_N);
    odd_assert_hears(&w, "This is a red solid circle in_corner");
    odd_go(&w, ODD_W); /* beside object 1 only */
    odd_assert_hears(&w, "This is a red solid triangle in_corner");
    world_close(&w);
}

static void what_was_said_stays_when_the_agent_walks_away(void **state) {
    (void)state;
    world w = ODD_OPEN("concept=color");
    put_two_above(&w);
    odd_go(&w, ODD_N);
    odd_go(&w, ODD_S);
    odd_go(&w, ODD_S);
    odd_assert_hears(&w, "This is a red solid circle in_corner");
    assert_int_equal(event(&w), NOTHING);
    world_close(&w);
}

static void strict_words_end_when_the_agent_walks_away(void **state) {
    (void)state;
    world w = ODD_OPEN("concept=color", "strict=true");
    put_two_above(&w);
    odd_go(&w, ODD_N);
    odd_assert_hears(&w, "This is a red solid circle in_corner");
    odd_go(&w, ODD_S);
    odd_assert_hears(&w, "");
    odd_stand(&w, 8, 8);
    odd_go(&w, ODD_SE);
    for (int k = 0; k < 2; k++) { /* but the verdict stays */
        odd_assert_hears(&w, "Correct it is uniquely green");
        odd_go(&w, ODD_NW);
    }
    world_close(&w);
}

/* ---- the choice ------------------------------------------------------------------------------ */

static void touching_the_target_pays_one_and_says_why(void **state) {
    (void)state;
    world w = ODD_OPEN("concept=color");
    odd_lay_out(&w);
    odd_stand(&w, 8, 8);
    odd_go(&w, ODD_SE);
    assert_true(reward(&w) == 1);
    assert_int_equal(event(&w), RIGHT);
    assert_false(ended(&w));
    odd_assert_hears(&w, "Correct it is uniquely green");
    odd_go(&w, ODD_NW);
    assert_true(reward(&w) == 0);
    assert_int_equal(event(&w), NOTHING); /* beside an object, but after the choice */
    odd_assert_hears(&w, "Correct it is uniquely green");
    world_close(&w);
}

static void touching_another_object_pays_nothing_and_names_its_values(void **state) {
    (void)state;
    world w = ODD_OPEN("concept=color");
    odd_lay_out(&w);
    odd_stand(&w, 2, 2);
    odd_go(&w, ODD_NW);
    assert_true(reward(&w) == 0);
    assert_int_equal(event(&w), WRONG);
    odd_assert_hears(&w, "Incorrect other objects are red solid triangle or in_corner");
    world_close(&w);
}

static void a_choice_silences_objects_beside_it(void **state) {
    (void)state;
    world w = ODD_OPEN("concept=color");
    put_two_above(&w);
    stoa_odd_room *r = odd_room(&w);
    r->col[2] = 5; /* objects 1 and 2 next to each other */
    odd_stand(&w, 5, 4);
    odd_go(&w, ODD_N); /* on object 1; object 2 comes after it */
    odd_assert_hears(&w, "Incorrect other objects are red solid triangle or in_corner");
    odd_lay_out(&w);
    put_two_above(&w);
    r->col[2] = 5;
    odd_stand(&w, 5, 5);
    odd_go(&w, ODD_N); /* on object 2; object 1 spoke before it */
    odd_assert_hears(&w, "Incorrect other objects are red solid circle or in_corner");
    odd_go(&w, ODD_S);
    odd_assert_hears(&w, "Incorrect other objects are red solid circle or in_corner");
    world_close(&w);
}

static void only_the_first_touch_counts(void **state) {
    (void)state;
    world w = ODD_OPEN("concept=color");
    put_two_above(&w);
    stoa_odd_room *r = odd_room(&w);
    r->row[3] = 3;
    r->col[3] = 5; /* the target above both */
    r->col[2] = 5;
    odd_stand(&w, 5, 5);
    odd_go(&w, ODD_N); /* wrong */
    odd_go(&w, ODD_N); /* the target, one step after: neither paid nor an end */
    assert_true(reward(&w) == 0);
    assert_false(ended(&w));
    odd_assert_hears(&w, "Incorrect other objects are red solid circle or in_corner");
    world_close(&w);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void a_touch_ends_the_episode_from_the_third_step_after_the_choice_on(void **state) {
    (void)state;
    world w = ODD_OPEN("concept=color");
    odd_lay_out(&w);
    odd_stand(&w, 8, 8);
    odd_go(&w, ODD_SE);
    odd_go(&w, ODD_SE); /* stays on it, against the wall */
    assert_false(ended(&w));
    odd_go(&w, ODD_SE);
    assert_false(ended(&w));
    odd_go(&w, ODD_SE);
    assert_true(ended(&w));
    assert_false(cut_off(&w));
    assert_true(w.memory.buffers.metrics[0] == 1);
    world_close(&w);
}

static void without_another_touch_the_episode_ends_on_the_17th_step_after_the_choice(void **state) {
    (void)state;
    world w = ODD_OPEN("concept=color");
    odd_lay_out(&w);
    odd_stand(&w, 8, 8);
    odd_go(&w, ODD_SE);
    odd_go(&w, ODD_NW);
    for (int k = 2; k < 17; k++) {
        assert_false(ended(&w));
        odd_go(&w, k % 2 ? ODD_W : ODD_E);
        odd_assert_hears(&w, "Correct it is uniquely green");
    }
    assert_false(ended(&w));
    odd_go(&w, ODD_W);
    assert_true(ended(&w));
    world_close(&w);
}

static void the_time_after_the_choice_is_a_setting(void **state) {
    (void)state;
    world w = ODD_OPEN("concept=color", "phase=6");
    odd_lay_out(&w);
    odd_stand(&w, 8, 8);
    odd_go(&w, ODD_SE);
    odd_go(&w, ODD_NW);
    for (int k = 2; k < 7; k++) {
        assert_false(ended(&w));
        odd_go(&w, k % 2 ? ODD_W : ODD_E);
    }
    assert_false(ended(&w));
    odd_go(&w, ODD_N);
    assert_true(ended(&w)); /* the 7th */
    world_close(&w);
}

static void after_128_steps_the_episode_is_cut_off_and_counts_as_wrong(void **state) {
    (void)state;
    world w = ODD_OPEN("concept=color");
    odd_lay_out(&w);
    for (int t = 0; t < 127; t++) {
        odd_go(&w, t % 2 ? ODD_N : ODD_S);
        assert_false(ended(&w) || cut_off(&w));
    }
    odd_go(&w, ODD_N);
    assert_true(cut_off(&w));
    assert_false(ended(&w));
    assert_true(w.memory.buffers.metrics[0] == 0);
    assert_true(w.memory.buffers.metrics[1] == 0); /* nothing chosen */
    assert_int_equal(odd_room(&w)->step, 0);
    world_close(&w);
}

static void an_end_in_the_last_step_is_an_end(void **state) {
    (void)state;
    world w = ODD_OPEN("concept=color", "steps=4");
    odd_lay_out(&w);
    odd_stand(&w, 8, 8);
    for (int t = 0; t < 4; t++)
        odd_go(&w, ODD_SE); /* touched on the first, ended on the fourth */
    assert_true(ended(&w));
    assert_false(cut_off(&w));
    world_close(&w);
}

/* ---- which words are said -------------------------------------------------------------------- */

/* What is said beside the first object, after choosing it and after choosing the last one. */
static void says(const char *level, const char *explanations, const char *concept,
                 const char *beside, const char *wrong, const char *right) {
    char sets[3][64];
    snprintf(sets[0], 64, "level=%s", level);
    snprintf(sets[1], 64, "explanations=%s", explanations);
    snprintf(sets[2], 64, "concept=%s", concept);
    world w = ODD_OPEN(sets[0], sets[1], sets[2]);
    for (int last = 0; last < 2; last++) {
        odd_lay_out(&w);
        odd_room(&w)->scene.concept = (uint8_t)(strcmp(concept, "texture") == 0);
        odd_stand(&w, last ? 8 : 2, last ? 8 : 2);
        odd_go(&w, ODD_N);
        odd_go(&w, ODD_S);
        if (!last)
            odd_assert_hears(&w, beside);
        odd_go(&w, last ? ODD_SE : ODD_NW);
        odd_assert_hears(&w, last ? right : wrong);
    }
    world_close(&w);
}

static void each_kind_of_explanation_can_be_left_out(void **state) {
    (void)state;
    const char *beside = "This is a red solid triangle in_corner";
    const char *wrong = "Incorrect other objects are red solid triangle or in_corner";
    const char *right = "Correct it is uniquely green";
    says("basic", "none", "color", "", "", "");
    says("basic", "properties", "color", beside, "", "");
    says("basic", "reward", "color", "", wrong, right);
    says("basic", "full", "color", beside, wrong, right);
}

static void confounding_levels_name_the_concept_only(void **state) {
    (void)state;
    says("confounded", "full", "color", "This is a red", "Incorrect other objects are red",
         "Correct it is uniquely green");
    says("deconfounded", "full", "texture", "This is a solid", "Incorrect other objects are solid",
         "Correct it is uniquely solid");
    says("deconfounded", "properties", "color", "This is a red", "", "");
    says("confounded", "reward", "color", "", "Incorrect other objects are red",
         "Correct it is uniquely green");
}

static void without_position_classes_no_position_is_named(void **state) {
    (void)state;
    world w = ODD_OPEN("concept=color", "placement=cells");
    odd_lay_out(&w);
    odd_stand(&w, 2, 2);
    odd_go(&w, ODD_N);
    odd_assert_hears(&w, "This is a red solid triangle");
    odd_go(&w, ODD_W);
    odd_assert_hears(&w, "Incorrect other objects are red solid or triangle");
    world_close(&w);
}

static void irrelevant_words_tell_where_the_agent_stands(void **state) {
    (void)state;
    static const char *const said[3][3] = {{"in_corner", "against_wall_x", "in_corner"},
                                           {"against_wall_y", "in_center", "against_wall_y"},
                                           {"in_corner", "against_wall_x", "in_corner"}};
    char text[64];
    world w = ODD_OPEN("concept=color", "irrelevant=true");
    for (int row = 1; row <= 9; row++)
        for (int col = 1; col <= 9; col++) {
            odd_lay_out(&w);
            stoa_odd_room *r = odd_room(&w);
            r->row[1] = (uint8_t)row;
            r->col[1] = (uint8_t)(col > 1 ? col - 1 : col + 1);
            odd_stand(&w, row, col);
            odd_go(&w, ODD_N); /* somewhere beside it, or against the wall */
            snprintf(text, sizeof text, "This is a %s",
                     said[(r->player_row - 1) / 3][(col - 1) / 3]);
            odd_assert_hears(&w, text);
        }
    odd_lay_out(&w);
    odd_stand(&w, 8, 8);
    odd_go(&w, ODD_SE);
    assert_true(reward(&w) == 1);
    odd_assert_hears(&w, "This is a in_corner");
    world_close(&w);
}

/* ---- metrics --------------------------------------------------------------------------------- */

static void metrics_name(const char *const *expected, int n, const char *a, const char *b) {
    world w = ODD_OPEN(a, b);
    const stoa_env_spec *spec = stoa_env_spec_of(w.env);
    assert_int_equal(spec->metric_count, n);
    for (int m = 0; m < n; m++)
        assert_string_equal(spec->metrics[m], expected[m]);
    world_close(&w);
}

static void metrics_tell_dimensions_apart(void **state) {
    (void)state;
    metrics_name((const char *const[]){"correct", "correct_color", "correct_texture",
                                       "correct_shape", "correct_position", "chosen"},
                 6, "level=basic", "concept=any");
    metrics_name((const char *const[]){"correct", "chosen"}, 2, "level=basic", "concept=shape");
    metrics_name((const char *const[]){"correct", "correct_color", "correct_texture",
                                       "correct_shape", "picked_color", "picked_texture",
                                       "picked_shape", "picked_none"},
                 8, "level=deconfounded", "concept=any");
    metrics_name((const char *const[]){"correct", "correct_color", "correct_texture",
                                       "correct_shape", "experiment1", "experiment2", "changed"},
                 7, "level=meta_easy", "experiments=2");
}

static void a_metric_of_another_concept_is_no_number(void **state) {
    (void)state;
    world w = ODD_OPEN("concept=any");
    int seen[STOA_ODD_DIMENSIONS] = {0};
    for (int t = 0; t < 20000; t++) {
        int concept = odd_room(&w)->scene.concept;
        world_step_randomly(&w);
        const float *m = w.memory.buffers.metrics;
        if (!ended(&w) && !cut_off(&w))
            continue;
        for (int d = 0; d < 4; d++)
            assert_int_equal(isnan(m[1 + d]), d != concept);
        assert_true(m[1 + concept] == m[0]);
        seen[concept]++;
    }
    for (int d = 0; d < 4; d++)
        assert_true(seen[d] > 20);
    world_close(&w);
}

static void deconfounded_levels_tell_which_odd_one_was_picked(void **state) {
    (void)state;
    for (int object = 0; object < 4; object++) {
        world w = ODD_OPEN("level=deconfounded", "concept=color");
        odd_lay_out(&w);
        stoa_odd_room *r = odd_room(&w);
        r->scene.odd[STOA_ODD_COLOR] = r->scene.target = 2;
        r->scene.odd[STOA_ODD_TEXTURE] = 0;
        r->scene.odd[STOA_ODD_SHAPE] = 1;
        static const int stand[4][2] = {{2, 2}, {2, 8}, {8, 2}, {8, 8}};
        static const int way[4] = {ODD_NW, ODD_NE, ODD_SW, ODD_SE};
        odd_stand(&w, stand[object][0], stand[object][1]);
        for (int t = 0; t < 4; t++)
            odd_go(&w, way[object]);
        assert_true(ended(&w));
        const float *m = w.memory.buffers.metrics; /* correct, picked color, texture, shape, none */
        assert_true(m[0] == (object == 2) && m[1] == (object == 2) && m[2] == (object == 0) &&
                    m[3] == (object == 1) && m[4] == (object == 3));
        world_close(&w);
    }
}

/* ---- settings -------------------------------------------------------------------------------- */

static void refused(const char *a, const char *b, const char *words) {
    stoa_env *env;
    stoa_error err = {0};
    const char *set[] = {a, b};
    assert_int_equal(
        stoa_env_new(
            &env,
            &(stoa_env_options){.name = "odd-one-out", .set = set, .set_count = 2, .count = 1},
            &err),
        STOA_ERR_USAGE);
    if (!strstr(err.message, words))
        fail_msg("expected '%s' in: %s", words, err.message);
}

static void settings_that_do_not_go_together_are_refused(void **state) {
    (void)state;
    refused("view=10", "steps=9", "it must be odd");
    refused("interior=5", "steps=9", "set placement=cells");
    refused("concept=position", "level=confounded", "position is a concept only of");
    refused("concept=position", "level=meta_easy", "position is a concept only of");
    refused("concept=position", "irrelevant=true", "position is a concept only of");
    refused("concept=position", "placement=cells", "position is a concept only of");
    refused("colors=1", "steps=9", "colors");
    NO_ALLOCATION_LEFT;
}

static void the_explanation_is_a_target_unless_it_is_heard(void **state) {
    (void)state;
    world w = ODD_OPEN("level=basic");
    const stoa_env_spec *spec = stoa_env_spec_of(w.env);
    assert_int_equal(spec->observation_count, 2);
    assert_false(spec->observations[0].target);
    assert_true(spec->observations[1].target);
    assert_int_equal(spec->observations[1].categories, 66);
    world_close(&w);
    w = ODD_OPEN("heard=true");
    assert_false(stoa_env_spec_of(w.env)->observations[1].target);
    world_close(&w);
}

static void the_text_shows_room_objects_instruction_and_explanation(void **state) {
    (void)state;
    world w = ODD_OPEN("concept=color", "level=meta_easy");
    stoa_buffer text = {0};
    odd_lay_out(&w);
    odd_stand(&w, 2, 2);
    assert_true(stoa_env_render_text(w.env, 0, &text));
    assert_string_equal(text.data, "###########\n"
                                   "#1       2#\n"
                                   "# @       #\n"
                                   "#         #\n"
                                   "#         #\n"
                                   "#         #\n"
                                   "#         #\n"
                                   "#         #\n"
                                   "#         #\n"
                                   "#3       4#\n"
                                   "###########\n"
                                   "1 red solid triangle in_corner\n"
                                   "2 red solid triangle in_corner\n"
                                   "3 red solid triangle in_corner\n"
                                   "4 green solid triangle in_corner\n"
                                   "trial 1 of 4: Make an odd one out\n"
                                   "says: This is a red solid triangle\n"
                                   "step 0 of 512\n");
    stoa_buffer_deinit(&text);
    world_close(&w);
}

/* ---- the laws, in every level ---------------------------------------------------------------- */

static void every_level_keeps_the_laws(void **state) {
    (void)state;
    static const char *const sets[][3] = {
        {"level=basic", "observation=both", "view=3"},
        {"level=confounded", "observation=image", "view=5"},
        {"level=deconfounded", "observation=symbols", "strict=true"},
        {"level=meta_easy", "observation=image", "view=3"},
        {"level=meta_hard1", "observation=symbols", "irrelevant=true"},
        {"level=meta_hard2", "observation=list", "heard=true"},
        {"level=meta_hard3", "observation=pictures", "experiments=1"},
    };
    for (size_t k = 0; k < sizeof sets / sizeof *sets; k++) {
        stoa_error err = {0};
        stoa_env_options options = {
            .name = "odd-one-out", .set = sets[k], .set_count = 3, .count = 1, .seed = 5};
        if (stoa_env_check(&options, 100, NULL, &err) != STOA_OK)
            fail_msg("%s: %s", sets[k][0], err.message);
    }
    NO_ALLOCATION_LEFT;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(actions_are_eight_directions_clockwise_from_north),
        cmocka_unit_test(a_move_into_a_wall_leaves_the_agent_where_it_is),
        cmocka_unit_test(an_object_beside_the_agent_is_described),
        cmocka_unit_test(a_start_beside_an_object_tells_at_once),
        cmocka_unit_test(of_several_objects_the_last_one_is_described),
        cmocka_unit_test(what_was_said_stays_when_the_agent_walks_away),
        cmocka_unit_test(strict_words_end_when_the_agent_walks_away),
        cmocka_unit_test(touching_the_target_pays_one_and_says_why),
        cmocka_unit_test(touching_another_object_pays_nothing_and_names_its_values),
        cmocka_unit_test(a_choice_silences_objects_beside_it),
        cmocka_unit_test(only_the_first_touch_counts),
        cmocka_unit_test(a_touch_ends_the_episode_from_the_third_step_after_the_choice_on),
        cmocka_unit_test(without_another_touch_the_episode_ends_on_the_17th_step_after_the_choice),
        cmocka_unit_test(the_time_after_the_choice_is_a_setting),
        cmocka_unit_test(after_128_steps_the_episode_is_cut_off_and_counts_as_wrong),
        cmocka_unit_test(an_end_in_the_last_step_is_an_end),
        cmocka_unit_test(each_kind_of_explanation_can_be_left_out),
        cmocka_unit_test(confounding_levels_name_the_concept_only),
        cmocka_unit_test(without_position_classes_no_position_is_named),
        cmocka_unit_test(irrelevant_words_tell_where_the_agent_stands),
        cmocka_unit_test(metrics_tell_dimensions_apart),
        cmocka_unit_test(a_metric_of_another_concept_is_no_number),
        cmocka_unit_test(deconfounded_levels_tell_which_odd_one_was_picked),
        cmocka_unit_test(settings_that_do_not_go_together_are_refused),
        cmocka_unit_test(the_explanation_is_a_target_unless_it_is_heard),
        cmocka_unit_test(the_text_shows_room_objects_instruction_and_explanation),
        cmocka_unit_test(every_level_keeps_the_laws),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
