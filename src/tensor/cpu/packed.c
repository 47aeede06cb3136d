/* tensor/cpu/packed.c - making and keeping copies of weights. */
#include "tensor/cpu/packed.h"

#include "tensor/cpu/amx_matrix.h"
#include "tensor/cpu/grain.h"
#include "tensor/cpu/panels_f32.h"
#include "tensor/cpu/simd.h"

typedef struct stoa_packed {
    struct {
        uint16_t *data;
        bool valid;
        uint64_t version;
    } copy[STOA_PACK_COUNT];
    bool lent; /* their memory is an arena's */
} stoa_packed;

/* Together the copies are large enough for huge pages, a single one is not: small pages scattered
 * over the second-level cache cost a product up to a quarter of its speed. */
enum { HOME_BYTES = 4 << 20 };

typedef struct job {
    const float *weight;
    int64_t n, k;
    uint16_t *to;
} job;

static void convert_rows(void *arg, int64_t begin, int64_t end, int thread) {
    const job *w = arg;
    (void)thread;
    stoa_f32_to_bf16_row(w->to + begin * w->k, w->weight + begin * w->k, (end - begin) * w->k);
}

#if STOA_HAVE_AMX

/* Panels [begin, end) of 32 rows of the weight. */
static void pack_forward(void *arg, int64_t begin, int64_t end, int thread) {
    const job *w = arg;
    (void)thread;
    stoa_amx_matrix m = {w->weight, STOA_F32, w->k, w->n, w->k};
    int64_t steps = (w->k + STOA_AMX_STEP - 1) / STOA_AMX_STEP;
    for (int64_t p = begin; p < end; p++)
        for (int64_t s = 0; s < steps; s++)
            stoa_amx_panels_inner(&m, p, s, w->to + (p * steps + s) * STOA_AMX_BLOCK);
}

/* Steps [begin, end) of 32 rows of the weight, over all panels. */
static void pack_backward(void *arg, int64_t begin, int64_t end, int thread) {
    const job *w = arg;
    (void)thread;
    stoa_amx_matrix m = {w->weight, STOA_F32, w->k, w->n, w->k};
    int64_t steps = (w->n + STOA_AMX_STEP - 1) / STOA_AMX_STEP;
    int64_t panels = (w->k + STOA_AMX_STEP - 1) / STOA_AMX_STEP;
    for (int64_t s = begin; s < end; s++)
        for (int64_t p = 0; p < panels; p++)
            stoa_amx_panels_outer(&m, p, s, w->to + (p * steps + s) * STOA_AMX_BLOCK);
}

static size_t elements(const stoa_tensor *t, stoa_pack kind) {
    int64_t n = t->shape[0], k = t->shape[1];
    if (kind == STOA_PACK_PLAIN)
        return (size_t)(n * k);
    return kind == STOA_PACK_FORWARD ? stoa_amx_packed(n, k) : stoa_amx_packed(k, n);
}

static void make(stoa_ctx *ctx, const stoa_tensor *t, stoa_pack kind, uint16_t *to) {
    static const stoa_range_fn fns[] = {pack_forward, pack_backward, convert_rows};
    job w = {t->data, t->shape[0], t->shape[1], to};
    int64_t rows = kind == STOA_PACK_PLAIN ? w.n : (w.n + STOA_AMX_STEP - 1) / STOA_AMX_STEP;
    stoa_parallel(ctx, rows, stoa_grain_bytes((double)(w.n * w.k) * 6, rows), fns[kind], &w);
}

#else

static size_t elements(const stoa_tensor *t, stoa_pack kind) {
    (void)kind;
    return (size_t)stoa_numel(t);
}

static void make(stoa_ctx *ctx, const stoa_tensor *t, stoa_pack kind, uint16_t *to) {
    (void)kind;
    job w = {t->data, t->shape[0], t->shape[1], to};
    stoa_parallel(ctx, w.n, stoa_grain_bytes((double)(w.n * w.k) * 6, w.n), convert_rows, &w);
}

#endif

/* Of any kind. */
static size_t bytes_of(const stoa_tensor *t, stoa_pack kind) {
    bool wide = kind == STOA_PACK_FORWARD_F32 || kind == STOA_PACK_BACKWARD_F32;
    return wide ? stoa_panels_f32_floats(t, kind == STOA_PACK_FORWARD_F32) * sizeof(float)
                : elements(t, kind) * sizeof(uint16_t);
}

static void remake(stoa_ctx *ctx, const stoa_tensor *t, stoa_pack kind, void *to) {
    if (kind == STOA_PACK_FORWARD_F32 || kind == STOA_PACK_BACKWARD_F32)
        stoa_panels_f32_make(ctx, t, kind == STOA_PACK_FORWARD_F32, to);
    else
        make(ctx, t, kind, to);
}

static uint16_t *room_for(stoa_tensor *weight, size_t bytes) {
    if (!weight->packed_home)
        return stoa_alloc(bytes);
    if (!*weight->packed_home && !(*weight->packed_home = stoa_arena_new(HOME_BYTES)))
        return NULL;
    weight->packed->lent = true;
    return stoa_arena_alloc(*weight->packed_home, bytes);
}

bool stoa_packed_current(const stoa_tensor *weight, stoa_pack kind) {
    const stoa_packed *packed = weight->packed;
    return packed && packed->copy[kind].valid && packed->copy[kind].version == weight->version;
}

uint16_t *stoa_packed_room(stoa_tensor *param, stoa_pack kind) {
    if (!param->packed && !(param->packed = stoa_alloc(sizeof *param->packed)))
        return NULL;
    uint16_t **data = &param->packed->copy[kind].data;
    if (!*data)
        *data = room_for(param, bytes_of(param, kind));
    return *data;
}

void stoa_packed_filled(stoa_tensor *param, stoa_pack kind) {
    param->packed->copy[kind].valid = true;
    param->packed->copy[kind].version = param->version;
}

const uint16_t *stoa_packed_get(stoa_ctx *ctx, stoa_tensor *weight, stoa_pack kind) {
    if (!weight->is_param) {
        uint16_t *to = stoa_scratch(ctx, bytes_of(weight, kind));
        if (to)
            remake(ctx, weight, kind, to);
        return to;
    }
    uint16_t *to = stoa_packed_room(weight, kind);
    if (to && !stoa_packed_current(weight, kind)) {
        remake(ctx, weight, kind, to);
        stoa_packed_filled(weight, kind);
    }
    return to;
}

void stoa_packed_free(stoa_tensor *param) {
    if (!param->packed)
        return;
    for (int i = 0; !param->packed->lent && i < STOA_PACK_COUNT; i++)
        stoa_free(param->packed->copy[i].data);
    stoa_free(param->packed);
    param->packed = NULL;
}
