/* Temporal value transport: the rule against a plain reading of it, hand-made series, and the
 * objective in training. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "train/agent_trainer.h"
#include "train/value_transport.h"

enum { T = 24, B = 3, R = 2, K = 4 };

typedef struct series {
    float strengths[T * B * R], weights[T * B * R * K], values[T * B];
    int32_t read_steps[T * B * R * K];
    uint8_t reset[T * B];
} series;

static stoa_transport over(const series *s, int64_t steps, int64_t batch, int64_t heads,
                           int64_t best, int64_t horizon) {
    return (stoa_transport){steps,      batch,         heads,     best,     s->strengths,
                            s->weights, s->read_steps, s->values, s->reset, 0.9,
                            2,          horizon};
}

/* The rule in three separate readings of one head of one instance: strengths of reads that reach
 * far, the times of the largest in each run, what each of these times pays. */
static void plainly(const stoa_transport *x, int64_t b, int64_t h, double *rewards) {
    double cut[T + 1] = {0};
    int64_t times[T], count = 0;
    for (int64_t t = 0; t < x->steps; t++) {
        int64_t row = (t * x->batch + b) * x->heads + h, at = 0;
        for (int64_t k = 0; k < x->best; k++)
            if (x->weights[row * x->best + k] > x->weights[row * x->best + at])
                at = k;
        if (x->weights[row * x->best + at] > 0 &&
            t - x->read_steps[row * x->best + at] > x->horizon)
            cut[t] = (double)x->strengths[row];
    }
    for (int64_t begin = 0; begin < x->steps;) {
        int64_t end = begin, top = begin;
        while (end < x->steps && cut[end] > x->threshold &&
               (end == begin || !x->reset[end * x->batch + b])) {
            if (cut[end] > cut[top])
                top = end;
            end++;
        }
        if (end > begin)
            times[count++] = top;
        begin = end > begin ? end : begin + 1;
    }
    for (int64_t i = 0; i < count; i++) {
        int64_t row = (times[i] * x->batch + b) * x->heads + h;
        for (int64_t k = 0; k < x->best; k++) {
            int64_t step = x->read_steps[row * x->best + k];
            if (step >= 0 && step + x->horizon < times[i])
                rewards[step * x->batch + b] += x->alpha * (double)x->weights[row * x->best + k] *
                                                (double)x->values[times[i] * x->batch + b];
        }
    }
}

static void random_series_equal_the_plain_reading(void **state) {
    (void)state;
    series s;
    int64_t events = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        stoa_rng rng = stoa_rng_stream(seed, "series", 0);
        memset(&s, 0, sizeof s);
        for (int i = 0; i < T * B * R; i++)
            s.strengths[i] = 4 * (float)stoa_rng_uniform(&rng);
        for (int i = 0; i < T * B; i++) {
            s.values[i] = (float)stoa_rng_normal(&rng);
            s.reset[i] = stoa_rng_below(&rng, 12) == 0;
        }
        for (int i = 0; i < T * B * R * K; i++) {
            s.weights[i] = (float)stoa_rng_uniform(&rng) * (float)(stoa_rng_below(&rng, 4) > 0);
            int64_t t = i / (B * R * K);
            s.read_steps[i] = (int32_t)(t - 1 - stoa_rng_below(&rng, t + 3)); /* some before 0 */
        }
        stoa_transport x = over(&s, T, B, R, K, (int64_t)(seed % 9));
        float got[T * B];
        double want[T * B], sum = 0, carried;
        for (int i = 0; i < T * B; i++)
            want[i] = (double)(got[i] = (float)stoa_rng_normal(&rng));
        for (int i = 0; i < T * B; i++)
            sum -= (double)got[i];
        for (int64_t b = 0; b < B; b++)
            for (int64_t h = 0; h < R; h++)
                plainly(&x, b, h, want);
        events += stoa_transport_values(&x, got, &carried);
        for (int i = 0; i < T * B; i++) {
            assert_true(fabs(want[i] - (double)got[i]) < 1e-5);
            sum += (double)got[i];
        }
        assert_true(fabs(sum - carried) < 1e-4);
    }
    assert_true(events > 500);
}

/* One head that reads step `from` with weight 1. */
static void read_at(series *s, int t, float strength, int from, float value) {
    s->strengths[t] = strength;
    s->weights[t] = 1;
    s->read_steps[t] = from;
    s->values[t] = value;
}

/* Rewards of one instance with one head that reads one row, all zero before. */
static int64_t pay(const series *s, int64_t horizon, float *rewards) {
    stoa_transport x = over(s, T, 1, 1, 1, horizon);
    memset(rewards, 0, T * sizeof *rewards);
    return stoa_transport_values(&x, rewards, NULL);
}

