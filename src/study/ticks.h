/* study/ticks.h - where an axis begins and ends, and where its labels stand. */
#ifndef STOA_STUDY_TICKS_H
#define STOA_STUDY_TICKS_H

#include "study/figure.h"

enum { STOA_MOST_TICKS = 32 };

typedef struct stoa_ticks {
    double low, high; /* the axis' range */
    int count;
    double at[STOA_MOST_TICKS];
    char label[STOA_MOST_TICKS][32];
} stoa_ticks;

/* For data from low to high (low > 0 when logarithmic; NaN: there is none). Ends fixed by the scale
 * are kept, free ends get some air; from_zero: a free lower end starts at zero. about: how many
 * labels look right. least_step: between labels (1: whole numbers only; 0: any). */
stoa_ticks stoa_ticks_plan(const stoa_figure_scale *scale, double low, double high, bool from_zero,
                           int about, double least_step);

#endif /* STOA_STUDY_TICKS_H */
