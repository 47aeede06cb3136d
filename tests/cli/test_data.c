/* test_data.c - `stoa data`: sequences as pictures, text and measured properties; what is refused.
 */
#include "program.h"

#include <png.h>

static json_t *part(const json_t *of, const char *name) {
    json_t *found = json_object_get(of, name);
    if (!found)
        fail_msg("there is no '%s'", name);
    return found;
}

static double number(const json_t *of, const char *name) {
    return json_number_value(part(of, name));
}

/* Width and height of a readable PNG file. */
static void png_size(const char *path, unsigned *width, unsigned *height) {
    png_image image = {.version = PNG_IMAGE_VERSION};
    assert_true(png_image_begin_read_from_file(&image, path));
    *width = image.width;
    *height = image.height;
    png_image_free(&image);
}

static void sequences_are_printed_and_measured_without_being_asked(void **state) {
    (void)state;
    finished f = RUN("data", "sequences", "--set", "data.classes=64");
    assert_int_equal(f.code, 0);
    assert_non_null(strstr(f.out, "class:label of each pair"));
    assert_non_null(strstr(f.out, "\n       ? "));
    assert_non_null(strstr(f.out, "10000 sequences of 8 pairs, 32 labels; guessing is right in "
                                  "3.12 %"));
    assert_non_null(strstr(f.out, "(bursty)"));
    assert_non_null(strstr(f.out, "Queries by class"));
    drop(&f);
    f = RUN("data", "sequences", "--text", "--count", "3", "--first", "5");
    assert_non_null(strstr(f.out, "\n     5 "));
    assert_non_null(strstr(f.out, "\n     7 "));
    assert_null(strstr(f.out, "\n     8 "));
    assert_null(strstr(f.out, "bursty"));
    drop(&f);
}

static void machines_read_rows_and_properties(void **state) {
    (void)state;
    json_t *out = JSON("data", "sequences", "--kind", "icl", "--text", "--measure", "--count", "50",
                       "--json", "--set", "data.classes=64", "--set", "data.holdout=8");
    const json_t *rows = part(out, "sequences"), *row = json_array_get(rows, 49);
    assert_int_equal(json_array_size(rows), 50);
    HAS_FIELDS(row, "row", "classes", "labels", "query", "target", "choices");
    assert_int_equal(json_array_size(part(row, "classes")), 8);
    assert_in_range(number(row, "query"), 64, 71);
    const json_t *m = part(out, "measured");
    HAS_FIELDS(m, "repeated", "zipf", "within", "between", "labels_per_class", "frequencies");
    assert_true(json_is_null(part(m, "zipf")));
    assert_true(number(m, "sequences") == 50 && number(m, "repeated") == 1);
    assert_true(number(m, "classes") == 8 && number(m, "nearest") == 1);
    json_decref(out);
}

static void the_settings_of_training_are_read_from_its_file(void **state) {
    (void)state;
    write_text("run.yaml", "preset: mini\nseed: 4\ndata:\n  classes: 20\n  pairs: 6\ntrain:\n"
                           "  steps: 5\n");
    json_t *out = JSON("data", "sequences", "run.yaml", "--measure", "--count", "400", "--json",
                       "--set", "data.bursty=1");
    assert_true(number(part(out, "measured"), "classes") == 20);
    assert_true(number(part(out, "measured"), "repeated") == 1);
    json_decref(out);
    REFUSED(2, WORDS("data", "sequences", "--set", "data.classs=3"), "data.classs", "data.classes");
    REFUSED(2, WORDS("data", "sequences", "--set", "data.ways=5"), "data.pairs");
}

static void contact_sheets_are_pictures(void **state) {
    (void)state;
    unsigned width, height, taller;
    EXPECT(0, "data", "sequences", "--sheet", "a.png", "--count", "2");
    png_size("a.png", &width, &height);
    assert_true(width > 9 * 56 && height > 2 * 56);
    EXPECT(0, "data", "sequences", "--sheet", "b.png", "--count", "4", "--kind", "flip", "--set",
           "data.source=glyphs", "--set", "data.classes=10");
    png_size("b.png", &width, &taller);
    assert_true(taller > 2 * height - 60);
    EXPECT(0, "data", "classes", "--sheet", "c.png", "--count", "5", "--exemplars", "7", "--set",
           "data.source=glyphs", "--set", "data.side=20");
    png_size("c.png", &width, &height);
    assert_int_equal(width, 7 * (2 * 20 + 4) + 4);
    assert_int_equal(height, 5 * (2 * 20 + 4) + 4);
    REFUSED(2, WORDS("data", "sequences", "--sheet", "d.png", "--count", "100000"), "too large");
    REFUSED(1, WORDS("data", "sequences", "--sheet", "no/such/d.png", "--count", "1"), "no/such");
}

static void the_same_settings_give_the_same_picture(void **state) {
    (void)state;
    EXPECT(0, "data", "sequences", "--sheet", "a.png", "--set", "data.source=glyphs");
    EXPECT(0, "data", "sequences", "--sheet", "b.png", "--set", "data.source=glyphs", "--threads",
           "1");
    EXPECT(0, "data", "sequences", "--sheet", "c.png", "--set", "data.source=glyphs", "--set",
           "seed=2");
    assert_true(same_bytes("a.png", "b.png"));
    assert_false(same_bytes("a.png", "c.png"));
}

static void mistakes_are_told_with_what_to_do(void **state) {
    (void)state;
    REFUSED(2, WORDS("data"), "sequences, classes, omniglot or oneshot");
    REFUSED(2, WORDS("data", "sequence"), "did you mean 'sequences'");
    REFUSED(2, WORDS("data", "sequences", "--kind", "iwl_comon"), "iwl_common");
    REFUSED(2, WORDS("data", "sequences", "--kind", "icl", "--set", "data.holdout=0"), "icl");
    REFUSED(2, WORDS("data", "classes"), "--sheet");
    REFUSED(2, WORDS("data", "classes", "--sheet", "x.png", "--first", "2040"), "data.classes");
    REFUSED(2, WORDS("data", "omniglot"), "images_background.zip");
    REFUSED(4, WORDS("data", "omniglot", "."), "images_background.zip");
    REFUSED(2, WORDS("data", "oneshot"), "oneshot_runs.tsv");
    REFUSED(1, WORDS("data", "oneshot", "."), "omniglot105.rle", "stoa data omniglot");
    write_text("omniglot105.rle", "OMNIRLE1 but nothing more");
    REFUSED(4, WORDS("data", "oneshot", "."), "omniglot105.rle");
}

static void kinds_and_sources_are_listed(void **state) {
    (void)state;
    finished f = RUN("list", "sequences");
    assert_int_equal(f.code, 0);
    assert_non_null(strstr(f.out, "  iwl_rare "));
    drop(&f);
    f = RUN("list", "sources");
    assert_non_null(strstr(f.out, "  glyphs "));
    drop(&f);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_folder, leave_folder)
    const struct CMUnitTest tests[] = {
        TEST(sequences_are_printed_and_measured_without_being_asked),
        TEST(machines_read_rows_and_properties),
        TEST(the_settings_of_training_are_read_from_its_file),
        TEST(contact_sheets_are_pictures),
        TEST(the_same_settings_give_the_same_picture),
        TEST(mistakes_are_told_with_what_to_do),
        TEST(kinds_and_sources_are_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
