/* study/json.h - writes JSON with commas and indentation where they belong. */
#ifndef STOA_STUDY_JSON_H
#define STOA_STUDY_JSON_H

#include "stoa/base.h"

typedef struct stoa_json {
    stoa_buffer *out;
    int depth;
    bool first;  /* nothing written yet at this depth */
    bool keyed;  /* a key was written, its value comes next */
    int compact; /* > 0: inside a list of numbers, no line breaks */
} stoa_json;

/* bracket: '{' or '['; the matching end is the same bracket. */
void stoa_json_begin(stoa_json *j, char bracket);
void stoa_json_end(stoa_json *j, char bracket);
void stoa_json_key(stoa_json *j, const char *key);
void stoa_json_string(stoa_json *j, const char *text);
/* Shortest text that reads back as the same double; null for what is not finite. */
void stoa_json_number(stoa_json *j, double value);
void stoa_json_numbers(stoa_json *j, const double *values, int64_t n);
/* Key and value at once. */
void stoa_json_pair_string(stoa_json *j, const char *key, const char *text);
void stoa_json_pair_number(stoa_json *j, const char *key, double value);

#endif /* STOA_STUDY_JSON_H */
