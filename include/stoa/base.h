/*
 * stoa/base.h - the ground floor: errors, memory, random numbers, threads, files, settings, logs.
 *
 * Two error tiers that never mix (docs/architecture.md): a broken contract inside the program
 * asserts; whatever comes from a file, the network or the command line returns a stoa_status and
 * fills a stoa_error whose message names the path, the place and the remedy. The library never
 * exits and never prints; text reaches the user only through the log sink.
 */
#ifndef STOA_BASE_H
#define STOA_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define STOA_API               __attribute__((visibility("default")))
#define STOA_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define STOA_API
#define STOA_PRINTF(fmt, args)
#endif

/* "0.1.0" */
STOA_API const char *stoa_version(void);
/* Compiler and flags: "gcc 12.2.0, -O2 -march=native" */
STOA_API const char *stoa_build(void);

/* ---- status ---------------------------------------------------------------------------------- */

/* What went wrong, in the coarse classes that decide the program's exit code. */
typedef enum stoa_status {
    STOA_OK = 0,
    STOA_ERR_USAGE,       /* the caller's request makes no sense: wrong option, unknown name */
    STOA_ERR_IO,          /* the operating system refused: open, read, write, rename, fsync */
    STOA_ERR_FORMAT,      /* an input file is malformed or inconsistent */
    STOA_ERR_MEMORY,      /* memory could not be had */
    STOA_ERR_UNSUPPORTED, /* not built in, or not available on this machine or backend */
    STOA_ERR_INTERRUPTED, /* a signal asked us to stop; state was saved first */
    STOA_ERR_NUMERIC,     /* a loss or gradient became NaN or infinite */
    STOA_STATUS_COUNT
} stoa_status;

/* A status with its message. Caller storage; every function that takes one accepts NULL. */
typedef struct stoa_error {
    stoa_status status;
    char message[1024];
} stoa_error;

/* Short lower-case name of a status: "format". Never NULL. */
STOA_API const char *stoa_status_name(stoa_status status);

/* Fills err (nullable) and returns status, so that `return stoa_fail(...)` reads well. Control
 * characters in the formatted text are escaped: messages may quote hostile input. */
STOA_API stoa_status stoa_fail(stoa_error *err, stoa_status status, const char *fmt, ...)
    STOA_PRINTF(3, 4);

/* Puts context and ": " before the message of a failed err: "config.yaml" makes "config.yaml: " +
 * message. Returns status. */
STOA_API stoa_status stoa_fail_context(stoa_error *err, stoa_status status, const char *fmt, ...)
    STOA_PRINTF(3, 4);

/* Evaluates a call that returns a stoa_status and passes a failure on. */
#define STOA_TRY(call)                                                                             \
    do {                                                                                           \
        stoa_status stoa_try_status = (call);                                                      \
        if (stoa_try_status != STOA_OK)                                                            \
            return stoa_try_status;                                                                \
    } while (0)

/* ---- sizes and strings ----------------------------------------------------------------------- */

/* Checked size arithmetic for numbers from outside: false (and *out untouched) on overflow. */
STOA_API bool stoa_size_mul(size_t a, size_t b, size_t *out);
STOA_API bool stoa_size_add(size_t a, size_t b, size_t *out);

/* A borrowed string: not owned, not necessarily terminated. */
typedef struct stoa_view {
    const char *ptr;
    size_t len;
} stoa_view;

STOA_API stoa_view stoa_view_of(const char *terminated);
STOA_API bool stoa_view_equal(stoa_view a, stoa_view b);

/* Strict number parsing of a whole view; false on empty, trailing text, overflow. Integers accept
 * the suffixes k, M, G (1000s) and Ki, Mi, Gi (1024s) and an integral exponent form such as 1e6. */
STOA_API bool stoa_parse_int(stoa_view text, int64_t *out);
STOA_API bool stoa_parse_float(stoa_view text, double *out);
STOA_API bool stoa_parse_bool(stoa_view text, bool *out); /* true/false, yes/no, on/off */

/* The entry of names (count of them) nearest to word by edit distance, or NULL when none is close
 * enough to suggest. For "did you mean". */
STOA_API const char *stoa_nearest(const char *word, const char *const *names, size_t count);

