/*
 * stoa/data.h - labelled examples whose distribution is under control.
 *
 * A *class source* makes items of a class: points around a centre, drawings of a made-up character,
 * Omniglot. On it stand *sequences*: P (item, label) pairs and a query, drawn so that burstiness,
 * number of classes, Zipf exponent, labels a class and within-class variation are settings (Chan et
 * al. 2022, arXiv 2205.05055; the small preset's classes are those of Reddy 2023, arXiv
 * 2312.03002), with the evaluation sets that tell labelling from the context (ICL) and labelling
 * from the weights (IWL) apart.
 *
 * Everything is a pure function of its options and of the numbers given: an item of (class,
 * exemplar), a training row of (seed, row), an evaluation row of (seed, kind, row). Batch size,
 * threads and the order of calls change nothing. A source or sequences once open may be used by
 * many threads at a time.
 */
#ifndef STOA_DATA_H
#define STOA_DATA_H

#include "stoa/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- class sources --------------------------------------------------------------------------- */

typedef enum stoa_class_source {
    STOA_CLASSES_GAUSSIAN,  /* points around a centre in D dimensions */
    STOA_CLASSES_GLYPHS,    /* drawings of made-up characters */
    STOA_CLASSES_OMNIGLOT,  /* handwritten characters, from a folder that the user names */
    STOA_CLASSES_COMPOUNDS, /* two features side by side: rules against exemplars */
    STOA_CLASSES_TASKS,     /* linear functions: an item has a number instead of a label */
    STOA_CLASSES_COUNT
} stoa_class_source;

/* What a grey level becomes. */
typedef enum stoa_ink {
    STOA_INK_STANDARD, /* (ink - mean) / sd */
    STOA_INK_PAPER,    /* paper 1, ink 0: what the released code feeds */
    STOA_INK_INK,      /* paper 0, ink 1 */
} stoa_ink;

/* Class numbers are in three ranges that never meet, so that held-out and fresh classes do not
 * depend on how many are trained on: 0.. are trained, these begin the others. */
#define STOA_CLASS_HOLDOUT ((int64_t)1 << 40)
#define STOA_CLASS_FRESH   ((int64_t)1 << 41)

enum { STOA_CLASSES_WIDTH_MAX = 4096 };

typedef struct stoa_classes_options {
    uint64_t seed;     /* of what the classes are */
    int source;        /* stoa_class_source */
    int64_t trained;   /* classes 0..trained-1 ... */
    int64_t holdout;   /* ... and STOA_CLASS_HOLDOUT + 0..holdout-1 are in use */
    int64_t exemplars; /* E, different items of a class; 0: endless; -1: as the source likes best */
    double pixel_noise; /* sd of Gaussian noise added to every number of every item, always fresh */

    /* gaussian: item = (mu + spread * eta) / sqrt(1 + spread^2), mu and eta ~ N(0, I/D) */
    int64_t width; /* D */
    double spread;

    /* compounds: width and spread as above, each feature half as wide. Classes come in families:
     * 3 f + 0, 1, 2 are AX, AW and BW of family f, and the held-out class f is its BX. */

    /* tasks: class k is the function y = w . x + spread * eta, w ~ N(0, I), eta ~ N(0, 1); items
     * are x ~ N(0, I), width numbers each */

    /* images: grey, side x side x 1 */
    int64_t side;
    int ink;         /* stoa_ink */
    double mean, sd; /* of the ink, for STOA_INK_STANDARD; sd 0: measured */

    /* glyphs: how much hands differ; 0: not at all, 1: about as much as people. side 8 to 105 */
    double variation;

    /* omniglot: characters in a fixed random order, the held-out ones at its end, so they do not
     * depend on how many are trained on. Smaller sides than 105 show mean ink. E <= 20: the first E
     * drawings. */
    char path[STOA_SETTING_TEXT]; /* the folder with omniglot105.rle */
    bool multiply;                /* x 8: flipped or not x 4 rotations, side by side in the order */
    int64_t split_seed;           /* of the order */
} stoa_classes_options;

typedef struct stoa_classes stoa_classes;

/* The sources by row: "gaussian". */
STOA_API const char *stoa_class_source_name(int source);
STOA_API const char *stoa_class_source_summary(int source);

STOA_API stoa_status stoa_classes_open(stoa_classes **out, const stoa_classes_options *options,
                                       stoa_error *err);
STOA_API void stoa_classes_close(stoa_classes *c); /* NULL is fine */
/* Numbers an item has, and their shape: (D) or (height, width, channels). The result is ndim. */
STOA_API int64_t stoa_classes_item_size(const stoa_classes *c);
STOA_API int stoa_classes_shape(const stoa_classes *c, int64_t shape[3]);
STOA_API int64_t stoa_classes_exemplars(const stoa_classes *c); /* E; 0: endless */
STOA_API bool
stoa_classes_endless(const stoa_classes *c); /* has classes from STOA_CLASS_FRESH on */
/* Writes one item: out[item_size]. Exemplars are taken modulo E; `noise` numbers the pixel noise
 * and does nothing without it. */
