/* tensor/cpu/l2_normalize.c - x / max(|x|, eps) over the last dimension. */
#include "tensor/cpu/kernels.h"
#include "tensor/cpu/rows.h"

typedef struct job {
    const void *x; // (rows, N)
    void *y;
    stoa_dtype dtype;
    int64_t n;
    float eps;
    stoa_grad_ref g, dx;
    float *scratch; // (threads, 3, N)
} job;

static stoa_status job_of(stoa_ctx *ctx, const stoa_node *node, job *j) {
    *j = (job){.x = node->in[0]->data,
               .y = node->out[0]->data,
               .dtype = node->in[0]->dtype,
               .n = stoa_cols(node->in[0]),
               .eps = (float)node->p.norm.eps};
    j->scratch = stoa_scratch(ctx, (size_t)(ctx->threads * 3 * j->n) * sizeof *j->scratch);
    return j->scratch ? STOA_OK : STOA_ERR_MEMORY;
}

static float dot(const float *restrict a, const float *restrict b, int64_t n) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static void forward_range(void *arg, int64_t begin, int64_t end, int thread) {
    const job *j = arg;
    int64_t n = j->n;
    float *a = j->scratch + thread * 3 * n, *b = a + n;
    for (int64_t row = begin; row < end; row++) {
        const float *x = stoa_row_view(a, j->x, j->dtype, row * n, n);
        float norm = sqrtf(dot(x, x, n)), scale = 1.0f / (norm > j->eps ? norm : j->eps);
#pragma omp simd
        for (int64_t i = 0; i < n; i++)
            b[i] = x[i] * scale;
        stoa_row_put(j->y, j->dtype, row * n, b, n);
    }
}

stoa_status stoa_cpu_l2_normalize(stoa_ctx *ctx, stoa_node *node) {
    job j;
    if (!stoa_is_float(node->in[0]->dtype))
        return STOA_ERR_UNSUPPORTED;
    STOA_TRY(job_of(ctx, node, &j));
    stoa_parallel(ctx, stoa_rows(node->in[0]), stoa_row_grain(j.n), forward_range, &j);
    return STOA_OK;
}

/* dx = (g - xhat (xhat . g)) / |x|, or g / eps where the norm was smaller. */
static void backward_range(void *arg, int64_t begin, int64_t end, int thread) {
    const job *j = arg;
    int64_t n = j->n;
    float *a = j->scratch + thread * 3 * n, *b = a + n, *c = b + n;
    for (int64_t row = begin; row < end; row++) {
        const float *x = stoa_row_view(a, j->x, j->dtype, row * n, n);
        const float *g = stoa_row_view(b, j->g.data, j->dtype, row * n, n);
        float norm = sqrtf(dot(x, x, n));
        bool small = norm <= j->eps;
        float scale = 1.0f / (small ? j->eps : norm);
        float along = small ? 0.0f : dot(x, g, n) * scale * scale;
#pragma omp simd
        for (int64_t i = 0; i < n; i++)
            c[i] = (g[i] - x[i] * along) * scale;
        stoa_row_grad(j->dx.data, j->dtype, j->dx.add, row * n, c, n);
    }
}

stoa_status stoa_cpu_l2_normalize_backward(stoa_ctx *ctx, stoa_node *node) {
    job j;
    STOA_TRY(job_of(ctx, node, &j));
    j.g = stoa_grad_out(node, 0), j.dx = stoa_grad_take(node, 0);
    stoa_parallel(ctx, stoa_rows(node->in[0]), stoa_row_grain(j.n), backward_range, &j);
    return STOA_OK;
}
