/*
 * data/sheet.c - contact sheets: sequences as rows of items with their labels, and classes as rows
 * of exemplars.
 *
 * A frame is blue where the label is the right answer, orange where it is the other label of the
 * episode, grey elsewhere; so a burst is seen at once.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/canvas.h"
#include "data/sequences.h"

enum { ITEM = 56, FRAME = 3, GAP = 4, SCALE = 2, LABEL = STOA_SIGN_HEIGHT * SCALE + 8 };

static const stoa_colour white = {255, 255, 255}, black = {20, 20, 20}, grey = {190, 190, 190};
static const stoa_colour right = {0, 114, 178}, other = {230, 159, 0};

/* ---- an item --------------------------------------------------------------------------------- */

/* How items look: images in grey with ink dark, vectors as squares from blue through white to red.
 */
typedef struct look {
    bool image, inverted;
    int64_t rows, columns, zoom, count;
    float low, high;
} look;

static look look_of(const stoa_classes *c) {
    look l = {.image = c->ndim == 3, .count = c->size};
    if (l.image) {
        l.rows = c->shape[0];
        l.columns = c->shape[1];
        l.inverted = c->options.ink == STOA_INK_PAPER;
    } else {
        l.columns = (int64_t)ceil(sqrt((double)c->size));
        l.rows = (c->size + l.columns - 1) / l.columns;
    }
    l.zoom = l.columns < ITEM ? ITEM / l.columns : 1;
    l.low = HUGE_VALF;
    l.high = -HUGE_VALF;
    return l;
}

static void widen(look *l, const float *items, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        l->low = fminf(l->low, items[i]);
        l->high = fmaxf(l->high, items[i]);
    }
}

static stoa_colour shade(const look *l, float value) {
    if (l->image) {
        float t = l->high > l->low ? (value - l->low) / (l->high - l->low) : 0;
        uint8_t level = (uint8_t)(255 * (l->inverted ? t : 1 - t));
        return (stoa_colour){level, level, level};
    }
    float most = fmaxf(fmaxf(l->high, -l->low), 1e-12f), t = value / most;
    uint8_t rest = (uint8_t)(255 * (1 - fabsf(t)));
    return t > 0 ? (stoa_colour){255, rest, rest} : (stoa_colour){rest, rest, 255};
}

static void paint_item(stoa_canvas *c, const look *l, int64_t x, int64_t y, const float *item) {
    for (int64_t i = 0; i < l->count; i++)
        stoa_canvas_fill(c, x + i % l->columns * l->zoom, y + i / l->columns * l->zoom, l->zoom,
                         l->zoom, shade(l, item[i]));
}

static int64_t cell_width(const look *l) {
    return l->columns * l->zoom + 2 * FRAME + GAP;
}

static int64_t cell_height(const look *l) {
    return l->rows * l->zoom + 2 * FRAME;
}

/* ---- sequences ------------------------------------------------------------------------------- */

static void paint_label(stoa_canvas *c, const look *l, int64_t x, int64_t y, const char *text,
                        stoa_colour colour) {
    const int64_t width = (int64_t)strlen(text) * STOA_SIGN_WIDTH * SCALE;
    stoa_canvas_text(c, x + (cell_width(l) - GAP - width) / 2, y + cell_height(l) + 4, SCALE, text,
                     colour);
}

static void paint_row(stoa_canvas *c, const look *l, int64_t P, int64_t y, const int32_t *labels,
                      int32_t target, const int32_t choices[2], const float *items) {
    char text[24];
    for (int64_t i = 0; i <= P; i++) {
        const int32_t label = i < P ? labels[i] : target;
        const bool choice = label == choices[0] || label == choices[1];
        const stoa_colour colour = label == target ? right : choice ? other : grey;
        const int64_t x = GAP + i * cell_width(l) + (i == P ? cell_width(l) / 3 : 0);
        stoa_canvas_frame(c, x, y, cell_width(l) - GAP, cell_height(l), FRAME,
                          i < P ? colour : black);
        paint_item(c, l, x + FRAME, y + FRAME, items + i * l->count);
        snprintf(text, sizeof text, i < P ? "%d" : "?>%d", (int)label);
        paint_label(c, l, x, y, text, label == target || choice ? colour : black);
    }
}

