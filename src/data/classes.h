/* data/classes.h - what a class source is inside: one row of the table, one file each. */
#ifndef STOA_DATA_CLASSES_H
#define STOA_DATA_CLASSES_H

#include "stoa/data.h"

/* Members of a family of compounds. */
enum {
    STOA_COMPOUND_AX,
    STOA_COMPOUND_AW,
    STOA_COMPOUND_BW,
    STOA_COMPOUND_BX, /* never trained on */
    STOA_COMPOUND_MEMBERS
};

typedef struct stoa_class_kind {
    const char *name, *summary;
    bool endless;           /* has any number of classes */
    int64_t some_exemplars; /* what exemplars: -1 means; 0: endless */
    /* Fills shape, ndim, state and, where the source has only so many, exemplars; on failure close
     * is called too. */
    stoa_status (*open)(stoa_classes *c, stoa_error *err);
    void (*close)(stoa_classes *c);
    /* Writes item_size numbers without pixel noise; exemplar is below exemplars unless endless. */
    void (*item)(const stoa_classes *c, int64_t number, uint64_t exemplar, float *out);
    /* The number of that item; NULL: the source has labels. */
    float (*value)(const stoa_classes *c, int64_t number, uint64_t exemplar, const float *item);
} stoa_class_kind;

struct stoa_classes {
    stoa_classes_options options;
    const stoa_class_kind *kind;
    void *state;
    int ndim;
    int64_t shape[3], size;
    int64_t exemplars;
    uint32_t noise_key[2];
};

/* tasks: w of the trained ones, number by number of the item: (D, M). */
const float *stoa_tasks_pool(const stoa_classes *c);

/* A number without visible relation to a and b: names streams by pairs of numbers. */
uint64_t stoa_data_mix(uint64_t a, uint64_t b);

#endif /* STOA_DATA_CLASSES_H */
