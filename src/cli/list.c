/* cli/list.c - `stoa list`: what there is. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static void list_studies(json_t *out, bool full) {
    (void)full;
    for (int i = 0; i < stoa_study_count(); i++) {
        const stoa_study *s = stoa_study_at(i);
        if (out)
            json_array_append_new(out, json_pack("{s:s, s:s}", "name", s->name, "title", s->title));
        else
            printf("  %-20s %s\n", s->name, s->title);
    }
}

static const char *const type_names[] = {
    [STOA_SET_INT] = "integer",   [STOA_SET_FLOAT] = "number",  [STOA_SET_BOOL] = "boolean",
    [STOA_SET_STRING] = "text",   [STOA_SET_CHOICE] = "choice", [STOA_SET_INTS] = "integers",
    [STOA_SET_FLOATS] = "numbers"};

static json_t *setting_json(const stoa_setting *row) {
    json_t *out = json_pack("{s:s, s:s, s:s, s:s}", "key", row->key, "type", type_names[row->type],
                            "default", row->initial ? row->initial : "", "help", row->help);
    if (row->least < row->most) {
        json_object_set_new(out, "least", json_real(row->least));
        json_object_set_new(out, "most", json_real(row->most));
    }
    if (row->type == STOA_SET_CHOICE) {
        json_t *choices = json_array();
        for (size_t i = 0; row->choices[i]; i++)
            json_array_append_new(choices, json_string(row->choices[i]));
        json_object_set_new(out, "choices", choices);
    }
    return out;
}

/* The help, and behind it the choices. */
static void print_setting(const stoa_setting *row, int key_width) {
    enum { DEFAULT_WIDTH = 10 };
    stoa_buffer text = {0};
    const char *initial = row->initial ? row->initial : "(required)";
    stoa_buffer_printf(&text, "%s", row->help);
    if (row->type == STOA_SET_CHOICE) {
        stoa_buffer_printf(&text, " One of:");
        for (size_t i = 0; row->choices[i]; i++)
            stoa_buffer_printf(&text, " %s%s", row->choices[i], row->choices[i + 1] ? "," : ".");
    }
    printf("%-*s  %-*s  ", key_width, row->key, DEFAULT_WIDTH, *initial ? initial : "-");
    cli_wrap(stdout, key_width + DEFAULT_WIDTH + 4, CLI_WIDTH, text.data ? text.data : row->help);
    stoa_buffer_deinit(&text);
}

/* The part of a key before its dot. */
static size_t section(const char *key) {
    const char *dot = strchr(key, '.');
    return dot ? (size_t)(dot - key) : 0;
}

static int widest_key(stoa_settings_table table, int most) {
    for (size_t i = 0; i < table.count; i++)
        most = (int)strlen(table.rows[i].key) > most ? (int)strlen(table.rows[i].key) : most;
    return most;
}

/* The settings of one thing; prefix (nullable) comes before their keys. */
static void list_table(json_t *out, const char *of, const char *prefix, stoa_settings_table table) {
    const stoa_settings_part part = {prefix, table, 0};
    stoa_settings_table joined;
    if (table.count == 0 || stoa_settings_join(&joined, &part, 1, NULL) != STOA_OK)
        return;
    if (!out)
        printf("%s\n", of);
    for (size_t i = 0; i < joined.count; i++) {
        const stoa_setting *row = &joined.rows[i];
        if (out) {
            json_t *item = setting_json(row);
            json_object_set_new(item, "of", json_string(of));
            json_array_append_new(out, item);
            continue;
        }
        size_t n = section(row->key);
        if (i > 0 && (n != section(row[-1].key) || strncmp(row->key, row[-1].key, n) != 0))
            printf("\n");
        print_setting(row, widest_key(joined, 0));
    }
    if (!out)
        printf("\n");
    stoa_settings_join_free(&joined);
}

