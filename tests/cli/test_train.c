/* test_train.c - training from the command line: files, refusals, stops, going on bit for bit. */
#include "program.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* Long enough to be stopped in the middle; evaluates, routes and drops out on the way. */
#define LONG                                                                                       \
    TINY, "--set", "train.steps=1200", "--set", "train.eval_every=400", "--set",                   \
        "train.log_every=1", "--set", "model.dropout=0.1", "--set", "routing.pattern=odd"

static void a_run_leaves_its_files_and_says_what_comes_next(void **state) {
    (void)state;
    finished f = RUN("train", TINY, "--set", "train.steps=20", "--set", "name=files");
    assert_int_equal(f.code, 0);
    assert_non_null(strstr(f.out, "runs/files-1: step 20"));
    assert_non_null(strstr(f.out, "stoa sample runs/files-1"));
    assert_non_null(strstr(f.out, "tensorboard --logdir runs/files-1"));
    assert_non_null(strstr(f.text, "parameters"));
    assert_null(strchr(f.text, '\033')); /* no terminal, no colours and no bars */
    assert_null(strchr(f.text, '\r'));
    drop(&f);
    assert_true(stoa_file_exists("runs/files-1/settings.yaml"));
    assert_true(stoa_file_exists("runs/files-1/metrics.jsonl"));
    assert_true(stoa_file_exists("runs/files-1/checkpoints/latest"));
    assert_true(stoa_file_exists("runs/files-1/checkpoints/best"));
    assert_true(stoa_file_exists("runs/files-1/checkpoints/step_00000020/model.safetensors"));
    /* the settings it wrote are settings it reads */
    EXPECT(0, "plan", "-n", "runs/files-1/settings.yaml");
}

static void results_are_json_and_quiet_is_quiet(void **state) {
    (void)state;
    finished f = RUN("train", TINY, "--set", "train.steps=5", "--set", "name=json", "-qj");
    assert_int_equal(f.code, 0);
    assert_string_equal(f.text, "");
    json_t *result = json_loads(f.out, 0, NULL);
    assert_non_null(result);
    HAS_FIELDS(result, "run", "steps", "valid_loss", "valid_loss_top_k", "best_loss", "seconds",
               "tokens_per_second", "flops_per_second", "stopped_early");
    assert_string_equal(json_string_value(json_object_get(result, "run")), "runs/json-1");
    assert_int_equal(json_integer_value(json_object_get(result, "steps")), 5);
    json_decref(result);
    drop(&f);
}

static void a_run_is_not_overwritten_by_accident(void **state) {
    (void)state;
    EXPECT(0, "train", "-q", TINY, "--set", "train.steps=4", "--set", "name=kept");
    REFUSED(2, WORDS("train", "-q", TINY, "--set", "train.steps=4", "--set", "name=kept"),
            "runs/kept-1 already holds a run", "stoa train --resume runs/kept-1", "--fresh");
    /* a mistake in the settings does not cost the old run */
    REFUSED(2,
            WORDS("train", "-q", "--fresh", TINY, "--set", "name=kept", "--set",
                  "model.context=900000"),
            "model.context");
    assert_true(stoa_file_exists("runs/kept-1/checkpoints/step_00000004"));
    REFUSED(2, WORDS("train", "--fresh", "--resume", "runs/kept-1"), "give one");
    EXPECT(0, "train", "-q", "--fresh", TINY, "--set", "train.steps=2", "--set", "name=kept");
    assert_false(stoa_file_exists("runs/kept-1/checkpoints/step_00000004"));
    assert_true(stoa_file_exists("runs/kept-1/checkpoints/step_00000002"));
}

static void a_run_goes_on_only_with_its_own_settings(void **state) {
    (void)state;
    EXPECT(0, "train", "-q", TINY, "--set", "train.steps=4", "--set", "name=own");
    REFUSED(2,
            WORDS("train", "--resume", "runs/own-1", "--set", "model.width=32", "--set",
                  "train.rate=0.5"),
            "model.width: 16 then, 32 now", "train.rate: 0.001 then, 0.5 now");
    /* how long and how often may change */
    finished f = RUN("train", "--resume", "runs/own-1", "--set", "train.steps=6");
    assert_int_equal(f.code, 0);
    assert_non_null(strstr(f.text, "going on from step 4"));
    assert_non_null(strstr(f.out, "step 6"));
    drop(&f);
    f = RUN("train", "--resume", "runs/own-1/");
    assert_int_equal(f.code, 0);
    assert_non_null(strstr(f.out, "complete at step 6"));
    drop(&f);
    REFUSED(2, WORDS("train", "--resume", "runs/none-1"), "runs/none-1", "no such run");
    REFUSED(2, WORDS("train", "--resume", "runs"), "not a run");
}

static void a_run_that_was_moved_goes_on_where_it_is(void **state) {
    (void)state;
    EXPECT(0, "train", "-q", TINY, "--set", "train.steps=4", "--set", "name=here");
    assert_int_equal(rename("runs/here-1", "elsewhere"), 0);
    EXPECT(0, "train", "-q", "--resume", "elsewhere", "--set", "train.steps=5");
    assert_true(stoa_file_exists("elsewhere/checkpoints/step_00000005"));
    assert_false(stoa_file_exists("runs/here-1"));
}

