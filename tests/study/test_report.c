/* Reports: one page that fetches nothing and escapes everything, and the same numbers as JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "example.h"
#include "files.h"

static char *page_of(stoa_report *report, const char *folder) {
    stoa_error err;
    if (stoa_report_write(report, folder, &err) != STOA_OK)
        fail_msg("%s", err.message);
    stoa_report_free(report);
    return read_text(folder, "report.html");
}

static int count(const char *text, const char *what) {
    int n = 0;
    for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
        n++;
    return n;
}

static void the_example_has_all_its_parts(void **state) {
    char *page = page_of(example_report(), *state);
    assert_int_equal(count(page, "<figure"), 5);
    assert_int_equal(count(page, "<h2"), 5); // claims, three sections, how it was made
    assert_int_equal(count(page, "<section"), 5);
    assert_int_equal(count(page, "</section>"), 5);
    assert_int_equal(count(page, "<details"), count(page, "</details>"));
    assert_non_null(strstr(page, "\xe2\x9c\x93 3 held"));
    assert_non_null(strstr(page, "\xe2\x9c\x97 1 failed"));
    assert_non_null(strstr(page, "? 2 undecided"));
    assert_non_null(strstr(page, "<code>capacity: 0.125</code>"));
    assert_non_null(strstr(page, "23 m 52 s"));
    stoa_free(page);
}

static void the_page_fetches_nothing(void **state) {
    char *page = page_of(example_report(), *state);
    static const char *const forbidden[] = {"src=", "@import", "url(", "<script", "<link"};
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++)
        assert_null(strstr(page, forbidden[i]));
    // addresses are only the name of the SVG language and places in this page
    for (const char *at = page; (at = strstr(at, "href=")); at += 5)
        assert_true(at[6] == '#');
    assert_int_equal(count(page, "http"), count(page, "http://www.w3.org/2000/svg"));
    stoa_free(page);
}

static void ids_are_unique(void **state) {
    char *page = page_of(example_report(), *state);
    for (char *at = page; (at = strstr(at, " id=")); at++) {
        char id[128];
        size_t n = strcspn(at + 5, "\"'");
        assert_true(n + 7 < sizeof id);
        snprintf(id, sizeof id, "%.*s", (int)n + 6, at);
        if (count(page, id) != 1)
            fail_msg("%s is there %d times", id, count(page, id));
    }
    stoa_free(page);
}

static void result_json_has_claims_tables_and_series(void **state) {
    stoa_free(page_of(example_report(), *state));
    char *text = read_text(*state, "result.json");
    json_error_t where;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &where);
    if (!root)
        fail_msg("line %d: %s", where.line, where.text);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(root, "verdicts"), "held")),
                     3);
    json_t *claims = json_object_get(root, "claims"), *figures = json_object_get(root, "figures");
    assert_int_equal(json_array_size(claims), 6);
    json_t *c = json_array_get(claims, 2);
    assert_string_equal(json_string_value(json_object_get(c, "verdict")), "undecided");
    assert_string_equal(json_string_value(json_object_get(c, "threshold")), "below 0 nats");
    assert_true(json_number_value(json_object_get(json_object_get(c, "ours"), "low")) == -0.034);
    assert_int_equal(json_array_size(figures), 5);
    json_t *series = json_object_get(json_array_get(figures, 0), "series");
    assert_int_equal(json_array_size(series), 12);
    assert_int_equal(json_array_size(json_object_get(json_array_get(series, 1), "low")), 5);
    json_t *rows = json_object_get(json_array_get(json_object_get(root, "tables"), 0), "rows");
    assert_int_equal(json_array_size(rows), 5);
    json_t *first = json_array_get(rows, 0);
    assert_true(json_number_value(json_array_get(json_array_get(first, 4), 1)) == 2.081);
    assert_true(json_is_null(json_array_get(first, 5))); // NaN
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(root, "settings"), "seeds")), "1, 2, 3");
    json_decref(root);
    stoa_free(text);
}

static void hostile_text_is_escaped_everywhere(void **state) {
    static const char hostile[] = "</pre><script>alert('x')</script>&\"\x01\xff";
    const stoa_claim claim = {.id = hostile,
                              .text = hostile,
                              .paper = hostile,
                              .format = {STOA_FORMAT_FIXED, 1, hostile}};
    stoa_finding finding = {.value = {1.0, 0.5, 1.5}, .seeds = 1};
    snprintf(finding.note, sizeof finding.note, "%s", hostile);
    stoa_report *r = stoa_report_new(hostile, hostile, hostile, STOA_SCALE_SMOKE);
    stoa_report_lead(r, hostile);
    stoa_report_claim(r, &claim, &finding);
    stoa_report_section(r, hostile);
    stoa_report_paragraph(r, "%s `%s` one ` alone", hostile, hostile);
    stoa_report_sample(r, hostile, hostile, sizeof hostile - 1);
    double value[sizeof hostile - 1] = {0};
    stoa_report_heat_text(r, hostile,
                          &(stoa_heat_text){.text = hostile,
                                            .len = sizeof hostile - 1,
                                            .value = value,
                                            .pieces = sizeof hostile - 1,
                                            .most = 1.0,
                                            .label = hostile,
                                            .format = {STOA_FORMAT_FIXED, 0, hostile}});
    stoa_report_details_begin(r, hostile);
    stoa_table *t = stoa_table_new(hostile, hostile);
    stoa_table_caption(t, hostile);
    stoa_table_column(t, hostile, (stoa_format){STOA_FORMAT_FIXED, 1, hostile});
    stoa_table_text_column(t, hostile);
    stoa_table_row(t, false);
    stoa_table_number(t, -1.0);
    stoa_table_text(t, hostile);
    stoa_report_table(r, t);
    stoa_report_details_end(r);
    const char *names[] = {hostile};
    const double zero[] = {0.0};
    stoa_figure *f = stoa_figure_new("f", hostile);
    stoa_figure_caption(f, hostile);
    stoa_figure_names(f, STOA_AXIS_X, names, 1);
    stoa_figure_axis(f, STOA_AXIS_Y, hostile, false, STOA_TICKS_PLAIN);
    stoa_figure_add(
        f, &(stoa_series){.name = hostile, .kind = STOA_SERIES_BARS, .x = zero, .y = zero, .n = 1});
    stoa_report_figure(r, f);
    stoa_report_setting(r, hostile, hostile);
    char *page = page_of(r, *state);
    assert_null(strstr(page, "<script"));
    assert_int_equal(count(page, "</pre>"), 1);
    stoa_free(page);
    char *json = read_text(*state, "result.json");
    json_t *root = json_loads(json, 0, NULL);
    assert_non_null(root);
    json_decref(root);
    stoa_free(json);
}

static void without_gnuplot_the_numbers_stand_in_for_the_figure(void **state) {
    char *path = stoa_strdup(getenv("PATH"));
    setenv("PATH", "/nonexistent", 1);
    char *page = page_of(example_report(), *state);
    setenv("PATH", path, 1);
    stoa_free(path);
    assert_int_equal(count(page, "could not be drawn here"), 5);
    assert_int_equal(count(page, "<details open>"), 5);
    assert_null(strstr(page, "class=\"plot\""));
    stoa_free(page);
}

static void heat_text_joins_the_bytes_of_a_character(void **state) {
    static const char text[] = "a\xc3\xa9\n";
    const double value[] = {0.0, 0.0, 1.0, 1.0}; // the two bytes of the second character: 0.5
    const size_t end[] = {1, 4};
    const double pieces[] = {1.0, (double)NAN};
    stoa_report *r = stoa_report_new("x", "x", "x", STOA_SCALE_SMOKE);
    stoa_heat_text heat = {.text = text, .len = 4, .value = value, .pieces = 4, .most = 1.0};
    stoa_report_heat_text(r, "", &heat);
    heat = (stoa_heat_text){
        .text = text, .len = 4, .end = end, .value = pieces, .pieces = 2, .most = 1.0};
    stoa_report_heat_text(r, "", &heat);
    char *page = page_of(r, *state);
    assert_non_null(strstr(page, "<span class=\"h0\">a</span><span class=\"h4\">\xc3\xa9</span>"
                                 "<span class=\"h8\">\xe2\x86\xb5\n</span></div>"));
    assert_non_null(strstr(page, "<span class=\"h8\">a</span>\xc3\xa9\xe2\x86\xb5\n</div>"));
    stoa_free(page);
}

static void an_empty_report_can_be_written(void **state) {
    char *page = page_of(stoa_report_new("empty", "Empty", "", STOA_SCALE_SMOKE), *state);
    assert_non_null(strstr(page, "<h1>Empty</h1>"));
    assert_int_equal(count(page, "<section"), count(page, "</section>"));
    stoa_free(page);
}

static void a_report_without_memory_is_an_error_when_written(void **state) {
    stoa_report_free(NULL);
    stoa_report_paragraph(NULL, "%d", 1);
    stoa_report_figure(NULL, NULL);
    assert_int_equal(stoa_report_write(NULL, *state, NULL), STOA_ERR_MEMORY);
    uint64_t live = stoa_alloc_statistics().live;
    stoa_report *r = stoa_report_new("x", "x", "x", STOA_SCALE_SMOKE);
    stoa_report_figure(r, NULL); // a figure that could not be made
    assert_int_equal(stoa_report_write(r, *state, NULL), STOA_ERR_MEMORY);
    stoa_report_free(r);
    for (uint64_t n = 1; n < 40; n++) { // building and writing, out of memory at every point
        stoa_alloc_fail_after(n, true);
        r = example_report();
        stoa_status status = stoa_report_write(r, *state, NULL);
        stoa_alloc_fail_after(0, false);
        assert_true(status == STOA_OK || status == STOA_ERR_MEMORY || status == STOA_ERR_IO);
        stoa_report_free(r);
        assert_int_equal(stoa_alloc_statistics().live, live);
    }
}

static void a_folder_that_cannot_be_made_is_an_error(void **state) {
    char path[1024];
    stoa_error err;
    assert_true(stoa_path_join(path, sizeof path, *state, "file"));
    assert_int_equal(stoa_file_write(path, "x", 1, NULL), STOA_OK);
    stoa_report *r = stoa_report_new("x", "x", "x", STOA_SCALE_SMOKE);
    assert_int_equal(stoa_report_write(r, path, &err), STOA_ERR_IO);
    assert_non_null(strstr(err.message, path));
    stoa_report_free(r);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(the_example_has_all_its_parts),
        IN_FOLDER(the_page_fetches_nothing),
        IN_FOLDER(ids_are_unique),
        IN_FOLDER(result_json_has_claims_tables_and_series),
        IN_FOLDER(hostile_text_is_escaped_everywhere),
        IN_FOLDER(without_gnuplot_the_numbers_stand_in_for_the_figure),
        IN_FOLDER(heat_text_joins_the_bytes_of_a_character),
        IN_FOLDER(an_empty_report_can_be_written),
        IN_FOLDER(a_report_without_memory_is_an_error_when_written),
        IN_FOLDER(a_folder_that_cannot_be_made_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
