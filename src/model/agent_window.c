/* model/agent_window.c - the past of a core; see agent_window.h. */
#include "model/agent_window.h"

#include <assert.h>
#include <string.h>

enum { HEADER = 2 };

stoa_agent_window_shape stoa_agent_window_shape_of(const stoa_agent_options *o) {
    return (stoa_agent_window_shape){o->core_layers, o->core_memory, o->core_width};
}

int64_t stoa_agent_window_width(stoa_agent_window_shape s) {
    return HEADER + s.blocks * s.slots * (s.width + 1);
}

static float *slot_of(const stoa_agent_window *w, const stoa_agent_state *state, int64_t b,
                      int64_t block, int64_t slot) {
    return state->data + b * state->width + HEADER + (block * w->slots + slot) * (w->width + 1);
}

static bool ready(stoa_ctx *ctx) {
    return stoa_ctx_computes(ctx) && stoa_ctx_status(ctx, NULL) == STOA_OK;
}

/* Steps of the episode that instance b holds after query t. */
static int32_t held_after(const stoa_agent_window *w, int32_t held, int64_t b, int64_t t) {
    if (w->reset && w->reset[t * w->batch + b])
        held = 0;
    return held < w->slots ? held + 1 : (int32_t)w->slots;
}

/* A count from a state, which may come from a file: 0 when it is none from 0 to most. */
static int32_t count_of(float x, int64_t most) {
    return x >= 0 && x <= (float)most ? (int32_t)x : 0;
}

void stoa_agent_window_open(stoa_ctx *ctx, stoa_agent_window *w, stoa_agent_window_shape shape,
                            const stoa_agent_input *input, const stoa_agent_state *state) {
    int64_t steps = input->steps, batch = input->batch, slots = shape.slots;
    *w = (stoa_agent_window){.batch = batch,
                             .steps = steps,
                             .slots = slots,
                             .width = shape.width,
                             .blocks = shape.blocks,
                             .state = state,
                             .reset = input->reset};
    w->past = stoa_new(ctx, STOA_I32, STOA_SHAPE(batch, HEADER));
    w->first = stoa_new(ctx, STOA_I32, STOA_SHAPE(batch, steps));
    if (!ready(ctx))
        return;
    int32_t *past = w->past->data, *first = w->first->data;
    for (int64_t b = 0; b < batch; b++) {
        const float *row = state->data + b * state->width;
        past[b * HEADER] = count_of(row[0], slots - 1);
        past[b * HEADER + 1] = count_of(row[1], slots);
        int32_t begin = (int32_t)slots - past[b * HEADER + 1];
        for (int64_t t = 0; t < steps; t++) {
            if (w->reset && w->reset[t * batch + b])
                begin = (int32_t)(slots + t);
            first[b * steps + t] = begin;
        }
    }
}

void stoa_agent_window_now(stoa_ctx *ctx, const stoa_agent_window *w, stoa_tensor **place,
                           stoa_tensor **held) {
    *place = stoa_new(ctx, STOA_I32, STOA_SHAPE(w->batch));
    *held = stoa_new(ctx, STOA_I32, STOA_SHAPE(w->batch));
    if (!ready(ctx))
        return;
    const int32_t *past = w->past->data;
    for (int64_t b = 0; b < w->batch; b++) {
        ((int32_t *)(*place)->data)[b] = past[b * HEADER];
        ((int32_t *)(*held)->data)[b] = w->reset && w->reset[b] ? 0 : past[b * HEADER + 1];
    }
}

stoa_tensor *stoa_agent_window_distance(stoa_ctx *ctx, const stoa_agent_window *w) {
    int64_t keys = w->slots + w->steps;
    stoa_tensor *distance = stoa_new(ctx, STOA_I32, STOA_SHAPE(w->steps, keys));
    if (!ready(ctx))
        return distance;
    int32_t *to = distance->data;
    for (int64_t t = 0; t < w->steps; t++)
        for (int64_t j = 0; j < keys; j++) {
            int64_t back = w->slots + t - j;
            to[t * keys + j] = (int32_t)(back < 0 ? 0 : back > w->slots ? w->slots : back);
        }
    return distance;
}

