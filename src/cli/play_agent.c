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

/* ---- what it says ---------------------------------------------------------------------------- */

void cli_agent_words(const stoa_agent_remark *remarks, int count, stoa_buffer *out) {
    for (int i = 0; i < count; i++) {
        const stoa_agent_remark *r = &remarks[i];
        char name[STOA_ENV_NAME + 32];
        snprintf(name, sizeof name, r->parts > 1 ? "%s %lld" : "%s", r->space->name,
                 (long long)r->part + 1);
        stoa_buffer_printf(out, "%s told: ", name);
        stoa_agent_remark_print(r, r->told, out);
        stoa_buffer_printf(out, "\n%*s said: ", (int)strlen(name), "");
        if (r->learned)
            stoa_agent_remark_print(r, r->said, out);
        stoa_buffer_printf(out, " (%s)\n",
                           !r->learned ? "not learned"
                           : r->right  ? "right"
                                       : "wrong");
    }
}

static const char *const kinds[] = {"things", "choices"};

void cli_agent_print_said(const stoa_agent_said *said) {
    const char *before = "said right: ";
    for (int k = 0; k < 2; k++)
        if (said->told[k] > 0) {
            printf("%s%lld of %lld told of %s", before, (long long)said->right[k],
                   (long long)said->told[k], kinds[k]);
            before = ", ";
        }
    if (said->told[0] + said->told[1] > 0)
        printf("\n");
}

json_t *cli_agent_said_json(const stoa_agent_said *said) {
    json_t *out = json_object();
    for (int k = 0; k < 2; k++)
        json_object_set_new(out, kinds[k],
                            json_pack("{s:I, s:I}", "told", (json_int_t)said->told[k], "right",
                                      (json_int_t)said->right[k]));
    return out;
}
