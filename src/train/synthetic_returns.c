/*
 * train/synthetic_returns.c - synthetic returns as an objective (Raposo et al. 2021).
 *
 * Three small networks read the state representation x: the contribution c, the gate g and the bias
 * b. Their regression of the reward on the states of the episode so far (sa_loss.c) trains them; c
 * of the present state, times alpha, is added to the reward that policy and value learn from.
 *
 * Rows go into the memory without a gradient, so the regression trains c but not, through c, the
 * encoder; b and g read the live x and do train it. Within an update c's weights are constant, so c
 * is evaluated once for every remembered row and every new one, in one matrix product a layer.
 *
 * The regression's gradients are computed directly; they enter the tape as the linear function of
 * c, g's logit and b that has them. So the tape's loss value is not the regression's, which is
 * reported as a figure of its own.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "train/objective.h"
#include "train/synthetic_returns.h"

#define AT(field) offsetof(stoa_sr_config, field)

static const char *const gates[] = {"learned", "one", NULL};

static const stoa_setting rows[] = {
    {"alpha", STOA_SET_FLOAT, AT(alpha), "0.3", 0, 1000, NULL,
     "Weight of the synthetic return in the reward that policy and value learn from."},
    {"beta", STOA_SET_FLOAT, AT(beta), "1", 0, 1000, NULL,
     "Weight of the environment's reward in it."},
    {"gate", STOA_SET_CHOICE, AT(gate), "learned", 0, 0, gates,
     "When past states matter: a learned gate, or always."},
    {"bias", STOA_SET_BOOL, AT(bias), "true", 0, 0, NULL,
     "Let the present state alone explain what it can of the reward."},
    {"width", STOA_SET_INT, AT(width), "128", 1, 65536, NULL,
     "Hidden width of the networks c, g and b."},
    {"layers", STOA_SET_INT, AT(layers), "2", 1, STOA_SR_LAYERS, NULL, "Their hidden layers."},
    {"capacity", STOA_SET_INT, AT(capacity), "0", 0, 1e6, NULL,
     "States remembered; older ones are forgotten. 0: the longest episode."},
    {"after_core", STOA_SET_BOOL, AT(after_core), "false", 0, 0, NULL,
     "Read the core's output instead of the encoding."},
    {"unit", STOA_SET_FLOAT, AT(unit), "1", 1e-9, 1e9, NULL,
     "c is this times its network's output. A step of the optimiser moves the sum of all "
     "remembered "
     "c by so much more than one c as there are states: long episodes want a small unit."},
    {"center", STOA_SET_BOOL, AT(center), "false", 0, 0, NULL,
     "Take from c its mean over all states at hand. The mean only counts steps, which the bias can "
     "do, and it is the direction in which the sum moves most."},
    {"ridge", STOA_SET_FLOAT, AT(ridge), "0", 0, 1e6, NULL,
     "Half of this times every state's squared c is added to the loss: what no reward asks for "
     "fades."},
    {"weight", STOA_SET_FLOAT, AT(weight), "1", 0, 1000, NULL, "Weight of the regression's loss."},
};

static stoa_settings_table settings(void) {
    return (stoa_settings_table){rows, sizeof rows / sizeof *rows};
}

/* ---- networks -------------------------------------------------------------------------------- */

static void declare(stoa_sr_net *net, stoa_params *params, const char *name, int64_t in,
                    const stoa_sr_config *config) {
    char prefix[96];
    for (int64_t i = 0; i < config->layers; i++) {
        snprintf(prefix, sizeof prefix, "synthetic_returns.%s.%d", name, (int)i);
        net->hidden[i] =
            stoa_linear_new(params, prefix, in, config->width, true, sqrt(2.0 / (double)in));
        in = config->width;
    }
    snprintf(prefix, sizeof prefix, "synthetic_returns.%s.out", name);
    net->out = stoa_linear_new(params, prefix, in, 1, true, 0.1 / sqrt((double)in));
}

