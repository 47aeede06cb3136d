/*
 * train/agent_settings.c - the settings of an agent's run: one row a key, and behind them the rows
 * of the environment and the objectives that the run names.
 *
 * Which tables belong to a run is itself a setting, so a file is read twice: a first look finds
 * env.name and objectives, then their tables are joined with the one below and everything is
 * checked against the whole. In the struct the joined keys are kept as YAML text.
 */
#include <string.h>

#include "train/agent.h"

static const char *const precisions[] = {"auto", "f32", "bf16", NULL};
static const char *const images[] = {"flat", "small", "impala", "resnet", NULL};
static const char *const cores[] = {"none", "lstm", "transformer", "memory", NULL};
static const char *const learners[] = {"vtrace", "ppo", NULL};
static const char *const schedules[] = {"constant", "cosine", "linear", NULL};
static const char *const optimizers[] = {"adamw", "rmsprop", NULL};

#define AT(field) offsetof(stoa_agent_settings, field)
#define ROW_INT(key, field, initial, least, most, help)                                            \
    { key, STOA_SET_INT, AT(field), initial, least, most, NULL, help }
#define ROW_FLOAT(key, field, initial, least, most, help)                                          \
    { key, STOA_SET_FLOAT, AT(field), initial, least, most, NULL, help }
#define ROW_BOOL(key, field, initial, help)                                                        \
    { key, STOA_SET_BOOL, AT(field), initial, 0, 0, NULL, help }
#define ROW_STRING(key, field, initial, help)                                                      \
    { key, STOA_SET_STRING, AT(field), initial, 0, 0, NULL, help }
#define ROW_CHOICE(key, field, initial, choices, help)                                             \
    { key, STOA_SET_CHOICE, AT(field), initial, 0, 0, choices, help }

