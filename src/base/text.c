/*
 * text.c - UTF-8 stepping, escaping of hostile text for one-line messages, exact float text.
 */
#include "base/text.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

size_t stoa_utf8_next(const char *s, size_t n, uint32_t *code) {
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (n == 0)
        return 0;
    const unsigned char *u = (const unsigned char *)s;
    if (u[0] < 0x80) {
        *code = u[0];
        return 1;
    }
    size_t len = u[0] >= 0xf0 ? 4 : u[0] >= 0xe0 ? 3 : 2;
    if (u[0] < 0xc2 || u[0] > 0xf4 || len > n)
        return 0;
    uint32_t c = u[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((u[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (u[i] & 0x3fu);
    }
    if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *code = c;
    return len;
}

bool stoa_utf8_valid(stoa_view text) {
    uint32_t code;
    for (size_t i = 0, step; i < text.len; i += step) {
        step = stoa_utf8_next(text.ptr + i, text.len - i, &code);
        if (step == 0)
            return false;
    }
    return true;
}

bool stoa_printable(uint32_t c) {
    return !(c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 ||
             (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff ||
             c == 0xfffe || c == 0xffff);
}

size_t stoa_escape_line(char *out, size_t n, const char *text) {
    assert(n >= 8);
    size_t left = strlen(text), len = 0, safe = 0; // safe: last length that leaves room for "..."
    while (left > 0) {
        char piece[16];
        uint32_t c = 0;
        size_t step = stoa_utf8_next(text, left, &c), add;
        if (step == 0) {
            add = (size_t)snprintf(piece, sizeof piece, "\\x%02x", (unsigned char)*text);
            step = 1;
        } else if (c == '\n' || c == '\t' || c == '\r') {
            add = (size_t)snprintf(piece, sizeof piece, "\\%c",
                                   c == '\n'   ? 'n'
                                   : c == '\t' ? 't'
                                               : 'r');
        } else if (!stoa_printable(c)) {
            add = (size_t)(c < 0x80 ? snprintf(piece, sizeof piece, "\\x%02x", (unsigned)c)
                                    : snprintf(piece, sizeof piece, "\\u{%04x}", (unsigned)c));
        } else {
            memcpy(piece, text, step);
            add = step;
        }
        if (len + add + 1 > n) {
            memcpy(out + safe, "...", 3);
            len = safe + 3;
            break;
        }
        memcpy(out + len, piece, add);
        len += add;
        if (len + 4 <= n)
            safe = len;
        text += step;
        left -= step;
    }
    out[len] = '\0';
    return len;
}

const char *stoa_format_double(double value, char *out, size_t n) {
    assert(n >= 32);
    if (!isfinite(value)) {
        snprintf(out, n, "%s", isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
        return out;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(out, n, "%.*g", digits, value);
        if (strtod(out, NULL) == value)
            break;
    }
    char *comma = strchr(out, ','); // a host program may have set a locale
    if (comma)
        *comma = '.';
    return out;
}
