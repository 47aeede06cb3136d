/* base/version.c - what was built, and how. */
#include "stoa/base.h"

#ifdef __clang__
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

const char *stoa_version(void) {
    return STOA_VERSION;
}

const char *stoa_build(void) {
    return COMPILER ", " STOA_FLAGS;
}
