/* cli/cli.h - what the verbs of the program share. */
#ifndef STOA_CLI_CLI_H
#define STOA_CLI_CLI_H

#include <argp.h>
#include <jansson.h>

#include "stoa/stoa.h"

/* Exit codes, as documented in `stoa --help`. */
enum {
    EXIT_OK = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_CLAIM = 3, /* a claim or threshold not met */
    EXIT_INPUT = 4,
    EXIT_MISSING = 5,
};

typedef struct verb {
    const char *name, *arguments, *summary;
    int (*run)(int argc, char **argv); /* argv[0] is "stoa <verb>" */
} verb;

int verb_train(int argc, char **argv);
int verb_sample(int argc, char **argv);
int verb_plan(int argc, char **argv);
int verb_study(int argc, char **argv);
int verb_list(int argc, char **argv);
int verb_tokenizer(int argc, char **argv);
int verb_bench(int argc, char **argv);
int verb_doctor(int argc, char **argv);

/* The table of verbs, ended by a row without a name. */
extern const verb verbs[];

/* Reads a verb's options into input. Anything wrong ends the program with EXIT_USAGE and a message
 * that names the nearest option. -h is --help. */
void cli_parse(const struct argp *parser, int argc, char **argv, void *input);
/* Prints text in lines of at most `width` columns; all but the first begin with `indent` spaces,
 * and the first is taken to stand there already. */
void cli_wrap(FILE *out, int indent, int width, const char *text);
/* Prints the message to stderr and returns the exit code of its status. */
int cli_fail(const stoa_error *err);
/* Prints a JSON object (consumed) and a newline to stdout. */
void cli_print_json(json_t *object);

/* Settings from the command line: a file, then --set key=value in order. */
enum { CLI_SETS = 64 };
typedef struct cli_settings {
    const char *path; /* NULL: defaults */
    const char *sets[CLI_SETS];
    int count;
} cli_settings;
enum { CLI_WIDTH = 100 }; /* columns that tables are laid out for */
/* Adds one; an argp error when there are too many. */
void cli_settings_add(cli_settings *s, const char *assignment, struct argp_state *state);
stoa_status cli_settings_load(const cli_settings *s, stoa_lm_settings *out, stoa_error *err);

/* Number options: fails through argp with the option's name. */
int64_t cli_int(const char *arg, const char *option, int64_t least, int64_t most,
                struct argp_state *state);
double cli_float(const char *arg, const char *option, double least, double most,
                 struct argp_state *state);

#endif /* STOA_CLI_CLI_H */
