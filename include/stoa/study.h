/*
 * stoa/study.h - published claims made runnable: claims, figures, tables, reports, finished runs,
 * and the registry of studies.
 *
 * A claim's threshold is a constant of its study, written before the run; what was measured is a
 * separate struct, and the verdict is computed from the two. Builders (figure, table, report) copy
 * what they are given, accept NULL objects and fail softly: a shortage of memory shows when the
 * report is written, so code that fills a report needs no checks.
 */
#ifndef STOA_STUDY_H
#define STOA_STUDY_H

#include "stoa/base.h"
#include "stoa/eval.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- numbers for people ---------------------------------------------------------------------- */

typedef enum stoa_format_kind {
    STOA_FORMAT_FIXED,       /* digits after the point: 1.697 */
    STOA_FORMAT_SIGNIFICANT, /* significant digits: 0.00123, 1.2e14 */
    STOA_FORMAT_PERCENT,     /* a share shown as per cent, digits after the point: 97.3 % */
    STOA_FORMAT_COUNT,       /* 12.3M */
    STOA_FORMAT_WHOLE,       /* 12,345 */
    STOA_FORMAT_BYTES,       /* 11.8 MiB */
    STOA_FORMAT_TIME,        /* seconds: 4.2 s, 1 h 02 m */
} stoa_format_kind;

typedef struct stoa_format {
    stoa_format_kind kind;
    int digits;
    const char *unit; /* nullable; written after a space: "nats" */
} stoa_format;

/* Writes value into out (n >= 32) and returns it; "-" for NaN. */
STOA_API const char *stoa_format_number(stoa_format format, double value, char *out, size_t n);

/* ---- scales ---------------------------------------------------------------------------------- */

typedef enum stoa_scale {
    STOA_SCALE_SMOKE, /* seconds: proves that everything runs */
    STOA_SCALE_DEMO,  /* minutes on two cores: shows the shape of a result */
    STOA_SCALE_CPU,   /* minutes to hours on two cores */
    STOA_SCALE_GPU,
    STOA_SCALE_COUNT
} stoa_scale;

STOA_API const char *stoa_scale_name(stoa_scale scale); /* "smoke" */
STOA_API stoa_status stoa_scale_parse(const char *name, stoa_scale *out, stoa_error *err);

/* ---- claims ---------------------------------------------------------------------------------- */

typedef enum stoa_bound {
    STOA_AT_LEAST,
    STOA_AT_MOST,
    STOA_ABOVE,  /* strictly */
    STOA_BELOW,  /* strictly */
    STOA_BETWEEN /* threshold..threshold_high, ends included */
} stoa_bound;

typedef enum stoa_rule {
    STOA_BY_VALUE,   /* the estimate alone decides */
    STOA_BY_INTERVAL /* the whole 95 % interval must lie on one side, else undecided */
} stoa_rule;

/* What must hold, fixed before anything runs. Strings are constants. */
typedef struct stoa_claim {
    const char *id;    /* "A" */
    const char *text;  /* one sentence */
    const char *paper; /* the paper's own figure: "97 %, early in training" */
    stoa_bound bound;
    double threshold, threshold_high;
    stoa_rule rule;
    stoa_format format;     /* of the threshold and of what is measured */
    int64_t seeds;          /* fewer finished seeds: undecided */
    stoa_scale least_scale; /* at a smaller scale: undecided */
} stoa_claim;

/* What was measured for a claim. */
typedef struct stoa_finding {
    stoa_interval value; /* NaN value: not measured */
    int64_t seeds;
    char note[256]; /* why it was not measured, or how; may be empty */
} stoa_finding;

typedef enum stoa_verdict {
    STOA_VERDICT_UNDECIDED,
    STOA_VERDICT_HELD,
    STOA_VERDICT_FAILED,
    STOA_VERDICT_COUNT
} stoa_verdict;

STOA_API const char *stoa_verdict_name(stoa_verdict verdict); /* "held" */
/* The only source of verdicts. why (nullable, n bytes): a short reason for "undecided", else "". */
STOA_API stoa_verdict stoa_claim_verdict(const stoa_claim *claim, const stoa_finding *finding,
                                         stoa_scale scale, char *why, size_t n);
