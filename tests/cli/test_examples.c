/* test_examples.c - every example works: the settings train, the program of the library runs. */
#include "program.h"

#include <dirent.h>
#include <unistd.h>

static char examples[PATH_MAX];

/* The repository's examples/, seen from where the tests are started. */
static int find_examples(void **state) {
    return realpath("examples", examples) ? enter_folder(state) : -1;
}

/* Any settings file with the same few small sizes. */
static void check_settings(const char *path) {
    EXPECT(0, "plan", "--no-speed", path);
    EXPECT(0, "train", "-q", path, "--set", "data.text=story.txt", "--set", "train.steps=2",
           "--set", "model.context=32", "--set", "train.batch=2", "--set", "train.eval_tokens=256",
           "--set", "threads=1", "--set", "name=example", "--fresh");
    EXPECT(0, "sample", "runs/example-1", "the ", "-n", "3");
}

static void every_settings_file_trains(void **state) {
    (void)state;
    EXPECT(0, "tokenizer", "train", "story.txt", "--vocab", "300");
    DIR *dir = opendir(examples);
    assert_non_null(dir);
    int count = 0;
    for (const struct dirent *entry; (entry = readdir(dir));) {
        const char *dot = strrchr(entry->d_name, '.');
        if (!dot || strcmp(dot, ".yaml") != 0)
            continue;
        char path[PATH_MAX];
        assert_true(stoa_path_join(path, sizeof path, examples, entry->d_name));
        check_settings(path);
        count++;
    }
    closedir(dir);
    assert_int_equal(count, 4);
}

static void the_library_in_one_page_learns_a_verse(void **state) {
    (void)state;
    finished f = run_other("examples/train_and_sample");
    assert_int_equal(f.code, 0);
    assert_string_equal(f.text, "");
    assert_non_null(strstr(f.out, "step 150: loss 0."));
    assert_non_null(strstr(f.out, "one two three four five"));
    drop(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_settings_file_trains),
        cmocka_unit_test(the_library_in_one_page_learns_a_verse),
    };
    return cmocka_run_group_tests(tests, find_examples, leave_folder);
}
