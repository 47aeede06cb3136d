/* env/check_spec.c - whether a spec is well formed, and values lie inside their spaces. */
#include <math.h>
#include <string.h>

#include <utf8proc.h>

#include "env/check.h"

/* ---- specs ----------------------------------------------------------------------------------- */

/* Of `count` names that lie `stride` bytes apart: each given, terminated and different. */
static stoa_status check_names(const char *what, const char *first, size_t stride, int count,
                               stoa_error *err) {
    for (int i = 0; i < count; i++) {
        const char *name = first + (size_t)i * stride;
        if (name[0] == '\0' || !memchr(name, '\0', STOA_ENV_NAME))
            return stoa_fail(err, STOA_ERR_FORMAT, "%s %d has no name", what, i);
        for (int j = 0; j < i; j++)
            if (strcmp(name, first + (size_t)j * stride) == 0)
                return stoa_fail(err, STOA_ERR_FORMAT, "two %ss are called '%s'", what, name);
    }
    return STOA_OK;
}

static bool type_fits(const stoa_space *s, bool action) {
    static const struct {
        stoa_space_kind kind;
        stoa_dtype dtype;
        bool action, observation;
    } allowed[] = {
        {STOA_SPACE_BOX, STOA_F32, true, true},
        {STOA_SPACE_BOX, STOA_U8, false, true},
        {STOA_SPACE_CATEGORIES, STOA_I32, true, true},
        {STOA_SPACE_CATEGORIES, STOA_U8, false, true},
        {STOA_SPACE_IMAGE, STOA_U8, false, true},
        {STOA_SPACE_TEXT, STOA_U8, true, true},
    };
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        if (allowed[i].kind == s->kind && allowed[i].dtype == s->dtype)
            return action ? allowed[i].action : allowed[i].observation;
    return false;
}

static stoa_status check_space(const stoa_space *s, bool action, stoa_error *err) {
    const char *role = action ? "action" : "observation";
    if (action && s->target)
        return stoa_fail(err, STOA_ERR_FORMAT, "action '%s' cannot be a target", s->name);
    if ((unsigned)s->kind >= STOA_SPACE_KINDS || !type_fits(s, action))
        return stoa_fail(err, STOA_ERR_FORMAT,
                         "%s '%s' has a kind and a type that do not go "
                         "together",
                         role, s->name);
    static const int dims[STOA_SPACE_KINDS] = {[STOA_SPACE_IMAGE] = 3, [STOA_SPACE_TEXT] = 1};
    if (s->ndim < 0 || s->ndim > STOA_MAX_DIMS || (dims[s->kind] && s->ndim != dims[s->kind]))
        return stoa_fail(err, STOA_ERR_FORMAT, "%s '%s' cannot have %d dimensions", role, s->name,
                         s->ndim);
    for (int d = 0; d < s->ndim; d++)
        if (s->shape[d] < 1)
            return stoa_fail(err, STOA_ERR_FORMAT, "%s '%s' has an empty dimension", role, s->name);
    if (s->kind == STOA_SPACE_CATEGORIES) {
        if (s->categories < 1 || (s->dtype == STOA_U8 && s->categories > 256))
            return stoa_fail(err, STOA_ERR_FORMAT, "%s '%s' has %lld categories", role, s->name,
                             (long long)s->categories);
        for (int64_t i = 0; s->labels && i < s->categories; i++)
            if (!s->labels[i] || !s->labels[i][0])
                return stoa_fail(err, STOA_ERR_FORMAT, "category %lld of %s '%s' has no label",
                                 (long long)i, role, s->name);
    }
    if (s->kind == STOA_SPACE_BOX) {
        bool bounded = !action || (isfinite(s->low) && isfinite(s->high));
        if (!(s->low <= s->high) || !bounded ||
            (s->dtype == STOA_U8 && (s->low < 0 || s->high > 255)))
            return stoa_fail(err, STOA_ERR_FORMAT, "%s '%s' has the bounds %g and %g", role,
                             s->name, s->low, s->high);
    }
    return STOA_OK;
}

