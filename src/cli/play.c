/* cli/play.c - `stoa play`: act in an environment, by keys on a terminal or by lines of text. */
#include "cli/play.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

typedef struct options {
    const char *name;
    cli_settings set;
    const char *agent;      /* the folder of its run; NULL: a person acts */
    const char *sheet;      /* a PNG file of episodes, instead of drawing; NULL: none */
    int64_t seed, episodes; /* episodes: 0: until asked to stop */
    bool json, greedy;
} options;

static const cli_option rows[] = {
    {"set", 'x', "KEY=VALUE", "Change a setting of the environment; may be repeated", CLI_SETTINGS,
     CLI_AT(options, set, cli_settings), 0, 0},
    {"seed", 'S', "N", "Seed of the environment (default 1)", CLI_INT,
     CLI_AT(options, seed, int64_t), 0, 1e18},
    {"episodes", 'e', "N", "Stop after as many episodes", CLI_INT,
     CLI_AT(options, episodes, int64_t), 1, 1e9},
    {"agent", 'a', "RUN", "Watch the agent of a run that `stoa train` made act", CLI_TEXT,
     CLI_AT(options, agent, const char *), 0, 0},
    {"greedy", 'g', NULL, "The agent takes its most probable actions instead of drawing them",
     CLI_FLAG, CLI_AT(options, greedy, bool), 0, 0},
    {"sheet", 's', "FILE",
     "Write a PNG of the agent's episodes (default 6): scenes, what the "
     "environment tells, and what the agent says",
     CLI_TEXT, CLI_AT(options, sheet, const char *), 0, 0},
    {"json", 'j', NULL, "No drawing; print the finished episodes as JSON", CLI_FLAG,
     CLI_AT(options, json, bool), 0, 0},
    {0},
};

static const cli_parser parser = {
    .options = rows,
    .words = {CLI_AT(options, name, const char *)},
    .words_count = 1,
    .wanted = "say which environment; `stoa list environments` names them",
    .arguments = "ENVIRONMENT",
    .doc = "Act in an environment yourself, or watch an agent act.\v"
           "On a terminal, arrows, letters and digits act (the keys are shown), q quits. Otherwise "
           "each line of stdin is one step: the action's name or number (several actions: one "
           "after the other), q to quit; empty lines and those that begin with # are skipped. "
           "Examples:\n\n"
           "  stoa play catch --set drops=3\n"
           "  printf 'left\\nleft\\nstay\\n' | stoa play catch\n"
           "  yes east | stoa play maze --episodes 1 --json\n"
           "  stoa play catch --agent runs/catch-1 --episodes 3\n"
           "  stoa play odd-one-out --agent runs/room-1 --sheet words.png\n\n"
           "An agent that learned to explain (the objective `explanations`) says of each step what "
           "it has to say, hearing no words but its own, beside what the environment tells.",
};

typedef struct session {
    const options *o;
    stoa_env *env;
    const stoa_env_spec *spec;
    stoa_env_memory memory;
    cli_chooser *chooser;
    cli_agent *agent;                 /* who acts; NULL: a person */
    bool terminal;                    /* redraws one screen, instead of drawing below each other */
    int64_t steps, length;            /* of all episodes; of this one */
    int64_t episodes;                 /* finished */
    double earned, sum;               /* rewards of this episode; of the finished ones together */
    double metrics[STOA_ENV_METRICS]; /* sums over finished episodes with such a metric */
    int64_t counts[STOA_ENV_METRICS]; /* of those episodes */
    stoa_buffer last;                 /* how the last finished episode went */
    stoa_buffer words;                /* told and said of the step, by an agent that explains */
    stoa_agent_said said;
    json_t *list; /* of finished episodes; NULL: not wanted */
} session;

/* ---- drawing --------------------------------------------------------------------------------- */

