/*
 * train/explanations.c - explanations as an objective (Lampinen et al. 2022): the agent learns to
 * say what the environment's targets say.
 *
 * Language is never read by the agent; it shapes, through the gradient, the embeddings and the
 * memory that the words are said from. A step at which nothing is told costs nothing, and each kind
 * is a mean over the steps at which it is told, so that neither a long silence nor a sentence that
 * stays for many steps changes its weight beside the policy's loss.
 */
#include <string.h>

#include "train/explanations.h"

/* ---- settings -------------------------------------------------------------------------------- */

#define AT(field) offsetof(stoa_expl_config, field)

static const char *const kind_names[] = {"none", "properties", "reward", "full", NULL};
static const char *const decoders[] = {"positions", "gru", NULL};

static const stoa_setting rows[] = {
    {"kinds", STOA_SET_CHOICE, AT(kinds), "full", 0, 0, kind_names,
     "Which of the explanations that the environment gives are to be said."},
    {"property_weight", STOA_SET_FLOAT, AT(weights[STOA_EXPL_PROPERTY]), "0.3", 0, 1e6, NULL,
     "Weight of what things are like: cross-entropy of a step's words, an object's on average."},
    {"reward_weight", STOA_SET_FLOAT, AT(weights[STOA_EXPL_REWARD]), "0.3", 0, 1e6, NULL,
     "Weight of what a choice came to."},
    {"shuffled", STOA_SET_BOOL, AT(shuffled), "false", 0, 0, NULL,
     "A control: words of another episode of the batch."},
    {"decoder", STOA_SET_CHOICE, AT(decoder), "positions", 0, 0, decoders,
     "Texts are said by one softmax for each position, or word by word by a GRU."},
    {"width", STOA_SET_INT, AT(width), "64", 1, 65536, NULL,
     "Width of the GRU, and of the layer that joins the state with the choice."},
    {"objects", STOA_SET_STRING, AT(names[STOA_EXPL_OBJECTS]), "properties", 0, 0, NULL,
     "The target that tells what each object is like."},
    {"choice", STOA_SET_STRING, AT(names[STOA_EXPL_CHOICE]), "verdict", 0, 0, NULL,
     "The target that tells of the action before it."},
    {"text", STOA_SET_STRING, AT(names[STOA_EXPL_TEXT]), "explanation", 0, 0, NULL,
     "The target that is a text."},
};

static stoa_settings_table settings(void) {
    return (stoa_settings_table){rows, sizeof rows / sizeof *rows};
}

/* ---- opening --------------------------------------------------------------------------------- */

/* Kinds that a source can tell, as bits. */
static const int tells[STOA_EXPL_SOURCES] = {
    [STOA_EXPL_OBJECTS] = 1 << STOA_EXPL_PROPERTY,
    [STOA_EXPL_CHOICE] = 1 << STOA_EXPL_REWARD,
    [STOA_EXPL_TEXT] = 1 << STOA_EXPL_PROPERTY | 1 << STOA_EXPL_REWARD,
};

static int find_target(const stoa_env_spec *spec, const char *name) {
    for (int i = 0; i < spec->observation_count; i++) {
        const stoa_space *s = &spec->observations[i];
        if (s->target && s->kind == STOA_SPACE_CATEGORIES && strcmp(s->name, name) == 0)
            return i;
    }
    return -1;
}

/* The observation whose objects a target (O, ...) describes. */
static stoa_status find_objects(stoa_expl *e, const stoa_agent *agent, stoa_error *err) {
    const stoa_space *s = &e->spec->observations[e->space[STOA_EXPL_OBJECTS]];
    e->objects = -1;
    for (int i = 0; i < e->spec->observation_count && e->objects < 0; i++)
        if (s->ndim > 0 && stoa_agent_objects(agent, i) == s->shape[0])
            e->objects = i;
    if (e->objects >= 0)
        return STOA_OK;
    return stoa_fail(err, STOA_ERR_USAGE,
                     "explanations: \"%s\" tells of objects, and the agent reads none of so many: "
                     "set agent.object_width, or explanations.kinds to reward",
                     s->name);
}

static stoa_status check_actions(const stoa_env_spec *spec, stoa_error *err) {
    for (int a = 0; a < spec->action_count; a++)
        if (spec->actions[a].kind != STOA_SPACE_CATEGORIES)
            return stoa_fail(err, STOA_ERR_UNSUPPORTED,
                             "explanations: a choice that is told of must be categories; the "
                             "action \"%s\" is a %s",
                             spec->actions[a].name, stoa_space_kind_name(spec->actions[a].kind));
    return STOA_OK;
}

