/* cli/play.h - who acts in `stoa play`: keys, lines, or an agent. */
#ifndef STOA_CLI_PLAY_H
#define STOA_CLI_PLAY_H

#include <termios.h>

#include "cli/cli.h"

/* Whoever chooses the actions of the one instance. choose fills the arrays of `actions`, one a
 * space, knowing what `seen` shows, or sets *quit. The first member of a larger struct. */
typedef struct cli_chooser cli_chooser;
struct cli_chooser {
    stoa_status (*choose)(cli_chooser *self, const stoa_env *env, const stoa_env_buffers *seen,
                          void *const *actions, bool *quit, stoa_error *err);
    char help[512]; /* what can be chosen and how, to be shown to a person */
};

/* Lines of stdin: a name or a number for each action, "q" or the end to quit. */
typedef struct cli_lines {
    cli_chooser base;
    char text[4096]; /* read, but not used */
    size_t len;
    int64_t number; /* of the line */
    bool ended;
} cli_lines;
void cli_lines_init(cli_lines *lines, const stoa_env_spec *spec);

/* Keys of the terminal, for environments with one choice among categories a step. */
enum { CLI_KEYS = 128, CLI_KEY_UP = 'A', CLI_KEY_DOWN, CLI_KEY_RIGHT, CLI_KEY_LEFT };
typedef struct cli_keys {
    cli_chooser base;
    int action[CLI_KEYS];      /* of a character; -1: none */
    int arrow[4];              /* of CLI_KEY_UP...; -1: none */
    unsigned char pending[64]; /* typed, but not used */
    size_t len;
    struct termios before; /* the terminal as it was */
} cli_keys;
bool cli_keys_can(const stoa_env_spec *spec);
void cli_keys_init(cli_keys *keys, const stoa_env_spec *spec);
/* Takes over the terminal of stdin and stdout (no echo, no line editing, a screen of its own), and
 * gives it back as it was. */
stoa_status cli_keys_open(cli_keys *keys, stoa_error *err);
void cli_keys_close(cli_keys *keys);

/* A trained agent; on a terminal it takes its time, so that a person can follow. */
typedef struct cli_agent {
    cli_chooser base;
    stoa_agent_bundle *bundle;
    stoa_agent_pilot *pilot;
    bool watched;
} cli_agent;
stoa_status cli_agent_open(cli_agent *agent, const char *run_dir, uint64_t seed, bool greedy,
                           stoa_error *err);
void cli_agent_close(cli_agent *agent);
/* The settings of its environment as "key=value", each to be freed with stoa_free; returns how
 * many. */
int cli_agent_settings(const cli_agent *agent, char **sets, int most);

/* What is told and what is said of it, two lines a remark. */
void cli_agent_words(const stoa_agent_remark *remarks, int count, stoa_buffer *out);
/* How much of it was right, where anything was told: a line; an object. */
void cli_agent_print_said(const stoa_agent_said *said);
json_t *cli_agent_said_json(const stoa_agent_said *said);

/* Waits for something to read on stdin; STOA_ERR_INTERRUPTED when a signal asks to stop. */
stoa_status cli_await_input(stoa_error *err);

#endif /* STOA_CLI_PLAY_H */
