/* study/explanations/study.h - this study's row for the registry. */
#ifndef STOA_STUDY_EXPLANATIONS_H
#define STOA_STUDY_EXPLANATIONS_H

#include "stoa/study.h"

extern const stoa_study stoa_study_explanations;

#endif /* STOA_STUDY_EXPLANATIONS_H */
