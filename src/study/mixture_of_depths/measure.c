/* study/mixture_of_depths/measure.c - speeds of dense and routed models of equal shape, in turns,
 * on all threads: no run stands beside them. */
#include "study/mixture_of_depths/mod.h"

enum { MOST_REPEATS = 100 };
static const double step_patience = 0.5; /* seconds a timing may take */

static stoa_status shape_settings(const stoa_mod_study *study, stoa_mod_arm arm,
                                  stoa_lm_settings *s, stoa_error *err) {
    const stoa_mod_settings *m = &study->settings;
    stoa_mod_point p = {.arm = arm,
                        .width = m->speed_width,
                        .layers = m->speed_layers,
                        .seed = 1,
                        .budget = m->budgets.item[0]};
    return stoa_mod_point_settings(study, &p, s, err);
}

stoa_status stoa_mod_measure_speed(stoa_mod_study *study, stoa_mod_speed *out, stoa_error *err) {
    const stoa_mod_settings *m = &study->settings;
    stoa_lm_settings dense, routed;
    stoa_lm_plan dense_plan, routed_plan;
    STOA_TRY(shape_settings(study, MOD_DENSE, &dense, err));
    STOA_TRY(shape_settings(study, MOD_ROUTED, &routed, err));
    STOA_TRY(stoa_lm_plan_make(&dense, &dense_plan, err));
    STOA_TRY(stoa_lm_plan_make(&routed, &routed_plan, err));
    stoa_pool *pool = stoa_pool_new(study->options->threads);
    if (!pool)
        return stoa_fail(err, STOA_ERR_MEMORY, "cannot start threads");
    double step[MOST_REPEATS], decode[MOST_REPEATS];
    double speed[4][MOST_REPEATS], tokens = (double)(dense.batch * dense.model.context);
    stoa_status status = STOA_OK;
    int64_t n = m->speed_repeats < MOST_REPEATS ? m->speed_repeats : MOST_REPEATS;
    for (int64_t i = 0; i < n && status == STOA_OK; i++) {
        double a = 0, b = 0, c = 0, d = 0;
        size_t bytes;
        status = stoa_lm_time_step(&dense, pool, step_patience, &a, err);
        if (status == STOA_OK)
            status = stoa_lm_time_step(&routed, pool, step_patience, &b, err);
        if (status == STOA_OK)
            status = stoa_lm_time_decode(&dense, pool, m->context - 1, &c, &bytes, err);
        if (status == STOA_OK)
            status = stoa_lm_time_decode(&routed, pool, m->context - 1, &d, &bytes, err);
        step[i] = b / a;
        decode[i] = c / d;
        speed[0][i] = tokens / a, speed[1][i] = tokens / b;
        speed[2][i] = 1 / c, speed[3][i] = 1 / d;
    }
    stoa_pool_free(pool);
    STOA_TRY(status);
    *out = (stoa_mod_speed){
        .step_ratio = stoa_stat_median(step, n),
        .flop_ratio = routed_plan.training_flops / dense_plan.training_flops,
        .decode_ratio = stoa_stat_median(decode, n),
        .dense_tokens = stoa_stat_median(speed[0], n),
        .routed_tokens = stoa_stat_median(speed[1], n),
        .dense_decode = stoa_stat_median(speed[2], n),
        .routed_decode = stoa_stat_median(speed[3], n),
        .parameters = (double)dense_plan.parameters,
    };
    return STOA_OK;
}
