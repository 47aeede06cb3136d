/* data/sequences.h - what sequences are inside. */
#ifndef STOA_DATA_SEQUENCES_H
#define STOA_DATA_SEQUENCES_H

#include "data/classes.h"
#include "data/zipf.h"
#include "stoa/data.h"

enum { STOA_LABEL_STRIDE = 11 }; /* from one label of a class to the next: STOA_LABELS_SPREAD */

struct stoa_sequences {
    stoa_sequences_options options;
    stoa_classes *classes;
    stoa_zipf zipf;         /* over the trained classes */
    int32_t labels;         /* L, never 0 */
    int32_t trained_labels; /* those that some trained class has */
    int64_t item;
    uint32_t keys[1 + STOA_SEQUENCES_KINDS][2]; /* of the training rows, then of each kind's */
};

/* One item to be, with its label. */
typedef struct stoa_slot {
    int64_t number; /* of the class, for the source */
    uint64_t exemplar, noise;
    int32_t class_, label; /* of the class, in batches */
} stoa_slot;

/* A sequence whose items are not drawn yet. */
typedef struct stoa_episode {
    stoa_slot slots[STOA_SEQUENCES_PAIRS_MAX + 1]; /* P, then the query */
    int32_t choices[2];
} stoa_episode;

/* A kind of evaluation set: a row of the table in kinds.c. */
typedef struct stoa_episode_kind {
    const char *name, *summary;
    bool closed; /* asks for one of two labels */
    bool (*possible)(const stoa_sequences *s);
    /* names: exemplars and fresh classes are numbered from here on, so rows never share them */
    void (*draw)(const stoa_sequences *s, stoa_rng *rng, uint64_t names, stoa_episode *e);
} stoa_episode_kind;
extern const stoa_episode_kind stoa_episode_kinds[STOA_SEQUENCES_KINDS];

stoa_status stoa_sequences_options_check(const stoa_sequences_options *o, stoa_error *err);

void stoa_episode_train(const stoa_sequences *s, stoa_rng *rng, uint64_t names, stoa_episode *e);
/* All pairs of one task (tasks.c): of training, and the two kinds. */
void stoa_episode_task(const stoa_sequences *s, stoa_rng *rng, uint64_t names, stoa_episode *e);
void stoa_episode_task_pool(const stoa_sequences *s, stoa_rng *rng, uint64_t names,
                            stoa_episode *e);
void stoa_episode_task_new(const stoa_sequences *s, stoa_rng *rng, uint64_t names, stoa_episode *e);

/* ---- parts that training and evaluation share (episode.c) ---- */

/* Where the classes of an episode come from. */
typedef enum stoa_draw_from {
    STOA_FROM_MARGINAL, /* trained, by frequency */
    STOA_FROM_TRAINED,  /* trained, uniformly */
    STOA_FROM_HOLDOUT,  /* held out, uniformly */
    STOA_FROM_FRESH,    /* new ones */
} stoa_draw_from;

/* A class that an episode repeats. */
typedef struct stoa_way {
    int64_t number;
    int32_t class_, label;
} stoa_way;

/* 0..n-1, unbiased (Lemire 2019), from one word as a rule. */
static inline uint32_t stoa_draw_below(stoa_rng *rng, uint32_t n) {
    uint64_t product = (uint64_t)stoa_rng_u32(rng) * n;
    if ((uint32_t)product < n) {
        uint32_t reject = -n % n;
        while ((uint32_t)product < reject)
            product = (uint64_t)stoa_rng_u32(rng) * n;
    }
    return (uint32_t)(product >> 32);
}

int32_t stoa_own_label(const stoa_sequences *s, stoa_rng *rng, int32_t class_);
/* Ways that keep the rule of the options; own: with labels of theirs, else with random different
 * ones. */
void stoa_draw_ways(const stoa_sequences *s, stoa_rng *rng, stoa_draw_from from, uint64_t names,
                    bool own, stoa_way *ways, int64_t count);
void stoa_set_way(stoa_slot *slot, const stoa_way *way);
/* Slot i becomes an exemplar that no earlier bursty slot (0..count-1) of its class shows, if the
 * class has that many. */
void stoa_draw_exemplar(const stoa_sequences *s, stoa_rng *rng, uint64_t names, stoa_episode *e,
                        int64_t i, int64_t count);
/* Slot i becomes a class of the marginal with its label; a class keeps the label it has among slots
 * 0..i-1. */
void stoa_draw_pair(const stoa_sequences *s, stoa_rng *rng, uint64_t names, stoa_episode *e,
                    int64_t i);
void stoa_shuffle_pairs(const stoa_sequences *s, stoa_rng *rng, stoa_episode *e);

#endif /* STOA_DATA_SEQUENCES_H */
