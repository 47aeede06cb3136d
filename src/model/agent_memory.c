/*
 * model/agent_memory.c - a core that writes what it sees into rows of a memory and reads them back
 * by content: the controller of Hung et al. 2019 (temporal value transport).
 *
 * At every step a code z is made of the input, the controller's last output and the last reads; an
 * LSTM, the controller, moves on by z; each of R heads turns its output into a key and a strength,
 * and reads the rows whose directions are nearest to the key's: softmax of strength times cosine
 * over the K best. Then z is written. The heads of the agent see z, the controller and the reads.
 *
 * Rows are written without a gradient, so the memory is a constant: one block holds the P rows of
 * the past and the T of the unroll, and a step sees the last P of them that its episode wrote. What
 * it may not see has a weight of exactly 0, and its gradient too, so rows may be filled in later.
 *
 * A state row: the window of rows (agent_window.h), then h | c of the controller | the reads.
 */
#include <math.h>
#include <string.h>

#include "model/agent.h"
#include "model/agent_window.h"

static const double hidden_score = -1e9, shortest = 1e-6;

static stoa_agent_window_shape shape_of(const stoa_agent_options *o) {
    return (stoa_agent_window_shape){1, o->memory_rows, o->memory_width};
}

int64_t stoa_agent_memory_state(const stoa_agent_options *o) {
    return stoa_agent_window_width(shape_of(o)) + 2 * o->core_width +
           o->read_heads * o->memory_width;
}

stoa_status stoa_agent_memory_declare(stoa_agent *agent, stoa_params *params, stoa_error *err) {
    const stoa_agent_options *o = &agent->options;
    stoa_agent_core *core = &agent->core;
    int64_t k = core->inputs, m = o->core_width, w = o->memory_width, r = o->read_heads;
    if (o->memory_rows < 1 || w < 1 || r < 1 || o->read_top_k < 1)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "agent.memory_rows (%lld), agent.memory_width (%lld), agent.read_heads "
                         "(%lld) and agent.read_top_k (%lld) must each be at least 1",
                         (long long)o->memory_rows, (long long)w, (long long)r,
                         (long long)o->read_top_k);
    int64_t hidden = 2 * w, past = m + r * w;
    core->code_in = stoa_linear_new(params, "core.code.in", k, hidden, true, 1 / sqrt((double)k));
    core->code_past =
        stoa_linear_new(params, "core.code.past", past, hidden, false, 1 / sqrt((double)past));
    core->code_out =
        stoa_linear_new(params, "core.code.out", hidden, w, true, 1 / sqrt((double)hidden));
    stoa_agent_lstm_declare(core, params, w, m);
    core->read = stoa_linear_new(params, "core.read", m, r * (w + 1), true, 1 / sqrt((double)m));
    agent->features = w + m + r * w;
    return STOA_OK;
}

/* ---- joining steps --------------------------------------------------------------------------- */

/* Steps are joined along their first axis six at a time, then sixes of them, and so on. */
enum { GROUP = 6, LEVELS = 10 };
typedef struct pile {
    stoa_tensor *parts[LEVELS][GROUP];
    int count[LEVELS];
} pile;

static void pile_add(stoa_ctx *ctx, pile *p, stoa_tensor *part) {
    int level = 0;
    while (p->count[level] == GROUP) {
        stoa_tensor *joined = stoa_concat(ctx, p->parts[level], GROUP, 0);
        p->count[level] = 0;
        p->parts[level][p->count[level]++] = part;
        part = joined;
        level++;
    }
    p->parts[level][p->count[level]++] = part;
}

static stoa_tensor *pile_join(stoa_ctx *ctx, pile *p) {
    stoa_tensor *all = NULL;
    for (int level = 0; level < LEVELS; level++) { /* higher levels hold earlier steps */
        if (p->count[level] == 0)
            continue;
        stoa_tensor *here = stoa_concat(ctx, p->parts[level], p->count[level], 0);
        all = all ? stoa_concat(ctx, (stoa_tensor *[]){here, all}, 2, 0) : here;
    }
    return all;
}

