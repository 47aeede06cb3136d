/*
 * bench/bench_onednn.c - the linear layers of one training step on oneDNN alone: the rate that
 * Stoa's whole step is held against.
 *
 *   bench_onednn [1.2M|10M|124M] [bf16|f32] [threads] [json]
 *
 * Each layer has three products: output, gradient of the input, gradient of the weight (float32).
 * oneDNN may take the best of its routes for each, on its own threads: a matrix product of plain
 * matrices, the same with the weight in the layout it likes best, and its inner-product primitive
 * with weight and weight gradient in that layout. Packing is not counted, buffers stay where they
 * are, and the best round counts, so all doubts are in oneDNN's favour. Multiply-add = 2 FLOPs.
 */
#include <dnnl.h>
#include <stdlib.h>
#include <string.h>

#include "stoa/base.h"

/* From libgomp, which oneDNN is linked with; its header is not on clang's path. */
extern void omp_set_num_threads(int threads);

static const double SECONDS = 0.2; /* a measurement takes at least this and five rounds */

static const struct size {
    const char *name;
    int64_t layers, width, rows, vocab; // rows: batch * context; as in src/cli/bench.c
} sizes[] = {
    {"1.2M", 6, 128, 8 * 256, 256},
    {"10M", 6, 384, 8 * 256, 256},
    {"124M", 12, 768, 4 * 1024, 50304},
};

/* Output (M, N), input (M, K), weight (N, K); all row-major. */
typedef enum what { OUTPUT, INPUT_GRADIENT, WEIGHT_GRADIENT, PRODUCTS } what;
typedef enum route { PLAIN, PACKED, INNER, ROUTES } route;

typedef struct shape {
    const char *name;
    int64_t m, k, n, count; // count: times in a step
} shape;

static void check(dnnl_status_t status, const char *doing) {
    if (status == dnnl_success)
        return;
    fprintf(stderr, "bench_onednn: %s: oneDNN's status %d\n", doing, status);
    exit(1);
}

/* A matrix (rows, columns) that is read with these strides, or in any layout (stride 0). */
static dnnl_memory_desc_t matrix(int64_t rows, int64_t columns, dnnl_data_type_t type,
                                 int64_t row_stride, int64_t column_stride) {
    dnnl_memory_desc_t md;
    const dnnl_dims_t dims = {rows, columns}, strides = {row_stride, column_stride};
    if (row_stride == 0)
        check(dnnl_memory_desc_init_by_tag(&md, 2, dims, type, dnnl_format_tag_any), "a layout");
    else
        check(dnnl_memory_desc_init_by_strides(&md, 2, dims, type, strides), "a layout");
    return md;
}

/* NULL when this oneDNN has no such primitive. */
static dnnl_primitive_desc_t product(const shape *s, what w, dnnl_data_type_t type, bool packed,
                                     dnnl_engine_t engine) {
    int64_t m = s->m, k = s->k, n = s->n;
    dnnl_memory_desc_t a, b, c;
    if (w == OUTPUT) { // (M, K) x (K, N)
        a = matrix(m, k, type, k, 1);
        b = packed ? matrix(k, n, type, 0, 0) : matrix(k, n, type, 1, k);
        c = matrix(m, n, type, n, 1);
    } else if (w == INPUT_GRADIENT) { // (M, N) x (N, K)
        a = matrix(m, n, type, n, 1);
        b = packed ? matrix(n, k, type, 0, 0) : matrix(n, k, type, k, 1);
        c = matrix(m, k, type, k, 1);
    } else { // (N, M) x (M, K); both change every step, so neither may be packed beforehand
        if (packed)
            return NULL;
        a = matrix(n, m, type, 1, n);
        b = matrix(m, k, type, k, 1);
        c = matrix(n, k, dnnl_f32, k, 1);
    }
    dnnl_matmul_desc_t desc;
    dnnl_primitive_desc_t pd = NULL;
    check(dnnl_matmul_desc_init(&desc, &a, &b, NULL, &c), "a product");
    return dnnl_primitive_desc_create(&pd, &desc, NULL, engine, NULL) == dnnl_success ? pd : NULL;
}

static dnnl_primitive_desc_t inner(const shape *s, what w, dnnl_data_type_t type,
                                   dnnl_engine_t engine) {
    dnnl_memory_desc_t x = matrix(s->m, s->k, type, s->k, 1), y = matrix(s->m, s->n, type, s->n, 1);
    dnnl_memory_desc_t weight = matrix(s->n, s->k, w == WEIGHT_GRADIENT ? dnnl_f32 : type, 0, 0);
    dnnl_inner_product_desc_t desc;
    dnnl_primitive_desc_t pd = NULL, hint = NULL;
    dnnl_status_t status =
        w == OUTPUT ? dnnl_inner_product_forward_desc_init(&desc, dnnl_forward_training, &x,
                                                           &weight, NULL, &y)
        : w == INPUT_GRADIENT
            ? dnnl_inner_product_backward_data_desc_init(&desc, &x, &weight, &y)
            : dnnl_inner_product_backward_weights_desc_init(&desc, &x, &weight, NULL, &y);
    check(status, "an inner product");
    if (w != OUTPUT && !(hint = inner(s, OUTPUT, type, engine)))
        return NULL;
    status = dnnl_primitive_desc_create(&pd, &desc, NULL, engine, hint);
    dnnl_primitive_desc_destroy(hint);
    return status == dnnl_success ? pd : NULL;
}

/* Values of about 1, whatever the type and layout: every two bytes are a number in bf16, and the
 * upper half of one in float32. */
