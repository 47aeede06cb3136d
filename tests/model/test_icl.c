/*
 * tests/model/test_icl.c - the classifier of in-context learning: the paper's counts of parameters,
 * the reference backend, finite differences, causality, and the last block for the query alone.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "stoa/model.h"

enum { BATCH = 3, PAIRS = 4, LABELS = 5, TOKENS = 2 * PAIRS + 1 };

static void check_ok(const stoa_ctx *ctx) {
    stoa_error err = {0};
    if (stoa_ctx_status(ctx, &err) != STOA_OK)
        fail_msg("%s", err.message);
}

static stoa_ctx *make_ctx(const char *backend) {
    stoa_ctx *ctx = stoa_ctx_new(stoa_backend_find(backend), NULL, 0);
    assert_non_null(ctx);
    return ctx;
}

/* ---- counts ---------------------------------------------------------------------------------- */

static stoa_icl_options paper(int core, int64_t layers) {
    return (stoa_icl_options){
        .item = {105, 105, 1},
        .labels = 1623,
        .pairs = 8,
        .embedder = STOA_ICL_RESNET,
        .core = core,
        .position_base = 30,
        .layers = layers,
        .width = 64,
        .heads = 8,
        .mlp_width = 256,
        .mlp = core == STOA_ICL_TRANSFORMER ? STOA_ICL_MLP_ALL : STOA_ICL_MLP_NONE,
        .capacity = 1,
        .final_norm = true,
        .label_scale = 0.02,
    };
}

/* The pilot's: 64 numbers an item, 32 labels, two layers, an MLP in the last. */
static stoa_icl_options mini(int core) {
    return (stoa_icl_options){
        .item = {64},
        .labels = 32,
        .pairs = 8,
        .core = core,
        .position_base = 30,
        .layers = 2,
        .width = 64,
        .heads = 4,
        .mlp_width = 256,
        .mlp = STOA_ICL_MLP_LAST,
        .capacity = 1,
        .final_norm = true,
        .init = STOA_ICL_NORMAL,
        .item_scale = 1,
        .label_scale = 1,
    };
}

static int64_t count(stoa_icl_options o) {
    stoa_icl *icl;
    assert_int_equal(stoa_icl_options_check(&o, NULL), STOA_OK);
    assert_int_equal(stoa_icl_new(&icl, &o, 1, false, true, NULL), STOA_OK);
    int64_t n = stoa_params_numel(stoa_icl_params(icl));
    stoa_icl_free(icl);
    return n;
}

static void parameter_counts_are_the_papers(void **state) {
    (void)state;
    assert_int_equal(count(paper(STOA_ICL_TRANSFORMER, 12)), 831479);
    assert_int_equal(count(paper(STOA_ICL_TRANSFORMER, 2)), 331639);
    assert_int_equal(count(paper(STOA_ICL_LSTM, 12)), 627959);
    assert_int_equal(count(paper(STOA_ICL_LSTM, 2)), 297719);
    stoa_icl_options released = paper(STOA_ICL_LSTM, 2);
    released.final_norm = false;
    assert_int_equal(count(released), 297719 - 128);
    assert_int_equal(count(mini(STOA_ICL_TRANSFORMER)),
                     64 * 65 + 32 * 64 + (128 + 4 * 65 * 64) + 49984 + 128 + 65 * 32);
}

/* ---- initial values -------------------------------------------------------------------------- */

static double deviation(const stoa_icl *icl, const char *name, double *most) {
    const stoa_param *p = stoa_params_find(stoa_icl_params(icl), name);
    assert_non_null(p);
    const float *x = p->tensor.data;
    int64_t n = stoa_numel(&p->tensor);
    double sum = 0;
    *most = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += (double)x[i] * (double)x[i];
        *most = fmax(*most, fabs((double)x[i]));
    }
    return sqrt(sum / (double)n);
}

