/* tests/train/test_agent.c - agents in training: unrolls, exactness, memory, resuming, learning. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/agent_trainer.h"

static char dir[64];

static int enter(void **state) {
    (void)state;
    stoa_flush_denormals();
    snprintf(dir, sizeof dir, "/tmp/stoa-agent-XXXXXX");
    assert_non_null(mkdtemp(dir));
    return 0;
}

static int leave(void **state) {
    (void)state;
    return stoa_remove_tree(dir, NULL) != STOA_OK;
}

/* A small agent on Chain, with these changes. */
static stoa_agent_settings settings_of(const char *const *sets, int count) {
    static const char *const small[] = {
        "env.name=chain", "env.instances=8",    "agent.encoder_width=16", "agent.core_width=8",
        "train.unroll=5", "train.steps=100000", "train.eval_episodes=0",  "threads=2"};
    enum { SMALL = sizeof small / sizeof *small };
    const char *all[SMALL + 16];
    memcpy(all, small, sizeof small);
    memcpy(all + SMALL, sets, (size_t)count * sizeof *sets);
    stoa_agent_settings s;
    stoa_error err = {0};
    if (stoa_agent_settings_load(&s, NULL, all, SMALL + count, &err) != STOA_OK ||
        stoa_agent_settings_check(&s, &err) != STOA_OK)
        fail_msg("%s", err.message);
    return s;
}

#define SETTINGS(...)                                                                              \
    settings_of((const char *[]){__VA_ARGS__},                                                     \
                sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *))

static stoa_agent_trainer *open_trainer(const stoa_agent_settings *s) {
    stoa_agent_trainer *t = NULL;
    stoa_error err = {0};
    if (stoa_agent_trainer_new(&t, s, &err) != STOA_OK)
        fail_msg("%s", err.message);
    return t;
}

static void steps(stoa_agent_trainer *t, int count) {
    stoa_agent_step r;
    stoa_error err = {0};
    for (int i = 0; i < count; i++)
        if (stoa_agent_trainer_step(t, &r, &err) != STOA_OK)
            fail_msg("%s", err.message);
}

static void assert_same_weights(const stoa_agent_trainer *a, const stoa_agent_trainer *b) {
    size_t n, m;
    const float *x = stoa_params_values(a->net.params, &n);
    const float *y = stoa_params_values(b->net.params, &m);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n * sizeof *x);
}

/* Largest difference of two trainers' weights, as a share of the largest weight. */
static double difference(const stoa_agent_trainer *a, const stoa_agent_trainer *b) {
    size_t n, m;
    const float *x = stoa_params_values(a->net.params, &n);
    const float *y = stoa_params_values(b->net.params, &m);
    double most = 0, largest = 0;
    assert_int_equal(n, m);
    for (size_t i = 0; i < n; i++) {
        most = fmax(most, fabs((double)(x[i] - y[i])));
        largest = fmax(largest, fabs((double)x[i]));
    }
    return most / largest;
}

/* ---- unrolls --------------------------------------------------------------------------------- */

/* Does again what the unroll says was done, in instances of its own, and compares what comes. */
static void replay(const stoa_agent_trainer *t, stoa_env *env, stoa_env_memory *m,
                   void (*check)(const stoa_agent_trainer *t, const stoa_env_memory *m,
                                 int64_t row)) {
    const stoa_unroll *u = &t->unrolls[0];
    for (int64_t row = 1; row <= u->steps; row++) {
        for (int k = 0; k < t->spec.action_count; k++)
            memcpy(m->actions[k], (int32_t *)u->actions[k] + row * u->batch,
                   (size_t)u->batch * sizeof(int32_t));
        assert_int_equal(stoa_env_step(env, NULL, &m->buffers, NULL), STOA_OK);
        check(t, m, row);
    }
}

static void check_row(const stoa_agent_trainer *t, const stoa_env_memory *m, int64_t row) {
    const stoa_unroll *u = &t->unrolls[0];
    size_t n = (size_t)u->batch;
    const stoa_space *position = &t->spec.observations[0];
    assert_memory_equal((uint8_t *)u->observations[0] +
                            (size_t)row * n * stoa_space_bytes(position),
                        m->buffers.observations[0], n * stoa_space_bytes(position));
    assert_memory_equal(u->rewards + (size_t)row * n, m->buffers.rewards, n * sizeof(float));
    for (size_t b = 0; b < n; b++) {
        size_t i = (size_t)row * n + b;
        assert_int_equal(u->terminated[i], m->buffers.terminated[b]);
        assert_int_equal(u->reset[i], u->terminated[i] | u->truncated[i]);
        assert_int_equal(u->events[i], m->buffers.events[b]);
        if (u->reset[i])
            assert_true(u->metrics[i] == m->buffers.metrics[b]);
    }
}

