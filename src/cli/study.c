/* cli/study.c - `stoa study`: run published results and report them. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

enum { MOST = 64 };
typedef struct options {
    const char *action, *name;
    stoa_study_options study;
    int64_t seeds[MOST];
    const char *arms[MOST], *sets[CLI_SETS];
    bool json;
} options;

static const struct argp_option rows[] = {
    {"scale", 's', "SCALE", 0,
     "smoke (about a minute, the default), demo (minutes), cpu (over an hour), gpu", 0},
    {"data", 'd', "FILE", 0, "Text to learn from; default: text from a Debian package", 0},
    {"valid", 'v', "FILE", 0, "Text that sizes are chosen by; default: part of the end of --data",
     0},
    {"test", 't', "FILE", 0, "Text that claims are judged on; default: another part of that end",
     0},
    {"out", 'o', "DIR", 0, "Folder of runs and report (default runs/NAME-SCALE)", 0},
    {"threads", 'T', "N", 0, "CPU threads of all runs together (default: all)", 0},
    {"jobs", 'J', "N", 0, "Runs side by side, which share the threads (default: the scale's)", 0},
    {"seed", 'S', "N", 0, "Use these seeds; may be repeated", 0},
    {"arm", 'a', "NAME", 0, "Only these arms; may be repeated", 0},
    {"set", 'x', "KEY=VALUE", 0, "Change a setting of the study; may be repeated", 0},
    {"fresh", 'f', 0, 0, "Compute finished runs again", 0},
    {"json", 'j', 0, 0, "Print as JSON (run: the result.json)", 0},
    {0},
};

static error_t parse_option(int key, char *arg, options *o, struct argp_state *state) {
    stoa_error err = {0};
    switch (key) {
    case 's':
        if (stoa_scale_parse(arg, &o->study.scale, &err) != STOA_OK)
            argp_error(state, "%s", err.message);
        return 0;
    case 'd':
        o->study.data = arg;
        return 0;
    case 'v':
        o->study.valid = arg;
        return 0;
    case 't':
        o->study.test = arg;
        return 0;
    case 'J':
        o->study.jobs = (int)cli_int(arg, "--jobs", 1, 256, state);
        return 0;
    case 'o':
        o->study.out = arg;
        return 0;
    case 'T':
        o->study.threads = (int)cli_int(arg, "--threads", 0, 1024, state);
        return 0;
    case 'S':
        if (o->study.seeds_count == MOST)
            argp_error(state, "at most %d seeds", MOST);
        o->seeds[o->study.seeds_count++] = cli_int(arg, "--seed", 0, 1000000000, state);
        return 0;
    case 'a':
        if (o->study.arms_count == MOST)
            argp_error(state, "at most %d arms", MOST);
        o->arms[o->study.arms_count++] = arg;
        return 0;
    case 'x':
        if (o->study.set_count == CLI_SETS)
            argp_error(state, "at most %d --set options", CLI_SETS);
        o->sets[o->study.set_count++] = arg;
        return 0;
    case 'f':
        o->study.fresh = true;
        return 0;
    case 'j':
        o->json = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse(int key, char *arg, struct argp_state *state) {
    options *o = state->input;
    if (key == ARGP_KEY_END) {
        if (!o->action || (strcmp(o->action, "list") != 0 && !o->name))
            argp_error(state, "say `run NAME`, `show NAME` or `list`");
        return 0;
    }
    if (key != ARGP_KEY_ARG)
        return parse_option(key, arg, o, state);
    if (state->arg_num > 1)
        return ARGP_ERR_UNKNOWN;
    *(state->arg_num == 0 ? &o->action : &o->name) = arg;
    return 0;
}

static const struct argp parser = {
    .options = rows,
    .parser = parse,
    .args_doc = "run NAME\nshow NAME\nlist",
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
    printf("\nArms:");
    for (int i = 0; s->arms && s->arms[i]; i++)
        printf(" %s", s->arms[i]);
    printf("\n\nNext:\n  stoa study run %s --scale smoke\n", s->name);
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
    o->study.seeds = o->seeds;
    o->study.arms = o->arms;
    o->study.set = o->sets;
    o->study.progress = isatty(STDERR_FILENO) ? stderr : NULL;
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
