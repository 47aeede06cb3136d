/*
 * study/emergent_icl/maps.c - the induction circuit: which heads make it up, and what they look at
 * in one episode before and after training.
 *
 * It takes two heads: one copies an item's class into the label token behind it, a later one lets
 * the query look for labels whose item was like itself (Olsson et al. 2022).
 */
#include <math.h>
#include <stdio.h>

#include "study/emergent_icl/icls.h"

enum { TOKENS = 65, WORD = 16 };

static double final_score(const stoa_run *run, const char *what, int64_t layer, int64_t head) {
    char name[64];
    int64_t n = 0;
    snprintf(name, sizeof name, "circuit/%s/%d.%d", what, (int)layer, (int)head);
    const double *x = stoa_run_get_series(run, name, &n);
    return x && n > 0 ? x[n - 1] : (double)NAN;
}

/* ---- heads over training --------------------------------------------------------------------- */

static void add_head(stoa_figure *f, const stoa_run *run, const char *what, const char *words,
                     int64_t layer, int64_t head, int colour, bool dashed) {
    char series[64], name[96];
    int64_t n = 0, m = 0;
    snprintf(series, sizeof series, "circuit/%s/%d.%d", what, (int)layer, (int)head);
    snprintf(name, sizeof name, "%s, layer %d head %d", words, (int)layer + 1, (int)head + 1);
    const double *steps = stoa_run_get_series(run, "steps", &n);
    const double *score = stoa_run_get_series(run, series, &m);
    if (!steps || !score || n != m)
        return;
    stoa_figure_add(f, &(stoa_series){.name = name,
                                      .kind = STOA_SERIES_LINE,
                                      .x = steps,
                                      .y = score,
                                      .n = n,
                                      .colour = colour,
                                      .dashed = dashed});
}

void stoa_icls_show_heads(stoa_report *report, const stoa_icls_study *study, stoa_icls_arm_id arm) {
    const stoa_run *run = stoa_arm_first(&study->runs, arm);
    char id[64], title[128];
    if (!run || isnan(final_score(run, "match", 0, 0)))
        return;
    int64_t layers = (int64_t)stoa_run_get_number(run, "layers");
    int64_t heads = (int64_t)stoa_run_get_number(run, "heads");
    snprintf(id, sizeof id, "heads-%s", stoa_icls_arms[arm].name);
    snprintf(title, sizeof title, "Every head of one model, %s", stoa_icls_arms[arm].title);
    stoa_figure *f = stoa_figure_new(id, title);
    for (int64_t h = 0; h < heads && h < 4; h++)
        add_head(f, run, "previous", "label to its item", 0, h, (int)h + 1, false);
    for (int64_t h = 0; h < heads && h < 4; h++)
        add_head(f, run, "match", "query to right labels", layers - 1, h, (int)h + 5, true);
    stoa_figure_axis(f, STOA_AXIS_X, "training step", false, STOA_TICKS_COUNT);
    stoa_figure_axis(f, STOA_AXIS_Y, "attention", false, STOA_TICKS_PLAIN);
    stoa_figure_caption(f, "Attention of labels to the item before them in the first layer, and of "
                           "the query to labels of its own class less that to others in the last.");
    stoa_report_figure(report, f);
}

/* ---- one episode ----------------------------------------------------------------------------- */

typedef struct episode {
    char word[TOKENS][WORD];
    const char *across[TOKENS], *down[TOKENS]; /* names of columns, of rows from the bottom up */
    const double *before, *after;              /* (layers, heads, T, T) */
    const double *answers;
    int64_t layers, heads, tokens;
} episode;