static void list_settings(json_t *out, bool full) {
    (void)full;
    char of[96];
    list_table(out, "Language models", NULL, stoa_lm_settings_table());
    list_table(out, "Agents", NULL, stoa_agent_settings_table());
    stoa_settings_table icl;
    if (stoa_icl_settings_table(&icl, NULL) == STOA_OK) {
        list_table(out, "In-context learning", NULL, icl);
        stoa_settings_join_free(&icl);
    }
    for (int i = 0; i < stoa_env_class_count(); i++) {
        const stoa_env_class *c = stoa_env_class_at(i);
        snprintf(of, sizeof of, "Agents, env.name: %s", stoa_env_class_name(c));
        list_table(out, of, "env", stoa_env_class_settings(c));
    }
    for (int i = 0; i < stoa_objective_class_count(); i++) {
        const stoa_objective_class *c = stoa_objective_class_at(i);
        snprintf(of, sizeof of, "Agents, objectives: %s", stoa_objective_class_name(c));
        list_table(out, of, stoa_objective_class_name(c), stoa_objective_class_settings(c));
    }
}

/* A name and what it is, in the lists that are short. */
static void list_row(json_t *out, const char *name, const char *summary) {
    if (out)
        json_array_append_new(out, json_pack("{s:s, s:s}", "name", name, "summary", summary));
    else
        printf("  %-20s %s\n", name, summary);
}

static void list_objectives(json_t *out, bool full) {
    (void)full;
    for (int i = 0; i < stoa_objective_class_count(); i++)
        list_row(out, stoa_objective_class_name(stoa_objective_class_at(i)),
                 stoa_objective_class_summary(stoa_objective_class_at(i)));
}

static void list_sources(json_t *out, bool full) {
    (void)full;
    for (int i = 0; i < STOA_CLASSES_COUNT; i++)
        list_row(out, stoa_class_source_name(i), stoa_class_source_summary(i));
}

static void list_sequences(json_t *out, bool full) {
    (void)full;
    for (int k = 0; k < STOA_SEQUENCES_KINDS; k++)
        list_row(out, stoa_sequences_kind_name(k), stoa_sequences_kind_summary(k));
}

static void list_ops(json_t *out, bool full) {
    (void)full;
    for (int op = 0; op < STOA_OP_COUNT; op++) {
        bool forward = stoa_backend_supports(stoa_backend_cpu(), (stoa_op)op, false);
        bool backward = stoa_backend_supports(stoa_backend_cpu(), (stoa_op)op, true);
        bool reference = stoa_backend_supports(stoa_backend_ref(), (stoa_op)op, false);
        if (out)
            json_array_append_new(out, json_pack("{s:s, s:b, s:b, s:b}", "name",
                                                 stoa_op_name((stoa_op)op), "cpu", forward,
                                                 "cpu_backward", backward, "ref", reference));
        else
            printf("%-22s cpu%s%s%s\n", stoa_op_name((stoa_op)op), forward ? "" : " (missing)",
                   backward ? ", gradient" : "", reference ? ", reference" : "");
    }
}

static void list_backends(json_t *out, bool full) {
    (void)full;
    static const char *const notes[][2] = {
        {"cpu", "oneDNN and own loops, f32 and bf16"},
        {"meta", "computes nothing: shapes, FLOPs, bytes (stoa plan)"},
        {"ref", "plain float64 loops that the others are tested against"},
    };
    for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++)
        if (out)
            json_array_append_new(out, json_string(notes[i][0]));
        else
            printf("  %-20s %s\n", notes[i][0], notes[i][1]);
}

/* ---- environments ---------------------------------------------------------------------------- */

/* "board  box of u8 (10, 5), 0 to 1" */
static void print_space(const char *role, const stoa_space *s) {
    stoa_buffer text = {0};
    stoa_buffer_printf(&text, "%s: %s of %s", s->name, stoa_space_kind_name(s->kind),
                       stoa_dtype_name(s->dtype));
    for (int d = 0; d < s->ndim; d++)
        stoa_buffer_printf(&text, "%s%lld%s", d ? ", " : " (", (long long)s->shape[d],
                           d + 1 == s->ndim ? ")" : "");
    if (s->kind == STOA_SPACE_BOX)
        stoa_buffer_printf(&text, ", %g to %g", s->low, s->high);
    if (s->kind == STOA_SPACE_CATEGORIES && !s->labels)
        stoa_buffer_printf(&text, ", %lld categories", (long long)s->categories);
    for (int64_t i = 0; s->labels && i < s->categories; i++)
        stoa_buffer_printf(&text, "%s%s", i ? ", " : ": ", s->labels[i]);
    if (s->target)
        stoa_buffer_printf(&text, "; a target, not read by the agent");
    printf("  %-8s", role);
    cli_wrap(stdout, 10, CLI_WIDTH, text.data ? text.data : s->name);
    stoa_buffer_deinit(&text);
}

