/* study/synthetic_returns/run.c - the points: which there are, their settings, their training. */
#include <inttypes.h>

#include "study/agent_point.h"
#include "study/synthetic_returns/sr.h"

/* Arms that no claim compares: fewer seeds do. */
static bool is_ablation(stoa_srs_arm_id arm) {
    static const stoa_srs_arm_id list[] = {SRS_CATCH_5_LEARNER,
                                           SRS_CATCH_5_SR,
                                           SRS_CATCH_10_LEARNER,
                                           SRS_CATCH_10_SR,
                                           SRS_SR_BETA_01,
                                           SRS_SR_ALPHA_1,
                                           SRS_SR_NO_BIAS,
                                           SRS_SR_NO_TIME,
                                           SRS_SR_AFTER_CORE,
                                           SRS_CATCH_40_LEARNER,
                                           SRS_KEY_LEARNER_90,
                                           SRS_KEY_LEARNER_NEAR_1,
                                           SRS_KEY_SR_GATE,
                                           SRS_KEY_SR_NOT_CENTRED,
                                           SRS_KEY_SR_BEFORE_CORE,
                                           SRS_KEY_TVT,
                                           SRS_KEY_TVT_OFF,
                                           SRS_SLALOM_LEARNER_99,
                                           SRS_SLALOM_LEARNER_NEAR_1,
                                           SRS_SLALOM_SR_GATE_ONE,
                                           SRS_SLALOM_SR_NO_RIDGE,
                                           SRS_SLALOM_SR_NOT_CENTRED};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (list[i] == arm)
            return true;
    return false;
}

const stoa_int_list *stoa_srs_seeds(const stoa_srs_study *study, stoa_srs_arm_id arm) {
    static const stoa_int_list none = {0};
    const stoa_srs_settings *s = &study->settings;
    if (s->steps[stoa_srs_arms[arm].task] == 0 ||
        !stoa_study_wants(study->options, stoa_srs_arms[arm].name))
        return &none;
    return is_ablation(arm) ? &s->ablations : &s->seeds;
}

bool stoa_srs_run_dir(const stoa_srs_study *study, const stoa_arm_point *p, char *out, size_t n) {
    char name[128], models[4096];
    snprintf(name, sizeof name, "%s-%" PRId64, stoa_srs_arms[p->arm].name, p->seed);
    return stoa_path_join(models, sizeof models, study->options->out, "models") &&
           stoa_path_join(out, n, models, name);
}

static int add_sets(const char **list, int count, const char *const *more) {
    while (*more)
        list[count++] = *more++;
    return count;
}

static stoa_status agent_settings(const stoa_srs_study *study, const stoa_arm_point *p, int threads,
                                  stoa_agent_settings *s, stoa_error *err) {
    const stoa_srs_arm *arm = &stoa_srs_arms[p->arm];
    const stoa_srs_task *task = &stoa_srs_tasks[arm->task];
    const char *list[64];
    int count = add_sets(list, 0, stoa_srs_common);
    count = add_sets(list, count, task->set);
    count = add_sets(list, count, arm->set);
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
    STOA_TRY(agent_settings(user, p, 1, &s, err));
    return stoa_agent_point_settings(&s, out, err);
}

/* ---- training -------------------------------------------------------------------------------- */

/* The first seed's agent is kept, to be looked at. */
static stoa_status compute(void *user, const stoa_arm_point *p, int threads, FILE *progress,
                           stoa_run *run, double *share, stoa_error *err) {
    const stoa_srs_study *study = user;
    stoa_agent_settings s;
    char dir[4096];
    if (!stoa_srs_run_dir(study, p, dir, sizeof dir))
        return stoa_fail(err, STOA_ERR_USAGE, "%s: path too long", study->options->out);
    STOA_TRY(agent_settings(study, p, threads, &s, err));
    STOA_TRY(stoa_agent_point_train(&s, dir, study->options->fresh, progress, share, run, err));
    bool kept = p->seed == stoa_srs_seeds(study, (stoa_srs_arm_id)p->arm)->item[0];
    return kept ? STOA_OK : stoa_remove_tree(dir, err);
}

static double cost(void *user, const stoa_arm_point *p) {
    const stoa_srs_study *study = user;
    return (double)study->settings.steps[stoa_srs_arms[p->arm].task];
}

static void tell(void *user, const stoa_arm_point *p, const stoa_run *run, char *out, size_t n) {
    const stoa_srs_task *task = &stoa_srs_tasks[stoa_srs_arms[p->arm].task];
    (void)user;
    snprintf(out, n, "%s %.3f", task->score, stoa_run_get_number(run, "score"));
}

/* ---- all ------------------------------------------------------------------------------------- */

static const stoa_int_list *seeds(void *user, int arm) {
    return stoa_srs_seeds(user, (stoa_srs_arm_id)arm);
}

stoa_status stoa_srs_run(stoa_srs_study *study, stoa_error *err) {
    stoa_arms arms = {.options = study->options,
                      .names = stoa_srs_arm_names,
                      .jobs = (int)study->settings.jobs,
                      .user = study,
                      .seeds = seeds,
                      .settings = settings,
                      .compute = compute,
                      .cost = cost,
                      .tell = tell};
    return stoa_arms_run(&arms, &study->runs, err);
}

int64_t stoa_srs_separations(const stoa_srs_study *study, stoa_srs_arm_id arm, double *out) {
    const stoa_srs_task *task = &stoa_srs_tasks[stoa_srs_arms[arm].task];
    double other[STOA_SETTING_ITEMS];
    char name[64];
    if (!task->event)
        return 0;
    snprintf(name, sizeof name, "synthetic_returns/c_%s", task->event);
    int64_t n = stoa_arm_numbers(&study->runs, arm, name, out);
    snprintf(name, sizeof name, "synthetic_returns/c_%s", task->other ? task->other : "elsewhere");
    int64_t m = stoa_arm_numbers(&study->runs, arm, name, other);
    if (n != m)
        return 0;
    for (int64_t i = 0; i < n; i++)
        out[i] -= other[i];
    return n;
}