static void an_unroll_is_what_happened(void **state) {
    (void)state;
    stoa_agent_settings s = SETTINGS("train.unroll=40", "agent.core=lstm", "train.rate=0");
    stoa_agent_trainer *t = open_trainer(&s);
    stoa_env *env;
    stoa_env_memory m;
    assert_int_equal(stoa_agent_settings_env(&s, s.instances, (uint64_t)s.seed, &env, NULL),
                     STOA_OK);
    assert_int_equal(stoa_env_memory_init(&m, env, NULL), STOA_OK);
    assert_int_equal(stoa_env_reset(env, NULL, &m.buffers, NULL), STOA_OK);
    for (int unroll = 0; unroll < 3; unroll++) {
        steps(t, 1);
        const stoa_unroll *u = &t->unrolls[0];
        assert_memory_equal(u->observations[0], m.buffers.observations[0], (size_t)u->batch);
        assert_int_equal(u->reset[0], unroll == 0 ? 1 : u->terminated[0]);
        replay(t, env, &m, check_row);
    }
    /* episodes of 30 steps: 8 instances ended 4 each in 120 steps */
    assert_int_equal(stoa_agent_trainer_episodes(t), 32);
    assert_true(stoa_agent_trainer_scores(t).mean[1] == 30);
    stoa_env_memory_deinit(&m);
    stoa_env_free(env);
    stoa_agent_trainer_free(t);
}

static void what_acted_is_what_learns(void **state) {
    (void)state;
    static const char *const cores[] = {"agent.core=none", "agent.core=lstm",
                                        "agent.core=transformer"};
    for (int i = 0; i < 3; i++) {
        stoa_agent_settings s =
            SETTINGS("train.unroll=40", "agent.last_action=true", "agent.last_reward=true",
                     "agent.core_heads=2", "agent.core_memory=12", cores[i]);
        stoa_agent_trainer *t = open_trainer(&s);
        stoa_agent_step r;
        for (int k = 0; k < 4; k++) { /* with weights that change between unrolls */
            assert_int_equal(stoa_agent_trainer_step(t, &r, NULL), STOA_OK);
            assert_true(fabs(r.divergence) < 1e-6);
            const float *log_rho = t->learner.log_rho;
            for (int64_t j = 0; j < s.unroll * s.instances; j++)
                assert_true(fabsf(log_rho[j]) < 1e-4f);
        }
        stoa_agent_trainer_free(t);
    }
}

/* The value of the state that instance b was cut off in, by itself. */
static void check_cut(const stoa_agent_trainer *t, const stoa_env_memory *m, int64_t row) {
    const stoa_unroll *u = &t->unrolls[0];
    static const uint8_t none[64];
    static const float nothing[64];
    stoa_agent_state empty = {.batch = u->batch};
    stoa_agent_input in = {.steps = 1, .batch = u->batch, .last_rewards = nothing, .reset = none};
    stoa_agent_output out;
    memcpy(in.observations, m->buffers.final_observations, sizeof in.observations);
    stoa_ctx_reset(t->actor.ctx);
    stoa_agent_forward(t->actor.ctx, t->net.agent, &in, &empty, NULL, &out);
    for (int64_t b = 0; b < u->batch; b++) {
        int64_t i = row * u->batch + b;
        assert_int_equal(u->truncated[i], m->buffers.truncated[b]);
        if (u->truncated[i] && !u->terminated[i])
            assert_true(fabs((double)u->final_values[i] - stoa_get(out.value, b)) < 1e-5);
    }
}

