/*
 * test_text.c - messages, numbers, nearest names, buffers, human-readable units.
 */
#include "temp.h"

#include <math.h>
#include <string.h>

#include "base/text.h"

static void a_failure_fills_status_and_message(void **state) {
    (void)state;
    stoa_error err = {0};
    assert_int_equal(stoa_fail(&err, STOA_ERR_IO, "%s: %d", "a.txt", 7), STOA_ERR_IO);
    assert_int_equal(err.status, STOA_ERR_IO);
    assert_string_equal(err.message, "a.txt: 7");
    assert_int_equal(stoa_fail(NULL, STOA_ERR_FORMAT, "x"), STOA_ERR_FORMAT);
    stoa_fail_context(&err, STOA_ERR_IO, "run %d", 3);
    assert_string_equal(err.message, "run 3: a.txt: 7");
}

static void every_status_has_its_own_name(void **state) {
    (void)state;
    for (int i = 0; i < STOA_STATUS_COUNT; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(stoa_status_name((stoa_status)i),
                                    stoa_status_name((stoa_status)j));
    assert_string_equal(stoa_status_name((stoa_status)99), "unknown");
    assert_string_equal(stoa_status_name((stoa_status)-1), "unknown");
}

static void hostile_text_in_a_message_is_escaped(void **state) {
    (void)state;
    stoa_error err;
    // escape sequence, newline, C1 control, malformed byte, right-to-left override, plain UTF-8
    stoa_fail(&err, STOA_ERR_FORMAT, "%s", "\033[2J\n\xc2\x9b\xff\xe2\x80\xae\xc3\xa9");
    assert_string_equal(err.message, "\\x1b[2J\\n\\u{009b}\\xff\\u{202e}\xc3\xa9");
}

static void a_message_too_long_ends_in_dots_and_stays_utf8(void **state) {
    (void)state;
    char text[5000];
    for (size_t i = 0; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xa9", 3);
    for (size_t n = 8; n < 64; n++) {
        char out[64];
        size_t len = stoa_escape_line(out, n, text);
        assert_true(len < n);
        assert_int_equal(len, strlen(out));
        assert_true(stoa_utf8_valid(stoa_view_of(out)));
        assert_string_equal(out + len - 3, "...");
    }
    stoa_error err;
    stoa_fail(&err, STOA_ERR_FORMAT, "%s", text);
    assert_true(strlen(err.message) < sizeof err.message);
    stoa_fail_context(&err, STOA_ERR_FORMAT, "%s", text);
    assert_true(strlen(err.message) < sizeof err.message);
}

static void malformed_utf8_is_recognised(void **state) {
    (void)state;
    static const char *const bad[] = {"\x80",         "\xc0\x80",         "\xc1\xbf",
                                      "\xe0\x80\x80", "\xed\xa0\x80",     "\xf0\x80\x80\x80",
                                      "\xe2\x82",     "\xf4\x90\x80\x80", "\xff"};
    static const char *const good[] = {
        "", "a", "\xc2\x80", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(stoa_utf8_valid(stoa_view_of(bad[i])));
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(stoa_utf8_valid(stoa_view_of(good[i])));
}

static void sizes_that_overflow_are_refused(void **state) {
    (void)state;
    size_t out = 5;
    assert_false(stoa_size_mul(SIZE_MAX / 2, 3, &out));
    assert_false(stoa_size_add(SIZE_MAX, 1, &out));
    assert_int_equal(out, 5);
    assert_true(stoa_size_mul(SIZE_MAX / 2, 2, &out));
    assert_true(stoa_size_add(SIZE_MAX - 1, 1, &out));
    assert_true(out == SIZE_MAX);
}

static void integers_are_read_strictly(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {{"0", 0},
                {"-0", 0},
                {"+7", 7},
                {"007", 7},
                {"64k", 64000},
                {"-3M", -3000000},
                {"2G", 2000000000},
                {"4Ki", 4096},
                {"1Mi", 1048576},
                {"8Gi", 8589934592},
                {"1e6", 1000000},
                {"1E+3", 1000},
                {"2.5e3", 2500},
                {"1.5M", 1500000},
                {"120e-1", 12},
                {"0e99999", 0},
                {"9223372036854775807", INT64_MAX},
                {"-9223372036854775808", INT64_MIN}};
    static const char *const bad[] = {"",
                                      " 1",
                                      "1 ",
                                      "-",
                                      "+",
                                      "k",
                                      "1kk",
                                      "1K",
                                      "1e",
                                      "1e+",
                                      "0x10",
                                      "1.5",
                                      "1.",
                                      "1_000",
                                      "1.5Ki",
                                      "1e2k",
                                      "1e19",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "9Ei",
                                      "10000000000Gi",
                                      "1.55e1",
                                      "125e-1",
                                      "nan",
                                      "inf",
                                      "--1",
                                      "1,000"};
    int64_t out;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        out = 77;
        assert_true(stoa_parse_int(stoa_view_of(good[i].text), &out));
        assert_true(out == good[i].value);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        out = 77;
        if (stoa_parse_int(stoa_view_of(bad[i]), &out))
            fail_msg("accepted \"%s\"", bad[i]);
        assert_int_equal(out, 77);
    }
    assert_true(stoa_parse_int((stoa_view){"123456", 3}, &out)); // a view need not end in zero
    assert_int_equal(out, 123);
}

static void floats_are_read_strictly(void **state) {
    (void)state;
    static const char *const bad[] = {"",   ".",    "e5",    "1e", "1e400", "nan", "inf",
                                      "1f", "1.5k", "0x1p3", "1 ", " 1",    "1,5"};
    double out = 0;
    assert_true(stoa_parse_float(stoa_view_of("-1.5e-3"), &out));
    assert_true(out == -1.5e-3);
    assert_true(stoa_parse_float(stoa_view_of(".5"), &out) && out == 0.5);
    assert_true(stoa_parse_float(stoa_view_of("5."), &out) && out == 5);
    assert_true(stoa_parse_float(stoa_view_of("1e-400"), &out) && out == 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (stoa_parse_float(stoa_view_of(bad[i]), &out))
            fail_msg("accepted \"%s\"", bad[i]);
}

static void float_text_reads_back_exactly_and_is_short(void **state) {
    (void)state;
    char text[32];
    stoa_rng rng = stoa_rng_stream(1, "floats", 0);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = stoa_rng_u64(&rng);
        double value, back;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        assert_true(stoa_parse_float(stoa_view_of(stoa_format_double(value, text, 32)), &back));
        assert_memory_equal(&value, &back, sizeof value);
    }
    assert_string_equal(stoa_format_double(0.1, text, 32), "0.1");
    assert_string_equal(stoa_format_double(3, text, 32), "3");
    assert_string_equal(stoa_format_double(-HUGE_VAL, text, 32), "-inf");
}

static void booleans_know_three_pairs_of_words(void **state) {
    (void)state;
    bool out = false;
    assert_true(stoa_parse_bool(stoa_view_of("on"), &out) && out);
    assert_true(stoa_parse_bool(stoa_view_of("no"), &out) && !out);
    assert_true(stoa_parse_bool(stoa_view_of("true"), &out) && out);
    assert_false(stoa_parse_bool(stoa_view_of("True"), &out));
    assert_false(stoa_parse_bool(stoa_view_of("1"), &out));
    assert_false(stoa_parse_bool(stoa_view_of(""), &out));
}

static void the_nearest_name_is_found_or_none(void **state) {
    (void)state;
    static const char *const names[] = {"model.width", "model.layers", "train.batch_size", "seed",
                                        "lr"};
    assert_string_equal(stoa_nearest("model.widht", names, 5), "model.width");
    assert_string_equal(stoa_nearest("width", names, 5), "model.width");
    assert_string_equal(stoa_nearest("train.batch-size", names, 5), "train.batch_size");
    assert_string_equal(stoa_nearest("Seed", names, 5), "seed");
    assert_string_equal(stoa_nearest("sead", names, 5), "seed");
    assert_null(stoa_nearest("temperature", names, 5));
    assert_null(stoa_nearest("", names, 5));
    assert_null(stoa_nearest("xy", names, 5));
    assert_null(stoa_nearest("seed", names, 0));
    char long_word[1000];
    memset(long_word, 'a', sizeof long_word - 1);
    long_word[sizeof long_word - 1] = '\0';
    assert_null(stoa_nearest(long_word, names, 5));
}

static void a_buffer_grows_and_stays_terminated(void **state) {
    (void)state;
    stoa_buffer b = {0};
    for (int i = 0; i < 1000; i++)
        stoa_buffer_printf(&b, "%d,", i);
    stoa_buffer_append(&b, "", 0);
    assert_false(b.failed);
    assert_int_equal(b.len, 10 * 2 + 90 * 3 + 900 * 4);
    assert_int_equal(strlen(b.data), b.len);
    assert_memory_equal(b.data + b.len - 8, "998,999,", 8);
    stoa_buffer_deinit(&b);
    assert_null(b.data);
}

static void a_buffer_without_memory_fails_softly(void **state) {
    (void)state;
    stoa_buffer b = {0};
    stoa_buffer_append(&b, "abc", 3);
    stoa_alloc_fail_after(1, true);
    char wide[1000] = {0};
    stoa_buffer_append(&b, wide, sizeof wide);
    stoa_alloc_fail_after(0, false);
    assert_true(b.failed);
    stoa_buffer_append(&b, "def", 3);
    stoa_buffer_printf(&b, "%d", 5);
    stoa_buffer_json_string(&b, "x");
    stoa_buffer_html(&b, "<x>");
    assert_string_equal(b.data, "abc");
    stoa_buffer_deinit(&b);
}

static void json_strings_are_valid_and_safe_to_embed(void **state) {
    (void)state;
    stoa_buffer b = {0};
    stoa_buffer_json_string(&b, "a\"b\\c\n\t\x01\xc3\xa9\xff</script><|end|>");
    assert_string_equal(b.data, "\"a\\\"b\\\\c\\n\\t\\u0001\xc3\xa9\xef\xbf\xbd\\u003c/script>"
                                "<|end|>\"");
    stoa_buffer_deinit(&b);
}

static void html_is_escaped(void **state) {
    (void)state;
    stoa_buffer b = {0};
    stoa_buffer_html(&b, "<a href='x'>\"T&J\"</a>");
    assert_string_equal(b.data, "&lt;a href=&#39;x&#39;&gt;&quot;T&amp;J&quot;&lt;/a&gt;");
    stoa_buffer_deinit(&b);
}

static void numbers_are_written_for_people(void **state) {
    (void)state;
    typedef const char *(*writer)(double, char *, size_t);
    static const struct {
        writer write;
        double value;
        const char *text;
    } rows[] = {
        {stoa_human_count, 0, "0"},
        {stoa_human_count, 999, "999"},
        {stoa_human_count, 1000, "1.00k"},
        {stoa_human_count, 12345678, "12.3M"},
        {stoa_human_count, 999999, "1.00M"},
        {stoa_human_count, 0.25, "0.25"},
        {stoa_human_count, -1500, "-1.50k"},
        {stoa_human_count, HUGE_VAL, "inf"},
        {stoa_human_bytes, 1023, "1023 B"},
        {stoa_human_bytes, 1024, "1.0 KiB"},
        {stoa_human_bytes, 12373196, "11.8 MiB"},
        {stoa_human_bytes, 1048575, "1.0 MiB"},
        {stoa_human_time, 3725, "1 h 02 m"},
        {stoa_human_time, 4.2, "4.2 s"},
        {stoa_human_time, 0.013, "13 ms"},
        {stoa_human_time, 59.99, "1 m 00 s"},
        {stoa_human_time, 3599.9, "1 h 00 m"},
        {stoa_human_time, 86399, "1 d 00 h"},
        {stoa_human_time, 2.5e-5, "25 us"},
        {stoa_human_time, 0, "0 ns"},
        {stoa_human_time, 200000, "2 d 08 h"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[32];
        assert_string_equal(rows[i].write(rows[i].value, out, sizeof out), rows[i].text);
    }
    char out[32];
    assert_string_equal(stoa_human_unit(12345678, "FLOP", out, sizeof out), "12.3 MFLOP");
    assert_string_equal(stoa_human_unit(12, "FLOP/s", out, sizeof out), "12 FLOP/s");
    assert_string_equal(stoa_human_unit(HUGE_VAL, "FLOP", out, sizeof out), "inf FLOP");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_fills_status_and_message),
        cmocka_unit_test(every_status_has_its_own_name),
        cmocka_unit_test(hostile_text_in_a_message_is_escaped),
        cmocka_unit_test(a_message_too_long_ends_in_dots_and_stays_utf8),
        cmocka_unit_test(malformed_utf8_is_recognised),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(integers_are_read_strictly),
        cmocka_unit_test(floats_are_read_strictly),
        cmocka_unit_test(float_text_reads_back_exactly_and_is_short),
        cmocka_unit_test(booleans_know_three_pairs_of_words),
        cmocka_unit_test(the_nearest_name_is_found_or_none),
        cmocka_unit_test(a_buffer_grows_and_stays_terminated),
        cmocka_unit_test(a_buffer_without_memory_fails_softly),
        cmocka_unit_test(json_strings_are_valid_and_safe_to_embed),
        cmocka_unit_test(html_is_escaped),
        cmocka_unit_test(numbers_are_written_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
