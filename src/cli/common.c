/* cli/common.c - errors, settings and numbers from the command line. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

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
