/*
 * stoa/text.h - text as numbers: tokenizers, token files, corpora and their batches.
 *
 * A tokenizer is a constant once made, and every function that takes a const one may be called from
 * many threads. Text need not be valid UTF-8: a byte that is not part of a well-formed character
 * counts as a character of its own, and byte-level tokenizers give it back unchanged.
 *
 * Files are hostile until proven otherwise: a malformed one gives STOA_ERR_FORMAT (or
 * STOA_ERR_UNSUPPORTED for a known part that is not implemented) with its path and the place in it.
 */
#ifndef STOA_TEXT_H
#define STOA_TEXT_H

#include "stoa/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Limits on tokenizer files; larger ones are refused. */
enum {
    STOA_TOKENIZER_VOCAB_MAX = 1 << 20,  /* ids are below this */
    STOA_TOKENIZER_MERGES_MAX = 1 << 20, /* merge rules */
    STOA_TOKENIZER_TOKEN_MAX = 1 << 12,  /* bytes of one added token */
};
#define STOA_TOKENIZER_FILE_MAX ((size_t)256 << 20)

/* Called now and then during long work: `done` of `total` units of `stage` ("reading", "merging",
 * "encoding") are finished. Return false to stop; the work then gives STOA_ERR_INTERRUPTED and
 * leaves no file behind. */
typedef bool (*stoa_text_progress)(void *user, const char *stage, uint64_t done, uint64_t total);

/* ---- token ids ------------------------------------------------------------------------------- */

/* A growing list of token ids. Zero-initialise; deinit frees. After a failed allocation `failed` is
 * set and further appends do nothing. */
typedef struct stoa_ids {
    int32_t *data;
    size_t len, cap;
    bool failed;
} stoa_ids;

STOA_API void stoa_ids_append(stoa_ids *ids, const int32_t *items, size_t n);
STOA_API void stoa_ids_push(stoa_ids *ids, int32_t id);
STOA_API void stoa_ids_deinit(stoa_ids *ids);

/* ---- tokenizers ------------------------------------------------------------------------------ */

typedef struct stoa_tokenizer stoa_tokenizer;

/* The identity: 256 tokens, token id = byte value, nothing special. NULL when out of memory. */
STOA_API stoa_tokenizer *stoa_tokenizer_new_bytes(void);

/* Reads a Hugging Face tokenizer.json; or, if path is a folder, its tokenizer.json or else its
 * vocab.json + merges.txt. Only BPE models are supported; an unknown normalizer, pre-tokenizer,
 * post-processor or decoder is refused by name. Truncation and padding settings are ignored:
 * encode never cuts. */
STOA_API stoa_status stoa_tokenizer_load(stoa_tokenizer **out, const char *path, stoa_error *err);
/* Same from memory; name stands for the path in messages. */
STOA_API stoa_status stoa_tokenizer_parse(stoa_tokenizer **out, const char *name, stoa_view json,
                                          stoa_error *err);
/* The older pair of files: byte-level BPE with GPT-2's pre-tokenizer. A token <|endoftext|> of the
 * vocabulary is special. */
STOA_API stoa_status stoa_tokenizer_load_pair(stoa_tokenizer **out, const char *vocab_path,
                                              const char *merges_path, stoa_error *err);
/* Writes a tokenizer.json that loads to an equal tokenizer, here and in the `tokenizers` library.
 */
STOA_API stoa_status stoa_tokenizer_save(const stoa_tokenizer *t, const char *path,
                                         stoa_error *err);
/* Appends what save would write. */
STOA_API stoa_status stoa_tokenizer_dump(const stoa_tokenizer *t, stoa_buffer *out,
                                         stoa_error *err);
STOA_API void stoa_tokenizer_free(stoa_tokenizer *t); /* NULL is fine */

/* One more than the largest id, added tokens included: the rows an embedding needs. */
STOA_API int32_t stoa_tokenizer_vocab(const stoa_tokenizer *t);
/* A token as it is written in the file ("Ġhello"); {NULL, 0} when there is no such id. The view
 * lives as long as the tokenizer. */
STOA_API stoa_view stoa_tokenizer_text(const stoa_tokenizer *t, int32_t id);
/* The id of a token written that way, or -1. */
STOA_API int32_t stoa_tokenizer_find(const stoa_tokenizer *t, stoa_view text);
STOA_API bool stoa_tokenizer_is_special(const stoa_tokenizer *t, int32_t id);
/* The id of the token that ends a document: <|endoftext|>, <|end_of_text|>, </s>, <eos>, ...;
 * -1 when there is none. */