stoa_tensor *stoa_agent_window_rows(stoa_ctx *ctx, const stoa_agent_window *w, int64_t block,
                                    stoa_tensor **through) {
    int64_t n = w->width;
    stoa_tensor *rows = stoa_new(ctx, stoa_ctx_full(ctx), STOA_SHAPE(w->batch, w->slots, n));
    *through = stoa_new(ctx, STOA_U8, STOA_SHAPE(w->batch, w->slots));
    if (!ready(ctx))
        return rows;
    for (int64_t b = 0; b < w->batch; b++) {
        int32_t place = ((const int32_t *)w->past->data)[b * HEADER];
        for (int64_t i = 0; i < w->slots; i++) {
            int64_t at = b * w->slots + i;
            const float *from = slot_of(w, w->state, b, block, (place + i) % w->slots);
            ((uint8_t *)(*through)->data)[at] = from[n] != 0;
            if (rows->dtype == STOA_F32)
                memcpy((float *)rows->data + at * n, from, (size_t)n * sizeof *from);
            else
                for (int64_t k = 0; k < n; k++)
                    stoa_set(rows, at * n + k, (double)from[k]);
        }
    }
    return rows;
}

stoa_tensor *stoa_agent_window_mask(stoa_ctx *ctx, const stoa_agent_window *w,
                                    const stoa_tensor *past, const stoa_tensor *now) {
    int64_t keys = w->slots + w->steps;
    stoa_tensor *mask = stoa_new(ctx, stoa_ctx_full(ctx), STOA_SHAPE(w->batch, 1, w->steps, keys));
    if (!ready(ctx))
        return mask;
    float *row = stoa_ctx_full(ctx) == STOA_F32 ? mask->data : NULL;
    for (int64_t b = 0; b < w->batch; b++)
        for (int64_t t = 0; t < w->steps; t++) {
            int64_t at = (b * w->steps + t) * keys;
            int64_t least = ((const int32_t *)w->first->data)[b * w->steps + t];
            least = least < t ? t : least;
            for (int64_t j = 0; j < keys; j++) {
                bool seen = j >= least && j <= w->slots + t;
                if (seen && past)
                    seen = j < w->slots ? ((const uint8_t *)past->data)[b * w->slots + j]
                                        : ((const uint8_t *)now->data)[b * w->steps + j - w->slots];
                float value = seen ? 0.0f : -1e9f;
                if (row)
                    row[at + j] = value;
                else
                    stoa_set(mask, at + j, (double)value);
            }
        }
    return mask;
}

/* The last steps of one block into the ring of instance b. */
static void keep_block(const stoa_agent_window *w, int64_t b, int64_t block,
                       const stoa_tensor *input, const stoa_tensor *through,
                       stoa_agent_state *next) {
    int64_t n = w->width, from = w->steps > w->slots ? w->steps - w->slots : 0;
    int32_t place = ((const int32_t *)w->past->data)[b * HEADER];
    for (int64_t t = from; t < w->steps; t++) {
        int64_t at = b * w->steps + t;
        float *to = slot_of(w, next, b, block, (place + t) % w->slots);
        for (int64_t k = 0; k < n; k++)
            to[k] = input->dtype == STOA_F32 ? ((const float *)input->data)[at * n + k]
                                             : (float)stoa_get(input, at * n + k);
        to[n] = !through || ((const uint8_t *)through->data)[at] ? 1.0f : 0.0f;
    }
}

void stoa_agent_window_keep(stoa_ctx *ctx, const stoa_agent_window *w, stoa_tensor *const *inputs,
                            stoa_tensor *const *through, stoa_agent_state *next) {
    if (!ready(ctx))
        return;
    assert(next->width == w->state->width);
    if (next->data != w->state->data)
        memcpy(next->data, w->state->data,
               (size_t)(next->batch * next->width) * sizeof *next->data);
    for (int64_t b = 0; b < w->batch; b++) {
        for (int64_t i = 0; i < w->blocks; i++)
            keep_block(w, b, i, inputs[i], through[i], next);
        int32_t held = ((const int32_t *)w->past->data)[b * HEADER + 1];
        for (int64_t t = 0; t < w->steps; t++)
            held = held_after(w, held, b, t);
        float *row = next->data + b * next->width;
        row[0] = (float)((((const int32_t *)w->past->data)[b * HEADER] + w->steps) % w->slots);
        row[1] = (float)held;
    }
}