static void a_run_pays_once_from_its_peak(void **state) {
    (void)state;
    series s = {.reset = {1}};
    float rewards[T];
    read_at(&s, 10, 2.5f, 1, 100);
    read_at(&s, 11, 3.5f, 2, 10);
    read_at(&s, 12, 3.5f, 3, 100); /* no larger than the one before */
    assert_int_equal(pay(&s, 5, rewards), 1);
    for (int t = 0; t < T; t++)
        assert_true(fabsf(rewards[t] - (t == 2 ? 9.0f : 0)) < 1e-6f);
    s.strengths[11] = 2; /* not above the threshold: two runs */
    assert_int_equal(pay(&s, 5, rewards), 2);
    assert_true(fabsf(rewards[1] - 90) < 1e-4f && fabsf(rewards[3] - 90) < 1e-4f);
    s.strengths[11] = 2.5f;
    s.reset[11] = 1; /* an episode ends between them */
    assert_int_equal(pay(&s, 5, rewards), 2);
}

static void near_reads_and_lost_ones_pay_nothing(void **state) {
    (void)state;
    series s = {.reset = {1}};
    float rewards[T];
    read_at(&s, 10, 5, 4, 1);
    assert_int_equal(pay(&s, 6, rewards), 0); /* six steps back is not beyond six */
    assert_int_equal(pay(&s, 5, rewards), 1);
    assert_true(fabsf(rewards[4] - 0.9f) < 1e-6f);
    read_at(&s, 10, 5, -3, 1); /* before the unroll: an event that reaches nobody */
    assert_int_equal(pay(&s, 5, rewards), 1);
    for (int t = 0; t < T; t++)
        assert_true(rewards[t] == 0);
    read_at(&s, T - 1, 9, 0, 1); /* a run may end with the unroll */
    assert_int_equal(pay(&s, 5, rewards), 2);
    assert_true(fabsf(rewards[0] - 0.9f) < 1e-6f);
}

static void the_horizon_follows_the_discount(void **state) {
    (void)state;
    assert_int_equal(stoa_transport_horizon(0.92), 12);
    assert_int_equal(stoa_transport_horizon(0.5), 2);
    assert_int_equal(stoa_transport_horizon(0), 1);
    assert_int_equal(stoa_transport_horizon(1), 25);
}

/* ---- in training ----------------------------------------------------------------------------- */

static stoa_status open_trainer(stoa_agent_trainer **t, const char *core, const char *unroll,
                                stoa_error *err) {
    const char *sets[] = {"env.name=chain",
                          "env.instances=8",
                          "agent.encoder_width=16",
                          core,
                          "agent.core_width=8",
                          "agent.memory_rows=30",
                          "agent.memory_width=8",
                          "agent.read_heads=2",
                          "agent.read_top_k=5",
                          "agent.last_action=true",
                          "agent.last_reward=true",
                          "objectives=temporal-value-transport",
                          "temporal-value-transport.threshold=0.3",
                          "temporal-value-transport.horizon=3",
                          unroll,
                          "train.rate=3e-3",
                          "train.eval_episodes=0",
                          "threads=2"};
    stoa_agent_settings s;
    STOA_TRY(stoa_agent_settings_load(&s, NULL, sets, sizeof sets / sizeof *sets, err));
    STOA_TRY(stoa_agent_settings_check(&s, err));
    return stoa_agent_trainer_new(t, &s, err);
}

static double figure(const stoa_agent_step *r, const char *name) {
    for (int i = 0; i < r->objective_count; i++)
        if (!strcmp(r->objectives[i].name, name))
            return r->objectives[i].value;
    fail_msg("no figure %s", name);
    return 0;
}

static void codes_learn_to_tell_what_was_seen(void **state) {
    (void)state;
    enum { UPDATES = 30 };
    stoa_agent_trainer *t = NULL;
    stoa_agent_step r;
    stoa_error err = {0};
    double first = 0, events = 0, carried = 0;
    if (open_trainer(&t, "agent.core=memory", "train.unroll=30", &err) != STOA_OK)
        fail_msg("%s", err.message);
    for (int i = 0; i < UPDATES; i++) {
        if (stoa_agent_trainer_step(t, &r, &err) != STOA_OK)
            fail_msg("%s", err.message);
        first = i == 0 ? figure(&r, "value_transport/reconstruction") : first;
        events += figure(&r, "value_transport/events");
        carried += fabs(figure(&r, "value_transport/reward"));
    }
    assert_true(figure(&r, "value_transport/reconstruction") < 0.7 * first);
    assert_true(figure(&r, "value_transport/strength") > 0);
    assert_true(events > 0 && carried > 0);
    stoa_agent_trainer_free(t);
}

static void what_it_needs_is_named(void **state) {
    (void)state;
    stoa_agent_trainer *t;
    stoa_error err = {0};
    assert_int_equal(open_trainer(&t, "agent.core=lstm", "train.unroll=30", &err), STOA_ERR_USAGE);
    assert_non_null(strstr(err.message, "agent.core"));
    assert_int_equal(open_trainer(&t, "agent.core=memory", "train.unroll=29", &err),
                     STOA_ERR_USAGE);
    assert_non_null(strstr(err.message, "train.unroll is 29"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_series_equal_the_plain_reading),
        cmocka_unit_test(a_run_pays_once_from_its_peak),
        cmocka_unit_test(near_reads_and_lost_ones_pay_nothing),
        cmocka_unit_test(the_horizon_follows_the_discount),
        cmocka_unit_test(codes_learn_to_tell_what_was_seen),
        cmocka_unit_test(what_it_needs_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
