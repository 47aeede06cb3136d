/* study/agent_point.h - one agent trained as one point of a study, in a folder of its own; what was
 * stopped goes on from its last checkpoint. */
#ifndef STOA_STUDY_AGENT_POINT_H
#define STOA_STUDY_AGENT_POINT_H

#include "stoa/study.h"
#include "stoa/train.h"

/* The text of all settings that the agent's result depends on, threads aside, appended to out. */
stoa_status stoa_agent_point_settings(const stoa_agent_settings *s, stoa_buffer *out,
                                      stoa_error *err);

/* Trains an agent in dir and notes in run what came of it: "score" and "score/<metric>" of the
 * evaluation, "training_score" of the last episodes, "seconds" and "steps_per_second" of training,
 * and what agent_notes.h lists. A run with these settings that was stopped in dir goes on, unless
 * fresh; anything else that is in dir is removed. progress and share (how far it is) may be NULL.
 * STOA_ERR_INTERRUPTED: stopped, and kept. */
stoa_status stoa_agent_point_train(const stoa_agent_settings *s, const char *dir, bool fresh,
                                   FILE *progress, double *share, stoa_run *run, stoa_error *err);

#endif /* STOA_STUDY_AGENT_POINT_H */