/* The threshold in words: "at least 97 %". Writes into out and returns it. */
STOA_API const char *stoa_claim_threshold(const stoa_claim *claim, char *out, size_t n);

/* ---- figures --------------------------------------------------------------------------------- */

typedef enum stoa_series_kind {
    STOA_SERIES_LINE,    /* low/high draw a band */
    STOA_SERIES_POINTS,  /* low/high draw whiskers */
    STOA_SERIES_MARKED,  /* line with points; low/high draw whiskers */
    STOA_SERIES_SCATTER, /* many small translucent points; at most 3,000 are drawn, evenly picked */
    STOA_SERIES_BARS,    /* x is the number of the category; low/high draw whiskers */
    STOA_SERIES_KIND_COUNT
} stoa_series_kind;

typedef struct stoa_series {
    const char *name; /* legend; NULL keeps it out of the legend */
    stoa_series_kind kind;
    const double *x, *y;      /* n each; points that are not finite are left out */
    const double *low, *high; /* nullable, together */
    int64_t n;
    int colour;  /* 1..8: that colour of the palette; 0: the next one */
    bool dashed; /* lines */
    bool hollow; /* points */
} stoa_series;

typedef enum stoa_axis { STOA_AXIS_X, STOA_AXIS_Y, STOA_AXIS_COUNT } stoa_axis;

typedef enum stoa_tick_style {
    STOA_TICKS_PLAIN,
    STOA_TICKS_COUNT,   /* 10k, 1M */
    STOA_TICKS_POWER,   /* powers of ten, for logarithmic axes */
    STOA_TICKS_PERCENT, /* shares, as per cent */
} stoa_tick_style;

typedef struct stoa_figure stoa_figure;

/* id: letters, digits, dashes; unique in a report. NULL when out of memory. */
STOA_API stoa_figure *stoa_figure_new(const char *id, const char *title);
STOA_API void stoa_figure_free(stoa_figure *figure);
/* What the reader should see in it: one or two sentences under the figure. */
STOA_API void stoa_figure_caption(stoa_figure *figure, const char *caption);
STOA_API void stoa_figure_axis(stoa_figure *figure, stoa_axis axis, const char *label,
                               bool logarithmic, stoa_tick_style style);
/* Fixed range; NaN leaves an end to the data. */
STOA_API void stoa_figure_range(stoa_figure *figure, stoa_axis axis, double least, double most);
/* Names for the positions 0..count-1 of an axis: categories of bars, rows of a heat map. */
STOA_API void stoa_figure_names(stoa_figure *figure, stoa_axis axis, const char *const *names,
                                int count);
/* A thin dashed line across the figure at a value of an axis, with a label: a threshold. */
STOA_API void stoa_figure_mark(stoa_figure *figure, stoa_axis axis, double value,
                               const char *label);
STOA_API void stoa_figure_add(stoa_figure *figure, const stoa_series *series);
/* Bars without gaps over the bins; shares of the counted values instead of counts on demand. */
STOA_API void stoa_figure_histogram(stoa_figure *figure, const char *name,
                                    const stoa_histogram *histogram, bool shares);
/* values: (rows, cols), row 0 at the bottom; NaN cells stay empty. Colours run from least to most.
 * label: what the colours mean. A heat map has no series. */
STOA_API void stoa_figure_heatmap(stoa_figure *figure, int64_t rows, int64_t cols,
                                  const double *values, double least, double most,
                                  const char *label);
/* Height in hundredths of the width; 56 unless told. */
STOA_API void stoa_figure_height(stoa_figure *figure, int percent);
/* Draws it with gnuplot into an <svg> element whose colours are CSS variables with fallbacks (so it
 * follows the page's theme and also stands alone). STOA_ERR_UNSUPPORTED: gnuplot is not there or
 * failed, with what it said. */
STOA_API stoa_status stoa_figure_svg(const stoa_figure *figure, stoa_buffer *out, stoa_error *err);

/* ---- tables ---------------------------------------------------------------------------------- */

typedef struct stoa_table stoa_table;

