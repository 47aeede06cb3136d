/*
 * data/episode.c - one training sequence: which classes, labels and exemplars, in which order
 * (Chan et al. 2022, section on data; the released generator where the options ask for it).
 *
 * Every draw comes from the row's own stream, so a row is the same in any batch.
 */
#include <assert.h>
#include <string.h>

#include "data/sequences.h"

/* ---- classes and labels ---------------------------------------------------------------------- */

/* Of compounds: twice the family, and 1 more for B. */
static int64_t feature_label(const stoa_sequences *s, int64_t class_) {
    const int64_t K = s->options.classes.trained;
    if (class_ >= K)
        return 2 * (class_ - K) + 1;
    return 2 * (class_ / STOA_COMPOUND_BX) + (class_ % STOA_COMPOUND_BX == STOA_COMPOUND_BW);
}

int32_t stoa_sequences_label(const stoa_sequences *s, int32_t class_, int64_t j) {
    const int64_t X = s->options.labels_per_class;
    const int rule = s->options.label_rule;
    assert(class_ >= 0 && j >= 0 && j < X);
    int64_t label = rule == STOA_LABELS_ORDERED   ? class_ * X + j
                    : rule == STOA_LABELS_FEATURE ? feature_label(s, class_)
                                                  : class_ + STOA_LABEL_STRIDE * j;
    return (int32_t)(label < s->labels ? label : label % s->labels);
}

bool stoa_sequences_accepts(const stoa_sequences *s, int32_t class_, int32_t label) {
    for (int64_t j = 0; j < s->options.labels_per_class; j++)
        if (stoa_sequences_label(s, class_, j) == label)
            return true;
    return false;
}

int32_t stoa_own_label(const stoa_sequences *s, stoa_rng *rng, int32_t class_) {
    const int64_t X = s->options.labels_per_class;
    return stoa_sequences_label(s, class_, X == 1 ? 0 : stoa_draw_below(rng, (uint32_t)X));
}

/* A label that some trained class has. */
static int32_t random_label(const stoa_sequences *s, stoa_rng *rng) {
    uint32_t class_ = stoa_draw_below(rng, (uint32_t)s->options.classes.trained);
    return stoa_own_label(s, rng, (int32_t)class_);
}

/* The i-th class of a sequence, without a label. */
static stoa_way draw_class(const stoa_sequences *s, stoa_rng *rng, stoa_draw_from from,
                           uint64_t names, int64_t i) {
    const int64_t K = s->options.classes.trained, H = s->options.classes.holdout;
    int64_t k;
    switch (from) {
    case STOA_FROM_TRAINED:
        k = stoa_draw_below(rng, (uint32_t)K);
        return (stoa_way){k, (int32_t)k, -1};
    case STOA_FROM_HOLDOUT:
        k = stoa_draw_below(rng, (uint32_t)H);
        return (stoa_way){STOA_CLASS_HOLDOUT + k, (int32_t)(K + k), -1};
    case STOA_FROM_FRESH:
        return (stoa_way){STOA_CLASS_FRESH + (int64_t)names + i, (int32_t)(K + H + i), -1};
    default:
        k = stoa_zipf_draw(&s->zipf, rng);
        return (stoa_way){k, (int32_t)k, -1};
    }
}

static bool has_class(const stoa_way *ways, int64_t n, int32_t class_, int32_t *label) {
    for (int64_t i = 0; i < n; i++)
        if (ways[i].class_ == class_) {
            *label = ways[i].label;
            return true;
        }
    return false;
}

static bool has_label(const stoa_way *ways, int64_t n, int32_t label) {
    for (int64_t i = 0; i < n; i++)
        if (ways[i].label == label)
            return true;
    return false;
}

void stoa_draw_ways(const stoa_sequences *s, stoa_rng *rng, stoa_draw_from from, uint64_t names,
                    bool own, stoa_way *ways, int64_t count) {
    const int rule = s->options.ways_rule;
    for (int64_t w = 0; w < count; w++)
        for (bool good = false; !good;) {
            ways[w] = draw_class(s, rng, from, names, w);
            bool again = has_class(ways, w, ways[w].class_, &ways[w].label);
            if (own && !again)
                ways[w].label = stoa_own_label(s, rng, ways[w].class_);
            while (!own && (ways[w].label < 0 || has_label(ways, w, ways[w].label)))
                ways[w].label = random_label(s, rng);
            good = rule == STOA_WAYS_ANY ||
                   (!again && (rule == STOA_WAYS_CLASSES || !has_label(ways, w, ways[w].label)));
        }
}

void stoa_set_way(stoa_slot *slot, const stoa_way *way) {
    slot->number = way->number;
    slot->class_ = way->class_;
    slot->label = way->label;
}

/* The label that a class has among the first n slots, or -1. */
static int32_t label_before(const stoa_episode *e, int64_t n, int32_t class_) {
    for (int64_t i = 0; i < n; i++)
        if (e->slots[i].class_ == class_)
            return e->slots[i].label;
    return -1;
}

/* ---- exemplars ------------------------------------------------------------------------------- */

static bool shown_before(const stoa_episode *e, int64_t n, const stoa_slot *slot) {
    for (int64_t i = 0; i < n; i++)
        if (e->slots[i].number == slot->number && e->slots[i].exemplar == slot->exemplar)
            return true;
    return false;
}

