/* test_odd_one_out_meta.c - trials in which objects can be changed, before a test: what a change
 * does, what it is worth, what is said, how trials follow each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "odd_world.h"

enum { CHANGE_COLOR = 8, CHANGE_TEXTURE, CHANGE_SHAPE };

static float reward(const world *w) {
    return w->memory.buffers.rewards[0];
}

static bool ended(const world *w) {
    return w->memory.buffers.terminated[0];
}

static int value(world *w, int object, int dimension) {
    return odd_room(w)->scene.value[object][dimension];
}

/* All objects red solid triangles, one to either side of the top wall's middle: objects 0 and 1
 * are next to each other, 2 and 3 far away. */
static void put_equals(world *w) {
    stoa_odd_room *r = odd_room(w);
    odd_lay_out(w);
    memset(r->scene.value, 0, sizeof r->scene.value);
    r->scene.odd[STOA_ODD_COLOR] = r->scene.target = STOA_ODD_NONE;
    r->row[0] = r->row[1] = 1;
    r->col[0] = 4;
    r->col[1] = 5;
    odd_stand(w, 5, 5);
}

static void there_are_three_more_actions_and_an_instruction(void **state) {
    (void)state;
    world w = ODD_OPEN("level=meta_easy");
    const stoa_env_spec *spec = stoa_env_spec_of(w.env);
    assert_int_equal(spec->actions[0].categories, 11);
    assert_int_equal(spec->max_steps, 4 * 128);
    assert_true(spec->reward_high == 10);
    assert_string_equal(odd_reads(&w, "instruction"), "Make an odd one out");
    world_close(&w);
}

static void a_change_flips_the_objects_beside_the_agent(void **state) {
    (void)state;
    world w = ODD_OPEN("level=meta_easy", "concept=color");
    for (int d = 0; d < STOA_ODD_LOOKS; d++) {
        put_equals(&w);
        odd_stand(&w, 2, 3); /* beside object 0 only */
        odd_go(&w, CHANGE_COLOR + d);
        for (int i = 0; i < 4; i++)
            for (int k = 0; k < STOA_ODD_LOOKS; k++)
                assert_int_equal(value(&w, i, k), i == 0 && k == d);
        assert_int_equal(odd_room(&w)->player_row, 2);
        assert_int_equal(odd_room(&w)->player_col, 3);
    }
    put_equals(&w);
    odd_stand(&w, 2, 4); /* beside both */
    odd_go(&w, CHANGE_TEXTURE);
    assert_true(value(&w, 0, STOA_ODD_TEXTURE) == 1 && value(&w, 1, STOA_ODD_TEXTURE) == 1);
    world_close(&w);
}

static void a_change_back_gives_the_first_value_again(void **state) {
    (void)state;
    world w = ODD_OPEN("level=meta_hard1", "concept=color");
    put_equals(&w);
    odd_room(&w)->scene.value[0][STOA_ODD_SHAPE] = 1;
    odd_stand(&w, 2, 3);
    odd_go(&w, CHANGE_SHAPE);
    assert_int_equal(value(&w, 0, STOA_ODD_SHAPE), 0);
    world_close(&w);
}

static void one_change_is_allowed_and_spent_even_when_nothing_is_near(void **state) {
    (void)state;
    world w = ODD_OPEN("level=meta_easy", "concept=color");
    put_equals(&w);
    odd_go(&w, CHANGE_COLOR); /* in the middle of nowhere */
    odd_stand(&w, 2, 3);
    odd_room(&w)->changes = 0; /* standing anew allowed it again */
    odd_go(&w, CHANGE_COLOR);
    assert_int_equal(value(&w, 0, STOA_ODD_COLOR), 0);
    put_equals(&w);
    odd_stand(&w, 2, 3);
    odd_go(&w, CHANGE_COLOR);
    odd_go(&w, CHANGE_COLOR);
    assert_int_equal(value(&w, 0, STOA_ODD_COLOR), 1);
    assert_int_equal(odd_room(&w)->changes, 0);
    put_equals(&w);
    odd_go(&w, CHANGE_SHAPE);
    assert_int_equal(odd_room(&w)->changes, 0);
    world_close(&w);
}

static void a_change_is_seen_and_said_at_once(void **state) {
    (void)state;
    world w = ODD_OPEN("level=meta_easy", "concept=color", "observation=both");
    put_equals(&w);
    odd_stand(&w, 2, 3);
    odd_go(&w, CHANGE_COLOR);
    odd_assert_hears(&w, "This is a green solid triangle");
    const uint8_t *symbols = w.memory.buffers.observations[odd_space(&w, "symbols")];
    assert_int_equal(symbols[(4 * 11 + 6) * 4 + 1], 2);
    const uint8_t *image = w.memory.buffers.observations[odd_space(&w, "image")];
    const uint8_t *pixel = image + ((4 * 9 + 8) * 99 + 6 * 9 + 4) * 3;
    assert_true(pixel[0] == 0 && pixel[1] == 255);
    world_close(&w);
}

