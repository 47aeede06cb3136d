/* train/lm_bundle.c - tokenizers and texts by name, and trained runs opened for use. */
#include <string.h>

#include "train/lm_trainer.h"

stoa_status stoa_lm_open_tokenizer(const char *name, stoa_tokenizer **out, stoa_error *err) {
    if (strcmp(name, "bytes") != 0 && !stoa_file_exists(name))
        return stoa_fail(err, STOA_ERR_USAGE,
                         "data.tokenizer: %s does not exist; learn it with: stoa tokenizer train "
                         "TEXT --out %s",
                         name, name);
    if (strcmp(name, "bytes") != 0)
        return stoa_tokenizer_load(out, name, err);
    *out = stoa_tokenizer_new_bytes();
    return *out ? STOA_OK : stoa_fail(err, STOA_ERR_MEMORY, "out of memory for the tokenizer");
}

stoa_status stoa_lm_prepare_text(const stoa_tokenizer *t, const char *text, char *path, size_t n,
                                 stoa_error *err) {
    if (!stoa_token_file_detect(text))
        return stoa_text_prepare(t, text, NULL, path, n, NULL, NULL, err);
    if ((size_t)snprintf(path, n, "%s", text) >= n)
        return stoa_fail(err, STOA_ERR_USAGE, "%s: path too long", text);
    return STOA_OK;
}

void stoa_lm_bundle_close(stoa_lm_bundle *b) {
    stoa_lm_free(b->lm);
    stoa_tokenizer_free(b->tokenizer);
    b->lm = NULL;
    b->tokenizer = NULL;
}

static stoa_status open_parts(stoa_lm_bundle *b, const char *run_dir, const char *which,
                              stoa_error *err) {
    char path[4096];
    stoa_settings_table table = stoa_lm_settings_table();
    STOA_TRY(stoa_lm_settings_init(&b->settings, err));
    if (!stoa_path_join(path, sizeof path, run_dir, "settings.yaml"))
        return stoa_fail(err, STOA_ERR_USAGE, "%s: path too long", run_dir);
    if (!stoa_file_exists(path))
        return stoa_fail(err, STOA_ERR_USAGE,
                         "%s has no settings.yaml: it is not a run. Runs are made by `stoa train` "
                         "and lie in runs/",
                         run_dir);
    STOA_TRY(stoa_settings_load(table, &b->settings, path, NULL, err));
    STOA_TRY(stoa_lm_settings_check(&b->settings, err));
    const char *tokenizer = b->settings.tokenizer;
    if (strcmp(tokenizer, "bytes") != 0) { /* the run keeps its own copy */
        stoa_path_join(path, sizeof path, run_dir, "tokenizer.json");
        tokenizer = path;
    }
    STOA_TRY(stoa_lm_open_tokenizer(tokenizer, &b->tokenizer, err));
    b->settings.model.vocab = stoa_tokenizer_vocab(b->tokenizer);
    STOA_TRY(stoa_lm_new(&b->lm, &b->settings.model, 0, false, false, err));
    stoa_path_join(path, sizeof path, run_dir, "checkpoints");
    stoa_checkpoint_info info;
    char best[4160];
    snprintf(best, sizeof best, "%s/best", path);
    if (strcmp(which, "best") == 0 && !stoa_file_exists(best))
        which = "latest";
    STOA_TRY(stoa_checkpoint_load(path, which, b->lm->params, NULL, &info, err));
    b->step = info.step;
    return STOA_OK;
}

stoa_status stoa_lm_bundle_open(stoa_lm_bundle *b, const char *run_dir, const char *which,
                                stoa_error *err) {
    *b = (stoa_lm_bundle){0};
    stoa_status status = open_parts(b, run_dir, which, err);
    if (status != STOA_OK)
        stoa_lm_bundle_close(b);
    return status;
}
