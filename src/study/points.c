/* study/points.c - computing a list of runs once each; see points.h. */
#include "study/points.h"

#include <inttypes.h>

#include "study/jobs.h"

enum { KEY = 128 };

typedef struct work {
    const stoa_points *points;
    int64_t *todo; /* (count) points not in the store, in order */
    int64_t count, done;
    double cost, total; /* finished, of all that is to do */
    stoa_progress progress;
} work;

static stoa_status settings_of(const stoa_points *p, int64_t point, stoa_buffer *out,
                               stoa_error *err) {
    STOA_TRY(p->settings(p->user, point, out, err));
    return out->failed ? stoa_fail(err, STOA_ERR_MEMORY, "out of memory") : STOA_OK;
}

/* Children need to be told how to end. */
static bool side_by_side(const stoa_points *p) {
    return p->jobs > 1 && p->options->end_child;
}

stoa_status stoa_points_load(const stoa_points *p, int64_t point, stoa_run **out, stoa_error *err) {
    char key[KEY];
    stoa_buffer settings = {0};
    p->key(p->user, point, key, sizeof key);
    *out = NULL;
    stoa_status status = settings_of(p, point, &settings, err);
    if (status == STOA_OK)
        status = stoa_run_load(out, p->options->out, key, settings.data, err);
    stoa_buffer_deinit(&settings);
    return status;
}

static stoa_status compute(const stoa_points *p, int64_t point, FILE *progress, double *share,
                           stoa_error *err) {
    char key[KEY];
    stoa_buffer settings = {0};
    int threads = p->options->threads ? p->options->threads : stoa_cpu_count();
    if (side_by_side(p))
        threads = threads / p->jobs > 1 ? threads / p->jobs : 1;
    p->key(p->user, point, key, sizeof key);
    stoa_run *run = stoa_run_new();
    stoa_status status = run ? settings_of(p, point, &settings, err)
                             : stoa_fail(err, STOA_ERR_MEMORY, "out of memory");
    if (status == STOA_OK)
        status = p->compute(p->user, point, threads, progress, run, share, err);
    if (status == STOA_OK)
        status = stoa_run_save(run, p->options->out, key, settings.data, err);
    stoa_buffer_deinit(&settings);
    stoa_run_free(run);
    return status;
}

static stoa_status find_work(work *w, stoa_error *err) {
    const stoa_points *p = w->points;
    for (int64_t i = 0; i < p->count; i++) {
        stoa_run *run = NULL;
        if (!p->options->fresh)
            STOA_TRY(stoa_points_load(p, i, &run, err));
        if (!run) {
            w->todo[w->count++] = i;
            w->total += p->cost(p->user, i);
        }
        stoa_run_free(run);
    }
    if (w->count < p->count)
        stoa_log_write(STOA_LOG_INFO, "%" PRId64 " of %" PRId64 " runs were finished before",
                       p->count - w->count, p->count);
    return STOA_OK;
}

static stoa_status on_finished(void *user, int64_t task, stoa_error *err) {
    work *w = user;
    const stoa_points *p = w->points;
    char key[KEY], words[KEY] = "";
    stoa_run *run;
    p->key(p->user, w->todo[task], key, sizeof key);
    STOA_TRY(stoa_points_load(p, w->todo[task], &run, err));
    if (!run)
        return stoa_fail(err, STOA_ERR_IO, "%s: the finished run %s left no result there",
                         p->options->out, key);
    p->tell(p->user, w->todo[task], run, words, sizeof words);
    stoa_run_free(run);
    w->cost += p->cost(p->user, w->todo[task]);
    stoa_log_write(STOA_LOG_INFO, "[%" PRId64 "/%" PRId64 "] %s: %s", ++w->done, w->count, key,
                   words);
    return STOA_OK;
}

static stoa_status run_in_turn(work *w, stoa_error *err) {
    for (int64_t i = 0; i < w->count; i++) {
        double share = 0;
        STOA_TRY(compute(w->points, w->todo[i], w->points->options->progress, &share, err));
        STOA_TRY(on_finished(w, i, err));
    }
    return STOA_OK;
}

/* ---- side by side ---------------------------------------------------------------------------- */

static stoa_status on_run(void *user, int64_t task, double *share, stoa_error *err) {
    const work *w = user;
    return compute(w->points, w->todo[task], NULL, share, err);
}

static const char *on_name(void *user, int64_t task, char *out, size_t n) {
    const work *w = user;
    w->points->key(w->points->user, w->todo[task], out, n);
    return out;
}

static void on_watch(void *user, const stoa_job_view *running, int n) {
    work *w = user;
    const stoa_points *p = w->points;
    double done = w->cost;
    char note[160] = "";
    size_t len = 0;
    for (int i = 0; i < n; i++) {
        char key[KEY];
        done += p->cost(p->user, w->todo[running[i].task]) * running[i].share;
        if (len < sizeof note)
            len += (size_t)snprintf(note + len, sizeof note - len, "%s%s %.0f %%", i ? ", " : "",
                                    on_name(w, running[i].task, key, sizeof key),
                                    100 * running[i].share);
    }
    if (p->options->progress)
        stoa_progress_update(&w->progress, done, "%s", note);
}

static stoa_status run_side_by_side(work *w, stoa_error *err) {
    const stoa_points *p = w->points;
    stoa_jobs jobs = {.count = w->count,
                      .at_once = p->jobs,
                      .user = w,
                      .run = on_run,
                      .name = on_name,
                      .finished = on_finished,
                      .watch = on_watch,
                      .end = p->options->end_child};
    if (p->options->progress)
        stoa_progress_begin(&w->progress, p->options->progress, "study", "steps", w->total);
    stoa_status status = stoa_jobs_run(&jobs, err);
    if (p->options->progress)
        stoa_progress_end(&w->progress);
    return status;
}

stoa_status stoa_points_run(const stoa_points *points, stoa_error *err) {
    work w = {.points = points};
    w.todo = stoa_alloc((size_t)points->count * sizeof *w.todo);
    if (!w.todo && points->count > 0)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory");
    stoa_status status = find_work(&w, err);
    if (status == STOA_OK && w.count > 0)
        status = side_by_side(points) ? run_side_by_side(&w, err) : run_in_turn(&w, err);
    stoa_free(w.todo);
    return status;
}
