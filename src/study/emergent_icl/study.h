/* study/emergent_icl/study.h - this study's row for the registry. */
#ifndef STOA_STUDY_EMERGENT_ICL_H
#define STOA_STUDY_EMERGENT_ICL_H

#include "stoa/study.h"

extern const stoa_study stoa_study_emergent_icl;

#endif /* STOA_STUDY_EMERGENT_ICL_H */
