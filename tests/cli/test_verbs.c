/* test_verbs.c - help, lists, plans: what a new user looks at first, and what machines read. */
#include "program.h"

static const char *const verbs[] = {"train", "sample", "plan", "study", "tokenizer", "list",
                                    "bench", "doctor", "play", "env",   "data"};
enum { VERBS = sizeof verbs / sizeof verbs[0] };

static void help_of_every_verb_goes_to_stdout(void **state) {
    (void)state;
    static const char *const spellings[] = {"--help", "-h", "-?"};
    for (int i = 0; i < VERBS; i++) {
        char usage[64];
        snprintf(usage, sizeof usage, "Usage: stoa %s", verbs[i]);
        for (int k = 0; k < 3; k++) {
            finished f = RUN(verbs[i], spellings[k]);
            assert_int_equal(f.code, 0);
            assert_ptr_equal(strstr(f.out, usage), f.out);
            assert_string_equal(f.text, "");
            drop(&f);
        }
        finished f = RUN("help", verbs[i]);
        assert_int_equal(f.code, 0);
        assert_ptr_equal(strstr(f.out, usage), f.out);
        drop(&f);
    }
}

static void the_overview_names_every_verb_and_exit_code(void **state) {
    (void)state;
    finished f = RUN("--help"), bare = run_program(NULL, WORDS(NULL));
    assert_int_equal(f.code, 0);
    for (int i = 0; i < VERBS; i++)
        assert_non_null(strstr(f.out, verbs[i]));
    assert_non_null(strstr(f.out, "Exit codes: 0 success, 1 failure, 2 usage"));
    assert_non_null(strstr(f.out, "130/143"));
    assert_int_equal(bare.code, 2);
    assert_string_equal(bare.out, "");
    assert_string_equal(bare.text, f.out); /* without a verb the same text is an error */
    drop(&f);
    drop(&bare);
    f = RUN("--version");
    assert_int_equal(f.code, 0);
    assert_ptr_equal(strstr(f.out, "stoa "), f.out);
    drop(&f);
}

static void mistyped_words_get_a_suggestion(void **state) {
    (void)state;
    REFUSED(2, WORDS("trian"), "no verb 'trian'", "'train'", "stoa --help");
    REFUSED(2, WORDS("train", "--resumee"), "--resume'", "stoa train --help");
    REFUSED(2, WORDS("sample", "--temprature=1"), "'--temperature'");
    REFUSED(2, WORDS("plan", "--set", "modle.width=3"), "modle.width", "\"model.width\"");
    REFUSED(2, WORDS("list", "setings"), "'settings'");
    REFUSED(2, WORDS("study", "show", "mixture-of-dephts"), "mixture-of-depths");
    REFUSED(2, WORDS("plan", "-Z"), "Z");
    REFUSED(2, WORDS("doctor", "more"), "Too many arguments");
    REFUSED(2, WORDS("tokenizer", "learn"), "train, encode or decode");
    REFUSED(2, WORDS("study", "rnu", "mixture-of-depths"), "run, show or list");
    REFUSED(2, WORDS("bench", "--size", "7B"), "7B", "124M");
}

static void an_option_may_be_cut_short_and_values_may_look_like_options(void **state) {
    (void)state;
    EXPECT(0, "plan", "--no-sp", "--se", "model.layers=2");
    EXPECT(0, "plan", "-ns", "model.layers=2");
    /* the value of --set, not an option */
    REFUSED(2, WORDS("plan", "--set", "--no-such"), "--no-such");
    REFUSED(2, WORDS("plan", "-ns", "--no-such"), "--no-such");
}

