/* test_laws.c - every registered environment keeps the interface's laws, and the check sees when
 * one does not. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "env/env.h"

static void every_native_environment_keeps_the_laws(void **state) {
    (void)state;
    for (int i = 0; i < stoa_env_class_count(); i++) {
        const stoa_env_class *c = stoa_env_class_at(i);
        if (c->open)
            continue;
        stoa_error err = {0};
        stoa_buffer report = {0};
        stoa_env_options options = {.name = c->name, .count = 1, .seed = 3};
        if (stoa_env_check(&options, 700, &report, &err) != STOA_OK)
            fail_msg("%s\n%s", err.message, report.data);
        assert_non_null(strstr(report.data, "holds   threads change nothing\n"));
        stoa_buffer_deinit(&report);
    }
    assert_int_equal(stoa_alloc_statistics().live, 0);
}

/* ---- broken worlds: Chain with something wrong about it ---------------------------------------
 */

extern const stoa_env_class stoa_env_chain;

/* Fails unless the check says so, in these words. */
static void broken(const stoa_env_class *class_, const char *words) {
    stoa_error err = {0};
    stoa_env_options options = {.name = "chain", .count = 1};
    assert_int_equal(stoa_env_check_class(class_, &options, 200, NULL, &err), STOA_ERR_FORMAT);
    if (!strstr(err.message, words))
        fail_msg("expected '%s' in: %s", words, err.message);
    assert_int_equal(stoa_alloc_statistics().live, 0);
}

/* A test of Chain with one function replaced. */
#define BREAK(field, function)                                                                     \
    stoa_env_class wrong = stoa_env_chain;                                                         \
    (void)state;                                                                                   \
    wrong.field = function

static void no_label(const void *config, stoa_env_spec *spec) {
    static const char *const labels[] = {"left", ""};
    stoa_env_chain.describe(config, spec);
    spec->actions[0].labels = labels;
}

static void a_spec_must_be_well_formed(void **state) {
    BREAK(describe, no_label);
    broken(&wrong, "category 1 of action 'move' has no label");
}

static void rewarded_with_words(const void *config, stoa_env_spec *spec) {
    stoa_env_chain.describe(config, spec);
    spec->actions[0].target = true;
}

static void blind(const void *config, stoa_env_spec *spec) {
    stoa_env_chain.describe(config, spec);
    for (int o = 0; o < spec->observation_count; o++)
        spec->observations[o].target = true;
}

static void targets_must_be_observations_and_not_all_of_them(void **state) {
    BREAK(describe, rewarded_with_words);
    broken(&wrong, "action 'move' cannot be a target");
    wrong.describe = blind;
    broken(&wrong, "an agent would see nothing");
}

static void few_positions(const void *config, stoa_env_spec *spec) {
    stoa_env_chain.describe(config, spec);
    spec->observations[0].categories = 12;
}

static void observations_must_lie_in_their_spaces(void **state) {
    BREAK(describe, few_positions);
    broken(&wrong, "of 'position'");
}

static void small_rewards(const void *config, stoa_env_spec *spec) {
    stoa_env_chain.describe(config, spec);
    spec->reward_high = 0.5;
}

static void rewards_must_keep_their_bounds(void **state) {
    BREAK(describe, small_rewards);
    broken(&wrong, "reward 1 of instance");
}

static void hurried(const void *config, stoa_env_spec *spec) {
    stoa_env_chain.describe(config, spec);
    spec->max_steps = 29;
}

static void episodes_must_end_in_time(void **state) {
    BREAK(describe, hurried);
    broken(&wrong, "took 30 steps; 29 are the most");
}

static void wrong_chance(const void *config, stoa_env_spec *spec) {
    stoa_env_chain.describe(config, spec);
    spec->chance += 0.3;
}

static void random_play_must_score_what_is_promised(void **state) {
    BREAK(describe, wrong_chance);
    broken(&wrong, "random play gave visited");
}

static void last_for_first(stoa_env *env, const stoa_env_buffers *b, int64_t begin, int64_t end) {
    stoa_env_chain.step(env, b, begin, end);
    for (int64_t i = begin; i < end; i++)
        for (int o = 0; b->terminated[i] && o < env->spec.observation_count; o++) {
            size_t bytes = stoa_space_bytes(&env->spec.observations[o]);
            if (b->final_observations[o])
                memcpy((char *)b->observations[o] + (size_t)i * bytes,
                       (char *)b->final_observations[o] + (size_t)i * bytes, bytes);
        }
}

static void an_ended_episode_must_begin_anew(void **state) {
    BREAK(step, last_for_first);
    broken(&wrong, "the observation is none that a reset gives");
}

static void forgetful(stoa_env *env, const stoa_env_buffers *b, int64_t begin, int64_t end) {
    float before = b->rewards[end - 1];
    stoa_env_chain.step(env, b, begin, end);
    if (b->rewards[end - 1] == 0)
        b->rewards[end - 1] = before;
}

static void every_row_must_be_written(void **state) {
    BREAK(step, forgetful);
    broken(&wrong, "equal seeds and actions write equal bytes");
}

static void meddling(stoa_env *env, const stoa_env_buffers *b, int64_t begin, int64_t end) {
    stoa_env_chain.step(env, b, begin, end);
    if (b->metrics)
        b->metrics[begin] = 1;
}

