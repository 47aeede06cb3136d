/*
 * env/gym_spec.c - a worker's description of its spaces becomes a specification.
 *
 * The text comes from another program and is not trusted: every field is checked for type, range
 * and count before it is used, and no size is taken over that memory could not follow.
 */
#include <math.h>
#include <string.h>

#include "env/gym.h"

/* Most elements of one space, most categories. */
enum { MOST_ELEMENTS = 1 << 26, MOST_CATEGORIES = 1 << 20, MOST_LABEL = 64 };

static stoa_status bad(stoa_error *err, const char *what, const char *where) {
    return stoa_fail(err, STOA_ERR_FORMAT, "the worker's description of its spaces: %s %s", where,
                     what);
}

/* A number, or what stands for "not known" when it is null or missing. */
static double number(const json_t *object, const char *key, double otherwise) {
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : otherwise;
}

static int lookup(const char *word, const char *const *names, int count) {
    for (int i = 0; i < count; i++)
        if (word && strcmp(word, names[i]) == 0)
            return i;
    return -1;
}

static stoa_status read_shape(const json_t *json, stoa_space *s, stoa_error *err) {
    const json_t *shape = json_object_get(json, "shape");
    size_t n = json_array_size(shape);
    if (!json_is_array(shape) || n > STOA_MAX_DIMS)
        return bad(err, "has no shape of at most 6 numbers", s->name);
    int64_t elements = 1;
    for (size_t d = 0; d < n; d++) {
        const json_t *size = json_array_get(shape, d);
        json_int_t value = json_is_integer(size) ? json_integer_value(size) : 0;
        if (value < 1 || value > MOST_ELEMENTS / elements)
            return bad(err, "has an empty or too large shape", s->name);
        elements *= value;
        s->shape[s->ndim++] = value;
    }
    return STOA_OK;
}

/* What each kind may be made of. */
static stoa_status check_kind(const stoa_space *s, bool action, stoa_error *err) {
    bool fits = false;
    switch (s->kind) {
    case STOA_SPACE_BOX:
        fits = s->dtype == STOA_F32 || (s->dtype == STOA_U8 && !action);
        break;
    case STOA_SPACE_CATEGORIES:
        fits = s->dtype == STOA_I32 || (s->dtype == STOA_U8 && !action && s->categories <= 256);
        break;
    case STOA_SPACE_IMAGE:
        fits = s->dtype == STOA_U8 && s->ndim == 3 && !action;
        break;
    default:
        fits = s->dtype == STOA_U8 && s->ndim == 1;
    }
    if (!fits)
        return bad(err, "has a kind, element type and shape that do not go together", s->name);
    if (s->kind == STOA_SPACE_CATEGORIES && (s->categories < 1 || s->categories > MOST_CATEGORIES))
        return bad(err, "has no sensible number of categories", s->name);
    if (s->kind == STOA_SPACE_BOX && !(s->low <= s->high))
        return bad(err, "has bounds in the wrong order", s->name);
    if (s->kind == STOA_SPACE_BOX && action && !(isfinite(s->low) && isfinite(s->high)))
        return bad(err, "is an action without bounds", s->name);
    return STOA_OK;
}

static stoa_status read_labels(const json_t *json, stoa_space *s, char ***out, int64_t *count,
                               stoa_error *err) {
    const json_t *list = json_object_get(json, "labels");
    if (!json_is_array(list) || s->kind != STOA_SPACE_CATEGORIES ||
        (int64_t)json_array_size(list) != s->categories)
        return STOA_OK;
    char **labels = stoa_alloc((size_t)s->categories * sizeof *labels);
    if (!labels)
        return stoa_fail(err, STOA_ERR_MEMORY, "no memory for the names of the actions");
    *out = labels;
    *count = s->categories;
    for (int64_t i = 0; i < s->categories; i++) {
        const char *text = json_string_value(json_array_get(list, (size_t)i));
        char word[MOST_LABEL];
        snprintf(word, sizeof word, "%s", text ? text : "?");
        if (!(labels[i] = stoa_strdup(word)))
            return stoa_fail(err, STOA_ERR_MEMORY, "no memory for the names of the actions");
    }
    s->labels = (const char *const *)labels;
    return STOA_OK;
}