/* Starts a run, sends the signal once it has made some steps, and returns what it left; false when
 * the run ended first. */
static bool stopped(const char *const *words, const char *metrics, int signal, finished *f) {
    pid_t pid = start_program(words);
    for (int i = 0; i < 60000; i++) {
        usleep(500);
        if (!stoa_file_exists(metrics))
            continue;
        char *text = read_text(metrics);
        bool begun = strlen(text) > 2000;
        free(text);
        if (begun)
            break;
    }
    kill(pid, signal);
    *f = finish_program(pid);
    return f->code != 0;
}

static void check_stop(const char *name, int signal, int code) {
    char set[64], metrics[64], command[128];
    finished f;
    snprintf(set, sizeof set, "name=%s", name);
    snprintf(metrics, sizeof metrics, "runs/%s-1/metrics.jsonl", name);
    snprintf(command, sizeof command, "Go on with: stoa train --resume runs/%s-1", name);
    /* on a busy machine a run can end before the signal comes */
    for (int tries = 0;
         !stopped(WORDS("train", "--fresh", LONG, "--set", set), metrics, signal, &f); tries++) {
        drop(&f);
        assert_true(tries < 5);
    }
    assert_int_equal(f.code, code);
    assert_string_equal(f.out, "");
    assert_non_null(strstr(f.text, "stopped at step"));
    assert_non_null(strstr(f.text, command));
    drop(&f);
}

static void ctrl_c_saves_and_the_resumed_run_ends_with_the_same_bits(void **state) {
    (void)state;
    EXPECT(0, "train", "-q", LONG, "--set", "name=whole");
    check_stop("halves", SIGINT, 130);
    EXPECT(0, "train", "-q", "--resume", "runs/halves-1");
    static const char *const files[] = {"model.safetensors", "optimizer.safetensors"};
    for (int i = 0; i < 2; i++) {
        char a[128], b[128];
        snprintf(a, sizeof a, "runs/whole-1/checkpoints/step_00001200/%s", files[i]);
        snprintf(b, sizeof b, "runs/halves-1/checkpoints/step_00001200/%s", files[i]);
        assert_true(same_bytes(a, b));
    }
    assert_true(same_bytes("runs/whole-1/checkpoints/best", "runs/halves-1/checkpoints/best"));
}

static void a_polite_kill_saves_too(void **state) {
    (void)state;
    check_stop("killed", SIGTERM, 143);
    char *latest = read_text("runs/killed-1/checkpoints/latest");
    assert_ptr_equal(strstr(latest, "step_"), latest);
    free(latest);
}

/* How many lines of a metrics file name this metric. */
static int lines_with(const char *path, const char *metric) {
    char *text = read_text(path);
    int count = 0;
    for (char *at = strstr(text, metric); at; at = strstr(at + 1, metric))
        count++;
    free(text);
    return count;
}

static void an_evaluation_that_was_stopped_is_made_up_for(void **state) {
    (void)state;
    write_story("long.txt", 1500000);
    const char *const words[] = {"train",   "-q",
                                 "--fresh", TINY,
                                 "--set",   "data.valid_text=long.txt",
                                 "--set",   "train.eval_tokens=0",
                                 "--set",   "train.eval_every=30",
                                 "--set",   "train.steps=31",
                                 "--set",   "train.log_every=1",
                                 "--set",   "name=eval",
                                 NULL};
    /* the evaluation begins when step 30 is written, and reads 1.5 million tokens */
    pid_t pid = start_program(words);
    while (!stoa_file_exists("runs/eval-1/metrics.jsonl") ||
           lines_with("runs/eval-1/metrics.jsonl", "train/loss") < 30)
        usleep(500);
    kill(pid, SIGINT);
    finished f = finish_program(pid);
    assert_int_equal(f.code, 130);
    assert_non_null(strstr(f.text, "stopped at step 30 of 31"));
    drop(&f);
    assert_int_equal(lines_with("runs/eval-1/metrics.jsonl", "valid/loss\""), 0);
    EXPECT(0, "train", "-q", "--resume", "runs/eval-1", "--set", "train.eval_tokens=512");
    assert_int_equal(lines_with("runs/eval-1/metrics.jsonl", "valid/loss\""), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_leaves_its_files_and_says_what_comes_next),
        cmocka_unit_test(results_are_json_and_quiet_is_quiet),
        cmocka_unit_test(a_run_is_not_overwritten_by_accident),
        cmocka_unit_test(a_run_goes_on_only_with_its_own_settings),
        cmocka_unit_test(a_run_that_was_moved_goes_on_where_it_is),
        cmocka_unit_test(ctrl_c_saves_and_the_resumed_run_ends_with_the_same_bits),
        cmocka_unit_test(a_polite_kill_saves_too),
        cmocka_unit_test(an_evaluation_that_was_stopped_is_made_up_for),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
