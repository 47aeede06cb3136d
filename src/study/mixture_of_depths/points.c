/* study/mixture_of_depths/points.c - the arms, and training their points once. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "study/mixture_of_depths/mod.h"

/* The auxiliary loss reaches the trunk, so it is weighted low (at 0.1 it costs 1.5 %). */
static const double auxiliary_weight = 0.01;

/* ORDER stoa_mod_arm */
const stoa_mod_arm_row stoa_mod_arms[MOD_ARM_COUNT] = {
    [MOD_DENSE] = {.name = "dense", .title = "dense", .pattern = STOA_PATTERN_NONE},
    [MOD_ROUTED] = {.name = "mod",
                    .title = "MoD 12.5 %, every other block",
                    .pattern = STOA_PATTERN_ODD,
                    .loss_weight = 1},
    [MOD_SIGMOID] = {.name = "sigmoid",
                     .title = "gate = sigmoid of the score",
                     .pattern = STOA_PATTERN_ODD,
                     .gate = STOA_GATE_SIGMOID,
                     .loss_weight = 1},
    [MOD_AUXILIARY] = {.name = "auxiliary",
                       .title = "auxiliary loss instead of predictor",
                       .pattern = STOA_PATTERN_ODD,
                       .cure = STOA_CURE_AUXILIARY,
                       .loss_weight = auxiliary_weight},
    [MOD_GAUSSIAN] = {.name = "gaussian",
                      .title = "Gaussian routing (control)",
                      .pattern = STOA_PATTERN_ODD,
                      .router = STOA_ROUTER_GAUSSIAN,
                      .loss_weight = 1},
    [MOD_EVERY] = {.name = "every",
                   .title = "every block routed",
                   .pattern = STOA_PATTERN_ALL,
                   .loss_weight = 1},
    [MOD_CAPACITY_25] = {.name = "capacity-25",
                         .title = "capacity 25 %",
                         .pattern = STOA_PATTERN_ODD,
                         .capacity = 0.25,
                         .loss_weight = 1},
    [MOD_CAPACITY_50] = {.name = "capacity-50",
                         .title = "capacity 50 %",
                         .pattern = STOA_PATTERN_ODD,
                         .capacity = 0.5,
                         .loss_weight = 1},
    [MOD_CAPACITY_75] = {.name = "capacity-75",
                         .title = "capacity 75 %",
                         .pattern = STOA_PATTERN_ODD,
                         .capacity = 0.75,
                         .loss_weight = 1},
    [MOD_CAPACITY_95] = {.name = "capacity-95",
                         .title = "capacity 95 %",
                         .pattern = STOA_PATTERN_ODD,
                         .capacity = 0.95,
                         .loss_weight = 1},
    [MOD_NORMALIZED] = {.name = "normalized",
                        .title = "router reads the normalised stream",
                        .pattern = STOA_PATTERN_ODD,
                        .normalize = true,
                        .loss_weight = 1},
    [MOD_MOE] = {.name = "moe",
                 .title = "mixture of experts alone",
                 .pattern = STOA_PATTERN_ODD,
                 .experts = STOA_EXPERTS_INTEGRATED},
    [MOD_STAGED] = {.name = "mode-staged",
                    .title = "MoDE, staged",
                    .pattern = STOA_PATTERN_ODD,
                    .loss_weight = 1,
                    .experts = STOA_EXPERTS_STAGED},
    [MOD_INTEGRATED] = {.name = "mode-integrated",
                        .title = "MoDE, integrated (one no-op expert)",
                        .pattern = STOA_PATTERN_ODD,
                        .experts = STOA_EXPERTS_INTEGRATED,
                        .noops = 1},
};

const char *const stoa_mod_arm_names[MOD_ARM_COUNT + 1] = {
    "dense",      "mod",         "sigmoid",     "auxiliary",       "gaussian",
    "every",      "capacity-25", "capacity-50", "capacity-75",     "capacity-95",
    "normalized", "moe",         "mode-staged", "mode-integrated", NULL,
};

void stoa_mod_point_key(const stoa_mod_point *p, char *out, size_t n) {
    snprintf(out, n, "%s-w%" PRId64 "-l%" PRId64 "-b%.3g-s%" PRId64, stoa_mod_arms[p->arm].name,
             p->width, p->layers, p->budget, p->seed);
}