STOA_API void stoa_classes_item(const stoa_classes *c, int64_t number, uint64_t exemplar,
                                uint64_t noise, float *out);
/* Whether its items have numbers instead of labels: tasks. */
STOA_API bool stoa_classes_valued(const stoa_classes *c);
/* The number of that item (out of stoa_classes_item, without pixel noise); of a valued source. */
STOA_API float stoa_classes_value(const stoa_classes *c, int64_t number, uint64_t exemplar,
                                  const float *item);

/* ---- Omniglot -------------------------------------------------------------------------------- */

typedef struct stoa_omniglot_counts {
    int64_t alphabets, characters;
    int64_t background; /* characters of the background set */
    int64_t drawings;   /* of each character */
    int64_t queries;    /* of the one-shot runs; 0: all_runs.zip was not there */
} stoa_omniglot_counts;

/* Converts the original archives (Lake et al. 2015, github.com/brendenlake/omniglot) in the folder
 * `from`, images_background.zip and images_evaluation.zip or the folders they unpack to, to the
 * compact file that class sources read, with its tables alphabets.tsv and characters.tsv; with
 * all_runs.zip beside them also oneshot_runs.tsv. Missing or unreadable drawings are
 * STOA_ERR_FORMAT. */
STOA_API stoa_status stoa_omniglot_import(const char *from, const char *folder,
                                          stoa_omniglot_counts *counts, stoa_error *err);

/* The published one-shot classification task, with the modified Hausdorff distance of Dubuisson and
 * Jain (1994) as the classifier: which of 20 drawings shows the character of another one? Reads
 * <folder>/omniglot105.rle and <folder>/oneshot_runs.tsv. The source documents 38.8 % errors. */
typedef struct stoa_oneshot {
    int64_t queries, errors;
} stoa_oneshot;
STOA_API stoa_status stoa_omniglot_oneshot(const char *folder, stoa_pool *pool, stoa_oneshot *out,
                                           stoa_error *err);

/* ---- sequences ------------------------------------------------------------------------------- */

enum {
    STOA_SEQUENCES_PAIRS_MAX = 256,
    STOA_SEQUENCES_LABELS_PER_CLASS_MAX = 64,
};

/* Which labels the X labels of class k are, of L. */
typedef enum stoa_label_rule {
    STOA_LABELS_SPREAD,  /* (k + 11 j) mod L, j = 0..X-1 */
    STOA_LABELS_ORDERED, /* (k X + j) mod L: the released `ordered_polysemyX` when L is K X */
    STOA_LABELS_FEATURE, /* of compounds, by the first feature: A_f has 2 f, B_f 2 f + 1 (mod L) */
} stoa_label_rule;

/* How the classes that a bursty sequence repeats are drawn. */
typedef enum stoa_ways_rule {
    STOA_WAYS_LABELS,  /* they differ, and so do their labels */
    STOA_WAYS_CLASSES, /* they differ */
    STOA_WAYS_ANY,     /* with replacement, as in the released code */
} stoa_ways_rule;

/* Exact copies of one item within a bursty sequence (Bratulic et al. 2025, arXiv 2501.06256). */
typedef enum stoa_copies {
    STOA_COPIES_NONE,
    STOA_COPIES_CONTEXT, /* the shots of a class are one item, the query is another */
    STOA_COPIES_QUERY,   /* the query is that item too */
} stoa_copies;

/* The labels of the episodes of `icl`. */
typedef enum stoa_icl_labels {
    STOA_ICL_RANDOM, /* two different trained labels, drawn anew for each */
    STOA_ICL_RAREST, /* those of the two rarest classes, as in the released code (labels 0, 1) */
} stoa_icl_labels;

typedef struct stoa_sequences_options {
    uint64_t seed;                /* not in the settings table: the caller's, a run's own seed */
    stoa_classes_options classes; /* its seed, if 0, is `seed` */

    int64_t labels;           /* L; 0: one a class (and label), hold-out classes included */
    int64_t labels_per_class; /* X; a class keeps one of them within a sequence */
    int label_rule;           /* stoa_label_rule */
    bool loose_fillers;       /* released code: each filler pair draws its label anew */

    int64_t pairs;     /* P */
    int64_t ways;      /* classes a bursty sequence repeats */
    int64_t shots;     /* times each; the other pairs are draws from the marginal */
    double bursty;     /* p_b, share of bursty sequences */
    double zipf;       /* alpha: class k has weight (k + 1)^-alpha, class 0 is the commonest */
    int ways_rule;     /* stoa_ways_rule; holds for evaluation episodes too */
    int copies;        /* stoa_copies */
    double reassigned; /* share of sequences whose classes get random labels */
    double fresh;      /* share of sequences, always bursty, of classes never seen again, with
                          random labels (Reddy's p_C) */

    int64_t common; /* classes `iwl_common` asks for */
    int icl_labels; /* stoa_icl_labels */
} stoa_sequences_options;