static void initial_weights_have_the_deviations_that_were_asked_for(void **state) {
    (void)state;
    stoa_icl *icl;
    double most;
    stoa_icl_options o = paper(STOA_ICL_TRANSFORMER, 2);
    assert_int_equal(stoa_icl_new(&icl, &o, 1, false, false, NULL), STOA_OK);
    double bound = 2 / 0.87962566103423978;
    assert_float_equal(deviation(icl, "blocks.0.mlp.up.weight", &most), 1.0 / 8, 0.003);
    assert_true(most <= bound / 8 + 1e-6 && most > 0.95 * bound / 8);
    assert_float_equal(deviation(icl, "blocks.1.mlp.down.weight", &most), 1.0 / 16, 0.0015);
    assert_float_equal(deviation(icl, "item.group0.block0.conv2.weight", &most), 1.0 / 6, 0.03);
    assert_float_equal(deviation(icl, "label.weight", &most), 0.02, 0.0003);
    assert_float_equal(deviation(icl, "blocks.0.attention.qkv.bias", &most), 0, 0);
    assert_float_equal(deviation(icl, "item.group3.block1.conv3.norm.scale", &most), 0, 0);
    stoa_icl_free(icl);
    o = mini(STOA_ICL_TRANSFORMER);
    assert_int_equal(stoa_icl_new(&icl, &o, 1, false, false, NULL), STOA_OK);
    assert_float_equal(deviation(icl, "item.weight", &most), 1, 0.03);
    assert_true(most > 3); /* not cut */
    assert_float_equal(deviation(icl, "label.weight", &most), 1, 0.04);
    assert_float_equal(deviation(icl, "blocks.1.attention.k.weight", &most), 1.0 / 8, 0.003);
    stoa_icl_free(icl);
}

/* ---- small models of every kind -------------------------------------------------------------- */

typedef struct variant {
    const char *name;
    int embedder, core, position, mlp;
    int64_t layers;
    double capacity;
    bool bare; /* no final norm */
    bool valued;
} variant;

static const variant variants[] = {
    {.name = "mini", .layers = 2, .mlp = STOA_ICL_MLP_LAST},
    {.name = "all MLPs", .layers = 3, .position = STOA_ICL_LEARNED},
    {.name = "attention only", .layers = 2, .mlp = STOA_ICL_MLP_NONE},
    {.name = "one layer, no positions", .layers = 1, .position = STOA_ICL_UNPLACED},
    {.name = "routed", .layers = 3, .capacity = 0.5},
    {.name = "routed last, attention only", .layers = 2, .capacity = 0.5, .mlp = STOA_ICL_MLP_NONE},
    {.name = "lstm", .layers = 2, .core = STOA_ICL_LSTM},
    {.name = "lstm, bare",
     .layers = 1,
     .core = STOA_ICL_LSTM,
     .mlp = STOA_ICL_MLP_NONE,
     .bare = true},
    {.name = "rnn", .layers = 2, .core = STOA_ICL_RNN},
    {.name = "conv", .layers = 1, .embedder = STOA_ICL_CONV},
    {.name = "numbers", .layers = 2, .valued = true},
    {.name = "numbers, lstm", .layers = 1, .core = STOA_ICL_LSTM, .valued = true},
    {.name = "minimal", .layers = 2, .core = STOA_ICL_MINIMAL, .bare = true},
};
enum { VARIANTS = sizeof variants / sizeof *variants };

static stoa_icl_options options_of(const variant *v) {
    stoa_icl_options o = {
        .item = {6},
        .labels = LABELS,
        .pairs = PAIRS,
        .embedder = v->embedder,
        .core = v->core,
        .position = v->position,
        .position_base = 30,
        .layers = v->layers,
        .width = 8,
        .heads = 2,
        .mlp_width = 12,
        .mlp = v->mlp,
        .capacity = v->capacity > 0 ? v->capacity : 1,
        .final_norm = !v->bare,
        .init = STOA_ICL_NORMAL,
        .item_scale = 1,
        .label_scale = 1,
    };
    if (v->valued)
        o.valued = true, o.labels = 1;
    if (v->core == STOA_ICL_MINIMAL)
        o.heads = 1, o.width = 18;
    if (v->embedder == STOA_ICL_CONV)
        o.item[0] = 6, o.item[1] = 5, o.item[2] = 2;
    stoa_error err = {0};
    if (stoa_icl_options_check(&o, &err) != STOA_OK)
        fail_msg("%s: %s", v->name, err.message);
    return o;
}

