/*
 * text/normalize.h - normalizers: text to text, before it is cut into pieces.
 */
#ifndef STOA_TEXT_NORMALIZE_H
#define STOA_TEXT_NORMALIZE_H

#include "text/regex.h"

typedef enum stoa_normalizer_kind {
    STOA_NORM_NFC,
    STOA_NORM_NFD,
    STOA_NORM_NFKC,
    STOA_NORM_NFKD,
    STOA_NORM_LOWERCASE,
    STOA_NORM_STRIP,         /* white space at the ends: left, right */
    STOA_NORM_STRIP_ACCENTS, /* all marks */
    STOA_NORM_REPLACE,       /* pattern -> content */
    STOA_NORM_PREPEND,       /* content, unless the text is empty or continues another */
    STOA_NORM_BYTE_LEVEL,    /* bytes -> byte alphabet */
} stoa_normalizer_kind;

typedef struct stoa_normalizer {
    stoa_normalizer_kind kind;
    bool left, right;
    stoa_pattern pattern;
    char *content; /* owned */
    size_t content_len;
} stoa_normalizer;

void stoa_normalizer_deinit(stoa_normalizer *n);

/* Runs count stages one after the other. *out is text itself or lies in one of the two buffers,
 * which the caller keeps for the next call and frees. continuing: text continues an earlier one, so
 * that nothing is prepended or stripped at its start. */
stoa_status stoa_normalize(const stoa_normalizer *stages, size_t count, stoa_view text,
                           bool continuing, stoa_buffer buffers[2], stoa_view *out,
                           stoa_error *err);

/* Unicode normal forms (UAX 15) of text, appended to out; invalid bytes are kept as they are. */
stoa_status stoa_normal_form(stoa_normalizer_kind form, stoa_view text, stoa_buffer *out,
                             stoa_error *err);

#endif /* STOA_TEXT_NORMALIZE_H */
