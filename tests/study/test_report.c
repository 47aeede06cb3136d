#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "example.h"
#include <cmocka.h>
static void x(void **s) {
    (void)s;
    stoa_report *r = example_report();
    stoa_error e;
    assert_int_equal(stoa_report_write(r, "/tmp/example", &e), 0);
    stoa_report_free(r);
}
int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(x)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