static stoa_status open_source(stoa_expl *e, stoa_expl_source source,
                               const stoa_objective_place *place, stoa_error *err) {
    const stoa_space *s = &e->spec->observations[e->space[source]];
    int64_t elements = stoa_space_numel(s) + (source == STOA_EXPL_TEXT);
    if (source == STOA_EXPL_OBJECTS)
        STOA_TRY(find_objects(e, place->agent, err));
    if (source == STOA_EXPL_CHOICE)
        STOA_TRY(check_actions(place->spec, err));
    STOA_TRY(stoa_expl_targets_init(&e->targets[source], e->steps * e->batch, elements, err));
    stoa_expl_head_declare(e, source, place);
    return STOA_OK;
}

static stoa_status open(stoa_objective *o, const stoa_objective_place *place, stoa_error *err) {
    stoa_expl *e = o->self = stoa_alloc(sizeof *e);
    const stoa_expl_config *c = o->config;
    int found = 0;
    if (!e)
        return stoa_fail(err, STOA_ERR_MEMORY, "explanations: out of memory");
    e->config = c;
    e->spec = place->spec;
    e->steps = place->steps;
    e->batch = place->batch;
    e->scale = place->scale;
    for (int s = 0; s < STOA_EXPL_SOURCES; s++) {
        e->space[s] = find_target(place->spec, c->names[s]);
        found += e->space[s] >= 0;
        if (e->space[s] < 0 || !(tells[s] & c->kinds))
            e->space[s] = -1;
        else
            STOA_TRY(open_source(e, (stoa_expl_source)s, place, err));
    }
    if (found > 0)
        return STOA_OK;
    return stoa_fail(err, STOA_ERR_USAGE,
                     "explanations: %s has no target \"%s\", \"%s\" or \"%s\" of categories; name "
                     "its targets in explanations.objects, explanations.choice, explanations.text",
                     place->spec->name, c->names[0], c->names[1], c->names[2]);
}

static void close(stoa_objective *o) {
    stoa_expl *e = o->self;
    for (int s = 0; e && s < STOA_EXPL_SOURCES; s++)
        stoa_expl_targets_deinit(&e->targets[s]);
    stoa_free(e);
    o->self = NULL;
}

/* ---- an update ------------------------------------------------------------------------------- */

/* Objects that the words of a row are shared out among. */
static int64_t parts_of(const stoa_expl *e, int source) {
    return source == STOA_EXPL_OBJECTS ? e->spec->observations[e->space[source]].shape[0] : 1;
}

/* What is told in the unroll. Of a choice, it comes with the observation behind it. */
static void listen(stoa_expl *e, const stoa_unroll *u) {
    stoa_rng rng = stoa_rng_stream(0, "explanations", e->updates);
    for (int s = 0; s < STOA_EXPL_SOURCES; s++) {
        if (e->space[s] < 0)
            continue;
        const stoa_space *space = &e->spec->observations[e->space[s]];
        const char *host = u->observations[e->space[s]];
        if (s == STOA_EXPL_CHOICE)
            host += (size_t)e->batch * stoa_space_bytes(space);
        stoa_expl_targets_fill(&e->targets[s], (stoa_expl_source)s, space, host, e->config->kinds);
        if (e->config->shuffled)
            stoa_expl_targets_shuffle(&e->targets[s], e->batch, &rng);
        for (int k = 0; k < STOA_EXPL_KINDS; k++)
            e->figures[k].told += e->targets[s].kinds[k];
    }
}

/* Whether a word of so many is the most probable. What has more than half of the probability is;
 * most rows need not be read again once an agent can speak. */
static bool said(const float *logits, int64_t words, int32_t target, float entropy) {
    const float half = 0.69f; /* a little less than -log(1/2) */
    const float own = logits[target];
    int above = 0;
    if (entropy < half)
        return true;
#pragma omp simd reduction(+ : above)
    for (int64_t w = 0; w < words; w++)
        above += logits[w] > own;
    return above == 0;
}

/* Most probable words against those told; entropies (C, elements) of the cross. */
static void judge(stoa_expl *e, int source, const float *logits, const float *entropies) {
    const stoa_expl_targets *t = &e->targets[source];
    int64_t words = e->spec->observations[e->space[source]].categories;
    for (int64_t i = 0; i < t->told; i++) {
        stoa_expl_figures *f = &e->figures[t->kind[i]];
        int64_t wrong = 0;
        for (int64_t k = i * t->elements; k < (i + 1) * t->elements; k++) {
            if (t->target[k] < 0)
                continue;
            bool right = said(logits + k * words, words, t->target[k], entropies[k]);
            f->words++;
            f->right += right;
            wrong += !right;
            f->loss += (double)entropies[k];
        }
        f->exact += wrong == 0;
    }
}

