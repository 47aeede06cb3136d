/*
 * tensor/cpu/attention.c - describes a call of attention, chooses the engine, hands out its tasks.
 */
#include <math.h>
#include <string.h>

#include "tensor/cpu/attention.h"
#include "tensor/cpu/kernels.h"

/* ---- tasks ----------------------------------------------------------------------------------- */

typedef struct job {
    const stoa_attn *a;
    const stoa_attn_engine *engine;
} job;

static const stoa_attn_engine *engine_for(const stoa_attn *a) {
    if (stoa_attn_is_short(a))
        return &stoa_attn_short;
    const stoa_attn_engine *amx = stoa_attn_amx(a);
    return amx ? amx : &stoa_attn_f32;
}

static int64_t together(const stoa_attn_engine *engine) {
    return engine->together > 0 ? engine->together : 1;
}

/* Tasks of a call, apart from the parts a task's queries may be cut into. */
static int64_t tasks_of(const stoa_attn *a, const stoa_attn_engine *engine) {
    return (a->batch + together(engine) - 1) / together(engine) * a->kv_heads;
}

/* Where part c of a->chunks of the queries begins: equal numbers of (query, key) pairs, in whole
 * blocks of 32 queries. */
static int64_t chunk_begin(const stoa_attn *a, int64_t c) {
    double n = (double)a->q.time, part = (double)c / (double)a->chunks, at = part * n;
    if (c == a->chunks)
        return a->q.time;
    if (a->causal) {
        double before = (double)a->offset;
        at = sqrt(before * before + part * n * (2 * before + n)) - before;
    }
    return (int64_t)(at / 32) * 32;
}

static void run_forward(void *arg, int64_t begin, int64_t end, int thread) {
    const job *j = arg;
    const stoa_attn *a = j->a;
    if (j->engine->enter)
        j->engine->enter();
    for (int64_t i = begin; i < end; i++) {
        int64_t pair = i / a->chunks, chunk = i % a->chunks;
        stoa_attn_task task = {.b = pair / a->kv_heads * together(j->engine),
                               .g = (int)(pair % a->kv_heads),
                               .begin = chunk_begin(a, chunk),
                               .end = chunk_begin(a, chunk + 1)};
        if (task.begin < task.end)
            j->engine->forward(a, task, a->scratch + (size_t)thread * a->scratch_bytes);
    }
    if (j->engine->leave)
        j->engine->leave();
}

static void run_backward(void *arg, int64_t begin, int64_t end, int thread) {
    const job *j = arg;
    const stoa_attn *a = j->a;
    if (j->engine->enter)
        j->engine->enter();
    for (int64_t i = begin; i < end; i++) {
        stoa_attn_task task = {.b = i / a->kv_heads * together(j->engine),
                               .g = (int)(i % a->kv_heads),
                               .begin = 0,
                               .end = a->q.time};
        j->engine->backward(a, task, a->scratch + (size_t)thread * a->scratch_bytes);
    }
    if (j->engine->leave)
        j->engine->leave();
}

static bool take_scratch(stoa_ctx *ctx, stoa_attn *a, size_t bytes) {
    a->scratch_bytes = (bytes + 63) / 64 * 64 + 64;
    a->scratch = stoa_scratch(ctx, (size_t)ctx->threads * a->scratch_bytes);
    return a->scratch != NULL;
}

stoa_status stoa_attn_forward(stoa_ctx *ctx, stoa_attn *a) {
    job j = {a, engine_for(a)};
    if (!take_scratch(ctx, a, j.engine->forward_bytes(a)))
        return STOA_ERR_MEMORY;
    int64_t pairs = tasks_of(a, j.engine);
    a->chunks = 1;
    if (pairs > 0 && pairs < ctx->threads && a->q.time >= 128) // else all threads have work
        a->chunks = (ctx->threads + pairs - 1) / pairs;
    stoa_parallel(ctx, pairs * a->chunks, 1, run_forward, &j);
    return STOA_OK;
}

stoa_status stoa_attn_backward(stoa_ctx *ctx, stoa_attn *a) {
    job j = {a, engine_for(a)};
    if (!take_scratch(ctx, a, j.engine->backward_bytes(a)))
        return STOA_ERR_MEMORY;
    stoa_parallel(ctx, tasks_of(a, j.engine), a->grain, run_backward, &j);
    return STOA_OK;
}

/* ---- description ----------------------------------------------------------------------------- */

/* Heads from `column` on of a tensor (B, T, *); data: the tensor's or its gradient's. */
static stoa_attn_side side_of(const stoa_tensor *t, void *data, int64_t column) {
    return (stoa_attn_side){.data = (char *)data + (size_t)column * stoa_dtype_size(t->dtype),
                            .dtype = t->dtype,
                            .time = t->shape[1],
                            .stride = t->shape[2]};
}

static const int32_t *integers(const stoa_tensor *t) {
    return t ? t->data : NULL;
}

/* Widens [*least, *most] by the positions of one side. */
static void range_of(const stoa_tensor *positions, int64_t time, int64_t *least, int64_t *most) {
    if (!positions) {
        *most = time - 1 > *most ? time - 1 : *most;
        return;
    }
    const int32_t *p = positions->data;
    int32_t low = 0, high = 0;
#pragma omp simd reduction(min : low) reduction(max : high)
    for (int64_t i = 0; i < stoa_numel(positions); i++) {
        low = p[i] < low ? p[i] : low;
        high = p[i] > high ? p[i] : high;
    }
    *least = low < *least ? low : *least;
    *most = high > *most ? high : *most;
}

