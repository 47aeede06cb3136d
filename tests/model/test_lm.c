/*
 * tests/model/test_lm.c - the language model against the reference backend and the properties that
 * Mixture-of-Depths must have.
 */
#include <math.h>
#include <string.h>

#include "lm_fixture.h"

static void check_ok(const stoa_ctx *ctx) {
    stoa_error err = {0};
    if (stoa_ctx_status(ctx, &err) != STOA_OK)
        fail_msg("%s", err.message);
}

static void assert_close(double a, double b, double tolerance, const char *what, int64_t at) {
    if (!(fabs(a - b) <= tolerance * (1 + fabs(b))))
        fail_msg("%s[%lld]: %.9g against %.9g", what, (long long)at, a, b);
}

/* ---- against double precision ---------------------------------------------------------------- */

typedef struct variant {
    const char *name;
    int pattern, norm, activation, position, kv_heads, gate, cure, experts;
    bool tied, bias, normalize;
} variant;

static const variant variants[] = {
    {.name = "dense", .norm = STOA_NORM_RMS},
    {.name = "dense layernorm learned tied bias",
     .norm = STOA_NORM_LAYER,
     .position = STOA_POSITION_LEARNED,
     .tied = true,
     .bias = true},
    {.name = "dense swiglu grouped heads",
     .norm = STOA_NORM_RMS,
     .activation = STOA_ACTIVATION_SWIGLU,
     .kv_heads = 1},
    {.name = "routed odd", .pattern = STOA_PATTERN_ODD, .norm = STOA_NORM_RMS},
    {.name = "routed all, sigmoid gate, auxiliary loss",
     .pattern = STOA_PATTERN_ALL,
     .norm = STOA_NORM_RMS,
     .gate = STOA_GATE_SIGMOID,
     .cure = STOA_CURE_AUXILIARY},
    {.name = "routed, normalised router",
     .pattern = STOA_PATTERN_ODD,
     .norm = STOA_NORM_RMS,
     .normalize = true},
    {.name = "experts staged",
     .pattern = STOA_PATTERN_ODD,
     .norm = STOA_NORM_RMS,
     .experts = STOA_EXPERTS_STAGED},
    {.name = "experts integrated",
     .pattern = STOA_PATTERN_ODD,
     .norm = STOA_NORM_RMS,
     .experts = STOA_EXPERTS_INTEGRATED},
};
enum { VARIANTS = sizeof variants / sizeof variants[0] };

static stoa_lm_options options_of(const variant *v) {
    stoa_lm_options o = small_options(v->pattern);
    o.norm = v->norm;
    o.activation = v->activation;
    o.position = v->position;
    o.kv_heads = v->kv_heads;
    o.mlp_width = 0;
    o.tied = v->tied;
    o.bias = v->bias;
    o.router.gate = (stoa_gate)v->gate;
    o.router.cure = (stoa_cure)v->cure;
    o.router.normalize = v->normalize;
    o.experts_kind = v->experts;
    o.experts = (stoa_expert_options){.count = 2, .noops = 1, .capacity_factor = 1.25};
    assert_int_equal(stoa_lm_options_check(&o, NULL), STOA_OK);
    return o;
}

enum { WITH_ROUTER_LOSS = 1 };

/* The training loss of a batch: language modelling, experts and, on demand, routers. */
static stoa_tensor *total_loss(stoa_ctx *ctx, const stoa_lm *lm, const int32_t *ids, int with,
                               stoa_lm_output *out) {
    stoa_tensor *in = ids_tensor(ctx, BATCH, CONTEXT, ids);
    stoa_tensor *wanted = ids_tensor(ctx, BATCH, CONTEXT, ids + 1);
    stoa_lm_forward(ctx, lm, in, wanted, STOA_ROUTE_TOP_K, out);
    stoa_tensor *total = out->loss;
    if (out->router_loss && with)
        total = stoa_add(ctx, total, stoa_affine(ctx, out->router_loss, 0.7, 0));
    if (out->balance_loss)
        total = stoa_add(ctx, total, stoa_affine(ctx, out->balance_loss, 0.1, 0));
    return total;
}