static void fill(dnnl_memory_t memory, size_t bytes) {
    void *data;
    check(dnnl_memory_get_data_handle(memory, &data), "a buffer");
    uint32_t u = 1;
    for (size_t i = 0; i < bytes / 2; i++) {
        u = u * 1664525u + 1013904223u;
        ((uint16_t *)data)[i] = (uint16_t)(0x3f00u | (u >> 16 & 0x80ffu)); // sign and mantissa
    }
}

/* Seconds of the best round. */
static double measure(dnnl_primitive_desc_t pd, dnnl_engine_t engine, dnnl_stream_t stream) {
    static const int ids[] = {DNNL_ARG_SRC,      DNNL_ARG_WEIGHTS,  DNNL_ARG_DST,
                              DNNL_ARG_DIFF_SRC, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_WEIGHTS};
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t args[sizeof ids / sizeof ids[0]];
    int count = 0;
    check(dnnl_primitive_create(&primitive, pd), "a primitive");
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        const dnnl_memory_desc_t *md =
            dnnl_primitive_desc_query_md(pd, dnnl_query_exec_arg_md, ids[i]);
        size_t bytes = md ? dnnl_memory_desc_get_size(md) : 0;
        if (bytes == 0)
            continue;
        dnnl_exec_arg_t *arg = &args[count++];
        arg->arg = ids[i];
        check(dnnl_memory_create(&arg->memory, md, engine, DNNL_MEMORY_ALLOCATE), "a buffer");
        fill(arg->memory, bytes);
    }
    double best = 1e30, spent = 0;
    for (int round = 0; round < 6 || spent < SECONDS; round++) {
        double t = stoa_clock();
        check(dnnl_primitive_execute(primitive, stream, count, args), "a run");
        check(dnnl_stream_wait(stream), "a run");
        t = stoa_clock() - t;
        spent += t;
        best = round > 0 && t < best ? t : best; // the first one only warms up
    }
    while (count > 0)
        dnnl_memory_destroy(args[--count].memory);
    dnnl_primitive_destroy(primitive);
    return best;
}

static double best_route(const shape *s, what w, dnnl_data_type_t type, dnnl_engine_t engine,
                         dnnl_stream_t stream) {
    double best = 1e30;
    for (route r = PLAIN; r < ROUTES; r++) {
        dnnl_primitive_desc_t pd =
            r == INNER ? inner(s, w, type, engine) : product(s, w, type, r == PACKED, engine);
        if (!pd)
            continue;
        double t = measure(pd, engine, stream);
        best = t < best ? t : best;
        dnnl_primitive_desc_destroy(pd);
    }
    if (best >= 1e30)
        check(dnnl_unimplemented, s->name);
    return best;
}

int main(int argc, char **argv) {
    const char *size_name = argc > 1 ? argv[1] : "10M", *type_name = argc > 2 ? argv[2] : "bf16";
    int threads = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 2;
    bool json = argc > 4 && strcmp(argv[4], "json") == 0;
    const struct size *size = NULL;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        if (strcmp(sizes[i].name, size_name) == 0)
            size = &sizes[i];
    bool bf16 = strcmp(type_name, "bf16") == 0;
    if (!size || threads < 1 || (!bf16 && strcmp(type_name, "f32") != 0)) {
        fprintf(stderr, "usage: bench_onednn [1.2M|10M|124M] [bf16|f32] [threads] [json]\n");
        return 2;
    }
    omp_set_num_threads(threads);
    int64_t m = size->rows, c = size->width, l = size->layers;
    const shape shapes[] = {{"queries, keys, values", m, c, 3 * c, l},
                            {"attention's output", m, c, c, l},
                            {"up", m, c, 4 * c, l},
                            {"down", m, 4 * c, c, l},
                            {"head", m, c, size->vocab, 1}};
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    check(dnnl_engine_create(&engine, dnnl_cpu, 0), "an engine");
    check(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags), "a stream");
    if (!json)
        printf("oneDNN %d.%d, %s, %s, %d threads, GFLOP/s\n%-22s %6s %6s %6s %9s %9s %9s\n",
               dnnl_version()->major, dnnl_version()->minor, size_name, type_name, threads, "layer",
               "M", "K", "N", "output", "input", "weight");
    double seconds = 0, flops = 0;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        const shape *s = &shapes[i];
        double work = 2.0 * (double)s->m * (double)s->k * (double)s->n, took[PRODUCTS];
        for (what w = OUTPUT; w < PRODUCTS; w++) {
            took[w] = best_route(s, w, bf16 ? dnnl_bf16 : dnnl_f32, engine, stream);
            seconds += (double)s->count * took[w];
            flops += (double)s->count * work;
        }
        if (!json)
            printf("%-22s %6lld %6lld %6lld %9.0f %9.0f %9.0f\n", s->name, (long long)s->m,
                   (long long)s->k, (long long)s->n, work / took[OUTPUT] * 1e-9,
                   work / took[INPUT_GRADIENT] * 1e-9, work / took[WEIGHT_GRADIENT] * 1e-9);
    }
    if (json)
        printf("{\"library\": \"oneDNN %d.%d\", \"seconds\": %.6g, \"flops\": %.6g}\n",
               dnnl_version()->major, dnnl_version()->minor, seconds, flops);
    else
        printf("a step's linear layers: %.4g s, %.0f GFLOP/s\n", seconds, flops / seconds * 1e-9);
    dnnl_stream_destroy(stream);
    dnnl_engine_destroy(engine);
    return 0;
}