/* A growing text buffer. Zero-initialise; deinit frees. Appending fails softly: after a failed
 * allocation `failed` is set and further appends do nothing. */
typedef struct stoa_buffer {
    char *data; /* always terminated once anything was appended */
    size_t len, cap;
    bool failed;
} stoa_buffer;

STOA_API void stoa_buffer_append(stoa_buffer *b, const void *bytes, size_t n);
STOA_API void stoa_buffer_printf(stoa_buffer *b, const char *fmt, ...) STOA_PRINTF(2, 3);
STOA_API void stoa_buffer_json_string(stoa_buffer *b, const char *text); /* quoted, escaped */
STOA_API void stoa_buffer_html(stoa_buffer *b, const char *text);        /* escaped for HTML */
STOA_API void stoa_buffer_deinit(stoa_buffer *b);

/* 12,345,678 -> "12.3M"; with a unit "12.3 MFLOP"; bytes in binary units "11.8 MiB"; seconds "1 h
 * 02 m" / "4.2 s" / "13 ms". Write into out (n bytes) and return it. */
STOA_API const char *stoa_human_count(double value, char *out, size_t n);
STOA_API const char *stoa_human_unit(double value, const char *unit, char *out, size_t n);
STOA_API const char *stoa_human_bytes(double bytes, char *out, size_t n);
STOA_API const char *stoa_human_time(double seconds, char *out, size_t n);

/* ---- memory ---------------------------------------------------------------------------------- */

/* 64-byte aligned allocation, zeroed; NULL when memory is short. Every allocation of the library
 * goes through here, so a test can count or fail them (stoa_alloc_stats). */
STOA_API void *stoa_alloc(size_t bytes);
STOA_API void *stoa_realloc(void *ptr, size_t old_bytes, size_t bytes); /* new tail zeroed */
STOA_API void stoa_free(void *ptr);
STOA_API char *stoa_strdup(const char *text);

typedef struct stoa_alloc_stats {
    uint64_t allocations; /* calls of alloc/realloc since the program began */
    uint64_t live;        /* allocations not yet freed */
} stoa_alloc_stats;
STOA_API stoa_alloc_stats stoa_alloc_statistics(void);
/* For tests: the n-th allocation from now (1 = the next) and, if `all`, every later one, fails.
 * n = 0 turns it off. */
STOA_API void stoa_alloc_fail_after(uint64_t n, bool all);

/* Bump allocator in blocks. Reset keeps the memory; when a cycle needed more than one block, reset
 * merges them, so a cycle that repeats itself allocates nothing after its first round and gets the
 * same addresses every time. */
typedef struct stoa_arena stoa_arena;
typedef struct stoa_arena_mark {
    void *block;
    size_t used;
    size_t total;
} stoa_arena_mark;

/* capacity: bytes to hold at once in the first block (0: grow from 1 MiB). NULL when out of memory.
 */
STOA_API stoa_arena *stoa_arena_new(size_t capacity);
STOA_API void stoa_arena_free(stoa_arena *arena);
/* 64-byte aligned, NOT zeroed. NULL when out of memory. */
STOA_API void *stoa_arena_alloc(stoa_arena *arena, size_t bytes);
STOA_API stoa_arena_mark stoa_arena_save(const stoa_arena *arena);
/* Gives back everything allocated since the mark (marks nest like a stack). */
STOA_API void stoa_arena_restore(stoa_arena *arena, stoa_arena_mark mark);
STOA_API void stoa_arena_reset(stoa_arena *arena);
STOA_API size_t stoa_arena_used(const stoa_arena *arena); /* bytes handed out now */
STOA_API size_t stoa_arena_peak(const stoa_arena *arena); /* most ever handed out at once */
/* A counting arena hands out fake non-NULL addresses and owns no memory: the meta backend's. */
STOA_API stoa_arena *stoa_arena_new_counting(void);

/* ---- random numbers -------------------------------------------------------------------------- */

/* Philox4x32-10 (Salmon et al. 2011): counter-based, so a stream is (key, position) and can be
 * saved, forked and indexed at random. Same seed and name: same numbers on every machine. */
