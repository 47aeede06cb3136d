/*
 * tensor/ref/backend.c - the reference backend: plain double-precision loops, forward only. It is
 * written to be read beside the equations; every fast kernel is tested against it, and gradients
 * against finite differences through it.
 */
#include "tensor/ref/kernels.h"

/* ORDER OP */
static const stoa_backend ref = {
    .name = "ref",
    .computes = true,
    .full = STOA_F64,
    .kernels =
        {
            /* elementwise */
            [STOA_OP_ADD] = {stoa_ref_binary, NULL},
            [STOA_OP_SUB] = {stoa_ref_binary, NULL},
            [STOA_OP_MUL] = {stoa_ref_binary, NULL},
            [STOA_OP_DIV] = {stoa_ref_binary, NULL},
            [STOA_OP_MAXIMUM] = {stoa_ref_binary, NULL},
            [STOA_OP_MINIMUM] = {stoa_ref_binary, NULL},

            /* reductions, softmax, losses */

            /* norms */

            /* shape and index */
            [STOA_OP_EMBEDDING] = {stoa_ref_embedding, NULL},
            [STOA_OP_PICK] = {stoa_ref_pick, NULL},
            [STOA_OP_GATHER_ROWS] = {stoa_ref_gather_rows, NULL},
            [STOA_OP_SCATTER_ROWS] = {stoa_ref_scatter_rows, NULL},
            [STOA_OP_TOP_K] = {stoa_ref_top_k, NULL},
            [STOA_OP_ROUTE_CHOICE] = {stoa_ref_route_choice, NULL},
            [STOA_OP_CONCAT] = {stoa_ref_concat, NULL},
            [STOA_OP_SLICE] = {stoa_ref_slice, NULL},
            [STOA_OP_TRANSPOSE] = {stoa_ref_transpose, NULL},

            /* matrix products */

            /* sequence */
            [STOA_OP_ATTENTION] = {stoa_ref_attention, NULL},
            [STOA_OP_ATTENTION_CACHED] = {stoa_ref_attention_cached, NULL},
            [STOA_OP_LSTM] = {stoa_ref_lstm, NULL},
            [STOA_OP_GRU] = {stoa_ref_gru, NULL},
        },
};

const stoa_backend *stoa_backend_ref(void) {
    return &ref;
}
