/* train/reconstruction.h - the objective's row. Private to the train room. */
#ifndef STOA_TRAIN_RECONSTRUCTION_H
#define STOA_TRAIN_RECONSTRUCTION_H

#include "train/objective.h"

extern const stoa_objective_class stoa_objective_reconstruction;

#endif /* STOA_TRAIN_RECONSTRUCTION_H */