static double reference_loss(stoa_ctx *ctx, const stoa_lm *lm, const int32_t *ids, int with) {
    stoa_lm_output out;
    stoa_ctx_reset(ctx);
    stoa_tensor *loss = total_loss(ctx, lm, ids, with, &out);
    check_ok(ctx);
    return stoa_get(loss, 0);
}

static void logits_equal_the_reference_in_every_variant(void **state) {
    (void)state;
    int32_t ids[BATCH * CONTEXT + 1];
    random_ids(ids, BATCH * CONTEXT + 1, 3);
    for (int v = 0; v < VARIANTS; v++) {
        stoa_lm_options o = options_of(&variants[v]);
        stoa_lm *lm = make_lm(&o, 5), *wide = make_reference(&o, 5);
        stoa_ctx *cpu = make_ctx("cpu"), *ref = make_ctx("ref");
        for (int by = STOA_ROUTE_TOP_K; by <= STOA_ROUTE_CAUSAL; by++) {
            stoa_lm_output a, b;
            stoa_ctx_reset(cpu), stoa_ctx_reset(ref);
            stoa_lm_forward(cpu, lm, ids_tensor(cpu, BATCH, CONTEXT, ids), NULL, (stoa_route_by)by,
                            &a);
            stoa_lm_forward(ref, wide, ids_tensor(ref, BATCH, CONTEXT, ids), NULL,
                            (stoa_route_by)by, &b);
            check_ok(cpu), check_ok(ref);
            for (int64_t i = 0; i < stoa_numel(a.logits); i++)
                assert_close(stoa_get(a.logits, i), stoa_get(b.logits, i), 2e-4, variants[v].name,
                             i);
        }
        stoa_ctx_free(cpu), stoa_ctx_free(ref);
        stoa_lm_free(lm), free_reference(wide);
    }
}

/* Central differences in double precision through the reference backend. The selection of tokens
 * has no gradient; a step of 1e-5 does not change it at these seeds (a changed set would show as a
 * jump and fail the test). */
static void gradients_equal_finite_differences_in_every_variant(void **state) {
    (void)state;
    int32_t ids[BATCH * CONTEXT + 1];
    random_ids(ids, BATCH * CONTEXT + 1, 4);
    for (int v = 0; v < VARIANTS; v++) {
        stoa_lm_options o = options_of(&variants[v]);
        stoa_lm *lm = make_lm(&o, 6), *wide = make_reference(&o, 6);
        stoa_ctx *cpu = make_ctx("cpu"), *ref = make_ctx("ref");
        stoa_ctx_set_grad(cpu, true);
        stoa_lm_output out;
        stoa_backward(cpu, total_loss(cpu, lm, ids, WITH_ROUTER_LOSS, &out), NULL);
        check_ok(cpu);
        stoa_rng pick = stoa_rng_stream(1, "pick", (uint64_t)v);
        for (int64_t p = 0; p < stoa_params_count(lm->params); p++) {
            const stoa_param *param = stoa_params_at(lm->params, p);
            stoa_tensor *t = &stoa_params_at(wide->params, p)->tensor;
            if (!param->trained)
                continue;
            int with = o.router.cure == STOA_CURE_AUXILIARY || strstr(param->name, ".predictor.");
            for (int k = 0; k < 3; k++) {
                int64_t i = stoa_rng_below(&pick, stoa_numel(t));
                double *x = (double *)t->data + i, kept = *x, step = 1e-5;
                *x = kept + step;
                double up = reference_loss(ref, wide, ids, with);
                *x = kept - step;
                double down = reference_loss(ref, wide, ids, with);
                *x = kept;
                double got =
                    param->tensor.grad_written ? (double)((float *)param->tensor.grad)[i] : 0;
                double want = (up - down) / (2 * step);
                if (fabs(got - want) > 1e-4 + 2e-3 * fabs(want))
                    fail_msg("%s: %s[%lld]: %.8g against %.8g", variants[v].name, param->name,
                             (long long)i, got, want);
            }
        }
        stoa_ctx_free(cpu), stoa_ctx_free(ref);
        stoa_lm_free(lm), free_reference(wide);
    }
}

