/*
 * data/sequences.c - opening sequences, and batches of rows.
 *
 * A row's stream is named by (seed, set, row) and nothing else, so rows may be made in any order,
 * in any batch, on any thread. The names of its exemplars are numbers no other row uses.
 */
#include "data/sequences.h"

#include <assert.h>
#include <string.h>

/* ---- opening --------------------------------------------------------------------------------- */

/* How many labels trained classes have, of `labels`; -1: out of memory. */
static int32_t count_trained_labels(const stoa_sequences *s) {
    bool *has = stoa_alloc((size_t)s->labels);
    int32_t count = 0;
    if (!has)
        return -1;
    for (int64_t k = 0; k < s->options.classes.trained && count < s->labels; k++)
        for (int64_t j = 0; j < s->options.labels_per_class; j++) {
            bool *label = &has[stoa_sequences_label(s, (int32_t)k, j)];
            count += !*label;
            *label = true;
        }
    stoa_free(has);
    return count;
}

/* Draws that could never succeed are refused here, so that no draw need give up. */
static stoa_status check_draws(const stoa_sequences *s, stoa_error *err) {
    const stoa_sequences_options *o = &s->options;
    const bool random = o->fresh > 0 || o->reassigned > 0;
    if (stoa_classes_valued(s->classes))
        return STOA_OK;
    if (o->ways_rule != STOA_WAYS_ANY && o->ways > o->classes.trained)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "data.ways = %lld different classes cannot be drawn from data.classes = "
                         "%lld",
                         (long long)o->ways, (long long)o->classes.trained);
    if ((o->ways_rule == STOA_WAYS_LABELS || random) && o->ways > s->trained_labels)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "data.ways = %lld classes with different labels cannot be drawn from %d "
                         "labels; set data.labels",
                         (long long)o->ways, (int)s->trained_labels);
    if (o->fresh > 0 && !stoa_classes_endless(s->classes))
        return stoa_fail(err, STOA_ERR_USAGE,
                         "data.fresh = %g needs a source with any number of classes, and %s has "
                         "not",
                         o->fresh, stoa_class_source_name(o->classes.source));
    return STOA_OK;
}

static stoa_status set_up(stoa_sequences *s, stoa_error *err) {
    stoa_sequences_options *o = &s->options;
    const int64_t K = o->classes.trained;
    const int64_t all = o->label_rule == STOA_LABELS_FEATURE
                            ? 2 * (K / STOA_COMPOUND_BX)
                            : (K + o->classes.holdout) * o->labels_per_class;
    if (o->classes.seed == 0)
        o->classes.seed = o->seed;
    STOA_TRY(stoa_classes_open(&s->classes, &o->classes, err));
    o->classes = s->classes->options; // with what was measured
    o->classes.exemplars = s->classes->exemplars;
    s->item = stoa_classes_item_size(s->classes);
    if (stoa_classes_valued(s->classes))
        o->labels = o->labels_per_class = 1;
    s->labels = (int32_t)(o->labels ? o->labels : all);
    s->trained_labels = count_trained_labels(s);
    if (s->trained_labels < 0)
        return stoa_fail(err, STOA_ERR_MEMORY, "no memory to count %d labels", (int)s->labels);
    STOA_TRY(check_draws(s, err));
    for (uint64_t set = 0; set < sizeof s->keys / sizeof s->keys[0]; set++) {
        const stoa_rng rng = stoa_rng_stream(stoa_data_mix(o->seed, set), "data/sequences", 0);
        memcpy(s->keys[set], rng.key, sizeof s->keys[set]);
    }
    return stoa_zipf_init(&s->zipf, o->classes.trained, o->zipf, err);
}

stoa_status stoa_sequences_open(stoa_sequences **out, const stoa_sequences_options *options,
                                stoa_error *err) {
    *out = NULL;
    STOA_TRY(stoa_sequences_options_check(options, err));
    stoa_sequences *s = stoa_alloc(sizeof *s);
    if (!s)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for sequences");
    s->options = *options;
    stoa_status status = set_up(s, err);
    if (status != STOA_OK) {
        stoa_sequences_close(s);
        return status;
    }
    *out = s;
    return STOA_OK;
}