stoa_status stoa_spec_check(const stoa_env_spec *s, stoa_error *err) {
    static const char *const parts[] = {"observation", "action", "metric", "event"};
    const int counts[] = {s->observation_count, s->action_count, s->metric_count, s->event_count};
    const int least[] = {1, 1, 0, 0};
    const int most[] = {STOA_ENV_SPACES, STOA_ENV_SPACES, STOA_ENV_METRICS, STOA_ENV_EVENTS};
    const char *const first[] = {s->observations[0].name, s->actions[0].name, s->metrics[0],
                                 s->events[0]};
    const size_t strides[] = {sizeof(stoa_space), sizeof(stoa_space), STOA_ENV_NAME, STOA_ENV_NAME};
    for (int i = 0; i < 4; i++) {
        if (counts[i] < least[i] || counts[i] > most[i])
            return stoa_fail(err, STOA_ERR_FORMAT, "%d %ss; there must be %d to %d", counts[i],
                             parts[i], least[i], most[i]);
        STOA_TRY(check_names(parts[i], first[i], strides[i], counts[i], err));
    }
    int read = 0;
    for (int o = 0; o < s->observation_count; o++) {
        STOA_TRY(check_space(&s->observations[o], false, err));
        read += !s->observations[o].target;
    }
    if (!read)
        return stoa_fail(err, STOA_ERR_FORMAT,
                         "all observations are targets; an agent would see nothing");
    for (int a = 0; a < s->action_count; a++)
        STOA_TRY(check_space(&s->actions[a], true, err));
    if (s->max_steps < 0)
        return stoa_fail(err, STOA_ERR_FORMAT, "a longest episode of %lld steps",
                         (long long)s->max_steps);
    if (!(s->reward_low <= s->reward_high))
        return stoa_fail(err, STOA_ERR_FORMAT, "reward bounds %g and %g", s->reward_low,
                         s->reward_high);
    if (s->chance > s->ceiling)
        return stoa_fail(err, STOA_ERR_FORMAT, "chance %g is above the ceiling %g", s->chance,
                         s->ceiling);
    if ((!isnan(s->chance) || !isnan(s->ceiling)) && s->metric_count == 0)
        return stoa_fail(err, STOA_ERR_FORMAT, "chance and ceiling, but no metric they are of");
    if (s->render_height < 0 || s->render_width < 0 || !s->render_height != !s->render_width)
        return stoa_fail(err, STOA_ERR_FORMAT, "pictures of %d x %d pixels", s->render_height,
                         s->render_width);
    return STOA_OK;
}

/* ---- values ---------------------------------------------------------------------------------- */

static stoa_status outside(const stoa_space *s, int64_t i, double value, stoa_error *err) {
    int64_t per = stoa_space_numel(s);
    return stoa_fail(err, STOA_ERR_FORMAT, "element %lld of '%s' of instance %lld is %g",
                     (long long)(i % per), s->name, (long long)(i / per), value);
}

static stoa_status check_text(const stoa_space *s, const uint8_t *bytes, int64_t instance,
                              stoa_error *err) {
    int64_t size = stoa_space_numel(s), at = 0;
    while (at < size && bytes[at]) {
        utf8proc_int32_t point;
        utf8proc_ssize_t n = utf8proc_iterate(bytes + at, size - at, &point);
        if (n <= 0)
            return stoa_fail(err, STOA_ERR_FORMAT,
                             "byte %lld of text '%s' of instance %lld is not UTF-8", (long long)at,
                             s->name, (long long)instance);
        at += n;
    }
    for (; at < size; at++)
        if (bytes[at])
            return stoa_fail(err, STOA_ERR_FORMAT,
                             "text '%s' of instance %lld goes on behind its end, at byte %lld",
                             s->name, (long long)instance, (long long)at);
    return STOA_OK;
}

stoa_status stoa_space_check_values(const stoa_space *s, const void *values, int64_t n,
                                    stoa_error *err) {
    const uint8_t *bytes = values;
    const int32_t *integers = values;
    const float *numbers = values;
    int64_t total = n * stoa_space_numel(s);
    if (s->kind == STOA_SPACE_TEXT) {
        for (int64_t i = 0; i < n; i++)
            STOA_TRY(check_text(s, bytes + i * stoa_space_numel(s), i, err));
        return STOA_OK;
    }
    if (s->kind == STOA_SPACE_IMAGE)
        return STOA_OK;
    bool categories = s->kind == STOA_SPACE_CATEGORIES;
    double low = categories ? 0 : s->low, high = categories ? (double)s->categories - 1 : s->high;
    for (int64_t i = 0; i < total; i++) {
        double value = s->dtype == STOA_F32   ? (double)numbers[i]
                       : s->dtype == STOA_I32 ? integers[i]
                                              : bytes[i];
        if (!(value >= low && value <= high))
            return outside(s, i, value, err);
    }
    return STOA_OK;
}