/* One table by position where positions are few, else a row for each token. */
static stoa_status set_rotations(stoa_ctx *ctx, stoa_attn *a, double base, const stoa_tensor *q,
                                 const stoa_tensor *k) {
    if (base == 0)
        return STOA_OK;
    int64_t least = 0, most = 0;
    range_of(q, a->q.time, &least, &most);
    range_of(k, a->k.time, &least, &most);
    bool few = least >= 0 && most < a->batch * (a->q.time + a->k.time);
    if (few) {
        float *table = stoa_rope_table(ctx, base, a->width, NULL, most + 1);
        a->q.rope = (stoa_rope){table, integers(q), 0};
        a->k.rope = (stoa_rope){table, integers(k), 0};
        return table ? STOA_OK : STOA_ERR_MEMORY;
    }
    stoa_attn_side *sides[] = {&a->q, &a->k};
    const stoa_tensor *positions[] = {q, k};
    for (int i = 0; i < 2; i++) {
        bool own = positions[i] != NULL;
        float *table = stoa_rope_table(ctx, base, a->width, integers(positions[i]),
                                       own ? a->batch * sides[i]->time : sides[i]->time);
        sides[i]->rope = (stoa_rope){table, NULL, own ? sides[i]->time : 0};
        if (!table)
            return STOA_ERR_MEMORY;
    }
    return STOA_OK;
}

static bool is_float(const stoa_tensor *t) {
    return t->dtype == STOA_F32 || t->dtype == STOA_BF16;
}

static stoa_status describe(stoa_ctx *ctx, const stoa_node *node, stoa_attn *a) {
    const stoa_tensor *q = node->in[0], *k = node->in[1], *v = node->in[2], *out = node->out[0];
    if (!is_float(q) || !is_float(k) || !is_float(v))
        return STOA_ERR_UNSUPPORTED;
    *a = (stoa_attn){
        .batch = q->shape[0],
        .heads = node->p.attention.heads,
        .kv_heads = node->p.attention.kv_heads,
        .group = node->p.attention.heads / node->p.attention.kv_heads,
        .width = node->p.attention.head_width,
        .causal = node->p.attention.causal,
        .scale = (float)node->p.attention.scale,
        .key_lengths = integers(node->in[5]),
        .q = side_of(q, q->data, node->p.attention.q_column),
        .k = side_of(k, k->data, node->p.attention.k_column),
        .v = side_of(v, v->data, node->p.attention.v_column),
        .out = side_of(out, out->data, 0),
        .lse = node->save[0] ? node->save[0]->data : NULL,
        .grain = 1,
    };
    return set_rotations(ctx, a, node->p.attention.rope_base, node->in[3], node->in[4]);
}

stoa_status stoa_cpu_attention(stoa_ctx *ctx, stoa_node *node) {
    stoa_attn a;
    STOA_TRY(describe(ctx, node, &a));
    return stoa_attn_forward(ctx, &a);
}

/* ---- gradients ------------------------------------------------------------------------------- */

/* Columns [begin, begin + width) of a source's gradient. */
typedef struct part {
    stoa_attn_side *side;
    stoa_grad_ref ref;
    int64_t begin, width;
} part;

/* Parts of one fresh gradient are overwritten when together they are the whole row, without
 * overlap; else the gradient is zeroed and they add. */
static void share_gradient(stoa_attn *a, const stoa_tensor *source, part **parts, int n) {
    int64_t sum = 0;
    bool overlap = false;
    for (int i = 0; i < n; i++) {
        sum += parts[i]->width;
        for (int j = 0; j < i; j++)
            overlap = overlap || (parts[i]->begin < parts[j]->begin + parts[j]->width &&
                                  parts[j]->begin < parts[i]->begin + parts[i]->width);
    }
    bool add = parts[0]->ref.add;
    if (!add && (overlap || sum < source->shape[2])) {
        memset(parts[0]->ref.data, 0, stoa_nbytes(source));
        add = true;
    }
    if (overlap) // heads of several tasks may meet in a column: one thread for a sequence
        a->grain = a->kv_heads;
    for (int i = 0; i < n; i++)
        parts[i]->side->add = add;
}

static void take_gradients(stoa_attn *a, stoa_node *node) {
    const int64_t columns[] = {node->p.attention.q_column, node->p.attention.k_column,
                               node->p.attention.v_column};
    stoa_attn_side *sides[] = {&a->d_q, &a->d_k, &a->d_v};
    const stoa_attn_side *sources[] = {&a->q, &a->k, &a->v};
    part parts[3];
    for (int i = 0; i < 3; i++) {
        stoa_grad_ref ref = stoa_grad_take(node, i);
        *sides[i] = *sources[i];
        sides[i]->data = NULL;
        if (ref.data)
            *sides[i] = side_of(node->in[i], ref.data, columns[i]);
        sides[i]->rope = sources[i]->rope;
        parts[i] = (part){sides[i], ref, columns[i],
                          (int64_t)(i == 0 ? a->heads : a->kv_heads) * a->width};
    }
    for (int i = 0; i < 3; i++) {
        part *shared[3];
        int n = 0;
        bool seen = false;
        for (int j = 0; j < i; j++)
            seen = seen || parts[j].ref.data == parts[i].ref.data;
        for (int j = i; j < 3 && parts[i].ref.data && !seen; j++)
            if (parts[j].ref.data == parts[i].ref.data)
                shared[n++] = &parts[j];
        if (n > 0)
            share_gradient(a, node->in[i], shared, n);
    }
}

stoa_status stoa_cpu_attention_backward(stoa_ctx *ctx, stoa_node *node) {
    stoa_attn a;
    STOA_TRY(describe(ctx, node, &a));
    a.d_out = side_of(node->out[0], stoa_grad_out(node, 0).data, 0);
    take_gradients(&a, node);
    return stoa_attn_backward(ctx, &a);
}