/* The settings `data.*` of stoa_sequences_options. */
STOA_API stoa_settings_table stoa_sequences_settings_table(void);
/* Zero but for the table's defaults and seed 1. */
STOA_API stoa_status stoa_sequences_options_init(stoa_sequences_options *options, stoa_error *err);

typedef struct stoa_sequences stoa_sequences;

/* STOA_ERR_USAGE, naming the setting, when the options contradict each other. */
STOA_API stoa_status stoa_sequences_open(stoa_sequences **out,
                                         const stoa_sequences_options *options, stoa_error *err);
STOA_API void stoa_sequences_close(stoa_sequences *s); /* NULL is fine */

STOA_API int64_t stoa_sequences_item(const stoa_sequences *s); /* floats an item */
/* (D) or (height, width, channels); the result is ndim. */
STOA_API int stoa_sequences_shape(const stoa_sequences *s, int64_t shape[3]);
STOA_API int32_t stoa_sequences_labels(const stoa_sequences *s);
STOA_API int32_t stoa_sequences_pairs(const stoa_sequences *s);
/* The source, as long as the sequences are open. */
STOA_API const stoa_classes *stoa_sequences_classes(const stoa_sequences *s);
/* The options in use, with what open filled in. */
STOA_API const stoa_sequences_options *stoa_sequences_options_of(const stoa_sequences *s);
/* Label j (0..X-1) of a class of a batch; for trained classes (below K). */
STOA_API int32_t stoa_sequences_label(const stoa_sequences *s, int32_t class_, int64_t j);
/* Whether pairs are of an item and a number: batches have `values`, labels are all 0. */
STOA_API bool stoa_sequences_valued(const stoa_sequences *s);
/* Whether a label is one of the class's: with several labels a class, in-weights answers that are
 * right are those that this accepts. */
STOA_API bool stoa_sequences_accepts(const stoa_sequences *s, int32_t class_, int32_t label);

/* B sequences in the caller's memory. */
typedef struct stoa_sequences_batch {
    float *items;     /* (B, P+1, item), the query last; nullable: nothing is drawn */
    int32_t *labels;  /* (B, P) */
    int32_t *target;  /* (B), the query's label */
    int32_t *classes; /* (B, P+1): 0..K-1 trained, K..K+H-1 held out, from K+H fresh ones, numbered
                         within their sequence; nullable */
    int32_t *choices; /* (B, 2), the two labels of the episode, -1 when there are none; nullable */
    float *values;    /* (B, P+1), of valued sequences, the query's last; wants items; nullable */
} stoa_sequences_batch;

/* Rows [first_row, first_row + rows) of the batch of `step`: rows step * batch + first_row + r of
 * the endless training set. pool NULL: on the calling thread. */
STOA_API void stoa_sequences_train(const stoa_sequences *s, stoa_pool *pool, int64_t step,
                                   int64_t batch, int64_t first_row, int64_t rows,
                                   const stoa_sequences_batch *out);

/* Evaluation sets; rows of a table. */
typedef enum stoa_sequences_kind {
    STOA_SEQUENCES_ICL,          /* 2 hold-out classes x P/2, their labels re-assigned */
    STOA_SEQUENCES_ICL_TRAINED,  /* the same with trained classes */
    STOA_SEQUENCES_IWL,          /* query by the marginal; its label is not in the context */
    STOA_SEQUENCES_IWL_COMMON,   /* query among the `common` commonest classes, uniformly */
    STOA_SEQUENCES_IWL_RARE,     /* query in the rarer half, uniformly */
    STOA_SEQUENCES_FLIP,         /* 2 trained classes x P/2 with each other's labels */
    STOA_SEQUENCES_TRAINED_LIKE, /* the training distribution, other draws */
    /* compounds: a model that goes by the first feature (a rule) is right in all of them, one that
     * goes by the whole item (exemplars) in half; compare the closed accuracies */
    STOA_SEQUENCES_RULE_IWL, /* query BX of a trained family; its labels are not in the context */
    STOA_SEQUENCES_RULE_ICL, /* a new family: AX, BW, AW in the context, query BX; random labels */
    /* tasks: what follows from the pairs before? */
    STOA_SEQUENCES_TASK_POOL, /* of a trained task, by frequency */
    STOA_SEQUENCES_TASK_NEW,  /* of a task that never comes again */
    STOA_SEQUENCES_KINDS
} stoa_sequences_kind;

