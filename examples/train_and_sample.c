/*
 * train_and_sample.c - the library in one page: a tiny model learns a text and continues it.
 *
 *   cc -std=c11 train_and_sample.c $(pkg-config --cflags --libs stoa) -o train_and_sample
 */
#include <stdio.h>
#include <string.h>

#include <stoa/stoa.h>

/* What it learns; nursery rhymes would do as well. */
static const char verse[] = "one two three four five, once I caught a fish alive. "
                            "six seven eight nine ten, then I let it go again. ";

/* Settings are a struct; the same keys as in a YAML file fill it. */
static stoa_status choose(stoa_lm_settings *s, const char *text, stoa_error *err) {
    static const char *const lines[] = {
        "model.layers=2",     "model.width=64",        "model.heads=4",   "model.context=64",
        "train.steps=150",    "train.batch=4",         "train.rate=3e-3", "train.warmup=20",
        "train.eval_every=0", "train.eval_tokens=512", "threads=2",
    };
    STOA_TRY(stoa_lm_settings_init(s, err));
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        STOA_TRY(stoa_settings_set(stoa_lm_settings_table(), s, lines[i], NULL, err));
    snprintf(s->text, sizeof s->text, "%s", text);
    return stoa_lm_settings_check(s, err);
}

static stoa_status learn(stoa_lm_trainer *trainer, stoa_error *err) {
    while (trainer->step < trainer->plan.steps) {
        stoa_lm_step step;
        STOA_TRY(stoa_lm_trainer_step(trainer, &step, err));
        if (trainer->step % 50 == 0)
            printf("step %lld: loss %.3f\n", (long long)trainer->step, step.loss);
    }
    return STOA_OK;
}

/* Called for each new token; ids of the byte tokenizer are bytes. */
static bool print_byte(void *user, int64_t sequence, int32_t id) {
    (void)user;
    (void)sequence;
    putchar(id);
    return true;
}

static stoa_status continue_text(const stoa_lm_trainer *trainer, const char *prompt,
                                 stoa_error *err) {
    stoa_ids ids = {0};
    stoa_view text = stoa_view_of(prompt);
    stoa_generate_result result;
    stoa_generate_options options = {
        .batch = 1,
        .tokens = 80,
        .sampler = {.temperature = 0, .top_p = 1},
        .seed = 1,
        .end_of_text = -1,
        .token = print_byte,
    };
    stoa_ctx *ctx = stoa_ctx_new(stoa_backend_cpu(), trainer->pool, 0);
    stoa_status status = ctx ? stoa_tokenizer_encode(trainer->tokenizer, text, 0, &ids, err)
                             : stoa_fail(err, STOA_ERR_MEMORY, "out of memory");
    if (status == STOA_OK) {
        printf("%s", prompt);
        status =
            stoa_generate(ctx, trainer->lm, ids.data, (int64_t)ids.len, &options, &result, err);
        printf("\n");
    }
    stoa_ids_deinit(&ids);
    stoa_ctx_free(ctx);
    return status;
}

static stoa_status run(const char *path, stoa_error *err) {
    stoa_buffer text = {0};
    for (int i = 0; i < 60; i++)
        stoa_buffer_append(&text, verse, strlen(verse));
    stoa_status status = text.failed ? stoa_fail(err, STOA_ERR_MEMORY, "out of memory")
                                     : stoa_file_write(path, text.data, text.len, err);
    stoa_buffer_deinit(&text);
    STOA_TRY(status);

    stoa_lm_settings settings;
    stoa_lm_trainer *trainer;
    STOA_TRY(choose(&settings, path, err));
    STOA_TRY(stoa_lm_trainer_new(&trainer, &settings, err));
    status = learn(trainer, err);
    if (status == STOA_OK)
        status = continue_text(trainer, "one two ", err);
    stoa_lm_trainer_free(trainer);
    return status;
}

int main(int argc, char **argv) {
    stoa_error err = {0};
    if (run(argc > 1 ? argv[1] : "verse.txt", &err) == STOA_OK)
        return 0;
    fprintf(stderr, "train_and_sample: %s\n", err.message);
    return 1;
}