STOA_API int32_t stoa_tokenizer_end_of_text(const stoa_tokenizer *t);
/* xxHash64 of what save would write: equal for equal tokenizers. */
STOA_API uint64_t stoa_tokenizer_hash(const stoa_tokenizer *t);

typedef enum stoa_encode_flags {
    STOA_ENCODE_SPECIALS = 1,   /* add what the post-processor adds (BOS, EOS) */
    STOA_ENCODE_NO_SPECIAL = 2, /* special tokens written out in the text are plain text */
    STOA_ENCODE_CONTINUE = 4,   /* text continues an earlier one: no dummy prefix at its start */
} stoa_encode_flags;

/* Appends the ids of text to ids. Time is O(n log n) in the text's length. On error ids may have
 * grown. Errors: out of memory, or a pattern of the tokenizer file exceeds its match limit. */
STOA_API stoa_status stoa_tokenizer_encode(const stoa_tokenizer *t, stoa_view text, unsigned flags,
                                           stoa_ids *ids, stoa_error *err);

typedef enum stoa_decode_flags {
    STOA_DECODE_SKIP_SPECIAL = 1, /* leave special tokens out */
    STOA_DECODE_LOSSY = 2,        /* invalid UTF-8 becomes U+FFFD; default: bytes as they are */
} stoa_decode_flags;

/* Appends the text of n ids to out. An id out of range is STOA_ERR_FORMAT; an id inside the
 * vocabulary's range that no token uses decodes to nothing. */
STOA_API stoa_status stoa_tokenizer_decode(const stoa_tokenizer *t, const int32_t *ids, size_t n,
                                           unsigned flags, stoa_buffer *out, stoa_error *err);

/* Decoding token by token, for text that appears while it is generated. Pieces are always valid
 * UTF-8: an incomplete character waits for its rest. Pieces joined equal the lossy decoding of all
 * ids, except that nothing is stripped from the end of the text and that a broken run of <0xHH>
 * tokens keeps its valid characters. */
typedef struct stoa_decoder stoa_decoder;
/* flags: STOA_DECODE_SKIP_SPECIAL or 0. The tokenizer is borrowed. NULL when out of memory. */
STOA_API stoa_decoder *stoa_decoder_new(const stoa_tokenizer *t, unsigned flags);
STOA_API void stoa_decoder_free(stoa_decoder *d);
/* Takes one id and appends the text that became certain, maybe none. */
STOA_API stoa_status stoa_decoder_push(stoa_decoder *d, int32_t id, stoa_buffer *out,
                                       stoa_error *err);
/* Ends the text: appends U+FFFD for a held incomplete character. The decoder may be used again. */
STOA_API stoa_status stoa_decoder_finish(stoa_decoder *d, stoa_buffer *out, stoa_error *err);

/* ---- training a tokenizer -------------------------------------------------------------------- */

/* How text is cut into pieces that merges never cross. All three are byte-level. */
typedef enum stoa_pieces {
    STOA_PIECES_GPT2,   /* words, numbers, punctuation; a space belongs to the next piece */
    STOA_PIECES_LLAMA3, /* numbers in groups of up to three digits */
    STOA_PIECES_QWEN,   /* every digit alone */
    STOA_PIECES_COUNT
} stoa_pieces;

typedef struct stoa_tokenizer_training {
    /* what to read: files (UTF-8 text) and texts in memory; either may be empty */
    const char *const *paths;
    size_t path_count;
    const stoa_view *texts;
    size_t text_count;

    int64_t vocab;       /* tokens wanted: 256 bytes + specials + merges; at least 256 + specials */
    int64_t least_count; /* pairs seen fewer times are not merged; 0 means 2 */
    int64_t token_bytes; /* longest token in bytes; 0: no limit */
    stoa_pieces pieces;
    const char *const *specials; /* get the first ids; never learned across. NULL: <|endoftext|> */
    size_t special_count;

    stoa_text_progress progress; /* nullable */
    void *user;
} stoa_tokenizer_training;

/* Learns a byte-level BPE (Sennrich et al. 2016, arXiv 1508.07909; bytes as in GPT-2): the most
 * frequent pair of neighbouring tokens is merged again and again, ties going to the smaller ids.
 * Pieces longer than 4 KiB do not vote. The result may have fewer tokens than asked for when the
 * text has no more pairs. Memory grows with the number of distinct pieces, not with the text. */
STOA_API stoa_status stoa_tokenizer_train(stoa_tokenizer **out,
                                          const stoa_tokenizer_training *training, stoa_error *err);

/* ---- token files ----------------------------------------------------------------------------- */

