/*
 * Tables and figures of a report as HTML. Under each figure its numbers are folded away; where it
 * cannot be drawn they stand in its place.
 */
#include "study/report.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

enum { MOST_ROWS = 200 }; // of a figure's numbers; result.json has all of them

void stoa_html_number(stoa_buffer *b, const char *formatted) {
    if (strcmp(formatted, "-") == 0) { // no number
        stoa_buffer_printf(b, "\xe2\x80\x93");
        return;
    }
    for (const char *c = formatted; *c; c++) {
        char one[2] = {*c, '\0'};
        if (*c == '-' && isdigit((unsigned char)c[1]))
            stoa_buffer_printf(b, "\xe2\x88\x92"); // U+2212, a real minus
        else if (*c == ' ' && c > formatted && isdigit((unsigned char)c[-1]) &&
                 !isdigit((unsigned char)c[1]))
            stoa_buffer_printf(b, "\xc2\xa0"); // before a unit
        else
            stoa_buffer_html(b, one);
    }
}

// ---- tables -------------------------------------------------------------------------------------

static void cell(stoa_buffer *b, const stoa_cell *cell, stoa_format format, bool text_column) {
    char text[96], low[96], high[96];
    stoa_buffer_printf(b, text_column ? "<td>" : "<td class=\"n\">");
    if (cell->kind == STOA_CELL_TEXT) {
        stoa_buffer_html(b, cell->text);
    } else if (cell->kind != STOA_CELL_EMPTY) {
        stoa_buffer_printf(b, "<span>");
        stoa_html_number(b, stoa_format_bare(format, cell->value.value, text, sizeof text));
        stoa_buffer_printf(b, "</span>");
        if (cell->kind == STOA_CELL_INTERVAL && isfinite(cell->value.low) &&
            isfinite(cell->value.high)) {
            char ends[256];
            snprintf(ends, sizeof ends, "%s to %s",
                     stoa_format_bare(format, cell->value.low, low, sizeof low),
                     stoa_format_bare(format, cell->value.high, high, sizeof high));
            stoa_buffer_printf(b, " <span class=\"ends\">(");
            stoa_html_number(b, ends);
            stoa_buffer_printf(b, ")</span>");
        }
    }
    stoa_buffer_printf(b, "</td>");
}

void stoa_html_table(stoa_buffer *b, const stoa_table *table, int number) {
    stoa_buffer_printf(b, "<div class=\"wide\" id=\"table-");
    stoa_buffer_html(b, table->id);
    stoa_buffer_printf(b, "\" tabindex=\"0\" role=\"region\" aria-label=\"");
    stoa_buffer_html(b, table->title);
    stoa_buffer_printf(b, "\"><table><caption><span class=\"number\">Table %d.</span> <b>", number);
    stoa_buffer_html(b, table->title);
    stoa_buffer_printf(b, "</b>");
    if (*table->caption) {
        stoa_buffer_printf(b, "<small>");
        stoa_buffer_html(b, table->caption);
        stoa_buffer_printf(b, "</small>");
    }
    stoa_buffer_printf(b, "</caption>\n<thead><tr>");
    for (int i = 0; i < table->columns; i++) {
        const char *unit = stoa_format_unit(table->column[i].format);
        stoa_buffer_printf(b, "<th scope=\"col\"%s>", table->column[i].text ? "" : " class=\"n\"");
        stoa_buffer_html(b, table->column[i].name);
        if (*unit && !table->column[i].text) {
            stoa_buffer_printf(b, ", <span class=\"unit\">");
            stoa_buffer_html(b, unit);
            stoa_buffer_printf(b, "</span>");
        }
        stoa_buffer_printf(b, "</th>");
    }
    stoa_buffer_printf(b, "</tr></thead>\n<tbody>\n");
    for (const stoa_table_row_node *row = table->rows; row; row = row->next) {
        stoa_buffer_printf(b, row->strong ? "<tr class=\"strong\">" : "<tr>");
        for (int i = 0; i < table->columns; i++)
            cell(b, &row->cell[i], table->column[i].format, table->column[i].text);
        stoa_buffer_printf(b, "</tr>\n");
    }
    stoa_buffer_printf(b, "</tbody></table></div>\n");
}

// ---- figures ------------------------------------------------------------------------------------

static void plain_number(stoa_buffer *b, double value) {
    char text[64];
    stoa_format format = {.kind = STOA_FORMAT_SIGNIFICANT, .digits = 6};
    stoa_buffer_printf(b, "<td class=\"n\">");
    if (isfinite(value))
        stoa_html_number(b, stoa_format_bare(format, value, text, sizeof text));
    stoa_buffer_printf(b, "</td>");
}

// A position with a name is shown by it.
static void plain_position(stoa_buffer *b, const stoa_figure_scale *scale, double value) {
    int i = isfinite(value) ? (int)lround(fmax(-1.0, fmin(value, 1e6))) : -1;
    if (scale->names && i >= 0 && i < scale->names_count) {
        stoa_buffer_printf(b, "<td class=\"n\">");
        stoa_buffer_html(b, scale->names[i]);
        stoa_buffer_printf(b, "</td>");
    } else {
        plain_number(b, value);
    }
}

static void axis_head(stoa_buffer *b, const stoa_figure *f, stoa_axis axis, const char *otherwise) {
    stoa_buffer_printf(b, "<th scope=\"col\" class=\"n\">");
    stoa_buffer_html(b, *f->axis[axis].label ? f->axis[axis].label : otherwise);
    stoa_buffer_printf(b, "</th>");
}

