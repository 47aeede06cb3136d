/* study/agent_notes.c - noting an agent's training; see agent_notes.h. */
#include "study/agent_notes.h"

#include <math.h>
#include <string.h>

static void note_figure(stoa_agent_notes *n, const stoa_metric *m) {
    int i = 0;
    while (i < n->figures && strcmp(n->figure[i].name, m->name) != 0)
        i++;
    if (i == STOA_NOTED_FIGURES)
        return;
    if (i == n->figures)
        snprintf(n->figure[n->figures++].name, sizeof n->figure[i].name, "%s", m->name);
    n->figure[i].sum += m->value;
    n->figure[i].count++;
}

static void name_metrics(stoa_agent_notes *n, const stoa_agent_trainer *trainer) {
    const stoa_env_spec *spec = stoa_agent_trainer_spec(trainer);
    n->metric_count = spec->metric_count;
    for (int i = 0; i < spec->metric_count; i++)
        snprintf(n->metrics[i], sizeof n->metrics[i], "%s", spec->metrics[i]);
}

static void note_scores(stoa_agent_notes *n, const stoa_agent_trainer *trainer) {
    stoa_agent_scores scores = stoa_agent_trainer_scores(trainer);
    bool ended = scores.episodes > 0; /* before any has, a figure is missing, not 0 */
    name_metrics(n, trainer);
    for (int i = 0; i < n->metric_count; i++)
        n->curve[i][n->points] = ended ? scores.mean[i + 2] : (double)NAN;
    n->score[n->points] = ended ? stoa_agent_score(&scores) : (double)NAN;
    n->steps[n->points++] = (double)stoa_agent_trainer_env_steps(trainer);
}

void stoa_agent_notes_step(void *user, const stoa_agent_trainer *trainer,
                           const stoa_agent_step *step) {
    stoa_agent_notes *n = user;
    int64_t done = stoa_agent_trainer_update(trainer), all = stoa_agent_trainer_updates(trainer);
    if (n->points < STOA_NOTED_POINTS && done * STOA_NOTED_POINTS >= (n->points + 1) * all)
        note_scores(n, trainer);
    if (10 * done > 9 * all)
        for (int i = 0; i < step->objective_count; i++)
            note_figure(n, &step->objectives[i]);
    if (n->share)
        *n->share = (double)done / (double)all;
}

void stoa_agent_notes_keep(const stoa_agent_notes *n, stoa_run *run) {
    char name[STOA_ENV_NAME + 16];
    stoa_run_series(run, "curve/steps", n->steps, n->points);
    stoa_run_series(run, "curve/score", n->score, n->points);
    for (int i = 0; i < n->metric_count; i++) {
        snprintf(name, sizeof name, "curve/%s", n->metrics[i]);
        stoa_run_series(run, name, n->curve[i], n->points);
    }
    for (int i = 0; i < n->figures; i++)
        stoa_run_number(run, n->figure[i].name, n->figure[i].sum / n->figure[i].count);
}

/* ---- a stopped run's ------------------------------------------------------------------------- */

/* In a run, "<what>.<i>". */
typedef struct part_name {
    char text[32];
} part_name;

static part_name part(const char *what, int i) {
    part_name name;
    snprintf(name.text, sizeof name.text, "%s.%d", what, i);
    return name;
}

void stoa_agent_notes_save(const stoa_agent_notes *n, stoa_run *run) {
    stoa_run_number(run, "points", (double)n->points);
    stoa_run_number(run, "figures", n->figures);
    stoa_run_series(run, "steps", n->steps, n->points);
    stoa_run_series(run, "score", n->score, n->points);
    for (int i = 0; i < n->metric_count; i++)
        stoa_run_series(run, part("curve", i).text, n->curve[i], n->points);
    for (int i = 0; i < n->figures; i++) {
        stoa_run_text(run, part("figure", i).text, n->figure[i].name);
        stoa_run_number(run, part("sum", i).text, n->figure[i].sum);
        stoa_run_number(run, part("count", i).text, n->figure[i].count);
    }
}

/* A whole number from 0 to most, or -1. */
static int whole(const stoa_run *run, const char *name, int most) {
    double value = stoa_run_get_number(run, name);
    return value >= 0 && value <= most && value == floor(value) ? (int)value : -1;
}

static bool read_curve(const stoa_run *run, const char *name, int64_t points, double *out) {
    int64_t n = 0;
    const double *values = stoa_run_get_series(run, name, &n);
    if (points > 0 && (!values || n != points))
        return false;
    for (int64_t i = 0; i < points; i++)
        out[i] = values[i];
    return true;
}

static bool read_all(stoa_agent_notes *n, const stoa_run *run) {
    int points = whole(run, "points", STOA_NOTED_POINTS);
    int figures = whole(run, "figures", STOA_NOTED_FIGURES);
    if (points < 0 || figures < 0 || !read_curve(run, "steps", points, n->steps) ||
        !read_curve(run, "score", points, n->score))
        return false;
    for (int i = 0; i < n->metric_count; i++)
        if (!read_curve(run, part("curve", i).text, points, n->curve[i]))
            return false;
    for (int i = 0; i < figures; i++) {
        const char *name = stoa_run_get_text(run, part("figure", i).text);
        n->figure[i].sum = stoa_run_get_number(run, part("sum", i).text);
        n->figure[i].count = stoa_run_get_number(run, part("count", i).text);
        if (!name || strlen(name) >= sizeof n->figure[i].name || isnan(n->figure[i].count))
            return false;
        snprintf(n->figure[i].name, sizeof n->figure[i].name, "%s", name);
    }
    n->points = points;
    n->figures = figures;
    return true;
}

stoa_status stoa_agent_notes_load(stoa_agent_notes *n, const stoa_agent_trainer *trainer,
                                  const stoa_run *run, stoa_error *err) {
    name_metrics(n, trainer);
    return read_all(n, run) ? STOA_OK
                            : stoa_fail(err, STOA_ERR_FORMAT, "the notes on a run do not fit it");
}
