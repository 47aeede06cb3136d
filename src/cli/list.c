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
            printf("%-22s %s\n", s->name, s->title);
    }
}

static void list_settings(json_t *out) {
    stoa_settings_table table = stoa_lm_settings_table();
    for (size_t i = 0; i < table.count; i++) {
        const stoa_setting *row = &table.rows[i];
        if (out)
            json_array_append_new(out,
                                  json_pack("{s:s, s:s, s:s}", "key", row->key, "default",
                                            row->initial ? row->initial : "", "help", row->help));
        else
            printf("%-26s %-12s %s\n", row->key, row->initial ? row->initial : "(required)",
                   row->help);
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
            printf("%-22s %s\n", notes[i][0], notes[i][1]);
}

static const struct {
    const char *name, *title;
    void (*list)(json_t *out);
} kinds[] = {
    {"studies", "Studies (stoa study run NAME)", list_studies},
    {"settings", "Settings of stoa train (YAML keys, or --set KEY=VALUE)", list_settings},
    {"backends", "Backends", list_backends},
    {"ops", "Operations", list_ops},
};

typedef struct options {
    const char *what;
    bool json;
} options;

static const struct argp_option rows[] = {{"json", 'j', 0, 0, "Print as JSON", 0}, {0}};

static error_t parse(int key, char *arg, struct argp_state *state) {
    options *o = state->input;
    if (key == 'j')
        o->json = true;
    else if (key == ARGP_KEY_ARG && state->arg_num == 0)
        o->what = arg;
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

static const struct argp parser = {
    .options = rows,
    .parser = parse,
    .args_doc = "[studies|settings|backends|ops]",
    .doc = "What there is.",
};

int verb_list(int argc, char **argv) {
    options o = {0};
    argp_parse(&parser, argc, argv, 0, NULL, &o);
    json_t *all = o.json ? json_object() : NULL;
    bool found = false;
    const char *names[sizeof kinds / sizeof kinds[0]];
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        names[i] = kinds[i].name;
        if (o.what && strcmp(o.what, kinds[i].name) != 0)
            continue;
        json_t *items = o.json ? json_array() : NULL;
        if (!o.json && !o.what)
            printf("%s%s\n", found ? "\n" : "", kinds[i].title);
        kinds[i].list(items);
        if (all)
            json_object_set_new(all, kinds[i].name, items);
        found = true;
    }
    if (!found) {
        const char *near = stoa_nearest(o.what, names, sizeof kinds / sizeof kinds[0]);
        fprintf(stderr,
                "stoa list: there is no '%s'; try one of studies, settings, backends, ops%s%s\n",
                o.what, near ? "; did you mean " : "", near ? near : "");
        json_decref(all);
        return EXIT_USAGE;
    }
    if (all)
        cli_print_json(all);
    return EXIT_OK;
}