/* ---- causality ------------------------------------------------------------------------------- */

/* Largest change of logits at positions before `from` when tokens at and after it are replaced. */
static double leak(const stoa_lm *lm, stoa_route_by by, int64_t from) {
    int32_t ids[BATCH * CONTEXT], other[BATCH * CONTEXT];
    random_ids(ids, BATCH * CONTEXT, 8);
    random_ids(other, BATCH * CONTEXT, 9);
    for (int64_t i = 0; i < BATCH * CONTEXT; i++)
        if (i % CONTEXT < from)
            other[i] = ids[i];
    stoa_ctx *a = make_ctx("cpu"), *b = make_ctx("cpu");
    stoa_lm_output x, y;
    stoa_lm_forward(a, lm, ids_tensor(a, BATCH, CONTEXT, ids), NULL, by, &x);
    stoa_lm_forward(b, lm, ids_tensor(b, BATCH, CONTEXT, other), NULL, by, &y);
    check_ok(a), check_ok(b);
    double most = 0;
    for (int64_t i = 0; i < BATCH * CONTEXT * VOCAB; i++)
        if (i / VOCAB % CONTEXT < from)
            most = fmax(most, fabs(stoa_get(x.logits, i) - stoa_get(y.logits, i)));
    stoa_ctx_free(a), stoa_ctx_free(b);
    return most;
}

static void future_tokens_never_reach_earlier_logits_when_routed_by_the_cure(void **state) {
    (void)state;
    double top_k = 0;
    for (int cure = STOA_CURE_PREDICTOR; cure <= STOA_CURE_AUXILIARY; cure++)
        for (uint64_t seed = 1; seed <= 4; seed++) {
            stoa_lm_options o = small_options(STOA_PATTERN_ODD);
            o.router.cure = (stoa_cure)cure;
            stoa_lm *lm = make_lm(&o, seed);
            for (int64_t from = 1; from < CONTEXT; from += 3) {
                assert_true(leak(lm, STOA_ROUTE_CAUSAL, from) < 1e-5);
                top_k = fmax(top_k, leak(lm, STOA_ROUTE_TOP_K, from));
            }
            stoa_lm_free(lm);
        }
    /* and the top k does look ahead, so the test can tell */
    assert_true(top_k > 1e-3);
}

/* ---- decoding -------------------------------------------------------------------------------- */

/* Feeds `chunk` tokens of every sequence a call; compares every row with the full causal pass. */
static void check_cached(const stoa_lm_options *o, int64_t chunk) {
    stoa_lm *lm = make_lm(o, 11);
    int32_t ids[BATCH * CONTEXT];
    random_ids(ids, BATCH * CONTEXT, 12);
    stoa_ctx *full = make_ctx("cpu"), *step = make_ctx("cpu");
    stoa_lm_output want;
    stoa_lm_forward(full, lm, ids_tensor(full, BATCH, CONTEXT, ids), NULL, STOA_ROUTE_CAUSAL,
                    &want);
    stoa_lm_cache cache;
    assert_int_equal(stoa_lm_cache_init(&cache, lm, STOA_F32, BATCH, CONTEXT, NULL), STOA_OK);
    for (int64_t from = 0; from < CONTEXT; from += chunk) {
        int32_t row[BATCH * CONTEXT], sequence[BATCH * CONTEXT], position[BATCH * CONTEXT];
        int64_t n = 0;
        for (int64_t b = 0; b < BATCH; b++)
            for (int64_t i = from; i < from + chunk && i < CONTEXT; i++, n++) {
                row[n] = ids[b * CONTEXT + i];
                sequence[n] = (int32_t)b;
                position[n] = (int32_t)i;
            }
        stoa_ctx_reset(step);
        stoa_tensor *got =
            stoa_lm_decode(step, lm, &cache, stoa_from(step, STOA_I32, STOA_SHAPE(n), row),
                           stoa_from(step, STOA_I32, STOA_SHAPE(n), sequence),
                           stoa_from(step, STOA_I32, STOA_SHAPE(n), position), false);
        check_ok(step);
        for (int64_t r = 0; r < n; r++)
            for (int64_t c = 0; c < VOCAB; c++)
                assert_close(stoa_get(got, r * VOCAB + c),
                             stoa_get(want.logits,
                                      ((int64_t)sequence[r] * CONTEXT + position[r]) * VOCAB + c),
                             1e-4, "cached logits", r);
    }
    if (o->pattern == STOA_PATTERN_ODD && o->experts_kind != STOA_EXPERTS_INTEGRATED)
        assert_true(cache.blocks[1].lengths[0] < CONTEXT); /* ragged */
    stoa_lm_cache_deinit(&cache);
    stoa_ctx_free(full), stoa_ctx_free(step);
    stoa_lm_free(lm);
}