/* Random sequences of any model. */
typedef struct sequences {
    stoa_icl_input in;
    float *items, values[BATCH * (PAIRS + 1)];
    int32_t labels[BATCH * PAIRS], target[BATCH], offsets[BATCH];
    int64_t item;
} sequences;

static void draw(sequences *s, const stoa_icl_options *o, uint64_t seed) {
    stoa_rng rng = stoa_rng_stream(seed, "sequences", 0);
    s->item = o->item[1] ? o->item[0] * o->item[1] * o->item[2] : o->item[0];
    s->items = stoa_alloc((size_t)(BATCH * (PAIRS + 1) * s->item) * sizeof(float));
    for (int64_t i = 0; i < BATCH * (PAIRS + 1) * s->item; i++)
        s->items[i] = (float)stoa_rng_normal(&rng);
    for (int64_t i = 0; i < BATCH * PAIRS; i++)
        s->labels[i] = (int32_t)stoa_rng_below(&rng, o->labels);
    for (int64_t i = 0; i < BATCH; i++)
        s->target[i] = (int32_t)stoa_rng_below(&rng, o->labels);
    for (int64_t i = 0; i < BATCH * (PAIRS + 1); i++)
        s->values[i] = (float)stoa_rng_normal(&rng);
    for (int64_t i = 0; i < BATCH; i++)
        s->offsets[i] = (int32_t)i;
    s->in = (stoa_icl_input){BATCH, s->items, s->labels, s->values, s->offsets};
}

static stoa_icl *make(const stoa_icl_options *o, uint64_t seed) {
    stoa_icl *icl = NULL;
    stoa_error err = {0};
    if (stoa_icl_new(&icl, o, seed, true, false, &err) != STOA_OK)
        fail_msg("%s", err.message);
    /* norms and biases away from one and zero, so that they matter */
    stoa_rng rng = stoa_rng_stream(seed, "shake", 0);
    stoa_params *p = stoa_icl_params(icl);
    for (int64_t i = 0; i < stoa_params_count(p); i++) {
        stoa_tensor *t = &stoa_params_at(p, i)->tensor;
        for (int64_t k = 0; t->ndim == 1 && k < stoa_numel(t); k++)
            stoa_set(t, k, stoa_get(t, k) + 0.1 * stoa_rng_uniform(&rng));
    }
    return icl;
}

/* The same with parameters in double precision, for the reference backend. */
static stoa_icl *make_wide(const stoa_icl_options *o, uint64_t seed) {
    stoa_icl *icl = make(o, seed);
    stoa_params *p = stoa_icl_params(icl);
    for (int64_t i = 0; i < stoa_params_count(p); i++) {
        stoa_tensor *t = &stoa_params_at(p, i)->tensor;
        double *wide = stoa_alloc((size_t)stoa_numel(t) * sizeof *wide);
        for (int64_t k = 0; k < stoa_numel(t); k++)
            wide[k] = stoa_get(t, k);
        t->data = wide;
        t->dtype = STOA_F64;
        t->requires_grad = false;
    }
    return icl;
}

static void free_wide(stoa_icl *icl) {
    stoa_params *p = stoa_icl_params(icl);
    for (int64_t i = 0; i < stoa_params_count(p); i++)
        stoa_free(stoa_params_at(p, i)->tensor.data);
    stoa_icl_free(icl);
}

