/* study/mixture_of_depths/settings.c - the study's settings:
 * studies/mixture-of-depths.<scale>.yaml. */
#include <stdio.h>
#include <string.h>

#include "study/mixture_of_depths/mod.h"
#include "study/settings.h"

#define AT(field) offsetof(stoa_mod_settings, field)

static const stoa_setting rows[] = {
    {"context", STOA_SET_INT, AT(context), "256", 2, 65536, NULL, "Tokens a sequence."},
    {"batch", STOA_SET_INT, AT(batch), "8", 1, 4096, NULL, "Sequences a step."},
    {"eval_tokens", STOA_SET_INT, AT(eval_tokens), "262144", 1, 1e12, NULL,
     "Held-out tokens the final loss is measured on."},
    {"rate", STOA_SET_FLOAT, AT(rate), "1e-3", 0, 1, NULL, "Peak learning rate of dense arms."},
    {"routed_rate", STOA_SET_FLOAT, AT(routed_rate), "1e-3", 0, 1, NULL,
     "The same of routed arms."},
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
     "Seed of the sweep, which chooses sizes and is not used for the claims."},
    {"seeds", STOA_SET_INTS, AT(seeds), NULL, 0, 1e9, NULL,
     "Seeds of the confirmation and the ablations."},
    {"ablation_width", STOA_SET_INT, AT(ablation_width), "128", 8, 65536, NULL,
     "Width of the ablations."},
    {"ablation_layers", STOA_SET_INT, AT(ablation_layers), "6", 1, 64, NULL, "Their depth."},
    {"ablation_budget", STOA_SET_FLOAT, AT(ablation_budget), "1e13", 1, 1e30, NULL,
     "Their training FLOPs."},
    {"gaussian_seeds", STOA_SET_INTS, AT(gaussian_seeds), NULL, 0, 1e9, NULL,
     "Seeds of learned against Gaussian routing."},
    {"gaussian_budget", STOA_SET_FLOAT, AT(gaussian_budget), "1e14", 1, 1e30, NULL,
     "Its training FLOPs."},
    {"speed_width", STOA_SET_INT, AT(speed_width), "384", 8, 65536, NULL,
     "Width of the model whose speed is measured."},
    {"speed_layers", STOA_SET_INT, AT(speed_layers), "6", 1, 64, NULL, "Its depth."},
    {"speed_repeats", STOA_SET_INT, AT(speed_repeats), "5", 1, 100, NULL,
     "Measurements, of which the median counts."},
};

stoa_status stoa_mod_settings_load(const stoa_study_options *o, stoa_mod_settings *out,
                                   stoa_error *err) {
    stoa_settings_table table = {rows, sizeof rows / sizeof rows[0]};
    char name[64];
    snprintf(name, sizeof name, "mixture-of-depths.%s", stoa_scale_name(o->scale));
    const char *yaml = stoa_study_settings(name);
    memset(out, 0, sizeof *out);
    STOA_TRY(stoa_settings_defaults(table, out, err));
    if (yaml)
        STOA_TRY(stoa_settings_parse(table, out, name, stoa_view_of(yaml), NULL, err));
    for (int i = 0; i < o->set_count; i++)
        STOA_TRY(stoa_settings_set(table, out, o->set[i], NULL, err));
    if (o->seeds_count > STOA_SETTING_ITEMS)
        return stoa_fail(err, STOA_ERR_USAGE, "at most %d seeds", STOA_SETTING_ITEMS);
    if (o->seeds_count > 0) {
        out->seeds.count = out->gaussian_seeds.count = o->seeds_count;
        for (int i = 0; i < o->seeds_count; i++)
            out->seeds.item[i] = out->gaussian_seeds.item[i] = o->seeds[i];
    }
    if (out->dense_widths.count != out->dense_layers.count ||
        out->routed_widths.count != out->routed_layers.count)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "%s: a sweep needs as many depths as widths (dense_widths with "
                         "dense_layers, routed_widths with routed_layers)",
                         name);
    if (out->budgets.count < 1 || out->seeds.count < 1)
        return stoa_fail(err, STOA_ERR_USAGE, "%s: budgets and seeds must not be empty", name);
    return STOA_OK;
}
