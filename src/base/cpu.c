/*
 * cpu.c - what this process may really use: CPUs by affinity mask and control-group quota, memory
 * by what the kernel calls available, control-group limits and the address-space limit.
 */
#include "base/cpu.h"

#include "stoa/base.h"

#include <limits.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Reads a small kernel file without our heap; false when it is not there. */
static bool read_small(const char *path, char *out, size_t n) {
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    size_t len = fread(out, 1, n - 1, f);
    fclose(f);
    out[len] = '\0';
    return len > 0;
}

/* "max 100000" or "150000 100000" -> CPUs. */
static double quota_v2(const char *folder) {
    char path[PATH_MAX], text[64];
    if (!stoa_path_join(path, sizeof path, folder, "cpu.max") ||
        !read_small(path, text, sizeof text))
        return HUGE_VAL;
    char *end;
    double quota = strtod(text, &end), period = strtod(end, NULL);
    return end != text && quota > 0 && period > 0 ? quota / period : HUGE_VAL;
}

static double quota_v1(const char *folder) {
    char path[PATH_MAX], quota[64], period[64];
    if (!stoa_path_join(path, sizeof path, folder, "cpu.cfs_quota_us") ||
        !read_small(path, quota, sizeof quota) ||
        !stoa_path_join(path, sizeof path, folder, "cpu.cfs_period_us") ||
        !read_small(path, period, sizeof period))
        return HUGE_VAL;
    double q = strtod(quota, NULL), p = strtod(period, NULL);
    return q > 0 && p > 0 ? q / p : HUGE_VAL;
}

/* The number in folder/name; HUGE_VAL when it is missing or says "max". */
static double number_in(const char *folder, const char *name) {
    char path[PATH_MAX], text[64];
    if (!stoa_path_join(path, sizeof path, folder, name) || !read_small(path, text, sizeof text))
        return HUGE_VAL;
    char *end;
    double value = strtod(text, &end);
    return end != text && value >= 0 ? value : HUGE_VAL;
}

/* The number behind "key " at a line's start in folder/memory.stat; 0 when it is not there. */
static double memory_stat(const char *folder, const char *key) {
    char path[PATH_MAX], text[8192];
    if (!stoa_path_join(path, sizeof path, folder, "memory.stat") ||
        !read_small(path, text, sizeof text))
        return 0;
    size_t n = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        if (strncmp(line, key, n) == 0 && line[n] == ' ')
            return strtod(line + n, NULL);
    return 0;
}

/* Room below a limit; file pages that nobody uses at the moment are room too. */
static double room(double limit, double used, double reclaimable) {
    return limit < HUGE_VAL && used < HUGE_VAL ? fmax(0, limit - fmax(0, used - reclaimable))
                                               : HUGE_VAL;
}

static double memory_v2(const char *folder) {
    return room(number_in(folder, "memory.max"), number_in(folder, "memory.current"),
                memory_stat(folder, "inactive_file"));
}

static double memory_v1(const char *folder) {
    return room(number_in(folder, "memory.limit_in_bytes"),
                number_in(folder, "memory.usage_in_bytes"),
                memory_stat(folder, "total_inactive_file"));
}

/* What one controller limits, in either version of control groups. */
typedef struct limit {
    const char *controller;
    double (*v2)(const char *folder), (*v1)(const char *folder);
} limit;

/* The tightest quota from root/group up to root itself. */
static double tightest(const char *root, const char *group, double (*quota)(const char *)) {
    char path[PATH_MAX];
    size_t root_len = strlen(root);
    double best = quota(root);
    if (!stoa_path_join(path, sizeof path, root, group + (*group == '/')))
        return best;
    while (strlen(path) > root_len + 1) {
        best = fmin(best, quota(path));
        char *slash = strrchr(path, '/');
        *slash = '\0';
    }
    return best;
}

/* Whether the comma-separated list names the controller. */
static bool lists(const char *list, const char *end, const char *controller) {
    size_t len = strlen(controller);
    while (list < end) {
        size_t item = strcspn(list, ",:");
        if (item == len && memcmp(list, controller, len) == 0)
            return true;
        list += item + 1;
    }
    return false;
}

static double walk(const char *root, const char *membership, const limit *what) {
    double best = HUGE_VAL;
    for (const char *line = membership; *line;) { // "4:cpu,cpuacct:/group" or "0::/group"
        size_t len = strcspn(line, "\n");
        const char *end = line + len, *list = memchr(line, ':', len);
        const char *colon = list ? memchr(list + 1, ':', (size_t)(end - list - 1)) : NULL;
        char group[PATH_MAX], base[PATH_MAX];
        if (colon && (size_t)(end - colon) < sizeof group) {
            list++;
            size_t n = (size_t)(end - colon - 1);
            memcpy(group, colon + 1, n);
            group[n] = '\0';
            if (list == colon) {
                best = fmin(best, tightest(root, group, what->v2));
            } else if (lists(list, colon, what->controller)) {
                if (stoa_path_join(base, sizeof base, root, what->controller))
                    best = fmin(best, tightest(base, group, what->v1));
            }
        }
        line = *end ? end + 1 : end;
    }
    return best;
}

double stoa_cgroup_quota(const char *root, const char *membership) {
    return walk(root, membership, &(limit){"cpu", quota_v2, quota_v1});
}

double stoa_cgroup_memory(const char *root, const char *membership) {
    return walk(root, membership, &(limit){"memory", memory_v2, memory_v1});
}

/* "MemAvailable:   23068672 kB" */
static double kernel_available(void) {
    char text[4096];
    const char *at =
        read_small("/proc/meminfo", text, sizeof text) ? strstr(text, "MemAvailable:") : NULL;
    double value = at ? 1024 * strtod(at + strlen("MemAvailable:"), NULL) : 0;
    return value > 0 ? value : HUGE_VAL;
}

static double address_space(void) {
    struct rlimit most;
    char text[128];
    if (getrlimit(RLIMIT_AS, &most) != 0 || most.rlim_cur == RLIM_INFINITY ||
        !read_small("/proc/self/statm", text, sizeof text))
        return HUGE_VAL;
    double used = strtod(text, NULL) * (double)sysconf(_SC_PAGESIZE);
    return fmax(0, (double)most.rlim_cur - used);
}

double stoa_memory_available(void) {
    char membership[4096];
    double least = fmin(kernel_available(), address_space());
    if (read_small("/proc/self/cgroup", membership, sizeof membership))
        least = fmin(least, stoa_cgroup_memory("/sys/fs/cgroup", membership));
    return least;
}

static int affinity_count(void) {
    int count = 0;
    for (int cpus = 1024; cpus <= 1 << 20 && count == 0; cpus *= 4) {
        cpu_set_t *set = CPU_ALLOC(cpus);
        if (!set)
            break;
        size_t size = CPU_ALLOC_SIZE(cpus);
        if (sched_getaffinity(0, size, set) == 0)
            count = CPU_COUNT_S(size, set);
        CPU_FREE(set);
    }
    return count > 0 ? count : 1;
}

int stoa_cpu_count(void) {
    int count = affinity_count();
    char membership[4096];
    if (read_small("/proc/self/cgroup", membership, sizeof membership)) {
        double quota = ceil(stoa_cgroup_quota("/sys/fs/cgroup", membership));
        if (quota < count)
            count = quota < 1 ? 1 : (int)quota;
    }
    return count;
}
