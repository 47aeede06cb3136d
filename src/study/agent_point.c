/*
 * study/agent_point.c - training one point's agent; see agent_point.h.
 *
 * A checkpoint holds the agent; the notes on its training are saved after each checkpoint, and
 * belong to it when they are of the same update. A run goes on only with both.
 */
#include "study/agent_point.h"

#include "study/agent_notes.h"

typedef struct point {
    const stoa_agent_settings *settings;
    const char *dir;
    stoa_buffer text; /* of the settings */
    stoa_agent_notes notes;
    double seconds; /* trained before the last resumption */
} point;

stoa_status stoa_agent_point_settings(const stoa_agent_settings *s, stoa_buffer *out,
                                      stoa_error *err) {
    stoa_agent_settings one = *s;
    stoa_agent_view view;
    one.threads = 1;
    STOA_TRY(stoa_agent_view_open(&view, &one, err));
    stoa_settings_dump(view.table, view.target, false, out);
    stoa_agent_view_close(&view);
    return out->failed ? stoa_fail(err, STOA_ERR_MEMORY, "out of memory") : STOA_OK;
}

static void stepped(void *user, const stoa_agent_trainer *trainer, const stoa_agent_step *step) {
    point *p = user;
    stoa_agent_notes_step(&p->notes, trainer, step);
}

static stoa_status saved(void *user, const stoa_agent_trainer *trainer, double seconds,
                         stoa_error *err) {
    const point *p = user;
    stoa_run *run = stoa_run_new();
    if (!run)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory");
    stoa_run_number(run, "update", (double)stoa_agent_trainer_update(trainer));
    stoa_run_number(run, "seconds", p->seconds + seconds);
    stoa_agent_notes_save(&p->notes, run);
    stoa_status status = stoa_run_save(run, p->dir, "notes", p->text.data, err);
    stoa_run_free(run);
    return status;
}

/* ---- going on -------------------------------------------------------------------------------- */

/* Whether the trainer stands where the notes do. */
static bool load(point *p, stoa_agent_trainer *trainer, const stoa_run *run, stoa_error *err) {
    if (stoa_agent_trainer_load(trainer, p->dir, "latest", err) != STOA_OK)
        return false;
    if (stoa_run_get_number(run, "update") != (double)stoa_agent_trainer_update(trainer)) {
        stoa_fail(err, STOA_ERR_FORMAT, "%s: the notes are not of the last checkpoint", p->dir);
        return false;
    }
    p->seconds = stoa_run_get_number(run, "seconds");
    return stoa_agent_notes_load(&p->notes, trainer, run, err) == STOA_OK;
}

/* A trainer at the run's last checkpoint, or, when there is none to go on from, a new one and an
 * empty folder. */
static stoa_status open_trainer(point *p, bool fresh, stoa_agent_trainer **out, bool *resumed,
                                stoa_error *err) {
    stoa_run *run = NULL;
    stoa_error why = {0};
    *resumed = false;
    if (!fresh)
        STOA_TRY(stoa_run_load(&run, p->dir, "notes", p->text.data, err));
    stoa_status status = stoa_agent_trainer_new(out, p->settings, err);
    if (status == STOA_OK && run && !(*resumed = load(p, *out, run, &why))) {
        stoa_log_write(STOA_LOG_WARN, "%s; the run starts anew", why.message);
        double *share = p->notes.share;
        p->notes = (stoa_agent_notes){.share = share};
        p->seconds = 0;
        stoa_agent_trainer_free(*out);
        status = stoa_agent_trainer_new(out, p->settings, err);
    }
    stoa_run_free(run);
    if (status == STOA_OK && !*resumed && (status = stoa_remove_tree(p->dir, err)) != STOA_OK)
        stoa_agent_trainer_free(*out);
    return status;
}

/* ---- the run --------------------------------------------------------------------------------- */

static void keep(const point *p, const stoa_agent_run_result *r, stoa_run *run) {
    char name[STOA_ENV_NAME + 16];
    double seconds = p->seconds + r->seconds;
    stoa_run_number(run, "score", stoa_agent_score(&r->evaluation));
    stoa_run_number(run, "training_score", stoa_agent_score(&r->training));
    stoa_run_number(run, "seconds", seconds);
    stoa_run_number(run, "steps_per_second", (double)r->env_steps / seconds);
    for (int i = 0; i < p->notes.metric_count; i++) {
        snprintf(name, sizeof name, "score/%s", p->notes.metrics[i]);
        stoa_run_number(run, name, r->evaluation.mean[i + 2]);
    }
    stoa_agent_notes_keep(&p->notes, run);
}

static stoa_status train(point *p, bool fresh, FILE *progress, stoa_run *run, stoa_error *err) {
    stoa_agent_trainer *trainer;
    stoa_agent_run_result result;
    bool resumed;
    STOA_TRY(stoa_agent_point_settings(p->settings, &p->text, err));
    STOA_TRY(open_trainer(p, fresh, &trainer, &resumed, err));
    stoa_agent_run_options options = {.run_dir = p->dir,
                                      .resume = resumed,
                                      .progress = progress,
                                      .stepped = stepped,
                                      .saved = saved,
                                      .user = p};
    stoa_status status = stoa_agent_run(trainer, &options, &result, err);
    stoa_agent_trainer_free(trainer);
    if (status == STOA_OK)
        keep(p, &result, run);
    return status;
}

stoa_status stoa_agent_point_train(const stoa_agent_settings *s, const char *dir, bool fresh,
                                   FILE *progress, double *share, stoa_run *run, stoa_error *err) {
    point *p = stoa_alloc(sizeof *p);
    if (!p)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory");
    *p = (point){.settings = s, .dir = dir, .notes = {.share = share}};
    stoa_status status = train(p, fresh, progress, run, err);
    stoa_buffer_deinit(&p->text);
    stoa_free(p);
    return status;
}
