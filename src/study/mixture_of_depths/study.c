/*
 * study/mixture_of_depths/study.c - Mixture-of-Depths against dense transformers at equal training
 * FLOPs (Raposo et al. 2024): the order of the runs, and the study's row in the registry.
 *
 * One seed chooses: first each kind's learning rate, then, from sizes fixed beforehand, the best
 * dense model, the best MoD and the best cheap MoD, all by their loss on the validation text. Those
 * are then repeated with other seeds, whose loss on the test text decides the claims, so that
 * choosing the best of many does not flatter it.
 */
#include "study/mixture_of_depths/study.h"
#include "study/mixture_of_depths/mod.h"

static bool wants(const stoa_mod_study *study, stoa_mod_arm arm) {
    return stoa_study_wants(study->options, stoa_mod_arms[arm].name);
}

/* ---- what is run ----------------------------------------------------------------------------- */

static void list_tuning(const stoa_mod_study *study, stoa_mod_list *list) {
    const stoa_mod_settings *m = &study->settings;
    for (int64_t i = 0; i < m->rates.count && m->rates.count > 1; i++)
        for (int arm = MOD_DENSE; arm <= MOD_ROUTED; arm++)
            if (wants(study, (stoa_mod_arm)arm))
                stoa_mod_list_add(list, (stoa_mod_point){.arm = (stoa_mod_arm)arm,
                                                         .width = m->tune_width,
                                                         .layers = m->tune_layers,
                                                         .seed = m->sweep_seed,
                                                         .budget = m->tune_budget,
                                                         .rate = m->rates.item[i]});
}

static void list_sweep(const stoa_mod_study *study, stoa_mod_list *list) {
    const stoa_mod_settings *m = &study->settings;
    for (int64_t b = m->budgets.count - 1; b >= 0; b--)
        for (int routed = 0; routed < 2; routed++) {
            const stoa_int_list *widths = routed ? &m->routed_widths : &m->dense_widths;
            const stoa_int_list *layers = routed ? &m->routed_layers : &m->dense_layers;
            stoa_mod_point p = {.arm = routed ? MOD_ROUTED : MOD_DENSE,
                                .seed = m->sweep_seed,
                                .budget = m->budgets.item[b]};
            for (int64_t i = 0; i < widths->count && wants(study, p.arm); i++) {
                p.width = widths->item[i];
                p.layers = layers->item[i];
                stoa_mod_list_add(list, p);
            }
        }
}

/* Learned, Gaussian and every-block routing at the ablations' size and a larger budget. */
static void list_controls(const stoa_mod_study *study, stoa_mod_list *list) {
    const stoa_mod_settings *m = &study->settings;
    static const stoa_mod_arm arms[] = {MOD_EVERY, MOD_ROUTED, MOD_GAUSSIAN};
    stoa_mod_point p = {
        .width = m->ablation_width, .layers = m->ablation_layers, .budget = m->control_budget};
    for (int a = 0; a < 3; a++) {
        const stoa_int_list *seeds = arms[a] == MOD_EVERY ? &m->seeds : &m->control_seeds;
        for (int64_t i = 0; i < seeds->count && wants(study, arms[a]); i++) {
            p.arm = arms[a];
            p.seed = seeds->item[i];
            stoa_mod_list_add(list, p);
        }
    }
}

static void list_ablations(const stoa_mod_study *study, stoa_mod_list *list) {
    const stoa_mod_settings *m = &study->settings;
    stoa_mod_point p = {
        .width = m->ablation_width, .layers = m->ablation_layers, .budget = m->ablation_budget};
    for (int arm = 0; arm < MOD_ARM_COUNT; arm++)
        for (int64_t i = 0; i < m->seeds.count && wants(study, (stoa_mod_arm)arm); i++) {
            p.arm = (stoa_mod_arm)arm;
            p.seed = m->seeds.item[i];
            stoa_mod_list_add(list, p);
        }
}

static void list_repeats(const stoa_mod_study *study, const stoa_mod_result *r,
                         stoa_mod_list *list) {
    stoa_mod_point p = r->point;
    for (int64_t i = 0; i < study->settings.confirm_seeds.count; i++) {
        p.seed = study->settings.confirm_seeds.item[i];
        stoa_mod_list_add(list, p);
    }
}

static void list_confirmation(const stoa_mod_study *study, stoa_mod_list *list) {
    for (int64_t b = study->settings.budgets.count - 1; b >= 0; b--) {
        stoa_mod_headline h;
        stoa_mod_headline_of(study, study->settings.budgets.item[b], &h);
        if (h.dense.point.width == 0 || h.routed.point.width == 0)
            continue; /* an arm was left out */
        list_repeats(study, &h.dense, list);
        list_repeats(study, &h.routed, list);
        if (h.has_cheap)
            list_repeats(study, &h.cheap, list);
    }
}

/* ---- in which order -------------------------------------------------------------------------- */

