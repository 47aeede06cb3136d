/*
 * text/unicode.h - characters: decoding that survives invalid bytes, the classes that piece
 * patterns and pre-tokenizers ask for, and the byte alphabet of byte-level vocabularies.
 *
 * Classes follow the Unicode database of libutf8proc. A byte outside a well-formed sequence is a
 * character of its own with code point STOA_CHAR_INVALID; it is neither letter, number nor space.
 */
#ifndef STOA_TEXT_UNICODE_H
#define STOA_TEXT_UNICODE_H

#include "stoa/base.h"

#define STOA_CHAR_INVALID ((uint32_t)-1)

typedef enum stoa_kind {
    STOA_KIND_OTHER,
    STOA_KIND_LETTER, /* general category L* */
    STOA_KIND_NUMBER, /* N* */
    STOA_KIND_SPACE,  /* property White_Space */
} stoa_kind;

/* One decoded character. */
typedef struct stoa_char {
    uint32_t code;
    uint32_t bytes; /* its length, at least 1 */
} stoa_char;

/* The character at text (n > 0 bytes left). */
stoa_char stoa_char_decode(const char *text, size_t n);
static inline stoa_char stoa_char_at(const char *text, size_t n) {
    unsigned char first = (unsigned char)*text;
    return first < 0x80 ? (stoa_char){first, 1} : stoa_char_decode(text, n);
}
/* The character that ends at text + n (n > 0). */
stoa_char stoa_char_before(const char *text, size_t n);
/* Writes code as UTF-8 and returns its length, 1-4. */
size_t stoa_char_encode(uint32_t code, char out[4]);

extern const unsigned char stoa_ascii_kinds[128];
stoa_kind stoa_char_kind_wide(uint32_t code);
static inline stoa_kind stoa_char_kind(uint32_t code) {
    return code < 0x80 ? (stoa_kind)stoa_ascii_kinds[code] : stoa_char_kind_wide(code);
}

bool stoa_char_is_space(uint32_t code);
bool stoa_char_is_number(uint32_t code);
bool stoa_char_is_word(uint32_t code); /* \w: alphabetic, mark, decimal digit, connector, joiner */
bool stoa_char_is_mark(uint32_t code); /* general category M* */
bool stoa_char_is_punctuation(uint32_t code); /* P*, and all of ASCII's */

/* Length of the longest well-formed UTF-8 beginning of text. */
size_t stoa_utf8_span(stoa_view text);
/* Length of a cut-off character at the end of text, 0-3: bytes that more bytes could complete. */
size_t stoa_utf8_cut_tail(stoa_view text);
/* Appends text; each maximal invalid part becomes one U+FFFD. */
void stoa_utf8_append_lossy(stoa_buffer *out, stoa_view text);

/* The byte alphabet of GPT-2: every byte has a visible character. 0x21-0x7E, 0xA1-0xAC and
 * 0xAE-0xFF stand for themselves, the other 68 in increasing order for U+0100, U+0101, ... */
uint32_t stoa_byte_char(unsigned char byte);
/* The byte that a character stands for, or -1. */
int stoa_char_byte(uint32_t code);
/* Appends text with every byte replaced by its character. */
void stoa_byte_alphabet_append(stoa_buffer *out, stoa_view text);
/* Appends the bytes that text spells; false (nothing appended) when a character spells none. */
bool stoa_byte_alphabet_decode(stoa_buffer *out, stoa_view text);

#endif /* STOA_TEXT_UNICODE_H */
