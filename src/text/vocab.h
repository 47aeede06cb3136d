/*
 * text/vocab.h - the tables of a BPE model: token strings by id and ids by string, merges by pair.
 *
 * Both are hash tables with open addressing, at most half full. A file could be built to make all
 * its strings collide; an insertion that probes too long fails instead.
 */
#ifndef STOA_TEXT_VOCAB_H
#define STOA_TEXT_VOCAB_H

#include "stoa/text.h"

/* Strings with ids 0..count-1; ids may be missing. */
typedef struct stoa_strings {
    char *pool; /* terminated strings, one after the other */
    size_t pool_len, pool_cap;
    struct stoa_string {
        uint32_t begin, len; /* in pool */
    } * item;                /* (item_cap); len STOA_STRING_MISSING: no such id */
    int32_t count, item_cap;
    int32_t *slot; /* (slots) ids, -1: free */
    uint32_t slots;
    uint32_t used;
} stoa_strings;

#define STOA_STRING_MISSING UINT32_MAX

typedef enum stoa_insert {
    STOA_INSERT_DONE,
    STOA_INSERT_MEMORY,
    STOA_INSERT_TWICE_ID,   /* the id has another string */
    STOA_INSERT_TWICE_TEXT, /* the string has another id */
    STOA_INSERT_CROWDED,    /* too many collisions */
} stoa_insert;

/* Gives text the id. The same pair again is fine. id < STOA_TOKENIZER_VOCAB_MAX. */
stoa_insert stoa_strings_insert(stoa_strings *s, stoa_view text, int32_t id);
/* {NULL, 0} when there is no such id. */
stoa_view stoa_strings_text(const stoa_strings *s, int32_t id);
int32_t stoa_strings_find(const stoa_strings *s, stoa_view text); /* -1: not there */
void stoa_strings_deinit(stoa_strings *s);
/* What an insertion's failure means, for messages. */
const char *stoa_insert_name(stoa_insert result);

/* (left id, right id) -> (rank, new id). */
typedef struct stoa_merge {
    uint64_t pair; /* left << 32 | right; UINT64_MAX: free */
    int32_t rank, id;
} stoa_merge;
typedef struct stoa_merges {
    stoa_merge *slot;
    uint32_t slots, used;
} stoa_merges;

/* A pair given again takes the new rank. */
stoa_insert stoa_merges_insert(stoa_merges *m, int32_t left, int32_t right, int32_t rank,
                               int32_t id);
void stoa_merges_deinit(stoa_merges *m);

static inline uint64_t stoa_pair_key(int32_t left, int32_t right) {
    return (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
}
/* A well-mixed hash of a pair. */
static inline uint64_t stoa_pair_hash(uint64_t pair) {
    pair = (pair ^ pair >> 31) * 0x9e3779b97f4a7c15u;
    return pair ^ pair >> 29;
}

/* The merge of a pair, or NULL. */
static inline const stoa_merge *stoa_merges_find(const stoa_merges *m, int32_t left,
                                                 int32_t right) {
    if (m->slots == 0)
        return NULL;
    uint64_t pair = stoa_pair_key(left, right);
    for (uint32_t i = (uint32_t)stoa_pair_hash(pair) & (m->slots - 1);;
         i = (i + 1) & (m->slots - 1)) {
        if (m->slot[i].pair == pair)
            return &m->slot[i];
        if (m->slot[i].pair == UINT64_MAX)
            return NULL;
    }
}

#endif /* STOA_TEXT_VOCAB_H */
