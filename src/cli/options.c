/*
 * cli/options.c - a verb's options: one table for their names, their help, and where values go.
 *
 * argp does the parsing; its rows are made from the table. Unknown long options are looked at
 * first, because argp suggests nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

enum { MOST_OPTIONS = 32 };

/* ---- mistakes ---- */

static const cli_option *row_of(const cli_parser *parser, int letter) {
    for (const cli_option *o = parser->options; o && o->name; o++)
        if (o->letter == letter)
            return o;
    return NULL;
}

/* The row that a long option means: the whole name, or a beginning that only one has. */
static const cli_option *row_named(const cli_parser *parser, const char *name, size_t n) {
    const cli_option *found = NULL;
    for (const cli_option *o = parser->options; o && o->name; o++) {
        if (strncmp(o->name, name, n) != 0)
            continue;
        if (o->name[n] == '\0')
            return o;
        if (found)
            return NULL;
        found = o;
    }
    return found;
}

static void refuse(const cli_parser *parser, const char *program, const char *name) {
    enum { MOST = 32 };
    const char *names[MOST];
    size_t count = 0;
    names[count++] = "help";
    for (const cli_option *o = parser->options; o && o->name && count < MOST; o++)
        names[count++] = o->name;
    const char *near = stoa_nearest(name, names, count);
    fprintf(stderr, "%s: there is no option '--%s'", program, name);
    if (near)
        fprintf(stderr, "; did you mean '--%s'?", near);
    fprintf(stderr, "\nTry `%s --help`.\n", program);
    exit(EXIT_USAGE);
}

/* Whether the long option `word` takes the next argument as its value; refuses unknown ones. */
static bool check_long(const cli_parser *parser, const char *program, const char *word) {
    static const char *const own[] = {"help", "usage"}; /* argp's */
    char name[128];
    size_t n = strcspn(word, "=");
    snprintf(name, sizeof name, "%.*s", (int)n, word);
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (strncmp(own[i], name, n) == 0)
            return false;
    const cli_option *row = row_named(parser, word, n);
    if (!row)
        refuse(parser, program, name);
    return row && row->value && word[n] == '\0';
}

/* Whether the last letter of "-abc" takes the next argument as its value. */
static bool letters_take(const cli_parser *parser, const char *letters) {
    for (const char *c = letters; *c; c++) {
        const cli_option *row = row_of(parser, *c);
        if (row && row->value)
            return c[1] == '\0';
    }
    return false;
}

/* ---- values ---- */

/* As far as an int64_t goes. */
static int64_t limit(double value) {
    return value >= (double)INT64_MAX ? INT64_MAX : (int64_t)value;
}

int64_t cli_int(const char *arg, const char *option, double least, double most,
                struct argp_state *state) {
    int64_t value = 0;
    if (!stoa_parse_int(stoa_view_of(arg), &value) || value < limit(least) || value > limit(most))
        argp_error(state, "--%s wants a whole number from %lld to %lld, not '%s'", option,
                   (long long)limit(least), (long long)limit(most), arg);
    return value;
}

static double read_float(const char *arg, const cli_option *o, struct argp_state *state) {
    double value = 0;
    if (!stoa_parse_float(stoa_view_of(arg), &value) || !(value >= o->least && value <= o->most))
        argp_error(state, "--%s wants a number from %g to %g, not '%s'", o->name, o->least, o->most,
                   arg);
    return value;
}

void cli_add(const char **list, int *count, int most, const char *name, const char *arg,
             struct argp_state *state) {
    if (*count == most)
        argp_error(state, "at most %d %s", most, name);
    else
        list[(*count)++] = arg;
}

static void store(const cli_option *o, char *arg, void *place, struct argp_state *state) {
    cli_settings *settings = place;
    switch (o->kind) {
    case CLI_FLAG:
        *(bool *)place = true;
        break;
    case CLI_TEXT:
        *(const char **)place = arg;
        break;
    case CLI_INT:
        *(int64_t *)place = cli_int(arg, o->name, o->least, o->most, state);
        break;
    case CLI_FLOAT:
        *(double *)place = read_float(arg, o, state);
        break;
    case CLI_SETTINGS:
        cli_add(settings->sets, &settings->count, CLI_SETS, "--set options", arg, state);
        break;
    case CLI_OWN:
        break;
    }
}

/* ---- parsing ---- */

typedef struct parsing {
    const cli_parser *parser;
    char *options; /* the verb's struct */
} parsing;

static error_t parse_key(int key, char *arg, struct argp_state *state) {
    parsing *p = state->input;
    const cli_parser *parser = p->parser;
    const cli_option *row = row_of(parser, key);
    if (row && row->kind != CLI_OWN) {
        store(row, arg, p->options + row->at, state);
        return 0;
    }
    if (key == ARGP_KEY_ARG && state->arg_num < parser->words_count) {
        *(const char **)(void *)(p->options + parser->words[state->arg_num]) = arg;
        return 0;
    }
    if (key == ARGP_KEY_NO_ARGS && parser->wanted)
        argp_error(state, "%s", parser->wanted);
    if (!parser->own)
        return ARGP_ERR_UNKNOWN;
    state->input = p->options;
    error_t result = parser->own(key, arg, state);
    state->input = p;
    return result;
}

void cli_parse(const cli_parser *parser, int argc, char **argv, void *options) {
    static char help[] = "--help";
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "-h") == 0)
            argv[i] = help;
        if (strncmp(argv[i], "--", 2) == 0)
            i += check_long(parser, argv[0], argv[i] + 2);
        else if (argv[i][0] == '-')
            i += letters_take(parser, argv[i] + 1);
    }
    struct argp_option rows[MOST_OPTIONS + 1] = {0};
    for (int i = 0; parser->options[i].name && i < MOST_OPTIONS; i++) {
        const cli_option *o = &parser->options[i];
        rows[i] = (struct argp_option){
            .name = o->name, .key = o->letter, .arg = o->value, .doc = o->help};
    }
    const struct argp argp = {
        .options = rows, .parser = parse_key, .args_doc = parser->arguments, .doc = parser->doc};
    parsing p = {parser, options};
    argp_parse(&argp, argc, argv, 0, NULL, &p);
}
