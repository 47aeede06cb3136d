/* cli/common.c - errors, settings and tables on the command line. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

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

stoa_status cli_settings_load(const cli_settings *s, stoa_lm_settings *out, stoa_error *err) {
    stoa_settings_table table = stoa_lm_settings_table();
    STOA_TRY(stoa_lm_settings_init(out, err));
    if (s->path)
        STOA_TRY(stoa_settings_load(table, out, s->path, NULL, err));
    for (int i = 0; i < s->count; i++)
        STOA_TRY(stoa_settings_set(table, out, s->sets[i], NULL, err));
    return stoa_lm_settings_check(out, err);
}