typedef struct sheet {
    stoa_sequences_batch rows;
    stoa_canvas canvas;
} sheet;

static stoa_status make_sheet(const stoa_sequences *s, sheet *h, int kind, int64_t first,
                              int64_t count, const char *path, stoa_error *err) {
    const int64_t P = s->options.pairs;
    look l = look_of(s->classes);
    const int64_t step_y = cell_height(&l) + LABEL + GAP;
    STOA_TRY(stoa_canvas_init(&h->canvas, GAP + (P + 1) * cell_width(&l) + cell_width(&l) / 3,
                              GAP + count * step_y, white, err));
    const size_t rows = (size_t)count;
    h->rows.items = stoa_alloc(rows * (size_t)((P + 1) * s->item) * sizeof(float));
    h->rows.labels = stoa_alloc(rows * (size_t)P * sizeof(int32_t));
    h->rows.target = stoa_alloc(rows * sizeof(int32_t));
    h->rows.choices = stoa_alloc(rows * 2 * sizeof(int32_t));
    if (!h->rows.items || !h->rows.labels || !h->rows.target || !h->rows.choices)
        return stoa_fail(err, STOA_ERR_MEMORY, "no memory for %lld sequences", (long long)count);
    if (kind >= 0)
        stoa_sequences_eval(s, NULL, kind, first, count, &h->rows);
    else
        stoa_sequences_train(s, NULL, 0, first + count, first, count, &h->rows);
    widen(&l, h->rows.items, count * (P + 1) * s->item);
    for (int64_t r = 0; r < count; r++)
        paint_row(&h->canvas, &l, P, GAP + r * step_y, h->rows.labels + r * P, h->rows.target[r],
                  h->rows.choices + 2 * r, h->rows.items + r * (P + 1) * s->item);
    return stoa_canvas_save(&h->canvas, path, err);
}

stoa_status stoa_sequences_sheet(const stoa_sequences *s, int kind, int64_t first, int64_t count,
                                 const char *path, stoa_error *err) {
    assert(kind >= -1 && kind < STOA_SEQUENCES_KINDS && first >= 0 && count >= 1);
    sheet h = {0};
    if (stoa_sequences_valued(s))
        return stoa_fail(err, STOA_ERR_USAGE,
                         "a sheet shows labels, and tasks have numbers; they can be printed");
    stoa_status status = make_sheet(s, &h, kind, first, count, path, err);
    stoa_canvas_deinit(&h.canvas);
    stoa_free(h.rows.items);
    stoa_free(h.rows.labels);
    stoa_free(h.rows.target);
    stoa_free(h.rows.choices);
    return status;
}

/* ---- classes --------------------------------------------------------------------------------- */

stoa_status stoa_classes_sheet(const stoa_classes *c, int64_t first, int64_t classes,
                               int64_t exemplars, const char *path, stoa_error *err) {
    assert(first >= 0 && classes >= 1 && exemplars >= 1);
    look l = look_of(c);
    const int64_t width = l.columns * l.zoom + GAP, height = l.rows * l.zoom + GAP;
    stoa_canvas canvas;
    STOA_TRY(stoa_canvas_init(&canvas, exemplars * width + GAP, classes * height + GAP,
                              (stoa_colour){225, 225, 225}, err));
    float *items = stoa_alloc((size_t)(classes * exemplars * c->size) * sizeof *items);
    if (!items) {
        stoa_canvas_deinit(&canvas);
        return stoa_fail(err, STOA_ERR_MEMORY, "no memory for %lld items",
                         (long long)(classes * exemplars));
    }
    for (int64_t i = 0; i < classes * exemplars; i++)
        stoa_classes_item(c, first + i / exemplars, (uint64_t)(i % exemplars), (uint64_t)i,
                          items + i * c->size);
    widen(&l, items, classes * exemplars * c->size);
    for (int64_t i = 0; i < classes * exemplars; i++)
        paint_item(&canvas, &l, GAP + i % exemplars * width, GAP + i / exemplars * height,
                   items + i * c->size);
    stoa_status status = stoa_canvas_save(&canvas, path, err);
    stoa_canvas_deinit(&canvas);
    stoa_free(items);
    return status;
}
