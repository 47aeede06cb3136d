/* data/options.c - the settings of sequences: one row a key, and what they must agree on. */
#include <string.h>

#include "data/sequences.h"

static const char *const sources[] = {"gaussian", "glyphs", "omniglot", "compounds", "tasks", NULL};
static const char *const inks[] = {"standard", "paper", "ink", NULL};
static const char *const label_rules[] = {"spread", "ordered", "feature", NULL};
static const char *const ways_rules[] = {"labels", "classes", "any", NULL};
static const char *const copies[] = {"none", "context", "query", NULL};
static const char *const icl_labels[] = {"random", "rarest", NULL};

#define AT(field) offsetof(stoa_sequences_options, field)
#define ROW_INT(key, field, initial, least, most, help)                                            \
    { "data." key, STOA_SET_INT, AT(field), initial, least, most, NULL, help }
#define ROW_FLOAT(key, field, initial, least, most, help)                                          \
    { "data." key, STOA_SET_FLOAT, AT(field), initial, least, most, NULL, help }
#define ROW_BOOL(key, field, initial, help)                                                        \
    { "data." key, STOA_SET_BOOL, AT(field), initial, 0, 0, NULL, help }
#define ROW_STRING(key, field, initial, help)                                                      \
    { "data." key, STOA_SET_STRING, AT(field), initial, 0, 0, NULL, help }
#define ROW_CHOICE(key, field, initial, choices, help)                                             \
    { "data." key, STOA_SET_CHOICE, AT(field), initial, 0, 0, choices, help }

enum { CLASSES_MAX = 1 << 24, LABELS_MAX = 1 << 24 };

static const stoa_setting rows[] = {
    ROW_CHOICE("source", classes.source, "gaussian", sources, "Where classes come from."),
    ROW_INT("classes", classes.trained, "2048", 1, CLASSES_MAX, "K, classes to train on."),
    ROW_INT("holdout", classes.holdout, "128", 0, CLASSES_MAX,
            "H, classes held out for in-context tests."),
    ROW_INT("exemplars", classes.exemplars, "-1", -1, 1e9,
            "E, different items of a class; 0: endless (omniglot: all drawings); -1: endless for "
            "gaussian, 20 for glyphs, all for omniglot."),
    ROW_FLOAT("pixel_noise", classes.pixel_noise, "0", 0, 1000,
              "Standard deviation of fresh noise on every number of every item."),
    ROW_INT("width", classes.width, "64", 1, STOA_CLASSES_WIDTH_MAX,
            "gaussian, compounds, tasks: D, numbers an item has."),
    ROW_FLOAT("spread", classes.spread, "0.1", 0, 1000,
              "gaussian, compounds: within-class spread relative to that between classes; tasks: "
              "deviation of the noise on y."),
    ROW_INT("side", classes.side, "28", 1, 105, "Images: width and height in pixels."),
    ROW_CHOICE("ink", classes.ink, "standard", inks,
               "Images: (ink - mean) / sd, or paper 1 and ink 0 (released code), or ink 1."),
    ROW_FLOAT("mean", classes.mean, "0", 0, 1, "Images: mean of the ink, with data.sd."),
    ROW_FLOAT("sd", classes.sd, "0", 0, 1,
              "Images: standard deviation of the ink; 0: mean and sd are measured."),
    ROW_FLOAT("variation", classes.variation, "1", 0, 10,
              "glyphs: how much hands differ; 0: not at all, 1: about as much as people."),
    ROW_STRING("path", classes.path, "",
               "omniglot: folder that `stoa data omniglot IMPORT --out FOLDER` made."),
    ROW_BOOL("multiply", classes.multiply, "false",
             "omniglot: 8 classes of each character, flipped or not x 4 rotations."),
    ROW_INT("split_seed", classes.split_seed, "1337", 0, 9e15,
            "omniglot: seed of the order of characters; the last ones are held out."),

    ROW_INT("labels", labels, "32", 0, LABELS_MAX, "L, label of class k is k mod L; 0: its own."),
    ROW_INT("labels_per_class", labels_per_class, "1", 1, STOA_SEQUENCES_LABELS_PER_CLASS_MAX,
            "X, labels a class has; it keeps one of them within a sequence."),
    ROW_CHOICE("label_rule", label_rule, "spread", label_rules,
               "The X labels of class k: (k + 11 j) mod L, or kX..kX+X-1 (mod L); feature: by the "
               "first feature of compounds."),
    ROW_BOOL("loose_fillers", loose_fillers, "false",
             "Each filler pair draws its label anew, as in the released code."),

    ROW_INT("pairs", pairs, "8", 1, STOA_SEQUENCES_PAIRS_MAX, "P, pairs before the query."),
    ROW_INT("ways", ways, "2", 1, STOA_SEQUENCES_PAIRS_MAX, "Classes a bursty sequence repeats."),
    ROW_INT("shots", shots, "3", 1, STOA_SEQUENCES_PAIRS_MAX, "How often it repeats each."),
    ROW_FLOAT("bursty", bursty, "0.9", 0, 1, "p_b, share of bursty sequences."),
    ROW_FLOAT("zipf", zipf, "0", 0, 4,
              "alpha: class k is drawn with weight (k+1)^-alpha; class 0 is the commonest."),
    ROW_CHOICE("ways_rule", ways_rule, "labels", ways_rules,
               "The repeated classes differ in label, in class, or may be the same (released "
               "code); also in tests."),
    ROW_CHOICE("copies", copies, "none", copies,
               "A repeated class shows one identical item: never, in the context, or as the query "
               "too."),
    ROW_FLOAT("reassigned", reassigned, "0", 0, 1,
              "Share of sequences whose classes get random labels."),
    ROW_FLOAT("fresh", fresh, "0", 0, 1,
              "Share of sequences of never repeated classes with random labels; always bursty."),

    ROW_INT("common", common, "10", 1, CLASSES_MAX, "Classes that iwl_common asks for."),
    ROW_CHOICE("icl_labels", icl_labels, "random", icl_labels,
               "Labels of an in-context test: two random ones, or those of the two rarest "
               "classes (released code)."),
};

