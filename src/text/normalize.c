/*
 * normalize.c - the stages of a normalizer.
 *
 * Most text needs no change (ASCII is in every normal form), so each stage first looks whether it
 * has anything to do.
 */
#include "text/normalize.h"

#include "text/unicode.h"

#include <string.h>
#include <utf8proc.h>

void stoa_normalizer_deinit(stoa_normalizer *n) {
    stoa_pattern_deinit(&n->pattern);
    stoa_free(n->content);
    *n = (stoa_normalizer){0};
}

/* Whether every byte is below limit, which shows that no character changes. */
static bool all_below(stoa_view text, unsigned char limit) {
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] >= limit)
            return false;
    return true;
}

/* A text whose UTF-8 bytes are all below this is in the normal form already: the first character
 * that NFC can change is U+0300 (bytes CC 80), for NFD U+00C0 (C3 80), for the others U+00A0. */
static const unsigned char unchanged_below[] = {
    [STOA_NORM_NFC] = 0xcc,
    [STOA_NORM_NFD] = 0xc3,
    [STOA_NORM_NFKC] = 0xc2,
    [STOA_NORM_NFKD] = 0xc2,
};

static void lowercase(stoa_view text, stoa_buffer *out) {
    for (size_t at = 0; at < text.len;) {
        stoa_char c = stoa_char_at(text.ptr + at, text.len - at);
        if (c.code == STOA_CHAR_INVALID) {
            stoa_buffer_append(out, text.ptr + at, 1);
        } else if (c.code == 0x130) { // the one letter whose lower case is two characters
            stoa_buffer_append(out, "i\xcc\x87", 3);
        } else {
            char utf8[4];
            uint32_t lower = (uint32_t)utf8proc_tolower((utf8proc_int32_t)c.code);
            stoa_buffer_append(out, utf8, stoa_char_encode(lower, utf8));
        }
        at += c.bytes;
    }
}

static stoa_view strip(const stoa_normalizer *n, stoa_view text, bool continuing) {
    while (n->left && !continuing && text.len > 0) {
        stoa_char c = stoa_char_at(text.ptr, text.len);
        if (!stoa_char_is_space(c.code))
            break;
        text.ptr += c.bytes;
        text.len -= c.bytes;
    }
    while (n->right && text.len > 0) {
        stoa_char c = stoa_char_before(text.ptr, text.len);
        if (!stoa_char_is_space(c.code))
            break;
        text.len -= c.bytes;
    }
    return text;
}

static void strip_accents(stoa_view text, stoa_buffer *out) {
    for (size_t at = 0; at < text.len;) {
        stoa_char c = stoa_char_at(text.ptr + at, text.len - at);
        if (!stoa_char_is_mark(c.code))
            stoa_buffer_append(out, text.ptr + at, c.bytes);
        at += c.bytes;
    }
}

static stoa_status replace(const stoa_normalizer *n, stoa_view text, stoa_buffer *out,
                           stoa_error *err) {
    stoa_matcher m;
    STOA_TRY(stoa_matcher_init(&m, &n->pattern, text, err));
    size_t copied = 0, begin = 0, end = 0;
    bool found = true;
    stoa_status status;
    while ((status = stoa_matcher_next(&m, &found, &begin, &end, err)) == STOA_OK && found) {
        stoa_buffer_append(out, text.ptr + copied, begin - copied);
        stoa_buffer_append(out, n->content, n->content_len);
        copied = end;
    }
    stoa_matcher_deinit(&m);
    stoa_buffer_append(out, text.ptr + copied, text.len - copied);
    return status;
}

/* One stage: sets *text to its result, which may lie in out. */
static stoa_status run(const stoa_normalizer *n, stoa_view *text, bool continuing, stoa_buffer *out,
                       stoa_error *err) {
    out->len = 0;
    switch (n->kind) {
    case STOA_NORM_NFC:
    case STOA_NORM_NFD:
    case STOA_NORM_NFKC:
    case STOA_NORM_NFKD:
        if (all_below(*text, unchanged_below[n->kind]))
            return STOA_OK;
        STOA_TRY(stoa_normal_form(n->kind, *text, out, err));
        break;
    case STOA_NORM_LOWERCASE:
        lowercase(*text, out);
        break;
    case STOA_NORM_STRIP:
        *text = strip(n, *text, continuing);
        return STOA_OK;
    case STOA_NORM_STRIP_ACCENTS:
        if (all_below(*text, 0xcc)) // the first mark is U+0300
            return STOA_OK;
        strip_accents(*text, out);
        break;
    case STOA_NORM_REPLACE:
        STOA_TRY(replace(n, *text, out, err));
        break;
    case STOA_NORM_PREPEND:
        if (text->len == 0 || continuing)
            return STOA_OK;
        stoa_buffer_append(out, n->content, n->content_len);
        stoa_buffer_append(out, text->ptr, text->len);
        break;
    case STOA_NORM_BYTE_LEVEL:
        stoa_byte_alphabet_append(out, *text);
        break;
    }
    *text = (stoa_view){out->data, out->len};
    return out->failed ? stoa_fail(err, STOA_ERR_MEMORY, "no memory to normalise a text") : STOA_OK;
}

stoa_status stoa_normalize(const stoa_normalizer *stages, size_t count, stoa_view text,
                           bool continuing, stoa_buffer buffers[2], stoa_view *out,
                           stoa_error *err) {
    for (size_t i = 0, to = 0; i < count; i++) {
        stoa_view before = text;
        STOA_TRY(run(&stages[i], &text, continuing, &buffers[to], err));
        if (text.ptr != before.ptr && text.ptr == buffers[to].data)
            to = 1 - to; // the next stage reads this buffer and writes the other
    }
    *out = text;
    return STOA_OK;
}
