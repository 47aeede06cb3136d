/*
 * base/text.h - helpers for text that may be hostile, shared inside the base room.
 */
#ifndef STOA_BASE_TEXT_H
#define STOA_BASE_TEXT_H

#include "stoa/base.h"

/* Length in bytes of the well-formed UTF-8 sequence at s (n bytes left) and its code point, or 0
 * when there is none: overlong forms, surrogates and values above U+10FFFF are malformed. */
size_t stoa_utf8_next(const char *s, size_t n, uint32_t *code);

/* Whether all of text is well-formed UTF-8. */
bool stoa_utf8_valid(stoa_view text);

/* Whether a terminal shows the character rather than acts on it: no control character, no line or
 * direction mark. */
bool stoa_printable(uint32_t code);

/* Copies text into out (n bytes, n >= 8) as one printable line: control characters, malformed bytes
 * and direction overrides become \n, \t, \xNN or \u{NNNN}. A text that does not fit ends in "...".
 * Returns the length written. */
size_t stoa_escape_line(char *out, size_t n, const char *text);

/* The shortest decimal text that reads back as exactly value, in any locale. "nan", "inf", "-inf"
 * for what is not finite. Writes into out (n >= 32) and returns it. */
const char *stoa_format_double(double value, char *out, size_t n);

#endif /* STOA_BASE_TEXT_H */
