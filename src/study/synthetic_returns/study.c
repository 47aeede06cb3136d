/*
 * study/synthetic_returns/study.c - synthetic returns for long-term credit assignment (Raposo et
 * al. 2021): the study's row in the registry.
 */
#include "study/synthetic_returns/study.h"

#include "study/synthetic_returns/sr.h"

static stoa_status run(const stoa_study_options *options, stoa_tally *tally, stoa_error *err) {
    stoa_srs_study *study = stoa_alloc(sizeof *study);
    if (!study)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory");
    study->options = options;
    stoa_status status = stoa_srs_settings_load(options, &study->settings, err);
    if (status == STOA_OK)
        status = stoa_srs_run(study, err);
    if (status == STOA_OK)
        status = stoa_srs_report(study, tally, err);
    stoa_arm_runs_deinit(&study->runs);
    stoa_free(study);
    return status;
}

const stoa_study stoa_study_synthetic_returns = {
    .name = "synthetic-returns",
    .title = "Synthetic returns",
    .paper = "Raposo, Ritter, Santoro, Wayne, Weber, Botvinick, van Hasselt, Song: Synthetic "
             "Returns for Long-Term Credit Assignment. arXiv 2102.12425, 2021",
    .description = "Claims that learning which past states a reward follows from lets an ordinary "
                   "actor-critic solve tasks whose rewards come long after the deed. Trains agents "
                   "with and without it on Chain, Catch, Key-to-Door and Slalom.",
    .dossier = "papers/synthetic-returns.md",
    .claims = stoa_srs_claims,
    .claims_count = SRS_CLAIM_COUNT,
    .arms = stoa_srs_arm_names,
    .run = run,
};
