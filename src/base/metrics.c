/*
 * metrics.c - a run's measurements: metrics.jsonl, which is the truth, and TensorBoard events.
 *
 * One line or record is one write to a descriptor opened for appending, so that a reader never sees
 * half of one unless the machine stops in the middle; such a torn last line is dropped on the next
 * open, and a write that the disk cut short is taken back at once. Every line begins
 * {"step":N,"time":T, which is how a resumed run finds the lines it will write again.
 */
#include "base/text.h"
#include "base/tfevents.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { APPEND = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC };

typedef struct sink {
    int fd;
    char path[PATH_MAX];
} sink;

struct stoa_metrics {
    sink lines, events;
    stoa_buffer text; // reused, so that a step allocates nothing
};

/* ---- writing ---- */

static stoa_status sink_error(const sink *s, const char *what, stoa_error *err) {
    return stoa_fail(err, STOA_ERR_IO, "%s: cannot %s: %s", s->path, what, strerror(errno));
}

/* One write of all of text, or none of it. */
static stoa_status sink_write(sink *s, const stoa_buffer *text, stoa_error *err) {
    if (text->failed)
        return stoa_fail(err, STOA_ERR_MEMORY, "%s: no memory for a line of measurements", s->path);
    ssize_t put;
    do
        put = write(s->fd, text->data, text->len);
    while (put < 0 && errno == EINTR);
    if (put == (ssize_t)text->len)
        return STOA_OK;
    if (put >= 0) { // the disk is full, or a size limit was reached: take the piece back
        struct stat st;
        if (fstat(s->fd, &st) != 0 || ftruncate(s->fd, st.st_size - put) != 0)
            return sink_error(s, "take back half a line", err);
        errno = ENOSPC;
    }
    return sink_error(s, "append", err);
}

/* ---- reopening ---- */

/* The step of a line of ours. */
static bool step_of(const char *line, size_t len, int64_t *step) {
    static const char head[] = "{\"step\":";
    size_t n = sizeof head - 1;
    if (len <= n || memcmp(line, head, n) != 0)
        return false;
    const char *comma = memchr(line + n, ',', len - n);
    return comma && stoa_parse_int((stoa_view){line + n, (size_t)(comma - line) - n}, step);
}

/* Collects the lines to keep: those before from_step and those that are not ours, without a torn
 * last one. *prefix: how much of the file can stay as it is. */
static void filter_lines(const stoa_map *map, int64_t from_step, size_t *prefix,
                         stoa_buffer *rest) {
    const char *text = map->data;
    bool dropped = false;
    for (size_t at = 0; at < map->size;) {
        const char *end = memchr(text + at, '\n', map->size - at);
        if (!end)
            return;
        size_t len = (size_t)(end - (text + at)) + 1;
        int64_t step;
        if (from_step >= 0 && step_of(text + at, len, &step) && step >= from_step)
            dropped = true;
        else if (dropped)
            stoa_buffer_append(rest, text + at, len);
        else
            *prefix = at + len;
        at += len;
    }
}

static stoa_status forget_lines(const char *path, int64_t from_step, stoa_error *err) {
    if (!stoa_file_exists(path))
        return STOA_OK;
    stoa_map map;
    STOA_TRY(stoa_map_open(&map, path, err));
    size_t prefix = 0, size = map.size;
    stoa_buffer rest = {0}, whole = {0};
    filter_lines(&map, from_step, &prefix, &rest);
    stoa_status status = STOA_OK;
    if (rest.len > 0) {
        stoa_buffer_append(&whole, map.data, prefix);
        stoa_buffer_append(&whole, rest.data, rest.len);
    }
    if (rest.failed || whole.failed)
        status = stoa_fail(err, STOA_ERR_MEMORY, "%s: no memory to rewrite it", path);
    stoa_map_close(&map); // before the file under it shrinks
    if (status == STOA_OK && whole.len > 0)
        status = stoa_file_write(path, whole.data, whole.len, err);
    else if (status == STOA_OK && prefix < size && truncate(path, (off_t)prefix) != 0)
        status = stoa_fail(err, STOA_ERR_IO, "%s: cannot shorten: %s", path, strerror(errno));
    stoa_buffer_deinit(&rest);
    stoa_buffer_deinit(&whole);
    return status;
}

