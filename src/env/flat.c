/*
 * env/flat.c - environments for languages that load the library at run time.
 *
 * A binding sees a handle, JSON and arrays. Which array stands where is said by the "arrays" list
 * of the specification, so a binding that reads it needs no struct layout of ours and survives
 * changes to them.
 */
#include <math.h>
#include <string.h>

#include <jansson.h>

#include "env/env.h"

struct stoa_env_flat {
    stoa_env *env;
    stoa_pool *pool;
    char *spec;
    stoa_buffer drawing;
    stoa_error err;
};

/* The parts of stoa_env_buffers in the order of the arrays. */
typedef struct part {
    const char *name;
    size_t offset;
    enum { ONE, PER_OBSERVATION, PER_ACTION } many;
} part;

static const part parts[] = {
    {"observation", offsetof(stoa_env_buffers, observations), PER_OBSERVATION},
    {"action", offsetof(stoa_env_buffers, actions), PER_ACTION},
    {"reward", offsetof(stoa_env_buffers, rewards), ONE},
    {"terminated", offsetof(stoa_env_buffers, terminated), ONE},
    {"truncated", offsetof(stoa_env_buffers, truncated), ONE},
    {"final_observation", offsetof(stoa_env_buffers, final_observations), PER_OBSERVATION},
    {"metric", offsetof(stoa_env_buffers, metrics), ONE},
    {"event", offsetof(stoa_env_buffers, events), ONE},
};

enum { PARTS = sizeof parts / sizeof *parts };

static int part_count(const part *p, const stoa_env_spec *spec) {
    return p->many == PER_OBSERVATION ? spec->observation_count
           : p->many == PER_ACTION    ? spec->action_count
                                      : 1;
}

static void gather(stoa_env_buffers *b, const stoa_env_spec *spec, void *const *arrays) {
    memset(b, 0, sizeof *b);
    for (int p = 0; p < PARTS; p++)
        for (int i = 0; i < part_count(&parts[p], spec); i++, arrays++)
            memcpy((char *)b + parts[p].offset + (size_t)i * sizeof *arrays, arrays,
                   sizeof *arrays);
}

/* ---- the specification as JSON --------------------------------------------------------------- */