/* ---- steps ----------------------------------------------------------------------------------- */

/* One forward pass. S = P + T rows. */
typedef struct walk {
    const stoa_agent *agent;
    stoa_agent_window window;
    int64_t rows, best;         /* S, K */
    stoa_tensor *memory, *unit; /* (B, S, W) the rows, and their directions; constant */
    stoa_tensor *h, *c, *reads; /* (B, M), (B, M), (B, R * W), full precision */
    pile features, strengths;
    stoa_agent_reads *told;
} walk;

static bool ready(stoa_ctx *ctx) {
    return stoa_ctx_computes(ctx) && stoa_ctx_status(ctx, NULL) == STOA_OK;
}

static stoa_tensor *with_room(stoa_ctx *ctx, stoa_tensor *past, int64_t steps) {
    stoa_tensor *room =
        stoa_zeros(ctx, past->dtype, STOA_SHAPE(past->shape[0], steps, past->shape[2]));
    return stoa_concat(ctx, (stoa_tensor *[]){past, room}, 2, 1);
}

static void begin(stoa_ctx *ctx, walk *k, const stoa_agent_input *input,
                  const stoa_agent_state *state) {
    const stoa_agent_options *o = &k->agent->options;
    int64_t m = o->core_width, w = o->memory_width, at = stoa_agent_window_width(shape_of(o));
    stoa_agent_window_open(ctx, &k->window, shape_of(o), input, state);
    k->rows = o->memory_rows + input->steps;
    k->best = o->read_top_k < o->memory_rows ? o->read_top_k : o->memory_rows;
    stoa_tensor *through, *past = stoa_agent_window_rows(ctx, &k->window, 0, &through);
    k->memory = with_room(ctx, past, input->steps);
    k->unit = with_room(ctx, stoa_l2_normalize(ctx, past, shortest), input->steps);
    k->h = stoa_agent_state_read(ctx, state, at, m);
    k->c = stoa_agent_state_read(ctx, state, at + m, m);
    k->reads = stoa_agent_state_read(ctx, state, at + 2 * m, o->read_heads * w);
    const int64_t told[] = {input->steps, input->batch, o->read_heads, k->best};
    k->told->weights = stoa_new(ctx, stoa_ctx_full(ctx), 4, told);
    k->told->steps = stoa_new(ctx, STOA_I32, 4, told);
}

/* Forgets everything where an episode begins at t. */
static void forget(stoa_ctx *ctx, walk *k, int64_t t) {
    const stoa_agent_window *w = &k->window;
    if (!w->reset)
        return;
    stoa_tensor *kept = stoa_new(ctx, stoa_ctx_full(ctx), STOA_SHAPE(w->batch, 1));
    for (int64_t b = 0; ready(ctx) && b < w->batch; b++)
        stoa_set(kept, b, w->reset[t * w->batch + b] ? 0 : 1);
    k->h = stoa_mul(ctx, k->h, kept);
    k->c = stoa_mul(ctx, k->c, kept);
    k->reads = stoa_mul(ctx, k->reads, kept);
}

/* Rows that instance b may read at t: [*from, P + t). */
static int64_t seen_from(const walk *k, int64_t b, int64_t t) {
    int64_t first = ((const int32_t *)k->window.first->data)[b * k->window.steps + t];
    return first > t ? first : t;
}

/* (B, 1, S): what hides the rows that step t may not see; *any (B, 1, 1) 1 where it sees some. */
static stoa_tensor *mask_of(stoa_ctx *ctx, const walk *k, int64_t t, stoa_tensor **any) {
    int64_t batch = k->window.batch, end = k->window.slots + t;
    stoa_tensor *mask = stoa_new(ctx, stoa_ctx_full(ctx), STOA_SHAPE(batch, 1, k->rows));
    *any = stoa_new(ctx, stoa_ctx_full(ctx), STOA_SHAPE(batch, 1, 1));
    for (int64_t b = 0; ready(ctx) && b < batch; b++) {
        int64_t from = seen_from(k, b, t);
        stoa_set(*any, b, from < end ? 1 : 0);
        for (int64_t j = 0; j < k->rows; j++)
            stoa_set(mask, b * k->rows + j, j >= from && j < end ? 0 : hidden_score);
    }
    return mask;
}

