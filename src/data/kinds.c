/* data/kinds.c - the evaluation sets: in-context (ICL) and in-weights (IWL) sequences, one row
 * each. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "data/sequences.h"

/* ---- from the context: two classes, P/2 each ------------------------------------------------- */

enum { WAYS = 2 };

static void draw_context(const stoa_sequences *s, stoa_rng *rng, uint64_t names,
                         const stoa_way ways[WAYS], stoa_episode *e) {
    const int64_t P = s->options.pairs;
    for (int64_t i = 0; i < P; i++) {
        stoa_set_way(&e->slots[i], &ways[i % WAYS]);
        stoa_draw_exemplar(s, rng, names, e, i, i);
    }
    stoa_set_way(&e->slots[P], &ways[P > 1 ? stoa_draw_below(rng, WAYS) : 0]);
    stoa_draw_exemplar(s, rng, names, e, P, P);
    for (int w = 0; w < WAYS; w++)
        e->choices[w] = ways[w].label;
    stoa_shuffle_pairs(s, rng, e);
}

static void draw_reassigned(const stoa_sequences *s, stoa_rng *rng, stoa_draw_from from,
                            uint64_t names, stoa_episode *e) {
    stoa_way ways[WAYS];
    stoa_draw_ways(s, rng, from, names, false, ways, WAYS);
    if (s->options.icl_labels == STOA_ICL_RAREST)
        for (int w = 0; w < WAYS; w++)
            ways[w].label = stoa_sequences_label(s, (int32_t)s->options.classes.trained - 1 - w, 0);
    draw_context(s, rng, names, ways, e);
}

static void icl(const stoa_sequences *s, stoa_rng *rng, uint64_t names, stoa_episode *e) {
    draw_reassigned(s, rng, STOA_FROM_HOLDOUT, names, e);
}

static void icl_trained(const stoa_sequences *s, stoa_rng *rng, uint64_t names, stoa_episode *e) {
    draw_reassigned(s, rng, STOA_FROM_TRAINED, names, e);
}

static void flip(const stoa_sequences *s, stoa_rng *rng, uint64_t names, stoa_episode *e) {
    stoa_way ways[WAYS];
    do
        stoa_draw_ways(s, rng, STOA_FROM_TRAINED, names, true, ways, WAYS);
    while (ways[0].label == ways[1].label);
    int32_t label = ways[0].label;
    ways[0].label = ways[1].label;
    ways[1].label = label;
    draw_context(s, rng, names, ways, e);
}

/* ---- from the weights: the query's label is not in the context ------------------------------- */

static void draw_absent(const stoa_sequences *s, stoa_rng *rng, int32_t query, uint64_t names,
                        stoa_episode *e) {
    const int64_t P = s->options.pairs;
    const stoa_way asked = {query, query, stoa_own_label(s, rng, query)};
    for (int64_t i = 0; i < P; i++)
        do
            stoa_draw_pair(s, rng, names, e, i);
        while (stoa_sequences_accepts(s, query, e->slots[i].label));
    stoa_set_way(&e->slots[P], &asked);
    stoa_draw_exemplar(s, rng, names, e, P, 0);
    e->choices[0] = e->choices[1] = -1;
}

static void iwl(const stoa_sequences *s, stoa_rng *rng, uint64_t names, stoa_episode *e) {
    draw_absent(s, rng, stoa_zipf_draw(&s->zipf, rng), names, e);
}

static void iwl_common(const stoa_sequences *s, stoa_rng *rng, uint64_t names, stoa_episode *e) {
    const int64_t K = s->options.classes.trained, common = s->options.common;
    uint32_t n = (uint32_t)(common < K ? common : K);
    draw_absent(s, rng, (int32_t)stoa_draw_below(rng, n), names, e);
}

static void iwl_rare(const stoa_sequences *s, stoa_rng *rng, uint64_t names, stoa_episode *e) {
    const int64_t K = s->options.classes.trained;
    draw_absent(s, rng, (int32_t)(K / 2 + stoa_draw_below(rng, (uint32_t)(K - K / 2))), names, e);
}

/* ---- rules against exemplars: compounds ------------------------------------------------------ */

static void rule_iwl(const stoa_sequences *s, stoa_rng *rng, uint64_t names, stoa_episode *e) {
    const int64_t K = s->options.classes.trained, P = s->options.pairs;
    const uint32_t family = stoa_draw_below(rng, (uint32_t)s->options.classes.holdout);
    const int32_t query = (int32_t)K + (int32_t)family;
    const stoa_way asked = {STOA_CLASS_HOLDOUT + family, query, stoa_sequences_label(s, query, 0)};
    const int32_t other = stoa_sequences_label(s, (int32_t)family * STOA_COMPOUND_BX, 0); // of AX
    for (int64_t i = 0; i < P; i++)
        do
            stoa_draw_pair(s, rng, names, e, i);
        while (e->slots[i].label == asked.label || e->slots[i].label == other);
    stoa_set_way(&e->slots[P], &asked);
    stoa_draw_exemplar(s, rng, names, e, P, 0);
    e->choices[0] = asked.label;
    e->choices[1] = other;
}