/* Values of an observation that cannot be drawn otherwise. */
static void draw_values(const stoa_space *s, const void *values, stoa_buffer *out) {
    enum { MOST = 24 };
    int64_t n = stoa_space_numel(s);
    stoa_buffer_printf(out, "%s", s->name);
    for (int64_t i = 0; i < n && i < MOST; i++)
        stoa_buffer_printf(out, " %.4g",
                           s->dtype == STOA_F32   ? (double)((const float *)values)[i]
                           : s->dtype == STOA_I32 ? ((const int32_t *)values)[i]
                                                  : ((const uint8_t *)values)[i]);
    stoa_buffer_printf(out, "%s\n", n > MOST ? " ..." : "");
}

static void draw(session *s, stoa_buffer *out) {
    if (stoa_env_render_text(s->env, 0, out))
        return;
    for (int o = 0; o < s->spec->observation_count; o++)
        draw_values(&s->spec->observations[o], s->memory.buffers.observations[o], out);
}

static void show(session *s) {
    const stoa_env_buffers *b = &s->memory.buffers;
    stoa_buffer out = {0};
    if (s->list)
        return;
    if (s->terminal)
        stoa_buffer_printf(&out, "\033[H\033[J%s, episode %lld\n\n", s->spec->name,
                           (long long)s->episodes + 1);
    draw(s, &out);
    if (s->words.data)
        stoa_buffer_append(&out, s->words.data, s->words.len);
    stoa_buffer_printf(&out, "%sstep %lld, reward %g, return %g%s%s\n", s->terminal ? "\n" : "",
                       (long long)s->length, (double)b->rewards[0], s->earned,
                       b->events[0] ? ", " : "",
                       b->events[0] ? s->spec->events[b->events[0] - 1] : "");
    if (s->last.data && (s->terminal || s->length == 0))
        stoa_buffer_append(&out, s->last.data, s->last.len);
    stoa_buffer_printf(&out, s->terminal ? "\n%s\n" : "\n", s->chooser->help);
    if (out.data)
        fwrite(out.data, 1, out.len, stdout);
    fflush(stdout);
    stoa_buffer_deinit(&out);
}

/* ---- playing --------------------------------------------------------------------------------- */

static void end_episode(session *s) {
    const stoa_env_buffers *b = &s->memory.buffers;
    json_t *metrics = json_object();
    stoa_buffer_deinit(&s->last);
    stoa_buffer_printf(&s->last, "episode %lld: %lld steps, return %g", (long long)s->episodes + 1,
                       (long long)s->length, s->earned);
    for (int m = 0; m < s->spec->metric_count; m++) {
        double value = (double)b->metrics[m];
        json_object_set_new(metrics, s->spec->metrics[m],
                            isfinite(value) ? json_real(value) : json_null());
        if (isnan(value))
            continue;
        s->metrics[m] += value;
        s->counts[m]++;
        stoa_buffer_printf(&s->last, ", %s %.4g", s->spec->metrics[m], value);
    }
    stoa_buffer_printf(&s->last, "\n");
    if (s->list)
        json_array_append_new(s->list,
                              json_pack("{s:I, s:f, s:b, s:b, s:O}", "steps", (json_int_t)s->length,
                                        "return", s->earned, "terminated", b->terminated[0],
                                        "truncated", b->truncated[0], "metrics", metrics));
    json_decref(metrics);
    s->sum += s->earned;
    s->episodes++;
    s->length = 0;
    s->earned = 0;
}

/* What an agent that explains says of the step: of what it sees, once it has chosen; of its choice,
 * once the environment has told of it too. */
static void listen(session *s, bool of_choice) {
    stoa_agent_remark remarks[STOA_AGENT_REMARKS];
    int count = stoa_agent_pilot_remarks(s->agent->pilot, &s->memory.buffers, 0, of_choice, remarks,
                                         STOA_AGENT_REMARKS);
    stoa_agent_said_add(&s->said, remarks, count);
    cli_agent_words(remarks, count, &s->words);
}

/* A person sees the state before choosing; with an agent's choice comes what it says of the state.
 */
static stoa_status choose(session *s, bool *quit, stoa_error *err) {
    const stoa_env_buffers *b = &s->memory.buffers;
    if (!s->agent) {
        show(s);
        return s->chooser->choose(s->chooser, s->env, b, s->memory.actions, quit, err);
    }
    STOA_TRY(s->chooser->choose(s->chooser, s->env, b, s->memory.actions, quit, err));
    STOA_TRY(stoa_agent_pilot_speak(s->agent->pilot, s->memory.actions, err));
    listen(s, false);
    show(s);
    stoa_buffer_deinit(&s->words);
    return STOA_OK;
}

