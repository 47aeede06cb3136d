/* The registry of studies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "stoa/study.h"

static void an_unknown_study_or_arm_is_an_error(void **state) {
    (void)state;
    static const char *const arms[] = {"dense", "routed", NULL};
    const char *wanted[] = {"routd"};
    stoa_error err;
    assert_null(stoa_study_find("no-such-study", &err));
    assert_int_equal(err.status, STOA_ERR_USAGE);
    stoa_study study = {.name = "example", .arms = arms};
    stoa_study_options options = {.out = "unused", .arms = wanted, .arms_count = 1};
    assert_int_equal(stoa_study_check(&study, &options, &err), STOA_ERR_USAGE);
    assert_non_null(strstr(err.message, "'routed'?"));
    assert_true(stoa_study_wants(&options, "routd"));
    assert_false(stoa_study_wants(&options, "dense"));
    options.arms_count = 0;
    assert_true(stoa_study_wants(&options, "dense"));
}

static void every_study_in_the_registry_is_complete(void **state) {
    (void)state;
    for (int i = 0; i < stoa_study_count(); i++) {
        const stoa_study *s = stoa_study_at(i);
        assert_true(s->name && s->title && s->paper && s->description && s->dossier && s->run);
        assert_ptr_equal(stoa_study_find(s->name, NULL), s);
        for (int c = 0; c < s->claims_count; c++) {
            assert_true(s->claims[c].id && s->claims[c].text && s->claims[c].paper);
            assert_true(s->claims[c].bound != STOA_BETWEEN ||
                        s->claims[c].threshold < s->claims[c].threshold_high);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_study_or_arm_is_an_error),
        cmocka_unit_test(every_study_in_the_registry_is_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
