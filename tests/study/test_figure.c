/* Figures: gnuplot draws them, whatever is in them; without gnuplot there is a clear error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "study/figure.h"
#include "study/process.h"
#include "study/ticks.h"

static const double x3[] = {1, 2, 3}, y3[] = {2, 1, 4};

static bool have_gnuplot(void) {
    static const char *const command[] = {"gnuplot", "--version", NULL};
    stoa_buffer said = {0};
    stoa_status status = stoa_process_run(command, (stoa_view){"", 0}, 20.0, &said, NULL);
    stoa_buffer_deinit(&said);
    return status == STOA_OK;
}

static char *draw(stoa_figure *f) {
    stoa_buffer svg = {0};
    stoa_error err;
    if (stoa_figure_svg(f, &svg, &err) != STOA_OK)
        fail_msg("%s", err.message);
    stoa_figure_free(f);
    return svg.data;
}

static void a_figure_becomes_svg_with_variables_for_colours(void **state) {
    (void)state;
    if (!have_gnuplot())
        skip();
    stoa_figure *f = stoa_figure_new("one", "Title <&>");
    stoa_figure_caption(f, "What \"it\" shows");
    stoa_figure_add(f, &(stoa_series){.name = "first",
                                      .kind = STOA_SERIES_MARKED,
                                      .x = x3,
                                      .y = y3,
                                      .low = x3,
                                      .high = y3,
                                      .n = 3});
    char *svg = draw(f);
    assert_true(strncmp(svg, "<svg ", 5) == 0);
    assert_non_null(strstr(svg, "<title id=\"one-title\">Title &lt;&amp;&gt;</title>"));
    assert_non_null(strstr(svg, "What &quot;it&quot; shows"));
    assert_non_null(strstr(svg, "var(--c1,#0072b2)"));
    assert_non_null(strstr(svg, ">first</text>"));
    assert_null(strstr(svg, "rgb(")); // no colour but ours
    assert_null(strstr(svg, "id='gp"));
    assert_null(strstr(svg, "<?xml"));
    assert_null(strstr(strstr(svg, "<title") + 1, "<title")); // no tooltips of gnuplot's
    stoa_free(svg);
}

static void texts_cannot_reach_gnuplot_as_commands(void **state) {
    (void)state;
    if (!have_gnuplot())
        skip();
    static const char hostile[] =
        "it's `date` 'quoted' \"$d0\" \\n %d %s _{x}^2 @a\n!ls\n# {/Bold x";
    const char *names[] = {hostile, "100 %", "%"};
    stoa_figure *f = stoa_figure_new("hostile", hostile);
    stoa_figure_axis(f, STOA_AXIS_Y, hostile, false, STOA_TICKS_PLAIN);
    stoa_figure_axis(f, STOA_AXIS_X, hostile, false, STOA_TICKS_PLAIN);
    stoa_figure_names(f, STOA_AXIS_X, names, 3);
    stoa_figure_mark(f, STOA_AXIS_Y, 2.0, hostile);
    stoa_figure_add(
        f, &(stoa_series){.name = hostile, .kind = STOA_SERIES_BARS, .x = x3, .y = y3, .n = 3});
    char *svg = draw(f);
    assert_non_null(strstr(svg, "it's `date` 'quoted' \"$d0\" \\n %d %s _{x}^2 @a !ls # {/Bold x"));
    assert_non_null(strstr(svg, "100 %<"));
    stoa_free(svg);
}

static void every_kind_of_series_can_be_drawn(void **state) {
    (void)state;
    if (!have_gnuplot())
        skip();
    for (int kind = 0; kind < STOA_SERIES_KIND_COUNT; kind++)
        for (int variant = 0; variant < 8; variant++) {
            stoa_figure *f = stoa_figure_new("kind", "");
            stoa_figure_axis(f, STOA_AXIS_X, "x", variant & 1, STOA_TICKS_COUNT);
            stoa_figure_axis(f, STOA_AXIS_Y, "y", variant & 2, STOA_TICKS_POWER);
            stoa_figure_add(f, &(stoa_series){.kind = (stoa_series_kind)kind,
                                              .x = x3,
                                              .y = y3,
                                              .low = variant & 4 ? x3 : NULL,
                                              .high = variant & 4 ? y3 : NULL,
                                              .n = 3,
                                              .colour = 3,
                                              .dashed = true,
                                              .hollow = true});
            char *svg = draw(f);
            assert_non_null(strstr(svg, "var(--c3"));
            stoa_free(svg);
        }
}

static void a_figure_of_nothing_is_still_a_figure(void **state) {
    (void)state;
    if (!have_gnuplot())
        skip();
    const double bad[] = {(double)NAN, (double)INFINITY, -1.0};
    for (int logarithmic = 0; logarithmic < 2; logarithmic++) {
        stoa_figure *f = stoa_figure_new("nothing", "");
        stoa_figure_axis(f, STOA_AXIS_Y, "y", logarithmic, STOA_TICKS_PLAIN);
        stoa_figure_mark(f, STOA_AXIS_Y, (double)NAN, "no such line");
        stoa_figure_add(f, &(stoa_series){.kind = STOA_SERIES_LINE, .x = bad, .y = bad, .n = 2});
        stoa_figure_add(f, &(stoa_series){.kind = STOA_SERIES_POINTS, .x = bad, .y = bad, .n = 0});
        stoa_free(draw(f));
    }
}

static void a_heat_map_draws_runs_of_equal_cells_and_leaves_nan_empty(void **state) {
    (void)state;
    if (!have_gnuplot())
        skip();
    const double v[] = {0.0, 0.01, 1.0, (double)NAN, 1.0, 1.0};
    stoa_figure *f = stoa_figure_new("heat", "");
    stoa_figure_heatmap(f, 2, 3, v, 0.0, 1.0, "share");
    stoa_buffer script = {0};
    stoa_figure_script(f, &script);
    // row 0: one run of two cells, one of one; row 1: one run of two
    assert_non_null(strstr(script.data, "\n0.5 0 -0.5 1.5 -0.5 0.5\n"));
    assert_non_null(strstr(script.data, "\n2 0 1.5 2.5 -0.5 0.5\n1.5 1 0.5 2.5 0.5 1.5\nEOD"));
    stoa_buffer_deinit(&script);
    char *svg = draw(f);
    assert_non_null(strstr(svg, "var(--h8,"));
    stoa_free(svg);
}

static void a_histogram_draws_shares(void **state) {
    (void)state;
    int64_t count[] = {1, 3};
    stoa_histogram h = {.least = 0, .most = 1, .bins = 2, .count = count};
    stoa_figure *f = stoa_figure_new("histogram", "");
    stoa_figure_histogram(f, "all", &h, true);
    assert_true(f->series->as_given.y[1] == 0.75 && f->series->as_given.x[1] == 0.75);
    assert_true(f->series->width[0] == 0.5);
    stoa_figure_free(f);
}

static void without_gnuplot_there_is_a_clear_error(void **state) {
    (void)state;
    char *path = stoa_strdup(getenv("PATH"));
    stoa_buffer svg = {0};
    stoa_error err;
    stoa_figure *f = stoa_figure_new("none", "");
    setenv("PATH", "/nonexistent", 1);
    stoa_status status = stoa_figure_svg(f, &svg, &err);
    setenv("PATH", path, 1);
    assert_int_equal(status, STOA_ERR_UNSUPPORTED);
    assert_int_equal(err.status, STOA_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "gnuplot cannot be started"));
    stoa_figure_free(f);
    stoa_free(path);
    stoa_buffer_deinit(&svg);
}

static void a_process_gets_its_input_and_is_stopped_in_time(void **state) {
    (void)state;
    static const char *const copy[] = {"cat", NULL}, *const slow[] = {"sleep", "60", NULL},
                             *const wrong[] = {"ls", "/no/such/file", NULL};
    size_t size = 300000; // more than a pipe holds
    char *text = stoa_alloc(size);
    memset(text, 'x', size);
    stoa_buffer out = {0};
    stoa_error err;
    assert_int_equal(stoa_process_run(copy, (stoa_view){text, size}, 20.0, &out, NULL), STOA_OK);
    assert_int_equal(out.len, size);
    assert_memory_equal(out.data, text, size);
    assert_int_equal(stoa_process_run(slow, (stoa_view){"", 0}, 0.05, &out, &err), STOA_ERR_IO);
    assert_non_null(strstr(err.message, "took too long"));
    assert_int_equal(stoa_process_run(wrong, (stoa_view){"", 0}, 20.0, &out, &err), STOA_ERR_IO);
    assert_non_null(strstr(err.message, "/no/such/file"));
    stoa_free(text);
    stoa_buffer_deinit(&out);
}

static void expect_labels(const stoa_ticks *t, const char *const *want, int count) {
    assert_int_equal(t->count, count);
    for (int i = 0; i < count; i++)
        assert_string_equal(t->label[i], want[i]);
}

static void axes_have_round_labels(void **state) {
    (void)state;
    const double none = (double)NAN;
    stoa_figure_scale plain = {.least = none, .most = none};
    stoa_ticks t = stoa_ticks_plan(&plain, -0.31, 0.42, false, 6, 0.0);
    expect_labels(&t,
                  (const char *const[]){"\xe2\x88\x92"
                                        "0.2",
                                        "0.0", "0.2", "0.4"},
                  4);
    stoa_figure_scale count = {
        .least = none, .most = none, .logarithmic = true, .style = STOA_TICKS_COUNT};
    t = stoa_ticks_plan(&count, 2e5, 3e6, false, 8, 0.0);
    expect_labels(&t, (const char *const[]){"200k", "500k", "1M", "2M"}, 4);
    t = stoa_ticks_plan(&count, 1.1e6, 1.9e6, false, 5, 0.0); // less than a decade: even steps
    expect_labels(&t, (const char *const[]){"1.2M", "1.4M", "1.6M", "1.8M"}, 4);
    stoa_figure_scale power = {
        .least = none, .most = none, .logarithmic = true, .style = STOA_TICKS_POWER};
    t = stoa_ticks_plan(&power, 1e12, 1e15, false, 8, 0.0);
    assert_string_equal(t.label[0], "10\xc2\xb9\xc2\xb2");
    stoa_figure_scale percent = {.least = 0.0, .most = 1.0, .style = STOA_TICKS_PERCENT};
    t = stoa_ticks_plan(&percent, 0.3, 0.4, false, 5, 0.0);
    assert_true(t.low == 0.0 && t.high == 1.0);
    assert_string_equal(t.label[t.count - 1], "100 %");
}

static void cells_are_counted_in_whole_numbers(void **state) {
    (void)state;
    stoa_figure_scale s = {.least = -0.5, .most = 0.5};
    stoa_ticks t = stoa_ticks_plan(&s, 0.0, 0.0, false, 6, 1.0);
    expect_labels(&t, (const char *const[]){"0"}, 1);
    s.most = 2.5;
    t = stoa_ticks_plan(&s, 0.0, 2.0, false, 6, 1.0);
    expect_labels(&t, (const char *const[]){"0", "1", "2"}, 3);
}

static void any_range_gets_some_labels(void **state) {
    (void)state;
    const double ends[] = {-1e300, -3.0, 0.0, 1e-300, 1e-9, 1.0, 1.0000001, 12345.0, 1e9, 1e300};
    const int count = sizeof ends / sizeof *ends;
    for (int logarithmic = 0; logarithmic < 2; logarithmic++)
        for (int i = 0; i < count; i++)
            for (int j = i; j < count; j++) {
                if (logarithmic && ends[i] <= 0.0)
                    continue;
                stoa_figure_scale s = {.least = (double)NAN,
                                       .most = (double)NAN,
                                       .logarithmic = logarithmic,
                                       .style = (stoa_tick_style)(i % 4)};
                stoa_ticks t = stoa_ticks_plan(&s, ends[i], ends[j], j % 2, 6, 0.0);
                assert_true(t.low < t.high);
                assert_true(t.count >= 1 && t.count <= STOA_MOST_TICKS);
            }
}

static void failed_allocations_show_when_the_figure_is_drawn(void **state) {
    (void)state;
    uint64_t live = stoa_alloc_statistics().live;
    for (uint64_t n = 1; n <= 2; n++) {
        stoa_alloc_fail_after(n, true);
        stoa_figure *f = stoa_figure_new("short", "");
        stoa_figure_add(f, &(stoa_series){.kind = STOA_SERIES_LINE, .x = x3, .y = y3, .n = 3});
        stoa_alloc_fail_after(0, false);
        stoa_buffer svg = {0};
        if (!f)
            assert_int_equal(stoa_figure_svg(f, &svg, NULL), STOA_ERR_MEMORY);
        stoa_figure_free(f);
        assert_int_equal(stoa_alloc_statistics().live, live);
    }
    double *many = stoa_alloc(100000 * sizeof *many); // does not fit the arena's first block
    stoa_figure *f = stoa_figure_new("short", "");
    stoa_alloc_fail_after(1, true);
    stoa_figure_add(f, &(stoa_series){.kind = STOA_SERIES_LINE, .x = many, .y = many, .n = 100000});
    stoa_alloc_fail_after(0, false);
    stoa_buffer svg = {0};
    assert_int_equal(stoa_figure_svg(f, &svg, NULL), STOA_ERR_MEMORY);
    stoa_figure_free(f);
    stoa_free(many);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_figure_becomes_svg_with_variables_for_colours),
        cmocka_unit_test(texts_cannot_reach_gnuplot_as_commands),
        cmocka_unit_test(every_kind_of_series_can_be_drawn),
        cmocka_unit_test(a_figure_of_nothing_is_still_a_figure),
        cmocka_unit_test(a_heat_map_draws_runs_of_equal_cells_and_leaves_nan_empty),
        cmocka_unit_test(a_histogram_draws_shares),
        cmocka_unit_test(without_gnuplot_there_is_a_clear_error),
        cmocka_unit_test(a_process_gets_its_input_and_is_stopped_in_time),
        cmocka_unit_test(axes_have_round_labels),
        cmocka_unit_test(cells_are_counted_in_whole_numbers),
        cmocka_unit_test(any_range_gets_some_labels),
        cmocka_unit_test(failed_allocations_show_when_the_figure_is_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
