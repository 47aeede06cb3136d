/* study/agent_notes.c - noting an agent's training; see agent_notes.h. */
#include "study/agent_notes.h"

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

static void note_scores(stoa_agent_notes *n, const stoa_agent_trainer *trainer) {
    const stoa_env_spec *spec = stoa_agent_trainer_spec(trainer);
    stoa_agent_scores scores = stoa_agent_trainer_scores(trainer);
    n->metric_count = spec->metric_count;
    for (int i = 0; i < spec->metric_count; i++) {
        snprintf(n->metrics[i], sizeof n->metrics[i], "%s", spec->metrics[i]);
        n->curve[i][n->points] = scores.mean[i + 2];
    }
    n->score[n->points] = stoa_agent_score(&scores);
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
