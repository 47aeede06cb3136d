/* cli/study.c - `stoa study`: run published results and report them. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

enum { MOST = 64 };
typedef struct options {
    const char *action, *name;
    stoa_study_options study;
    int64_t threads, jobs, seeds[MOST];
    const char *arms[MOST], *sets[CLI_SETS];
    bool json;
} options;

static const cli_option rows[] = {
    {"scale", 's', "SCALE",
     "smoke (about a minute, the default), demo (minutes), cpu (over an hour), gpu", CLI_OWN, 0, 0,
     0},
    {"data", 'd', "FILE", "Text to learn from; default: text from a Debian package", CLI_TEXT,
     CLI_AT(options, study.data, const char *), 0, 0},
    {"valid", 'v', "FILE", "Text that sizes are chosen by; default: part of the end of --data",
     CLI_TEXT, CLI_AT(options, study.valid, const char *), 0, 0},
    {"test", 't', "FILE", "Text that claims are judged on; default: another part of that end",
     CLI_TEXT, CLI_AT(options, study.test, const char *), 0, 0},
    {"out", 'o', "DIR", "Folder of runs and report (default runs/NAME-SCALE)", CLI_TEXT,
     CLI_AT(options, study.out, const char *), 0, 0},
    {"threads", 'T', "N", "CPU threads of all runs together (default: all)", CLI_INT,
     CLI_AT(options, threads, int64_t), 0, 1024},
    {"jobs", 'J', "N", "Runs side by side, which share the threads (default: the scale's)", CLI_INT,
     CLI_AT(options, jobs, int64_t), 1, 256},
    {"seed", 'S', "N", "Use these seeds; may be repeated", CLI_OWN, 0, 0, 0},
    {"arm", 'a', "NAME", "Only these arms; may be repeated", CLI_OWN, 0, 0, 0},
    {"set", 'x', "KEY=VALUE", "Change a setting of the study; may be repeated", CLI_OWN, 0, 0, 0},
    {"fresh", 'f', NULL, "Compute finished runs again", CLI_FLAG,
     CLI_AT(options, study.fresh, bool), 0, 0},
    {"json", 'j', NULL, "Print as JSON (run: the result.json)", CLI_FLAG,
     CLI_AT(options, json, bool), 0, 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state) {
    options *o = state->input;
    stoa_study_options *s = &o->study;
    stoa_error err = {0};
    switch (key) {
    case 's':
        if (stoa_scale_parse(arg, &s->scale, &err) != STOA_OK)
            argp_error(state, "%s", err.message);
        return 0;
    case 'S':
        if (s->seeds_count == MOST)
            argp_error(state, "at most %d seeds", MOST);
        o->seeds[s->seeds_count++] = cli_int(arg, "seed", 0, 1000000000, state);
        return 0;
    case 'a':
        cli_add(o->arms, &s->arms_count, MOST, "arms", arg, state);
        return 0;
    case 'x':
        cli_add(o->sets, &s->set_count, CLI_SETS, "--set options", arg, state);
        return 0;
    case ARGP_KEY_END:
        if (!o->action || (strcmp(o->action, "list") != 0 && !o->name))
            argp_error(state, "say `run NAME`, `show NAME` or `list`");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const cli_parser parser = {
    .options = rows,
    .words = {CLI_AT(options, action, const char *), CLI_AT(options, name, const char *)},
    .words_count = 2,
    .own = parse,
    .arguments = "run NAME\nshow NAME\nlist",
    .doc = "Reproduce a published result: run its arms, baselines and ablations, judge its claims, "
           "write a report.\v"
           "run   trains what is not finished yet (Ctrl-C loses nothing) and writes "
           "report.html and result.json\n"
           "show  the study's claims, thresholds and arms, before anything runs\n"
           "Exit code 3 means that a claim failed.",
};

static int list(bool json) {
    json_t *all = json_array();
    for (int i = 0; i < stoa_study_count(); i++) {
        const stoa_study *s = stoa_study_at(i);
        json_array_append_new(all, json_pack("{s:s, s:s}", "name", s->name, "title", s->title));
        if (!json)
            printf("%-20s %s\n", s->name, s->title);
    }
    if (json)
        cli_print_json(all);
    else
        json_decref(all);
    return EXIT_OK;
}

static void show_json(const stoa_study *s) {
    json_t *claims = json_array(), *arms = json_array();
    char threshold[128];
    for (int i = 0; i < s->claims_count; i++) {
        const stoa_claim *c = &s->claims[i];
        stoa_claim_threshold(c, threshold, sizeof threshold);
        json_array_append_new(claims,
                              json_pack("{s:s, s:s, s:s, s:s}", "id", c->id, "text", c->text,
                                        "threshold", threshold, "paper", c->paper ? c->paper : ""));
    }
    for (int i = 0; s->arms && s->arms[i]; i++)
        json_array_append_new(arms, json_string(s->arms[i]));
    cli_print_json(json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "name", s->name, "title", s->title,
                             "paper", s->paper, "description", s->description, "claims", claims,
                             "arms", arms));
}

static void show_text(const stoa_study *s) {
    printf("%s\n%s\n\n", s->title, s->paper);
    cli_wrap(stdout, 0, CLI_WIDTH, s->description);
    printf("\nClaims, with the thresholds that were written before any run:\n");
    for (int i = 0; i < s->claims_count; i++) {
        char threshold[128];
        stoa_buffer text = {0};
        const stoa_claim *c = &s->claims[i];
        stoa_buffer_printf(&text, "%s: %s (paper: %s)", c->text,
                           stoa_claim_threshold(c, threshold, sizeof threshold), c->paper);
        printf("  %-4s ", c->id);
        cli_wrap(stdout, 7, CLI_WIDTH, text.data ? text.data : c->text);
        stoa_buffer_deinit(&text);
    }
    stoa_buffer arms = {0};
    for (int i = 0; s->arms && s->arms[i]; i++)
        stoa_buffer_printf(&arms, "%s%s", i > 0 ? " " : "", s->arms[i]);
    printf("\nArms:\n  ");
    cli_wrap(stdout, 2, CLI_WIDTH, arms.data ? arms.data : "");
    stoa_buffer_deinit(&arms);
    printf("\nNext:\n  stoa study run %s --scale smoke\n", s->name);
}

static stoa_status print_result_json(const char *folder, stoa_error *err) {
    char path[4096], *text;
    size_t size;
    stoa_path_join(path, sizeof path, folder, "result.json");
    STOA_TRY(stoa_file_read(path, (size_t)256 << 20, &text, &size, err));
    fwrite(text, 1, size, stdout);
    stoa_free(text);
    return STOA_OK;
}

static int run(options *o, const stoa_study *study, stoa_error *err) {
    char folder[4096], path[8192], real[4096];
    stoa_tally tally = {0};
    if (!o->study.out) {
        snprintf(folder, sizeof folder, "runs/%s-%s", study->name, stoa_scale_name(o->study.scale));
        o->study.out = folder;
    }
    o->study.threads = (int)o->threads;
    o->study.jobs = (int)o->jobs;
    o->study.seeds = o->seeds;
    o->study.arms = o->arms;
    o->study.set = o->sets;
    o->study.progress = isatty(STDERR_FILENO) ? stderr : NULL;
    o->study.end_child = _exit;
    stoa_status status = stoa_study_check(study, &o->study, err);
    if (status == STOA_OK)
        status = study->run(&o->study, &tally, err);
    if (status != STOA_OK) {
        int code = cli_fail(err);
        if (status == STOA_ERR_INTERRUPTED)
            fprintf(stderr,
                    "Runs are kept in %s, unfinished ones as well; the same command goes on from "
                    "there.\n",
                    o->study.out);
        return code;
    }
    if (o->json && print_result_json(o->study.out, err) != STOA_OK)
        return cli_fail(err);
    if (!o->json) {
        snprintf(path, sizeof path, "%s/report.html", o->study.out);
        const char *shown = realpath(path, real) ? real : path;
        printf("claims: %d held, %d failed, %d undecided\n", tally.held, tally.failed,
               tally.undecided);
        printf("Open the report in a browser: file://%s\n", shown);
    }
    return tally.failed > 0 ? EXIT_CLAIM : EXIT_OK;
}

int verb_study(int argc, char **argv) {
    options o = {0};
    stoa_error err = {0};
    cli_parse(&parser, argc, argv, &o);
    if (strcmp(o.action, "list") == 0)
        return list(o.json);
    const stoa_study *study = stoa_study_find(o.name, &err);
    if (!study)
        return cli_fail(&err);
    if (strcmp(o.action, "show") == 0) {
        (o.json ? show_json : show_text)(study);
        return EXIT_OK;
    }
    if (strcmp(o.action, "run") == 0)
        return run(&o, study, &err);
    stoa_fail(&err, STOA_ERR_USAGE, "study: '%s' is not run, show or list", o.action);
    return cli_fail(&err);
}
