/*
 * data/compounds.c - classes that are two features side by side, for the test of rules against
 * exemplars (Dasgupta et al. 2022; Chan et al. 2022, arXiv 2210.05675).
 *
 * A family has two first features, A and B, and two second ones, X and W; its classes are AX, AW,
 * BW and BX. The first three are trained on: class k is member k mod 3 of family k / 3. BX is
 * held out, held-out class j being that of family j. Who has learned that the first feature decides
 * calls BX as BW; to who compares whole items, BX is as near to AX as to BW.
 *
 * Features are N(0, I/D), D the width of the two together; noise is as for Gaussian classes.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "data/classes.h"
#include "data/normals.h"

enum { FEATURES = 4, HALF_MOST = STOA_CLASSES_WIDTH_MAX / 2 }; // A, B, X, W

typedef struct compounds {
    float *features; // (families, FEATURES, D / 2), already scaled
    int64_t families;
    uint32_t feature_key[2], item_key[2];
    float feature_scale, item_scale;
} compounds;

static void draw_feature(const stoa_classes *c, uint64_t family, int which, float *out) {
    const compounds *p = c->state;
    const int64_t half = c->size / 2;
    stoa_normals(p->feature_key, family * FEATURES + (uint64_t)which, out, half);
    for (int64_t i = 0; i < half; i++)
        out[i] *= p->feature_scale;
}

/* Families of fresh classes are counted behind all that could be trained on. */
static uint64_t family_of(int64_t number, int *member) {
    if (number >= STOA_CLASS_FRESH) {
        *member = (int)((number - STOA_CLASS_FRESH) % STOA_COMPOUND_MEMBERS);
        return ((uint64_t)1 << 40) + (uint64_t)(number - STOA_CLASS_FRESH) / STOA_COMPOUND_MEMBERS;
    }
    if (number >= STOA_CLASS_HOLDOUT) {
        *member = STOA_COMPOUND_BX;
        return (uint64_t)(number - STOA_CLASS_HOLDOUT);
    }
    *member = (int)(number % STOA_COMPOUND_BX);
    return (uint64_t)(number / STOA_COMPOUND_BX);
}

static void compounds_item(const stoa_classes *c, int64_t number, uint64_t exemplar, float *out) {
    static const int parts[STOA_COMPOUND_MEMBERS][2] = {
        [STOA_COMPOUND_AX] = {0, 2},
        [STOA_COMPOUND_AW] = {0, 3},
        [STOA_COMPOUND_BW] = {1, 3},
        [STOA_COMPOUND_BX] = {1, 2},
    };
    const compounds *p = c->state;
    const int64_t half = c->size / 2;
    float drawn[HALF_MOST];
    int member;
    assert(number >= 0);
    const uint64_t family = family_of(number, &member);
    stoa_normals(p->item_key, stoa_data_mix((uint64_t)number, exemplar), out, c->size);
    for (int side = 0; side < 2; side++) {
        const int which = parts[member][side];
        const float *feature = drawn;
        if (family < (uint64_t)p->families)
            feature = p->features + ((int64_t)family * FEATURES + which) * half;
        else
            draw_feature(c, family, which, drawn);
        float *restrict to = out + side * half;
        for (int64_t i = 0; i < half; i++)
            to[i] = feature[i] + p->item_scale * to[i];
    }
}

static void compounds_close(stoa_classes *c) {
    compounds *p = c->state;
    if (p)
        stoa_free(p->features);
    stoa_free(p);
}

static stoa_status compounds_open(stoa_classes *c, stoa_error *err) {
    const stoa_classes_options *o = &c->options;
    if (o->width < 2 || o->width > STOA_CLASSES_WIDTH_MAX || o->width % 2 || !(o->spread >= 0))
        return stoa_fail(err, STOA_ERR_USAGE,
                         "data.width = %lld; compounds are two features of half that each, so it "
                         "must be even",
                         (long long)o->width);
    if (o->trained % STOA_COMPOUND_BX || o->holdout > o->trained / STOA_COMPOUND_BX)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "data.classes = %lld and data.holdout = %lld; compounds are trained on "
                         "three at a time, and a held-out class belongs to each three",
                         (long long)o->trained, (long long)o->holdout);
    compounds *p = c->state = stoa_alloc(sizeof *p);
    if (!p)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for compounds");
    p->families = o->trained / STOA_COMPOUND_BX;
    p->features = stoa_alloc((size_t)(p->families * FEATURES * o->width / 2) * sizeof(float));
    if (!p->features)
        return stoa_fail(err, STOA_ERR_MEMORY, "no memory for the features of %lld classes",
                         (long long)o->trained);
    c->ndim = 1;
    c->shape[0] = c->size = o->width;
    const stoa_rng feature = stoa_rng_stream(o->seed, "data/compounds/feature", 0);
    const stoa_rng item = stoa_rng_stream(o->seed, "data/compounds/item", 0);
    memcpy(p->feature_key, feature.key, sizeof p->feature_key);
    memcpy(p->item_key, item.key, sizeof p->item_key);
    p->feature_scale = (float)(1 / sqrt((double)o->width * (1 + o->spread * o->spread)));
    p->item_scale = (float)o->spread * p->feature_scale;
    for (int64_t k = 0; k < p->families * FEATURES; k++)
        draw_feature(c, (uint64_t)(k / FEATURES), (int)(k % FEATURES),
                     p->features + k * (c->size / 2));
    return STOA_OK;
}

const stoa_class_kind stoa_classes_compounds = {
    .name = "compounds",
    .summary = "two features side by side, for rules against exemplars",
    .endless = true,
    .some_exemplars = 0,
    .open = compounds_open,
    .close = compounds_close,
    .item = compounds_item,
};
