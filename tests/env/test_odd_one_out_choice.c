/* test_odd_one_out_choice.c - the odd one of four pictures: pictures, words, verdicts, metrics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "env/odd_one_out/choice.h"
#include "world.h"

enum { OBJECTS = STOA_ODD_OBJECTS, LOOKS = STOA_ODD_LOOKS };

static world open_choice(const char *a, const char *b, int64_t count) {
    const char *set[] = {a, b};
    return world_open_options(&(stoa_env_options){
        .name = "odd-one-out-choice", .set = set, .set_count = 2, .count = count, .seed = 3});
}

static const uint8_t *properties(const world *w) {
    return w->memory.buffers.observations[1];
}

static const uint8_t *verdict(const world *w) {
    return w->memory.buffers.observations[2];
}

static void one_choice_ends_the_episode_and_pays_for_the_target(void **state) {
    (void)state;
    world w = open_choice("level=basic", "concept=any", 1);
    int right = 0;
    for (int k = 0; k < 400; k++) {
        const stoa_odd_scene before = stoa_odd_choice_of(w.env, 0)->scene;
        assert_true(stoa_odd_unique(&before, before.target, before.concept));
        for (int d = 0; d < LOOKS; d++) /* and nothing else is unique */
            for (int i = 0; i < OBJECTS; i++)
                assert_int_equal(stoa_odd_unique(&before, i, d),
                                 i == before.target && d == before.concept);
        world_step_all(&w, k % OBJECTS);
        assert_int_equal(w.memory.buffers.terminated[0], 1);
        assert_int_equal(w.memory.buffers.truncated[0], 0);
        assert_true(w.memory.buffers.rewards[0] == (before.target == k % OBJECTS));
        assert_true(w.memory.buffers.metrics[0] == w.memory.buffers.rewards[0]);
        for (int d = 0; d < LOOKS; d++)
            assert_int_equal(isnan(w.memory.buffers.metrics[1 + d]), d != before.concept);
        right += before.target == k % OBJECTS;
    }
    assert_true(right > 60 && right < 140);
    world_close(&w);
    assert_int_equal(stoa_alloc_statistics().live, 0);
}

static void the_pictures_are_those_of_the_room(void **state) {
    (void)state;
    world w = open_choice("level=basic", "concept=any", 3);
    for (int k = 0; k < 100; k++) {
        for (int i = 0; i < 3; i++) {
            const stoa_odd_scene *s = &stoa_odd_choice_of(w.env, i)->scene;
            const stoa_odd_picture *seen =
                (const stoa_odd_picture *)w.memory.buffers.observations[0] + i * OBJECTS;
            for (int object = 0; object < OBJECTS; object++)
                for (int row = 0; row < STOA_ODD_SIDE; row++) {
                    unsigned on =
                        stoa_odd_mask(s->value[object][STOA_ODD_TEXTURE],
                                      s->value[object][STOA_ODD_SHAPE], s->noise[object], row);
                    const uint8_t *rgb = stoa_odd_rgb[s->value[object][STOA_ODD_COLOR]];
                    for (int x = 0; x < STOA_ODD_SIDE * 3; x++)
                        assert_int_equal(seen[object][row][x], on >> x / 3 & 1 ? rgb[x % 3] : 0);
                }
        }
        world_step_randomly(&w);
    }
    world_close(&w);
}

static void properties_are_told_with_the_pictures(void **state) {
    (void)state;
    world w = open_choice("explanations=properties", "colors=19", 1);
    for (int k = 0; k < 50; k++) {
        const stoa_odd_scene *s = &stoa_odd_choice_of(w.env, 0)->scene;
        for (int i = 0; i < OBJECTS; i++)
            for (int d = 0; d < LOOKS; d++)
                assert_int_equal(properties(&w)[i * LOOKS + d], s->value[i][d] + 1);
        world_step_all(&w, 0);
        for (int v = 0; v < STOA_ODD_VERDICT; v++)
            assert_int_equal(verdict(&w)[v], 0);
    }
    world_close(&w);
}

/* Checks the verdict on a choice of this scene in a level. */
static void check_verdict(const uint8_t *v, const stoa_odd_scene *s, int chosen, bool basic) {
    bool right = chosen == s->target;
    assert_int_equal(v[0], right ? STOA_ODD_SAID_RIGHT : STOA_ODD_SAID_WRONG);
    assert_int_equal(v[1], right ? s->concept + 1 : 0);
    for (int d = 0; d < LOOKS; d++) {
        bool told = d == s->concept || (basic && !right);
        assert_int_equal(v[2 + d], told ? s->value[chosen][d] + 1 : 0);
    }
}

