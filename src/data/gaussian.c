/*
 * data/gaussian.c - classes that are points: item = (mu + spread eta) / sqrt(1 + spread^2), with mu
 * and eta ~ N(0, I/D) (Reddy 2023, arXiv 2312.03002), so an item's squared length is 1 on average
 * whatever the spread.
 *
 * Centres in use are kept, already scaled: (trained + holdout, D). Others are drawn when asked for.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "data/classes.h"
#include "data/normals.h"

typedef struct gaussian {
    float *centres; // (trained + holdout, D)
    uint32_t centre_key[2], item_key[2];
    float centre_scale, item_scale;
} gaussian;

static void draw_centre(const stoa_classes *c, int64_t number, float *out) {
    const gaussian *g = c->state;
    stoa_normals(g->centre_key, (uint64_t)number, out, c->size);
    for (int64_t i = 0; i < c->size; i++)
        out[i] *= g->centre_scale;
}

static const float *kept(const stoa_classes *c, int64_t number) {
    const gaussian *g = c->state;
    if (number < c->options.trained)
        return g->centres + number * c->size;
    number -= STOA_CLASS_HOLDOUT;
    return number >= 0 && number < c->options.holdout
               ? g->centres + (c->options.trained + number) * c->size
               : NULL;
}

static void gaussian_item(const stoa_classes *c, int64_t number, uint64_t exemplar, float *out) {
    const gaussian *g = c->state;
    const float *restrict centre = kept(c, number);
    const float scale = g->item_scale;
    assert(number >= 0);
    if (!centre) {
        float fresh[STOA_CLASSES_WIDTH_MAX];
        draw_centre(c, number, fresh);
        stoa_normals(g->item_key, stoa_data_mix((uint64_t)number, exemplar), out, c->size);
        for (int64_t i = 0; i < c->size; i++)
            out[i] = fresh[i] + scale * out[i];
        return;
    }
    if (scale == 0) {
        memcpy(out, centre, (size_t)c->size * sizeof *out);
        return;
    }
    stoa_normals(g->item_key, stoa_data_mix((uint64_t)number, exemplar), out, c->size);
#pragma omp simd
    for (int64_t i = 0; i < c->size; i++)
        out[i] = centre[i] + scale * out[i];
}

static void gaussian_close(stoa_classes *c) {
    gaussian *g = c->state;
    if (g)
        stoa_free(g->centres);
    stoa_free(g);
}

static stoa_status gaussian_open(stoa_classes *c, stoa_error *err) {
    const stoa_classes_options *o = &c->options;
    if (o->width < 1 || o->width > STOA_CLASSES_WIDTH_MAX || !(o->spread >= 0))
        return stoa_fail(err, STOA_ERR_USAGE, "items of %lld numbers with spread %g",
                         (long long)o->width, o->spread);
    gaussian *g = c->state = stoa_alloc(sizeof *g);
    size_t bytes;
    if (!g ||
        !stoa_size_mul((size_t)(o->trained + o->holdout), (size_t)o->width * sizeof(float),
                       &bytes) ||
        !(g->centres = stoa_alloc(bytes)))
        return stoa_fail(err, STOA_ERR_MEMORY, "no memory for the centres of %lld classes",
                         (long long)(o->trained + o->holdout));
    c->ndim = 1;
    c->shape[0] = c->size = o->width;
    const stoa_rng centre = stoa_rng_stream(o->seed, "data/gaussian/centre", 0);
    const stoa_rng item = stoa_rng_stream(o->seed, "data/gaussian/item", 0);
    memcpy(g->centre_key, centre.key, sizeof g->centre_key);
    memcpy(g->item_key, item.key, sizeof g->item_key);
    g->centre_scale = (float)(1 / sqrt((double)o->width * (1 + o->spread * o->spread)));
    g->item_scale = (float)o->spread * g->centre_scale;
    for (int64_t k = 0; k < o->trained; k++)
        draw_centre(c, k, g->centres + k * c->size);
    for (int64_t k = 0; k < o->holdout; k++)
        draw_centre(c, STOA_CLASS_HOLDOUT + k, g->centres + (o->trained + k) * c->size);
    return STOA_OK;
}

const stoa_class_kind stoa_classes_gaussian = {
    .name = "gaussian",
    .summary = "points around a centre in D dimensions",
    .endless = true,
    .some_exemplars = 0,
    .open = gaussian_open,
    .close = gaussian_close,
    .item = gaussian_item,
};
