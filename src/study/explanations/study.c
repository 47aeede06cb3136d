/*
 * study/explanations/study.c - explanations as an auxiliary signal (Lampinen et al. 2022): the
 * study's row in the registry.
 */
#include "study/explanations/study.h"

#include "study/explanations/ex.h"

static stoa_status run(const stoa_study_options *options, stoa_tally *tally, stoa_error *err) {
    stoa_exs_study *study = stoa_alloc(sizeof *study);
    if (!study)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory");
    study->options = options;
    stoa_status status = stoa_exs_settings_load(options, &study->settings, err);
    if (status == STOA_OK)
        status = stoa_exs_run(study, err);
    if (status == STOA_OK)
        status = stoa_exs_report(study, tally, err);
    stoa_arm_runs_deinit(&study->runs);
    stoa_free(study);
    return status;
}

const stoa_study stoa_study_explanations = {
    .name = "explanations",
    .title = "Explanations",
    .paper = "Lampinen, Roy, Dasgupta, Chan, Tam, McClelland, Yan, Santoro, Rabinowitz, Wang, "
             "Hill: Tell me why! Explanations support learning relational and causal structure. "
             "ICML 2022, arXiv 2112.03753",
    .description = "Claims that an agent which must also say what things are like and why a choice "
                   "was right learns relations that reward alone hardly teaches, and that the "
                   "words decide how it generalises. Trains agents with and without them to find "
                   "the odd one out of four pictures, and of four objects in a room.",
    .dossier = "papers/explanations-odd-one-out.md",
    .claims = stoa_exs_claims,
    .claims_count = EXS_CLAIM_COUNT,
    .arms = stoa_exs_arm_names,
    .run = run,
};
