/*
 * tests/tensor/op_harness.c - what is done with the cases: forward against the reference, gradients
 * against finite differences of the reference, presence.
 *
 * An error is the largest difference over the largest value. STOA_TOL_SCALE in the environment
 * multiplies every tolerance: 0 prints all residuals.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "op_env.h"

enum {
    THREADS = 3,       /* odd, so that ranges are uneven */
    SAMPLES = 8,       /* elements of an input whose derivative is checked one by one */
    SMALL_ROW = 10000, /* elements of all inputs, up to which that is done */
};
static const double STEP = 1e-5;        /* of finite differences, in double */
static const double TINY_VALUE = 1e-7;  /* results are not compared finer than this */
static const double TINY_SLOPE = 1e-3;  /* nor gradients, whose random weights are about 1 */
static const uint64_t WEIGHT_SEED = 99; /* of the weights of the loss */

static double tol_scale(void) {
    const char *text = getenv("STOA_TOL_SCALE");
    return text ? strtod(text, NULL) : 1.0;
}

static bool chosen(const op_case *c, const char *only) {
    return !only || strcmp(only, stoa_op_name(c->op)) == 0;
}

static void dims_text(const int64_t *dims, char *out, size_t size) {
    int last = 7;
    while (last > 0 && dims[last] == 0)
        last--;
    size_t used = 0;
    out[0] = 0;
    for (int i = 0; i <= last && used + 24 < size; i++)
        used +=
            (size_t)snprintf(out + used, size - used, "%s%lld", i ? " " : "", (long long)dims[i]);
}

/* One line about a check; returns whether it failed. */
static bool judge(const op_case *c, const int64_t *dims, stoa_dtype type, const char *what,
                  double error) {
    double tol = (type == STOA_BF16 ? c->tol_bf16 : c->tol_f32) * tol_scale();
    if (error <= tol && tol > 0)
        return false;
    char text[160];
    dims_text(dims, text, sizeof text);
    printf("    %s%s%s [%s] %s, %s: error %.3g (tolerance %.3g)\n", stoa_op_name(c->op),
           *c->label ? ", " : "", c->label, text, stoa_dtype_name(type), what, error, tol);
    return true;
}

static bool broken(op_env *e, const op_case *c, const int64_t *dims, stoa_dtype type) {
    stoa_error err;
    if (stoa_ctx_status(e->ctx, &err) == STOA_OK)
        return false;
    printf("    %s\n", err.message);
    judge(c, dims, type, "did not run", HUGE_VAL);
    return true;
}

/* ---- forward --------------------------------------------------------------------------------- */

static double difference(const stoa_tensor *got, const stoa_tensor *want) {
    if (got->ndim != want->ndim || stoa_numel(got) != stoa_numel(want))
        return HUGE_VAL;
    double worst = 0, scale = TINY_VALUE;
    for (int64_t i = 0; i < stoa_numel(want); i++) {
        double g = op_value(got, got->data, i), w = op_value(want, want->data, i);
        if (isnan(w) && isnan(g))
            continue;
        if (isinf(w) && g == w)
            continue;
        if (!isfinite(g) || !isfinite(w))
            return HUGE_VAL;
        worst = fmax(worst, fabs(g - w));
        scale = fmax(scale, fabs(w));
    }
    return worst / scale;
}

static int check_forward(const op_case *c, const int64_t *dims, stoa_dtype type, stoa_pool *pool) {
    op_env *cpu = op_env_open(stoa_backend_cpu(), pool, type);
    op_env *ref = op_env_open(stoa_backend_ref(), NULL, type);
    op_env_poison(cpu);
    stoa_tensor *got = op_env_build(cpu, c, dims);
    stoa_tensor *want = op_env_build(ref, c, dims);
    int failures = broken(cpu, c, dims, type) || broken(ref, c, dims, type);
    if (!failures) {
        double error = difference(got, want);
        for (int i = 0; i < c->extra_output; i++)
            error = fmax(error, difference(cpu->extras[i], ref->extras[i]));
        if (c->index_output && error > 0)
            error = HUGE_VAL;
        failures += judge(c, dims, type, "forward", error);

        size_t bytes = stoa_nbytes(got);
        void *first = stoa_alloc(bytes + 1);
        assert(first);
        memcpy(first, got->data, bytes);
        op_env_poison(cpu);
        got = op_env_build(cpu, c, dims);
        if (memcmp(first, got->data, bytes) != 0)
            failures += judge(c, dims, type, "second run differs", HUGE_VAL);
        stoa_free(first);
    }
    op_env_close(cpu);
    op_env_close(ref);
    return failures;
}

