/* cli/play_agent.c - a trained agent acts in `stoa play`. */
#include <string.h>
#include <time.h>

#include "cli/play.h"

static stoa_status choose(cli_chooser *self, const stoa_env *env, const stoa_env_buffers *seen,
                          void *const *actions, bool *quit, stoa_error *err) {
    static const struct timespec moment = {.tv_nsec = 80000000};
    cli_agent *a = (cli_agent *)(void *)self;
    (void)env, (void)quit;
    if (a->watched)
        nanosleep(&moment, NULL);
    if (stoa_stop_requested())
        return stoa_fail(err, STOA_ERR_INTERRUPTED, "stopped");
    return stoa_agent_pilot_choose(a->pilot, seen, actions, err);
}

stoa_status cli_agent_open(cli_agent *a, const char *run_dir, uint64_t seed, bool greedy,
                           stoa_error *err) {
    *a = (cli_agent){.base = {.choose = choose}};
    snprintf(a->base.help, sizeof a->base.help, "The agent of %.400s acts; Ctrl-C ends.", run_dir);
    STOA_TRY(stoa_agent_bundle_open(&a->bundle, run_dir, "best", err));
    stoa_status status = stoa_agent_pilot_new(&a->pilot, a->bundle, 1, seed, greedy, err);
    if (status != STOA_OK)
        cli_agent_close(a);
    return status;
}

void cli_agent_close(cli_agent *a) {
    stoa_agent_pilot_free(a->pilot);
    stoa_agent_bundle_close(a->bundle);
    a->pilot = NULL;
    a->bundle = NULL;
}

int cli_agent_settings(const cli_agent *a, char **sets, int most) {
    const char *line = stoa_agent_bundle_settings(a->bundle)->extra;
    int count = 0;
    for (const char *end; (end = strchr(line, '\n')); line = end + 1) {
        const char *colon = strstr(line, ": ");
        if (strncmp(line, "env.", 4) != 0 || !colon || colon > end || count == most)
            continue;
        stoa_buffer text = {0};
        stoa_buffer_printf(&text, "%.*s=%.*s", (int)(colon - line - 4), line + 4,
                           (int)(end - colon - 2), colon + 2);
        sets[count] = text.data ? stoa_strdup(text.data) : NULL;
        count += sets[count] != NULL;
        stoa_buffer_deinit(&text);
    }
    return count;
}
