/* cli/common.c - errors, settings and numbers from the command line. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

/* ---- options ---- */

static const struct argp_option *row_of(const struct argp *parser, int letter) {
    for (const struct argp_option *o = parser->options; o && o->name; o++)
        if (o->key == letter)
            return o;
    return NULL;
}

/* The row that a long option means: the whole name, or a beginning that only one has. */
static const struct argp_option *row_named(const struct argp *parser, const char *name, size_t n) {
    const struct argp_option *found = NULL;
    for (const struct argp_option *o = parser->options; o && o->name; o++) {
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

static void refuse(const struct argp *parser, const char *program, const char *name) {
    enum { MOST = 32 };
    const char *names[MOST];
    size_t count = 0;
    names[count++] = "help";
    for (const struct argp_option *o = parser->options; o && o->name && count < MOST; o++)
        names[count++] = o->name;
    const char *near = stoa_nearest(name, names, count);
    fprintf(stderr, "%s: there is no option '--%s'", program, name);
    if (near)
        fprintf(stderr, "; did you mean '--%s'?", near);
    fprintf(stderr, "\nTry `%s --help`.\n", program);
    exit(EXIT_USAGE);
}

/* Whether the long option `word` takes the next argument as its value; refuses unknown ones. */
static bool check_long(const struct argp *parser, const char *program, const char *word) {
    static const char *const own[] = {"help", "usage"}; /* argp's */
    char name[128];
    size_t n = strcspn(word, "=");
    snprintf(name, sizeof name, "%.*s", (int)n, word);
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (strncmp(own[i], name, n) == 0)
            return false;
    const struct argp_option *row = row_named(parser, word, n);
    if (!row)
        refuse(parser, program, name);
    return row && row->arg && word[n] == '\0';
}

/* Whether the last letter of "-abc" takes the next argument as its value. */
static bool letters_take(const struct argp *parser, const char *letters) {
    for (const char *c = letters; *c; c++) {
        const struct argp_option *row = row_of(parser, *c);
        if (row && row->arg)
            return c[1] == '\0';
    }
    return false;
}

/* getopt's own word on an unknown long option suggests nothing, so they are looked at first. */
void cli_parse(const struct argp *parser, int argc, char **argv, void *input) {
    static char help[] = "--help";
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "-h") == 0)
            argv[i] = help;
        if (strncmp(argv[i], "--", 2) == 0)
            i += check_long(parser, argv[0], argv[i] + 2);
        else if (argv[i][0] == '-')
            i += letters_take(parser, argv[i] + 1);
    }
    argp_parse(parser, argc, argv, 0, NULL, input);
}

/* ---- printing ---- */

void cli_wrap(FILE *out, int indent, int width, const char *text) {
    int column = indent;
    for (const char *word = text; *word;) {
        int len = (int)strcspn(word, " ");
        if (column > indent && column + 1 + len > width) {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
        } else if (column > indent) {
            fputc(' ', out);
            column++;
        }
        fprintf(out, "%.*s", len, word);
        column += len;
        word += len;
        word += strspn(word, " ");
    }
    fputc('\n', out);
}

int cli_fail(const stoa_error *err) {
    static const int codes[STOA_STATUS_COUNT] = {
        [STOA_ERR_USAGE] = EXIT_USAGE,         [STOA_ERR_IO] = EXIT_FAILED,
        [STOA_ERR_FORMAT] = EXIT_INPUT,        [STOA_ERR_MEMORY] = EXIT_FAILED,
        [STOA_ERR_UNSUPPORTED] = EXIT_MISSING, [STOA_ERR_INTERRUPTED] = EXIT_FAILED,
        [STOA_ERR_NUMERIC] = EXIT_FAILED,
    };
    fprintf(stderr, "stoa: %s\n", err->message);
    if (err->status == STOA_ERR_INTERRUPTED && stoa_stop_requested())
        return 128 + stoa_stop_requested();
    return codes[err->status];
}

void cli_print_json(json_t *object) {
    char *text = json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
    if (text)
        printf("%s\n", text);
    free(text);
    json_decref(object);
}

void cli_settings_add(cli_settings *s, const char *assignment, struct argp_state *state) {
    if (s->count == CLI_SETS)
        argp_error(state, "at most %d --set options", CLI_SETS);
    else
        s->sets[s->count++] = assignment;
}

stoa_status cli_settings_load(const cli_settings *s, stoa_lm_settings *out, stoa_error *err) {
    stoa_settings_table table = stoa_lm_settings_table();
    STOA_TRY(stoa_lm_settings_init(out, err));
    if (s->path)
        STOA_TRY(stoa_settings_load(table, out, s->path, NULL, err));
    for (int i = 0; i < s->count; i++)
        STOA_TRY(stoa_settings_set(table, out, s->sets[i], NULL, err));
    return stoa_lm_settings_check(out, err);
}

int64_t cli_int(const char *arg, const char *option, int64_t least, int64_t most,
                struct argp_state *state) {
    int64_t value = 0;
    if (!stoa_parse_int(stoa_view_of(arg), &value) || value < least || value > most)
        argp_error(state, "%s wants a whole number from %lld to %lld, not '%s'", option,
                   (long long)least, (long long)most, arg);
    return value;
}

double cli_float(const char *arg, const char *option, double least, double most,
                 struct argp_state *state) {
    double value = 0;
    if (!stoa_parse_float(stoa_view_of(arg), &value) || !(value >= least && value <= most))
        argp_error(state, "%s wants a number from %g to %g, not '%s'", option, least, most, arg);
    return value;
}