/* ---- gradients ------------------------------------------------------------------------------- */

/* The loss: sum over the results of result * weight, the weights uniform and rounded to bf16 so
 * that they are the same numbers in every type. */
static double *loss_weights(int result, int64_t n) {
    double *w = stoa_alloc((size_t)n * sizeof *w + 8);
    assert(w);
    stoa_rng rng = stoa_rng_stream(WEIGHT_SEED, "weights", (uint64_t)result);
    for (int64_t i = 0; i < n; i++) {
        uint16_t narrow;
        stoa_tensor t = {.dtype = STOA_BF16};
        op_set_value(STOA_BF16, &narrow, 0, 4 * stoa_rng_uniform(&rng) - 2);
        w[i] = op_value(&t, &narrow, 0);
    }
    return w;
}

typedef struct results {
    int count;
    double *weights[1 + OP_EXTRAS]; /* NULL: the result has no gradient */
} results;

static stoa_tensor *result_at(const op_env *e, stoa_tensor *out, int i) {
    return i == 0 ? out : e->extras[i - 1];
}

static double loss_of(op_env *ref, const op_case *c, const int64_t *dims, const results *r) {
    stoa_tensor *out = op_env_build(ref, c, dims);
    double loss = 0;
    for (int k = 0; k < r->count; k++) {
        const stoa_tensor *t = result_at(ref, out, k);
        for (int64_t i = 0; r->weights[k] && i < stoa_numel(t); i++)
            loss += op_value(t, t->data, i) * r->weights[k][i];
    }
    return loss;
}

/* Gives a leaf a gradient to start from: NaN when it is to be overwritten. */
static void prepare_grads(op_env *e, bool add) {
    for (int i = 0; i < e->count; i++) {
        stoa_tensor *t = &e->slots[i].tensor;
        if (!t->requires_grad)
            continue;
        t->grad_written = add;
        for (int64_t k = 0; k < stoa_numel(t); k++)
            op_set_value(t->dtype, t->grad, k, add ? (double)(k % 5) / 4 - 0.5 : (double)NAN);
    }
}

/* Runs forward and backward; false when it did not work. On the first call fills r. */
static bool run_backward(op_env *cpu, const op_case *c, const int64_t *dims, results *r, bool add) {
    op_env_poison(cpu);
    stoa_tensor *out = op_env_build(cpu, c, dims);
    if (stoa_ctx_status(cpu->ctx, NULL) != STOA_OK)
        return false;
    prepare_grads(cpu, add);
    r->count = 1 + c->extra_output;
    stoa_tensor *seed = NULL;
    for (int k = 0; k < r->count; k++) {
        stoa_tensor *t = result_at(cpu, out, k);
        if (!t->requires_grad) // such as an input changed in place
            continue;
        int64_t n = stoa_numel(t);
        if (!r->weights[k])
            r->weights[k] = loss_weights(k, n);
        stoa_tensor *g = stoa_new(cpu->ctx, t->dtype, t->ndim, t->shape);
        for (int64_t i = 0; i < n; i++)
            op_set_value(g->dtype, g->data, i, r->weights[k][i]);
        if (k == 0) {
            seed = g;
        } else {
            stoa_tensor *root = t->view_of ? t->view_of : t;
            root->grad = g->data;
            root->grad_written = true;
        }
    }
    if (seed)
        stoa_backward(cpu->ctx, out, seed);
    return seed && stoa_ctx_status(cpu->ctx, NULL) == STOA_OK;
}

