/*
 * text/json.h - reading JSON of unknown origin: typed fields with the place in every message.
 */
#ifndef STOA_TEXT_JSON_H
#define STOA_TEXT_JSON_H

#include "stoa/base.h"

#include <jansson.h>

/* A chain from a value up to its file: "tokenizer.json: model.merges[3]". Lives on the stack. */
typedef struct stoa_place {
    const struct stoa_place *parent; /* NULL: the file, and key is its name */
    const char *key;                 /* NULL: an array item */
    size_t index;
} stoa_place;

/* Fails with "file: place: message". Returns status. */
stoa_status stoa_place_fail(const stoa_place *place, stoa_error *err, stoa_status status,
                            const char *fmt, ...) STOA_PRINTF(4, 5);

/* Parses a whole text, refusing duplicate keys; name stands for the file in messages. *out is a new
 * reference. */
stoa_status stoa_json_parse(const char *name, stoa_view text, json_t **out, stoa_error *err);

/* Fields of an object. A missing or null field leaves *out as it was if it is optional. */
stoa_status stoa_json_string(const json_t *object, const char *key, bool required,
                             const stoa_place *place, stoa_view *out, stoa_error *err);
stoa_status stoa_json_bool(const json_t *object, const char *key, bool required,
                           const stoa_place *place, bool *out, stoa_error *err);
/* An integer in [least, most]. */
stoa_status stoa_json_int(const json_t *object, const char *key, bool required, int64_t least,
                          int64_t most, const stoa_place *place, int64_t *out, stoa_error *err);
/* One of count names: its index. */
stoa_status stoa_json_choice(const json_t *object, const char *key, bool required,
                             const char *const *names, size_t count, const stoa_place *place,
                             int *out, stoa_error *err);
/* Borrowed. */
stoa_status stoa_json_array(const json_t *object, const char *key, const stoa_place *place,
                            json_t **out, stoa_error *err);

static inline stoa_view stoa_json_view(const json_t *string) {
    return (stoa_view){json_string_value(string), json_string_length(string)};
}

#endif /* STOA_TEXT_JSON_H */
