/* Synthetic returns: the regression against the dossier's vector, the official way of evaluating
 * it, finite differences, and itself when an unroll is cut in two. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "stoa/train.h"

enum { T = 13, B = 3, OLD = 6 };

typedef struct problem {
    float old_c[B * OLD], c[T * B], logit[T * B], gate[T * B], bias[T * B], rewards[T * B];
    int32_t old_count[B];
    uint8_t reset[T * B];
    stoa_sa_rows rows;
    float grad_old[B * OLD], grad_c[T * B], grad_logit[T * B], grad_bias[T * B];
    stoa_sa_gradients gradients;
} problem;

static void open_gates(problem *p) {
    for (int i = 0; i < T * B; i++)
        p->gate[i] = 1 / (1 + expf(-p->logit[i]));
}

static void make(problem *p, int64_t capacity, uint64_t seed) {
    stoa_rng rng = stoa_rng_stream(seed, "test", 0);
    memset(p, 0, sizeof *p);
    for (int i = 0; i < B * OLD; i++)
        p->old_c[i] = (float)stoa_rng_normal(&rng);
    for (int i = 0; i < T * B; i++) {
        p->c[i] = (float)stoa_rng_normal(&rng);
        p->logit[i] = (float)stoa_rng_normal(&rng);
        p->bias[i] = (float)stoa_rng_normal(&rng);
        p->rewards[i] = (float)stoa_rng_normal(&rng);
        p->reset[i] = stoa_rng_below(&rng, 6) == 0;
    }
    for (int b = 0; b < B; b++)
        p->old_count[b] = (int32_t)stoa_rng_below(&rng, (capacity < OLD ? capacity : OLD) + 1);
    open_gates(p);
    p->rows = (stoa_sa_rows){T,    B,       capacity, OLD,        p->old_c, p->old_count,
                             p->c, p->gate, p->bias,  p->rewards, p->reset};
    p->gradients = (stoa_sa_gradients){p->grad_old, p->grad_c, p->grad_logit, p->grad_bias};
}

/* The official way: at every step, over a ring buffer of everything remembered. */
static double by_ring_buffer(const problem *p) {
    double loss = 0;
    int64_t capacity = p->rows.capacity;
    for (int b = 0; b < B; b++) {
        double ring[64] = {0};
        int64_t counter = 0;
        for (int k = 0; k < p->old_count[b]; k++)
            ring[counter++ % capacity] = (double)p->old_c[b * OLD + k];
        for (int t = 0; t < T; t++) {
            if (p->reset[t * B + b])
                counter = 0;
            double sum = 0;
            for (int64_t k = 0; k < capacity && k < counter; k++)
                sum += ring[k];
            double gate = 1 / (1 + exp(-(double)p->logit[t * B + b]));
            double error = gate * sum + (double)p->bias[t * B + b] - (double)p->rewards[t * B + b];
            loss += error * error / 2;
            ring[counter++ % capacity] = (double)p->c[t * B + b];
        }
    }
    return loss;
}

static void the_dossiers_vector_comes_out(void **state) {
    (void)state;
    float c[] = {0.2f, -0.1f, 0.4f, 0.3f}, logit[] = {0, 1, -1, 2}, gate[4];
    float bias[] = {0.1f, 0, -0.2f, 0.05f}, rewards[] = {0, 0.5f, 0, 1};
    uint8_t reset[4] = {1};
    int32_t none = 0;
    float grad_c[4], grad_logit[4], grad_bias[4];
    for (int i = 0; i < 4; i++)
        gate[i] = 1 / (1 + expf(-logit[i]));
    double loss =
        stoa_sa_loss(&(stoa_sa_rows){4, 1, 300, 0, NULL, &none, c, gate, bias, rewards, reset},
                     &(stoa_sa_gradients){NULL, grad_c, grad_logit, grad_bias});
    static const double want_c[] = {-0.75405077, -0.49541081, -0.44885548, 0};
    static const double want_bias[] = {0.1, -0.35378828, -0.17310586, -0.50960146};
    static const double want_logit[] = {0, -0.0139118, -0.00340347, -0.02675244};
    static const double want_reward[] = {0.06, 0.47, 0.12, 1.09};
    assert_true(fabs(loss - 0.21241272) < 1e-6);
    for (int i = 0; i < 4; i++) {
        assert_true(fabs((double)grad_c[i] - want_c[i]) < 1e-6);
        assert_true(fabs((double)grad_bias[i] - want_bias[i]) < 1e-6);
        assert_true(fabs((double)grad_logit[i] - want_logit[i]) < 1e-6);
        assert_true(fabs(0.3 * (double)c[i] + (double)rewards[i] - want_reward[i]) < 1e-6);
    }
}

