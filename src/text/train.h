/*
 * text/train.h - the two data structures behind BPE training: counts of distinct pieces, and the
 * merger, which keeps the counts of all pairs of neighbouring tokens while pairs are merged.
 */
#ifndef STOA_TEXT_TRAIN_H
#define STOA_TEXT_TRAIN_H

#include "stoa/text.h"

/* Distinct pieces and how often each was seen. Zero-initialise. */
typedef struct stoa_piece_counts {
    char *pool; /* bytes of the pieces, end to end */
    size_t pool_len, pool_cap;
    struct stoa_counted_piece {
        size_t begin;
        uint32_t len, hash;
        int64_t count;
    } * item;
    size_t count, cap;
    uint32_t *slot; /* (slots) index + 1, 0: free */
    size_t slots;
} stoa_piece_counts;

/* False when out of memory. */
bool stoa_piece_counts_add(stoa_piece_counts *c, stoa_view piece);
void stoa_piece_counts_deinit(stoa_piece_counts *c);

typedef struct stoa_merger {
    int32_t *symbol; /* the words' tokens; a word shrinks in its place */
    struct stoa_word {
        size_t begin;
        uint32_t len;
        int64_t count;
    } * word;
    size_t words;
    struct stoa_pair *pair;
    uint32_t pairs, pair_cap;
    uint32_t *slot; /* (slots) pair + 1, 0: free */
    uint32_t slots;
    struct stoa_occurrence *node; /* lists of the words that hold a pair; 0: end of list */
    uint32_t nodes, node_cap, free_node;
    struct stoa_heap_entry *heap;
    size_t heap_len, heap_cap;
    uint32_t *touched; /* pairs that gained in this round */
    size_t touched_len, touched_cap;
    uint32_t *bytes; /* (tokens_cap) length of a token in bytes */
    int32_t tokens_cap;
    int64_t token_bytes; /* longest token allowed, 0: any */
    uint32_t round;
} stoa_merger;

typedef struct stoa_pair_choice {
    int32_t left, right;
    int64_t count;
    int32_t merged; /* what the pair became before, or -1: a token merged anew can bring it back */
    uint32_t pair;
} stoa_pair_choice;

/* byte[b] is the token of byte b. False when out of memory. */
bool stoa_merger_init(stoa_merger *m, const stoa_piece_counts *counts, const int32_t byte[256],
                      int64_t token_bytes);
/* The most frequent pair, of the smallest ids among equals; false when there is none. */
bool stoa_merger_best(stoa_merger *m, stoa_pair_choice *out);
/* Turns the pair into token id wherever it occurs. False when out of memory. */
bool stoa_merger_apply(stoa_merger *m, const stoa_pair_choice *choice, int32_t id);
void stoa_merger_deinit(stoa_merger *m);

#endif /* STOA_TEXT_TRAIN_H */