/* x (R, N) -> (R, 1) in full precision. */
static stoa_tensor *apply(stoa_ctx *ctx, const stoa_sr_net *net, int64_t layers, stoa_tensor *x) {
    for (int64_t i = 0; i < layers; i++)
        x = stoa_relu(ctx, stoa_linear_apply(ctx, &net->hidden[i], x, stoa_ctx_compute(ctx)));
    return stoa_linear_apply(ctx, &net->out, x, stoa_ctx_full(ctx));
}

/* c of rows x (R, N) -> (R, 1). */
static stoa_tensor *contributions_of(stoa_ctx *ctx, const stoa_sr *sr, stoa_tensor *x) {
    stoa_tensor *c = apply(ctx, &sr->c, sr->config->layers, x);
    return sr->config->unit == 1 ? c : stoa_affine(ctx, c, sr->config->unit, 0);
}

/* ---- opening --------------------------------------------------------------------------------- */

static stoa_status open_memory(stoa_sr *sr, const stoa_objective_place *place, stoa_error *err) {
    const stoa_sr_config *config = sr->config;
    sr->capacity = config->capacity ? config->capacity : place->spec->max_steps;
    if (sr->capacity == 0)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "synthetic-returns: episodes of %s have no known longest length; set "
                         "synthetic-returns.capacity",
                         place->spec->name);
    size_t rows_bytes, count = (size_t)place->batch * sizeof(int32_t);
    if (!stoa_size_mul((size_t)(place->batch * sr->capacity), (size_t)sr->width * sizeof(float),
                       &rows_bytes) ||
        !stoa_size_add(rows_bytes, count, &sr->state_bytes) ||
        !(sr->count = stoa_alloc(sr->state_bytes)) ||
        !(sr->work = stoa_alloc((size_t)(place->steps * place->batch) * 2 * sizeof(float))))
        return stoa_fail(err, STOA_ERR_MEMORY,
                         "synthetic-returns: no memory for %lld states of %lld instances; lower "
                         "synthetic-returns.capacity or env.instances",
                         (long long)sr->capacity, (long long)place->batch);
    sr->memory = (float *)(void *)(sr->count + place->batch);
    return STOA_OK;
}

static stoa_status open(stoa_objective *o, const stoa_objective_place *place, stoa_error *err) {
    const stoa_sr_config *config = o->config;
    stoa_sr *sr = stoa_alloc(sizeof *sr);
    o->self = sr;
    if (!sr)
        return stoa_fail(err, STOA_ERR_MEMORY, "synthetic-returns: out of memory");
    sr->config = config;
    sr->spec = place->spec;
    sr->steps = place->steps;
    sr->batch = place->batch;
    sr->scale = place->scale;
    sr->width = config->after_core ? stoa_agent_feature_width(place->agent)
                                   : stoa_agent_encoding_width(place->agent);
    declare(&sr->c, place->params, "contribution", sr->width, config);
    if (config->gate == STOA_SR_GATE_LEARNED)
        declare(&sr->gate, place->params, "gate", sr->width, config);
    if (config->bias)
        declare(&sr->bias, place->params, "bias", sr->width, config);
    return open_memory(sr, place, err);
}

static void close(stoa_objective *o) {
    stoa_sr *sr = o->self;
    if (sr) {
        stoa_free(sr->count);
        stoa_free(sr->work);
    }
    stoa_free(sr);
    o->self = NULL;
}

/* ---- an update ------------------------------------------------------------------------------- */

/* Copies rows of x into floats: the memory's type, whatever the precision of the run. */
static void to_floats(const stoa_tensor *x, int64_t row, int64_t width, float *out) {
    if (x->dtype == STOA_F32) {
        memcpy(out, (const float *)x->data + row * width, (size_t)width * sizeof(float));
        return;
    }
    assert(x->dtype == STOA_BF16);
    const uint16_t *in = (const uint16_t *)x->data + row * width;
    for (int64_t i = 0; i < width; i++) {
        uint32_t bits = (uint32_t)in[i] << 16;
        memcpy(&out[i], &bits, sizeof bits);
    }
}

