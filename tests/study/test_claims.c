/* Claims, verdicts, and numbers for people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "stoa/study.h"

static const double nan_ = (double)NAN;

static stoa_claim claim(stoa_bound bound, stoa_rule rule) {
    return (stoa_claim){.id = "A",
                        .text = "text",
                        .paper = "paper",
                        .bound = bound,
                        .threshold = 1.0,
                        .threshold_high = 2.0,
                        .rule = rule,
                        .format = {STOA_FORMAT_FIXED, 2, NULL},
                        .seeds = 3,
                        .least_scale = STOA_SCALE_CPU};
}

static stoa_verdict judge(stoa_claim c, double value, double low, double high) {
    stoa_finding f = {.value = {value, low, high}, .seeds = 3};
    return stoa_claim_verdict(&c, &f, STOA_SCALE_CPU, NULL, 0);
}

static void an_interval_decides_only_when_it_lies_on_one_side(void **state) {
    (void)state;
    const stoa_verdict H = STOA_VERDICT_HELD, F = STOA_VERDICT_FAILED, U = STOA_VERDICT_UNDECIDED;
    const struct {
        stoa_bound bound;
        double low, high;
        stoa_verdict want;
    } rows[] = {
        {STOA_AT_LEAST, 1.0, 1.2, H}, {STOA_AT_LEAST, 0.9, 1.2, U}, {STOA_AT_LEAST, 0.5, 0.9, F},
        {STOA_AT_MOST, 0.5, 1.0, H},  {STOA_AT_MOST, 0.9, 1.1, U},  {STOA_AT_MOST, 1.1, 1.2, F},
        {STOA_ABOVE, 1.0, 1.2, U},    {STOA_ABOVE, 1.01, 1.2, H},   {STOA_ABOVE, 0.5, 1.0, F},
        {STOA_BELOW, 0.5, 1.0, U},    {STOA_BELOW, 0.5, 0.99, H},   {STOA_BELOW, 1.0, 1.2, F},
        {STOA_BETWEEN, 1.1, 1.9, H},  {STOA_BETWEEN, 0.9, 1.9, U},  {STOA_BETWEEN, 0.5, 0.9, F},
        {STOA_BETWEEN, 2.1, 2.9, F},  {STOA_BETWEEN, 0.5, 2.5, U},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double middle = 0.5 * (rows[i].low + rows[i].high);
        stoa_verdict got =
            judge(claim(rows[i].bound, STOA_BY_INTERVAL), middle, rows[i].low, rows[i].high);
        if (got != rows[i].want)
            fail_msg("row %zu: %s, not %s", i, stoa_verdict_name(got),
                     stoa_verdict_name(rows[i].want));
    }
}

static void a_value_alone_decides_when_the_claim_says_so(void **state) {
    (void)state;
    stoa_claim c = claim(STOA_AT_LEAST, STOA_BY_VALUE);
    assert_int_equal(judge(c, 1.0, 0.1, 5.0), STOA_VERDICT_HELD);
    assert_int_equal(judge(c, 0.999, 0.9, 5.0), STOA_VERDICT_FAILED);
    assert_int_equal(judge(c, 1.0, nan_, nan_), STOA_VERDICT_HELD);
}

static void nothing_is_decided_without_measurement_seeds_scale_or_interval(void **state) {
    (void)state;
    char why[96];
    stoa_claim c = claim(STOA_AT_LEAST, STOA_BY_INTERVAL);
    stoa_finding f = {.value = {nan_, nan_, nan_}, .seeds = 3};
    assert_int_equal(stoa_claim_verdict(&c, &f, STOA_SCALE_CPU, why, sizeof why), 0);
    assert_string_equal(why, "not measured");
    f.value = (stoa_interval){1.5, 1.4, 1.6};
    assert_int_equal(stoa_claim_verdict(&c, &f, STOA_SCALE_SMOKE, why, sizeof why),
                     STOA_VERDICT_UNDECIDED);
    assert_string_equal(why, "judged at scale cpu and above");
    f.seeds = 2;
    assert_int_equal(stoa_claim_verdict(&c, &f, STOA_SCALE_GPU, why, sizeof why),
                     STOA_VERDICT_UNDECIDED);
    assert_string_equal(why, "2 of 3 seeds");
    f.seeds = 3;
    f.value.low = nan_;
    assert_int_equal(stoa_claim_verdict(&c, &f, STOA_SCALE_CPU, why, sizeof why),
                     STOA_VERDICT_UNDECIDED);
    f.value.low = 1.4;
    assert_int_equal(stoa_claim_verdict(&c, &f, STOA_SCALE_CPU, why, sizeof why),
                     STOA_VERDICT_HELD);
    assert_string_equal(why, "");
}

static void thresholds_read_as_people_write_them(void **state) {
    (void)state;
    char text[128];
    stoa_claim c = claim(STOA_AT_LEAST, STOA_BY_VALUE);
    c.format = (stoa_format){STOA_FORMAT_PERCENT, 1, NULL};
    c.threshold = 0.97;
    assert_string_equal(stoa_claim_threshold(&c, text, sizeof text), "at least 97 %");
    c.bound = STOA_BETWEEN;
    c.threshold_high = 0.985;
    assert_string_equal(stoa_claim_threshold(&c, text, sizeof text), "from 97 to 98.5 %");
    c.bound = STOA_BELOW;
    c.threshold = 0.0;
    c.format = (stoa_format){STOA_FORMAT_FIXED, 3, "nats"};
    assert_string_equal(stoa_claim_threshold(&c, text, sizeof text), "below 0 nats");
    c.threshold = 1200.0;
    assert_string_equal(stoa_claim_threshold(&c, text, sizeof text), "below 1200 nats");
}

static void numbers_are_formatted_by_kind(void **state) {
    (void)state;
    const struct {
        stoa_format format;
        double value;
        const char *want;
    } rows[] = {
        {{STOA_FORMAT_FIXED, 3, "nats"}, 1.6966, "1.697 nats"},
        {{STOA_FORMAT_FIXED, 2, NULL}, -0.001, "0.00"},
        {{STOA_FORMAT_FIXED, 2, NULL}, nan_, "-"},
        {{STOA_FORMAT_FIXED, 2, "s"}, (double)INFINITY, "infinite"},
        {{STOA_FORMAT_SIGNIFICANT, 3, NULL}, 0.0012345, "0.00123"},
        {{STOA_FORMAT_PERCENT, 1, NULL}, 0.9731, "97.3 %"},
        {{STOA_FORMAT_WHOLE, 0, NULL}, 12345678.0, "12,345,678"},
        {{STOA_FORMAT_WHOLE, 0, NULL}, -999.6, "-1,000"},
        {{STOA_FORMAT_WHOLE, 0, NULL}, 12.0, "12"},
        {{STOA_FORMAT_COUNT, 0, NULL}, 1.23e6, "1.23M"},
        {{STOA_FORMAT_BYTES, 0, NULL}, 1536.0, "1.5 KiB"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[64];
        assert_string_equal(stoa_format_number(rows[i].format, rows[i].value, text, sizeof text),
                            rows[i].want);
    }
    char text[64]; // a huge number in a small buffer is cut, not written past the end
    stoa_format_number((stoa_format){STOA_FORMAT_WHOLE, 0, NULL}, 1e300, text, 32);
    assert_int_equal(strlen(text), 31);
}

static void scales_are_known_by_name(void **state) {
    (void)state;
    stoa_scale scale;
    stoa_error err;
    assert_int_equal(stoa_scale_parse("gpu", &scale, NULL), STOA_OK);
    assert_int_equal(scale, STOA_SCALE_GPU);
    assert_int_equal(stoa_scale_parse("large", &scale, &err), STOA_ERR_USAGE);
    assert_non_null(strstr(err.message, "smoke, cpu or gpu"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_interval_decides_only_when_it_lies_on_one_side),
        cmocka_unit_test(a_value_alone_decides_when_the_claim_says_so),
        cmocka_unit_test(nothing_is_decided_without_measurement_seeds_scale_or_interval),
        cmocka_unit_test(thresholds_read_as_people_write_them),
        cmocka_unit_test(numbers_are_formatted_by_kind),
        cmocka_unit_test(scales_are_known_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
