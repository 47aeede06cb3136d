/*
 * json.c - typed access to JSON values, with messages that say where.
 */
#include "text/json.h"

#include <string.h>

enum { PLACES_SHOWN = 8 };

stoa_status stoa_place_fail(const stoa_place *place, stoa_error *err, stoa_status status,
                            const char *fmt, ...) {
    const stoa_place *chain[PLACES_SHOWN];
    size_t count = 0;
    const stoa_place *at = place;
    for (; at->parent; at = at->parent)
        if (count < PLACES_SHOWN)
            chain[count++] = at;
    stoa_buffer text = {0};
    while (count-- > 0)
        if (chain[count]->key)
            stoa_buffer_printf(&text, "%s%s", text.len ? "." : "", chain[count]->key);
        else
            stoa_buffer_printf(&text, "[%zu]", chain[count]->index);
    if (text.len > 0)
        stoa_buffer_append(&text, ": ", 2);
    char message[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    stoa_fail(err, status, "%s: %s%s", at->key, text.data ? text.data : "", message);
    stoa_buffer_deinit(&text);
    return status;
}

stoa_status stoa_json_parse(const char *name, stoa_view text, json_t **out, stoa_error *err) {
    json_error_t why;
    *out = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &why);
    if (*out)
        return STOA_OK;
    if (json_error_code(&why) == json_error_out_of_memory)
        return stoa_fail(err, STOA_ERR_MEMORY, "%s: no memory to read the file", name);
    return stoa_fail(err, STOA_ERR_FORMAT, "%s: line %d, column %d: %s", name, why.line, why.column,
                     why.text);
}

/* The field, or NULL when it is missing or null. */
static const json_t *field(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

/* What to say when value is not what is expected; STOA_OK when it may be missing. */
static stoa_status wrong(const json_t *value, bool required, const char *key, const char *expected,
                         const stoa_place *place, stoa_error *err) {
    if (!value && !required)
        return STOA_OK;
    stoa_place here = {place, key, 0};
    return stoa_place_fail(&here, err, STOA_ERR_FORMAT, "%s: expected %s",
                           value ? "wrong type or value" : "missing", expected);
}

stoa_status stoa_json_string(const json_t *object, const char *key, bool required,
                             const stoa_place *place, stoa_view *out, stoa_error *err) {
    const json_t *value = field(object, key);
    if (!json_is_string(value))
        return wrong(value, required, key, "a string", place, err);
    *out = stoa_json_view(value);
    return STOA_OK;
}

stoa_status stoa_json_bool(const json_t *object, const char *key, bool required,
                           const stoa_place *place, bool *out, stoa_error *err) {
    const json_t *value = field(object, key);
    if (!json_is_boolean(value))
        return wrong(value, required, key, "true or false", place, err);
    *out = json_is_true(value);
    return STOA_OK;
}

stoa_status stoa_json_int(const json_t *object, const char *key, bool required, int64_t least,
                          int64_t most, const stoa_place *place, int64_t *out, stoa_error *err) {
    const json_t *value = field(object, key);
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < least || number > most) {
        char expected[96];
        snprintf(expected, sizeof expected, "an integer from %lld to %lld", (long long)least,
                 (long long)most);
        return wrong(value, required, key, expected, place, err);
    }
    *out = number;
    return STOA_OK;
}

stoa_status stoa_json_choice(const json_t *object, const char *key, bool required,
                             const char *const *names, size_t count, const stoa_place *place,
                             int *out, stoa_error *err) {
    const json_t *value = field(object, key);
    for (size_t i = 0; json_is_string(value) && i < count; i++)
        if (stoa_view_equal(stoa_json_view(value), stoa_view_of(names[i]))) {
            *out = (int)i;
            return STOA_OK;
        }
    stoa_buffer expected = {0};
    for (size_t i = 0; i < count; i++)
        stoa_buffer_printf(&expected, "%s\"%s\"", i ? ", " : "one of ", names[i]);
    stoa_status status =
        wrong(value, required, key, expected.data ? expected.data : "a known name", place, err);
    stoa_buffer_deinit(&expected);
    return status;
}

stoa_status stoa_json_array(const json_t *object, const char *key, const stoa_place *place,
                            json_t **out, stoa_error *err) {
    *out = json_object_get(object, key);
    return json_is_array(*out) ? STOA_OK : wrong(*out, true, key, "an array", place, err);
}
