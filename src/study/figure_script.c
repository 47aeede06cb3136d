/*
 * A figure as gnuplot commands.
 *
 * Colours are placeholders (rgb 1,2,k) that figure_svg.c turns into CSS variables. Every text goes
 * in single quotes, where gnuplot substitutes nothing, and "enhanced" markup is off, so that any
 * text is safe. Ranges and tick labels are computed here, not by gnuplot, whose logarithmic axes
 * have no labels when they span less than a decade.
 */
#include "study/ticks.h"

#include <math.h>
#include <string.h>

enum { MOST_SCATTER = 3000 };

static const char *const axis_letter[] = {[STOA_AXIS_X] = "x", [STOA_AXIS_Y] = "y"};
_Static_assert(sizeof axis_letter / sizeof *axis_letter == STOA_AXIS_COUNT, "one letter an axis");

// gnuplot's point types, full and hollow, in the order of the palette
static const struct {
    int full, hollow;
} shapes[STOA_PALETTE_COLOURS] = {{7, 6},   {5, 4},   {9, 8}, {13, 12},
                                  {11, 10}, {15, 14}, {7, 6}, {5, 4}};

// percent: how a per cent sign is written; labels of ticks are formats.
static void quote_with(stoa_buffer *b, const char *text, const char *percent) {
    stoa_buffer_append(b, "'", 1);
    for (const char *c = text; *c; c++) {
        if (*c == '\'')
            stoa_buffer_append(b, "''", 2);
        else if (*c == '%')
            stoa_buffer_append(b, percent, strlen(percent));
        else
            stoa_buffer_append(b, (unsigned char)*c < 0x20 || *c == 0x7f ? " " : c, 1);
    }
    stoa_buffer_append(b, "'", 1);
}

static void quote(stoa_buffer *b, const char *text) {
    quote_with(b, text, "%");
}

static void quote_tick(stoa_buffer *b, const char *text) {
    quote_with(b, text, "%%");
}

static bool drawable(const stoa_figure *f, const stoa_series *s, int64_t i) {
    return isfinite(s->x[i]) && isfinite(s->y[i]) &&
           (!f->axis[STOA_AXIS_X].logarithmic || s->x[i] > 0.0) &&
           (!f->axis[STOA_AXIS_Y].logarithmic || s->y[i] > 0.0);
}

static bool has_ends(const stoa_figure *f, const stoa_series *s, int64_t i) {
    return s->low && isfinite(s->low[i]) && isfinite(s->high[i]) &&
           (!f->axis[STOA_AXIS_Y].logarithmic || s->low[i] > 0.0);
}

static void widen(double *low, double *high, double value) {
    *low = fmin(*low, value); // fmin takes the other one for NaN
    *high = fmax(*high, value);
}

typedef struct extent {
    double low[STOA_AXIS_COUNT], high[STOA_AXIS_COUNT];
    bool bars, histogram;
    int bar_series;
} extent;

static extent measure(const stoa_figure *f) {
    extent e = {.bars = false};
    for (int a = 0; a < STOA_AXIS_COUNT; a++)
        e.low[a] = e.high[a] = (double)NAN;
    for (const stoa_figure_series *node = f->series; node; node = node->next) {
        const stoa_series *s = &node->as_given;
        e.bars = e.bars || s->kind == STOA_SERIES_BARS;
        e.histogram = e.histogram || node->width;
        e.bar_series += s->kind == STOA_SERIES_BARS && !node->width;
        for (int64_t i = 0; i < s->n; i++) {
            if (!drawable(f, s, i))
                continue;
            double half = node->width ? 0.5 * node->width[i] : 0.0;
            widen(&e.low[STOA_AXIS_X], &e.high[STOA_AXIS_X], s->x[i] - half);
            widen(&e.low[STOA_AXIS_X], &e.high[STOA_AXIS_X], s->x[i] + half);
            widen(&e.low[STOA_AXIS_Y], &e.high[STOA_AXIS_Y], s->y[i]);
            if (has_ends(f, s, i)) {
                widen(&e.low[STOA_AXIS_Y], &e.high[STOA_AXIS_Y], s->low[i]);
                widen(&e.low[STOA_AXIS_Y], &e.high[STOA_AXIS_Y], s->high[i]);
            }
        }
    }
    for (const stoa_figure_mark_line *m = f->marks; m; m = m->next)
        if (isfinite(m->value) && (!f->axis[m->axis].logarithmic || m->value > 0.0))
            widen(&e.low[m->axis], &e.high[m->axis], m->value);
    return e;
}

// ---- axes ---------------------------------------------------------------------------------------

