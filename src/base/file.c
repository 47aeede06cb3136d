/*
 * file.c - whole files: read with a limit, replaced durably, folders made and removed.
 *
 * A file that stoa_file_write returned OK for is on the disk under its name, and at no moment was
 * there half a file under that name.
 */
#include "stoa/base.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TREE_DEPTH = 200 }; // one open folder a level

/* The message for the current errno. */
static stoa_status io_error(stoa_error *err, const char *what, const char *path) {
    int code = errno;
    const char *remedy = code == ENOENT   ? " (check the path)"
                         : code == EACCES ? " (check its permissions)"
                         : code == ENOSPC ? " (free some disk space)"
                         : code == EDQUOT ? " (the disk quota is used up)"
                         : code == EROFS  ? " (choose a folder that can be written)"
                         : code == EMFILE ? " (raise the open-file limit: ulimit -n)"
                                          : "";
    return stoa_fail(err, STOA_ERR_IO, "%s: cannot %s: %s%s", path, what, strerror(code), remedy);
}

bool stoa_path_join(char *out, size_t n, const char *a, const char *b) {
    size_t len = strlen(a);
    bool slash = len > 0 && a[len - 1] != '/' && *b;
    int written = snprintf(out, n, "%s%s%s", a, slash ? "/" : "", b);
    return written >= 0 && (size_t)written < n;
}

bool stoa_file_exists(const char *path) {
    struct stat st;
    return stat(path, &st) == 0;
}

/* ---- reading ---- */

static ssize_t read_some(int fd, void *out, size_t n) {
    ssize_t got;
    do
        got = read(fd, out, n < (1u << 30) ? n : 1u << 30);
    while (got < 0 && errno == EINTR);
    return got;
}

/* Reads to the end into *text (cap bytes), growing it up to limit + 1 bytes and a terminator. */
static stoa_status read_all(int fd, const char *path, size_t limit, char **text, size_t cap,
                            size_t *size, stoa_error *err) {
    size_t len = 0;
    for (;;) {
        if (len + 1 == cap) { // room for the terminator only
            size_t wider = cap < (1 << 16) ? 1 << 16 : cap + cap / 2;
            if (limit < SIZE_MAX - 2 && wider > limit + 2)
                wider = limit + 2;
            char *grown = stoa_realloc(*text, cap, wider);
            if (!grown)
                return stoa_fail(err, STOA_ERR_MEMORY, "%s: no memory to read the file", path);
            *text = grown;
            cap = wider;
        }
        ssize_t got = read_some(fd, *text + len, cap - 1 - len);
        if (got < 0)
            return io_error(err, "read", path);
        if (got == 0)
            break;
        len += (size_t)got;
        if (len > limit)
            return stoa_fail(err, STOA_ERR_FORMAT, "%s: larger than the limit of %zu bytes", path,
                             limit);
    }
    (*text)[len] = '\0';
    *size = len;
    return STOA_OK;
}

stoa_status stoa_file_read(const char *path, size_t limit, char **data, size_t *size,
                           stoa_error *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return io_error(err, "open", path);
    struct stat st;
    stoa_status status = STOA_OK;
    char *text = NULL;
    if (fstat(fd, &st) != 0)
        status = io_error(err, "inspect", path);
    else if (S_ISDIR(st.st_mode))
        status = stoa_fail(err, STOA_ERR_IO, "%s: is a folder, not a file", path);
    else if (S_ISREG(st.st_mode) && (uintmax_t)st.st_size > limit)
        status =
            stoa_fail(err, STOA_ERR_FORMAT, "%s: %jd bytes, larger than the limit of %zu bytes",
                      path, (intmax_t)st.st_size, limit);
    if (status == STOA_OK) {
        // one byte more than the file, so that its end is seen without growing
        size_t cap = S_ISREG(st.st_mode) && st.st_size > 0 ? (size_t)st.st_size + 2 : 4096;
        text = stoa_alloc(cap);
        status =
            text ? read_all(fd, path, limit, &text, cap, size, err)
                 : stoa_fail(err, STOA_ERR_MEMORY, "%s: no memory to read %zu bytes", path, cap);
    }
    close(fd);
    if (status == STOA_OK)
        *data = text;
    else
        stoa_free(text);
    return status;
}

/* ---- writing ---- */

static bool write_all(int fd, const char *data, size_t size) {
    while (size > 0) {
        ssize_t put = write(fd, data, size < (1u << 30) ? size : 1u << 30);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        data += put;
        size -= (size_t)put;
    }
    return true;
}

/* The folder part of path: "." when there is none. */
static bool parent_of(const char *path, char *out, size_t n) {
    const char *slash = strrchr(path, '/');
    size_t len = !slash ? 0 : slash == path ? 1 : (size_t)(slash - path);
    if (len >= n || n < 2)
        return false;
    memcpy(out, len ? path : ".", len ? len : 1);
    out[len ? len : 1] = '\0';
    return true;
}