static void assert_same(const stoa_tensor *a, int64_t a_at, const stoa_tensor *b, int64_t b_at,
                        int64_t n, double tolerance, const char *what) {
    for (int64_t i = 0; i < n; i++) {
        double x = stoa_get(a, a_at + i), y = stoa_get(b, b_at + i);
        if (!(fabs(x - y) <= tolerance * (1 + fabs(y))))
            fail_msg("%s[%lld]: %.9g against %.9g", what, (long long)i, x, y);
    }
}

static void logits_equal_the_reference_in_every_variant(void **state) {
    (void)state;
    for (int v = 0; v < VARIANTS; v++) {
        stoa_icl_options o = options_of(&variants[v]);
        stoa_icl *icl = make(&o, 5), *wide = make_wide(&o, 5);
        stoa_ctx *cpu = make_ctx("cpu"), *ref = make_ctx("ref");
        sequences s;
        draw(&s, &o, 1);
        for (int where = STOA_ICL_QUERY; where <= STOA_ICL_ITEMS; where++) {
            stoa_tensor *a = stoa_icl_forward(cpu, icl, &s.in, (stoa_icl_where)where);
            stoa_tensor *b = stoa_icl_forward(ref, wide, &s.in, (stoa_icl_where)where);
            check_ok(cpu), check_ok(ref);
            assert_int_equal(stoa_numel(a), BATCH * o.labels * (where == STOA_ICL_ITEMS ? 5 : 1));
            assert_same(a, 0, b, 0, stoa_numel(a), 2e-5, variants[v].name);
        }
        stoa_ctx_free(cpu), stoa_ctx_free(ref);
        stoa_icl_free(icl), free_wide(wide);
        stoa_free(s.items);
    }
}

static stoa_tensor *loss_of(stoa_ctx *ctx, const stoa_icl *icl, const sequences *s) {
    stoa_tensor *target = stoa_from(ctx, STOA_I32, STOA_SHAPE(BATCH), s->target);
    stoa_tensor *logits = stoa_icl_forward(ctx, icl, &s->in, STOA_ICL_QUERY);
    if (stoa_icl_options_of(icl)->valued)
        return stoa_mean(ctx, stoa_square(ctx, logits), STOA_ALL);
    return stoa_mean(ctx, stoa_cross_entropy(ctx, logits, target), STOA_ALL);
}

static double wide_loss(stoa_ctx *ref, const stoa_icl *wide, const sequences *s) {
    stoa_ctx_reset(ref);
    stoa_tensor *loss = loss_of(ref, wide, s);
    check_ok(ref);
    return stoa_get(loss, 0);
}

static void gradients_equal_finite_differences_in_every_variant(void **state) {
    (void)state;
    for (int v = 0; v < VARIANTS; v++) {
        stoa_icl_options o = options_of(&variants[v]);
        stoa_icl *icl = make(&o, 6), *wide = make_wide(&o, 6);
        stoa_ctx *cpu = make_ctx("cpu"), *ref = make_ctx("ref");
        sequences s;
        draw(&s, &o, 2);
        stoa_ctx_set_grad(cpu, true);
        stoa_backward(cpu, loss_of(cpu, icl, &s), NULL);
        check_ok(cpu);
        stoa_rng pick = stoa_rng_stream(1, "pick", (uint64_t)v);
        for (int64_t p = 0; p < stoa_params_count(stoa_icl_params(icl)); p++) {
            const stoa_param *param = stoa_params_at(stoa_icl_params(icl), p);
            stoa_tensor *t = &stoa_params_at(stoa_icl_params(wide), p)->tensor;
            if (!param->trained)
                continue;
            for (int k = 0; k < 3; k++) {
                int64_t i = stoa_rng_below(&pick, stoa_numel(t));
                double *x = (double *)t->data + i, kept = *x, step = 1e-5;
                *x = kept + step;
                double up = wide_loss(ref, wide, &s);
                *x = kept - step;
                double down = wide_loss(ref, wide, &s);
                *x = kept;
                double got =
                    param->tensor.grad_written ? (double)((float *)param->tensor.grad)[i] : 0;
                double want = (up - down) / (2 * step);
                if (fabs(got - want) > 2e-5 + 1e-3 * fabs(want))
                    fail_msg("%s: %s[%lld]: %.8g against %.8g", variants[v].name, param->name,
                             (long long)i, got, want);
            }
        }
        stoa_ctx_free(cpu), stoa_ctx_free(ref);
        stoa_icl_free(icl), free_wide(wide);
        stoa_free(s.items);
    }
}