static void running_sums_equal_the_ring_buffer(void **state) {
    (void)state;
    problem p;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        make(&p, 1 + (int64_t)(seed % 20), seed); /* some forget, some do not */
        double loss = stoa_sa_loss(&p.rows, &p.gradients);
        assert_true(fabs(loss - by_ring_buffer(&p)) < 1e-4 * (1 + loss));
    }
}

/* Central differences of the ring buffer's loss in every entry of values. */
static void check_gradient(problem *p, float *values, const float *gradient, int n) {
    const float eps = 1e-2f;
    for (int i = 0; i < n; i++) {
        float kept = values[i];
        values[i] = kept + eps;
        double above = by_ring_buffer(p);
        values[i] = kept - eps;
        double below = by_ring_buffer(p);
        values[i] = kept;
        double want = (above - below) / (2 * (double)eps);
        assert_true(fabs(want - (double)gradient[i]) < 2e-3 * (1 + fabs(want)));
    }
}

static void gradients_equal_finite_differences(void **state) {
    (void)state;
    problem p;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        make(&p, 2 + (int64_t)seed, seed);
        stoa_sa_loss(&p.rows, &p.gradients);
        check_gradient(&p, p.c, p.grad_c, T * B);
        check_gradient(&p, p.old_c, p.grad_old, B * OLD);
        check_gradient(&p, p.logit, p.grad_logit, T * B);
        check_gradient(&p, p.bias, p.grad_bias, T * B);
    }
}

static void an_unroll_cut_in_two_predicts_the_same(void **state) {
    (void)state;
    enum { HALF = 6 };
    problem whole, rest;
    make(&whole, 100, 5);
    memset(whole.old_count, 0, sizeof whole.old_count);
    stoa_sa_loss(&whole.rows, &whole.gradients);
    rest = whole; /* its memory is what the first half's episodes left */
    rest.rows = (stoa_sa_rows){T - HALF,
                               B,
                               100,
                               OLD,
                               rest.old_c,
                               rest.old_count,
                               rest.c + HALF * B,
                               rest.gate + HALF * B,
                               rest.bias + HALF * B,
                               rest.rewards + HALF * B,
                               rest.reset + HALF * B};
    rest.gradients =
        (stoa_sa_gradients){rest.grad_old, rest.grad_c, rest.grad_logit, rest.grad_bias};
    for (int b = 0; b < B; b++)
        for (int t = 0; t < HALF; t++) {
            if (whole.reset[t * B + b])
                rest.old_count[b] = 0;
            rest.old_c[b * OLD + rest.old_count[b]++] = whole.c[t * B + b];
        }
    stoa_sa_loss(&rest.rows, &rest.gradients);
    for (int i = 0; i < (T - HALF) * B; i++)
        assert_true(fabs((double)rest.grad_bias[i] - (double)whole.grad_bias[HALF * B + i]) < 1e-5);
}

static void a_row_has_no_gradient_from_its_own_step_or_another_episode(void **state) {
    (void)state;
    problem p;
    make(&p, 100, 9);
    memset(p.reset, 1, sizeof p.reset);
    stoa_sa_loss(&p.rows, &p.gradients);
    for (int i = 0; i < T * B; i++)
        assert_true(p.grad_c[i] == 0);
    for (int i = 0; i < B * OLD; i++)
        assert_true(p.grad_old[i] == 0);
}

/* The ring buffer's loss of contributions whose mean was taken away. */
static double by_centred_ring_buffer(const problem *p) {
    problem q = *p;
    double sum = 0;
    int count = T * B;
    for (int b = 0; b < B; b++)
        for (int k = 0; k < q.old_count[b]; k++, count++)
            sum += (double)q.old_c[b * OLD + k];
    for (int i = 0; i < T * B; i++)
        sum += (double)q.c[i];
    for (int b = 0; b < B; b++)
        for (int k = 0; k < q.old_count[b]; k++)
            q.old_c[b * OLD + k] -= (float)(sum / count);
    for (int i = 0; i < T * B; i++)
        q.c[i] -= (float)(sum / count);
    return by_ring_buffer(&q);
}

