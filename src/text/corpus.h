/*
 * text/corpus.h - a corpus: one stream of ids a split, laid over the token files.
 */
#ifndef STOA_TEXT_CORPUS_H
#define STOA_TEXT_CORPUS_H

#include "stoa/text.h"

/* The documents of a split in the shuffled order of one epoch. */
typedef struct stoa_document_order {
    stoa_split split;
    uint64_t seed;
    int64_t epoch;     /* -1: nothing computed yet */
    int64_t *document; /* (documents) which one comes when */
    int64_t *begin;    /* (documents + 1) where it begins in the shuffled stream */
} stoa_document_order;

struct stoa_corpus {
    stoa_token_file *file; /* (files) training files, then validation files */
    size_t files, train_files;
    uint64_t *start; /* (files + 1) first token of each file in the joined stream */
    uint64_t begin[STOA_SPLIT_COUNT], end[STOA_SPLIT_COUNT]; /* splits in the joined stream */
    int32_t vocab, end_of_text;
    /* where documents end, made when first asked for: (documents + 1) offsets into the split */
    int64_t *boundary[STOA_SPLIT_COUNT];
    int64_t documents[STOA_SPLIT_COUNT];
    stoa_document_order order;
};

/* Finds where the documents of a split begin. */
stoa_status stoa_corpus_index(stoa_corpus *c, stoa_split split, stoa_error *err);

/* Tokens [begin, begin + n) of the split's documents in the order of an epoch. */
stoa_status stoa_corpus_read_shuffled(stoa_corpus *c, const stoa_window_plan *plan, int64_t epoch,
                                      int64_t begin, int64_t n, int32_t *out, stoa_error *err);

/* A permutation of 0..n-1 that needs no memory: where `index` goes, for the given seed and epoch.
 */
int64_t stoa_permute(uint64_t seed, uint64_t epoch, int64_t n, int64_t index);

#endif /* STOA_TEXT_CORPUS_H */
