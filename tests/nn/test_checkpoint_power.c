/*
 * The power goes while a checkpoint is saved.
 *
 * The linker sends the file operations of stoa_checkpoint_save through the wrappers below, which
 * write them down in order. The list is replayed on a simulated disk; after each operation the
 * power is cut in several ways, what is left is written to a fresh folder, and loading from there
 * must give the last acknowledged checkpoint or the one being saved, whole.
 */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COINS = 6, MOST_OPS = 4096, MOST_FDS = 256 };

static char top[256]; // a real folder: "run" is where the saves go, "left" what a power loss leaves
static char run[300], left[300];

/* ---- writing down --------------------------------------------------------------------------- */

static struct {
    bool on, no_exchange;
    disk_op *ops;
    int count;
    char fds[MOST_FDS][128]; // path of an open descriptor, "" when it is not below `run`
} record;

/* Below `run`: the path from there on. */
static const char *inside(const char *path) {
    size_t length = strlen(run);
    return record.on && strncmp(path, run, length) == 0 && path[length] == '/' ? path + length + 1
                                                                               : NULL;
}

static disk_op *note(disk_kind kind, const char *a, const char *b) {
    assert_true(record.count < MOST_OPS);
    disk_op *op = &record.ops[record.count++];
    *op = (disk_op){.kind = kind};
    assert_true(strlen(a) < sizeof op->a && strlen(b) < sizeof op->b);
    snprintf(op->a, sizeof op->a, "%s", a);
    snprintf(op->b, sizeof op->b, "%s", b);
    return op;
}

static const char *path_of(int fd) {
    return record.on && fd >= 0 && fd < MOST_FDS && record.fds[fd][0] ? record.fds[fd] : NULL;
}

static void opened(int fd, const char *path, int flags) {
    if (fd < 0 || !record.on)
        return;
    assert_true(fd < MOST_FDS);
    snprintf(record.fds[fd], sizeof record.fds[fd], "%s", path ? path : "");
    assert_false(path && (flags & (O_TRUNC | O_APPEND))); // the disk knows no such thing
    if (path && (flags & O_CREAT)) {
        assert_true(flags & O_EXCL);
        note(DISK_CREATE, path, "");
    }
}

/* Path of `name` in the folder fd, below `run`. */
static const char *inside_at(int fd, const char *name, char *out, size_t n) {
    if (fd == AT_FDCWD || name[0] == '/')
        return inside(name);
    const char *folder = path_of(fd);
    return folder && stoa_path_join(out, n, folder, name) ? out : NULL;
}

static mode_t mode_of(int flags, va_list more) {
    return flags & O_CREAT ? va_arg(more, mode_t) : 0;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    int fd = __real_open(path, flags, mode_of(flags, more));
    va_end(more);
    opened(fd, inside(path), flags);
    return fd;
}

int __real_openat(int folder, const char *path, int flags, ...);
int __wrap_openat(int folder, const char *path, int flags, ...);
int __wrap_openat(int folder, const char *path, int flags, ...) {
    va_list more;
    char joined[128];
    va_start(more, flags);
    int fd = __real_openat(folder, path, flags, mode_of(flags, more));
    va_end(more);
    opened(fd, inside_at(folder, path, joined, sizeof joined), flags);
    return fd;
}

ssize_t __real_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size) {
    ssize_t put = __real_write(fd, data, size);
    if (put > 0 && path_of(fd)) {
        disk_op *op = note(DISK_WRITE, path_of(fd), "");
        op->size = (size_t)put;
        op->data = malloc(op->size);
        assert_non_null(op->data);
        memcpy(op->data, data, op->size);
    }
    return put;
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd) {
    int failed = __real_fsync(fd);
    if (!failed && path_of(fd))
        note(DISK_FSYNC, path_of(fd), "");
    return failed;
}

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to) {
    int failed = __real_rename(from, to);
    if (!failed && inside(from))
        note(DISK_RENAME, inside(from), inside(to));
    return failed;
}

int __real_renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags);
int __wrap_renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags);
int __wrap_renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
    if (record.no_exchange) {
        errno = EINVAL;
        return -1;
    }
    int failed = __real_renameat2(from_at, from, to_at, to, flags);
    if (!failed && inside(from)) {
        assert_int_equal(flags, RENAME_EXCHANGE);
        note(DISK_EXCHANGE, inside(from), inside(to));
    }
    return failed;
}

int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode) {
    int failed = __real_mkdir(path, mode);
    if (!failed && inside(path))
        note(DISK_MKDIR, inside(path), "");
    return failed;
}

