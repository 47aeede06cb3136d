/* study/explanations/run.c - the points: which there are, their settings, their training. */
#include <inttypes.h>

#include "study/agent_point.h"
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
    STOA_TRY(stoa_exs_agent(user, p, 1, &s, err));
    return stoa_agent_point_settings(&s, out, err);
}

/* ---- training -------------------------------------------------------------------------------- */

static stoa_status compute(void *user, const stoa_arm_point *p, int threads, FILE *progress,
                           stoa_run *run, double *share, stoa_error *err) {
    const stoa_exs_study *study = user;
    char dir[4096], models[4096], name[128];
    stoa_agent_settings s;
    snprintf(name, sizeof name, "%s-s%" PRId64, stoa_exs_arms[p->arm].name, p->seed);
    if (!stoa_path_join(models, sizeof models, study->options->out, "models") ||
        !stoa_path_join(dir, sizeof dir, models, name))
        return stoa_fail(err, STOA_ERR_USAGE, "%s: path too long", study->options->out);
    STOA_TRY(stoa_exs_agent(study, p, threads, &s, err));
    STOA_TRY(stoa_agent_point_train(&s, dir, study->options->fresh, progress, share, run, err));
    return task_of(p->arm)->kind == EXS_AMBIGUOUS
               ? stoa_exs_test_deconfounded(dir, study->settings.eval_episodes, run, err)
               : STOA_OK;
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