/* Notes what was read: weights and the steps, counted from the unroll's first, of the rows. */
static void tell(stoa_ctx *ctx, const walk *k, int64_t t, const stoa_tensor *weights,
                 const stoa_tensor *index) {
    int64_t n = stoa_numel(index);
    size_t size = stoa_dtype_size(weights->dtype);
    if (!ready(ctx))
        return;
    memcpy((char *)k->told->weights->data + (size_t)(t * n) * size, weights->data,
           (size_t)n * size);
    int32_t *steps = (int32_t *)k->told->steps->data + t * n;
    for (int64_t i = 0; i < n; i++)
        steps[i] = ((const int32_t *)index->data)[i] - (int32_t)k->window.slots;
}

/* h (B, M) of the compute type -> reads (B, R * W) */
static stoa_tensor *read_rows(stoa_ctx *ctx, walk *k, stoa_tensor *h, int64_t t) {
    const stoa_agent_options *o = &k->agent->options;
    int64_t batch = k->window.batch, w = o->memory_width, r = o->read_heads, s = k->rows;
    stoa_tensor *asked = stoa_linear_apply(ctx, &k->agent->core.read, h, stoa_ctx_full(ctx));
    stoa_tensor *keys =
        stoa_reshape(ctx, stoa_slice(ctx, asked, -1, 0, r * w), STOA_SHAPE(batch, r, w));
    stoa_tensor *strengths = stoa_softplus(ctx, stoa_slice(ctx, asked, -1, r * w, r * (w + 1)));
    pile_add(ctx, &k->strengths, stoa_reshape(ctx, strengths, STOA_SHAPE(1, batch, r)));
    stoa_tensor *any, *mask = mask_of(ctx, k, t, &any);
    stoa_tensor *scores =
        stoa_matmul(ctx, stoa_l2_normalize(ctx, keys, shortest), false, k->unit, true, 1);
    scores = stoa_mul(ctx, scores, stoa_reshape(ctx, strengths, STOA_SHAPE(batch, r, 1)));
    scores = stoa_add(ctx, scores, mask); // (B, R, S)
    stoa_tensor *index =
        stoa_top_k(ctx, stoa_reshape(ctx, scores, STOA_SHAPE(batch * r, s)), k->best);
    stoa_tensor *weights =
        stoa_gather_rows(ctx, stoa_reshape(ctx, scores, STOA_SHAPE(batch * r, s, 1)), index);
    weights = stoa_softmax(ctx, stoa_reshape(ctx, weights, STOA_SHAPE(batch, r, k->best)));
    weights = stoa_mul(ctx, weights, any); // (B, R, K)
    tell(ctx, k, t, weights, index);
    stoa_tensor *all = stoa_zeros(ctx, weights->dtype, STOA_SHAPE(batch * r, s, 1));
    weights = stoa_reshape(ctx, weights, STOA_SHAPE(batch * r, k->best, 1));
    all = stoa_scatter_rows(ctx, all, index, weights, NULL);
    all = stoa_reshape(ctx, all, STOA_SHAPE(batch, r, s));
    return stoa_reshape(ctx, stoa_matmul(ctx, all, false, k->memory, false, 1),
                        STOA_SHAPE(batch, r * w));
}

/* z (B, W) becomes row P + t. */
static void write_row(stoa_ctx *ctx, walk *k, stoa_tensor *z, int64_t t) {
    stoa_tensor *row = stoa_cast(ctx, stoa_stop_gradient(ctx, z), stoa_ctx_full(ctx));
    stoa_tensor *unit = stoa_l2_normalize(ctx, row, shortest);
    size_t bytes = (size_t)k->window.width * stoa_dtype_size(row->dtype);
    for (int64_t b = 0; ready(ctx) && b < k->window.batch; b++) {
        size_t at = (size_t)(b * k->rows + k->window.slots + t) * bytes;
        memcpy((char *)k->memory->data + at, (const char *)row->data + (size_t)b * bytes, bytes);
        memcpy((char *)k->unit->data + at, (const char *)unit->data + (size_t)b * bytes, bytes);
    }
}

