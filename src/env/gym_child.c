/*
 * env/gym_child.c - one worker process: starting it, talking to it, waiting for it, ending it.
 *
 * Nothing a worker does may hang or leak the parent: every wait has a limit, what a worker prints
 * is read while it is waited for (only the end is kept), and each worker leads a process group of
 * its own, which is killed as a whole. The other way round, a worker does not outlive its parent:
 * the kernel kills it when the last write end of its `life` pipe, which only the parent holds, is
 * closed, even if it hangs in foreign code.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "env/gym.h"

enum { MOST_PACKET = 256 << 10, FIRST_FREE = 16 };
static const double SPIN_SECONDS = 20e-6, POLITE_SECONDS = 2;

static void shut(int *fd) {
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

bool stoa_gym_lift(int *fd) {
    int high = *fd < 0 ? -1 : fcntl(*fd, F_DUPFD_CLOEXEC, FIRST_FREE);
    shut(fd);
    *fd = high;
    return high >= 0;
}

/* ---- starting -------------------------------------------------------------------------------- */

typedef struct ends {
    int nothing, said, socket, life, script; /* the worker's */
} ends;

static bool open_ends(stoa_gym_child *child, ends *e, const stoa_gym_config *config) {
    int sockets[2] = {-1, -1}, said[2] = {-1, -1}, life[2] = {-1, -1};
    bool ok = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) == 0 &&
              pipe2(said, O_CLOEXEC) == 0 && pipe2(life, O_CLOEXEC) == 0;
    child->socket = sockets[0];
    child->said = said[0];
    child->life = life[1];
    *e = (ends){open("/dev/null", O_RDWR | O_CLOEXEC), said[1], sockets[1], life[0], -1};
    if (!*config->worker) {
        size_t n = strlen(stoa_gym_worker);
        e->script = memfd_create("stoa-gym-worker", MFD_CLOEXEC);
        ok = ok && e->script >= 0 && write(e->script, stoa_gym_worker, n) == (ssize_t)n &&
             lseek(e->script, 0, SEEK_SET) == 0 && stoa_gym_lift(&e->script);
    }
    ok = ok && stoa_gym_lift(&e->nothing) && stoa_gym_lift(&e->said) && stoa_gym_lift(&e->socket) &&
         stoa_gym_lift(&e->life);
    return ok && fcntl(child->said, F_SETFL, O_NONBLOCK) == 0;
}

static void close_ends(ends *e) {
    shut(&e->nothing);
    shut(&e->said);
    shut(&e->socket);
    shut(&e->life);
    shut(&e->script);
}

static int spawn(stoa_gym_child *child, const ends *e, int memory, const char *const *argv) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return ENOMEM;
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return ENOMEM;
    }
    /* what this process ignores or blocks is not the worker's business */
    sigset_t none, usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP);
    const int from[] = {e->nothing, e->said, e->said, e->socket, memory, e->life, e->script};
    int failed = 0;
    for (int to = 0; !failed && to < (int)(sizeof from / sizeof *from); to++)
        if (from[to] >= 0)
            failed = posix_spawn_file_actions_adddup2(&actions, from[to], to);
    if (!failed)
        failed = posix_spawnp(&child->pid, argv[0], &actions, &attributes,
                              (char *const *)(uintptr_t)argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (failed)
        child->pid = 0;
    return failed;
}

stoa_status stoa_gym_child_start(stoa_gym_child *child, const stoa_gym_config *config, int memory,
                                 stoa_error *err) {
    const char *argv[4] = {config->python, "-c",
                           "exec(compile(open(6).read(), 'stoa-gym-worker', 'exec'))", NULL};
    size_t n = strlen(config->worker);
    if (n > 3 && strcmp(config->worker + n - 3, ".py") == 0) {
        argv[1] = config->worker;
        argv[2] = NULL;
    } else if (n > 0) {
        argv[0] = config->worker;
        argv[1] = NULL;
    }
    ends e;
    child->words[0] = child->reason[0] = '\0';
    bool opened = open_ends(child, &e, config);
    int failed = opened ? spawn(child, &e, memory, argv) : errno;
    /* the life pipe's reading end, which the worker holds too, is told whom to kill */
    if (!failed) {
        fcntl(e.life, F_SETSIG, SIGKILL);
        fcntl(e.life, F_SETOWN, child->pid);
        fcntl(e.life, F_SETFL, O_ASYNC);
    }
    close_ends(&e);
    if (!failed) {
        child->state = STOA_GYM_IDLE;
        return STOA_OK;
    }
    shut(&child->socket);
    shut(&child->said);
    shut(&child->life);
    child->state = STOA_GYM_FAILED;
    if (!opened)
        return stoa_fail(err, STOA_ERR_IO, "no file descriptors to start a worker: %s",
                         strerror(failed));
    return stoa_fail(err, STOA_ERR_UNSUPPORTED,
                     "%s cannot be started: %s; install Python 3 with gymnasium, or name one with "
                     "the setting python or in STOA_PYTHON",
                     argv[0], strerror(failed));
}

/* ---- talking --------------------------------------------------------------------------------- */

static void fail(stoa_gym_child *child, const char *reason, const char *detail) {
    child->state = STOA_GYM_FAILED;
    snprintf(child->reason, sizeof child->reason, "%s%s%s", reason, *detail ? ": " : "", detail);
    for (char *c = child->reason; *c; c++)
        if ((unsigned char)*c < ' ')
            *c = ' ';
}