static void an_object_made_odd_in_the_concept_pays_one(void **state) {
    (void)state;
    world w = ODD_OPEN("level=meta_easy", "concept=color");
    put_equals(&w);
    odd_stand(&w, 2, 3);
    odd_go(&w, CHANGE_COLOR);
    odd_go(&w, ODD_NE);
    assert_true(reward(&w) == 1);
    odd_assert_hears(&w, "Correct the concept is color and it is uniquely green");
    assert_string_equal(odd_reads(&w, "instruction"), "");
    world_close(&w);
}

static void one_made_odd_otherwise_pays_nothing(void **state) {
    (void)state;
    world w = ODD_OPEN("level=meta_easy", "concept=color");
    put_equals(&w);
    odd_stand(&w, 2, 3);
    odd_go(&w, CHANGE_SHAPE);
    odd_go(&w, ODD_NE);
    assert_true(reward(&w) == 0);
    odd_assert_hears(&w, "Incorrect the concept is color and other objects are red");
    world_close(&w);
}

static void in_a_pair_the_former_partner_becomes_odd(void **state) {
    (void)state;
    world w = ODD_OPEN("level=meta_hard1", "concept=color");
    put_equals(&w);
    stoa_odd_room *r = odd_room(&w);
    r->scene.value[0][STOA_ODD_COLOR] = r->scene.value[2][STOA_ODD_COLOR] = 1;
    odd_stand(&w, 2, 3);
    odd_go(&w, CHANGE_COLOR); /* object 0 turns red as well: object 2 is the green one */
    r->player_row = 8;
    r->player_col = 3;
    odd_go(&w, ODD_W); /* beside object 2 */
    odd_go(&w, ODD_SW);
    assert_true(reward(&w) == 1);
    odd_assert_hears(&w, "Correct the concept is color and it is uniquely green");
    world_close(&w);
}

/* Of two objects that change together the first is judged beside the unchanged second, as in the
 * public program; a look from beside them, later, judges anew. */
static void what_an_object_is_worth_is_judged_in_turn_when_the_agent_is_near(void **state) {
    (void)state;
    world w = ODD_OPEN("level=meta_easy", "concept=color");
    put_equals(&w);
    odd_stand(&w, 2, 4);
    odd_go(&w, CHANGE_COLOR);
    assert_int_equal(odd_room(&w)->worth, 1);
    odd_go(&w, ODD_N); /* straight onto object 0 */
    assert_true(reward(&w) == 1);
    put_equals(&w);
    odd_stand(&w, 2, 4);
    odd_go(&w, CHANGE_COLOR);
    odd_go(&w, ODD_E); /* still beside both */
    assert_int_equal(odd_room(&w)->worth, 0);
    odd_go(&w, ODD_NW);
    assert_true(reward(&w) == 0);
    world_close(&w);
}

static void a_change_after_the_choice_changes_no_words(void **state) {
    (void)state;
    world w = ODD_OPEN("level=meta_easy", "concept=color");
    put_equals(&w);
    odd_stand(&w, 2, 3);
    odd_go(&w, ODD_NE);
    odd_go(&w, ODD_SW);
    odd_go(&w, CHANGE_COLOR);
    assert_int_equal(value(&w, 0, STOA_ODD_COLOR), 1);
    odd_assert_hears(&w, "Incorrect the concept is color and other objects are red");
    world_close(&w);
}

static void meta_words_can_be_left_out(void **state) {
    (void)state;
    static const struct {
        const char *set, *beside, *verdict;
    } cases[] = {
        {"explanations=none", "", ""},
        {"explanations=properties", "This is a red solid triangle", ""},
        {"explanations=reward", "", "Incorrect the concept is color and other objects are red"}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        world w = ODD_OPEN("level=meta_easy", "concept=color", cases[k].set);
        put_equals(&w);
        odd_stand(&w, 2, 3);
        odd_go(&w, ODD_W);
        odd_go(&w, ODD_E);
        odd_assert_hears(&w, cases[k].beside);
        odd_go(&w, ODD_NE);
        odd_assert_hears(&w, cases[k].verdict);
        world_close(&w);
    }
}

/* ---- trials ---------------------------------------------------------------------------------- */

/* Chooses object 0 from where put_equals put it and ends the trial by staying upon it. */
static void choose_and_stay(world *w) {
    odd_go(w, ODD_NE);
    odd_go(w, ODD_N);
    odd_go(w, ODD_N);
    odd_go(w, ODD_N);
}