/* x (B, 2W): the input's part of the code's hidden layer. */
static void step(stoa_ctx *ctx, walk *k, stoa_tensor *x, int64_t t) {
    const stoa_agent_core *core = &k->agent->core;
    stoa_dtype compute = stoa_ctx_compute(ctx);
    int64_t batch = k->window.batch, w = k->window.width;
    forget(ctx, k, t);
    stoa_tensor *past = stoa_concat(ctx, (stoa_tensor *[]){k->h, k->reads}, 2, -1);
    past = stoa_linear_apply(ctx, &core->code_past, stoa_cast(ctx, past, compute), compute);
    stoa_tensor *z = stoa_tanh(ctx, stoa_add(ctx, x, past));
    z = stoa_linear_apply(ctx, &core->code_out, z, compute); // (B, W)
    stoa_lstm(ctx, stoa_reshape(ctx, z, STOA_SHAPE(1, batch, w)), core->weight_x, core->weight_h,
              core->bias, k->h, k->c, NULL, &k->h, &k->c);
    stoa_tensor *h = stoa_cast(ctx, k->h, compute);
    k->reads = read_rows(ctx, k, h, t);
    write_row(ctx, k, z, t);
    stoa_tensor *y =
        stoa_concat(ctx, (stoa_tensor *[]){z, h, stoa_cast(ctx, k->reads, compute)}, 3, -1);
    pile_add(ctx, &k->features, stoa_reshape(ctx, y, STOA_SHAPE(1, batch, k->agent->features)));
}

static void keep(stoa_ctx *ctx, walk *k, stoa_agent_state *next) {
    const stoa_agent_options *o = &k->agent->options;
    int64_t m = o->core_width, at = stoa_agent_window_width(shape_of(o));
    stoa_tensor *written = stoa_slice(ctx, k->memory, 1, o->memory_rows, k->rows); // (B, T, W)
    stoa_tensor *through = NULL;
    stoa_agent_window_keep(ctx, &k->window, &written, &through, next);
    stoa_agent_state_write(ctx, next, at, k->h);
    stoa_agent_state_write(ctx, next, at + m, k->c);
    stoa_agent_state_write(ctx, next, at + 2 * m, k->reads);
}

stoa_tensor *stoa_agent_memory(stoa_ctx *ctx, const stoa_agent *agent,
                               const stoa_agent_input *input, stoa_tensor *x,
                               const stoa_agent_state *state, stoa_agent_state *next,
                               stoa_agent_reads *reads) {
    walk k = {.agent = agent, .told = reads};
    begin(ctx, &k, input, state);
    x = stoa_linear_apply(ctx, &agent->core.code_in, x, stoa_ctx_compute(ctx)); // (T, B, 2W)
    for (int64_t t = 0; t < input->steps; t++)
        step(ctx, &k,
             stoa_reshape(ctx, stoa_slice(ctx, x, 0, t, t + 1),
                          STOA_SHAPE(input->batch, x->shape[2])),
             t);
    if (next)
        keep(ctx, &k, next);
    stoa_tensor *features = pile_join(ctx, &k.features); // (T, B, W + M + R * W)
    reads->strengths = pile_join(ctx, &k.strengths);     // (T, B, R)
    reads->code = stoa_slice(ctx, features, -1, 0, agent->options.memory_width);
    return features;
}

int64_t stoa_agent_memory_width(const stoa_agent *agent) {
    return agent->options.core == STOA_CORE_MEMORY ? agent->options.memory_width : 0;
}

int64_t stoa_agent_read_heads(const stoa_agent *agent) {
    return agent->options.core == STOA_CORE_MEMORY ? agent->options.read_heads : 0;
}
