/*
 * data/omniglot.c - classes that are handwritten characters.
 *
 * Characters stand in a random order that only split_seed decides; trained classes are counted from
 * its beginning and held-out ones at its end. With `multiply` each character is eight classes side
 * by side, and no character has both trained and held-out ones.
 *
 * Images smaller than the drawings are kept as levels 0..full of mean ink; drawings themselves as
 * bits, an eighth of the memory.
 */
#include "data/omniglot.h"

#include <assert.h>
#include <string.h>

#include "data/classes.h"
#include "data/ink.h"

enum { VARIANTS = 8, SIDE = STOA_OMNIGLOT_SIDE };

typedef struct omniglot {
    stoa_omniglot drawings; // bits are given up when images are smaller
    int64_t *order;         // (characters)
    int64_t variants, classes;
    uint8_t *levels; // (characters, E, side * side); NULL at full size
    int32_t *from;   // (VARIANTS, side * side), which pixel a pixel shows; the bit, at full size
    stoa_ink_map ink;
} omniglot;

/* ---- mean ink -------------------------------------------------------------------------------- */

/* Both sides are cut into cells: a target pixel is `target` of them long, a source pixel fewer, so
 * it lies in one target pixel or on the border of two. */
typedef struct grid {
    int side, target;
    int full; // level of a pixel of nothing but ink
    struct {
        int to, here, next; // the first target pixel; cells in it and in the one behind it
    } part[SIDE];
} grid;

static grid make_grid(int side) {
    int a = SIDE, b = side;
    while (b) {
        int rest = a % b;
        a = b;
        b = rest;
    }
    const int target = SIDE / a, source = side / a, cells = target * target;
    grid g = {.side = side, .target = target};
    g.full = cells < STOA_INK_LEVELS ? cells : STOA_INK_LEVELS - 1;
    for (int i = 0; i < SIDE; i++) {
        int begin = i * source, end = begin + source, to = begin / target;
        int border = (to + 1) * target < end ? (to + 1) * target : end;
        g.part[i].to = to;
        g.part[i].here = border - begin;
        g.part[i].next = end - border;
    }
    return g;
}

/* Row y of the drawing in target columns; false when it is blank. sums is (side + 1). */
static bool sum_row(const grid *g, const uint8_t *bits, int y, int *sums) {
    bool any = false;
    memset(sums, 0, ((size_t)g->side + 1) * sizeof *sums);
    for (int k = 0; k < STOA_OMNIGLOT_ROW; k++)
        for (unsigned left = bits[y * STOA_OMNIGLOT_ROW + k]; left; left &= left - 1) {
            int x = 8 * k + 7 - __builtin_ctz(left);
            sums[g->part[x].to] += g->part[x].here;
            sums[g->part[x].to + 1] += g->part[x].next;
            any = true;
        }
    return any;
}

static void shrink(const grid *g, const uint8_t *bits, uint8_t *out) {
    int ink[(SIDE + 1) * SIDE], sums[SIDE + 1]; // (side + 1, side), the last row for nothing
    const int side = g->side, cells = g->target * g->target;
    memset(ink, 0, (size_t)((side + 1) * side) * sizeof *ink);
    for (int y = 0; y < SIDE; y++) {
        if (!sum_row(g, bits, y, sums))
            continue;
        int *here = ink + g->part[y].to * side, *next = here + side;
        for (int x = 0; x < side; x++) {
            here[x] += g->part[y].here * sums[x];
            next[x] += g->part[y].next * sums[x];
        }
    }
    for (int i = 0; i < side * side; i++)
        out[i] = (uint8_t)((ink[i] * g->full + cells / 2) / cells);
}

/* ---- classes --------------------------------------------------------------------------------- */

/* Which drawing and variant a class is. */
static int64_t character_of(const stoa_classes *c, int64_t number, int *variant) {
    const omniglot *o = c->state;
    if (number >= STOA_CLASS_HOLDOUT)
        number = o->classes - c->options.holdout + (number - STOA_CLASS_HOLDOUT);
    assert(number >= 0 && number < o->classes);
    *variant = (int)(number % o->variants);
    return o->order[number / o->variants];
}

static void omniglot_item(const stoa_classes *c, int64_t number, uint64_t exemplar, float *out) {
    const omniglot *o = c->state;
    int variant;
    const int64_t character = character_of(c, number, &variant), pixels = c->size;
    const int32_t *from = o->from + variant * pixels;
    if (o->levels) {
        const uint8_t *image = o->levels + (character * c->exemplars + (int64_t)exemplar) * pixels;
        if (variant == 0)
            stoa_ink_values(&o->ink, image, pixels, out);
        for (int64_t i = 0; variant > 0 && i < pixels; i++)
            out[i] = o->ink.value[image[from[i]]];
        return;
    }
    const uint8_t *bits =
        o->drawings.bits +
        (character * o->drawings.drawings + (int64_t)exemplar) * STOA_OMNIGLOT_BYTES;
    for (int64_t i = 0; i < pixels; i++)
        out[i] = o->ink.value[bits[from[i] >> 3] >> (7 - (from[i] & 7)) & 1];
}

/* ---- opening --------------------------------------------------------------------------------- */