/* Weighted mean over told steps of one source's cross-entropies; a scalar. */
static stoa_tensor *say(stoa_expl *e, int source, stoa_ctx *ctx, const stoa_unroll *unroll,
                        const stoa_agent_output *output) {
    const stoa_expl_targets *t = &e->targets[source];
    stoa_tensor *logits = stoa_expl_head_apply(e, (stoa_expl_source)source, ctx, unroll, output);
    int64_t n = logits->shape[0], laid = n / t->elements;
    stoa_tensor *targets = stoa_new(ctx, STOA_I32, STOA_SHAPE(n));
    stoa_tensor *weights = stoa_new(ctx, STOA_F32, STOA_SHAPE(laid, 1));
    if (stoa_ctx_status(ctx, NULL) != STOA_OK)
        return NULL;
    size_t told = (size_t)(t->told * t->elements);
    memcpy(targets->data, t->target, told * sizeof *t->target);
    for (int64_t i = t->told * t->elements; i < n; i++)
        ((int32_t *)targets->data)[i] = -1;
    for (int64_t i = 0; i < laid; i++)
        ((float *)weights->data)[i] =
            i < t->told ? (float)(e->config->weights[t->kind[i]] /
                                  (double)(e->figures[t->kind[i]].told * parts_of(e, source)))
                        : 0;
    stoa_tensor *each = stoa_cross_entropy(ctx, logits, targets); // (C * elements)
    if (stoa_ctx_status(ctx, NULL) != STOA_OK)
        return NULL;
    judge(e, source, logits->data, each->data);
    each = stoa_reshape(ctx, each, STOA_SHAPE(laid, t->elements));
    return stoa_sum(ctx, stoa_mul(ctx, each, weights), STOA_ALL);
}

static stoa_tensor *loss(stoa_objective *o, stoa_ctx *ctx, const stoa_unroll *unroll,
                         const stoa_agent_output *output) {
    stoa_expl *e = o->self;
    stoa_tensor *sum = NULL;
    memset(e->figures, 0, sizeof e->figures);
    listen(e, unroll);
    for (int s = 0; s < STOA_EXPL_SOURCES; s++) {
        stoa_tensor *part =
            e->space[s] >= 0 && e->targets[s].told > 0 ? say(e, s, ctx, unroll, output) : NULL;
        sum = part && sum ? stoa_add(ctx, sum, part) : part ? part : sum;
    }
    return sum ? stoa_affine(ctx, sum, e->scale * (double)(e->steps * e->batch), 0) : NULL;
}

static int finish(stoa_objective *o, const stoa_unroll *unroll, stoa_metric *figures, int most) {
    static const char *const names[STOA_EXPL_KINDS][3] = {
        {"explanations/property_loss", "explanations/property_accuracy",
         "explanations/property_exact"},
        {"explanations/reward_loss", "explanations/reward_accuracy", "explanations/reward_exact"}};
    stoa_expl *e = o->self;
    int count = 0;
    (void)unroll;
    e->updates++;
    for (int k = 0; k < STOA_EXPL_KINDS; k++) {
        const stoa_expl_figures *f = &e->figures[k];
        if (f->told == 0 || count + 3 > most)
            continue;
        figures[count++] = (stoa_metric){names[k][0], f->loss / (double)f->told};
        figures[count++] = (stoa_metric){names[k][1], (double)f->right / (double)f->words};
        figures[count++] = (stoa_metric){names[k][2], (double)f->exact / (double)f->told};
    }
    return count;
}

/* ---- between runs ---------------------------------------------------------------------------- */

static void *state(stoa_objective *o, size_t *bytes) {
    stoa_expl *e = o->self;
    *bytes = sizeof e->updates;
    return &e->updates;
}

static stoa_status restored(stoa_objective *o, stoa_error *err) {
    (void)o, (void)err; /* any number of updates will do */
    return STOA_OK;
}

const stoa_objective_class stoa_objective_explanations = {
    .name = "explanations",
    .summary = "Learn to say what the environment explains: what things are like, and why a "
               "choice was right.",
    .config_bytes = sizeof(stoa_expl_config),
    .settings = settings,
    .open = open,
    .close = close,
    .loss = loss,
    .finish = finish,
    .state = state,
    .restored = restored,
};