void stoa_sequences_close(stoa_sequences *s) {
    if (!s)
        return;
    stoa_classes_close(s->classes);
    stoa_zipf_deinit(&s->zipf);
    stoa_free(s);
}

int64_t stoa_sequences_item(const stoa_sequences *s) {
    return s->item;
}

int stoa_sequences_shape(const stoa_sequences *s, int64_t shape[3]) {
    return stoa_classes_shape(s->classes, shape);
}

bool stoa_sequences_valued(const stoa_sequences *s) {
    return stoa_classes_valued(s->classes);
}

int32_t stoa_sequences_labels(const stoa_sequences *s) {
    return s->labels;
}

int32_t stoa_sequences_pairs(const stoa_sequences *s) {
    return (int32_t)s->options.pairs;
}

const stoa_classes *stoa_sequences_classes(const stoa_sequences *s) {
    return s->classes;
}

const stoa_sequences_options *stoa_sequences_options_of(const stoa_sequences *s) {
    return &s->options;
}

/* ---- batches --------------------------------------------------------------------------------- */

typedef struct work {
    const stoa_sequences *s;
    const stoa_sequences_batch *out;
    uint64_t set, first; /* 0: training; 1 + kind; the row that becomes out's row 0 */
} work;

static void write_row(const stoa_sequences *s, const stoa_episode *e, int64_t r,
                      const stoa_sequences_batch *out) {
    const int64_t P = s->options.pairs;
    for (int64_t i = 0; i < P; i++)
        out->labels[r * P + i] = e->slots[i].label;
    out->target[r] = e->slots[P].label;
    for (int64_t i = 0; i <= P && out->classes; i++)
        out->classes[r * (P + 1) + i] = e->slots[i].class_;
    if (out->choices)
        memcpy(out->choices + 2 * r, e->choices, sizeof e->choices);
    for (int64_t i = 0; i <= P && out->items; i++)
        stoa_classes_item(s->classes, e->slots[i].number, e->slots[i].exemplar, e->slots[i].noise,
                          out->items + (r * (P + 1) + i) * s->item);
    assert(!out->values || (out->items && stoa_sequences_valued(s)));
    for (int64_t i = 0; i <= P && out->values; i++)
        out->values[r * (P + 1) + i] =
            stoa_classes_value(s->classes, e->slots[i].number, e->slots[i].exemplar,
                               out->items + (r * (P + 1) + i) * s->item);
}

static void make_rows(void *arg, int64_t begin, int64_t end, int thread) {
    const work *w = arg;
    const stoa_sequences *s = w->s;
    stoa_episode e;
    (void)thread;
    for (int64_t r = begin; r < end; r++) {
        const uint64_t row = w->first + (uint64_t)r;
        const uint64_t names = (w->set << 56) + row * (uint64_t)(s->options.pairs + 1);
        stoa_rng rng = {.key = {s->keys[w->set][0], s->keys[w->set][1]}, .stream = row, .used = 4};
        if (w->set == 0 && stoa_sequences_valued(s))
            stoa_episode_task(s, &rng, names, &e);
        else if (w->set == 0)
            stoa_episode_train(s, &rng, names, &e);
        else
            stoa_episode_kinds[w->set - 1].draw(s, &rng, names, &e);
        write_row(s, &e, r, w->out);
    }
}

void stoa_sequences_train(const stoa_sequences *s, stoa_pool *pool, int64_t step, int64_t batch,
                          int64_t first_row, int64_t rows, const stoa_sequences_batch *out) {
    assert(step >= 0 && batch >= 1 && first_row >= 0 && rows >= 0 && rows <= batch - first_row);
    work w = {s, out, 0, (uint64_t)step * (uint64_t)batch + (uint64_t)first_row};
    stoa_pool_run(pool, rows, 4, make_rows, &w);
}

void stoa_sequences_eval(const stoa_sequences *s, stoa_pool *pool, int kind, int64_t first,
                         int64_t rows, const stoa_sequences_batch *out) {
    assert(kind >= 0 && kind < STOA_SEQUENCES_KINDS && stoa_sequences_has(s, kind));
    assert(first >= 0 && rows >= 0);
    work w = {s, out, 1 + (uint64_t)kind, (uint64_t)first};
    stoa_pool_run(pool, rows, 4, make_rows, &w);
}
