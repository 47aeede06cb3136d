/*
 * Text coloured by a number: a <div> in which neighbouring pieces of the same colour class share
 * one <span>. Control characters are shown as their pictures, a line break also breaks the line.
 */
#include "study/report.h"

#include "base/text.h"

#include <math.h>

// One character, or one malformed byte as U+FFFD.
static void character(stoa_buffer *b, const char *at, size_t len, uint32_t code) {
    char copy[8] = {0};
    if (len == 0) {
        stoa_buffer_printf(b, "\xef\xbf\xbd");
    } else if (code == '\n') {
        stoa_buffer_printf(b, "\xe2\x86\xb5\n"); // a return arrow, so that its colour shows
    } else if (code < 0x20) {
        stoa_buffer_printf(b, "&#x24%02x;", (unsigned)code); // U+2400: control pictures
    } else if (code == 0x7f || !stoa_printable(code)) {
        stoa_buffer_printf(b, "\xef\xbf\xbd");
    } else {
        for (size_t i = 0; i < len && i < sizeof copy - 1; i++)
            copy[i] = at[i];
        stoa_buffer_html(b, copy);
    }
}

static void text_run(stoa_buffer *b, const char *text, size_t len) {
    while (len > 0) {
        uint32_t code = 0;
        size_t step = stoa_utf8_next(text, len, &code);
        character(b, text, step, code);
        step = step > 0 ? step : 1;
        text += step;
        len -= step;
    }
}

static size_t piece_end(const stoa_heat_text *h, int64_t i) {
    size_t end = h->end ? h->end[i] : (size_t)i + 1;
    return end < h->len ? end : h->len;
}

// Whether byte `at` begins a character (or the text ends there).
static bool boundary(const stoa_heat_text *h, size_t at) {
    return at >= h->len || ((unsigned char)h->text[at] & 0xc0) != 0x80;
}

static void scale(stoa_buffer *b, const stoa_heat_text *h) {
    char text[96];
    stoa_buffer_printf(b, "<div class=\"scale\">");
    stoa_buffer_html(b, h->label);
    stoa_buffer_printf(b, ": <span>");
    stoa_html_number(b, stoa_format_number(h->format, h->least, text, sizeof text));
    stoa_buffer_printf(b, "</span> <span class=\"run\">");
    for (int i = 0; i < STOA_HEAT_COLOURS; i++)
        stoa_buffer_printf(b, "<i class=\"h%d\"></i>", i);
    stoa_buffer_printf(b, "</span> <span>");
    stoa_html_number(b, stoa_format_number(h->format, h->most, text, sizeof text));
    stoa_buffer_printf(b, "</span></div>\n");
}

void stoa_html_heat_text(stoa_buffer *b, const char *title, const stoa_heat_text *heat) {
    stoa_buffer_printf(b, "<div class=\"sample\">");
    if (*title) {
        stoa_buffer_printf(b, "<b>");
        stoa_buffer_html(b, title);
        stoa_buffer_printf(b, "</b>");
    }
    stoa_buffer_printf(b, "\n<div class=\"heat\">");
    int open = -1; // the class of the span that is open; -1: none
    size_t begin = 0;
    for (int64_t i = 0; i < heat->pieces && begin < heat->len;) {
        // join pieces until a character ends
        double sum = 0.0;
        int64_t joined = 0;
        size_t end;
        do {
            sum += heat->value[i];
            joined++;
            end = piece_end(heat, i++);
        } while (i < heat->pieces && (end <= begin || !boundary(heat, end)));
        int class = stoa_heat_class(sum / (double)joined, heat->least, heat->most);
        if (class != open) {
            if (open >= 0)
                stoa_buffer_printf(b, "</span>");
            if (class >= 0)
                stoa_buffer_printf(b, "<span class=\"h%d\">", class);
            open = class;
        }
        if (end > begin)
            text_run(b, heat->text + begin, end - begin);
        begin = end > begin ? end : begin;
    }
    stoa_buffer_printf(b, "%s</div>\n", open >= 0 ? "</span>" : "");
    scale(b, heat);
    stoa_buffer_printf(b, "</div>\n");
}