static const stoa_setting rows[] = {
    ROW_STRING("name", name, "agent", "Name of the run; its folder is <out>/<name>-<seed>."),
    ROW_STRING("out", out, "runs", "Folder for runs."),
    ROW_INT("seed", seed, "1", 0, 9e15, "Seed of weights, environments and actions."),
    ROW_INT("threads", threads, "0", 0, 1024, "CPU threads; 0: all this process may use."),
    ROW_CHOICE("precision", precision, "f32", precisions,
               "Matrix products in bf16 or f32; auto: bf16 where the machine has units for it."),

    ROW_STRING("env.name", env, "", "The environment: `stoa list environments`."),
    ROW_INT("env.instances", instances, "256", 1, 1048576, "Instances that step together."),
    ROW_STRING("objectives", objectives, "",
               "Terms of the loss beside policy and value, by commas: `stoa list objectives`."),

    ROW_INT("agent.encoder_width", agent.encoder_width, "128", 1, 65536,
            "Width of the encoded observation."),
    ROW_INT("agent.encoder_layers", agent.encoder_layers, "1", 0, 8, "ReLU layers of the encoder."),
    ROW_CHOICE("agent.image", agent.image, "small", images, "How images are read."),
    ROW_INT("agent.object_width", agent.object_width, "0", 0, 65536,
            "Boxes of two and more dimensions are lists of objects, each read by the same layers "
            "so wide; 0: they are numbers like all others."),
    ROW_INT("agent.object_layers", agent.object_layers, "2", 1, 8, "ReLU layers of an object."),
    ROW_CHOICE("agent.core", agent.core, "none", cores, "What remembers from step to step."),
    ROW_INT("agent.core_width", agent.core_width, "128", 1, 65536, "Width of the core."),
    ROW_INT("agent.core_layers", agent.core_layers, "2", 1, STOA_MAX_LAYERS,
            "Blocks of a transformer core."),
    ROW_INT("agent.core_heads", agent.core_heads, "4", 1, 1024, "Its attention heads."),
    ROW_INT("agent.core_memory", agent.core_memory, "64", 0, 1048576, "Past steps it sees."),
    ROW_FLOAT("agent.core_capacity", agent.core_capacity, "1", 1e-6, 1,
              "Share of the steps that its odd blocks take; 1: no depth routing."),
    ROW_INT("agent.memory_rows", agent.memory_rows, "128", 1, 1048576,
            "Rows of the episode that a memory core keeps, one a step."),
    ROW_INT("agent.memory_width", agent.memory_width, "64", 1, 65536, "Their width."),
    ROW_INT("agent.read_heads", agent.read_heads, "3", 1, 64, "Its reads a step."),
    ROW_INT("agent.read_top_k", agent.read_top_k, "50", 1, 1048576,
            "Rows that a read mixes: those nearest to its key."),
    ROW_BOOL("agent.last_action", agent.last_action, "false",
             "The core also reads the previous action."),
    ROW_BOOL("agent.last_reward", agent.last_reward, "false", "And the previous reward."),
    ROW_INT("agent.head_width", agent.head_width, "0", 0, 65536,
            "Hidden ReLU layer before each head; 0: linear heads."),

    ROW_CHOICE("train.learner", learner, "vtrace", learners, "How the policy is improved."),
    ROW_INT("train.unroll", unroll, "32", 1, 65536, "Steps of each instance between updates."),
    ROW_INT("train.steps", steps, "1M", 0, 1e15, "Environment steps in all, over all instances."),
    ROW_FLOAT("train.discount", discount, "0.99", 0, 1, "Weight of the reward one step later."),
    ROW_FLOAT("train.rho_clip", vtrace.rho_clip, "1", 0, 1e9,
              "V-trace: largest importance weight of a value target."),
    ROW_FLOAT("train.pg_rho_clip", vtrace.pg_rho_clip, "1", 0, 1e9,
              "V-trace: largest importance weight of a policy gradient."),
    ROW_FLOAT("train.lambda", vtrace.lambda, "1", 0, 1, "V-trace: decay of the trace."),
    ROW_FLOAT("train.value_weight", value_weight, "0.5", 0, 1e6, "Weight of the value loss."),
    ROW_FLOAT("train.entropy_weight", entropy_weight, "0.01", 0, 1e6, "Weight of the entropy."),
    ROW_FLOAT("train.reward_scale", reward_scale, "1", -1e9, 1e9, "Factor on rewards."),
    ROW_FLOAT("train.reward_clip", reward_clip, "0", 0, 1e9,
              "Scaled rewards are kept within this of zero; 0: no clipping."),
    ROW_BOOL("train.mean_loss", mean_loss, "false",
             "Average the loss over steps and instances instead of summing it."),
    ROW_FLOAT("train.ppo_clip", ppo_clip, "0.2", 1e-6, 1e6,
              "PPO: how far a probability may move, as a ratio."),
    ROW_FLOAT("train.ppo_value_clip", ppo_value_clip, "0", 0, 1e9,
              "PPO: how far a value may move; 0: no clipping."),
    ROW_FLOAT("train.gae_lambda", gae_lambda, "0.95", 0, 1, "PPO: decay of advantages."),
    ROW_INT("train.ppo_epochs", ppo_epochs, "4", 1, 1000, "PPO: passes over an unroll."),
    ROW_INT("train.ppo_minibatches", ppo_minibatches, "4", 1, 65536,
            "PPO: parts of a pass; the instances are divided among them."),
    ROW_BOOL("train.normalize_advantages", normalize_advantages, "true",
             "PPO: bring each minibatch's advantages to mean 0 and deviation 1."),
    ROW_BOOL(
        "train.stagger", stagger, "false",
        "Begin the instances at different phases of an episode, by random play: for episodes "
        "that all last equally long. Not of gym: environments, nor without a longest episode."),
    ROW_BOOL("train.pipeline", pipeline, "false",
             "Act and learn at the same time; actors are then one update behind."),
    ROW_FLOAT("train.rate", rate, "5e-4", 0, 10, "Learning rate."),
    ROW_CHOICE("train.schedule", schedule, "constant", schedules,
               "Learning rate over the updates."),
    ROW_FLOAT("train.floor", floor, "0", 0, 1, "Final learning rate as a share of the first."),
    ROW_CHOICE("train.optimizer", optimizer.kind, "adamw", optimizers, "Optimiser."),
    ROW_FLOAT("train.beta1", optimizer.beta1, "0.9", 0, 0.999999, "AdamW's first decay."),
    ROW_FLOAT("train.beta2", optimizer.beta2, "0.999", 0, 0.999999, "AdamW's second decay."),
    ROW_FLOAT("train.eps", optimizer.eps, "1e-5", 1e-30, 1e6,
              "Added to the root of the second moment."),
    ROW_FLOAT("train.weight_decay", optimizer.weight_decay, "0", 0, 10,
              "AdamW's decoupled decay of matrices."),
    ROW_FLOAT("train.rmsprop_decay", optimizer.decay, "0.99", 0, 0.999999, "RMSProp's decay."),
    ROW_FLOAT("train.momentum", optimizer.momentum, "0", 0, 0.999999, "RMSProp's momentum."),
    ROW_BOOL("train.rmsprop_outside", optimizer.outside, "false",
             "RMSProp in PyTorch's form: mean square from 0, eps outside the root."),
    ROW_FLOAT("train.clip", optimizer.clip, "40", 0, 1e9, "Largest gradient norm; 0: no clipping."),
    ROW_INT("train.eval_every", eval_every, "0", 0, 1e12,
            "Updates between evaluations; 0: at the end only."),
    ROW_INT("train.eval_episodes", eval_episodes, "100", 0, 1e9,
            "Episodes of an evaluation; 0: none."),
    ROW_BOOL("train.eval_greedy", eval_greedy, "false",
             "Evaluate the most probable actions instead of drawn ones."),
    ROW_FLOAT("train.stop_score", stop_score, "1e30", -1e30, 1e30,
              "Stop when an evaluation's score reaches this; 1e30: never."),
    ROW_INT("train.window", window, "100", 1, 1e6,
            "Last episodes that the figures of training are means of."),
    ROW_INT("train.log_every", log_every, "10", 1, 1e9, "Updates between lines of metrics."),
    ROW_INT("train.checkpoint_every", checkpoint_every, "0", 0, 1e12,
            "Updates between checkpoints; 0: only by time and at the end."),
    ROW_FLOAT("train.checkpoint_minutes", checkpoint_minutes, "10", 0, 1e6,
              "Minutes between checkpoints; 0: off."),
    ROW_INT("train.keep", keep, "2", 1, 1000, "Checkpoints kept besides the best."),
};

