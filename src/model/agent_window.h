/*
 * model/agent_window.h - what a core keeps of the past: of a transformer, for every block its
 * inputs of the last P steps; of a memory, one block of written rows. In the instance's state row.
 *
 * A state row begins with: place of the next step in the ring, steps held (at most P, and none from
 * before the episode), then for every block P slots of M floats (the block's input) and one that is
 * 1 where the step went through the block.
 *
 * Keys of a call are the P past steps, oldest first, then its T own: key j lies P + t - j steps
 * before query t. A query sees the P steps before it and itself, nothing from before its episode.
 */
#ifndef STOA_MODEL_AGENT_WINDOW_H
#define STOA_MODEL_AGENT_WINDOW_H

#include "stoa/model.h"

typedef struct stoa_agent_window {
    int64_t batch, steps, slots, width, blocks; /* B, T, P, M */
    const stoa_agent_state *state;
    const uint8_t *reset; /* (T, B), or NULL */
    stoa_tensor *past;    /* (B, 2) I32: place in the ring, steps held */
    stoa_tensor *first;   /* (B, T) I32: first key of the query's episode */
    /* a transformer's, acting: its rows from cache_first on are the window's; else NULL */
    const stoa_agent_cache *cache;
    int64_t cache_first;
} stoa_agent_window;

typedef struct stoa_agent_window_shape {
    int64_t blocks, slots, width; /* slots: P */
} stoa_agent_window_shape;

/* Of a transformer core. */
stoa_agent_window_shape stoa_agent_window_shape_of(const stoa_agent_options *options);
int64_t stoa_agent_window_width(stoa_agent_window_shape shape);
void stoa_agent_window_open(stoa_ctx *ctx, stoa_agent_window *w, stoa_agent_window_shape shape,
                            const stoa_agent_input *input, const stoa_agent_state *state);
/* Of one step, (B) I32 each: the ring's slot that it will take, the steps of its episode before it.
 */
void stoa_agent_window_now(stoa_ctx *ctx, const stoa_agent_window *w, stoa_tensor **place,
                           stoa_tensor **held);
/* (T, P + T) I32: how many steps before a query a key lies, within 0 to P. */
stoa_tensor *stoa_agent_window_distance(stoa_ctx *ctx, const stoa_agent_window *w);
/* The block's inputs in the P past steps, (B, P, M) in full precision; *through (B, P) U8. */
stoa_tensor *stoa_agent_window_rows(stoa_ctx *ctx, const stoa_agent_window *w, int64_t block,
                                    stoa_tensor **through);
/* (B, 1, T, P + T): 0 where the query may see the key, else hugely negative. With `past` (B, P) and
 * `now` (B, T), U8, only keys that are 1 there can be seen; both NULL: all. */
stoa_tensor *stoa_agent_window_mask(stoa_ctx *ctx, const stoa_agent_window *w,
                                    const stoa_tensor *past, const stoa_tensor *now);
/* Writes the state after the last step. inputs: of each block (B, T, M); through: of each (B, T) U8
 * or NULL. */
void stoa_agent_window_keep(stoa_ctx *ctx, const stoa_agent_window *w, stoa_tensor *const *inputs,
                            stoa_tensor *const *through, stoa_agent_state *next);

#endif /* STOA_MODEL_AGENT_WINDOW_H */