static void rule_icl(const stoa_sequences *s, stoa_rng *rng, uint64_t names, stoa_episode *e) {
    /* AX and BW equally often, so that whole items favour neither */
    static const int members[3] = {STOA_COMPOUND_AX, STOA_COMPOUND_BW, STOA_COMPOUND_AW};
    const int64_t P = s->options.pairs,
                  known = s->options.classes.trained + s->options.classes.holdout;
    stoa_way labels[WAYS]; // only their labels are of use
    stoa_draw_ways(s, rng, STOA_FROM_FRESH, names, false, labels, WAYS);
    for (int64_t i = 0; i <= P; i++) {
        const int member = i < P ? members[i % 3] : STOA_COMPOUND_BX;
        const bool is_b = member == STOA_COMPOUND_BW || member == STOA_COMPOUND_BX;
        const stoa_way way = {STOA_CLASS_FRESH + (int64_t)names * STOA_COMPOUND_MEMBERS + member,
                              (int32_t)known + member, labels[is_b].label};
        stoa_set_way(&e->slots[i], &way);
        stoa_draw_exemplar(s, rng, names, e, i, i);
    }
    e->choices[0] = labels[0].label;
    e->choices[1] = labels[1].label;
    stoa_shuffle_pairs(s, rng, e);
}

/* ---- the table ------------------------------------------------------------------------------- */

static bool has_holdout(const stoa_sequences *s) {
    return s->options.classes.holdout >= WAYS && s->trained_labels >= WAYS;
}

static bool has_labels(const stoa_sequences *s) {
    return s->trained_labels >= WAYS;
}

static bool has_other_labels(const stoa_sequences *s) {
    return s->trained_labels > s->options.labels_per_class;
}

static bool is_labelled(const stoa_sequences *s) {
    return !stoa_sequences_valued(s);
}

static bool is_valued(const stoa_sequences *s) {
    return stoa_sequences_valued(s);
}

static bool has_families(const stoa_sequences *s) {
    return s->options.classes.source == STOA_CLASSES_COMPOUNDS && s->trained_labels >= WAYS &&
           s->options.pairs >= 3;
}

/* Labels beside the two of a family are wanted for the context. */
static bool has_feature_labels(const stoa_sequences *s) {
    return has_families(s) && s->options.label_rule == STOA_LABELS_FEATURE &&
           s->options.classes.holdout >= 1 && s->trained_labels > WAYS;
}

const stoa_episode_kind stoa_episode_kinds[STOA_SEQUENCES_KINDS] = {
    [STOA_SEQUENCES_ICL] = {"icl", "two held-out classes with new labels", true, has_holdout, icl},
    [STOA_SEQUENCES_ICL_TRAINED] = {"icl_trained", "two trained classes with new labels", true,
                                    has_labels, icl_trained},
    [STOA_SEQUENCES_IWL] = {"iwl", "a trained class whose label is not in the context", false,
                            has_other_labels, iwl},
    [STOA_SEQUENCES_IWL_COMMON] = {"iwl_common", "the same, of the commonest classes", false,
                                   has_other_labels, iwl_common},
    [STOA_SEQUENCES_IWL_RARE] = {"iwl_rare", "the same, of the rarer half", false, has_other_labels,
                                 iwl_rare},
    [STOA_SEQUENCES_FLIP] = {"flip", "two trained classes with each other's labels", true,
                             has_labels, flip},
    [STOA_SEQUENCES_TRAINED_LIKE] = {"trained_like", "sequences as in training, drawn anew", false,
                                     is_labelled, stoa_episode_train},
    [STOA_SEQUENCES_RULE_IWL] = {"rule_iwl", "compounds: an untrained one of a trained family",
                                 true, has_feature_labels, rule_iwl},
    [STOA_SEQUENCES_RULE_ICL] = {"rule_icl",
                                 "compounds: the one of a new family not in the context", true,
                                 has_families, rule_icl},
    [STOA_SEQUENCES_TASK_POOL] = {"task_pool", "tasks: one of the trained ones", false, is_valued,
                                  stoa_episode_task_pool},
    [STOA_SEQUENCES_TASK_NEW] = {"task_new", "tasks: one never seen", false, is_valued,
                                 stoa_episode_task_new},
};

const char *stoa_sequences_kind_name(int kind) {
    assert(kind >= 0 && kind < STOA_SEQUENCES_KINDS);
    return stoa_episode_kinds[kind].name;
}

const char *stoa_sequences_kind_summary(int kind) {
    assert(kind >= 0 && kind < STOA_SEQUENCES_KINDS);
    return stoa_episode_kinds[kind].summary;
}

int stoa_sequences_kind_find(const char *name, stoa_error *err) {
    const char *names[STOA_SEQUENCES_KINDS];
    for (int k = 0; k < STOA_SEQUENCES_KINDS; k++) {
        names[k] = stoa_episode_kinds[k].name;
        if (strcmp(name, names[k]) == 0)
            return k;
    }
    const char *near = stoa_nearest(name, names, STOA_SEQUENCES_KINDS);
    stoa_fail(err, STOA_ERR_USAGE, "there is no kind of sequence '%s'%s%s%s", name,
              near ? "; did you mean '" : "; `stoa list sequences` names them", near ? near : "",
              near ? "'?" : "");
    return -1;
}

double stoa_sequences_chance(const stoa_sequences *s, int kind, bool closed) {
    assert(kind >= 0 && kind < STOA_SEQUENCES_KINDS);
    const bool own = kind >= STOA_SEQUENCES_IWL && kind <= STOA_SEQUENCES_IWL_RARE;
    if (closed)
        return stoa_episode_kinds[kind].closed ? 1.0 / WAYS : (double)NAN;
    return (own ? (double)s->options.labels_per_class : 1.0) / s->labels;
}

bool stoa_sequences_has(const stoa_sequences *s, int kind) {
    assert(kind >= 0 && kind < STOA_SEQUENCES_KINDS);
    return stoa_episode_kinds[kind].possible(s);
}
