/*
 * tensor/cpu/swiglu.c - silu(gate) * up of rows gate|up (Shazeer 2020, "GLU variants improve
 * transformer").
 */
#include "tensor/cpu/kernels.h"
#include "tensor/cpu/lanes_math.h"
#include "tensor/cpu/rows.h"

typedef struct job {
    const void *x; // (rows, 2N)
    void *y;       // (rows, N)
    stoa_dtype dtype;
    int64_t n;
    stoa_grad_ref g, dx;
} job;

STOA_INLINE void forward_rows(job j, stoa_dtype dtype, int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++)
        for (int64_t at = 0; at < j.n; at += STOA_LANES) {
            int64_t n = j.n - at < STOA_LANES ? j.n - at : STOA_LANES, gate_at = row * 2 * j.n + at;
            stoa_lanes gate = stoa_lanes_get(j.x, dtype, gate_at, n);
            stoa_lanes up = stoa_lanes_get(j.x, dtype, gate_at + j.n, n);
            stoa_lanes_put(j.y, dtype, row * j.n + at, n, gate * stoa_lanes_sigmoid(gate) * up);
        }
}

static void forward_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    if (j->dtype == STOA_F32)
        forward_rows(*j, STOA_F32, begin, end);
    else
        forward_rows(*j, STOA_BF16, begin, end);
}

stoa_status stoa_cpu_swiglu(stoa_ctx *ctx, stoa_node *node) {
    const stoa_tensor *x = node->in[0], *y = node->out[0];
    if (!stoa_is_float(x->dtype))
        return STOA_ERR_UNSUPPORTED;
    job j = {.x = x->data, .y = y->data, .dtype = x->dtype, .n = stoa_cols(y)};
    stoa_parallel(ctx, stoa_rows(y), stoa_row_grain(j.n), forward_range, &j);
    return STOA_OK;
}

STOA_INLINE void backward_rows(job j, stoa_dtype dtype, int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++)
        for (int64_t at = 0; at < j.n; at += STOA_LANES) {
            int64_t n = j.n - at < STOA_LANES ? j.n - at : STOA_LANES, gate_at = row * 2 * j.n + at;
            stoa_lanes gate = stoa_lanes_get(j.x, dtype, gate_at, n);
            stoa_lanes up = stoa_lanes_get(j.x, dtype, gate_at + j.n, n);
            stoa_lanes g = stoa_lanes_get(j.g.data, dtype, row * j.n + at, n);
            stoa_lanes s = stoa_lanes_sigmoid(gate), silu = gate * s;
            stoa_lanes dgate = g * up * (s + silu * (1.0f - s)), dup = g * silu;
            if (j.dx.add) {
                dgate += stoa_lanes_get(j.dx.data, dtype, gate_at, n);
                dup += stoa_lanes_get(j.dx.data, dtype, gate_at + j.n, n);
            }
            stoa_lanes_put(j.dx.data, dtype, gate_at, n, dgate);
            stoa_lanes_put(j.dx.data, dtype, gate_at + j.n, n, dup);
        }
}

static void backward_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    if (j->dtype == STOA_F32)
        backward_rows(*j, STOA_F32, begin, end);
    else
        backward_rows(*j, STOA_BF16, begin, end);
}

stoa_status stoa_cpu_swiglu_backward(stoa_ctx *ctx, stoa_node *node) {
    const stoa_tensor *x = node->in[0], *y = node->out[0];
    job j = {.x = x->data, .dtype = x->dtype, .n = stoa_cols(y)};
    j.g = stoa_grad_out(node, 0), j.dx = stoa_grad_take(node, 0);
    stoa_parallel(ctx, stoa_rows(y), stoa_row_grain(j.n), backward_range, &j);
    return STOA_OK;
}