stoa_settings_table stoa_agent_settings_table(void) {
    return (stoa_settings_table){rows, sizeof rows / sizeof rows[0]};
}

stoa_status stoa_agent_settings_init(stoa_agent_settings *s, stoa_error *err) {
    memset(s, 0, sizeof *s);
    return stoa_settings_defaults(stoa_agent_settings_table(), s, err);
}

/* ---- the tables of a run --------------------------------------------------------------------- */

enum { PARTS = STOA_OBJECTIVES + 2 };

/* The struct, the environment's settings and the objectives', one behind the other. */
static stoa_status list_parts(const stoa_agent_settings *s, stoa_settings_part *parts,
                              size_t *count, size_t *bytes, stoa_error *err) {
    const stoa_objective_class *objectives[STOA_OBJECTIVES];
    int objective_count;
    STOA_TRY(stoa_objective_list(s->objectives, objectives, &objective_count, err));
    const stoa_env_class *env = s->env[0] ? stoa_env_class_find(s->env, err) : NULL;
    if (s->env[0] && !env)
        return stoa_fail_context(err, STOA_ERR_USAGE, "env.name");
    *count = 0;
    *bytes = 0;
    parts[(*count)++] = (stoa_settings_part){NULL, stoa_agent_settings_table(), 0};
    *bytes += (sizeof *s + 63) / 64 * 64;
    if (env) {
        parts[(*count)++] = (stoa_settings_part){"env", stoa_env_class_settings(env), *bytes};
        *bytes += (stoa_env_class_config_bytes(env) + 63) / 64 * 64;
    }
    for (int i = 0; i < objective_count; i++) {
        parts[(*count)++] =
            (stoa_settings_part){objectives[i]->name, objectives[i]->settings(), *bytes};
        *bytes += (objectives[i]->config_bytes + 63) / 64 * 64;
    }
    return STOA_OK;
}

/* A block of every table's defaults, and the joined table over it. */
static stoa_status open_defaults(stoa_agent_view *view, const stoa_agent_settings *s,
                                 stoa_error *err) {
    stoa_settings_part parts[PARTS];
    size_t count = 0, bytes = 0;
    *view = (stoa_agent_view){0};
    STOA_TRY(list_parts(s, parts, &count, &bytes, err));
    STOA_TRY(stoa_settings_join(&view->table, parts, count, err));
    stoa_status status = STOA_OK;
    if (!(view->target = stoa_alloc(bytes)))
        status = stoa_fail(err, STOA_ERR_MEMORY, "out of memory for the settings");
    if (status == STOA_OK)
        status = stoa_settings_defaults(view->table, view->target, err);
    if (status != STOA_OK)
        stoa_agent_view_close(view);
    return status;
}

void stoa_agent_view_close(stoa_agent_view *view) {
    stoa_settings_join_free(&view->table);
    stoa_free(view->target);
    *view = (stoa_agent_view){0};
}

