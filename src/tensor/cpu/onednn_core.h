/*
 * tensor/cpu/onednn_core.h - plans: primitives with their memory objects, kept by shape. Shared by
 * onednn.c and onednn_conv.c only, the two files that know oneDNN's interface (2.x).
 */
#ifndef STOA_TENSOR_CPU_ONEDNN_CORE_H
#define STOA_TENSOR_CPU_ONEDNN_CORE_H

#include <dnnl.h>

#include "tensor/cpu/onednn.h"

enum { STOA_DNN_ARGS = 4, STOA_DNN_NUMBERS = 24 };

typedef enum stoa_dnn_kind {
    STOA_DNN_PRODUCT,
    STOA_DNN_CONV_FORWARD,
    STOA_DNN_CONV_INPUT,
    STOA_DNN_CONV_WEIGHT,
    STOA_DNN_KINDS
} stoa_dnn_kind;

/* Compared as bytes: zero the whole of it first. */
typedef struct stoa_dnn_key {
    int64_t kind;
    int64_t number[STOA_DNN_NUMBERS];
} stoa_dnn_key;

/* A primitive and, for each of its arguments, the copy between the layout the caller has and the
 * one oneDNN likes best; one set of memory objects a thread. */
typedef struct stoa_dnn_plan {
    stoa_dnn_key key;
    stoa_status status; /* a shape that cannot be done is remembered too */
    dnnl_primitive_t primitive;
    int args, ids[STOA_DNN_ARGS];
    dnnl_memory_t *memory;                   /* (threads, args + 1); the last is the scratchpad */
    size_t bytes[STOA_DNN_ARGS];             /* of the primitive's layout */
    dnnl_primitive_t reorder[STOA_DNN_ARGS]; /* NULL: the caller's layout will do */
    bool outward[STOA_DNN_ARGS];             /* the copy goes to the caller */
    dnnl_memory_t *plain;                    /* (threads, args): the caller's side of a copy */
} stoa_dnn_plan;

struct stoa_onednn {
    int threads;
    dnnl_engine_t engine;
    dnnl_stream_t *streams; /* one a thread */
    void **pads;            /* scratchpads, one a thread */
    size_t pad_bytes;
    stoa_dnn_plan **plans; /* hash table, open addressing */
    size_t count, capacity;
};

/* What a builder returns; both are oneDNN's to free by the caller. plain: the caller's layouts. */
typedef struct stoa_dnn_design {
    dnnl_primitive_desc_t primitive;
    int args, ids[STOA_DNN_ARGS];
    dnnl_memory_desc_t plain[STOA_DNN_ARGS];
    bool outward[STOA_DNN_ARGS];
} stoa_dnn_design;
typedef dnnl_status_t (*stoa_dnn_builder)(stoa_onednn *o, const stoa_dnn_key *key,
                                          stoa_dnn_design *design);

/* The plan of a key; its status tells whether it can be used. NULL when out of memory. Not to be
 * called while plans run. */
stoa_dnn_plan *stoa_dnn_find(stoa_onednn *o, const stoa_dnn_key *key);
/* Runs on a thread with all arguments in the primitive's layouts. */
stoa_status stoa_dnn_run(stoa_onednn *o, stoa_dnn_plan *plan, int thread, void *const *data);
/* Copies argument i between plain (the caller's layout) and inner (the primitive's). */
stoa_status stoa_dnn_reorder(stoa_onednn *o, stoa_dnn_plan *plan, int thread, int i, void *plain,
                             void *inner);
/* One OpenMP thread for oneDNN on the calling thread; returns what leave needs. */
int stoa_dnn_enter(void);
void stoa_dnn_leave(int before);

dnnl_data_type_t stoa_dnn_type(stoa_dtype dtype);
dnnl_status_t stoa_dnn_user_scratch(dnnl_primitive_attr_t *attr);

/* onednn_conv.c */
dnnl_status_t stoa_dnn_build_conv_forward(stoa_onednn *o, const stoa_dnn_key *key,
                                          stoa_dnn_design *design);
dnnl_status_t stoa_dnn_build_conv_input(stoa_onednn *o, const stoa_dnn_key *key,
                                        stoa_dnn_design *design);
dnnl_status_t stoa_dnn_build_conv_weight(stoa_onednn *o, const stoa_dnn_key *key,
                                         stoa_dnn_design *design);

#endif /* STOA_TENSOR_CPU_ONEDNN_CORE_H */
