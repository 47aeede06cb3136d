/*
 * view.c - checked sizes, borrowed strings, strict numbers, nearest names.
 *
 * Numbers are read by an own grammar so that a typing error is refused rather than half read, and
 * so that a locale cannot change the meaning of a point.
 */
#include "stoa/base.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool stoa_size_mul(size_t a, size_t b, size_t *out) {
    size_t r;
    if (__builtin_mul_overflow(a, b, &r))
        return false;
    *out = r;
    return true;
}

bool stoa_size_add(size_t a, size_t b, size_t *out) {
    size_t r;
    if (__builtin_add_overflow(a, b, &r))
        return false;
    *out = r;
    return true;
}

stoa_view stoa_view_of(const char *terminated) {
    return (stoa_view){terminated, terminated ? strlen(terminated) : 0};
}

bool stoa_view_equal(stoa_view a, stoa_view b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* The parts of "-12.50e3Ki": views into the text. */
typedef struct number_parts {
    bool negative, has_point, has_exponent;
    stoa_view whole, fraction, suffix;
    int exponent; // clamped to +-9999
} number_parts;

static stoa_view take_digits(const char **at, const char *end) {
    const char *begin = *at;
    while (*at < end && is_digit(**at))
        ++*at;
    return (stoa_view){begin, (size_t)(*at - begin)};
}

static bool split_number(stoa_view text, number_parts *parts) {
    const char *at = text.ptr, *end = text.ptr + text.len;
    *parts = (number_parts){0};
    if (text.len == 0)
        return false;
    if (*at == '-' || *at == '+')
        parts->negative = *at++ == '-';
    parts->whole = take_digits(&at, end);
    if (at < end && *at == '.') {
        at++;
        parts->has_point = true;
        parts->fraction = take_digits(&at, end);
    }
    if (parts->whole.len + parts->fraction.len == 0)
        return false;
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        bool minus = at < end && *at == '-';
        if (at < end && (*at == '-' || *at == '+'))
            at++;
        stoa_view digits = take_digits(&at, end);
        if (digits.len == 0)
            return false;
        for (size_t i = 0; i < digits.len; i++)
            if (parts->exponent < 1000)
                parts->exponent = parts->exponent * 10 + (digits.ptr[i] - '0');
        if (minus)
            parts->exponent = -parts->exponent;
        parts->has_exponent = true;
    }
    parts->suffix = (stoa_view){at, (size_t)(end - at)};
    return true;
}

/* Appends a decimal digit to a negative accumulator (negative, so that INT64_MIN can be reached).
 */
static bool push_digit(int64_t *acc, int digit) {
    return !__builtin_mul_overflow(*acc, 10, acc) && !__builtin_sub_overflow(*acc, digit, acc);
}

bool stoa_parse_int(stoa_view text, int64_t *out) {
    static const struct {
        const char *name;
        int decimal;
        int64_t factor;
    } suffixes[] = {{"", 0, 1},           {"k", 3, 1},          {"M", 6, 1},         {"G", 9, 1},
                    {"Ki", 0, 1LL << 10}, {"Mi", 0, 1LL << 20}, {"Gi", 0, 1LL << 30}};
    number_parts p;
    if (!split_number(text, &p) || (p.has_exponent && p.suffix.len > 0))
        return false;
    size_t s = 0, suffix_count = sizeof suffixes / sizeof *suffixes;
    while (s < suffix_count && !stoa_view_equal(p.suffix, stoa_view_of(suffixes[s].name)))
        s++;
    if (s == suffix_count || (p.has_point && !p.has_exponent && suffixes[s].decimal == 0))
        return false;

    // digits before the point after shifting it by the exponent; the rest must be zeros
    int64_t shift = p.exponent + suffixes[s].decimal;
    int64_t digits = (int64_t)(p.whole.len + p.fraction.len), before = (int64_t)p.whole.len + shift;
    int64_t acc = 0;
    for (int64_t i = 0; i < digits; i++) {
        int64_t whole = (int64_t)p.whole.len;
        int d = (i < whole ? p.whole.ptr[i] : p.fraction.ptr[i - whole]) - '0';
        if (i < before ? !push_digit(&acc, d) : d != 0)
            return false;
    }
    for (int64_t i = digits; i < before && acc != 0; i++)
        if (!push_digit(&acc, 0))
            return false;
    if (__builtin_mul_overflow(acc, suffixes[s].factor, &acc))
        return false;
    if (!p.negative && __builtin_sub_overflow(0, acc, &acc))
        return false;
    *out = acc;
    return true;
}

bool stoa_parse_float(stoa_view text, double *out) {
    char copy[512];
    number_parts p;
    if (text.len >= sizeof copy || !split_number(text, &p) || p.suffix.len > 0)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0); // static in glibc: allocates nothing
    if (!plain)
        return false;
    double value = strtod_l(copy, NULL, plain);
    freelocale(plain);
    if (!isfinite(value))
        return false;
    *out = value;
    return true;
}

bool stoa_parse_bool(stoa_view text, bool *out) {
    static const char *const words[2][3] = {{"false", "no", "off"}, {"true", "yes", "on"}};
    for (int value = 0; value < 2; value++)
        for (int i = 0; i < 3; i++)
            if (stoa_view_equal(text, stoa_view_of(words[value][i]))) {
                *out = value;
                return true;
            }
    return false;
}

enum { NEAREST_MOST = 96 };

static char fold(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c == '-' ? '_' : c;
}

/* Edit distance in which swapping two neighbours counts once (optimal string alignment). Case, and
 * the difference of '-' and '_', do not count. */
static size_t edit_distance(const char *a, size_t m, const char *b, size_t n) {
    size_t rows[3][NEAREST_MOST + 1];
    size_t *before = rows[0], *last = rows[1], *now = rows[2];
    for (size_t j = 0; j <= n; j++)
        last[j] = j;
    for (size_t i = 1; i <= m; i++) {
        now[0] = i;
        for (size_t j = 1; j <= n; j++) {
            char x = fold(a[i - 1]), y = fold(b[j - 1]);
            size_t best = last[j - 1] + (x != y);
            if (last[j] + 1 < best)
                best = last[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            if (i > 1 && j > 1 && x == fold(b[j - 2]) && fold(a[i - 2]) == y &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
        size_t *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[n];
}

const char *stoa_nearest(const char *word, const char *const *names, size_t count) {
    size_t len = strlen(word);
    if (len == 0 || len > NEAREST_MOST)
        return NULL;
    bool dotted = strchr(word, '.') != NULL;
    size_t best = len < 4 ? 1 : len < 8 ? 2 : len / 3; // the most edits worth a suggestion
    const char *nearest = NULL;
    for (size_t i = 0; i < count; i++) {
        size_t name_len = strlen(names[i]);
        if (name_len > NEAREST_MOST)
            continue;
        size_t d = edit_distance(word, len, names[i], name_len);
        // "width" may stand for "model.width"
        const char *dot = strrchr(names[i], '.');
        if (dot && !dotted) {
            size_t tail = edit_distance(word, len, dot + 1, strlen(dot + 1)) + 1;
            if (tail < d)
                d = tail;
        }
        if (d < best || (d == best && !nearest)) {
            best = d;
            nearest = names[i];
        }
    }
    return nearest;
}
