/* test_train_agent.c - agents from the command line: which kind of run, files, stops, play. */
#include "program.h"

#include <signal.h>
#include <unistd.h>

/* An agent that trains in an instant. */
#define SMALL                                                                                      \
    "--set", "env.name=chain", "--set", "env.instances=8", "--set", "agent.encoder_width=8",       \
        "--set", "train.unroll=10", "--set", "train.eval_episodes=10", "--set", "threads=1"

static void an_environment_makes_it_an_agents_run(void **state) {
    (void)state;
    write_text("agent.yaml", "name: small\n"
                             "env: {name: chain, instances: 8, length: 9, trigger: 2}\n"
                             "objectives: synthetic-returns\n"
                             "synthetic-returns: {width: 8}\n"
                             "agent: {encoder_width: 8}\n"
                             "train: {unroll: 10, steps: 400, eval_episodes: 10}\n");
    finished f = RUN("train", "agent.yaml", "--set", "env.steps=20");
    assert_int_equal(f.code, 0);
    assert_non_null(strstr(f.out, "runs/small-1: 400 steps"));
    assert_non_null(strstr(f.out, "evaluation: return"));
    assert_non_null(strstr(f.out, "length 20"));
    assert_non_null(strstr(f.out, "stoa play chain --agent runs/small-1"));
    assert_non_null(strstr(f.text, "8 instances"));
    assert_null(strchr(f.text, '\033')); /* no terminal, no colours, bars or curves */
    drop(&f);
    char *settings = read_text("runs/small-1/settings.yaml");
    assert_non_null(strstr(settings, "  # States on the line.\n  length: 9\n"));
    assert_non_null(strstr(settings, "  steps: 20\n"));
    assert_non_null(strstr(settings, "synthetic-returns:\n"));
    free(settings);
    char *metrics = read_text("runs/small-1/metrics.jsonl");
    assert_non_null(strstr(metrics, "\"eval/visited\""));
    assert_non_null(strstr(metrics, "\"synthetic_returns/loss\""));
    free(metrics);
    /* the settings it wrote are settings it reads */
    EXPECT(0, "train", "-q", "runs/small-1/settings.yaml", "--set", "name=again");
    assert_true(same_bytes("runs/small-1/checkpoints/step_00000005/model.safetensors",
                           "runs/again-1/checkpoints/step_00000005/model.safetensors"));
}

static void results_are_json(void **state) {
    (void)state;
    finished f = RUN("train", SMALL, "--set", "train.steps=160", "--set", "name=json", "-qj");
    assert_int_equal(f.code, 0);
    assert_string_equal(f.text, "");
    json_t *result = json_loads(f.out, 0, NULL);
    assert_non_null(result);
    HAS_FIELDS(result, "run", "steps", "updates", "episodes", "seconds", "steps_per_second",
               "env_share", "stopped_early", "training", "evaluation", "best_score");
    assert_int_equal(json_integer_value(json_object_get(result, "steps")), 160);
    HAS_FIELDS(json_object_get(result, "evaluation"), "episodes", "return", "length", "visited");
    json_decref(result);
    drop(&f);
}

