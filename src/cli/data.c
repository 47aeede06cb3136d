/* cli/data.c - `stoa data`: look at sequences and classes, measure them, import Omniglot. */
#include <math.h>
#include <string.h>

#include "cli/cli.h"

typedef struct options {
    const char *action, *subject, *kind, *sheet, *out;
    cli_settings set;
    int64_t count, first, exemplars, threads;
    bool text, measure, json;
} options;

static const cli_option rows[] = {
    {"set", 'x', "KEY=VALUE", "Change a setting, as in data.zipf=1; may be repeated", CLI_SETTINGS,
     CLI_AT(options, set, cli_settings), 0, 0},
    {"kind", 'k', "KIND", "sequences: train (default) or an evaluation set: icl, iwl, flip, ...",
     CLI_TEXT, CLI_AT(options, kind, const char *), 0, 0},
    {"count", 'n', "N", "sequences: how many (16 to look at, 10000 to measure); classes: rows (12)",
     CLI_INT, CLI_AT(options, count, int64_t), 1, 1e8},
    {"first", 'f', "N", "Begin with row, or class, N (default 0)", CLI_INT,
     CLI_AT(options, first, int64_t), 0, 1e12},
    {"exemplars", 'e', "N", "classes: items of each (default 12)", CLI_INT,
     CLI_AT(options, exemplars, int64_t), 1, 1000},
    {"sheet", 's', "FILE.png", "Draw a contact sheet", CLI_TEXT,
     CLI_AT(options, sheet, const char *), 0, 0},
    {"text", 't', NULL, "sequences: print classes and labels", CLI_FLAG,
     CLI_AT(options, text, bool), 0, 0},
    {"measure", 'm', NULL, "sequences: measure their properties", CLI_FLAG,
     CLI_AT(options, measure, bool), 0, 0},
    {"out", 'o', "DIR", "omniglot: folder to write (default omniglot)", CLI_TEXT,
     CLI_AT(options, out, const char *), 0, 0},
    {"threads", 'T', "N", "CPU threads (default: all)", CLI_INT, CLI_AT(options, threads, int64_t),
     0, 1024},
    {"json", 'j', NULL, "Print as JSON", CLI_FLAG, CLI_AT(options, json, bool), 0, 0},
    {0},
};

static const cli_parser parser = {
    .options = rows,
    .words = {CLI_AT(options, action, const char *), CLI_AT(options, subject, const char *)},
    .words_count = 2,
    .wanted = "say sequences, classes, omniglot or oneshot",
    .arguments = "sequences [SETTINGS.yaml]\nclasses [SETTINGS.yaml]\nomniglot IMPORT\noneshot DIR",
    .doc =
        "Look at the data of in-context learning before training on it.\v"
        "sequences  pairs of item and label, then a query: a contact sheet (--sheet), the classes "
        "and labels as text (--text), and what n of them are like (--measure). Without any of the "
        "three: some text, and the measured properties. Settings are those of `stoa train`.\n"
        "classes    a contact sheet with a class in each row\n"
        "omniglot   converts images_background.zip and images_evaluation.zip in the folder IMPORT, "
        "or the folders they unpack to, into the file that data.path wants; all_runs.zip beside "
        "them, into the table that oneshot wants\n"
        "oneshot    the published one-shot test with the modified Hausdorff distance: 38.75 % "
        "errors when the drawings in DIR are read as they should be\n\n"
        "  stoa data sequences --set data.source=glyphs --sheet train.png\n"
        "  stoa data sequences --set data.zipf=1 --measure\n"
        "  stoa data sequences --kind icl --text\n"
        "  stoa data classes --set data.source=glyphs --set data.variation=2 --sheet hands.png\n\n"
        "`stoa list sequences` names the kinds, `stoa list sources` the sources of classes, "
        "`stoa list settings` every setting.",
};

/* ---- sequences ------------------------------------------------------------------------------- */

enum { LOOK = 16, MEASURE = 10000, ROWS = 12 };

static stoa_status load(const options *o, stoa_sequences **out, stoa_error *err) {
    stoa_icl_settings settings;
    STOA_TRY(stoa_icl_settings_load(&settings, o->subject, o->set.sets, o->set.count, err));
    STOA_TRY(stoa_icl_settings_check(&settings, err));
    return stoa_sequences_open(out, &settings.data, err);
}