// A name for each position instead of numbers. Long names are slanted.
static void name_axis(stoa_buffer *b, const stoa_figure *f, stoa_axis a) {
    const stoa_figure_scale *scale = &f->axis[a];
    size_t letters = 0, longest = 0;
    for (int i = 0; i < scale->names_count; i++) {
        size_t len = strlen(scale->names[i]);
        letters += len + 2;
        longest = len > longest ? len : longest;
    }
    bool slanted = a == STOA_AXIS_X && letters * 7 > STOA_FIGURE_WIDTH - 120;
    stoa_buffer_printf(b, "set %stics (", axis_letter[a]);
    for (int i = 0; i < scale->names_count; i++) {
        stoa_buffer_printf(b, "%s", i > 0 ? ", " : "");
        quote_tick(b, scale->names[i]);
        stoa_buffer_printf(b, " %d", i);
    }
    stoa_buffer_printf(b, ")%s\n", slanted ? " rotate by 30 right" : "");
    stoa_buffer_printf(b, "set %srange [-0.6:%g]\n", axis_letter[a], scale->names_count - 0.4);
    if (a == STOA_AXIS_X)
        stoa_buffer_printf(b, "unset grid\nset grid ytics lc rgb '#010205' lw 0.8 lt 1\n");
}

static stoa_ticks number_axis(stoa_buffer *b, const stoa_figure *f, stoa_axis a, const extent *e) {
    const stoa_figure_scale *scale = &f->axis[a];
    bool from_zero = a == STOA_AXIS_Y && e->bars;
    int about = a == STOA_AXIS_X ? 8 : f->height >= 40 ? 6 : 4;
    double least_step = f->heat.values ? 1.0 : 0.0; // cells are whole
    stoa_ticks t = stoa_ticks_plan(scale, e->low[a], e->high[a], from_zero, about, least_step);
    stoa_buffer_printf(b, "set %srange [%.17g:%.17g]\nset %stics (", axis_letter[a], t.low, t.high,
                       axis_letter[a]);
    for (int i = 0; i < t.count; i++) {
        stoa_buffer_printf(b, "%s", i > 0 ? ", " : "");
        quote_tick(b, t.label[i]);
        stoa_buffer_printf(b, " %.17g", t.at[i]);
    }
    stoa_buffer_printf(b, ")\n");
    if (scale->logarithmic)
        stoa_buffer_printf(b, "set logscale %s\n", axis_letter[a]);
    return t;
}

static void axes(stoa_buffer *b, const stoa_figure *f, const extent *e) {
    for (int a = 0; a < STOA_AXIS_COUNT; a++) {
        stoa_buffer_printf(b, "set %slabel ", axis_letter[a]);
        quote(b, f->axis[a].label);
        stoa_buffer_printf(b, " textcolor rgb '#010203'%s\n",
                           a == STOA_AXIS_X ? " offset 0,0.2" : " offset 0.6,0");
        if (f->axis[a].names)
            name_axis(b, f, (stoa_axis)a);
        else
            number_axis(b, f, (stoa_axis)a, e);
    }
}

// Lines across the figure at given values.
static void mark_lines(stoa_buffer *b, const stoa_figure *f) {
    for (const stoa_figure_mark_line *m = f->marks; m; m = m->next) {
        if (!isfinite(m->value) || (f->axis[m->axis].logarithmic && m->value <= 0.0))
            continue;
        bool across = m->axis == STOA_AXIS_Y;
        stoa_buffer_printf(b, "set arrow from %s%.17g%s to %s%.17g%s nohead front ",
                           across ? "graph 0, first " : "first ", m->value,
                           across ? "" : ", graph 0", across ? "graph 1, first " : "first ",
                           m->value, across ? "" : ", graph 1");
        stoa_buffer_printf(b, "lc rgb '#010206' lw 1.2 dt (9,6)\nset label ");
        quote(b, m->label);
        stoa_buffer_printf(b, " at %s%.17g%s %s front textcolor rgb '#010206'\n",
                           across ? "graph 1, first " : "first ", m->value,
                           across ? "" : ", graph 0.97",
                           across ? "right offset -0.4,0.55" : "left offset 0.6,0");
    }
}

// ---- series -------------------------------------------------------------------------------------