static void centred_contributions_have_the_gradient_of_their_loss(void **state) {
    (void)state;
    const double eps = 1e-2;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        problem p, q;
        make(&p, 100, seed);
        make(&q, 100, seed);
        stoa_sa_center(&q.rows, q.old_c, q.c);
        double loss = stoa_sa_loss(&q.rows, &q.gradients);
        stoa_sa_center(&q.rows, q.grad_old, q.grad_c);
        assert_true(fabs(loss - by_centred_ring_buffer(&p)) < 1e-4 * (1 + loss));
        for (int i = 0; i < T * B; i++) {
            float kept = p.c[i];
            p.c[i] = (float)((double)kept + eps);
            double above = by_centred_ring_buffer(&p);
            p.c[i] = (float)((double)kept - eps);
            double below = by_centred_ring_buffer(&p);
            p.c[i] = kept;
            double want = (above - below) / (2 * eps);
            assert_true(fabs(want - (double)q.grad_c[i]) < 2e-3 * (1 + fabs(want)));
        }
    }
}

/* Before anything is learned c is so many times its network's output, and so is what it pays. */
static void a_unit_scales_contributions(void **state) {
    (void)state;
    double mean[2] = {0, 0};
    for (int i = 0; i < 2; i++) {
        const char *const sets[] = {"env.name=chain",
                                    "env.instances=4",
                                    "objectives=synthetic-returns",
                                    "train.eval_episodes=0",
                                    "threads=1",
                                    i ? "synthetic-returns.unit=0.25" : "synthetic-returns.unit=1"};
        stoa_agent_settings s;
        stoa_agent_trainer *trainer = NULL;
        stoa_agent_step step;
        stoa_error err = {0};
        if (stoa_agent_settings_load(&s, NULL, sets, 6, &err) != STOA_OK ||
            stoa_agent_trainer_new(&trainer, &s, &err) != STOA_OK ||
            stoa_agent_trainer_step(trainer, &step, &err) != STOA_OK)
            fail_msg("%s", err.message);
        for (int m = 0; m < step.objective_count; m++)
            if (strcmp(step.objectives[m].name, "synthetic_returns/c_elsewhere") == 0)
                mean[i] = step.objectives[m].value;
        stoa_agent_trainer_free(trainer);
    }
    assert_true(mean[0] != 0 && fabs(mean[1] / mean[0] - 0.25) < 1e-5);
}

/* Mean size of c over the events and elsewhere after some updates. */
static double size_of_c(const char *ridge) {
    const char *const sets[] = {"env.name=chain",         "env.instances=16",
                                "train.unroll=30",        "objectives=synthetic-returns",
                                "train.eval_episodes=0",  "threads=1",
                                "train.entropy_weight=1", "synthetic-returns.alpha=0",
                                "train.rate=1e-3",        ridge};
    stoa_agent_settings s;
    stoa_agent_trainer *trainer = NULL;
    stoa_agent_step step;
    stoa_error err = {0};
    double size = 0;
    if (stoa_agent_settings_load(&s, NULL, sets, 10, &err) != STOA_OK ||
        stoa_agent_trainer_new(&trainer, &s, &err) != STOA_OK)
        fail_msg("%s", err.message);
    for (int update = 0; update < 300; update++)
        if (stoa_agent_trainer_step(trainer, &step, &err) != STOA_OK)
            fail_msg("%s", err.message);
    for (int m = 0; m < step.objective_count; m++)
        if (strncmp(step.objectives[m].name, "synthetic_returns/c_", 20) == 0)
            size += fabs(step.objectives[m].value);
    stoa_agent_trainer_free(trainer);
    return size;
}

static void a_ridge_keeps_contributions_small(void **state) {
    (void)state;
    double free_ = size_of_c("synthetic-returns.ridge=0");
    double small = size_of_c("synthetic-returns.ridge=1000");
    assert_true(free_ > 0.01 && small < free_ / 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(centred_contributions_have_the_gradient_of_their_loss),
        cmocka_unit_test(a_ridge_keeps_contributions_small),
        cmocka_unit_test(a_unit_scales_contributions),
        cmocka_unit_test(the_dossiers_vector_comes_out),
        cmocka_unit_test(running_sums_equal_the_ring_buffer),
        cmocka_unit_test(gradients_equal_finite_differences),
        cmocka_unit_test(an_unroll_cut_in_two_predicts_the_same),
        cmocka_unit_test(a_row_has_no_gradient_from_its_own_step_or_another_episode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