stoa_status stoa_mod_point_settings(const stoa_mod_study *study, const stoa_mod_point *p,
                                    stoa_lm_settings *s, stoa_error *err) {
    const stoa_mod_settings *m = &study->settings;
    const stoa_mod_arm_row *arm = &stoa_mod_arms[p->arm];
    STOA_TRY(stoa_lm_settings_init(s, err));
    stoa_mod_point_key(p, s->name, sizeof s->name);
    if (strlen(study->text) >= sizeof s->text)
        return stoa_fail(err, STOA_ERR_USAGE, "%s: path too long", study->text);
    memcpy(s->text, study->text, strlen(study->text) + 1);
    s->seed = p->seed;
    s->threads = study->options->threads;
    s->model.layers = p->layers;
    s->model.width = p->width;
    s->model.heads = p->width >= 32 ? p->width / 32 : 1;
    s->model.context = m->context;
    s->model.pattern = arm->pattern;
    s->model.router.capacity = arm->capacity > 0 ? arm->capacity : m->capacity;
    s->model.router.kind = arm->router;
    s->model.router.gate = arm->gate;
    s->model.router.cure = arm->cure;
    s->model.router.normalize = arm->normalize;
    s->model.experts_kind = arm->experts;
    s->model.experts = (stoa_expert_options){4, arm->noops, 1.25};
    s->router_weight = arm->loss_weight;
    s->flops = p->budget;
    s->batch = m->batch;
    s->rate = (p->arm == MOD_DENSE ? m->rate : m->routed_rate) * sqrt(64.0 / (double)p->width);
    s->model.init_scale = m->init_gain / sqrt((double)p->width);
    s->eval_every = 0;
    s->eval_tokens = m->eval_tokens;
    s->checkpoint_every = 0;
    s->checkpoint_minutes = 0;
    STOA_TRY(stoa_lm_settings_check(s, err));
    /* warm-up never takes more than a tenth of a short run */
    stoa_lm_plan plan;
    STOA_TRY(stoa_lm_plan_make(s, &plan, err));
    if (s->warmup > plan.steps / 10)
        s->warmup = plan.steps / 10;
    return STOA_OK;
}

/* Weights are kept of the runs that may be looked into afterwards. */
static bool keeps_weights(const stoa_mod_study *study, const stoa_mod_point *p) {
    const stoa_mod_settings *m = &study->settings;
    return p->arm == MOD_ROUTED && p->budget == m->budgets.item[m->budgets.count - 1] &&
           p->seed == m->seeds.item[0];
}

bool stoa_mod_run_dir(const stoa_mod_study *study, const stoa_mod_point *p, char *out, size_t n) {
    char key[128], models[4096];
    stoa_mod_point_key(p, key, sizeof key);
    return stoa_path_join(models, sizeof models, study->options->out, "models") &&
           stoa_path_join(out, n, models, key);
}

static const struct {
    const char *name;
    size_t offset;
} fields[] = {
    {"loss", offsetof(stoa_mod_result, loss)},
    {"loss_top_k", offsetof(stoa_mod_result, loss_top_k)},
    {"accuracy", offsetof(stoa_mod_result, accuracy)},
    {"precision", offsetof(stoa_mod_result, precision)},
    {"recall", offsetof(stoa_mod_result, recall)},
    {"routed", offsetof(stoa_mod_result, routed)},
    {"parameters", offsetof(stoa_mod_result, parameters)},
    {"forward_flops", offsetof(stoa_mod_result, forward_flops)},
    {"steps", offsetof(stoa_mod_result, steps)},
    {"seconds", offsetof(stoa_mod_result, seconds)},
};
enum { FIELDS = sizeof fields / sizeof fields[0] };

static double *field(stoa_mod_result *r, int i) {
    return (double *)((char *)r + fields[i].offset);
}

/* Everything that decides a result: the resolved settings and the text itself, not its path, the
 * threads or where progress goes. */
static stoa_status fingerprint(const stoa_mod_study *study, stoa_lm_settings s, stoa_buffer *out,
                               stoa_error *err) {
    snprintf(s.text, sizeof s.text, "%s", study->text_id);
    s.threads = 0;
    stoa_settings_dump(stoa_lm_settings_table(), &s, false, out);
    return out->failed ? stoa_fail(err, STOA_ERR_MEMORY, "out of memory") : STOA_OK;
}