/* Each kind's rate: the best by validation, or the only one. */
static stoa_status choose_rates(stoa_mod_study *study, stoa_error *err) {
    stoa_mod_list list = {0};
    list_tuning(study, &list);
    stoa_status status = stoa_mod_run(study, &list, err);
    stoa_mod_list_deinit(&list);
    for (int kind = 0; kind < 2 && status == STOA_OK; kind++) {
        const stoa_mod_result *best = NULL;
        for (int64_t i = 0; i < study->count; i++) {
            const stoa_mod_result *r = &study->results[i];
            if (r->point.rate > 0 && (r->point.arm != MOD_DENSE) == kind &&
                (!best || r->valid.loss < best->valid.loss))
                best = r;
        }
        if (best)
            study->rate[kind] = best->point.rate;
    }
    return status;
}

/* How much there will be to do: each of three models at most confirms a budget. */
static void plan(stoa_mod_study *study, const stoa_mod_list *list) {
    const stoa_mod_settings *m = &study->settings;
    study->planned = study->done;
    study->planned_flops = study->done_flops;
    for (int64_t i = 0; i < list->count; i++) {
        study->planned++;
        study->planned_flops += list->item[i].budget;
    }
    for (int64_t b = 0; b < m->budgets.count; b++) {
        study->planned += 3 * m->confirm_seeds.count;
        study->planned_flops += 3 * (double)m->confirm_seeds.count * m->budgets.item[b];
    }
}

/* The same once the models to confirm are known; some of them may have been run. */
static void plan_rest(stoa_mod_study *study, const stoa_mod_list *list) {
    study->planned = study->done;
    study->planned_flops = study->done_flops;
    for (int64_t i = 0; i < list->count; i++)
        if (!stoa_mod_known(study, &list->item[i])) {
            study->planned++;
            study->planned_flops += list->item[i].budget;
        }
}

/* The dearest first: with several runs at once the last ones to end are then short. */
static void list_independent(const stoa_mod_study *study, stoa_mod_list *list) {
    list_controls(study, list);
    list_sweep(study, list);
    list_ablations(study, list);
}

static stoa_status run_points(stoa_mod_study *study, stoa_error *err) {
    stoa_mod_list list = {0};
    list_tuning(study, &list);
    list_independent(study, &list);
    plan(study, &list);
    stoa_mod_list_deinit(&list);
    STOA_TRY(choose_rates(study, err));
    list_independent(study, &list);
    stoa_status status = stoa_mod_run(study, &list, err);
    stoa_mod_list_deinit(&list);
    STOA_TRY(status);
    list_confirmation(study, &list);
    plan_rest(study, &list);
    status = stoa_mod_run(study, &list, err);
    stoa_mod_list_deinit(&list);
    return status;
}

/* Into the best MoD of the largest budget, every judging seed of it. */
static stoa_mod_looks *look(stoa_mod_study *study) {
    const stoa_mod_settings *m = &study->settings;
    stoa_mod_headline h;
    stoa_mod_headline_of(study, m->budgets.item[m->budgets.count - 1], &h);
    stoa_mod_looks *looks = h.routed.point.width > 0 ? stoa_alloc(sizeof *looks) : NULL;
    stoa_mod_routing *one = looks ? stoa_alloc(sizeof *one) : NULL;
    for (int64_t i = 0; one && i < m->confirm_seeds.count; i++) {
        stoa_mod_point p = h.routed.point;
        stoa_error why = {0};
        p.seed = m->confirm_seeds.item[i];
        /* weights may have been cleared away since; the rest of the report stands without them */
        if (stoa_mod_analyse(study, &p, one, &why) != STOA_OK) {
            stoa_log_write(STOA_LOG_WARN, "no look into the model: %s", why.message);
            continue;
        }
        if (looks->count == 0)
            looks->first = *one;
        looks->correlation[looks->count] = one->entropy_correlation;
        looks->cache[looks->count++] = one->cache_ratio;
    }
    stoa_free(one);
    if (looks && looks->count == 0) {
        stoa_free(looks);
        return NULL;
    }
    return looks;
}

/* Speed first: nothing else runs beside it. */
static stoa_status run_all(stoa_mod_study *study, stoa_tally *tally, stoa_error *err) {
    stoa_mod_speed speed;
    STOA_TRY(stoa_mod_measure_speed(study, &speed, err));
    STOA_TRY(run_points(study, err));
    stoa_mod_looks *looks = look(study);
    stoa_status status = stoa_mod_report(study, &speed, looks, tally, err);
    stoa_free(looks);
    return status;
}

static stoa_status run(const stoa_study_options *options, stoa_tally *tally, stoa_error *err) {
    stoa_mod_study study = {.options = options};
    STOA_TRY(stoa_mod_settings_load(options, &study.settings, err));
    int threads = options->threads > 0 ? options->threads : stoa_cpu_count();
    study.jobs = options->jobs > 0 ? options->jobs : (int)study.settings.jobs;
    if (!options->end_child)
        study.jobs = 1;
    study.threads = threads > study.jobs ? threads / study.jobs : 1;
    study.rate[0] = study.rate[1] = study.settings.rates.item[0];
    STOA_TRY(stoa_mod_find_texts(&study, err));
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
