/* tests/train/test_agent_settings.c - settings that environments and objectives add to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "train/agent.h"
#include "train/synthetic_returns.h"

static char dir[64];

static int enter(void **state) {
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/stoa-agent-settings-XXXXXX");
    assert_non_null(mkdtemp(dir));
    return chdir(dir);
}

static int leave(void **state) {
    (void)state;
    return chdir("/") || stoa_remove_tree(dir, NULL) != STOA_OK;
}

static stoa_status load(stoa_agent_settings *s, const char *yaml, const char *const *sets,
                        int count, stoa_error *err) {
    assert_int_equal(stoa_file_write("agent.yaml", yaml, strlen(yaml), NULL), STOA_OK);
    return stoa_agent_settings_load(s, "agent.yaml", sets, count, err);
}

static void a_file_holds_the_worlds_and_the_objectives_settings_too(void **state) {
    (void)state;
    static const char yaml[] = "name: far\n"
                               "env: {name: chain, length: 11, trigger: 2}\n"
                               "objectives: synthetic-returns\n"
                               "synthetic-returns: {alpha: 0.5, gate: one}\n"
                               "train:\n  unroll: 20\n";
    static const char *const sets[] = {"env.length=13", "synthetic-returns.beta=0",
                                       "train.rate=0.25"};
    stoa_agent_settings s;
    stoa_error err = {0};
    if (load(&s, yaml, sets, 3, &err) != STOA_OK || stoa_agent_settings_check(&s, &err) != STOA_OK)
        fail_msg("%s", err.message);
    assert_string_equal(s.name, "far");
    assert_string_equal(s.env, "chain");
    assert_int_equal(s.unroll, 20);
    assert_true(s.rate == 0.25);
    assert_non_null(strstr(s.extra, "env.length: 13\n"));
    assert_non_null(strstr(s.extra, "env.walk: 15\n"));
    stoa_sr_config sr;
    assert_int_equal(stoa_agent_settings_part(&s, "synthetic-returns",
                                              stoa_objective_synthetic_returns.settings(), &sr,
                                              &err),
                     STOA_OK);
    assert_true(sr.alpha == 0.5 && sr.beta == 0 && sr.gate == STOA_SR_GATE_ONE);
    assert_int_equal(sr.layers, 2);
    stoa_env *env;
    assert_int_equal(stoa_agent_settings_env(&s, 3, 1, &env, &err), STOA_OK);
    assert_int_equal(stoa_env_spec_of(env)->observations[0].categories, 14);
    assert_int_equal(stoa_env_count(env), 3);
    stoa_env_free(env);
}

static void the_resolved_file_reads_back_as_the_same_settings(void **state) {
    (void)state;
    static const char yaml[] = "env: {name: chain, steps: 40}\nobjectives: synthetic-returns\n";
    stoa_agent_settings s, again;
    stoa_agent_view view;
    stoa_error err = {0};
    if (load(&s, yaml, NULL, 0, &err) != STOA_OK ||
        stoa_agent_view_open(&view, &s, &err) != STOA_OK)
        fail_msg("%s", err.message);
    stoa_buffer text = {0};
    stoa_settings_dump(view.table, view.target, true, &text);
    assert_non_null(strstr(text.data, "  # Steps of an episode.\n  steps: 40\n"));
    assert_non_null(strstr(text.data, "synthetic-returns:\n"));
    assert_non_null(strstr(text.data, "  alpha: 0.3\n"));
    if (load(&again, text.data, NULL, 0, &err) != STOA_OK)
        fail_msg("%s", err.message);
    assert_memory_equal(&s, &again, sizeof s);
    stoa_buffer_deinit(&text);
    stoa_agent_view_close(&view);
}

static void settings_of_objectives_that_a_set_leaves_out_are_checked_and_passed_over(void **state) {
    (void)state;
    static const char yaml[] = "env: {name: chain, length: 11}\n"
                               "objectives: synthetic-returns\n"
                               "synthetic-returns: {alpha: 0.5}\n"
                               "train: {rate: 0.25}\n";
    static const char wrong[] = "env: {name: chain}\n"
                                "objectives: synthetic-returns\n"
                                "synthetic-returns: {alpa: 0.5}\n";
    static const char unknown[] = "env: {name: chain}\nobjectives: synthetic-return\n";
    static const char *const none = "objectives=", *const other = "objectives=explanations";
    stoa_agent_settings s;
    stoa_error err = {0};
    if (load(&s, yaml, &none, 1, &err) != STOA_OK || stoa_agent_settings_check(&s, &err) != STOA_OK)
        fail_msg("%s", err.message);
    assert_string_equal(s.objectives, "");
    assert_true(s.rate == 0.25);
    assert_non_null(strstr(s.extra, "env.length: 11\n"));
    assert_null(strstr(s.extra, "synthetic-returns"));
    assert_int_equal(load(&s, yaml, &other, 1, &err), STOA_OK);
    assert_non_null(strstr(s.extra, "explanations.kinds"));
    assert_null(strstr(s.extra, "synthetic-returns"));
    assert_int_equal(load(&s, wrong, &none, 1, &err), STOA_ERR_USAGE);
    assert_non_null(strstr(err.message, "did you mean \"synthetic-returns.alpha\""));
    assert_int_equal(load(&s, unknown, &none, 1, &err), STOA_ERR_USAGE);
    assert_non_null(strstr(err.message, "agent.yaml"));
}

static void mistakes_are_named_with_their_line_and_the_nearest_key(void **state) {
    (void)state;
    static const struct {
        const char *yaml, *set, *needed[3];
    } rows[] = {
        {"env:\n  name: chain\n  lenght: 11\n",
         NULL,
         {"agent.yaml:3", "env.lenght", "did you mean \"env.length\""}},
        {"env: {name: chian}\n", NULL, {"agent.yaml", "env.name", "did you mean 'chain'"}},
        {"env: {name: chain}\nobjectives: synthetic-return\n",
         NULL,
         {"agent.yaml", "objectives", "did you mean 'synthetic-returns'"}},
        {"env: {name: chain}\nobjectives: synthetic-returns, synthetic-returns\n",
         NULL,
         {"listed twice"}},
        {"env: {name: chain}\nsynthetic-returns: {alpha: 1}\n",
         NULL,
         {"agent.yaml:2", "synthetic-returns.alpha", "unknown"}},
        {"env: {name: chain}\nobjectives: synthetic-returns\nsynthetic-returns:\n  alpa: 1\n",
         NULL,
         {"agent.yaml:4", "did you mean \"synthetic-returns.alpha\""}},
        {"env: {name: chain, length: 1}\n", NULL, {"agent.yaml:1", "env.length", "from 3 to 255"}},
        {"env: {name: chain}\n", "env.lenght=3", {"env.lenght=3", "env.length"}},
        {"env: {name: chain}\ntrain: {learner: vtraze}\n", NULL, {"agent.yaml:2", "\"vtrace\""}},
        {"env: {name: [1]}\n", NULL, {"agent.yaml:1"}},
        {"env: chain\n", NULL, {"agent.yaml:1", "section"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        stoa_agent_settings s;
        stoa_error err = {0};
        assert_int_equal(load(&s, rows[i].yaml, &rows[i].set, rows[i].set != NULL, &err),
                         STOA_ERR_USAGE);
        for (int k = 0; k < 3 && rows[i].needed[k]; k++)
            if (!strstr(err.message, rows[i].needed[k]))
                fail_msg("row %zu: \"%s\" lacks \"%s\"", i, err.message, rows[i].needed[k]);
    }
}

static void what_does_not_fit_together_is_refused(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"", "env.name must be given"},
        {"env: {name: chain}\nname: a/b\n", "name"},
        {"env: {name: chain, instances: 30}\ntrain: {learner: ppo}\n", "train.ppo_minibatches"},
        {"env: {name: chain}\nobjectives: synthetic-returns\ntrain: {learner: ppo}\n",
         "set train.ppo_minibatches to 1"},
        {"env: {name: chain, instances: 1M}\ntrain: {unroll: 65536}\n", "train.unroll"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        stoa_agent_settings s;
        stoa_error err = {0};
        assert_int_equal(load(&s, rows[i][0], NULL, 0, &err), STOA_OK);
        assert_int_equal(stoa_agent_settings_check(&s, &err), STOA_ERR_USAGE);
        if (!strstr(err.message, rows[i][1]))
            fail_msg("row %zu: \"%s\" lacks \"%s\"", i, err.message, rows[i][1]);
    }
}

static void an_agents_file_is_told_by_its_environment(void **state) {
    (void)state;
    static const char *const agent = "env.name=chain", *const model = "model.width=64";
    bool is = false;
    assert_int_equal(stoa_agent_settings_detect(NULL, &agent, 1, &is, NULL), STOA_OK);
    assert_true(is);
    assert_int_equal(stoa_agent_settings_detect(NULL, &model, 1, &is, NULL), STOA_OK);
    assert_false(is);
    assert_int_equal(stoa_file_write("lm.yaml", "model:\n  width: 3\n", 18, NULL), STOA_OK);
    assert_int_equal(stoa_agent_settings_detect("lm.yaml", NULL, 0, &is, NULL), STOA_OK);
    assert_false(is);
    assert_int_equal(stoa_agent_settings_detect("lm.yaml", &agent, 1, &is, NULL), STOA_OK);
    assert_true(is);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_holds_the_worlds_and_the_objectives_settings_too),
        cmocka_unit_test(the_resolved_file_reads_back_as_the_same_settings),
        cmocka_unit_test(settings_of_objectives_that_a_set_leaves_out_are_checked_and_passed_over),
        cmocka_unit_test(mistakes_are_named_with_their_line_and_the_nearest_key),
        cmocka_unit_test(what_does_not_fit_together_is_refused),
        cmocka_unit_test(an_agents_file_is_told_by_its_environment),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