/* A new event file: TensorBoard reads all files of a folder in the order of their names. */
static stoa_status open_events(sink *s, const char *dir, stoa_error *err) {
    char host[256] = "localhost", name[512];
    if (gethostname(host, sizeof host - 1) != 0 || strchr(host, '/'))
        snprintf(host, sizeof host, "localhost");
    for (int attempt = 0;; attempt++) {
        snprintf(name, sizeof name, "events.out.tfevents.%.0f.%s.%ld.%d", floor(stoa_wall_time()),
                 host, (long)getpid(), attempt);
        if (!stoa_path_join(s->path, sizeof s->path, dir, name))
            return stoa_fail(err, STOA_ERR_USAGE, "%s: the path is too long", dir);
        s->fd = open(s->path, APPEND | O_EXCL, 0666);
        if (s->fd >= 0)
            return STOA_OK;
        if (errno != EEXIST || attempt == 1000)
            return sink_error(s, "create", err);
    }
}

stoa_status stoa_metrics_open(stoa_metrics **out, const char *dir, int64_t from_step,
                              stoa_error *err) {
    stoa_metrics *m = stoa_alloc(sizeof *m);
    if (!m)
        return stoa_fail(err, STOA_ERR_MEMORY, "%s: no memory for measurements", dir);
    m->lines.fd = m->events.fd = -1;
    stoa_status status = stoa_path_join(m->lines.path, sizeof m->lines.path, dir, "metrics.jsonl")
                             ? STOA_OK
                             : stoa_fail(err, STOA_ERR_USAGE, "%s: the path is too long", dir);
    if (status == STOA_OK)
        status = forget_lines(m->lines.path, from_step, err);
    if (status == STOA_OK) {
        m->lines.fd = open(m->lines.path, APPEND, 0666);
        if (m->lines.fd < 0)
            status = sink_error(&m->lines, "open", err);
    }
    if (status == STOA_OK)
        status = open_events(&m->events, dir, err);
    if (status == STOA_OK) {
        double wall = stoa_wall_time();
        stoa_tf_version(&m->text, wall);
        if (from_step >= 0)
            stoa_tf_restart(&m->text, wall, from_step);
        status = sink_write(&m->events, &m->text, err);
    }
    if (status != STOA_OK) {
        stoa_metrics_close(m);
        return status;
    }
    *out = m;
    return STOA_OK;
}

void stoa_metrics_close(stoa_metrics *m) {
    if (!m)
        return;
    if (m->lines.fd >= 0)
        close(m->lines.fd);
    if (m->events.fd >= 0)
        close(m->events.fd);
    stoa_buffer_deinit(&m->text);
    stoa_free(m);
}

/* ---- measurements ---- */

static void line_begin(stoa_metrics *m, int64_t step, double wall) {
    m->text.len = 0;
    m->text.failed = false;
    stoa_buffer_printf(&m->text, "{\"step\":%" PRId64 ",\"time\":%.3f", step, wall);
}

/* JSON has no NaN and no infinity: they become null. */
static void line_item(stoa_metrics *m, const char *name, const char *suffix, double value) {
    char number[32], key[256];
    snprintf(key, sizeof key, "%s%s", name, suffix);
    stoa_buffer_printf(&m->text, ",");
    stoa_buffer_json_string(&m->text, key);
    stoa_buffer_printf(&m->text, ":%s",
                       isfinite(value) ? stoa_format_double(value, number, sizeof number) : "null");
}

static stoa_status line_end(stoa_metrics *m, stoa_error *err) {
    stoa_buffer_printf(&m->text, "}\n");
    stoa_status status = sink_write(&m->lines, &m->text, err);
    m->text.len = 0;
    return status;
}

stoa_status stoa_metrics_write(stoa_metrics *m, int64_t step, const stoa_metric *items,
                               size_t count, stoa_error *err) {
    double wall = stoa_wall_time();
    line_begin(m, step, wall);
    for (size_t i = 0; i < count; i++)
        line_item(m, items[i].name, "", items[i].value);
    STOA_TRY(line_end(m, err));
    stoa_tf_scalars(&m->text, wall, step, items, count);
    return sink_write(&m->events, &m->text, err);
}

stoa_status stoa_metrics_histogram(stoa_metrics *m, int64_t step, const char *name,
                                   const float *values, size_t count, stoa_error *err) {
    double wall = stoa_wall_time();
    stoa_tf_histogram h;
    bool any = stoa_tf_histogram_of(&h, values, count);
    const double none = (double)NAN;
    line_begin(m, step, wall);
    line_item(m, name, "/mean", any ? h.sum / h.count : none);
    line_item(m, name, "/min", any ? h.min : none);
    line_item(m, name, "/max", any ? h.max : none);
    if (h.count < (double)count)
        line_item(m, name, "/nonfinite", (double)count - h.count);
    STOA_TRY(line_end(m, err));
    if (!any)
        return STOA_OK;
    stoa_tf_histogram_record(&m->text, wall, step, name, &h);
    return sink_write(&m->events, &m->text, err);
}
