/*
 * study/figure.h - what a figure holds, for the files that draw it and write it down.
 */
#ifndef STOA_STUDY_FIGURE_H
#define STOA_STUDY_FIGURE_H

#include "stoa/study.h"
#include "study/keep.h"

enum { STOA_PALETTE_COLOURS = 8, STOA_HEAT_COLOURS = 9 };

typedef struct stoa_figure_series {
    stoa_series as_given; /* arrays and name are copies */
    const double *width;  /* histograms: of each bar; else NULL */
    int colour;           /* 1..8 */
    struct stoa_figure_series *next;
} stoa_figure_series;

typedef struct stoa_figure_mark_line {
    stoa_axis axis;
    double value;
    const char *label;
    struct stoa_figure_mark_line *next;
} stoa_figure_mark_line;

typedef struct stoa_figure_scale {
    const char *label;
    bool logarithmic;
    stoa_tick_style style;
    double least, most; /* NaN: from the data */
    const char **names;
    int names_count;
} stoa_figure_scale;

typedef struct stoa_heatmap {
    int64_t rows, cols;
    const double *values; /* (rows, cols); NULL: the figure is no heat map */
    double least, most;
    const char *label;
} stoa_heatmap;

struct stoa_figure {
    stoa_keep keep; /* first */
    const char *id, *title, *caption;
    stoa_figure_scale axis[STOA_AXIS_COUNT];
    stoa_figure_series *series, **series_end;
    stoa_figure_mark_line *marks, **marks_end;
    int series_count, automatic; /* colours given out so far */
    stoa_heatmap heat;
    int height; /* per cent of the width */
};

/* The class 0..STOA_HEAT_COLOURS-1 of a value between least and most; -1 for NaN. */
int stoa_heat_class(double value, double least, double most);

/* The colours as CSS: --c1..--c8 and --h0..--h8, in light and dark pages. */
const char *stoa_palette_light(int colour); /* 1..8 */
const char *stoa_palette_dark(int colour);
const char *stoa_heat_light(int class); /* 0..8 */
const char *stoa_heat_dark(int class);

/* gnuplot's commands for the figure. */
void stoa_figure_script(const stoa_figure *figure, stoa_buffer *out);
/* gnuplot's output made into ours: colours become CSS variables, ids get the figure's prefix. */
stoa_status stoa_figure_dress(const stoa_figure *figure, stoa_view svg, stoa_buffer *out,
                              stoa_error *err);
/* Size of the drawing's coordinates. */
enum { STOA_FIGURE_WIDTH = 760 };
int stoa_figure_pixels_high(const stoa_figure *figure);

#endif /* STOA_STUDY_FIGURE_H */
