/*
 * unicode.c - characters: decoding, classes, lossy output, the byte alphabet.
 */
#include "text/unicode.h"

#include "base/text.h"

#include <string.h>
#include <utf8proc.h>

enum {
    O = STOA_KIND_OTHER,
    L = STOA_KIND_LETTER,
    N = STOA_KIND_NUMBER,
    S = STOA_KIND_SPACE,
};

const unsigned char stoa_ascii_kinds[128] = {
    O, O, O, O, O, O, O, O, O, S, S, S, S, S, O, O, // 0x00
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, // 0x10
    S, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, // 0x20
    N, N, N, N, N, N, N, N, N, N, O, O, O, O, O, O, // 0x30
    O, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, // 0x40
    L, L, L, L, L, L, L, L, L, L, L, O, O, O, O, O, // 0x50
    O, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, // 0x60
    L, L, L, L, L, L, L, L, L, L, L, O, O, O, O, O, // 0x70
};

static const char REPLACEMENT[] = "\xef\xbf\xbd"; // U+FFFD

stoa_char stoa_char_decode(const char *text, size_t n) {
    uint32_t code = 0;
    size_t bytes = stoa_utf8_next(text, n, &code);
    return bytes > 0 ? (stoa_char){code, (uint32_t)bytes} : (stoa_char){STOA_CHAR_INVALID, 1};
}

stoa_char stoa_char_before(const char *text, size_t n) {
    for (size_t back = 1; back <= 4 && back <= n; back++) {
        stoa_char c = stoa_char_at(text + n - back, back);
        if (c.bytes == back && c.code != STOA_CHAR_INVALID)
            return c;
    }
    return (stoa_char){STOA_CHAR_INVALID, 1};
}

size_t stoa_char_encode(uint32_t code, char out[4]) {
    return (size_t)utf8proc_encode_char((utf8proc_int32_t)code, (utf8proc_uint8_t *)out);
}

/* ---- classes ---- */

static utf8proc_category_t category(uint32_t code) {
    return code <= 0x10ffff ? utf8proc_category((utf8proc_int32_t)code) : UTF8PROC_CATEGORY_CN;
}

bool stoa_char_is_space(uint32_t code) {
    if (code < 0x80)
        return stoa_ascii_kinds[code] == STOA_KIND_SPACE;
    return code == 0x85 || code == 0xa0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200a) ||
           code == 0x2028 || code == 0x2029 || code == 0x202f || code == 0x205f || code == 0x3000;
}

stoa_kind stoa_char_kind_wide(uint32_t code) {
    utf8proc_category_t c = category(code);
    if (c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LO)
        return STOA_KIND_LETTER;
    if (c >= UTF8PROC_CATEGORY_ND && c <= UTF8PROC_CATEGORY_NO)
        return STOA_KIND_NUMBER;
    return stoa_char_is_space(code) ? STOA_KIND_SPACE : STOA_KIND_OTHER;
}

bool stoa_char_is_number(uint32_t code) {
    return stoa_char_kind(code) == STOA_KIND_NUMBER;
}

bool stoa_char_is_mark(uint32_t code) {
    utf8proc_category_t c = category(code);
    return c >= UTF8PROC_CATEGORY_MN && c <= UTF8PROC_CATEGORY_ME;
}

bool stoa_char_is_word(uint32_t code) {
    utf8proc_category_t c = category(code);
    if ((c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_NL) || c == UTF8PROC_CATEGORY_PC)
        return true; // letters, marks, decimal digits, letter numbers, connectors
    return (code >= 0x24b6 && code <= 0x24e9) ||   // symbols that count as alphabetic: letters in
           (code >= 0x1f130 && code <= 0x1f149) || // circles and squares
           (code >= 0x1f150 && code <= 0x1f169) || (code >= 0x1f170 && code <= 0x1f189) ||
           code == 0x200c || code == 0x200d;
}

bool stoa_char_is_punctuation(uint32_t code) {
    if (code < 0x80)
        return code > 0x20 && code != 0x7f && stoa_ascii_kinds[code] == STOA_KIND_OTHER;
    utf8proc_category_t c = category(code);
    return c >= UTF8PROC_CATEGORY_PC && c <= UTF8PROC_CATEGORY_PO;
}

