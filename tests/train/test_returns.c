/* tests/train/test_returns.c - V-trace, advantages and the agents' loss against known vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "train/policy.h"

enum { T = 5 };

/* A trajectory worked out by hand, by the recursion and by the explicit double sum. */
static const double pi[T] = {.5, .2, .9, .3, .6}, mu[T] = {.25, .4, .6, .3, .8};
static const float values[T] = {0.5f, -0.2f, 0.1f, 0.8f, 0.3f}, bootstrap[1] = {0.4f};
static const float rewards[T] = {1, 0, -0.5f, 2, 0.25f};

static const struct {
    const char *name;
    stoa_vtrace_options options;
    int done; /* -1: none */
    bool on_policy;
    double targets[T], advantages[T];
} known[] = {
    {"default clips",
     {1, 1, 1},
     -1,
     false,
     {1.61118663, 0.67909625, 1.731325, 2.47925, 0.5325},
     {1.11118663, 0.87909625, 1.631325, 1.67925, 0.2325}},
    {"an episode ends in the middle",
     {1, 1, 1},
     2,
     false,
     {0.7075, -0.325, -0.5, 2.47925, 0.5325},
     {0.2075, -0.125, -0.6, 1.67925, 0.2325}},
    {"wider clips",
     {2, 1.2, 1},
     -1,
     false,
     {1.95548663, 0.70609625, 1.791325, 2.47925, 0.5325},
     {1.36258395, 0.90609625, 1.95759, 1.67925, 0.2325}},
    {"on policy",
     {1, 1, 1},
     -1,
     true,
     {2.453221, 1.61469, 1.7941, 2.549, 0.61},
     {1.953221, 1.81469, 1.6941, 1.749, 0.31}},
    {"lambda",
     {1, 1, 0.95},
     -1,
     false,
     {1.5093546, 0.60626269, 1.64681331, 2.4687875, 0.5325},
     {1.04563642, 0.84106599, 1.62190875, 1.67925, 0.2325}},
};

static void fill(int k, int64_t batch, float *log_rho, float *discounts, float *v, float *r) {
    for (int64_t t = 0; t < T; t++)
        for (int64_t b = 0; b < batch; b++) {
            int64_t i = t * batch + b;
            log_rho[i] = known[k].on_policy ? 0 : (float)log(pi[t] / mu[t]);
            discounts[i] = t == known[k].done ? 0 : 0.9f;
            v[i] = values[t];
            r[i] = rewards[t];
        }
}

static void vtrace_matches_the_known_vectors(void **state) {
    (void)state;
    enum { B = 3 }; /* every column is the same trajectory */
    float log_rho[T * B], discounts[T * B], v[T * B], r[T * B], last[B] = {0.4f, 0.4f, 0.4f};
    float targets[T * B], advantages[T * B];
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        fill((int)k, B, log_rho, discounts, v, r);
        stoa_vtrace(&known[k].options, T, B, log_rho, discounts, r, v, last, targets, advantages);
        for (int i = 0; i < T * B; i++) {
            if (fabs((double)targets[i] - known[k].targets[i / B]) > 1e-5 ||
                fabs((double)advantages[i] - known[k].advantages[i / B]) > 1e-5)
                fail_msg("%s, step %d: %.8f and %.8f", known[k].name, i / B, (double)targets[i],
                         (double)advantages[i]);
        }
    }
}

/* v_t = V_t + sum over s >= t of (product of d_i c_i, t <= i < s) delta_s, as it is defined. */
static double target_by_sum(const stoa_vtrace_options *o, int64_t steps, const double *rho,
                            const double *d, const double *r, const double *v, int64_t from) {
    double sum = v[from];
    for (int64_t s = from; s < steps; s++) {
        double factor = 1;
        for (int64_t i = from; i < s; i++)
            factor *= d[i] * o->lambda * fmin(1, rho[i]);
        sum += factor * fmin(o->rho_clip, rho[s]) * (r[s] + d[s] * v[s + 1] - v[s]);
    }
    return sum;
}