/* Creates a new file beside path; its name goes to out. */
static int open_beside(const char *path, char *out, size_t n) {
    for (unsigned attempt = 0; attempt < 100; attempt++) {
        unsigned tag = (unsigned)(stoa_clock() * 1e9) ^ attempt * 0x9e3779b9u;
        int len = snprintf(out, n, "%s.%ld-%08x.tmp", path, (long)getpid(), tag);
        if (len < 0 || (size_t)len >= n) {
            errno = ENAMETOOLONG;
            return -1;
        }
        int fd = open(out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

stoa_status stoa_file_write(const char *path, const void *data, size_t size, stoa_error *err) {
    char beside[PATH_MAX], folder[PATH_MAX];
    if (!parent_of(path, folder, sizeof folder)) {
        errno = ENAMETOOLONG;
        return io_error(err, "write", path);
    }
    int fd = open_beside(path, beside, sizeof beside);
    if (fd < 0)
        return io_error(err, "create a file beside it", path);
    struct stat old;
    bool ok = stat(path, &old) != 0 || !S_ISREG(old.st_mode) ||
              fchmod(fd, old.st_mode & 07777) == 0; // a private file stays private
    const char *what = "write";
    ok = ok && write_all(fd, data, size);
    if (ok && fsync(fd) != 0) {
        ok = false;
        what = "flush";
    }
    int code = errno;
    if (close(fd) != 0 && ok) {
        ok = false;
        code = errno;
    }
    if (ok && rename(beside, path) != 0) {
        ok = false;
        code = errno;
        what = "replace";
    }
    if (!ok) {
        unlink(beside);
        errno = code;
        return io_error(err, what, path);
    }
    return stoa_fsync_dir(folder, err);
}

stoa_status stoa_fsync_dir(const char *path, stoa_error *err) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return io_error(err, "open the folder", path);
    int failed = fsync(fd);
    if (failed && (errno == EINVAL || errno == ENOTSUP))
        failed = 0; // a file system that keeps no such promise for folders
    stoa_status status = failed ? io_error(err, "flush the folder", path) : STOA_OK;
    close(fd);
    return status;
}

/* ---- folders ---- */

stoa_status stoa_mkdirs(const char *path, stoa_error *err) {
    char part[PATH_MAX];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof part) {
        errno = len == 0 ? ENOENT : ENAMETOOLONG;
        return io_error(err, "make the folder", path);
    }
    memcpy(part, path, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        char kept = part[i];
        part[i] = '\0';
        struct stat st;
        if (mkdir(part, 0777) != 0) {
            int code = errno;
            if (stat(part, &st) != 0 || !S_ISDIR(st.st_mode)) {
                errno = code == EEXIST ? ENOTDIR : code;
                return io_error(err, "make the folder", part);
            }
        }
        part[i] = kept;
    }
    return STOA_OK;
}

static stoa_status remove_inside(int parent, const char *name, const char *top, int depth,
                                 stoa_error *err) {
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
        return STOA_OK;
    if (errno != EISDIR && errno != EPERM)
        return io_error(err, "remove", top);
    if (depth == TREE_DEPTH)
        return stoa_fail(err, STOA_ERR_IO, "%s: folders nested deeper than %d: remove it by hand",
                         top, TREE_DEPTH);
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder) {
        if (fd >= 0)
            close(fd);
        return io_error(err, "open for removal", top);
    }
    stoa_status status = STOA_OK;
    for (struct dirent *entry; status == STOA_OK && (entry = readdir(folder));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            status = remove_inside(fd, entry->d_name, top, depth + 1, err);
    closedir(folder);
    if (status == STOA_OK && unlinkat(parent, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
        status = io_error(err, "remove", top);
    return status;
}

stoa_status stoa_remove_tree(const char *path, stoa_error *err) {
    size_t len = strlen(path);
    while (len > 0 && path[len - 1] == '/')
        len--;
    const char *last = path + len;
    while (last > path && last[-1] != '/')
        last--;
    size_t tail = (size_t)(path + len - last);
    if (tail == 0 || (tail <= 2 && memcmp(last, "..", tail) == 0))
        return stoa_fail(err, STOA_ERR_USAGE, "\"%s\": will not remove this folder", path);
    return remove_inside(AT_FDCWD, path, path, 0, err);
}

/* ---- maps ---- */

stoa_status stoa_map_open(stoa_map *map, const char *path, stoa_error *err) {
    *map = (stoa_map){.data = ""};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a pipe must not hang us
    if (fd < 0)
        return io_error(err, "open", path);
    struct stat st;
    stoa_status status = STOA_OK;
    if (fstat(fd, &st) != 0)
        status = io_error(err, "inspect", path);
    else if (!S_ISREG(st.st_mode))
        status = stoa_fail(err, STOA_ERR_IO, "%s: not a regular file", path);
    else if (st.st_size > 0) {
        void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
            status = io_error(err, "map", path);
        else
            *map = (stoa_map){data, (size_t)st.st_size};
    }
    close(fd);
    return status;
}

void stoa_map_close(stoa_map *map) {
    if (map->size > 0)
        munmap((void *)(uintptr_t)map->data, map->size);
    *map = (stoa_map){0};
}