/* ---- UTF-8 with errors ---- */

size_t stoa_utf8_span(stoa_view text) {
    size_t at = 0;
    while (at < text.len) {
        stoa_char c = stoa_char_at(text.ptr + at, text.len - at);
        if (c.code == STOA_CHAR_INVALID)
            break;
        at += c.bytes;
    }
    return at;
}

/* Length of the longest beginning of text (n > 0 bytes) that begins some well-formed character of
 * more bytes than that: 0 when the first byte begins none. */
static size_t begun(const unsigned char *text, size_t n) {
    unsigned char a = text[0];
    size_t need = a >= 0xc2 && a <= 0xdf   ? 2
                  : a >= 0xe0 && a <= 0xef ? 3
                  : a >= 0xf0 && a <= 0xf4 ? 4
                                           : 0;
    if (need == 0)
        return 0;
    size_t have = 1;
    while (have < n && have < need - 1) {
        unsigned char b = text[have], least = 0x80, most = 0xbf;
        if (have == 1) { // the second byte rules out overlong forms, surrogates and too large ones
            least = a == 0xe0 ? 0xa0 : a == 0xf0 ? 0x90 : 0x80;
            most = a == 0xed ? 0x9f : a == 0xf4 ? 0x8f : 0xbf;
        }
        if (b < least || b > most)
            break;
        have++;
    }
    return have;
}

size_t stoa_utf8_cut_tail(stoa_view text) {
    for (size_t back = text.len < 3 ? text.len : 3; back > 0; back--) {
        const unsigned char *tail = (const unsigned char *)text.ptr + text.len - back;
        uint32_t code;
        if (tail[0] >= 0xc0 && stoa_utf8_next((const char *)tail, back, &code) == 0 &&
            begun(tail, back) == back)
            return back;
    }
    return 0;
}

void stoa_utf8_append_lossy(stoa_buffer *out, stoa_view text) {
    while (text.len > 0) {
        size_t good = stoa_utf8_span(text);
        stoa_buffer_append(out, text.ptr, good);
        text.ptr += good;
        text.len -= good;
        if (text.len == 0)
            break;
        size_t bad = begun((const unsigned char *)text.ptr, text.len);
        bad = bad > 0 ? bad : 1;
        stoa_buffer_append(out, REPLACEMENT, 3);
        text.ptr += bad;
        text.len -= bad;
    }
}

/* ---- the byte alphabet ---- */

uint32_t stoa_byte_char(unsigned char byte) {
    if (byte <= 0x20)
        return 0x100u + byte;
    if (byte >= 0x7f && byte <= 0xa0)
        return 0x100u + 33 + (byte - 0x7fu);
    return byte == 0xad ? 0x100u + 67 : byte;
}

int stoa_char_byte(uint32_t code) {
    if ((code >= 0x21 && code <= 0x7e) || (code >= 0xa1 && code <= 0xff && code != 0xad))
        return (int)code;
    if (code < 0x100 || code > 0x143)
        return -1;
    uint32_t rank = code - 0x100;
    return rank < 33 ? (int)rank : rank < 67 ? (int)(0x7f + rank - 33) : 0xad;
}

void stoa_byte_alphabet_append(stoa_buffer *out, stoa_view text) {
    for (size_t i = 0; i < text.len; i++) {
        char utf8[4];
        size_t n = stoa_char_encode(stoa_byte_char((unsigned char)text.ptr[i]), utf8);
        stoa_buffer_append(out, utf8, n);
    }
}

bool stoa_byte_alphabet_decode(stoa_buffer *out, stoa_view text) {
    size_t start = out->len;
    for (size_t at = 0; at < text.len;) {
        stoa_char c = stoa_char_at(text.ptr + at, text.len - at);
        int byte = stoa_char_byte(c.code);
        if (byte < 0) {
            out->len = start;
            return false;
        }
        char one = (char)byte;
        stoa_buffer_append(out, &one, 1);
        at += c.bytes;
    }
    return true;
}