static json_t *space_json(const stoa_space *s) {
    json_t *shape = json_array(), *out;
    for (int d = 0; d < s->ndim; d++)
        json_array_append_new(shape, json_integer(s->shape[d]));
    out = json_pack("{s:s, s:s, s:s, s:o, s:b}", "name", s->name, "kind",
                    stoa_space_kind_name(s->kind), "type", stoa_dtype_name(s->dtype), "shape",
                    shape, "target", s->target);
    if (s->kind == STOA_SPACE_BOX && isfinite(s->low) && isfinite(s->high)) {
        json_object_set_new(out, "low", json_real(s->low));
        json_object_set_new(out, "high", json_real(s->high));
    }
    if (s->kind == STOA_SPACE_CATEGORIES)
        json_object_set_new(out, "categories", json_integer(s->categories));
    if (s->labels) {
        json_t *labels = json_array();
        for (int64_t i = 0; i < s->categories; i++)
            json_array_append_new(labels, json_string(s->labels[i]));
        json_object_set_new(out, "labels", labels);
    }
    return out;
}

static json_t *spaces_json(const stoa_space *spaces, int count) {
    json_t *out = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(out, space_json(&spaces[i]));
    return out;
}

static json_t *names_json(const char (*names)[STOA_ENV_NAME], int count) {
    json_t *out = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(out, json_string(names[i]));
    return out;
}

/* A number of the spec, left out when it is unknown. */
static void set_known(json_t *out, const char *key, double value) {
    if (isfinite(value))
        json_object_set_new(out, key, json_real(value));
}

static json_t *spec_json(const stoa_env_spec *s) {
    json_t *out = json_pack("{s:o, s:o, s:o, s:o, s:I, s:b}", "observations",
                            spaces_json(s->observations, s->observation_count), "actions",
                            spaces_json(s->actions, s->action_count), "metrics",
                            names_json(s->metrics, s->metric_count), "events",
                            names_json(s->events, s->event_count), "max_steps",
                            (json_int_t)s->max_steps, "resumable", s->resumable);
    set_known(out, "reward_low", s->reward_low);
    set_known(out, "reward_high", s->reward_high);
    set_known(out, "chance", s->chance);
    set_known(out, "ceiling", s->ceiling);
    return out;
}

static void print_spec(const stoa_env_spec *s) {
    for (int i = 0; i < s->observation_count; i++)
        print_space(i ? "" : "sees", &s->observations[i]);
    for (int i = 0; i < s->action_count; i++)
        print_space(i ? "" : "does", &s->actions[i]);
    for (int i = 0; i < s->metric_count; i++)
        printf(i ? ", %s" : "  score   %s", s->metrics[i]);
    if (s->metric_count && isfinite(s->chance))
        printf("; %.3g by chance", s->chance);
    if (s->metric_count && isfinite(s->ceiling))
        printf("; %.3g at best", s->ceiling);
    if (s->metric_count)
        printf("\n");
    for (int i = 0; i < s->event_count; i++)
        printf(i ? ", %s" : "  events  %s", s->events[i]);
    if (s->event_count)
        printf("\n");
    if (s->max_steps)
        printf("  ends    after %lld steps at most\n", (long long)s->max_steps);
    if (s->reward_low == s->reward_high)
        printf("  pays    %g a step\n", s->reward_low);
    else if (isfinite(s->reward_low) && isfinite(s->reward_high))
        printf("  pays    %g to %g a step\n", s->reward_low, s->reward_high);
}

static void print_environment(const stoa_env_class *c, const stoa_env_spec *spec) {
    stoa_settings_table table = stoa_env_class_settings(c);
    int widest = 0;
    printf("%s - %s\n", stoa_env_class_name(c), stoa_env_class_summary(c));
    if (spec)
        print_spec(spec);
    for (size_t i = 0; i < table.count; i++)
        widest = (int)strlen(table.rows[i].key) > widest ? (int)strlen(table.rows[i].key) : widest;
    for (size_t i = 0; i < table.count; i++) {
        printf("  ");
        print_setting(&table.rows[i], widest + 2);
    }
}

