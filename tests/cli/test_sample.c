/* test_sample.c - continuing texts from the command line. */
#include "program.h"

static int trained(void **state) {
    if (enter_folder(state) != 0)
        return -1;
    EXPECT(0, "train", "-q", TINY, "--set", "train.steps=60", "--set", "train.rate=0.01", "--set",
           "train.warmup=5", "--set", "train.eval_every=30", "--set", "train.checkpoint_every=30",
           "--set", "routing.pattern=odd");
    return 0;
}

static void the_same_seed_writes_the_same_text(void **state) {
    (void)state;
    finished a = RUN("sample", "runs/lm-1", "the ship ", "-n", "60", "--seed", "7");
    finished b = RUN("sample", "runs/lm-1", "the ship ", "-n", "60", "--seed", "7");
    finished c = RUN("sample", "runs/lm-1", "the ship ", "-n", "60", "--seed", "8");
    assert_int_equal(a.code, 0);
    assert_string_equal(a.text, "");
    assert_ptr_equal(strstr(a.out, "the ship "), a.out);
    assert_int_equal(a.out[strlen(a.out) - 1], '\n');
    assert_string_equal(a.out, b.out);
    assert_string_not_equal(a.out, c.out);
    drop(&a);
    drop(&b);
    drop(&c);
    /* without chance the seed does not matter, nor do the threads */
    a = RUN("sample", "runs/lm-1", "the ", "-n", "60", "-t", "0", "--seed", "1", "-T", "1");
    b = RUN("sample", "runs/lm-1", "the ", "-n", "60", "-t", "0", "--seed", "2", "-T", "2");
    assert_string_equal(a.out, b.out);
    drop(&a);
    drop(&b);
}

static void the_prompt_comes_from_an_argument_or_stdin_or_is_empty(void **state) {
    (void)state;
    finished a = RUN("sample", "runs/lm-1", "a gull", "-n", "20");
    finished b = RUN_WITH("a gull", "sample", "runs/lm-1", "-n", "20");
    finished c = RUN_WITH("a gull", "sample", "runs/lm-1", "-", "-n", "20");
    assert_int_equal(a.code, 0);
    assert_string_equal(a.out, b.out);
    assert_string_equal(a.out, c.out);
    drop(&a);
    drop(&b);
    drop(&c);
    a = RUN_WITH("", "sample", "runs/lm-1", "-n", "20");
    b = RUN("sample", "runs/lm-1", "", "-n", "20");
    assert_int_equal(a.code, 0);
    assert_true(strlen(a.out) >= 20);
    assert_string_equal(a.out, b.out);
    drop(&a);
    drop(&b);
}

static void a_batch_is_json_texts_or_numbered_ones(void **state) {
    (void)state;
    json_t *result = JSON("sample", "runs/lm-1", "sea ", "-n", "20", "-b", "3", "--json");
    HAS_FIELDS(result, "run", "step", "texts", "tokens", "first_token_seconds", "tokens_per_second",
               "cache_bytes", "routed");
    const json_t *texts = json_object_get(result, "texts");
    assert_int_equal(json_array_size(texts), 3);
    assert_int_equal(json_integer_value(json_object_get(result, "tokens")), 60);
    finished f = RUN("sample", "runs/lm-1", "sea ", "-n", "20", "-b", "3", "--stats");
    assert_int_equal(f.code, 0);
    assert_ptr_equal(strstr(f.out, "--- 1 ---\nsea "), f.out);
    assert_non_null(strstr(f.out, "--- 3 ---\nsea "));
    assert_non_null(strstr(f.out, json_string_value(json_array_get(texts, 2))));
    assert_non_null(strstr(f.text, "tokens/s"));
    assert_null(strstr(f.out, "tokens/s"));
    json_decref(result);
    drop(&f);
}

/* At a high temperature a model of bytes writes no UTF-8; what is printed is. */
static void wild_bytes_are_printed_as_utf8(void **state) {
    (void)state;
    json_t *result = JSON("sample", "runs/lm-1", "x", "-n", "300", "-t", "100", "--json");
    assert_int_equal(json_array_size(json_object_get(result, "texts")), 1);
    json_decref(result);
}

static void what_is_no_run_is_said_to_be_none(void **state) {
    (void)state;
    REFUSED(2, WORDS("sample", "none"), "none", "not a run", "stoa train");
    REFUSED(2, WORDS("sample", "story.txt"), "story.txt", "not a run");
    REFUSED(2, WORDS("sample"), "which run?");
    REFUSED(2, WORDS("sample", "runs/lm-1", "x", "y"), "Too many arguments");
    finished f = RUN("sample", "runs/lm-1", "x", "--checkpoint", "step_99");
    assert_true(f.code == 2 || f.code == 4);
    assert_non_null(strstr(f.text, "step_99"));
    drop(&f);
}

static void more_text_than_memory_is_refused(void **state) {
    (void)state;
    REFUSED(1, WORDS("sample", "runs/lm-1", "x", "-b", "4096", "-n", "100000000"), "4096 texts",
            "memory", "fewer");
}

static void damage(const char *path) {
    char *bytes;
    size_t size;
    assert_int_equal(stoa_file_read(path, 1 << 24, &bytes, &size, NULL), STOA_OK);
    bytes[size / 2] ^= 0x55;
    assert_int_equal(stoa_file_write(path, bytes, size, NULL), STOA_OK);
    stoa_free(bytes);
}

/* The last test: it damages the run. */
static void a_damaged_checkpoint_is_noticed(void **state) {
    (void)state;
    damage("runs/lm-1/checkpoints/step_00000060/model.safetensors");
    REFUSED(4, WORDS("sample", "runs/lm-1", "the ", "-n", "5", "-c", "step_00000060"),
            "step_00000060", "damaged");
    /* the latest that is whole stands in, and that is said */
    finished f = RUN("sample", "runs/lm-1", "the ", "-n", "5", "-c", "latest");
    assert_int_equal(f.code, 0);
    assert_non_null(strstr(f.text, "step_00000060"));
    drop(&f);
    damage("runs/lm-1/checkpoints/step_00000030/model.safetensors");
    finished g = RUN("sample", "runs/lm-1", "the ", "-n", "5", "-c", "latest");
    assert_int_equal(g.code, 4);
    assert_string_equal(g.out, "");
    drop(&g);
    assert_int_equal(stoa_remove_tree("runs/lm-1/checkpoints", NULL), STOA_OK);
    finished h = RUN("sample", "runs/lm-1");
    assert_int_not_equal(h.code, 0);
    assert_non_null(strstr(h.text, "checkpoint"));
    drop(&h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_writes_the_same_text),
        cmocka_unit_test(the_prompt_comes_from_an_argument_or_stdin_or_is_empty),
        cmocka_unit_test(a_batch_is_json_texts_or_numbered_ones),
        cmocka_unit_test(wild_bytes_are_printed_as_utf8),
        cmocka_unit_test(what_is_no_run_is_said_to_be_none),
        cmocka_unit_test(more_text_than_memory_is_refused),
        cmocka_unit_test(a_damaged_checkpoint_is_noticed),
    };
    return cmocka_run_group_tests(tests, trained, leave_folder);
}
