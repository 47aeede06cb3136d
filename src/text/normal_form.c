/*
 * normal_form.c - NFC, NFD, NFKC, NFKD.
 *
 * libutf8proc decomposes and composes; the reordering of marks between the two is done here, in
 * O(n log n), because the library's own is quadratic in the length of a run of marks and text may
 * be hostile.
 */
#include "text/normalize.h"
#include "text/unicode.h"

#include <stdlib.h>
#include <utf8proc.h>

enum { DECOMPOSED_MAX = 32 }; // code points one character decomposes to: at most 18

static const utf8proc_option_t forms[] = {
    [STOA_NORM_NFC] = UTF8PROC_STABLE | UTF8PROC_COMPOSE,
    [STOA_NORM_NFD] = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE,
    [STOA_NORM_NFKC] = UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT,
    [STOA_NORM_NFKD] = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT,
};

static int combining_class(utf8proc_int32_t code) {
    return utf8proc_get_property(code)->combining_class;
}

/* A mark with its place, so that sorting by class keeps the order of equals. */
typedef struct mark {
    int class;
    size_t at;
    utf8proc_int32_t code;
} mark;

static int by_class(const void *a, const void *b) {
    const mark *x = a, *y = b;
    if (x->class != y->class)
        return x->class < y->class ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* Sorts n code points that all have a combining class. */
static bool sort_marks(utf8proc_int32_t *codes, size_t n) {
    mark few[32], *marks = n <= 32 ? few : stoa_alloc(n * sizeof *marks);
    if (!marks)
        return false;
    for (size_t i = 0; i < n; i++)
        marks[i] = (mark){combining_class(codes[i]), i, codes[i]};
    qsort(marks, n, sizeof *marks, by_class);
    for (size_t i = 0; i < n; i++)
        codes[i] = marks[i].code;
    if (marks != few)
        stoa_free(marks);
    return true;
}

static bool sort_all_marks(utf8proc_int32_t *codes, size_t n) {
    for (size_t i = 0; i < n;) {
        size_t end = i;
        while (end < n && combining_class(codes[end]) != 0)
            end++;
        if (end - i > 1 && !sort_marks(codes + i, end - i))
            return false;
        i = end > i ? end : i + 1;
    }
    return true;
}

/* text is well formed. */
static bool stretch(utf8proc_option_t form, stoa_view text, stoa_buffer *out) {
    size_t cap = text.len + DECOMPOSED_MAX, n = 0;
    utf8proc_int32_t *codes = stoa_alloc(cap * sizeof *codes);
    bool ok = codes != NULL;
    for (size_t at = 0; ok && at < text.len;) {
        stoa_char c = stoa_char_at(text.ptr + at, text.len - at);
        at += c.bytes;
        if (cap - n < DECOMPOSED_MAX) {
            size_t wider = cap + cap / 2 + DECOMPOSED_MAX;
            utf8proc_int32_t *grown =
                stoa_realloc(codes, cap * sizeof *codes, wider * sizeof *codes);
            ok = grown != NULL;
            if (!ok)
                break;
            codes = grown;
            cap = wider;
        }
        int boundary = 0;
        utf8proc_ssize_t got = utf8proc_decompose_char((utf8proc_int32_t)c.code, codes + n,
                                                       DECOMPOSED_MAX, form, &boundary);
        ok = got >= 0 && got <= DECOMPOSED_MAX;
        n += ok ? (size_t)got : 0;
    }
    ok = ok && sort_all_marks(codes, n);
    if (ok) {
        utf8proc_ssize_t kept = utf8proc_normalize_utf32(codes, (utf8proc_ssize_t)n, form);
        for (utf8proc_ssize_t i = 0; i < kept; i++) {
            char utf8[4];
            stoa_buffer_append(out, utf8, stoa_char_encode((uint32_t)codes[i], utf8));
        }
    }
    stoa_free(codes);
    return ok && !out->failed;
}

stoa_status stoa_normal_form(stoa_normalizer_kind form, stoa_view text, stoa_buffer *out,
                             stoa_error *err) {
    while (text.len > 0) {
        size_t span = stoa_utf8_span(text);
        if (span > 0 && !stretch(forms[form], (stoa_view){text.ptr, span}, out))
            return stoa_fail(err, STOA_ERR_MEMORY, "no memory to normalise a text");
        size_t taken = span < text.len ? span + 1 : span;
        stoa_buffer_append(out, text.ptr + span, taken - span); // the invalid byte
        text.ptr += taken;
        text.len -= taken;
    }
    return STOA_OK;
}