/* Slalom counts the return among its metrics, which it has anyway. */
static void a_figure_is_written_once(void **state) {
    (void)state;
    finished f = RUN("train", SMALL, "--set", "env.name=slalom", "--set", "env.limit=30", "--set",
                     "train.steps=2400", "--set", "name=once", "-q");
    assert_int_equal(f.code, 0);
    const char *line = strstr(f.out, "evaluation: ");
    assert_non_null(line);
    const char *first = strstr(line, "return "), *end = strchr(line, '\n');
    assert_true(first && end && first < end);
    const char *second = strstr(first + 1, "return ");
    assert_true(!second || second > end);
    drop(&f);
    char *metrics = read_text("runs/once-1/metrics.jsonl");
    int lines = 0, returns = 0;
    for (char *rest = metrics, *one; (one = strtok_r(rest, "\n", &rest)); lines++) {
        json_t *row = json_loads(one, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(row);
        returns += json_object_get(row, "episode/return") || json_object_get(row, "eval/return");
        json_decref(row);
    }
    free(metrics);
    assert_true(lines > 1 && returns > 1);
}

static void mistakes_name_the_nearest_setting(void **state) {
    (void)state;
    write_text("wrong.yaml", "env:\n  name: chain\n  lenght: 5\n");
    REFUSED(2, WORDS("train", "wrong.yaml"), "wrong.yaml:3", "env.length");
    REFUSED(2, WORDS("train", "--set", "env.name=chian"), "'chain'");
    REFUSED(2, WORDS("train", SMALL, "--set", "objectives=synthetic"), "objectives");
    REFUSED(2, WORDS("train", SMALL, "--set", "env.walk=40"), "walk");
    REFUSED(2, WORDS("train", SMALL, "--set", "model.width=4"), "model.width");
    assert_false(stoa_file_exists("runs/agent-1"));
}

static void a_run_goes_on_only_with_its_own_settings(void **state) {
    (void)state;
    EXPECT(0, "train", "-q", SMALL, "--set", "train.steps=160", "--set", "name=own");
    REFUSED(2, WORDS("train", SMALL, "--set", "name=own"), "runs/own-1 already holds a run");
    REFUSED(2, WORDS("train", "--resume", "runs/own-1", "--set", "env.length=9", "--set", "seed=2"),
            "env.length: 21 then, 9 now");
    REFUSED(2, WORDS("train", "--resume", "runs/own-1", "--set", "objectives=synthetic-returns"),
            "objectives: \"\" then");
    finished f = RUN("train", "--resume", "runs/own-1", "--set", "train.steps=240");
    assert_int_equal(f.code, 0);
    assert_non_null(strstr(f.text, "going on from update 2"));
    assert_non_null(strstr(f.out, "240 steps"));
    drop(&f);
}

/* Starts a run and sends a signal once it has made some updates; false when it ended first. */
static bool stopped(const char *const *words, const char *metrics, finished *f) {
    pid_t pid = start_program(words);
    for (int i = 0; i < 60000; i++) {
        usleep(500);
        if (!stoa_file_exists(metrics))
            continue;
        char *text = read_text(metrics);
        bool begun = strlen(text) > 4000;
        free(text);
        if (begun)
            break;
    }
    kill(pid, SIGINT);
    *f = finish_program(pid);
    return f->code != 0;
}

#define LONG                                                                                       \
    SMALL, "--set", "train.steps=80000", "--set", "train.log_every=1", "--set",                    \
        "train.eval_every=400", "--set", "agent.core=lstm", "--set", "agent.core_width=8"

static void ctrl_c_saves_and_the_resumed_run_ends_with_the_same_bits(void **state) {
    (void)state;
    EXPECT(0, "train", "-q", LONG, "--set", "name=whole");
    finished f;
    for (int tries = 0; !stopped(WORDS("train", "--fresh", LONG, "--set", "name=halves"),
                                 "runs/halves-1/metrics.jsonl", &f);
         tries++) {
        drop(&f);
        assert_true(tries < 5);
    }
    assert_int_equal(f.code, 130);
    assert_non_null(strstr(f.text, "stopped at update"));
    assert_non_null(strstr(f.text, "Go on with: stoa train --resume runs/halves-1"));
    drop(&f);
    EXPECT(0, "train", "-q", "--resume", "runs/halves-1");
    static const char *const files[] = {"model.safetensors", "optimizer.safetensors",
                                        "state.safetensors"};
    for (int i = 0; i < 3; i++) {
        char a[128], b[128];
        snprintf(a, sizeof a, "runs/whole-1/checkpoints/step_00001000/%s", files[i]);
        snprintf(b, sizeof b, "runs/halves-1/checkpoints/step_00001000/%s", files[i]);
        assert_true(same_bytes(a, b));
    }
}

static void a_trained_agent_plays(void **state) {
    (void)state;
    EXPECT(0, "train", "-q", SMALL, "--set", "train.steps=80", "--set", "name=plays", "--set",
           "env.length=11");
    json_t *played = JSON("play", "chain", "--agent", "runs/plays-1", "--episodes", "3", "--json");
    assert_int_equal(json_array_size(json_object_get(played, "episodes")), 3);
    assert_int_equal(json_integer_value(json_object_get(played, "steps")), 90);
    json_decref(played);
    finished f = RUN("play", "chain", "--agent", "runs/plays-1", "--episodes", "1");
    assert_int_equal(f.code, 0);
    assert_non_null(strstr(f.out, ".....@.....")); /* its environment, not the default one */
    drop(&f);
    REFUSED(2, WORDS("play", "catch", "--agent", "runs/plays-1"), "learned chain, not catch");
    REFUSED(2, WORDS("play", "chain", "--agent", "runs/none-1"), "not a run");
    REFUSED(2, WORDS("play", "chain", "--agent", "runs/plays-1", "--set", "length=9"), "--set");
    REFUSED(2, WORDS("sample", "runs/plays-1", "x"), "runs/plays-1");
}

#define EXPLAINS                                                                                   \
    "--set", "env.name=odd-one-out-choice", "--set", "env.instances=8", "--set",                   \
        "objectives=explanations", "--set", "agent.object_width=8", "--set",                       \
        "agent.encoder_width=8", "--set", "train.unroll=4", "--set", "threads=1", "--set",         \
        "train.eval_episodes=0", "--set", "train.steps=64", "--set", "name=says"

static void an_agent_that_explains_is_heard(void **state) {
    (void)state;
    EXPECT(0, "train", "-q", EXPLAINS);
    finished f = RUN("play", "odd-one-out-choice", "--agent", "runs/says-1", "--episodes", "2");
    assert_int_equal(f.code, 0);
    assert_non_null(strstr(f.out, "properties 1 told: yellow solid inverse_ex\n"
                                  "             said: "));
    assert_non_null(strstr(f.out, "verdict told: "));
    assert_non_null(strstr(f.out, " of 8 told of things, "));
    assert_non_null(strstr(f.out, " of 2 told of choices\n"));
    drop(&f);
    json_t *played =
        JSON("play", "odd-one-out-choice", "--agent", "runs/says-1", "--episodes", "3", "--json");
    json_t *things = json_object_get(json_object_get(played, "said"), "things");
    assert_int_equal(json_integer_value(json_object_get(things, "told")), 12);
    json_decref(played);
    EXPECT(0, "train", "-q", EXPLAINS, "--set", "objectives=", "--set", "name=silent");
    f = RUN("play", "odd-one-out-choice", "--agent", "runs/silent-1", "--episodes", "2");
    assert_null(strstr(f.out, "told"));
    assert_null(strstr(f.out, "said"));
    drop(&f);
}

static void sheets_of_episodes_are_written(void **state) {
    (void)state;
    EXPECT(0, "train", "-q", EXPLAINS, "--fresh");
    json_t *sheet = JSON("play", "odd-one-out-choice", "--agent", "runs/says-1", "--sheet", "a.png",
                         "--episodes", "5", "--seed", "2", "--json");
    assert_int_equal(json_integer_value(json_object_get(sheet, "moments")), 5);
    assert_string_equal(json_string_value(json_object_get(sheet, "sheet")), "a.png");
    json_decref(sheet);
    EXPECT(0, "play", "odd-one-out-choice", "--agent", "runs/says-1", "--sheet", "b.png", "-e", "5",
           "--seed", "2");
    EXPECT(0, "play", "odd-one-out-choice", "--agent", "runs/says-1", "--sheet", "c.png", "-e", "5",
           "--seed", "3");
    assert_true(same_bytes("a.png", "b.png"));
    assert_false(same_bytes("a.png", "c.png"));
    REFUSED(2, WORDS("play", "odd-one-out-choice", "--sheet", "d.png"), "--agent RUN");
    REFUSED(2,
            WORDS("play", "odd-one-out-choice", "--agent", "runs/says-1", "--sheet", "d.png", "-e",
                  "65"),
            "1 to 64 episodes");
    REFUSED(1, WORDS("play", "odd-one-out-choice", "--agent", "runs/says-1", "--sheet", "no/d.png"),
            "no/d.png");
    assert_false(stoa_file_exists("d.png"));
    EXPECT(0, "train", "-q", SMALL, "--set", "train.steps=80", "--set", "name=blind");
    REFUSED(5, WORDS("play", "chain", "--agent", "runs/blind-1", "--sheet", "d.png"),
            "cannot be drawn");
}

static void lists_know_of_agents(void **state) {
    (void)state;
    finished f = RUN("list", "settings");
    assert_int_equal(f.code, 0);
    assert_non_null(strstr(f.out, "train.ppo_clip"));
    assert_non_null(strstr(f.out, "env.trigger"));
    assert_non_null(strstr(f.out, "synthetic-returns.alpha"));
    drop(&f);
    f = RUN("list", "objectives");
    assert_non_null(strstr(f.out, "synthetic-returns"));
    drop(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_environment_makes_it_an_agents_run),
        cmocka_unit_test(results_are_json),
        cmocka_unit_test(a_figure_is_written_once),
        cmocka_unit_test(mistakes_name_the_nearest_setting),
        cmocka_unit_test(a_run_goes_on_only_with_its_own_settings),
        cmocka_unit_test(ctrl_c_saves_and_the_resumed_run_ends_with_the_same_bits),
        cmocka_unit_test(a_trained_agent_plays),
        cmocka_unit_test(an_agent_that_explains_is_heard),
        cmocka_unit_test(sheets_of_episodes_are_written),
        cmocka_unit_test(lists_know_of_agents),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