static stoa_status play(session *s, stoa_error *err) {
    stoa_env_buffers *b = &s->memory.buffers;
    STOA_TRY(stoa_env_reset(s->env, NULL, b, err));
    while (!s->o->episodes || s->episodes < s->o->episodes) {
        bool quit = false;
        STOA_TRY(choose(s, &quit, err));
        if (quit)
            return STOA_OK;
        STOA_TRY(stoa_env_check_actions(s->env, b, err));
        STOA_TRY(stoa_env_step(s->env, NULL, b, err));
        if (s->agent)
            listen(s, true);
        s->steps++;
        s->length++;
        s->earned += (double)b->rewards[0];
        if (b->terminated[0] || b->truncated[0])
            end_episode(s);
    }
    return STOA_OK;
}

/* What stays when all is over. */
static void sum_up(session *s) {
    if (s->list) {
        json_t *all =
            json_pack("{s:s, s:I, s:I, s:o}", "environment", s->spec->name, "seed",
                      (json_int_t)s->o->seed, "steps", (json_int_t)s->steps, "episodes", s->list);
        s->list = NULL;
        if (s->agent && stoa_agent_pilot_speaks(s->agent->pilot))
            json_object_set_new(all, "said", cli_agent_said_json(&s->said));
        cli_print_json(all);
        return;
    }
    if (s->words.data) /* of the last choice */
        fwrite(s->words.data, 1, s->words.len, stdout);
    double n = (double)s->episodes;
    printf("%lld episode%s, %lld steps", (long long)s->episodes, s->episodes == 1 ? "" : "s",
           (long long)s->steps);
    if (s->episodes > 0)
        printf("; mean return %g", s->sum / n);
    for (int m = 0; m < s->spec->metric_count; m++)
        if (s->counts[m] > 0)
            printf(", %s %.4g", s->spec->metrics[m], s->metrics[m] / (double)s->counts[m]);
    if (s->length > 0)
        printf("; return so far %g", s->earned);
    printf("\n");
    cli_agent_print_said(&s->said);
}

static stoa_status play_with(session *s, stoa_error *err) {
    cli_lines lines;
    cli_keys keys;
    stoa_status status;
    bool watched = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && !s->list;
    s->terminal = watched && (s->agent || cli_keys_can(s->spec));
    if (s->agent) {
        s->agent->watched = s->terminal;
        s->chooser = &s->agent->base;
        status = play(s, err);
    } else if (s->terminal) {
        cli_keys_init(&keys, s->spec);
        s->chooser = &keys.base;
        status = cli_keys_open(&keys, err);
        if (status == STOA_OK) {
            status = play(s, err);
            cli_keys_close(&keys);
        }
    } else {
        cli_lines_init(&lines, s->spec);
        s->chooser = &lines.base;
        if (watched)
            printf("%s\n\n", lines.base.help);
        status = play(s, err);
    }
    if (status == STOA_OK || status == STOA_ERR_INTERRUPTED)
        sum_up(s);
    s->chooser = NULL; /* it lived here */
    return status;
}

/* A picture of episodes instead. */
static stoa_status make_sheet(const session *s, stoa_error *err) {
    enum { EPISODES = 6 };
    const options *o = s->o;
    stoa_agent_sheet_result r;
    char title[1024];
    snprintf(title, sizeof title, "%s, the agent of %.400s, update %lld%s", s->spec->name, o->agent,
             (long long)stoa_agent_bundle_update(s->agent->bundle),
             stoa_agent_pilot_speaks(s->agent->pilot)
                 ? ". Told by the environment: black. Said by the agent: blue where it is right, "
                   "orange where not."
                 : "");
    STOA_TRY(stoa_agent_sheet(s->agent->pilot, s->env, o->episodes ? o->episodes : EPISODES, title,
                              o->sheet, &r, err));
    if (s->list) {
        cli_print_json(json_pack("{s:s, s:I, s:I, s:I, s:I, s:f, s:o}", "sheet", o->sheet, "seed",
                                 (json_int_t)o->seed, "episodes", (json_int_t)r.episodes, "steps",
                                 (json_int_t)r.steps, "moments", (json_int_t)r.moments,
                                 "mean_return", r.mean_return, "said",
                                 cli_agent_said_json(&r.said)));
        return STOA_OK;
    }
    printf("%s: %lld moments of %lld episode%s; mean return %g\n", o->sheet, (long long)r.moments,
           (long long)r.episodes, r.episodes == 1 ? "" : "s", r.mean_return);
    cli_agent_print_said(&r.said);
    return STOA_OK;
}