static void vtrace_is_the_double_sum_it_abbreviates(void **state) {
    (void)state;
    enum { STEPS = 33, B = 5 };
    const stoa_vtrace_options options = {1.3, 0.9, 0.97};
    float log_rho[STEPS * B], discounts[STEPS * B], v[STEPS * B], r[STEPS * B], last[B];
    float targets[STEPS * B], advantages[STEPS * B];
    stoa_rng rng = stoa_rng_stream(7, "vtrace", 0);
    for (int i = 0; i < STEPS * B; i++) {
        log_rho[i] = 0.5f * (float)stoa_rng_normal(&rng);
        discounts[i] = stoa_rng_below(&rng, 8) ? 0.95f : 0;
        v[i] = (float)stoa_rng_normal(&rng);
        r[i] = (float)stoa_rng_normal(&rng);
    }
    for (int b = 0; b < B; b++)
        last[b] = (float)stoa_rng_normal(&rng);
    stoa_vtrace(&options, STEPS, B, log_rho, discounts, r, v, last, targets, advantages);
    for (int b = 0; b < B; b++) {
        double rho[STEPS], d[STEPS], reward[STEPS], value[STEPS + 1], target[STEPS + 1];
        for (int t = 0; t < STEPS; t++) {
            rho[t] = exp((double)log_rho[t * B + b]);
            d[t] = (double)discounts[t * B + b];
            reward[t] = (double)r[t * B + b];
            value[t] = (double)v[t * B + b];
        }
        value[STEPS] = target[STEPS] = (double)last[b];
        for (int t = 0; t < STEPS; t++)
            target[t] = target_by_sum(&options, STEPS, rho, d, reward, value, t);
        for (int t = 0; t < STEPS; t++) {
            double advantage =
                fmin(options.pg_rho_clip, rho[t]) * (reward[t] + d[t] * target[t + 1] - value[t]);
            assert_true(fabs((double)targets[t * B + b] - target[t]) < 1e-5);
            assert_true(fabs((double)advantages[t * B + b] - advantage) < 1e-5);
        }
    }
}

static void advantages_are_the_sum_of_discounted_residuals(void **state) {
    (void)state;
    const double lambda = 0.9;
    float discounts[T], targets[T], advantages[T];
    for (int done = -1; done < T; done++) {
        for (int t = 0; t < T; t++)
            discounts[t] = t == done ? 0 : 0.9f;
        stoa_gae(lambda, T, 1, discounts, rewards, values, bootstrap, targets, advantages);
        for (int t = 0; t < T; t++) {
            double sum = 0, factor = 1;
            for (int s = t; s < T; s++) {
                double next = (double)(s + 1 < T ? values[s + 1] : bootstrap[0]);
                double d = (double)discounts[s];
                sum += factor * ((double)rewards[s] + d * next - (double)values[s]);
                factor *= d * lambda;
            }
            assert_true(fabs((double)advantages[t] - sum) < 1e-5);
            assert_true(fabs((double)(targets[t] - values[t] - advantages[t])) < 1e-6);
        }
    }
    /* with lambda = 1 the target is V-trace's on policy */
    for (int t = 0; t < T; t++)
        discounts[t] = 0.9f;
    stoa_gae(1, T, 1, discounts, rewards, values, bootstrap, targets, advantages);
    for (int t = 0; t < T; t++)
        assert_true(fabs((double)targets[t] - known[3].targets[t]) < 1e-5);
}

static const float known_logits[T * 3] = {0.2f, -0.1f, 0.5f, 1,    0, -1, 0, 0,
                                          0,    -0.3f, 0.7f, 0.1f, 2, -2, 0};
static const int32_t known_actions[T] = {2, 0, 1, 1, 0};

static stoa_space categories(int64_t n) {
    return (stoa_space){.kind = STOA_SPACE_CATEGORIES, .dtype = STOA_I32, .categories = n};
}

static void the_loss_is_the_known_one(void **state) {
    (void)state;
    float log_rho[T], discounts[T], v[T], r[T], targets[T], advantages[T];
    fill(3, 1, log_rho, discounts, v, r);
    stoa_vtrace(&known[3].options, T, 1, log_rho, discounts, r, v, bootstrap, targets, advantages);
    stoa_ctx *ctx = stoa_ctx_new(stoa_backend_cpu(), NULL, 0);
    stoa_tensor *logits = stoa_from(ctx, STOA_F32, STOA_SHAPE(T, 1, 3), known_logits);
    stoa_tensor *value = stoa_from(ctx, STOA_F32, STOA_SHAPE(T, 1), values);
    const void *actions = known_actions;
    stoa_space move = categories(3);
    stoa_policy_terms terms = stoa_policy_terms_of(ctx, &move, 1, &logits, &actions);
    stoa_actor_critic loss =
        stoa_vtrace_loss(ctx, &terms, value, targets, advantages, 0.5, 0.01, 1);
    assert_true(fabs(stoa_get(loss.policy, 0) - 5.40107535) < 1e-5);
    assert_true(fabs(stoa_get(loss.entropy, 0) - 4.45567296) < 1e-5);
    assert_true(fabs(stoa_get(loss.value, 0) - 6.56662394) < 1e-5);
    assert_true(fabs(stoa_get(loss.total, 0) - 8.63983060) < 1e-5);
    assert_int_equal(stoa_ctx_status(ctx, NULL), STOA_OK);
    stoa_ctx_free(ctx);
}