static void only_ended_episodes_may_write_metrics(void **state) {
    BREAK(step, meddling);
    broken(&wrong, "metrics of instance 0 written");
}

static void crowded(stoa_env *env, const stoa_env_buffers *b, int64_t begin, int64_t end) {
    stoa_env_chain.step(env, b, begin, end);
    if (env->count < 50)
        b->rewards[begin] = 0.25f;
}

static void no_score(stoa_env *env, const stoa_env_buffers *b, int64_t begin, int64_t end) {
    stoa_env_chain.step(env, b, begin, end);
    for (int64_t i = begin; i < end; i++)
        if (b->terminated[i] && b->metrics)
            b->metrics[i] = NAN;
}

static void the_score_must_be_a_number(void **state) {
    BREAK(step, no_score);
    broken(&wrong, "metric visited of instance 0 is not a number");
}

static void the_size_of_the_batch_must_change_nothing(void **state) {
    BREAK(step, crowded);
    broken(&wrong, "the size of the batch changes nothing");
}

static void by_range(stoa_env *env, const stoa_env_buffers *b, int64_t begin, int64_t end) {
    stoa_env_chain.step(env, b, begin, end);
    if (end - begin < env->count)
        b->rewards[begin] = 0.25f;
}

static void threads_must_change_nothing(void **state) {
    BREAK(step, by_range);
    broken(&wrong, "threads change nothing");
}

static void watched(stoa_env *env, const stoa_env_buffers *b, int64_t begin, int64_t end) {
    stoa_env_chain.step(env, b, begin, end);
    if (!b->events)
        b->rewards[begin] = 0.25f;
}

static void optional_buffers_must_change_nothing(void **state) {
    BREAK(step, watched);
    broken(&wrong, "leaving out optional buffers changes nothing");
}

/* Chance that follows the instance, but not the seed. */
static void unseeded(stoa_env *env, const stoa_env_buffers *b, int64_t begin, int64_t end) {
    stoa_env_chain.step(env, b, begin, end);
    for (int64_t i = begin; i < end; i++)
        ((uint8_t *)b->observations[0])[i] = (uint8_t)(i % 3);
}

static void unseeded_first(stoa_env *env, const stoa_env_buffers *b, int64_t begin, int64_t end) {
    stoa_env_chain.reset(env, b, begin, end);
    for (int64_t i = begin; i < end; i++)
        ((uint8_t *)b->observations[0])[i] = (uint8_t)(i % 3);
}

static void chance_must_follow_the_seed(void **state) {
    BREAK(step, unseeded);
    wrong.reset = unseeded_first;
    broken(&wrong, "another seed makes another world");
}

/* Counts steps outside the block, where saving does not reach. */
static void counting(stoa_env *env, const stoa_env_buffers *b, int64_t begin, int64_t end) {
    stoa_env_chain.step(env, b, begin, end);
    if (begin == 0) {
        uintptr_t steps = (uintptr_t)env->handle + 1;
        env->handle = (void *)steps; // NOLINT(performance-no-int-to-ptr)
        b->rewards[0] = (float)(steps % 64) / 64;
    }
}

static void from_zero(stoa_env *env, const stoa_env_buffers *b, int64_t begin, int64_t end) {
    stoa_env_chain.reset(env, b, begin, end);
    if (begin == 0)
        env->handle = NULL;
}

static void the_whole_state_must_be_saved(void **state) {
    BREAK(step, counting);
    wrong.reset = from_zero;
    broken(&wrong, "1 steps after loading: rewards of instance 0");
}

static void unchanged(const stoa_env *env, int64_t i, uint8_t *pixels) {
    (void)env;
    (void)i;
    pixels[0] = 1;
}

static void pictured(const void *config, stoa_env_spec *spec) {
    stoa_env_chain.describe(config, spec);
    spec->render_height = spec->render_width = 2;
}

static void pictures_must_be_whole(void **state) {
    BREAK(describe, pictured);
    broken(&wrong, "pictures are promised but not drawn");
    wrong.render_rgb = unchanged;
    broken(&wrong, "a picture leaves pixels out");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_native_environment_keeps_the_laws),
        cmocka_unit_test(a_spec_must_be_well_formed),
        cmocka_unit_test(targets_must_be_observations_and_not_all_of_them),
        cmocka_unit_test(observations_must_lie_in_their_spaces),
        cmocka_unit_test(rewards_must_keep_their_bounds),
        cmocka_unit_test(episodes_must_end_in_time),
        cmocka_unit_test(random_play_must_score_what_is_promised),
        cmocka_unit_test(an_ended_episode_must_begin_anew),
        cmocka_unit_test(every_row_must_be_written),
        cmocka_unit_test(only_ended_episodes_may_write_metrics),
        cmocka_unit_test(the_score_must_be_a_number),
        cmocka_unit_test(the_size_of_the_batch_must_change_nothing),
        cmocka_unit_test(threads_must_change_nothing),
        cmocka_unit_test(optional_buffers_must_change_nothing),
        cmocka_unit_test(chance_must_follow_the_seed),
        cmocka_unit_test(the_whole_state_must_be_saved),
        cmocka_unit_test(pictures_must_be_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