static stoa_status find_kind(const options *o, const stoa_sequences *s, int *kind,
                             stoa_error *err) {
    *kind = -1;
    if (!o->kind || strcmp(o->kind, "train") == 0)
        return STOA_OK;
    *kind = stoa_sequences_kind_find(o->kind, err);
    if (*kind < 0)
        return STOA_ERR_USAGE;
    return stoa_sequences_has(s, *kind)
               ? STOA_OK
               : stoa_fail(err, STOA_ERR_USAGE,
                           "these settings leave too few classes or labels for '%s'", o->kind);
}

static json_t *ints_json(const int32_t *items, int64_t n) {
    json_t *out = json_array();
    for (int64_t i = 0; i < n; i++)
        json_array_append_new(out, json_integer(items[i]));
    return out;
}

/* Of valued sequences. */
static void print_values(int64_t row, int64_t P, const stoa_sequences_batch *b, int64_t r) {
    const float *values = b->values + r * (P + 1);
    stoa_buffer line = {0};
    for (int64_t i = 0; i < P; i++)
        stoa_buffer_printf(&line, " %.2f", (double)values[i]);
    printf("%6lld task %d ", (long long)row, (int)b->classes[r * (P + 1)]);
    cli_wrap(stdout, 7, CLI_WIDTH, line.data ? line.data + 1 : "");
    printf("%7s? %.2f\n", "", (double)values[P]);
    stoa_buffer_deinit(&line);
}

static json_t *values_json(const float *items, int64_t n) {
    json_t *out = json_array();
    for (int64_t i = 0; i < n; i++)
        json_array_append_new(out, json_real((double)items[i]));
    return out;
}

static void print_row(int64_t row, int64_t P, const stoa_sequences_batch *b, int64_t r) {
    const int32_t *classes = b->classes + r * (P + 1), *labels = b->labels + r * P;
    stoa_buffer line = {0};
    for (int64_t i = 0; i < P; i++)
        stoa_buffer_printf(&line, " %d:%d", (int)classes[i], (int)labels[i]);
    printf("%6lld ", (long long)row);
    cli_wrap(stdout, 7, CLI_WIDTH, line.data ? line.data + 1 : "");
    printf("%7s? %d:%d", "", (int)classes[P], (int)b->target[r]);
    if (b->choices[2 * r] >= 0)
        printf("   of %d, %d", (int)b->choices[2 * r], (int)b->choices[2 * r + 1]);
    printf("\n");
    stoa_buffer_deinit(&line);
}

static stoa_status print_rows(const options *o, const stoa_sequences *s, int kind, json_t *json,
                              stoa_error *err) {
    const int64_t P = stoa_sequences_pairs(s), n = o->count ? o->count : LOOK;
    stoa_sequences_batch b = {.labels = stoa_alloc((size_t)(n * P) * sizeof *b.labels),
                              .target = stoa_alloc((size_t)n * sizeof *b.target),
                              .classes = stoa_alloc((size_t)(n * (P + 1)) * sizeof *b.classes),
                              .choices = stoa_alloc((size_t)n * 2 * sizeof *b.choices)};
    const bool valued = stoa_sequences_valued(s);
    const int64_t numbers = valued ? n * (P + 1) : 0;
    stoa_status status = STOA_OK;
    if (valued) {
        b.values = stoa_alloc((size_t)numbers * sizeof *b.values);
        b.items = stoa_alloc((size_t)(numbers * stoa_sequences_item(s)) * sizeof *b.items);
    }
    if (!b.labels || !b.target || !b.classes || !b.choices || (valued && (!b.values || !b.items)))
        status = stoa_fail(err, STOA_ERR_MEMORY, "no memory for %lld sequences", (long long)n);
    else if (kind < 0)
        stoa_sequences_train(s, NULL, 0, o->first + n, o->first, n, &b);
    else
        stoa_sequences_eval(s, NULL, kind, o->first, n, &b);
    json_t *list = json_array();
    if (status == STOA_OK && !json && valued)
        printf("y of each pair of a task; then the query's\n");
    else if (status == STOA_OK && !json)
        printf("class:label of each pair; then the query's class and its answer\n");
    for (int64_t r = 0; status == STOA_OK && r < n; r++) {
        if (!json) {
            (valued ? print_values : print_row)(o->first + r, P, &b, r);
            continue;
        }
        if (valued) {
            json_array_append_new(list,
                                  json_pack("{s:I, s:i, s:o}", "row", (json_int_t)(o->first + r),
                                            "task", (int)b.classes[r * (P + 1)], "values",
                                            values_json(b.values + r * (P + 1), P + 1)));
            continue;
        }
        json_array_append_new(
            list,
            json_pack("{s:I, s:o, s:o, s:i, s:i, s:o}", "row", (json_int_t)(o->first + r),
                      "classes", ints_json(b.classes + r * (P + 1), P), "labels",
                      ints_json(b.labels + r * P, P), "query", (int)b.classes[r * (P + 1) + P],
                      "target", (int)b.target[r], "choices", ints_json(b.choices + 2 * r, 2)));
    }
    if (json)
        json_object_set_new(json, "sequences", list);
    else
        json_decref(list);
    stoa_free(b.labels);
    stoa_free(b.target);
    stoa_free(b.classes);
    stoa_free(b.choices);
    stoa_free(b.values);
    stoa_free(b.items);
    return status;
}

