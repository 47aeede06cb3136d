/* cli/list.c - `stoa list`: what there is. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static void list_studies(json_t *out) {
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

static void list_settings(json_t *out) {
    stoa_settings_table table = stoa_lm_settings_table();
    int widest = 0;
    for (size_t i = 0; i < table.count; i++)
        widest = (int)strlen(table.rows[i].key) > widest ? (int)strlen(table.rows[i].key) : widest;
    for (size_t i = 0; i < table.count; i++) {
        const stoa_setting *row = &table.rows[i];
        if (out) {
            json_array_append_new(out, setting_json(row));
            continue;
        }
        size_t n = section(row->key);
        if (i > 0 && (n != section(row[-1].key) || strncmp(row->key, row[-1].key, n) != 0))
            printf("\n");
        print_setting(row, widest);
    }
}

static void list_ops(json_t *out) {
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

static void list_backends(json_t *out) {
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

static const struct {
    const char *name, *title;
    bool brief; /* short enough for `stoa list` */
    void (*list)(json_t *out);
} kinds[] = {
    {"studies", "Studies: `stoa study run NAME` reproduces one", true, list_studies},
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
    .arguments = "[studies|backends|settings|ops]",
    .doc = "What there is: studies to run, backends, every setting with its default and meaning, "
           "operations.",
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
        kinds[i].list(items);
        if (all)
            json_object_set_new(all, kinds[i].name, items);
    }
    if (!found) {
        const char *near = stoa_nearest(o.what, names, sizeof kinds / sizeof kinds[0]);
        fprintf(stderr, "stoa list: there is no '%s'; %s%s%s\n", o.what,
                near ? "did you mean '" : "it is one of studies, backends, settings, ops",
                near ? near : "", near ? "'?" : "");
        json_decref(all);
        return EXIT_USAGE;
    }
    if (all)
        cli_print_json(all);
    return EXIT_OK;
}