/* null stands for infinite and unknown: JSON has neither */
static json_t *number(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *names(const char (*list)[STOA_ENV_NAME], int count) {
    json_t *array = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(array, json_string(list[i]));
    return array;
}

static json_t *space_json(const stoa_space *s) {
    json_t *shape = json_array(), *labels = s->labels ? json_array() : json_null();
    for (int d = 0; d < s->ndim; d++)
        json_array_append_new(shape, json_integer(s->shape[d]));
    for (int64_t i = 0; s->labels && i < s->categories; i++)
        json_array_append_new(labels, json_string(s->labels[i]));
    return json_pack("{ss ss ss so sI so so so sb}", "name", s->name, "kind",
                     stoa_space_kind_name(s->kind), "dtype", stoa_dtype_name(s->dtype), "shape",
                     shape, "categories", (json_int_t)s->categories, "low", number(s->low), "high",
                     number(s->high), "labels", labels, "target", s->target);
}

static json_t *spaces_json(const stoa_space *list, int count) {
    json_t *array = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(array, space_json(&list[i]));
    return array;
}

static json_t *arrays_json(const stoa_env_spec *spec) {
    json_t *array = json_array();
    for (int p = 0; p < PARTS; p++)
        for (int i = 0; i < part_count(&parts[p], spec); i++)
            json_array_append_new(array, json_pack("{ss si}", "part", parts[p].name, "index",
                                                   parts[p].many == ONE ? -1 : i));
    return array;
}

static char *spec_json(const stoa_env *env) {
    const stoa_env_spec *s = &env->spec;
    json_t *root = json_pack(
        "{ss sI so so so so sI so so so so s[ii] sb sb so}", "name", s->name, "count",
        (json_int_t)env->count, "observations", spaces_json(s->observations, s->observation_count),
        "actions", spaces_json(s->actions, s->action_count), "metrics",
        names(s->metrics, s->metric_count), "events", names(s->events, s->event_count), "max_steps",
        (json_int_t)s->max_steps, "reward_low", number(s->reward_low), "reward_high",
        number(s->reward_high), "chance", number(s->chance), "ceiling", number(s->ceiling),
        "render", s->render_height, s->render_width, "text", env->class_->render_text != NULL,
        "resumable", s->resumable, "arrays", arrays_json(s));
    if (!root)
        return NULL;
    stoa_buffer text = {0};
    char *dumped = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    if (!dumped)
        return NULL;
    stoa_buffer_printf(&text, "%s", dumped);
    free(dumped);
    return text.data;
}

char *stoa_env_flat_list(void) {
    stoa_buffer out = {0};
    stoa_buffer_printf(&out, "[");
    for (int i = 0; i < stoa_env_class_count(); i++) {
        const stoa_env_class *c = stoa_env_class_at(i);
        stoa_buffer_printf(&out, "%s{\"name\":", i ? "," : "");
        stoa_buffer_json_string(&out, c->name);
        stoa_buffer_printf(&out, ",\"summary\":");
        stoa_buffer_json_string(&out, c->summary);
        stoa_buffer_printf(&out, ",\"id_wanted\":%s}", c->open ? "true" : "false");
    }
    stoa_buffer_printf(&out, "]");
    if (!out.failed)
        return out.data;
    stoa_buffer_deinit(&out);
    return NULL;
}

/* ---- the handle ------------------------------------------------------------------------------ */

static stoa_status fill(stoa_env_flat *flat, const stoa_env_options *options, int threads,
                        stoa_error *err) {
    STOA_TRY(stoa_env_new(&flat->env, options, err));
    flat->spec = spec_json(flat->env);
    if (!flat->spec)
        return stoa_fail(err, STOA_ERR_MEMORY, "environment %s: out of memory", options->name);
    if (threads != 1 && !(flat->pool = stoa_pool_new(threads)))
        return stoa_fail(err, STOA_ERR_MEMORY, "cannot start %d threads; ask for fewer", threads);
    return STOA_OK;
}

stoa_env_flat *stoa_env_flat_open(const char *name, const char *const *set, int set_count,
                                  int64_t count, uint64_t seed, int threads, int *status,
                                  char *message, size_t message_bytes) {
    stoa_error err = {0};
    stoa_env_options options = {
        .name = name, .set = set, .set_count = set_count, .count = count, .seed = seed};
    stoa_env_flat *flat = stoa_alloc(sizeof *flat);
    *status = flat ? fill(flat, &options, threads, &err)
                   : stoa_fail(&err, STOA_ERR_MEMORY, "environment %s: out of memory", name);
    if (*status == STOA_OK)
        return flat;
    snprintf(message, message_bytes, "%s", err.message);
    stoa_env_flat_close(flat);
    return NULL;
}

void stoa_env_flat_close(stoa_env_flat *flat) {
    if (!flat)
        return;
    stoa_env_free(flat->env);
    stoa_pool_free(flat->pool);
    stoa_free(flat->spec);
    stoa_buffer_deinit(&flat->drawing);
    stoa_free(flat);
}

const char *stoa_env_flat_spec(const stoa_env_flat *flat) {
    return flat->spec;
}

const char *stoa_env_flat_message(const stoa_env_flat *flat) {
    return flat->err.message;
}

void stoa_env_flat_seed(stoa_env_flat *flat, uint64_t seed) {
    stoa_env_seed(flat->env, seed);
}

int stoa_env_flat_reset(stoa_env_flat *flat, void *const *arrays) {
    stoa_env_buffers b;
    gather(&b, &flat->env->spec, arrays);
    return stoa_env_reset(flat->env, flat->pool, &b, &flat->err);
}

int stoa_env_flat_step(stoa_env_flat *flat, void *const *arrays) {
    stoa_env_buffers b;
    gather(&b, &flat->env->spec, arrays);
    STOA_TRY(stoa_env_check_actions(flat->env, &b, &flat->err));
    return stoa_env_step(flat->env, flat->pool, &b, &flat->err);
}

static bool known(stoa_env_flat *flat, int64_t instance) {
    if (instance >= 0 && instance < flat->env->count)
        return true;
    stoa_fail(&flat->err, STOA_ERR_USAGE, "there is no instance %lld; there are %lld",
              (long long)instance, (long long)flat->env->count);
    return false;
}

int stoa_env_flat_rgb(stoa_env_flat *flat, int64_t instance, uint8_t *pixels) {
    if (!known(flat, instance))
        return STOA_ERR_USAGE;
    if (stoa_env_render_rgb(flat->env, instance, pixels))
        return STOA_OK;
    return stoa_fail(&flat->err, STOA_ERR_UNSUPPORTED, "environment %s cannot be drawn in pixels",
                     flat->env->spec.name);
}

const char *stoa_env_flat_text(stoa_env_flat *flat, int64_t instance) {
    if (!known(flat, instance))
        return NULL;
    flat->drawing.len = 0;
    if (!stoa_env_render_text(flat->env, instance, &flat->drawing)) {
        stoa_fail(&flat->err, STOA_ERR_UNSUPPORTED, "environment %s cannot be drawn as text",
                  flat->env->spec.name);
        return NULL;
    }
    return flat->drawing.data;
}

int64_t stoa_env_flat_restarts(const stoa_env_flat *flat) {
    return stoa_env_restarts(flat->env);
}

int64_t stoa_env_flat_state_bytes(const stoa_env_flat *flat) {
    return flat->env->spec.resumable ? (int64_t)stoa_env_state_bytes(flat->env) : 0;
}

int stoa_env_flat_save(stoa_env_flat *flat, void *bytes) {
    return stoa_env_save(flat->env, bytes, &flat->err);
}

int stoa_env_flat_load(stoa_env_flat *flat, const void *bytes, int64_t size) {
    return stoa_env_load(flat->env, bytes, size < 0 ? 0 : (size_t)size, &flat->err);
}
