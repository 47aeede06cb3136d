/* study/sr_trace.c - an agent's synthetic returns over episodes: collected, summed up, drawn. */
#include "study/sr_trace.h"

#include <math.h>
#include <string.h>

typedef struct collector {
    stoa_sr_trace *trace;
    bool learned; /* some contribution was a number */
} collector;

static void add_value(stoa_sr_trace *t, int kind, double c) {
    if (t->count[kind] == t->room[kind]) {
        size_t old = (size_t)t->room[kind] * sizeof(double);
        double *more = stoa_realloc(t->values[kind], old, 2 * old + 1024 * sizeof(double));
        if (!more) {
            t->failed = true;
            return;
        }
        t->values[kind] = more;
        t->room[kind] = 2 * t->room[kind] + 1024;
    }
    t->values[kind][t->count[kind]++] = c;
}

static bool on_move(void *user, const stoa_agent_moment *m) {
    collector *k = user;
    stoa_sr_trace *t = k->trace;
    if (isnan(m->contribution))
        return false;
    k->learned = true;
    if (m->episode == 0 && t->steps < STOA_SR_TRACE) {
        t->step[t->steps] = (double)m->step;
        t->c[t->steps] = (double)m->contribution;
        t->reward[t->steps] = (double)m->reward;
        t->event[t->steps++] = m->event;
    }
    add_value(t, m->event, (double)m->contribution);
    return !t->failed;
}

static void name_kinds(stoa_sr_trace *t, const stoa_env_spec *spec) {
    t->kinds = spec->event_count + 1;
    snprintf(t->kind[0], sizeof t->kind[0], "elsewhere");
    for (int i = 0; i < spec->event_count; i++)
        memcpy(t->kind[i + 1], spec->events[i], sizeof t->kind[0]);
}

stoa_status stoa_sr_trace_play(stoa_sr_trace *t, const char *run_dir, int64_t episodes,
                               uint64_t seed, stoa_error *err) {
    stoa_agent_bundle *bundle;
    memset(t, 0, sizeof *t);
    STOA_TRY(stoa_agent_bundle_open(&bundle, run_dir, "best", err));
    name_kinds(t, stoa_agent_bundle_spec(bundle));
    collector k = {.trace = t};
    stoa_agent_play_options options = {
        .episodes = episodes, .seed = seed, .moved = on_move, .user = &k};
    stoa_status status = stoa_agent_play(bundle, &options, &t->scores, err);
    stoa_agent_bundle_close(bundle);
    if (status == STOA_OK && !k.learned)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "%s: its agent has learned no synthetic returns; train one with "
                         "--set objectives=synthetic-returns",
                         run_dir);
    if (status == STOA_OK && t->failed)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory: contributions of %lld episodes",
                         (long long)episodes);
    return status;
}

void stoa_sr_trace_deinit(stoa_sr_trace *t) {
    for (int i = 0; i <= STOA_ENV_EVENTS; i++)
        stoa_free(t->values[i]);
    memset(t, 0, sizeof *t);
}

double stoa_sr_trace_mean(const stoa_sr_trace *t, int kind) {
    return stoa_stat_summary(t->values[kind], t->count[kind]).mean;
}

double stoa_sr_trace_auc(const stoa_sr_trace *t, int kind) {
    double won = 0, pairs = 0;
    for (int other = 0; other < t->kinds; other++)
        if (other != kind) {
            double area =
                stoa_stat_auc(t->values[kind], t->count[kind], t->values[other], t->count[other]);
            double n = (double)t->count[kind] * (double)t->count[other];
            won += n > 0 ? area * n : 0;
            pairs += n;
        }
    return won / pairs; /* NaN without pairs */
}

stoa_figure *stoa_sr_trace_figure(const stoa_sr_trace *t, const char *id, const char *title) {
    stoa_figure *f = stoa_figure_new(id, title);
    double x[STOA_SR_TRACE], y[STOA_SR_TRACE];
    stoa_figure_add(f, &(stoa_series){.name = "synthetic return c",
                                      .kind = STOA_SERIES_LINE,
                                      .x = t->step,
                                      .y = t->c,
                                      .n = t->steps,
                                      .colour = 1});
    for (int kind = 1; kind < t->kinds; kind++) {
        int64_t n = 0;
        for (int64_t i = 0; i < t->steps; i++)
            if (t->event[i] == kind) {
                x[n] = t->step[i];
                y[n++] = t->c[i];
            }
        if (n > 0)
            stoa_figure_add(f, &(stoa_series){.name = t->kind[kind],
                                              .kind = STOA_SERIES_POINTS,
                                              .x = x,
                                              .y = y,
                                              .n = n,
                                              .colour = kind + 1,
                                              .hollow = kind > 1});
    }
    stoa_figure_axis(f, STOA_AXIS_X, "step of the episode", false, STOA_TICKS_PLAIN);
    stoa_figure_axis(f, STOA_AXIS_Y, "c of the state", false, STOA_TICKS_PLAIN);
    stoa_figure_caption(f,
                        "One episode of the trained agent. Where credit is due, the line spikes.");
    return f;
}

stoa_table *stoa_sr_trace_table(const stoa_sr_trace *t, const char *id, const char *title) {
    stoa_table *table = stoa_table_new(id, title);
    stoa_table_text_column(table, "state");
    stoa_table_column(table, "mean c", (stoa_format){STOA_FORMAT_FIXED, 3, NULL});
    stoa_table_column(table, "AUC against all others", (stoa_format){STOA_FORMAT_FIXED, 3, NULL});
    stoa_table_column(table, "states", (stoa_format){STOA_FORMAT_WHOLE, 0, NULL});
    for (int kind = t->kinds - 1; kind >= 0; kind--) {
        stoa_table_row(table, kind == 1);
        stoa_table_text(table, t->kind[kind]);
        stoa_table_number(table, stoa_sr_trace_mean(t, kind));
        stoa_table_number(table, stoa_sr_trace_auc(t, kind));
        stoa_table_number(table, (double)t->count[kind]);
    }
    return table;
}
