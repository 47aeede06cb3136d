/* study/mixture_of_depths/settings.c - the study's settings:
 * studies/mixture-of-depths.<scale>.yaml. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "study/mixture_of_depths/mod.h"
#include "study/settings.h"

#define AT(field) offsetof(stoa_mod_settings, field)

static const stoa_setting rows[] = {
    {"context", STOA_SET_INT, AT(context), "256", 2, 65536, NULL, "Tokens a sequence."},
    {"batch", STOA_SET_INT, AT(batch), "8", 1, 4096, NULL, "Sequences a step."},
    {"eval_tokens", STOA_SET_INT, AT(eval_tokens), "262144", 1, 1e12, NULL,
     "Tokens of validation and of test text that a model is measured on."},
    {"jobs", STOA_SET_INT, AT(jobs), "1", 1, 256, NULL,
     "Runs side by side, which share the threads."},
    {"rates", STOA_SET_FLOATS, AT(rates), "[1e-3]", 1e-9, 1, NULL,
     "Peak learning rates at width 64 (wider: times the root of 64 / width), of which each kind "
     "takes its best by validation; one: it is taken."},
    {"tune_width", STOA_SET_INT, AT(tune_width), "96", 8, 65536, NULL,
     "Width of the runs that choose the rate."},
    {"tune_layers", STOA_SET_INT, AT(tune_layers), "4", 1, 64, NULL, "Their depth."},
    {"tune_budget", STOA_SET_FLOAT, AT(tune_budget), "1e13", 1, 1e30, NULL,
     "Their training FLOPs."},
    {"init_gain", STOA_SET_FLOAT, AT(init_gain), "0.5", 0, 10, NULL,
     "Initial matrices have this over the root of the width as standard deviation."},
    {"budgets", STOA_SET_FLOATS, AT(budgets), NULL, 1, 1e30, NULL,
     "Training FLOPs, ascending; one isoFLOP curve each."},
    {"dense_widths", STOA_SET_INTS, AT(dense_widths), NULL, 8, 65536, NULL,
     "Widths of the dense sweep, multiples of 32."},
    {"dense_layers", STOA_SET_INTS, AT(dense_layers), NULL, 1, 64, NULL, "Its depths."},
    {"routed_widths", STOA_SET_INTS, AT(routed_widths), NULL, 8, 65536, NULL,
     "Widths of the routed sweep."},
    {"routed_layers", STOA_SET_INTS, AT(routed_layers), NULL, 1, 64, NULL, "Its depths."},
    {"capacity", STOA_SET_FLOAT, AT(capacity), "0.125", 0, 1, NULL,
     "Share of tokens a routed block takes."},
    {"sweep_seed", STOA_SET_INT, AT(sweep_seed), "1", 0, 1e9, NULL,
     "Seed of the runs that choose rates and sizes; it must not be among those that judge."},
    {"seeds", STOA_SET_INTS, AT(seeds), NULL, 0, 1e9, NULL, "Seeds of the ablations."},
    {"confirm_seeds", STOA_SET_INTS, AT(confirm_seeds), NULL, 0, 1e9, NULL,
     "Seeds of the best against the best; none: those of the ablations."},
    {"ablation_width", STOA_SET_INT, AT(ablation_width), "128", 8, 65536, NULL,
     "Width of the ablations."},
    {"ablation_layers", STOA_SET_INT, AT(ablation_layers), "6", 1, 64, NULL, "Their depth."},
    {"ablation_budget", STOA_SET_FLOAT, AT(ablation_budget), "1e13", 1, 1e30, NULL,
     "Their training FLOPs."},
    {"control_seeds", STOA_SET_INTS, AT(control_seeds), NULL, 0, 1e9, NULL,
     "Seeds of learned against Gaussian routing and of causal against top-k routing."},
    {"control_budget", STOA_SET_FLOAT, AT(control_budget), "1e14", 1, 1e30, NULL,
     "Their training FLOPs at the ablations' size, and those of every other against every block."},
    {"speed_width", STOA_SET_INT, AT(speed_width), "384", 8, 65536, NULL,
     "Width of the model whose speed is measured."},
    {"speed_layers", STOA_SET_INT, AT(speed_layers), "6", 1, 64, NULL, "Its depth."},
    {"speed_repeats", STOA_SET_INT, AT(speed_repeats), "5", 1, 100, NULL,
     "Measurements, of which the median counts."},
};

/* The seed that chooses must not judge its own choice. */
static stoa_status check_seeds(const stoa_mod_settings *m, const char *name, stoa_error *err) {
    const stoa_int_list *lists[] = {&m->seeds, &m->confirm_seeds, &m->control_seeds};
    for (size_t l = 0; l < sizeof lists / sizeof *lists; l++)
        for (int64_t i = 0; i < lists[l]->count; i++)
            if (lists[l]->item[i] == m->sweep_seed)
                return stoa_fail(err, STOA_ERR_USAGE,
                                 "%s: seed %" PRId64 " chooses rates and sizes (sweep_seed), so "
                                 "the claims need other seeds",
                                 name, m->sweep_seed);
    return STOA_OK;
}

stoa_status stoa_mod_settings_load(const stoa_study_options *o, stoa_mod_settings *out,
                                   stoa_error *err) {
    stoa_settings_table table = {rows, sizeof rows / sizeof rows[0]};
    char name[STOA_STUDY_NAME];
    memset(out, 0, sizeof *out);
    STOA_TRY(stoa_study_settings_load(table, out, "mixture-of-depths", o, name, err));
    stoa_study_take_seeds(o, &out->seeds);
    stoa_study_take_seeds(o, &out->control_seeds);
    if (o->seeds_count > 0)
        out->confirm_seeds.count = 0;
    if (out->confirm_seeds.count == 0)
        out->confirm_seeds = out->seeds;
    if (out->dense_widths.count != out->dense_layers.count ||
        out->routed_widths.count != out->routed_layers.count)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "%s: a sweep needs as many depths as widths (dense_widths with "
                         "dense_layers, routed_widths with routed_layers)",
                         name);
    if (out->budgets.count < 1 || out->seeds.count < 1 || out->rates.count < 1)
        return stoa_fail(err, STOA_ERR_USAGE, "%s: budgets, rates and seeds must not be empty",
                         name);
    return check_seeds(out, name, err);
}