static void cached_decoding_equals_the_full_causal_pass(void **state) {
    (void)state;
    for (int v = 0; v < VARIANTS; v++) {
        stoa_lm_options o = options_of(&variants[v]);
        check_cached(&o, 1);
        check_cached(&o, 5);
        check_cached(&o, CONTEXT);
    }
}

static void a_batch_of_one_equals_its_row_in_a_batch(void **state) {
    (void)state;
    stoa_lm_options o = small_options(STOA_PATTERN_ODD);
    stoa_lm *lm = make_lm(&o, 13);
    int32_t ids[BATCH * CONTEXT];
    random_ids(ids, BATCH * CONTEXT, 14);
    for (int by = STOA_ROUTE_TOP_K; by <= STOA_ROUTE_CAUSAL; by++) {
        stoa_ctx *all = make_ctx("cpu"), *one = make_ctx("cpu");
        stoa_lm_output a, b;
        stoa_lm_forward(all, lm, ids_tensor(all, BATCH, CONTEXT, ids), NULL, (stoa_route_by)by, &a);
        stoa_lm_forward(one, lm, ids_tensor(one, 1, CONTEXT, ids + CONTEXT), NULL,
                        (stoa_route_by)by, &b);
        for (int64_t i = 0; i < CONTEXT * VOCAB; i++)
            assert_close(stoa_get(b.logits, i), stoa_get(a.logits, CONTEXT * VOCAB + i), 1e-5,
                         "row", i);
        stoa_ctx_free(all), stoa_ctx_free(one);
    }
    stoa_lm_free(lm);
}

/* ---- the routed block ------------------------------------------------------------------------ */

static void capacity_one_with_gate_one_is_the_plain_block_bit_for_bit(void **state) {
    (void)state;
    stoa_lm_options o = small_options(STOA_PATTERN_ODD);
    stoa_lm *lm = make_lm(&o, 15);
    stoa_ctx *ctx = make_ctx("cpu");
    stoa_tensor *x = stoa_normal(ctx, STOA_SHAPE(BATCH, CONTEXT, 16));
    const stoa_block *block = &lm->blocks[1];
    stoa_tensor *scores = stoa_normal(ctx, STOA_SHAPE(BATCH, CONTEXT));
    stoa_tensor *index = stoa_top_k(ctx, scores, CONTEXT); // everything
    stoa_tensor *f = stoa_block_branch(ctx, block, stoa_gather_rows(ctx, x, index), index, NULL);
    stoa_tensor *ones = stoa_affine(ctx, scores, 0, 1);
    stoa_tensor *routed = stoa_scatter_rows(ctx, x, index, f, ones);
    stoa_tensor *plain = stoa_add(ctx, x, stoa_block_branch(ctx, block, x, NULL, NULL));
    check_ok(ctx);
    assert_memory_equal(routed->data, plain->data, stoa_nbytes(plain));
    /* and x + f is what a dense block of the model computes, but for the order of two additions */
    stoa_tensor *dense = stoa_stream_settle(
        ctx, stoa_block_apply(ctx, block, (stoa_stream){.x = x}, NULL, NULL), NULL);
    for (int64_t i = 0; i < stoa_numel(dense); i++)
        assert_close(stoa_get(dense, i), stoa_get(plain, i), 1e-6, "dense", i);
    stoa_ctx_free(ctx);
    stoa_lm_free(lm);
}