int __real_unlink(const char *path);
int __wrap_unlink(const char *path);
int __wrap_unlink(const char *path) {
    int failed = __real_unlink(path);
    if (!failed && inside(path))
        note(DISK_REMOVE, inside(path), "");
    return failed;
}

int __real_unlinkat(int folder, const char *path, int flags);
int __wrap_unlinkat(int folder, const char *path, int flags);
int __wrap_unlinkat(int folder, const char *path, int flags) {
    char joined[128];
    int failed = __real_unlinkat(folder, path, flags);
    const char *known = inside_at(folder, path, joined, sizeof joined);
    if (!failed && known)
        note(DISK_REMOVE, known, "");
    return failed;
}

/* ---- saves ---------------------------------------------------------------------------------- */

static int setup(void **state) {
    (void)state;
    make_folder(top, sizeof top);
    snprintf(run, sizeof run, "%s/run", top);
    snprintf(left, sizeof left, "%s/left", top);
    assert_int_equal(mkdir(run, 0777), 0);
    memset(&record, 0, sizeof record);
    record.ops = calloc(MOST_OPS, sizeof *record.ops);
    assert_non_null(record.ops);
    stoa_log_set(NULL, NULL, STOA_LOG_ERROR);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    for (int i = 0; i < record.count; i++)
        free(record.ops[i].data);
    free(record.ops);
    remove_folder(top);
    return 0;
}

/* Some pages of values, so that a file can be torn inside. */
static stoa_params *paged_model(void) {
    stoa_params *params = stoa_params_new();
    stoa_params_add(params, "weight", STOA_SHAPE(60, 50), STOA_INIT_NORMAL, 1, true);
    stoa_params_add(params, "bias", STOA_SHAPE(50), STOA_INIT_ZERO, 0, false);
    assert_int_equal(stoa_params_allocate(params, 1, true, false, NULL), STOA_OK);
    return params;
}

/* One save after another; version v is that of step steps[v]. Before a save begins and after it is
 * acknowledged a mark goes into the list: v, then -1 - v. */
static void save_all(const int *steps, int count, int keep, int best_every) {
    stoa_params *params = paged_model();
    stoa_optimizer *optimizer = small_optimizer(params, STOA_ADAMW);
    char folder[320];
    snprintf(folder, sizeof folder, "%s/checkpoints", run);
    record.on = true;
    for (int v = 0; v < count; v++) {
        stoa_checkpoint_info info = {.step = steps[v]};
        stoa_error err = {0};
        snprintf(info.state, sizeof info.state, "{\"version\": %d}", v);
        train_step(params, optimizer, v);
        stamp(params, v);
        note(DISK_MARK, "", "")->value = v;
        bool best = best_every && v % best_every == 0;
        if (stoa_checkpoint_save(folder, params, optimizer, &info, keep, best, &err) != STOA_OK)
            fail_msg("%s", err.message);
        note(DISK_MARK, "", "")->value = -1 - v;
    }
    record.on = false;
    stoa_optimizer_free(optimizer);
    stoa_params_free(params);
}

/* ---- loads ---------------------------------------------------------------------------------- */

typedef struct judge {
    stoa_params *params;
    stoa_optimizer *optimizer;
    int acknowledged, saving; // versions; -1: none yet
    bool older_will_do;       // whole, but older than the acknowledged one
    int states;
} judge;

/* The version in the folder; -1 when no checkpoint can be loaded, -2 when one of two ages was. */
static int load_version(judge *j, const char *folder, const char *which, stoa_error *err) {
    stoa_checkpoint_info info;
    int version = -1;
    stamp(j->params, 1000);
    if (stoa_checkpoint_load(folder, which, j->params, j->optimizer, &info, err) != STOA_OK)
        return -1;
    assert_int_equal(sscanf(info.state, "{\"version\": %d}", &version), 1);
    // every version had one more step of the optimiser
    bool whole =
        is_stamped(j->params, version) && stoa_optimizer_steps(j->optimizer) == version + 1;
    return whole ? version : -2;
}

static bool good(const judge *j, int version) {
    bool least =
        j->older_will_do ? version >= (j->acknowledged < 0 ? -1 : 0) : version >= j->acknowledged;
    return least && version <= (j->saving > j->acknowledged ? j->saving : j->acknowledged);
}