/*
 * A `.tok` file is a header of 64 bytes and then the ids; all numbers are little-endian.
 *
 *    0  8 bytes  "STOATOK\n"
 *    8  u32      version, 1
 *   12  u32      bytes an id takes: 2 or 4 (2 when the vocabulary has at most 65,536 tokens)
 *   16  u32      vocabulary: every id is below it
 *   20  i32      id of the end-of-text token, or -1
 *   24  u64      count of ids; the file's size is exactly 64 + count * bytes
 *   32  u64      hash of the tokenizer (stoa_tokenizer_hash)
 *   40  u64      XXH3-64 of the ids' bytes
 *   48  u64      zero
 *   56  u64      XXH3-64 of bytes 0-55
 */
enum { STOA_TOKEN_FILE_HEADER = 64, STOA_TOKEN_FILE_VERSION = 1 };

/* Writes ids as they come; the file appears under its name only when close succeeds. */
typedef struct stoa_token_writer stoa_token_writer;
STOA_API stoa_status stoa_token_writer_open(stoa_token_writer **out, const char *path,
                                            const stoa_tokenizer *t, int32_t end_of_text,
                                            stoa_error *err);
STOA_API stoa_status stoa_token_writer_write(stoa_token_writer *w, const int32_t *ids, size_t n,
                                             stoa_error *err);
/* Finishes and frees the writer, also on failure. */
STOA_API stoa_status stoa_token_writer_close(stoa_token_writer *w, stoa_error *err);
/* Frees the writer and leaves no file. NULL is fine. */
STOA_API void stoa_token_writer_abort(stoa_token_writer *w);

typedef struct stoa_token_encoding {
    const char *const *paths; /* text files, in order */
    size_t path_count;
    /* Text between two documents of a file, itself left out; NULL: a file is one document. */
    const char *separator;
    /* Written after every document; -1: nothing. Usually stoa_tokenizer_end_of_text(). */
    int32_t end_of_text;
    unsigned flags;              /* STOA_ENCODE_NO_SPECIAL or 0 */
    stoa_text_progress progress; /* nullable; counts bytes read */
    void *user;
} stoa_token_encoding;

/* Encodes text files into one token file with bounded memory. Text is read in parts of about 1 MiB
 * that end between a word and the white space after it, where no supported piece pattern joins the
 * two; so the ids equal those of the whole text, except that a tokenizer without piece patterns
 * could have merged across such a place. written (nullable) receives the number of ids. */
STOA_API stoa_status stoa_token_file_encode(const stoa_tokenizer *t,
                                            const stoa_token_encoding *encoding,
                                            const char *out_path, uint64_t *written,
                                            stoa_error *err);

/* A mapped stream of ids: a .tok file, or any other file read as bytes (u8). Reading fields is
 * fine; close frees. Ids are checked against vocab whenever they are read. */
typedef struct stoa_token_file {
    stoa_map map;
    char *path;
    const void *ids; /* (count) elements of id_bytes each */
    int id_bytes;    /* 1, 2 or 4 */
    int32_t vocab;   /* 256 for bytes */
    int32_t end_of_text;
    uint64_t count;
    uint64_t tokenizer_hash;
    uint64_t data_hash; /* 0 for bytes */
} stoa_token_file;

/* Checks the whole header, not the ids. */
STOA_API stoa_status stoa_token_file_open(stoa_token_file *f, const char *path, stoa_error *err);
/* Any file as tokens 0-255. */
STOA_API stoa_status stoa_token_file_open_bytes(stoa_token_file *f, const char *path,
                                                stoa_error *err);
/* True when the file begins like a token file. */
STOA_API bool stoa_token_file_detect(const char *path);
/* Reads every id: hash and range. */
STOA_API stoa_status stoa_token_file_verify(const stoa_token_file *f, stoa_error *err);
/* Copies ids [begin, begin + n) to out; the range must lie inside the file. */
STOA_API stoa_status stoa_token_file_read(const stoa_token_file *f, uint64_t begin, size_t n,
                                          int32_t *out, stoa_error *err);
STOA_API void stoa_token_file_close(stoa_token_file *f);

/* ---- corpora and batches --------------------------------------------------------------------- */

typedef enum stoa_split { STOA_SPLIT_TRAIN, STOA_SPLIT_VALID, STOA_SPLIT_COUNT } stoa_split;

typedef struct stoa_corpus_options {
    /* Token files, or plain files read as bytes; several form one stream in this order. All must
     * come from the same tokenizer. */
    const char *const *train;
    size_t train_count;
    /* Held-out files; none: the end of the training stream is split off. */
    const char *const *valid;
    size_t valid_count;
    double valid_fraction; /* used without valid files; the first floor(n (1 - fraction)) train */
    /* When given, files must carry its hash. NULL: whatever the first file says. */
    const stoa_tokenizer *tokenizer;
} stoa_corpus_options;