static void three_experiments_are_followed_by_a_test_worth_ten(void **state) {
    (void)state;
    world w = ODD_OPEN("level=meta_easy", "concept=color");
    for (int trial = 0; trial < 3; trial++) {
        assert_int_equal(odd_room(&w)->trial, trial);
        assert_int_equal(odd_room(&w)->changes, 1);
        put_equals(&w);
        odd_stand(&w, 2, 3);
        if (trial != 1)
            odd_go(&w, CHANGE_COLOR);
        odd_go(&w, ODD_NE);
        assert_true(reward(&w) == (trial != 1));
        odd_go(&w, ODD_N);
        odd_go(&w, ODD_N);
        assert_string_equal(odd_reads(&w, "instruction"), "");
        odd_go(&w, ODD_N); /* ends the trial; the next one's beginning is seen */
        assert_false(ended(&w));
        assert_string_equal(odd_reads(&w, "instruction"),
                            trial < 2 ? "Make an odd one out" : "Find the odd one out");
        assert_int_equal(odd_room(&w)->scene.concept, STOA_ODD_COLOR);
    }
    stoa_odd_room *r = odd_room(&w);
    assert_int_equal(r->trial, 3);
    assert_int_equal(r->changes, 0);
    for (int d = 0; d < STOA_ODD_LOOKS; d++) /* deconfounded */
        assert_true(stoa_odd_unique(&r->scene, r->scene.odd[d], d));
    assert_int_equal(r->scene.target, r->scene.odd[STOA_ODD_COLOR]);
    put_equals(&w);
    r->scene.value[0][STOA_ODD_COLOR] = 1;
    odd_stand(&w, 2, 3);
    assert_int_equal(r->changes, 0);
    odd_go(&w, CHANGE_SHAPE); /* nothing to change with */
    assert_int_equal(value(&w, 0, STOA_ODD_SHAPE), 0);
    odd_go(&w, ODD_NE);
    assert_true(reward(&w) == 10);
    odd_assert_hears(&w, "Correct the concept is color and it is uniquely green");
    for (int k = 0; k < 3; k++)
        odd_go(&w, ODD_N);
    assert_true(ended(&w));
    const float *m = w.memory.buffers.metrics; /* correct, three experiments, changed */
    assert_true(m[0] == 1 && m[1] == 1 && m[2] == 0 && m[3] == 1);
    assert_near(m[4], 2.0 / 3, 1e-6);
    assert_int_equal(odd_room(&w)->trial, 0);
    world_close(&w);
}

static void a_trial_without_another_touch_ends_17_steps_after_the_choice(void **state) {
    (void)state;
    world w = ODD_OPEN("level=meta_easy", "concept=color");
    put_equals(&w);
    odd_stand(&w, 2, 3);
    odd_go(&w, ODD_NE);
    odd_go(&w, ODD_SW);
    for (int k = 2; k < 17; k++) {
        assert_int_equal(odd_room(&w)->trial, 0);
        odd_go(&w, k % 2 ? ODD_N : ODD_S);
    }
    odd_go(&w, ODD_S);
    assert_int_equal(odd_room(&w)->trial, 1);
    assert_false(ended(&w));
    world_close(&w);
}

static void trials_share_one_limit_of_steps(void **state) {
    (void)state;
    world w = ODD_OPEN("level=meta_easy", "concept=color", "experiments=2", "steps=20");
    put_equals(&w);
    odd_stand(&w, 2, 3);
    choose_and_stay(&w);
    assert_int_equal(odd_room(&w)->trial, 1);
    put_equals(&w);
    for (int t = 4; t < 60; t++) {
        assert_false(ended(&w) || w.memory.buffers.truncated[0]);
        odd_go(&w, t % 2 ? ODD_N : ODD_S);
    }
    assert_true(w.memory.buffers.truncated[0]);
    world_close(&w);
}

static void perfect_experiments_tell_the_concept(void **state) {
    (void)state;
    /* whatever the concept, changing one object in that dimension and in no other pays */
    static const char *const concepts[] = {"concept=color", "concept=texture", "concept=shape"};
    for (int concept = 0; concept < 3; concept ++)
        for (int change = 0; change < 3; change++) {
            world w = ODD_OPEN("level=meta_easy", concepts[concept]);
            put_equals(&w);
            odd_room(&w)->scene.concept = (uint8_t) concept;
            odd_stand(&w, 2, 3);
            odd_go(&w, CHANGE_COLOR + change);
            odd_go(&w, ODD_NE);
            assert_true(reward(&w) == (change == concept));
            world_close(&w);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_are_three_more_actions_and_an_instruction),
        cmocka_unit_test(a_change_flips_the_objects_beside_the_agent),
        cmocka_unit_test(a_change_back_gives_the_first_value_again),
        cmocka_unit_test(one_change_is_allowed_and_spent_even_when_nothing_is_near),
        cmocka_unit_test(a_change_is_seen_and_said_at_once),
        cmocka_unit_test(an_object_made_odd_in_the_concept_pays_one),
        cmocka_unit_test(one_made_odd_otherwise_pays_nothing),
        cmocka_unit_test(in_a_pair_the_former_partner_becomes_odd),
        cmocka_unit_test(what_an_object_is_worth_is_judged_in_turn_when_the_agent_is_near),
        cmocka_unit_test(a_change_after_the_choice_changes_no_words),
        cmocka_unit_test(meta_words_can_be_left_out),
        cmocka_unit_test(three_experiments_are_followed_by_a_test_worth_ten),
        cmocka_unit_test(a_trial_without_another_touch_ends_17_steps_after_the_choice),
        cmocka_unit_test(trials_share_one_limit_of_steps),
        cmocka_unit_test(perfect_experiments_tell_the_concept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