STOA_API const char *stoa_sequences_kind_name(int kind); /* "icl" */
STOA_API const char *stoa_sequences_kind_summary(int kind);
/* The kind of that name; -1 with STOA_ERR_USAGE in err, naming the nearest. */
STOA_API int stoa_sequences_kind_find(const char *name, stoa_error *err);
/* Accuracy of guessing: uniformly over the labels, or, closed, over the episode's two choices (NAN
 * where the kind has none). */
STOA_API double stoa_sequences_chance(const stoa_sequences *s, int kind, bool closed);
/* False when the options leave too few classes or labels for it. */
STOA_API bool stoa_sequences_has(const stoa_sequences *s, int kind);

/* Rows [first, first + rows) of an evaluation set, each endless. The kind must be there. */
STOA_API void stoa_sequences_eval(const stoa_sequences *s, stoa_pool *pool, int kind, int64_t first,
                                  int64_t rows, const stoa_sequences_batch *out);

/* ---- the best guesses of a number ------------------------------------------------------------ */

/* Of every number y_i of a row, from the pairs before it: the mean of y_i given them. items (n, D),
 * values (n); noise is the standard deviation of eta's share, 0 being taken as 1e-3. */

/* When w ~ N(0, I): ridge regression with penalty noise^2. 1 <= D <= STOA_RIDGE_WIDTH. */
enum { STOA_RIDGE_WIDTH = 64 };
STOA_API void stoa_guess_ridge(int64_t width, int64_t n, double noise, const float *items,
                               const float *values, float *out);
/* When w is one of M: the mean of their answers, each weighted by how well it fits (dMMSE of
 * Raventos et al. 2023). weights (D, M); prior (M), logarithms, nullable: all alike; scratch (2 M).
 */
STOA_API void stoa_guess_pool(int64_t width, int64_t m, const float *weights, const double *prior,
                              int64_t n, double noise, const float *items, const float *values,
                              double *scratch, float *out);
/* Both, of rows of valued sequences: ridge and pool (rows, P+1). The pool is that of the trained
 * tasks by frequency; with data.fresh 1, where none is ever seen, it is ridge's. STOA_ERR_MEMORY.
 */
STOA_API stoa_status stoa_sequences_guess(const stoa_sequences *s, stoa_pool *pool, int64_t rows,
                                          const float *items, const float *values, float *ridge,
                                          float *best, stoa_error *err);

/* ---- measured properties --------------------------------------------------------------------- */

enum { STOA_MEASURED_BINS = 25 };

/* What generated sequences are like, whatever the settings say. Shares are of sequences unless said
 * otherwise; NAN where there was nothing to measure. */
typedef struct stoa_sequences_measured {
    int64_t sequences;
    double repeated;         /* the query's class is in the context at least twice: bursty */
    double in_context;       /* it is there at all */
    double label_in_context; /* the query's label is */
    double distinct;         /* classes in a context, mean */
    int64_t classes;         /* different trained and held-out classes seen */
    int64_t fresh;           /* classes seen that are neither */
    int64_t labels;          /* different labels seen */
    double labels_per_class; /* labels a class was seen with, mean */
    double zipf;             /* most likely exponent of the trained queries' frequencies */
    double within;           /* root mean square distance of two items of a class in one sequence */
    double between;          /* of two classes */
    double
        copies; /* pairs of items of one class in a sequence that are identical, share of pairs */
    double nearest; /* the context's item nearest to the query has its label */
    double values;  /* root mean square of the numbers of valued sequences */
    int bins;       /* trained queries by class, in doubling ranges: */
    struct {
        int64_t first, last; /* classes, counted from 0 */
        double share;
    } bin[STOA_MEASURED_BINS];
} stoa_sequences_measured;

/* Measures rows 0..n-1 of an evaluation set, or of the training set (kind -1). */
STOA_API stoa_status stoa_sequences_measure(const stoa_sequences *s, stoa_pool *pool, int kind,
                                            int64_t n, stoa_sequences_measured *out,
                                            stoa_error *err);

/* ---- contact sheets -------------------------------------------------------------------------- */

/* Rows [first, first + count) of an evaluation set (kind -1: the training set) as a PNG picture, a
 * sequence a row: items with their labels, then the query with its answer. */
STOA_API stoa_status stoa_sequences_sheet(const stoa_sequences *s, int kind, int64_t first,
                                          int64_t count, const char *path, stoa_error *err);
/* Classes [first, first + classes), a row each, with their first exemplars. */
STOA_API stoa_status stoa_classes_sheet(const stoa_classes *c, int64_t first, int64_t classes,
                                        int64_t exemplars, const char *path, stoa_error *err);

#ifdef __cplusplus
}
#endif

#endif /* STOA_DATA_H */
