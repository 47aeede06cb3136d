/*
 * data/tasks.c - classes that are linear functions, y = w . x + noise with w ~ N(0, I): in-context
 * linear regression from a pool of tasks (Garg et al. 2022; Raventos et al. 2023, arXiv
 * 2306.15063).
 *
 * A sequence is of one task. How many there are to train on is data.classes; data.fresh 1 makes
 * every sequence of a task of its own, which is endless diversity. The pool is kept as (D, M), so
 * that one item meets all tasks in straight lines.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "data/normals.h"
#include "data/sequences.h"

typedef struct tasks {
    float *pool; // (D, M)
    uint32_t weight_key[2], item_key[2], noise_key[2];
} tasks;

/* ---- the source ------------------------------------------------------------------------------ */

static void tasks_item(const stoa_classes *c, int64_t number, uint64_t exemplar, float *out) {
    const tasks *t = c->state;
    stoa_normals(t->item_key, stoa_data_mix((uint64_t)number, exemplar), out, c->size);
}

static float tasks_value(const stoa_classes *c, int64_t number, uint64_t exemplar,
                         const float *item) {
    const tasks *t = c->state;
    float weight[STOA_RIDGE_WIDTH], noise;
    double sum = 0;
    stoa_normals(t->weight_key, (uint64_t)number, weight, c->size);
    for (int64_t d = 0; d < c->size; d++)
        sum += (double)weight[d] * (double)item[d];
    stoa_normals(t->noise_key, stoa_data_mix((uint64_t)number, exemplar), &noise, 1);
    return (float)(sum + c->options.spread * (double)noise);
}

static void tasks_close(stoa_classes *c) {
    tasks *t = c->state;
    if (t)
        stoa_free(t->pool);
    stoa_free(t);
}

static stoa_status tasks_open(stoa_classes *c, stoa_error *err) {
    const stoa_classes_options *o = &c->options;
    if (o->width < 1 || o->width > STOA_RIDGE_WIDTH || !(o->spread >= 0))
        return stoa_fail(err, STOA_ERR_USAGE,
                         "data.width is %lld; an item of a task has 1 to %d numbers",
                         (long long)o->width, STOA_RIDGE_WIDTH);
    if (o->pixel_noise > 0)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "data.pixel_noise would change items behind their numbers' back; the "
                         "noise of tasks is data.spread");
    const int64_t m = o->trained, d = o->width;
    tasks *t = c->state = stoa_alloc(sizeof *t);
    if (!t || !(t->pool = stoa_alloc((size_t)(d * m) * sizeof(float))))
        return stoa_fail(err, STOA_ERR_MEMORY, "no memory for %lld tasks", (long long)m);
    c->ndim = 1;
    c->shape[0] = c->size = d;
    const stoa_rng weight = stoa_rng_stream(o->seed, "data/tasks/weight", 0);
    const stoa_rng item = stoa_rng_stream(o->seed, "data/tasks/item", 0);
    const stoa_rng noise = stoa_rng_stream(o->seed, "data/tasks/noise", 0);
    memcpy(t->weight_key, weight.key, sizeof t->weight_key);
    memcpy(t->item_key, item.key, sizeof t->item_key);
    memcpy(t->noise_key, noise.key, sizeof t->noise_key);
    for (int64_t k = 0; k < m; k++) {
        float w[STOA_RIDGE_WIDTH];
        stoa_normals(t->weight_key, (uint64_t)k, w, d);
        for (int64_t i = 0; i < d; i++)
            t->pool[i * m + k] = w[i];
    }
    return STOA_OK;
}

const float *stoa_tasks_pool(const stoa_classes *c) {
    const tasks *t = c->state;
    return t->pool;
}

const stoa_class_kind stoa_classes_tasks = {
    .name = "tasks",
    .summary = "linear functions of D numbers: a number instead of a label",
    .endless = true,
    .some_exemplars = 0,
    .open = tasks_open,
    .close = tasks_close,
    .item = tasks_item,
    .value = tasks_value,
};

/* ---- sequences ------------------------------------------------------------------------------- */

static void draw_task(const stoa_sequences *s, stoa_rng *rng, bool fresh, uint64_t names,
                      stoa_episode *e) {
    const stoa_classes_options *o = &s->options.classes;
    stoa_way task = {STOA_CLASS_FRESH + (int64_t)names, (int32_t)(o->trained + o->holdout), 0};
    if (!fresh) {
        task.class_ = stoa_zipf_draw(&s->zipf, rng);
        task.number = task.class_;
    }
    for (int64_t i = 0; i <= s->options.pairs; i++) {
        stoa_set_way(&e->slots[i], &task);
        stoa_draw_exemplar(s, rng, names, e, i, i);
    }
    e->choices[0] = e->choices[1] = -1;
}

void stoa_episode_task(const stoa_sequences *s, stoa_rng *rng, uint64_t names, stoa_episode *e) {
    const double p = s->options.fresh;
    draw_task(s, rng, p > 0 && stoa_rng_uniform(rng) < p, names, e);
}

void stoa_episode_task_pool(const stoa_sequences *s, stoa_rng *rng, uint64_t names,
                            stoa_episode *e) {
    draw_task(s, rng, false, names, e);
}

void stoa_episode_task_new(const stoa_sequences *s, stoa_rng *rng, uint64_t names,
                           stoa_episode *e) {
    draw_task(s, rng, true, names, e);
}