/* x (T + 1, B, N), of which the first T steps are the unroll's. */
static stoa_tensor *states_of(const stoa_sr *sr, const stoa_agent_output *output) {
    return sr->config->after_core ? output->features : output->encoding;
}

/* Remembered rows to lay out for each instance: the longest memory that reaches into this unroll,
 * rounded up so that few shapes occur. */
static int64_t layout(const stoa_sr *sr, const stoa_unroll *unroll) {
    enum { STEP = 16 };
    int64_t most = 0;
    for (int64_t b = 0; b < sr->batch; b++)
        if (!unroll->reset[b] && sr->count[b] > most)
            most = sr->count[b];
    return (most + STEP - 1) / STEP * STEP;
}

typedef struct gather_job {
    const stoa_sr *sr;
    const stoa_tensor *states;
    float *rows; /* (B * stride + T * B, N): memory, then the unroll */
    int64_t stride;
} gather_job;

static void gather_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const gather_job *job = arg;
    const stoa_sr *sr = job->sr;
    size_t row = (size_t)sr->width * sizeof(float);
    for (int64_t b = begin; b < end; b++) {
        float *out = job->rows + b * job->stride * sr->width;
        int64_t count = sr->count[b] < job->stride ? sr->count[b] : job->stride;
        memcpy(out, sr->memory + b * sr->capacity * sr->width, (size_t)count * row);
        memset(out + count * sr->width, 0, (size_t)(job->stride - count) * row);
    }
    float *fresh = job->rows + sr->batch * job->stride * sr->width;
    for (int64_t t = 0; t < sr->steps; t++)
        for (int64_t b = begin; b < end; b++)
            to_floats(job->states, t * sr->batch + b, sr->width,
                      fresh + (t * sr->batch + b) * sr->width);
}

/* Every row that c is evaluated on, in the type of the run's matrix products. Constant. */
static stoa_tensor *gather(stoa_sr *sr, stoa_ctx *ctx, const stoa_tensor *states, int64_t stride) {
    int64_t count = sr->batch * stride + sr->steps * sr->batch;
    stoa_tensor *all = stoa_new(ctx, STOA_F32, STOA_SHAPE(count, sr->width)); // (R, N)
    if (stoa_ctx_status(ctx, NULL) == STOA_OK && stoa_ctx_computes(ctx)) {
        gather_job job = {sr, states, all->data, stride};
        stoa_pool_run(stoa_ctx_pool(ctx), sr->batch, 8, gather_range, &job);
    }
    return stoa_ctx_compute(ctx) == STOA_F32 ? all : stoa_cast(ctx, all, stoa_ctx_compute(ctx));
}

static void forward(stoa_sr *sr, stoa_ctx *ctx, const stoa_unroll *unroll,
                    const stoa_agent_output *output) {
    const stoa_sr_config *config = sr->config;
    stoa_tensor *states = states_of(sr, output); // (T + 1, B, N)
    sr->stride = layout(sr, unroll);
    sr->c_all = contributions_of(ctx, sr, gather(sr, ctx, states, sr->stride)); // (R, 1)
    stoa_tensor *live = stoa_slice(ctx, states, 0, 0, sr->steps);               // (T, B, N)
    live = stoa_reshape(ctx, live, STOA_SHAPE(sr->steps * sr->batch, sr->width));
    sr->gate_logit =
        config->gate == STOA_SR_GATE_LEARNED ? apply(ctx, &sr->gate, config->layers, live) : NULL;
    sr->bias_out = config->bias ? apply(ctx, &sr->bias, config->layers, live) : NULL;
}