static void cut_off_episodes_are_given_the_value_of_their_last_state(void **state) {
    (void)state;
    /* every instance is cut off several times an unroll: more often than one batch holds */
    stoa_agent_settings s = SETTINGS("env.name=cartpole", "env.steps=3", "train.unroll=12",
                                     "train.rate=0", "train.reward_scale=0.5");
    stoa_agent_trainer *t = open_trainer(&s);
    stoa_env *env;
    stoa_env_memory m;
    assert_int_equal(stoa_agent_settings_env(&s, s.instances, (uint64_t)s.seed, &env, NULL),
                     STOA_OK);
    assert_int_equal(stoa_env_memory_init(&m, env, NULL), STOA_OK);
    assert_int_equal(stoa_env_reset(env, NULL, &m.buffers, NULL), STOA_OK);
    steps(t, 1);
    replay(t, env, &m, check_cut);
    const stoa_unroll *u = &t->unrolls[0];
    for (int64_t i = 0; i < u->steps * u->batch; i++) {
        int64_t after = i + u->batch;
        double paid = u->truncated[after] ? 0.5 + 0.99 * (double)u->final_values[after] : 0.5;
        assert_true(fabs((double)t->learner.rewards[i] - paid) < 1e-6);
        assert_true(fabs((double)t->learner.discounts[i] - (u->truncated[after] ? 0 : 0.99)) <
                    1e-6);
    }
    stoa_env_memory_deinit(&m);
    stoa_env_free(env);
    stoa_agent_trainer_free(t);
}

static void damaged_rows_are_refused(void **state) {
    (void)state;
    stoa_agent_settings s = SETTINGS("train.unroll=3");
    stoa_agent_trainer *t = open_trainer(&s);
    steps(t, 1);
    stoa_unroll *u = &t->unrolls[0];
    assert_int_equal(stoa_unroll_check(u, &t->spec, 0, NULL), STOA_OK);
    int64_t last = 4 * u->batch - 1;
    uint8_t *const bytes[] = {(uint8_t *)u->observations[0] + last, u->terminated + last,
                              u->truncated + last, u->reset + last, u->events + last};
    for (int i = 0; i < 5; i++) {
        uint8_t before = *bytes[i];
        *bytes[i] = 99;
        assert_int_equal(stoa_unroll_check(u, &t->spec, 3, NULL), STOA_ERR_FORMAT);
        *bytes[i] = before;
    }
    ((int32_t *)u->actions[0])[last] = -1;
    assert_int_equal(stoa_unroll_check(u, &t->spec, 3, NULL), STOA_ERR_FORMAT);
    stoa_agent_trainer_free(t);
}

/* ---- exactness ------------------------------------------------------------------------------- */

static void a_thousand_updates_give_the_same_bits(void **state) {
    (void)state;
    static const char *const kinds[] = {"train.pipeline=false", "train.pipeline=true"};
    for (int i = 0; i < 2; i++) {
        stoa_agent_settings s = SETTINGS(kinds[i]);
        stoa_agent_trainer *a = open_trainer(&s), *b = open_trainer(&s);
        steps(a, 1000);
        steps(b, 1000);
        assert_same_weights(a, b);
        s.seed++;
        stoa_agent_trainer *c = open_trainer(&s);
        steps(c, 1);
        assert_true(difference(a, c) > 1e-3);
        stoa_agent_trainer_free(a), stoa_agent_trainer_free(b), stoa_agent_trainer_free(c);
    }
}

static void thread_counts_agree_to_rounding(void **state) {
    (void)state;
    stoa_agent_settings s = SETTINGS("env.instances=96", "agent.core=lstm");
    stoa_agent_settings one = s;
    one.threads = 1;
    stoa_agent_trainer *a = open_trainer(&s), *b = open_trainer(&one);
    steps(a, 10);
    steps(b, 10);
    assert_true(difference(a, b) < 1e-4);
    stoa_agent_trainer_free(a), stoa_agent_trainer_free(b);
}

static void the_pipeline_lags_exactly_one_version(void **state) {
    (void)state;
    stoa_agent_settings s = SETTINGS("train.pipeline=true", "train.rate=0.01");
    stoa_agent_trainer *t = open_trainer(&s);
    size_t n, m;
    steps(t, 1);
    float *before = stoa_alloc(4096 * sizeof *before);
    for (int i = 0; i < 5; i++) {
        const float *values = stoa_params_values(t->net.params, &n);
        assert_true(n <= 4096);
        memcpy(before, values, n * sizeof *before);
        steps(t, 1);
        /* what acted is what had been learned when the step began */
        const float *acted = stoa_params_values(t->behind.params, &m);
        assert_int_equal(n, m);
        assert_memory_equal(acted, before, m * sizeof *before);
    }
    stoa_free(before);
    stoa_agent_trainer_free(t);
}

