/* study/explanations/run.c - the points: which there are, their settings, their training. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "study/explanations/ex.h"
#include "study/points.h"

bool stoa_exs_wants(const stoa_exs_study *study, stoa_exs_arm_id arm) {
    return study->settings.steps[stoa_exs_arms[arm].task] > 0 &&
           stoa_study_wants(study->options, stoa_exs_arms[arm].name);
}

static void key(void *user, int64_t point, char *out, size_t n) {
    const stoa_exs_study *study = user;
    const stoa_exs_point *p = &study->points[point];
    snprintf(out, n, "%s-s%" PRId64, stoa_exs_arms[p->arm].name, p->seed);
}

static int add_sets(const char **list, int count, const char *const *more) {
    while (*more)
        list[count++] = *more++;
    return count;
}

static stoa_status agent_settings(const stoa_exs_study *study, const stoa_exs_point *p, int threads,
                                  stoa_agent_settings *s, stoa_error *err) {
    const stoa_exs_arm *arm = &stoa_exs_arms[p->arm];
    const char *list[48];
    int count = add_sets(list, 0, stoa_exs_common);
    count = add_sets(list, count, arm->set);
    STOA_TRY(stoa_agent_settings_load(s, NULL, list, count, err));
    snprintf(s->name, sizeof s->name, "%s", arm->name);
    s->seed = p->seed;
    s->threads = threads;
    s->steps = study->settings.steps[arm->task];
    s->eval_episodes = study->settings.eval_episodes;
    return stoa_agent_settings_check(s, err);
}

static stoa_status settings(void *user, int64_t point, stoa_buffer *out, stoa_error *err) {
    const stoa_exs_study *study = user;
    stoa_agent_settings s;
    stoa_agent_view view;
    STOA_TRY(agent_settings(study, &study->points[point], 1, &s, err));
    STOA_TRY(stoa_agent_view_open(&view, &s, err));
    stoa_settings_dump(view.table, view.target, false, out);
    stoa_agent_view_close(&view);
    return STOA_OK;
}

/* ---- training -------------------------------------------------------------------------------- */

enum { FIGURES = 16, METRICS = STOA_ENV_METRICS };

/* What is noted while a run goes on. */
typedef struct notes {
    char metrics[METRICS][STOA_ENV_NAME];
    int metric_count;
    double steps[EXS_CURVE], curve[METRICS][EXS_CURVE];
    int64_t points;
    struct {
        char name[64];
        double sum, count;
    } figure[FIGURES]; /* of the objective, over the last tenth of the updates */
    int figures;
    double *share;
} notes;

static void note_figure(notes *n, const stoa_metric *m) {
    int i = 0;
    while (i < n->figures && strcmp(n->figure[i].name, m->name) != 0)
        i++;
    if (i == FIGURES)
        return;
    if (i == n->figures)
        snprintf(n->figure[n->figures++].name, sizeof n->figure[i].name, "%s", m->name);
    n->figure[i].sum += m->value;
    n->figure[i].count++;
}

static void on_step(void *user, const stoa_agent_trainer *trainer, const stoa_agent_step *step) {
    notes *n = user;
    int64_t done = stoa_agent_trainer_update(trainer), all = stoa_agent_trainer_updates(trainer);
    if (n->points < EXS_CURVE && done * EXS_CURVE >= (n->points + 1) * all) {
        const stoa_env_spec *spec = stoa_agent_trainer_spec(trainer);
        stoa_agent_scores scores = stoa_agent_trainer_scores(trainer);
        n->metric_count = spec->metric_count;
        for (int i = 0; i < spec->metric_count; i++) {
            snprintf(n->metrics[i], sizeof n->metrics[i], "%s", spec->metrics[i]);
            n->curve[i][n->points] = scores.mean[i + 2];
        }
        n->steps[n->points++] = (double)stoa_agent_trainer_env_steps(trainer);
    }
    if (10 * done > 9 * all)
        for (int i = 0; i < step->objective_count; i++)
            note_figure(n, &step->objectives[i]);
    if (n->share)
        *n->share = (double)done / (double)all;
}

static void keep(stoa_run *run, const notes *n, const stoa_agent_run_result *r) {
    char name[96];
    stoa_run_number(run, "seconds", r->seconds);
    stoa_run_number(run, "steps_per_second", r->steps_per_second);
    stoa_run_series(run, "curve/steps", n->steps, n->points);
    for (int i = 0; i < n->metric_count; i++) {
        snprintf(name, sizeof name, "score/%s", n->metrics[i]);
        stoa_run_number(run, name, r->evaluation.mean[i + 2]);
        snprintf(name, sizeof name, "curve/%s", n->metrics[i]);
        stoa_run_series(run, name, n->curve[i], n->points);
    }
    for (int i = 0; i < n->figures; i++)
        stoa_run_number(run, n->figure[i].name, n->figure[i].sum / n->figure[i].count);
}

