/* test_study.c - studies from the command line, at a size that decides nothing but how it ends. */
#include <stdio.h>

#include "program.h"

#define SMALL                                                                                      \
    "--data", "story.txt", "--threads", "1", "--set", "budgets=[1e8]", "--set",                    \
        "ablation_width=16", "--set", "ablation_layers=2", "--set", "ablation_budget=1e8",         \
        "--set", "control_seeds=[2]", "--set", "control_budget=1e8", "--set", "dense_widths=[16]", \
        "--set", "dense_layers=[1]", "--set", "routed_widths=[16]", "--set", "routed_layers=[2]",  \
        "--set", "context=32", "--set", "batch=2", "--set", "eval_tokens=512", "--set",            \
        "speed_width=16", "--set", "speed_layers=2", "--set", "speed_repeats=1", "--set",          \
        "rates=[8e-3]", "--set", "jobs=1"

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

static const char *setting(const json_t *result, const char *key) {
    const json_t *settings = json_object_get(result, "settings");
    return json_string_value(json_object_get(settings, key));
}

static void texts_of_their_own_validate_and_test(void **state) {
    (void)state;
    write_text("valid.txt", "");
    write_text("test.txt", "");
    for (int i = 0; i < 2; i++) { /* what the story does not say */
        FILE *f = fopen(i ? "test.txt" : "valid.txt", "w");
        assert_non_null(f);
        for (int n = 0; n < 300; n++)
            fprintf(f, "%s number %d is new to us all. ", i ? "Line" : "Verse", n * (7 + i));
        assert_int_equal(fclose(f), 0);
    }
    finished f = RUN("study", "run", "mixture-of-depths", "--out", "apart", "--json", SMALL,
                     "--valid", "valid.txt", "--test", "test.txt", "--jobs", "2", "--arm", "mod",
                     "--arm", "dense", "--set", "seeds=[2]");
    assert_int_equal(f.code, 0); /* too small a scale for any verdict */
    json_t *result = json_loads(f.out, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(result);
    assert_non_null(strstr(setting(result, "training text"), "story.txt"));
    assert_non_null(strstr(setting(result, "validation text"), "valid.txt"));
    assert_non_null(strstr(setting(result, "test text"), "test.txt"));
    assert_string_equal(setting(result, "runs side by side"), "2");
    json_decref(result);
    drop(&f);
    REFUSED(
        2,
        WORDS("study", "run", "mixture-of-depths", "--out", "same", SMALL, "--test", "story.txt"),
        "story.txt", "different texts");
    REFUSED(2, WORDS("study", "run", "mixture-of-depths", "--seed", "1", "--out", "same"),
            "seed 1 chooses");
    EXPECT(2, "study", "run", "mixture-of-depths", "--jobs", "0");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(studies_are_listed_and_shown),
        cmocka_unit_test(a_failed_claim_is_exit_code_3_and_a_report),
        cmocka_unit_test(texts_of_their_own_validate_and_test),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
