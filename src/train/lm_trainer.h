/* train/lm_trainer.h - what the language-model files of this room share. */
#ifndef STOA_TRAIN_LM_TRAINER_H
#define STOA_TRAIN_LM_TRAINER_H

#include "stoa/train.h"

/* The token file of a text file (or the .tok file itself) for a tokenizer. */
stoa_status stoa_lm_prepare_text(const stoa_tokenizer *t, const char *text, char *path, size_t n,
                                 stoa_error *err);

#endif /* STOA_TRAIN_LM_TRAINER_H */