typedef struct stoa_corpus stoa_corpus;

STOA_API stoa_status stoa_corpus_open(stoa_corpus **out, const stoa_corpus_options *options,
                                      stoa_error *err);
STOA_API void stoa_corpus_close(stoa_corpus *c); /* NULL is fine */
STOA_API int64_t stoa_corpus_tokens(const stoa_corpus *c, stoa_split split);
STOA_API int32_t stoa_corpus_vocab(const stoa_corpus *c);
STOA_API int32_t stoa_corpus_end_of_text(const stoa_corpus *c); /* -1: documents are not marked */
/* Copies tokens [begin, begin + n) of a split, which must lie inside it. */
STOA_API stoa_status stoa_corpus_read(const stoa_corpus *c, stoa_split split, int64_t begin,
                                      int64_t n, int32_t *out, stoa_error *err);

typedef enum stoa_window_order {
    STOA_WINDOWS_RANDOM,    /* offsets drawn at random, with replacement */
    STOA_WINDOWS_EPOCH,     /* every non-overlapping window once an epoch, shuffled */
    STOA_WINDOWS_DOCUMENTS, /* documents shuffled each epoch, laid end to end, cut into windows */
    STOA_WINDOWS_COUNT
} stoa_window_order;

typedef struct stoa_window_plan {
    stoa_split split;
    stoa_window_order order;
    uint64_t seed;
    int64_t batch;  /* B, windows a step, over all processes */
    int64_t window; /* T, tokens a window */
} stoa_window_plan;

/* Windows an epoch holds: floor((tokens - 1) / T), since the last target of a window is the token
 * after it. 0 when the split is too short for one. */
STOA_API int64_t stoa_corpus_windows(const stoa_corpus *c, const stoa_window_plan *plan);

/* Rows [first_row, first_row + rows) of the batch of `step`:
 *   inputs[r][t]  (rows, T) = token o_r + t,   targets[r][t] (rows, T) = token o_r + t + 1.
 * A pure function of the corpus, the plan and the step: a resumed run, or one with its rows spread
 * over other processes, sees the same windows. One corpus must not be used by two threads at once
 * with STOA_WINDOWS_DOCUMENTS (it remembers the epoch's order). Errors: STOA_ERR_USAGE when the
 * split is shorter than a window, or documents are not marked; STOA_ERR_FORMAT for an id out of
 * range. */
STOA_API stoa_status stoa_corpus_batch(stoa_corpus *c, const stoa_window_plan *plan, int64_t step,
                                       int64_t first_row, int64_t rows, int32_t *inputs,
                                       int32_t *targets, stoa_error *err);

/* Fixed evaluation windows: non-overlapping, spread evenly over the split, the same in every run.
 * tokens: how many to cover at least (0: all); the result is the number of windows, no more than
 * the split holds. */
STOA_API int64_t stoa_corpus_eval_windows(const stoa_corpus *c, stoa_split split, int64_t window,
                                          int64_t tokens);
/* Windows [first, first + rows) of `count` (from stoa_corpus_eval_windows); shapes as above. */
STOA_API stoa_status stoa_corpus_eval_batch(const stoa_corpus *c, stoa_split split, int64_t window,
                                            int64_t count, int64_t first, int64_t rows,
                                            int32_t *inputs, int32_t *targets, stoa_error *err);

/* ---- the text that is always there ----------------------------------------------------------- */

/* Debian packages that hold the built-in text. */
#define STOA_BUILTIN_TEXT_PACKAGES "bible-kjv bible-kjv-text"

/* Finds or prepares the built-in corpus, the King James Bible: 4.1 MB of plain text, one verse a
 * line, an empty line between chapters. It is taken from the `bible` program once and kept in
 * $XDG_CACHE_HOME/stoa (or ~/.cache/stoa). Writes the file's path into path (n bytes). Without the
 * program: STOA_ERR_UNSUPPORTED, naming the packages to install. */
STOA_API stoa_status stoa_builtin_text(char *path, size_t n, stoa_error *err);

/* The token file of a text file for a tokenizer, made on first use: `<cache>/<name>-<hash>.tok`,
 * where hash covers the text's path, size and time and the tokenizer. cache NULL: the folder above.
 * For the byte tokenizer this is text_path itself. */
STOA_API stoa_status stoa_text_prepare(const stoa_tokenizer *t, const char *text_path,
                                       const char *cache, char *path, size_t n,
                                       stoa_text_progress progress, void *user, stoa_error *err);

#ifdef __cplusplus
}
#endif

#endif /* STOA_TEXT_H */
