/* study/emergent_icl/run.c - the points: which there are, their settings, their training. */
#include <math.h>

#include "study/emergent_icl/icls.h"

const stoa_int_list *stoa_icls_seeds(const stoa_icls_study *study, stoa_icls_arm_id arm) {
    static const stoa_int_list none = {0};
    const stoa_icls_settings *s = &study->settings;
    const stoa_icls_arm *a = &stoa_icls_arms[arm];
    if (s->steps[a->family] == 0 || !stoa_study_wants(study->options, a->name) ||
        (stoa_icls_families[a->family].omniglot && !s->omniglot[0]))
        return &none;
    return a->seeds == ICLS_CLAIMED ? &s->seeds : &s->more_seeds;
}

static int add_sets(const char **list, int count, const char *const *more) {
    while (*more)
        list[count++] = *more++;
    return count;
}

stoa_status stoa_icls_train_settings(const stoa_icls_study *study, const stoa_arm_point *p,
                                     int threads, stoa_icl_settings *s, stoa_error *err) {
    const stoa_icls_arm *arm = &stoa_icls_arms[p->arm];
    const stoa_icls_family *family = &stoa_icls_families[arm->family];
    const char *list[64];
    char path[STOA_SETTING_TEXT + 16];
    int count = add_sets(list, 0, family->set);
    count = add_sets(list, count, arm->set);
    if (family->omniglot) {
        snprintf(path, sizeof path, "data.path=%s", study->settings.omniglot);
        list[count++] = path;
    }
    STOA_TRY(stoa_icl_settings_load(s, NULL, list, count, err));
    snprintf(s->name, sizeof s->name, "%s", arm->name);
    int64_t evaluations = study->settings.evaluations < family->evaluations
                              ? study->settings.evaluations
                              : family->evaluations;
    s->seed = p->seed;
    s->threads = family->one_thread ? 1 : threads;
    s->steps = study->settings.steps[arm->family];
    s->eval_every = s->steps > evaluations ? (s->steps + evaluations - 1) / evaluations : 1;
    s->eval_sequences = study->settings.eval_sequences;
    return stoa_icl_settings_check(s, err);
}

static stoa_status settings(void *user, const stoa_arm_point *p, stoa_buffer *out,
                            stoa_error *err) {
    stoa_icl_settings s;
    stoa_settings_table table;
    STOA_TRY(stoa_icls_train_settings(user, p, 1, &s, err));
    STOA_TRY(stoa_icl_settings_table(&table, err));
    stoa_settings_dump(table, &s, false, out);
    stoa_settings_join_free(&table);
    return STOA_OK;
}

/* ---- training -------------------------------------------------------------------------------- */

typedef struct watch {
    stoa_icls_curves *curves;
    double *share;
} watch;

static void on_step(void *user, const stoa_icl_trainer *trainer, const stoa_icl_step *step) {
    watch *w = user;
    stoa_icls_curves_step(w->curves, step);
    if (w->share)
        *w->share = (double)stoa_icl_trainer_steps(trainer) /
                    (double)stoa_icl_trainer_settings(trainer)->steps;
}

static void on_evaluation(void *user, const stoa_icl_trainer *trainer, const stoa_icl_eval *eval) {
    stoa_icls_curves_add(((watch *)user)->curves, trainer, eval);
}

/* The untrained model is looked at first, as every later one is. */
static stoa_status train(stoa_icl_trainer *trainer, watch *w, FILE *progress, stoa_run *run,
                         stoa_error *err) {
    stoa_icl_eval eval;
    stoa_icl_run_result result;
    STOA_TRY(stoa_icl_trainer_evaluate(trainer, stoa_icl_trainer_settings(trainer)->eval_sequences,
                                       &eval, err));
    stoa_icls_curves_add(w->curves, trainer, &eval);
    STOA_TRY(stoa_icls_curves_look(w->curves, trainer, false, err));
    stoa_icl_run_options options = {
        .progress = progress, .evaluated = on_evaluation, .stepped = on_step, .user = w};
    STOA_TRY(stoa_icl_run(trainer, &options, &result, err));
    STOA_TRY(stoa_icls_curves_look(w->curves, trainer, true, err));
    stoa_icls_curves_keep(w->curves, run);
    stoa_run_number(run, "seconds", result.seconds);
    stoa_run_number(run, "steps_per_second", result.steps_per_second);
    stoa_run_number(run, "parameters",
                    (double)stoa_params_numel(stoa_icl_params(stoa_icl_trainer_model(trainer))));
    return STOA_OK;
}

static stoa_status compute(void *user, const stoa_arm_point *p, int threads, FILE *progress,
                           stoa_run *run, double *share, stoa_error *err) {
    stoa_icl_settings s;
    stoa_icl_trainer *trainer;
    double began = stoa_clock();
    STOA_TRY(stoa_icls_train_settings(user, p, threads, &s, err));
    STOA_TRY(stoa_icl_trainer_new(&trainer, &s, err));
    watch w = {stoa_icls_curves_new(trainer), share};
    stoa_status status = w.curves ? train(trainer, &w, progress, run, err)
                                  : stoa_fail(err, STOA_ERR_MEMORY, "out of memory");
    stoa_icls_curves_free(w.curves);
    stoa_icl_trainer_free(trainer);
    stoa_run_number(run, "all_seconds", stoa_clock() - began);
    return status;
}

static double cost(void *user, const stoa_arm_point *p) {
    const stoa_icls_study *study = user;
    stoa_icls_family_id family = stoa_icls_arms[p->arm].family;
    return (double)study->settings.steps[family] * stoa_icls_families[family].step_cost;
}

static double last_of(const stoa_run *run, const char *series) {
    int64_t n = 0;
    const double *x = stoa_run_get_series(run, series, &n);
    return x && n > 0 ? x[n - 1] : (double)NAN;
}

static void tell(void *user, const stoa_arm_point *p, const stoa_run *run, char *out, size_t n) {
    (void)user;
    if (stoa_icls_arms[p->arm].family == ICLS_TASKS)
        snprintf(out, n, "error on new tasks %.3f, ridge's %.3f", last_of(run, "task_new/loss"),
                 last_of(run, "task_new/ridge"));
    else
        snprintf(out, n, "ICL %.3f, IWL %.3f", last_of(run, "icl/closed"),
                 last_of(run, "iwl/open"));
}

/* ---- all ------------------------------------------------------------------------------------- */

static const stoa_int_list *seeds(void *user, int arm) {
    return stoa_icls_seeds(user, (stoa_icls_arm_id)arm);
}

stoa_status stoa_icls_run(stoa_icls_study *study, stoa_error *err) {
    stoa_arms arms = {.options = study->options,
                      .names = stoa_icls_arm_names,
                      .jobs = (int)study->settings.jobs,
                      .user = study,
                      .seeds = seeds,
                      .settings = settings,
                      .compute = compute,
                      .cost = cost,
                      .tell = tell};
    return stoa_arms_run(&arms, &study->runs, err);
}