/* ---- the last block for the query alone ------------------------------------------------------ */

static void the_query_alone_equals_the_whole_last_block(void **state) {
    (void)state;
    for (int v = 0; v < VARIANTS; v++) {
        stoa_icl_options o = options_of(&variants[v]);
        stoa_icl *icl = make(&o, 7);
        stoa_ctx *ctx = make_ctx("cpu");
        sequences s;
        draw(&s, &o, 3);
        stoa_tensor *alone = stoa_icl_forward(ctx, icl, &s.in, STOA_ICL_QUERY);
        stoa_tensor *whole = stoa_icl_forward(ctx, icl, &s.in, STOA_ICL_QUERY_FULL);
        stoa_tensor *items = stoa_icl_forward(ctx, icl, &s.in, STOA_ICL_ITEMS);
        check_ok(ctx);
        assert_same(alone, 0, whole, 0, stoa_numel(whole), 2e-6, variants[v].name);
        for (int64_t b = 0; b < BATCH; b++)
            assert_same(alone, b * o.labels, items, (b * (PAIRS + 1) + PAIRS) * o.labels, o.labels,
                        2e-6, variants[v].name);
        stoa_ctx_free(ctx);
        stoa_icl_free(icl);
        stoa_free(s.items);
    }
}

static void later_pairs_never_reach_earlier_items(void **state) {
    (void)state;
    for (int v = 0; v < VARIANTS; v++) {
        stoa_icl_options o = options_of(&variants[v]);
        if (o.capacity < 1) /* which tokens a routed block takes depends on the whole sequence */
            continue;
        stoa_icl *icl = make(&o, 8);
        stoa_ctx *ctx = make_ctx("cpu");
        sequences a, b;
        draw(&a, &o, 4);
        draw(&b, &o, 5);
        for (int64_t from = 1; from <= PAIRS; from++) {
            for (int64_t r = 0; r < BATCH; r++) {
                /* items up to `from`, labels before it */
                size_t row = (size_t)(r * (PAIRS + 1) * b.item);
                memcpy(b.items + row, a.items + row, (size_t)((from + 1) * b.item) * sizeof(float));
                memcpy(b.labels + r * PAIRS, a.labels + r * PAIRS, (size_t)from * sizeof(int32_t));
                memcpy(b.values + r * (PAIRS + 1), a.values + r * (PAIRS + 1),
                       (size_t)from * sizeof(float));
            }
            stoa_ctx_reset(ctx);
            stoa_tensor *x = stoa_icl_forward(ctx, icl, &a.in, STOA_ICL_ITEMS);
            stoa_tensor *y = stoa_icl_forward(ctx, icl, &b.in, STOA_ICL_ITEMS);
            check_ok(ctx);
            for (int64_t r = 0; r < BATCH; r++)
                assert_same(x, r * (PAIRS + 1) * o.labels, y, r * (PAIRS + 1) * o.labels,
                            (from + 1) * o.labels, 1e-6, variants[v].name);
        }
        stoa_ctx_free(ctx);
        stoa_icl_free(icl);
        stoa_free(a.items), stoa_free(b.items);
    }
}

/* ---- the ResNet's statistics ----------------------------------------------------------------- */

