/* cli/main.c - the program: finds the verb and runs it. */
#include <signal.h>
#include <string.h>

#include "cli/cli.h"

const verb verbs[] = {
    {"train", "[SETTINGS.yaml]", "train a language model", verb_train},
    {"sample", "RUN [PROMPT]", "continue a text with a trained model", verb_sample},
    {"plan", "[SETTINGS.yaml]", "price a run before it runs: FLOPs, memory, speed", verb_plan},
    {"study", "run NAME", "reproduce a published result and report it", verb_study},
    {"plot", "KIND RUN", "draw what a trained agent has learned", verb_plot},
    {"play", "ENVIRONMENT", "act in an environment yourself", verb_play},
    {"env", "bench|check", "measure an environment, try whether it keeps its laws", verb_env},
    {"data", "sequences|classes|...", "look at and measure the data of in-context learning",
     verb_data},
    {"tokenizer", "train|encode|decode", "train and use byte-pair tokenizers", verb_tokenizer},
    {"list", "[WHAT]", "what there is: studies, environments, settings, operations", verb_list},
    {"bench", "", "measure this machine on training and sampling", verb_bench},
    {"doctor", "", "what the machine has, what is built in, what to install", verb_doctor},
    {NULL, NULL, NULL, NULL},
};

static void help(FILE *out) {
    fprintf(out, "Stoa, a school for agents that use language.\n\n"
                 "Usage: stoa VERB [OPTION...]\n\n");
    for (const verb *v = verbs; v->name; v++)
        fprintf(out, "  %-10s %-20s %s\n", v->name, v->arguments, v->summary);
    fprintf(out,
            "\nStart here:\n"
            "  stoa doctor                                       is everything here?\n"
            "  stoa study run mixture-of-depths --scale smoke    a published result, in small\n"
            "  stoa plan && stoa train && stoa sample runs/lm-1  a model of your own\n\n"
            "`stoa VERB --help` teaches a verb. Results go to stdout (--json for machines),\n"
            "progress and messages to stderr.\n\n"
            "Exit codes: 0 success, 1 failure, 2 usage, 3 a claim not met, 4 bad input file,\n"
            "5 not built in or not installed, 130/143 stopped by a signal after saving.\n");
}

int main(int argc, char **argv) {
    static char name[64]; /* argp keeps a pointer to argv[0] */
    argp_err_exit_status = EXIT_USAGE;
    stoa_log_set(stoa_log_stderr, NULL, STOA_LOG_INFO);
    stoa_flush_denormals();
    stoa_signals_install();
    if (argc > 2 && strcmp(argv[1], "help") == 0) { /* stoa help VERB */
        static char option[] = "--help";
        argv[1] = argv[2];
        argv[2] = option;
        argc = 3;
    }
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        help(argc < 2 ? stderr : stdout);
        return argc < 2 ? EXIT_USAGE : EXIT_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("stoa %s\n", stoa_version());
        return EXIT_OK;
    }
    const char *names[32];
    size_t count = 0;
    for (const verb *v = verbs; v->name; v++) {
        names[count++] = v->name;
        if (strcmp(argv[1], v->name) != 0)
            continue;
        snprintf(name, sizeof name, "stoa %s", v->name);
        argv[1] = name;
        return v->run(argc - 1, argv + 1);
    }
    const char *near = stoa_nearest(argv[1], names, count);
    fprintf(stderr, "stoa: there is no verb '%s'", argv[1]);
    if (near)
        fprintf(stderr, "; did you mean '%s'?", near);
    fprintf(stderr, "\nTry `stoa --help`.\n");
    return EXIT_USAGE;
}
