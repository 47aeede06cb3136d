/*
 * train/explanations.h - saying what is said: the parts of the objective `explanations`. Private to
 * the train room.
 *
 * At a step something is told or nothing. Of each kind (what things are like, what a choice came
 * to) the loss is the mean over the steps at which something of that kind is told.
 * explanation_targets.c finds these steps and their words; explanation_heads.c holds the networks;
 * explanation_words.c lets them speak.
 */
#ifndef STOA_TRAIN_EXPLANATIONS_H
#define STOA_TRAIN_EXPLANATIONS_H

#include "train/objective.h"

typedef enum stoa_expl_kind {
    STOA_EXPL_PROPERTY,
    STOA_EXPL_REWARD,
    STOA_EXPL_KINDS
} stoa_expl_kind;
typedef enum stoa_expl_decoder { STOA_EXPL_POSITIONS, STOA_EXPL_GRU } stoa_expl_decoder;

/* Where words come from, and what is asked for them. */
typedef enum stoa_expl_source {
    STOA_EXPL_OBJECTS, /* (O, K) of the objects of an observation: their embeddings */
    STOA_EXPL_CHOICE,  /* (K) of the action before it: features joined with the action */
    STOA_EXPL_TEXT,    /* (L) words: features */
    STOA_EXPL_SOURCES
} stoa_expl_source;

typedef struct stoa_expl_config {
    int kinds; /* bit 0: properties, bit 1: reward */
    double weights[STOA_EXPL_KINDS];
    bool shuffled;
    int decoder;                                      /* stoa_expl_decoder, of texts */
    int64_t width;                                    /* of the GRU, and of the choice's layer */
    char names[STOA_EXPL_SOURCES][STOA_SETTING_TEXT]; /* of the target spaces */
} stoa_expl_config;

/* What a source tells in an update. Only rows that tell something are listed. */
typedef struct stoa_expl_targets {
    int64_t rows;                   /* T * B: the most there can be */
    int64_t elements;               /* of a row: O * K, K, or L + 1 words with the end */
    int64_t told;                   /* rows listed */
    int64_t kinds[STOA_EXPL_KINDS]; /* of these, by kind */
    int32_t *row;                   /* (T * B) ascending */
    int32_t *target;                /* (T * B, elements); -1: not told */
    int32_t *spare, *list;          /* the same, and (T * B), to shuffle */
    uint8_t *kind;                  /* (T * B) stoa_expl_kind */
} stoa_expl_targets;

/* What came of one kind in an update. */
typedef struct stoa_expl_figures {
    double loss;                       /* summed over words, a told step */
    int64_t told, words, right, exact; /* steps; words; said right; steps said right throughout */
} stoa_expl_figures;

typedef struct stoa_expl_head {
    stoa_linear_layer hidden, out;
    stoa_tensor *actions[STOA_ENV_SPACES]; /* (elements * categories, width) of the choice */
    stoa_tensor *words;                    /* (V, E) */
    stoa_tensor *gru[4];                   /* weight_x, weight_h, bias_x, bias_h */
} stoa_expl_head;

typedef struct stoa_expl {
    const stoa_expl_config *config;
    const stoa_env_spec *spec;
    int64_t steps, batch; /* T, B */
    double scale;
    int space[STOA_EXPL_SOURCES]; /* observation; -1: there is none */
    int objects;                  /* observation whose objects are described */
    stoa_expl_head heads[STOA_EXPL_SOURCES];
    stoa_expl_targets targets[STOA_EXPL_SOURCES];
    stoa_expl_figures figures[STOA_EXPL_KINDS];
    uint64_t updates; /* done: which shuffle is next; what a checkpoint keeps */
} stoa_expl;

extern const stoa_objective_class stoa_objective_explanations;

/* ---- explanation_targets.c ---- */

stoa_status stoa_expl_targets_init(stoa_expl_targets *t, int64_t rows, int64_t elements,
                                   stoa_error *err);
void stoa_expl_targets_deinit(stoa_expl_targets *t);
/* Lists what a source tells in the rows host (T * B, shape...) of U8 or I32 categories, where 0
 * means nothing. Kinds that are not among `kinds` are not told. The labels of a text's space tell
 * its kind: those that begin with a verdict are of the kind reward. */
void stoa_expl_targets_fill(stoa_expl_targets *t, stoa_expl_source source, const stoa_space *space,
                            const void *host, int kinds);
/* The kind of a row of `space` that begins with this word. */
stoa_expl_kind stoa_expl_kind_of(stoa_expl_source source, const stoa_space *space, int32_t word);
/* Element i of rows of such a space. */
int32_t stoa_expl_word_at(const stoa_space *space, const void *host, int64_t i);
/* The words of others: a listed row takes those of another listed row of its kind, of another
 * instance where there is one. */
void stoa_expl_targets_shuffle(stoa_expl_targets *t, int64_t batch, stoa_rng *rng);
/* Rows that are laid out for the listed ones: few different numbers, so that shapes repeat. */
int64_t stoa_expl_targets_laid(const stoa_expl_targets *t);

/* ---- explanation_heads.c ---- */

void stoa_expl_head_declare(stoa_expl *e, stoa_expl_source source,
                            const stoa_objective_place *place);
/* features (R, M) and the actions chosen there, (R, ...) of each space -> (R, width) */
stoa_tensor *stoa_expl_join(const stoa_expl *e, stoa_ctx *ctx, const void *const *actions,
                            stoa_tensor *features);
/* features (R, M) -> what the GRU begins with (R, width); then words heard, ids (L, R), from a
 * state on -> (L, R, width). after: nullable, the state behind them. */
stoa_tensor *stoa_expl_begin(const stoa_expl *e, stoa_ctx *ctx, stoa_tensor *features);
stoa_tensor *stoa_expl_hear(const stoa_expl *e, stoa_ctx *ctx, stoa_tensor *ids, stoa_tensor *state,
                            stoa_tensor **after);
/* Logits (C * elements, V) in full precision of the C rows laid out, the listed ones first. */
stoa_tensor *stoa_expl_head_apply(stoa_expl *e, stoa_expl_source source, stoa_ctx *ctx,
                                  const stoa_unroll *unroll, const stoa_agent_output *output);

/* ---- explanation_words.c ---- */

/* What an agent says of its own accord at one step of B instances (output of T = 1): the most
 * probable words of a source, hearing only its own. actions: those chosen at the step, read for the
 * source CHOICE. words (B, words of the target): of a text, zeros from its end on. */
stoa_status stoa_expl_say(const stoa_expl *e, stoa_expl_source source, stoa_ctx *ctx,
                          const stoa_agent_output *output, const void *const *actions,
                          int32_t *words, stoa_error *err);

#endif /* STOA_TRAIN_EXPLANATIONS_H */
