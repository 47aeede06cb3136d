/*
 * study/keep.h - memory of the builders: everything a figure, table or report is given is copied
 * into one arena, and a failed copy is remembered instead of reported at once.
 */
#ifndef STOA_STUDY_KEEP_H
#define STOA_STUDY_KEEP_H

#include "stoa/base.h"

typedef struct stoa_keep {
    stoa_arena *arena;
    bool failed;
} stoa_keep;

/* Zeroed; NULL after a failure. */
void *stoa_keep_alloc(stoa_keep *keep, size_t bytes);
/* A copy; "" for a NULL text, and when memory is short (with failed set), so never NULL. */
const char *stoa_keep_text(stoa_keep *keep, const char *text);
const char *stoa_keep_bytes(stoa_keep *keep, const char *text, size_t len); /* terminated */
/* n doubles; NULL for NULL or after a failure. */
const double *stoa_keep_doubles(stoa_keep *keep, const double *values, int64_t n);

/* An object with its arena inside, as every `new` here wants it: allocates bytes (at least a
 * stoa_keep, which must be the struct's first member). */
void *stoa_keep_object(size_t bytes);
void stoa_keep_object_free(void *object);

#endif /* STOA_STUDY_KEEP_H */
