/* support.h - what the tests of the data room share: sequences from settings, many rows at once. */
#ifndef STOA_TESTS_DATA_SUPPORT_H
#define STOA_TESTS_DATA_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stoa/data.h"

/* Defaults with settings "data.a=1 data.b=2" on top. */
stoa_sequences_options options_with(const char *settings);
/* Opened with them; the test fails if that does. */
stoa_sequences *sequences_with(const char *settings);
/* Fails unless opening is refused with a message that contains part. */
void check_refused(const char *settings, const char *part);

/* n rows from the first one on, in memory of their own. */
typedef struct rows {
    int64_t n, pairs, item;
    stoa_sequences_batch batch;
} rows;
enum { TRAINING = -1 }; /* for `kind` */
rows make_rows(const stoa_sequences *s, int kind, int64_t n, bool items);
void free_rows(rows *r);
/* Of row r: label and class of pair i; the query's class. */
int32_t label_at(const rows *r, int64_t row, int64_t i);
int32_t class_at(const rows *r, int64_t row, int64_t i);
int32_t query_class(const rows *r, int64_t row);
const float *item_at(const rows *r, int64_t row, int64_t i);
/* Pairs of the row with that class, or label. */
int times_class(const rows *r, int64_t row, int32_t class_);
int times_label(const rows *r, int64_t row, int32_t label);

/* Fails unless a share measured over n independent trials is within 5 standard errors of p. */
void check_share(double count, double n, double p);
void check_near(double got, double expected, double tolerance);

/* cmocka set-up and tear-down: *state is the path of a fresh folder. */
int make_folder(void **state);
int drop_folder(void **state);
/* "folder/name" in one of a few static buffers. */
const char *inside(void **state, const char *name);

#endif /* STOA_TESTS_DATA_SUPPORT_H */