static void
the_resnet_normalises_by_the_batch_in_training_and_by_running_averages_else(void **state) {
    (void)state;
    stoa_icl_options o = paper(STOA_ICL_TRANSFORMER, 1);
    o.item[0] = o.item[1] = 33;
    o.labels = LABELS;
    o.pairs = PAIRS;
    stoa_icl *icl;
    assert_int_equal(stoa_icl_new(&icl, &o, 1, true, false, NULL), STOA_OK);
    /* scales that begin at 0 would hide the blocks */
    for (int64_t i = 0; i < stoa_params_count(stoa_icl_params(icl)); i++) {
        stoa_param *p = stoa_params_at(stoa_icl_params(icl), i);
        for (int64_t k = 0; strstr(p->name, "norm.scale") && k < stoa_numel(&p->tensor); k++)
            stoa_set(&p->tensor, k, 1);
    }
    sequences s;
    draw(&s, &o, 6);
    stoa_ctx *ctx = make_ctx("cpu");
    const char *name = "item.first.norm.variance";
    const stoa_tensor *running = &stoa_params_find(stoa_icl_params(icl), name)->tensor;
    stoa_icl_forward(ctx, icl, &s.in, STOA_ICL_QUERY);
    assert_float_equal(stoa_get(running, 3), 1, 0); /* evaluation moves nothing */
    stoa_ctx_set_training(ctx, true);
    stoa_tensor *batch = stoa_icl_forward(ctx, icl, &s.in, STOA_ICL_QUERY);
    double once = stoa_get(running, 3);
    stoa_icl_forward(ctx, icl, &s.in, STOA_ICL_QUERY);
    double twice = stoa_get(running, 3);
    assert_true(once != 1);
    assert_true(fabs(twice - once - 0.9 * (once - 1)) < 1e-5);
    for (int i = 0; i < 120; i++) {
        stoa_ctx_reset(ctx);
        batch = stoa_icl_forward(ctx, icl, &s.in, STOA_ICL_QUERY);
    }
    /* on the batch that made the averages, both are the same */
    stoa_ctx_set_training(ctx, false);
    stoa_tensor *after = stoa_icl_forward(ctx, icl, &s.in, STOA_ICL_QUERY);
    check_ok(ctx);
    assert_same(after, 0, batch, 0, stoa_numel(batch), 1e-3, "running averages");
    stoa_ctx_free(ctx);
    stoa_icl_free(icl);
    stoa_free(s.items);
}

static void the_resnet_takes_21_mflop_a_drawing(void **state) {
    (void)state;
    stoa_icl_options o = paper(STOA_ICL_TRANSFORMER, 1);
    stoa_icl *icl;
    assert_int_equal(stoa_icl_new(&icl, &o, 1, false, true, NULL), STOA_OK);
    stoa_ctx *ctx = make_ctx("meta");
    float nothing = 0;
    int32_t none = 0;
    stoa_icl_input in = {.batch = 1, .items = &nothing, .labels = &none};
    stoa_icl_forward(ctx, icl, &in, STOA_ICL_QUERY);
    check_ok(ctx);
    /* 21 MFLOP an image, as the dossier derives */
    const double *flops = stoa_ctx_flops_by_op(ctx);
    double conv = (flops[STOA_OP_CONV2D] + flops[STOA_OP_CONV_NORM_POOL]) / 9;
    assert_true(conv > 19e6 && conv < 24e6);
    stoa_ctx_free(ctx);
    stoa_icl_free(icl);
}

/* ---- attention maps -------------------------------------------------------------------------- */

