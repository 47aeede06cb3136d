/*
 * text/bpe.h - the byte-pair-encoding model: one piece of text to token ids.
 *
 * Always the pair of lowest rank is merged, the leftmost among equals (Sennrich et al. 2016).
 */
#ifndef STOA_TEXT_BPE_H
#define STOA_TEXT_BPE_H

#include "text/vocab.h"

typedef struct stoa_bpe {
    stoa_strings text; /* tokens as the file writes them */
    stoa_strings raw;  /* if takes_bytes: the bytes that tokens spell */
    stoa_merges merges;
    int32_t byte[256];     /* id of the token that is this byte's character, or -1 */
    int32_t fallback[256]; /* id of <0xHH>, or -1 */
    int32_t ascii[128];    /* id of the token that is this one character, or -1 */
    int32_t unknown;       /* id or -1: characters outside the vocabulary are dropped */
    bool fuse_unknown, byte_fallback, ignore_merges;
    bool takes_bytes; /* pieces may be given as raw bytes: every byte has a token */
    /* One byte a token: does BPE give just this token for its own text? 0 not known yet, 1 yes,
     * 2 no. Filled in as pieces are seen, by any thread: the answer is always the same. */
    _Atomic unsigned char *whole;
} stoa_bpe;

/* Working memory of one encode call, kept from piece to piece. Zero-initialise. */
typedef struct stoa_bpe_work {
    struct stoa_symbol *symbols;
    struct stoa_candidate *heap;
    size_t symbol_cap, heap_cap;
} stoa_bpe_work;
void stoa_bpe_work_deinit(stoa_bpe_work *work);

/* Fills the tables that follow from text, merges and flags. byte_level: pieces will come through
 * the byte alphabet. False when out of memory. */
bool stoa_bpe_prepare(stoa_bpe *m, bool byte_level);
void stoa_bpe_deinit(stoa_bpe *m);

/* Appends the ids of a piece. bytes: piece is raw bytes, each standing for its character of the
 * byte alphabet (needs takes_bytes); else its characters are looked up as they are. False when out
 * of memory. */
bool stoa_bpe_encode(const stoa_bpe *m, stoa_view piece, bool bytes, stoa_bpe_work *work,
                     stoa_ids *ids);

#endif /* STOA_TEXT_BPE_H */
