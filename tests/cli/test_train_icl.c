/* test_train_icl.c - in-context learning from the command line: which kind of run, files, stops. */
#include "program.h"

static void a_preset_makes_it_a_run_of_in_context_learning(void **state) {
    (void)state;
    write_text("icl.yaml", "name: small\n"
                           "preset: mini\n"
                           "data: {classes: 64, holdout: 16, width: 16, labels: 8}\n"
                           "model: {width: 16, heads: 2, mlp_width: 32}\n"
                           "train: {steps: 20, batch: 16, eval_every: 10, eval_sequences: 50}\n");
    finished f = RUN("train", "icl.yaml");
    assert_int_equal(f.code, 0);
    assert_non_null(strstr(f.out, "runs/small-1: step 20"));
    assert_non_null(strstr(f.out, "of two labels"));
    assert_non_null(strstr(f.text, "step 10: icl "));
    assert_non_null(strstr(f.text, "label match"));
    assert_null(strchr(f.text, '\033'));
    drop(&f);
    char *settings = read_text("runs/small-1/settings.yaml");
    assert_non_null(strstr(settings, "preset: mini\n"));
    assert_non_null(strstr(settings, "  classes: 64\n"));
    assert_non_null(strstr(settings, "  position_base: 30\n"));
    free(settings);
    char *metrics = read_text("runs/small-1/metrics.jsonl");
    assert_non_null(strstr(metrics, "\"icl/closed\""));
    assert_non_null(strstr(metrics, "\"iwl/open\""));
    assert_non_null(strstr(metrics, "\"circuit/previous_token/0.1\""));
    free(metrics);
    /* the settings it wrote are settings it reads */
    EXPECT(0, "train", "-q", "runs/small-1/settings.yaml", "--set", "name=again");
    assert_true(same_bytes("runs/small-1/checkpoints/step_00000020/model.safetensors",
                           "runs/again-1/checkpoints/step_00000020/model.safetensors"));
    /* and goes on where it was */
    EXPECT(0, "train", "-q", "--resume", "runs/small-1", "--set", "train.steps=25");
    EXPECT(2, "train", "-q", "--resume", "runs/small-1", "--set", "data.zipf=1");
}

static void results_are_json(void **state) {
    (void)state;
    finished f = RUN("train", "--set", "preset=mini", "--set", "name=json", "--set",
                     "train.steps=3", "--set", "train.eval_sequences=20", "-qj");
    assert_int_equal(f.code, 0);
    assert_string_equal(f.text, "");
    json_t *result = json_loads(f.out, 0, NULL);
    assert_non_null(result);
    HAS_FIELDS(result, "run", "steps", "loss", "accuracy", "best_icl", "best_step", "seconds",
               "steps_per_second", "evaluation");
    const json_t *kinds = json_object_get(result, "evaluation");
    HAS_FIELDS(kinds, "icl", "iwl", "flip");
    HAS_FIELDS(json_object_get(kinds, "icl"), "sequences", "open", "closed", "context", "loss");
    json_decref(result);
    drop(&f);
}

static void mistakes_name_the_setting(void **state) {
    (void)state;
    finished f = RUN("train", "--set", "preset=mini", "--set", "model.hads=2");
    assert_int_equal(f.code, 2);
    assert_non_null(strstr(f.text, "model.heads"));
    drop(&f);
    f = RUN("train", "--set", "preset=mini", "--set", "env.name=catch");
    assert_int_equal(f.code, 2);
    assert_non_null(strstr(f.text, "env.name"));
    drop(&f);
    f = RUN("train", "--set", "preset=mini", "--set", "model.embedder=resnet");
    assert_int_equal(f.code, 2);
    assert_non_null(strstr(f.text, "model.embedder"));
    drop(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_preset_makes_it_a_run_of_in_context_learning),
        cmocka_unit_test(results_are_json),
        cmocka_unit_test(mistakes_name_the_setting),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
