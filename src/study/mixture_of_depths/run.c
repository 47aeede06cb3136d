/* study/mixture_of_depths/run.c - running a list of points: in this process one after the other, or
 * side by side in child processes. Either way each leaves its result in the run store, from which
 * it is read back, so the two cannot differ. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "study/jobs.h"
#include "study/mixture_of_depths/mod.h"

typedef struct work {
    stoa_mod_study *study;
    stoa_mod_list todo;
    stoa_progress progress;
} work;

static stoa_status on_run(void *user, int64_t task, double *share, stoa_error *err) {
    const work *w = user;
    return stoa_mod_train(w->study, &w->todo.item[task], share, err);
}

static const char *on_name(void *user, int64_t task, char *out, size_t n) {
    const work *w = user;
    stoa_mod_point_key(&w->todo.item[task], out, n);
    return out;
}

static void tell(stoa_mod_study *study, const stoa_mod_point *p, const stoa_mod_result *r) {
    char key[128];
    study->done++;
    study->done_flops += p->budget;
    stoa_mod_point_key(p, key, sizeof key);
    stoa_log_write(STOA_LOG_INFO, "[%" PRId64 "/%" PRId64 "] %s: loss %.4f%s", study->done,
                   study->planned, key, r->valid.loss,
                   stoa_mod_judges(study, p) ? " on validation text" : "");
}

static stoa_status on_finished(void *user, int64_t task, stoa_error *err) {
    work *w = user;
    stoa_mod_result r;
    bool found;
    STOA_TRY(stoa_mod_stored(w->study, &w->todo.item[task], &r, &found, err));
    if (!found)
        return stoa_fail(err, STOA_ERR_IO, "%s: a finished run left no result there",
                         w->study->options->out);
    tell(w->study, &r.point, &r);
    return STOA_OK;
}

/* "mod-w64-l8-b1e+13-s1 43 %, dense-..." behind a bar that counts training FLOPs. */
static void on_watch(void *user, const stoa_job_view *running, int n) {
    work *w = user;
    double done = w->study->done_flops;
    char note[160] = "";
    size_t len = 0;
    for (int i = 0; i < n; i++) {
        const stoa_mod_point *p = &w->todo.item[running[i].task];
        char key[128];
        done += p->budget * running[i].share;
        stoa_mod_point_key(p, key, sizeof key);
        if (len < sizeof note)
            len += (size_t)snprintf(note + len, sizeof note - len, "%s%s %.0f %%", i ? ", " : "",
                                    key, 100 * running[i].share);
    }
    if (w->study->options->progress)
        stoa_progress_update(&w->progress, done, "%s", note);
}

static stoa_status run_side_by_side(work *w, stoa_error *err) {
    stoa_mod_study *study = w->study;
    stoa_jobs jobs = {.count = w->todo.count,
                      .at_once = study->jobs,
                      .user = w,
                      .run = on_run,
                      .name = on_name,
                      .finished = on_finished,
                      .watch = on_watch,
                      .end = study->options->end_child};
    FILE *out = study->options->progress;
    if (out)
        stoa_progress_begin(&w->progress, out, "study", "FLOP", study->planned_flops);
    stoa_status status = stoa_jobs_run(&jobs, err);
    if (out)
        stoa_progress_end(&w->progress);
    return status;
}

static stoa_status run_in_turn(work *w, stoa_error *err) {
    for (int64_t i = 0; i < w->todo.count; i++) {
        STOA_TRY(stoa_mod_train(w->study, &w->todo.item[i], NULL, err));
        STOA_TRY(on_finished(w, i, err));
    }
    return STOA_OK;
}

bool stoa_mod_known(const stoa_mod_study *study, const stoa_mod_point *p) {
    for (int64_t i = 0; i < study->count; i++)
        if (stoa_mod_same_point(&study->results[i].point, p))
            return true;
    return false;
}

static stoa_status make_room(stoa_mod_study *study, stoa_error *err) {
    if (study->count < study->room)
        return STOA_OK;
    size_t old = (size_t)study->room * sizeof *study->results;
    stoa_mod_result *more = stoa_realloc(study->results, old, 2 * old + 64 * sizeof *more);
    if (!more)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory");
    study->results = more;
    study->room = 2 * study->room + 64;
    return STOA_OK;
}

/* What is not finished yet goes on the list of things to do. */
static stoa_status find_work(work *w, const stoa_mod_list *list, stoa_error *err) {
    for (int64_t i = 0; i < list->count; i++) {
        stoa_mod_result r;
        bool found = false;
        if (stoa_mod_known(w->study, &list->item[i]))
            continue;
        if (!w->study->options->fresh)
            STOA_TRY(stoa_mod_stored(w->study, &list->item[i], &r, &found, err));
        if (found)
            tell(w->study, &r.point, &r);
        else
            stoa_mod_list_add(&w->todo, list->item[i]);
    }
    return w->todo.failed ? stoa_fail(err, STOA_ERR_MEMORY, "out of memory") : STOA_OK;
}

static stoa_status take_results(stoa_mod_study *study, const stoa_mod_list *list, stoa_error *err) {
    for (int64_t i = 0; i < list->count; i++) {
        bool found;
        if (stoa_mod_known(study, &list->item[i]))
            continue;
        STOA_TRY(make_room(study, err));
        stoa_mod_result *r = &study->results[study->count];
        STOA_TRY(stoa_mod_stored(study, &list->item[i], r, &found, err));
        if (!found)
            return stoa_fail(err, STOA_ERR_IO, "%s: a finished run is no longer there",
                             study->options->out);
        study->seconds += r->seconds;
        study->count++;
    }
    return STOA_OK;
}

stoa_status stoa_mod_run(stoa_mod_study *study, const stoa_mod_list *list, stoa_error *err) {
    work w = {.study = study};
    if (list->failed)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory");
    stoa_status status = find_work(&w, list, err);
    if (status == STOA_OK && w.todo.count > 0)
        status = study->jobs > 1 ? run_side_by_side(&w, err) : run_in_turn(&w, err);
    stoa_mod_list_deinit(&w.todo);
    return status == STOA_OK ? take_results(study, list, err) : status;
}
