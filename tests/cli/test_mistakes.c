/* test_mistakes.c - exit codes, and what is said when settings, files or the machine are wrong. */
#include "program.h"

#include <sys/stat.h>
#include <unistd.h>

static void a_settings_file_is_checked_line_by_line(void **state) {
    (void)state;
    write_text("bad.yaml", "# a comment\nmodel:\n  layers: 2\n  widht: 64\n");
    REFUSED(2, WORDS("plan", "bad.yaml"), "bad.yaml:4", "widht", "\"model.width\"");
    REFUSED(2, WORDS("train", "bad.yaml"), "bad.yaml:4", "\"model.width\"");
    write_text("bad.yaml", "model:\n  width: wide\n");
    REFUSED(2, WORDS("plan", "bad.yaml"), "bad.yaml:2", "model.width", "whole number", "wide");
    write_text("bad.yaml", "model:\n  norm: groupnorm\n");
    REFUSED(2, WORDS("plan", "bad.yaml"), "bad.yaml:2", "model.norm", "layernorm", "rmsnorm");
    write_text("bad.yaml", "model:\n  width: [64\n");
    REFUSED(2, WORDS("plan", "bad.yaml"), "bad.yaml:3", "flow sequence");
    write_text("bad.yaml", "model:\n  width: 64\n  width: 65\n");
    REFUSED(2, WORDS("plan", "bad.yaml"), "bad.yaml:3", "model.width");
    REFUSED(1, WORDS("plan", "none.yaml"), "none.yaml", "No such file");
}

static void hostile_values_are_refused_by_name(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"model.width=-1", "model.width"},
        {"model.width=0", "model.width"},
        {"model.width=99999999999999999999999", "model.width"},
        {"model.width=130", "model.heads"},
        {"model.width=nan", "model.width"},
        {"train.batch=1e30", "train.batch"},
        {"train.batch=", "train.batch"},
        {"train.rate=nan", "train.rate"},
        {"train.rate=inf", "train.rate"},
        {"train.rate=-1", "train.rate"},
        {"model.heads=3", "model.heads"},
        {"model.kv_heads=3", "model.kv_heads"},
        {"model.layers=65", "model.layers"},
        {"routing.capacity=0", "routing.capacity"},
        {"routing.capacity=2", "routing.capacity"},
        {"experts.kind=staged", "routing.pattern"},
        {"name=a/b", "name"},
        {"name=", "name"},
        {"train.steps=0", "train.steps"},
        {"model.width", "key=value"},
        {"=3", ""},
        {"model=3", "model"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        REFUSED(2, WORDS("train", "-q", "--set", rows[i][0]), rows[i][1], "stoa: ");
        REFUSED(2, WORDS("plan", "-n", "--set", rows[i][0]), rows[i][1]);
    }
    REFUSED(2,
            WORDS("train", "--set", "data.text=none.txt", "--set", "routing.pattern=list", "--set",
                  "routing.blocks=[1,9]"),
            "routing.blocks");
    REFUSED(2, WORDS("sample", "runs/x", "--temperature", "-1"), "--temperature");
    REFUSED(2, WORDS("sample", "runs/x", "--tokens", "1e99"), "--tokens");
    assert_false(stoa_file_exists("runs"));
}

/* Nothing may be tried that the machine cannot hold. */
static void what_does_not_fit_is_refused_before_it_runs(void **state) {
    (void)state;
    REFUSED(1,
            WORDS("train", "-q", TINY, "--set", "train.batch=65536", "--set", "model.context=1500",
                  "--set", "model.width=16384"),
            "needs", "activations", "available", "train.batch");
    REFUSED(1,
            WORDS("train", "-q", TINY, "--set", "train.batch=1", "--set", "model.layers=64",
                  "--set", "model.width=65536"),
            "needs", "weights and optimiser", "available", "model.width");
    assert_false(stoa_file_exists("runs"));
    /* a plan tells, without timing what it cannot run */
    finished f = RUN("plan", "--set", "model.layers=64", "--set", "model.width=65536", "--set",
                     "model.heads=64");
    assert_int_equal(f.code, 0);
    assert_non_null(strstr(f.out, "DOES NOT FIT"));
    assert_non_null(strstr(f.out, "64 blocks"));
    assert_null(strstr(f.out, "expected here"));
    drop(&f);
    json_t *plan = JSON("plan", "--json", "--set", "model.layers=64", "--set", "model.width=65536");
    assert_true(json_is_false(json_object_get(plan, "fits")));
    json_decref(plan);
    /* sizes beyond what can be counted */
    REFUSED(1,
            WORDS("plan", "-n", "--set", "train.batch=65536", "--set", "model.context=1048576",
                  "--set", "model.width=65536", "--set", "model.mlp_width=1048576", "--set",
                  "model.layers=64"),
            "smaller batch or context");
}

static void texts_that_cannot_be_used_are_named(void **state) {
    (void)state;
    write_text("empty.txt", "");
    REFUSED(2, WORDS("train", "-q", "--set", "data.text=empty.txt"), "empty.txt", "more text");
    write_text("short.txt", "too short");
    REFUSED(2, WORDS("train", "-q", "--set", "data.text=short.txt"), "short.txt", "model.context");
    REFUSED(1, WORDS("train", "-q", "--set", "data.text=none.txt"), "none.txt", "No such file");
    REFUSED(1, WORDS("train", "-q", "--set", "data.text=."), "not a regular file");
    REFUSED(2, WORDS("train", "-q", TINY, "--set", "data.tokenizer=none.json"),
            "data.tokenizer: none.json", "stoa tokenizer train");
    write_text("bad.json", "{\"model\": 3}");
    REFUSED(4, WORDS("train", "-q", TINY, "--set", "data.tokenizer=bad.json"), "bad.json");
    assert_false(stoa_file_exists("runs"));
}

static void exit_code_1_is_a_failure(void **state) {
    (void)state;
    write_text("file", "in the way");
    REFUSED(1, WORDS("train", "-q", TINY, "--set", "train.steps=1", "--set", "out=file"), "file");
}

static void exit_code_5_names_what_to_install(void **state) {
    (void)state;
    char *path = strdup(getenv("PATH"));
    setenv("PATH", "/nowhere", 1);
    REFUSED(5, WORDS("train", "-q"), "apt-get install");
    finished f = RUN("doctor");
    assert_int_equal(f.code, 0);
    assert_non_null(strstr(f.out, "!    gnuplot"));
    assert_non_null(strstr(f.out, "apt-get install gnuplot-nox"));
    drop(&f);
    setenv("PATH", path, 1);
    free(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_settings_file_is_checked_line_by_line),
        cmocka_unit_test(hostile_values_are_refused_by_name),
        cmocka_unit_test(what_does_not_fit_is_refused_before_it_runs),
        cmocka_unit_test(texts_that_cannot_be_used_are_named),
        cmocka_unit_test(exit_code_1_is_a_failure),
        cmocka_unit_test(exit_code_5_names_what_to_install),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
