/* cli/plot.c - `stoa plot`: a picture of what a trained agent has learned. */
#include "cli/cli.h"

typedef struct options {
    const char *kind, *run, *out;
    int64_t episodes, seed;
} options;

static const cli_option rows[] = {
    {"out", 'o', "FILE", "The SVG file to write (default RUN/KIND.svg)", CLI_TEXT,
     CLI_AT(options, out, const char *), 0, 0},
    {"episodes", 'n', "N", "Episodes to look at; the first one is drawn (default 20)", CLI_INT,
     CLI_AT(options, episodes, int64_t), 1, 100000},
    {"seed", 's', "N", "Same seed, same episodes (default 1000)", CLI_INT,
     CLI_AT(options, seed, int64_t), 0, (double)INT64_MAX},
    {0},
};

static const cli_parser parser = {
    .options = rows,
    .words = {CLI_AT(options, kind, const char *), CLI_AT(options, run, const char *)},
    .words_count = 2,
    .wanted = "which plot, of which run? stoa plot synthetic-returns runs/NAME-SEED",
    .arguments = "KIND RUN",
    .doc = "Draw what the agent of a run has learned, as an SVG file.\v"
           "synthetic-returns  an episode's synthetic returns over time, with the states that "
           "matter marked; and how well they tell those states from all others",
};

int verb_plot(int argc, char **argv) {
    options o = {.episodes = 20, .seed = 1000};
    stoa_buffer words = {0};
    stoa_error err = {0};
    cli_parse(&parser, argc, argv, &o);
    if (!o.run) {
        stoa_fail(&err, STOA_ERR_USAGE, "of which run? stoa plot %s runs/NAME-SEED", o.kind);
        return cli_fail(&err);
    }
    stoa_plot_options plot = {o.run, o.out, o.episodes, (uint64_t)o.seed};
    stoa_status status = stoa_plot_draw(o.kind, &plot, &words, &err);
    if (status == STOA_OK)
        fwrite(words.data, 1, words.len, stdout);
    stoa_buffer_deinit(&words);
    return status == STOA_OK ? EXIT_OK : cli_fail(&err);
}