/* Largest element of an input's gradient; infinite when an element was not written. */
static double slope_scale(const stoa_tensor *t) {
    double most = TINY_SLOPE;
    for (int64_t i = 0; i < stoa_numel(t); i++) {
        double g = op_value(t, t->grad, i);
        if (!isfinite(g))
            return HUGE_VAL;
        most = fmax(most, fabs(g));
    }
    return most;
}

/* Derivative of the loss when `value` is the only thing that moves. */
static double derivative(op_env *ref, const op_case *c, const int64_t *dims, const results *r,
                         double *value) {
    double at = *value;
    *value = at + STEP;
    double above = loss_of(ref, c, dims, r);
    *value = at - STEP;
    double below = loss_of(ref, c, dims, r);
    *value = at;
    return (above - below) / (2 * STEP);
}

/* Derivative along a direction of +-1s, against the gradient's product with it. */
static double along_direction(op_env *ref, const op_case *c, const int64_t *dims, const results *r,
                              const op_slot *mine, op_slot *theirs) {
    int64_t n = stoa_numel(&mine->tensor);
    double side[2], dot = 0, square = 0;
    for (int s = 0; s < 2; s++) {
        for (int64_t i = 0; i < n; i++) {
            double sign = (i * 2654435761u >> 7) & 1 ? 1 : -1;
            theirs->values[i] = mine->values[i] + (s ? -STEP : STEP) * sign;
            double g = op_value(&mine->tensor, mine->tensor.grad, i);
            dot += s ? 0 : g * sign;
            square += s ? 0 : g * g;
        }
        side[s] = loss_of(ref, c, dims, r);
    }
    memcpy(theirs->values, mine->values, (size_t)n * sizeof *mine->values);
    double slope = (side[0] - side[1]) / (2 * STEP);
    return fabs(dot - slope) / fmax(sqrt(square), TINY_SLOPE * sqrt((double)n));
}

static double one_by_one(op_env *ref, const op_case *c, const int64_t *dims, const results *r,
                         const op_slot *mine, op_slot *theirs, double scale) {
    int64_t n = stoa_numel(&mine->tensor), samples = n < SAMPLES ? n : SAMPLES;
    double worst = 0;
    for (int64_t s = 0; s < samples; s++) {
        int64_t i = s * (n - 1) / (samples > 1 ? samples - 1 : 1); // first and last among them
        double slope = derivative(ref, c, dims, r, &theirs->values[i]);
        worst = fmax(worst, fabs(op_value(&mine->tensor, mine->tensor.grad, i) - slope));
    }
    return worst / scale;
}

/* Difference between the gradient added to the start of prepare_grads and `plain` plus that. */
static double adding_error(const stoa_tensor *t, const double *plain, double scale) {
    double worst = 0;
    for (int64_t k = 0; k < stoa_numel(t); k++) {
        double want = plain[k] + (double)(k % 5) / 4 - 0.5;
        double got = op_value(t, t->grad, k);
        worst = isfinite(got) ? fmax(worst, fabs(got - want)) : HUGE_VAL;
    }
    return worst / fmax(scale, 1);
}

