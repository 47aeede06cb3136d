/* train/speech.h - what an agent that learned to explain says while it acts. Private to the train
 * room. */
#ifndef STOA_TRAIN_SPEECH_H
#define STOA_TRAIN_SPEECH_H

#include "train/explanations.h"

typedef struct stoa_speech {
    const stoa_expl *expl; /* NULL: the agent has not learned to say anything */
    int64_t batch;         /* B */
    /* (B, words of the target) of each source that is there */
    int32_t *said[STOA_EXPL_SOURCES], *told[STOA_EXPL_SOURCES];
} stoa_speech;

/* Borrows the objective `explanations` where it is one of the count. */
stoa_status stoa_speech_init(stoa_speech *s, const stoa_objective *objectives, int count,
                             int64_t batch, stoa_error *err);
void stoa_speech_deinit(stoa_speech *s);
/* Says what there is to say of one step (output of T = 1) and the actions chosen at it. */
stoa_status stoa_speech_say(stoa_speech *s, stoa_ctx *ctx, const stoa_agent_output *output,
                            const void *const *actions, stoa_error *err);
/* As stoa_agent_pilot_remarks. */
int stoa_speech_remarks(const stoa_speech *s, const stoa_env_buffers *seen, int64_t instance,
                        bool of_choice, stoa_agent_remark *out, int most);

#endif /* STOA_TRAIN_SPEECH_H */