static stoa_status train(const stoa_exs_study *study, const stoa_exs_point *p, int threads,
                         const char *dir, FILE *progress, notes *n, stoa_run *run,
                         stoa_error *err) {
    stoa_agent_settings s;
    stoa_agent_trainer *trainer;
    stoa_agent_run_result result;
    STOA_TRY(agent_settings(study, p, threads, &s, err));
    STOA_TRY(stoa_agent_trainer_new(&trainer, &s, err));
    stoa_agent_run_options options = {
        .run_dir = dir, .resume = false, .progress = progress, .stepped = on_step, .user = n};
    stoa_status status = stoa_agent_run(trainer, &options, &result, err);
    stoa_agent_trainer_free(trainer);
    if (status != STOA_OK)
        return status;
    keep(run, n, &result);
    return stoa_exs_arms[p->arm].task == EXS_CONFOUNDED
               ? stoa_exs_test_deconfounded(dir, study->settings.eval_episodes, run, err)
               : STOA_OK;
}

static stoa_status compute(void *user, int64_t point, int threads, FILE *progress, stoa_run *run,
                           double *share, stoa_error *err) {
    const stoa_exs_study *study = user;
    char dir[4096], models[4096], name[128];
    key(user, point, name, sizeof name);
    if (!stoa_path_join(models, sizeof models, study->options->out, "models") ||
        !stoa_path_join(dir, sizeof dir, models, name))
        return stoa_fail(err, STOA_ERR_USAGE, "%s: path too long", study->options->out);
    STOA_TRY(stoa_remove_tree(dir, err)); /* of a run that was stopped */
    notes *n = stoa_alloc(sizeof *n);
    if (!n)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory");
    n->share = share;
    stoa_status status = train(study, &study->points[point], threads, dir, progress, n, run, err);
    stoa_free(n);
    return status;
}

static double cost(void *user, int64_t point) {
    const stoa_exs_study *study = user;
    return (double)study->settings.steps[stoa_exs_arms[study->points[point].arm].task];
}

static void tell(void *user, int64_t point, const stoa_run *run, char *out, size_t n) {
    const stoa_exs_study *study = user;
    if (stoa_exs_arms[study->points[point].arm].task == EXS_CHOICE)
        snprintf(out, n, "colour %.3f, texture %.3f, shape %.3f",
                 stoa_run_get_number(run, "score/correct_color"),
                 stoa_run_get_number(run, "score/correct_texture"),
                 stoa_run_get_number(run, "score/correct_shape"));
    else
        snprintf(out, n, "picks colour %.3f, texture %.3f, shape %.3f",
                 stoa_run_get_number(run, "picked_color"),
                 stoa_run_get_number(run, "picked_texture"),
                 stoa_run_get_number(run, "picked_shape"));
}

/* ---- all ------------------------------------------------------------------------------------- */

stoa_status stoa_exs_run(stoa_exs_study *study, stoa_error *err) {
    const stoa_int_list *seeds = &study->settings.seeds;
    study->count = 0;
    for (int arm = 0; arm < EXS_ARM_COUNT; arm++)
        for (int64_t i = 0; stoa_exs_wants(study, (stoa_exs_arm_id)arm) && i < seeds->count; i++)
            study->points[study->count++] = (stoa_exs_point){(stoa_exs_arm_id)arm, seeds->item[i]};
    stoa_points points = {.options = study->options,
                          .count = study->count,
                          .jobs = (int)study->settings.jobs,
                          .user = study,
                          .key = key,
                          .settings = settings,
                          .compute = compute,
                          .cost = cost,
                          .tell = tell};
    STOA_TRY(stoa_points_run(&points, err));
    for (int64_t i = 0; i < study->count; i++)
        STOA_TRY(stoa_points_load(&points, i, &study->runs[i], err));
    return STOA_OK;
}

int64_t stoa_exs_figures(const stoa_exs_study *study, stoa_exs_arm_id arm, const char *name,
                         double *out) {
    int64_t n = 0;
    for (int64_t i = 0; i < study->count && n < STOA_SETTING_ITEMS; i++) {
        if (study->points[i].arm != arm || !study->runs[i])
            continue;
        double value = stoa_run_get_number(study->runs[i], name);
        if (!isnan(value))
            out[n++] = value;
    }
    return n;
}