static stoa_status compute(const stoa_mod_study *study, const stoa_mod_point *p, stoa_mod_result *r,
                           stoa_error *err) {
    stoa_lm_settings s;
    stoa_lm_trainer *trainer;
    stoa_lm_run_result run;
    char dir[4096];
    stoa_lm_run_options options = {.progress = study->options->progress};
    if (keeps_weights(study, p)) {
        if (!stoa_mod_run_dir(study, p, dir, sizeof dir))
            return stoa_fail(err, STOA_ERR_USAGE, "%s: path too long", study->options->out);
        options.run_dir = dir;
    }
    STOA_TRY(stoa_mod_point_settings(study, p, &s, err));
    STOA_TRY(stoa_lm_trainer_new(&trainer, &s, err));
    stoa_status status = stoa_lm_run(trainer, &options, &run, err);
    if (status != STOA_OK) {
        stoa_lm_trainer_free(trainer);
        return status;
    }
    *r = (stoa_mod_result){
        .point = *p,
        .loss = run.final_eval.loss_causal,
        .loss_top_k = run.final_eval.loss_top_k,
        .accuracy = run.final_eval.accuracy,
        .precision = run.final_eval.precision,
        .recall = run.final_eval.recall,
        .routed = run.final_eval.routed,
        .parameters = (double)trainer->plan.parameters,
        .forward_flops = trainer->plan.forward_flops,
        .steps = (double)run.steps,
        .seconds = run.seconds,
    };
    stoa_lm_trainer_free(trainer);
    return STOA_OK;
}

static stoa_status load_or_compute(stoa_mod_study *study, const stoa_mod_point *p,
                                   const char *settings, stoa_mod_result *r, stoa_error *err) {
    char key[128];
    stoa_run *run = NULL;
    stoa_mod_point_key(p, key, sizeof key);
    if (!study->options->fresh)
        STOA_TRY(stoa_run_load(&run, study->options->out, key, settings, err));
    *r = (stoa_mod_result){.point = *p};
    if (run) {
        for (int i = 0; i < FIELDS; i++)
            *field(r, i) = stoa_run_get_number(run, fields[i].name);
        stoa_run_free(run);
        return STOA_OK;
    }
    STOA_TRY(compute(study, p, r, err));
    if (!(run = stoa_run_new()))
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory");
    for (int i = 0; i < FIELDS; i++)
        stoa_run_number(run, fields[i].name, *field(r, i));
    stoa_status status = stoa_run_save(run, study->options->out, key, settings, err);
    stoa_run_free(run);
    return status;
}

static bool same_point(const stoa_mod_point *a, const stoa_mod_point *b) {
    return a->arm == b->arm && a->width == b->width && a->layers == b->layers &&
           a->seed == b->seed && a->budget == b->budget;
}

stoa_status stoa_mod_run(stoa_mod_study *study, stoa_mod_point p, stoa_mod_result *out,
                         stoa_error *err) {
    for (int64_t i = 0; i < study->count; i++)
        if (same_point(&study->results[i].point, &p)) {
            if (out)
                *out = study->results[i];
            return STOA_OK;
        }
    if (study->count == study->room) {
        size_t old = (size_t)study->room * sizeof *study->results;
        stoa_mod_result *more = stoa_realloc(study->results, old, 2 * old + 64 * sizeof *more);
        if (!more)
            return stoa_fail(err, STOA_ERR_MEMORY, "out of memory");
        study->results = more;
        study->room = 2 * study->room + 64;
    }
    stoa_lm_settings s;
    stoa_buffer settings = {0};
    stoa_mod_result r;
    STOA_TRY(stoa_mod_point_settings(study, &p, &s, err));
    stoa_status status = fingerprint(study, s, &settings, err);
    if (status == STOA_OK)
        status = load_or_compute(study, &p, settings.data, &r, err);
    stoa_buffer_deinit(&settings);
    STOA_TRY(status);
    study->results[study->count++] = r;
    study->seconds += r.seconds;
    study->done++;
    char key[128];
    stoa_mod_point_key(&p, key, sizeof key);
    stoa_log_write(STOA_LOG_INFO, "[%" PRId64 "/%" PRId64 "] %s: loss %.4f", study->done,
                   study->planned, key, r.loss);
    if (out)
        *out = r;
    return STOA_OK;
}

bool stoa_mod_best(const stoa_mod_study *study, bool routed, double budget, int64_t seed,
                   stoa_mod_result *out) {
    stoa_mod_arm arm = routed ? MOD_ROUTED : MOD_DENSE;
    bool found = false;
    for (int64_t i = 0; i < study->count; i++) {
        const stoa_mod_result *r = &study->results[i];
        if (r->point.arm == arm && r->point.budget == budget && r->point.seed == seed &&
            (!found || r->loss < out->loss)) {
            *out = *r;
            found = true;
        }
    }
    return found;
}
