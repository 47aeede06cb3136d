/*
 * log.c - the one callback through which the library speaks, and a ready sink for programs.
 *
 * Lines are serialised: a sink is called by one thread at a time. A sink may log again.
 */
#include "base/text.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MOST = 2048 };

static pthread_mutex_t sink_lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static stoa_log_sink sink;
static void *sink_user;
static atomic_int sink_most = -1; // -1: nobody listens, which callers can see without the lock

void stoa_log_set(stoa_log_sink new_sink, void *user, stoa_log_level most) {
    pthread_mutex_lock(&sink_lock);
    sink = new_sink;
    sink_user = user;
    atomic_store(&sink_most, new_sink ? (int)most : -1);
    pthread_mutex_unlock(&sink_lock);
}

void stoa_log_write(stoa_log_level level, const char *fmt, ...) {
    if ((int)level > atomic_load_explicit(&sink_most, memory_order_relaxed))
        return;
    char raw[LINE_MOST], line[LINE_MOST];
    va_list args;
    va_start(args, fmt);
    vsnprintf(raw, sizeof raw, fmt, args);
    va_end(args);
    stoa_escape_line(line, sizeof line, raw);
    pthread_mutex_lock(&sink_lock);
    if (sink && (int)level <= atomic_load(&sink_most))
        sink(sink_user, level, line);
    pthread_mutex_unlock(&sink_lock);
}

void stoa_log_stderr(void *user, stoa_log_level level, const char *line) {
    static const struct {
        const char *label, *colour;
    } looks[] = {[STOA_LOG_ERROR] = {"error: ", "\033[1;31m"},
                 [STOA_LOG_WARN] = {"warning: ", "\033[33m"},
                 [STOA_LOG_INFO] = {"", ""},
                 [STOA_LOG_DEBUG] = {"debug: ", "\033[2m"}};
    (void)user;
    const char *term = getenv("TERM"), *no_colour = getenv("NO_COLOR");
    bool terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
    bool colour = terminal && !(no_colour && *no_colour) && *looks[level].colour;
    // on a terminal the line takes the place of a progress bar, which is drawn again below it
    char text[LINE_MOST + 64];
    int len = snprintf(text, sizeof text, "%s%s%s%s%s\n", terminal ? "\r\033[K" : "",
                       colour ? looks[level].colour : "", looks[level].label,
                       colour ? "\033[0m" : "", line);
    fwrite(text, 1, len < (int)sizeof text ? (size_t)len : sizeof text - 1, stderr);
}
