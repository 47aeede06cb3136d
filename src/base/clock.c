/*
 * clock.c - the two clocks: one that never jumps, one that people know.
 */
#include "stoa/base.h"

#include <time.h>

static double read_clock(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double stoa_clock(void) {
    return read_clock(CLOCK_MONOTONIC);
}

double stoa_wall_time(void) {
    return read_clock(CLOCK_REALTIME);
}
