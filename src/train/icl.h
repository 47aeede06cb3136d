/* train/icl.h - training the classifier of in-context learning; private to the files icl*.c. */
#ifndef STOA_TRAIN_ICL_H
#define STOA_TRAIN_ICL_H

#include "stoa/train.h"

/* What a preset changes of the defaults, as YAML. */
typedef struct stoa_icl_preset {
    const char *name, *summary, *yaml;
} stoa_icl_preset;
extern const stoa_icl_preset stoa_icl_presets[];
extern const int stoa_icl_presets_count;
extern const char *const stoa_icl_preset_names[]; /* NULL-terminated */

/* The best guesses of the first rows of an evaluation set: they never change. */
typedef struct stoa_icl_guesses {
    float *ridge, *best; /* (rows, P + 1) */
    int64_t made, rows;
} stoa_icl_guesses;

/* Sums of training since the last line of metrics. */
typedef struct stoa_icl_window {
    double loss, hits;
    int64_t steps;
} stoa_icl_window;

struct stoa_icl_trainer {
    stoa_icl_settings settings;
    stoa_pool *pool;
    stoa_ctx *ctx, *eval_ctx;
    stoa_sequences *data;
    stoa_icl *icl;
    stoa_optimizer *optimizer;
    stoa_sequences_batch batch; /* of `batch` sequences, for steps and evaluations; one block */
    void *block;
    int32_t *wanted;             /* (B, P + 1) targets where the context's items count too */
    stoa_icl_guesses guesses[2]; /* of valued data: on trained and on new tasks */
    float *said;                 /* the same of B other rows: ridge, best (2, B, P + 1) */
    int32_t *offsets;            /* (B), of the minimal core, or NULL */
    float *maps;                 /* of CIRCUIT episodes, or NULL */
    double *circuit;             /* previous, match: (2, layers, heads), or NULL */
    int64_t step;                /* done */
    double best_icl;             /* closed, of the evaluations so far; -1: none */
    int64_t best_step, evaluated_step;
    stoa_icl_window window;
};

/* Episodes that attention is measured on. */
enum { STOA_ICL_CIRCUIT_EPISODES = 64 };

/* The batch's rows as input: rows first.. of the training set (kind -1) or of an evaluation set. */
stoa_icl_input stoa_icl_batch_input(stoa_icl_trainer *t, int kind, int64_t first, int64_t rows);
/* One kind of valued sequences (icl_values.c). */
stoa_status stoa_icl_score_values(stoa_icl_trainer *t, int kind, int64_t first, int64_t sequences,
                                  stoa_icl_score *result, stoa_error *err);
void stoa_icl_guesses_free(stoa_icl_trainer *t);

#endif /* STOA_TRAIN_ICL_H */
