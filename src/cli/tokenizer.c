/* cli/tokenizer.c - `stoa tokenizer`: train, encode, decode. */
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

enum { MOST_FILES = 256 };
typedef struct options {
    const char *action, *files[MOST_FILES], *out, *tokenizer;
    int file_count;
    int64_t vocab;
    int pieces;
    bool json;
} options;

static const char *const pieces[STOA_PIECES_COUNT] = {"gpt2", "llama3", "qwen"};

static const cli_option rows[] = {
    {"vocab", 'v', "N", "train: tokens wanted (default 4096)", CLI_INT,
     CLI_AT(options, vocab, int64_t), 257, STOA_TOKENIZER_VOCAB_MAX},
    {"pieces", 'p', "KIND", "train: how text is cut: gpt2 (default), llama3, qwen", CLI_OWN, 0, 0,
     0},
    {"out", 'o', "FILE", "train: tokenizer.json to write; encode: .tok file to write", CLI_TEXT,
     CLI_AT(options, out, const char *), 0, 0},
    {"tokenizer", 't', "FILE", "encode, decode: tokenizer.json (default tokenizer.json)", CLI_TEXT,
     CLI_AT(options, tokenizer, const char *), 0, 0},
    {"json", 'j', NULL, "Print as JSON", CLI_FLAG, CLI_AT(options, json, bool), 0, 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state) {
    options *o = state->input;
    if (key == ARGP_KEY_ARG) {
        cli_add(o->files, &o->file_count, MOST_FILES, "files", arg, state);
        return 0;
    }
    if (key != 'p')
        return ARGP_ERR_UNKNOWN;
    for (int i = 0; i < STOA_PIECES_COUNT; i++)
        if (strcmp(arg, pieces[i]) == 0) {
            o->pieces = i;
            return 0;
        }
    argp_error(state, "--pieces is gpt2, llama3 or qwen, not '%s'", arg);
    return 0;
}

static const cli_parser parser = {
    .options = rows,
    .words = {CLI_AT(options, action, const char *)},
    .words_count = 1,
    .wanted = "say train, encode or decode",
    .own = parse,
    .arguments = "train TEXT...\nencode TEXT\ndecode [IDS...]",
    .doc = "Byte-pair tokenizers in the Hugging Face tokenizer.json format.\v"
           "train   learns one from text files and writes it to --out (default tokenizer.json)\n"
           "encode  turns a text file (or stdin) into ids on stdout, or into --out FILE.tok\n"
           "decode  turns ids, as arguments or from stdin, into text",
};

typedef struct bar {
    stoa_progress progress;
    char stage[32];
    bool begun;
} bar;

static bool on_progress(void *user, const char *stage, uint64_t done, uint64_t total) {
    bar *b = user;
    if (!b->begun || strcmp(stage, b->stage) != 0) {
        if (b->begun)
            stoa_progress_end(&b->progress);
        snprintf(b->stage, sizeof b->stage, "%s", stage);
        const char *unit = strcmp(stage, "merging") == 0 ? "tokens" : "bytes";
        stoa_progress_begin(&b->progress, stderr, b->stage, unit, (double)total);
        b->begun = true;
    }
    stoa_progress_update(&b->progress, (double)done, "%s", "");
    return stoa_stop_requested() == 0;
}

static stoa_status train(const options *o, stoa_error *err) {
    if (o->file_count == 0)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "which text? stoa tokenizer train book.txt --vocab 4096");
    bar b = {.begun = false};
    stoa_tokenizer_training training = {
        .paths = o->files,
        .path_count = (size_t)o->file_count,
        .vocab = o->vocab,
        .pieces = (stoa_pieces)o->pieces,
        .progress = on_progress,
        .user = &b,
    };
    const char *out = o->out ? o->out : "tokenizer.json";
    stoa_tokenizer *t;
    double start = stoa_clock();
    stoa_status status = stoa_tokenizer_train(&t, &training, err);
    if (b.begun)
        stoa_progress_end(&b.progress);
    STOA_TRY(status);
    status = stoa_tokenizer_save(t, out, err);
    char time[32];
    if (status == STOA_OK && o->json)
        cli_print_json(json_pack("{s:s, s:i, s:f}", "path", out, "vocab",
                                 (int)stoa_tokenizer_vocab(t), "seconds", stoa_clock() - start));
    else if (status == STOA_OK)
        printf("%s: %d tokens, learned in %s\n\nNext:\n"
               "  stoa train --set data.text=%s --set data.tokenizer=%s --set model.tied=true\n",
               out, (int)stoa_tokenizer_vocab(t),
               stoa_human_time(stoa_clock() - start, time, sizeof time), o->files[0], out);
    stoa_tokenizer_free(t);
    return status;
}