static void a_step_allocates_nothing_after_the_first_ones(void **state) {
    (void)state;
    static const char *const kinds[] = {"train.learner=vtrace", "train.learner=ppo"};
    for (int i = 0; i < 2; i++) {
        stoa_agent_settings s =
            SETTINGS(kinds[i], "agent.core=lstm", "env.name=cartpole", "env.steps=7");
        stoa_agent_trainer *t = open_trainer(&s);
        steps(t, 3);
        uint64_t before = stoa_alloc_statistics().allocations;
        steps(t, 5);
        assert_int_equal(stoa_alloc_statistics().allocations, before);
        stoa_agent_trainer_free(t);
    }
}

static void a_resumed_run_continues_bit_for_bit(void **state) {
    (void)state;
    static const char *const kinds[][2] = {
        {"agent.core=lstm", "objectives=synthetic-returns"},
        {"train.learner=ppo", "agent.core=lstm"},
        {"train.pipeline=true", "agent.core=lstm"},
        {"train.optimizer=rmsprop", "env.name=cartpole"},
        {"agent.core=transformer", "agent.core_memory=12"},
        {"agent.core=transformer", "train.pipeline=true"},
        {"agent.core=transformer", "agent.core_capacity=0.5"},
    };
    enum { KINDS = sizeof kinds / sizeof *kinds };
    for (int i = 0; i < KINDS; i++) {
        stoa_agent_settings s = SETTINGS("train.unroll=7", "agent.core_heads=2",
                                         "agent.core_layers=2", kinds[i][0], kinds[i][1]);
        stoa_agent_trainer *whole = open_trainer(&s), *first = open_trainer(&s),
                           *second = open_trainer(&s);
        stoa_error err = {0};
        char run[128];
        snprintf(run, sizeof run, "%s/resume-%d", dir, i);
        steps(whole, 19);
        steps(first, 11);
        first->best_score = 0.25;
        first->best_update = 9;
        assert_int_equal(stoa_agent_trainer_save(first, run, false, &err), STOA_OK);
        if (stoa_agent_trainer_load(second, run, "latest", &err) != STOA_OK)
            fail_msg("%s", err.message);
        assert_int_equal(stoa_agent_trainer_update(second), 11);
        assert_true(second->best_score == 0.25 && second->best_update == 9);
        steps(second, 8);
        assert_same_weights(whole, second);
        stoa_agent_scores x = stoa_agent_trainer_scores(whole),
                          y = stoa_agent_trainer_scores(second);
        assert_memory_equal(x.mean, y.mean, sizeof x.mean);
        assert_int_equal(stoa_agent_trainer_episodes(whole), stoa_agent_trainer_episodes(second));
        assert_true(stoa_env_hash(whole->actor.env) == stoa_env_hash(second->actor.env));
        stoa_agent_trainer_free(whole), stoa_agent_trainer_free(first);
        stoa_agent_trainer_free(second);
    }
}

static void a_checkpoint_of_other_settings_is_refused(void **state) {
    (void)state;
    stoa_agent_settings s = SETTINGS("train.unroll=7"), wider = SETTINGS("env.instances=16");
    stoa_agent_trainer *a = open_trainer(&s), *b = open_trainer(&wider);
    stoa_error err = {0};
    char run[128];
    snprintf(run, sizeof run, "%s/other", dir);
    assert_int_equal(stoa_agent_trainer_save(a, run, false, &err), STOA_OK);
    assert_int_equal(stoa_agent_trainer_load(b, run, "latest", &err), STOA_ERR_USAGE);
    assert_non_null(strstr(err.message, "environments"));
    stoa_agent_trainer_free(a), stoa_agent_trainer_free(b);
}

/* ---- learning -------------------------------------------------------------------------------- */

