/*
 * cpu.c - counts the CPUs this process may really use: affinity mask, then control-group quota.
 */
#include "base/cpu.h"

#include "stoa/base.h"

#include <limits.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

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

double stoa_cgroup_quota(const char *root, const char *membership) {
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
                best = fmin(best, tightest(root, group, quota_v2));
            } else if (lists(list, colon, "cpu")) {
                if (stoa_path_join(base, sizeof base, root, "cpu"))
                    best = fmin(best, tightest(base, group, quota_v1));
            }
        }
        line = *end ? end + 1 : end;
    }
    return best;
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