static void two_action_spaces_are_one_joint_action(void **state) {
    (void)state;
    stoa_ctx *ctx = stoa_ctx_new(stoa_backend_cpu(), NULL, 0);
    stoa_tensor *logits[2] = {stoa_from(ctx, STOA_F32, STOA_SHAPE(T, 1, 3), known_logits),
                              stoa_from(ctx, STOA_F32, STOA_SHAPE(T, 1, 3), known_logits)};
    const void *actions[2] = {known_actions, known_actions};
    const stoa_space moves[2] = {categories(3), categories(3)};
    stoa_policy_terms one = stoa_policy_terms_of(ctx, moves, 1, logits, actions);
    stoa_policy_terms two = stoa_policy_terms_of(ctx, moves, 2, logits, actions);
    for (int t = 0; t < T; t++) {
        assert_true(fabs(stoa_get(two.log_prob, t) - 2 * stoa_get(one.log_prob, t)) < 1e-6);
        assert_true(fabs(stoa_get(two.entropy, t) - 2 * stoa_get(one.entropy, t)) < 1e-6);
    }
    stoa_ctx_free(ctx);
}

static void elements_of_one_space_are_one_joint_action(void **state) {
    (void)state;
    stoa_ctx *ctx = stoa_ctx_new(stoa_backend_cpu(), NULL, 0);
    stoa_tensor *whole = stoa_from(ctx, STOA_F32, STOA_SHAPE(T, 1, 3), known_logits);
    stoa_tensor *wide = stoa_concat(ctx, (stoa_tensor *[]){whole, whole}, 2, -1); // (T, 1, 6)
    int32_t twice[2 * T];
    for (int t = 0; t < T; t++)
        twice[2 * t] = twice[2 * t + 1] = known_actions[t];
    stoa_space move = categories(3), moves = move;
    moves.ndim = 1;
    moves.shape[0] = 2;
    const void *single = known_actions, *pair = twice;
    stoa_policy_terms one = stoa_policy_terms_of(ctx, &move, 1, &whole, &single);
    stoa_policy_terms two = stoa_policy_terms_of(ctx, &moves, 1, &wide, &pair);
    for (int t = 0; t < T; t++) {
        assert_true(fabs(stoa_get(two.log_prob, t) - 2 * stoa_get(one.log_prob, t)) < 1e-6);
        assert_true(fabs(stoa_get(two.entropy, t) - 2 * stoa_get(one.entropy, t)) < 1e-6);
    }
    stoa_ctx_free(ctx);
}

static void numbers_have_the_normal_density(void **state) {
    (void)state;
    const float parts[4] = {0.5f, -1, 0.2f, -0.7f}, taken[2] = {0.1f, -0.4f}; /* means, log stds */
    stoa_space force = {.kind = STOA_SPACE_BOX, .dtype = STOA_F32, .ndim = 1, .shape = {2}};
    double log_prob = 0, entropy = 0;
    for (int e = 0; e < 2; e++) {
        double s = exp((double)parts[2 + e]), z = ((double)taken[e] - (double)parts[e]) / s;
        log_prob += log(exp(-z * z / 2) / (s * sqrt(2 * 3.14159265358979)));
        entropy += 0.5 * log(2 * 3.14159265358979 * 2.718281828459045 * s * s);
    }
    stoa_ctx *ctx = stoa_ctx_new(stoa_backend_cpu(), NULL, 0);
    stoa_tensor *logits = stoa_from(ctx, STOA_F32, STOA_SHAPE(1, 1, 4), parts);
    const void *actions = taken;
    stoa_policy_terms terms = stoa_policy_terms_of(ctx, &force, 1, &logits, &actions);
    assert_true(fabs(stoa_get(terms.log_prob, 0) - log_prob) < 1e-5);
    assert_true(fabs(stoa_get(terms.entropy, 0) - entropy) < 1e-5);
    stoa_ctx_free(ctx);
}