static bool same_space(const stoa_space *a, const stoa_space *b) {
    return a->kind == b->kind && a->dtype == b->dtype && a->categories == b->categories &&
           a->target == b->target && stoa_space_numel(a) == stoa_space_numel(b);
}

static bool same_spaces(const stoa_env_spec *a, const stoa_env_spec *b) {
    bool same = a->observation_count == b->observation_count && a->action_count == b->action_count;
    for (int i = 0; same && i < a->observation_count; i++)
        same = same_space(&a->observations[i], &b->observations[i]);
    for (int i = 0; same && i < a->action_count; i++)
        same = same_space(&a->actions[i], &b->actions[i]);
    return same;
}

/* The environment as the agent knew it, with what --set changes; s->agent may be NULL. */
static stoa_status open_world(session *s, stoa_error *err) {
    const options *o = s->o;
    char *known[CLI_SETS];
    const char *sets[2 * CLI_SETS];
    int count = 0, owned = 0;
    if (s->agent) {
        const char *wanted = stoa_agent_bundle_settings(s->agent->bundle)->env;
        if (strcmp(wanted, o->name) != 0)
            return stoa_fail(err, STOA_ERR_USAGE, "the agent of %s learned %s, not %s", o->agent,
                             wanted, o->name);
        owned = cli_agent_settings(s->agent, known, CLI_SETS);
    }
    for (int i = 0; i < owned; i++)
        sets[count++] = known[i];
    for (int i = 0; i < o->set.count; i++)
        sets[count++] = o->set.sets[i];
    const stoa_env_options made = {
        .name = o->name, .set = sets, .set_count = count, .count = 1, .seed = (uint64_t)o->seed};
    stoa_status status = stoa_env_new(&s->env, &made, err);
    for (int i = 0; i < owned; i++)
        stoa_free(known[i]);
    STOA_TRY(status);
    s->spec = stoa_env_spec_of(s->env);
    if (s->agent && !same_spaces(s->spec, stoa_agent_bundle_spec(s->agent->bundle)))
        return stoa_fail(err, STOA_ERR_USAGE,
                         "--set changes what the agent sees or does, which it has not learned");
    return stoa_env_memory_init(&s->memory, s->env, err);
}

int verb_play(int argc, char **argv) {
    options o = {.seed = 1};
    stoa_error err = {0};
    cli_agent agent;
    cli_parse(&parser, argc, argv, &o);
    session s = {.o = &o, .list = o.json ? json_array() : NULL};
    stoa_status status = STOA_OK;
    if (o.sheet && !o.agent)
        status = stoa_fail(&err, STOA_ERR_USAGE,
                           "--sheet shows an agent's episodes: name its run with --agent RUN");
    if (status == STOA_OK && o.agent) {
        status = cli_agent_open(&agent, o.agent, (uint64_t)o.seed, o.greedy, &err);
        s.agent = status == STOA_OK ? &agent : NULL;
    }
    if (status == STOA_OK)
        status = open_world(&s, &err);
    if (status == STOA_OK)
        status = o.sheet ? make_sheet(&s, &err) : play_with(&s, &err);
    json_decref(s.list);
    stoa_buffer_deinit(&s.last);
    stoa_buffer_deinit(&s.words);
    stoa_env_memory_deinit(&s.memory);
    stoa_env_free(s.env);
    if (s.agent)
        cli_agent_close(s.agent);
    return status == STOA_OK ? EXIT_OK : cli_fail(&err);
}
