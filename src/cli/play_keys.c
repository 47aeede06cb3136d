/* cli/play_keys.c - actions from single keys of a terminal. */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/play.h"

/* Names of actions that have a key of their own; '\0': an arrow. */
static const struct {
    const char *name;
    char key;
    char arrow;
} natural[] = {
    {"left", 0, CLI_KEY_LEFT},  {"west", 0, CLI_KEY_LEFT}, {"right", 0, CLI_KEY_RIGHT},
    {"east", 0, CLI_KEY_RIGHT}, {"up", 0, CLI_KEY_UP},     {"north", 0, CLI_KEY_UP},
    {"forward", 0, CLI_KEY_UP}, {"down", 0, CLI_KEY_DOWN}, {"south", 0, CLI_KEY_DOWN},
    {"back", 0, CLI_KEY_DOWN},  {"stay", ' ', 0},          {"straight", ' ', 0},
    {"noop", ' ', 0},           {"no-op", ' ', 0},         {"nothing", ' ', 0},
    {"wait", ' ', 0},
};

static const char *const arrow_names[] = {"up", "down", "right", "left"};

bool cli_keys_can(const stoa_env_spec *spec) {
    const stoa_space *s = &spec->actions[0];
    return spec->action_count == 1 && s->kind == STOA_SPACE_CATEGORIES && stoa_space_numel(s) == 1;
}

/* The arrow or space bar that suits the name; appends what it is called. */
static void add_natural(cli_keys *k, const char *label, int action, stoa_buffer *help) {
    for (size_t i = 0; i < sizeof natural / sizeof *natural; i++) {
        if (strcmp(label, natural[i].name) != 0)
            continue;
        int *slot = natural[i].arrow ? &k->arrow[natural[i].arrow - CLI_KEY_UP]
                                     : &k->action[(unsigned char)natural[i].key];
        if (*slot >= 0)
            return;
        *slot = action;
        stoa_buffer_printf(help, "%s, ",
                           natural[i].arrow ? arrow_names[natural[i].arrow - CLI_KEY_UP] : "space");
    }
}

/* The first letter of the label that nothing else has. */
static void add_letter(cli_keys *k, const char *label, int action, stoa_buffer *help) {
    for (const char *c = label; *c; c++) {
        int letter = tolower((unsigned char)*c);
        if (letter >= CLI_KEYS || !isalpha(letter) || letter == 'q' || k->action[letter] >= 0)
            continue;
        k->action[letter] = action;
        stoa_buffer_printf(help, "%c", letter);
        return;
    }
}

void cli_keys_init(cli_keys *k, const stoa_env_spec *spec) {
    const stoa_space *s = &spec->actions[0];
    stoa_buffer help = {0};
    memset(k, 0, sizeof *k);
    memset(k->action, -1, sizeof k->action);
    memset(k->arrow, -1, sizeof k->arrow);
    for (int i = 0; i < s->categories; i++) {
        const char *label = s->labels ? s->labels[i] : "";
        stoa_buffer_printf(&help, "%s%s", i ? "   " : "", label);
        stoa_buffer_printf(&help, *label ? " (" : "%d", i);
        if (i < 10)
            k->action['0' + i] = i;
        add_natural(k, label, i, &help);
        add_letter(k, label, i, &help);
        stoa_buffer_printf(&help, "%s", *label ? ")" : "");
    }
    snprintf(k->base.help, sizeof k->base.help, "%s   quit (q)", help.data ? help.data : "");
    stoa_buffer_deinit(&help);
}

/* ---- reading keys ---------------------------------------------------------------------------- */

/* Takes the first n pending bytes away. */
static void take(cli_keys *k, size_t n) {
    memmove(k->pending, k->pending + n, k->len - n);
    k->len -= n;
}

/* The action of the first pending key, -1: it has none, -2: it asks to quit. */
static int next_action(cli_keys *k) {
    const unsigned char *p = k->pending;
    if (k->len >= 3 && p[0] == '\033' && (p[1] == '[' || p[1] == 'O')) {
        int arrow = p[2] - CLI_KEY_UP;
        take(k, 3);
        return arrow >= 0 && arrow < 4 ? k->arrow[arrow] : -1;
    }
    int key = p[0];
    take(k, 1);
    if (key == 'q' || key == 4) /* or the end of input: Ctrl-D */
        return -2;
    return key < CLI_KEYS ? k->action[isupper(key) ? tolower(key) : key] : -1;
}

static stoa_status choose(cli_chooser *self, const stoa_env *env, const stoa_env_buffers *seen,
                          void *const *actions, bool *quit, stoa_error *err) {
    cli_keys *k = (cli_keys *)self;
    (void)env;
    (void)seen;
    for (;;) {
        int action = k->len ? next_action(k) : -1;
        *quit = action == -2;
        if (action >= 0)
            *(int32_t *)actions[0] = action;
        if (action != -1)
            return STOA_OK;
        if (k->len)
            continue;
        STOA_TRY(cli_await_input(err));
        ssize_t got = read(STDIN_FILENO, k->pending, sizeof k->pending);
        if (got < 0 && errno != EINTR)
            return stoa_fail(err, STOA_ERR_IO, "the terminal: %s", strerror(errno));
        *quit = got == 0;
        if (*quit)
            return STOA_OK;
        k->len = got > 0 ? (size_t)got : 0;
    }
}

/* ---- the terminal ---------------------------------------------------------------------------- */

stoa_status cli_keys_open(cli_keys *k, stoa_error *err) {
    struct termios raw;
    if (tcgetattr(STDIN_FILENO, &k->before) != 0)
        return stoa_fail(err, STOA_ERR_IO, "the terminal: %s", strerror(errno));
    raw = k->before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    raw.c_cc[VQUIT] = raw.c_cc[VSUSP] = _POSIX_VDISABLE; /* they would leave it like this */
    if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) != 0)
        return stoa_fail(err, STOA_ERR_IO, "the terminal: %s", strerror(errno));
    k->base.choose = choose;
    printf("\033[?1049h\033[?25l"); /* the other screen, no cursor */
    fflush(stdout);
    return STOA_OK;
}

void cli_keys_close(cli_keys *k) {
    printf("\033[?25h\033[?1049l");
    fflush(stdout);
    tcsetattr(STDIN_FILENO, TCSANOW, &k->before);
}