/* ---- measured properties --------------------------------------------------------------------- */

static const struct {
    const char *name, *meaning;
    size_t at;
    bool percent;
} shares[] = {
#define SHARE(field, meaning)                                                                      \
    { #field, meaning, offsetof(stoa_sequences_measured, field), true }
#define NUMBER(field, meaning)                                                                     \
    { #field, meaning, offsetof(stoa_sequences_measured, field), false }
    SHARE(repeated, "have the query's class at least twice in the context (bursty)"),
    SHARE(in_context, "have it there at all"),
    SHARE(label_in_context, "have the query's label there"),
    SHARE(nearest, "are answered rightly by the label of the nearest item"),
    NUMBER(distinct, "classes in a context, on average"),
    NUMBER(labels_per_class, "labels a class was seen with, on average"),
    NUMBER(zipf, "is the most likely Zipf exponent of the queries' classes"),
    NUMBER(within, "root mean square distance of two items of a class"),
    NUMBER(between, "of two classes"),
    NUMBER(values, "root mean square of the numbers"),
    SHARE(copies, "of the pairs of items of one class are identical"),
};

static void print_shares(const stoa_sequences_measured *m) {
    printf("\n\n%10lld   classes seen", (long long)m->classes);
    if (m->fresh)
        printf(", %lld of them seen once and never again", (long long)m->fresh);
    printf("\n");
    if (m->labels)
        printf("%10lld   labels seen\n", (long long)m->labels);
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        double value = *(const double *)(const void *)((const char *)m + shares[i].at);
        if (isfinite(value))
            printf(shares[i].percent ? "%10.2f %% %s\n" : "%10.3f   %s\n",
                   shares[i].percent ? 100 * value : value, shares[i].meaning);
    }
}

static void print_measured(const stoa_sequences *s, int kind, const stoa_sequences_measured *m) {
    if (stoa_sequences_valued(s)) {
        printf("%lld sequences of %d pairs of numbers, a task each", (long long)m->sequences,
               (int)stoa_sequences_pairs(s));
        print_shares(m);
        return;
    }
    double chance =
        kind < 0 ? 1.0 / stoa_sequences_labels(s) : stoa_sequences_chance(s, kind, false);
    printf("%lld sequences of %d pairs, %d labels; guessing is right in %.3g %%",
           (long long)m->sequences, (int)stoa_sequences_pairs(s), (int)stoa_sequences_labels(s),
           100 * chance);
    if (kind >= 0 && isfinite(stoa_sequences_chance(s, kind, true)))
        printf(", in %.3g %% between the two", 100 * stoa_sequences_chance(s, kind, true));
    print_shares(m);
    if (m->bins && isfinite(m->zipf))
        printf("\nQueries by class, the commonest first:\n");
    double most = 0;
    for (int b = 0; b < m->bins; b++)
        most = fmax(most, m->bin[b].share);
    for (int b = 0; b < m->bins && isfinite(m->zipf); b++) {
        enum { BAR = 40 };
        char range[48];
        snprintf(range, sizeof range, m->bin[b].first < m->bin[b].last ? "%lld-%lld" : "%lld",
                 (long long)m->bin[b].first, (long long)m->bin[b].last);
        printf("%16s %6.2f %% %.*s\n", range, 100 * m->bin[b].share,
               (int)(BAR * m->bin[b].share / most + 0.5),
               "########################################");
    }
}

static json_t *measured_json(const stoa_sequences_measured *m) {
    json_t *out = json_pack("{s:I, s:I, s:I, s:I}", "sequences", (json_int_t)m->sequences,
                            "classes", (json_int_t)m->classes, "fresh", (json_int_t)m->fresh,
                            "labels", (json_int_t)m->labels);
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        double value = *(const double *)(const void *)((const char *)m + shares[i].at);
        json_object_set_new(out, shares[i].name, isfinite(value) ? json_real(value) : json_null());
    }
    json_t *bins = json_array();
    for (int b = 0; b < m->bins; b++)
        json_array_append_new(
            bins, json_pack("{s:I, s:I, s:f}", "first", (json_int_t)m->bin[b].first, "last",
                            (json_int_t)m->bin[b].last, "share", m->bin[b].share));
    json_object_set_new(out, "frequencies", bins);
    return out;
}

