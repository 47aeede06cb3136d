/* What the files of the statistics share. */
#ifndef STOA_EVAL_STATS_H
#define STOA_EVAL_STATS_H

#include <math.h>

#include "stoa/eval.h"

/* "There is no such number", as a double: the C macros are floats. */
#define STOA_NAN      ((double)NAN)
#define STOA_INFINITY ((double)INFINITY)

/* For qsort: ascending. */
int stoa_compare_doubles(const void *a, const void *b);

#endif /* STOA_EVAL_STATS_H */