typedef struct stoa_rng {
    uint32_t key[2];
    uint64_t stream;   /* high counter words */
    uint64_t position; /* low counter words: blocks of four numbers drawn */
    uint32_t block[4];
    uint32_t used; /* words of block handed out; 4 = none left */
    uint32_t zero; /* in the place of padding: the bytes of equal streams are equal */
} stoa_rng;

STOA_API stoa_rng stoa_rng_stream(uint64_t seed, const char *name, uint64_t index);
STOA_API uint32_t stoa_rng_u32(stoa_rng *rng);
STOA_API uint64_t stoa_rng_u64(stoa_rng *rng);
STOA_API double stoa_rng_uniform(stoa_rng *rng);           /* [0, 1) with 53 bits */
STOA_API double stoa_rng_normal(stoa_rng *rng);            /* mean 0, variance 1 (Box-Muller) */
STOA_API int64_t stoa_rng_below(stoa_rng *rng, int64_t n); /* 0..n-1, unbiased; n >= 1 */
STOA_API void stoa_rng_shuffle(stoa_rng *rng, int64_t *items, int64_t n);
/* One block at a position, without state: out[4] = Philox(key, stream, position). */
STOA_API void stoa_philox(const uint32_t key[2], uint64_t stream, uint64_t position,
                          uint32_t out[4]);

/* ---- threads --------------------------------------------------------------------------------- */

/* A fixed pool. Work is split into `threads` contiguous ranges by index alone, never by load, so
 * results do not depend on timing. Waiting threads spin for a few microseconds, then sleep. */
typedef struct stoa_pool stoa_pool;
typedef void (*stoa_range_fn)(void *arg, int64_t begin, int64_t end, int thread);

/* threads: 0 = as many as the affinity mask and the cgroup quota allow. NULL when out of memory or
 * threads cannot be started. */
STOA_API stoa_pool *stoa_pool_new(int threads);
STOA_API void stoa_pool_free(stoa_pool *pool);
STOA_API int stoa_pool_threads(const stoa_pool *pool);
/* Calls fn over [0, n) split into at most pool-size ranges whose length is a multiple of grain (but
 * the last) and at least grain; the calling thread takes the first. Runs inline when one range is
 * enough. Not reentrant: fn must not call it again. A NULL pool runs inline. */
STOA_API void stoa_pool_run(stoa_pool *pool, int64_t n, int64_t grain, stoa_range_fn fn, void *arg);
/* Makes the calling thread treat denormal numbers as zero from now on. stoa_pool_run does so for
 * its own duration; a program calls this at its start to cover all else that it computes. */
STOA_API void stoa_flush_denormals(void);
/* CPUs this process may use: affinity mask, then cgroup quota (rounded up). At least 1. */
STOA_API int stoa_cpu_count(void);
/* Bytes this process may still take: what the kernel calls available, within the limits of its
 * control groups and address space. HUGE_VAL when unknown. */
STOA_API double stoa_memory_available(void);

/* ---- clock and signals ----------------------------------------------------------------------- */

STOA_API double stoa_clock(void);     /* monotonic seconds */
STOA_API double stoa_wall_time(void); /* seconds since the epoch */

/* Installs handlers for SIGINT and SIGTERM that only set a flag (a second signal kills at once) and
 * ignores SIGPIPE. stop_requested: 0, or the signal's number. */
STOA_API void stoa_signals_install(void);
STOA_API int stoa_stop_requested(void);
STOA_API void stoa_stop_clear(void);

/* ---- files ----------------------------------------------------------------------------------- */

/* Reads a whole file of at most limit bytes; *data is stoa_alloc'ed with a terminating zero that is
 * not counted in *size. */
STOA_API stoa_status stoa_file_read(const char *path, size_t limit, char **data, size_t *size,
                                    stoa_error *err);
/* Replaces path durably: temporary name in the same folder, write, fsync, rename, fsync folder. */
STOA_API stoa_status stoa_file_write(const char *path, const void *data, size_t size,
                                     stoa_error *err);
