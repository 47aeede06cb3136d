/*
 * model/agent_cache.h - keys and values that a transformer core keeps while it acts; see
 * stoa_agent_cache. A window finds its own rows in it, and slices of the instances touch no
 * others'.
 */
#ifndef STOA_MODEL_AGENT_CACHE_H
#define STOA_MODEL_AGENT_CACHE_H

#include "model/agent_window.h"

/* Gives the window its state's cache where that serves: one step, no gradient, the same type. */
void stoa_agent_cache_open(stoa_ctx *ctx, stoa_agent_window *w);
/* Whether all the window's rows were made with weights of that version. */
bool stoa_agent_cache_is_of(const stoa_agent_window *w, uint64_t version);
/* One block's keys and values anew, kv (B, P, 2M), oldest first; through (B, P) U8 or NULL. */
void stoa_agent_cache_fill(stoa_ctx *ctx, const stoa_agent_window *w, int64_t block,
                           const stoa_tensor *kv, const stoa_tensor *through);
/* All blocks were filled. */
void stoa_agent_cache_mark(stoa_ctx *ctx, const stoa_agent_window *w, uint64_t version);
/* The step's q (B, 1, M), now (B, 1, 2M) against the block's past, which the step then joins.
 * distance (P + 1, H); through (B, 1) U8 or NULL -> (B, 1, M). */
stoa_tensor *stoa_agent_cache_look(stoa_ctx *ctx, const stoa_agent_window *w, int64_t block,
                                   stoa_tensor *distance, stoa_tensor *q, stoa_tensor *now,
                                   stoa_tensor *through);

#endif /* STOA_MODEL_AGENT_CACHE_H */
