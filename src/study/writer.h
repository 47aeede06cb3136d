/* study/writer.h - writes JSON with commas and indentation where they belong. */
#ifndef STOA_STUDY_WRITER_H
#define STOA_STUDY_WRITER_H

#include "stoa/base.h"

typedef struct stoa_writer {
    stoa_buffer *out;
    int depth;
    bool first;  /* nothing written yet at this depth */
    bool keyed;  /* a key was written, its value comes next */
    int compact; /* > 0: inside a list of numbers, no line breaks */
} stoa_writer;

/* bracket: '{' or '['; the matching end is the same bracket. */
void stoa_write_begin(stoa_writer *j, char bracket);
void stoa_write_end(stoa_writer *j, char bracket);
void stoa_write_key(stoa_writer *j, const char *key);
void stoa_write_string(stoa_writer *j, const char *text);
/* Shortest text that reads back as the same double; null for what is not finite. */
void stoa_write_number(stoa_writer *j, double value);
void stoa_write_numbers(stoa_writer *j, const double *values, int64_t n);
/* Key and value at once. */
void stoa_write_pair_string(stoa_writer *j, const char *key, const char *text);
void stoa_write_pair_number(stoa_writer *j, const char *key, double value);

#endif /* STOA_STUDY_WRITER_H */
