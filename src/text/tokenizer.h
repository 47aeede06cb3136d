/*
 * text/tokenizer.h - what a tokenizer is made of, for the files that build, run and write one.
 */
#ifndef STOA_TEXT_TOKENIZER_H
#define STOA_TEXT_TOKENIZER_H

#include "text/added.h"
#include "text/bpe.h"
#include "text/normalize.h"
#include "text/split.h"

typedef enum stoa_decode_kind {
    STOA_DECODE_BYTE_LEVEL,    /* byte alphabet -> bytes, all tokens become one */
    STOA_DECODE_REPLACE,       /* pattern -> content */
    STOA_DECODE_BYTE_FALLBACK, /* <0xHH> -> byte */
    STOA_DECODE_FUSE,          /* all tokens become one */
    STOA_DECODE_STRIP,         /* up to start/stop times content (one character) at the ends */
    STOA_DECODE_METASPACE,     /* content -> space; none at the start of the text if prefix */
} stoa_decode_kind;

typedef struct stoa_decode_stage {
    stoa_decode_kind kind;
    stoa_pattern pattern;
    char *content; /* owned */
    size_t content_len;
    int start, stop;
    bool prefix;
} stoa_decode_stage;

void stoa_decode_stage_deinit(stoa_decode_stage *s);

/* The parts whose JSON is kept as it came, to be written again. */
typedef enum stoa_part {
    STOA_PART_NORMALIZER,
    STOA_PART_PRE_TOKENIZER,
    STOA_PART_POST_PROCESSOR,
    STOA_PART_DECODER,
    STOA_PART_COUNT
} stoa_part;
extern const char *const stoa_part_names[STOA_PART_COUNT];

enum { STOA_STAGES_MAX = 32 }; /* of a normalizer, a pre-tokenizer or a decoder */

struct stoa_tokenizer {
    bool identity; /* the 256 bytes, and nothing else to do */
    stoa_bpe bpe;
    stoa_added added;
    stoa_normalizer normalizer[STOA_STAGES_MAX];
    stoa_splitter splitter[STOA_STAGES_MAX];
    stoa_decode_stage decoder[STOA_STAGES_MAX];
    size_t normalizer_count, splitter_count, decoder_count;
    bool join_with_spaces;       /* no decoder: tokens are words */
    stoa_ids prefix, suffix;     /* what the post-processor adds */
    char *part[STOA_PART_COUNT]; /* canonical JSON, NULL: null */
    struct stoa_merge_pair {
        int32_t left, right;
    } * merge_list; /* (merge_count), by rank */
    int32_t merge_count, merge_cap;
    int32_t vocab, end_of_text;
    uint64_t hash;
};

/* Empty; NULL when out of memory. */
stoa_tokenizer *stoa_tokenizer_new(void);
/* Adds one merge rule, ranked after those before. The merged token must be in the vocabulary. */
stoa_status stoa_tokenizer_add_merge(stoa_tokenizer *t, stoa_view left, stoa_view right,
                                     stoa_error *err);
/* Adds an added token; t takes copies. id must be below the vocabulary limit. */
stoa_status stoa_tokenizer_add_token(stoa_tokenizer *t, const stoa_added_token *token,
                                     stoa_error *err);
/* The parts that make a tokenizer byte-level: pieces are cut by regex (NULL: not at all). */
stoa_status stoa_tokenizer_set_byte_level(stoa_tokenizer *t, const char *regex, stoa_error *err);
/* To be called when all parts are there: fills the tables that follow from them. */
stoa_status stoa_tokenizer_finish(stoa_tokenizer *t, stoa_error *err);

#endif /* STOA_TEXT_TOKENIZER_H */