/* The surrogate by hand, over ratios on both sides of the clip and advantages of both signs. */
static void the_clipped_surrogate_is_its_formula(void **state) {
    (void)state;
    enum { N = 9 };
    static const float logits0[N * 2] = {0.9f, 0.1f, 0, 0, -1, 1,    2, 0, 0.3f,
                                         0.2f, 0,    1, 1, 0,  0.4f, 0, 0, 2};
    static const int32_t taken[N] = {0, 1, 0, 0, 1, 1, 0, 1, 0};
    float log_probs[N], advantages[N], targets[N], old_values[N], now[N];
    stoa_rng rng = stoa_rng_stream(3, "ppo", 0);
    for (int i = 0; i < N; i++) {
        advantages[i] = (float)stoa_rng_normal(&rng);
        targets[i] = (float)stoa_rng_normal(&rng);
        old_values[i] = (float)stoa_rng_normal(&rng);
        now[i] = old_values[i] + 0.3f * (float)stoa_rng_normal(&rng);
        log_probs[i] = -0.69f + 0.3f * (float)stoa_rng_normal(&rng);
    }
    double policy = 0, error = 0;
    int outside = 0;
    for (int i = 0; i < N; i++) {
        double a = (double)logits0[2 * i + taken[i]], b = (double)logits0[2 * i + 1 - taken[i]];
        double ratio = exp(-log1p(exp(b - a)) - (double)log_probs[i]), A = (double)advantages[i];
        policy -= fmin(ratio * A, fmax(0.8, fmin(1.2, ratio)) * A);
        outside += ratio < 0.8 || ratio > 1.2;
        double old = (double)old_values[i], moved = fmax(-0.2, fmin(0.2, (double)now[i] - old));
        double plain = (double)now[i] - (double)targets[i], near = old + moved - (double)targets[i];
        error += fmax(plain * plain, near * near) / 2;
    }
    assert_true(outside > 2 && outside < N);
    stoa_ctx *ctx = stoa_ctx_new(stoa_backend_cpu(), NULL, 0);
    stoa_tensor *logits = stoa_from(ctx, STOA_F32, STOA_SHAPE(N, 1, 2), logits0);
    stoa_tensor *value = stoa_from(ctx, STOA_F32, STOA_SHAPE(N, 1), now);
    const void *actions = taken;
    stoa_space move = categories(2);
    stoa_policy_terms terms = stoa_policy_terms_of(ctx, &move, 1, &logits, &actions);
    stoa_ppo_rows rows = {log_probs, advantages, targets, old_values, 0.2, 0.2};
    stoa_actor_critic loss = stoa_ppo_loss(ctx, &terms, value, &rows, 0.5, 0, 2);
    assert_true(fabs(stoa_get(loss.policy, 0) - policy) < 1e-5);
    assert_true(fabs(stoa_get(loss.value, 0) - error) < 1e-5);
    assert_true(fabs(stoa_get(loss.total, 0) - 2 * (policy + 0.5 * error)) < 1e-5);
    stoa_ctx_free(ctx);
}

static void no_steps_and_no_instances_are_fine(void **state) {
    (void)state;
    const stoa_vtrace_options options = {1, 1, 1};
    float untouched[1] = {7};
    stoa_vtrace(&options, 0, 4, values, values, rewards, values, values, untouched, untouched);
    stoa_vtrace(&options, 4, 0, values, values, rewards, values, values, untouched, untouched);
    stoa_gae(0.9, 0, 4, values, rewards, values, values, untouched, untouched);
    assert_true(untouched[0] == 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vtrace_matches_the_known_vectors),
        cmocka_unit_test(vtrace_is_the_double_sum_it_abbreviates),
        cmocka_unit_test(advantages_are_the_sum_of_discounted_residuals),
        cmocka_unit_test(the_loss_is_the_known_one),
        cmocka_unit_test(two_action_spaces_are_one_joint_action),
        cmocka_unit_test(elements_of_one_space_are_one_joint_action),
        cmocka_unit_test(numbers_have_the_normal_density),
        cmocka_unit_test(the_clipped_surrogate_is_its_formula),
        cmocka_unit_test(no_steps_and_no_instances_are_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