/* The regression, and its gradients as constants beside c, g's logit and b. */
static void regress(stoa_sr *sr, stoa_ctx *ctx, const stoa_unroll *unroll, const float *rewards) {
    int64_t n = sr->steps * sr->batch, old = sr->batch * sr->stride;
    float *gate = sr->work, *bias = sr->work + n;
    const float *c_all = sr->c_all->data;
    for (int64_t i = 0; i < n; i++) {
        gate[i] = sr->gate_logit ? 1 / (1 + expf(-((const float *)sr->gate_logit->data)[i])) : 1;
        bias[i] = sr->bias_out ? ((const float *)sr->bias_out->data)[i] : 0;
    }
    sr->c_grad = stoa_new(ctx, STOA_F32, STOA_SHAPE(old + n, 1));
    sr->gate_grad = stoa_new(ctx, STOA_F32, STOA_SHAPE(n, 1));
    sr->bias_grad = stoa_new(ctx, STOA_F32, STOA_SHAPE(n, 1));
    if (stoa_ctx_status(ctx, NULL) != STOA_OK)
        return;
    for (int64_t b = 0; b < sr->batch; b++) /* an episode that begins at once has no past */
        if (unroll->reset[b])
            sr->count[b] = 0;
    stoa_sa_rows states = {sr->steps, sr->batch, sr->capacity, sr->stride,
                           c_all,     sr->count, c_all + old,  gate,
                           bias,      rewards,   unroll->reset};
    stoa_sa_gradients gradients = {sr->c_grad->data, (float *)sr->c_grad->data + old,
                                   sr->gate_grad->data, sr->bias_grad->data};
    if (sr->config->center)
        stoa_sa_center(&states, sr->c_all->data, (float *)sr->c_all->data + old);
    sr->loss = stoa_sa_loss(&states, &gradients);
    for (int64_t i = 0; sr->config->ridge > 0 && i < n; i++) /* of new rows: each state once */
        gradients.c[i] += (float)sr->config->ridge * states.c[i];
    if (sr->config->center)
        stoa_sa_center(&states, gradients.old_c, gradients.c);
}

static void augment(stoa_objective *o, stoa_ctx *ctx, const stoa_unroll *unroll,
                    const stoa_agent_output *output, float *rewards) {
    stoa_sr *sr = o->self;
    forward(sr, ctx, unroll, output);
    if (stoa_ctx_status(ctx, NULL) != STOA_OK || !stoa_ctx_computes(ctx))
        return;
    regress(sr, ctx, unroll, rewards);
    sr->states = states_of(sr, output);
    const float *c = (const float *)sr->c_all->data + sr->batch * sr->stride;
    for (int64_t i = 0; i < sr->steps * sr->batch; i++)
        rewards[i] =
            (float)(sr->config->alpha * (double)c[i] + sr->config->beta * (double)rewards[i]);
}

/* sum over rows of gradient * value: the linear function with these gradients. */
static stoa_tensor *linear_in(stoa_ctx *ctx, stoa_tensor *value, stoa_tensor *gradient) {
    return stoa_sum(ctx, stoa_mul(ctx, value, gradient), STOA_ALL);
}

static stoa_tensor *loss(stoa_objective *o, stoa_ctx *ctx, const stoa_unroll *unroll,
                         const stoa_agent_output *output) {
    (void)unroll, (void)output;
    stoa_sr *sr = o->self;
    stoa_tensor *sum = linear_in(ctx, sr->c_all, sr->c_grad);
    if (sr->gate_logit)
        sum = stoa_add(ctx, sum, linear_in(ctx, sr->gate_logit, sr->gate_grad));
    if (sr->bias_out)
        sum = stoa_add(ctx, sum, linear_in(ctx, sr->bias_out, sr->bias_grad));
    return stoa_affine(ctx, sum, sr->config->weight * sr->scale, 0);
}

/* ---- between updates ------------------------------------------------------------------------- */