void stoa_draw_exemplar(const stoa_sequences *s, stoa_rng *rng, uint64_t names, stoa_episode *e,
                        int64_t i, int64_t count) {
    const int64_t E = stoa_classes_exemplars(s->classes);
    stoa_slot *slot = &e->slots[i];
    slot->noise = slot->exemplar = names + (uint64_t)i;
    if (E == 0)
        return;
    int64_t same = 0; // different exemplars shown; copies stand side by side
    for (int64_t j = 0; j < count; j++)
        same += e->slots[j].number == slot->number &&
                !(j > 0 && e->slots[j - 1].number == slot->number &&
                  e->slots[j - 1].exemplar == e->slots[j].exemplar);
    do
        slot->exemplar = stoa_draw_below(rng, (uint32_t)E);
    while (same < E && shown_before(e, count, slot));
}

void stoa_draw_pair(const stoa_sequences *s, stoa_rng *rng, uint64_t names, stoa_episode *e,
                    int64_t i) {
    const stoa_sequences_options *o = &s->options;
    stoa_way drawn = draw_class(s, rng, STOA_FROM_MARGINAL, names, i);
    if (o->labels_per_class > 1 && !o->loose_fillers)
        drawn.label = label_before(e, i, drawn.class_);
    if (drawn.label < 0)
        drawn.label = stoa_own_label(s, rng, drawn.class_);
    stoa_set_way(&e->slots[i], &drawn);
    stoa_draw_exemplar(s, rng, names, e, i, 0);
}

void stoa_shuffle_pairs(const stoa_sequences *s, stoa_rng *rng, stoa_episode *e) {
    for (int64_t i = s->options.pairs - 1; i > 0; i--) {
        int64_t j = stoa_draw_below(rng, (uint32_t)i + 1);
        stoa_slot swap = e->slots[i];
        e->slots[i] = e->slots[j];
        e->slots[j] = swap;
    }
}

/* ---- a training sequence --------------------------------------------------------------------- */

/* Every class of the sequence gets a random label, the ways different ones. */
static void reassign(const stoa_sequences *s, stoa_rng *rng, stoa_episode *e) {
    const int64_t P = s->options.pairs;
    for (int64_t i = 0; i <= P; i++) {
        int32_t label = label_before(e, i, e->slots[i].class_);
        e->slots[i].label = label >= 0 ? label : random_label(s, rng);
    }
}

static void draw_bursty(const stoa_sequences *s, stoa_rng *rng, uint64_t names, bool fresh,
                        bool random, stoa_episode *e) {
    const stoa_sequences_options *o = &s->options;
    const int64_t P = o->pairs, bursty = o->ways * o->shots;
    stoa_way ways[STOA_SEQUENCES_PAIRS_MAX];
    assert(o->ways >= 1 && o->shots >= 1 && bursty <= P);
    stoa_draw_ways(s, rng, fresh ? STOA_FROM_FRESH : STOA_FROM_MARGINAL, names, !random, ways,
                   o->ways);
    for (int64_t i = 0; i < bursty; i++) {
        stoa_set_way(&e->slots[i], &ways[i / o->shots]);
        stoa_draw_exemplar(s, rng, names, e, i, i);
        if (o->copies != STOA_COPIES_NONE && i % o->shots > 0)
            e->slots[i] = e->slots[i - 1];
    }
    int64_t asked = stoa_draw_below(rng, (uint32_t)o->ways);
    stoa_set_way(&e->slots[P], &ways[asked]);
    stoa_draw_exemplar(s, rng, names, e, P, bursty);
    if (o->copies == STOA_COPIES_QUERY)
        e->slots[P] = e->slots[asked * o->shots];
    for (int64_t i = bursty; i < P; i++) {
        if (!random) {
            stoa_draw_pair(s, rng, names, e, i);
            continue;
        }
        stoa_way filler =
            draw_class(s, rng, fresh ? STOA_FROM_FRESH : STOA_FROM_MARGINAL, names, i);
        filler.label = label_before(e, i, filler.class_);
        if (filler.label < 0)
            filler.label = random_label(s, rng);
        stoa_set_way(&e->slots[i], &filler);
        stoa_draw_exemplar(s, rng, names, e, i, 0);
    }
    if (o->ways == 2 && ways[0].label != ways[1].label) {
        e->choices[0] = ways[0].label;
        e->choices[1] = ways[1].label;
    }
    stoa_shuffle_pairs(s, rng, e);
}

void stoa_episode_train(const stoa_sequences *s, stoa_rng *rng, uint64_t names, stoa_episode *e) {
    const stoa_sequences_options *o = &s->options;
    const bool bursty = stoa_rng_uniform(rng) < o->bursty;
    const bool fresh = o->fresh > 0 && stoa_rng_uniform(rng) < o->fresh;
    const bool random = fresh || (o->reassigned > 0 && stoa_rng_uniform(rng) < o->reassigned);
    e->choices[0] = e->choices[1] = -1;
    if (bursty || fresh) {
        draw_bursty(s, rng, names, fresh, random, e);
        return;
    }
    for (int64_t i = 0; i <= o->pairs; i++)
        stoa_draw_pair(s, rng, names, e, i);
    if (random)
        reassign(s, rng, e);
}
