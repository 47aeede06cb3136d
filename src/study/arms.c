/* study/arms.c - arms x seeds as a list of runs, and figures over an arm's seeds; see arms.h. */
#include "study/arms.h"

#include <inttypes.h>
#include <math.h>

#include "study/points.h"

typedef struct work {
    const stoa_arms *arms;
    stoa_arm_runs *out;
} work;

static const stoa_arm_point *point_of(void *user, int64_t point) {
    return &((work *)user)->out->points[point];
}

static void key(void *user, int64_t point, char *out, size_t n) {
    const work *w = user;
    const stoa_arm_point *p = point_of(user, point);
    snprintf(out, n, "%s-s%" PRId64, w->arms->names[p->arm], p->seed);
}

static stoa_status settings(void *user, int64_t point, stoa_buffer *out, stoa_error *err) {
    const work *w = user;
    return w->arms->settings(w->arms->user, point_of(user, point), out, err);
}

static stoa_status compute(void *user, int64_t point, int threads, FILE *progress, stoa_run *run,
                           double *share, stoa_error *err) {
    const work *w = user;
    return w->arms->compute(w->arms->user, point_of(user, point), threads, progress, run, share,
                            err);
}

static double cost(void *user, int64_t point) {
    const work *w = user;
    return w->arms->cost(w->arms->user, point_of(user, point));
}

static void tell(void *user, int64_t point, const stoa_run *run, char *out, size_t n) {
    const work *w = user;
    w->arms->tell(w->arms->user, point_of(user, point), run, out, n);
}

/* Counts the points, and writes them where there is room for them. */
static int64_t list_points(const stoa_arms *arms, stoa_arm_point *out) {
    int64_t count = 0;
    for (int64_t i = 0; i < STOA_SETTING_ITEMS; i++)
        for (int arm = 0; arms->names[arm]; arm++) {
            const stoa_int_list *seeds = arms->seeds(arms->user, arm);
            if (i >= seeds->count)
                continue;
            if (out)
                out[count] = (stoa_arm_point){arm, seeds->item[i]};
            count++;
        }
    return count;
}

stoa_status stoa_arms_run(const stoa_arms *arms, stoa_arm_runs *out, stoa_error *err) {
    *out = (stoa_arm_runs){.count = list_points(arms, NULL)};
    size_t room = out->count > 0 ? (size_t)out->count : 1;
    out->points = stoa_alloc(room * sizeof *out->points);
    out->runs = stoa_alloc(room * sizeof *out->runs);
    if (!out->points || !out->runs) {
        stoa_arm_runs_deinit(out);
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory");
    }
    list_points(arms, out->points);
    work w = {arms, out};
    stoa_points points = {.options = arms->options,
                          .count = out->count,
                          .jobs = arms->jobs,
                          .user = &w,
                          .key = key,
                          .settings = settings,
                          .compute = compute,
                          .cost = cost,
                          .tell = tell};
    STOA_TRY(stoa_points_run(&points, err));
    for (int64_t i = 0; i < out->count; i++)
        STOA_TRY(stoa_points_load(&points, i, &out->runs[i], err));
    return STOA_OK;
}

void stoa_arm_runs_deinit(stoa_arm_runs *r) {
    for (int64_t i = 0; r->runs && i < r->count; i++)
        stoa_run_free(r->runs[i]);
    stoa_free(r->runs);
    stoa_free(r->points);
    *r = (stoa_arm_runs){0};
}

/* ---- figures of finished runs ---------------------------------------------------------------- */

int64_t stoa_arm_numbers(const stoa_arm_runs *r, int arm, const char *name, double *out) {
    int64_t n = 0;
    for (int64_t i = 0; i < r->count && n < STOA_SETTING_ITEMS; i++) {
        if (r->points[i].arm != arm || !r->runs[i])
            continue;
        double value = stoa_run_get_number(r->runs[i], name);
        if (!isnan(value))
            out[n++] = value;
    }
    return n;
}

stoa_interval stoa_arm_mean(const stoa_arm_runs *r, int arm, const char *name, int64_t *n) {
    double x[STOA_SETTING_ITEMS];
    int64_t count = stoa_arm_numbers(r, arm, name, x);
    if (n)
        *n = count;
    return stoa_stat_mean(x, count, 0.95);
}

const stoa_run *stoa_arm_first(const stoa_arm_runs *r, int arm) {
    for (int64_t i = 0; i < r->count; i++)
        if (r->points[i].arm == arm && r->runs[i])
            return r->runs[i];
    return NULL;
}

double stoa_arm_sum(const stoa_arm_runs *r, const char *name) {
    double sum = 0;
    for (int64_t i = 0; i < r->count; i++)
        if (r->runs[i])
            sum += stoa_run_get_number(r->runs[i], name);
    return sum;
}

void stoa_arm_curve_of(const stoa_arm_runs *r, int arm, const char *x, const char *y,
                       stoa_arm_curve *out) {
    *out = (stoa_arm_curve){0};
    for (int64_t i = 0; i < r->count && out->seeds < STOA_SETTING_ITEMS; i++) {
        int64_t n = 0, m = 0;
        if (r->points[i].arm != arm || !r->runs[i])
            continue;
        const double *at = stoa_run_get_series(r->runs[i], x, &n);
        const double *value = stoa_run_get_series(r->runs[i], y, &m);
        if (!at || !value || n != m || n > STOA_ARM_CURVE || (out->n && n != out->n))
            continue;
        out->n = n;
        out->x = out->x ? out->x : at;
        out->seed[out->seeds++] = value;
    }
    for (int64_t k = 0; k < out->n; k++) {
        double values[STOA_SETTING_ITEMS];
        for (int64_t s = 0; s < out->seeds; s++)
            values[s] = out->seed[s][k];
        stoa_interval ci = stoa_stat_mean(values, out->seeds, 0.95);
        out->mean[k] = ci.value, out->low[k] = ci.low, out->high[k] = ci.high;
    }
}

void stoa_arm_curve_draw(stoa_figure *f, const stoa_arm_curve *c, const char *name, int colour,
                         int style) {
    bool band = style & STOA_ARM_BAND && c->seeds > 1;
    if (c->n == 0)
        return;
    stoa_figure_add(f, &(stoa_series){.name = name,
                                      .kind = STOA_SERIES_LINE,
                                      .x = c->x,
                                      .y = c->mean,
                                      .low = band ? c->low : NULL,
                                      .high = band ? c->high : NULL,
                                      .n = c->n,
                                      .colour = colour});
    for (int64_t s = 0; s < c->seeds && c->seeds > 1 && style & STOA_ARM_EACH; s++)
        stoa_figure_add(f, &(stoa_series){.kind = STOA_SERIES_LINE,
                                          .x = c->x,
                                          .y = c->seed[s],
                                          .n = c->n,
                                          .colour = colour,
                                          .dashed = true});
}