static stoa_status measure(const options *o, const stoa_sequences *s, int kind, stoa_pool *pool,
                           json_t *json, stoa_error *err) {
    stoa_sequences_measured m;
    bool asked = o->count && o->measure;
    STOA_TRY(stoa_sequences_measure(s, pool, kind, asked ? o->count : MEASURE, &m, err));
    if (json)
        json_object_set_new(json, "measured", measured_json(&m));
    else
        print_measured(s, kind, &m);
    return STOA_OK;
}

static stoa_status show(const options *o, const stoa_sequences *s, json_t *json, stoa_pool *pool,
                        stoa_error *err) {
    const bool plain = !o->sheet && !o->text && !o->measure;
    int kind;
    STOA_TRY(find_kind(o, s, &kind, err));
    if (o->sheet) {
        STOA_TRY(
            stoa_sequences_sheet(s, kind, o->first, o->count ? o->count : LOOK, o->sheet, err));
        if (json)
            json_object_set_new(json, "sheet", json_string(o->sheet));
        else
            printf("%s: blue labels are the right answer, orange ones the other of the episode\n",
                   o->sheet);
    }
    if (o->text || plain)
        STOA_TRY(print_rows(o, s, kind, json, err));
    if (plain && !json)
        printf("\n");
    if (o->measure || plain)
        STOA_TRY(measure(o, s, kind, pool, json, err));
    return STOA_OK;
}

static stoa_status sequences(const options *o, json_t *json, stoa_pool *pool, stoa_error *err) {
    stoa_sequences *s;
    STOA_TRY(load(o, &s, err));
    stoa_status status = show(o, s, json, pool, err);
    stoa_sequences_close(s);
    return status;
}

/* ---- classes, Omniglot ----------------------------------------------------------------------- */

static stoa_status classes(const options *o, json_t *json, stoa_pool *pool, stoa_error *err) {
    stoa_sequences *s;
    (void)pool;
    if (!o->sheet)
        return stoa_fail(
            err, STOA_ERR_USAGE,
            "where to? stoa data classes --set data.source=glyphs --sheet classes.png");
    STOA_TRY(load(o, &s, err));
    const stoa_classes *c = stoa_sequences_classes(s);
    const int64_t count = o->count ? o->count : ROWS, E = o->exemplars ? o->exemplars : ROWS;
    const int64_t K = stoa_sequences_options_of(s)->classes.trained;
    stoa_status status =
        o->first + count > K
            ? stoa_fail(err, STOA_ERR_USAGE,
                        "classes %lld to %lld were asked for; data.classes is %lld",
                        (long long)o->first, (long long)(o->first + count - 1), (long long)K)
            : stoa_classes_sheet(c, o->first, count, E, o->sheet, err);
    if (status == STOA_OK && json)
        json_object_set_new(json, "sheet", json_string(o->sheet));
    else if (status == STOA_OK)
        printf("%s: %lld classes, a row each\n", o->sheet, (long long)count);
    stoa_sequences_close(s);
    return status;
}