static void lists_are_tables_and_json(void **state) {
    (void)state;
    json_t *all = JSON("list", "--json");
    HAS_FIELDS(all, "studies", "environments", "settings", "backends", "ops");
    json_t *setting = json_array_get(json_object_get(all, "settings"), 0);
    HAS_FIELDS(setting, "key", "type", "default", "help");
    HAS_FIELDS(json_array_get(json_object_get(all, "ops"), 0), "name", "cpu", "cpu_backward",
               "ref");
    json_decref(all);
    finished f = RUN("list", "settings");
    assert_int_equal(f.code, 0);
    for (const char *line = f.out; *line; line += strcspn(line, "\n") + 1)
        assert_true(strcspn(line, "\n") <= 100);
    assert_non_null(strstr(f.out, "One of: none, odd, all, list."));
    drop(&f);
    f = RUN("list");
    assert_int_equal(f.code, 0);
    assert_non_null(strstr(f.out, "mixture-of-depths"));
    drop(&f);
}

static void a_plan_prices_memory_and_work(void **state) {
    (void)state;
    json_t *plan = JSON("plan", "--json", "--no-speed", "--set", "routing.pattern=odd", "--set",
                        "model.layers=4", "--set", "train.steps=7");
    HAS_FIELDS(plan, "parameters", "embedding_parameters", "forward_flops_per_token",
               "training_flops_per_token", "step_flops", "head_flops", "steps", "total_flops",
               "blocks", "weight_bytes", "gradient_bytes", "optimizer_bytes", "packed_bytes",
               "activation_bytes", "cache_bytes", "memory_bytes", "memory_available_bytes", "fits",
               "predicted_tokens_per_second");
    assert_int_equal(json_integer_value(json_object_get(plan, "steps")), 7);
    assert_true(json_is_true(json_object_get(plan, "fits")));
    const json_t *blocks = json_object_get(plan, "blocks");
    assert_int_equal(json_array_size(blocks), 4);
    assert_true(json_is_true(json_object_get(json_array_get(blocks, 1), "routed")));
    assert_true(json_is_false(json_object_get(json_array_get(blocks, 2), "routed")));
    json_decref(plan);
    finished f = RUN("plan", "--set", "model.layers=1", "--set", "model.width=16", "--set",
                     "model.context=16", "--set", "threads=1");
    assert_int_equal(f.code, 0);
    assert_non_null(strstr(f.out, "expected here"));
    assert_non_null(strstr(f.out, "available"));
    assert_string_equal(f.text, "");
    drop(&f);
}

static void the_doctor_finds_something_to_say(void **state) {
    (void)state;
    json_t *found = JSON("doctor", "--json");
    HAS_FIELDS(found, "processor", "vector_units", "bf16_training", "threads", "memory",
               "disk_here", "matrix_library", "built-in_text", "gnuplot", "CUDA_backend", "build");
    const char *key;
    json_t *row;
    json_object_foreach(found, key, row) {
        HAS_FIELDS(row, "good", "value");
        if (!json_is_true(json_object_get(row, "good")))
            HAS_FIELDS(row, "remedy");
    }
    json_decref(found);
    EXPECT(0, "doctor");
}

static void the_bench_measures_what_it_is_told(void **state) {
    (void)state;
    json_t *rows = JSON("bench", "--json", "--size", "1.2M", "--precision", "f32", "--seconds",
                        "0.01", "--threads", "2");
    assert_int_equal(json_array_size(rows), 2);
    HAS_FIELDS(json_array_get(rows, 1), "size", "routed", "precision", "threads",
               "training_tokens_per_second", "flops_per_second", "step_flops",
               "decode_tokens_per_second");
    json_decref(rows);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_of_every_verb_goes_to_stdout),
        cmocka_unit_test(the_overview_names_every_verb_and_exit_code),
        cmocka_unit_test(mistyped_words_get_a_suggestion),
        cmocka_unit_test(an_option_may_be_cut_short_and_values_may_look_like_options),
        cmocka_unit_test(lists_are_tables_and_json),
        cmocka_unit_test(a_plan_prices_memory_and_work),
        cmocka_unit_test(the_doctor_finds_something_to_say),
        cmocka_unit_test(the_bench_measures_what_it_is_told),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
