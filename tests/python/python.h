/* python.h - runs a Python script of this folder, for the tests that need packages. */
#ifndef TESTS_PYTHON_H
#define TESTS_PYTHON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Skips the test, with a word on what to install, unless Python ($STOA_PYTHON, else python3) can
 * import all of these, written as for an import statement: "numpy, gymnasium". */
void need_python(const char *packages);
/* Runs tests/python/<script> with one argument and with the package and library of this build; its
 * exit status. */
int run_python(const char *script, const char *argument);
/* A sanitizer's library cannot be loaded into a program built without it. */
void skip_under_sanitizers(void);

#endif /* TESTS_PYTHON_H */