static bool read_episode(const stoa_run *run, episode *e) {
    int64_t items = 0, pairs = 0, n = 0, m = 0, answers = 0;
    const double *classes = stoa_run_get_series(run, "maps/classes", &items);
    const double *labels = stoa_run_get_series(run, "maps/labels", &pairs);
    e->before = stoa_run_get_series(run, "maps/before", &n);
    e->after = stoa_run_get_series(run, "maps/after", &m);
    e->answers = stoa_run_get_series(run, "maps/answers", &answers);
    e->layers = (int64_t)stoa_run_get_number(run, "layers");
    e->heads = (int64_t)stoa_run_get_number(run, "heads");
    e->tokens = 2 * pairs + 1;
    int64_t size = e->layers * e->heads * e->tokens * e->tokens;
    if (!classes || !labels || items != pairs + 1 || e->tokens > TOKENS || answers != 3 ||
        !e->before || !e->after || n != size || m != size)
        return false;
    for (int64_t i = 0; i < items; i++)
        snprintf(e->word[2 * i], WORD, "%c%s", classes[i] == classes[0] ? 'A' : 'B',
                 i == pairs ? "?" : "");
    for (int64_t i = 0; i < pairs; i++)
        snprintf(e->word[2 * i + 1], WORD, "is %.0f", labels[i]);
    for (int64_t t = 0; t < e->tokens; t++) {
        e->across[t] = e->word[t];
        e->down[t] = e->word[e->tokens - 1 - t];
    }
    return true;
}

/* The first token's row at the top. */
static void show_map(stoa_report *report, const episode *e, const double *maps, int64_t layer,
                     int64_t head, const char *id, const char *title, const char *caption) {
    double cells[TOKENS * TOKENS];
    const int64_t T = e->tokens;
    const double *map = maps + (layer * e->heads + head) * T * T;
    for (int64_t q = 0; q < T; q++)
        for (int64_t k = 0; k < T; k++)
            cells[(T - 1 - q) * T + k] = k <= q ? map[q * T + k] : (double)NAN;
    stoa_figure *f = stoa_figure_new(id, title);
    stoa_figure_heatmap(f, T, T, cells, 0, 1, "attention");
    stoa_figure_names(f, STOA_AXIS_X, e->across, (int)T);
    stoa_figure_names(f, STOA_AXIS_Y, e->down, (int)T);
    stoa_figure_axis(f, STOA_AXIS_X, "what is read", false, STOA_TICKS_PLAIN);
    stoa_figure_axis(f, STOA_AXIS_Y, "who reads", false, STOA_TICKS_PLAIN);
    stoa_figure_height(f, 80);
    stoa_figure_caption(f, caption);
    stoa_report_figure(report, f);
}

void stoa_icls_show_maps(stoa_report *report, const stoa_icls_study *study, stoa_icls_arm_id arm) {
    static const struct {
        const char *score, *words, *caption;
    } parts[] = {
        {"previous", "labels read the item before them",
         "Rows of labels light up just left of the diagonal when a label takes in the class of its "
         "item."},
        {"match", "the query reads the labels of its class",
         "The bottom row is the query: it lights up under the labels behind items of its class."},
    };
    const stoa_run *run = stoa_arm_first(&study->runs, arm);
    episode e;
    if (!run || !read_episode(run, &e))
        return;
    for (int p = 0; p < 2; p++) {
        int64_t layer = -1, head = 0;
        for (int64_t l = 0; l < e.layers; l++)
            for (int64_t h = 0; h < e.heads; h++)
                if (layer < 0 || final_score(run, parts[p].score, l, h) >
                                     final_score(run, parts[p].score, layer, head))
                    layer = l, head = h;
        for (int after = 0; after < 2; after++) {
            char id[64], title[160];
            snprintf(id, sizeof id, "map-%s-%s", parts[p].score, after ? "after" : "before");
            snprintf(title, sizeof title, "%s training: %s (layer %d, head %d)",
                     after ? "After" : "Before", parts[p].words, (int)layer + 1, (int)head + 1);
            show_map(report, &e, after ? e.after : e.before, layer, head, id, title,
                     parts[p].caption);
        }
    }
    stoa_report_paragraph(report,
                          "An episode of two new classes, A and B, read from left to right; what "
                          "is asked for is the label of the last one. The right answer is %.0f; "
                          "the untrained model says %.0f, the trained one %.0f.",
                          e.answers[0], e.answers[1], e.answers[2]);
}