static void the_verdict_comes_after_the_choice(void **state) {
    (void)state;
    static const char *const levels[] = {"level=basic", "level=confounded", "level=deconfounded"};
    for (int level = 0; level < 3; level++) {
        world w = open_choice(levels[level], "explanations=reward", 1);
        for (int v = 0; v < STOA_ODD_VERDICT; v++)
            assert_int_equal(verdict(&w)[v], 0);
        for (int k = 0; k < 100; k++) {
            const stoa_odd_scene before = stoa_odd_choice_of(w.env, 0)->scene;
            world_step_all(&w, k % OBJECTS);
            check_verdict(verdict(&w), &before, k % OBJECTS, level == 0);
            assert_memory_equal(verdict(&w), w.memory.buffers.final_observations[2],
                                STOA_ODD_VERDICT);
            for (int i = 0; i < OBJECTS * LOOKS; i++)
                assert_int_equal(properties(&w)[i], 0);
        }
        world_close(&w);
    }
}

static void confounded_levels_tell_of_the_concept_only(void **state) {
    (void)state;
    world w = open_choice("level=confounded", "concept=texture", 1);
    for (int k = 0; k < 50; k++) {
        const stoa_odd_scene *s = &stoa_odd_choice_of(w.env, 0)->scene;
        for (int d = 0; d < LOOKS; d++)
            assert_true(stoa_odd_unique(s, s->target, d));
        for (int i = 0; i < OBJECTS; i++) {
            const uint8_t told[LOOKS] = {0, (uint8_t)(s->value[i][STOA_ODD_TEXTURE] + 1), 0};
            assert_memory_equal(properties(&w) + i * LOOKS, told, LOOKS);
        }
        world_step_all(&w, 1);
    }
    world_close(&w);
}

static void deconfounded_levels_tell_what_was_picked(void **state) {
    (void)state;
    world w = open_choice("level=deconfounded", "concept=shape", 1);
    float sums[5] = {0};
    for (int k = 0; k < 2000; k++) {
        const stoa_odd_scene before = stoa_odd_choice_of(w.env, 0)->scene;
        world_step_all(&w, 2);
        const float *m = w.memory.buffers.metrics; /* correct, picked color, texture, shape, none */
        float one = 0;
        for (int d = 0; d < LOOKS; d++) {
            assert_true(m[1 + d] == (before.odd[d] == 2));
            one += m[1 + d];
        }
        assert_true(one + m[4] == 1 && m[0] == m[3]);
        for (int f = 0; f < 5; f++)
            sums[f] += m[f];
    }
    for (int f = 0; f < 5; f++)
        assert_near(sums[f] / 2000, 0.25, 0.05);
    world_close(&w);
}

static void irrelevant_words_follow_neither_picture_nor_choice(void **state) {
    (void)state;
    world w = open_choice("irrelevant=true", "explanations=full", 1);
    int same = 0, right = 0, said_right = 0, n = 4000;
    for (int k = 0; k < n; k++) {
        const stoa_odd_choice before = *stoa_odd_choice_of(w.env, 0);
        same += before.told[1][STOA_ODD_SHAPE] == before.scene.value[1][STOA_ODD_SHAPE] + 1;
        world_step_all(&w, before.scene.target);
        right += w.memory.buffers.rewards[0] == 1;
        said_right += verdict(&w)[0] == STOA_ODD_SAID_RIGHT;
    }
    assert_int_equal(right, n);
    assert_near((double)said_right / n, 0.25, 0.04);
    assert_near((double)same / n, 1.0 / 8, 0.03);
    world_close(&w);
}

static void words_are_targets_and_sizes_follow_the_values_in_use(void **state) {
    (void)state;
    world w = open_choice("colors=3", "textures=2", 1);
    const stoa_env_spec *spec = stoa_env_spec_of(w.env);
    assert_false(spec->observations[0].target);
    assert_true(spec->observations[1].target && spec->observations[2].target);
    assert_int_equal(spec->observations[1].categories, 1 + 8);
    assert_int_equal(spec->max_steps, 1);
    world_close(&w);
}

static void every_level_keeps_the_laws(void **state) {
    (void)state;
    static const char *const sets[][2] = {{"level=confounded", "explanations=reward"},
                                          {"level=deconfounded", "irrelevant=true"},
                                          {"concept=shape", "explanations=none"}};
    for (size_t k = 0; k < sizeof sets / sizeof *sets; k++) {
        stoa_error err = {0};
        stoa_env_options options = {
            .name = "odd-one-out-choice", .set = sets[k], .set_count = 2, .count = 1, .seed = 5};
        if (stoa_env_check(&options, 200, NULL, &err) != STOA_OK)
            fail_msg("%s: %s", sets[k][0], err.message);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_choice_ends_the_episode_and_pays_for_the_target),
        cmocka_unit_test(the_pictures_are_those_of_the_room),
        cmocka_unit_test(properties_are_told_with_the_pictures),
        cmocka_unit_test(the_verdict_comes_after_the_choice),
        cmocka_unit_test(confounded_levels_tell_of_the_concept_only),
        cmocka_unit_test(deconfounded_levels_tell_what_was_picked),
        cmocka_unit_test(irrelevant_words_follow_neither_picture_nor_choice),
        cmocka_unit_test(words_are_targets_and_sizes_follow_the_values_in_use),
        cmocka_unit_test(every_level_keeps_the_laws),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