static json_t *environment_json(const stoa_env_class *c, const stoa_env_spec *spec) {
    stoa_settings_table table = stoa_env_class_settings(c);
    json_t *out = spec ? spec_json(spec) : json_object(), *settings = json_array();
    for (size_t i = 0; i < table.count; i++)
        json_array_append_new(settings, setting_json(&table.rows[i]));
    json_object_set_new(out, "name", json_string(stoa_env_class_name(c)));
    json_object_set_new(out, "summary", json_string(stoa_env_class_summary(c)));
    json_object_set_new(out, "settings", settings);
    return out;
}

/* Spaces are those of the default settings; an environment that lives elsewhere has none before it
 * is told which. */
static void list_environments(json_t *out, bool full) {
    for (int i = 0; i < stoa_env_class_count(); i++) {
        const stoa_env_class *c = stoa_env_class_at(i);
        stoa_env_options options = {.name = stoa_env_class_name(c), .count = 1};
        stoa_env *env = NULL;
        if ((out || full) && !stoa_env_class_external(c))
            stoa_env_new(&env, &options, NULL);
        const stoa_env_spec *spec = env ? stoa_env_spec_of(env) : NULL;
        if (out) {
            json_array_append_new(out, environment_json(c, spec));
        } else if (full) {
            printf("%s", i ? "\n" : "");
            print_environment(c, spec);
        } else {
            printf("  %-20s %s\n", stoa_env_class_name(c), stoa_env_class_summary(c));
        }
        stoa_env_free(env);
    }
}

static const struct {
    const char *name, *title;
    bool brief; /* short enough for `stoa list` */
    /* Into the array, or printed when it is NULL; full: this kind was asked for by name. */
    void (*list)(json_t *out, bool full);
} kinds[] = {
    {"studies", "Studies: `stoa study run NAME` reproduces one", true, list_studies},
    {"environments", "Environments: `stoa play NAME`; more with `stoa list environments`", true,
     list_environments},
    {"objectives", "Objectives: terms of an agent's loss beside policy and value", true,
     list_objectives},
    {"sources", "Sources of classes: `stoa data classes --set data.source=NAME`", true,
     list_sources},
    {"sequences", "Tests of in-context and in-weights learning: `stoa list sequences`", false,
     list_sequences},
    {"backends", "Backends: what computes", true, list_backends},
    {"settings", "Settings of `stoa train` and `stoa plan`: `stoa list settings`", false,
     list_settings},
    {"ops", "Operations and where they are implemented: `stoa list ops`", false, list_ops},
};

typedef struct options {
    const char *what;
    bool json;
} options;

static const cli_option rows[] = {
    {"json", 'j', NULL, "Print as JSON", CLI_FLAG, CLI_AT(options, json, bool), 0, 0},
    {0},
};

static const cli_parser parser = {
    .options = rows,
    .words = {CLI_AT(options, what, const char *)},
    .words_count = 1,
    .arguments = "[studies|environments|objectives|sources|sequences|backends|settings|ops]",
    .doc =
        "What there is: studies to run, environments with their spaces and settings, objectives, "
        "sources of classes and tests of in-context learning, backends, every setting of training "
        "with its default and meaning, operations.",
};

int verb_list(int argc, char **argv) {
    options o = {0};
    cli_parse(&parser, argc, argv, &o);
    json_t *all = o.json ? json_object() : NULL;
    bool found = false;
    const char *names[sizeof kinds / sizeof kinds[0]];
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        names[i] = kinds[i].name;
        if (o.what && strcmp(o.what, kinds[i].name) != 0)
            continue;
        json_t *items = o.json ? json_array() : NULL;
        if (!o.json && !o.what)
            printf("%s%s\n", found && (kinds[i].brief || kinds[i - 1].brief) ? "\n" : "",
                   kinds[i].title);
        found = true;
        if (!o.json && !o.what && !kinds[i].brief)
            continue;
        kinds[i].list(items, o.what);
        if (all)
            json_object_set_new(all, kinds[i].name, items);
    }
    if (!found) {
        const char *near = stoa_nearest(o.what, names, sizeof kinds / sizeof kinds[0]);
        fprintf(stderr, "stoa list: there is no '%s'; %s%s%s\n", o.what,
                near ? "did you mean '"
                     : "it is one of studies, environments, objectives, sources, "
                       "sequences, backends, settings, ops",
                near ? near : "", near ? "'?" : "");
        json_decref(all);
        return EXIT_USAGE;
    }
    if (all)
        cli_print_json(all);
    return EXIT_OK;
}