static void judge_remains(judge *j, const disk *d, int at, loss kind, uint64_t seed) {
    char folder[320], path[340], *name = NULL;
    size_t size;
    stoa_error err = {0};
    disk_write_remains(d, left, kind, seed);
    snprintf(folder, sizeof folder, "%s/checkpoints", left);
    snprintf(path, sizeof path, "%s/latest", folder);
    int version = load_version(j, folder, "latest", &err);
    if (!good(j, version))
        fail_msg("power lost before operation %d, loss %d, seed %d: %d acknowledged, %d being "
                 "saved, %d loaded: %s",
                 at, kind, (int)seed, j->acknowledged, j->saving, version, err.message);
    // what `latest` names verifies by itself
    if (!j->older_will_do && stoa_file_read(path, 64, &name, &size, NULL) == STOA_OK) {
        name[strcspn(name, "\n")] = '\0';
        version = load_version(j, folder, name, &err);
        if (!good(j, version))
            fail_msg("power lost before operation %d, loss %d: latest names %s: %s", at, kind, name,
                     err.message);
        stoa_free(name);
    }
    remove_folder(left);
    j->states++;
}

/* Cuts the power at every place of the list. */
static void replay(bool older_will_do) {
    disk *d = disk_new();
    judge j = {.acknowledged = -1, .saving = -1, .older_will_do = older_will_do};
    j.params = paged_model();
    j.optimizer = small_optimizer(j.params, STOA_ADAMW);
    for (int at = 0; at < record.count; at++) {
        const disk_op *op = &record.ops[at];
        if (op->kind == DISK_MARK)
            *(op->value < 0 ? &j.acknowledged : &j.saving) =
                (int)(op->value < 0 ? -1 - op->value : op->value);
        disk_apply(d, op);
        judge_remains(&j, d, at + 1, LOSS_NONE, 0);
        if (!disk_has_unflushed(d))
            continue;
        for (loss kind = LOSS_ALL; kind < LOSS_RANDOM; kind++)
            judge_remains(&j, d, at + 1, kind, 0);
        for (uint64_t seed = 0; seed < COINS; seed++)
            judge_remains(&j, d, at + 1, LOSS_RANDOM, seed + 100 * (uint64_t)at);
    }
    print_message("%d operations, %d states of the disk\n", record.count, j.states);
    assert_true(j.states > 5 * record.count); // else nothing was ever at stake
    stoa_optimizer_free(j.optimizer);
    stoa_params_free(j.params);
    disk_free(d);
}

static void losing_power_in_a_run_of_saves_keeps_the_acknowledged_one(void **state) {
    (void)state;
    save_all((const int[]){1, 2, 3, 4}, 4, 2, 2);
    replay(false);
}

static void losing_power_while_a_step_is_saved_again_keeps_one_of_the_two(void **state) {
    (void)state;
    save_all((const int[]){5, 5, 5}, 3, 1, 0);
    replay(false);
}

/* Without an exchange of names there is a moment at which neither has the name; an older checkpoint
 * is loaded then. */
static void losing_power_without_exchange_keeps_a_whole_one(void **state) {
    (void)state;
    record.no_exchange = true;
    save_all((const int[]){6, 7, 7}, 3, 2, 0);
    replay(true);
}

/* The judge must be able to condemn: a flush less, and a power loss gets through. */
static void a_flush_left_out_is_found(void **state) {
    (void)state;
    save_all((const int[]){1, 2}, 2, 2, 0);
    judge j = {.acknowledged = 0, .saving = 1};
    j.params = paged_model();
    j.optimizer = small_optimizer(j.params, STOA_ADAMW);
    int bad = 0;
    disk *d = disk_new();
    for (int at = 0; at < record.count; at++) {
        const disk_op *op = &record.ops[at];
        bool of_data = op->kind == DISK_FSYNC && strstr(op->a, "model.safetensors");
        if (of_data)
            continue;
        disk_apply(d, op);
        disk_write_remains(d, left, LOSS_OF_DATA, 0);
        char folder[320];
        snprintf(folder, sizeof folder, "%s/checkpoints", left);
        bad += op->kind == DISK_MARK && op->value < 0 &&
               load_version(&j, folder, "latest", &(stoa_error){0}) < 0;
        remove_folder(left);
    }
    assert_int_equal(bad, 2);
    disk_free(d);
    stoa_optimizer_free(j.optimizer);
    stoa_params_free(j.params);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(losing_power_in_a_run_of_saves_keeps_the_acknowledged_one),
        TEST(losing_power_while_a_step_is_saved_again_keeps_one_of_the_two),
        TEST(losing_power_without_exchange_keeps_a_whole_one),
        TEST(a_flush_left_out_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