stoa_status stoa_agent_view_open(stoa_agent_view *view, const stoa_agent_settings *s,
                                 stoa_error *err) {
    STOA_TRY(open_defaults(view, s, err));
    memcpy(view->target, s, sizeof *s);
    stoa_status status =
        stoa_settings_parse(view->table, view->target, "extra", stoa_view_of(s->extra), NULL, err);
    if (status != STOA_OK)
        stoa_agent_view_close(view);
    return status;
}

/* The settings in a view, with the joined keys as text. */
static stoa_status close_into(stoa_agent_view *view, stoa_agent_settings *out, stoa_error *err) {
    size_t own = stoa_agent_settings_table().count;
    stoa_buffer text = {0};
    memcpy(out, view->target, sizeof *out);
    for (size_t i = own; i < view->table.count; i++) {
        stoa_buffer_printf(&text, "%s: ", view->table.rows[i].key);
        stoa_setting_write(&view->table.rows[i], view->target, &text);
        stoa_buffer_append(&text, "\n", 1);
    }
    stoa_status status = STOA_OK;
    if (text.failed || text.len >= sizeof out->extra)
        status = stoa_fail(err, text.failed ? STOA_ERR_MEMORY : STOA_ERR_USAGE,
                           "the settings of %s and its objectives take %zu bytes of text; at most "
                           "%zu fit",
                           out->env, text.len, sizeof out->extra - 1);
    else
        memcpy(out->extra, text.data ? text.data : "", text.len + (text.len > 0));
    stoa_buffer_deinit(&text);
    return status;
}

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct outline {
    char env[STOA_SETTING_TEXT], objectives[STOA_SETTING_TEXT];
} outline;

static const stoa_setting outline_rows[] = {
    {"env.name", STOA_SET_STRING, offsetof(outline, env), "", 0, 0, NULL, NULL},
    {"objectives", STOA_SET_STRING, offsetof(outline, objectives), "", 0, 0, NULL, NULL},
};
enum { OUTLINE = sizeof outline_rows / sizeof *outline_rows };

/* What the run is about. seen[0]: it names env.name. */
static stoa_status look(const char *path, const char *const *sets, int set_count, outline *out,
                        bool seen[OUTLINE], stoa_error *err) {
    const stoa_settings_table table = {outline_rows, OUTLINE};
    *out = (outline){0};
    memset(seen, 0, OUTLINE * sizeof *seen);
    if (path)
        STOA_TRY(stoa_settings_peek(table, out, path, seen, err));
    for (int i = 0; i < set_count; i++)
        for (int k = 0; k < OUTLINE; k++) {
            const char *word = sets[i] + strspn(sets[i], " \t");
            size_t n = strlen(outline_rows[k].key);
            if (strncmp(word, outline_rows[k].key, n) == 0 && strchr("= \t", word[n]))
                STOA_TRY(stoa_settings_set(table, out, sets[i], seen, err));
        }
    return STOA_OK;
}

stoa_status stoa_agent_settings_detect(const char *path, const char *const *sets, int set_count,
                                       bool *is_agent, stoa_error *err) {
    outline found;
    bool seen[OUTLINE];
    STOA_TRY(look(path, sets, set_count, &found, seen, err));
    *is_agent = seen[0];
    return STOA_OK;
}

/* Adds what own lists and list does not. */
static stoa_status join_objectives(char *list, size_t n, const char *own, stoa_error *err) {
    const stoa_objective_class *used[STOA_OBJECTIVES], *named[STOA_OBJECTIVES];
    int used_count, named_count;
    STOA_TRY(stoa_objective_list(list, used, &used_count, err));
    STOA_TRY(stoa_objective_list(own, named, &named_count, err));
    for (int i = 0; i < named_count; i++) {
        size_t len = strlen(list);
        int k = 0;
        while (k < used_count && used[k] != named[i])
            k++;
        if (k == used_count)
            snprintf(list + len, n - len, "%s%s", len ? ", " : "", named[i]->name);
    }
    return STOA_OK;
}

/* s: what is to be used. A file's settings of objectives that it lists itself, and that are not to
 * be used this time, are checked and passed over. */
static stoa_status load_file(stoa_agent_view *view, const stoa_agent_settings *s, const char *path,
                             stoa_error *err) {
    stoa_agent_settings whole = *s;
    stoa_agent_view all;
    outline own;
    bool seen[OUTLINE];
    STOA_TRY(look(path, NULL, 0, &own, seen, err));
    if (join_objectives(whole.objectives, sizeof whole.objectives, own.objectives, err) != STOA_OK)
        return stoa_fail_context(err, STOA_ERR_USAGE, "%s", path);
    if (strcmp(whole.objectives, s->objectives) == 0)
        return stoa_settings_load(view->table, view->target, path, NULL, err);
    STOA_TRY(open_defaults(&all, &whole, err));
    stoa_status status = stoa_settings_load(all.table, all.target, path, NULL, err);
    stoa_agent_view_close(&all);
    STOA_TRY(status);
    return stoa_settings_peek(view->table, view->target, path, NULL, err);
}