/* Chain's trigger is visited by chance in one of five episodes. */
static void every_learner_learns(void **state) {
    (void)state;
    static const char *const kinds[][3] = {
        {"train.learner=vtrace", "train.pipeline=false", "agent.core=none"},
        {"train.learner=vtrace", "train.pipeline=true", "agent.core=none"},
        {"train.learner=ppo", "train.pipeline=false", "agent.core=none"},
        {"train.learner=ppo", "train.pipeline=false", "agent.core=lstm"},
    };
    for (int i = 0; i < 4; i++) {
        stoa_agent_settings s = SETTINGS(
            "env.instances=64", "train.unroll=30", "agent.encoder_width=32", "agent.core_width=16",
            "train.rate=3e-3", "train.mean_loss=true", "train.clip=1", "train.entropy_weight=0.003",
            "train.steps=150k", "train.eval_episodes=100", kinds[i][0], kinds[i][1], kinds[i][2]);
        stoa_agent_trainer *t = open_trainer(&s);
        stoa_agent_scores before, after;
        assert_int_equal(stoa_agent_trainer_evaluate(t, 100, &before, NULL), STOA_OK);
        steps(t, (int)stoa_agent_trainer_updates(t));
        assert_int_equal(stoa_agent_trainer_evaluate(t, 100, &after, NULL), STOA_OK);
        assert_int_equal(after.episodes, 100);
        if (!(stoa_agent_score(&before) < 0.7 && stoa_agent_score(&after) > 0.9))
            fail_msg("kind %d: from %.2f to %.2f", i, stoa_agent_score(&before),
                     stoa_agent_score(&after));
        stoa_agent_trainer_free(t);
    }
}

typedef struct seen {
    int64_t decided, moved, episodes, triggers;
    double reward;
} seen;

static bool decided(void *user, const stoa_agent_moment *m) {
    seen *s = user;
    s->decided++;
    assert_true(isfinite(m->value) && isfinite(m->contribution));
    assert_non_null(m->logits[0]);
    return true;
}

static bool moved(void *user, const stoa_agent_moment *m) {
    seen *s = user;
    s->moved++;
    s->reward += (double)m->reward;
    s->triggers += m->event == 1;
    s->episodes += m->metrics != NULL;
    assert_int_equal(m->terminated, m->step == 29);
    return m->episode < 2 || m->step < 5; /* enough */
}

/* Nothing else moves what a routed core's predictors foresee. */
static void a_routed_cores_predictors_learn(void **state) {
    (void)state;
    const stoa_agent_settings s =
        SETTINGS("agent.core=transformer", "agent.core_layers=2", "agent.core_heads=2",
                 "agent.core_memory=4", "agent.core_capacity=0.5");
    stoa_agent_trainer *t = open_trainer(&s);
    int64_t predictors = 0, n = stoa_params_count(t->net.params);
    for (int64_t i = 0; i < n; i++) {
        stoa_param *p = stoa_params_at(t->net.params, i);
        if (!strstr(p->name, ".predictor.") || !strstr(p->name, ".weight"))
            continue;
        size_t bytes = stoa_nbytes(&p->tensor);
        void *before = stoa_alloc(bytes);
        assert_non_null(before);
        memcpy(before, p->tensor.data, bytes);
        steps(t,
              2); /* the first moves the output layer, through which the second reaches the rest */
        assert_memory_not_equal(before, p->tensor.data, bytes);
        stoa_free(before);
        predictors++;
    }
    assert_true(predictors > 0);
    stoa_agent_trainer_free(t);
}

static void a_run_leaves_an_agent_that_plays(void **state) {
    (void)state;
    stoa_agent_settings s =
        SETTINGS("objectives=synthetic-returns", "synthetic-returns.width=8", "train.eval_every=3",
                 "train.eval_episodes=20", "train.steps=400", "train.log_every=1");
    stoa_agent_trainer *t = open_trainer(&s);
    stoa_agent_run_result result;
    stoa_error err = {0};
    char run[128], path[192];
    snprintf(run, sizeof run, "%s/plays", dir);
    if (stoa_agent_run(t, &(stoa_agent_run_options){.run_dir = run}, &result, &err) != STOA_OK)
        fail_msg("%s", err.message);
    assert_int_equal(result.updates, 10);
    assert_int_equal(result.env_steps, 400);
    assert_int_equal(result.evaluation.episodes, 20);
    static const char *const files[] = {"settings.yaml", "metrics.jsonl", "checkpoints/latest",
                                        "checkpoints/best"};
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/%s", run, files[i]);
        assert_true(stoa_file_exists(path));
    }
    stoa_agent_bundle *b;
    stoa_agent_scores scores;
    if (stoa_agent_bundle_open(&b, run, "latest", &err) != STOA_OK)
        fail_msg("%s", err.message);
    assert_int_equal(stoa_agent_bundle_update(b), 10);
    assert_string_equal(stoa_agent_bundle_spec(b)->name, "chain");
    seen s1 = {0};
    stoa_agent_play_options o = {
        .episodes = 5, .seed = 3, .decided = decided, .moved = moved, .user = &s1};
    assert_int_equal(stoa_agent_play(b, &o, &scores, &err), STOA_OK);
    assert_int_equal(s1.episodes, 2);
    assert_int_equal(s1.moved, 2 * 30 + 6);
    assert_int_equal(s1.decided, s1.moved);
    assert_int_equal(scores.episodes, 2);
    assert_int_equal(stoa_agent_bundle_evaluate(b, 30, 1, false, &scores, &err), STOA_OK);
    assert_int_equal(scores.episodes, 30);
    assert_true(scores.mean[1] == 30);
    stoa_agent_bundle_close(b);
    stoa_agent_trainer_free(t);
}