/* Owned by nobody until it is added to a report. */
STOA_API stoa_table *stoa_table_new(const char *id, const char *title);
STOA_API void stoa_table_free(stoa_table *table);
STOA_API void stoa_table_caption(stoa_table *table, const char *caption);
STOA_API void stoa_table_column(stoa_table *table, const char *name, stoa_format format);
STOA_API void stoa_table_text_column(stoa_table *table, const char *name);
/* Begins a row; its cells follow from left to right. strong: the row the reader should find. */
STOA_API void stoa_table_row(stoa_table *table, bool strong);
STOA_API void stoa_table_text(stoa_table *table, const char *text);
STOA_API void stoa_table_number(stoa_table *table, double value);
STOA_API void stoa_table_interval(stoa_table *table, stoa_interval value);

/* ---- text coloured by a number --------------------------------------------------------------- */

/* Which characters of a text went through how many blocks, how surprising each token was. Piece i
 * is text[end[i-1]..end[i]); with end NULL every byte is a piece. Pieces that split a character are
 * joined and show their mean. */
typedef struct stoa_heat_text {
    const char *text;
    size_t len;
    const size_t *end;   /* pieces, ascending, the last one = len; NULL: pieces = len */
    const double *value; /* pieces; NaN: no colour */
    int64_t pieces;
    double least, most; /* the ends of the colour scale */
    const char *label;  /* what the colours mean: "blocks the character went through" */
    stoa_format format; /* of the scale's ends */
} stoa_heat_text;

/* ---- reports --------------------------------------------------------------------------------- */

typedef struct stoa_report stoa_report;

/* kicker: the small line above the title: "Study of arXiv 2404.02258, cpu scale". */
STOA_API stoa_report *stoa_report_new(const char *name, const char *title, const char *kicker,
                                      stoa_scale scale);
STOA_API void stoa_report_free(stoa_report *report);
/* The paragraph under the title. */
STOA_API void stoa_report_lead(stoa_report *report, const char *text);
/* Claims come first in the report, in the order they were added. */
STOA_API void stoa_report_claim(stoa_report *report, const stoa_claim *claim,
                                const stoa_finding *finding);
/* Everything below goes into the section begun last. Text is plain text; a blank line in a
 * paragraph begins another one, and `words between backquotes` are set as code. */
STOA_API void stoa_report_section(stoa_report *report, const char *title);
STOA_API void stoa_report_paragraph(stoa_report *report, const char *fmt, ...) STOA_PRINTF(2, 3);
STOA_API void stoa_report_figure(stoa_report *report, stoa_figure *figure); /* takes it over */
STOA_API void stoa_report_table(stoa_report *report, stoa_table *table);    /* takes it over */
/* Preformatted text with a small title: a sample of a model, a command. */
STOA_API void stoa_report_sample(stoa_report *report, const char *title, const char *text,
                                 size_t len);
STOA_API void stoa_report_heat_text(stoa_report *report, const char *title,
                                    const stoa_heat_text *heat);
/* What lies between begin and end is folded away behind its title. Does not nest. */
STOA_API void stoa_report_details_begin(stoa_report *report, const char *title);
STOA_API void stoa_report_details_end(stoa_report *report);
/* One row of the settings block at the end. */
STOA_API void stoa_report_setting(stoa_report *report, const char *key, const char *value);
/* seconds: computing time of all runs; threads: used by each. Machine and build are found here. */
STOA_API void stoa_report_cost(stoa_report *report, double seconds, int threads);

typedef struct stoa_tally {
    int held, failed, undecided;
} stoa_tally;
STOA_API stoa_tally stoa_report_tally(const stoa_report *report);
/* Writes folder/report.html (one file, nothing is fetched from anywhere), folder/result.json and
 * each figure as folder/figures/<id>.svg.
 * Figures need gnuplot; without it their numbers are shown as tables instead, which is logged. */
STOA_API stoa_status stoa_report_write(const stoa_report *report, const char *folder,
                                       stoa_error *err);

/* ---- finished runs --------------------------------------------------------------------------- */

/* What a long study must not compute twice. Each finished run is one file runs/<key>.json in the
 * study's folder, written atomically, with a hash of the settings it was made with. */
typedef struct stoa_run stoa_run;

STOA_API stoa_run *stoa_run_new(void); /* NULL: out of memory */
STOA_API void stoa_run_free(stoa_run *run);
/* Setting a name again replaces its value. Numbers come back bit for bit; NaN and infinities too.
 */
