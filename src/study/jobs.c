/*
 * study/jobs.c - child processes that share a page with their parent.
 *
 * A child is a fork that runs one task and ends by the program's own means. It has a process group
 * of its own, so that Ctrl-C reaches the parent alone, which passes it on exactly once: a second
 * signal would end a child before it has saved.
 */
#include "study/jobs.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const struct timespec pause_time = {.tv_nsec = 20 * 1000 * 1000};

/* Written by the child, read by the parent; the end of the child orders the two. */
typedef struct slot {
    volatile double share;
    stoa_status status;
    stoa_error error;
} slot;

typedef struct child {
    pid_t pid; /* 0: none */
    int64_t task;
} child;

typedef struct board {
    const stoa_jobs *jobs;
    slot *slots;            /* shared, at_once */
    child *children;        /* at_once */
    stoa_job_view *running; /* at_once */
    stoa_status status;     /* the first that went wrong */
    stoa_error *err;
    bool stopping;
} board;

static void be_child(const stoa_jobs *jobs, int64_t task, slot *mine, pid_t parent) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        jobs->end(1);
    stoa_signals_install();
    stoa_log_set(NULL, NULL, STOA_LOG_ERROR);
    mine->status = jobs->run(jobs->user, task, (double *)(uintptr_t)&mine->share, &mine->error);
    jobs->end(0);
}

static void start(board *b, int at, int64_t task) {
    slot *mine = &b->slots[at];
    *mine = (slot){.status = STOA_STATUS_COUNT};
    pid_t self = getpid(), pid = fork();
    if (pid == 0)
        be_child(b->jobs, task, mine, self);
    if (pid < 0) {
        b->status = stoa_fail(b->err, STOA_ERR_IO, "cannot start a process: %s", strerror(errno));
        return;
    }
    setpgid(pid, pid); /* whoever is first */
    b->children[at] = (child){pid, task};
}

/* Asks every child to save and end, once. */
static void stop_all(board *b) {
    for (int i = 0; !b->stopping && i < b->jobs->at_once; i++)
        if (b->children[i].pid > 0)
            kill(b->children[i].pid, SIGTERM);
    b->stopping = true;
}

static void judge(board *b, int at, int state) {
    const stoa_jobs *jobs = b->jobs;
    const slot *mine = &b->slots[at];
    char name[256];
    int64_t task = b->children[at].task;
    b->children[at].pid = 0;
    bool ended = WIFEXITED(state) && mine->status < STOA_STATUS_COUNT;
    if (ended && mine->status == STOA_OK) {
        if (b->status == STOA_OK && jobs->finished)
            b->status = jobs->finished(jobs->user, task, b->err);
        return;
    }
    if (b->status != STOA_OK || b->stopping)
        return; /* told already, or asked to end */
    jobs->name(jobs->user, task, name, sizeof name);
    if (ended)
        b->status = stoa_fail(b->err, mine->status, "%s: %s", name, mine->error.message);
    else if (WIFSIGNALED(state))
        b->status = stoa_fail(b->err, STOA_ERR_IO, "%s: its process was ended by signal %d", name,
                              WTERMSIG(state));
    else
        b->status = stoa_fail(b->err, STOA_ERR_IO, "%s: its process ended with status %d", name,
                              WEXITSTATUS(state));
}

static bool reap(board *b) {
    bool any = false;
    for (int i = 0; i < b->jobs->at_once; i++) {
        int state = 0;
        if (b->children[i].pid > 0 && waitpid(b->children[i].pid, &state, WNOHANG) != 0) {
            judge(b, i, state);
            any = true;
        }
    }
    return any;
}

static void watch(board *b) {
    int n = 0;
    for (int i = 0; i < b->jobs->at_once; i++)
        if (b->children[i].pid > 0)
            b->running[n++] = (stoa_job_view){b->children[i].task, b->slots[i].share};
    if (b->jobs->watch && !b->stopping)
        b->jobs->watch(b->jobs->user, b->running, n);
}

static void run_all(board *b) {
    int64_t next = 0;
    for (;;) {
        if (stoa_stop_requested() || b->status != STOA_OK)
            stop_all(b);
        int running = 0;
        for (int i = 0; i < b->jobs->at_once; i++) {
            if (b->children[i].pid == 0 && next < b->jobs->count && b->status == STOA_OK &&
                !b->stopping)
                start(b, i, next++);
            running += b->children[i].pid > 0;
        }
        if (running == 0 && (next == b->jobs->count || b->stopping || b->status != STOA_OK))
            break;
        watch(b);
        if (!reap(b))
            nanosleep(&pause_time, NULL);
    }
    if (b->status == STOA_OK && stoa_stop_requested())
        b->status = stoa_fail(b->err, STOA_ERR_INTERRUPTED, "stopped");
}

stoa_status stoa_jobs_run(const stoa_jobs *jobs, stoa_error *err) {
    assert(jobs->at_once >= 1 && jobs->end);
    size_t n = (size_t)jobs->at_once, bytes = n * sizeof(slot);
    void *shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    board b = {.jobs = jobs,
               .slots = shared,
               .children = stoa_alloc(n * sizeof(child)),
               .running = stoa_alloc(n * sizeof(stoa_job_view)),
               .err = err};
    if (shared == MAP_FAILED || !b.children || !b.running)
        b.status = stoa_fail(err, STOA_ERR_MEMORY, "no memory for %d processes", jobs->at_once);
    else
        run_all(&b);
    stoa_free(b.children);
    stoa_free(b.running);
    if (shared != MAP_FAILED)
        munmap(shared, bytes);
    return b.status;
}
