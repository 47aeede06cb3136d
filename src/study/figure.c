/*
 * Building figures: copies what it is given; drawing is in figure_script.c and figure_svg.c.
 */
#include "study/figure.h"

#include <assert.h>
#include <math.h>
#include <string.h>

stoa_figure *stoa_figure_new(const char *id, const char *title) {
    assert(*id && strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") ==
                      strlen(id));
    stoa_figure *f = stoa_keep_object(sizeof *f);
    if (!f)
        return NULL;
    f->id = stoa_keep_text(&f->keep, id);
    f->title = stoa_keep_text(&f->keep, title);
    f->caption = "";
    f->height = 56;
    f->series_end = &f->series;
    f->marks_end = &f->marks;
    for (int a = 0; a < STOA_AXIS_COUNT; a++)
        f->axis[a] = (stoa_figure_scale){.label = "", .least = (double)NAN, .most = (double)NAN};
    return f;
}

void stoa_figure_free(stoa_figure *figure) {
    stoa_keep_object_free(figure);
}

void stoa_figure_caption(stoa_figure *figure, const char *caption) {
    if (figure)
        figure->caption = stoa_keep_text(&figure->keep, caption);
}

void stoa_figure_axis(stoa_figure *figure, stoa_axis axis, const char *label, bool logarithmic,
                      stoa_tick_style style) {
    if (!figure)
        return;
    figure->axis[axis].label = stoa_keep_text(&figure->keep, label);
    figure->axis[axis].logarithmic = logarithmic;
    figure->axis[axis].style = style;
}

void stoa_figure_range(stoa_figure *figure, stoa_axis axis, double least, double most) {
    if (!figure)
        return;
    figure->axis[axis].least = least;
    figure->axis[axis].most = most;
}

void stoa_figure_names(stoa_figure *figure, stoa_axis axis, const char *const *names, int count) {
    if (!figure)
        return;
    const char **copy = stoa_keep_alloc(&figure->keep, (size_t)count * sizeof *copy);
    if (!copy)
        return;
    for (int i = 0; i < count; i++)
        copy[i] = stoa_keep_text(&figure->keep, names[i]);
    figure->axis[axis].names = copy;
    figure->axis[axis].names_count = count;
}

void stoa_figure_mark(stoa_figure *figure, stoa_axis axis, double value, const char *label) {
    stoa_figure_mark_line *mark = figure ? stoa_keep_alloc(&figure->keep, sizeof *mark) : NULL;
    if (!mark)
        return;
    *mark = (stoa_figure_mark_line){
        .axis = axis, .value = value, .label = stoa_keep_text(&figure->keep, label)};
    *figure->marks_end = mark;
    figure->marks_end = &mark->next;
}

// Appends a series whose arrays are copied; NULL when memory is short.
static stoa_figure_series *append(stoa_figure *f, const stoa_series *series) {
    stoa_figure_series *s = stoa_keep_alloc(&f->keep, sizeof *s);
    if (!s)
        return NULL;
    s->as_given = *series;
    s->as_given.name = series->name ? stoa_keep_text(&f->keep, series->name) : NULL;
    s->as_given.x = stoa_keep_doubles(&f->keep, series->x, series->n);
    s->as_given.y = stoa_keep_doubles(&f->keep, series->y, series->n);
    s->as_given.low = stoa_keep_doubles(&f->keep, series->low, series->n);
    s->as_given.high = stoa_keep_doubles(&f->keep, series->high, series->n);
    if (f->keep.failed)
        return NULL;
    assert(series->colour >= 0 && series->colour <= STOA_PALETTE_COLOURS);
    s->colour = series->colour > 0 ? series->colour : f->automatic++ % STOA_PALETTE_COLOURS + 1;
    *f->series_end = s;
    f->series_end = &s->next;
    f->series_count++;
    return s;
}

void stoa_figure_add(stoa_figure *figure, const stoa_series *series) {
    assert(series->kind < STOA_SERIES_KIND_COUNT && series->n >= 0);
    assert(!series->low == !series->high);
    if (figure)
        append(figure, series);
}

void stoa_figure_histogram(stoa_figure *figure, const char *name, const stoa_histogram *histogram,
                           bool shares) {
    if (!figure)
        return;
    int64_t bins = histogram->bins, total = 0;
    double *x = stoa_keep_alloc(&figure->keep, 3 * (size_t)bins * sizeof *x);
    if (!x)
        return;
    double *y = x + bins, *width = y + bins;
    for (int64_t i = 0; i < bins; i++)
        total += histogram->count[i];
    for (int64_t i = 0; i < bins; i++) {
        double left = stoa_histogram_edge(histogram, i);
        width[i] = stoa_histogram_edge(histogram, i + 1) - left;
        x[i] = left + 0.5 * width[i];
        y[i] = (double)histogram->count[i];
        if (shares)
            y[i] = total > 0 ? y[i] / (double)total : 0.0;
    }
    stoa_figure_series *s = append(
        figure, &(stoa_series){.name = name, .kind = STOA_SERIES_BARS, .x = x, .y = y, .n = bins});
    if (s)
        s->width = width;
}

void stoa_figure_heatmap(stoa_figure *figure, int64_t rows, int64_t cols, const double *values,
                         double least, double most, const char *label) {
    assert(rows >= 1 && cols >= 1 && least < most);
    if (!figure)
        return;
    figure->heat = (stoa_heatmap){.rows = rows,
                                  .cols = cols,
                                  .values = stoa_keep_doubles(&figure->keep, values, rows * cols),
                                  .least = least,
                                  .most = most,
                                  .label = stoa_keep_text(&figure->keep, label)};
}

void stoa_figure_height(stoa_figure *figure, int percent) {
    assert(percent >= 10 && percent <= 300);
    if (figure)
        figure->height = percent;
}

int stoa_figure_pixels_high(const stoa_figure *figure) {
    return STOA_FIGURE_WIDTH * figure->height / 100;
}

int stoa_heat_class(double value, double least, double most) {
    if (isnan(value))
        return -1;
    double place = (value - least) / (most - least) * STOA_HEAT_COLOURS;
    return place <= 0 ? 0 : place >= STOA_HEAT_COLOURS ? STOA_HEAT_COLOURS - 1 : (int)place;
}
