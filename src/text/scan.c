/*
 * scan.c - piece scanners. Alternatives are tried in the order of the regex, each as greedy as it.
 *
 * The subtle part is white space: `\s+(?!\S)` leaves the last character of a run to what follows,
 * so that one space joins the next word, unless the run ends the text.
 */
#include "text/scan.h"

#include "text/unicode.h"

#include <string.h>
#include <strings.h>

/* The end of the run of characters of one kind that begins at `at`. */
static size_t run_end(const char *text, size_t n, size_t at, stoa_kind kind) {
    while (at < n) {
        stoa_char c = stoa_char_at(text + at, n - at);
        if (stoa_char_kind(c.code) != kind)
            break;
        at += c.bytes;
    }
    return at;
}

/* The end of a piece of white space that begins at `at`: the run without its last character, but
 * all of it at the end of the text, and never nothing. */
static size_t space_end(const char *text, size_t n, size_t at) {
    size_t end = run_end(text, n, at, STOA_KIND_SPACE);
    if (end == n)
        return end;
    size_t last = end - stoa_char_before(text, end).bytes;
    return last > at ? last : end;
}

static stoa_kind kind_at(const char *text, size_t n, size_t at) {
    return at < n ? stoa_char_kind(stoa_char_at(text + at, n - at).code) : STOA_KIND_SPACE;
}

/* The end of an English contraction ('s 't 're 've 'm 'll 'd) after the apostrophe at `at`, or 0.
 */
static size_t contraction_end(const char *text, size_t n, size_t at, bool fold_case) {
    static const char suffixes[][3] = {"s", "t", "re", "ve", "m", "ll", "d"};
    const char *rest = text + at + 1;
    size_t left = n - at - 1;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        size_t len = strlen(suffixes[i]);
        if (left >= len &&
            (fold_case ? strncasecmp(rest, suffixes[i], len) : memcmp(rest, suffixes[i], len)) == 0)
            return at + 1 + len;
    }
    if (fold_case && left >= 2 && memcmp(rest, "\xc5\xbf", 2) == 0)
        return at + 3; // U+017F, the long s, is an s to case-insensitive matching
    return 0;
}

/* 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ */
static size_t scan_gpt2(const char *text, size_t n, size_t at) {
    if (text[at] == '\'') {
        size_t end = contraction_end(text, n, at, false);
        if (end > 0)
            return end;
    }
    size_t from = at + (text[at] == ' ');
    stoa_kind kind = kind_at(text, n, from);
    if (kind != STOA_KIND_SPACE)
        return run_end(text, n, from, kind);
    return space_end(text, n, at);
}

/* The end of the last \r or \n in [at, end), or 0. */
static size_t last_line_end(const char *text, size_t at, size_t end) {
    while (end > at && text[end - 1] != '\n' && text[end - 1] != '\r')
        end--;
    return end > at ? end : 0;
}

/* (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,digits}| ?[^\s\p{L}\p{N}]+[\r\n]*
 * |\s*[\r\n]+|\s+(?!\S)|\s+ */
static size_t scan_modern(const char *text, size_t n, size_t at, int digits) {
    if (text[at] == '\'') {
        size_t end = contraction_end(text, n, at, true);
        if (end > 0)
            return end;
    }
    stoa_char c = stoa_char_at(text + at, n - at);
    stoa_kind kind = stoa_char_kind(c.code);
    size_t next = at + c.bytes;
    if (kind == STOA_KIND_NUMBER) {
        for (int i = 1; i < digits && next < n && kind_at(text, n, next) == STOA_KIND_NUMBER; i++)
            next += stoa_char_at(text + next, n - next).bytes;
        return next;
    }
    bool line_end = c.code == '\r' || c.code == '\n';
    if (kind == STOA_KIND_LETTER || (!line_end && kind_at(text, n, next) == STOA_KIND_LETTER))
        return run_end(text, n, next, STOA_KIND_LETTER);
    if (kind == STOA_KIND_OTHER || (c.code == ' ' && kind_at(text, n, next) == STOA_KIND_OTHER)) {
        next = run_end(text, n, next, STOA_KIND_OTHER);
        while (next < n && (text[next] == '\r' || text[next] == '\n'))
            next++;
        return next;
    }
    size_t end = run_end(text, n, at, STOA_KIND_SPACE);
    size_t lines = last_line_end(text, at, end);
    return lines > 0 ? lines : space_end(text, n, at);
}

static size_t scan_llama3(const char *text, size_t n, size_t at) {
    return scan_modern(text, n, at, 3);
}

static size_t scan_qwen(const char *text, size_t n, size_t at) {
    return scan_modern(text, n, at, 1);
}

#define MODERN(numbers)                                                                            \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" numbers                          \
    "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

const stoa_scanner stoa_scanners[STOA_PIECES_COUNT] = {
    [STOA_PIECES_GPT2] = {"'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+"
                          "|\\s+(?!\\S)|\\s+",
                          scan_gpt2},
    [STOA_PIECES_LLAMA3] = {MODERN("\\p{N}{1,3}"), scan_llama3},
    [STOA_PIECES_QWEN] = {MODERN("\\p{N}"), scan_qwen},
};

stoa_scan_fn stoa_scanner_find(stoa_view regex) {
    for (int i = 0; i < STOA_PIECES_COUNT; i++)
        if (stoa_view_equal(regex, stoa_view_of(stoa_scanners[i].regex)))
            return stoa_scanners[i].scan;
    return NULL;
}
