/* test_tokenizer.c - learning a tokenizer, going to ids and back, and training with it. */
#include "program.h"

static void text_goes_to_ids_and_back(void **state) {
    (void)state;
    json_t *made = JSON("tokenizer", "train", "story.txt", "--vocab", "320", "--json");
    HAS_FIELDS(made, "path", "vocab", "seconds");
    assert_int_equal(json_integer_value(json_object_get(made, "vocab")), 320);
    json_decref(made);
    static const char text[] = "the gull sees a café,\nand \xf0\x9f\x9a\xa2 sails\n";
    finished ids = RUN_WITH(text, "tokenizer", "encode");
    assert_int_equal(ids.code, 0);
    finished back = RUN_WITH(ids.out, "tokenizer", "decode");
    assert_int_equal(back.code, 0);
    assert_string_equal(back.out, text);
    write_text("in.txt", text);
    finished from_file = RUN("tokenizer", "encode", "in.txt", "-t", "tokenizer.json");
    assert_string_equal(from_file.out, ids.out);
    json_t *list = JSON("tokenizer", "encode", "in.txt", "--json");
    int first = (int)strtol(ids.out, NULL, 10);
    assert_int_equal(json_integer_value(json_array_get(json_object_get(list, "ids"), 0)), first);
    json_decref(list);
    drop(&ids);
    drop(&back);
    drop(&from_file);
}

static void mistakes_are_named(void **state) {
    (void)state;
    REFUSED(2, WORDS("tokenizer", "encode", "story.txt", "-t", "none.json"), "none.json",
            "tokenizer train");
    REFUSED(2, WORDS("tokenizer", "train"), "which text?");
    REFUSED(2, WORDS("tokenizer", "train", "story.txt", "--vocab", "3"), "--vocab", "257");
    REFUSED(2, WORDS("tokenizer", "train", "story.txt", "--pieces", "gpt9"), "gpt2", "qwen");
    REFUSED(1, WORDS("tokenizer", "train", "none.txt"), "none.txt");
    REFUSED(2, WORDS("tokenizer", "decode", "one"), "'one' is not a token id");
    REFUSED(4, WORDS("tokenizer", "decode", "999999"), "999999", "vocabulary");
    char *json = read_text("tokenizer.json");
    json[strlen(json) / 2] = '\0';
    write_text("cut.json", json);
    free(json);
    REFUSED(4, WORDS("tokenizer", "decode", "1", "-t", "cut.json"), "cut.json");
}

static void a_model_learns_its_tokens_and_keeps_the_tokenizer(void **state) {
    (void)state;
    EXPECT(0, "tokenizer", "train", "story.txt", "--vocab", "300", "--out", "tk.json");
    EXPECT(0, "tokenizer", "encode", "story.txt", "--tokenizer", "tk.json", "--out", "story.tok");
    static const char *const texts[] = {"data.text=story.txt", "data.text=story.tok"};
    char *metrics[2];
    for (int i = 0; i < 2; i++) {
        EXPECT(0, "train", "-q", "--fresh", TINY, "--set", "data.tokenizer=tk.json", "--set",
               texts[i], "--set", "train.steps=10", "--set", "train.log_every=10");
        finished f = RUN("sample", "runs/lm-1", "the ship", "-n", "10");
        assert_int_equal(f.code, 0);
        metrics[i] = strdup(f.out);
        drop(&f);
    }
    /* encoded beforehand or on the way: the same model */
    assert_string_equal(metrics[0], metrics[1]);
    free(metrics[0]);
    free(metrics[1]);
    assert_int_equal(remove("tk.json"), 0);
    finished f = RUN("sample", "runs/lm-1", "the ship", "-n", "10");
    assert_int_equal(f.code, 0);
    drop(&f);
    /* the ids of one tokenizer are not those of another */
    EXPECT(0, "tokenizer", "train", "story.txt", "--vocab", "310", "--out", "other.json");
    REFUSED(2,
            WORDS("train", "-q", TINY, "--set", "name=mixed", "--set", "data.tokenizer=other.json",
                  "--set", "data.text=story.tok"),
            "story.tok", "another tokenizer", "data.tokenizer");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_goes_to_ids_and_back),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(a_model_learns_its_tokens_and_keeps_the_tokenizer),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