static void tokens_that_are_not_chosen_pass_unchanged(void **state) {
    (void)state;
    stoa_lm_options o = small_options(STOA_PATTERN_ODD);
    stoa_lm *lm = make_lm(&o, 16);
    stoa_ctx *ctx = make_ctx("cpu");
    stoa_tensor *x = stoa_normal(ctx, STOA_SHAPE(BATCH, CONTEXT, 16));
    stoa_route route;
    stoa_tensor *y =
        stoa_routed_block_apply(ctx, &lm->blocks[1], &lm->routers[1], (stoa_stream){.x = x}, NULL,
                                STOA_ROUTE_TOP_K, &route, NULL)
            .x;
    check_ok(ctx);
    int64_t k = stoa_route_capacity(o.router.capacity, CONTEXT), changed = 0;
    assert_int_equal(route.index->shape[1], k);
    for (int64_t i = 0; i < BATCH * CONTEXT; i++) {
        bool same = memcmp((float *)x->data + i * 16, (float *)y->data + i * 16, 64) == 0;
        assert_int_equal(same, stoa_get(route.member, i) == 0);
        changed += !same;
    }
    assert_int_equal(changed, BATCH * k);
    stoa_ctx_free(ctx);
    stoa_lm_free(lm);
}

static void the_predictor_leaves_the_trunks_gradients_alone(void **state) {
    (void)state;
    stoa_lm_options o = small_options(STOA_PATTERN_ODD);
    int32_t ids[BATCH * CONTEXT + 1];
    random_ids(ids, BATCH * CONTEXT + 1, 17);
    stoa_lm *with = make_lm(&o, 18), *without = make_lm(&o, 18);
    for (int pass = 0; pass < 2; pass++) {
        stoa_ctx *ctx = make_ctx("cpu");
        stoa_ctx_set_grad(ctx, true);
        stoa_lm_output out;
        stoa_lm_forward(ctx, pass ? with : without, ids_tensor(ctx, BATCH, CONTEXT, ids),
                        ids_tensor(ctx, BATCH, CONTEXT, ids + 1), STOA_ROUTE_TOP_K, &out);
        stoa_backward(ctx, pass ? stoa_add(ctx, out.loss, out.router_loss) : out.loss, NULL);
        check_ok(ctx);
        stoa_ctx_free(ctx);
    }
    int predictors = 0;
    for (int64_t i = 0; i < stoa_params_count(with->params); i++) {
        const stoa_param *a = stoa_params_at(with->params, i);
        const stoa_param *b = stoa_params_at(without->params, i);
        if (strstr(a->name, ".predictor.")) {
            assert_true(a->tensor.grad_written);
            assert_false(b->tensor.grad_written);
            predictors++;
        } else {
            assert_memory_equal(a->tensor.grad, b->tensor.grad,
                                (size_t)stoa_numel(&a->tensor) * sizeof(float));
        }
    }
    assert_int_equal(predictors, 8); /* two routed blocks, two layers, weight and bias */
    stoa_lm_free(with), stoa_lm_free(without);
}