/* Variant v turns the drawing v % 4 quarters clockwise, after a left-right flip when v >= 4. */
static void fill_variants(int32_t *from, int side) {
    for (int v = 0; v < VARIANTS; v++)
        for (int y = 0; y < side; y++)
            for (int x = 0; x < side; x++) {
                int sx = x, sy = y;
                for (int quarter = 0; quarter < v % 4; quarter++) {
                    int next = side - 1 - sx; // where this pixel was before the turn
                    sx = sy;
                    sy = next;
                }
                if (v >= 4)
                    sx = side - 1 - sx;
                from[(v * side + y) * side + x] =
                    sy * (side < SIDE ? side : STOA_OMNIGLOT_ROW * 8) + sx;
            }
}

static stoa_status check_counts(stoa_classes *c, stoa_error *err) {
    omniglot *o = c->state;
    const int64_t K = c->options.trained, H = c->options.holdout;
    o->variants = c->options.multiply ? VARIANTS : 1;
    o->classes = o->drawings.characters * o->variants;
    /* the first class of the first held-out character */
    int64_t free = H <= o->classes ? (o->classes - H) / o->variants * o->variants : -1;
    if (K > free)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "data.classes = %lld and data.holdout = %lld are more than the %lld "
                         "classes of %s%s",
                         (long long)K, (long long)H, (long long)o->classes, c->options.path,
                         c->options.multiply ? " (the 8 of a character stay on one side)" : "");
    if (c->exemplars == 0)
        c->exemplars = o->drawings.drawings;
    if (c->exemplars > o->drawings.drawings)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "data.exemplars = %lld; %s has %lld drawings of a character",
                         (long long)c->exemplars, c->options.path, (long long)o->drawings.drawings);
    return STOA_OK;
}

static stoa_status shrink_all(stoa_classes *c, int64_t counts[STOA_INK_LEVELS], int *full,
                              stoa_error *err) {
    omniglot *o = c->state;
    const grid g = make_grid((int)c->options.side);
    const int64_t pixels = c->size, E = c->exemplars;
    *full = g.full;
    o->levels = stoa_alloc((size_t)(o->drawings.characters * E * pixels));
    if (!o->levels)
        return stoa_fail(err, STOA_ERR_MEMORY, "no memory for %lld images",
                         (long long)(o->drawings.characters * E));
    for (int64_t k = 0; k < o->drawings.characters; k++)
        for (int64_t e = 0; e < E; e++) {
            uint8_t *image = o->levels + (k * E + e) * pixels;
            shrink(&g, o->drawings.bits + (k * o->drawings.drawings + e) * STOA_OMNIGLOT_BYTES,
                   image);
            for (int64_t i = 0; i < pixels; i++)
                counts[image[i]]++;
        }
    stoa_free(o->drawings.bits);
    o->drawings.bits = NULL;
    return STOA_OK;
}

static void count_bits(const stoa_classes *c, int64_t counts[STOA_INK_LEVELS]) {
    const omniglot *o = c->state;
    for (int64_t k = 0; k < o->drawings.characters; k++)
        for (int64_t i = 0; i < c->exemplars * STOA_OMNIGLOT_BYTES; i++)
            counts[1] += __builtin_popcount(
                o->drawings.bits[k * o->drawings.drawings * STOA_OMNIGLOT_BYTES + i]);
    counts[0] = o->drawings.characters * c->exemplars * c->size - counts[1];
}

static void omniglot_close(stoa_classes *c) {
    omniglot *o = c->state;
    if (!o)
        return;
    stoa_omniglot_deinit(&o->drawings);
    stoa_free(o->order);
    stoa_free(o->levels);
    stoa_free(o->from);
    stoa_free(o);
}

static stoa_status omniglot_open(stoa_classes *c, stoa_error *err) {
    const int64_t side = c->options.side;
    int64_t counts[STOA_INK_LEVELS] = {0};
    int full = 1;
    if (side < 1 || side > SIDE)
        return stoa_fail(err, STOA_ERR_USAGE, "data.side = %lld; Omniglot's is at most %d",
                         (long long)side, SIDE);
    omniglot *o = c->state = stoa_alloc(sizeof *o);
    if (!o)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for Omniglot");
    STOA_TRY(stoa_omniglot_load(&o->drawings, c->options.path, err));
    STOA_TRY(check_counts(c, err));
    c->ndim = 3;
    c->shape[0] = c->shape[1] = side;
    c->shape[2] = 1;
    c->size = side * side;
    o->order = stoa_alloc((size_t)o->drawings.characters * sizeof *o->order);
    o->from = stoa_alloc((size_t)(VARIANTS * c->size) * sizeof *o->from);
    if (!o->order || !o->from)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for Omniglot");
    for (int64_t i = 0; i < o->drawings.characters; i++)
        o->order[i] = i;
    stoa_rng rng = stoa_rng_stream((uint64_t)c->options.split_seed, "data/omniglot/order", 0);
    stoa_rng_shuffle(&rng, o->order, o->drawings.characters);
    fill_variants(o->from, (int)side);
    if (side < SIDE)
        STOA_TRY(shrink_all(c, counts, &full, err));
    else
        count_bits(c, counts);
    stoa_ink_map_init(&o->ink, &c->options, full, counts);
    return STOA_OK;
}

const stoa_class_kind stoa_classes_omniglot = {
    .name = "omniglot",
    .summary = "1,623 handwritten characters, 20 drawings each",
    .endless = false,
    .some_exemplars = 0,
    .open = omniglot_open,
    .close = omniglot_close,
    .item = omniglot_item,
};
