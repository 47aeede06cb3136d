/*
 * data/oneshot.c - the published one-shot task under the modified Hausdorff distance: a check that
 * drawings are read as they are, with a figure known beforehand.
 *
 * A drawing is the set of its ink pixels, centred on their mean. The distance of two is the larger
 * of the two mean distances from a point to the nearest of the other set (Dubuisson and Jain 1994).
 */
#include <math.h>
#include <string.h>

#include "data/omniglot.h"

enum {
    RUNS_FILE_MOST = 1 << 20, /* bytes */
    QUERIES_MOST = 1 << 14,
    CANDIDATES_MOST = 256, /* of a run */
    LANES = 16,
    POINTS_MOST = (STOA_OMNIGLOT_SIDE * STOA_OMNIGLOT_SIDE + LANES - 1) / LANES * LANES,
};

/* ---- the runs -------------------------------------------------------------------------------- */

typedef struct query {
    int64_t run, test, answer; /* records */
} query;

static bool next_number(const char **p, char end, int64_t most, int64_t *out) {
    const char *from = *p, *to = strchr(from, end);
    if (!to || !stoa_parse_int((stoa_view){from, (size_t)(to - from)}, out) || *out < 0 ||
        *out > most)
        return false;
    *p = to + 1;
    return true;
}

static stoa_status read_runs(const char *folder, int64_t records, query *queries, int64_t *count,
                             stoa_error *err) {
    char path[1024], *text;
    size_t size;
    if (!stoa_path_join(path, sizeof path, folder, "oneshot_runs.tsv"))
        return stoa_fail(err, STOA_ERR_USAGE, "%s: the path is too long", folder);
    STOA_TRY(stoa_file_read(path, RUNS_FILE_MOST, &text, &size, err));
    const char *p = strchr(text, '\n');
    bool good = p && strncmp(text, "run\titem\ttest_record\tanswer_record\n", 35) == 0;
    int64_t n = 0, item;
    for (p = good ? p + 1 : text; good && *p; n++) {
        good = n < QUERIES_MOST && next_number(&p, '\t', QUERIES_MOST, &queries[n].run) &&
               next_number(&p, '\t', QUERIES_MOST, &item) &&
               next_number(&p, '\t', records - 1, &queries[n].test) &&
               next_number(&p, '\n', records - 1, &queries[n].answer);
    }
    stoa_free(text);
    *count = n;
    return good && n > 0
               ? STOA_OK
               : stoa_fail(err, STOA_ERR_FORMAT,
                           "%s: line %lld: expected the columns run, item, test_record and "
                           "answer_record, tab-separated, records below %lld",
                           path, (long long)n + 1, (long long)records);
}

/* ---- the distance ---------------------------------------------------------------------------- */

typedef struct points {
    float x[POINTS_MOST], y[POINTS_MOST]; // behind the last one, far away up to whole lanes
    int n;
} points;

static void read_points(const uint8_t *bits, points *out) {
    double sum_x = 0, sum_y = 0;
    out->n = 0;
    for (int y = 0; y < STOA_OMNIGLOT_SIDE; y++)
        for (int x = 0; x < STOA_OMNIGLOT_SIDE; x++)
            if (stoa_omniglot_ink(bits, x, y)) {
                out->x[out->n] = (float)x;
                out->y[out->n++] = (float)y;
                sum_x += x;
                sum_y += y;
            }
    for (int i = 0; i < out->n; i++) {
        out->x[i] -= (float)(sum_x / out->n);
        out->y[i] -= (float)(sum_y / out->n);
    }
    for (int i = out->n; i % LANES; i++)
        out->x[i] = out->y[i] = 1e6f;
}

/* Square distance of one point to the nearest of b, which brings b's own nearest up to date. */
static float nearest(float x, float y, const points *b, float *restrict best) {
    float lane[LANES], least = HUGE_VALF;
    for (int k = 0; k < LANES; k++)
        lane[k] = HUGE_VALF;
    for (int j = 0; j < b->n; j += LANES) {
#pragma omp simd
        for (int k = 0; k < LANES; k++) {
            float dx = x - b->x[j + k], dy = y - b->y[j + k], d = dx * dx + dy * dy;
            lane[k] = d < lane[k] ? d : lane[k];
            best[j + k] = d < best[j + k] ? d : best[j + k];
        }
    }
    for (int k = 0; k < LANES; k++)
        least = lane[k] < least ? lane[k] : least;
    return least;
}

static double distance(const points *a, const points *b) {
    float best[POINTS_MOST];
    double there = 0, back = 0;
    if (a->n == 0 || b->n == 0)
        return HUGE_VAL;
    for (int j = 0; j < POINTS_MOST; j++)
        best[j] = HUGE_VALF;
    for (int i = 0; i < a->n; i++)
        there += sqrt((double)nearest(a->x[i], a->y[i], b, best));
    for (int j = 0; j < b->n; j++)
        back += sqrt((double)best[j]);
    return fmax(there / a->n, back / b->n);
}

/* ---- the task -------------------------------------------------------------------------------- */

typedef struct task {
    const stoa_omniglot *drawings;
    const query *queries;
    int64_t count;
    bool *wrong;
} task;

/* The candidates of a query's run, each once. */
static int candidates(const task *t, int64_t run, int64_t out[CANDIDATES_MOST]) {
    int n = 0;
    for (int64_t i = 0; i < t->count && n < CANDIDATES_MOST; i++) {
        bool known = t->queries[i].run != run;
        for (int j = 0; j < n && !known; j++)
            known = out[j] == t->queries[i].answer;
        if (!known)
            out[n++] = t->queries[i].answer;
    }
    return n;
}

static void classify(void *arg, int64_t begin, int64_t end, int thread) {
    const task *t = arg;
    points asked, shown;
    (void)thread;
    for (int64_t q = begin; q < end; q++) {
        int64_t choice[CANDIDATES_MOST], answer = -1;
        int n = candidates(t, t->queries[q].run, choice);
        double best = HUGE_VAL;
        read_points(t->drawings->bits + t->queries[q].test * STOA_OMNIGLOT_BYTES, &asked);
        for (int i = 0; i < n; i++) {
            read_points(t->drawings->bits + choice[i] * STOA_OMNIGLOT_BYTES, &shown);
            double d = distance(&asked, &shown);
            if (d < best) {
                best = d;
                answer = choice[i];
            }
        }
        t->wrong[q] = answer != t->queries[q].answer;
    }
}

stoa_status stoa_omniglot_oneshot(const char *folder, stoa_pool *pool, stoa_oneshot *out,
                                  stoa_error *err) {
    stoa_omniglot drawings;
    *out = (stoa_oneshot){0};
    STOA_TRY(stoa_omniglot_load(&drawings, folder, err));
    query *queries = stoa_alloc(QUERIES_MOST * sizeof *queries);
    bool *wrong = stoa_alloc(QUERIES_MOST * sizeof *wrong);
    stoa_status status = queries && wrong
                             ? read_runs(folder, drawings.characters * drawings.drawings, queries,
                                         &out->queries, err)
                             : stoa_fail(err, STOA_ERR_MEMORY, "out of memory for one-shot runs");
    if (status == STOA_OK) {
        task t = {&drawings, queries, out->queries, wrong};
        stoa_pool_run(pool, t.count, 1, classify, &t);
        for (int64_t i = 0; i < t.count; i++)
            out->errors += wrong[i];
    }
    stoa_free(queries);
    stoa_free(wrong);
    stoa_omniglot_deinit(&drawings);
    return status;
}
