/*
 * study/emergent_icl/study.c - data distributions and emergent in-context learning (Chan et al.
 * 2022): the study's row in the registry.
 */
#include "study/emergent_icl/study.h"

#include "study/emergent_icl/icls.h"

static stoa_status run(const stoa_study_options *options, stoa_tally *tally, stoa_error *err) {
    stoa_icls_study *study = stoa_alloc(sizeof *study);
    if (!study)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory");
    study->options = options;
    stoa_status status = stoa_icls_settings_load(options, &study->settings, err);
    if (status == STOA_OK)
        status = stoa_icls_run(study, err);
    if (status == STOA_OK)
        status = stoa_icls_report(study, tally, err);
    stoa_arm_runs_deinit(&study->runs);
    stoa_free(study);
    return status;
}

const stoa_study stoa_study_emergent_icl = {
    .name = "emergent-icl",
    .title = "Emergent in-context learning",
    .paper = "Chan, Santoro, Lampinen, Wang, Singh, Richemond, McClelland, Hill: Data "
             "Distributional Properties Drive Emergent In-Context Learning in Transformers. arXiv "
             "2205.05055, 2022",
    .description = "Claims that the statistics of the training data, bursts, many rare classes and "
                   "Zipf's law, decide whether a transformer learns to read labels off its context "
                   "or to keep them in its weights, and that recurrent models never learn the "
                   "former. Trains small transformers, LSTMs and RNNs along each of them.",
    .dossier = "papers/emergent-icl.md",
    .claims = stoa_icls_claims,
    .claims_count = ICLS_CLAIM_COUNT,
    .arms = stoa_icls_arm_names,
    .run = run,
};