STOA_API stoa_status stoa_mkdirs(const char *path, stoa_error *err); /* like mkdir -p */
STOA_API stoa_status stoa_fsync_dir(const char *path, stoa_error *err);
STOA_API bool stoa_file_exists(const char *path);
STOA_API stoa_status stoa_remove_tree(const char *path, stoa_error *err); /* links not followed */
/* Writes "a/b" into out; false when it does not fit. */
STOA_API bool stoa_path_join(char *out, size_t n, const char *a, const char *b);
/* A read-only map of a whole regular file. */
typedef struct stoa_map {
    const void *data;
    size_t size;
} stoa_map;
STOA_API stoa_status stoa_map_open(stoa_map *map, const char *path, stoa_error *err);
STOA_API void stoa_map_close(stoa_map *map);

/* ---- log and progress ------------------------------------------------------------------------ */

typedef enum stoa_log_level {
    STOA_LOG_ERROR,
    STOA_LOG_WARN,
    STOA_LOG_INFO,
    STOA_LOG_DEBUG
} stoa_log_level;
typedef void (*stoa_log_sink)(void *user, stoa_log_level level, const char *line);

/* The one callback through which the library speaks. NULL (the default) drops everything. */
STOA_API void stoa_log_set(stoa_log_sink sink, void *user, stoa_log_level most);
STOA_API void stoa_log_write(stoa_log_level level, const char *fmt, ...) STOA_PRINTF(2, 3);
/* A ready sink that writes to stderr, coloured when it is a terminal and NO_COLOR is unset; `user`
 * is ignored. It cooperates with the progress bar. For programs, not used by the library itself. */
STOA_API void stoa_log_stderr(void *user, stoa_log_level level, const char *line);

/* A progress line on a stream: a bar with rate and time left on a terminal, else a plain line every
 * 10 s. Caller storage. */
typedef struct stoa_progress {
    FILE *out;
    const char *label, *unit; /* borrowed */
    double total, done, started, last_drawn;
    double origin, origin_time; /* the first update: rates count from there */
    bool terminal, drawn;
    int width;
    char note[160]; /* free text behind the bar: "loss 2.31" */
    /* lines to show below the bar on a terminal, each ended by a newline; set freely, borrowed */
    const char *below;
} stoa_progress;
STOA_API void stoa_progress_begin(stoa_progress *p, FILE *out, const char *label, const char *unit,
                                  double total);
STOA_API void stoa_progress_update(stoa_progress *p, double done, const char *note_fmt, ...)
    STOA_PRINTF(3, 4);
STOA_API void stoa_progress_end(stoa_progress *p);
/* Appends `rows` lines with a curve through the values, its largest and smallest value at the left:
 * in braille, or in stars where the terminal has no UTF-8. Nothing when no value is finite. */
STOA_API void stoa_curve_text(const double *values, int64_t n, int columns, int rows, bool utf8,
                              stoa_buffer *out);
STOA_API bool stoa_terminal_is_utf8(void); /* as the environment's locale says */

/* ---- settings -------------------------------------------------------------------------------- */

/* A settings struct is described by a table: one row a key. The same row checks the YAML file,
 * applies `--set key=value`, prints the help and writes the resolved file. */
typedef enum stoa_setting_type {
    STOA_SET_INT,    /* int64_t */
    STOA_SET_FLOAT,  /* double */
    STOA_SET_BOOL,   /* bool */
    STOA_SET_STRING, /* char[STOA_SETTING_TEXT] */
    STOA_SET_CHOICE, /* int: index into choices */
    STOA_SET_INTS,   /* stoa_int_list */
    STOA_SET_FLOATS, /* stoa_float_list */
} stoa_setting_type;

enum { STOA_SETTING_TEXT = 256, STOA_SETTING_ITEMS = 64 };
typedef struct stoa_int_list {
    int64_t count;
    int64_t item[STOA_SETTING_ITEMS];
} stoa_int_list;
typedef struct stoa_float_list {
    int64_t count;
    double item[STOA_SETTING_ITEMS];
} stoa_float_list;

typedef struct stoa_setting {
    const char *key; /* dotted path: "model.width" */
    stoa_setting_type type;
    size_t offset;              /* offsetof(struct, field) */
    const char *initial;        /* default, as YAML text; NULL: required */
    double least, most;         /* inclusive range of numbers and list items; 0, 0: no limits */
    const char *const *choices; /* NULL-terminated, for STOA_SET_CHOICE */
    const char *help;           /* one sentence */
} stoa_setting;