static void gradients_do_not_depend_on_how_the_batch_is_split(void **state) {
    (void)state;
    stoa_lm_options o = small_options(STOA_PATTERN_ODD);
    enum { ROWS = 4 };
    int32_t ids[ROWS * CONTEXT + 1];
    random_ids(ids, ROWS * CONTEXT + 1, 19);
    stoa_lm *whole = make_lm(&o, 20), *split = make_lm(&o, 20);
    stoa_ctx *ctx = make_ctx("cpu");
    stoa_ctx_set_grad(ctx, true);
    stoa_lm_output out;
    stoa_lm_forward(ctx, whole, ids_tensor(ctx, ROWS, CONTEXT, ids),
                    ids_tensor(ctx, ROWS, CONTEXT, ids + 1), STOA_ROUTE_TOP_K, &out);
    stoa_backward(ctx, stoa_add(ctx, out.loss, out.router_loss), NULL);
    for (int64_t part = 0; part < 2; part++) {
        const int32_t *at = ids + part * ROWS / 2 * CONTEXT;
        stoa_ctx_reset(ctx);
        stoa_lm_forward(ctx, split, ids_tensor(ctx, ROWS / 2, CONTEXT, at),
                        ids_tensor(ctx, ROWS / 2, CONTEXT, at + 1), STOA_ROUTE_TOP_K, &out);
        stoa_backward(ctx, stoa_affine(ctx, stoa_add(ctx, out.loss, out.router_loss), 0.5, 0),
                      NULL);
    }
    check_ok(ctx);
    for (int64_t i = 0; i < stoa_params_count(whole->params); i++) {
        const stoa_tensor *a = &stoa_params_at(whole->params, i)->tensor;
        const stoa_tensor *b = &stoa_params_at(split->params, i)->tensor;
        for (int64_t j = 0; j < stoa_numel(a); j++)
            assert_close((double)((float *)b->grad)[j], (double)((float *)a->grad)[j], 2e-5,
                         stoa_params_at(whole->params, i)->name, j);
    }
    stoa_ctx_free(ctx);
    stoa_lm_free(whole), stoa_lm_free(split);
}

/* ---- cost ------------------------------------------------------------------------------------ */

/* The dossier's count, per sequence: dense 24 S d^2 + 4 S^2 d, routed 24 C d^2 + 4 C^2 d + 2 S d
 * and the predictor's 2 S (d h + h), head 2 S d V. */
static void flops_equal_the_formulas(void **state) {
    (void)state;
    stoa_lm_options o = small_options(STOA_PATTERN_ODD);
    o.mlp_width = 4 * o.width;
    stoa_lm *lm = make_lm(&o, 21);
    stoa_ctx *ctx = make_ctx("meta");
    stoa_lm_output out;
    stoa_lm_forward(ctx, lm, ids_tensor(ctx, BATCH, CONTEXT, NULL), NULL, STOA_ROUTE_TOP_K, &out);
    check_ok(ctx);
    double s = CONTEXT, d = 16, v = VOCAB, h = 8;
    double c = (double)stoa_route_capacity(o.router.capacity, CONTEXT);
    double dense = 24 * s * d * d + 4 * s * s * d;
    double routed = 24 * c * d * d + 4 * c * c * d + 2 * s * d + 2 * s * (d * h + h);
    double want = BATCH * (2 * dense + 2 * routed + 2 * s * d * v);
    assert_true(fabs(stoa_ctx_statistics(ctx).flops - want) < 0.5);
    stoa_ctx_free(ctx);
    stoa_lm_free(lm);
}

static void capacity_is_rounded_and_never_zero(void **state) {
    (void)state;
    assert_int_equal(stoa_route_capacity(0.125, 256), 32);
    assert_int_equal(stoa_route_capacity(0.125, 1), 1);
    assert_int_equal(stoa_route_capacity(0.125, 3), 1);
    assert_int_equal(stoa_route_capacity(1, 7), 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_equal_the_reference_in_every_variant),
        cmocka_unit_test(gradients_equal_finite_differences_in_every_variant),
        cmocka_unit_test(future_tokens_never_reach_earlier_logits_when_routed_by_the_cure),
        cmocka_unit_test(cached_decoding_equals_the_full_causal_pass),
        cmocka_unit_test(a_batch_of_one_equals_its_row_in_a_batch),
        cmocka_unit_test(capacity_one_with_gate_one_is_the_plain_block_bit_for_bit),
        cmocka_unit_test(tokens_that_are_not_chosen_pass_unchanged),
        cmocka_unit_test(the_predictor_leaves_the_trunks_gradients_alone),
        cmocka_unit_test(gradients_do_not_depend_on_how_the_batch_is_split),
        cmocka_unit_test(flops_equal_the_formulas),
        cmocka_unit_test(capacity_is_rounded_and_never_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