static stoa_status read_input(const options *o, stoa_buffer *text, stoa_error *err) {
    if (o->file_count > 0 && strcmp(o->files[0], "-") != 0) {
        char *data;
        size_t size;
        STOA_TRY(stoa_file_read(o->files[0], (size_t)1 << 30, &data, &size, err));
        stoa_buffer_append(text, data, size);
        stoa_free(data);
    } else {
        char chunk[65536];
        size_t n;
        while ((n = fread(chunk, 1, sizeof chunk, stdin)) > 0)
            stoa_buffer_append(text, chunk, n);
    }
    return text->failed ? stoa_fail(err, STOA_ERR_MEMORY, "out of memory for the text") : STOA_OK;
}

static stoa_status encode_to_file(const options *o, const stoa_tokenizer *t, stoa_error *err) {
    bar b = {.begun = false};
    stoa_token_encoding how = {
        .paths = o->files,
        .path_count = (size_t)o->file_count,
        .end_of_text = stoa_tokenizer_end_of_text(t),
        .flags = STOA_ENCODE_NO_SPECIAL,
        .progress = on_progress,
        .user = &b,
    };
    uint64_t written;
    stoa_status status = stoa_token_file_encode(t, &how, o->out, &written, err);
    if (b.begun)
        stoa_progress_end(&b.progress);
    if (status == STOA_OK)
        printf("%s: %llu tokens\n", o->out, (unsigned long long)written);
    return status;
}

static stoa_status encode(const options *o, const stoa_tokenizer *t, stoa_error *err) {
    if (o->out && o->file_count > 0)
        return encode_to_file(o, t, err);
    stoa_buffer text = {0};
    stoa_ids ids = {0};
    stoa_status status = read_input(o, &text, err);
    if (status == STOA_OK)
        status = stoa_tokenizer_encode(t, (stoa_view){text.data, text.len}, 0, &ids, err);
    if (status == STOA_OK && o->json) {
        json_t *list = json_array();
        for (size_t i = 0; i < ids.len; i++)
            json_array_append_new(list, json_integer(ids.data[i]));
        cli_print_json(json_pack("{s:o}", "ids", list));
    } else if (status == STOA_OK) {
        for (size_t i = 0; i < ids.len; i++)
            printf("%s%d", i ? " " : "", (int)ids.data[i]);
        printf("\n");
    }
    stoa_ids_deinit(&ids);
    stoa_buffer_deinit(&text);
    return status;
}

/* Ids from the arguments, or words of stdin. */
static stoa_status read_ids(const options *o, stoa_ids *ids, stoa_error *err) {
    char word[64];
    for (size_t i = 0;; i++) {
        const char *text = word;
        if (o->file_count > 0) {
            if (i == (size_t)o->file_count)
                return STOA_OK;
            text = o->files[i];
        } else if (scanf("%63s", word) != 1) {
            return STOA_OK;
        }
        int64_t id;
        if (!stoa_parse_int(stoa_view_of(text), &id) || id < 0 || id > INT32_MAX)
            return stoa_fail(err, STOA_ERR_USAGE, "'%s' is not a token id", text);
        stoa_ids_push(ids, (int32_t)id);
    }
}

static stoa_status decode(const options *o, const stoa_tokenizer *t, stoa_error *err) {
    stoa_ids ids = {0};
    stoa_buffer text = {0};
    stoa_status status = read_ids(o, &ids, err);
    if (status == STOA_OK)
        status = stoa_tokenizer_decode(t, ids.data, ids.len, 0, &text, err);
    if (status == STOA_OK)
        fwrite(text.len ? text.data : "", 1, text.len, stdout);
    if (status == STOA_OK && isatty(STDOUT_FILENO))
        printf("\n");
    stoa_ids_deinit(&ids);
    stoa_buffer_deinit(&text);
    return status;
}

static const struct {
    const char *name;
    stoa_status (*run)(const options *o, const stoa_tokenizer *t, stoa_error *err);
} actions[] = {{"encode", encode}, {"decode", decode}};

int verb_tokenizer(int argc, char **argv) {
    options o = {.vocab = 4096, .tokenizer = "tokenizer.json"};
    stoa_error err = {0};
    cli_parse(&parser, argc, argv, &o);
    if (strcmp(o.action, "train") == 0)
        return train(&o, &err) == STOA_OK ? EXIT_OK : cli_fail(&err);
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(o.action, actions[i].name) != 0)
            continue;
        stoa_tokenizer *t = NULL;
        stoa_status status =
            stoa_file_exists(o.tokenizer)
                ? stoa_tokenizer_load(&t, o.tokenizer, &err)
                : stoa_fail(&err, STOA_ERR_USAGE,
                            "%s: there is no such tokenizer. --tokenizer FILE names another, "
                            "`stoa tokenizer train TEXT` makes one",
                            o.tokenizer);
        if (status == STOA_OK) {
            status = actions[i].run(&o, t, &err);
            stoa_tokenizer_free(t);
        }
        return status == STOA_OK ? EXIT_OK : cli_fail(&err);
    }
    stoa_fail(&err, STOA_ERR_USAGE, "tokenizer: '%s' is not train, encode or decode", o.action);
    return cli_fail(&err);
}