typedef struct stoa_settings_table {
    const stoa_setting *rows;
    size_t count;
} stoa_settings_table;

/* Fills target with every row's default. Rows without one are left zero. */
STOA_API stoa_status stoa_settings_defaults(stoa_settings_table table, void *target,
                                            stoa_error *err);
/* Reads a YAML file over target. Unknown key: STOA_ERR_USAGE naming path, line and the nearest
 * known key. Wrong type or range likewise. seen (nullable): bool[table.count], set for keys given.
 */
STOA_API stoa_status stoa_settings_load(stoa_settings_table table, void *target, const char *path,
                                        bool *seen, stoa_error *err);
/* Same from text; name stands for the path in messages. */
STOA_API stoa_status stoa_settings_parse(stoa_settings_table table, void *target, const char *name,
                                         stoa_view yaml, bool *seen, stoa_error *err);
/* Reads only the rows of the table and passes over every other key: to find out what a file is
 * about before all of it can be checked. What is not well-formed YAML still fails. */
STOA_API stoa_status stoa_settings_peek(stoa_settings_table table, void *target, const char *path,
                                        bool *seen, stoa_error *err);
STOA_API stoa_status stoa_settings_peek_text(stoa_settings_table table, void *target,
                                             const char *name, stoa_view yaml, bool *seen,
                                             stoa_error *err);
/* Applies one "key=value". Lists are written 1,2,3 or [1,2,3]; text may stand in quotes. */
STOA_API stoa_status stoa_settings_set(stoa_settings_table table, void *target,
                                       const char *assignment, bool *seen, stoa_error *err);
/* Fails, naming the first one, when a row without a default was not given. name: the file. */
STOA_API stoa_status stoa_settings_require(stoa_settings_table table, const char *name,
                                           const bool *seen, stoa_error *err);
/* Appends the resolved settings as YAML, nested by the dots of the keys, each with its help as a
 * comment when with_help. Loading the result gives the same target. */
STOA_API void stoa_settings_dump(stoa_settings_table table, const void *target, bool with_help,
                                 stoa_buffer *out);

/* The value of one row as it stands in such a file. */
STOA_API void stoa_setting_write(const stoa_setting *row, const void *target, stoa_buffer *out);

/* Tables over parts of one block of memory, joined to one table whose keys begin with the prefix
 * of their part. The parts' own rows must outlive nothing but this call; their texts (help,
 * choices) are borrowed. */
typedef struct stoa_settings_part {
    const char *prefix; /* "env" makes "drops" to "env.drops"; NULL: keys as they are */
    stoa_settings_table table;
    size_t offset; /* of the part's struct in the block */
} stoa_settings_part;
STOA_API stoa_status stoa_settings_join(stoa_settings_table *out, const stoa_settings_part *parts,
                                        size_t count, stoa_error *err);
STOA_API void stoa_settings_join_free(stoa_settings_table *table);

/* ---- metrics --------------------------------------------------------------------------------- */

/* One run's measurements: metrics.jsonl (one object a line, written with one write each) and a
 * TensorBoard event file beside it, both opened for appending in dir. */
typedef struct stoa_metrics stoa_metrics;
typedef struct stoa_metric {
    const char *name; /* "train/loss" */
    double value;
} stoa_metric;
/* from_step: lines of metrics.jsonl at or after this step are dropped first (a resumed run writes
 * them again); -1 keeps all. */
STOA_API stoa_status stoa_metrics_open(stoa_metrics **out, const char *dir, int64_t from_step,
                                       stoa_error *err);
STOA_API stoa_status stoa_metrics_write(stoa_metrics *m, int64_t step, const stoa_metric *items,
                                        size_t count, stoa_error *err);
/* A histogram for TensorBoard (31 bins); also its mean, min, max as JSON. */
STOA_API stoa_status stoa_metrics_histogram(stoa_metrics *m, int64_t step, const char *name,
                                            const float *values, size_t count, stoa_error *err);
STOA_API void stoa_metrics_close(stoa_metrics *m); /* NULL is fine */

#ifdef __cplusplus
}
#endif

#endif /* STOA_BASE_H */
