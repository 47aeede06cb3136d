/*
 * support.h - what the tests of the text room share: a scratch folder, small tokenizers built from
 * JSON, and checks of ids and texts.
 */
#ifndef STOA_TESTS_TEXT_SUPPORT_H
#define STOA_TESTS_TEXT_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stoa/text.h"

/* cmocka set-up and tear-down: *state is the path of a fresh folder. */
int make_folder(void **state);
int drop_folder(void **state);
/* "folder/name" in one of a few static buffers. */
const char *inside(void **state, const char *name);
void write_text(const char *path, const char *text);

/* A character model whose ids are easy to write down: tokens "a".."z" are 0-25, then "-" 26, "▁"
 * 27, " " 28, "1" 29, "2" 30, "A" 31, "B" 32, "é" 33, "." 34, "!" 35; `more` tokens follow from 36.
 * No merges unless given. Parts are JSON or NULL. The caller frees the text. */
typedef struct small {
    const char *normalizer, *pre_tokenizer, *decoder, *post_processor;
    const char *more;   /* ", \"ab\": 36" */
    const char *merges; /* "\"a b\"" */
    const char *flags;  /* ", \"byte_fallback\": true" */
    const char *added;  /* objects, comma-separated */
} small;
char *small_json(small s);
extern const char small_letters[]; /* the ASCII tokens */
stoa_tokenizer *small_tokenizer(small s);

/* The ids of text. The caller frees .data with stoa_ids_deinit. */
stoa_ids encode(const stoa_tokenizer *t, const char *text, unsigned flags);
/* Fails unless the ids of text, written as their tokens with '|' after each, are as expected. */
void check_pieces(const stoa_tokenizer *t, const char *text, unsigned flags, const char *expected);
/* Fails unless tokens, given as their texts (NULL-terminated), decode to the text. */
void check_decoding(const stoa_tokenizer *t, const char *const *tokens, unsigned flags,
                    const char *expected);
void check_ids(const stoa_ids *ids, const int32_t *expected, size_t n);
/* Fails unless err's message contains part. */
void check_message(const stoa_error *err, const char *part);

/* A tokenizer learned from a text of the tests' own, with `vocab` tokens. */
stoa_tokenizer *learned(int64_t vocab, stoa_pieces pieces);
/* Text with words, numbers, punctuation, several scripts and odd spaces. */
extern const char sample_text[];

/* A byte string of length n drawn from what breaks text tools: letters, spaces, UTF-8 of many
 * scripts, and, if `invalid`, bytes that are none. */
size_t random_text(stoa_rng *rng, bool invalid, char *out, size_t n);

#endif /* STOA_TESTS_TEXT_SUPPORT_H */
