/*
 * curve.c - a small picture of a series of numbers, made of letters: for a terminal under a bar.
 *
 * In braille each letter is 2 dots wide and 4 high. Without UTF-8 a letter is one star.
 */
#include "stoa/base.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MOST = 200, ROWS_MOST = 8, LABEL = 9 };

bool stoa_terminal_is_utf8(void) {
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value && *value)
            return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
    }
    return false;
}

/* Mean of the i-th of `parts` equal parts of the series; NAN where it has no number. */
static double part_of(const double *values, int64_t n, int64_t i, int64_t parts) {
    int64_t begin = i * n / parts, end = (i + 1) * n / parts, count = 0;
    double sum = 0;
    for (int64_t k = begin; k < end || k == begin; k++) {
        if (k >= n || !isfinite(values[k]))
            continue;
        sum += values[k];
        count++;
    }
    return count ? sum / (double)count : (double)NAN;
}

typedef struct canvas {
    uint8_t dots[ROWS_MOST * 4][COLUMNS_MOST * 2]; /* row 0 is the top */
    int width, height;
} canvas;

static void plot(canvas *c, const double *values, int64_t n, double low, double high) {
    int before = -1;
    int64_t width = n < c->width ? n : c->width; /* a short series is not stretched */
    for (int64_t x = 0; x < width; x++) {
        double value = part_of(values, n, x, width);
        if (!isfinite(value)) {
            before = -1;
            continue;
        }
        double share = high > low ? (value - low) / (high - low) : 0.5;
        int y = (int)lround((1 - share) * (c->height - 1));
        /* a jump is joined up */
        int from = before < 0 ? y : before < y ? before + 1 : before > y ? before - 1 : y;
        for (int k = from < y ? from : y; k <= (from < y ? y : from); k++)
            c->dots[k][x] = 1;
        before = y;
    }
}

/* The letter of cell (row, column): U+2800 and a bit for each dot. */
static void put_braille(const canvas *c, int row, int column, stoa_buffer *out) {
    static const int bits[4][2] = {{0, 3}, {1, 4}, {2, 5}, {6, 7}};
    int code = 0;
    for (int y = 0; y < 4; y++)
        for (int x = 0; x < 2; x++)
            code |= c->dots[4 * row + y][2 * column + x] << bits[y][x];
    stoa_buffer_printf(out, "%c%c%c", 0xe2, 0xa0 | code >> 6, 0x80 | (code & 63));
}

void stoa_curve_text(const double *values, int64_t n, int columns, int rows, bool utf8,
                     stoa_buffer *out) {
    double low = HUGE_VAL, high = -HUGE_VAL;
    for (int64_t i = 0; i < n; i++)
        if (isfinite(values[i])) {
            low = fmin(low, values[i]);
            high = fmax(high, values[i]);
        }
    if (low > high)
        return;
    columns = columns > COLUMNS_MOST ? COLUMNS_MOST : columns < 1 ? 1 : columns;
    rows = rows > ROWS_MOST ? ROWS_MOST : rows < 2 ? 2 : rows;
    canvas c = {.width = utf8 ? 2 * columns : columns, .height = utf8 ? 4 * rows : rows};
    plot(&c, values, n, low, high);
    for (int r = 0; r < rows; r++) {
        char label[32] = "";
        if (r == 0 || r == rows - 1)
            snprintf(label, sizeof label, "%.4g", r == 0 ? high : low);
        stoa_buffer_printf(out, "%*s ", LABEL, label);
        for (int x = 0; x < columns; x++)
            if (utf8)
                put_braille(&c, r, x, out);
            else
                stoa_buffer_append(out, c.dots[r][x] ? "*" : " ", 1);
        stoa_buffer_append(out, "\n", 1);
    }
}
