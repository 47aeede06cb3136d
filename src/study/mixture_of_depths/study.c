/*
 * study/mixture_of_depths/study.c - Mixture-of-Depths against dense transformers at equal training
 * FLOPs (Raposo et al. 2024): the order of the runs, and the study's row in the registry.
 *
 * The sweep trains every size with one seed. The best dense model, the best MoD and the best cheap
 * MoD are then repeated with other seeds, which alone decide the claims, so that choosing the best
 * of many does not flatter it.
 */
#include <inttypes.h>
#include <string.h>

#include <xxhash.h>

#include "study/mixture_of_depths/mod.h"
#include "study/mixture_of_depths/study.h"

static stoa_status find_text(stoa_mod_study *study, stoa_error *err) {
    stoa_map map;
    if (study->options->data) {
        if ((size_t)snprintf(study->text, sizeof study->text, "%s", study->options->data) >=
            sizeof study->text)
            return stoa_fail(err, STOA_ERR_USAGE, "--data: path too long");
    } else {
        STOA_TRY(stoa_builtin_text(study->text, sizeof study->text, err));
    }
    STOA_TRY(stoa_map_open(&map, study->text, err));
    const char *base = strrchr(study->text, '/');
    snprintf(study->text_id, sizeof study->text_id, "%.24s, %zu bytes, xxh3 %016llx",
             base ? base + 1 : study->text, map.size,
             (unsigned long long)XXH3_64bits(map.data, map.size));
    stoa_map_close(&map);
    return STOA_OK;
}

static bool wants(const stoa_mod_study *study, stoa_mod_arm arm) {
    return stoa_study_wants(study->options, stoa_mod_arms[arm].name);
}

static stoa_status sweep(stoa_mod_study *study, stoa_error *err) {
    const stoa_mod_settings *m = &study->settings;
    for (int64_t b = 0; b < m->budgets.count; b++)
        for (int routed = 0; routed < 2; routed++) {
            const stoa_int_list *widths = routed ? &m->routed_widths : &m->dense_widths;
            const stoa_int_list *layers = routed ? &m->routed_layers : &m->dense_layers;
            stoa_mod_point p = {.arm = routed ? MOD_ROUTED : MOD_DENSE,
                                .seed = m->sweep_seed,
                                .budget = m->budgets.item[b]};
            for (int64_t i = 0; i < widths->count && wants(study, p.arm); i++) {
                p.width = widths->item[i];
                p.layers = layers->item[i];
                STOA_TRY(stoa_mod_run(study, p, NULL, err));
            }
        }
    return STOA_OK;
}

static stoa_status repeat(stoa_mod_study *study, const stoa_mod_result *r, stoa_error *err) {
    stoa_mod_point p = r->point;
    for (int64_t i = 0; i < study->settings.seeds.count; i++) {
        p.seed = study->settings.seeds.item[i];
        STOA_TRY(stoa_mod_run(study, p, NULL, err));
    }
    return STOA_OK;
}

static stoa_status confirm(stoa_mod_study *study, stoa_error *err) {
    for (int64_t b = 0; b < study->settings.budgets.count; b++) {
        stoa_mod_headline h;
        stoa_mod_headline_of(study, study->settings.budgets.item[b], &h);
        if (h.dense.point.width == 0)
            continue; /* an arm was left out */
        STOA_TRY(repeat(study, &h.dense, err));
        STOA_TRY(repeat(study, &h.routed, err));
        if (h.has_cheap)
            STOA_TRY(repeat(study, &h.cheap, err));
    }
    return STOA_OK;
}

static stoa_status ablate(stoa_mod_study *study, stoa_error *err) {
    const stoa_mod_settings *m = &study->settings;
    stoa_mod_point p = {
        .width = m->ablation_width, .layers = m->ablation_layers, .budget = m->ablation_budget};
    for (int arm = 0; arm < MOD_ARM_COUNT; arm++)
        for (int64_t i = 0; i < m->seeds.count && wants(study, (stoa_mod_arm)arm); i++) {
            p.arm = (stoa_mod_arm)arm;
            p.seed = m->seeds.item[i];
            STOA_TRY(stoa_mod_run(study, p, NULL, err));
        }
    p.budget = m->gaussian_budget;
    for (int64_t i = 0; i < m->gaussian_seeds.count && wants(study, MOD_GAUSSIAN); i++) {
        p.seed = m->gaussian_seeds.item[i];
        for (int arm = 0; arm < 2; arm++) {
            p.arm = arm ? MOD_GAUSSIAN : MOD_ROUTED;
            STOA_TRY(stoa_mod_run(study, p, NULL, err));
        }
    }
    return STOA_OK;
}

/* An upper bound for the progress line: points that coincide are run once. */
static int64_t count_points(const stoa_mod_study *study) {
    const stoa_mod_settings *m = &study->settings;
    int64_t sweeps = m->budgets.count * (m->dense_widths.count + m->routed_widths.count);
    return sweeps + m->budgets.count * 3 * m->seeds.count + MOD_ARM_COUNT * m->seeds.count +
           2 * m->gaussian_seeds.count;
}

static stoa_status run_all(stoa_mod_study *study, stoa_tally *tally, stoa_error *err) {
    stoa_mod_speed speed;
    stoa_mod_routing *routing = NULL;
    study->planned = count_points(study);
    STOA_TRY(stoa_mod_measure_speed(study, &speed, err));
    STOA_TRY(sweep(study, err));
    STOA_TRY(ablate(study, err));
    STOA_TRY(confirm(study, err));
    stoa_mod_headline h;
    stoa_mod_headline_of(study, study->settings.budgets.item[study->settings.budgets.count - 1],
                         &h);
    if (h.routed.point.width > 0) {
        stoa_mod_point p = h.routed.point;
        p.seed = study->settings.seeds.item[0];
        routing = stoa_alloc(sizeof *routing);
        stoa_error why = {0};
        /* weights may have been cleared away since; the rest of the report stands without them */
        if (routing && stoa_mod_analyse(study, &p, routing, &why) != STOA_OK) {
            stoa_log_write(STOA_LOG_WARN, "no look into the model: %s", why.message);
            stoa_free(routing);
            routing = NULL;
        }
    }
    stoa_status status = stoa_mod_report(study, &speed, routing, tally, err);
    stoa_free(routing);
    return status;
}

static stoa_status run(const stoa_study_options *options, stoa_tally *tally, stoa_error *err) {
    stoa_mod_study study = {.options = options};
    STOA_TRY(stoa_mod_settings_load(options, &study.settings, err));
    STOA_TRY(find_text(&study, err));
    stoa_status status = run_all(&study, tally, err);
    stoa_free(study.results);
    return status;
}

const stoa_study stoa_study_mixture_of_depths = {
    .name = "mixture-of-depths",
    .title = "Mixture-of-Depths transformers",
    .paper = "Raposo, Ritter, Richards, Lillicrap, Humphreys, Santoro: Mixture-of-Depths: "
             "Dynamically allocating compute in transformer-based language models. arXiv "
             "2404.02258, 2024",
    .description = "Claims that a transformer whose every other block takes only an eighth of the "
                   "tokens beats a dense one of equal training cost and is cheaper to use. Trains "
                   "both at several sizes and two budgets, and the paper's ablations.",
    .dossier = "papers/mixture-of-depths.md",
    .claims = stoa_mod_claims,
    .claims_count = MOD_CLAIM_COUNT,
    .arms = stoa_mod_arm_names,
    .run = run,
};
