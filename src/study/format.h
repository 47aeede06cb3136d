/* Numbers for people, as the files of this room share them. */
#ifndef STOA_STUDY_FORMAT_H
#define STOA_STUDY_FORMAT_H

#include "stoa/study.h"

/* The number without its unit, and the unit alone ("" for none). */
const char *stoa_format_bare(stoa_format format, double value, char *out, size_t n);
const char *stoa_format_unit(stoa_format format);

/* "97.3 % [96.9, 97.7]"; without the brackets when the ends are NaN. */
const char *stoa_format_interval(stoa_format format, stoa_interval value, char *out, size_t n);

#endif /* STOA_STUDY_FORMAT_H */
