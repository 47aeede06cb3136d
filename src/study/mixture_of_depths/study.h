/* study/mixture_of_depths/study.h - the study's row. */
#ifndef STOA_STUDY_MIXTURE_OF_DEPTHS_H
#define STOA_STUDY_MIXTURE_OF_DEPTHS_H

#include "stoa/study.h"

extern const stoa_study stoa_study_mixture_of_depths;

#endif /* STOA_STUDY_MIXTURE_OF_DEPTHS_H */
