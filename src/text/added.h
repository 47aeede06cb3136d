/*
 * text/added.h - added tokens: strings that are found in a text before anything else happens to it
 * and become one id each, such as <|endoftext|>.
 *
 * The leftmost token wins, and of those that begin there the longest. They are kept in a trie whose
 * edges lie in one hash table; the root has a direct table, so that text without added tokens costs
 * one look-up a byte. Tokens are at most STOA_TOKENIZER_TOKEN_MAX bytes, which bounds the work.
 */
#ifndef STOA_TEXT_ADDED_H
#define STOA_TEXT_ADDED_H

#include "text/vocab.h"

typedef struct stoa_added_token {
    char *content; /* owned */
    size_t len;
    int32_t id;
    bool special;
    bool single_word;    /* not next to a word character */
    bool lstrip, rstrip; /* takes the white space beside it */
    bool normalized;     /* found in normalised text, else in raw text */
} stoa_added_token;

typedef struct stoa_trie {
    struct stoa_trie_edge *edge; /* (slots) */
    uint32_t slots, used;
    int32_t *token; /* (nodes) index of the token that ends here, or -1 */
    uint32_t nodes, node_cap;
    uint32_t root[256]; /* children of the root, 0: none */
} stoa_trie;

/* Adds text for token index `token`; a text given again keeps its first token. */
stoa_insert stoa_trie_add(stoa_trie *t, stoa_view text, int32_t token);
/* The longest text of the trie that text begins with: its token, or -1; *len receives its length.
 */
int32_t stoa_trie_longest(const stoa_trie *t, stoa_view text, size_t *len);
void stoa_trie_deinit(stoa_trie *t);

typedef struct stoa_added {
    stoa_added_token *token; /* (count), in file order */
    size_t count;
    stoa_strings outside;   /* contents of those that the model's vocabulary lacks, by id */
    unsigned char *special; /* (special_count) by id: 1 for special tokens */
    int32_t special_count;
    stoa_trie raw, normalized;
} stoa_added;

void stoa_added_deinit(stoa_added *a);

/* A found token or the text between two. */
typedef struct stoa_section {
    size_t begin, end;
    int32_t id; /* -1: text */
} stoa_section;

/* Walks through the sections of a text. */
typedef struct stoa_section_walk {
    const stoa_added *added;
    const stoa_trie *trie;
    bool no_special; /* special tokens are plain text */
    stoa_view text;
    size_t at;            /* where the search goes on */
    size_t done;          /* end of the last section */
    stoa_section waiting; /* a token behind the text section given last */
    bool has_waiting;
} stoa_section_walk;

/* False when there is no section left. Sections are never empty. */
bool stoa_section_next(stoa_section_walk *w, stoa_section *out);

#endif /* STOA_TEXT_ADDED_H */