static void a_run_stops_at_its_score(void **state) {
    (void)state;
    stoa_agent_settings s = SETTINGS("train.eval_every=2", "train.eval_episodes=10",
                                     "train.stop_score=0", "env.name=cartpole");
    stoa_agent_trainer *t = open_trainer(&s);
    stoa_agent_run_result result;
    assert_int_equal(stoa_agent_run(t, &(stoa_agent_run_options){0}, &result, NULL), STOA_OK);
    assert_true(result.stopped_early);
    assert_int_equal(result.updates, 2);
    stoa_agent_trainer_free(t);
}

static void short_episodes_do_not_count_more_often(void **state) {
    (void)state;
    /* CartPole's episodes differ in length; each instance plays the same number of them */
    stoa_agent_settings s = SETTINGS("env.name=cartpole", "train.eval_episodes=300");
    stoa_agent_trainer *t = open_trainer(&s);
    stoa_agent_scores many, few;
    assert_int_equal(stoa_agent_trainer_evaluate(t, 300, &many, NULL), STOA_OK);
    assert_int_equal(stoa_agent_trainer_evaluate(t, 256, &few, NULL), STOA_OK);
    assert_int_equal(many.episodes, 300);
    assert_int_equal(few.episodes, 256);
    /* about 22 steps at random, whichever way they are dealt out */
    assert_true(fabs(many.mean[1] - few.mean[1]) < 3 * (many.margin[1] + few.margin[1]));
    assert_true(many.mean[1] > 15 && many.mean[1] < 30);
    stoa_agent_trainer_free(t);
}

static void means_leave_out_what_does_not_apply(void **state) {
    (void)state;
    stoa_env_spec spec = {.metric_count = 3};
    stoa_episodes e;
    assert_int_equal(stoa_episodes_init(&e, &spec, 2, 10, NULL), STOA_OK);
    const float rewards[2] = {1, 3};
    const uint8_t over[2] = {1, 1};
    const float metrics[6] = {0.5f, NAN, NAN, 1.5f, 2, NAN};
    stoa_episodes_add(&e, rewards, over, metrics);
    stoa_agent_scores s = stoa_episodes_scores(&e);
    assert_true(s.mean[0] == 2 && s.mean[2] == 1 && s.mean[3] == 2 && isnan(s.mean[4]));
    assert_true(s.margin[2] > 0 && s.margin[3] == 0 && s.margin[4] == 0);
    stoa_episodes_deinit(&e);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unroll_is_what_happened),
        cmocka_unit_test(what_acted_is_what_learns),
        cmocka_unit_test(cut_off_episodes_are_given_the_value_of_their_last_state),
        cmocka_unit_test(damaged_rows_are_refused),
        cmocka_unit_test(a_thousand_updates_give_the_same_bits),
        cmocka_unit_test(thread_counts_agree_to_rounding),
        cmocka_unit_test(the_pipeline_lags_exactly_one_version),
        cmocka_unit_test(a_step_allocates_nothing_after_the_first_ones),
        cmocka_unit_test(a_resumed_run_continues_bit_for_bit),
        cmocka_unit_test(a_checkpoint_of_other_settings_is_refused),
        cmocka_unit_test(every_learner_learns),
        cmocka_unit_test(a_routed_cores_predictors_learn),
        cmocka_unit_test(a_run_leaves_an_agent_that_plays),
        cmocka_unit_test(a_run_stops_at_its_score),
        cmocka_unit_test(short_episodes_do_not_count_more_often),
        cmocka_unit_test(means_leave_out_what_does_not_apply),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