stoa_settings_table stoa_sequences_settings_table(void) {
    return (stoa_settings_table){rows, sizeof rows / sizeof rows[0]};
}

stoa_status stoa_sequences_options_init(stoa_sequences_options *options, stoa_error *err) {
    memset(options, 0, sizeof *options);
    options->seed = 1;
    return stoa_settings_defaults(stoa_sequences_settings_table(), options, err);
}

/* Every number within its row's limits: the options may come from a program. */
static stoa_status check_ranges(const stoa_sequences_options *o, stoa_error *err) {
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *at = (const char *)o + rows[i].offset;
        double value, least = rows[i].least, most = rows[i].most;
        if (rows[i].type == STOA_SET_INT) {
            int64_t number;
            memcpy(&number, at, sizeof number);
            value = (double)number;
        } else if (rows[i].type == STOA_SET_FLOAT) {
            memcpy(&value, at, sizeof value);
        } else if (rows[i].type == STOA_SET_CHOICE) {
            int choice;
            memcpy(&choice, at, sizeof choice);
            value = choice;
            for (most = -1; rows[i].choices[(int)most + 1];)
                most++;
        } else {
            continue;
        }
        if (!(value >= least && value <= most))
            return stoa_fail(err, STOA_ERR_USAGE, "%s is %g; it must lie within %g and %g",
                             rows[i].key, value, least, most);
    }
    return STOA_OK;
}

stoa_status stoa_sequences_options_check(const stoa_sequences_options *o, stoa_error *err) {
    STOA_TRY(check_ranges(o, err));
    const long long K = o->classes.trained, L = o->labels, X = o->labels_per_class;
    if (o->classes.source == STOA_CLASSES_TASKS) // no labels, nothing bursty
        return STOA_OK;
    if (K < 2)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "data.classes is %lld; it must be at least 2, but of data.source = tasks",
                         K);
    if (o->ways * o->shots > o->pairs)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "data.ways x data.shots = %lld x %lld pairs do not fit into data.pairs = "
                         "%lld",
                         (long long)o->ways, (long long)o->shots, (long long)o->pairs);
    if (L == 0 && X > 1 && o->label_rule != STOA_LABELS_ORDERED)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "data.labels_per_class = %lld without shared labels (data.labels = 0) "
                         "wants data.label_rule = ordered",
                         X);
    if (L > 0 && X > L)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "data.labels_per_class = %lld is more than data.labels = %lld", X, L);
    for (long long j = 1; L > 0 && o->label_rule == STOA_LABELS_SPREAD && j < X; j++)
        if (STOA_LABEL_STRIDE * j % L == 0)
            return stoa_fail(err, STOA_ERR_USAGE,
                             "labels k and k + %d x %lld are the same when data.labels = %lld; "
                             "take another number of labels, or data.label_rule = ordered",
                             STOA_LABEL_STRIDE, j, L);
    if (o->label_rule == STOA_LABELS_FEATURE &&
        (o->classes.source != STOA_CLASSES_COMPOUNDS || X > 1))
        return stoa_fail(
            err, STOA_ERR_USAGE,
            "data.label_rule = feature is for data.source = compounds with one label a "
            "class");
    if (L == 0 && (K + o->classes.holdout) * X > LABELS_MAX)
        return stoa_fail(err, STOA_ERR_USAGE, "%lld labels are more than %d",
                         (K + (long long)o->classes.holdout) * X, LABELS_MAX);
    return STOA_OK;
}
