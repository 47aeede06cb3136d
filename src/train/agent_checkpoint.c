/*
 * train/agent_checkpoint.c - an agent's run as it stands: weights and moments, and beside them
 * everything that the next update will read, so that a resumed run continues bit for bit.
 *
 * In turn, that is the last row of the unroll; side by side it is the whole unroll that waits to be
 * learned from. Random draws need no memory: they belong to (update, step, instance). Instances
 * that live elsewhere cannot be saved; a resumed run then begins new episodes and says so.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "train/agent_trainer.h"

enum { PARTS = 2 * STOA_ENV_SPACES + 9 + STOA_OBJECTIVES + 8, NAME = 96 };

typedef struct parts {
    stoa_checkpoint_part items[PARTS];
    char names[PARTS][NAME];
    size_t count;
    void *worlds; /* (stoa_env_state_bytes) owned */
} parts;

static void add(parts *p, const char *prefix, const char *name, void *data, size_t bytes) {
    snprintf(p->names[p->count], NAME, "%s%s", prefix, name);
    p->items[p->count] = (stoa_checkpoint_part){p->names[p->count], data, bytes};
    p->count++;
}

static void add_unroll(parts *p, stoa_agent_trainer *t) {
    const stoa_unroll *u = &t->unrolls[t->front];
    for (int i = 0; i < t->layout.count; i++) {
        const stoa_unroll_array *array = &t->layout.items[i];
        size_t row = (size_t)u->batch * array->bytes;
        if (t->settings.pipeline)
            add(p, "unroll.", array->name, stoa_unroll_row(u, array, 0), (size_t)array->rows * row);
        else if (array->rows > u->steps)
            add(p, "unroll.", array->name, stoa_unroll_row(u, array, u->steps), row);
    }
    if (t->settings.pipeline)
        add(p, "unroll.", "state", u->state.data,
            (size_t)(u->state.batch * u->state.width) * sizeof(float));
}

/* Everything by name; worlds: the environments' bytes, to be filled or read by the caller. */
static stoa_status gather(parts *p, stoa_agent_trainer *t, stoa_error *err) {
    stoa_episodes *e = &t->actor.episodes;
    const stoa_agent_state *state = &t->actor.state;
    size_t batch = (size_t)t->settings.instances;
    *p = (parts){0};
    if (t->spec.resumable) {
        size_t bytes = stoa_env_state_bytes(t->actor.env);
        if (!(p->worlds = stoa_alloc(bytes + 1)))
            return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for the environments' states");
        add(p, "environments", "", p->worlds, bytes);
        add_unroll(p, t);
        add(p, "core", "", state->data, (size_t)(state->batch * state->width) * sizeof(float));
        add(p, "episodes.", "returns", e->returns, batch * sizeof *e->returns);
        add(p, "episodes.", "lengths", e->lengths, batch * sizeof *e->lengths);
    }
    add(p, "episodes.", "last", e->rows, (size_t)(e->window * e->figures) * sizeof *e->rows);
    for (int i = 0; i < t->net.objective_count; i++) {
        stoa_objective *o = &t->net.objectives[i];
        size_t bytes = 0;
        void *memory = o->class_->state ? o->class_->state(o, &bytes) : NULL;
        if (memory)
            add(p, "objectives.", o->class_->name, memory, bytes);
    }
    return STOA_OK;
}

static stoa_status folder_of(const char *run_dir, char *out, size_t n, stoa_error *err) {
    if (!stoa_path_join(out, n, run_dir, "checkpoints"))
        return stoa_fail(err, STOA_ERR_USAGE, "%s: path too long", run_dir);
    return STOA_OK;
}

/* ---- saving ---------------------------------------------------------------------------------- */

