/* study/agent_notes.h - what a study notes while an agent is trained: curves of its scores, and
 * what its objectives came to. */
#ifndef STOA_STUDY_AGENT_NOTES_H
#define STOA_STUDY_AGENT_NOTES_H

#include "stoa/study.h"
#include "stoa/train.h"

enum { STOA_NOTED_POINTS = 100, STOA_NOTED_FIGURES = 32 };

typedef struct stoa_agent_notes {
    char metrics[STOA_ENV_METRICS][STOA_ENV_NAME];
    int metric_count;
    /* at even distances: environment steps, score, every metric; means over train.window */
    double steps[STOA_NOTED_POINTS], score[STOA_NOTED_POINTS];
    double curve[STOA_ENV_METRICS][STOA_NOTED_POINTS];
    int64_t points;
    struct {
        char name[64];
        double sum, count;
    } figure[STOA_NOTED_FIGURES]; /* of the objectives, over the last tenth of the updates */
    int figures;
    double *share; /* nullable: how far the run is */
} stoa_agent_notes;

/* For stoa_agent_run_options.stepped, with the notes as its user. */
void stoa_agent_notes_step(void *user, const stoa_agent_trainer *trainer,
                           const stoa_agent_step *step);
/* "curve/steps", "curve/score", "curve/<metric>", each figure of an objective by its name. */
void stoa_agent_notes_keep(const stoa_agent_notes *notes, stoa_run *run);
/* The notes as they stand, so that a stopped run's go on. Loading leaves share alone, takes the
 * metrics' names from the trainer, and fails with STOA_ERR_FORMAT on what cannot be notes. */
void stoa_agent_notes_save(const stoa_agent_notes *notes, stoa_run *run);
stoa_status stoa_agent_notes_load(stoa_agent_notes *notes, const stoa_agent_trainer *trainer,
                                  const stoa_run *run, stoa_error *err);

#endif /* STOA_STUDY_AGENT_NOTES_H */
