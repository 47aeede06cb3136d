/*
 * text/split.h - pre-tokenizers: text to pieces, which the model then encodes one by one.
 *
 * Most stages only cut; some also rewrite the text (a prefix space, the byte alphabet). A last
 * stage that maps bytes to the byte alphabet is not carried out: the pieces are left as raw bytes,
 * and `bytes` tells the model so.
 */
#ifndef STOA_TEXT_SPLIT_H
#define STOA_TEXT_SPLIT_H

#include "text/regex.h"

typedef enum stoa_splitter_kind {
    STOA_SPLITTER_PATTERN,          /* pattern, behavior, invert */
    STOA_SPLITTER_BYTE_LEVEL,       /* prefix: a space before each piece; pattern if use_pattern */
    STOA_SPLITTER_DIGITS,           /* each alone if `single` */
    STOA_SPLITTER_METASPACE,        /* replacement, prefix, split */
    STOA_SPLITTER_WHITESPACE,       /* words and runs of other characters; spaces vanish */
    STOA_SPLITTER_WHITESPACE_SPLIT, /* at spaces, which vanish */
    STOA_SPLITTER_PUNCTUATION,      /* behavior */
} stoa_splitter_kind;

typedef enum stoa_behavior {
    STOA_BEHAVIOR_REMOVED,
    STOA_BEHAVIOR_ISOLATED,
    STOA_BEHAVIOR_MERGED_WITH_PREVIOUS,
    STOA_BEHAVIOR_MERGED_WITH_NEXT,
    STOA_BEHAVIOR_CONTIGUOUS,
} stoa_behavior;

typedef enum stoa_prefix { STOA_PREFIX_NEVER, STOA_PREFIX_FIRST, STOA_PREFIX_ALWAYS } stoa_prefix;

typedef struct stoa_splitter {
    stoa_splitter_kind kind;
    stoa_behavior behavior;
    stoa_prefix prefix;
    bool invert, single, split, use_pattern;
    stoa_pattern pattern;
    char replacement[4]; /* METASPACE: one character */
    size_t replacement_len;
} stoa_splitter;

void stoa_splitter_deinit(stoa_splitter *s);

typedef struct stoa_piece {
    size_t begin, end; /* in the text of the list */
    bool first;        /* the original text begins here */
} stoa_piece;

/* The pieces of one text. Zero-initialise; used again for the next text; deinit frees. */
typedef struct stoa_piece_list {
    stoa_view text;
    bool bytes; /* pieces are raw bytes behind the byte alphabet */
    stoa_piece *item;
    size_t count, cap;
    stoa_piece *next; /* the list a stage writes, then swapped */
    size_t next_count, next_cap;
    stoa_buffer rewritten[2];
    struct stoa_segment *segments;
    size_t segment_count, segment_cap;
    bool failed;
} stoa_piece_list;
void stoa_piece_list_deinit(stoa_piece_list *list);

/* Runs count stages over text. first: text is at the beginning of the original. continuing: it
 * continues an earlier text, so that its first piece gets no prefix. raw_bytes: the model takes raw
 * bytes. */
stoa_status stoa_split_text(const stoa_splitter *stages, size_t count, stoa_view text, bool first,
                            bool continuing, bool raw_bytes, stoa_piece_list *list,
                            stoa_error *err);

#endif /* STOA_TEXT_SPLIT_H */
