/* study/explanations/run.c - the points: which there are, their settings, their training. */
#include <inttypes.h>

#include "study/agent_notes.h"
#include "study/explanations/ex.h"

static const stoa_exs_task *task_of(int arm) {
    return &stoa_exs_tasks[stoa_exs_arms[arm].task];
}

static const stoa_int_list *seeds(void *user, int arm) {
    static const stoa_int_list none = {0};
    const stoa_exs_study *study = user;
    if (study->settings.steps[stoa_exs_arms[arm].task] == 0 ||
        !stoa_study_wants(study->options, stoa_exs_arms[arm].name))
        return &none;
    return task_of(arm)->more ? &study->settings.more_seeds : &study->settings.seeds;
}

stoa_status stoa_exs_agent(const stoa_exs_study *study, const stoa_arm_point *p, int threads,
                           stoa_agent_settings *s, stoa_error *err) {
    const stoa_exs_arm *arm = &stoa_exs_arms[p->arm];
    const char *list[EXS_SETS + 1];
    char seen[64];
    int count = stoa_exs_sets((stoa_exs_arm_id)p->arm, list);
    snprintf(seen, sizeof seen, "env.observation=%s",
             stoa_exs_observations[study->settings.observation]);
    if (task_of(p->arm)->published)
        list[count++] = seen;
    STOA_TRY(stoa_agent_settings_load(s, NULL, list, count, err));
    snprintf(s->name, sizeof s->name, "%s", arm->name);
    s->seed = p->seed;
    s->threads = threads;
    s->steps = study->settings.steps[arm->task];
    s->eval_episodes = study->settings.eval_episodes;
    return stoa_agent_settings_check(s, err);
}

static stoa_status settings(void *user, const stoa_arm_point *p, stoa_buffer *out,
                            stoa_error *err) {
    stoa_agent_settings s;
    stoa_agent_view view;
    STOA_TRY(stoa_exs_agent(user, p, 1, &s, err));
    STOA_TRY(stoa_agent_view_open(&view, &s, err));
    stoa_settings_dump(view.table, view.target, false, out);
    stoa_agent_view_close(&view);
    return STOA_OK;
}

/* ---- training -------------------------------------------------------------------------------- */

static void keep(stoa_run *run, const stoa_agent_notes *n, const stoa_agent_run_result *r) {
    char name[STOA_ENV_NAME + 16];
    stoa_run_number(run, "seconds", r->seconds);
    stoa_run_number(run, "steps_per_second", r->steps_per_second);
    for (int i = 0; i < n->metric_count; i++) {
        snprintf(name, sizeof name, "score/%s", n->metrics[i]);
        stoa_run_number(run, name, r->evaluation.mean[i + 2]);
    }
    stoa_agent_notes_keep(n, run);
}

static stoa_status train(const stoa_exs_study *study, const stoa_arm_point *p, int threads,
                         const char *dir, FILE *progress, stoa_agent_notes *n, stoa_run *run,
                         stoa_error *err) {
    stoa_agent_settings s;
    stoa_agent_trainer *trainer;
    stoa_agent_run_result result;
    STOA_TRY(stoa_exs_agent(study, p, threads, &s, err));
    STOA_TRY(stoa_agent_trainer_new(&trainer, &s, err));
    stoa_agent_run_options options = {.run_dir = dir,
                                      .resume = false,
                                      .progress = progress,
                                      .stepped = stoa_agent_notes_step,
                                      .user = n};
    stoa_status status = stoa_agent_run(trainer, &options, &result, err);
    stoa_agent_trainer_free(trainer);
    if (status != STOA_OK)
        return status;
    keep(run, n, &result);
    return task_of(p->arm)->kind == EXS_AMBIGUOUS
               ? stoa_exs_test_deconfounded(dir, study->settings.eval_episodes, run, err)
               : STOA_OK;
}

static stoa_status compute(void *user, const stoa_arm_point *p, int threads, FILE *progress,
                           stoa_run *run, double *share, stoa_error *err) {
    const stoa_exs_study *study = user;
    char dir[4096], models[4096], name[128];
    snprintf(name, sizeof name, "%s-s%" PRId64, stoa_exs_arms[p->arm].name, p->seed);
    if (!stoa_path_join(models, sizeof models, study->options->out, "models") ||
        !stoa_path_join(dir, sizeof dir, models, name))
        return stoa_fail(err, STOA_ERR_USAGE, "%s: path too long", study->options->out);
    STOA_TRY(stoa_remove_tree(dir, err)); /* of a run that was stopped */
    stoa_agent_notes *n = stoa_alloc(sizeof *n);
    if (!n)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory");
    n->share = share;
    stoa_status status = train(study, p, threads, dir, progress, n, run, err);
    stoa_free(n);
    return status;
}

static double cost(void *user, const stoa_arm_point *p) {
    const stoa_exs_study *study = user;
    return (double)study->settings.steps[stoa_exs_arms[p->arm].task] * task_of(p->arm)->step_cost;
}

static void tell(void *user, const stoa_arm_point *p, const stoa_run *run, char *out, size_t n) {
    static const char *const words[][3][2] = {
        [EXS_BASIC] = {{"colour", "score/correct_color"},
                       {"texture", "score/correct_texture"},
                       {"shape", "score/correct_shape"}},
        [EXS_AMBIGUOUS] = {{"picks colour", "picked_color"},
                           {"texture", "picked_texture"},
                           {"shape", "picked_shape"}},
        [EXS_EXPERIMENTS] = {{"test", "score/correct"},
                             {"last experiment", "score/experiment3"},
                             {"changed", "score/changed"}},
    };
    size_t len = 0;
    (void)user;
    for (int i = 0; i < 3 && len < n; i++) {
        const char *const *w = words[task_of(p->arm)->kind][i];
        len += (size_t)snprintf(out + len, n - len, "%s%s %.3f", i ? ", " : "", w[0],
                                stoa_run_get_number(run, w[1]));
    }
}

/* ---- all ------------------------------------------------------------------------------------- */

stoa_status stoa_exs_run(stoa_exs_study *study, stoa_error *err) {
    stoa_arms arms = {.options = study->options,
                      .names = stoa_exs_arm_names,
                      .jobs = (int)study->settings.jobs,
                      .user = study,
                      .seeds = seeds,
                      .settings = settings,
                      .compute = compute,
                      .cost = cost,
                      .tell = tell};
    return stoa_arms_run(&arms, &study->runs, err);
}