STOA_API void stoa_run_number(stoa_run *run, const char *name, double value);
STOA_API void stoa_run_series(stoa_run *run, const char *name, const double *values, int64_t n);
STOA_API void stoa_run_text(stoa_run *run, const char *name, const char *text);
/* NaN, NULL when there is none of that name. Borrowed until the run is freed or the name set. */
STOA_API double stoa_run_get_number(const stoa_run *run, const char *name);
STOA_API const double *stoa_run_get_series(const stoa_run *run, const char *name, int64_t *n);
STOA_API const char *stoa_run_get_text(const stoa_run *run, const char *name);
/* settings: the text of everything that determines the result. key: letters, digits, "-_.+". */
STOA_API stoa_status stoa_run_save(const stoa_run *run, const char *folder, const char *key,
                                   const char *settings, stoa_error *err);
/* *out is the run, or NULL when it was not finished yet, was made with other settings, or its file
 * cannot be read (the latter two are logged). */
STOA_API stoa_status stoa_run_load(stoa_run **out, const char *folder, const char *key,
                                   const char *settings, stoa_error *err);

/* ---- plots of finished runs ------------------------------------------------------------------ */

typedef struct stoa_plot_options {
    const char *run; /* a training run's folder */
    const char *out; /* the SVG file to write; NULL: <run>/<name>.svg */
    int64_t episodes;
    uint64_t seed; /* of the episodes played */
} stoa_plot_options;
/* Kinds of plots: "synthetic-returns". */
STOA_API int stoa_plot_count(void);
STOA_API const char *stoa_plot_name(int i);
STOA_API const char *stoa_plot_summary(int i);
/* Draws a plot of a run as an SVG file; words (appended) say in text what it shows and where it is.
 * STOA_ERR_USAGE with the nearest name when there is no such plot. */
STOA_API stoa_status stoa_plot_draw(const char *name, const stoa_plot_options *options,
                                    stoa_buffer *words, stoa_error *err);

/* ---- studies --------------------------------------------------------------------------------- */

typedef struct stoa_study_options {
    stoa_scale scale;
    const char *data;    /* text or folder to learn from; NULL: what the study finds itself */
    const char *valid;   /* file that choices are made on; NULL: a part of data held out */
    const char *test;    /* file that claims are judged on; NULL: another part held out */
    const char *out;     /* folder for runs, report.html and result.json; made when missing */
    const char *backend; /* "cpu", "cuda"; NULL: the scale's */
    int threads;         /* of all runs together; 0: as many as there are */
    int jobs;            /* runs side by side, which share the threads; 0: the scale's */
    const int64_t *seeds;
    int seeds_count; /* 0: the scale's */
    const char *const *arms;
    int arms_count;         /* 0: all */
    const char *const *set; /* "key=value" over the study's settings file */
    int set_count;
    bool fresh;     /* compute again what was finished before */
    FILE *progress; /* where progress is drawn; NULL: nowhere */
    /* Ends a child process at once: the program's _exit. NULL: runs are not put side by side. */
    void (*end_child)(int code);
} stoa_study_options;

typedef struct stoa_study {
    const char *name;        /* "mixture-of-depths" */
    const char *title;       /* "Mixture-of-Depths transformers" */
    const char *paper;       /* authors, title, number, year */
    const char *description; /* two sentences: what is claimed, what is run */
    const char *dossier;     /* "papers/mixture-of-depths.md" */
    const stoa_claim *claims;
    int claims_count;
    const char *const *arms; /* NULL-terminated names for --arm; nullable */
    /* Runs (or continues) the study and writes its report. tally: of the claims. */
    stoa_status (*run)(const stoa_study_options *options, stoa_tally *tally, stoa_error *err);
} stoa_study;

STOA_API int stoa_study_count(void);
STOA_API const stoa_study *stoa_study_at(int i);
/* NULL with the nearest known name in err when there is none. */
STOA_API const stoa_study *stoa_study_find(const char *name, stoa_error *err);
/* Whether an arm is asked for; all are when none is named. */
STOA_API bool stoa_study_wants(const stoa_study_options *options, const char *arm);
/* Checks what can be checked before a run: the named arms exist, the out folder can be made. */
STOA_API stoa_status stoa_study_check(const stoa_study *study, const stoa_study_options *options,
                                      stoa_error *err);

#ifdef __cplusplus
}
#endif

#endif /* STOA_STUDY_H */
