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
    int32_t *wanted; /* (B, P + 1) targets where the context's items count too */
    float *maps;     /* of CIRCUIT episodes, or NULL */
    double *circuit; /* previous, match: (2, layers, heads), or NULL */
    int64_t step;    /* done */
    double best_icl; /* closed, of the evaluations so far; -1: none */
    int64_t best_step, evaluated_step;
    stoa_icl_window window;
};

/* Episodes that attention is measured on. */
enum { STOA_ICL_CIRCUIT_EPISODES = 64 };

stoa_icl_input stoa_icl_batch_input(const stoa_icl_trainer *t, int64_t rows);

#endif /* STOA_TRAIN_ICL_H */
