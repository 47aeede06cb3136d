/* cli/train.h - `stoa train`: what is common to its kinds of runs. */
#ifndef STOA_CLI_TRAIN_H
#define STOA_CLI_TRAIN_H

#include "cli/cli.h"

/* The command line. */
typedef struct cli_train {
    cli_settings settings;
    bool resume, fresh, json, quiet;
    char from_run[4096]; /* settings.yaml of the run's folder, when one was given */
} cli_train;

typedef struct cli_train_kind cli_train_kind;

/* The settings of one run, of its kind. */
typedef struct cli_run {
    const cli_train_kind *kind;
    stoa_lm_settings lm;
    stoa_agent_settings agent;
    stoa_agent_view view;
    stoa_icl_settings icl;
    /* the same whatever the kind */
    stoa_settings_table table;
    const void *target;
    const char *name, *out;
    int64_t seed;
} cli_run;

struct cli_train_kind {
    const char *const *free_keys; /* may change when a run is resumed; NULL-terminated */
    /* Defaults, then the file (nullable), then assignments; checked. Nothing to close on failure.
     */
    stoa_status (*open)(cli_run *r, const char *path, const char *const *sets, int count,
                        stoa_error *err);
    void (*close)(cli_run *r);
    /* The whole run in dir, with its results printed. */
    stoa_status (*train)(const cli_train *o, cli_run *r, const char *dir, stoa_error *err);
};

extern const cli_train_kind cli_train_lm, cli_train_agent, cli_train_icl;

/* Empties dir for --fresh. Called once the trainer stands: a mistake in the settings must not cost
 * the old run. */
stoa_status cli_train_clear(const cli_train *o, const char *dir, stoa_error *err);

#endif /* STOA_CLI_TRAIN_H */
