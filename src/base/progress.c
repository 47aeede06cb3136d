/*
 * progress.c - one line that says how far, how fast and how long still.
 *
 * On a terminal the line is redrawn in place, ten times a second at most. Elsewhere (a file, a
 * batch queue's log) a plain line is written every ten seconds and one at the end.
 */
#include "base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const double REDRAW_SECONDS = 0.1, PLAIN_SECONDS = 10;
enum { BAR_MOST = 30, BAR_LEAST = 8, LINE_MOST = 640, WIDTH_DEFAULT = 80 };

static int terminal_width(int fd) {
    struct winsize size;
    const char *columns = getenv("COLUMNS");
    int64_t width = 0;
    if (columns && stoa_parse_int(stoa_view_of(columns), &width) && width >= 20 && width < 10000)
        return (int)width;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20)
        return size.ws_col;
    return WIDTH_DEFAULT;
}

static bool is_terminal(FILE *out) {
    int fd = fileno(out);
    const char *term = getenv("TERM");
    return fd >= 0 && isatty(fd) && term && *term && strcmp(term, "dumb") != 0;
}

void stoa_progress_begin(stoa_progress *p, FILE *out, const char *label, const char *unit,
                         double total) {
    *p = (stoa_progress){.out = out, .label = label, .unit = unit, .total = total, .origin = -1};
    p->started = p->last_drawn = stoa_clock();
    p->terminal = is_terminal(out);
    if (p->terminal)
        p->last_drawn -= 2 * REDRAW_SECONDS; // the first update shows at once
    p->width = p->terminal ? terminal_width(fileno(out)) : WIDTH_DEFAULT;
}

/* Work a second since the first update, so that a resumed run does not count what it skipped. */
static double rate_of(const stoa_progress *p, double now) {
    double seconds = now - p->origin_time;
    return seconds > 0 && p->done > p->origin ? (p->done - p->origin) / seconds : 0;
}

/* A fixed line that is appended to and cut off at its end. */
typedef struct line {
    char text[LINE_MOST];
    size_t len;
} line;

static void add(line *l, const char *fmt, ...) STOA_PRINTF(2, 3);
static void add(line *l, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(l->text + l->len, sizeof l->text - l->len, fmt, args);
    va_end(args);
    if (n > 0)
        l->len = l->len + (size_t)n < sizeof l->text ? l->len + (size_t)n : sizeof l->text - 1;
}

/* Small whole numbers are told exactly. */
static const char *amount(const stoa_progress *p, double value, char *out, size_t n) {
    if (p->total >= 1e6 || value != floor(value) || value < 0)
        return stoa_human_count(value, out, n);
    snprintf(out, n, "%.0f", value);
    return out;
}

/* " 1200/10000 steps, 35.1/s, 4 m 10 s left, loss 2.31" */
static void describe(const stoa_progress *p, double now, bool last, line *out) {
    char number[32];
    double rate = rate_of(p, now);
    add(out, " %s", amount(p, p->done, number, sizeof number));
    if (p->total > 0)
        add(out, "/%s", amount(p, p->total, number, sizeof number));
    if (p->unit[0])
        add(out, " %s", p->unit);
    if (rate > 0)
        add(out, ", %s/s", stoa_human_count(rate, number, sizeof number));
    if (last)
        add(out, ", took %s", stoa_human_time(now - p->started, number, sizeof number));
    else if (rate > 0 && p->total > p->done)
        add(out, ", %s left", stoa_human_time((p->total - p->done) / rate, number, sizeof number));
    if (p->note[0])
        add(out, ", %s", p->note);
}

/* 0..1, or -1 when the total is unknown. */
static double fraction_of(const stoa_progress *p) {
    return p->total > 0 ? fmax(0, fmin(1, p->done / p->total)) : -1;
}

/* Cuts text down to `columns` characters, counting code points. */
static void cut_to(line *l, int columns) {
    size_t at = 0;
    while (at < l->len && columns > 0) {
        uint32_t code;
        size_t step = stoa_utf8_next(l->text + at, l->len - at, &code);
        at += step ? step : 1;
        columns--;
    }
    l->len = at;
    l->text[at] = '\0';
}

/* The lines below the bar; but at the end, the cursor returns to the bar. A log line that comes in
 * between takes the bar's place, and the next drawing begins one line lower. */
static void draw_below(const stoa_progress *p, bool last) {
    int lines = 0;
    for (const char *at = p->below; at && *at; lines++) {
        const char *end = strchr(at, '\n');
        int n = end ? (int)(end - at) : (int)strlen(at);
        fprintf(p->out, "%s%.*s\033[K", last && lines == 0 ? "" : "\n", n, at);
        at += n + (end != NULL);
    }
    if (lines > 0 && last)
        fprintf(p->out, "\n");
    else if (lines > 0)
        fprintf(p->out, "\033[%dA", lines);
}

/* "train  42% [############..................] 4200/10000 steps, ..." in at most width - 1 columns,
 * the bar as wide as the words leave room for, and none when they leave too little. */
static void draw_bar(const stoa_progress *p, double now, bool last) {
    line words = {0}, all = {0};
    double fraction = fraction_of(p);
    describe(p, now, last, &words);
    add(&all, "%s", p->label);
    if (fraction >= 0) {
        add(&all, " %3d%%", (int)(100 * fraction));
        int room = p->width - 1 - (int)all.len - (int)words.len - 3;
        int wide = room > BAR_MOST ? BAR_MOST : room < BAR_LEAST ? 0 : room;
        int full = (int)(fraction * wide);
        for (int i = 0; i < wide; i++)
            add(&all, "%s%c%s", i == 0 ? " [" : "", i < full ? '#' : '.', i + 1 == wide ? "]" : "");
    }
    add(&all, "%s", words.text);
    cut_to(&all, p->width - 1);
    fprintf(p->out, "\r%s\033[K%s", all.text, last ? "\n" : "");
    draw_below(p, last);
}

static void draw(stoa_progress *p, double now, bool last) {
    if (p->terminal) {
        draw_bar(p, now, last);
    } else {
        line words = {0};
        double fraction = fraction_of(p);
        describe(p, now, last, &words);
        if (fraction >= 0)
            fprintf(p->out, "%s: %d%%,%s\n", p->label, (int)(100 * fraction), words.text);
        else
            fprintf(p->out, "%s:%s\n", p->label, words.text);
    }
    fflush(p->out);
    p->last_drawn = now;
    p->drawn = true;
}

void stoa_progress_update(stoa_progress *p, double done, const char *note_fmt, ...) {
    double now = stoa_clock();
    if (p->origin < 0) {
        p->origin = done;
        p->origin_time = now;
    }
    p->done = done;
    if (note_fmt) {
        char raw[sizeof p->note];
        va_list args;
        va_start(args, note_fmt);
        vsnprintf(raw, sizeof raw, note_fmt, args);
        va_end(args);
        stoa_escape_line(p->note, sizeof p->note, raw);
    }
    if (now - p->last_drawn < (p->terminal ? REDRAW_SECONDS : PLAIN_SECONDS))
        return;
    draw(p, now, false);
}

void stoa_progress_end(stoa_progress *p) {
    draw(p, stoa_clock(), true);
}