static void series_numbers(stoa_buffer *b, const stoa_figure *f) {
    bool ends = false;
    int64_t rows = 0, all = 0;
    for (const stoa_figure_series *s = f->series; s; s = s->next)
        ends = ends || s->as_given.low;
    stoa_buffer_printf(b, "<thead><tr><th scope=\"col\">Series</th>");
    axis_head(b, f, STOA_AXIS_X, "x");
    axis_head(b, f, STOA_AXIS_Y, "y");
    if (ends)
        stoa_buffer_printf(b, "<th scope=\"col\" class=\"n\">low</th><th scope=\"col\" "
                              "class=\"n\">high</th>");
    stoa_buffer_printf(b, "</tr></thead>\n<tbody>\n");
    for (const stoa_figure_series *node = f->series; node; node = node->next) {
        const stoa_series *s = &node->as_given;
        all += s->n;
        for (int64_t i = 0; i < s->n && rows < MOST_ROWS; i++, rows++) {
            stoa_buffer_printf(b, "<tr><td>");
            stoa_buffer_html(b, s->name ? s->name : "");
            stoa_buffer_printf(b, "</td>");
            plain_position(b, &f->axis[STOA_AXIS_X], s->x[i]);
            plain_number(b, s->y[i]);
            if (ends) {
                plain_number(b, s->low ? s->low[i] : (double)NAN);
                plain_number(b, s->low ? s->high[i] : (double)NAN);
            }
            stoa_buffer_printf(b, "</tr>\n");
        }
    }
    stoa_buffer_printf(b, "</tbody></table>");
    if (all > rows)
        stoa_buffer_printf(b,
                           "<p class=\"note\">The first %lld of %lld points; result.json has "
                           "all of them.</p>",
                           (long long)rows, (long long)all);
}

static void heat_numbers(stoa_buffer *b, const stoa_figure *f) {
    const stoa_heatmap *h = &f->heat;
    int64_t cols = h->cols < 16 ? h->cols : 16, rows = h->rows < MOST_ROWS ? h->rows : MOST_ROWS;
    stoa_buffer_printf(b, "<thead><tr>");
    axis_head(b, f, STOA_AXIS_Y, "row");
    for (int64_t col = 0; col < cols; col++) {
        stoa_buffer_printf(b, "<th scope=\"col\" class=\"n\">");
        if (f->axis[STOA_AXIS_X].names && col < f->axis[STOA_AXIS_X].names_count)
            stoa_buffer_html(b, f->axis[STOA_AXIS_X].names[col]);
        else
            stoa_buffer_printf(b, "%lld", (long long)col);
        stoa_buffer_printf(b, "</th>");
    }
    stoa_buffer_printf(b, "</tr></thead>\n<tbody>\n");
    for (int64_t row = 0; row < rows; row++) {
        stoa_buffer_printf(b, "<tr>");
        plain_position(b, &f->axis[STOA_AXIS_Y], (double)row);
        for (int64_t col = 0; col < cols; col++)
            plain_number(b, h->values[row * h->cols + col]);
        stoa_buffer_printf(b, "</tr>\n");
    }
    stoa_buffer_printf(b, "</tbody></table>");
    if (cols < h->cols || rows < h->rows)
        stoa_buffer_printf(b,
                           "<p class=\"note\">%lld of %lld rows, %lld of %lld columns; "
                           "result.json has all of them.</p>",
                           (long long)rows, (long long)h->rows, (long long)cols,
                           (long long)h->cols);
}

static void numbers(stoa_buffer *b, const stoa_figure *f, bool open) {
    stoa_buffer_printf(
        b,
        "<details%s><summary>The numbers</summary><div class=\"wide\" tabindex=\"0\" "
        "role=\"region\" aria-label=\"The figure's numbers\"><table>",
        open ? " open" : "");
    if (f->heat.values)
        heat_numbers(b, f);
    else
        series_numbers(b, f);
    stoa_buffer_printf(b, "</div></details>\n");
}

void stoa_html_figure(stoa_buffer *b, const stoa_figure *figure, int number) {
    stoa_buffer svg = {0};
    stoa_error err = {0};
    stoa_status status = stoa_figure_svg(figure, &svg, &err);
    stoa_buffer_printf(b,
                       "<figure id=\"%s\"><figcaption class=\"above\"><span class=\"number\">"
                       "Figure %d.</span> <b>",
                       figure->id, number);
    stoa_buffer_html(b, figure->title);
    stoa_buffer_printf(b, "</b></figcaption>\n");
    if (status == STOA_OK) {
        stoa_buffer_printf(b, "<div class=\"canvas\">");
        stoa_buffer_append(b, svg.data, svg.len);
        stoa_buffer_printf(b, "</div>\n");
    } else {
        stoa_log_write(STOA_LOG_WARN, "%s; the report shows its numbers instead", err.message);
        stoa_buffer_printf(b, "<p class=\"note\">This figure could not be drawn here; its numbers "
                              "follow.</p>\n");
    }
    if (*figure->caption) {
        stoa_buffer_printf(b, "<figcaption>");
        stoa_buffer_html(b, figure->caption);
        stoa_buffer_printf(b, "</figcaption>\n");
    }
    numbers(b, figure, status != STOA_OK);
    stoa_buffer_printf(b, "</figure>\n");
    stoa_buffer_deinit(&svg);
}
