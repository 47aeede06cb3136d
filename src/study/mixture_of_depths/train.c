/*
 * study/mixture_of_depths/train.c - one point: trained, measured, kept.
 *
 * A run works in models/<key>/ and leaves its result in runs/<key>.json. A stop saves a checkpoint
 * in the former, from which the same point goes on; when the result is kept the folder goes, unless
 * its weights will be looked into.
 */
#include <math.h>
#include <string.h>

#include "study/mixture_of_depths/mod.h"

/* Weights are kept of the runs that may be looked into afterwards. */
static bool keeps_weights(const stoa_mod_study *study, const stoa_mod_point *p) {
    const stoa_mod_settings *m = &study->settings;
    bool confirms = false;
    for (int64_t i = 0; i < m->confirm_seeds.count; i++)
        confirms = confirms || p->seed == m->confirm_seeds.item[i];
    return p->arm == MOD_ROUTED && p->budget == m->budgets.item[m->budgets.count - 1] && confirms;
}

bool stoa_mod_run_dir(const stoa_mod_study *study, const stoa_mod_point *p, char *out, size_t n) {
    char key[128], models[4096];
    stoa_mod_point_key(p, key, sizeof key);
    return stoa_path_join(models, sizeof models, study->options->out, "models") &&
           stoa_path_join(out, n, models, key);
}

static const struct {
    const char *name;
    size_t offset;
} figures[] =
    {
        {"loss", offsetof(stoa_mod_figures, loss)},
        {"loss_top_k", offsetof(stoa_mod_figures, loss_top_k)},
        {"accuracy", offsetof(stoa_mod_figures, accuracy)},
        {"precision", offsetof(stoa_mod_figures, precision)},
        {"recall", offsetof(stoa_mod_figures, recall)},
        {"routed", offsetof(stoa_mod_figures, routed)},
},
  costs[] = {
      {"parameters", offsetof(stoa_mod_result, parameters)},
      {"forward_flops", offsetof(stoa_mod_result, forward_flops)},
      {"steps", offsetof(stoa_mod_result, steps)},
      {"seconds", offsetof(stoa_mod_result, seconds)},
};
enum { FIGURES = sizeof figures / sizeof figures[0], COSTS = sizeof costs / sizeof costs[0] };

static double *at(void *base, size_t offset) {
    return (double *)((char *)base + offset);
}

/* Calls visit for every number of a result, under its name in the run store. */
static void each_number(stoa_mod_result *r, void (*visit)(void *user, const char *name, double *x),
                        void *user) {
    char name[64];
    for (int i = 0; i < FIGURES; i++) {
        snprintf(name, sizeof name, "valid/%s", figures[i].name);
        visit(user, name, at(&r->valid, figures[i].offset));
        snprintf(name, sizeof name, "test/%s", figures[i].name);
        visit(user, name, at(&r->test, figures[i].offset));
    }
    for (int i = 0; i < COSTS; i++)
        visit(user, costs[i].name, at(r, costs[i].offset));
}

static void put(void *run, const char *name, double *x) {
    stoa_run_number(run, name, *x);
}

static void get(void *run, const char *name, double *x) {
    *x = stoa_run_get_number(run, name);
}

/* Everything that decides a result: the resolved settings and the texts themselves, not their
 * paths, the threads or where progress goes. */
static stoa_status fingerprint(const stoa_mod_study *study, const stoa_mod_point *p,
                               stoa_lm_settings s, stoa_buffer *out, stoa_error *err) {
    snprintf(s.text, sizeof s.text, "%s", study->train.id);
    snprintf(s.valid_text, sizeof s.valid_text, "%s", study->valid.id);
    s.threads = 0;
    stoa_settings_dump(stoa_lm_settings_table(), &s, false, out);
    if (stoa_mod_judges(study, p))
        stoa_buffer_printf(out, "test_text: %s\n", study->test.id);
    return out->failed ? stoa_fail(err, STOA_ERR_MEMORY, "out of memory") : STOA_OK;
}

static stoa_status prepare(const stoa_mod_study *study, const stoa_mod_point *p,
                           stoa_lm_settings *s, stoa_buffer *print, stoa_error *err) {
    STOA_TRY(stoa_mod_point_settings(study, p, s, err));
    return fingerprint(study, p, *s, print, err);
}

/* Makes dir the folder of a run with this fingerprint: what another one left there goes. */
static stoa_status claim_folder(const char *dir, const stoa_buffer *print, bool fresh,
                                stoa_error *err) {
    char path[4096], *text = NULL;
    size_t size;
    if (!stoa_path_join(path, sizeof path, dir, "point.yaml"))
        return stoa_fail(err, STOA_ERR_USAGE, "%s: path too long", dir);
    bool mine = !fresh && stoa_file_exists(path) &&
                stoa_file_read(path, 1 << 20, &text, &size, NULL) == STOA_OK &&
                size == print->len && memcmp(text, print->data, size) == 0;
    stoa_free(text);
    if (mine)
        return STOA_OK;
    if (stoa_file_exists(dir))
        STOA_TRY(stoa_remove_tree(dir, err));
    STOA_TRY(stoa_mkdirs(dir, err));
    return stoa_file_write(path, print->data, print->len, err);
}