// Rows: x y low high width. Points that cannot be drawn are left out; a line is broken there.
static void data_block(stoa_buffer *b, const stoa_figure *f, const stoa_figure_series *node,
                       int number, int bar, const extent *e) {
    const stoa_series *s = &node->as_given;
    double slot = 0.8 / (e->bar_series > 0 ? e->bar_series : 1), shift = 0.0, width = slot * 0.92;
    if (s->kind == STOA_SERIES_BARS && !node->width)
        shift = slot * (bar - 0.5 * (e->bar_series - 1));
    int64_t stride =
        s->kind == STOA_SERIES_SCATTER && s->n > MOST_SCATTER ? (s->n - 1) / MOST_SCATTER + 1 : 1;
    stoa_buffer_printf(b, "$d%d << EOD\n", number);
    for (int64_t i = 0; i < s->n; i += stride) {
        if (!drawable(f, s, i)) {
            stoa_buffer_printf(b, "\n");
            continue;
        }
        bool ends = has_ends(f, s, i);
        stoa_buffer_printf(b, "%.10g %.10g %.10g %.10g %.10g\n", s->x[i] + shift, s->y[i],
                           ends ? s->low[i] : s->y[i], ends ? s->high[i] : s->y[i],
                           node->width ? node->width[i] : width);
    }
    stoa_buffer_printf(b, "EOD\n");
}

static void title(stoa_buffer *b, const char *name) {
    stoa_buffer_printf(b, name ? " title " : " notitle");
    if (name)
        quote(b, name);
}

// Arrows with flat heads: gnuplot's own error bars blank out the middle.
static void plot_whiskers(stoa_buffer *b, int number, int colour) {
    stoa_buffer_printf(b,
                       ", $d%d using 1:3:(0):($4-$3) with vectors heads size screen 0.005,90 "
                       "fixed lw 1.4 lc rgb '#0102%02x' notitle",
                       number, colour);
}

// The plot elements of one series, each after a comma.
static void plot_series(stoa_buffer *b, const stoa_figure_series *node, int number) {
    const stoa_series *s = &node->as_given;
    int colour = 16 + node->colour, shape = shapes[node->colour - 1].full;
    if (s->hollow)
        shape = shapes[node->colour - 1].hollow;
    const char *dash = s->dashed ? " dt (8,5)" : "";
    bool whiskers = s->low && s->kind != STOA_SERIES_LINE && s->kind != STOA_SERIES_SCATTER;
    // below the points, which cover their middles; bars come first, and their whiskers last
    if (whiskers && s->kind != STOA_SERIES_BARS)
        plot_whiskers(b, number, colour);
    switch (s->kind) {
    case STOA_SERIES_LINE:
        if (s->low)
            stoa_buffer_printf(b,
                               ", $d%d using 1:3:4 with filledcurves fs transparent solid 0.16 "
                               "noborder fc rgb '#0102%02x' notitle",
                               number, colour);
        stoa_buffer_printf(b, ", $d%d using 1:2 with lines lw 2.2%s lc rgb '#0102%02x'", number,
                           dash, colour);
        title(b, s->name);
        break;
    case STOA_SERIES_MARKED:
        stoa_buffer_printf(b,
                           ", $d%d using 1:2 with linespoints lw 2.2%s pt %d ps 0.75 lc rgb "
                           "'#0102%02x'",
                           number, dash, shape, colour);
        title(b, s->name);
        break;
    case STOA_SERIES_POINTS:
        stoa_buffer_printf(b, ", $d%d using 1:2 with points pt %d ps 0.95 lc rgb '#0102%02x'",
                           number, shape, colour);
        title(b, s->name);
        break;
    case STOA_SERIES_SCATTER:
        stoa_buffer_printf(b, ", $d%d using 1:2 with points pt 7 ps 0.34 lc rgb '#a00102%02x'",
                           number, colour);
        title(b, s->name);
        break;
    case STOA_SERIES_BARS:
        stoa_buffer_printf(b,
                           ", $d%d using 1:2:5 with boxes fs %s noborder fc rgb "
                           "'#0102%02x'",
                           number, node->width ? "transparent solid 0.62" : "solid 1", colour);
        title(b, s->name);
        if (whiskers)
            plot_whiskers(b, number, 3);
        break;
    case STOA_SERIES_KIND_COUNT:
        break;
    }
}

static void plot_all(stoa_buffer *b, const stoa_figure *f, const extent *e) {
    int number = 0, bar = 0;
    for (const stoa_figure_series *node = f->series; node; node = node->next, number++) {
        data_block(b, f, node, number, bar, e);
        bar += node->as_given.kind == STOA_SERIES_BARS && !node->width;
    }
    // NaN draws nothing, so that the list is never empty
    stoa_buffer_printf(b, "plot NaN notitle lc rgb '#010203'");
    number = 0;
    for (const stoa_figure_series *node = f->series; node; node = node->next, number++) {
        bool any = false;
        for (int64_t i = 0; i < node->as_given.n && !any; i++)
            any = drawable(f, &node->as_given, i);
        if (any)
            plot_series(b, node, number);
    }
    stoa_buffer_printf(b, "\n");
}

// ---- heat maps ----------------------------------------------------------------------------------

