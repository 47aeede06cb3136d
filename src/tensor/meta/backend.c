/*
 * tensor/meta/backend.c - the backend that computes nothing. Front ends check shapes, the tape
 * counts FLOPs and the counting arena counts bytes exactly as in a real run, so a plan cannot drift
 * from it.
 */
#include "tensor/node.h"

static const stoa_backend meta = {.name = "meta", .computes = false, .full = STOA_F32};

const stoa_backend *stoa_backend_meta(void) {
    return &meta;
}