static stoa_status write_counters(const stoa_agent_trainer *t, char *out, size_t n,
                                  stoa_error *err) {
    json_t *state =
        json_pack("{s:b, s:b, s:I, s:f, s:I, s:I}", "started", t->started, "waiting", t->waiting,
                  "episodes", (json_int_t)t->actor.episodes.finished, "best_score",
                  isfinite(t->best_score) ? t->best_score : -1e300, "best_update",
                  (json_int_t)t->best_update, "evaluated_update", (json_int_t)t->evaluated_update);
    char *text = state ? json_dumps(state, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(state);
    if (!text)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for the checkpoint");
    snprintf(out, n, "%s", text);
    free(text);
    return STOA_OK;
}

stoa_status stoa_agent_trainer_save(stoa_agent_trainer *t, const char *run_dir, bool best,
                                    stoa_error *err) {
    char folder[4096];
    parts p;
    stoa_checkpoint_info info = {.step = t->update};
    STOA_TRY(folder_of(run_dir, folder, sizeof folder, err));
    STOA_TRY(write_counters(t, info.state, sizeof info.state, err));
    stoa_status status = gather(&p, t, err);
    if (status == STOA_OK && p.worlds)
        status = stoa_env_save(t->actor.env, p.worlds, err);
    if (status == STOA_OK)
        status = stoa_checkpoint_save_all(folder, t->net.params, t->optimizer, p.items, p.count,
                                          &info, (int)t->settings.keep, best, err);
    stoa_free(p.worlds);
    return status;
}

/* ---- loading --------------------------------------------------------------------------------- */

static stoa_status read_counters(stoa_agent_trainer *t, const char *folder, const char *text,
                                 stoa_error *err) {
    json_error_t where;
    json_t *state = json_loads(text, JSON_REJECT_DUPLICATES, &where);
    int started = 0, waiting = 0;
    json_int_t episodes = 0, best_update = 0, evaluated = 0;
    double best = 0;
    int bad = !state || json_unpack(state, "{s:b, s:b, s:I, s:F, s:I, s:I}", "started", &started,
                                    "waiting", &waiting, "episodes", &episodes, "best_score", &best,
                                    "best_update", &best_update, "evaluated_update", &evaluated);
    json_decref(state);
    if (bad || episodes < 0)
        return stoa_fail(err, STOA_ERR_FORMAT, "%s: the checkpoint's state is not an agent's",
                         folder);
    t->started = started;
    t->waiting = waiting;
    t->actor.episodes.finished = episodes;
    t->best_score = best <= -1e300 ? -HUGE_VAL : best;
    t->best_update = best_update;
    t->evaluated_update = evaluated;
    return STOA_OK;
}

/* What was copied in from a file is looked at before anything uses it as an index. */
static stoa_status check_memory(stoa_agent_trainer *t, stoa_error *err) {
    const stoa_unroll *u = &t->unrolls[t->front];
    for (int i = 0; i < t->net.objective_count; i++) {
        stoa_objective *o = &t->net.objectives[i];
        if (o->class_->restored)
            STOA_TRY(o->class_->restored(o, err));
    }
    return stoa_unroll_check(u, &t->spec, t->settings.pipeline ? 0 : u->steps, err);
}

/* Episodes cannot go on where their instances live elsewhere. */
static void begin_anew(stoa_agent_trainer *t) {
    stoa_episodes *e = &t->actor.episodes;
    stoa_log_write(STOA_LOG_WARN,
                   "%s cannot save its state: new episodes begin, and the run does not continue "
                   "bit for bit",
                   t->spec.name);
    t->started = t->waiting = false;
    memset(e->returns, 0, (size_t)e->batch * sizeof *e->returns);
    memset(e->lengths, 0, (size_t)e->batch * sizeof *e->lengths);
}

stoa_status stoa_agent_trainer_load(stoa_agent_trainer *t, const char *run_dir, const char *which,
                                    stoa_error *err) {
    char folder[4096];
    parts p;
    stoa_checkpoint_info info;
    STOA_TRY(folder_of(run_dir, folder, sizeof folder, err));
    t->front = 0;
    stoa_status status = gather(&p, t, err);
    if (status == STOA_OK)
        status = stoa_checkpoint_load_all(folder, which, t->net.params, t->optimizer, p.items,
                                          p.count, &info, err);
    if (status == STOA_OK && p.worlds)
        status = stoa_env_load(t->actor.env, p.worlds, stoa_env_state_bytes(t->actor.env), err);
    stoa_free(p.worlds);
    STOA_TRY(status);
    STOA_TRY(read_counters(t, folder, info.state, err));
    STOA_TRY(check_memory(t, err));
    t->update = info.step;
    if (!t->spec.resumable)
        begin_anew(t);
    return STOA_OK;
}
