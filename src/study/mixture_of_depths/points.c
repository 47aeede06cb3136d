/* study/mixture_of_depths/points.c - the arms, their points, and a point as a training run. */
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
    char rate[32] = "";
    if (p->rate > 0)
        snprintf(rate, sizeof rate, "-r%.3g", p->rate);
    snprintf(out, n, "%s-w%" PRId64 "-l%" PRId64 "-b%.3g-s%" PRId64 "%s",
             stoa_mod_arms[p->arm].name, p->width, p->layers, p->budget, p->seed, rate);
}

bool stoa_mod_same_point(const stoa_mod_point *a, const stoa_mod_point *b) {
    return a->arm == b->arm && a->width == b->width && a->layers == b->layers &&
           a->seed == b->seed && a->budget == b->budget && a->rate == b->rate;
}

bool stoa_mod_judges(const stoa_mod_study *study, const stoa_mod_point *p) {
    return p->seed != study->settings.sweep_seed;
}

void stoa_mod_list_add(stoa_mod_list *list, stoa_mod_point p) {
    for (int64_t i = 0; i < list->count; i++)
        if (stoa_mod_same_point(&list->item[i], &p))
            return;
    if (list->count == list->room) {
        size_t old = (size_t)list->room * sizeof p;
        stoa_mod_point *more = stoa_realloc(list->item, old, 2 * old + 64 * sizeof p);
        if (!more) {
            list->failed = true;
            return;
        }
        list->item = more;
        list->room = 2 * list->room + 64;
    }
    list->item[list->count++] = p;
}

void stoa_mod_list_deinit(stoa_mod_list *list) {
    stoa_free(list->item);
    *list = (stoa_mod_list){0};
}

stoa_status stoa_mod_point_settings(const stoa_mod_study *study, const stoa_mod_point *p,
                                    stoa_lm_settings *s, stoa_error *err) {
    const stoa_mod_settings *m = &study->settings;
    const stoa_mod_arm_row *arm = &stoa_mod_arms[p->arm];
    STOA_TRY(stoa_lm_settings_init(s, err));
    stoa_mod_point_key(p, s->name, sizeof s->name);
    if (strlen(study->train.path) >= sizeof s->text ||
        strlen(study->valid.path) >= sizeof s->valid_text)
        return stoa_fail(err, STOA_ERR_USAGE, "%s: path too long", study->train.path);
    memcpy(s->text, study->train.path, strlen(study->train.path) + 1);
    memcpy(s->valid_text, study->valid.path, strlen(study->valid.path) + 1);
    s->seed = p->seed;
    s->threads = study->threads;
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
    double rate = p->rate > 0 ? p->rate : study->rate[p->arm != MOD_DENSE];
    s->rate = rate * sqrt(64.0 / (double)p->width);
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

bool stoa_mod_best(const stoa_mod_study *study, bool routed, double budget, stoa_mod_result *out) {
    stoa_mod_arm arm = routed ? MOD_ROUTED : MOD_DENSE;
    bool found = false;
    for (int64_t i = 0; i < study->count; i++) {
        const stoa_mod_result *r = &study->results[i];
        if (r->point.arm == arm && r->point.budget == budget && r->point.rate == 0 &&
            !stoa_mod_judges(study, &r->point) && (!found || r->valid.loss < out->valid.loss)) {
            *out = *r;
            found = true;
        }
    }
    return found;
}
