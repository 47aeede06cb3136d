/*
 * data/glyphs.c - classes that are made-up characters: any number of them, any number of hands.
 *
 * With E exemplars a class, the images of classes in use are drawn when first wanted and kept as
 * ink levels. Which thread draws one does not matter: it comes out the same. A thread that finds an
 * image being drawn by another draws its own copy instead of waiting.
 */
#include <stdatomic.h>
#include <string.h>

#include "data/classes.h"
#include "data/glyph.h"
#include "data/ink.h"

enum { SIDE_LEAST = 8, SIDE_MOST = 105, FULL = 255 };
enum { MISSING, BEING_DRAWN, DRAWN };

typedef struct glyphs {
    uint32_t design_key[2], hand_key[2];
    stoa_ink_map ink;
    uint8_t *levels;      // (trained + holdout, E, side * side); NULL: nothing is kept
    atomic_uchar *states; // (trained + holdout, E)
} glyphs;

static void draw(const stoa_classes *c, int64_t number, uint64_t exemplar, uint8_t *out) {
    const glyphs *g = c->state;
    stoa_glyph glyph;
    stoa_glyph_design(g->design_key, (uint64_t)number, &glyph);
    stoa_glyph_vary(&glyph, g->hand_key, stoa_data_mix((uint64_t)number, exemplar),
                    c->options.variation);
    stoa_glyph_draw(&glyph, (int)c->options.side, out);
}

/* The place of a class among those in use; -1 for others. */
static int64_t place_of(const stoa_classes *c, int64_t number) {
    if (number < c->options.trained)
        return number;
    number -= STOA_CLASS_HOLDOUT;
    return number >= 0 && number < c->options.holdout ? c->options.trained + number : -1;
}

static void glyphs_item(const stoa_classes *c, int64_t number, uint64_t exemplar, float *out) {
    const glyphs *g = c->state;
    const int64_t place = g->levels ? place_of(c, number) : -1;
    uint8_t own[SIDE_MOST * SIDE_MOST], *image = own;
    if (place >= 0) {
        const int64_t at = place * c->exemplars + (int64_t)exemplar;
        unsigned char missing = MISSING;
        if (atomic_load_explicit(&g->states[at], memory_order_acquire) == DRAWN) {
            stoa_ink_values(&g->ink, g->levels + at * c->size, c->size, out);
            return;
        }
        if (atomic_compare_exchange_strong(&g->states[at], &missing, BEING_DRAWN)) {
            image = g->levels + at * c->size;
            draw(c, number, exemplar, image);
            atomic_store_explicit(&g->states[at], DRAWN, memory_order_release);
            stoa_ink_values(&g->ink, image, c->size, out);
            return;
        }
    }
    draw(c, number, exemplar, image);
    stoa_ink_values(&g->ink, image, c->size, out);
}

/* ---- opening --------------------------------------------------------------------------------- */

/* How often each level occurs in some of the classes. */
static void count_levels(const stoa_classes *c, int64_t counts[STOA_INK_LEVELS]) {
    enum { CLASSES = 256, HANDS = 4 };
    uint8_t image[SIDE_MOST * SIDE_MOST];
    for (int64_t k = 0; k < CLASSES * HANDS; k++) {
        draw(c, k / HANDS, (uint64_t)(k % HANDS), image);
        for (int64_t i = 0; i < c->size; i++)
            counts[image[i]]++;
    }
}

static void glyphs_close(stoa_classes *c) {
    glyphs *g = c->state;
    if (!g)
        return;
    stoa_free(g->levels);
    stoa_free(g->states);
    stoa_free(g);
}

static stoa_status take_memory(stoa_classes *c, stoa_error *err) {
    glyphs *g = c->state;
    size_t images, bytes;
    if (c->exemplars == 0)
        return STOA_OK;
    if (stoa_size_mul((size_t)(c->options.trained + c->options.holdout), (size_t)c->exemplars,
                      &images) &&
        stoa_size_mul(images, (size_t)c->size, &bytes)) {
        g->levels = stoa_alloc(bytes);
        g->states = stoa_alloc(images * sizeof *g->states);
    }
    if (!g->levels || !g->states)
        return stoa_fail(err, STOA_ERR_MEMORY,
                         "no memory to keep %lld images of each of %lld classes; lower "
                         "data.exemplars or data.classes, or set data.exemplars to 0",
                         (long long)c->exemplars,
                         (long long)(c->options.trained + c->options.holdout));
    return STOA_OK;
}

static stoa_status glyphs_open(stoa_classes *c, stoa_error *err) {
    const stoa_classes_options *o = &c->options;
    int64_t counts[STOA_INK_LEVELS] = {0};
    if (o->side < SIDE_LEAST || o->side > SIDE_MOST || !(o->variation >= 0 && o->variation <= 10))
        return stoa_fail(err, STOA_ERR_USAGE,
                         "data.side = %lld and data.variation = %g; glyphs are %d to %d pixels "
                         "wide and vary by 0 to 10",
                         (long long)o->side, o->variation, SIDE_LEAST, SIDE_MOST);
    glyphs *g = c->state = stoa_alloc(sizeof *g);
    if (!g)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for glyphs");
    c->ndim = 3;
    c->shape[0] = c->shape[1] = o->side;
    c->shape[2] = 1;
    c->size = o->side * o->side;
    const stoa_rng design = stoa_rng_stream(o->seed, "data/glyphs/design", 0);
    const stoa_rng hand = stoa_rng_stream(o->seed, "data/glyphs/hand", 0);
    memcpy(g->design_key, design.key, sizeof g->design_key);
    memcpy(g->hand_key, hand.key, sizeof g->hand_key);
    STOA_TRY(take_memory(c, err));
    if (o->ink == STOA_INK_STANDARD && o->sd == 0)
        count_levels(c, counts);
    stoa_ink_map_init(&g->ink, &c->options, FULL, counts);
    return STOA_OK;
}

const stoa_class_kind stoa_classes_glyphs = {
    .name = "glyphs",
    .summary = "made-up characters, a few strokes each, as written by many hands",
    .endless = true,
    .some_exemplars = 20,
    .open = glyphs_open,
    .close = glyphs_close,
    .item = glyphs_item,
};
