/*
 * Running another program.
 *
 * Its input and its complaints go through anonymous files in memory, only its output through a
 * pipe: with one pipe there is nothing to wait for in two places and no way to block one another.
 */
#include "study/process.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_OUTPUT = 64 << 20 };

// Closes *fd once.
static void shut(int *fd) {
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static bool write_all(int fd, const char *bytes, size_t n) {
    while (n > 0) {
        ssize_t wrote = write(fd, bytes, n);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return false;
        bytes += wrote;
        n -= (size_t)wrote;
    }
    return true;
}

// Reads fd to its end or until the deadline. The text says what went wrong; NULL: nothing.
static const char *collect(int fd, double deadline, stoa_buffer *out) {
    char chunk[16384];
    size_t before = out->len;
    for (;;) {
        double left = deadline - stoa_clock();
        if (left <= 0)
            return "took too long";
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int ready = poll(&p, 1, (int)fmin(left * 1000.0 + 1.0, 60000.0));
        if (ready < 0 && errno != EINTR)
            return strerror(errno);
        if (ready <= 0)
            continue;
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return strerror(errno);
        if (got == 0)
            return NULL;
        if (out->len - before + (size_t)got > MOST_OUTPUT)
            return "wrote more than 64 MiB";
        stoa_buffer_append(out, chunk, (size_t)got);
    }
}

// The end of what the program wrote to its standard error, as one line.
static void last_words(int fd, char *text, size_t n) {
    off_t size = lseek(fd, 0, SEEK_END), from = size > (off_t)n - 1 ? size - ((off_t)n - 1) : 0;
    ssize_t got = size > 0 ? pread(fd, text, n - 1, from) : 0;
    text[got > 0 ? got : 0] = '\0';
    for (char *c = text; *c; c++)
        if (*c == '\n' || *c == '\t')
            *c = ' ';
}

static stoa_status run(const char *const *argv, stoa_view input, double deadline, int in, int said,
                       int pipe_out[2], stoa_buffer *out, stoa_error *err) {
    if (!write_all(in, input.ptr, input.len) || lseek(in, 0, SEEK_SET) < 0)
        return stoa_fail(err, STOA_ERR_IO, "%s: cannot hold its input: %s", argv[0],
                         strerror(errno));
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return stoa_fail(err, STOA_ERR_MEMORY, "%s: no memory to start it", argv[0]);
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return stoa_fail(err, STOA_ERR_MEMORY, "%s: no memory to start it", argv[0]);
    }
    // what this process ignores or blocks is not the child's business
    sigset_t none, usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int failed = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(&actions, pipe_out[1], STDOUT_FILENO);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(&actions, said, STDERR_FILENO);
    pid_t child = 0;
    if (!failed)
        failed = posix_spawnp(&child, argv[0], &actions, &attributes,
                              (char *const *)(uintptr_t)argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    shut(&pipe_out[1]);
    if (failed)
        return stoa_fail(err, STOA_ERR_UNSUPPORTED, "%s cannot be started: %s", argv[0],
                         strerror(failed));

    const char *wrong = collect(pipe_out[0], deadline, out);
    if (wrong)
        kill(child, SIGKILL);
    int state = 0;
    while (waitpid(child, &state, 0) < 0 && errno == EINTR)
        ;
    if (!wrong && WIFEXITED(state) && WEXITSTATUS(state) == 0)
        return STOA_OK;
    char words[512], ending[64];
    last_words(said, words, sizeof words);
    if (WIFEXITED(state))
        snprintf(ending, sizeof ending, "ended with status %d", WEXITSTATUS(state));
    else
        snprintf(ending, sizeof ending, "was ended by signal %d", WTERMSIG(state));
    return stoa_fail(err, STOA_ERR_IO, "%s %s%s%s", argv[0], wrong ? wrong : ending,
                     *words ? ": " : "", words);
}

stoa_status stoa_process_run(const char *const *argv, stoa_view input, double seconds,
                             stoa_buffer *out, stoa_error *err) {
    int in = memfd_create("input", MFD_CLOEXEC), said = memfd_create("errors", MFD_CLOEXEC);
    int pipe_out[2] = {-1, -1};
    stoa_status status;
    if (in < 0 || said < 0 || pipe2(pipe_out, O_CLOEXEC) < 0)
        status = stoa_fail(err, STOA_ERR_IO, "%s: no file descriptors to start it: %s", argv[0],
                           strerror(errno));
    else
        status = run(argv, input, stoa_clock() + seconds, in, said, pipe_out, out, err);
    shut(&in);
    shut(&said);
    shut(&pipe_out[0]);
    shut(&pipe_out[1]);
    return status;
}