void stoa_gym_post(stoa_gym_child *child, const char *text, size_t bytes) {
    if (child->state == STOA_GYM_FAILED)
        return;
    ssize_t sent;
    do
        sent = send(child->socket, text, bytes, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    child->state = STOA_GYM_BUSY;
    if (sent < 0)
        fail(child, "its worker is gone", "");
}

/* Keeps the end of what the worker prints. */
static void listen_to(stoa_gym_child *child) {
    char chunk[4096];
    for (;;) {
        ssize_t got = read(child->said, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            if (got == 0)
                shut(&child->said);
            return;
        }
        size_t most = sizeof child->words - 1, have = strlen(child->words), n = (size_t)got;
        const char *from = chunk;
        if (n > most) {
            from += n - most;
            n = most;
        }
        if (have + n > most) {
            size_t drop = have + n - most;
            memmove(child->words, child->words + drop, have - drop);
            have -= drop;
        }
        memcpy(child->words + have, from, n);
        child->words[have + n] = '\0';
        for (char *c = child->words + have; c < child->words + have + n; c++)
            if (!*c)
                *c = ' ';
    }
}

/* How the worker ended and its last words. It is dead or about to be. */
static void post_mortem(stoa_gym_child *child) {
    siginfo_t info = {0};
    for (int naps = 0; naps < 100; naps++) { /* its socket closes a moment before it ends */
        if (waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid)
            break;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    if (child->said >= 0)
        listen_to(child);
    char how[64] = "its worker closed the connection";
    if (info.si_pid && info.si_code == CLD_EXITED)
        snprintf(how, sizeof how, "its worker ended with status %d", info.si_status);
    else if (info.si_pid)
        snprintf(how, sizeof how, "its worker was ended by signal %d", info.si_status);
    fail(child, how, child->words);
}

static void receive(stoa_gym_child *child, const char *wanted) {
    ssize_t size = recv(child->socket, NULL, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
    if (size < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (size <= 0) {
        post_mortem(child);
        return;
    }
    char small[8], *packet = small;
    if ((size_t)size >= sizeof small)
        packet = size > MOST_PACKET ? NULL : stoa_alloc((size_t)size + 1);
    if (!packet) {
        fail(child, "its worker's answer is too large", "");
        return;
    }
    ssize_t got = recv(child->socket, packet, (size_t)size, MSG_DONTWAIT);
    packet[size] = '\0';
    if (got != size)
        post_mortem(child);
    else if (packet[0] == 'E')
        fail(child, packet + 1, "");
    else if (!strchr(wanted, packet[0]))
        fail(child, "its worker sent what is no answer", "");
    else {
        child->state = STOA_GYM_IDLE;
        child->letter = packet[0];
        if (packet[0] == 'H') {
            stoa_free(child->answer);
            child->answer = stoa_strdup(packet + 1);
        }
    }
    if (packet != small)
        stoa_free(packet);
}

static int fill_poll(struct pollfd *polls, stoa_gym_child *children, int count) {
    int busy = 0;
    for (int i = 0; i < count; i++) {
        bool on = children[i].state == STOA_GYM_BUSY;
        busy += on;
        polls[2 * i] = (struct pollfd){on ? children[i].socket : -1, POLLIN, 0};
        polls[2 * i + 1] = (struct pollfd){on ? children[i].said : -1, POLLIN, 0};
    }
    return busy;
}

static void give_up(stoa_gym_child *children, int count, double seconds) {
    char reason[96];
    snprintf(reason, sizeof reason, "its worker did not answer for %g s (setting timeout)",
             seconds);
    for (int i = 0; i < count; i++)
        if (children[i].state == STOA_GYM_BUSY)
            fail(&children[i], reason, children[i].words);
}

void stoa_gym_wait(stoa_gym_child *children, int count, const char *wanted, double seconds) {
    struct pollfd polls[2 * STOA_GYM_WORKERS];
    double start = stoa_clock();
    while (fill_poll(polls, children, count) > 0) {
        double waited = stoa_clock() - start;
        if (waited >= seconds)
            break;
        /* a quick answer is caught without going to sleep */
        int limit = waited < SPIN_SECONDS ? 0 : (int)fmin((seconds - waited) * 1000 + 1, 60000);
        if (poll(polls, (nfds_t)count * 2, limit) <= 0)
            continue;
        for (int i = 0; i < count; i++) {
            if (polls[2 * i + 1].revents)
                listen_to(&children[i]);
            if (polls[2 * i].revents)
                receive(&children[i], wanted);
        }
    }
    give_up(children, count, seconds);
}

/* ---- ending ---------------------------------------------------------------------------------- */

/* Reaps the worker if it has ended, and whatever it started with it. */
static bool reap(stoa_gym_child *child, bool now) {
    if (child->pid == 0)
        return true;
    siginfo_t info = {0};
    int known = waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT);
    if (known == 0 && !info.si_pid && !now)
        return false;
    if (known != 0) { /* a program that ignores SIGCHLD has its children reaped for it */
        child->pid = 0;
        return true;
    }
    /* the number is its own until it is reaped, so no stranger can be hit */
    kill(-child->pid, SIGKILL);
    kill(child->pid, SIGKILL);
    while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    child->pid = 0;
    return true;
}

void stoa_gym_end(stoa_gym_child *children, int count, bool politely) {
    for (int i = 0; i < count; i++)
        shut(&children[i].socket); /* to the worker: the end */
    double start = stoa_clock();
    for (int alive = count; alive > 0 && politely && stoa_clock() - start < POLITE_SECONDS;) {
        alive = 0;
        for (int i = 0; i < count; i++) {
            if (children[i].said >= 0)
                listen_to(&children[i]); /* a full pipe would keep it from ending */
            alive += !reap(&children[i], false);
        }
        if (alive)
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    for (int i = 0; i < count; i++) {
        reap(&children[i], true);
        shut(&children[i].said);
        shut(&children[i].life);
        stoa_free(children[i].answer);
        children[i].answer = NULL;
        children[i].state = STOA_GYM_FAILED;
    }
}
