/* train/run_files.h - what every kind of run writes into its folder. Private to the train room. */
#ifndef STOA_TRAIN_RUN_FILES_H
#define STOA_TRAIN_RUN_FILES_H

#include "stoa/base.h"

/* Makes the folder and writes its settings.yaml: every key of target, a struct that the table
 * describes, with the table's explanations. */
stoa_status stoa_run_settings_write(const char *dir, stoa_settings_table table, const void *target,
                                    stoa_error *err);

#endif /* STOA_TRAIN_RUN_FILES_H */
