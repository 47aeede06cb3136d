/* study/synthetic_returns/study.h - this study's row for the registry. */
#ifndef STOA_STUDY_SYNTHETIC_RETURNS_H
#define STOA_STUDY_SYNTHETIC_RETURNS_H

#include "stoa/study.h"

extern const stoa_study stoa_study_synthetic_returns;

#endif /* STOA_STUDY_SYNTHETIC_RETURNS_H */
