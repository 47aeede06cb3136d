/*
 * builtin.c - the text that is always there.
 *
 * Debian's bible-kjv-text keeps the King James Bible in a compressed form of its own; the `bible`
 * program of package bible-kjv prints it, one verse a line after its reference ("Ge1:1 In the
 * beginning..."). The references are taken off here; an empty line stands between chapters.
 */
#include "text/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    VERSES = 31102,          // of the King James Bible
    OUTPUT_MAX = 16 << 20,   // bytes the program may print
    REFERENCE_MAX = 16,      // bytes of "1Chr12:40"
    TEXT_BYTES_MIN = 3 << 20 // a cached file below this is not the whole text
};

#define INSTALL_HINT "install it with: apt-get install " STOA_BUILTIN_TEXT_PACKAGES

stoa_status stoa_text_cache_folder(char *out, size_t n, stoa_error *err) {
    char base[PATH_MAX];
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    bool ok;
    if (cache && *cache == '/')
        ok = stoa_path_join(out, n, cache, "stoa");
    else if (home && *home == '/')
        ok = stoa_path_join(base, sizeof base, home, ".cache") &&
             stoa_path_join(out, n, base, "stoa");
    else
        return stoa_fail(err, STOA_ERR_USAGE,
                         "no place for cached files: set XDG_CACHE_HOME or HOME to a folder");
    if (!ok)
        return stoa_fail(err, STOA_ERR_USAGE, "the path of the cache folder is too long");
    return stoa_mkdirs(out, err);
}

/* ---- the bible program ---- */

static stoa_status start(pid_t *pid, int *output, stoa_error *err) {
    int pipe_fd[2];
    if (pipe2(pipe_fd, O_CLOEXEC) != 0)
        return stoa_fail(err, STOA_ERR_IO, "cannot make a pipe: %s", strerror(errno));
    char *argv[] = {(char[]){"bible"}, (char[]){"-f"}, (char[]){"gen1:1-rev22:21"}, NULL};
    char path[4096];
    const char *search = getenv("PATH");
    snprintf(path, sizeof path, "PATH=%s", search ? search : "/usr/bin:/bin");
    char *environment[] = {path, (char[]){"LC_ALL=C"}, NULL};
    posix_spawn_file_actions_t actions;
    int code = posix_spawn_file_actions_init(&actions);
    if (code == 0) {
        code = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
        if (code == 0)
            code = posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
        if (code == 0)
            code = posix_spawn_file_actions_adddup2(&actions, pipe_fd[1], 1);
        if (code == 0)
            code = posix_spawnp(pid, "bible", &actions, NULL, argv, environment);
        posix_spawn_file_actions_destroy(&actions);
    }
    close(pipe_fd[1]);
    if (code == 0) {
        *output = pipe_fd[0];
        return STOA_OK;
    }
    close(pipe_fd[0]);
    return code == ENOENT ? stoa_fail(err, STOA_ERR_UNSUPPORTED,
                                      "the built-in text needs the program `bible`; " INSTALL_HINT)
                          : stoa_fail(err, STOA_ERR_IO, "cannot run `bible`: %s", strerror(code));
}

static stoa_status run_program(stoa_buffer *out, stoa_error *err) {
    pid_t pid = 0;
    int output = -1;
    STOA_TRY(start(&pid, &output, err));
    stoa_status status = STOA_OK;
    char chunk[1 << 14];
    for (ssize_t got; (got = read(output, chunk, sizeof chunk)) != 0;) {
        if (got > 0)
            stoa_buffer_append(out, chunk, (size_t)got);
        else if (errno != EINTR)
            status = stoa_fail(err, STOA_ERR_IO, "reading from `bible`: %s", strerror(errno));
        if (out->failed)
            status = stoa_fail(err, STOA_ERR_MEMORY, "no memory for the built-in text");
        if (out->len > OUTPUT_MAX)
            status = stoa_fail(err, STOA_ERR_FORMAT, "`bible` prints too much; " INSTALL_HINT);
        if (status != STOA_OK)
            break;
    }
    close(output); // a program that still writes ends here
    int result = 0;
    while (waitpid(pid, &result, 0) < 0 && errno == EINTR)
        continue;
    if (status == STOA_OK && (!WIFEXITED(result) || WEXITSTATUS(result) != 0))
        status = stoa_fail(err, STOA_ERR_UNSUPPORTED,
                           "`bible` failed (is its text there?); " INSTALL_HINT);
    return status;
}

/* The length of a reference "Ge1:1 " at the start of line, or 0; *verse receives its verse. */
static size_t reference(stoa_view line, int *verse) {
    size_t colon = 0, most = line.len < REFERENCE_MAX ? line.len : REFERENCE_MAX;
    while (colon < most && line.ptr[colon] != ':' && line.ptr[colon] != ' ')
        colon++;
    if (colon < 3 || colon == most || line.ptr[colon] != ':')
        return 0;
    size_t at = colon + 1;
    for (*verse = 0; at < most && line.ptr[at] >= '0' && line.ptr[at] <= '9'; at++)
        *verse = *verse * 10 + (line.ptr[at] - '0');
    return at > colon + 1 && at < most && line.ptr[at] == ' ' ? at + 1 : 0;
}

static stoa_status tidy(stoa_view printed, stoa_buffer *out, stoa_error *err) {
    int verses = 0;
    while (printed.len > 0) {
        const char *end = memchr(printed.ptr, '\n', printed.len);
        stoa_view line = {printed.ptr, end ? (size_t)(end - printed.ptr) : printed.len};
        printed.ptr += line.len + (end != NULL);
        printed.len -= line.len + (end != NULL);
        int verse;
        size_t skip = reference(line, &verse);
        if (skip == 0)
            continue;
        if (verse == 1 && verses > 0)
            stoa_buffer_append(out, "\n", 1);
        stoa_buffer_append(out, line.ptr + skip, line.len - skip);
        stoa_buffer_append(out, "\n", 1);
        verses++;
    }
    if (out->failed)
        return stoa_fail(err, STOA_ERR_MEMORY, "no memory for the built-in text");
    if (verses != VERSES)
        return stoa_fail(err, STOA_ERR_FORMAT,
                         "`bible` printed %d verses, expected %d; is it Debian's? " INSTALL_HINT,
                         verses, VERSES);
    return STOA_OK;
}

stoa_status stoa_builtin_text(char *path, size_t n, stoa_error *err) {
    char folder[PATH_MAX];
    STOA_TRY(stoa_text_cache_folder(folder, sizeof folder, err));
    if (!stoa_path_join(path, n, folder, "king-james-bible.txt"))
        return stoa_fail(err, STOA_ERR_USAGE, "%s: the path is too long", folder);
    struct stat st;
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= TEXT_BYTES_MIN)
        return STOA_OK;
    stoa_buffer printed = {0}, text = {0};
    stoa_status status = run_program(&printed, err);
    if (status == STOA_OK)
        status = tidy((stoa_view){printed.data, printed.len}, &text, err);
    if (status == STOA_OK)
        status = stoa_file_write(path, text.data, text.len, err);
    stoa_buffer_deinit(&printed);
    stoa_buffer_deinit(&text);
    return status;
}
