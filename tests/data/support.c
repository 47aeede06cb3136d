/* support.c - shared by the tests of the data room. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

stoa_sequences_options options_with(const char *settings) {
    stoa_sequences_options o;
    stoa_error err = {0};
    char text[512], *rest = text;
    assert_int_equal(stoa_sequences_options_init(&o, NULL), STOA_OK);
    assert_true(strlen(settings) < sizeof text);
    strcpy(text, settings);
    for (char *one; (one = strsep(&rest, " "));)
        if (*one && stoa_settings_set(stoa_sequences_settings_table(), &o, one, NULL, &err))
            fail_msg("%s", err.message);
    return o;
}

stoa_sequences *sequences_with(const char *settings) {
    stoa_sequences_options o = options_with(settings);
    stoa_sequences *s;
    stoa_error err = {0};
    if (stoa_sequences_open(&s, &o, &err) != STOA_OK)
        fail_msg("%s", err.message);
    return s;
}

void check_refused(const char *settings, const char *part) {
    stoa_sequences_options o = options_with(settings);
    stoa_sequences *s = NULL;
    stoa_error err = {0};
    assert_int_equal(stoa_sequences_open(&s, &o, &err), STOA_ERR_USAGE);
    assert_null(s);
    if (!strstr(err.message, part))
        fail_msg("'%s' does not say '%s'", err.message, part);
}

static void *memory(int64_t n, size_t size) {
    void *p = calloc((size_t)n + 1, size);
    assert_non_null(p);
    return p;
}

rows make_rows(const stoa_sequences *s, int kind, int64_t n, bool items) {
    rows r = {.n = n, .pairs = stoa_sequences_pairs(s), .item = stoa_sequences_item(s)};
    r.batch.items = items ? memory(n * (r.pairs + 1) * r.item, sizeof(float)) : NULL;
    r.batch.labels = memory(n * r.pairs, sizeof(int32_t));
    r.batch.target = memory(n, sizeof(int32_t));
    r.batch.classes = memory(n * (r.pairs + 1), sizeof(int32_t));
    r.batch.choices = memory(n * 2, sizeof(int32_t));
    if (kind == TRAINING)
        stoa_sequences_train(s, NULL, 0, n, 0, n, &r.batch);
    else
        stoa_sequences_eval(s, NULL, kind, 0, n, &r.batch);
    return r;
}

void free_rows(rows *r) {
    free(r->batch.items);
    free(r->batch.labels);
    free(r->batch.target);
    free(r->batch.classes);
    free(r->batch.choices);
}

int32_t label_at(const rows *r, int64_t row, int64_t i) {
    return r->batch.labels[row * r->pairs + i];
}

int32_t class_at(const rows *r, int64_t row, int64_t i) {
    return r->batch.classes[row * (r->pairs + 1) + i];
}

int32_t query_class(const rows *r, int64_t row) {
    return class_at(r, row, r->pairs);
}

const float *item_at(const rows *r, int64_t row, int64_t i) {
    return r->batch.items + (row * (r->pairs + 1) + i) * r->item;
}

int times_class(const rows *r, int64_t row, int32_t class_) {
    int times = 0;
    for (int64_t i = 0; i < r->pairs; i++)
        times += class_at(r, row, i) == class_;
    return times;
}

int times_label(const rows *r, int64_t row, int32_t label) {
    int times = 0;
    for (int64_t i = 0; i < r->pairs; i++)
        times += label_at(r, row, i) == label;
    return times;
}

void check_share(double count, double n, double p) {
    double error = sqrt(p * (1 - p) / n) + 1e-12;
    if (fabs(count / n - p) > 5 * error)
        fail_msg("measured %g, expected %g, standard error %g", count / n, p, error);
}

void check_near(double got, double expected, double tolerance) {
    if (!(fabs(got - expected) <= tolerance))
        fail_msg("got %.9g, expected %.9g within %g", got, expected, tolerance);
}

int make_folder(void **state) {
    static char path[64];
    strcpy(path, "/tmp/stoa-data-XXXXXX");
    *state = path;
    return mkdtemp(path) ? 0 : -1;
}

int drop_folder(void **state) {
    return stoa_remove_tree(*state, NULL) == STOA_OK ? 0 : -1;
}

const char *inside(void **state, const char *name) {
    static char paths[8][512];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", (const char *)*state, name);
    return path;
}