static int check_gradients(const op_case *c, const int64_t *dims, stoa_dtype type,
                           stoa_pool *pool) {
    op_env *cpu = op_env_open(stoa_backend_cpu(), pool, type);
    op_env *ref = op_env_open(stoa_backend_ref(), NULL, type);
    stoa_ctx_set_grad(cpu->ctx, true);
    results r = {0};
    int failures = 0;
    int64_t total = 0;
    double *plain[OP_SLOTS] = {0};
    double scales[OP_SLOTS] = {0};
    if (!run_backward(cpu, c, dims, &r, false)) {
        failures += broken(cpu, c, dims, type) || judge(c, dims, type, "no gradient", HUGE_VAL);
        goto done;
    }
    op_env_build(ref, c, dims);
    for (int k = 0; k < cpu->count; k++)
        total += stoa_numel(&cpu->slots[k].tensor);
    for (int k = 0; k < cpu->count; k++) {
        op_slot *mine = &cpu->slots[k], *theirs = &ref->slots[k];
        int64_t n = stoa_numel(&mine->tensor);
        if (!mine->tensor.requires_grad || n == 0)
            continue;
        char what[96];
        scales[k] = mine->tensor.grad_written ? slope_scale(&mine->tensor) : HUGE_VAL;
        snprintf(what, sizeof what, "gradient of %s", mine->name);
        double error =
            isfinite(scales[k]) ? along_direction(ref, c, dims, &r, mine, theirs) : HUGE_VAL;
        if (isfinite(error) && total <= SMALL_ROW)
            error = fmax(error, one_by_one(ref, c, dims, &r, mine, theirs, scales[k]));
        failures += judge(c, dims, type, what, error);
        plain[k] = stoa_alloc((size_t)n * sizeof *plain[k]);
        assert(plain[k]);
        for (int64_t i = 0; i < n; i++)
            plain[k][i] = op_value(&mine->tensor, mine->tensor.grad, i);
    }
    run_backward(cpu, c, dims, &r, true);
    for (int k = 0; k < cpu->count; k++) {
        op_slot *mine = &cpu->slots[k];
        if (!plain[k] || !isfinite(scales[k]))
            continue;
        char what[96];
        snprintf(what, sizeof what, "adding to the gradient of %s", mine->name);
        failures += judge(c, dims, type, what, adding_error(&mine->tensor, plain[k], scales[k]));
    }
done:
    for (int k = 0; k < OP_SLOTS; k++)
        stoa_free(plain[k]);
    for (int k = 0; k < r.count; k++)
        stoa_free(r.weights[k]);
    op_env_close(cpu);
    op_env_close(ref);
    return failures;
}

/* ---- over all cases -------------------------------------------------------------------------- */

typedef int (*check_fn)(const op_case *c, const int64_t *dims, stoa_dtype type, stoa_pool *pool);

static int over_cases(const char *only, stoa_dtype type, bool gradients, check_fn check) {
    stoa_pool *pool = stoa_pool_new(THREADS);
    assert(pool);
    int failures = 0;
    for (int f = 0; f < op_families_count; f++)
        for (int i = 0; i < *op_families[f].count; i++) {
            const op_case *c = &op_families[f].cases[i];
            if (!chosen(c, only) || (type == STOA_BF16 && c->no_bf16))
                continue;
            if (gradients &&
                (c->index_output || !stoa_backend_supports(stoa_backend_cpu(), c->op, true)))
                continue;
            for (int d = 0; d < c->dims_count - c->speed_rows; d++)
                failures += check(c, c->dims[d], type, pool);
        }
    stoa_pool_free(pool);
    return failures;
}

int op_check_forward(const char *only, stoa_dtype type) {
    return over_cases(only, type, false, check_forward);
}

int op_check_gradients(const char *only, stoa_dtype type) {
    return over_cases(only, type, true, check_gradients);
}

int op_check_supports(const char *only) {
    int failures = 0;
    for (int op = 0; op < STOA_OP_COUNT; op++) {
        const char *name = stoa_op_name((stoa_op)op);
        if (only && strcmp(only, name) != 0)
            continue;
        bool cased = false;
        for (int f = 0; f < op_families_count && !cased; f++)
            for (int i = 0; i < *op_families[f].count && !cased; i++)
                cased = op_families[f].cases[i].op == (stoa_op)op;
        const struct {
            const char *complaint;
            bool fine;
        } checks[] = {
            {"has no case", cased},
            {"is not on the ref backend", stoa_backend_supports(stoa_backend_ref(), op, false)},
            {"is not on the cpu backend", stoa_backend_supports(stoa_backend_cpu(), op, false)},
        };
        for (size_t k = 0; k < sizeof checks / sizeof checks[0]; k++)
            if (!checks[k].fine) {
                printf("    %s %s\n", name, checks[k].complaint);
                failures++;
            }
    }
    return failures;
}