/* Appends the unroll's rows of the episode that is still going on, and forgets the rest. */
static void remember(stoa_sr *sr, const stoa_unroll *unroll, int64_t b) {
    int64_t first = 0, width = sr->width;
    size_t row = (size_t)width * sizeof(float);
    for (int64_t t = 1; t <= sr->steps; t++)
        if (unroll->reset[t * sr->batch + b])
            first = t, sr->count[b] = 0;
    int64_t fresh = sr->steps - first;
    if (fresh > sr->capacity) {
        first = sr->steps - sr->capacity;
        fresh = sr->capacity;
    }
    float *memory = sr->memory + b * sr->capacity * width;
    int64_t stay = sr->count[b] + fresh > sr->capacity ? sr->capacity - fresh : sr->count[b];
    memmove(memory, memory + (sr->count[b] - stay) * width, (size_t)stay * row);
    for (int64_t k = 0; k < fresh; k++)
        to_floats(sr->states, (first + k) * sr->batch + b, width, memory + (stay + k) * width);
    sr->count[b] = (int32_t)(stay + fresh);
}

/* Mean contribution by kind of state: what makes synthetic returns readable. */
static int contributions(const stoa_sr *sr, const stoa_unroll *unroll, stoa_metric *figures,
                         int most) {
    double sum[STOA_ENV_EVENTS + 1] = {0}, count[STOA_ENV_EVENTS + 1] = {0};
    const float *c = (const float *)sr->c_all->data + sr->batch * sr->stride;
    int written = 0, kinds = sr->spec->event_count;
    for (int64_t i = 0; i < sr->steps * sr->batch; i++) {
        int kind = unroll->events ? unroll->events[i] : 0;
        sum[kind] += (double)c[i];
        count[kind]++;
    }
    for (int kind = 0; kind <= kinds && written < most; kind++)
        if (count[kind] > 0)
            figures[written++] = (stoa_metric){sr->names[kind], sum[kind] / count[kind]};
    return written;
}

static int finish(stoa_objective *o, const stoa_unroll *unroll, stoa_metric *figures, int most) {
    stoa_sr *sr = o->self;
    if (sr->names[0][0] == 0)
        for (int kind = 0; kind <= sr->spec->event_count; kind++)
            snprintf(sr->names[kind], sizeof sr->names[kind], "synthetic_returns/c_%s",
                     kind ? sr->spec->events[kind - 1] : "elsewhere");
    for (int64_t b = 0; b < sr->batch; b++)
        remember(sr, unroll, b);
    int written = 0;
    if (most > 0)
        figures[written++] =
            (stoa_metric){"synthetic_returns/loss", sr->loss / (double)(sr->steps * sr->batch)};
    return written + contributions(sr, unroll, figures + written, most - written);
}

static void *state(stoa_objective *o, size_t *bytes) {
    stoa_sr *sr = o->self;
    *bytes = sr->state_bytes;
    return sr->count;
}

static stoa_status restored(stoa_objective *o, stoa_error *err) {
    const stoa_sr *sr = o->self;
    for (int64_t b = 0; b < sr->batch; b++)
        if (sr->count[b] < 0 || sr->count[b] > sr->capacity)
            return stoa_fail(err, STOA_ERR_FORMAT,
                             "synthetic-returns: instance %lld is said to remember %d states of at "
                             "most %lld; the checkpoint is damaged",
                             (long long)b, sr->count[b], (long long)sr->capacity);
    return STOA_OK;
}

stoa_tensor *stoa_sr_contributions(stoa_ctx *ctx, const stoa_objective *o, stoa_tensor *states) {
    return contributions_of(ctx, o->self, states);
}

const stoa_objective_class stoa_objective_synthetic_returns = {
    .name = "synthetic-returns",
    .summary = "Learn which past states a reward follows from, and be paid for reaching them.",
    .config_bytes = sizeof(stoa_sr_config),
    .settings = settings,
    .open = open,
    .close = close,
    .reward = augment,
    .loss = loss,
    .finish = finish,
    .state = state,
    .restored = restored,
};