stoa_status stoa_agent_settings_load(stoa_agent_settings *out, const char *path,
                                     const char *const *sets, int set_count, stoa_error *err) {
    outline found;
    bool seen[OUTLINE];
    stoa_agent_view view;
    STOA_TRY(look(path, sets, set_count, &found, seen, err));
    STOA_TRY(stoa_agent_settings_init(out, err));
    memcpy(out->env, found.env, sizeof out->env);
    memcpy(out->objectives, found.objectives, sizeof out->objectives);
    stoa_status status = open_defaults(&view, out, err);
    if (status != STOA_OK)
        return path ? stoa_fail_context(err, status, "%s", path) : status;
    if (path)
        status = load_file(&view, out, path, err);
    for (int i = 0; i < set_count && status == STOA_OK; i++)
        status = stoa_settings_set(view.table, view.target, sets[i], NULL, err);
    if (status == STOA_OK)
        status = close_into(&view, out, err);
    stoa_agent_view_close(&view);
    return status;
}

/* ---- checking -------------------------------------------------------------------------------- */

static stoa_status check_ppo(const stoa_agent_settings *s, stoa_error *err) {
    if (s->learner != STOA_LEARNER_PPO)
        return STOA_OK;
    if (s->instances % s->ppo_minibatches != 0)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "env.instances (%lld) must be a multiple of train.ppo_minibatches (%lld)",
                         (long long)s->instances, (long long)s->ppo_minibatches);
    if (s->objectives[0] && s->ppo_minibatches > 1)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "objectives need every instance at once: set train.ppo_minibatches to 1");
    return STOA_OK;
}

stoa_status stoa_agent_settings_check(stoa_agent_settings *s, stoa_error *err) {
    stoa_agent_view view;
    if (s->precision == STOA_PRECISION_AUTO)
        s->precision = stoa_machine_has_bf16() ? STOA_PRECISION_BF16 : STOA_PRECISION_F32;
    if (s->name[0] == 0 || strchr(s->name, '/'))
        return stoa_fail(err, STOA_ERR_USAGE, "name must be non-empty and without '/'");
    if (s->env[0] == 0)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "env.name must be given; `stoa list environments` names them");
    if (s->unroll * s->instances > INT32_MAX)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "train.unroll times env.instances is %lld; it must be below 2147483648",
                         (long long)(s->unroll * s->instances));
    STOA_TRY(check_ppo(s, err));
    STOA_TRY(stoa_agent_view_open(&view, s, err)); /* completes the joined keys */
    stoa_status status = close_into(&view, s, err);
    stoa_agent_view_close(&view);
    return status;
}

/* ---- parts of a run -------------------------------------------------------------------------- */

stoa_status stoa_agent_settings_part(const stoa_agent_settings *s, const char *prefix,
                                     stoa_settings_table table, void *config, stoa_error *err) {
    stoa_settings_table joined;
    const stoa_settings_part part = {prefix, table, 0};
    STOA_TRY(stoa_settings_join(&joined, &part, 1, err));
    stoa_status status = stoa_settings_defaults(joined, config, err);
    if (status == STOA_OK)
        status =
            stoa_settings_peek_text(joined, config, "extra", stoa_view_of(s->extra), NULL, err);
    stoa_settings_join_free(&joined);
    return status;
}

stoa_status stoa_agent_settings_env(const stoa_agent_settings *s, int64_t count, uint64_t seed,
                                    stoa_env **out, stoa_error *err) {
    *out = NULL;
    const stoa_env_class *class_ = stoa_env_class_find(s->env, err);
    if (!class_)
        return stoa_fail_context(err, STOA_ERR_USAGE, "env.name");
    void *config = stoa_alloc(stoa_env_class_config_bytes(class_) + 1);
    if (!config)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for the environment's settings");
    stoa_status status =
        stoa_agent_settings_part(s, "env", stoa_env_class_settings(class_), config, err);
    const stoa_env_options options = {
        .name = s->env, .config = config, .count = count, .seed = seed};
    if (status == STOA_OK)
        status = stoa_env_new(out, &options, err);
    stoa_free(config);
    return status;
}
