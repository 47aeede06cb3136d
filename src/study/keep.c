/*
 * Memory of the builders.
 */
#include "study/keep.h"

#include <assert.h>
#include <string.h>

void *stoa_keep_alloc(stoa_keep *keep, size_t bytes) {
    void *memory = keep->failed ? NULL : stoa_arena_alloc(keep->arena, bytes > 0 ? bytes : 1);
    if (!memory)
        keep->failed = true;
    else
        memset(memory, 0, bytes);
    return memory;
}

const char *stoa_keep_bytes(stoa_keep *keep, const char *text, size_t len) {
    char *copy = stoa_keep_alloc(keep, len + 1);
    if (!copy)
        return "";
    if (len > 0)
        memcpy(copy, text, len);
    return copy;
}

const char *stoa_keep_text(stoa_keep *keep, const char *text) {
    return text ? stoa_keep_bytes(keep, text, strlen(text)) : "";
}

const double *stoa_keep_doubles(stoa_keep *keep, const double *values, int64_t n) {
    assert(n >= 0);
    if (!values)
        return NULL;
    double *copy = stoa_keep_alloc(keep, (size_t)n * sizeof *copy);
    if (copy && n > 0)
        memcpy(copy, values, (size_t)n * sizeof *copy);
    return copy;
}

void *stoa_keep_object(size_t bytes) {
    stoa_keep *object = stoa_alloc(bytes);
    if (!object)
        return NULL;
    object->arena = stoa_arena_new(64 * 1024);
    if (!object->arena) {
        stoa_free(object);
        return NULL;
    }
    return object;
}

void stoa_keep_object_free(void *object) {
    if (!object)
        return;
    stoa_arena_free(((stoa_keep *)object)->arena);
    stoa_free(object);
}