static void attention_maps_are_causal_and_sum_to_one(void **state) {
    (void)state;
    for (int v = 0; v < VARIANTS; v++) {
        stoa_icl_options o = options_of(&variants[v]);
        if (!stoa_icl_attends(&o))
            continue;
        stoa_icl *icl = make(&o, 9);
        stoa_ctx *ctx = make_ctx("cpu");
        sequences s;
        draw(&s, &o, 7);
        int64_t maps = o.layers * BATCH * o.heads;
        float *map = stoa_alloc((size_t)(maps * TOKENS * TOKENS) * sizeof *map);
        stoa_tensor *plain = stoa_icl_forward(ctx, icl, &s.in, STOA_ICL_QUERY);
        stoa_tensor *with = stoa_icl_attention(ctx, icl, &s.in, map);
        check_ok(ctx);
        assert_same(with, 0, plain, 0, stoa_numel(plain), 2e-6, variants[v].name);
        int64_t full = 0, empty = 0;
        for (int64_t i = 0; i < maps * TOKENS; i++) {
            double sum = 0;
            for (int64_t j = 0; j < TOKENS; j++) {
                float x = map[i * TOKENS + j];
                assert_true(x >= 0 && (x == 0 || j <= i % TOKENS));
                sum += (double)x;
            }
            full += fabs(sum - 1) < 1e-5;
            empty += sum == 0;
        }
        assert_int_equal(full + empty, maps * TOKENS);
        assert_true(o.capacity < 1 ? empty > 0 : empty == 0);
        stoa_free(map);
        stoa_ctx_free(ctx);
        stoa_icl_free(icl);
        stoa_free(s.items);
    }
}

/* Maps made by hand: head 0 of layer 0 looks one token back, head 1 of layer 1 from the query to
 * the label of an item of its class, head 0 of layer 1 to one of another class. */
static void the_circuits_scores_tell_its_two_heads(void **state) {
    (void)state;
    stoa_icl_options o = options_of(&variants[0]);
    stoa_icl *icl = make(&o, 10);
    int64_t size = TOKENS * TOKENS;
    float *map = stoa_alloc((size_t)(4 * size) * sizeof *map); // (2, 1, 2, T, T)
    const int32_t classes[PAIRS + 1] = {7, 8, 7, 9, 8};
    for (int64_t t = 1; t < TOKENS; t++)
        map[t * TOKENS + t - 1] = 1;
    map[2 * size + (TOKENS - 1) * TOKENS + 1] = 0.75f; /* class 7 */
    map[3 * size + (TOKENS - 1) * TOKENS + 3] = 0.5f;  /* class 8, the query's */
    map[3 * size + (TOKENS - 1) * TOKENS + 5] = 0.125f;
    double previous[4], match[4];
    stoa_icl_circuit(icl, 1, map, classes, previous, match);
    const double want_previous[] = {1, 0, 0, 0}, want_match[] = {-1, 0, -0.75, 0.375};
    for (int i = 0; i < 4; i++) {
        assert_float_equal(previous[i], want_previous[i], 1e-6);
        assert_float_equal(match[i], want_match[i], 1e-6);
    }
    stoa_free(map);
    stoa_icl_free(icl);
}

/* ---- the minimal core ------------------------------------------------------------------------ */

/* Reddy's sizes: 63 numbers and 65 positions; six maps, three layers, 32 labels. */
static stoa_icl_options reddy(void) {
    stoa_icl_options o = mini(STOA_ICL_MINIMAL);
    o.item[0] = 63;
    o.width = 128;
    o.heads = 1;
    o.final_norm = false;
    return o;
}

static void the_minimal_model_has_reddys_parameters(void **state) {
    (void)state;
    stoa_icl *icl;
    double most;
    stoa_icl_options o = reddy();
    /* the labels' numbers are fixed and do not count */
    assert_int_equal(count(o), 6 * 128 * 128 + 3 * 129 * 128 + 32 * 128);
    assert_int_equal(stoa_icl_places(&o), 65 - 16);
    assert_int_equal(stoa_icl_new(&icl, &o, 1, true, false, NULL), STOA_OK);
    assert_false(stoa_params_find(stoa_icl_params(icl), "label.weight")->trained);
    assert_float_equal(deviation(icl, "label.weight", &most), 0.125988, 0.01);
    assert_null(stoa_params_find(stoa_icl_params(icl), "head.bias"));
    stoa_icl_free(icl);
    o = reddy();
    o.width = 80;
    stoa_error err;
    assert_int_equal(stoa_icl_options_check(&o, &err), STOA_OK);
    o.width = 78; /* no room for 17 positions */
    assert_int_equal(stoa_icl_options_check(&o, &err), STOA_ERR_USAGE);
    assert_non_null(strstr(err.message, "model.width"));
    o = reddy();
    o.heads = 2;
    assert_int_equal(stoa_icl_options_check(&o, &err), STOA_ERR_USAGE);
    assert_non_null(strstr(err.message, "model.heads"));
}