static stoa_status omniglot(const options *o, json_t *json, stoa_pool *pool, stoa_error *err) {
    const char *out = o->out ? o->out : "omniglot";
    stoa_omniglot_counts n;
    (void)pool;
    if (!o->subject)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "from where? stoa data omniglot FOLDER, with images_background.zip and "
                         "images_evaluation.zip of github.com/brendenlake/omniglot in it");
    STOA_TRY(stoa_omniglot_import(o->subject, out, &n, err));
    if (json) {
        json_object_set_new(json, "folder", json_string(out));
        json_object_set_new(json, "alphabets", json_integer(n.alphabets));
        json_object_set_new(json, "characters", json_integer(n.characters));
        json_object_set_new(json, "background", json_integer(n.background));
        json_object_set_new(json, "drawings", json_integer(n.drawings));
        json_object_set_new(json, "queries", json_integer(n.queries));
        return STOA_OK;
    }
    printf("%s: %lld characters of %lld alphabets, %lld drawings of each\n", out,
           (long long)n.characters, (long long)n.alphabets, (long long)n.drawings);
    if (n.background == n.characters || n.background == 0)
        printf("There is only the %s set; the other archive was not found in %s.\n",
               n.background ? "background" : "evaluation", o->subject);
    if (n.queries)
        printf("%lld one-shot queries: `stoa data oneshot %s`\n", (long long)n.queries, out);
    printf("\nNext:\n  stoa data sequences --set data.source=omniglot --set data.path=%s --set "
           "data.classes=1500 --set data.holdout=123 --sheet train.png\n",
           out);
    return STOA_OK;
}

static stoa_status oneshot(const options *o, json_t *json, stoa_pool *pool, stoa_error *err) {
    stoa_oneshot r;
    if (!o->subject)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "which folder? stoa data oneshot FOLDER, with omniglot105.rle and "
                         "oneshot_runs.tsv in it");
    STOA_TRY(stoa_omniglot_oneshot(o->subject, pool, &r, err));
    const double error = (double)r.errors / (double)r.queries;
    if (json) {
        json_object_set_new(json, "queries", json_integer(r.queries));
        json_object_set_new(json, "errors", json_integer(r.errors));
        json_object_set_new(json, "error", json_real(error));
    } else {
        printf("modified Hausdorff distance: %lld of %lld wrong, %.2f %%; documented: 38.8 %%\n",
               (long long)r.errors, (long long)r.queries, 100 * error);
    }
    return STOA_OK;
}

static const struct {
    const char *name;
    stoa_status (*run)(const options *o, json_t *json, stoa_pool *pool, stoa_error *err);
} actions[] = {
    {"sequences", sequences}, {"classes", classes}, {"omniglot", omniglot}, {"oneshot", oneshot}};
enum { ACTIONS = sizeof actions / sizeof actions[0] };

int verb_data(int argc, char **argv) {
    options o = {0};
    stoa_error err = {0};
    const char *names[ACTIONS];
    cli_parse(&parser, argc, argv, &o);
    for (size_t i = 0; i < ACTIONS; i++) {
        names[i] = actions[i].name;
        if (strcmp(o.action, names[i]) != 0)
            continue;
        stoa_pool *pool = stoa_pool_new((int)o.threads);
        json_t *json = o.json ? json_object() : NULL;
        stoa_status status = pool ? actions[i].run(&o, json, pool, &err)
                                  : stoa_fail(&err, STOA_ERR_MEMORY, "cannot start threads");
        stoa_pool_free(pool);
        if (status == STOA_OK && json)
            cli_print_json(json);
        else
            json_decref(json);
        return status == STOA_OK ? EXIT_OK : cli_fail(&err);
    }
    const char *near = stoa_nearest(o.action, names, ACTIONS);
    stoa_fail(&err, STOA_ERR_USAGE, "data: there is no '%s'; %s%s%s", o.action,
              near ? "did you mean '" : "say sequences, classes, omniglot or oneshot",
              near ? near : "", near ? "'?" : "");
    return cli_fail(&err);
}