// Equal neighbours in a row become one rectangle; one data block and one colour a class.
static void heat_blocks(stoa_buffer *b, const stoa_heatmap *h, bool *used) {
    for (int class = 0; class < STOA_HEAT_COLOURS; class ++) {
        used[class] = false;
        stoa_buffer_printf(b, "$h%d << EOD\n", class);
        for (int64_t row = 0; row < h->rows; row++)
            for (int64_t col = 0, end; col < h->cols; col = end) {
                const double *line = h->values + row * h->cols;
                int here = stoa_heat_class(line[col], h->least, h->most);
                for (end = col + 1; end < h->cols; end++)
                    if (stoa_heat_class(line[end], h->least, h->most) != here)
                        break;
                if (here != class)
                    continue;
                used[class] = true;
                stoa_buffer_printf(b, "%g %g %g %g %g %g\n", 0.5 * (double)(col + end - 1),
                                   (double)row, (double)col - 0.5, (double)end - 0.5,
                                   (double)row - 0.5, (double)row + 0.5);
            }
        stoa_buffer_printf(b, "EOD\n");
    }
}

// The colour scale, at the top right: label, least, nine boxes, most.
static void heat_legend(stoa_buffer *b, const stoa_figure *f) {
    double high = stoa_figure_pixels_high(f), y0 = 1.0 - 21.0 / high, y1 = 1.0 - 9.0 / high;
    double box = 16.0 / STOA_FIGURE_WIDTH, right = 0.93, left = right - STOA_HEAT_COLOURS * box;
    char text[192], least[32], most[32];
    snprintf(least, sizeof least, "%.3g", f->heat.least);
    snprintf(most, sizeof most, "%.3g", f->heat.most);
    for (int class = 0; class < STOA_HEAT_COLOURS; class ++)
        stoa_buffer_printf(b,
                           "set object rectangle from screen %.6f,%.6f to screen %.6f,%.6f fs "
                           "solid noborder fc rgb '#0102%02x'\n",
                           left + class * box, y0, left + (class + 1) * box, y1, 32 + class);
    snprintf(text, sizeof text, "%s   %s", f->heat.label, least);
    stoa_buffer_printf(b, "set label ");
    quote(b, text);
    stoa_buffer_printf(b, " at screen %.6f,%.6f right textcolor rgb '#010203'\nset label ",
                       left - 0.008, 0.5 * (y0 + y1));
    quote(b, most);
    stoa_buffer_printf(b, " at screen %.6f,%.6f left textcolor rgb '#010203'\n", right + 0.008,
                       0.5 * (y0 + y1));
}

static void plot_heat(stoa_buffer *b, const stoa_figure *f) {
    const stoa_heatmap *h = &f->heat;
    bool used[STOA_HEAT_COLOURS];
    heat_legend(b, f);
    heat_blocks(b, h, used);
    const int64_t cells[] = {[STOA_AXIS_X] = h->cols, [STOA_AXIS_Y] = h->rows};
    for (int a = 0; a < STOA_AXIS_COUNT; a++)
        stoa_buffer_printf(b, "set %srange [-0.5:%lld.5]\n", axis_letter[a],
                           (long long)cells[a] - 1);
    stoa_buffer_printf(b, "unset grid\nset tmargin 2.6\nplot NaN notitle lc rgb '#010203'");
    for (int class = 0; class < STOA_HEAT_COLOURS; class ++)
        if (used[class])
            stoa_buffer_printf(b,
                               ", $h%d using 1:2:3:4:5:6 with boxxyerror fs solid noborder fc rgb "
                               "'#0102%02x' notitle",
                               class, 32 + class);
    stoa_buffer_printf(b, "\n");
}

void stoa_figure_script(const stoa_figure *figure, stoa_buffer *out) {
    stoa_buffer_printf(out,
                       "set encoding utf8\n"
                       "set terminal svg size %d,%d dynamic noenhanced font 'stoa,13' rounded\n"
                       "set border 3 lc rgb '#010204' lw 1\n"
                       "set tics nomirror out scale 0.4 textcolor rgb '#010203'\n"
                       "set grid lc rgb '#010205' lw 0.8 lt 1\n"
                       "set key outside top left horizontal Left reverse samplen 1.6 "
                       "textcolor rgb '#010203'\n"
                       "set rmargin 3\n",
                       STOA_FIGURE_WIDTH, stoa_figure_pixels_high(figure));
    extent e = measure(figure);
    if (figure->heat.values) {
        e.low[STOA_AXIS_X] = e.low[STOA_AXIS_Y] = 0.0;
        e.high[STOA_AXIS_X] = (double)(figure->heat.cols - 1);
        e.high[STOA_AXIS_Y] = (double)(figure->heat.rows - 1);
    }
    axes(out, figure, &e);
    mark_lines(out, figure);
    if (figure->heat.values)
        plot_heat(out, figure);
    else
        plot_all(out, figure, &e);
}
