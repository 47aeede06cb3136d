/*
 * buffer.c - a growing text buffer that fails softly, so that a writer checks once at its end.
 */
#include "base/text.h"

#include <string.h>

/* Makes room for n more bytes and a terminator. */
static bool reserve(stoa_buffer *b, size_t n) {
    size_t need;
    if (b->failed)
        return false;
    if (!stoa_size_add(b->len, n, &need) || !stoa_size_add(need, 1, &need)) {
        b->failed = true;
        return false;
    }
    if (need <= b->cap)
        return true;
    size_t cap = b->cap < 128 ? 128 : b->cap + b->cap / 2;
    if (cap < need)
        cap = need;
    char *data = stoa_realloc(b->data, b->cap, cap);
    if (!data) {
        b->failed = true;
        return false;
    }
    b->data = data;
    b->cap = cap;
    return true;
}

void stoa_buffer_append(stoa_buffer *b, const void *bytes, size_t n) {
    if (!reserve(b, n))
        return;
    if (n > 0)
        memcpy(b->data + b->len, bytes, n);
    b->len += n;
    b->data[b->len] = '\0';
}

void stoa_buffer_printf(stoa_buffer *b, const char *fmt, ...) {
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    if (n < 0)
        b->failed = true;
    else if (reserve(b, (size_t)n)) {
        vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
    va_end(args);
}

static void append_text(stoa_buffer *b, const char *text) {
    stoa_buffer_append(b, text, strlen(text));
}

void stoa_buffer_json_string(stoa_buffer *b, const char *text) {
    size_t left = strlen(text);
    append_text(b, "\"");
    while (left > 0 && !b->failed) {
        uint32_t code = 0;
        size_t step = stoa_utf8_next(text, left, &code);
        if (step == 0) {
            append_text(b, "\xef\xbf\xbd"); // U+FFFD stands for a malformed byte
            step = 1;
        } else if (code == '"' || code == '\\') {
            stoa_buffer_printf(b, "\\%c", (char)code);
        } else if (code == '\n') {
            append_text(b, "\\n");
        } else if (code == '\t') {
            append_text(b, "\\t");
        } else if (code < 0x20 || code == 0x7f || code == 0x2028 || code == 0x2029 ||
                   (code == '<' && left > 1 && (text[1] == '/' || text[1] == '!'))) {
            // the last case keeps the text from ending a <script> element that quotes it
            stoa_buffer_printf(b, "\\u%04x", (unsigned)code);
        } else {
            stoa_buffer_append(b, text, step);
        }
        text += step;
        left -= step;
    }
    append_text(b, "\"");
}

void stoa_buffer_html(stoa_buffer *b, const char *text) {
    static const struct {
        char plain;
        const char *escaped;
    } table[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    while (*text && !b->failed) {
        size_t run = strcspn(text, "&<>\"'");
        stoa_buffer_append(b, text, run);
        text += run;
        for (size_t i = 0; *text && i < sizeof table / sizeof *table; i++)
            if (*text == table[i].plain) {
                append_text(b, table[i].escaped);
                text++;
                break;
            }
    }
}

void stoa_buffer_deinit(stoa_buffer *b) {
    stoa_free(b->data);
    *b = (stoa_buffer){0};
}
