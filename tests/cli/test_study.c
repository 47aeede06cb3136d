/* test_study.c - studies from the command line, at a size that decides nothing but how it ends. */
#include "program.h"

#define SMALL                                                                                      \
    "--data", "story.txt", "--threads", "1", "--set", "budgets=[1e8]", "--set",                    \
        "ablation_width=16", "--set", "ablation_layers=2", "--set", "ablation_budget=1e8",         \
        "--set", "control_seeds=[2]", "--set", "control_budget=1e8", "--set",                    \
        "dense_widths=[16]", "--set", "dense_layers=[1]", "--set", "routed_widths=[16]", "--set",  \
        "routed_layers=[2]", "--set", "context=32", "--set", "batch=2", "--set",                   \
        "eval_tokens=512", "--set", "speed_width=16", "--set", "speed_layers=2", "--set",          \
        "speed_repeats=1"

static void studies_are_listed_and_shown(void **state) {
    (void)state;
    json_t *all = JSON("study", "list", "--json");
    assert_true(json_array_size(all) >= 1);
    HAS_FIELDS(json_array_get(all, 0), "name", "title");
    json_decref(all);
    json_t *study = JSON("study", "show", "mixture-of-depths", "--json");
    HAS_FIELDS(study, "name", "title", "paper", "description", "claims", "arms");
    HAS_FIELDS(json_array_get(json_object_get(study, "claims"), 0), "id", "text", "threshold",
               "paper");
    json_decref(study);
    finished f = RUN("study", "show", "mixture-of-depths");
    assert_int_equal(f.code, 0);
    assert_non_null(strstr(f.out, "stoa study run mixture-of-depths"));
    drop(&f);
    EXPECT(0, "study", "list");
    EXPECT(2, "study", "show");
    EXPECT(2, "study", "run", "mixture-of-depths", "--scale", "huge");
    EXPECT(2, "study", "run", "mixture-of-depths", "--arm", "none");
}

/* A model this small routes by a predictor that says no to every token: claim A1 fails. */
static void a_failed_claim_is_exit_code_3_and_a_report(void **state) {
    (void)state;
    finished f = RUN("study", "run", "mixture-of-depths", "--scale", "cpu", "--arm", "mod", "--out",
                     "out", "--json", SMALL, "--set", "seeds=[2,3,4]");
    assert_int_equal(f.code, 3);
    json_t *result = json_loads(f.out, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(result);
    HAS_FIELDS(result, "study", "title", "scale", "claims", "settings", "machine");
    const json_t *claim = json_array_get(json_object_get(result, "claims"), 0);
    assert_string_equal(json_string_value(json_object_get(claim, "id")), "A1");
    assert_string_equal(json_string_value(json_object_get(claim, "verdict")), "failed");
    json_decref(result);
    drop(&f);
    assert_true(stoa_file_exists("out/report.html"));
    assert_true(stoa_file_exists("out/result.json"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(studies_are_listed_and_shown),
        cmocka_unit_test(a_failed_claim_is_exit_code_3_and_a_report),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
