/* A report with every kind of part in it and made-up numbers. */
#ifndef TEST_STUDY_EXAMPLE_H
#define TEST_STUDY_EXAMPLE_H

#include "stoa/study.h"

/* The caller frees it. */
stoa_report *example_report(void);

#endif
