/*
 * model/agent_text.c - short texts to features: a GRU over embedded bytes, read backwards.
 *
 * Texts are padded with zeros at their end, so read backwards the padding comes first: the state is
 * reset until the text begins, and the last state has read all of it.
 */
#include <math.h>
#include <stdio.h>

#include "model/agent.h"

enum { BYTES = 256, EMBEDDING = 32, WIDTH = 64 };

int64_t stoa_agent_text_declare(stoa_agent_encoder *e, stoa_params *params,
                                const stoa_space *space) {
    char prefix[64];
    snprintf(prefix, sizeof prefix, "encoder.%s", space->name);
    double in = 1 / sqrt((double)EMBEDDING), inside = 1 / sqrt((double)WIDTH);
    e->table = stoa_agent_param(params, prefix, "bytes", NULL, STOA_SHAPE(BYTES, EMBEDDING),
                                STOA_INIT_NORMAL, 1, false);
    e->gru[0] = stoa_agent_param(params, prefix, "gru", "weight_x",
                                 STOA_SHAPE(3 * WIDTH, EMBEDDING), STOA_INIT_NORMAL, in, true);
    e->gru[1] = stoa_agent_param(params, prefix, "gru", "weight_h", STOA_SHAPE(3 * WIDTH, WIDTH),
                                 STOA_INIT_NORMAL, inside, true);
    e->gru[2] = stoa_agent_param(params, prefix, "gru", "bias_x", STOA_SHAPE(3 * WIDTH),
                                 STOA_INIT_ZERO, 0, false);
    e->gru[3] = stoa_agent_param(params, prefix, "gru", "bias_h", STOA_SHAPE(3 * WIDTH),
                                 STOA_INIT_ZERO, 0, false);
    return WIDTH;
}

/* host (R, L) -> ids and reset (L, R), the last byte first. */
static void turn(int64_t rows, int64_t length, const uint8_t *host, int32_t *ids, uint8_t *reset) {
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < length; i++) {
            const uint8_t *from = host + r * length + length - 1 - i;
            ids[i * rows + r] = *from;
            reset[i * rows + r] = i == 0 || from[1] == 0;
        }
}

stoa_tensor *stoa_agent_text(stoa_ctx *ctx, const stoa_agent_encoder *e, const stoa_space *space,
                             int64_t rows, const void *host) {
    int64_t length = stoa_space_numel(space);
    stoa_tensor *ids = stoa_new(ctx, STOA_I32, STOA_SHAPE(length, rows));
    stoa_tensor *reset = stoa_new(ctx, STOA_U8, STOA_SHAPE(length, rows));
    if (stoa_ctx_computes(ctx) && stoa_ctx_status(ctx, NULL) == STOA_OK)
        turn(rows, length, host, ids->data, reset->data);
    stoa_dtype compute = stoa_ctx_compute(ctx);
    stoa_tensor *x = stoa_embedding(ctx, e->table, ids, compute), *last; // (L, R, EMBEDDING)
    stoa_gru(ctx, x, e->gru[0], e->gru[1], e->gru[2], e->gru[3], NULL, reset, &last);
    return stoa_cast(ctx, last, compute); // (R, WIDTH)
}