/* Where one sequence begins changes its own logits and nobody else's. */
static void positions_stand_beside_the_tokens_at_the_offset(void **state) {
    (void)state;
    stoa_icl_options o = options_of(&variants[VARIANTS - 1]);
    assert_int_equal(o.core, STOA_ICL_MINIMAL);
    stoa_icl *icl = make(&o, 11);
    stoa_ctx *ctx = make_ctx("cpu");
    sequences s;
    draw(&s, &o, 4);
    stoa_tensor *before = stoa_icl_forward(ctx, icl, &s.in, STOA_ICL_QUERY);
    s.offsets[1] = 3;
    stoa_tensor *after = stoa_icl_forward(ctx, icl, &s.in, STOA_ICL_QUERY);
    s.in.offsets = NULL;
    stoa_tensor *none = stoa_icl_forward(ctx, icl, &s.in, STOA_ICL_QUERY);
    check_ok(ctx);
    double moved = 0;
    for (int64_t i = 0; i < LABELS; i++) {
        assert_true(stoa_get(before, i) == stoa_get(after, i)); /* the first sequence's is 0 */
        assert_true(stoa_get(before, i) == stoa_get(none, i));
        moved += fabs(stoa_get(before, LABELS + i) - stoa_get(after, LABELS + i));
        assert_true(stoa_get(before, 2 * LABELS + i) == stoa_get(after, 2 * LABELS + i));
    }
    assert_true(moved > 1e-4);
    stoa_ctx_free(ctx);
    stoa_icl_free(icl);
    stoa_free(s.items);
}

/* ---- options --------------------------------------------------------------------------------- */

static void bad_options_are_named(void **state) {
    (void)state;
    stoa_error err;
    stoa_icl_options o = mini(STOA_ICL_TRANSFORMER);
    o.heads = 5;
    assert_int_equal(stoa_icl_options_check(&o, &err), STOA_ERR_USAGE);
    assert_non_null(strstr(err.message, "model.heads"));
    o = mini(STOA_ICL_LSTM);
    o.capacity = 0.5;
    assert_int_equal(stoa_icl_options_check(&o, &err), STOA_ERR_USAGE);
    assert_non_null(strstr(err.message, "model.capacity"));
    o = mini(STOA_ICL_TRANSFORMER);
    o.embedder = STOA_ICL_CONV;
    assert_int_equal(stoa_icl_options_check(&o, &err), STOA_ERR_USAGE);
    assert_non_null(strstr(err.message, "model.embedder"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameter_counts_are_the_papers),
        cmocka_unit_test(initial_weights_have_the_deviations_that_were_asked_for),
        cmocka_unit_test(logits_equal_the_reference_in_every_variant),
        cmocka_unit_test(gradients_equal_finite_differences_in_every_variant),
        cmocka_unit_test(the_query_alone_equals_the_whole_last_block),
        cmocka_unit_test(later_pairs_never_reach_earlier_items),
        cmocka_unit_test(
            the_resnet_normalises_by_the_batch_in_training_and_by_running_averages_else),
        cmocka_unit_test(the_resnet_takes_21_mflop_a_drawing),
        cmocka_unit_test(attention_maps_are_causal_and_sum_to_one),
        cmocka_unit_test(the_circuits_scores_tell_its_two_heads),
        cmocka_unit_test(the_minimal_model_has_reddys_parameters),
        cmocka_unit_test(positions_stand_beside_the_tokens_at_the_offset),
        cmocka_unit_test(bad_options_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
