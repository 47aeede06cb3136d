/* cli/cli.h - what the verbs of the program share. */
#ifndef STOA_CLI_CLI_H
#define STOA_CLI_CLI_H

#include <argp.h>
#include <jansson.h>
#include <stddef.h>

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
int verb_plot(int argc, char **argv);
int verb_list(int argc, char **argv);
int verb_tokenizer(int argc, char **argv);
int verb_bench(int argc, char **argv);
int verb_doctor(int argc, char **argv);
int verb_env(int argc, char **argv);
int verb_play(int argc, char **argv);
int verb_data(int argc, char **argv);

/* The table of verbs, ended by a row without a name. */
extern const verb verbs[];

/* ---- options --------------------------------------------------------------------------------- */

/* Settings from the command line: a file, then --set key=value in order. */
enum { CLI_SETS = 64 };
typedef struct cli_settings {
    const char *path; /* NULL: defaults */
    const char *sets[CLI_SETS];
    int count;
} cli_settings;

/* Where an option's value goes. */
typedef enum cli_kind {
    CLI_FLAG,     /* bool: becomes true */
    CLI_TEXT,     /* const char * */
    CLI_INT,      /* int64_t, in [least, most] */
    CLI_FLOAT,    /* double, in [least, most] */
    CLI_SETTINGS, /* cli_settings: one more key=value */
    CLI_OWN,      /* nowhere: the verb's `own` takes it */
} cli_kind;

/* The place of a member of that type in the verb's struct of options. */
#define CLI_AT(options, member, type)                                                              \
    (offsetof(options, member) + 0 * sizeof(1 ? &((options *)0)->member : (type *)0))

/* A row is an option's parsing and its line in the help; the last one is {0}. */
typedef struct cli_option {
    const char *name;
    int letter;
    const char *value; /* its name in the help; NULL: takes none */
    const char *help;
    cli_kind kind;
    size_t at; /* CLI_AT */
    double least, most;
} cli_option;

enum { CLI_WORDS = 2 };
typedef struct cli_parser {
    const cli_option *options;
    size_t words[CLI_WORDS]; /* CLI_AT of const char *: the arguments that are no options */
    size_t words_count;
    const char *wanted;          /* said when the first word is not there; NULL: it need not be */
    const char *arguments, *doc; /* of the help, as in argp */
    /* Nullable, as argp's parser: options of kind CLI_OWN, words beyond words_count, the end. */
    error_t (*own)(int key, char *arg, struct argp_state *state);
} cli_parser;

/* Reads a verb's options into its struct. Anything wrong ends the program with EXIT_USAGE and a
 * message that names the nearest option. -h is --help. */
void cli_parse(const cli_parser *parser, int argc, char **argv, void *options);
/* For `own`, with argp's message and exit: adds to a list that holds at most `most`; a number. */
void cli_add(const char **list, int *count, int most, const char *name, const char *arg,
             struct argp_state *state);
int64_t cli_int(const char *arg, const char *option, double least, double most,
                struct argp_state *state);

stoa_status cli_settings_load(const cli_settings *s, stoa_lm_settings *out, stoa_error *err);

/* ---- printing -------------------------------------------------------------------------------- */

enum { CLI_WIDTH = 100 }; /* columns that tables are laid out for */
/* Prints text in lines of at most `width` columns; all but the first begin with `indent` spaces,
 * and the first is taken to stand there already. */
void cli_wrap(FILE *out, int indent, int width, const char *text);
/* Prints the message to stderr and returns the exit code of its status. */
int cli_fail(const stoa_error *err);
/* Prints a JSON object (consumed) and a newline to stdout. */
void cli_print_json(json_t *object);

#endif /* STOA_CLI_CLI_H */