static stoa_status read_space(const json_t *json, bool action, stoa_space *s, stoa_error *err) {
    static const char *const dtypes[] = {"f32", "i32", "u8"};
    static const stoa_dtype dtype_of[] = {STOA_F32, STOA_I32, STOA_U8};
    const char *kinds[STOA_SPACE_KINDS];
    for (int k = 0; k < STOA_SPACE_KINDS; k++)
        kinds[k] = stoa_space_kind_name((stoa_space_kind)k);
    const char *name = json_string_value(json_object_get(json, "name"));
    if (!name || !*name || strlen(name) >= sizeof s->name)
        return bad(err, "has no name of 1 to 31 bytes", action ? "an action" : "an observation");
    snprintf(s->name, sizeof s->name, "%s", name);
    int kind = lookup(json_string_value(json_object_get(json, "kind")), kinds, STOA_SPACE_KINDS);
    int dtype = lookup(json_string_value(json_object_get(json, "dtype")), dtypes, 3);
    if (kind < 0 || dtype < 0)
        return bad(err, "has an unknown kind or element type", s->name);
    s->kind = (stoa_space_kind)kind;
    s->dtype = dtype_of[dtype];
    s->categories = (int64_t)json_integer_value(json_object_get(json, "categories"));
    s->low = number(json, "low", -INFINITY);
    s->high = number(json, "high", INFINITY);
    STOA_TRY(read_shape(json, s, err));
    return check_kind(s, action, err);
}

static stoa_status read_spaces(const json_t *root, const char *key, stoa_space *list, int *count,
                               stoa_gym_labels *labels, stoa_error *err) {
    const json_t *array = json_object_get(root, key);
    size_t n = json_array_size(array);
    if (n < 1 || n > STOA_ENV_SPACES)
        return bad(err, "are not 1 to 8", key);
    for (size_t i = 0; i < n; i++) {
        const json_t *json = json_array_get(array, i);
        memset(&list[i], 0, sizeof list[i]);
        STOA_TRY(read_space(json, labels != NULL, &list[i], err));
        if (labels)
            STOA_TRY(read_labels(json, &list[i], &labels->of[i], &labels->count[i], err));
        *count = (int)i + 1;
    }
    return STOA_OK;
}

static stoa_status read_rest(const json_t *root, stoa_env_spec *spec, stoa_error *err) {
    json_int_t steps = json_integer_value(json_object_get(root, "max_steps"));
    spec->max_steps = steps > 0 ? steps : 0;
    spec->reward_low = number(root, "reward_low", -INFINITY);
    spec->reward_high = number(root, "reward_high", INFINITY);
    const json_t *render = json_object_get(root, "render");
    if (json_array_size(render) == 2) {
        json_int_t h = json_integer_value(json_array_get(render, 0));
        json_int_t w = json_integer_value(json_array_get(render, 1));
        if (h < 1 || w < 1 || h > 16384 || w > 16384)
            return bad(err, "is not the size of a picture", "render");
        spec->render_height = (int)h;
        spec->render_width = (int)w;
    }
    snprintf(spec->metrics[spec->metric_count++], STOA_ENV_NAME, "return");
    snprintf(spec->metrics[spec->metric_count++], STOA_ENV_NAME, "length");
    return STOA_OK;
}

stoa_status stoa_gym_spec(const char *text, stoa_env_spec *spec, stoa_gym_labels *labels,
                          stoa_error *err) {
    json_error_t where;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &where);
    if (!root)
        return stoa_fail(err, STOA_ERR_FORMAT,
                         "the worker's description of its spaces is not JSON: %s at byte %d",
                         where.text, where.position);
    stoa_status status =
        read_spaces(root, "observations", spec->observations, &spec->observation_count, NULL, err);
    if (status == STOA_OK)
        status = read_spaces(root, "actions", spec->actions, &spec->action_count, labels, err);
    if (status == STOA_OK)
        status = read_rest(root, spec, err);
    json_decref(root);
    return status;
}

void stoa_gym_labels_free(stoa_gym_labels *labels) {
    for (int a = 0; a < STOA_ENV_SPACES; a++) {
        for (int64_t i = 0; i < labels->count[a]; i++)
            stoa_free(labels->of[a][i]);
        stoa_free(labels->of[a]);
    }
    memset(labels, 0, sizeof *labels);
}