static stoa_mod_figures figures_of(const stoa_lm_eval *e) {
    return (stoa_mod_figures){e->loss_causal, e->loss_top_k, e->accuracy,
                              e->precision,   e->recall,     e->routed};
}

/* The test text, which only the points that judge read. */
static stoa_status judge(const stoa_mod_study *study, stoa_lm_trainer *t, stoa_mod_figures *out,
                         stoa_error *err) {
    const char *path = study->test.path;
    stoa_corpus *corpus;
    stoa_corpus_options options = {.train = &path, .train_count = 1};
    stoa_lm_eval eval;
    STOA_TRY(stoa_corpus_open(&corpus, &options, err));
    stoa_status status = stoa_lm_trainer_evaluate_on(t, corpus, STOA_SPLIT_TRAIN,
                                                     study->settings.eval_tokens, &eval, err);
    stoa_corpus_close(corpus);
    if (status == STOA_OK)
        *out = figures_of(&eval);
    return status;
}

static void stepped(void *user, const stoa_lm_trainer *t) {
    double *share = user;
    if (share)
        *share = (double)t->step / (double)t->plan.steps;
}

static stoa_status compute(const stoa_mod_study *study, const stoa_mod_point *p,
                           const stoa_lm_settings *s, const char *dir, double *share,
                           stoa_mod_result *r, stoa_error *err) {
    stoa_lm_trainer *trainer;
    stoa_lm_run_result run;
    stoa_lm_run_options options = {.run_dir = dir,
                                   .resume = true,
                                   .progress = share ? NULL : study->options->progress,
                                   .stepped = stepped,
                                   .user = share};
    const double unread = NAN;
    STOA_TRY(stoa_lm_trainer_new(&trainer, s, err));
    stoa_status status = stoa_lm_run(trainer, &options, &run, err);
    if (status == STOA_OK)
        *r = (stoa_mod_result){
            .point = *p,
            .valid = figures_of(&run.final_eval),
            .test = {unread, unread, unread, unread, unread, unread},
            .parameters = (double)trainer->plan.parameters,
            .forward_flops = trainer->plan.forward_flops,
            .steps = (double)run.steps,
            .seconds = run.seconds,
        };
    if (status == STOA_OK && stoa_mod_judges(study, p))
        status = judge(study, trainer, &r->test, err);
    stoa_lm_trainer_free(trainer);
    return status;
}

static stoa_status keep(const stoa_mod_study *study, const stoa_mod_point *p, stoa_mod_result *r,
                        const char *print, stoa_error *err) {
    char key[128];
    stoa_run *run = stoa_run_new();
    if (!run)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory");
    stoa_mod_point_key(p, key, sizeof key);
    each_number(r, put, run);
    stoa_status status = stoa_run_save(run, study->options->out, key, print, err);
    stoa_run_free(run);
    return status;
}

stoa_status stoa_mod_train(const stoa_mod_study *study, const stoa_mod_point *p, double *share,
                           stoa_error *err) {
    char dir[4096];
    stoa_lm_settings s;
    stoa_buffer print = {0};
    stoa_mod_result r;
    if (!stoa_mod_run_dir(study, p, dir, sizeof dir))
        return stoa_fail(err, STOA_ERR_USAGE, "%s: path too long", study->options->out);
    stoa_status status = prepare(study, p, &s, &print, err);
    if (status == STOA_OK)
        status = claim_folder(dir, &print, study->options->fresh, err);
    if (status == STOA_OK)
        status = compute(study, p, &s, dir, share, &r, err);
    if (status == STOA_OK)
        status = keep(study, p, &r, print.data, err);
    if (status == STOA_OK && !keeps_weights(study, p))
        status = stoa_remove_tree(dir, err);
    stoa_buffer_deinit(&print);
    return status;
}

stoa_status stoa_mod_stored(const stoa_mod_study *study, const stoa_mod_point *p,
                            stoa_mod_result *out, bool *found, stoa_error *err) {
    char key[128];
    stoa_lm_settings s;
    stoa_buffer print = {0};
    stoa_run *run = NULL;
    *out = (stoa_mod_result){.point = *p};
    *found = false;
    stoa_mod_point_key(p, key, sizeof key);
    stoa_status status = prepare(study, p, &s, &print, err);
    if (status == STOA_OK)
        status = stoa_run_load(&run, study->options->out, key, print.data, err);
    stoa_buffer_deinit(&print);
    if (status != STOA_OK || !run)
        return status;
    each_number(out, get, run);
    stoa_run_free(run);
    *found = true;
    return STOA_OK;
}
